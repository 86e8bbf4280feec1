"""Members that share all weights against their equations, in float64."""

import numpy as np
import pytest
from bpfree_local.batch_ensemble import deal
from scipy import sparse

from sklearn_bpfree import BPFreeClassifier, get_trainer
from sklearn_bpfree.nn.losses import LogLoss
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.plugin.problem import Problem

PLAIN = {"optimizer": "sgd", "momentum": 0.0, "learning_rate": 0.1, "schedule": "constant", "warmup": 0.0}


def make_problem(hidden=(7, 6), n=24):
    """Weighted rows of 4 columns and three classes, in one batch."""
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((n, 4)), np.eye(3)[rng.integers(3, size=n)]
    weight = rng.uniform(0.5, 2, n)
    return Problem(X, Y, Network((4, *hidden, 3), "tanh"), LogLoss(), sample_weight=weight, batch_size=n, shuffle=False)


def outputs_of(weights, readouts, problem, X):
    """Raw outputs of one net."""
    kernels, biases = problem.network.unpack(weights)
    H, Z = X, biases[-1]
    for W, b, V in zip(kernels[:-1], biases[:-1], [*readouts, kernels[-1]], strict=True):
        H = np.tanh(H @ W + b)
        Z = Z + H @ V
    return Z


def dealt_loss(weights, scales, problem):
    """The mean loss of a batch whose rows are dealt out to the members in turn, of one hidden layer."""
    X = problem.X * scales[np.arange(len(problem.X)) % len(scales)]
    return problem.sample_weight @ problem.objective.loss(outputs_of(weights, [], problem, X), problem.Y) / len(X)


def slopes(function, at):
    """Central differences of a function of one array."""
    steps = 1e-6 * np.eye(at.size).reshape(-1, *at.shape)
    return np.array([function(at + step) - function(at - step) for step in steps]).reshape(at.shape) / 2e-6


@pytest.mark.parametrize("n", [24, 25, 2], ids=["even", "one over", "fewer rows than members"])
def test_weights_and_scales_descend_the_mean_loss_of_the_members(monkeypatch, n):
    monkeypatch.setattr("bpfree_local.batch_ensemble.deal", lambda rng, n, members: np.arange(n) % members)
    problem = make_problem(hidden=(7,), n=n)
    trainer = get_trainer("batch_ensemble", members=3, weight_decay=0.0, **PLAIN)
    state = trainer.init(problem, np.random.default_rng(0))
    (scales,) = state.feedback
    after = trainer.step(state, problem, np.random.default_rng(0))
    by_weights = slopes(lambda weights: dealt_loss(weights, scales, problem), state.weights)
    np.testing.assert_allclose(after.weights - state.weights, -0.1 * by_weights, atol=1e-8)
    by_scales = slopes(lambda scales: dealt_loss(state.weights, scales, problem), scales)
    np.testing.assert_allclose(after.feedback[-1] - scales, -0.1 * by_scales, atol=1e-8)


def test_rows_are_dealt_out_evenly_and_otherwise_each_time():
    rng = np.random.default_rng(0)
    first, second = (deal(rng, 50, 4) for _ in range(2))
    assert sorted(np.bincount(first)) == sorted(np.bincount(second)) == [12, 12, 13, 13]
    assert (first != second).any()


def test_predictions_are_the_mean_of_nets_with_scaled_inputs():
    problem = make_problem()
    trainer = get_trainer("batch_ensemble", members=3)
    state = trainer.init(problem, np.random.default_rng(0))
    *readouts, scales = state.feedback
    assert set(np.unique(scales)) == {-1.0, 1.0}
    assert len(np.unique(scales, axis=0)) == 3
    Z = [outputs_of(state.weights, readouts, problem, problem.X * scale) for scale in scales]
    np.testing.assert_allclose(trainer.outputs(state, problem.network, problem.X), np.mean(Z, axis=0))


def test_readouts_decay_and_scales_do_not():
    problem = make_problem()
    afters = []
    for decay in (0.0, 0.5):
        trainer = get_trainer("batch_ensemble", members=3, weight_decay=decay, **PLAIN)
        state = trainer.init(problem, np.random.default_rng(0))
        afters.append(trainer.step(state, problem, np.random.default_rng(0)).feedback)
    (V, scales), (decayed_V, same_scales) = afters
    np.testing.assert_array_equal(scales, same_scales)
    np.testing.assert_allclose(decayed_V, 0.95 * V)


def test_sparse_rows_give_the_same_fit():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 5)) * (rng.random((60, 5)) < 0.5)
    y = (X[:, 0] > 0).astype(int)
    model = BPFreeClassifier((8, 8), trainer="batch_ensemble", max_iter=5, dtype="float64", random_state=0)
    of_arrays = model.fit(X, y).predict_proba(X)
    of_sparse = model.fit(sparse.csr_array(X), y).predict_proba(sparse.csr_array(X))
    np.testing.assert_allclose(of_sparse, of_arrays, atol=1e-12)
