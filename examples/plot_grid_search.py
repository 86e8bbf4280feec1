"""
===============================================
A grid over trainers and their hyper-parameters
===============================================

A trainer is a parameter of the estimator like any other, and its own hyper-parameters are nested in it: ``trainer``
takes names or objects, ``trainer__<name>`` what belongs to one algorithm. A grid is a list of dicts, one per trainer.
"""

# %%
import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sklearn_bpfree import BPFreeClassifier

X, y = load_digits(return_X_y=True)
model = make_pipeline(MinMaxScaler(), BPFreeClassifier(max_iter=25, random_state=0))
prefix = "bpfreeclassifier__trainer"
rates = {f"{prefix}__learning_rate": [1e-3, 6e-3]}
grid = [
    {prefix: ["fa"], f"{prefix}__feedback": ["random", "sign"], **rates},
    {prefix: ["dfa"], f"{prefix}__feedback": ["random", "learned"], **rates},
    {prefix: ["backprop"], **rates},
]
search = GridSearchCV(model, grid, cv=3).fit(X, y)

# %%
# The results are a table, best first
# -----------------------------------
table = pd.DataFrame(search.cv_results_)
table.columns = table.columns.str.removeprefix(f"param_{prefix}__").str.replace(f"param_{prefix}", "trainer")
columns = ["trainer", "feedback", "learning_rate", "mean_test_score", "std_test_score", "mean_fit_time"]
table = table.sort_values("rank_test_score")[columns].fillna({"feedback": ""})
print(table.round(3).to_string(index=False))

# %%
# Mean and standard deviation over three folds:
plt.style.use("tableau-colorblind10")
fig, ax = plt.subplots(layout="constrained")
for rate, rows in table.groupby("learning_rate"):
    names = rows["trainer"] + " " + rows["feedback"]
    ax.errorbar(rows["mean_test_score"], names, xerr=rows["std_test_score"], fmt="o", label=f"learning_rate={rate}")
ax.set(xlabel="cross-validated accuracy", title="Digits, 25 steps")
ax.invert_yaxis()
ax.legend()
plt.show()
