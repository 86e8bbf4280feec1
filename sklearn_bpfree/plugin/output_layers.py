"""Output layers that suit given hidden layers, for many members at once, by steps none of which overshoots.

A member is judged with the output layer V (h + 1, K) that suits its hidden layers, for features H and a row of ones:

    L(V) = mean_i w_i loss(V^T h_i, y_i) + lambda s / 2 |V|^2,      s = mean square of H,  the bias is not penalised

    D = M dL/dV,   U = D^T H,   alpha = <D, dL/dV> / (c mean_i w_i |u_i|^2 + lambda s |D|^2),   V <- V - alpha D

M inverts the curvature c H diag(w) H^T / n + lambda s I, of at most which a loss's is, with c `Loss.curvature_bound`: 1
for the squared error, 1/4 for two classes and 1/2 for more (Boehning 1992). So no step overshoots, whatever M is. With
M of the same features one step solves the squared error. Members are small steps from a centre, so they share the
centre's M and start from its V: a step of theirs costs two thin products, and no Gram matrix or inverse is made for
them. Read `descend` first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sklearn_bpfree.nn.activations import ACTIVATIONS
from sklearn_bpfree.nn.losses import Loss


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
