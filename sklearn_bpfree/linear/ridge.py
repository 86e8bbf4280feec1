"""Ridge regression whose penalty is chosen by exact leave-one-out, all penalties from one eigen-decomposition.

With rows scaled by the roots of their weights s and centred, H = U diag(sqrt(e)) V^T. For a penalty lambda

    R   = Y - U diag(e / (e + lambda)) U^T Y                      residuals
    h_i = sum_k U_ik^2 e_k / (e_k + lambda) + s_i / sum(s)        leverage of row i; the last term is the intercept's

and a fit without row i misses it by exactly R_i / (1 - h_i). Of a large table only some rows are left out, each of them
exactly, so that U is not needed as a whole. The decomposition is made of blocks of the features, see `spectrum`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.utils import gen_batches

from sklearn_bpfree.linear.spectrum import spectrum

LEFT_OUT = 2000  # at most so many rows, evenly spaced, are left out one at a time
AT_ONCE = 512  # so many of them together
OUTPUTS_AT_ONCE = 64  # penalties are tried together while they have no more outputs than this in all


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
    spectrum : Tall or Wide
        The decomposition of the features.
    coordinates : ndarray of shape (rank, K)
        The kernel is ``spectrum.lift(coordinates)``.
    """

    kernel: np.ndarray
    bias: np.ndarray
    penalty: float
    errors: np.ndarray
    rows: slice
    left_out: np.ndarray
    strength: float
    spectrum: Any = field(repr=False)
    coordinates: np.ndarray = field(repr=False)


def ridge(F, Y, weight, penalties, factors=1.0) -> RidgeFit:
    """Weighted ridge regression with a free intercept and the penalty that predicts left-out rows best.

    Parameters
    ----------
    F : ndarray, CSR array or Features of shape (n, p)
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
    n, p = F.shape
    Y = np.asarray(Y, np.float64)
    s = np.ones(n) if weight is None else np.asarray(weight, np.float64)
    total, root, mean_Y = s.sum(), np.sqrt(s)[:, None], s @ Y / s.sum()
    Y = root * (Y - mean_Y)

    basis = spectrum(F, Y, root)
    e, C = basis.e, basis.C
    unit = e.sum() / p
    strengths = unit * np.multiply.outer(penalties, np.atleast_1d(factors))  # (penalties, 1 or K)
    step = max(1, -(-n // LEFT_OUT))
    rows, missed = slice(None, None, step), []
    for part in gen_batches(n, step * AT_ONCE):
        some = slice(part.start, part.stop, step)
        missed.append(_left_out_errors(e, basis.U(some), C, Y[some], s[some] / total, strengths))
    missed = np.concatenate(missed)  # (rows, penalties, K)
    errors = np.square(missed).sum(axis=(0, 2)) / s[rows].sum()
    best = int(np.argmin(errors))
    coordinates = np.sqrt(e)[:, None] / (e[:, None] + strengths[best]) * C
    kernel = basis.lift(coordinates)
    return RidgeFit(
        kernel,
        mean_Y - basis.mean @ kernel,
        penalty=float(penalties[best]),
        errors=errors,
        rows=rows,
        left_out=mean_Y + (Y[rows] - missed[:, best]) / root[rows],
        strength=penalties[best] * unit / total,
        spectrum=basis,
        coordinates=coordinates,
    )


def _left_out_errors(e, U, C, Y, share, strengths) -> np.ndarray:
    """R / (1 - h) for some rows and all penalties, (rows, penalties, K), from coordinates U of the rows."""
    together = max(1, OUTPUTS_AT_ONCE // Y.shape[1])
    missed, squares = [], np.square(U)
    for i in range(0, len(strengths), together):
        k = e[:, None, None] / (e[:, None, None] + strengths[i : i + together])  # (rank, penalties, 1 or K)
        fitted = _times(U, k * C[:, None])
        free = 1 - share[:, None, None] - _times(squares, k)  # 1 - leverage
        missed.append((Y[:, None] - fitted) / np.maximum(free, np.finfo(np.float64).eps))
    return np.concatenate(missed, axis=1)


def _times(U, k):
    """The product of U (m, rank) and k (rank, penalties, K) as one of matrices."""
    columns = k.shape[1] * k.shape[2]
    return (U @ k.reshape(len(k), columns).astype(U.dtype)).reshape(len(U), *k.shape[1:])
