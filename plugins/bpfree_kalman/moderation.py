"""Moderated outputs: probabilities averaged over what the readout may be (MacKay 1992).

How far it is open, held-out rows say.
"""

from __future__ import annotations

import numpy as np

from bpfree_kalman.readout import Readout, quadratic

SCALES = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)  # of the readout's covariance


def moderated(Z, variance) -> np.ndarray:
    """Log-odds of the mean probability when log-odds vary about Z with a variance per row."""
    return Z / np.sqrt(1 + np.pi / 8 * variance, dtype=Z.dtype)[:, None]


def open_covariance(readout: Readout, V_train, V) -> np.ndarray:
    """Covariance of the readout V of all rows, in the scale that gives held-out rows the best probabilities."""
    covariance, held = readout.class_covariance(V), readout.held
    if not len(held):
        return covariance
    weight = None if readout.weight is None else readout.weight[held]
    Z = readout.F_held @ V_train.astype(readout.F.dtype)
    variance = quadratic(readout.F_held, covariance.astype(Z.dtype))
    losses = [readout.objective.loss(moderated(Z, scale * variance), readout.Y[held]) for scale in SCALES]
    return SCALES[int(np.argmin([np.average(loss, weights=weight) for loss in losses]))] * covariance
