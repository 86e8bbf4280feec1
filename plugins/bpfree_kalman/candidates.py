"""Candidates for the next centre of `enkf`: hidden layers with the readout that suits them.

A candidate with a lower training loss than the centre is the next centre. Its weights, with a readout of all rows, are
kept to predict with unless the held-out rows are clearly worse off than at their best. They also say whether another
ridge is worth it. Read `accept` first.
"""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(eq=False)
class Candidate:
    """Weights, the readout V of the training rows that suits their hidden layers, and the training loss with it."""

    weights: np.ndarray
    readout: Readout
    V: np.ndarray
    train_loss: float

    @classmethod
    def fit(cls, weights, batch, held, network: Network, V, objective, ridge, n_steps) -> Candidate:
        """From the rows of a batch, of which some are held out, and a readout to begin with."""
        X, Y, weight, _ = batch
        readout = Readout(features(network, weights, X), Y, weight, held, objective, ridge)
        V = readout.solve("train", V, n_steps)
        return cls(weights, readout, V, readout.train_loss(V))


def judge(block, problem, weights, rows, held, V, ridge) -> tuple[float, Candidate | None]:
    """Loss of a candidate on some rows, with the readout of these; on all rows (None) the candidate itself as well."""
    held, n_steps = (held, STEPS) if rows is None else (NO_ROWS, TRIAL_STEPS)
    network, objective = problem.network, problem.objective
    candidate = Candidate.fit(weights[block], problem.take(rows), held, network, V, objective, ridge, n_steps)
    return candidate.train_loss, candidate if rows is None else None


def accept(state, problem, candidate: Candidate, damping=None) -> State:
    """The state with a new centre, if it is better; its weights are kept unless held-out rows clearly object."""
    if not candidate.train_loss < state.train_loss:
        return advance(state, damping=float(min(10 * state.damping, DAMPING_RANGE[1])))
    network, readout, V = problem.network, candidate.readout, candidate.V
    held, losses = readout.held, readout.held_losses(V)
    weight = None if readout.weight is None else readout.weight[held]
    loss, train_loss = mean_and_error(losses, weight)[0] if len(held) else candidate.train_loss, candidate.train_loss
    state = advance(state, damping=damping or state.damping)
    if clearly_worse(losses, state.best_losses, weight):
        return advance(state, centre=with_readout(network, candidate.weights, V), train_loss=train_loss, loss=loss)
    lowest = not len(held) or state.best_losses is None or loss < mean_and_error(state.best_losses, weight)[0]
    ridge = state.ridge
    for factor, errors in RIDGE_FACTORS[: len(held) and 1 + lowest]:  # a smaller one only with the best weights
        other = float(np.clip(factor * state.ridge, *RIDGE_RANGE))
        penalised = readout.with_ridge(other)
        solved = penalised.solve("train", V, STEPS)
        gain, error = mean_and_error(losses - penalised.held_losses(solved), weight)
        if gain > errors * error:
            V, ridge, readout = solved, other, penalised
            train_loss, losses = readout.train_loss(V), readout.held_losses(V)
            loss = mean_and_error(losses, weight)[0]
            break
    best = readout.solve("all", V, STEPS)
    state = advance(
        state,
        weights=with_readout(network, candidate.weights, best),
        centre=with_readout(network, candidate.weights, V),
        train_loss=train_loss,
        best_losses=losses if lowest else state.best_losses,
        loss=loss,
        ridge=ridge,
    )
    if problem.objective.is_classification:
        return advance(state, covariance=open_covariance(readout, V, best))
    return state


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
