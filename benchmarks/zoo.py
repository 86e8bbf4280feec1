"""bpfree-bench: every registered trainer, and named modes, with its defaults on the same tables, within one budget.

    python benchmarks/zoo.py                                 # digits, breast_cancer and diabetes, two splits each
    python benchmarks/zoo.py --data FOLDER --sets mnist,digits,breast_cancer,diabetes,concrete,vehicle,pima,mpg
    python benchmarks/zoo.py --trainers acme_walk --file acme_walk.csv  # a third party's, into a file to send
    python benchmarks/zoo.py --show                          # what was measured, as a Markdown table
    python benchmarks/tables.py                              # ... into the README and the site, with the picture

docs/leaderboard.md is the protocol. Every fit runs in a process of its own, on one core. After `--limit` seconds of
CPU time it is interrupted, and what it has reached by then counts (a `*` in the table); one that cannot be interrupted
is ended after twice the time, and has no score. The network is 784-256-256-10 on MNIST (60,000 rows, its 10,000 test
images, one seed, pixels / 255) and has 64 hidden units on the tables (a held-out quarter; the columns scaled to unit
variance; accuracy or R2). Everything else is a trainer's own default. `backprop` and the random features (`rvfl`) are
the controls; times are in units of scikit-learn's MLP on the same rows (10 epochs of MNIST, its own default elsewhere).

For each fit a row of the results says: score; CPU seconds of the fit, and in units of the MLP's; why it
ended; steps; passes over the training rows, a population's evaluations counted one by one; which forward weights are
used transposed; memory that the fit needed beyond what the process had before, in MB; and the mean cosine between the
first steps' updates of the hidden layers and the gradient, of trainers whose objective has one. A row that is there is
not measured again.
"""

import argparse
import multiprocessing
import resource
import signal
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import results
from sklearn import datasets
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, get_trainer, list_trainers

KEY = ("set", "trainer", "split")
FIELDS = (*KEY, "score", "seconds", "times_mlp", "ended", "steps", "passes", "transposes", "mb", "cosine")
MODES = [
    ("dfa", {"error": "delayed"}),
    ("dfa", {"error": "target"}),
    ("dfa", {"feedback": "learned"}),
    ("fa", {"feedback": "kolen_pollack"}),
    ("fa", {"feedback": "random"}),
    ("forward_forward", {"goodness": "symba"}),
    ("local_loss", {"layer_loss": "predsim"}),
    ("noprop", {"variant": "ct"}),
    ("noprop", {"variant": "fm"}),
    ("pepita", {"mode": "pepita"}),
    ("predictive_coding", {"mode": "incremental"}),
    ("predictive_coding", {"mode": "strict", "feedback": "kolen_pollack"}),
    ("rfm", {"matrix": "full"}),
    ("scipy_optimize", {"method": "l-bfgs-b"}),
    ("scipy_optimize", {"method": "powell"}),
    ("target_propagation", {"mode": "drl"}),
    ("target_propagation", {"mode": "dtp"}),
]
BUNDLED = {"digits": datasets.load_digits, "breast_cancer": datasets.load_breast_cancer}
BUNDLED |= {"diabetes": datasets.load_diabetes}
VALUES = ("diabetes", "concrete", "mpg", "abalone", "diamonds")
PROBED_STEPS = 3


def labels(only):
    """What is fitted, from label to the trainer's name and parameters; the MLP comes first."""
    rows = [(name, {}) for name in list_trainers()] + MODES
    named = {" ".join([name, *map(str, parameters.values())]): (name, parameters) for name, parameters in rows}
    return {"MLP": ("MLP", {})} | {k: v for k, v in named.items() if only is None or k in only or f"{v[0]}+" in only}


def rows_of(name, split, folder):
    """Training and test rows and targets, numeric and scaled."""
    if name == "mnist":
        with np.load(Path(folder) / "mnist.npz") as z:
            X, X_test = (z[f"X_{part}"].astype(np.float32) / 255 for part in ("train", "test"))
            return X, X_test, z["y_train"], z["y_test"]
    if name in BUNDLED:
        X, y = BUNDLED[name](return_X_y=True)
        stratify = None if name in VALUES else y
        X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, random_state=split, stratify=stratify)
        scaler = StandardScaler().fit(X)
        return scaler.transform(X), scaler.transform(X_test), y, y_test
    sys.path.insert(0, str(folder))
    import loader

    X, X_test, y, y_test = loader.split(name, split)
    prepared = loader.standard(X).fit(X)
    return prepared.transform(X), prepared.transform(X_test), y, y_test


def make(name, parameters, table, split, **options):
    """An unfitted model."""
    hidden = (256, 256) if table == "mnist" else (64,)
    if name != "MLP":
        kind = BPFreeRegressor if table in VALUES else BPFreeClassifier
        return kind(hidden, trainer=get_trainer(name, **parameters), random_state=split, **options)
    if table not in VALUES:
        return MLPClassifier(hidden, random_state=split, **({"max_iter": 10} if table == "mnist" else {}))
    net = MLPRegressor(hidden_layer_sizes=hidden, random_state=split)
    return TransformedTargetRegressor(net, transformer=StandardScaler())


def interrupt(*_):
    """Ctrl-C by the clock: a fit keeps its best weights."""
    resource.setrlimit(resource.RLIMIT_CPU, 2 * resource.getrlimit(resource.RLIMIT_CPU)[1:])
    raise KeyboardInterrupt


def measure(name, parameters, table, split, parts, limit):
    """One fit in this process: what its row says."""
    X, X_test, y, y_test = parts
    model = make(name, parameters, table, split)
    before, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    signal.signal(signal.SIGXCPU, interrupt)
    resource.setrlimit(resource.RLIMIT_CPU, (int(begin) + limit, 2 * limit + 60))
    with threadpool_limits(1):
        model.fit(X, y)
        seconds = time.process_time() - begin
        resource.setrlimit(resource.RLIMIT_CPU, (2 * limit + 60, 2 * limit + 60))
        row = {"score": round(float(model.score(X_test, y_test)), 4), "seconds": round(seconds, 3)}
        row["mb"] = round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, 1)
        if name != "MLP":
            row |= {"ended": model.stop_reason_, "steps": model.n_iter_, "transposes": model.trainer_.transposes}
            row["passes"] = round(model.history_[-1]["n_evaluations"] / len(X), 1)
            row["cosine"] = cosine(name, parameters, table, split, X, y)
    return row


def cosine(name, parameters, table, split, X, y):
    """Mean cosine of the first updates of the hidden layers with the gradient; empty where nothing moves."""
    try:
        model = make(name, parameters, table, split, record_alignment=True, max_iter=PROBED_STEPS)
        angles = [row["alignment"] for row in model.fit(X[:2000], y[:2000]).history_]
    except (ValueError, KeyError):
        return ""
    hidden = np.cos(np.radians([layers[:-1] for layers in angles]))
    return "" if np.isnan(hidden).all() else round(float(np.nanmean(hidden)), 3)


def run(label, table, split, parts, limit):
    """The row of one fit, by another process."""

    def work():
        warnings.simplefilter("ignore")
        try:
            sent.send(measure(*labels(None)[label], table, split, parts, limit))
        except (Exception, KeyboardInterrupt) as reason:
            sent.send({"ended": "refused", "why": f"{type(reason).__name__}: {reason}".splitlines()[0]})

    context = multiprocessing.get_context("fork")  # nothing is imported or read a second time
    received, sent = context.Pipe(duplex=False)
    process = context.Process(target=work)
    process.start()
    sent.close()
    try:
        row = received.recv()
    except EOFError:
        row = {"ended": "ended by the limit"}
    process.join()
    if "why" in row:
        print(f"  {label} on {table}: {row.pop('why')[:150]}", flush=True)
    return {"set": table, "trainer": label, "split": str(split)} | row


def keep(row, file):
    """The row among the others, with its time in units of the MLP's."""
    done = [r for r in results.read(file) if r["trainer"] == "MLP" and r["seconds"]]
    mlp = {(r["set"], r["split"]): float(r["seconds"]) for r in done}
    base = row.get("seconds") if row["trainer"] == "MLP" else mlp.get((row["set"], row["split"]))
    if base and row.get("seconds"):
        row["times_mlp"] = f"{row['seconds'] / base:.2f}"
    results.add(file, {field: row.get(field, "") for field in FIELDS}, KEY)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="../shared/data", help="folder with mnist.npz, loader.py and the tables")
    parser.add_argument("--sets", default="digits,breast_cancer,diabetes")
    parser.add_argument("--trainers", help="only these, separated by commas; NAME+ with its modes")
    parser.add_argument("--splits", default="0,1")
    parser.add_argument("--limit", type=int, default=180, help="CPU seconds of a fit")
    parser.add_argument("--file", default="zoo", help="results file, NAME.csv; default: benchmarks/results/zoo.csv")
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.show:
        import zoo_tables

        print(zoo_tables.zoo())
        return
    only = options.trainers and options.trainers.split(",")
    for table in options.sets.split(","):
        for split in [0] if table == "mnist" else map(int, options.splits.split(",")):
            done = {r["trainer"] for r in results.read(options.file) if (r["set"], r["split"]) == (table, str(split))}
            left = [label for label in labels(only) if label not in done]
            parts = rows_of(table, split, options.data) if left else ()
            for label in left:
                row = run(label, table, split, parts, options.limit)
                keep(row, options.file)
                print({key: value for key, value in row.items() if value != ""}, flush=True)


if __name__ == "__main__":
    main()
