"""What the optimizer moves: all weights and, where it is learned, the feedback after them."""

import numpy as np
import pytest

from sklearn_bpfree.nn.losses import SquaredError
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.plugin.minibatch import Learned, MinibatchTrainer
from sklearn_bpfree.plugin.problem import Problem

NETWORK = Network((2, 3, 1))


def given():
    return np.arange(NETWORK.n_weights, dtype=float), [np.full((3, 1), 7.0), np.full(2, 8.0)]


def test_learned_feedback_is_moved_with_the_weights():
    weights, feedback = given()
    learned = Learned(NETWORK, weights, feedback, learns_feedback=True)
    learned.parameters += 1
    np.testing.assert_array_equal(learned.weights, weights + 1)
    for moved, B in zip(learned.feedback, feedback, strict=True):
        np.testing.assert_array_equal(moved, B + 1)
    learned.gradient[:] = 5
    assert [g.shape for g in learned.feedback_gradient] == [B.shape for B in feedback]
    assert all((g == 5).all() for g in learned.feedback_gradient)
    np.testing.assert_array_equal(np.concatenate([weights, *map(np.ravel, feedback)]), learned.parameters - 1)


def test_other_feedback_stays_and_is_nobody_elses():
    weights, feedback = given()
    learned = Learned(NETWORK, weights, feedback, learns_feedback=False)
    learned.parameters += 1
    assert learned.parameters.shape == weights.shape and learned.feedback_gradient == []
    for own, B in zip(learned.feedback, feedback, strict=True):
        np.testing.assert_array_equal(own, B)
        assert not np.shares_memory(own, B)


class Plain(MinibatchTrainer):
    """The gradient of a linear network, written by hand."""

    optimizer: str = "sgd"
    momentum: float = 0.0
    schedule: str = "constant"
    warmup: float = 0.0
    weight_decay: float | None = 0.0

    def batch_gradient(self, run, batch, dropout=None):
        Z = batch.X @ run.kernels[0] + run.biases[0]
        loss, E = run.problem.output_error(Z, batch)
        run.kernel_gradients[0][:], run.bias_gradients[0][:] = batch.X.T @ E, E.sum(axis=0)
        return loss


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_a_gradient_is_all_that_a_method_gives(decay):
    rng = np.random.default_rng(0)
    problem = Problem(rng.normal(size=(8, 2)), rng.normal(size=(8, 1)), Network((2, 1)), SquaredError(), batch_size=8)
    trainer = Plain(learning_rate=0.1, weight_decay=decay)
    state = trainer.init(problem, rng)
    [G] = trainer.gradient(state, problem, problem.all_rows())
    after = trainer.step(state, problem, rng)
    np.testing.assert_allclose(after.weights[:2], (1 - 0.1 * decay) * state.weights[:2] - 0.1 * G.ravel(), rtol=1e-12)
    assert after.t == 1 and after.loss == pytest.approx(problem.loss(state.weights))
