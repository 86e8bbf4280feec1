"""Directions of units, the box of weights that keep them, and what the projection onto it is."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import minimize

from sklearn_bpfree.nn.activations import ACTIVATIONS
from sklearn_bpfree.nn.monotone import box, limits, mirrored, unit_directions
from sklearn_bpfree.nn.network import Network

RISING = [name for name, activation in ACTIVATIONS.items() if activation.rises]


def projected(network, weights):
    return np.clip(weights, *box(network, [], []))


@pytest.mark.parametrize("activation", RISING)
@pytest.mark.parametrize("hidden", [(), (1,), (7,), (8, 5), (6, 5, 4)])
def test_outputs_of_projected_weights_go_where_each_input_asks_for(activation, hidden):
    rng = np.random.default_rng(0)
    network = Network((5, *hidden, 1), activation, directions=(1, 0, -1, 0, 1))
    for _ in range(20):
        weights = projected(network, rng.normal(0, 2, network.n_weights))
        X = rng.normal(size=(200, 5))
        further = X + np.array(network.directions) * rng.exponential(size=X.shape)
        assert (network.outputs(weights, further) - network.outputs(weights, X)).min() > -1e-12


@pytest.mark.parametrize("activation", sorted(set(ACTIVATIONS) - set(RISING)))
def test_activations_that_fall_somewhere_say_so(activation):
    Z = np.linspace(-5, 5, 1001)
    assert (np.diff(ACTIVATIONS[activation].apply(Z.copy())) < 0).any()


def test_weights_without_an_effect_on_directions_are_free():
    network = Network((3, 6, 1), directions=(0, 1, 0))
    low, high = box(network, [], [])
    (kernel, output), biases = network.unpack(np.isinf(low) & np.isinf(high))
    assert kernel[[0, 2]].all() and not kernel[1].any()
    assert all(bias.all() for bias in biases)
    assert not output[unit_directions(network)[1] != 0].any()


def test_the_projection_is_the_nearest_point_of_the_box():
    rng = np.random.default_rng(1)
    source, target = np.array([1, -1, 0]), np.array([1, -1, 0])
    low, high = limits(source, target)
    W = rng.normal(size=(3, 3))
    bounds = [*zip(low.ravel(), high.ravel(), strict=True)]
    nearest = minimize(lambda w: np.square(w - W.ravel()).sum(), np.zeros(9), bounds=bounds, tol=1e-12).x
    np.testing.assert_allclose(np.clip(W, low, high).ravel(), nearest, atol=1e-5)
    sign = np.outer(source, target)
    projected = np.clip(W, low, high)
    assert (projected * sign >= 0).all()
    assert (projected[:2, 2] == 0).all()  # a unit without a direction has no input with one
    np.testing.assert_array_equal(projected[2], W[2])


def test_a_network_can_bend_both_ways_in_a_constrained_input():
    network = Network((1, 2, 1), directions=(1,))
    weights = np.array([1.0, -1.0, 1.0, -1.0, -1.0, -1.0, 0.0])  # relu(x - 1) - relu(-x - 1)
    np.testing.assert_array_equal(projected(network, weights), weights)
    X = np.linspace(-2, 2, 41)[:, None]
    bends = np.diff(network.outputs(weights, X)[:, 0], 2)
    assert bends.max() > 0.05 and bends.min() < -0.05


def test_further_arrays_have_the_limits_of_their_own_units_or_none():
    network = Network((2, 4, 3, 1), directions=(1, 0))
    units = unit_directions(network)
    V, c = np.zeros((4, 1)), np.zeros(2)
    low, high = box(network, [(units[1], units[-1]), None], [V, c])
    n = network.n_weights
    np.testing.assert_array_equal(low[n:-2].reshape(4, 1), limits(units[1], units[-1])[0])
    assert np.isinf(low[-2:]).all() and np.isinf(high[-2:]).all() and len(low) == n + 6


def test_mirrored_feedback_keeps_its_size_and_has_the_signs_of_its_units():
    B = np.random.default_rng(3).normal(size=(1, 6))
    turned = mirrored(B, np.array([1]), np.array([1, -1, 0, 1, -1, 0]))
    np.testing.assert_array_equal(np.abs(turned), np.abs(B))
    assert (turned * [1, -1, 0, 1, -1, 0] >= 0).all()
    np.testing.assert_array_equal(turned[:, [2, 5]], B[:, [2, 5]])


def test_the_network_of_some_columns_has_their_directions_and_none_without_a_constraint():
    network = Network((4, 3, 1), directions=(0, 1, 0, -1))
    assert network.narrowed([1, 2]).directions == (1, 0)
    assert network.narrowed([0, 2]).directions is None
    assert [a.shape for a in network.unpack(np.zeros(network.n_weights))[0]] == [*pairwise((4, 3, 1))]
