"""Observation models of an ensemble: the Gram matrix of its outputs in the metric of the loss, block of rows by block.

With G the differences of the members' outputs from the centre's, E the output error and H the curvature of the loss by
the outputs (generalised Gauss-Newton), an ensemble Kalman update needs no more of the rows than

    A = sum_n w_n G_n H_n G_n^T     (P, P)          g = - sum_n w_n G_n E_n     (P,)

    squared error H = 1;  log-loss H = diag(p) - p p^T;  sigmoid H = p (1 - p);  Poisson H = e^Z;  see `Loss.hessian`

A task takes a block of rows, or a run of them, and its result does not grow with rows or outputs. Read `observe` first.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from sklearn_bpfree.plugin import Loss, Problem

BLOCK_BYTES = 1 << 23  # differences of outputs that a block of rows may hold
MAX_BLOCK_ROWS = 2048
SUM_BYTES = 1 << 26  # the Gram matrices that are kept until they are added up take at most this much


class Ensemble(Protocol):
    """What `observe` asks of an ensemble, such as `UnitDirections`."""

    network: Any
    n_members: int

    def outputs(self, X) -> tuple[np.ndarray, np.ndarray]:
        """Outputs Z (n, K) of the centre and differences G (n, K, P)."""
        ...


def observe(ensemble: Ensemble, problem: Problem, rows=None) -> tuple[np.ndarray, np.ndarray]:
    """The Gram matrix A and the right-hand side g of an ensemble, means over the rows.

    Parameters
    ----------
    ensemble : Ensemble
        Small when pickled: it travels to every task.
    problem : Problem
    rows : ndarray of int, default=None
        The rows to observe; None: all.

    Returns
    -------
    A : ndarray of shape (P, P), float64
    g : ndarray of shape (P,), float64
        The same to the last bit for any number and kind of workers.

    Raises
    ------
    ObjectiveError
        If the objective is a metric, which has no output error.
    """
    n = problem.n_samples if rows is None else len(rows)
    P, size = ensemble.n_members, block_rows(ensemble, problem.dtype.itemsize)
    starts = np.arange(0, n, size)
    tasks = np.array_split(starts, max(min(len(starts), SUM_BYTES // (8 * P * P)), 1))
    parts = problem.map(_observe_blocks, len(tasks), tasks, ensemble, rows, size)
    problem.n_evaluations += n * (P + 1)
    A = sum((part[0] for part in parts), start=np.zeros((P, P)))
    g = sum((part[1] for part in parts), start=np.zeros(P))
    return A / n, g / n


def block_rows(ensemble, itemsize) -> int:
    """Rows of a block; depends on shapes alone, so that the sums have the same order everywhere."""
    widest = max(ensemble.network.layer_sizes[1:]) if len(ensemble.network.layer_sizes) > 3 else 1
    per_row = ensemble.n_members * max(ensemble.network.n_outputs, widest) * itemsize
    return int(np.clip(BLOCK_BYTES // per_row, 16, MAX_BLOCK_ROWS))


def _observe_blocks(task, problem, tasks, *given):
    """Sums over a run of blocks of rows."""
    A, g = _observe_block(tasks[task][0], problem, *given)
    for start in tasks[task][1:]:
        more = _observe_block(start, problem, *given)
        A += more[0]
        g += more[1]
    return A, g


def _observe_block(start, problem, ensemble, rows, size):
    """Sums over one block of rows."""
    span = slice(start, start + size)
    X, Y, weight, _ = problem.take(span if rows is None else rows[span])
    objective = problem.differentiable_loss
    Z, G = ensemble.outputs(X)
    E = objective.error(Z, Y)
    if weight is not None:
        E = E * weight[:, None]
    P = ensemble.n_members
    g = -(E.reshape(-1) @ G.reshape(-1, P)).astype(np.float64)
    Q = curvature_root(objective, Z, Y, G)
    if weight is not None:
        Q *= np.sqrt(weight)[:, None, None]
    Q = Q.reshape(-1, P)
    return (Q.T @ Q).astype(np.float64), g


def curvature_root(objective: Loss, Z, Y, G) -> np.ndarray:
    """Q with ``Q^T Q = G^T H G``, row by row; overwrites G.

    Parameters
    ----------
    objective : Loss
    Z, Y : ndarray of shape (n, K)
    G : ndarray of shape (n, K, P)

    Returns
    -------
    Q : ndarray of shape (n, K, P)
    """
    if objective.is_least_squares:
        return G
    h, shares = objective.hessian(Z, Y)
    if shares is not None:
        G -= np.matmul(shares[:, None, :], G)  # from the mean over the outputs
    G *= np.sqrt(h)[:, :, None]
    return G
