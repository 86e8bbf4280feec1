"""Repeated rows of small tables become one row each, because a sample weight means repetition."""

from __future__ import annotations

from hashlib import blake2b
from itertools import pairwise

import numpy as np
from scipy import sparse

MERGE_ROWS = 1000  # tables of at most so many rows are looked through for repeated ones


def merge_repeated_rows(X, y, sample_weight):
    """Distinct rows of a small table in a fixed order, with the sums of their weights.

    So a weight means repetition, and the order of the rows means nothing, to the last bit. Larger tables are returned
    as they are.

    Parameters
    ----------
    X : ndarray or CSR array of shape (n, n_features)
    y : ndarray of shape (n,) or (n, K)
    sample_weight : ndarray of shape (n,) or None

    Returns
    -------
    X, y, sample_weight
        Of the distinct rows; the weights are None when they are all equal.
    """
    n = len(y)
    if n > MERGE_ROWS:
        return X, y, sample_weight
    codes = np.unique(y, return_inverse=True)[1].reshape(n, -1)
    keys = np.array(_digests(X, codes), dtype=object)
    _, first, where = np.unique(keys, return_index=True, return_inverse=True)
    weight = np.bincount(where, weights=sample_weight).astype(np.float64)
    return X[first], y[first], None if (weight == weight[0]).all() else weight


def unmerged(X, y, repeats):
    """Rows that `merge_repeated_rows` made one, each as often as it was there, and no weights."""
    if repeats is not None:
        rows = np.repeat(np.arange(len(y)), repeats.astype(int))
        X, y = X[rows], y[rows]
    return X, y, None


def _digests(X, codes) -> list[bytes]:
    """Fingerprints of the rows with their targets, by the columns and values that are not zero.

    They are the same for dense and sparse rows and in either precision.
    """
    if sparse.issparse(X):
        X = X.copy()
        X.sum_duplicates()
        X.eliminate_zeros()
        columns, values, ends = X.indices, X.data, X.indptr
    else:
        rows, columns = X.nonzero()
        values, ends = X[rows, columns], np.searchsorted(rows, np.arange(len(X) + 1))
    size = np.dtype(np.int64).itemsize
    columns, values = columns.astype(np.int64).tobytes(), values.astype(np.float64).tobytes()
    codes, width = codes.astype(np.int64).tobytes(), size * codes.shape[1]
    return [
        blake2b(columns[i:j] + values[i:j] + codes[row * width : (row + 1) * width], digest_size=16).digest()
        for row, (i, j) in enumerate(pairwise((size * ends).tolist()))
    ]
