"""Encoding and decoding of the user's y, and the scale of regression targets."""

import numpy as np
import pytest

from sklearn_bpfree.nn.targets import Classes, LabelSets, Values


def test_two_classes_are_one_output():
    targets = Classes(np.array(["no", "yes"]))
    Y = targets.encode(np.array(["yes", "no", "yes"]))
    np.testing.assert_array_equal(Y, [[1], [0], [1]])
    assert Y.dtype == np.float32 and targets.n_outputs == 1 and not targets.exclusive
    assert list(targets.predict(Y)) == ["yes", "no", "yes"]
    P = np.array([[0.7], [0.2]])
    np.testing.assert_allclose(targets.probabilities(P), [[0.3, 0.7], [0.8, 0.2]])
    assert list(targets.predict(P)) == ["yes", "no"]
    assert targets.decisions(np.array([[2.0], [-1.0]])).tolist() == [2.0, -1.0]


def test_more_classes_are_one_output_each():
    targets = Classes(np.array([-5, 3, 40]))
    Y = targets.encode(np.array([40, -5]), np.float64)
    np.testing.assert_array_equal(Y, [[0, 0, 1], [1, 0, 0]])
    assert Y.dtype == np.float64 and targets.n_outputs == 3 and targets.exclusive
    assert list(targets.predict(Y)) == [40, -5]
    P = np.array([[0.2, 0.5, 0.3]])
    assert targets.probabilities(P) is P and list(targets.predict(P)) == [3]


def test_label_sets_are_independent():
    targets = LabelSets(3)
    y = np.array([[0, 1, 1], [0, 0, 0]])
    Y = targets.encode(y)
    assert Y.dtype == np.float32 and not targets.exclusive and targets.n_outputs == 3
    np.testing.assert_array_equal(targets.predict(Y), y)
    np.testing.assert_array_equal(targets.predict(np.array([[0.6, 0.4, 0.51]])), [[1, 0, 1]])
    np.testing.assert_array_equal(targets.classes, [0, 1, 2])


@pytest.mark.parametrize("shape", [(50,), (50, 1), (50, 3)])
def test_values_are_standardised_and_come_back(shape):
    y = np.random.default_rng(0).normal(250_000, 80_000, shape)
    targets = Values.fit(y)
    Y = targets.encode(y, np.float64)
    assert Y.shape == (50, 3 if shape == (50, 3) else 1)
    np.testing.assert_allclose(Y.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(Y.std(axis=0), 1)
    np.testing.assert_allclose(targets.predict(Y), y)
    assert targets.predict(Y).shape == shape
    assert targets.predict(Y.astype(np.float32)).dtype == np.float32


def test_weighted_moments_are_those_of_repeated_rows_to_the_last_bit():
    rng = np.random.default_rng(0)
    y, weight = rng.normal(size=(40, 2)), rng.integers(1, 5, 40)
    order = rng.permutation(weight.sum())
    weighted, repeated = Values.fit(y, weight.astype(float)), Values.fit(np.repeat(y, weight, axis=0)[order])
    np.testing.assert_array_equal(weighted.mean, repeated.mean)
    np.testing.assert_array_equal(weighted.scale, repeated.scale)
    np.testing.assert_allclose(weighted.mean, np.repeat(y, weight, axis=0).mean(axis=0))
    np.testing.assert_allclose(weighted.scale, np.repeat(y, weight, axis=0).std(axis=0))


@pytest.mark.parametrize("value", [0.0, 7.0, 1e9, 0.1])
def test_a_constant_target_is_not_divided_by_rounding_errors(value):
    targets = Values.fit(np.full(1000, value))
    assert targets.scale == 1
    np.testing.assert_allclose(targets.predict(np.zeros((2, 1))), value)


def test_a_positive_target_is_only_scaled_by_its_mean():
    y = np.array([0.0, 10.0, 20.0])
    targets = Values.fit(y, scaling="positive")
    assert targets.mean == 0 and targets.scale == 10
    np.testing.assert_allclose(targets.encode(y)[:, 0], [0, 1, 2])


def test_values_far_from_zero_keep_their_digits_in_float32():
    y = 1e8 + np.arange(5.0)
    Y = Values.fit(y).encode(y, np.float32)
    np.testing.assert_allclose(Y[:, 0], (np.arange(5) - 2) / np.sqrt(2), rtol=1e-6)


def test_robust_scaling_is_not_moved_by_outliers_and_matches_the_normal_distribution():
    y = np.random.default_rng(0).normal(5, 2, 20_001)
    clean = Values.fit(y, scaling="robust")
    np.testing.assert_allclose([clean.mean[0], clean.scale[0]], [5, 2], rtol=0.03)
    spoiled = Values.fit(np.concatenate([y, np.full(200, 1e9)]), scaling="robust")
    np.testing.assert_allclose([spoiled.mean[0], spoiled.scale[0]], [5, 2], rtol=0.05)
    weighted = Values.fit(np.array([1.0, 2.0, 3.0, 9.0]), np.array([1, 3, 3, 1]), "robust")
    repeated = Values.fit(np.repeat([1.0, 2.0, 3.0, 9.0], [1, 3, 3, 1]), None, "robust")
    assert (weighted.mean, weighted.scale) == (repeated.mean, repeated.scale)


def test_robust_scaling_falls_back_where_the_quartiles_coincide():
    y = np.array([0.0] * 9 + [10.0])
    assert Values.fit(y, scaling="robust").scale[0] == Values.fit(y).scale[0]


def test_one_output_of_tiny_units_makes_all_predictions_double():
    targets = Values.fit(np.array([[1e-40, 1.0], [3e-40, 2.0]]))
    predicted = targets.predict(np.ones((1, 2), np.float32))
    np.testing.assert_allclose(predicted, [[3e-40, 2.0]])
