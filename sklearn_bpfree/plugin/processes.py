"""Processes for joblib whose results are waited for, as those of the threads in `threads` are."""

from __future__ import annotations

import multiprocessing
from typing import ClassVar

import joblib
from joblib.parallel import BACKENDS

PROCESSES = "sklearn_bpfree_processes"
Loky = BACKENDS.get("loky", object)


class BlockingProcesses(Loky):
    """loky's processes, whose results are waited for and not polled every 10 ms."""

    supports_retrieve_callback = False
    supports_timeout = True
    started: ClassVar[bool] = False  # whether there have been any; loky keeps them for some minutes

    def submit(self, func, callback=None):
        BlockingProcesses.started = True
        return super().submit(func), callback

    def retrieve_result(self, out, timeout=None):
        future, callback = out
        try:
            return future.result(timeout)
        finally:
            if callback is not None:
                callback(None)  # joblib counts what is done


def can_start() -> bool:
    """Whether this process may have others: not where loky is missing or a pool's daemon asks."""
    return Loky is not object and not multiprocessing.current_process().daemon


if Loky is not object:
    joblib.register_parallel_backend(PROCESSES, BlockingProcesses)
