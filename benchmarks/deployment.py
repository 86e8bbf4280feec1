"""What a fitted model costs where it is used: its file, loading it, one row, and many.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/deployment.py [--repeat 200] [--rows 20000]

Two tables: the digits of scikit-learn as an array of 64 numbers, and a made frame of 32 columns (numbers with holes,
whole numbers, categories, towns, a date and a flag), which goes through a pipeline. That of MLPClassifier imputes,
scales and encodes one-hot, the others are `tabular_pipeline`.

A file is a pickle; "to go on" is one with ``warm_start=True``. Times are CPU time, of the quickest of several
repetitions of `predict_proba`, and rows of benchmarks/results/deployment.csv; "by steps" calls the steps of a
pipeline one after the other. Loading is in a process that has imported the libraries. The last lines are what imports
take, in processes of their own.
"""

import argparse
import pickle
import subprocess
import sys
import time
import warnings

import numpy as np
import pandas as pd
import results
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_digits
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_bpfree import BPFreeClassifier, get_trainer, tabular_pipeline

N = 2000  # rows of the made frame
ALONE = ("dfa", "rvfl", "enkf", "noprop")


def models_of_arrays():
    """Name -> model for an array of numbers."""
    yield "MLPClassifier", MLPClassifier(random_state=0)
    yield "HistGradientBoostingClassifier", HistGradientBoostingClassifier(random_state=0)
    for name in ALONE:
        yield name, BPFreeClassifier(trainer=name, random_state=0)
    yield "ladder, single", BPFreeClassifier((128, 128), trainer=get_trainer("ladder", single=True), random_state=0)
    yield "ladder", BPFreeClassifier((128, 128), trainer="ladder", random_state=0)


def models_of_frames():
    """Name -> pipeline for a mixed frame."""
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    categories = OneHotEncoder(max_categories=20, handle_unknown="infrequent_if_exist")
    encoder = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (categories, make_column_selector(dtype_exclude=["number", "datetime"])),
    )
    yield "MLPClassifier", make_pipeline(encoder, MLPClassifier(random_state=0))
    yield "HistGradientBoostingClassifier", tabular_pipeline(HistGradientBoostingClassifier(random_state=0))
    for name in ALONE:
        yield name, tabular_pipeline(BPFreeClassifier(trainer=name, random_state=0))
    single = tabular_pipeline("classifier", random_state=0)
    yield "default, single", single.set_params(estimator__trainer=get_trainer("ladder", single=True))
    yield "default", tabular_pipeline("classifier", random_state=0)


def mixed_frame():
    """32 columns and a class that depends on some of them."""
    rng = np.random.default_rng(0)
    table = {f"number {j}": np.where(rng.random(N) < 0.1, np.nan, rng.normal(size=N)) for j in range(16)}
    table |= {f"count {j}": rng.integers(0, 50, N) for j in range(4)}
    table |= {f"kind {j}": rng.choice(["red", "green", "blue", "none"], N) for j in range(8)}
    table |= {f"town {j}": [f"town {i}" for i in rng.integers(0, 50, N)] for j in range(2)}
    table["day"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1000, N), unit="D")
    table["flag"] = rng.random(N) < 0.5
    table = pd.DataFrame(table)
    score = table["number 0"].fillna(0) + (table["kind 0"] == "red") + table["count 0"] / 50 + rng.normal(size=N) / 2
    return table, (score > score.median()).to_numpy()


def quickest(function, repeat):
    """CPU milliseconds of the quickest of some calls, each a tenth of the repetitions on end."""
    calls, found = max(1, repeat // 10), []
    for _ in range(min(repeat, 10)):
        begin = time.process_time()
        for _ in range(calls):
            function()
        found.append(1e3 * (time.process_time() - begin) / calls)
    return min(found)


def to_go_on(model):
    """Size in KB of the pickle of a model that will be trained on."""
    last = model[-1] if isinstance(model, Pipeline) else model
    if not isinstance(last, BPFreeClassifier):
        return ""
    size = len(pickle.dumps(last.set_params(warm_start=True) and model)) / 1e3
    last.set_params(warm_start=False)
    return f"{size:,.0f}"


def print_imports():
    """CPU seconds of imports, the least of some."""
    code = "import time; import {}; a = time.process_time(); {}; print(time.process_time() - a)"
    tables = "sklearn.compose, sklearn.impute, sklearn.model_selection, sklearn.neural_network, sklearn.pipeline"
    help_ = "import contextlib, io, sklearn_bpfree.bench.cli as c\nwith contextlib.suppress(SystemExit), "
    help_ += "contextlib.redirect_stdout(io.StringIO()): c.main(['--help'])"
    cases = {
        f"import {tables}": code.format("time", f"import {tables}"),
        "then from sklearn_bpfree import tabular_pipeline": code.format(
            tables, "from sklearn_bpfree import tabular_pipeline"
        ),
        "import sklearn_bpfree": code.format("time", "import sklearn_bpfree"),
        "bpfree --help": f"import time; a = time.process_time()\n{help_}\nprint(time.process_time() - a)",
    }
    print()
    for case, source in cases.items():
        runs = [subprocess.run([sys.executable, "-c", source], capture_output=True, text=True) for _ in range(4)]
        print(f"{case}: {min(float(run.stdout) for run in runs):.3f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=200)
    parser.add_argument("--rows", type=int, default=20_000)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    digits, labels = load_digits(return_X_y=True)
    tables = [("digits", digits / 16, labels, models_of_arrays()), ("frame", *mixed_frame(), models_of_frames())]
    for table, X, y, models in tables:
        many = np.resize(np.arange(len(y)), args.rows)
        one, many = (X[:1], X[many]) if isinstance(X, np.ndarray) else (X.iloc[:1], X.iloc[many])
        for name, model in models:
            stored = pickle.dumps(model.fit(X, y))
            loaded = pickle.loads(stored)
            load = quickest(lambda stored=stored: pickle.loads(stored), args.repeat // 4)
            row = quickest(lambda model=loaded, one=one: model.predict_proba(one), args.repeat)
            rate = 1e3 * args.rows / quickest(lambda model=loaded, many=many: model.predict_proba(many), 3)
            by_steps = ""
            if isinstance(loaded, Pipeline):
                steps = quickest(lambda m=loaded, X=one: m[-1].predict_proba(m[:-1].transform(X)), args.repeat // 4)
                by_steps = f"{steps:.2f}"
            found = {"table": table, "model": name, "pickle KB": f"{len(stored) / 1e3:,.0f}"}
            found |= {"to go on KB": to_go_on(model), "load ms": f"{load:.1f}", "one row ms": f"{row:.2f}"}
            found |= {"by steps ms": by_steps, "rows/s": f"{rate:,.0f}"}
            print(*found.values(), sep=" | ", flush=True)
            results.add("deployment", found, ("table", "model"))
    print_imports()


if __name__ == "__main__":
    main()
