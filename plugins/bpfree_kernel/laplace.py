"""The Laplace kernel in the metric of M = S S^T, and the gradients of a function that it spans.

S is held as (d,), a factor for every column, or as (d, d). Distances are in double precision: that of a row from itself
must be next to nothing.
"""

import numpy as np
from scipy.linalg import cholesky

from sklearn_bpfree.plugin import blocks, dense

GRADIENT_ROWS = 2048  # so many rows, evenly spaced, say what the mean gradient outer product is
JITTER = 1e-6  # on the diagonal of the centres' kernel, times the root of their number
SAME = 1e-12  # squared distances below this fraction of the squared lengths are rounding


def scaled(X, S):
    """X S in double precision, in which the distance of a row from itself is next to nothing."""
    X = np.asarray(X, np.float64)
    return X * S if S.ndim == 1 else X @ S.astype(np.float64)


def distances(X, C, S) -> np.ndarray:
    """|(x - c) S| of rows and centres, in double precision; what is rounding is zero."""
    A, B = scaled(X, S), scaled(C, S)
    sums = np.square(A).sum(axis=1)[:, None] + np.square(B).sum(axis=1)
    squares = sums - 2 * A @ B.T
    return np.sqrt(np.where(squares > SAME * sums, squares, 0))


def kernel(X, C, S, length) -> np.ndarray:
    """K(x, c) of rows (n, d) and centres (m, d), in double precision."""
    return np.exp(distances(X, C, S) / -length)


def mean_distance(C, S) -> float:
    """Mean distance of two centres, of at most some hundred."""
    some = C[:: max(1, len(C) // 500)]
    return float(distances(some, some, S).mean()) or 1.0


def root(K) -> np.ndarray:
    """Lower triangular root of a kernel matrix, in double precision."""
    return cholesky(K + JITTER * len(K) ** 0.5 * np.eye(len(K)), lower=True)


def outer_product(problem, C, S, length, alpha) -> np.ndarray:
    """Weighted mean over rows of the outer products of f's gradients, summed over the outputs; or its diagonal."""
    every = slice(None, None, max(1, problem.n_samples // GRADIENT_ROWS))
    X, _, weight, _ = problem.take(every)
    B, total = scaled(C, S).astype(C.dtype), 0.0
    weight = np.ones(X.shape[0], C.dtype) if weight is None else weight
    for rows in blocks(X.shape[0], max(C.shape[1] * alpha.shape[1], len(C))):
        A = dense(X[rows])
        D = distances(A, C, S)
        W = (np.exp(D / -length) / np.where(D > 0, D, np.inf)).astype(C.dtype)
        A = scaled(A, S).astype(C.dtype)
        for a in alpha.T:
            G = (W @ (a[:, None] * B) - (W @ a)[:, None] * A) / C.dtype.type(length)  # gradients by x S
            G = G * S if S.ndim == 1 else G @ S.T
            wG = G * weight[rows, None]
            total = total + (np.einsum("ij,ij->j", wG, G) if S.ndim == 1 else wG.T @ G)
    return np.asarray(total / weight.sum(), C.dtype)
