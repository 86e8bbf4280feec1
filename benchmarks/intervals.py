"""Intervals of the default and LightGBM's quantile models: coverage, width and interval score on the open tables.

    python benchmarks/intervals.py --data FOLDER [--level 0.9] [--seeds 0,1,2] [--sets mpg,concrete]

Intervals lie between two quantiles. "LightGBM" is two quantile models, fitted on all training rows; "conformal
LightGBM" moves its limits by what a quarter of the rows, left out of the fit, ask for (Romano, Patterson and Candes
2019), so that it promises what the default promises. Widths and scores are in standard deviations of the target; the
score (Gneiting and Raftery 2007) adds to the width 2 / (1 - level) times what a target lies outside, and is minimal for
the true quantiles. Thirds are of the test rows by width, narrow to wide. "outside": rows whose largest number column
lies above nine tenths of its values were left out of the training rows, and are the test rows.

Each fit's row stands in benchmarks/results/intervals.csv; "beyond" is the split of "outside".

For classes: share of the sets that hold the true class, least share within one class, and mean size of a set.
"""

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import results
from sklearn.model_selection import train_test_split

from sklearn_bpfree.tabular import tabular_pipeline


def default(X, y, X_test, levels, seed):
    """Limits (n, 2) by the default."""
    return tabular_pipeline("regressor", random_state=seed).fit(X, y).predict_quantiles(X_test, levels)


def lightgbm(X, y, X_test, levels, seed):
    """Limits (n, 2) by one model for each level."""
    from lightgbm import LGBMRegressor

    models = [LGBMRegressor(objective="quantile", alpha=q, random_state=seed, n_jobs=1, verbose=-1) for q in levels]
    return np.sort(np.stack([tabular_pipeline(model).fit(X, y).predict(X_test) for model in models], axis=1), axis=1)


def conformal_lightgbm(X, y, X_test, levels, seed):
    """The same, moved by what a quarter of the training rows ask for."""
    X, X_held, y, y_held = train_test_split(X, y, test_size=0.25, random_state=seed)
    low, high = lightgbm(X, y, pd.concat([X_held, X_test]), levels, seed).T
    n = len(y_held)
    outside = np.sort(np.maximum(low[:n] - y_held, y_held - high[:n]))
    moved = outside[min(n - 1, int(np.ceil((levels[1] - levels[0]) * (n + 1))) - 1)]
    return np.stack([low[n:] - moved, high[n:] + moved], axis=1)


def judged(y, limits, level):
    """Coverage, width, score, and coverage by thirds of the width."""
    low, high = limits.T
    inside, width = (low <= y) & (y <= high), high - low
    penalty = 2 / (1 - level) * (np.maximum(low - y, 0) + np.maximum(y - high, 0))
    thirds = np.array_split(inside[np.argsort(width)], 3)
    return [inside.mean(), width.mean() / y.std(), (width + penalty).mean() / y.std(), *map(np.mean, thirds)]


def beyond(X, y):
    """Rows split by the number column of most values: those of its upper tenth are the test rows."""
    numbers = X.select_dtypes("number")
    column = numbers[numbers.nunique().idxmax()]
    test = (column > column.quantile(0.9)).to_numpy()
    return X[~test], X[test], y[~test], y[test]


def keep(name, method, split, level, found):
    """The row of a fit."""
    names = ("coverage", "width", "score", "narrow third", "middle third", "wide third")
    row = dict(zip(names, (f"{value:.4f}" for value in found), strict=True))
    row = {"set": name, "method": method, "split": split, "level": level} | row
    results.add("intervals", row, ("set", "method", "split", "level"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="../shared/data")
    parser.add_argument("--level", type=float, default=0.9)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--sets", default="")
    options = parser.parse_args()
    sys.path.insert(0, str(Path(options.data)))
    import loader

    level, seeds = options.level, list(map(int, options.seeds.split(",")))
    levels = (0.5 - level / 2, 0.5 + level / 2)
    sets = options.sets.split(",") if options.sets else loader.names()
    methods = {"default": default, "LightGBM": lightgbm, "conformal LightGBM": conformal_lightgbm}
    print(f"{'':28s}{'coverage':>9s}{'width':>8s}{'score':>8s}{'thirds':>22s}{'outside':>9s}{'width':>8s}")
    for name in [name for name in sets if loader.load(name)[2] == "regression"]:
        for title, method in methods.items():
            found = []
            for seed in seeds:
                X, X_test, y, y_test = loader.split(name, seed)
                found.append(judged(y_test, method(X, y, X_test, levels, seed), level))
                keep(name, title, seed, level, found[-1])
            X, X_test, y, y_test = beyond(*loader.load(name)[:2])
            far = judged(y_test, method(X, y, X_test, levels, seeds[0]), level)
            keep(name, title, "beyond", level, far)
            coverage, width, score, *thirds = np.mean(found, axis=0)
            parts = "".join(f"{third:7.3f}" for third in thirds)
            print(f"{name:10s}{title:18s}{coverage:9.3f}{width:8.3f}{score:8.3f} {parts}{far[0]:9.3f}{far[1]:8.3f}")
    print(f"\n{'':12s}{'true class':>11s}{'least':>8s}{'size':>7s}")
    for name in [name for name in sets if loader.load(name)[2] != "regression"]:
        found = []
        for seed in seeds:
            X, X_test, y, y_test = loader.split(name, seed)
            chosen = tabular_pipeline("classifier", random_state=seed).fit(X, y).predict_set(X_test, level)
            right = chosen[np.arange(len(y_test)), y_test]
            found.append(
                [right.mean(), min(right[y_test == k].mean() for k in np.unique(y_test)), chosen.sum(1).mean()]
            )
        right, least, size = np.mean(found, axis=0)
        print(f"{name:12s}{right:11.3f}{least:8.3f}{size:7.2f}")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
