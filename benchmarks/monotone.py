"""Monotone constraints of the default and of HistGradientBoosting: what they cost in score, and whether they hold.

    python benchmarks/monotone.py --data ../shared/data [--rows 500,2000,8000] [--seeds 0,1,2] [--pairs 1000000]

Made tables have six columns, of which the target rises with three (`TRUTHS`), and normal noise of .3 of the truth's
deviation; open ones have the directions of `OPEN`, which most people would expect. "score" is R2 or accuracy on test
rows (of made tables with their noise), "free" is without constraints. Pairs are of two rows that differ in one
constrained column only, drawn from test rows and values of training; "wrong way" is the share of those whose
predictions go the wrong way by more than rounding (1e-6 of the predictions' range), "worst" the largest such way in
that range, and the last column what a fit without constraints does.
"""

import argparse
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from sklearn_bpfree.tabular import tabular_pipeline

TRUTHS = {
    "additive": lambda a, b, c, u, v, w: np.tanh(3 * a) + b**3 + np.exp(c) + np.sin(3 * u) + v * w,
    "corners": lambda a, b, c, u, v, w: np.minimum(a, b) + np.maximum(b, c) + u * v,
    "gated": lambda a, b, c, u, v, w: (1 + np.sin(3 * u)) * np.maximum(a, -0.3) + 3 * (v > 0) * b**3 + np.sqrt(c + 1),
    "product": lambda a, b, c, u, v, w: (a + 1) * (b + 1) * (c + 1) + u * v,
    "concave": lambda a, b, c, u, v, w: -np.exp(-1.5 * (a + b + c)) + 0.5 * u * u,
    "steps": lambda a, b, c, u, v, w: (a + b > 0) * (c > -0.5) + 0.3 * u,
}
OPEN = {
    "mpg": {"weight": -1, "model_year": 1},
    "concrete": {"cement": 1, "age": 1},
    "diamonds": {"carat": 1},
    "pima": {"glucose": 1, "bmi": 1},
}
N_TEST = 5000


def made(name, n, seed):
    rng = np.random.default_rng([seed, n])
    X = pd.DataFrame(rng.uniform(-1, 1, (n + N_TEST, 6)), columns=list("abcuvw"))
    truth = np.asarray(TRUTHS[name](*X.to_numpy().T), float)
    y = truth + 0.3 * truth.std() * rng.standard_normal(len(truth))
    return X[:n], X[n:], y[:n], y[n:], dict.fromkeys("abc", 1)


def fitted(title, cst, X, y, seed):
    """A model with or without constraints, the CPU seconds of its fit, and its predictions of rows."""
    is_values = y.dtype.kind == "f"
    if title == "default":
        kind, prepared = "regressor" if is_values else "classifier", lambda rows: rows
        model = tabular_pipeline(kind, random_state=seed, monotonic_cst=cst)
    else:
        boosting, prepared = (
            HistGradientBoostingRegressor if is_values else HistGradientBoostingClassifier,
            as_categories,
        )
        model = boosting(random_state=seed, monotonic_cst=cst, categorical_features="from_dtype")
    started = time.process_time()
    model.fit(prepared(X), y)
    seconds = time.process_time() - started
    if is_values:
        return model, prepared, seconds, lambda rows: model.predict(prepared(rows))
    return model, prepared, seconds, lambda rows: model.predict_proba(prepared(rows))[:, 1]


def as_categories(X):
    return X.astype(dict.fromkeys(X.select_dtypes(["object", "string"]).columns, "category"))


def wrong_way(predict, X, X_train, cst, n_pairs, rng):
    """Share of pairs that go the wrong way, and the worst of them in the range of predictions."""
    wrong, worst, block = 0, 0.0, 50_000
    for start in range(0, n_pairs, block):
        low = X.iloc[rng.integers(len(X), size=min(block, n_pairs - start))].reset_index(drop=True)
        name = list(cst)[start // block % len(cst)]
        values = X_train[name].dropna().to_numpy()
        ends = np.sort(rng.choice(values, (len(low), 2)) + rng.normal(0, values.std() / 10, (len(low), 2)), axis=1)
        low[name] = ends[:, 0]
        high = low.assign(**{name: ends[:, 1]})
        below, above = predict(low), predict(high)
        loss = cst[name] * (below - above) / np.ptp(below)
        wrong, worst = wrong + np.sum(loss > 1e-6), max(worst, loss.max())
    return wrong / n_pairs, worst


def opened(name, seed):
    import loader

    return *loader.split(name, seed), OPEN[name]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="../shared/data")
    parser.add_argument("--rows", default="500,2000,8000")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--sets", default=",".join([*TRUTHS, *OPEN]))
    options = parser.parse_args()
    sys.path.insert(0, str(Path(options.data)))
    seeds = list(map(int, options.seeds.split(",")))
    work = [(name, int(n)) for n in options.rows.split(",") for name in options.sets.split(",") if name in TRUTHS]
    work += [(name, 0) for name in options.sets.split(",") if name in OPEN]
    heads = ["free", "score", "ratio", "seconds", "times", "wrong way", "worst", "free"]
    print(f"{'table':10s}{'rows':>6s}  {'model':9s}" + "".join(f"{head:>10s}" for head in heads))
    for name, n in work:
        found = {}
        for seed in seeds:
            X, X_test, y, y_test, cst = made(name, n, seed) if n else opened(name, seed)
            for title in ("default", "HistGB"):
                row = []
                for constraints in (None, cst):
                    model, prepared, seconds, predict = fitted(title, constraints, X, y, seed)
                    pairs = options.pairs // len(seeds) if constraints and title == "default" else 20_000
                    wrong = wrong_way(predict, X_test, X, cst, pairs, np.random.default_rng(seed))
                    row += [model.score(prepared(X_test), y_test), seconds, *wrong]
                found.setdefault(title, []).append(row)
        for title, rows in found.items():
            free, free_seconds, free_wrong, _, score, seconds, wrong, _ = np.mean(rows, axis=0)
            worst = max(row[-1] for row in rows)
            print(
                f"{name:10s}{n or len(y):6d}  {title:9s}{free:10.4f}{score:10.4f}{score / free:10.4f}{seconds:10.2f}"
                f"{seconds / free_seconds:10.2f}{wrong:10.1e}{worst:10.1e}{free_wrong:10.3f}",
                flush=True,
            )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
