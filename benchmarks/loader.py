"""Tables and MNIST from the folder in which this file lies; `python benchmarks/data.py FOLDER` writes such a folder.

X keeps its types: categories are objects, numbers are numbers, missing cells NaN; y is a code for classes. `split` is
a held-out quarter, stratified for classes; the published splits are those of seeds 0, 1, 2 and on. `standard` is the
plain preprocessing that scikit-learn's MLP gets.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

FOLDER = Path(__file__).parent
SEEDS = (0, 1, 2)


def _index():
    return json.loads((FOLDER / "index.json").read_text())


def names(task=None):
    """The tables that are there, of a task if one is given."""
    return [name for name, entry in _index().items() if task in (None, entry["task"])]


def load(name):
    """Frame, target and task: "binary", "multiclass" or "regression"."""
    entry = _index()[name]
    text = dict.fromkeys(entry["categorical"], object)
    if entry["task"] != "regression":
        text["target"] = object
    table = pd.read_csv(FOLDER / f"{name}.csv.gz", dtype=text, keep_default_na=False, na_values=[""])
    y = table.pop("target")
    if entry["task"] == "regression":
        return table, y.to_numpy(float), "regression"
    return table, np.unique(y.to_numpy(str), return_inverse=True)[1], entry["task"]


def split(name, seed):
    """Training and test frame, training and test target."""
    X, y, task = load(name)
    return train_test_split(X, y, test_size=0.25, random_state=seed, stratify=y if task != "regression" else None)


def standard(X):
    """Medians and deviations for numbers, the most frequent level and at most 20 of them for categories."""
    numbers = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler())
    levels = make_pipeline(
        SimpleImputer(strategy="most_frequent", keep_empty_features=True),
        OneHotEncoder(handle_unknown="ignore", max_categories=20, sparse_output=False),
    )
    return make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")), (levels, make_column_selector(dtype_exclude="number"))
    )
