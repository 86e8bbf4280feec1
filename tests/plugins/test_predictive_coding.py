"""Predictive coding against its equations, written out in float64, and the theorems about it."""

import numpy as np
import pytest
from bpfree_predictive_coding.predictive_coding import PredictiveCoding
from numpy.testing import assert_allclose

from sklearn_bpfree import get_trainer
from sklearn_bpfree.nn.losses import LogLoss, SquaredError
from sklearn_bpfree.plugin import Network, Problem, advance

PLAIN = {"optimizer": "sgd", "momentum": 0.0, "schedule": "constant", "warmup": 0.0, "weight_decay": 0.0}
N, D, K = 20, 5, 3


def make(hidden=(8, 6), objective=None, Y=None, activation="tanh"):
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(N, D)), rng.integers(K, size=N)
    Y = np.eye(K)[labels] if Y is None else Y
    network = Network((D, *hidden, K), activation)
    return Problem(X, Y, network, objective or LogLoss(), batch_size=N, max_iter=4)


def first(trainer, problem):
    state = trainer.init(problem, np.random.default_rng(1))
    return advance(state, weights=state.weights + np.random.default_rng(2).normal(0, 0.2, state.weights.size))


def forward(X, W, b):
    Z = []
    for kernel, bias in zip(W, b, strict=True):
        Z.append((np.tanh(Z[-1]) if Z else X) @ kernel + bias)
    return Z


def textbook_errors(X, Y, x, W, b):
    """Whittington and Bogacz 2017, with the log-loss at the top: eps of every layer, and the layers' inputs."""
    inputs = [X, *map(np.tanh, x)]
    mu = [A @ kernel + bias for A, kernel, bias in zip(inputs, W, b, strict=True)]
    P = np.exp(mu[-1]) / np.exp(mu[-1]).sum(axis=1, keepdims=True)
    return [latent - m for latent, m in zip(x, mu, strict=False)] + [Y - P], inputs


def textbook_moves(eps, x, W, gamma):
    """One step of inference of every latent."""
    return [
        gamma * (-eps[layer] + (eps[layer + 1] @ W[layer + 1].T) * (1 - np.tanh(x[layer]) ** 2))
        for layer in range(len(x))
    ]


def textbook_gradient(problem, weights, T, gamma):
    W, b = problem.network.unpack(weights)
    *x, _ = forward(problem.X, W, b)
    for _ in range(T):
        eps, _ = textbook_errors(problem.X, problem.Y, x, W, b)
        x = [latent + move for latent, move in zip(x, textbook_moves(eps, x, W, gamma), strict=True)]
    eps, inputs = textbook_errors(problem.X, problem.Y, x, W, b)
    return [-A.T @ e / N for A, e in zip(inputs, eps, strict=True)]


def energies(problem, weights, T, gamma):
    W, b = problem.network.unpack(weights)
    *x, _ = forward(problem.X, W, b)
    for _ in range(T):
        eps, inputs = textbook_errors(problem.X, problem.Y, x, W, b)
        loss = problem.objective.loss(inputs[-1] @ W[-1] + b[-1], problem.Y).sum()
        yield loss + sum(np.square(e).sum() for e in eps[:-1]) / 2
        x = [latent + move for latent, move in zip(x, textbook_moves(eps, x, W, gamma), strict=True)]


@pytest.mark.parametrize("T, gamma", [(1, 0.1), (8, 0.1), (5, 0.3)])
def test_strict_is_the_papers_inference_and_update(T, gamma):
    problem, trainer = make(), PredictiveCoding(T=T, gamma=gamma)
    state = first(trainer, problem)
    expected = textbook_gradient(problem, state.weights, T, gamma)
    for g, e in zip(trainer.gradient(state, problem, problem.all_rows()), expected, strict=True):
        assert_allclose(g, e, atol=1e-13)


def test_inference_goes_down_the_energy():
    problem = make()
    values = list(energies(problem, first(PredictiveCoding(), problem).weights, 30, 0.1))
    assert (np.diff(values) < 0).all()


def test_incremental_learns_at_every_step_of_inference():
    problem, T = make(), 4
    trainer = PredictiveCoding(mode="incremental", T=T, gamma=0.2, learning_rate=0.4, **PLAIN)
    state = first(trainer, problem)
    weights = state.weights.copy()
    W, b = problem.network.unpack(weights)  # views: they change with the weights
    *x, _ = forward(problem.X, W, b)
    for _ in range(T):
        eps, inputs = textbook_errors(problem.X, problem.Y, x, W, b)
        moves = textbook_moves(eps, x, W, 0.2)
        for kernel, bias, A, e in zip(W, b, inputs, eps, strict=True):
            kernel += 0.4 / T * A.T @ e / N
            bias += 0.4 / T * e.mean(axis=0)
        x = [latent + move for latent, move in zip(x, moves, strict=True)]
    after = trainer.step(state, problem, np.random.default_rng(3))
    assert_allclose(after.weights, weights, atol=1e-13)
    assert after.t == T


@pytest.mark.parametrize("mode", ["zil", "fixed_prediction"])
@pytest.mark.parametrize("hidden", [(), (7,), (7, 6, 5)])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_exact_modes_step_like_backprop(mode, hidden, activation):
    problem = make(hidden, activation=activation)
    trainer, backprop = PredictiveCoding(mode=mode, **PLAIN), get_trainer("backprop", **PLAIN)
    state = first(trainer, problem)
    ours, theirs = (t.step(state, problem, np.random.default_rng(3)).weights for t in (trainer, backprop))
    assert_allclose(ours, theirs, atol=1e-12)


def test_at_equilibrium_the_output_error_is_rescaled():
    """To first order eps_L = -(I + sum_k J_k J_k^T)^-1 E, J_k the derivative of the output by latent k."""
    problem = make(objective=SquaredError())
    state = first(PredictiveCoding(), problem)
    W, b = problem.network.unpack(state.weights)
    Z = forward(problem.X, W, b)
    E = 1e-4 * np.random.default_rng(4).normal(size=(N, K))
    small = make(objective=SquaredError(), Y=Z[-1] - E)
    trainer = PredictiveCoding(T=600, gamma=0.1)
    last = trainer.gradient(state, small, small.all_rows())[-1]
    expected = np.zeros_like(last)
    for i in range(N):
        J2 = np.diag(1 - np.tanh(Z[1][i]) ** 2) @ W[2]
        J1 = np.diag(1 - np.tanh(Z[0][i]) ** 2) @ W[1] @ J2
        S = np.eye(K) + J1.T @ J1 + J2.T @ J2
        expected += np.outer(np.tanh(Z[1][i]), np.linalg.solve(S, E[i])) / N
    assert_allclose(last, expected, atol=1e-3 * np.abs(expected).max())


def test_without_inference_only_the_output_layer_learns():
    problem, trainer = make(), PredictiveCoding(T=0)
    *hidden, output = trainer.gradient(first(trainer, problem), problem, problem.all_rows())
    assert all((g == 0).all() for g in hidden)
    assert np.abs(output).max() > 1e-3


def test_kolen_pollack_feedback_needs_no_transposed_kernel_and_comes_to_agree_with_it():
    trainer = PredictiveCoding(feedback="kolen_pollack", **(PLAIN | {"weight_decay": 0.5, "learning_rate": 0.1}))
    assert trainer.transposes == "none"
    assert PredictiveCoding().transposes == "all"
    problem = make()
    state = first(trainer, problem)
    after = trainer.step(state, problem, np.random.default_rng(3))
    for layer, (B, B_after) in enumerate(zip(state.feedback, after.feedback, strict=True), start=1):
        gap, gap_after = (
            problem.network.unpack(s.weights)[0][layer] - feedback for s, feedback in ((state, B), (after, B_after))
        )
        assert_allclose(gap_after, 0.95 * gap, atol=1e-14)


@pytest.mark.parametrize("name", ["T", "gamma"])
def test_zil_has_no_steps_to_choose(name):
    with pytest.raises(ValueError, match=f"{name} of PredictiveCoding with mode='zil'"):
        PredictiveCoding(mode="zil", **{name: 1}).check_parameters()
