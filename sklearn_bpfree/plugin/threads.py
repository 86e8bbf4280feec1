"""Threads for joblib whose results are waited for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import joblib
from joblib.parallel import ParallelBackendBase

BACKEND = "sklearn_bpfree"


class BlockingThreads(ParallelBackendBase):
    """Threads for joblib whose results are waited for, not polled every 10 ms as those of its own backends are."""

    supports_retrieve_callback = False
    supports_sharedmem = True
    uses_threads = True
    parallel: joblib.Parallel | None = None
    _pool: ThreadPoolExecutor | None = None

    def effective_n_jobs(self, n_jobs):
        return n_jobs if n_jobs > 0 else max(joblib.cpu_count() + 1 + n_jobs, 1)

    def configure(self, n_jobs=1, parallel=None, **backend_kwargs):
        self.parallel = parallel
        n_jobs = self.effective_n_jobs(n_jobs)
        self._pool = ThreadPoolExecutor(n_jobs)
        return n_jobs

    def submit(self, func, callback=None):
        assert self._pool is not None  # joblib calls `configure` first
        return self._pool.submit(_announced, func, callback)

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


def _announced(func, callback):
    """A task that calls back before its result is there: joblib sleeps if it has all results and misses a call."""
    try:
        return func()
    finally:
        if callback is not None:
            callback(None)


joblib.register_parallel_backend(BACKEND, BlockingThreads)
