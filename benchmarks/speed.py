"""Seconds per epoch of the error-signal trainers as a ratio to scikit-learn's MLP, in one process.

    OMP_NUM_THREADS=1 python benchmarks/speed.py [--trainers dfa,fa,backprop] [--rows 10000] [--repeat 5]

Batch 200, the same arrays for both: "float32" has float32 features, "float64" what users usually have; a regression
target is float64 in both, as users have it. The fits of the two are timed in turn; a ratio is the median over the
repetitions of (ours / MLP's). The last column is the share of one core's sgemm peak that our fastest repetition
reached, counting matrix products only.
"""

import argparse
import time
import warnings
from itertools import pairwise

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor
from threadpoolctl import threadpool_limits

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, list_trainers
from sklearn_bpfree.plugin import ErrorSignalTrainer
from sklearn_bpfree.plugin.registry import get_trainer_class

EPOCHS, BATCH = 20, 200


def error_signal_trainers():
    """Names of the registered trainers that have epochs to be timed."""
    return [name for name in list_trainers() if issubclass(get_trainer_class(name), ErrorSignalTrainer)]


def sgemm_peak():
    """Products per second (in multiply-adds) of a large float32 matrix product."""
    A = np.ones((1024, 1024), np.float32)
    return 1024**3 / min(_seconds(lambda: A @ A) for _ in range(10))


def products(trainer, sizes, rows):
    """Multiply-adds of one epoch: forward, weight gradients, and the signals of the hidden layers."""
    shapes = list(pairwise(sizes))
    forward = sum(a * b for a, b in shapes)
    if trainer == "dfa":
        signals = sum(sizes[-1] * units for units in sizes[1:-1])
    elif trainer == "local_loss":  # each head: forward, its gradient, its transpose
        signals = sum(3 * sizes[-1] * units for units in sizes[1:-1])
    else:
        signals = sum(a * b for a, b in shapes[1:])
    return rows * (2 * forward + signals)


def _seconds(function):
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trainers", default="")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    trainers = options.trainers.split(",") if options.trainers else error_signal_trainers()
    rng = np.random.default_rng(0)
    peak = sgemm_peak()
    print(f"{options.rows} rows, batch {BATCH}, one BLAS thread, sgemm peak {2e-9 * peak:.0f} GFLOP/s")
    heads = f"{'float32':>9s}{'float64':>9s}{'MLP ms':>9s}{'peak':>7s}"
    print(f"{'task':15s}{'columns':>8s}{'hidden':>12s}  {'trainer':10s}{heads}")
    for task, columns in (("10 classes", 100), ("10 classes", 20), ("regression", 20)):
        X = rng.normal(size=(options.rows, columns))
        y = X[:, :5].sum(1)
        if task == "10 classes":
            y = np.digitize(y, np.quantile(y, np.linspace(0, 1, 11)[1:-1]))
        ours, peer = (BPFreeRegressor, MLPRegressor) if task == "regression" else (BPFreeClassifier, MLPClassifier)
        for hidden in ((100,), (256, 256)):
            for trainer in trainers:
                settings = {"max_iter": EPOCHS, "batch_size": BATCH, "random_state": 0}
                ratios, times = {}, {}
                for dtype in (np.float32, np.float64):
                    rows = X.astype(dtype)
                    pairs = np.array(
                        [
                            (
                                _seconds(lambda: ours(hidden, trainer=trainer, **settings).fit(rows, y)),  # noqa: B023
                                _seconds(lambda: peer(hidden_layer_sizes=hidden, tol=0, **settings).fit(rows, y)),  # noqa: B023
                            )
                            for _ in range(options.repeat)
                        ]
                    )
                    ratios[dtype], times[dtype] = np.median(pairs[:, 0] / pairs[:, 1]), pairs
                sizes = (columns, *hidden, 10 if task == "10 classes" else 1)
                share = products(trainer, sizes, options.rows) * EPOCHS / times[np.float32][:, 0].min() / peak
                print(
                    f"{task:15s}{columns:8d}{hidden!s:>12s}  {trainer:10s}{ratios[np.float32]:9.2f}"
                    f"{ratios[np.float64]:9.2f}{np.median(times[np.float32][:, 1]) / EPOCHS * 1e3:9.1f}{share:7.0%}",
                    flush=True,
                )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with threadpool_limits(1):
        main()
