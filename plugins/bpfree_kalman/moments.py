"""What a Kalman update needs of the members' outputs: sums over rows, taken block by block.

With members theta_j, their outputs G_j on the rows, and w the rows' weights:

    anomalies   Theta_j = theta_j - mean,   Y_j = G_j - mean of the outputs
    residual    r_j = -d loss / d G_j                         for the squared error: (targets - G_j) / noise
    curvature   H, of the loss at the mean output             for the squared error: 1 / noise
    whitened    S_j = H^(1/2) Y_j

Every Kalman update moves members along the anomalies, theta_j + sum_k W_kj Theta_k, and its coefficients W depend on
the rows only through the P x P sums S S^T and Y r^T. So rows are taken block by block, each block returns its sums and
forgets its outputs, and the sums do not depend on who computed them. Read `block_moments` first.
"""

from __future__ import annotations

from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from bpfree_kalman.outputs import outputs_of, row_groups, take_rows
from sklearn_bpfree.plugin import Batch, Loss, Problem

NOISE_FLOOR = 1e-5  # of a variance in encoded units


class Moments(NamedTuple):
    """Sums over rows, weights included; see the module's docstring for the letters.

    Attributes
    ----------
    rows : float
        Sum of the weights.
    gram : ndarray of shape (P, P)
        ``S_j . S_k``.
    cross : ndarray of shape (P, P)
        ``Y_j . r_k``.
    innovation : ndarray of shape (P,)
        ``Y_j . r``, with r the residual of the mean output.
    losses : ndarray of shape (P,)
        Each member's loss.
    mean_loss : float
        The loss of the mean output.
    residual, spread : ndarray of shape (K,)
        Squared error of the mean output after the link, and the members' squared distances from it.
    """

    rows: Any
    gram: np.ndarray
    cross: np.ndarray
    innovation: np.ndarray
    losses: np.ndarray
    mean_loss: Any
    residual: np.ndarray
    spread: np.ndarray


def moments(problem: Problem, members, batch: Batch, precision, *, about_first: bool = False) -> Moments:
    """Sums over a batch of what an update needs of the members' outputs, by the problem's workers.

    Parameters
    ----------
    problem : Problem
    members : ndarray of shape (P, n_weights)
    batch : Batch
    precision : ndarray of shape (K,)
        What the loss is multiplied by to make it a negative log-likelihood: 1 / variance for the squared error; the
        same for all outputs for the other losses.
    about_first : bool, default=False
        Whether anomalies are taken from the first member, which then has none, and not from the mean output.

    Returns
    -------
    moments : Moments
        In float64; the same to the last bit for any number of workers.
    """
    n, P = batch.X.shape[0], len(members)
    groups = row_groups(n, problem.network, P, members.itemsize, 2 * 8 * P * P)
    args = (groups, problem.network, members, problem.differentiable_loss, *batch[:3], precision, about_first)
    parts = problem.workers.map(group_moments, len(groups), *args)
    problem.n_evaluations += P * n
    return reduce(_plus, parts)


def group_moments(group, groups, *args) -> Moments:
    """The moments of one run of blocks of rows."""
    return reduce(_plus, (block_moments(rows, *args) for rows in groups[group]))


def _plus(one, other):
    return Moments(*map(np.add, one, other))


def block_moments(rows, network, members, objective, X, Y, weight, precision, about_first) -> Moments:
    """The moments of one block of rows."""
    X, Y, weight = take_rows(rows, X, Y, weight)
    G = outputs_of(network, members, X)
    centre, G = (G[0], G[1:]) if about_first else (G.mean(axis=0), G)
    anomalies = G - centre
    Z, members_Z = centre.T, G.transpose(0, 2, 1)
    S = whiten(objective, anomalies, Z, Y, precision)[0] * np.sqrt(weight)
    values = objective.link(Z)
    flat, whitened = anomalies.reshape(len(S), -1), S.reshape(len(S), -1)
    sums = (
        weight.sum(),
        whitened @ whitened.T,
        flat @ residual(objective, members_Z, Y, weight, precision).reshape(len(S), -1).T,
        flat @ residual(objective, Z, Y, weight, precision).ravel(),
        _losses(objective, members_Z, Y, precision) @ weight,
        _losses(objective, Z, Y, precision) @ weight,
        weight @ np.square(Y - values),
        weight @ np.square(objective.link(members_Z) - values).sum(axis=0),
    )
    return Moments(*(np.asarray(part, np.float64) for part in sums))


def whiten(objective: Loss, anomalies, Z, Y, precision) -> tuple[np.ndarray, np.ndarray]:
    """Anomalies of the outputs in coordinates in which the loss is round.

    Parameters
    ----------
    objective : Loss
        Whose `Loss.working_weights` are the curvature H.
    anomalies : ndarray of shape (P, K, n)
    Z, Y : ndarray of shape (n, K)
        Outputs where H is taken, and targets.
    precision : ndarray of shape (K,)
        Factor of the loss.

    Returns
    -------
    S : ndarray of shape (P, K, n)
        ``S_j . S_k`` is the sum of ``Y_j H Y_k`` over the rows.
    root : ndarray of shape (K, n)
        ``root * S_j`` is ``H Y_j``.
    """
    h, shares = objective.working_weights(Z, Y)
    root = np.sqrt(precision.astype(Z.dtype) * h).T
    if shares is not None:  # H = diag(h) - h s^T, so the distances from their mean over the outputs count
        anomalies = anomalies - np.einsum("pkn,kn->pn", anomalies, shares.T)[:, None]
    return anomalies * root, root


def residual(objective: Loss, Z, Y, weight, precision) -> np.ndarray:
    """Minus the output error, (..., n, K) -> features first (..., K, n), with the rows' weights and the precision."""
    E = objective.error(Z, Y) * (-precision.astype(Z.dtype))
    return np.ascontiguousarray(np.swapaxes(E * weight[:, None], -1, -2))


def _losses(objective, Z, Y, precision):
    """Negative log-likelihood of each row up to a constant, (..., n, K) -> (..., n)."""
    if objective.is_least_squares:
        return 0.5 * np.square(Z - Y) @ precision.astype(Z.dtype)
    return objective.loss(Z, Y) * precision[0]


def observation_noise(sums: Moments, spread_weight: float, before) -> np.ndarray:
    """Variance of an observation (K,), of which a close fit does not make too little.

    The squared error of the mean output is divided by the number of rows less the number of weights that the data
    settle, spread / variance (MacKay 1992). While that is more than half of the rows, the spread is added instead.

    Parameters
    ----------
    sums : Moments
    spread_weight : float
        Weight of each member's squared distance, 1 / P for an ensemble of equals.
    before : ndarray of shape (K,)
        The variance with which the members got their spread.
    """
    spread = spread_weight * sums.spread
    settled = np.minimum(spread / before, sums.rows / 2)
    by_settled = sums.residual / (sums.rows - settled)
    by_spread = (sums.residual + spread) / sums.rows
    return np.maximum(np.where(settled < sums.rows / 2, by_settled, by_spread), NOISE_FLOOR)


def with_prior(sums: Moments, anomalies, mean, strength: float) -> Moments:
    """The moments with a normal prior added to the data, as observations of the weights themselves.

    Parameters
    ----------
    sums : Moments
    anomalies : ndarray of shape (P, n_weights)
        Theta, in units of the prior's standard deviation.
    mean : ndarray of shape (n_weights,)
        Prior mean - mean of the members, in the same units.
    strength : float
        Precision of the prior in these units.

    Returns
    -------
    sums : Moments
        Its losses are those of the data alone.
    """
    gram = strength * (anomalies @ anomalies.T).astype(np.float64)
    innovation = strength * (anomalies @ mean).astype(np.float64)
    return sums._replace(
        gram=sums.gram + gram,
        cross=sums.cross + innovation[:, None] - gram,
        innovation=sums.innovation + innovation,
    )
