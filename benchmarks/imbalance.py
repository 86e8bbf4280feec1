"""Rare classes: log-loss and average precision of the default beside boosting, at one in a hundred and one in twenty.

    python benchmarks/imbalance.py --data ../shared/data [--rare 0.01] [--seeds 0,1] [--sets telco_churn,spam]

Binary tables, of whose rarer class so many rows are left out, by chance, that its share is `--rare`; and made ones.
Columns: log-loss (lower is better), average precision, ROC AUC, and balanced accuracy at a threshold of .5 and at the
share of the rare class. "balanced" are the same models with ``class_weight="balanced"``, whose probabilities mean
something else, so that their log-loss is not that of the table.
"""

import argparse
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, balanced_accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split

from sklearn_bpfree.tabular import tabular_pipeline


def tables(names, rare, loader):
    """Name, frame and class of each table."""
    rng = np.random.default_rng(0)
    for name in names or [name for name in loader.names() if loader.load(name)[2] == "binary"]:
        X, y, _ = loader.load(name)
        y = y == np.bincount(y).argmin()
        others = np.flatnonzero(~y)
        some = rng.permutation(np.flatnonzero(y))[: max(12, round(rare / (1 - rare) * len(others)))]
        rows = rng.permutation(np.concatenate([others, some]))
        yield name, X.iloc[rows].reset_index(drop=True), y[rows].astype(int)
    if not names:
        for n in (2000, 10_000):
            X, y = make_classification(n, 12, n_informative=6, weights=[1 - rare], flip_y=0.002, random_state=1)
            yield f"made, {n} rows", pd.DataFrame(X), y


def candidates():
    """Name -> function(seed, class weight) -> unfitted pipeline."""

    def default(seed, weight):
        return tabular_pipeline("classifier", random_state=seed).set_params(estimator__class_weight=weight)

    def histgb(seed, weight):
        return tabular_pipeline(HistGradientBoostingClassifier(random_state=seed, class_weight=weight))

    models = {"default": default, "HistGB": histgb}
    if find_spec("lightgbm"):
        from lightgbm import LGBMClassifier

        models["LightGBM"] = lambda seed, weight: tabular_pipeline(
            LGBMClassifier(random_state=seed, class_weight=weight, verbose=-1, n_jobs=1)
        )
    if find_spec("catboost"):
        from catboost import CatBoostClassifier

        models["CatBoost"] = lambda seed, weight: tabular_pipeline(
            CatBoostClassifier(
                random_state=seed,
                auto_class_weights=weight and "Balanced",
                verbose=0,
                thread_count=1,
                allow_writing_files=False,
            )
        )
    return models


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="../shared/data")
    parser.add_argument("--rare", type=float, default=0.01)
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--sets", default="")
    parser.add_argument("--candidates", default="")
    options = parser.parse_args()
    sys.path.insert(0, str(Path(options.data)))
    import loader

    models = candidates()
    if options.candidates:
        models = {name: models[name] for name in options.candidates.split(",")}
    rows = []
    for name, X, y in tables(options.sets.split(",") if options.sets else [], options.rare, loader):
        for seed in map(int, options.seeds.split(",")):
            X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=seed, stratify=y)
            for weight in (None, "balanced"):
                for title, make in models.items():
                    p = make(seed, weight).fit(X_train, y_train).predict_proba(X_test)[:, 1]
                    at_half, at_share = (balanced_accuracy_score(y_test, p > t) for t in (0.5, y_train.mean()))
                    found = log_loss(y_test, p), average_precision_score(y_test, p), roc_auc_score(y_test, p)
                    rows.append((name, f"{weight or ''} {title}".strip(), *found, at_half, at_share))
        print(name, file=sys.stderr, flush=True)
    columns = ["log-loss", "AP", "AUC", "balanced .5", "balanced share"]
    table = pd.DataFrame(rows, columns=["table", "model", *columns]).groupby(["table", "model"], sort=False).mean()
    for column in columns[:2]:
        print(f"{column}\n{table[column].unstack(sort=False).round(4).to_string()}\n")
    print(table.groupby("model", sort=False).mean().round(4).to_string())
    loss = table["log-loss"].unstack()
    print("\nlog-loss, geometric mean over the default's")
    print(np.exp(np.log(loss.div(loss["default"], axis=0)).mean()).round(3).to_string())


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
