"""Splitting methods: blocks against brute force, objectives that fall after every block, in float64."""

import numpy as np
import pytest
from bpfree_splitting import blocks
from bpfree_splitting.admm import ADMM
from bpfree_splitting.bcd import BCD
from bpfree_splitting.splitting import forward, pack
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.optimize import minimize_scalar

from sklearn_bpfree import BPFreeRegressor
from sklearn_bpfree.nn.losses import BinaryLogLoss, LogLoss, SquaredError
from sklearn_bpfree.plugin import Network, Problem

RNG = np.random.default_rng


def make(hidden=(6, 5), objective=None, weighted=False, activation="relu", K=3, n=40):
    rng = RNG(0)
    X, Y = rng.normal(size=(n, 4)), np.eye(K)[rng.integers(K, size=n)]
    weight = rng.uniform(0.5, 2, n) if weighted else None
    return Problem(X, Y, Network((4, *hidden, K), activation), objective or LogLoss(), sample_weight=weight, max_iter=9)


def steps(trainer, problem, n):
    states = [trainer.init(problem, RNG(1))]
    for t in range(n):
        states.append(trainer.step(states[-1], problem, RNG(t)))
    return states


# --- blocks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_a_layer_is_the_ridge_that_stays_near_the_old_one(weighted, kind):
    rng = RNG(0)
    A, U, W, b = (rng.normal(size=shape) for shape in ((20, 4), (20, 3), (4, 3), (3,)))
    w = rng.uniform(0.5, 2, 20) if weighted else np.ones(20)
    new_W, new_b = blocks.layer(kind(A), U, W, b, w if weighted else None, 0.7, 2.0, 0.3)
    gap = w[:, None] * (U - A @ new_W - new_b)
    assert_allclose(0.7 * A.T @ gap, 0.3 * w.sum() * new_W + 2.0 * (new_W - W), atol=1e-10)
    assert_allclose(0.7 * gap.sum(axis=0), 2.0 * (new_b - b), atol=1e-10)


def test_inputs_are_where_both_prices_have_no_slope():
    rng = RNG(0)
    U, W, b, T = (rng.normal(size=shape) for shape in ((9, 3), (4, 3), (3,), (9, 4)))
    V = blocks.inputs(U, W, b, T, 0.7, 1.3)
    assert_allclose(0.7 * (U - V @ W - b) @ W.T, 1.3 * (V - T), atol=1e-12)


@pytest.mark.parametrize("activation", ["relu", "identity"])
def test_pre_activations_are_the_best_of_a_fine_grid(activation):
    V, c, old = RNG(0).normal(size=(3, 50))
    u = blocks.between(V, c, old, activation, 1.3, 0.7, 0.4)
    f = (lambda x: np.maximum(x, 0)) if activation == "relu" else (lambda x: x)
    grid = np.linspace(-4, 4, 80001)[:, None]

    def cost(x):
        return 1.3 * (V - f(x)) ** 2 + 0.7 * (x - c) ** 2 + 0.4 * (x - old) ** 2

    assert (cost(u) <= cost(grid).min(axis=0) + 1e-12).all()


@pytest.mark.parametrize("loss", [SquaredError(), LogLoss(), BinaryLogLoss()])
def test_outputs_are_at_the_bottom(loss):
    rng = RNG(0)
    Y, T, old = np.eye(3)[rng.integers(3, size=10)], rng.normal(size=(10, 3)), rng.normal(size=(10, 3))
    Z = old
    for _ in range(5):
        Z = blocks.outputs(Z, Y, loss, T, 0.8, old, 0.5)
    assert_allclose(loss.error(Z, Y) + 0.8 * (Z - T) + 0.5 * (Z - old), 0, atol=1e-8)
    if loss.is_least_squares:
        assert_allclose(Z, (Y + 0.8 * T + 0.5 * old) / 2.3)


# --- sweeps -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [BCD, ADMM])
@pytest.mark.parametrize("objective", [LogLoss(), SquaredError(), BinaryLogLoss()])
@pytest.mark.parametrize("hidden", [(), (6,), (6, 5)])
def test_the_objective_falls_after_every_block(kind, objective, hidden):
    problem, trainer = make(hidden, objective, weighted=True), kind(gamma=1.3, rho=0.7, weight_decay=0.02)
    v = trainer.init(problem, RNG(1)).variables.copy()
    for _ in range(4):
        before = [trainer.objective(v, problem)]
        for block in trainer.blocks(v, problem):
            block()
            before.append(trainer.objective(v, problem))
        assert (np.diff(before) <= 1e-8 * before[0]).all()
        assert before[-1] < before[0]
        if kind is ADMM:
            v.multiplier = v.multiplier + 0.01


@pytest.mark.parametrize("kind", [BCD, ADMM])
def test_the_weights_are_those_of_the_best_sweep_by_a_real_forward_pass(kind):
    problem = make()
    states = steps(kind(alpha=0.05), problem, 12)
    losses = [problem.loss(pack(s.variables, problem.network, np.float64)) for s in states]
    for t, state in enumerate(states):
        assert problem.loss(state.weights) == pytest.approx(min(losses[: t + 1]))
        assert t == 0 or state.loss == pytest.approx(losses[t])
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("kind", [BCD, ADMM])
def test_one_layer_under_the_squared_error_ends_in_the_ridge(kind):
    problem = make((), SquaredError(), weighted=True)
    state = steps(kind(weight_decay=0.1, alpha=0.01), problem, 400)[-1]
    (W,), (b,) = problem.network.unpack(pack(state.variables, problem.network, np.float64))
    w = problem.sample_weight[:, None]
    residual = w * (problem.Y - problem.X @ W - b)
    # copies take up some of the residual: BCD's cost is that of a wider loss with the same minimiser but a larger decay
    G = problem.X.T @ residual
    strength = (G * W).sum() / np.square(W).sum()
    assert_allclose(G, strength * W, atol=1e-3 * np.abs(W).max() * problem.n_samples)
    assert_allclose(residual.sum(axis=0), 0, atol=1e-2)
    if kind is ADMM:
        assert strength == pytest.approx(0.1 * w.sum(), rel=1e-2)


def test_the_multiplier_holds_the_outputs_to_what_the_last_layer_makes():
    problem = make((6,))
    gaps = []
    for state in steps(ADMM(), problem, 60)[1::10]:
        v = state.variables
        gaps.append(np.abs(v.U[-1] - v.V[0] @ v.W[-1] - v.b[-1]).max())
    assert gaps[-1] < gaps[0] / 5


@pytest.mark.parametrize("kind", [BCD, ADMM])
def test_what_is_held_firmly_does_not_move(kind):
    problem = make()
    first, last = steps(kind(alpha=1e9, weight_decay=0.0), problem, 1)
    for W, old in zip(last.variables.W, first.variables.W, strict=True):
        assert_allclose(W, old, atol=1e-6)
    if kind is BCD:
        for U, old in zip(last.variables.U, first.variables.U, strict=True):
            assert_allclose(U, old, atol=1e-6)


def test_a_forward_pass_keeps_every_constraint():
    problem = make(weighted=True)
    weights = problem.network.initial_weights(RNG(0), np.float64)
    v = forward(problem.network, weights, problem.X)
    assert_allclose(v.V[-1], problem.network.outputs(weights, problem.X))
    assert_array_equal(v.V[0], np.maximum(v.U[0], 0))
    assert_array_equal(pack(v, problem.network, np.float64), weights)
    loss = problem.output_error(v.V[-1], problem.all_rows())[0]
    assert BCD(weight_decay=0.0).objective(v, problem) == pytest.approx(loss)
    assert ADMM(weight_decay=0.0).objective(v, problem) == pytest.approx(loss)


@pytest.mark.parametrize("kind", [BCD, ADMM])
def test_what_has_no_closed_form_is_refused_in_a_sentence(kind):
    X, y = RNG(0).normal(size=(30, 3)), RNG(1).normal(size=30)
    for options, words in [({"activation": "tanh"}, "activation='tanh'"), ({"loss": "huber"}, "bounded curvature")]:
        with pytest.raises(ValueError, match=words) as caught:
            BPFreeRegressor((4,), trainer=kind(), **options).fit(X, y)
        assert "\n" not in str(caught.value)


def test_the_scalar_block_agrees_with_scipy():
    u = blocks.between(np.array([2.0]), np.array([-1.0]), np.array([0.3]), "relu", 3.0, 1.0, 0.5)
    cost = minimize_scalar(
        lambda x: 3 * (2 - max(x, 0)) ** 2 + (x + 1) ** 2 + 0.5 * (x - 0.3) ** 2, bounds=(0, 3), method="bounded"
    )
    assert u[0] == pytest.approx(cost.x, abs=1e-5)
