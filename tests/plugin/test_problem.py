"""What a trainer sees: minibatches, the output error with weights inside, losses of populations, merged rows."""

import pickle

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn import metrics

from sklearn_bpfree.nn.losses import BinaryLogLoss, LogLoss, SquaredError
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.nn.objectives import Metric, ObjectiveError
from sklearn_bpfree.nn.targets import Classes
from sklearn_bpfree.plugin import problem as module
from sklearn_bpfree.plugin.batches import Batch
from sklearn_bpfree.plugin.problem import Problem
from sklearn_bpfree.plugin.sharing import without_rows

N = 53
NETWORK = Network((4, 5, 3), "tanh")
rng = np.random.default_rng(0)
X = rng.normal(size=(N, 4))
CODES = rng.integers(3, size=N)
Y = np.eye(3)[CODES]
WEIGHT = rng.integers(1, 5, N).astype(float)
POPULATION = rng.normal(size=(6, NETWORK.n_weights))


def make(**changes):
    return Problem(**{"X": X, "Y": Y, "network": NETWORK, "objective": LogLoss(), "batch_size": 10, **changes})


def test_sample_weights_have_mean_1():
    problem = make(sample_weight=WEIGHT)
    np.testing.assert_allclose(problem.sample_weight, WEIGHT / WEIGHT.mean())
    assert make().sample_weight is None


def test_computation_is_in_the_dtype_of_the_targets():
    problem = make(X=X.astype("f4"), Y=Y.astype("f4"), sample_weight=WEIGHT)
    assert problem.dtype == problem.sample_weight.dtype == np.float32


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_a_pass_meets_every_row_once_with_its_target_and_weight(kind, weight):
    problem = make(X=kind(X), sample_weight=weight)
    seen = []
    for batch in problem.batches(np.random.default_rng(1)):
        rows = batch.X.toarray() if sparse.issparse(batch.X) else batch.X
        for i, row in enumerate(rows):
            number = int(np.flatnonzero((X == row).all(axis=1))[0])
            np.testing.assert_array_equal(batch.Y[i], Y[number])
            if weight is None:
                assert batch.weight is None
            else:
                assert batch.weight[i] == problem.sample_weight[number]
            seen.append(number)
    assert sorted(seen) == list(range(N)) and seen != sorted(seen)
    assert problem.n_evaluations == N


def test_batches_have_the_size_asked_for():
    problem = make()
    assert [len(batch.Y) for batch in problem.batches(np.random.default_rng(0))] == [10] * 5 + [3]
    assert problem.n_batches == 6


def test_passes_depend_on_the_generator_only():
    problem = make()
    first, again, other = (
        np.concatenate([batch.Y.copy() for batch in problem.batches(np.random.default_rng(seed))]) for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_a_batch_of_all_rows_is_not_shuffled():
    problem = make(batch_size=1000)
    (batch,) = problem.batches(np.random.default_rng(0))
    assert batch.X is problem.X and batch.Y is problem.Y
    assert (problem.batch_size, problem.n_batches, problem.n_evaluations) == (N, 1, N)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_a_sample_holds_distinct_rows_in_their_order(kind):
    problem = make(X=kind(X), sample_weight=WEIGHT)
    batch = problem.sample(np.random.default_rng(0), 20)
    rows = batch.X.toarray() if sparse.issparse(batch.X) else batch.X
    numbers = [int(np.flatnonzero((X == row).all(axis=1))[0]) for row in rows]
    assert len(set(numbers)) == 20 and numbers == sorted(numbers)
    np.testing.assert_array_equal(batch.Y, Y[numbers])
    np.testing.assert_array_equal(batch.weight, problem.sample_weight[numbers])
    assert len(problem.sample(np.random.default_rng(0), N).Y) == N


def test_progress_is_counted_at_the_middle_of_a_batch():
    problem = make(max_iter=4)
    assert problem.progress() == pytest.approx(0.5 / 6 / 4)
    problem.iteration = 3
    assert problem.progress(5) == pytest.approx((3 + 5.5 / 6) / 4)
    problem.iteration = 7
    assert problem.progress() == 1
    assert make().progress() is None


def test_first_output_is_that_of_the_weighted_targets():
    first = make(sample_weight=WEIGHT).initial_output()
    np.testing.assert_allclose(LogLoss().link(first[None])[0], np.average(Y, axis=0, weights=WEIGHT))
    metric = Metric("accuracy", Classes(np.arange(3)), LogLoss())
    assert not make(objective=metric, y=CODES).initial_output().any()


@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("objective", [LogLoss(), BinaryLogLoss(), SquaredError()])
def test_output_error_is_the_slope_of_the_mean_loss(objective, weight):
    problem = make(objective=objective, sample_weight=weight)
    batch = problem.sample(np.random.default_rng(0), 17)
    Z = rng.normal(size=(17, 3))
    loss, E = problem.output_error(Z, batch)
    w = np.ones(17) if weight is None else batch.weight
    assert loss == pytest.approx((objective.loss(Z, batch.Y) * w).mean())
    for i, k in [(0, 0), (5, 2), (16, 1)]:
        step = np.zeros_like(Z)
        step[i, k] = 1e-6
        slope = (problem.output_error(Z + step, batch)[0] - problem.output_error(Z - step, batch)[0]) / 2e-6
        assert E[i, k] == pytest.approx(slope, abs=1e-8)


def test_a_metric_has_no_output_error():
    problem = make(objective=Metric("accuracy", Classes(np.arange(3)), LogLoss()), y=CODES)
    with pytest.raises(ObjectiveError, match="the metric 'accuracy' has no output error"):
        problem.output_error(np.zeros((N, 3)), problem.all_rows())


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_loss_is_the_weighted_mean_over_all_rows(weight):
    problem = make(sample_weight=weight)
    P = LogLoss().link(NETWORK.outputs(POPULATION[0], X))
    expected = metrics.log_loss(CODES, P, sample_weight=weight)
    assert problem.loss(POPULATION[0]) == pytest.approx(expected)
    assert isinstance(problem.loss(POPULATION[0]), float)


@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_losses_of_a_population_are_those_of_its_members(monkeypatch, weight, kind):
    problem = make(X=kind(X), sample_weight=weight)
    monkeypatch.setattr(module, "MEMBER_BYTES", 2 * Y.nbytes * 4)  # groups of two members
    losses = problem.loss(POPULATION)
    assert losses.shape == (6,)
    np.testing.assert_allclose(losses, [make(X=kind(X), sample_weight=weight).loss(w) for w in POPULATION], rtol=1e-12)
    assert problem.n_evaluations == 6 * N


def test_loss_of_some_rows():
    problem = make(sample_weight=WEIGHT)
    batch = problem.sample(np.random.default_rng(0), 17)
    expected = np.average(LogLoss().loss(NETWORK.outputs(POPULATION[0], batch.X), batch.Y), weights=batch.weight)
    assert problem.loss(POPULATION[0], batch) == pytest.approx(expected)
    assert problem.n_evaluations == 17


def test_loss_of_a_metric_counts_negatively_and_is_of_all_rows():
    problem = make(objective=Metric("accuracy", Classes(np.arange(3)), LogLoss()), y=CODES, sample_weight=WEIGHT)
    predicted = NETWORK.outputs(POPULATION, X).argmax(axis=2)
    expected = [-metrics.accuracy_score(CODES, codes, sample_weight=WEIGHT) for codes in predicted]
    np.testing.assert_allclose(problem.loss(POPULATION), expected)
    np.testing.assert_allclose(problem.loss(POPULATION, Batch(X[:3], Y[:3], WEIGHT[:3])), expected)


# --- merged rows ------------------------------------------------------------------------------------------------------


def moments(batch, shift):
    X = batch.X - shift
    weight = np.ones(len(X)) if batch.weight is None else batch.weight
    return (X * weight[:, None]).T @ X, X.T @ (weight[:, None] * batch.Y)


@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("n_jobs", [None, 2, 3])
def test_sums_over_blocks_of_rows_have_the_same_bits_from_any_workers(weight, n_jobs, always_pays):
    expected = make(sample_weight=weight).map_rows(moments, 0.5, size=8)
    problem = make(sample_weight=weight, n_jobs=n_jobs)
    found = problem.map_rows(moments, 0.5, size=8)
    assert len(found) == 7
    for parts, others in zip(found, expected, strict=True):
        for part, other in zip(parts, others, strict=True):
            np.testing.assert_array_equal(part, other)
    gram, right = (sum(parts) for parts in zip(*found, strict=True))
    whole = moments(problem.all_rows(), 0.5)
    np.testing.assert_allclose(gram, whole[0])
    np.testing.assert_allclose(right, whole[1])


def test_without_shuffling_rows_come_in_their_order():
    batches = list(make(shuffle=False).batches(np.random.default_rng(1)))
    assert [len(batch.Y) for batch in batches] == [10, 10, 10, 10, 10, 3]
    np.testing.assert_array_equal(np.vstack([batch.X for batch in batches]), X)


# --- derived problems -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("columns", [None, np.array([2, 0])])
@pytest.mark.parametrize("rows", [None, np.array([5, 2, 40]), slice(3, 9)])
def test_a_derived_problem_has_the_rows_and_columns_asked_for(rows, columns, kind):
    problem = make(X=kind(X), sample_weight=WEIGHT, n_jobs=4, max_iter=9)
    problem.iteration = 3
    own = problem.derive(rows, columns)
    of = slice(None) if rows is None else rows
    expected = X[of] if columns is None else X[of][:, columns]
    np.testing.assert_array_equal(own.X.toarray() if sparse.issparse(own.X) else own.X, expected)
    np.testing.assert_array_equal(own.Y, Y[of])
    np.testing.assert_allclose(own.sample_weight, WEIGHT[of] / WEIGHT[of].mean())
    assert own.network.layer_sizes == (expected.shape[1], 5, 3) and own.network.activation == "tanh"
    assert (own.iteration, own.max_iter, own.n_jobs, own.n_evaluations) == (3, 9, None, 0)
    assert (next(own.batches(np.random.default_rng(0))).rows is None) == (rows is not None)
    assert problem.X.shape == X.shape and problem.network == NETWORK


def test_a_derived_problem_takes_any_parameter_of_a_problem():
    network, targets = Network((4, 7, 3)), 2 * Y[:5]
    own = make(max_iter=9).derive(slice(5), Y=targets, network=network, batch_size=2, max_iter=1, shuffle=False)
    assert own.network is network and own.Y is targets
    assert (own.batch_size, own.max_iter, own.shuffle) == (2, 1, False)


def test_a_derived_problem_minimises_what_the_present_step_does():
    targets = Classes(np.arange(3))
    metric = Metric("accuracy", targets, LogLoss())
    problem = make(objective=metric, y=CODES, warmup=2)
    assert isinstance(problem.derive().objective, LogLoss)
    problem.iteration = 2
    own = problem.derive(np.arange(20))
    assert own.objective is metric
    np.testing.assert_array_equal(own.y, CODES[:20])


# --- workers ----------------------------------------------------------------------------------------------------------


def look(block, problem, times):
    """What a worker sees of a problem."""
    batch = problem.take(slice(block, block + 2))
    data = [batch.X, batch.Y, batch.weight, problem.y[block : block + 2], problem.loss(times * POPULATION)]
    return data, (problem.iteration, problem.progress(), problem.n_samples, problem.workers.map(abs, 2))


@pytest.mark.parametrize("where", [None, 2, "loky"])
def test_workers_see_the_problem_of_the_present_step(where, always_pays):
    problem = make(sample_weight=WEIGHT, y=CODES, max_iter=9, n_jobs=2 if where else None)
    for iteration in (3, 4):
        problem.iteration = iteration
        with joblib.parallel_config(where if isinstance(where, str) else "threading"):
            results = problem.map(look, 5, 2.0)
        for block, (data, plan) in enumerate(results):
            of = slice(block, block + 2)
            expected = [X[of], Y[of], problem.sample_weight[of], CODES[of], problem.loss(2.0 * POPULATION)]
            for part, other in zip(data, expected, strict=True):
                np.testing.assert_array_equal(part, other)
            assert plan == (iteration, (iteration + 0.5 / 6) / 9, N, [0, 1])
    problem.workers.close()


def test_the_rows_do_not_travel_with_a_task():
    bare = pickle.dumps(without_rows(make(sample_weight=WEIGHT, y=CODES)))
    assert len(bare) < 1500


def test_a_store_remembers_what_a_function_said_of_the_last_arguments():
    problem, calls = make(), []
    store = problem.workers.shared

    def function(problem, rows):
        calls.append(rows)
        return [rows]

    rows = np.arange(3)
    first = store.remembered(function, problem, rows)
    assert store.remembered(function, problem, rows) is first
    store.remembered(function, problem, rows.copy())
    assert len(calls) == 2
    assert not pickle.loads(pickle.dumps(store))._results
