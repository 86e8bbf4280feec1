"""Recursive feature machine: closed forms against brute force, in float64, and what its matrix finds."""

import numpy as np
import pytest
from bpfree_kernel import laplace
from bpfree_kernel.laplace import kernel, mean_distance, outer_product
from bpfree_kernel.rfm import RFM
from numpy.testing import assert_allclose
from scipy import sparse

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor
from sklearn_bpfree.nn.losses import SquaredError
from sklearn_bpfree.plugin import Network, Problem


def make(n=40, d=5, K=2, weighted=False, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    Y = np.column_stack([np.sin(2 * X[:, 0]), X[:, 1] * X[:, 0]])[:, :K]
    weight = rng.uniform(0.5, 2, n) if weighted else None
    return Problem(X, Y, Network((d, 3, K)), SquaredError(), sample_weight=weight, max_iter=3)


def rounds(trainer, problem, n=1):
    state = trainer.init(problem, np.random.default_rng(1))
    for t in range(n):
        state = trainer.step(state, problem, np.random.default_rng(t))
    return state


def metric(matrix, d=5):
    rng = np.random.default_rng(3)
    return rng.uniform(0.2, 1, d) if matrix == "diagonal" else np.linalg.cholesky(np.cov(rng.normal(size=(d, 20))))


@pytest.mark.parametrize("matrix", ["diagonal", "full"])
def test_the_kernel_is_laplaces_in_the_metric(matrix):
    problem, S = make(), metric(matrix)
    M = (np.diag(S) if matrix == "diagonal" else S) @ (np.diag(S) if matrix == "diagonal" else S).T
    x, c = problem.X[3], problem.X[7]
    assert kernel(problem.X, problem.X, S, 1.7)[3, 7] == pytest.approx(np.exp(-np.sqrt((x - c) @ M @ (x - c)) / 1.7))
    assert_allclose(np.diag(kernel(problem.X, problem.X, S, 1.7)), 1, atol=1e-6)


@pytest.mark.parametrize("matrix", ["diagonal", "full"])
def test_the_outer_product_is_that_of_the_gradients_of_f(matrix):
    problem, S = make(weighted=True), metric(matrix)
    alpha = np.random.default_rng(4).normal(size=(10, 2))
    C = np.random.default_rng(5).normal(size=(10, 5))  # away from the rows, where f has a gradient

    def f(X):
        return kernel(X, C, S, 2.0) @ alpha

    gradients = np.empty((40, 5, 2))
    for j, step in enumerate(1e-5 * np.eye(5)):
        gradients[:, j] = (f(problem.X + step) - f(problem.X - step)) / 2e-5
    expected = np.einsum("ijk,ilk,i->jl", gradients, gradients, problem.sample_weight) / problem.sample_weight.sum()
    found = outer_product(problem, C, S, 2.0, alpha)
    assert_allclose(found, np.diag(expected) if matrix == "diagonal" else expected, rtol=1e-5, atol=1e-8)


def test_a_round_is_kernel_ridge_with_a_free_intercept(monkeypatch):
    monkeypatch.setattr(laplace, "JITTER", 1e-12)
    problem, trainer = make(weighted=True), RFM(penalties=(0.01,), bandwidth=1.0)
    state = rounds(trainer, problem)
    K, w = kernel(problem.X, problem.X, state.scale, state.length), problem.sample_weight
    f = trainer.outputs(state, problem.network, problem.X)
    # stationarity of sum w (y - f)^2 + s |f|_K^2: S (y - f) = s alpha for one s, and the residuals have no mean
    residual = w[:, None] * (problem.Y - f)
    assert_allclose(residual.sum(axis=0), 0, atol=1e-9)
    alpha = np.linalg.solve(K, f - state.bias)
    strength = (residual * alpha).sum() / np.square(alpha).sum()
    assert strength > 0
    assert_allclose(residual, strength * alpha, atol=1e-6 * np.abs(residual).max())


def test_the_column_that_counts_has_nearly_all_of_the_matrix():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 8))
    problem = Problem(X, np.sin(2 * X[:, :1]), Network((8, 3, 1)), SquaredError(), max_iter=3)
    for matrix in ("diagonal", "full"):
        state = rounds(RFM(matrix=matrix, exponent=1.0), problem, 3)
        M = np.diag(state.following**2) if matrix == "diagonal" else state.following @ state.following
        assert M[0, 0] / np.trace(M) > 0.9
        assert_allclose(M, M.T, atol=1e-12)
        assert np.linalg.eigvalsh(M).min() > -1e-10
        new = rng.normal(size=(200, 8))
        first, third = rounds(RFM(matrix=matrix, exponent=1.0), problem, 1), state
        errors = [
            np.square(RFM().outputs(s, problem.network, new) - np.sin(2 * new[:, :1])).mean() for s in (first, third)
        ]
        assert errors[1] < errors[0] / 2


def test_the_round_that_predicts_left_out_rows_best_answers():
    problem, trainer = make(), RFM()
    state = trainer.init(problem, np.random.default_rng(1))
    errors, kept = [], []
    for t in range(5):
        before = state
        state = trainer.step(state, problem, np.random.default_rng(t))
        errors.append(rounds_error(trainer, before, problem))
        kept.append(state.error)
    assert_allclose(kept, np.minimum.accumulate(errors))


def rounds_error(trainer, state, problem):
    """The error on left-out rows of the round after a state, whatever was best before."""
    fresh = trainer.init(problem, np.random.default_rng(1))
    fresh.following = state.following
    return trainer.step(fresh, problem, np.random.default_rng(0)).error


def test_left_out_errors_are_those_of_fits_without_the_row():
    problem, trainer = make(n=25), RFM(penalties=(0.03,))
    state = rounds(trainer, problem)
    K, n = kernel(problem.X, problem.X, state.scale, state.length), 25
    f = trainer.outputs(state, problem.network, problem.X)
    alpha = np.linalg.solve(K + 5e-6 * np.eye(n), f - state.bias)
    strength = ((problem.Y - f) * alpha).sum() / np.square(alpha).sum()
    missed = []
    for i in range(n):
        rest = np.arange(n) != i
        A = np.block([[K[np.ix_(rest, rest)] + strength * np.eye(n - 1), np.ones((n - 1, 1))], [np.ones(n - 1), 0]])
        solved = np.linalg.solve(A, np.vstack([problem.Y[rest], np.zeros((1, 2))]))
        missed.append(problem.Y[i] - K[i, rest] @ solved[:-1] - solved[-1])
    assert state.error == pytest.approx(np.square(missed).sum(axis=1).mean(), rel=1e-3)


def test_many_rows_are_fitted_by_some_centres():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1500, 4))
    y = X[:, 0] * X[:, 1]
    model = BPFreeRegressor((4,), trainer=RFM(centres=200), random_state=0).fit(X[:1200], y[:1200])
    assert model.state_.centres.shape == (200, 4) and model.score(X[1200:], y[1200:]) > 0.7


def test_a_far_row_gets_the_mean_and_a_repeated_column_does_no_harm():
    problem = make()
    state = rounds(RFM(), problem, 2)
    assert_allclose(RFM().outputs(state, problem.network, problem.X + 1e9), np.tile(state.bias, (40, 1)))
    twice = np.column_stack([problem.X, problem.X])
    model = BPFreeRegressor((4,), trainer=RFM(matrix="full"), random_state=0).fit(twice, problem.Y)
    assert np.isfinite(model.predict(twice)).all()


def test_many_columns_have_no_full_matrix():
    X = sparse.random_array((40, 1100), density=0.01, rng=np.random.default_rng(0), format="csr")
    y = np.arange(40) % 2
    with pytest.raises(ValueError, match="use matrix='diagonal'"):
        BPFreeClassifier(trainer=RFM(matrix="full")).fit(X, y)
    assert BPFreeClassifier(trainer=RFM(), random_state=0).fit(X, y).score(X, y) > 0.8


def test_a_mean_distance_of_zero_is_no_length():
    assert mean_distance(np.ones((3, 2)), np.ones(2)) == 1.0


def test_penalties_must_be_positive():
    with pytest.raises(ValueError, match="penalties of RFM"):
        RFM(penalties=(0.0,)).check_parameters()


def test_a_readout_is_one_of_three():
    with pytest.raises(ValueError, match="readout of RFM must be one of"):
        RFM(readout="exact").check_parameters()


def test_nystroem_with_nearly_all_rows_as_centres_is_near_the_exact_fit():
    rng = np.random.default_rng(0)
    X, new = rng.normal(size=(200, 4)), rng.normal(size=(100, 4))
    problem = Problem(X, X[:, :1] * X[:, 1:2], Network((4, 3, 1)), SquaredError(), max_iter=3)
    exact, some = (
        trainer.outputs(rounds(trainer, problem, 2), problem.network, new)
        for trainer in (RFM(penalties=(0.01,)), RFM(penalties=(0.01,), centres=199))
    )
    assert np.square(exact - some).mean() < 0.01 * np.square(exact).mean()


def test_a_table_of_a_few_levels_has_their_shares_as_probabilities():
    rng = np.random.default_rng(3)
    level = rng.integers(3, size=500)
    y = rng.random(500) < np.array([0.02, 0.1, 0.2])[level]
    shares = np.bincount(level, weights=y) / np.bincount(level)
    model = BPFreeClassifier((8,), trainer=RFM(exponent=1.0), random_state=0).fit(np.eye(3)[level], y)
    assert_allclose(model.predict_proba(np.eye(3))[:, 1], shares, atol=0.05)
