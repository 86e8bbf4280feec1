"""Variable projection: only the hidden layers are searched, and every member's output layer is solved for.

How an output layer is solved for is told in `sklearn_bpfree.plugin.output_layers`; here is how a network is taken apart
and joined, from which rows its output layer comes, and with which penalty. (Golub and Pereyra 1973 for the idea.) Read
`refit` first.
"""

from __future__ import annotations

import numpy as np

from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.plugin.output_layers import Curvature, OutputLayers, curvature, descend, features

PENALTIES = (1.0, 0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3)  # values of lambda to choose from, the smoothest first
N_FOLDS = 5
CHOOSING_ROWS = 2048  # of the rows, so many are enough to choose a penalty by


def can_be_solved(problem) -> bool:
    """Whether the objective has an output layer that can be solved for, a float one, and the network a hidden one."""
    network = problem.network
    bounded = problem.objective.curvature_bound is not None
    return bounded and len(network.layer_sizes) > 2 and network.weight_kind == "float"


def hidden_network(network: Network) -> Network:
    """The network whose outputs are the pre-activations of the last hidden layer."""
    return Network(network.layer_sizes[:-1], network.activation)


def split(network: Network, weights) -> tuple[np.ndarray, np.ndarray]:
    """The hidden layers' weights as a vector of `hidden_network`, and the output layer V (h + 1, K), bias last."""
    kernels, biases = network.unpack(weights)
    hidden = np.concatenate([part.ravel() for part in kernels[:-1] + biases[:-1]])
    return hidden, np.concatenate([kernels[-1], biases[-1][None]])


def join(network: Network, hidden, V) -> np.ndarray:
    """The inverse of `split`."""
    weights = np.empty(network.n_weights, hidden.dtype)
    kernels, biases = network.unpack(weights)
    parts = hidden_network(network).unpack(hidden)
    for to, source in zip(kernels + biases, [*parts[0], V[:-1], *parts[1], V[-1]], strict=True):
        to[:] = source
    return weights


def output_layers(problem, hidden, V, penalty, rows) -> OutputLayers:
    """How members around `hidden` come to their outputs on some rows (numbers, or None for all)."""
    batch = problem.take(rows)
    H = _centre_features(problem, hidden, batch)
    return OutputLayers(
        problem.objective, problem.network.activation, V, curvature(problem.objective, H, batch.weight, penalty)
    )


def refit(problem, hidden, V, penalty, n_rows, n_steps, rng, known: Curvature | None = None) -> np.ndarray:
    """All weights of the network, with an output layer solved for on some rows.

    Parameters
    ----------
    problem : Problem
    hidden : ndarray
        The hidden layers' weights.
    V : ndarray of shape (h + 1, K)
        Output layer from which to start.
    penalty : float
    n_rows : int
        So many rows are drawn, at most all.
    n_steps : int
        The squared error takes one if the curvature is not `known`.
    rng : numpy.random.Generator
    known : Curvature, default=None
        Of similar features, to save making it.
    """
    batch = problem.sample(rng, min(n_rows, problem.n_samples))
    H = _centre_features(problem, hidden, batch)
    M = known or curvature(problem.objective, H, batch.weight, penalty)
    n_steps = 1 if known is None and problem.objective.is_least_squares else n_steps
    (V,), _ = descend(problem.objective, H, batch.Y, batch.weight, V[None], M, n_steps)
    problem.n_evaluations += len(batch.Y)
    return join(problem.network, hidden, V)


def choose_penalty(problem, hidden, rng) -> float:
    """The penalty with which fits to four fifths of the rows predict the last fifth best, over five folds.

    Parameters
    ----------
    problem : Problem
    hidden : ndarray
        The hidden layers' weights.
    rng : numpy.random.Generator
        Draws at most `CHOOSING_ROWS` rows, and the folds.

    Returns
    -------
    penalty : float
        One of `PENALTIES`.
    """
    batch = problem.sample(rng, min(CHOOSING_ROWS, problem.n_samples))
    n, K = batch.Y.shape
    if n < N_FOLDS:
        return PENALTIES[0]
    held_out = rng.permutation(n) % N_FOLDS == np.arange(N_FOLDS)[:, None]
    rows = np.broadcast_to(1.0 if batch.weight is None else batch.weight, held_out.shape)
    weight = np.where(held_out, 0, rows)
    weight = (weight * (n / weight.sum(axis=1, keepdims=True)))[:, None].astype(batch.Y.dtype)
    H = np.repeat(_centre_features(problem, hidden, batch), N_FOLDS, axis=0)
    V = np.zeros((N_FOLDS, H.shape[1], K), H.dtype)
    errors = []
    for penalty in PENALTIES:
        M = curvature(problem.objective, H, weight, penalty)
        V, Z = descend(problem.objective, H, batch.Y, weight, V, M, n_steps=4)
        losses = problem.objective.loss(Z.transpose(0, 2, 1), batch.Y)
        errors.append(np.average(losses[held_out], weights=rows[held_out]))
    return PENALTIES[int(np.argmin(np.nan_to_num(errors, nan=np.inf)))]


def _centre_features(problem, hidden, batch):
    """Features of one set of hidden layers, (1, h + 1, n)."""
    Z = hidden_network(problem.network).outputs(hidden, batch.X)
    return features(Z[None], problem.network.activation)
