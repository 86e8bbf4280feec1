"""Blocks of work: the same results from any workers, which are used only where they pay."""

import errno
import os
import signal
import sys
import threading
from pathlib import Path
from typing import ClassVar

import joblib
import numpy as np
import pytest
from joblib.externals.loky.backend.context import get_context
from joblib.externals.loky.backend.queues import Queue
from joblib.parallel import BACKENDS, ThreadingBackend
from threadpoolctl import threadpool_info

from sklearn_bpfree.plugin import blas
from sklearn_bpfree.plugin import workers as workers_module
from sklearn_bpfree.plugin.transport import AT_ONCE, Filed, Parcel, Task, dumps, run
from sklearn_bpfree.plugin.workers import Workers


def times(block, factor):
    return block * factor


def blas_threads(block):
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def thread_name(block):
    return threading.current_thread().name


def process_id(block):
    return os.getpid()


def fail(block):
    raise ZeroDivisionError(f"in block {block}")


def die_once(block, marker, parent):
    if block == 3 and not marker.exists() and os.getpid() != parent:
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return block


def stand_still_once(block, marker, parent):
    if block == 3 and not marker.exists() and os.getpid() != parent:
        marker.touch()
        os.kill(os.getpid(), signal.SIGSTOP)
    return block


class Cargo:
    """Something large that counts how often it is packed."""

    packed = 0

    def __init__(self):
        self.numbers = np.arange(40_000.0)

    def __getstate__(self):
        Cargo.packed += 1
        return self.__dict__


def look_inside(block, cargo, factor):
    return float(cargo.numbers[block]) * factor, isinstance(cargo.numbers, np.memmap)


class Deaf(ThreadingBackend):
    """Like a cluster: no shared memory; the first task of all is never heard of again."""

    supports_sharedmem = False
    lost = 0

    def submit(self, func, callback=None):
        if Deaf.lost == 0:
            Deaf.lost = 1
            return None
        return super().submit(func, callback)


@pytest.fixture(params=["serial", "threads", "loky", "threading"])
def workers(request, always_pays):
    made = Workers(None if request.param == "serial" else 2)
    if request.param in ("serial", "threads"):
        yield made
    else:
        with joblib.parallel_config(request.param):
            yield made
    made.close()


def test_results_come_in_the_order_of_the_blocks(workers):
    for factor in (10, 20):
        assert workers.map(times, 7, factor) == [block * factor for block in range(7)]


def test_one_blas_thread_wherever_a_block_runs(workers):
    assert all(n == 1 for threads in workers.map(blas_threads, 4) for n in threads)


def test_an_error_in_a_block_reaches_the_caller(workers):
    with pytest.raises(ZeroDivisionError, match="in block"):
        workers.map(fail, 4)


def test_short_blocks_stay_in_the_calling_thread(monkeypatch):
    monkeypatch.setattr(workers_module.time, "thread_time", lambda: 0.0)  # short, whatever else the machine does
    workers = Workers(2)
    workers.map(thread_name, 4)
    assert set(workers.map(thread_name, 4)) == {threading.current_thread().name}


def test_long_blocks_go_to_threads(always_pays):
    workers = Workers(2)
    assert threading.current_thread().name not in workers.map(thread_name, 6)[1:]  # the first one is measured here
    assert threading.current_thread().name not in workers.map(thread_name, 6)


def test_the_users_backend_wins(always_pays):
    with joblib.parallel_config("loky"):
        workers = Workers(2)
        workers.map(process_id, 2)
        assert os.getpid() not in workers.map(process_id, 4)
        workers.close()


def test_the_users_number_of_jobs_counts_where_none_is_given(always_pays):
    with joblib.parallel_config(n_jobs=2):
        workers = Workers()
        workers.map(thread_name, 2)
        assert threading.current_thread().name not in workers.map(thread_name, 6)


def slow_threads(monkeypatch):
    """Workers whose threads are taken to have lost time, and so give way to processes."""
    monkeypatch.setattr(workers_module, "START_SECONDS", {True: -1.0, False: -1.0})
    return Workers(2)


def test_processes_take_over_from_threads_that_hold_each_other_up(always_pays, monkeypatch):
    workers = slow_threads(monkeypatch)
    assert set(workers.map(process_id, 6)) == {os.getpid()}
    assert os.getpid() not in workers.map(process_id, 6)
    assert workers.map(times, 7, 3) == [3 * block for block in range(7)]
    workers.close()


def test_threads_that_lose_nothing_stay(always_pays):
    workers = Workers(2)
    for _ in range(3):
        assert set(workers.map(process_id, 6)) == {os.getpid()}


def test_threads_that_a_user_chose_stay(always_pays, monkeypatch):
    with joblib.parallel_config("threading"):
        workers = slow_threads(monkeypatch)
        for _ in range(3):
            assert set(workers.map(process_id, 6)) == {os.getpid()}
        workers.close()


def test_workers_of_a_search_start_no_processes_and_compute_alone_unless_told_otherwise():
    found = joblib.Parallel(2)(joblib.delayed(in_a_search)() for _ in range(2))
    for pids, n_workers in found:
        assert os.getpid() not in pids and len(set(pids)) == 1 and n_workers == 1


def in_a_search():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers_module, "START_SECONDS", {True: -1.0, False: -1.0})
        patch.setattr(workers_module.Pace, "pays", lambda pace, n_blocks, n_jobs, call_seconds: n_jobs > 1)
        workers = Workers(2)
        pids = [pid for _ in range(3) for pid in workers.map(process_id, 4)]
        workers.close()
    return pids, Workers().n_workers()


def test_threads_come_back_for_processes_that_fail(always_pays, monkeypatch):
    workers = slow_threads(monkeypatch)
    workers.map(process_id, 6)

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(workers_module, "Mapped", full)
    for _ in range(2):
        assert set(workers.map(process_id, 6)) == {os.getpid()}


def test_a_killed_worker_costs_one_repetition(always_pays, tmp_path: Path):
    with joblib.parallel_config("loky"):
        workers = Workers(2)
        assert workers.map(die_once, 5, tmp_path / "died", os.getpid()) == [0, 1, 2, 3, 4]
        workers.close()
    assert (tmp_path / "died").exists()


def test_no_thread_goes_on_feeding_workers_that_were_killed(always_pays, monkeypatch, tmp_path: Path):
    seen, before = [], set(threading.enumerate())
    find = workers_module._task_queue
    monkeypatch.setattr(workers_module, "_task_queue", lambda parallel: seen.append(find(parallel)) or seen[-1])
    with joblib.parallel_config("loky"):
        workers = Workers(2)
        workers.map(die_once, 5, tmp_path / "died", os.getpid())
        workers.close()
    broken, whole = seen
    assert broken._reader.closed and not whole._reader.closed
    stuck = Queue(ctx=get_context())  # one that nobody reads from
    stuck.put(bytes(1 << 20))
    [feeder] = [thread for thread in set(threading.enumerate()) - before if thread is stuck._thread]
    workers_module._let_feeder_go(stuck)
    stuck.close()
    feeder.join(60)
    assert not feeder.is_alive()


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="a system without stopped processes")
def test_a_worker_that_stands_still_is_replaced(always_pays, monkeypatch, tmp_path: Path):
    monkeypatch.setattr(workers_module, "PATIENCE", (1.0, 60.0))
    with joblib.parallel_config("loky"):
        workers = Workers(2)
        assert workers.map(stand_still_once, 5, tmp_path / "stopped", os.getpid()) == [0, 1, 2, 3, 4]
        workers.close()
    assert (tmp_path / "stopped").exists()


def test_a_slow_function_has_more_time_than_the_patience(always_pays, monkeypatch):
    monkeypatch.setattr(workers_module, "PATIENCE", (1e-3,))
    monkeypatch.setattr(workers_module, "SLOW", 1e6)
    with joblib.parallel_config("loky"):
        workers = Workers(2)
        assert workers.map(times, 7, 3) == [3 * block for block in range(7)]
        workers.close()


def test_results_that_a_pipe_does_not_take_at_once_come_in_files_which_are_gone_when_they_are_read(tmp_path: Path):
    small, large = Parcel(Task(times, range(3), (1,), None)), Parcel(Task(times, range(3), (bytes(1000),), None))
    assert isinstance(run(small, None, tmp_path), Parcel) and not list(tmp_path.iterdir())
    filed = run(large, None, tmp_path)
    assert isinstance(filed, Filed) and len(list(tmp_path.iterdir())) == 1
    assert len(dumps(filed)) < AT_ONCE
    assert filed.content[0] == [b"", bytes(1000), bytes(2000)]
    assert not list(tmp_path.iterdir())


def test_large_results_of_processes_come_in_files(always_pays, monkeypatch):
    read = []
    content = Filed.content.fget
    monkeypatch.setattr(Filed, "content", property(lambda filed: read.append(filed.path) or content(filed)))
    with joblib.parallel_config("loky"):
        workers = Workers(2)
        assert workers.map(times, 5, bytes(10_000)) == [bytes(10_000 * block) for block in range(5)]
        workers.close()
    assert read and not any(map(os.path.exists, read))


def test_what_is_shared_travels_once_to_processes_and_is_mapped_there(always_pays):
    cargo, Cargo.packed = Cargo(), 0
    with joblib.parallel_config("loky"):
        workers = Workers(2, cargo)
        for factor in (1.0, 2.0, 3.0):
            values, mapped = zip(*workers.map(look_inside, 6, cargo, factor), strict=True)
            assert values == tuple(block * factor for block in range(6))
            assert all(mapped[1:])
        folder = workers._folder.name
        workers.close()
    assert Cargo.packed == 1
    assert not Path(folder).exists()


def test_what_is_shared_stays_where_it_is_for_threads(always_pays):
    cargo, Cargo.packed = Cargo(), 0
    workers = Workers(2, cargo)
    values, mapped = zip(*workers.map(look_inside, 6, cargo, 2.0), strict=True)
    assert values == (0, 2, 4, 6, 8, 10) and not any(mapped) and Cargo.packed == 0


def test_a_cluster_that_does_not_answer_is_asked_again(always_pays, monkeypatch):
    monkeypatch.setitem(BACKENDS, "deaf", Deaf)
    monkeypatch.setattr(Deaf, "lost", 0)
    monkeypatch.setattr(workers_module, "PATIENCE", (0.1, 60.0))
    with joblib.parallel_config("deaf"):
        workers = Workers(2)
        assert workers.map(times, 7, 3) == [3 * block for block in range(7)]
        workers.close()
    assert Deaf.lost == 1


def test_a_cluster_that_never_answers_is_given_up(always_pays, monkeypatch):
    monkeypatch.setitem(BACKENDS, "deaf", Deaf)
    monkeypatch.setattr(workers_module, "PATIENCE", (0.1, 0.1))
    monkeypatch.setattr(Deaf, "submit", lambda self, func, callback=None: None)
    with joblib.parallel_config("deaf"), pytest.raises(TimeoutError, match="last of 2 attempts"):
        Workers(2).map(times, 7, 3)


def test_the_runs_of_blocks_are_even_and_complete():
    for n_blocks, n_parts in [(7, 3), (2, 5), (8, 2), (1, 1)]:
        parts = workers_module._split(range(3, 3 + n_blocks), n_parts)
        assert [block for part in parts for block in part] == list(range(3, 3 + n_blocks))
        assert len(parts) == min(n_blocks, n_parts)
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_workers_that_lost_time_rest_for_longer_and_longer():
    pace, rests = workers_module.Pace(1.0), []
    for saved in (1.0, -1.0, -1.0, -1.0, 2.0, -1.0):
        pace.computed_there(1.0, saved)
        rests.append(0)
        while not pace.pays(8, 2, 1.0):
            pace.computed_here(1.0)
            rests[-1] += 1
    assert rests == [0, 4, 8, 16, 0, 4]


def test_workers_pay_if_they_save_more_than_a_call_costs():
    pace = workers_module.Pace(1.0)
    assert pace.pays(8, 2, 3.9) and not pace.pays(8, 2, 4.1)
    assert not pace.pays(8, 1, 0.1) and not pace.pays(1, 2, 0.1)


def test_workers_that_rest_are_tried_again(monkeypatch):
    monkeypatch.setattr(workers_module, "CALL_SECONDS", {True: -1.0, False: -1.0})
    workers = Workers(2)
    workers.map(thread_name, 4)
    [pace] = workers._paces.values()
    pace.computed_there(1.0, saved=-1.0)
    pace.rest = 2
    here = [set(workers.map(thread_name, 4)) == {threading.current_thread().name} for _ in range(3)]
    assert here == [True, True, False]


def test_the_threads_are_waited_for_and_not_polled(always_pays, monkeypatch):
    workers = Workers(2)
    workers.map(times, 8, 1)
    naps = []
    monkeypatch.setattr(workers_module.time, "sleep", naps.append)  # joblib's own backends sleep 10 ms between looks
    workers.map(times, 8, 1)
    assert not naps
    with joblib.parallel_config("threading"):
        others = Workers(2)
        others.map(blas_threads, 8)
        others.close()
    assert naps  # so that the test would see it


def test_no_thread_is_left_behind(always_pays):
    before = threading.active_count()
    workers = Workers(3)
    workers.map(np.square, 4)
    assert threading.active_count() > before
    del workers
    assert threading.active_count() == before


def turn(block):
    return sys.getswitchinterval()


def test_threads_take_short_turns_while_they_compute_and_no_longer():
    before = sys.getswitchinterval()
    workers = workers_module.Workers(2)
    workers._paces[turn] = workers_module.Pace(block_seconds=1.0)
    assert max(workers.map(turn, 4)) <= 1.01 * blas.TURN_SECONDS
    workers.close()
    assert sys.getswitchinterval() == before > blas.TURN_SECONDS


# --- faults of the workers --------------------------------------------------------------------------------------------


class Faulty(ThreadingBackend):
    """A backend of which some calls fail, each as the first entries of its list say; None: this one succeeds."""

    faults: ClassVar[dict[str, list]] = {}

    def meet(self, call):
        fault = self.faults[call].pop(0) if self.faults.get(call) else None
        if fault is not None:
            raise fault

    def submit(self, func, callback=None):
        self.meet("submit")
        return super().submit(func, callback)

    def effective_n_jobs(self, n_jobs):
        self.meet("effective_n_jobs")
        return super().effective_n_jobs(n_jobs)

    def terminate(self):
        super().terminate()
        self.meet("terminate")


@pytest.fixture
def faulty(always_pays, monkeypatch):
    """Sets the faults of a backend that is then used."""
    monkeypatch.setitem(BACKENDS, "faulty", Faulty)
    with joblib.parallel_config("faulty"):
        yield lambda **faults: monkeypatch.setattr(Faulty, "faults", faults)


@pytest.mark.parametrize("fault", [AttributeError("'NoneType' object has no attribute 'submit'"), OSError(9, "closed")])
@pytest.mark.parametrize("call", ["submit", "terminate"])
def test_whatever_joblib_raises_when_workers_die_the_call_is_repeated(call, fault, faulty):
    workers = Workers(2)
    workers.map(times, 2, 3)
    faulty(**{"submit": [None, AttributeError("one worker died")], call: [fault, fault]})
    assert workers.map(times, 7, 3) == [3 * block for block in range(7)]
    workers.close()


def test_a_cluster_whose_workers_start_again_is_waited_for(faulty):
    restarting = TimeoutError("no worker after 10 seconds")
    for faults in ([restarting], [restarting, restarting], [None, restarting]):
        faulty(effective_n_jobs=list(faults))
        workers = Workers(2)
        assert workers.map(times, 7, 3) == [3 * block for block in range(7)]
        workers.close()


def test_workers_that_take_long_to_start_again_are_waited_for(faulty):
    faulty(effective_n_jobs=[None, None, *[TimeoutError("no worker after 10 seconds")] * 8])
    workers = Workers(2)
    for _ in range(2):
        assert workers.map(times, 7, 3) == [3 * block for block in range(7)]
    workers.close()


@pytest.mark.parametrize("n_calls", [0, 1])
def test_a_cluster_without_workers_is_one_sentence(n_calls, faulty, monkeypatch):
    monkeypatch.setattr(workers_module, "WAITING", (0.0, 0.0))
    workers = Workers(2)
    for _ in range(n_calls):
        workers.map(times, 7, 3)
    faulty(effective_n_jobs=[TimeoutError("no worker:\n\nparallel_config(wait_for_workers_timeout=20)")] * 20)
    with pytest.raises(
        TimeoutError, match=r"^joblib's backend has had no worker for 0 seconds \(TimeoutError\); .*\.$"
    ):
        workers.map(times, 7, 3)


def test_an_error_of_the_function_is_not_repeated(workers, tmp_path):
    with pytest.raises(AttributeError, match="of the function"):
        workers.map(fail_and_count, 4, tmp_path)
    workers.close()
    assert all(len(path.read_text()) == 1 for path in tmp_path.iterdir())


def fail_and_count(block, folder):
    if block == 0:
        return  # the first block is computed here
    with (folder / str(block)).open("a") as file:
        file.write("x")
    raise AttributeError("of the function")


def test_a_full_disk_is_one_sentence_and_leaves_nothing(always_pays, monkeypatch, tmp_path):
    calls = []

    def dump(*args):
        calls.append(args)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(joblib, "dump", dump)
    cargo = Cargo()
    with joblib.parallel_config("loky"):
        workers = Workers(2, cargo)
        with pytest.raises(OSError, match=r"^\[Errno 28\] The disk of .* is full, .* or fit with threads or n_jobs=1$"):
            workers.map(look_inside, 6, cargo, 1.0)
    assert len(calls) == 1 and not list(tmp_path.iterdir())


def test_a_limit_on_threads_is_one_sentence_and_leaves_no_thread(always_pays, monkeypatch):
    before, start = threading.active_count(), threading.Thread.start

    def limited(thread):
        if threading.active_count() > before:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)
    workers = Workers(3)
    with pytest.raises(RuntimeError, match=r"^The workers .* in each of 3 attempts, .* can't start new thread; .*\.$"):
        workers.map(times, 7, 3)
    assert threading.active_count() == before
