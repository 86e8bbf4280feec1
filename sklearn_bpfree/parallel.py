"""Evaluate fixed blocks of work on one core, all cores or a cluster, with the same bits in the result.

What a block computes depends on its number only, and one BLAS thread computes it wherever it runs. So where it runs is
a matter of speed alone, and is decided by the measured time of a block. Read `Workers.map` first.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import cache
from typing import Any

import joblib
import numpy as np
from joblib.parallel import ParallelBackendBase, get_active_backend
from threadpoolctl import ThreadpoolController

BACKEND = "sklearn_bpfree"
CALL_SECONDS = {True: 1e-3, False: 20e-3}  # what a call of joblib costs, by whether the backend is the one below


class BlockingThreads(ParallelBackendBase):
    """Threads for joblib whose results are waited for, not polled every 10 ms as those of its own backends are."""

    supports_retrieve_callback = False
    supports_sharedmem = True
    uses_threads = True
    parallel: joblib.Parallel | None = None
    _pool: ThreadPoolExecutor | None = None

    def effective_n_jobs(self, n_jobs):
        if n_jobs is None:
            return 1
        return n_jobs if n_jobs > 0 else max(joblib.cpu_count() + 1 + n_jobs, 1)

    def configure(self, n_jobs=1, parallel=None, **backend_kwargs):
        self.parallel = parallel
        n_jobs = self.effective_n_jobs(n_jobs)
        self._pool = ThreadPoolExecutor(n_jobs)
        return n_jobs

    def submit(self, func, callback=None):
        assert self._pool is not None  # joblib calls `configure` first
        future = self._pool.submit(func)
        if callback is not None:
            future.add_done_callback(callback)
        return future

    def retrieve_result(self, out, timeout=None):
        return out.result(timeout)

    def terminate(self):
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def abort_everything(self, ensure_ready=True):
        self.terminate()
        if ensure_ready and self.parallel is not None:
            self.configure(n_jobs=self.parallel.n_jobs, parallel=self.parallel)


joblib.register_parallel_backend(BACKEND, BlockingThreads)


class _OneBlasThread:
    """Limits the BLAS to one thread while anybody in this process asks for it; threads may come and go in any order."""

    def __init__(self):
        self._lock = threading.Lock()
        self._users = 0
        self._limit = None

    @contextmanager
    def __call__(self):
        with self._lock:
            if self._users == 0:
                self._limit = _blas().limit(limits=1)
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0 and self._limit is not None:
                    self._limit.restore_original_limits()


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")


one_blas_thread = _OneBlasThread()


def _timed(function, block, args):
    """A block's result and its seconds."""
    begin = time.perf_counter()
    with one_blas_thread(), np.errstate(all="ignore"):  # other threads do not inherit the caller's errstate
        result = function(block, *args)
    return result, time.perf_counter() - begin


class Workers:
    """Calls a function for every block, with joblib where that pays.

    A user's ``joblib.parallel_config`` decides the backend, and without ``n_jobs`` the number of jobs.

    Parameters
    ----------
    n_jobs : int or None

    Attributes
    ----------
    block_seconds : float or None
        Mean time of a block in the last call; None before the first.
    """

    def __init__(self, n_jobs: int | None = None):
        self.n_jobs = n_jobs
        self.block_seconds: float | None = None
        self._open: joblib.Parallel | None = None

    def map(self, function: Callable, n_blocks: int, *args: Any) -> list:
        """``[function(0, *args), function(1, *args), ...]``, computed here or by the workers.

        Parameters
        ----------
        function : callable
            A pure function of the block's number and `args`, from the top level of a module.
        n_blocks : int
        *args : object
            Arrays among them travel once per call, or not at all with threads.
        """
        done = []
        with one_blas_thread():
            if self.block_seconds is None:  # nothing is known yet: measure the first block
                done.append(_timed(function, 0, args))
                self.block_seconds = done[0][1]
            left = range(len(done), n_blocks)
            if self._pays(len(left)):
                done += self._call(joblib.delayed(_timed)(function, block, args) for block in left)
            else:
                done += [_timed(function, block, args) for block in left]
        self.block_seconds = sum(seconds for _, seconds in done) / n_blocks
        return [result for result, _ in done]

    def close(self) -> None:
        """Let the workers go; they come back when they are needed."""
        if self._open is not None:
            self._open.__exit__(None, None, None)
            self._open = None

    def __del__(self):
        self.close()

    def _pays(self, n_blocks) -> bool:
        """Whether the workers would save more than a call costs."""
        own, n_jobs = _backend(self.n_jobs)
        if n_jobs == 1 or n_blocks < 2:
            return False
        rounds_saved = n_blocks - -(-n_blocks // n_jobs)
        return rounds_saved * (self.block_seconds or 0.0) > CALL_SECONDS[own]

    def _call(self, tasks) -> list:
        tasks = list(tasks)
        try:
            return self._parallel()(tasks)
        except BrokenProcessPool:  # a worker was killed: fresh workers repeat the call, once
            self.close()
            return self._parallel()(tasks)

    def _parallel(self) -> joblib.Parallel:
        if self._open is None:
            own, _ = _backend(self.n_jobs)
            chosen = {"backend": BACKEND} if own else {}
            self._open = joblib.Parallel(n_jobs=self.n_jobs, **chosen).__enter__()
        return self._open


def _backend(n_jobs) -> tuple[bool, int]:
    """Whether the choice of a backend is left to us, and how many jobs there are to be."""
    backend, configured = get_active_backend(prefer="threads")
    other, configured = get_active_backend(prefer="processes")
    own = type(backend) is not type(other)  # a backend that the user chose does not bow to a preference
    n_jobs = configured if n_jobs is None else n_jobs
    if own:
        backend = BlockingThreads()
    return own, backend.effective_n_jobs(n_jobs) if n_jobs is not None else 1
