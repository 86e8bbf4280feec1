"""What travels between a fit and a Dask cluster: bytes per generation by members, weights and rows.

    python benchmarks/traffic.py

The cluster, a scheduler and two workers, has a process of its own, so that every byte that this process writes to a
socket or reads from one is part of the conversation. Counted are the bytes of the first generation, which brings the
rows, and the mean of the following ones.
"""

import subprocess
import sys

import joblib
import numpy as np
from distributed import Client
from tornado.iostream import IOStream

from sklearn_bpfree.nn.losses import LogLoss
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.plugin import Members, workers
from sklearn_bpfree.plugin.judging import judge, sample_rows
from sklearn_bpfree.plugin.problem import Problem

CLUSTER = """
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        print(cluster.scheduler_address, flush=True)
        input()
"""
GENERATIONS = 5
CASES = [  # members, layer sizes, rows
    (64, (20, 64, 4), 2_000),
    (1024, (20, 64, 4), 2_000),
    (64, (784, 128, 10), 2_000),
    (1024, (784, 128, 10), 2_000),
    (64, (20, 64, 4), 50_000),
    (1024, (20, 64, 4), 50_000),
]
traffic = {"out": 0, "in": 0}


def count(name, direction):
    """Wrap a method of tornado's streams so that it enters its bytes into the books."""
    method = getattr(IOStream, name)

    def counted(self, *args):
        n = method(self, *args)
        traffic[direction] += n or 0
        return n

    setattr(IOStream, name, counted)


def generation(problem, members, number):
    """Judge a population by 256 rows."""
    network = problem.network
    centre, scale = network.initial_weights(np.random.default_rng(number)), 0.08 * network.fan_in_scale()
    population = Members(network, centre, scale, (number, 2), members // 2, noise=1)
    before = dict(traffic)
    judge(problem, population, sample_rows(problem, np.random.default_rng(number)))
    return {direction: traffic[direction] - before[direction] for direction in traffic}


def main():
    workers.Pace.pays = lambda pace, n_blocks, n_jobs, call_seconds: n_jobs > 1
    count("write_to_fd", "out")
    count("read_from_fd", "in")
    with subprocess.Popen([sys.executable, "-c", CLUSTER], stdin=-1, stdout=-1, stderr=-3, text=True) as cluster:
        address = cluster.stdout.readline().strip()  # type: ignore[union-attr]
        with Client(address), joblib.parallel_config("dask"):
            print("| members | weights (bytes) | rows (bytes) | first generation, kB out | then kB out | kB in |")
            print("| --- | --- | --- | --- | --- | --- |")
            for members, sizes, n in CASES:
                rng = np.random.default_rng(0)
                X = rng.normal(size=(n, sizes[0])).astype(np.float32)
                Y = np.eye(sizes[-1], dtype=np.float32)[rng.integers(sizes[-1], size=n)]
                problem = Problem(X, Y, Network(sizes), LogLoss(), batch_size=256)
                first, *others = [generation(problem, members, number) for number in range(GENERATIONS)]
                problem.workers.close()
                out, back = (np.mean([other[direction] for other in others]) for direction in ("out", "in"))
                D = problem.network.n_weights
                print(
                    f"| {members} | {D:,} ({4 * D:,}) | {n:,} ({X.nbytes + Y.nbytes:,}) | {first['out'] / 1e3:,.0f} "
                    f"| {out / 1e3:,.1f} | {back / 1e3:,.1f} |",
                    flush=True,
                )
        cluster.communicate("\n")


if __name__ == "__main__":
    main()
