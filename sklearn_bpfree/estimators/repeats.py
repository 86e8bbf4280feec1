"""A sample weight means repetition: whole weights of a small table become repeated rows, in an order of their own."""

from __future__ import annotations

from hashlib import blake2b
from itertools import pairwise

import numpy as np
from scipy import sparse

SMALL = 1000  # rows up to which a table is put in order, and to which whole weights may repeat it


def repeat_by_weight(X, y, sample_weight, whole=True):
    """Rows of a small table in an order that depends on nothing else, each as often as its whole weight says.

    So a weight means repetition, and the order of the rows means nothing, to the last bit. Every observation remains a
    row, because trainers hold rows out and leave rows out. Rows of weights that are not whole numbers keep them, and
    larger tables are returned as they are.

    Parameters
    ----------
    X : ndarray or CSR array of shape (n, n_features)
    y : ndarray of shape (n,) or (n, K)
    sample_weight : ndarray of shape (n,) or None
    whole : bool, default=True
        Whether whole weights are repetitions; False where they say what a class counts for.

    Returns
    -------
    X, y, sample_weight
        The weights are None when they are all equal, or are told by the rows.
    """
    n = len(y)
    if n > SMALL:
        return X, y, sample_weight
    weight = np.ones(n) if sample_weight is None or (sample_weight == sample_weight[0]).all() else sample_weight
    codes = np.unique(y, return_inverse=True)[1].reshape(n, -1)
    rows = np.array(sorted(range(n), key=list(zip(_digests(X, codes), weight.tolist(), strict=True)).__getitem__))
    weight = weight[rows]
    if whole and (weight == np.round(weight)).all() and weight.sum() <= SMALL:
        rows = np.repeat(rows, weight.astype(int))
        weight = np.ones(len(rows))
    return X[rows], y[rows], None if (weight == 1).all() else weight


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
