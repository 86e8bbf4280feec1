"""A real Dask cluster of several processes: the same bits, rows that travel once, and no fit that hangs."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, get_trainer
from sklearn_bpfree.plugin.workers import Workers

distributed = pytest.importorskip("distributed")

SECONDS = 60  # within which whatever happens must have an end
rng = np.random.default_rng(0)
X = rng.normal(size=(600, 6))
y = (X[:, 0] * X[:, 1] > 0).astype(int)


@pytest.fixture(scope="module")
def cluster():
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as made,
        distributed.Client(made) as client,
    ):
        yield client


def on_the_cluster(function, *args):
    """The function's result with joblib's Dask backend; an error if it takes too long."""

    def run():
        with joblib.parallel_config("dask"):
            return function(*args)

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result(SECONDS)


def fit(loss):
    trainer = get_trainer("open_es", population_size=64)
    model = BPFreeClassifier((8,), trainer=trainer, loss=loss, batch_size=600, max_iter=4, random_state=0)
    return model.fit(X, y).state_.weights


def fit_by_rows(trainer):
    """Each task sees some of the rows and brings back sums over them."""
    rows = np.random.default_rng(1).normal(size=(3000, 6))
    model = BPFreeRegressor((8,), trainer=trainer, max_iter=2, random_state=0)
    return model.fit(rows, rows[:, 0] * rows[:, 1]).state_.weights


def alignment(block, table, array, name):
    return table.flags.aligned and array.flags.aligned


def process(block, table, parent):
    return os.getpid(), float(table[block])


def die_once(block, table, marker, parent):
    if block == 7 and not marker.exists() and os.getpid() != parent:
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return float(table[block])


@pytest.mark.parametrize("loss", ["log_loss", "accuracy"])
def test_a_fit_on_the_cluster_has_the_bits_of_one_at_home(loss, cluster, always_pays, monkeypatch):
    monkeypatch.setattr("sklearn_bpfree.plugin.judging.BLOCK_BYTES", 0)  # more blocks
    expected = fit(loss)
    np.testing.assert_array_equal(on_the_cluster(fit, loss), expected)


@pytest.mark.parametrize("trainer", ["enkf", "eki", "eks", "uki"])
def test_an_ensemble_kalman_fit_on_the_cluster_has_the_bits_of_one_at_home(trainer, cluster, always_pays, monkeypatch):
    calls, call = [], Workers._call
    monkeypatch.setattr(Workers, "_call", lambda *args: calls.append(args[1]) or call(*args))
    expected = fit_by_rows(trainer)
    assert not calls
    np.testing.assert_array_equal(on_the_cluster(fit_by_rows, trainer), expected)
    assert calls


def test_arrays_arrive_where_numpy_computes_the_same_bits(cluster, always_pays):
    table, array = np.arange(99_999.0), np.arange(9_999, dtype=np.float32)

    def run(name):
        workers = Workers(None, table)
        found = workers.map(alignment, 4, table, array, name)
        workers.close()
        return found

    for length in range(4):
        assert all(on_the_cluster(run, "x" * length))


def test_the_table_is_scattered_once_and_leaves_with_the_workers(cluster, always_pays):
    table = np.arange(100_000.0)

    def run():
        workers = Workers(None, table)
        for _ in range(3):
            processes, values = zip(*workers.map(process, 8, table, os.getpid()), strict=True)
            assert values == tuple(range(8)) and os.getpid() not in processes[1:]
        held = {key for keys in cluster.has_what().values() for key in keys if key.startswith("Parcel")}
        workers.close()
        return held

    assert len(on_the_cluster(run)) == 1


def test_a_table_that_the_cluster_lost_is_sent_again(cluster, always_pays):
    table = np.arange(1000.0)

    def run():
        workers = Workers(None, table)
        workers.map(process, 8, table, os.getpid())
        workers._sent.cancel()
        found = workers.map(process, 8, table, os.getpid())
        workers.close()
        return [value for _, value in found]

    assert on_the_cluster(run) == list(range(8))


def test_a_killed_worker_costs_a_repetition_and_never_hangs(cluster, always_pays, tmp_path):
    table = np.arange(1000.0)

    def run():
        workers = Workers(None, table)
        workers.map(process, 8, table, os.getpid())
        found = workers.map(die_once, 8, table, tmp_path / "died", os.getpid())
        workers.close()
        return found

    assert on_the_cluster(run) == list(range(8))
    assert (tmp_path / "died").exists()
