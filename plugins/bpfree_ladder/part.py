"""What a member of the ladder sees: some rows of a table in an order of its own, and all columns or some."""

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from sklearn_bpfree.plugin import Batch, Network, Problem


def main_columns(X) -> np.ndarray | None:
    """Numbers of the columns of X (n, d) with two values or a deviation above .55 of the largest one; None: all are.

    Bins of height 1 cannot: with values in a range of 1 none exceeds .5, and standardised numbers have about 1.
    """
    X = X.toarray() if sparse.issparse(X) else X
    deviation = X.std(axis=0, dtype=np.float64)  # squares may overflow in single precision
    two_values = ((X == X.min(axis=0)) | (X == X.max(axis=0))).all(axis=0)
    main = two_values | (deviation > 0.55 * deviation.max(initial=0))
    return None if main.all() else np.flatnonzero(main)


def narrow(network, columns) -> Network:
    """The network of a member that sees some columns; None: all."""
    return network if columns is None else replace(network, layer_sizes=(len(columns), *network.layer_sizes[1:]))


def seen(X, columns):
    """Some columns of X; None: all."""
    return X if columns is None else X[:, columns]


def whole(network, columns, weights) -> np.ndarray:
    """The weights of a member that sees some columns as those of a network that sees all: 0 from the others."""
    if columns is None:
        return weights
    every = np.zeros(network.n_weights, weights.dtype)
    kernels, biases = network.unpack(every)
    own_kernels, own_biases = narrow(network, columns).unpack(weights)
    kernels[0][columns] = own_kernels[0]
    for array, own in zip([*kernels[1:], *biases], [*own_kernels[1:], *own_biases], strict=True):
        array[:] = own
    return every


def other(problem, network, X, budget=None) -> Problem:
    """The problem of another network with the same rows; budget None: the same one."""
    budget = budget or problem
    return Problem(
        X,
        problem.Y,
        network,
        problem.objective,
        sample_weight=problem.sample_weight,
        batch_size=budget.batch_size,
        max_iter=budget.max_iter,
    )


def endless_permutations(n, without, seed, start, size) -> np.ndarray:
    """`size` numbers from the place `start` on of an endless row of permutations of 0, ..., n - 1 without some."""
    rows = np.delete(np.arange(n), without)
    first, last = start // len(rows), (start + size - 1) // len(rows)
    permutations = [np.random.default_rng((*seed, number)).permutation(rows) for number in range(first, last + 1)]
    return np.concatenate(permutations)[start - first * len(rows) :][:size]


class Part(Problem):
    """Some rows of a table in a given order, which is random already, so that a pass goes through it as it is.

    Batches are gathered one by one: a copy of all rows would cost more than it takes to shuffle them.

    Parameters
    ----------
    table : Table
    rows : ndarray of int
    columns : ndarray of int or None
        Numbers of the columns that it has; None: all.
    smoothing : float
        Share of a class that is spread over all classes.
    network, objective, batch_size, max_iter
        Of the problem whose rows they are; the network that sees all columns.
    iteration : int
        Steps of the fit so far.
    """

    def __init__(self, table, rows, columns, *, smoothing, network, objective, iteration, batch_size, max_iter):
        Y = objective.smoothed(table.Y[rows], smoothing)
        weight = None if table.weight is None else table.weight[rows]
        options = {"sample_weight": weight, "batch_size": batch_size, "max_iter": max_iter}
        super().__init__(None, Y, narrow(network, columns), objective, **options)
        del self.X  # until somebody asks for all rows at once
        self.iteration = iteration
        self._every_row, self._rows = seen(table.X, columns), rows

    @cached_property
    def X(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self._gathered(slice(None))

    def batches(self, rng):
        """One pass over the rows in minibatches."""
        for start in range(0, self.n_samples, self.batch_size):
            batch = slice(start, start + self.batch_size)
            weight = None if self.sample_weight is None else self.sample_weight[batch]
            yield Batch(self._gathered(batch), self.Y[batch], weight)
        self.n_evaluations += self.n_samples

    def _gathered(self, part):
        X, rows = self._every_row, self._rows[part]
        return X[rows] if sparse.issparse(X) else X.take(rows, axis=0)
