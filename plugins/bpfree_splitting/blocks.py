"""The blocks that splitting methods solve for in turn, each by its exact minimiser.

Rows of different weight have the same minimisers, as all terms of a row carry its weight; only a layer's kernel and
bias, which serve all rows, see weights. Read `Splitting.step` in `splitting` first.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve

NEWTON = 20  # steps towards an output block, each of which lowers its objective


def layer(A, U, W, b, weight, rho, alpha, decay) -> tuple[np.ndarray, np.ndarray]:
    """A layer's kernel and bias, from its inputs and the pre-activations that they should make.

    min rho/2 |U - A W - b|^2 + decay n/2 |W|^2 + alpha/2 (|W - W_old|^2 + |b - b_old|^2),    rows weighted
    """
    w = np.ones((len(U), 1)) if weight is None else weight[:, None].astype(np.float64)
    wA, wU = _times(A, w), w * U
    p, sums = W.shape[0], np.asarray(wA.sum(axis=0), np.float64).ravel()
    G = np.empty((p + 1, p + 1))
    product = wA.T @ A
    G[:p, :p] = product.toarray() if sparse.issparse(product) else product
    G[p, :p] = G[:p, p] = sums
    G[p, p] = w.sum()
    R = np.vstack([wA.T @ U, wU.sum(axis=0)])
    G, R = rho * G + alpha * np.eye(p + 1), rho * R + alpha * np.vstack([W, b])
    G[np.arange(p), np.arange(p)] += decay * w.sum()
    solved = cho_solve(cho_factor(G), R)
    return solved[:-1].astype(W.dtype), solved[-1].astype(W.dtype)


def _times(A, w):
    return A.multiply(w).tocsr() if sparse.issparse(A) else w * A


def inputs(U, W, b, T, rho, gamma) -> np.ndarray:
    """V of  min rho/2 |U - V W - b|^2 + gamma/2 |V - T|^2,  row by row."""
    V = rho * (U - b) @ W.T + gamma * T
    M = rho * (W @ W.T).astype(np.float64) + gamma * np.eye(len(W))
    return cho_solve(cho_factor(M), V.T.astype(np.float64)).T.astype(U.dtype)


def between(V, c, old, activation, gamma, rho, alpha) -> np.ndarray:
    """u of  min gamma (V - f(u))^2 + rho (u - c)^2 + alpha (u - old)^2,  element by element; f relu or identity."""
    pull, stiff = rho * c + alpha * old, rho + alpha
    up = (gamma * V + pull) / (gamma + stiff)
    if activation == "identity":
        return up
    down, up = np.minimum(pull / stiff, 0), np.maximum(up, 0)

    def cost(u):
        return gamma * (V - np.maximum(u, 0)) ** 2 + rho * (u - c) ** 2 + alpha * (u - old) ** 2

    return np.where(cost(down) < cost(up), down, up)


def outputs(Z, Y, loss, T, gamma, old, alpha) -> np.ndarray:
    """Z of  min loss(Z, Y) + gamma/2 |Z - T|^2 + alpha/2 |Z - old|^2,  row by row.

    In one step for the squared error. Otherwise by steps that no curvature of the loss makes overshoot, from Z on.
    """
    bound = loss.curvature_bound
    for _ in range(1 if loss.is_least_squares else NEWTON):
        slope = loss.error(Z, Y) + gamma * (Z - T) + alpha * (Z - old)
        Z = Z - slope.astype(Z.dtype) / (bound + gamma + alpha)
    return Z
