"""Features that are formed block by block, against the arrays that they stand for."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_bpfree.linear import features
from sklearn_bpfree.linear.features import Beside, LowRank, Mapped, dense, formed, is_sparse, read
from sklearn_bpfree.nn.arrays import product

rng = np.random.default_rng(0)
X = np.where(rng.random((70, 9)) < 0.5, 0.0, rng.standard_normal((70, 9)))
U, C = rng.standard_normal((70, 2)), rng.standard_normal((2, 9))


def pairs():
    """Features and the array that they stand for."""
    for rows in (X, sparse.csr_array(X)):
        raised = LowRank(rows, U, C)
        yield rows, X
        yield raised, X + U @ C
        yield Mapped(raised, lambda some: np.tanh(product(some, C.T)), 2), np.tanh((X + U @ C) @ C.T)
        yield Beside([raised, Mapped(rows, lambda some: some.dot(C.T), 2)]), np.hstack([X + U @ C, X @ C.T])


@pytest.mark.parametrize("F, expected", list(pairs()))
def test_features_are_the_array_that_they_stand_for(F, expected):
    assert F.shape == expected.shape
    for rows in (slice(None), slice(3, 40, 7), np.array([5, 5, 1])):
        np.testing.assert_allclose(dense(F[rows]), expected[rows], atol=1e-12)
    kernel, bias = rng.standard_normal((F.shape[1], 3)), rng.standard_normal(3)
    np.testing.assert_allclose(read(F, kernel, bias), expected @ kernel + bias, atol=1e-12)
    np.testing.assert_allclose(formed(F), expected, atol=1e-12)


def test_blocks_hold_few_rows_of_many_columns():
    sizes = [next(features.blocks(10_000, p)).stop for p in (1, 1000, 1_000_000)]
    assert sizes == [512, 262, 16]


def test_large_features_are_formed_in_blocks(monkeypatch):
    seen = []
    F = Mapped(X, lambda rows: seen.append(len(rows)) or rows, 9)
    monkeypatch.setattr(features, "SMALL", 100)
    assert formed(F) is F
    monkeypatch.setattr(features, "BLOCK_ROWS", 64)
    read(F, np.ones((9, 1)), 0)
    assert seen == [64, 6]


def test_sparse_rows_plus_low_rank_are_known_for_sparse():
    rows = sparse.csr_array(X)
    assert is_sparse(rows) and is_sparse(LowRank(rows, U, C))
    assert not is_sparse(X) and not is_sparse(LowRank(X, U, C)) and not is_sparse(Mapped(rows, abs, 9))
