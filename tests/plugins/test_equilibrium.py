"""Equilibrium and dual propagation against finite differences and the order of their errors, in float64."""

import numpy as np
import pytest
from bpfree_equilibrium.dual_propagation import DualPropagation
from bpfree_equilibrium.equilibrium_propagation import EquilibriumPropagation
from numpy.testing import assert_allclose

from sklearn_bpfree import BPFreeClassifier, get_trainer
from sklearn_bpfree.estimators.alignment import true_gradient
from sklearn_bpfree.nn.losses import BinaryLogLoss, LogLoss, SquaredError
from sklearn_bpfree.plugin import Network, Problem, advance

N, D, K = 12, 4, 3


def make(hidden=(7, 6), objective=None, activation="tanh"):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(N, D)), np.eye(K)[rng.integers(K, size=N)]
    network = Network((D, *hidden, K), activation)
    weight = rng.uniform(0.5, 2, N)
    return Problem(X, Y, network, objective or LogLoss(), sample_weight=weight, batch_size=N, max_iter=4)


def first(trainer, problem, gain=1.0):
    state = trainer.init(problem, np.random.default_rng(1))
    return advance(state, weights=gain * state.weights + np.random.default_rng(2).normal(0, 0.1, state.weights.size))


def distance(gradients, expected):
    a, b = (np.concatenate([g.ravel() for g in parts]) for parts in (gradients, expected))
    return np.linalg.norm(a - b) / np.linalg.norm(b)


def of_trainer(trainer, state, problem):
    return trainer.gradient(state, problem, problem.all_rows())


# --- dual propagation -------------------------------------------------------------------------------------------------


def test_dual_propagation_is_one_sweep_of_two_states():
    """Hoier, Staudt and Zach 2023, written out."""
    problem, trainer = make(), DualPropagation(beta=0.7)
    state = first(trainer, problem)
    W, b = problem.network.unpack(state.weights)
    Z1 = problem.X @ W[0] + b[0]
    Z2 = np.tanh(Z1) @ W[1] + b[1]
    A3 = np.tanh(Z2) @ W[2] + b[2]
    E = np.exp(A3) / np.exp(A3).sum(axis=1, keepdims=True) - problem.Y
    plus, minus = A3 - 0.35 * E, A3 + 0.35 * E
    expected, w = [], problem.sample_weight[:, None]
    for Z, kernel in ((Z2, W[2]), (Z1, W[1])):
        fb = 0.5 * (plus - minus) @ kernel.T
        below = np.tanh(Z + fb), np.tanh(Z - fb)
        expected.insert(0, -(0.5 * (below[0] + below[1])).T @ (w * (plus - minus)) / (0.7 * N))
        plus, minus = below
    expected.insert(0, -problem.X.T @ (w * (plus - minus)) / (0.7 * N))
    for g, e in zip(of_trainer(trainer, state, problem), expected, strict=True):
        assert_allclose(g, e, atol=1e-13)


@pytest.mark.parametrize("objective", [LogLoss(), SquaredError(), BinaryLogLoss()])
def test_dual_propagation_differs_from_the_gradient_by_the_square_of_beta(objective):
    problem = make(objective=objective)
    state = first(DualPropagation(), problem)
    exact = true_gradient(problem, state.weights, problem.all_rows())
    errors = [distance(of_trainer(DualPropagation(beta=beta), state, problem), exact) for beta in (0.1, 0.01, 0.001)]
    slopes = np.diff(np.log10(errors))
    assert_allclose(slopes, -2, atol=0.1)


@pytest.mark.parametrize("beta", [0.1, 1.0, 10.0])
def test_dual_propagation_through_linear_units_is_the_gradient_for_any_nudge(beta):
    problem = make(activation="identity")
    state = first(DualPropagation(), problem)
    exact = true_gradient(problem, state.weights, problem.all_rows())
    for g, e in zip(of_trainer(DualPropagation(beta=beta), state, problem), exact, strict=True):
        assert_allclose(g, e, atol=1e-12)


@pytest.mark.parametrize("activation", ["step", "sign"])
def test_units_that_step_learn_from_dual_propagation(activation):
    problem = make(activation=activation)
    state = first(DualPropagation(), problem)
    for g in of_trainer(DualPropagation(beta=1.0), state, problem):
        assert np.abs(g).max() > 1e-3
    for g in of_trainer(get_trainer("backprop"), state, problem)[:-1]:
        assert (g == 0).all()


def test_a_network_of_steps_is_trained_by_dual_propagation_and_refused_by_backprop():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    params = {"hidden_layer_sizes": (32, 32), "activation": "step", "max_iter": 80, "random_state": 0}
    model = BPFreeClassifier(trainer=get_trainer("dual_propagation", beta=2.0), **params).fit(X, y)
    assert model.score(X, y) > 0.9
    with pytest.raises(ValueError, match="needs derivatives"):
        BPFreeClassifier(trainer="backprop", **params).fit(X, y)


# --- equilibrium propagation ------------------------------------------------------------------------------------------


def finite_differences(trainer, state, problem):
    """Derivatives by the kernels of the loss of predictions, those of the network at rest."""

    def loss(weights):
        Z = trainer.outputs(advance(state, weights=weights), problem.network, problem.X)
        return np.average(problem.objective.loss(Z, problem.Y), weights=problem.sample_weight)

    steps = 1e-5 * np.eye(state.weights.size)[: problem.network.n_kernel]
    return np.array([(loss(state.weights + step) - loss(state.weights - step)) / 2e-5 for step in steps])


@pytest.mark.parametrize("objective", [LogLoss(), SquaredError()])
def test_equilibrium_propagation_is_the_gradient_of_the_loss_at_rest(objective):
    problem = make((5, 4), objective)
    long = {"T_free": 150, "T_nudged": 150}
    state = first(EquilibriumPropagation(), problem, gain=0.6)
    expected = [finite_differences(EquilibriumPropagation(**long), state, problem)]
    errors = [
        distance(of_trainer(EquilibriumPropagation(beta=beta, **long), state, problem), expected)
        for beta in (0.1, 0.05, 0.025)
    ]
    assert errors[-1] < 0.01
    assert_allclose(np.diff(np.log2(errors)), -2, atol=0.3)


def test_predictions_are_those_of_states_at_rest():
    problem, trainer = make(activation="logistic"), EquilibriumPropagation(T_free=100)
    state = first(trainer, problem)
    W, b = problem.network.unpack(state.weights)
    s2 = np.zeros((N, 6))
    for _ in range(200):
        s1 = 1 / (1 + np.exp(-(problem.X @ W[0] + b[0] + s2 @ W[1].T)))
        s2 = 1 / (1 + np.exp(-(s1 @ W[1] + b[1])))
    Z = trainer.outputs(state, problem.network, problem.X)
    assert_allclose(Z, s2 @ W[2] + b[2], atol=1e-10)
    assert np.abs(Z - problem.network.outputs(state.weights, problem.X)).max() > 1e-3


def test_with_one_hidden_layer_rest_is_a_forward_pass():
    problem, trainer = make((6,)), EquilibriumPropagation()
    state = first(trainer, problem)
    assert_allclose(
        trainer.outputs(state, problem.network, problem.X),
        problem.network.outputs(state.weights, problem.X),
        atol=1e-13,
    )


@pytest.mark.parametrize("activation", ["relu", "identity", "softplus", "gelu"])
def test_states_are_held_within_one(activation):
    problem, trainer = make(activation=activation), EquilibriumPropagation()
    state = first(trainer, problem, gain=20)
    W, _ = problem.network.unpack(state.weights)
    Z = trainer.outputs(state, problem.network, problem.X)
    assert np.abs(Z).max() <= np.abs(W[2]).sum(axis=0).max() + 1
