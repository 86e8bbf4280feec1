"""A grid search and the default on a Dask cluster of processes on this machine: seconds, and bytes that travel.

    pip install ".[dask]"
    python benchmarks/clusters.py --workers 1,2

Bytes are those that client and scheduler, which share this process, write to their connections; so what goes from the
client through the scheduler to a worker counts twice.
"""

import argparse
import time

import joblib
import numpy as np
from distributed import Client, LocalCluster
from distributed.comm.tcp import TCP
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV

from sklearn_bpfree import BPFreeClassifier, tabular_pipeline

RATES = {"trainer__learning_rate": [0.003, 0.006, 0.012, 0.02]}


def models():
    return {
        "grid search, 4 x 2 fits of dfa": GridSearchCV(
            BPFreeClassifier((64,), trainer="dfa", random_state=0), RATES, cv=2
        ),
        "default": tabular_pipeline("classifier", random_state=0),
    }


def counted(function):
    """The function's result, seconds, and bytes and messages written meanwhile."""
    sizes, plain = [], TCP.write

    async def write(comm, *args, **kwargs):
        sizes.append(await plain(comm, *args, **kwargs) or 0)
        return sizes[-1]

    TCP.write = write
    begin = time.perf_counter()
    try:
        result = function()
    finally:
        TCP.write = plain
    return result, time.perf_counter() - begin, sum(sizes), len(sizes)


def on_the_cluster(model, X, y):
    with joblib.parallel_config("dask"):
        return model.fit(X, y)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--rows", type=int, default=6000)
    options = parser.parse_args()
    X, y = make_classification(options.rows, 20, n_informative=8, random_state=0)
    X = X.astype(np.float32)
    print("| model | workers | seconds | MB | messages | same bits |\n|" + 6 * " --- |")
    alone = {}
    for name, model in models().items():
        begin = time.perf_counter()
        alone[name] = model.fit(X, y).predict_proba(X)
        print(f"| {name} | none | {time.perf_counter() - begin:.1f} | | | |", flush=True)
    for n_workers in map(int, options.workers.split(",")):
        with LocalCluster(n_workers, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster):
            for name, model in models().items():
                fitted, seconds, size, n = counted(lambda model=model: on_the_cluster(model, X, y))
                same = np.array_equal(fitted.predict_proba(X), alone[name])
                print(f"| {name} | {n_workers} | {seconds:.1f} | {size / 1e6:.1f} | {n} | {same} |", flush=True)


if __name__ == "__main__":
    main()
