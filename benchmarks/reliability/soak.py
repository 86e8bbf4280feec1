"""Fit, search and stream at random in one process: does anything grow?

    OMP_NUM_THREADS=1 python benchmarks/reliability/soak.py --seconds 7200 [--seed 0]

Rounds of random work follow each other: a fit of any trainer (some refused, interrupted, stopped by time or with
threads), a randomised search, a stream of `partial_fit`, a table with text through `tabular_pipeline`, a fit with a
checkpoint, pickles. After every tenth of the time it prints the process's memory, threads, open files and children,
and the processor's time for one prediction of a model that was fitted at the beginning. The first tenth warms up; after
it all of them should stay level.
"""

import argparse
import gc
import os
import pickle
import statistics
import tempfile
import time
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import psutil
from sklearn.model_selection import RandomizedSearchCV

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, Checkpoint, list_trainers, search_space, tabular_pipeline
from sklearn_bpfree.plugin.registry import inspect_trainers

SLOW = {info.name for info in inspect_trainers() if info.slow or info.error or info.missing}
TRAINERS = [name for name in list_trainers() if name not in SLOW]
STREAMS = [info.name for info in inspect_trainers() if info.name in TRAINERS and "partial_fit" in info.offers]


def pick(rng, values):
    return values[rng.integers(len(values))]


def rows(rng, classify):
    n, d = int(rng.integers(40, 400)), int(rng.integers(2, 20))
    X = rng.normal(size=(n, d))
    return X, np.where(X[:, 0] > 0, "yes", "no") if classify else X[:, 0] + rng.normal(size=n)


def model(rng, classify, trainer=None, **params):
    make = BPFreeClassifier if classify else BPFreeRegressor
    return make((int(rng.integers(4, 64)),), trainer=trainer or pick(rng, TRAINERS), random_state=0, **params)


def a_fit(rng, folder):
    classify = rng.random() < 0.5
    X, y = rows(rng, classify)
    odd = [{}, {}, {"max_time": 0.05}, {"n_jobs": 2}, {"max_iter": 3, "loss": "nonsense"}, {"early_stopping": True}]
    fitted = model(rng, classify, **pick(rng, odd)).fit(X, y)
    pickle.loads(pickle.dumps(fitted)).predict(X)


def a_search(rng, folder):
    X, y = rows(rng, True)
    space = search_space([pick(rng, TRAINERS)])
    RandomizedSearchCV(model(rng, True, max_iter=5), space, n_iter=2, cv=2, random_state=0).fit(X, y).predict(X)


def a_stream(rng, folder):
    X, y = rows(rng, True)
    learner = model(rng, True, pick(rng, STREAMS))
    for _ in range(20):
        some = rng.integers(len(y), size=16)
        learner.partial_fit(X[some], y[some], classes=["no", "yes"])
    learner.predict_proba(X)


def a_table(rng, folder):
    X, y = rows(rng, True)
    frame = pd.DataFrame(X).add_prefix("x")
    frame["word"] = rng.choice(["a", "b", "c", None], len(y))
    frame["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 900, len(y)), unit="D")
    tabular_pipeline(model(rng, True, max_iter=5)).fit(frame, y).predict(frame)


def a_checkpoint(rng, folder):
    X, y = rows(rng, True)
    model(rng, True, max_iter=5).set_callbacks(Checkpoint(os.path.join(folder, "run.ckpt"), 0)).fit(X, y)


WORK = [a_fit, a_fit, a_fit, a_search, a_stream, a_table, a_checkpoint]


def main():
    """Work, and look after each tenth."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=7200)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    rng, process, counts = np.random.default_rng(args.seed), psutil.Process(), {}
    X, y = rows(np.random.default_rng(0), True)
    known = BPFreeClassifier(random_state=0).fit(X, y)
    begin, told = time.monotonic(), 0
    print("tenth rounds refused memory/MB threads files children predict/us")
    with tempfile.TemporaryDirectory() as folder:
        while told < 10:
            work = pick(rng, WORK)
            counts[work.__name__] = counts.get(work.__name__, 0) + 1
            try:
                work(rng, folder)
            except (ValueError, TypeError):  # a sentence, such as of a trainer that cannot serve the targets
                counts["refused"] = counts.get("refused", 0) + 1
            if time.monotonic() - begin > (told + 1) * args.seconds / 10:
                told += 1
                gc.collect()
                seconds = []
                for _ in range(300):
                    before = time.thread_time()
                    known.predict(X[:50])
                    seconds.append(time.thread_time() - before)
                done = sum(count for name, count in counts.items() if name != "refused")
                print(
                    f"{told:5} {done:6} {counts.get('refused', 0):7} {process.memory_info().rss / 2**20:9.1f} "
                    f"{process.num_threads():7} {process.num_fds():5} {len(process.children()):8} "
                    f"{1e6 * statistics.median(seconds):10.0f}",
                    flush=True,
                )
        left = os.listdir(folder)
    print(f"work: {counts}; files left by checkpoints: {left}")


if __name__ == "__main__":
    main()
