"""Blocks of work: the same results from any workers, which are used only where they pay."""

import os
import signal
import threading
from pathlib import Path

import joblib
import numpy as np
import pytest
from threadpoolctl import threadpool_info

from sklearn_bpfree import parallel
from sklearn_bpfree.parallel import Workers, one_blas_thread


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


@pytest.fixture
def always_pays(monkeypatch):
    monkeypatch.setattr(parallel, "CALL_SECONDS", {True: -1.0, False: -1.0})


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


def test_a_block_sets_the_limit_itself_because_another_process_knows_nothing_of_the_callers():
    [threads], seconds = parallel._run(parallel._Task(blas_threads, [0], (), None))
    assert all(n == 1 for n in threads) and seconds > 0


def test_the_limit_on_the_blas_is_lifted_by_the_last_to_leave():
    before = blas_threads(0)
    first, second = one_blas_thread(), one_blas_thread()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert all(n == 1 for n in blas_threads(0))
    second.__exit__(None, None, None)
    assert blas_threads(0) == before


def test_an_error_in_a_block_reaches_the_caller(workers):
    with pytest.raises(ZeroDivisionError, match="in block"):
        workers.map(fail, 4)


def test_short_blocks_stay_in_the_calling_thread():
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


def test_a_killed_worker_costs_one_repetition(always_pays, tmp_path: Path):
    with joblib.parallel_config("loky"):
        workers = Workers(2)
        assert workers.map(die_once, 5, tmp_path / "died", os.getpid()) == [0, 1, 2, 3, 4]
        workers.close()
    assert (tmp_path / "died").exists()


def test_a_call_of_the_threads_is_quick(always_pays):
    workers = Workers(2)
    workers.map(times, 8, 1)
    seconds = min(_timed(lambda: workers.map(times, 8, 1)) for _ in range(20))
    assert seconds < 0.008  # joblib's own backends sleep 10 ms


def _timed(function):
    begin = parallel.time.perf_counter()
    function()
    return parallel.time.perf_counter() - begin


def test_no_thread_is_left_behind(always_pays):
    before = threading.active_count()
    workers = Workers(3)
    workers.map(np.square, 4)
    assert threading.active_count() > before
    del workers
    assert threading.active_count() == before
