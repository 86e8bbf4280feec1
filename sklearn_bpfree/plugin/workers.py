"""Evaluate fixed blocks of work on one core, all cores or a cluster, with the same bits in the result.

What a block computes depends on its number only, and one BLAS thread computes it wherever it runs. So where it runs is
a matter of speed alone, and is decided by the measured time of a block. Read `Workers.map` first.

Threads come first. Those that call many short numpy functions hold each other up, as only one at a time has Python's
interpreter; when they have lost as many seconds as processes take to start, processes take over.
"""

from __future__ import annotations

import errno
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import TimeoutError as NoAnswer  # joblib raises this one
from typing import Any

import joblib
from joblib.parallel import BACKENDS, get_active_backend

from sklearn_bpfree.plugin.blas import keep_freed_memory, one_blas_thread, short_turns
from sklearn_bpfree.plugin.processes import PROCESSES, BlockingProcesses, can_start
from sklearn_bpfree.plugin.threads import BACKEND, BlockingThreads
from sklearn_bpfree.plugin.transport import Mapped, Task, TaskError, packed, run, scattered

CALL_SECONDS = {True: 1e-3, False: 20e-3}  # what a call of joblib costs, by whether the backend is `BlockingThreads`
START_SECONDS = {True: 0.2, False: 2.5}  # what processes take to start, by whether some have been started before
LOCAL_PROCESSES = tuple(BACKENDS[name] for name in ("loky", "multiprocessing") if name in BACKENDS)
LOST = (BrokenExecutor, CancelledError, OSError, NoAnswer)  # when workers died, or start again and count as none
PATIENCE = (60.0, 300.0, 1800.0)  # seconds that each attempt may wait for the next result of processes or a cluster
WAITING = (60.0, 300.0)  # seconds that may pass until there is a worker: the first one, and one after others died
SLOW = 20  # and a result may take that many times as long as what was measured says, whatever the patience


class NoWorker(TimeoutError):
    """None came up, for as long as one is waited for."""


class Workers:
    """Calls a function for every block, with joblib where that pays.

    A user's ``joblib.parallel_config`` decides the backend, and without ``n_jobs`` the number of jobs.

    Parameters
    ----------
    n_jobs : int or None
    shared : object, default=None
        What most calls need, such as a table. As an argument of `map` it travels once and not with every task: loky's
        processes map it from a file, Dask scatters it, threads have it already.
    """

    def __init__(self, n_jobs: int | None = None, shared: Any = None):
        self.n_jobs = n_jobs
        self.shared = shared
        self._paces: dict[Callable, Pace] = {}
        self._lost_seconds = 0.0  # of threads that held each other up
        self._processes: bool | None = False  # whether they have taken over; None: they failed
        self._open: joblib.Parallel | None = None
        self._sent: Any = None  # `shared` in the form in which the open workers are given it
        self._folder: tempfile.TemporaryDirectory | None = None
        self._had_some = False

    def map(self, function: Callable, n_blocks: int, *args: Any) -> list:
        """``[function(0, *args), function(1, *args), ...]``, computed here or by the workers.

        Parameters
        ----------
        function : callable
            A pure function from the top level of a module.
        n_blocks : int
        *args : object
            They travel with every task, of which there is one per worker, except for `shared`, if it is among them.

        Returns
        -------
        results : list
            In the order of the blocks.
        """
        with one_blas_thread():
            results = []
            pace = self._paces.get(function)
            if pace is None:  # nothing is known yet: measure the first block
                results, seconds = self._here(function, range(1), args)
                pace = self._paces[function] = Pace(seconds)
            left = range(len(results), n_blocks)
            backend, n_jobs = self._backend()
            if left and pace.pays(len(left), n_jobs, CALL_SECONDS[isinstance(backend, BlockingThreads)]):
                results += self._send(function, left, args, pace)
            elif left:
                more, seconds = self._here(function, left, args)
                pace.computed_here(seconds / len(left))
                results += more
            return results

    def n_workers(self) -> int:
        """How many blocks can be computed at the same time."""
        return self._backend()[1]

    def close(self) -> None:
        """Let the workers go; they come back when they are needed."""
        if self._open is not None:
            with suppress(Exception):  # what is broken already cannot be told to go
                self._open.__exit__(None, None, None)
        if self._folder is not None:
            self._folder.cleanup()
        self._open = self._sent = self._folder = None

    def __del__(self):
        self.close()

    def _here(self, function, blocks, args) -> tuple[list, float]:
        keep_freed_memory()
        return Task(function, blocks, args, self.shared).results()

    def _backend(self) -> tuple[Any, int]:
        begin, seconds, pause = time.monotonic(), WAITING[self._had_some], 1e-3
        while True:
            try:
                found = _backend(self.n_jobs, bool(self._processes))
                self._had_some = True
                return found
            except LOST as error:  # a cluster whose workers start again counts none, at once or after a while
                self.close()
                if time.monotonic() - begin > seconds:
                    raise NoWorker(
                        f"joblib's backend has had no worker for {seconds:g} seconds ({type(error).__name__}); start "
                        "some, look at the cluster, or fit with n_jobs=1."
                    ) from error
            time.sleep(pause)
            pause = min(2 * pause, 1.0)

    def _send(self, function, blocks, args, pace) -> list:
        """Results of the blocks from the workers; fresh ones repeat a call that failed, and give the same bits."""
        lost: Exception = NoAnswer()
        for patience in PATIENCE:
            try:
                return self._call(function, blocks, args, pace, patience)
            except TaskError as failed:
                raise failed.error from failed.__cause__
            except NoWorker:
                raise
            except Exception as error:
                lost = error
                self.close()
                if self._processes:  # which nobody asked for
                    self._processes = None
                    continue
                if getattr(error, "errno", None) == errno.ENOSPC:
                    break
        raise _given_up(lost) from lost

    def _call(self, function, blocks, args, pace, patience) -> list:
        new = self._open is None
        parallel, n_tasks = self._workers(patience)
        in_threads, alone = isinstance(self._backend()[0], BlockingThreads), pace.alone
        begin = time.perf_counter()
        tasks = [Task(function, part, args, self.shared) for part in _split(blocks, n_tasks)]
        if parallel.timeout is not None:
            parallel.timeout = max(patience, SLOW * pace.block_seconds * len(tasks[0].blocks))
        queue, folder = _task_queue(parallel), self._folder and self._folder.name
        try:
            with short_turns():
                parcels = parallel(joblib.delayed(run)(packed(task, folder), self._sent, folder) for task in tasks)
        except BaseException:
            _let_feeder_go(queue)
            raise
        parts = [parcel.content for parcel in parcels]
        wall = time.perf_counter() - begin
        seconds = sum(seconds for _, seconds in parts)
        if not new:  # new workers take time to start
            pace.computed_there(seconds / len(blocks), saved=seconds - wall)
        if in_threads and self._processes is False:
            self._lost_seconds += max(wall - alone * len(tasks[-1].blocks), 0)
            if self._lost_seconds > START_SECONDS[BlockingProcesses.started] and can_start():
                self.close()
                self._processes = True
        return [result for results, _ in parts for result in results]

    def _workers(self, patience) -> tuple[Any, int]:
        """joblib's workers, which have been sent what is shared, and the number of tasks that suits them."""
        backend, n_jobs = self._backend()
        if self._open is None:
            options: dict[str, Any] = {"batch_size": 1, "pre_dispatch": "all", "max_nbytes": None}
            self._sent = self.shared
            if isinstance(backend, BlockingThreads):
                options["backend"] = BACKEND
            elif isinstance(backend, LOCAL_PROCESSES):
                options["timeout"] = patience
                if isinstance(backend, BlockingProcesses):
                    options["backend"] = PROCESSES
                self._folder = tempfile.TemporaryDirectory(prefix=BACKEND, ignore_cleanup_errors=True)
                self._sent = Mapped(self.shared, os.path.join(self._folder.name, "shared"))
            elif not getattr(backend, "supports_sharedmem", False):
                options["timeout"] = patience
                self._sent = scattered(self.shared, backend, patience)
            self._open = joblib.Parallel(self.n_jobs, **options).__enter__()
        return self._open, n_jobs


def _task_queue(parallel) -> Any:
    """The queue from which loky's workers take their tasks; None for other backends."""
    return getattr(getattr(getattr(parallel, "_backend", None), "_workers", None), "_call_queue", None)


def _let_feeder_go(queue) -> None:
    """End the thread that writes tasks for workers that joblib has ended: it would wait for them to read for ever."""
    with suppress(AttributeError, OSError):  # no such queue, or closed already
        queue._reader.close()


def _given_up(error) -> Exception:
    """What is said when no worker did what it was asked for, in one sentence."""
    if isinstance(error, (NoAnswer, TimeoutError)):
        return TimeoutError(
            f"The workers of joblib's backend gave no result within {PATIENCE[-1]:g} seconds, in the last of "
            f"{len(PATIENCE)} attempts; look at the cluster or for processes that stand still, or fit with n_jobs=1."
        )
    if getattr(error, "errno", None) == errno.ENOSPC:
        return OSError(
            errno.ENOSPC,
            f"The disk of {tempfile.gettempdir()!r} is full, where the workers' processes find the rows; make "
            "room there, name another folder in the environment variable TMPDIR, or fit with threads or n_jobs=1",
        )
    return RuntimeError(
        f"The workers of joblib's backend failed in each of {len(PATIENCE)} attempts, in the last one with "
        f"{type(error).__name__}: {error}; look at the limits of memory, threads and processes, or fit with n_jobs=1."
    )


@dataclass
class Pace:
    """What is known of a function's speed: the seconds of a block, and whether workers were worth their while.

    When they were not they rest for some calls, and for twice as many if that happens again.
    """

    block_seconds: float
    rest: int = 0
    next_rest: int = 4

    def __post_init__(self):
        self.alone = self.block_seconds  # of a block that no other one disturbed

    def pays(self, n_blocks, n_jobs, call_seconds) -> bool:
        """Whether workers would save more than a call to them costs, as far as was measured."""
        rounds_saved = n_blocks - -(-n_blocks // n_jobs)
        return n_jobs > 1 and not self.rest and rounds_saved * self.block_seconds > call_seconds

    def computed_here(self, block_seconds) -> None:
        """Enter a call that did without workers."""
        self.block_seconds = self.alone = block_seconds
        self.rest = max(self.rest - 1, 0)

    def computed_there(self, block_seconds, saved) -> None:
        """Enter a call to workers, and the seconds that it saved."""
        self.block_seconds = block_seconds
        if saved > 0:
            self.next_rest = 4
        else:
            self.rest, self.next_rest = self.next_rest, min(2 * self.next_rest, 256)


def _split(blocks, n_parts):
    """At most `n_parts` runs of blocks, of equal length as far as possible."""
    n_parts = min(n_parts, len(blocks))
    ends = [len(blocks) * part // n_parts for part in range(n_parts + 1)]
    return [blocks[start:end] for start, end in pairwise(ends)]


def _backend(n_jobs, processes=False) -> tuple[Any, int]:
    """The backend that is to be used, and the number of jobs; processes instead of threads where nobody chose."""
    backend, configured = get_active_backend(prefer="threads")
    other, configured = get_active_backend(prefer="processes")
    if type(backend) is not type(other):  # a backend that the user chose does not bow to a preference
        backend = BlockingProcesses(nesting_level=0) if processes else BlockingThreads()
    choices = (n_jobs, configured, backend.default_n_jobs)  # as joblib.Parallel looks for it
    return backend, backend.effective_n_jobs(next(choice for choice in choices if choice is not None))
