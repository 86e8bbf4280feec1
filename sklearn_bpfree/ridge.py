"""Ridge regression whose penalty is chosen by exact leave-one-out, all penalties from one eigen-decomposition.

With rows scaled by the roots of their weights s and centred, H = U diag(sqrt(e)) V^T. For a penalty lambda

    R   = Y - U diag(e / (e + lambda)) U^T Y                      residuals
    h_i = sum_k U_ik^2 e_k / (e_k + lambda) + s_i / sum(s)        leverage of row i; the last term is the intercept's

and a fit without row i misses it by exactly R_i / (1 - h_i).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import linalg

RANK_TOL = 1e-11  # eigenvalues below this fraction of the largest are taken for zero


class RidgeFit(NamedTuple):
    """A ridge regression and how it was chosen.

    Attributes
    ----------
    kernel : ndarray of shape (p, K)
    bias : ndarray of shape (K,)
    penalty : float
        The one of `penalties` with the smallest error.
    errors : ndarray of shape (n_penalties,)
        Weighted mean of the squared leave-one-out errors, summed over the outputs, for each penalty.
    left_out : ndarray of shape (n, K)
        Prediction for each row from a fit without it.
    basis : ndarray of shape (p, rank)
        V diag(1 / sqrt(e + lambda)): coordinates in which the penalised squared error is round.
    strength : float
        The penalty times its unit, per unit of weight: the ridge minimises the weighted mean of the squared error
        plus ``strength`` times the squared norm of the kernel.
    """

    kernel: np.ndarray
    bias: np.ndarray
    penalty: float
    errors: np.ndarray
    left_out: np.ndarray
    basis: np.ndarray
    strength: float


def ridge(H, Y, weight, penalties) -> RidgeFit:
    """Weighted ridge regression with a free intercept and the penalty that predicts left-out rows best.

    Parameters
    ----------
    H : ndarray of shape (n, p)
        Features, float64.
    Y : ndarray of shape (n, K)
        Targets; one penalty serves all outputs.
    weight : ndarray of shape (n,) or None
        A row of weight 2 counts like two rows, which are left out together.
    penalties : sequence of float
        In units of sum(weight) times the mean variance of the features.

    Returns
    -------
    fit : RidgeFit
    """
    s = np.ones(len(H)) if weight is None else np.asarray(weight, np.float64)
    total, root = s.sum(), np.sqrt(s)[:, None]
    mean_H, mean_Y = s @ H / total, s @ Y / total
    H, Y = root * (H - mean_H), root * (Y - mean_Y)
    U, e, V = _decompose(H)
    C = U.T @ Y
    penalties = np.asarray(penalties, np.float64)
    strengths = penalties * (e.sum() / H.shape[1])
    shrink = e[:, None] / (e[:, None] + strengths)
    free = 1 - s[:, None] / total - (U * U) @ shrink  # 1 - leverage, (n, n_penalties)
    free = np.maximum(free, np.finfo(np.float64).eps)
    errors = [np.square((Y - U @ (k[:, None] * C)) / f[:, None]).sum() for k, f in zip(shrink.T, free.T, strict=True)]
    best = int(np.argmin(errors))
    k = shrink[:, best, None]
    kernel = V @ (k * C / np.sqrt(e)[:, None])
    missed = (Y - U @ (k * C)) / free[:, best, None]
    left_out = mean_Y + (Y - missed) / root
    return RidgeFit(
        kernel,
        mean_Y - mean_H @ kernel,
        penalty=float(penalties[best]),
        errors=np.array(errors) / total,
        left_out=left_out,
        basis=V / np.sqrt(e + strengths[best]),
        strength=strengths[best] / total,
    )


def _decompose(H):
    """U, e, V of H = U diag(sqrt(e)) V^T by the smaller of the two Gram matrices, without the null space."""
    n, p = H.shape
    e, B = linalg.eigh(H.T @ H if p <= n else H @ H.T, check_finite=False)
    keep = e > RANK_TOL * max(e[-1], np.finfo(np.float64).tiny)
    e, B = e[keep], B[:, keep]
    other = (H if p <= n else H.T) @ B / np.sqrt(e)
    return (other, e, B) if p <= n else (B, e, other)
