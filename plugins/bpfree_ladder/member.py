"""A member of the ladder and what it sees: some rows of a table in an order of its own, and all columns or some."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from scipy import sparse

from bpfree_ladder.schedule import LEARNING_RATE, LONG_STEP, MAIN_SPREAD
from sklearn_bpfree.plugin import Formula, Network, Problem, State, Trainer, get_trainer


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


def learn_all(problem, smoothing, trainers, members, rows, rngs) -> list[Member]:
    """One step of every member, by `problem.map`; an odd number of members learns in two parts each.

    Three members on two workers would take as long as four. In parts a third one's first half goes beside the first
    one's second half: in each wave those learn that have most before them.
    """
    M, n_parts = len(members), parts_of(len(members), len(rows[0]) / problem.batch_size)
    streams = [rng.spawn(n_parts) if n_parts > 1 else [rng] for rng in rngs]
    members, done = list(members), [0] * M
    for wave in waves(M, n_parts, problem.workers.n_workers()):
        plan = [
            (trainers[i], members[i], [(part, rows[i], streams[i][part]) for part in range(done[i], done[i] + length)])
            for i, length in wave
        ]
        for (i, length), member in zip(wave, problem.map(learn, len(wave), smoothing, n_parts, plan), strict=True):
            members[i] = member
            done[i] += length
    return members


def parts_of(n_members, n_updates) -> int:
    """In how many parts a member does a step: two if members are odd in number and have much to do, otherwise one."""
    return 2 if n_members > 1 and n_members % 2 and n_updates >= LONG_STEP else 1


def waves(n_members, n_parts, n_workers) -> list[list[tuple[int, int]]]:
    """Which members learn at the same time, and how many parts each: [[(member, parts), ...], ...]."""
    if n_parts == 1 or n_workers == 1 or n_workers >= n_members:
        return [[(i, n_parts) for i in range(n_members)]]
    left, plan = [n_parts] * n_members, []
    while any(left):
        wave = sorted((i for i in range(n_members) if left[i]), key=lambda i: -left[i])[:n_workers]
        plan.append([(i, 1) for i in wave])
        for i in wave:
            left[i] -= 1
    return plan


def learn(block, problem, smoothing, n_parts, plan) -> Member:
    """The parts of a step that one member learns in a wave."""
    trainer, member, parts = plan[block]
    for part, rows, rng in parts:
        own = own_problem(problem, np.array_split(rows, n_parts)[part], member.columns, smoothing)
        own.iteration = n_parts * problem.iteration + part
        own.max_iter = None if problem.max_iter is None else n_parts * problem.max_iter
        member = replace(member, state=trainer.step(member.state, own, rng))
    return member


@cache
def known_trainer(name) -> Trainer:
    """A registered trainer with its own hyper-parameters, but for the learning rate."""
    trainer = get_trainer(name)
    return get_trainer(name, learning_rate=LEARNING_RATE) if "learning_rate" in trainer.get_params() else trainer
