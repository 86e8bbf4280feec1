"""Features that are formed when they are asked for, some rows at a time, so that no wide layer is held for all rows.

They are sliced and multiplied like arrays: ``F.shape``, ``F.dtype``, ``F[rows]``, ``product(F[rows], W)``; `dense`
makes an ndarray of some rows. An ndarray and a CSR array are features, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from sklearn_bpfree.nn.arrays import product, row_blocks

BLOCK_ROWS = 512  # at most so many rows are formed at a time
BLOCK_CELLS = 1 << 18  # fewer, if they are wider than this allows
SMALL = 1_000_000  # features of at most so many numbers in all are formed at once


def dense(rows, dtype=None) -> np.ndarray:
    """Rows as an ndarray."""
    if isinstance(rows, Beside):
        return np.concatenate([dense(part) for part in rows.parts], axis=1, dtype=dtype)
    return np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows, dtype)


def formed(F: Any) -> Any:
    """The features as an ndarray if they are small, so that they are formed but once."""
    return dense(F[:]) if F.shape[0] * F.shape[1] <= SMALL else F


def blocks(n: int, p: int) -> Iterator[slice]:
    """Slices of n rows of p numbers each that stay in the processor's cache."""
    return row_blocks(n, int(np.clip(BLOCK_CELLS // max(p, 1), 16, BLOCK_ROWS)))


def read(F, kernel, bias) -> np.ndarray:
    """``F @ kernel + bias``, (n, K)."""
    return np.concatenate([product(F[rows], kernel) + bias for rows in blocks(*F.shape)])


class Features:
    """Base: a table of shape (n, p)."""

    shape: tuple[int, int]
    dtype: np.dtype
    ndim = 2


@dataclass(eq=False)
class Mapped(Features):
    """What a function, such as a layer, makes of each row: f(X), of some width."""

    X: Any
    function: Callable
    width: int

    def __post_init__(self):
        self.shape, self.dtype = (self.X.shape[0], self.width), self.X.dtype

    def __getitem__(self, rows):
        return self.function(self.X[rows])


@dataclass(eq=False)
class Beside(Features):
    """Columns of several tables side by side."""

    parts: list[Any]

    def __post_init__(self):
        self.shape = self.parts[0].shape[0], sum(part.shape[1] for part in self.parts)
        self.dtype = np.result_type(*(part.dtype for part in self.parts))

    def __getitem__(self, rows):
        return Beside([part[rows] for part in self.parts])

    def dot(self, W: np.ndarray) -> Any:
        """The product with an ndarray."""
        Z, start = 0, 0
        for part in self.parts:
            end = start + part.shape[1]
            Z += product(part, W[start:end])
            start = end
        return Z


@dataclass(eq=False)
class LowRank(Features):
    """X + U C, with U (n, r) and C (r, d): sparse rows stay sparse."""

    X: Any
    U: np.ndarray
    C: np.ndarray

    def __post_init__(self):
        self.shape, self.dtype = self.X.shape, np.result_type(self.X.dtype, self.U.dtype)

    def __getitem__(self, rows):
        part = LowRank(self.X[rows], self.U[rows], self.C)
        return part if sparse.issparse(self.X) else part.toarray()

    def dot(self, W: np.ndarray) -> Any:
        """The product with an ndarray."""
        return self.X @ W + self.U @ (self.C @ W)

    def toarray(self) -> np.ndarray:
        """The sum as an ndarray."""
        return dense(self.X) + self.U @ self.C


@dataclass(eq=False)
class Gram(Features):
    """Rows of which only the inner products K (n, n) are known, as a kernel's; a linear map of them is K @ alpha."""

    K: np.ndarray

    def __post_init__(self):
        self.shape, self.dtype = self.K.shape, self.K.dtype

    def __getitem__(self, rows):
        return self.K[rows]


def is_sparse(F) -> bool:
    """Whether the features are sparse rows, to which something of low rank may be added."""
    return sparse.issparse(F.X if isinstance(F, LowRank) else F)
