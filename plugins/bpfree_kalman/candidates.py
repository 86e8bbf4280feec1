"""Candidates for the next centre of `enkf`: hidden layers with the readout that suits them.

A candidate with a lower training loss than the centre is the next centre. Its weights, with a readout of all rows, are
kept to predict with unless the held-out rows are clearly worse off than at their best. They also say whether another
ridge is worth it. Read `accept` first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from bpfree_kalman.held_out import clearly_worse
from bpfree_kalman.moderation import open_covariance
from bpfree_kalman.readout import Readout, features, mean_and_error
from sklearn_bpfree.plugin import Network, State, advance

RIDGE_FACTORS = (3.0, 1.0), (1 / 3, 3.0)  # tried on held-out rows, and the standard errors that must speak for it
RIDGE_RANGE = (1e-3, 1e4)
DAMPING_RANGE = (1e-4, 1e4)
FIRST_STEPS, TRIAL_STEPS, STEPS = 12, 2, 4  # of the readout towards its minimum: at first, in trials, when kept
NO_ROWS = np.empty(0, int)


class Start(NamedTuple):
    """What all candidates of a step start from.

    Attributes
    ----------
    held : ndarray of int
        Numbers of the held-out rows.
    V : ndarray of shape (h + 1, K)
        Readout of the centre.
    ridge : float
    """

    held: np.ndarray
    V: np.ndarray
    ridge: float


@dataclass(eq=False)
class Candidate:
    """Hidden layers, and the readout V of the training rows that suits them under a ridge.

    Attributes
    ----------
    weights : ndarray of shape (n_weights,)
        Whose output layer does not count.
    readout : Readout
    V : ndarray of shape (h + 1, K)
    ridge : float
    """

    weights: np.ndarray
    readout: Readout
    V: np.ndarray
    ridge: float

    @classmethod
    def fit(cls, weights, problem, rows, start: Start, n_steps) -> Candidate:
        """From some rows of a problem (None: all), some of which are held out."""
        X, Y, weight, _ = problem.take(rows)
        F = features(problem.network, weights, X)
        readout = Readout(F, Y, weight, start.held, problem.differentiable_loss, start.ridge)
        return cls(weights, readout, readout.solve("train", start.V, n_steps), start.ridge)

    @cached_property
    def train_loss(self) -> float:
        """Mean loss of the training rows."""
        return self.readout.train_loss(self.V)

    @cached_property
    def losses(self) -> np.ndarray:
        """Loss of each held-out row."""
        return self.readout.held_losses(self.V)

    @property
    def weight(self) -> np.ndarray | None:
        """Weights of the held-out rows."""
        return None if self.readout.weight is None else self.readout.weight[self.readout.held]

    @property
    def loss(self) -> float:
        """Mean loss of the held-out rows, of the training rows where none are held out."""
        return mean_and_error(self.losses, self.weight)[0] if len(self.losses) else self.train_loss

    def is_lowest(self, best_losses) -> bool:
        """Whether the held-out loss is below the best so far."""
        if best_losses is None or not len(self.losses):
            return True
        return self.loss < mean_and_error(best_losses, self.weight)[0]

    def with_better_ridge(self, factors) -> Candidate:
        """Under the first ridge for which the held-out rows speak clearly enough; itself if there is none."""
        for factor, errors in factors:
            ridge = float(np.clip(factor * self.ridge, *RIDGE_RANGE))
            readout = self.readout.with_ridge(ridge)
            other = Candidate(self.weights, readout, readout.solve("train", self.V, STEPS), ridge)
            gain, error = mean_and_error(self.losses - other.losses, self.weight)
            if gain > errors * error:
                return other
        return self


def tried(block, problem, weights, rows, start) -> tuple[float, Candidate | None]:
    """Loss of a candidate on some rows, with the readout of these; on all rows (None) the candidate itself as well."""
    if rows is None:
        candidate = Candidate.fit(weights[block], problem, None, start, STEPS)
        return candidate.train_loss, candidate
    return Candidate.fit(weights[block], problem, rows, start._replace(held=NO_ROWS), TRIAL_STEPS).train_loss, None


def accept(state, problem, candidate: Candidate, damping=None) -> State:
    """The state with a new centre, if it is better; its weights are kept unless held-out rows clearly object."""
    if not candidate.train_loss < state.train_loss:
        return advance(state, damping=float(min(10 * state.damping, DAMPING_RANGE[1])))
    state = advance(state, damping=damping or state.damping)
    if clearly_worse(candidate.losses, state.best_losses, candidate.weight):
        return _with_centre(state, problem.network, candidate)
    lowest = candidate.is_lowest(state.best_losses)
    if len(candidate.losses):
        candidate = candidate.with_better_ridge(RIDGE_FACTORS[: 1 + lowest])  # a smaller one only with the best weights
    state = _with_centre(state, problem.network, candidate)
    V = candidate.readout.solve("all", candidate.V, STEPS)
    return advance(
        state,
        weights=with_readout(problem.network, candidate.weights, V),
        best_losses=candidate.losses if lowest else state.best_losses,
        ridge=candidate.ridge,
        covariance=open_covariance(candidate.readout, candidate.V, V) if state.objective.is_classification else None,
    )


def _with_centre(state, network, candidate):
    centre = with_readout(network, candidate.weights, candidate.V)
    return advance(state, centre=centre, train_loss=candidate.train_loss, loss=candidate.loss)


def readout_of(network: Network, weights) -> np.ndarray:
    """Kernel and bias of the output layer as one matrix (h + 1, K)."""
    kernels, biases = network.unpack(weights)
    return np.vstack([kernels[-1], biases[-1]]).astype(np.float64)


def with_readout(network: Network, weights, V) -> np.ndarray:
    """The weights with another output layer."""
    weights = weights.copy()
    kernels, biases = network.unpack(weights)
    kernels[-1][:], biases[-1][:] = V[:-1], V[-1]
    return weights
