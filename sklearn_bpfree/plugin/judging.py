"""How a generation is judged: by which rows, in blocks of which size, and by all workers. Read `judge` first."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from sklearn_bpfree.nn.objectives import Metric
from sklearn_bpfree.plugin.batches import Batch
from sklearn_bpfree.plugin.members import BLOCK_MEMBERS, Members
from sklearn_bpfree.plugin.output_layers import OutputLayers
from sklearn_bpfree.plugin.problem import Problem

COLUMN_BYTES = 1 << 26  # rows are stored column by column if they take at most so much memory
BLOCK_BYTES = 1 << 21  # so much memory the widest layer may take in a block, which should stay in cache
METRIC_ROWS = 2048  # a metric such as the area under the ROC curve is judged by at least so many rows
RARE_ROWS = 128  # and by so many that each class can be expected this often


def judge(problem: Problem, members: Members, rows=None, output_layers: OutputLayers | None = None) -> np.ndarray:
    """The objective's value for all members of a population, by the problem's workers; lower is better.

    Parameters
    ----------
    problem : Problem
    members : Members
    rows : ndarray of int, default=None
        From `sample_rows`; None: all rows.
    output_layers : OutputLayers, default=None
        How to come from the members' outputs, their last hidden layers, to those of the network; None: they are the
        network's.

    Returns
    -------
    losses : ndarray of shape (signs, directions)
        The same to the last bit for any number and kind of workers.
    """
    parts = problem.map(block_losses, members.n_blocks, members, rows, output_layers)
    problem.n_evaluations += members.n_members * (problem.n_samples if rows is None else len(rows))
    return np.concatenate(parts, axis=1)


def block_losses(block, problem, members, rows, output_layers) -> np.ndarray:
    """Losses of one block of a population, (signs, directions of the block)."""
    objective = problem.objective
    X, Y, weight, _ = problem.workers.shared.remembered(by_columns, problem, rows)
    Z = members.outputs(block, X)
    if output_layers is not None:
        Z = output_layers.outputs(Z, Y, weight)
    if isinstance(objective, Metric):
        losses = -objective.scores(Z, problem.y if rows is None else problem.y[rows], weight)
    else:
        losses = objective.means(Z, Y, weight)
    return losses.reshape(len(members.signs), -1).astype(np.float64)


def by_columns(problem, rows) -> Batch:
    """Some rows (None: all) stored column by column, as a population reads them."""
    X, Y, weight, _ = problem.take(rows)
    if not sparse.issparse(X) and X.nbytes <= COLUMN_BYTES:
        X = np.asfortranarray(X)
    return Batch(X, np.asfortranarray(Y), weight)


def sample_rows(problem: Problem, rng: np.random.Generator) -> np.ndarray | None:
    """Numbers of the rows that judge a generation, ascending, as many as `n_rows` says; None: all."""
    size = n_rows(problem)
    if size >= problem.n_samples:
        return None
    return np.sort(rng.choice(problem.n_samples, size, replace=False))


def n_rows(problem) -> int:
    """How many rows judge a generation: a batch, or for a metric so many that the rarest class is met often enough."""
    if not isinstance(problem.objective, Metric):
        return problem.batch_size
    rare = problem.workers.shared.remembered(_rarest, problem)
    return max(problem.batch_size, min(problem.n_samples, max(METRIC_ROWS, int(np.ceil(RARE_ROWS / rare)))))


def _rarest(problem) -> float:
    """Share of the rarest class, at least a row's; values have none."""
    if not problem.objective.targets.is_classification:
        return 0.5
    share = problem.Y.mean(axis=0, dtype=np.float64)
    return max(np.minimum(share, 1 - share).min(), 1 / problem.n_samples)


def block_members(problem: Problem, output_layers: OutputLayers | None = None) -> int:
    """Members in a block of a population: 16, or more when there are few rows; workers have no say in it.

    Half as many with `output_layers`, because the cache then holds what it computes from the last hidden layer, too.
    """
    member = n_rows(problem) * max(problem.network.layer_sizes[1:]) * problem.dtype.itemsize
    size = next((size for size in (128, 64, 32) if size * member <= BLOCK_BYTES), 2 * BLOCK_MEMBERS)
    return size if output_layers is None else size // 2
