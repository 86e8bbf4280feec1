"""All that a trainer may see: rows, targets, weights, the network's shape and the objective."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from sklearn_bpfree.nn.arrays import shrink
from sklearn_bpfree.nn.losses import Loss
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.nn.objectives import Metric, ObjectiveError
from sklearn_bpfree.plugin.workers import Workers

ROW_BLOCK = 1024  # rows in a block of `map_rows`
ALL = slice(None)
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
class Store:
    """The rows of a problem as every worker has them, and what functions of them are remembered.

    Parameters
    ----------
    X : ndarray or CSR array of shape (n, n_features)
    Y : ndarray of shape (n, n_outputs)
    sample_weight : ndarray of shape (n,) or None
    y : ndarray or None
    """

    X: Any
    Y: np.ndarray
    sample_weight: np.ndarray | None
    y: Any
    _results: dict = field(default_factory=dict, init=False, repr=False)

    def __getstate__(self):
        return {**self.__dict__, "_results": {}}

    def remembered(self, function: Callable, problem: Problem, *args: Any) -> Any:
        """``function(problem, *args)``, remembered until it is asked for with other objects than `args`."""
        known = self._results.get(function)
        if known is None or any(old is not new for old, new in zip(known[0], args, strict=True)):
            known = self._results[function] = args, function(problem, *args)
        return known[1]


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
    shuffle : bool, default=True
        Whether `batches` goes through the rows in a new random order each time; false: in the order that they have.
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
        shuffle=True,
        max_iter=None,
        n_jobs=None,
        warmup=0,
    ):
        self._X, self._of, self._numbered = X, None, True
        self.Y, self.y = Y, y
        self.network = network
        self._objective = objective
        self.warmup = warmup
        self.sample_weight = None
        if sample_weight is not None:
            self.sample_weight = (sample_weight / sample_weight.mean()).astype(Y.dtype)
        self.batch_size = min(batch_size, self.n_samples)
        self.shuffle = shuffle
        self.n_batches = -(-self.n_samples // self.batch_size)
        self.max_iter = max_iter
        self.n_jobs = n_jobs
        self.iteration = 0
        self.n_evaluations = 0

    @property
    def X(self) -> Any:
        """The rows, (n_samples, n_features); those of a derived problem are put together when first asked for."""
        if self._of is not None:
            self._X, self._of = _rows(self._X, self._of), None
        return self._X

    @X.setter
    def X(self, X):
        self._X, self._of = X, None

    @cached_property
    def workers(self) -> Workers:
        """What `map` computes with; its processes or threads, if any, end with the problem."""
        return Workers(self.n_jobs, Store(self.X, self.Y, self.sample_weight, self.y))

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
        """All rows as one batch."""
        return Batch(self.X, self.Y, self.sample_weight, ALL if self._numbered else None)

    def batches(self, rng: np.random.Generator) -> Iterator[Batch]:
        """One pass over the rows in minibatches, shuffled unless `shuffle` is false."""
        order = self._order(rng)
        if order is None:
            yield from map(self.take, self._parts())
        else:
            Y = self.Y.take(order, axis=0)
            weight = None if self.sample_weight is None else self.sample_weight.take(order)
            X = self.X
            for part in self._parts():
                rows = order[part]
                known = rows if self._numbered else None
                yield Batch(_rows(X, rows), Y[part], None if weight is None else weight[part], known)
        self.n_evaluations += self.n_samples

    def _order(self, rng):
        return rng.permutation(self.n_samples) if self.shuffle and self.n_batches > 1 else None

    def _parts(self):
        if self.n_batches == 1:
            return iter([ALL])
        starts = range(0, self.n_samples, self.batch_size)
        return (slice(start, start + self.batch_size) for start in starts)

    def sample(self, rng: np.random.Generator, size: int) -> Batch:
        """`size` rows drawn without replacement, in ascending order (all rows when there are no more)."""
        if size >= self.n_samples:
            return self.all_rows()
        return self.take(np.sort(rng.choice(self.n_samples, size, replace=False)))

    def take(self, rows) -> Batch:
        """The rows of some numbers or of a slice; None: all."""
        if rows is None or rows is ALL:
            return self.all_rows()
        X = self._X[rows] if self._of is None else _rows(self._X, self._of[rows])
        weight = None if self.sample_weight is None else self.sample_weight[rows]
        return Batch(X, self.Y[rows], weight, rows if self._numbered else None)

    def derive(self, rows=None, columns=None, **changes: Any) -> Problem:
        """Another problem out of this one: some of its rows or columns, other targets, another network or plan.

        Parameters
        ----------
        rows : ndarray of int or slice, default=None
            Which rows it has, in this order; None: all.
        columns : ndarray of int, default=None
            Which columns it has, and the input layer of its network; None: all.
        **changes : object
            Other values of the parameters of `Problem`, such as `Y` (of these rows), `network` or `batch_size`.

        Returns
        -------
        problem : Problem
            It minimises what this one does in the present step, as far into the fit as this one is, counts its own
            evaluations and computes on one core.
        """
        of = ALL if rows is None else rows
        X, network = self.X, self.network
        if columns is not None:
            X = X[:, columns] if sparse.issparse(X) else X.take(columns, axis=1)
            network = replace(network, layer_sizes=(len(columns), *network.layer_sizes[1:]))
        options = {
            "X": X[of] if isinstance(rows, slice) else X,
            "Y": self.Y[of],
            "network": network,
            "objective": self.objective,
            "sample_weight": None if self.sample_weight is None else self.sample_weight[of],
            "y": None if self.y is None else self.y[of],
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
            "max_iter": self.max_iter,
        }
        derived = Problem(**{**options, **changes})
        derived.iteration = self.iteration
        derived._numbered = rows is None  # the next step may derive other rows
        if isinstance(rows, np.ndarray) and "X" not in changes:
            derived._of = rows  # a copy of all rows would cost more than to gather them batch by batch, in cache
        return derived

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

    def map(self, function: Callable, n_blocks: int, *args: Any) -> list:
        """``[function(0, problem, *args), function(1, problem, *args), ...]``, by `n_jobs` workers.

        The rows are with the workers already, so that only `args` and the results travel.

        Parameters
        ----------
        function : callable
            A pure function from the top level of a module. The problem that it is given is this one on one core, whose
            `n_evaluations` nobody will see.
        n_blocks : int
            The bits depend on what a block is, so that must not depend on `n_jobs`.
        *args : object
            Weights, a generator's key, ...

        Returns
        -------
        results : list
            In the order of the blocks.
        """
        return self.workers.map(_OfProblem(function), n_blocks, self.workers.shared, _without_rows(self), *args)

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
        return self.map(_OfRows(function, size), -(-self.n_samples // size), *args)

    def _losses(self, weights, batch):
        Z = self.network.outputs(weights, batch.X)
        if isinstance(self.objective, Metric):
            return -self.objective.scores(Z, self.y, batch.weight)
        return self.objective.means(Z, batch.Y, batch.weight)


def _rows(X, rows):
    """Some rows, which `take` gathers sooner than an index does."""
    return X[rows] if sparse.issparse(X) else X.take(rows, axis=0)


def _without_rows(problem) -> Problem:
    """The problem as it travels, without what the workers have already."""
    bare = copy.copy(problem)
    bare.__dict__.pop("workers", None)
    bare.X = None
    bare.Y = bare.sample_weight = bare.y = None  # pyright: ignore[reportAttributeAccessIssue]
    return bare


@dataclass(frozen=True)
class _OfProblem:
    """A function of a problem as one of the store and the problem without rows."""

    function: Callable

    def __call__(self, block, store, bare, *args):
        problem = copy.copy(bare)
        problem.X, problem.Y, problem.sample_weight, problem.y = store.X, store.Y, store.sample_weight, store.y
        problem.workers = Workers(1, store)
        return self.function(block, problem, *args)


@dataclass(frozen=True)
class _OfRows:
    """A function of a batch as one of a block's number and a problem."""

    function: Callable
    size: int

    def __call__(self, block, problem, *args):
        return self.function(problem.take(slice(block * self.size, (block + 1) * self.size)), *args)
