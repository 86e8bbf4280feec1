"""
=====================================
Choosing a trainer by time and score
=====================================

Which trainer is best depends on what an error costs beside a second. Each of these is cross-validated as it comes, on
the same rows in the same network, and the line joins those of which no other is both quicker and better: who waits
less has to accept more errors. Your table will draw another picture, for which the same lines, or ``bpfree bench
TABLE.csv --target COLUMN --report report.html``, will do.
"""

# %%
import warnings

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_validate
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_bpfree import BPFreeClassifier, get_trainer

X, y = load_digits(return_X_y=True)
NAMES = ["backprop", "dfa", "fa", "forward_projection", "ladder", "rfm", "rvfl"]
models = {name: BPFreeClassifier((64,), trainer=name, random_state=0) for name in NAMES}
models |= {
    "LogisticRegression": LogisticRegression(),
    "MLPClassifier": MLPClassifier((64,), random_state=0),
}
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)  # the MLP's habit is to stop at 200 epochs
    folds = {name: cross_validate(make_pipeline(StandardScaler(), model), X, y, cv=2) for name, model in models.items()}

# %%
# What each trainer asks for stands beside it
# -------------------------------------------
table = pd.DataFrame({name: pd.DataFrame(fold).mean() for name, fold in folds.items()}).T
table = table.rename(columns={"fit_time": "seconds", "test_score": "accuracy"})[["seconds", "accuracy"]]
table["transposes"] = [get_trainer(name).transposes if name in NAMES else "" for name in table.index]
table = table.sort_values("seconds")
table["ahead"] = table["accuracy"] > table["accuracy"].cummax().shift(fill_value=0)
print(table.round(3).to_string())

# %%
# A point is the mean of two folds; the times are those of the machine that drew this.
plt.style.use("tableau-colorblind10")
fig, ax = plt.subplots(figsize=(8, 5), layout="constrained")
for label, rows in {"ours": table[table.index.isin(NAMES)], "scikit-learn's": table.drop(NAMES)}.items():
    ax.plot(rows["seconds"], 100 - 100 * rows["accuracy"], "o" if label == "ours" else "s", label=label)
best = table[table["ahead"]]
ax.step(best["seconds"], 100 - 100 * best["accuracy"], where="post", color="0.6", zorder=0)
for name, row in table.iterrows():
    ax.annotate(name, (row["seconds"], 100 - 100 * row["accuracy"]), (4, 4), textcoords="offset points", fontsize=8)
ax.set(xscale="log", xlabel="seconds of a fit", ylabel="errors on held-out rows (%)", title="Digits, 64 hidden units")
ax.margins(x=0.15)
ax.legend()
plt.show()
