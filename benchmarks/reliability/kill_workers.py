"""Kill workers at random moments of a fit: it completes, with the bits of a fit that nobody disturbed.

    OMP_NUM_THREADS=1 python benchmarks/reliability/kill_workers.py [--kills 60] [--seed 0] [--trainers open_es,enkf]
        [--stop 1.5] [--backend dask]

Every other time all workers are killed at once. With `--stop` they are not killed but stopped by SIGSTOP, as a machine
that swaps or a suspended container stops them, and go on after so many seconds. The workers are loky's, or those of a
local Dask cluster, whose connection with the scheduler is cut every third time instead. A fit fails if it raises, gives
other bits, waits without using any processor for longer than the patience, or leaves threads behind. Prints a line per
trainer: kills, fits, failures, and the seconds of a fit without and with a kill.
"""

import argparse
import os
import random
import signal
import threading
import time
import warnings

import joblib
import numpy as np
import psutil
from sklearn.datasets import make_classification

from sklearn_bpfree import BPFreeClassifier
from sklearn_bpfree.plugin.workers import Pace

TRAINERS = "open_es,snes,enkf,eki,noprop,ladder"
SECONDS = 300  # longest fit that does not count as hanging, more than the patience with a worker that stands still


class Loky:
    """loky's workers."""

    backend = "loky"
    n_ways = 2

    def workers(self):
        """Processes that compute at present."""
        found = [(child, " ".join(child.cmdline())) for child in psutil.Process().children()]
        return [child.pid for child, words in found if "loky" in words and "resource_tracker" not in words]

    def cut(self):
        """There is no connection but with the workers."""


class Dask:
    """Two workers of a local cluster, which brings up a new one for each that dies."""

    backend = "dask"
    n_ways = 3

    def __init__(self):
        from distributed import Client, LocalCluster

        self.cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
        self.client = Client(self.cluster)

    def workers(self):
        """Processes that compute at present."""
        found = [getattr(getattr(nanny, "process", None), "pid", None) for nanny in self.cluster.workers.values()]
        return [pid for pid in found if pid]

    def cut(self):
        """Cut the connection between the client and the scheduler, which both think of as a fault of the network."""
        comm = self.client.scheduler_comm
        if comm is not None:
            self.client.loop.add_callback(comm.comm.abort)


def killer(cluster, delay, way, stop, seconds=None):
    """After a delay, kill one worker or all of them, as soon as there are any, stop them, or cut the connection.

    Returns the thread that does it.
    """

    def kill():
        time.sleep(delay)
        while not stop.is_set():
            found = []
            try:
                if way == 2:
                    cluster.cut()
                    kills.append(delay)
                    return
                found = cluster.workers()
                for pid in found if way else found[:1]:
                    os.kill(pid, signal.SIGKILL if seconds is None else signal.SIGSTOP)
                if found and seconds is not None:
                    time.sleep(seconds)
                    for pid in found:
                        os.kill(pid, signal.SIGCONT)
            except (psutil.Error, ProcessLookupError):
                continue
            if found:
                kills.append(delay)
                return
            time.sleep(0.002)

    kills: list[float] = []
    thread = threading.Thread(target=kill, daemon=True)
    thread.kills = kills
    thread.start()
    return thread


def fitted(trainer, X, y, cluster):
    """Predictions of a fit by two workers, and its seconds."""
    begin = time.perf_counter()
    with joblib.parallel_config(cluster.backend), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = BPFreeClassifier((16,), trainer=trainer, max_iter=6, n_jobs=2, random_state=0).fit(X, y)
    return model.predict_proba(X), time.perf_counter() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trainers", default=TRAINERS)
    parser.add_argument("--stop", type=float, default=None, metavar="SECONDS", help="stop the workers for so long")
    parser.add_argument("--backend", default="loky", choices=["loky", "dask"])
    args = parser.parse_args()
    cluster = {"loky": Loky, "dask": Dask}[args.backend]()
    Pace.pays = lambda pace, n_blocks, n_jobs, call_seconds: n_jobs > 1  # workers compute however little there is
    X, y = make_classification(1200, 12, n_informative=6, random_state=0)
    rng, failures = random.Random(args.seed), 0
    names = args.trainers.split(",")
    for trainer in names:
        expected, _ = fitted(trainer, X, y, cluster)  # the workers start
        _, usual = fitted(trainer, X, y, cluster)
        threads, n_kills, n_fits, took, wrong = threading.active_count(), 0, 0, [], []
        while n_kills < args.kills / len(names) and n_fits < 3 * args.kills:
            stop, n_fits = threading.Event(), n_fits + 1
            thread = killer(cluster, rng.uniform(0, 1.2 * usual), n_fits % cluster.n_ways, stop, args.stop)
            try:
                found, seconds = fitted(trainer, X, y, cluster)
                reason = "" if np.array_equal(found, expected) else "other bits"
                reason = f"{seconds:.0f} s" if seconds > SECONDS else reason
            except Exception as error:
                reason, seconds = f"{type(error).__name__}: {error}", np.nan
            stop.set()
            thread.join()
            n_kills += len(thread.kills)
            took += [seconds] if thread.kills else []
            wrong += [reason] if reason else []
        left = threading.active_count() - threads
        failures += len(wrong) + (left > 2 and args.backend == "loky")  # a client of Dask has threads of its own
        print(
            f"{trainer:10} {n_kills:3} {'kills' if args.stop is None else 'stops'} in {n_fits:3} fits, "
            f"{len(wrong)} failures {wrong[:3]}, {left} more threads; "
            f"{usual:.2f} s without one, {np.nanmedian(took):.2f} s with one",
            flush=True,
        )
    print(f"{failures} failures")
    return failures > 0


if __name__ == "__main__":
    raise SystemExit(main())
