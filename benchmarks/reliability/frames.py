"""Random frames through the recommended pipeline. Counts what is neither a result nor a sentence.

    python benchmarks/reliability/frames.py --cases 500 --seed 0

A case is a frame of pandas or polars, or an array of objects, with columns of every kind that a person may bring
(amounts, units, dates, durations, categories, notes, identifiers, flags, lists, mixtures, holes of every spelling), a
target, and `tabular_pipeline` fitted on some rows; then predictions for the others, for rows with cells never seen, for
one row, for columns in another order and for a column less. A sentence is what `testing.strategies.told` calls one.
Counted are raw errors, leaked warnings, predictions that are not finite, and cases that took more than 20 seconds
of the processor.
"""

import argparse
import collections
import datetime
import decimal
import os
import signal
import sys
import traceback
import uuid
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import polars as pl

from sklearn_bpfree import tabular_pipeline
from sklearn_bpfree.testing.strategies import EXPECTED_WARNINGS, told

SECONDS = 20  # of the processor, as the machine may be busy with other things
STANDSTILL = 600  # seconds of the clock after which a case that used less waits for something
HOLES = [None, np.nan, "", " ", "?", "-", "n.a.", "NULL", "missing", "#DIV/0!", ".", pd.NA, pd.NaT]
DAY = datetime.datetime(2021, 1, 1)


def pick(rng, values):
    return values[rng.integers(len(values))]


def moments(rng, n):
    return [DAY + datetime.timedelta(minutes=int(m)) for m in rng.integers(0, 1_500_000, n)]


def amounts(rng, n):
    x = np.exp(rng.normal(5, 3, n)) * pick(rng, [1, -1, 1e-12, 1e12])
    form = pick(rng, ["${:,.2f}", "{:,.0f} EUR", "{:.1f} %", "{:.3e}", "{:.2f} kg", "CHF {:,.2f}", "{:.1f}", "<{:.0f}"])
    return [form.format(v) for v in x]


def mixture(rng, n):
    odd = [1, 2.5, "3", "x", True, None, b"y", (1, 2), [3], {"a": 1}, DAY, decimal.Decimal("4.5"), float("inf")]
    return [pick(rng, odd) for _ in range(n)]


KINDS = {
    "normal": lambda rng, n: rng.normal(size=n) * 10.0 ** rng.integers(-8, 9),
    "extremes": lambda rng, n: rng.choice([0.0, 1.0, 1e300, -1e300, 1e-300], n),
    "infinite": lambda rng, n: rng.choice([0.0, 1.0, np.inf], n, p=[0.6, 0.3, 0.1]),
    "single": lambda rng, n: rng.normal(size=n).astype(np.float32),
    "integers": lambda rng, n: rng.integers(0, pick(rng, [2, 5, 300, 2**62]), n),
    "row numbers": lambda rng, n: np.arange(n) + pick(rng, [0, 1, 10**9]),
    "constant": lambda rng, n: np.full(n, pick(rng, [0, 1.5, "same", None]), dtype=object),
    "flags": lambda rng, n: rng.random(n) < 0.5,
    "words": lambda rng, n: rng.choice(["red", "green", "blue", "ÄÖÜ", "日本", "a b"], n).astype(object),
    "levels": lambda rng, n: np.array([f"v{v}" for v in rng.integers(0, pick(rng, [30, 3000]), n)], object),
    "notes": lambda rng, n: [" ".join(rng.choice(["late", "paid", "call", "ok", "the"], 8)) + str(i) for i in range(n)],
    "identifiers": lambda rng, n: [str(uuid.UUID(int=int(v))) for v in rng.integers(0, 2**62, n)],
    "amounts": amounts,
    "mixture": mixture,
    "moments": lambda rng, n: np.array(moments(rng, n), dtype="datetime64[us]"),
    "days as text": lambda rng, n: [
        m.strftime(form)
        for form in [pick(rng, ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%y", "%d %b %Y", "%Y%m%d", "%H:%M"])]
        for m in moments(rng, n)
    ],
    "times": lambda rng, n: [m.time() for m in moments(rng, n)],
    "durations": lambda rng, n: rng.integers(0, 10**9, n).astype("timedelta64[s]"),
    "decimals": lambda rng, n: [decimal.Decimal(int(v)) / 7 for v in rng.integers(0, 10**6, n)],
    "all holes": lambda rng, n: [pick(rng, HOLES) for _ in range(n)],
    "bytes": lambda rng, n: [b"ab"[: int(v)] for v in rng.integers(0, 3, n)],
    "lists": lambda rng, n: [[int(v)] for v in rng.integers(0, 3, n)],
    "complex": lambda rng, n: rng.normal(size=n) + 1j * rng.normal(size=n),
}


def column(rng, n):
    """A column's kind and values, some of them holes."""
    kind = pick(rng, sorted(KINDS))
    values = KINDS[kind](rng, n)
    if rng.random() < 0.4:
        holes = rng.random(n) < pick(rng, [0.01, 0.2, 0.95])
        hole = pick(rng, HOLES)
        values = [hole if empty else value for value, empty in zip(values, holes, strict=True)]
    return kind, values


def pandas_column(rng, values):
    series = pd.Series(values)
    if rng.random() < 0.15:
        series = series.astype("category")
    elif rng.random() < 0.15:
        series = series.convert_dtypes()
    elif rng.random() < 0.05 and series.dtype.kind == "f":
        series = series.astype(pd.SparseDtype("float64"))
    return series


def make_frame(rng, n):
    """A frame of one to eight columns, and what they are."""
    kinds, columns = zip(*(column(rng, n) for _ in range(rng.integers(1, 9))), strict=True)
    container = pick(rng, ["pandas", "pandas", "pandas", "polars", "array"])
    names = [f"{kind} {j}" for j, kind in enumerate(kinds)]
    if container == "polars":
        frame = pl.DataFrame([pl.Series(name, list(c), strict=False) for name, c in zip(names, columns, strict=True)])
    elif container == "array":
        frame = np.empty((n, len(columns)), object)
        for j, values in enumerate(columns):
            frame[:, j] = np.fromiter(values, object, n)
    else:
        frame = pd.DataFrame({name: pandas_column(rng, c) for name, c in zip(names, columns, strict=True)})
    return frame, (container, *kinds)


def make_target(rng, n, classify):
    if classify:
        levels = pick(rng, [[0, 1], ["no", "yes"], [1, 2, 3], [True, False], ["a", "b", "c", "d"]])
        return np.array(levels, dtype=object if rng.random() < 0.2 else None)[rng.integers(len(levels), size=n)]
    y = rng.normal(size=n) * 10.0 ** rng.integers(-6, 7) + pick(rng, [0, 1e6])
    return np.abs(y) * (rng.random(n) < 0.2) if rng.random() < 0.2 else y


def rows_of(frame, rows):
    if isinstance(frame, pd.DataFrame):
        return frame.iloc[rows]
    return frame[rows]


def others(rng, frame, n):
    """Rows to predict: those left out, some with cells never seen, one, other orders, a column less."""
    test = np.arange(n // 2, n)
    yield "rows left out", rows_of(frame, test)
    yield "one row", rows_of(frame, test[:1])
    if isinstance(frame, pd.DataFrame):
        cell = pick(rng, ["never seen", 1e308, None, DAY, [1], b"x", -5])
        name = pick(rng, list(frame.columns))
        strange = frame.iloc[test].assign(**{name: pd.Series([cell] * len(test), frame.index[test], dtype=object)})
        yield "cells never seen", strange
        yield "another order", frame.iloc[test][list(frame.columns[::-1])]
        yield "a column less", frame.iloc[test].iloc[:, 1:]


def case(rng, said):
    """One case; returns how many predictions were not finite, and appends what is done before it is done, and said."""
    n, classify, n_bad = int(pick(rng, [6, 30, 90, 200])), rng.random() < 0.5, 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frame, kinds = make_frame(rng, n)
    except Exception:  # no such frame can be made
        return 0
    y = make_target(rng, n, classify)
    said.append((kinds, n, classify))
    model = tabular_pipeline("classifier" if classify else "regressor", random_state=0)
    [trainer] = [name for name in model.get_params() if name.endswith("__trainer") and name.count("__") < 3][:1]
    model.set_params(**{trainer: "dfa", trainer.removesuffix("trainer") + "max_iter": 3})
    train = np.arange(n // 2)
    try:
        said.append("fit")
        model.fit(rows_of(frame, train), y[train])
    except Exception as error:
        if not told(error):
            raise
        said.append(f"refused: {error}")
        return 0
    for name, rows in others(rng, frame, n):
        said.append(name)
        try:
            found = model.predict_proba(rows) if classify else model.predict(rows)
            n_bad += not np.isfinite(found).all()
        except Exception as error:
            if not told(error):
                raise
            said.append(f"refused: {error}")
    return n_bad


def late(signum, frame):
    raise TimeoutError(f"no end after {SECONDS if signum == signal.SIGPROF else STANDSTILL} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, default=None, help="run this case alone and print what is done")
    args = parser.parse_args()
    signal.signal(signal.SIGPROF, late)
    signal.signal(signal.SIGALRM, late)
    found, fits, refused = collections.defaultdict(list), 0, 0
    for number in range(args.cases) if args.only is None else [args.only]:
        said = []
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            signal.alarm(STANDSTILL)
            try:
                if case(np.random.default_rng((args.seed, number)), said):
                    found["predictions that are not finite"].append((number, said))
            except Exception as error:
                kind = "hangs" if isinstance(error, TimeoutError) else "raw errors"
                frame = traceback.extract_tb(error.__traceback__)[-1]
                place = f"{os.path.basename(frame.filename)}:{frame.lineno}"
                found[kind].append((number, f"{type(error).__name__}: {error} at {place}, {said}"))
                if args.only is not None:
                    traceback.print_exc()
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
                signal.alarm(0)
        fits += "fit" in said
        refused += len(said) == 3 and said[1] == "fit"
        for warning in caught:
            if not issubclass(warning.category, (*EXPECTED_WARNINGS, UserWarning)):
                place = f"{os.path.basename(warning.filename)}:{warning.lineno}"
                words = f"{warning.category.__name__}: {warning.message} at {place}, {said}"
                found["leaked warnings"].append((number, words))
        if args.only is not None:
            print(*said, *(str(warning.message) for warning in caught), sep="\n")
    print(f"{fits} fits, {refused} of them refused in a sentence")
    for kind in ("raw errors", "leaked warnings", "predictions that are not finite", "hangs"):
        print(f"{kind}: {len(found[kind])}")
        for number, words in found[kind][:100]:
            print(f"  case {number}: {' '.join(str(words).split())[:300]}")
    sys.exit(any(found.values()))


if __name__ == "__main__":
    main()
