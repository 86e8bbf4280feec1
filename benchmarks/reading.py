"""How much of a whole `bpfree bench` goes into reading the file and deciding what its columns are.

Makes a file of 10,000 rows and 30 columns: numbers, amounts, dates, categories, holes. Prints the CPU seconds of
reading, of all that the column readers do in the folds, and of the whole comparison: the command's own default list,
or the models that are named. Models share what was read, so its share is smaller with more of them.

    python benchmarks/reading.py [--trainers rvfl] [--peers dummy,linear,boosting]
"""

import argparse
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from sklearn_bpfree.bench import cli, options
from sklearn_bpfree.tabular import ColumnReader

ROWS = 10_000
SPENT = {"reading": 0.0, "columns": 0.0}


def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    days = [np.datetime64("2020-01-01") + rng.integers(0, 900, ROWS) for _ in range(4)]
    columns = {f"number {j}": rng.normal(size=ROWS).round(4) for j in range(10)}
    columns |= {f"amount {j}": [f"${v:,.2f}" for v in rng.lognormal(8, 1, ROWS)] for j in range(6)}
    columns |= {f"date {j}": pd.DatetimeIndex(days[j]).strftime("%d.%m.%Y") for j in range(4)}
    columns |= {f"level {j}": rng.choice(["red", "green", "blue", "?"], ROWS) for j in range(6)}
    columns |= {f"count {j}": rng.integers(0, 90, ROWS) for j in range(3)}
    frame = pd.DataFrame(columns)
    frame.loc[::9, "number 0"] = np.nan
    odds = frame["number 1"] + (frame["level 0"] == "red") + rng.normal(size=ROWS)
    return frame.assign(target=np.where(odds > 0.3, "yes", "no"))


def timed(what, function):
    """The function, whose CPU seconds are added up."""

    def call(*args, **params):
        start = time.process_time()
        try:
            return function(*args, **params)
        finally:
            SPENT[what] += time.process_time() - start

    return call


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trainers")
    parser.add_argument("--peers")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    options.read_table = timed("reading", options.read_table)
    for name in ("fit_transform", "transform", "read_parts"):
        setattr(ColumnReader, name, timed("columns", getattr(ColumnReader, name)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table.csv")
        table().to_csv(path, index=False)
        start = time.process_time()
        named = [f"--{what}={models}" for what, models in vars(args).items() if models]
        try:
            cli.main(["bench", str(path), "--target", "target", *named])
        finally:  # an interrupted run says what it has spent
            whole = time.process_time() - start
            shares = (f"{what} {seconds:.2f} s ({seconds / whole:.1%})" for what, seconds in SPENT.items())
            print(f"\n{whole:.1f} CPU seconds", *shares, sep=", ")


if __name__ == "__main__":
    main()
