"""The gain of an ensemble, damped where its correlations are likely to be accidents of a small ensemble.

    C = Theta^T Y / P              (n_weights, outputs on the rows)
    q_j = h (r_j + H Y^T (xi - W)_j)                       W as without damping, so that C q_j is the plain update
    theta_j += (L * C) q_j,         L = |correlation of weight and output|^a

(sampling-error correction by a power of the correlation: Lee 2021, "Sampling error correction in ensemble Kalman
inversion"). C has as many columns as the rows have outputs, so it is made block by block and never kept.
"""

from __future__ import annotations

from functools import reduce

import numpy as np

from bpfree_kalman.ensemble import outputs_of, residual, row_groups, take_rows, whiten

GAIN_BYTES = 1 << 23  # the gain is made for so many weights at a time that it takes about this much memory


def localized_update(problem, batch, Theta, mean, precision, sums, h, W, xi, power):
    """Members after an update with a damped gain.

    Parameters
    ----------
    problem : Problem
    batch : Batch
    Theta : ndarray of shape (P, n_weights)
        Anomalies.
    mean : ndarray of shape (n_weights,)
    precision : ndarray of shape (K,)
    sums : pair of Moments
        Of the data, and of the data and the prior, whose gain is not damped.
    h : float
        Step size.
    W, xi : ndarray of shape (P, P)
        Coefficients of the plain update, and of the noise.
    power : float
        The exponent a.
    """
    dtype, (data, both) = problem.dtype, sums
    groups = row_groups(batch.X.shape[0], problem.network, len(Theta), Theta.itemsize, Theta.nbytes)
    args = (
        groups,
        problem.network,
        Theta,
        mean,
        problem.objective,
        *batch[:3],
        precision,
        h,
        (xi - W).astype(dtype),
        power,
    )
    moved = sum(problem.workers.map(group_update, len(groups), *args), start=mean + Theta)
    problem.n_evaluations += batch.X.shape[0] * len(Theta)
    by_prior = both.cross - data.cross + (both.gram - data.gram) @ (xi - W)
    return moved + (h / len(Theta) * by_prior).T.astype(dtype) @ Theta


def group_update(group, groups, *args):
    """What one run of blocks of rows adds to all members, (P, n_weights)."""
    return reduce(np.add, (block_update(rows, *args) for rows in groups[group]))


def block_update(rows, network, Theta, mean, objective, X, Y, weight, precision, h, beyond, power):
    """What one block of rows adds to all members, (P, n_weights)."""
    P = len(Theta)
    X, Y, weight = take_rows(rows, X, Y, weight)
    G = outputs_of(network, mean + Theta, X)
    centre = G.mean(axis=0)
    S, root = whiten(objective, G - centre, centre.T, Y, precision)
    r = residual(objective, G.transpose(0, 2, 1), Y, weight, precision)
    q = h * (r.reshape(P, -1) + beyond.T @ (S * (root * weight)).reshape(P, -1)).astype(Theta.dtype)
    anomalies = (G - centre).reshape(P, -1)
    spread = np.linalg.norm(anomalies, axis=0)
    added = np.empty_like(Theta)
    chunk = max(GAIN_BYTES // anomalies[0].nbytes, 16)
    for start in range(0, Theta.shape[1], chunk):
        part = Theta[:, start : start + chunk]
        C = part.T @ anomalies
        scale = np.linalg.norm(part, axis=0)[:, None] * spread
        L = np.abs(C) / np.maximum(scale, np.finfo(C.dtype).tiny)
        C *= L if power == 1 else L**power
        added[:, start : start + chunk] = q @ C.T / P
    return added
