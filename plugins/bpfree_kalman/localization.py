"""The gain of an ensemble, damped where its correlations are likely to be accidents of a small ensemble.

    C = Theta^T Y / P              (n_weights, outputs on the rows)
    q_j = h (r_j + H Y^T (xi - W)_j)                       W as without damping, so that C q_j is the plain update
    theta_j += (L * C) q_j,         L = |correlation of weight and output|^a

(sampling-error correction by a power of the correlation: Lee 2021, "Sampling error correction in ensemble Kalman
inversion"). C has as many columns as the rows have outputs, so it is made block by block and never kept. Read
`DampedGain.added` first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np

from bpfree_kalman.moments import Moments, residual, whiten
from bpfree_kalman.outputs import outputs_of, row_groups, take_rows
from sklearn_bpfree.plugin import Loss, Network

GAIN_BYTES = 1 << 23  # the gain is made for so many weights at a time that it takes about this much memory


@dataclass(frozen=True, eq=False)
class DampedGain:
    """An update of all members by a damped gain.

    Parameters
    ----------
    network : Network
    objective : Loss
    mean : ndarray of shape (n_weights,)
    Theta : ndarray of shape (P, n_weights)
        Anomalies.
    precision : ndarray of shape (K,)
    h : float
        Step size.
    beyond : ndarray of shape (P, P)
        xi - W: the noise less the coefficients of the plain update.
    power : float
        The exponent a.
    """

    network: Network
    objective: Loss
    mean: np.ndarray
    Theta: np.ndarray
    precision: np.ndarray
    h: np.floating | float
    beyond: np.ndarray
    power: float

    def moved(self, problem, batch, data: Moments, both: Moments) -> np.ndarray:
        """The members (P, n_weights) after the update.

        Parameters
        ----------
        problem : Problem
        batch : Batch
        data, both : Moments
            Of the data, and of the data and the prior, whose gain is not damped.
        """
        Theta = self.Theta
        groups = row_groups(batch.X.shape[0], self.network, len(Theta), Theta.itemsize, Theta.nbytes)
        parts = problem.workers.map(group_update, len(groups), groups, self, *batch[:3])
        problem.n_evaluations += batch.X.shape[0] * len(Theta)
        by_prior = both.cross - data.cross + (both.gram - data.gram) @ self.beyond
        return sum(parts, start=self.mean + Theta) + (self.h / len(Theta) * by_prior).T.astype(Theta.dtype) @ Theta

    def added(self, X, Y, weight) -> np.ndarray:
        """What some rows add to all members, (P, n_weights)."""
        Theta, P = self.Theta, len(self.Theta)
        G = outputs_of(self.network, self.mean + Theta, X)
        centre = G.mean(axis=0)
        S, root = whiten(self.objective, G - centre, centre.T, Y, self.precision)
        r = residual(self.objective, G.transpose(0, 2, 1), Y, weight, self.precision)
        by_noise = self.beyond.astype(Theta.dtype).T @ (S * (root * weight)).reshape(P, -1)
        q = self.h * (r.reshape(P, -1) + by_noise).astype(Theta.dtype)
        anomalies = (G - centre).reshape(P, -1)
        spread = np.linalg.norm(anomalies, axis=0)
        added = np.empty_like(Theta)
        chunk = max(GAIN_BYTES // anomalies[0].nbytes, 16)
        for start in range(0, Theta.shape[1], chunk):
            part = Theta[:, start : start + chunk]
            C = part.T @ anomalies
            scale = np.linalg.norm(part, axis=0)[:, None] * spread
            L = np.abs(C) / np.maximum(scale, np.finfo(C.dtype).tiny)
            C *= L if self.power == 1 else L**self.power
            added[:, start : start + chunk] = q @ C.T / P
        return added


def group_update(group, groups, gain: DampedGain, *batch):
    """What one run of blocks of rows adds to all members, (P, n_weights)."""
    return reduce(np.add, (gain.added(*take_rows(rows, *batch)) for rows in groups[group]))
