"""Directions of a block of a population in weight space: full ones, and those whose kernels are of low rank."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from sklearn_bpfree.nn.network import Network


@dataclass(eq=False)
class Directions:
    """Directions E of a block as a matrix.

    Attributes
    ----------
    network : Network
    E : ndarray of shape (n, n_weights)
    """

    network: Network
    E: np.ndarray

    @property
    def biases(self) -> np.ndarray:
        """The biases' part of E."""
        return self.E[:, self.network.n_kernel :]

    def dense(self) -> np.ndarray:
        """The matrix E."""
        return self.E

    def combine(self, c) -> np.ndarray:
        """The sum of ``c_i E_i``."""
        return c @ self.E

    def upper(self, scale, out) -> None:
        """Put ``scale * E`` into a matrix like E, all but the first layer's kernels."""
        above = slice(self.network.n_first, None)
        np.multiply(self.E[:, above], scale[above], out=out[:, above])

    def first(self, scale, X) -> np.ndarray:
        """``scale * E`` applied to all rows by the first layer, as one product: (n, units, rows)."""
        kernels, biases = self.network.unpack(self.E)
        of_kernel, of_bias = (parts[0] for parts in self.network.unpack(scale))
        n, fan_in, fan_out = kernels[0].shape
        side_by_side = np.empty((fan_in, n, fan_out), self.E.dtype)
        np.multiply(kernels[0].transpose(1, 0, 2), of_kernel[:, None, :], out=side_by_side)
        Z = from_rows(side_by_side.reshape(fan_in, -1).T, X).reshape(n, fan_out, -1)
        Z += (of_bias * biases[0])[:, :, None]
        return Z


@dataclass(eq=False)
class LowRankDirections:
    """Directions whose kernels are ``A B^T / sqrt(r)``, with A (fan_in, r) and B (fan_out, r); their biases are full.

    Attributes
    ----------
    network : Network
    A : list of ndarray of shape (n, r, fan_in)
    B : list of ndarray of shape (n, r, fan_out)
        Divided by sqrt(r).
    biases : ndarray of shape (n, number of biases)
    """

    network: Network
    A: list[np.ndarray]
    B: list[np.ndarray]
    biases: np.ndarray

    def dense(self) -> np.ndarray:
        """The directions as one matrix (n, n_weights)."""
        E = np.empty((len(self.biases), self.network.n_weights), self.biases.dtype)
        self._fill(E, 0)
        return E

    def combine(self, c) -> np.ndarray:
        """The sum of ``c_i E_i``, which is one product per layer."""
        parts = [
            (A * c[:, None, None]).reshape(-1, A.shape[2]).T @ B.reshape(-1, B.shape[2])
            for A, B in zip(self.A, self.B, strict=True)
        ]
        return np.concatenate([part.ravel() for part in parts] + [c @ self.biases])

    def upper(self, scale, out) -> None:
        """Put ``scale * E`` into a matrix of directions, all but the first layer's kernels."""
        self._fill(out, 1)
        above = slice(self.network.n_first, None)
        out[:, above] *= scale[above]

    def first(self, scale, X) -> np.ndarray:
        """``scale * E`` applied to all rows by the first layer, from the factors: (n, units, rows)."""
        n, rank, fan_in = self.A[0].shape
        units = self.network.layer_sizes[1]
        inner = np.ones((n, rank + 1, X.shape[0]), self.biases.dtype)  # the last one is the bias's input
        inner[:, :rank] = from_rows(self.A[0].reshape(-1, fan_in), X).reshape(n, rank, -1)
        B = np.empty((n, rank + 1, units), self.biases.dtype)
        np.multiply(self.B[0], scale[0], out=B[:, :rank])
        np.multiply(self.biases[:, :units], self.network.unpack(scale)[1][0], out=B[:, rank])
        return np.matmul(B.transpose(0, 2, 1), inner)  # quicker than an outer product, even with rank 1

    def _fill(self, E, bottom):
        kernels = self.network.unpack(E)[0]
        for kernel, A, B in zip(kernels[bottom:], self.A[bottom:], self.B[bottom:], strict=True):
            outer(A, B, out=kernel)
        E[:, self.network.n_kernel :] = self.biases


def outer(A, B, out=None):
    """``A^T B`` of every member, (n, r, a), (n, r, b) -> (n, a, b)."""
    if A.shape[1] == 1:
        return np.multiply(A.transpose(0, 2, 1), B, out=out)
    return np.matmul(A.transpose(0, 2, 1), B, out=out)


def from_rows(W, X):
    """``W @ X.T`` for rows that may be sparse."""
    if sparse.issparse(X):
        return np.ascontiguousarray((X @ W.T).T)
    return W @ X.T
