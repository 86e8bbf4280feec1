"""How far off a row to predict may count as: within the range of the fit's features and half of it more."""

from __future__ import annotations

import numpy as np
from scipy import sparse

MARGIN = 0.5  # of a feature's range in the fit, by which a row may lie beyond it and not count as nearer


def limits(X) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest value (d,) that a feature is taken to have in a prediction; zero lies between them."""
    ends = X.min(axis=0), X.max(axis=0)
    low, high = (np.ravel(end.toarray() if sparse.issparse(end) else end) for end in ends)
    margin = X.dtype.type(MARGIN) * (high - low)
    return np.minimum(low - margin, 0), np.maximum(high + margin, 0)


def clipped(X, low, high):
    """The rows with every feature between its limits, lest a slip of the comma is extrapolated to."""
    if not sparse.issparse(X):
        return np.clip(X, low, high)
    X = X.copy()
    X.data = np.clip(X.data, low[X.indices], high[X.indices])
    return X
