"""The noise of an observation, which varies with the row: its log-variance is linear in the hidden activations.

From leave-one-out residuals r of the readout, by Fisher scoring of the normal likelihood with v = exp(F U):

    U += (F^T S F + lambda I)^-1 (F^T S (r^2 / v - 1) - lambda U)

Leave-one-out says where the noise is large. How large, the held-out rows say, which the hidden layers have not seen:
tau is the mean of their squared residuals in units of the variances predicted for them, and something more because the
best step was picked by them. Read `NoiseModel.fit` first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import linalg

from bpfree_kalman.readout import Readout, quadratic

MAX_ROWS = 1024  # rows that the noise model is fitted to
RIDGE = 300.0  # lambda, in units of a row's weight times the mean square of the activations
STEPS = 6
LARGEST = 20.0  # r^2 / v counts as at most that, against outliers
MIN_LEFT = 0.1  # 1 - leverage is taken to be at least that
MARGIN = 2.0  # what tau is raised by, over the root of the number of held-out rows
PRIOR_ROWS = 5.0  # as many held-out rows are taken to confirm what leave-one-out says
TINY = 1e-10  # variance that is always there, in units of the encoded targets


@dataclass(eq=False)
class NoiseModel:
    """Variance of a prediction: noise that depends on the row, and what the readout leaves open.

    Attributes
    ----------
    kernel : ndarray of shape (h + 1, K)
        U.
    low, high : ndarray of shape (K,)
        Range of the log-variance on the training rows, beyond which it is not extrapolated.
    covariance : ndarray of shape (h + 1, h + 1)
        Of the readout, in units of `mean`.
    mean : ndarray of shape (K,)
        Mean variance of the noise.
    """

    kernel: np.ndarray
    low: np.ndarray
    high: np.ndarray
    covariance: np.ndarray
    mean: np.ndarray

    @classmethod
    def fit(cls, readout: Readout, V_train, V) -> NoiseModel:
        """From the readout of the training rows and the one of all rows."""
        n = len(readout.Y)
        rows = np.arange(0, n, -(-n // MAX_ROWS))
        covariance = readout.covariance("all")
        weight = np.ones(len(rows)) if readout.weight is None else readout.weight[rows].astype(np.float64)
        F = readout.F[rows].astype(np.float64)
        left = np.maximum(1 - weight * quadratic(F, covariance), MIN_LEFT)
        square = (readout.residuals(V, rows) / left[:, None]) ** 2 + TINY
        mean = np.average(square, axis=0, weights=weight)
        U = np.zeros(V.shape)
        U[-1] = np.log(mean)
        M = F.T @ (F * weight[:, None])
        penalty = RIDGE * np.trace(M[:-1, :-1]) / max(len(M) - 1, 1) / weight.sum()
        penalty = np.append(np.full(len(M) - 1, penalty + TINY), TINY * len(F))[:, None]
        factor = linalg.cho_factor(M + np.diag(penalty[:, 0]), check_finite=False)
        for _ in range(STEPS):
            ratio = np.minimum(square / np.exp(F @ U), LARGEST)
            U += linalg.cho_solve(factor, F.T @ (weight[:, None] * (ratio - 1)) - penalty * U, check_finite=False)
            U[-1] = np.clip(U[-1], np.log(TINY), None)
        low, high = np.quantile(F @ U, [0.01, 0.99], axis=0)
        model = cls(U, low, high, covariance, mean)
        if len(readout.held):
            tau = model._tau(readout, V_train)
            model.mean, model.low, model.high = mean * tau, low + np.log(tau), high + np.log(tau)
            model.kernel[-1] += np.log(tau)
        return model

    def _tau(self, readout, V_train):
        """By which factor the variances are too small, say the held-out rows."""
        held = readout.held
        seen = replace(self, covariance=readout.covariance("train"))
        ratio = readout.residuals(V_train, held) ** 2 / seen.variance(readout.F[held].astype(np.float64))
        weight = np.ones(len(held)) if readout.weight is None else readout.weight[held]
        tau = (weight @ ratio + PRIOR_ROWS) / (weight.sum() + PRIOR_ROWS)
        return tau * (1 + MARGIN / np.sqrt(len(held)))

    def variance(self, F) -> np.ndarray:
        """Variance of the target given features [H, 1] (n, h + 1) of rows, (n, K)."""
        noise = np.exp(np.clip(F @ self.kernel, self.low, self.high))
        return noise + quadratic(F, self.covariance)[:, None] * self.mean
