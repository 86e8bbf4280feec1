"""What a process is set to while it computes blocks, and what it is set to afterwards."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from threadpoolctl import threadpool_info

from sklearn_bpfree.plugin import blas
from sklearn_bpfree.plugin.blas import one_blas_thread, short_turns


def blas_threads(block):
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_the_limit_on_the_blas_is_lifted_by_the_last_to_leave():
    before = blas_threads(0)
    first, second = one_blas_thread(), one_blas_thread()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert all(n == 1 for n in blas_threads(0))
    second.__exit__(None, None, None)
    assert blas_threads(0) == before


def test_one_blas_thread_in_any_thread_and_whoever_leaves_last():
    """threadpoolctl lets one thread alone change OpenBLAS until that gives it up."""

    def in_a_thread(function):
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(function).result()

    def limited():
        with one_blas_thread():
            return blas_threads(0)

    before = blas_threads(0)
    assert set(limited()) == {1}
    assert set(in_a_thread(limited)) == {1}
    mine, other = one_blas_thread(), one_blas_thread()
    mine.__enter__()
    in_a_thread(other.__enter__)
    mine.__exit__(None, None, None)
    assert set(blas_threads(0)) == {1}
    in_a_thread(lambda: other.__exit__(None, None, None))
    assert blas_threads(0) == before
    assert set(limited()) == {1}


def test_threads_take_short_turns_while_anybody_computes():
    before = sys.getswitchinterval()
    with short_turns(), short_turns():
        assert sys.getswitchinterval() <= 1.01 * blas.TURN_SECONDS
    assert sys.getswitchinterval() == before > blas.TURN_SECONDS


@pytest.mark.skipif(sys.platform != "linux", reason="speaks of the C library of Linux")
def test_memory_that_blocks_free_is_kept():
    script = """
import resource
import numpy as np
from sklearn_bpfree.plugin.workers import Workers

def block(number):
    arrays = [np.ones(400_000) for _ in range(8)]

workers = Workers()
workers.map(block, 2)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
workers.map(block, 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    usual = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}  # Dask sets one
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=usual)
    assert int(run.stdout) < 30_000  # of 120,000 otherwise; the system may take a page back at any time
