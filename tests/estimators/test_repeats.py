"""Repeated rows and sample weights mean the same."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_bpfree.estimators.repeats import SMALL, repeat_by_weight

N = 53
rng = np.random.default_rng(0)
X = rng.normal(size=(N, 4))
CODES = rng.integers(3, size=N)
WEIGHT = rng.integers(1, 5, N).astype(float)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_whole_weights_become_repeated_rows(kind):
    repeated = np.repeat(np.arange(N), WEIGHT.astype(int))
    order = rng.permutation(len(repeated))
    rows = repeated[order]
    repeated = repeat_by_weight(kind(X[rows]), CODES[rows], None)
    weighted = repeat_by_weight(kind(X), CODES, WEIGHT)
    for one, other in zip(repeated[:2], weighted[:2], strict=True):
        one, other = (part.toarray() if sparse.issparse(part) else part for part in (one, other))
        np.testing.assert_array_equal(one, other)
    assert repeated[2] is None and weighted[2] is None and len(weighted[1]) == WEIGHT.sum()


def test_every_observation_stays_a_row():
    _, y, weight = repeat_by_weight(np.ones((4, 2)), np.array([0, 1, 1, 0]), None)
    assert sorted(y) == [0, 0, 1, 1] and weight is None


@pytest.mark.parametrize("weight", [np.array([0.5, 2, 3, 5]), np.array([1.0, 2, 3, SMALL])])
def test_other_weights_stay_with_their_rows_in_any_order(weight):
    y, orders = np.array([0, 1, 1, 0]), ([0, 1, 2, 3], [3, 1, 0, 2])
    one, other = (repeat_by_weight(np.ones((4, 2)), y[order], weight[order])[1:] for order in orders)
    np.testing.assert_array_equal(one, other)
    assert sorted(zip(*one, strict=True)) == sorted(zip(y, weight, strict=True))


def test_targets_of_several_columns_are_compared_whole():
    y = np.array([[0, 1], [1, 1], [0, 1]])
    _, ordered, _ = repeat_by_weight(np.ones((3, 2)), y, None)
    assert ordered.tolist() in ([[0, 1], [0, 1], [1, 1]], [[1, 1], [0, 1], [0, 1]])


def test_equal_weights_are_none():
    assert repeat_by_weight(X, CODES, None)[2] is None
    assert repeat_by_weight(X, CODES, np.full(N, 3.0))[2] is None


def test_the_order_does_not_depend_on_the_container_or_the_precision():
    values = np.where(X < 0, 0, X).astype(np.float32)
    values[0] = -0.0
    stored_zeros = sparse.csr_array(values)
    stored_zeros.data[:3] = 0
    dense = stored_zeros.toarray()
    orders = [
        repeat_by_weight(rows, np.arange(N), None)[1]
        for rows in (dense, dense.astype(np.float64), sparse.csr_array(dense), stored_zeros, sparse.csr_matrix(dense))
    ]
    for order in orders[1:]:
        np.testing.assert_array_equal(order, orders[0])


def test_the_users_sparse_rows_are_left_alone():
    rows = sparse.csr_array((np.array([1.0, 2.0, 0.0]), np.array([2, 0, 1]), np.array([0, 2, 3])), shape=(2, 3))
    data, indices = rows.data.copy(), rows.indices.copy()
    repeat_by_weight(rows, np.arange(2), None)
    np.testing.assert_array_equal(rows.data, data)
    np.testing.assert_array_equal(rows.indices, indices)


def test_large_tables_are_left_as_they_are():
    many = np.ones((SMALL + 1, 2))
    y = np.zeros(len(many))
    merged = repeat_by_weight(many, y, None)
    assert merged[0] is many and merged[1] is y and merged[2] is None
