"""Ridge regression whose penalty is chosen by exact leave-one-out, all penalties from one eigen-decomposition.

With rows scaled by the roots of their weights s and centred, H = U diag(sqrt(e)) V^T. For a penalty lambda

    R   = Y - U diag(e / (e + lambda)) U^T Y                      residuals
    h_i = sum_k U_ik^2 e_k / (e_k + lambda) + s_i / sum(s)        leverage of row i; the last term is the intercept's

and a fit without row i misses it by exactly R_i / (1 - h_i). Of a large table only some rows are left out, each of them
exactly, so that U is not needed as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy import linalg

RANK_TOL = {"d": 1e-11, "f": 1e-6}  # eigenvalues below this fraction of the largest are taken for zero, by precision
LEFT_OUT = 2000  # at most so many rows, evenly spaced, are left out one at a time
OUTPUTS_AT_ONCE = 64  # penalties are tried together while they have no more outputs than this in all
EXACT_CELLS = 1_000_000  # up to so many features x rows of single precision are summed in double precision


@dataclass(eq=False)
class RidgeFit:
    """A ridge regression and how it was chosen.

    Attributes
    ----------
    kernel : ndarray of shape (p, K)
    bias : ndarray of shape (K,)
    penalty : float
        The one of `penalties` with the smallest error.
    errors : ndarray of shape (n_penalties,)
        Weighted mean of the squared leave-one-out errors, summed over the outputs, for each penalty.
    rows : slice
        Which rows were left out: all of them, or evenly spaced ones of a large table.
    left_out : ndarray of shape (m, K)
        Prediction for each of these rows from a fit without it.
    strength : float
        The penalty times its unit, per unit of weight: the ridge minimises the weighted mean of the squared error
        plus ``strength`` times the squared norm of the kernel.
    """

    kernel: np.ndarray
    bias: np.ndarray
    penalty: float
    errors: np.ndarray
    rows: slice
    left_out: np.ndarray
    strength: float
    _parts: tuple = field(repr=False)

    @cached_property
    def basis(self) -> np.ndarray:
        """V diag(1 / sqrt(e + lambda)), (p, rank): coordinates in which the penalised squared error is round."""
        H, e, B, strength = self._parts
        V = H.T @ (B / np.sqrt(e)).astype(H.dtype) if H.shape[1] > H.shape[0] else B
        return V / np.sqrt(e + strength)


def ridge(H, Y, weight, penalties, factors=1.0) -> RidgeFit:
    """Weighted ridge regression with a free intercept and the penalty that predicts left-out rows best.

    Parameters
    ----------
    H : ndarray of shape (n, p)
        Features.
    Y : ndarray of shape (n, K)
        Targets; one penalty serves all outputs.
    weight : ndarray of shape (n,) or None
        A row of weight 2 counts like two rows, which are left out together.
    penalties : sequence of float
        In units of sum(weight) times the mean variance of the features.
    factors : float or ndarray of shape (K,), default=1.0
        The penalty of each output is this much larger.

    Returns
    -------
    fit : RidgeFit
    """
    n, p = H.shape
    H = exact(H)
    Y = np.asarray(Y, np.float64)
    s = np.ones(n) if weight is None else np.asarray(weight, np.float64)
    total, root = s.sum(), np.sqrt(s)[:, None]
    mean_H, mean_Y = np.average(H, axis=0, weights=weight), s @ Y / total
    H, Y = H - mean_H.astype(H.dtype), root * (Y - mean_Y)
    if weight is not None:
        H *= root.astype(H.dtype)

    rows = slice(None, None, max(1, -(-n // LEFT_OUT)))
    e, B = _eigen(H)
    if p <= n:
        C = B.T @ (H.T @ Y.astype(H.dtype)) / np.sqrt(e)[:, None]
        U = H[rows] @ (B / np.sqrt(e)).astype(H.dtype)
    else:
        C, U = B.T @ Y, B[rows]
    unit = e.sum() / p
    strengths = unit * np.multiply.outer(penalties, np.atleast_1d(factors))  # (penalties, 1 or K)
    together = max(1, OUTPUTS_AT_ONCE // Y.shape[1])
    missed = [
        _left_out_errors(e, U, C, Y[rows], s[rows] / total, strengths[i : i + together])
        for i in range(0, len(strengths), together)
    ]
    missed = np.concatenate(missed, axis=1)  # (rows, penalties, K)
    errors = np.square(missed).sum(axis=(0, 2)) / s[rows].sum()
    best = int(np.argmin(errors))
    penalty, k, missed = penalties[best], e[:, None] / (e[:, None] + strengths[best]), missed[:, best]
    kernel = B @ (k * C / np.sqrt(e)[:, None]) if p <= n else H.T @ (B @ (k * C / e[:, None]))
    return RidgeFit(
        kernel,
        mean_Y - mean_H @ kernel,
        penalty=float(penalty),
        errors=errors,
        rows=rows,
        left_out=mean_Y + (Y[rows] - missed) / root[rows],
        strength=penalty * unit / total,
        _parts=(H, e, B, penalty * unit),
    )


def _left_out_errors(e, U, C, Y, share, strengths) -> np.ndarray:
    """R / (1 - h) for some rows and penalties at once, (rows, penalties, K), from coordinates U of the rows."""
    k = e[:, None, None] / (e[:, None, None] + strengths)  # (rank, penalties, 1 or K)
    fitted = _times(U, k * C[:, None])
    free = 1 - share[:, None, None] - _times(np.square(U), k)  # 1 - leverage
    return (Y[:, None] - fitted) / np.maximum(free, np.finfo(np.float64).eps)


def _times(U, k):
    """The product of U (m, rank) and k (rank, penalties, K) as one of matrices."""
    columns = k.shape[1] * k.shape[2]
    return (U @ k.reshape(len(k), columns).astype(U.dtype)).reshape(len(U), *k.shape[1:])


def exact(H) -> np.ndarray:
    """Features in double precision, unless there are so many of single precision that it would take twice the time."""
    return np.asarray(H, np.float64 if H.size <= EXACT_CELLS else None)


def _eigen(H):
    """Eigenvalues e and eigenvectors of the smaller Gram matrix, without the null space: V if p <= n, else U."""
    n, p = H.shape
    e, B = linalg.eigh(H.T @ H if p <= n else H @ H.T, driver="evd", overwrite_a=True, check_finite=False)
    keep = e > RANK_TOL[H.dtype.char] * max(e[-1], np.finfo(H.dtype).tiny)
    return e[keep].astype(np.float64), B[:, keep].astype(np.float64)
