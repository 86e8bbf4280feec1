"""Base of trainers that carry an ensemble of weight vectors, and what the Kalman methods among them are made of.

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

from abc import abstractmethod
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from scipy import linalg

from sklearn_bpfree.plugin import (
    BLOCK_MEMBERS,
    Batch,
    Loss,
    Network,
    Problem,
    State,
    Trainer,
    member_outputs,
    one_blas_thread,
)

GROUP_BYTES = 1 << 20  # a group of members and a block of rows are such that the widest layer takes about this much
OUTPUT_BYTES = 1 << 23  # outputs of all members for a block of rows take at most this; a block's peak is six times that
SUM_BYTES = 1 << 26  # the sums that are kept until they are added up take at most this much
NOISE_FLOOR = 1e-5  # of a variance in encoded units


@dataclass(eq=False, kw_only=True)
class EnsembleState(State):
    """State of an `EnsembleTrainer`; its `weights` are the members' mean.

    Attributes
    ----------
    members : ndarray of shape (P, n_weights)
    objective : Loss
        By whose link the members' predictions are averaged.
    prior_mean : ndarray of shape (n_weights,)
        First weights of a network, about which the first members were drawn.
    noise : ndarray of shape (K,) or None
        Variance of an observation about the outputs, in encoded units; None for a method that has no standard deviation
        to tell.
    temperature : ndarray of shape (K,) or None
        What the loss is divided by to make it a negative log-likelihood.
    """

    members: np.ndarray
    objective: Loss
    prior_mean: np.ndarray
    noise: np.ndarray | None = None
    temperature: np.ndarray | None = None


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


class EnsembleTrainer(Trainer):
    """Base for methods with an ensemble of weight vectors, whose predictions are averaged and whose spread counts.

    Such a method is one function, `move`.
    """

    @abstractmethod
    def move(self, state: Any, problem: Problem, rng: np.random.Generator) -> State:
        """What `step` does, with one BLAS thread: matrices of P x P are small, and the bits do not depend on it."""

    def step(self, state: Any, problem, rng):
        with one_blas_thread():
            return self.move(state, problem, rng)

    def outputs(self, state: Any, network, X):
        """Raw outputs whose link is the average of the members' probabilities or values."""
        return self._by_rows(lambda Z: (state.objective.mean_output(Z),), state, network, X)[0]

    def predictive(self, state: Any, network, X):
        """Mean of the members' predictions; their variance and the observations' make the standard deviation."""

        def mean_and_std(Z):
            values = state.objective.link(Z)
            return values.mean(axis=0), np.sqrt(values.var(axis=0) + state.noise)

        mean, std = self._by_rows(mean_and_std, state, network, X)
        return mean, std

    def _by_rows(self, function, state, network, X):
        """A function of the members' outputs (P, b, K), block by block of rows."""
        dtype = np.result_type(state.members, X.dtype)
        members = state.members.astype(dtype, copy=False)
        blocks = row_blocks(X.shape[0], network, len(members), dtype.itemsize)
        with one_blas_thread():
            parts = [
                function(outputs_of(network, members, X[rows].astype(dtype, copy=False)).transpose(0, 2, 1))
                for rows in blocks
            ]
        return [np.concatenate(part).astype(dtype, copy=False) for part in zip(*parts, strict=True)]


# --- outputs of an ensemble -------------------------------------------------------------------------------------------


def prior(problem: Problem, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scale (n_weights,) of a normal prior: ``1 / sqrt(fan_in + 1)`` about first weights of a network.

    About zero weights the outputs do not tell which way any weight should go, about a network's first ones they
    do. The last biases lie about the output that suits the mean target.
    """
    mean = problem.network.initial_weights(rng, problem.dtype)
    problem.network.unpack(mean)[1][-1][:] = problem.initial_output()
    return mean, problem.network.fan_in_scale(problem.dtype)


def draw(mean, scale, size: int, rng: np.random.Generator) -> np.ndarray:
    """`size` weight vectors from a normal distribution, (size, n_weights)."""
    return mean + scale * rng.standard_normal((size, len(mean)), dtype=mean.dtype)


def row_blocks(n: int, network: Network, n_members: int, itemsize: int) -> list[slice]:
    """Blocks of about equal size that workers have no say in: in cache, and with outputs of bounded size."""
    in_cache = max(GROUP_BYTES // (BLOCK_MEMBERS * max(network.layer_sizes[1:]) * itemsize), 32)
    bounded = max(OUTPUT_BYTES // (n_members * network.n_outputs * itemsize), 1)
    n_blocks = max(-(-n // min(in_cache, bounded, 2048)), 1)
    ends = [n * i // n_blocks for i in range(n_blocks + 1)]
    return [slice(*pair) for pair in pairwise(ends)]


def row_groups(n: int, network: Network, n_members: int, itemsize: int, sum_bytes: int) -> list[list[slice]]:
    """The blocks in runs, one for each task, which are so few that all their sums of `sum_bytes` may be kept."""
    blocks = row_blocks(n, network, n_members, itemsize)
    n_groups = max(min(len(blocks), SUM_BYTES // sum_bytes), 1)
    return [blocks[slice(*pair)] for pair in pairwise(len(blocks) * i // n_groups for i in range(n_groups + 1))]


def outputs_of(network: Network, members, X) -> np.ndarray:
    """Raw outputs of all members for some rows, features first: (P, K, n)."""
    Z = np.empty((len(members), network.n_outputs, X.shape[0]), members.dtype)
    for start in range(0, len(members), BLOCK_MEMBERS):
        group = slice(start, start + BLOCK_MEMBERS)
        Z[group] = member_outputs(network, members[group], X)
    return Z


# --- moments of the outputs -------------------------------------------------------------------------------------------


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


def take_rows(rows, X, Y, weight):
    """Some rows of a batch, with weights of one where there are none."""
    return X[rows], Y[rows], np.ones(len(Y[rows]), Y.dtype) if weight is None else weight[rows]


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


# --- coefficients of an update ----------------------------------------------------------------------------------------


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


def solve(A, B) -> np.ndarray:
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
