"""From sums over rows to the coefficients of an update, by matrices of P x P for P members."""

from __future__ import annotations

import numpy as np
from scipy import linalg


def damped_solve(A, B) -> np.ndarray:
    """``(I + A)^-1 B`` for a symmetric positive semi-definite A."""
    factor = linalg.cho_factor(np.eye(len(A)) + A, check_finite=False)
    return linalg.cho_solve(factor, B, check_finite=False)


def inverse_root(A) -> np.ndarray:
    """``(I + A)^(-1/2)``, symmetric, for a symmetric positive semi-definite A; it keeps what A maps to zero."""
    e, V = linalg.eigh(A, check_finite=False)
    return (V / np.sqrt(1 + np.maximum(e, 0))) @ V.T


def noise_coordinates(gram, rng) -> np.ndarray:
    """Columns u with ``gram @ u ~ N(0, gram)``: noise on the data, in the coordinates of the anomalies that see it."""
    e, V = linalg.eigh(gram, check_finite=False)
    seen = e > len(e) * np.finfo(np.float32).eps * max(e[-1], 0)
    return (V[:, seen] / np.sqrt(e[seen])) @ rng.standard_normal((seen.sum(), len(e)))
