"""What a population searches, and what becomes of the rest of the network."""

import numpy as np
import pytest

from sklearn_bpfree.nn.losses import HuberLoss, LogLoss, SquaredError
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.plugin import PopulationTrainer, projection
from sklearn_bpfree.plugin.problem import Problem
from sklearn_bpfree.plugin.weight_space import AllWeights, HiddenWeights


class Stay(PopulationTrainer):
    """Does not move."""

    def update(self, state, members, losses, problem):
        return {}


def make_problem(objective=None, layers=(3, 4, 2), **options):
    rng = np.random.default_rng(0)
    Y = np.eye(2)[rng.integers(2, size=40)]
    return Problem(rng.normal(size=(40, 3)), Y, Network(layers, "tanh"), objective or LogLoss(), **options)


def weights_of(problem):
    return np.random.default_rng(1).normal(size=problem.network.n_weights)


@pytest.mark.parametrize(
    ("space", "problem", "readout"),
    [
        (HiddenWeights, make_problem(), "auto"),
        (HiddenWeights, make_problem(SquaredError()), "solved"),
        (AllWeights, make_problem(), "evolved"),
        (AllWeights, make_problem(HuberLoss()), "auto"),
        (AllWeights, make_problem(layers=(3, 2)), "auto"),
        (AllWeights, make_problem(layers=(3, 513, 2)), "auto"),
        (HiddenWeights, make_problem(layers=(3, 513, 2)), "solved"),
    ],
)
def test_output_layers_are_solved_for_where_that_can_be_and_pays(space, problem, readout):
    assert type(Stay(readout=readout).weight_space(problem)) is space


def test_all_weights_are_searched_and_stay_as_they_become():
    problem, rng = make_problem(), np.random.default_rng(0)
    space, weights = AllWeights(problem), weights_of(problem)
    assert space.network == problem.network
    for found in (space.part(weights), space.start(weights, rng)[0], space.whole(weights, None, 0.0, 10, rng)):
        np.testing.assert_array_equal(found, weights)
    assert space.output_layers(weights, 0.0, None) is None
    assert not problem.n_evaluations


def test_hidden_weights_stay_as_they_become_and_the_output_layer_suits_them():
    problem, rng = make_problem(SquaredError(), max_iter=1), np.random.default_rng(0)
    space, weights = HiddenWeights(problem), weights_of(problem)
    hidden = space.part(weights)
    assert hidden.shape == (space.network.n_weights,) == (3 * 4 + 4,)
    first, penalty = space.start(weights, rng)
    np.testing.assert_array_equal(space.part(first), hidden)
    assert problem.loss(first) < problem.loss(weights)
    moved = space.whole(hidden + 1, space.output_layers(first, penalty, None), penalty, 10, rng)  # the last generation
    np.testing.assert_array_equal(space.part(moved), hidden + 1)
    expected = projection.refit(problem, hidden + 1, projection.split(problem.network, first)[1], penalty, 40, 20, rng)
    np.testing.assert_allclose(moved, expected, rtol=1e-12)
