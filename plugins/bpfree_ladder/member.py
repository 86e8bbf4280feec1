"""A member of the ladder and what it sees: some rows of a table in an order of its own, and all columns or some."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from bpfree_ladder.schedule import MAIN_SPREAD
from sklearn_bpfree.plugin import Formula, Network, Problem, State, Trainer


@dataclass(frozen=True, eq=False)
class Member:
    """A net of the ladder.

    Attributes
    ----------
    state : State
        Its trainer's.
    decay : float
        The weight decay that it began with.
    columns : ndarray of int or None
        Numbers of the columns that it sees; None: all.
    """

    state: State
    decay: float
    columns: np.ndarray | None = None

    def outputs(self, trainer: Trainer, network, X) -> np.ndarray:
        """Its raw outputs, of a network that sees every column of X."""
        return trainer.outputs(self.state, narrow(network, self.columns), seen(X, self.columns))

    def with_decay(self, decay) -> Member:
        """The same net as one that began with another decay."""
        return replace(self, decay=decay)

    def formula(self, trainer: Trainer, network, X: Formula) -> Formula:
        """`outputs` as a formula."""
        rows = X if self.columns is None else X.columns(self.columns)
        return trainer.formula(self.state, narrow(network, self.columns), rows)

    def weights(self, network) -> np.ndarray:
        """Its weights as those of a network that sees every column."""
        return whole(network, self.columns, self.state.weights)


def main_columns(X) -> np.ndarray | None:
    """Numbers of the columns of X (n, d) with two values or a deviation above .55 of the largest one; None: all are.

    Bins of height 1 cannot: with values in a range of 1 none exceeds .5, and standardised numbers have about 1.
    """
    X = X.toarray() if sparse.issparse(X) else X
    deviation = X.std(axis=0, dtype=np.float64)  # squares may overflow in single precision
    two_values = ((X == X.min(axis=0)) | (X == X.max(axis=0))).all(axis=0)
    main = two_values | (deviation > MAIN_SPREAD * deviation.max(initial=0))
    return None if main.all() else np.flatnonzero(main)


def narrow(network, columns) -> Network:
    """The network of a member that sees some columns; None: all."""
    return network if columns is None else network.narrowed(columns)


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


def endless_permutations(n, without, seed, start, size) -> np.ndarray:
    """`size` numbers from the place `start` on of an endless row of permutations of 0, ..., n - 1 without some."""
    rows = np.delete(np.arange(n), without)
    first, last = start // len(rows), (start + size - 1) // len(rows)
    permutations = [np.random.default_rng((*seed, number)).permutation(rows) for number in range(first, last + 1)]
    return np.concatenate(permutations)[start - first * len(rows) :][:size]


def own_problem(problem, rows, columns, smoothing) -> Problem:
    """What a member learns from: some rows in an order that is random already, some columns, and smoothed classes.

    Parameters
    ----------
    problem : Problem
    rows : ndarray of int
    columns : ndarray of int or None
        None: all.
    smoothing : float
        Share of a class that is spread over all classes.
    """
    Y = problem.differentiable_loss.smoothed(problem.Y[rows], smoothing)
    return problem.derive(rows, columns, Y=Y, shuffle=False)


def learn(i, problem, smoothing, trainers, members, rows, rngs) -> Member:
    """One step of one member."""
    own = own_problem(problem, rows[i], members[i].columns, smoothing)
    return replace(members[i], state=trainers[i].step(members[i].state, own, rngs[i]))
