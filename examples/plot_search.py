"""
=============================
A random search over trainers
=============================

Every trainer says what is worth searching in it: ``param_distributions()`` gives lists and distributions of its own
hyper-parameters, and ``search_space`` puts those of several trainers into the form that ``RandomizedSearchCV`` takes.
With successive halving, most candidates see few rows and only the best see all of them.
"""

# %%
import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingRandomSearchCV

from sklearn_bpfree import BPFreeClassifier, search_space
from sklearn_bpfree.tabular import tabular_pipeline

X, y = load_breast_cancer(return_X_y=True)
model = tabular_pipeline(BPFreeClassifier(max_iter=15), random_state=0)
space = search_space(["dfa", "fa", "local_loss"], prefix="estimator__")
for name, values in space[0].items():
    print(name, getattr(values, "args", values))  # a distribution shows its arguments

# %%
# One search over all three
# -------------------------
search = HalvingRandomSearchCV(
    model, space, n_candidates=18, factor=3, min_resources=60, cv=3, scoring="neg_log_loss", random_state=0
).fit(X, y)
table = pd.DataFrame(search.cv_results_)
table.columns = table.columns.str.replace("param_estimator__trainer__", "").str.replace("param_estimator__", "")
last = table[table["iter"] == table["iter"].max()].sort_values("mean_test_score", ascending=False)
print(last[["trainer", "learning_rate", "weight_decay", "dropout", "mean_test_score"]].round(4).to_string(index=False))

# %%
# Each line is a candidate; it ends where it was dropped:
plt.style.use("tableau-colorblind10")
fig, ax = plt.subplots(layout="constrained")
table["candidate"] = table["params"].astype(str)
colours = {name: f"C{i}" for i, name in enumerate(sorted(table["trainer"].unique()))}
for _, rows in table.groupby("candidate"):
    name = rows["trainer"].iloc[0]
    ax.plot(rows["n_resources"], -rows["mean_test_score"], "o-", color=colours[name], alpha=0.8, label=name)
by_name = dict(zip(*ax.get_legend_handles_labels()[::-1], strict=True))
ax.legend(by_name.values(), by_name.keys())
ax.set(xlabel="rows", ylabel="cross-validated log-loss", title="Successive halving", yscale="log")
plt.show()
