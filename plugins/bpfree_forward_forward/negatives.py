"""The bad rows of `forward_forward`: wrong labels, or rows whose columns come from two rows."""

from __future__ import annotations

import numpy as np
from scipy import sparse


def wrong_labels(y, n_labels, odds, rng) -> np.ndarray:
    """Another label for every row, all equally likely or, given `odds` (n, n_labels), in proportion to these."""
    if odds is None or n_labels == 2:
        return (y + rng.integers(1, n_labels, len(y))) % n_labels
    share = odds + 1e-6  # so that there is always one
    share[np.arange(len(y)), y] = 0
    share = share.cumsum(axis=1)
    return (share <= rng.random((len(y), 1)) * share[:, -1:]).sum(axis=1)


def mix_columns(X, rng):
    """Rows of which each column is, with probability 1/2, another row's."""
    n = X.shape[0]
    own, other = rng.integers(2, size=X.shape).astype(X.dtype), X[rng.permutation(n)]
    if sparse.issparse(X):
        return (X.multiply(own) + other.multiply(1 - own)).tocsr()
    return np.where(own, X, other)


def stack_rows(upper, lower):
    """One array of rows above those of another."""
    return sparse.vstack([upper, lower], format="csr") if sparse.issparse(upper) else np.concatenate([upper, lower])
