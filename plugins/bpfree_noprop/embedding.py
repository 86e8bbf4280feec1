"""Where the labels lie in the space of the latents: ``u = origin + Y U``, for any encoding of the targets.

Guesses come the same way: ``û = origin + P U`` with P the probabilities or values of a block.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse

EMBEDDINGS = ("one_hot", "learned", "prototypes")


class Embedding(NamedTuple):
    """An affine map from targets to latents.

    Attributes
    ----------
    origin : ndarray of shape (k,)
    U : ndarray of shape (K, k)
    """

    origin: np.ndarray
    U: np.ndarray

    def __call__(self, Y):
        """Latents (..., k) of targets, probabilities or values (..., K)."""
        return self.origin + Y @ self.U


def embed(problem, kind, size) -> Embedding:
    """The embedding of a problem's targets.

    Parameters
    ----------
    problem : Problem
    kind : {"one_hot", "learned", "prototypes"}
        "one_hot": unit vectors for classes, -1 and 1 for yes/no outputs, standardised values. "learned": the classes'
        means in their leading principal directions. "prototypes": the row nearest to the mean of its class. Both are
        scaled so that two classes lie as far apart as two unit vectors, in the root mean square.
    size : int or None
        Number of dimensions that "learned" keeps; None: as many as there are classes, at most 20.

    Raises
    ------
    ValueError
        If an embedding by rows is asked for targets that are not exclusive classes.
    """
    Y, weight, K = problem.Y, problem.sample_weight, problem.network.n_outputs
    kind_of_targets = problem.differentiable_loss.kind
    classes = kind_of_targets == "classes"
    if kind != "one_hot":
        if not classes and not (kind_of_targets == "labels" and K == 1):
            raise ValueError(f"embedding={kind!r} of NoProp needs classes that exclude each other; use 'one_hot'.")
        points = _class_points(problem.X, Y if classes else np.hstack([1 - Y, Y]), weight, kind)
        points = _principal(points, size or min(len(points), 20)) if kind == "learned" else points
        centred = points - points.mean(axis=0)
        scale = np.sqrt((len(points) - 1) / max(np.square(centred).sum(), np.finfo(np.float32).tiny))
        points = (centred * scale).astype(Y.dtype)
        return Embedding(np.zeros_like(points[0]), points) if classes else Embedding(points[0], points[1:] - points[:1])
    if classes:
        return Embedding(np.zeros(K, Y.dtype), np.eye(K, dtype=Y.dtype))
    if kind_of_targets == "labels":
        return Embedding(-np.ones(K, Y.dtype), 2 * np.eye(K, dtype=Y.dtype))
    mean = np.average(Y, axis=0, weights=weight)
    std = np.sqrt(np.average(np.square(Y - mean), axis=0, weights=weight))
    std = np.where(std > 0, std, 1)
    return Embedding((-mean / std).astype(Y.dtype), np.diag(1 / std).astype(Y.dtype))


def _class_points(X, one_hot, weight, kind):
    """One point per class: the mean of its rows, or the row that is nearest to it."""
    share = one_hot if weight is None else one_hot * weight[:, None]
    share = share / np.maximum(share.sum(axis=0), np.finfo(share.dtype).tiny)
    means = np.asarray(X.T @ share).T
    if kind == "learned":
        return means
    squares = X.multiply(X).sum(axis=1) if sparse.issparse(X) else np.einsum("nd,nd->n", X, X)
    distance = np.asarray(squares).reshape(-1, 1) - 2 * (X @ means.T)
    nearest = np.where(one_hot > 0, distance, np.inf).argmin(axis=0)
    rows = X[nearest]
    return rows.toarray() if sparse.issparse(rows) else rows


def _principal(points, size):
    """Coordinates of the points in their leading principal directions, by the Gram matrix of the few points."""
    centred = points - points.mean(axis=0)
    values, vectors = np.linalg.eigh((centred @ centred.T).astype(np.float64))
    values, vectors = values[::-1][:size], vectors[:, ::-1][:, :size]
    vectors = vectors * np.where(vectors[np.abs(vectors).argmax(axis=0), range(len(values))] < 0, -1, 1)
    return vectors * np.sqrt(np.maximum(values, 0))
