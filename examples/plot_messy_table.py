"""
==================================
A real table with all of its holes
==================================

The passengers of the Titanic as OpenML has them: ages that nobody wrote down, tickets and cabins as text, towns spelt
by hand. ``tabular_pipeline`` takes the frame as it is, without an imputer or a list of columns. What it cannot take off
your hands is to ask of each column whether it will be known when you predict: here two tell the answer.
"""

# %%
# The table
# ---------
# scikit-learn's tests bring a copy along, so that nothing is downloaded; ``fetch_openml("titanic", version=1)`` gives
# the same passengers. All cells are read as text, and what is a number is found out. Names are as many as rows; only
# the title in them can repeat.
import gzip
import io
import re
from importlib.resources import files

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.inspection import permutation_importance
from sklearn.model_selection import train_test_split

from sklearn_bpfree.tabular import describe_columns, tabular_pipeline

arff = files("sklearn.datasets.tests.data.openml.id_40945").joinpath("data-v1-dl-16826755.arff.gz").read_bytes()
header, _, rows = gzip.decompress(arff).decode().partition("@data\n")
names = re.findall("@attribute '(.+?)'", header)
table = pd.read_csv(io.StringIO(rows), names=names, na_values="?", dtype=str)
table["title"] = table.pop("name").str.extract(r", (.+?)\.", expand=False)
survived = table.pop("survived").map({"0": "no", "1": "yes"})

kinds = {str(column.name): column.kind for column in describe_columns(table, survived)}
print(pd.DataFrame({"holes": table.isna().sum(), "taken for": kinds, "example": table.iloc[1]}).to_string())

# %%
# Too good to be true
# -------------------
# Which columns count is asked on rows that were held out. Lifeboats were noted for those who were saved, numbers of
# bodies for those who were not, so that the first model knows what it is asked. Without the two columns a model can
# be used before the end of the voyage, and is a good deal worse.
train, test, y_train, y_test = train_test_split(table, survived, stratify=survived, random_state=0)
found = {}
for label, without in {"all columns": [], "without boat and body": ["boat", "body"]}.items():
    seen, unseen = train.drop(columns=without), test.drop(columns=without)
    model = tabular_pipeline("classifier", random_state=0).fit(seen, y_train)
    label = f"{label}: accuracy {model.score(unseen, y_test):.3f}"
    drop = permutation_importance(model, unseen, y_test, scoring="neg_log_loss", n_repeats=3, random_state=0)
    found[label] = pd.Series(drop.importances_mean, index=seen.columns)

plt.style.use("tableau-colorblind10")
fig, axes = plt.subplots(1, 2, figsize=(10, 4.2), sharey=True, layout="constrained")
order = pd.DataFrame(found).max(axis=1).sort_values().index
for ax, (label, importance) in zip(axes, found.items(), strict=True):
    ax.barh(order, importance.reindex(order))
    ax.set(title=label, xlabel="log-loss that shuffling the column costs")
plt.show()
