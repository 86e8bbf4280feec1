"""Split conformal prediction, scaled by how far errors reach near a row: what the errors of unseen rows say of others.

    learned rows    log(|e| + a tenth of its median) ~ features, by ridge    ->  s(x), how far errors reach
    unseen rows     u = e / s(x)
    any row         the quantile q of its error is s(x) times the quantile q of u

As the unseen rows had no part in s, an interval between two quantiles holds the share of further rows of the same kind
that it promises, whatever the features are worth; those make it short where predictions are good. Quantiles of one row
never cross. Reference: Lei, G'Sell, Rinaldo, Tibshirani and Wasserman (2018), "Distribution-free predictive inference
for regression", Journal of the American Statistical Association 113, section 5.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sklearn_bpfree.linear.features import read
from sklearn_bpfree.linear.ridge import ridge

PENALTIES = np.logspace(-3, 2, 11)
FLOOR = 0.1  # of the median error, below which no error is taken for small


@dataclass(eq=False)
class Spread:
    """Values with weights, and their quantiles: of n equal weights the k-th value is the quantile k / (n + 1).

    Attributes
    ----------
    values : ndarray of shape (n, K)
        Sorted along the first axis.
    shares : ndarray of shape (n, K)
        Which quantiles they are.
    """

    values: np.ndarray
    shares: np.ndarray

    @classmethod
    def of(cls, values, weight=None) -> Spread:
        """The spread of values (n, K) with weights (n,)."""
        order = np.argsort(values, axis=0, kind="stable")
        weight = np.ones(len(values)) if weight is None else np.asarray(weight, np.float64)
        shares = np.cumsum(weight[order], axis=0) / (weight.sum() + weight.mean())
        return cls(np.take_along_axis(values, order, axis=0), shares)

    def quantiles(self, levels) -> np.ndarray:
        """Quantiles (L, K) at L levels; beyond the first and the last value these themselves."""
        columns = zip(self.shares.T, self.values.T, strict=True)
        return np.stack([np.interp(levels, shares, values) for shares, values in columns], axis=1)


@dataclass(eq=False)
class LocalErrors:
    """How far targets lie from predictions.

    Attributes
    ----------
    kernel : ndarray of shape (p, K)
    bias : ndarray of shape (K,)
        Of the logarithm of s(x), which is linear in the features.
    ends : ndarray of shape (2, K)
        Between which it stays.
    spread : Spread
        Of the scaled errors u of the unseen rows.
    deviation : ndarray of shape (K,)
        Root of the mean of their squares.
    """

    kernel: np.ndarray
    bias: np.ndarray
    ends: np.ndarray
    spread: Spread
    deviation: np.ndarray

    @classmethod
    def fit(cls, F, E, unseen, weight=None) -> LocalErrors:
        """From some rows whose prediction was learned from them, and others for which it was not.

        Parameters
        ----------
        F : ndarray, CSR array or Features of shape (n, p)
        E : ndarray of shape (n, K)
            Target minus prediction.
        unseen : ndarray of bool, shape (n,)
            Which rows had no part in their prediction; where none or all had none, all are taken for both kinds.
        weight : ndarray of shape (n,) or None
        """
        weight = np.ones(len(E)) if weight is None else weight
        both = np.zeros(len(E), bool) if unseen.any() and not unseen.all() else np.ones(len(E), bool)
        learned, unseen = np.flatnonzero(~unseen | both), np.flatnonzero(unseen | both)
        size = np.abs(E[learned], dtype=np.float64)
        size = np.log(size + FLOOR * np.median(size, axis=0) + 1e-6)
        ends = np.stack([size.min(axis=0), size.max(axis=0)])
        log_scale = ridge(F[learned], size, weight[learned], PENALTIES)
        scaled = E[unseen] / _exponential(F[unseen], log_scale.kernel, log_scale.bias, ends)
        deviation = np.sqrt(np.average(np.square(scaled), axis=0, weights=weight[unseen]))
        return cls(log_scale.kernel, log_scale.bias, ends, Spread.of(scaled, weight[unseen]), deviation)

    def scale(self, F) -> np.ndarray:
        """How far errors reach near some rows: s(x), (n, K)."""
        return _exponential(F, self.kernel, self.bias, self.ends)

    def deviations(self, F) -> np.ndarray:
        """Standard deviations of the errors of some rows, (n, K)."""
        return self.scale(F) * self.deviation

    def quantiles(self, F, levels) -> np.ndarray:
        """Quantiles of the errors of some rows, (n, K, L) for L levels."""
        return self.scale(F)[..., None] * self.spread.quantiles(levels).T


def _exponential(F, kernel, bias, ends):
    """exp(F @ kernel + bias), with the exponent between two ends."""
    return np.exp(np.clip(read(F, kernel, bias), *ends))
