"""The alignment record: angles to the true gradient, for trainers with and without a gradient of their own."""

import numpy as np
import pytest
from bpfree_feedback.fa import FA
from sklearn.datasets import make_classification

from sklearn_bpfree import BPFreeClassifier
from sklearn_bpfree.estimators.alignment import angle, true_gradient
from sklearn_bpfree.nn.activations import ACTIVATIONS
from sklearn_bpfree.nn.losses import LogLoss
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.plugin import State, Trainer
from sklearn_bpfree.plugin.problem import Problem

X, y = make_classification(n_samples=60, random_state=0)


class RandomStep(Trainer):
    """Takes any step at all."""

    needs = "values"

    def init(self, problem, rng):
        return State(problem.network.initial_weights(rng, problem.dtype))

    def step(self, state, problem, rng):
        weights = state.weights + rng.normal(0, 0.01, state.weights.shape).astype(problem.dtype)
        return State(weights, loss=problem.loss(weights))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_true_gradient_is_the_slope_of_the_loss(activation):
    rng = np.random.default_rng(0)
    network = Network((4, 5, 3, 3), activation)
    weight = rng.uniform(0.5, 2, 30)
    problem = Problem(
        rng.normal(size=(30, 4)), np.eye(3)[rng.integers(3, size=30)], network, LogLoss(), sample_weight=weight
    )
    weights = network.initial_weights(rng, np.float64)
    gradient = np.concatenate([g.ravel() for g in true_gradient(problem, weights, problem.all_rows())])
    steps = 1e-6 * np.eye(network.n_weights)[: network.n_kernel]
    slopes = (problem.loss(weights + steps) - problem.loss(weights - steps)) / 2e-6
    np.testing.assert_allclose(gradient, slopes, atol=1e-8)


def test_angle():
    assert angle([[1, 0]], [[0, 2]]) == 90
    assert angle([1, 1], [-3, -3]) == 180
    assert angle([1e-30, 0], [1, 1]) == pytest.approx(45)
    assert np.isnan(angle([0, 0], [1, 1]))


def test_angles_are_those_of_the_papers():
    record = {"hidden_layer_sizes": (20, 10), "max_iter": 3, "record_alignment": True, "random_state": 0}
    exact = BPFreeClassifier(trainer="backprop", **record).fit(X, y).alignment_
    assert exact.shape == (3, 3)
    assert exact.max() < 0.1
    random = BPFreeClassifier(trainer="dfa", **record).fit(X, y).alignment_
    assert (random[0, :2] > 60).all(), "random feedback starts about orthogonal to the gradient"
    assert random[:, 2].max() < 0.1, "the output layer learns from the gradient itself"


def test_feedback_with_the_signs_of_the_kernels_points_downhill_from_the_start():
    record = {"hidden_layer_sizes": (50, 50), "max_iter": 3, "record_alignment": True}
    for seed in range(3):
        sign = BPFreeClassifier(trainer="fa", random_state=seed, **record).fit(X, y).alignment_
        assert sign.max() < 60
        start = BPFreeClassifier(trainer=FA(feedback="random"), random_state=seed, **record).fit(X, y).alignment_[0]
        assert 60 < start[:2].mean() < 120


def test_a_trainer_without_a_gradient_is_judged_by_its_step():
    clf = BPFreeClassifier(trainer=RandomStep(), max_iter=5, record_alignment=True, random_state=0).fit(X, y)
    assert clf.alignment_.shape == (5, 2)
    assert 80 < clf.alignment_[:, 0].mean() < 100


def test_partial_fit_records_too():
    clf = BPFreeClassifier(record_alignment=True, random_state=0)
    clf.partial_fit(X, y).partial_fit(X, y)
    assert clf.alignment_.shape == (2, 2)


def test_the_record_needs_a_loss():
    clf = BPFreeClassifier(trainer=RandomStep(), loss="roc_auc", record_alignment=True)
    with pytest.raises(ValueError, match=r"record_alignment=True compares .* but loss='roc_auc' is a metric; set"):
        clf.fit(X, y)


def test_recording_does_not_change_the_fit():
    plain, recorded = (
        BPFreeClassifier(max_iter=3, record_alignment=r, random_state=0).fit(X, y) for r in (False, True)
    )
    assert np.array_equal(plain.state_.weights, recorded.state_.weights)
