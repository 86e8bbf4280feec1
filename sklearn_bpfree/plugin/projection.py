"""Variable projection: only the hidden layers are searched, and every member's output layer is solved for.

A member is judged with the output layer V (h + 1, K) that suits its hidden layers, for features H and a row of ones:

    L(V) = mean_i w_i loss(V^T h_i, y_i) + lambda s / 2 |V|^2,      s = mean square of H,  the bias is not penalised

    D = M dL/dV,   U = D^T H,   alpha = <D, dL/dV> / (c mean_i w_i |u_i|^2 + lambda s |D|^2),   V <- V - alpha D

M inverts the curvature c H diag(w) H^T / n + lambda s I, of at most which a loss's is, with c `Loss.curvature_bound`: 1
for the squared error, 1/4 for two classes and 1/2 for more (Boehning 1992). So no step overshoots, whatever M is. With
M of the same features one step solves the squared error. Members are small steps from a centre, so they share the
centre's M and start from its V: a step of theirs costs two thin products, and no Gram matrix or inverse is made for
them. (Golub and Pereyra 1973 for the idea of the projection.) Read `descend` first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sklearn_bpfree.nn.activations import ACTIVATIONS
from sklearn_bpfree.nn.losses import Loss
from sklearn_bpfree.nn.network import Network

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


class Curvature(NamedTuple):
    """What is known of the curvature by the output layer.

    Attributes
    ----------
    inverse : ndarray of shape (members or 1, h + 1, h + 1)
        M above.
    ridge : ndarray of shape (members or 1, 1, 1)
        lambda s.
    """

    inverse: np.ndarray
    ridge: np.ndarray


@dataclass(frozen=True, eq=False)
class OutputLayers:
    """Output layers of members around a centre.

    Parameters
    ----------
    objective : Loss
        With a bounded curvature.
    activation : str
        Of the hidden layers.
    V : ndarray of shape (h + 1, K)
        The centre's output layer, bias last.
    curvature : Curvature
        The centre's.
    n_steps : int, default=1
    """

    objective: Loss
    activation: str
    V: np.ndarray
    curvature: Curvature
    n_steps: int = 1

    def outputs(self, Z, Y, weight) -> np.ndarray:
        """Raw outputs of members, each with an output layer of its own.

        Parameters
        ----------
        Z : ndarray of shape (members, n, h)
            Pre-activations of the last hidden layer.
        Y : ndarray of shape (n, K)
        weight : ndarray of shape (n,) or None

        Returns
        -------
        outputs : ndarray of shape (members, n, K)
        """
        H = features(Z, self.activation)
        return descend(self.objective, H, Y, weight, self.V[None], self.curvature, self.n_steps)[1].transpose(0, 2, 1)


def features(Z, activation) -> np.ndarray:
    """Activations for pre-activations Z (members, n, h), and a row of ones for the bias: (members, h + 1, n)."""
    H = np.empty((Z.shape[0], Z.shape[2] + 1, Z.shape[1]), Z.dtype)
    H[:, -1] = 1
    H[:, :-1] = ACTIVATIONS[activation].apply(Z.transpose(0, 2, 1))
    return H


def curvature(objective, H, weight, penalty) -> Curvature:
    """Curvature for features (members, h + 1, n) and weights (n,), (members, 1, n) or None."""
    G = np.matmul(H if weight is None else H * weight, H.transpose(0, 2, 1))
    G *= H.dtype.type(1 / H.shape[2])
    places = np.arange(G.shape[1] - 1)
    ridge = penalty * G[:, places, places].mean(axis=1)[:, None, None]
    ridge += np.finfo(G.dtype).eps  # for features that are all zero
    G *= H.dtype.type(objective.curvature_bound)
    G[:, places, places] += ridge[:, 0]
    return Curvature(np.linalg.inv(G), ridge)


def descend(objective, H, Y, weight, V, curvature, n_steps) -> tuple[np.ndarray, np.ndarray]:
    """Steps of every member's output layer towards its best.

    Parameters
    ----------
    objective : Loss
        With a bounded curvature.
    H : ndarray of shape (members, h + 1, n)
        From `features`.
    Y : ndarray of shape (n, K)
    weight : ndarray of shape (n,), (members, 1, n) or None
    V : ndarray of shape (members or 1, h + 1, K)
        Where to start.
    curvature : Curvature
        Of these features, or of similar ones.
    n_steps : int

    Returns
    -------
    V : ndarray of shape (members, h + 1, K)
    Z : ndarray of shape (members, K, n)
        Raw outputs.
    """
    M, ridge = curvature
    per_row = H.dtype.type(1 / H.shape[2])
    c = per_row * H.dtype.type(objective.curvature_bound)
    Y = np.asfortranarray(Y)  # as Z lies in memory
    Z = np.matmul(V.transpose(0, 2, 1), H)
    for _ in range(n_steps):
        E = objective.error(Z.transpose(0, 2, 1), Y).transpose(0, 2, 1)
        if weight is not None:
            E *= weight
        g = np.matmul(H, E.transpose(0, 2, 1))
        g *= per_row
        g[:, :-1] += ridge * V[:, :-1]
        D = np.matmul(M, g)
        U = np.matmul(D.transpose(0, 2, 1), H)
        square = np.einsum("pkn,pkn->p", U, U if weight is None else weight * U)
        bend = c * square + ridge[:, 0, 0] * np.square(D[:, :-1]).sum(axis=(1, 2))
        alpha = ((D * g).sum(axis=(1, 2)) / np.maximum(bend, np.finfo(H.dtype).tiny))[:, None, None]
        D *= alpha
        U *= alpha
        V = V - D
        Z -= U
    return V, Z


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
