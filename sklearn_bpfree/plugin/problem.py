"""All that a trainer may see: rows, targets, weights, the network's shape and the objective."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from sklearn_bpfree.nn.arrays import shrink
from sklearn_bpfree.nn.losses import Loss
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.nn.objectives import Metric, ObjectiveError
from sklearn_bpfree.plugin.members import BLOCK_MEMBERS, Members
from sklearn_bpfree.plugin.parallel import Workers
from sklearn_bpfree.plugin.projection import Readout

ROW_BLOCK = 1024  # rows in a block of `map_rows`
COLUMN_BYTES = 1 << 26  # rows are stored column by column for a population if they take at most so much memory
BLOCK_BYTES = 1 << 21  # so much memory the widest layer may take in a block of `judge`, which should stay in cache
METRIC_ROWS = 2048  # a metric such as the area under the ROC curve is judged by at least so many rows
RARE_ROWS = 128  # and by so many that each class can be expected this often
MEMBER_BYTES = 1 << 27  # members of a population are evaluated in groups whose outputs take at most this much memory


class Batch(NamedTuple):
    """Some rows of a problem.

    Attributes
    ----------
    X : ndarray or sparse array of shape (b, n_features)
    Y : ndarray of shape (b, n_outputs)
    weight : ndarray of shape (b,) or None
        Sample weights; their mean over the whole problem is 1.
    rows : ndarray of int of shape (b,), slice or None
        Numbers of the rows, the same in every pass over them; None: not known.
    """

    X: Any
    Y: np.ndarray
    weight: np.ndarray | None
    rows: Any = None


@dataclass(eq=False)
class Table:
    """The rows of a problem as every worker has them.

    Parameters
    ----------
    X : ndarray or CSR array of shape (n, n_features)
    Y : ndarray of shape (n, n_outputs)
    weight : ndarray of shape (n,) or None
    y : ndarray or None
        The user's own targets, if the objective is a `Metric`.
    """

    X: Any
    Y: np.ndarray
    weight: np.ndarray | None
    y: Any
    _last: tuple = field(default=(None, None), init=False, repr=False)

    def __getstate__(self):
        return {**self.__dict__, "_last": (None, None)}

    def batch(self, rows=None) -> Batch:
        """Some rows, by their numbers or a slice; None: all."""
        if rows is None:
            return Batch(self.X, self.Y, self.weight)
        return Batch(self.X[rows], self.Y[rows], None if self.weight is None else self.weight[rows])

    def columns(self, rows=None) -> Batch:
        """The same, stored column by column as a population reads them, and kept until other rows are asked for."""
        of, batch = self._last
        if batch is None or of is not rows:
            X, Y, weight, _ = self.batch(rows)
            if not sparse.issparse(X) and X.nbytes <= COLUMN_BYTES:
                X = np.asfortranarray(X)
            batch = Batch(X, np.asfortranarray(Y), weight)
            self._last = rows, batch
        return batch


class Problem:
    """Rows, targets and an objective for one network.

    Parameters
    ----------
    X : ndarray or CSR array of shape (n_samples, n_features)
        In the dtype of the computation.
    Y : ndarray of shape (n_samples, n_outputs)
        Encoded targets: 0/1 for classes, standardised values for regression.
    network : Network
    objective : Loss or Metric
        What the fit is to minimise in the end.
    sample_weight : ndarray of shape (n_samples,), default=None
        Scaled to mean 1 inside.
    y : ndarray, default=None
        The user's own targets, which a `Metric` is given.
    batch_size : int, default=200
    max_iter : int, default=None
        Number of steps planned, the horizon of learning-rate schedules; None when it is not known.
    n_jobs : int, default=None
        For trainers that evaluate in parallel.
    warmup : int, default=0
        With a `Metric`: number of first steps that minimise the smooth loss that matches it instead.

    Attributes
    ----------
    n_batches : int
        Number of minibatches in one pass over the rows.
    iteration : int
        Number of steps that this fit has done; the loop keeps it.
    n_evaluations : int
        Rows sent through the network so far, times weight vectors.
    """

    def __init__(
        self,
        X,
        Y,
        network: Network,
        objective: Loss | Metric,
        *,
        sample_weight=None,
        y=None,
        batch_size=200,
        max_iter=None,
        n_jobs=None,
        warmup=0,
    ):
        self.X, self.Y, self.y = X, Y, y
        self.network = network
        self._objective = objective
        self.warmup = warmup
        self.sample_weight = None
        if sample_weight is not None:
            self.sample_weight = (sample_weight / sample_weight.mean()).astype(Y.dtype)
        self.batch_size = min(batch_size, self.n_samples)
        self.n_batches = -(-self.n_samples // self.batch_size)
        self.max_iter = max_iter
        self.n_jobs = n_jobs
        self.iteration = 0
        self.n_evaluations = 0

    @cached_property
    def workers(self) -> Workers:
        """What `judge` and `map_rows` compute with; its processes or threads, if any, end with the problem."""
        return Workers(self.n_jobs, Table(self.X, self.Y, self.sample_weight, self.y))

    @property
    def table(self) -> Table:
        """The rows as an argument of ``workers.map``, with which they travel once in a fit."""
        return self.workers.shared

    @property
    def objective(self) -> Loss | Metric:
        """What the present step minimises: the loss or the metric, or while warming up the metric's smooth loss."""
        if self.iteration < self.warmup and isinstance(self._objective, Metric):
            return self._objective.smooth
        return self._objective

    @property
    def differentiable_loss(self) -> Loss:
        """The objective, for trainers that need more of it than values; a metric raises an `ObjectiveError`."""
        if isinstance(self.objective, Metric):
            raise ObjectiveError(f"the metric {self.objective.name!r} has no output error")
        return self.objective

    @property
    def n_samples(self) -> int:
        """Number of rows."""
        return len(self.Y)

    @property
    def dtype(self) -> np.dtype:
        """Dtype of the computation."""
        return self.Y.dtype

    def progress(self, batch_number: int = 0) -> float | None:
        """Fraction of the fit that is done in the middle of a batch of this step; None when the end is not known."""
        if self.max_iter is None:
            return None
        return min((self.iteration + (batch_number + 0.5) / self.n_batches) / self.max_iter, 1.0)

    def initial_output(self) -> np.ndarray:
        """Raw output (K,) that suits the mean target, for the first bias of the output layer."""
        if isinstance(self.objective, Metric):
            return np.zeros(self.network.n_outputs)
        return self.objective.initial_output(self.Y, self.sample_weight)

    def all_rows(self) -> Batch:
        """The whole table as one batch."""
        return Batch(self.X, self.Y, self.sample_weight, slice(None))

    def batches(self, rng: np.random.Generator) -> Iterator[Batch]:
        """One pass over the rows in shuffled minibatches."""
        if self.batch_size == self.n_samples:
            self.n_evaluations += self.n_samples
            yield self.all_rows()
            return
        order = rng.permutation(self.n_samples)
        Y = self.Y.take(order, axis=0)
        weight = None if self.sample_weight is None else self.sample_weight.take(order)
        take = self.X.__getitem__ if sparse.issparse(self.X) else partial(self.X.take, axis=0)
        for start in range(0, self.n_samples, self.batch_size):
            rows = slice(start, start + self.batch_size)
            numbers = order[rows]
            yield Batch(take(numbers), Y[rows], None if weight is None else weight[rows], numbers)
        self.n_evaluations += self.n_samples

    def sample(self, rng: np.random.Generator, size: int) -> Batch:
        """`size` rows drawn without replacement, in ascending order (all rows when there are no more)."""
        if size >= self.n_samples:
            return self.all_rows()
        return self.take(np.sort(rng.choice(self.n_samples, size, replace=False)))

    def take(self, rows) -> Batch:
        """The rows of some numbers."""
        return Batch(self.X[rows], self.Y[rows], None if self.sample_weight is None else self.sample_weight[rows], rows)

    def output_error(self, Z, batch: Batch) -> tuple[float, np.ndarray]:
        """Mean loss of a batch and the output error E, with E's weights and 1/b included.

        Every teaching signal built from this one E has the right scale for any loss and any sample weight.

        Parameters
        ----------
        Z : ndarray of shape (b, n_outputs)
            Raw outputs of the network for the batch.
        batch : Batch

        Returns
        -------
        loss : float
        E : ndarray of shape (b, n_outputs)

        Raises
        ------
        ObjectiveError
            If the objective is a metric, which has no output error.
        """
        total, E = self.differentiable_loss.total_and_error(Z, batch.Y, batch.weight)
        n = len(E)
        if batch.weight is None:
            shrink(E, 1 / n)
        else:
            E *= batch.weight[:, None] / n
        return total / n, E

    def loss(self, weights, batch: Batch | None = None) -> Any:
        """The objective's value for one weight vector or for each of a population; lower is better.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,) or (P, n_weights)
        batch : Batch, default=None
            The rows to judge by; None: all. A `Metric` is always judged on all rows.

        Returns
        -------
        loss : float or ndarray of shape (P,)
            A metric counts negatively.
        """
        if weights.ndim == 1:
            return self.loss(weights[None], batch)[0].item()
        if batch is None or isinstance(self.objective, Metric):
            batch = self.all_rows()
        group = max(1, MEMBER_BYTES // (batch.Y.nbytes * 4))
        parts = [self._losses(weights[i : i + group], batch) for i in range(0, len(weights), group)]
        self.n_evaluations += len(weights) * batch.X.shape[0]
        return np.concatenate(parts)

    def best_shift(self, Z) -> np.ndarray:
        """Shift of the raw outputs (n, K) of all rows that suits the metric best: the decision threshold (K,)."""
        metric = self._objective
        assert isinstance(metric, Metric)
        return metric.best_shift(Z, self.Y, self.y, self.sample_weight)

    @cached_property
    def metric_rows(self) -> int:
        """Rows by which a `Metric` judges a generation: so many that the rarest class is among them often enough."""
        rare = 0.5
        if isinstance(self._objective, Metric) and self._objective.targets.is_classification:
            share = self.Y.mean(axis=0, dtype=np.float64)
            rare = max(np.minimum(share, 1 - share).min(), 1 / self.n_samples)
        return min(self.n_samples, max(METRIC_ROWS, int(np.ceil(RARE_ROWS / rare))))

    def sample_rows(self, rng: np.random.Generator, size: int) -> np.ndarray | None:
        """Numbers of `size` rows as `sample` would draw them, for a `Metric` at least `metric_rows`; None: all rows."""
        if isinstance(self.objective, Metric):
            size = max(size, self.metric_rows)
        if size >= self.n_samples:
            return None
        return np.sort(rng.choice(self.n_samples, size, replace=False))

    @property
    def block_members(self) -> int:
        """Members in a block of a population: 16, or more when there are few rows; workers have no say in it."""
        rows = max(self.batch_size, self.metric_rows) if isinstance(self.objective, Metric) else self.batch_size
        member = rows * max(self.network.layer_sizes[1:]) * self.dtype.itemsize
        return next((size for size in (128, 64, 32) if size * member <= BLOCK_BYTES), 2 * BLOCK_MEMBERS)

    def judge(self, members: Members, rows=None, readout: Readout | None = None) -> np.ndarray:
        """The objective's value for all members of a population, by `n_jobs` workers; lower is better.

        Parameters
        ----------
        members : Members
        rows : ndarray of int, default=None
            From `sample_rows`; None: all rows.
        readout : Readout, default=None
            How to come from the members' outputs, their last hidden layers, to those of the network; None: they are
            the network's.

        Returns
        -------
        losses : ndarray of shape (signs, directions)
            The same to the last bit for any number and kind of workers.
        """
        parts = self.workers.map(block_losses, members.n_blocks, self.table, members, self.objective, rows, readout)
        self.n_evaluations += members.n_members * (self.n_samples if rows is None else len(rows))
        return np.concatenate(parts, axis=1)

    def map_rows(self, function: Callable, *args: Any, size: int = ROW_BLOCK) -> list:
        """``function(batch, *args)`` for every block of rows in their order, by `n_jobs` workers.

        The rows are with the workers already, so that only `args` and the results travel. Sum the results in the order
        of the list, and the sum is the same to the last bit for any number and kind of workers.

        Parameters
        ----------
        function : callable
            A pure function from the top level of a module; it is given a `Batch`.
        *args : object
            Weights, a generator's key, ...
        size : int, default=1024
            Rows in a block; the last block may be shorter. The bits depend on it, so it must not depend on `n_jobs`.

        Returns
        -------
        results : list
        """
        n_blocks = -(-self.n_samples // size)
        return self.workers.map(_OfRows(function, size), n_blocks, self.table, *args)

    def _losses(self, weights, batch):
        Z = self.network.outputs(weights, batch.X)
        if isinstance(self.objective, Metric):
            return -self.objective.scores(Z, self.y, batch.weight)
        return self.objective.means(Z, batch.Y, batch.weight)


@dataclass(frozen=True)
class _OfRows:
    """A function of a batch as one of a block's number and the table."""

    function: Callable
    size: int

    def __call__(self, block, table, *args):
        return self.function(table.batch(slice(block * self.size, (block + 1) * self.size)), *args)


def block_losses(block, table, members, objective, rows, readout) -> np.ndarray:
    """Losses of one block of a population, (signs, directions of the block)."""
    X, Y, weight, _ = table.columns(rows)
    Z = members.outputs(block, X)
    if readout is not None:
        Z = readout.outputs(Z, Y, weight)
    if isinstance(objective, Metric):
        y = table.y if rows is None else table.y[rows]
        losses = -objective.scores(Z, y, weight)
    else:
        losses = objective.means(Z, Y, weight)
    return losses.reshape(len(members.signs), -1).astype(np.float64)
