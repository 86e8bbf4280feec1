"""The books of a population, and the same bits wherever its blocks are judged."""

import joblib
import numpy as np
import pytest
from scipy import special

from sklearn_bpfree.nn.losses import LogLoss, Loss
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.nn.objectives import Metric
from sklearn_bpfree.nn.targets import Classes
from sklearn_bpfree.plugin import PopulationState, PopulationTrainer, centred_ranks, judging
from sklearn_bpfree.plugin.problem import Problem


class TakeBest(PopulationTrainer):
    """Goes to the best member: the smallest method there is."""

    def update(self, state, members, losses, problem):
        at = np.unravel_index(np.argmin(losses), losses.shape)
        return {"weights": members.member(*map(int, at))}


class Scripted(Loss):
    """Hands out given losses, member by member."""

    def __init__(self, values):
        self.values = np.asarray(values, float)

    def loss(self, Z, Y):
        values, self.values = self.values[: len(Z)], self.values[len(Z) :]
        return np.repeat(values[:, None], Z.shape[1], axis=1)


def problem(n=300, objective=None, batch_size=64, n_jobs=None, weight=None, **kwargs):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 6)).astype(np.float32)
    y = rng.integers(3, size=n)
    Y = np.eye(3, dtype=np.float32)[y]
    objective = objective or LogLoss()
    return Problem(
        X,
        Y,
        Network((6, 8, 3)),
        objective,
        y=y,
        batch_size=batch_size,
        max_iter=10,
        n_jobs=n_jobs,
        sample_weight=weight,
        **kwargs,
    )


def metric(name):
    targets = Classes(np.arange(3))
    return Metric(name, targets, LogLoss())


def steps(trainer, problem, n=3, state=None):
    state = state or trainer.init(problem, np.random.default_rng(1))
    for _ in range(n):
        state = trainer.step(state, problem, np.random.default_rng([7, state.t]))
    return state


def test_log_loss_is_that_of_the_definition():
    rng = np.random.default_rng(0)
    Z, Y = 30 * rng.normal(size=(4, 50, 3)), np.eye(3)[rng.integers(3, size=50)]
    expected = special.logsumexp(Z, axis=-1) - (Y * Z).sum(-1)
    np.testing.assert_allclose(LogLoss().loss(Z, Y), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("objective", ["log_loss", "accuracy"])
@pytest.mark.parametrize("where", [2, 3, "loky", "threading"])
def test_same_bits_from_any_workers(objective, where, always_pays, monkeypatch):
    def objective_():
        return LogLoss() if objective == "log_loss" else metric("accuracy")

    monkeypatch.setattr("sklearn_bpfree.plugin.judging.BLOCK_BYTES", 0)  # many small blocks
    expected = steps(TakeBest(population_size=50), problem(objective=objective_()))
    n_jobs = where if isinstance(where, int) else 2
    p = problem(objective=objective_(), n_jobs=n_jobs)
    if isinstance(where, int):
        state = steps(TakeBest(population_size=50), p)
    else:
        with joblib.parallel_config(where):
            state = steps(TakeBest(population_size=50), p)
    np.testing.assert_array_equal(state.weights, expected.weights)
    assert state.loss == expected.loss


def rows_that_judge(monkeypatch):
    """A list of the rows that will have judged each generation."""
    seen, judge = [], judging.judge
    monkeypatch.setattr(
        judging, "judge", lambda p, members, rows, *more: seen.append(rows) or judge(p, members, rows, *more)
    )
    return seen


def test_all_members_of_a_generation_see_the_same_rows_and_generations_other_ones(monkeypatch):
    p, seen = problem(), rows_that_judge(monkeypatch)
    steps(TakeBest(population_size=20), p, 3)
    assert [len(rows) for rows in seen] == [64, 64, 64]
    assert (seen[0] != seen[1]).any() and (seen[1] != seen[2]).any()


def test_a_metric_is_judged_by_all_rows(monkeypatch):
    p, seen = problem(objective=metric("accuracy")), rows_that_judge(monkeypatch)
    steps(TakeBest(population_size=20), p, 2)
    assert seen == [None, None]


def test_failed_members_count_as_the_worst():
    seen = []

    class Watch(TakeBest):
        def update(self, state, members, losses, problem):
            seen.append(losses)
            return super().update(state, members, losses, problem)

    values = [5.0, np.nan, 3.0, -np.inf, np.inf, 4.0]  # the first three with sign +, then three with sign -
    p = problem(objective=Scripted(values), batch_size=300)
    trainer = Watch(population_size=6)
    start = trainer.init(p, np.random.default_rng(1))
    state = trainer.step(start, p, np.random.default_rng(2))
    np.testing.assert_array_equal(seen[0], [[5, 5, 3], [5, 5, 4]])
    assert state.loss == np.mean(seen[0])


def test_a_generation_in_which_all_fail_is_divergence():
    p = problem(objective=Scripted([np.nan] * 6))
    state = steps(TakeBest(population_size=6), p, 1)
    assert state.loss == np.inf


def test_a_step_leaves_its_state_alone():
    p, trainer = problem(), TakeBest(population_size=8)
    state = trainer.init(p, np.random.default_rng(1))
    weights, sigma = state.weights.copy(), state.sigma.copy()
    trainer.step(state, p, np.random.default_rng(0))
    np.testing.assert_array_equal(state.weights, weights)
    np.testing.assert_array_equal(state.sigma, sigma)
    assert isinstance(state, PopulationState) and state.t == 0


def test_sigma_is_in_units_of_the_layers_fan_in():
    p = problem()
    state = TakeBest(sigma=0.5, readout="evolved").init(p, np.random.default_rng(1))
    kernels, biases = p.network.unpack(state.sigma)
    for kernel, bias, fan_in in zip(kernels, biases, (6, 8), strict=True):
        np.testing.assert_allclose(kernel, 0.5 / np.sqrt(fan_in + 1), rtol=1e-6)
        np.testing.assert_allclose(bias, 0.5 / np.sqrt(fan_in + 1), rtol=1e-6)


@pytest.mark.parametrize("readout, share", [("evolved", 1), ("solved", 2)])
@pytest.mark.parametrize("n, size", [(30, 128), (1000, 64), (5000, 16)])
def test_blocks_hold_more_members_where_there_are_few_rows(n, size, readout, share):
    p = problem(n, batch_size=2 * n)
    assert judging.block_members(p) == size
    seen = []
    trainer = TakeBest(population_size=400, readout=readout)
    trainer.update = lambda state, members, losses, problem: seen.append(members) or {}
    trainer.step(trainer.init(p, np.random.default_rng(0)), p, np.random.default_rng(1))
    assert seen[0].weights(0).shape[0] == max(size // share, 8)


def test_centred_ranks():
    losses = np.array([[0.1, 7.0, 3.0], [3.0, -2.0, 9.0]])
    ranks = centred_ranks(losses)
    np.testing.assert_allclose(ranks, [[-0.3, 0.3, 0.0], [0.0, -0.5, 0.5]])
    np.testing.assert_array_equal(centred_ranks(np.exp(losses)), ranks)


@pytest.mark.parametrize("params, match", [({"population_size": 7}, "even"), ({"sigma": 0.0}, "sigma")])
def test_senseless_parameters_are_refused(params, match):
    with pytest.raises(ValueError, match=match):
        TakeBest(**params).check_parameters()
