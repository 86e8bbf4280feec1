"""All that a trainer may see: rows, targets, weights, the network's shape and the objective."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from sklearn_bpfree.nn.arrays import shrink
from sklearn_bpfree.nn.losses import Loss
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.nn.objectives import Metric, ObjectiveError
from sklearn_bpfree.plugin.batches import ALL, Batch, Rows
from sklearn_bpfree.plugin.sharing import ProblemFunction, RowsFunction, Store, without_rows
from sklearn_bpfree.plugin.workers import Workers

ROW_BLOCK = 1024  # rows in a block of `map_rows`
MEMBER_BYTES = 1 << 27  # members of a population are evaluated in groups whose outputs take at most this much memory


class Problem(Rows):
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
        super().__init__(X, Y, sample_weight, y, batch_size, shuffle)
        self.network = network
        self._objective = objective
        self.warmup = warmup
        self.max_iter = max_iter
        self.n_jobs = n_jobs
        self.iteration = 0

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
        objective = self.objective
        if isinstance(objective, Metric):
            raise ObjectiveError(f"the metric {objective.name!r} has no output error")
        return objective

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
            network = network.narrowed(columns)
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
        return self.workers.map(ProblemFunction(function), n_blocks, self.workers.shared, without_rows(self), *args)

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
        return self.map(RowsFunction(function, size), -(-self.n_samples // size), *args)

    def _losses(self, weights, batch):
        Z = self.network.outputs(weights, batch.X)
        if isinstance(self.objective, Metric):
            return -self.objective.scores(Z, self.y, batch.weight)
        return self.objective.means(Z, batch.Y, batch.weight)
