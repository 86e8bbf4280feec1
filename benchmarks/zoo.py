"""One page of truth: every registered trainer, and named modes, with its defaults on the same tables.

    python benchmarks/zoo.py                                   # digits, breast_cancer and diabetes, two splits each
    python benchmarks/zoo.py --data ../shared/data --sets mnist,digits,breast_cancer,diabetes,concrete,vehicle,pima,mpg
    python benchmarks/zoo.py --trainers rfm,pso --sets digits  # only these
    python benchmarks/zoo.py --show                            # what was measured, as a Markdown table
    python benchmarks/zoo.py --readme                          # the same into README.md, and the picture beside it

Every fit runs in a process of its own, on one core, and is ended after `--limit` seconds of CPU time. The network is
784-256-256-10 on MNIST (its 10,000 test images, one seed) and has 64 hidden units on the tables (a held-out quarter;
the columns scaled to unit variance; accuracy or R2). Everything else is a trainer's own default. `backprop` and the
random features (`rvfl`) are the controls; times are in units of scikit-learn's MLP on the same rows.

For each fit a row of benchmarks/results/zoo.csv says: score; CPU seconds of the fit, and in units of the MLP's; steps;
passes over the training rows, a population's evaluations counted one by one; which forward weights are used transposed;
memory that the fit needed beyond what the process had before, in MB; and the mean cosine between the first steps'
updates of the hidden layers and the gradient, of trainers whose objective has one. A row that is there is not measured
again.
"""

import argparse
import csv
import json
import os
import re
import resource
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn import datasets
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, get_trainer, list_trainers

HERE = Path(__file__).resolve().parent
RESULTS, README, PICTURE = HERE / "results" / "zoo.csv", HERE.parent / "README.md", HERE.parent / "docs/images/zoo.png"
FIELDS = ("set", "trainer", "split", "score", "seconds", "times_mlp", "steps", "passes", "transposes", "mb", "cosine")
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
    return {"MLP": ("MLP", {})} | {k: v for k, v in named.items() if only is None or v[0] in only or k in only}


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
    return TransformedTargetRegressor(MLPRegressor(hidden, random_state=split), transformer=StandardScaler())


def measure(label, table, split, folder, limit):
    """One fit in this process: prints its row as JSON."""
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
    name, parameters = labels(None)[label]
    X, X_test, y, y_test = rows_of(table, split, folder)
    model = make(name, parameters, table, split)
    before, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    model.fit(X, y)
    seconds = time.process_time() - begin
    row = {"score": round(float(model.score(X_test, y_test)), 4), "seconds": round(seconds, 3)}
    row["mb"] = round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, 1)
    if name != "MLP":
        row |= {"steps": model.n_iter_, "transposes": model.trainer_.transposes}
        row["passes"] = round(model.history_[-1]["n_evaluations"] / len(X), 1)
        row["cosine"] = cosine(name, parameters, table, split, X, y)
    print(json.dumps(row))


def cosine(name, parameters, table, split, X, y):
    """Mean cosine of the first updates of the hidden layers with the gradient; empty where nothing moves."""
    try:
        model = make(name, parameters, table, split, record_alignment=True, max_iter=PROBED_STEPS)
        angles = [row["alignment"] for row in model.fit(X[:2000], y[:2000]).history_]
    except (ValueError, KeyError):
        return ""
    hidden = np.cos(np.radians([layers[:-1] for layers in angles]))
    return "" if np.isnan(hidden).all() else round(float(np.nanmean(hidden)), 3)


def run(label, table, split, options):
    """The row of one fit, by another process."""
    command = [sys.executable, __file__, "--one", label, "--sets", table, "--splits", str(split)]
    command += ["--data", options.data, "--limit", str(options.limit)]
    threads = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **threads}, check=False)
    row = {"set": table, "trainer": label, "split": split}
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["ended"])[-1]
        print(f"  {label} on {table}: {reason[:150]}", flush=True)
        return {**row, "score": "", "transposes": "over the limit" if done.returncode < 0 else "refused"}
    return row | json.loads(done.stdout.strip().splitlines()[-1])


def read():
    """Rows measured so far."""
    if not RESULTS.exists():
        return []
    with RESULTS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(rows):
    """All rows, sorted, with times in units of the MLP's."""
    mlp = {(r["set"], str(r["split"])): float(r["seconds"]) for r in rows if r["trainer"] == "MLP" and r["seconds"]}
    for r in rows:
        base = mlp.get((r["set"], str(r["split"])))
        r["times_mlp"] = f"{float(r['seconds']) / base:.2f}" if base and r.get("seconds") else ""
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, FIELDS, restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(sorted(rows, key=lambda r: (r["set"], r["trainer"], str(r["split"]))))


def summary(rows):
    """Markdown: a line for each trainer: its mean scores by set, and what it cost in the geometric mean."""
    sets = sorted({r["set"] for r in rows}, key=lambda name: (name != "mnist", name))
    lines = [f"| trainer | {' | '.join(sets)} | time / MLP's | passes | transposes | cosine |"]
    lines.append("| --- " * (len(sets) + 5) + "|")
    for label in sorted({r["trainer"] for r in rows}, key=lambda name: (name != "MLP", name)):
        mine = [r for r in rows if r["trainer"] == label]
        cells = [label]
        for name in sets:
            scores = [float(r["score"]) for r in mine if r["set"] == name and r["score"] != ""]
            cells.append(f"{np.mean(scores):.3f}".replace("0.", ".", 1) if scores else "")
        for field, digits in (("times_mlp", 2), ("passes", 0)):
            found = [float(r[field]) for r in mine if r[field]]
            cells.append(f"{np.exp(np.mean(np.log(found))):.{digits}f}" if found and min(found) > 0 else "")
        cells.append(next((r["transposes"] for r in mine if r["score"] != ""), ""))
        found = [float(r["cosine"]) for r in mine if r["cosine"]]
        cells.append(f"{np.mean(found):.2f}" if found else "")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def into_readme(rows):
    """The summary into README.md, between its marks or before the paragraph on transposes, and the picture."""
    begin, end = "<!-- costs: generated by benchmarks/zoo.py --readme -->", "<!-- /costs -->"
    text, block = README.read_text(encoding="utf-8"), f"{begin}\n{summary(rows)}\n{end}"
    if begin in text:
        text = re.sub(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: block, text, flags=re.S)
    else:
        text = text.replace("<!-- /zoo -->\n", f"<!-- /zoo -->\n\n{block}\n", 1)
    README.write_text(text, encoding="utf-8")
    picture(rows)


def picture(rows):
    """Error against time, a dot for each trainer: geometric means over the sets that all of them have."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    by_label = {}
    for r in rows:
        if r["score"] != "" and r["times_mlp"]:
            by_label.setdefault(r["trainer"], []).append((max(1 - float(r["score"]), 1e-3), float(r["times_mlp"])))
    most = max(map(len, by_label.values()))
    figure, axes = plt.subplots(figsize=(9, 6), layout="constrained")
    for label, found in by_label.items():
        if len(found) == most:
            error, seconds = np.exp(np.log(found).mean(axis=0))
            axes.plot(seconds, error, "o", color="black" if label in ("MLP", "backprop", "rvfl") else "tab:blue")
            axes.annotate(label, (seconds, error), fontsize=6, xytext=(3, 2), textcoords="offset points")
    axes.set(xscale="log", yscale="log", xlabel="time / MLP's", ylabel="1 - score")
    figure.savefig(PICTURE, dpi=130)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="../shared/data", help="folder with mnist.npz, loader.py and the tables")
    parser.add_argument("--sets", default="digits,breast_cancer,diabetes")
    parser.add_argument("--trainers", help="only these, separated by commas")
    parser.add_argument("--splits", default="0,1")
    parser.add_argument("--limit", type=int, default=1800, help="CPU seconds of a fit")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--readme", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.one:
        measure(options.one, options.sets, int(options.splits), options.data, options.limit)
        return
    if options.show or options.readme:
        into_readme(read()) if options.readme else print(summary(read()))
        return
    only = options.trainers and options.trainers.split(",")
    for table in options.sets.split(","):
        for split in [0] if table == "mnist" else map(int, options.splits.split(",")):
            for label in labels(only):
                rows = read()
                if any((r["set"], r["trainer"], r["split"]) == (table, label, str(split)) for r in rows):
                    continue
                row = run(label, table, split, options)
                write([*rows, row])
                print({key: value for key, value in row.items() if value != ""}, flush=True)


if __name__ == "__main__":
    main()
