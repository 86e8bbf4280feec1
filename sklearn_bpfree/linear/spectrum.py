"""Eigen-decomposition of features that are never held as a whole: of their Gram matrix, block by block of rows.

With rows scaled by the roots of their weights s and centred, H = U diag(sqrt(e)) V^T.

- `Tall`, of no more features than rows: H^T H = V diag(e) V^T is summed over blocks of rows, in their order. The mean
  is not known before the end; rows are taken from a point near it, and what that is off by is taken from the sum:
  sum s (h - c)(h - c)^T - sum(s) (m - c)(m - c)^T.
- `Wide`, of more features than rows: H H^T = U diag(e) U^T is summed over groups of columns. Those of sparse rows are
  products of sparse matrices, as centred ones are sparse ones plus something of rank one: X - 1 m^T.
- `OfGram`, where H H^T is all there is, of a kernel: a linear map has a number alpha for each row instead of a feature.
  Of rows that are the same to the kernel one is decomposed, for all of them: what tells them apart is not there, and
  would be rounding, divided by next to nothing.
"""

from __future__ import annotations

import numpy as np
from scipy import linalg, sparse
from sklearn.utils import gen_batches

from sklearn_bpfree.linear.features import BLOCK_ROWS, Beside, Gram, LowRank, dense, is_sparse

RANK_TOL = {"d": 1e-11, "f": 1e-6}  # eigenvalues below this fraction of the largest are taken for zero, by precision
EXACT_CELLS = 200_000  # up to so many features x rows of single precision are summed in double precision
START_ROWS = 512  # the mean of so many rows, evenly spaced, is near that of all


def spectrum(F, Y, root):
    """The decomposition of features F (n, p), for weighted and centred targets Y (n, K) and roots of weights (n, 1)."""
    n, p = F.shape
    small = n * p <= EXACT_CELLS
    dtype = np.dtype(np.float64 if small else F.dtype)
    if isinstance(F, Gram):
        return OfGram(F, Y, root, dtype)
    if p > n:
        return Wide(F, Y, root, dtype)
    return Tall(dense(F[:], dtype) if small else F, Y, root, dtype)


class Tall:
    """Of no more features than rows.

    Attributes
    ----------
    e : ndarray of shape (rank,)
        Eigenvalues above zero.
    C : ndarray of shape (rank, K)
        U^T Y.
    mean : ndarray of shape (p,)
        Weighted mean of the features.
    rows : ndarray or features of shape (n, q)
        Rows that `turn` and `turn_back` are the basis of: with V^T h = turn_back(h - centre).
    centre : ndarray of shape (q,)
    """

    def __init__(self, F, Y, root, dtype):
        n, p = F.shape
        self.rows, self._root, self._dtype = F, root.astype(dtype), dtype
        self._weighted = bool((root != 1).any())
        start = dense(F[:: max(1, n // START_ROWS)]).mean(axis=0, dtype=np.float64)
        G, HY, off = np.zeros((p, p), dtype), np.zeros((p, Y.shape[1])), np.zeros(p)
        for rows in gen_batches(n, BLOCK_ROWS):
            H = self._rows(rows, start)
            G += H.T @ H
            HY += H.T @ Y[rows].astype(dtype)
            off += self._root[rows, 0] @ H
        total = np.square(root).sum()
        G -= np.outer(off, off / total).astype(dtype)
        self.mean = self.centre = start + off / total
        self.e, self._V = _eigen(G)
        self.C = self._V.T @ HY / np.sqrt(self.e)[:, None]

    def _rows(self, rows, centre):
        H = dense(self.rows[rows], self._dtype) - centre.astype(self._dtype)
        if self._weighted:
            H *= self._root[rows]
        return H

    def U(self, rows):
        """U of some rows, (m, rank)."""
        return self._rows(rows, self.mean) @ (self._V / np.sqrt(self.e).astype(self._dtype))

    def lift(self, T):
        """V T, (p, K)."""
        return self._V @ T

    turn = lift

    def turn_back(self, T):
        """V^T T, (rank, K)."""
        return self._V.T @ T.astype(self._V.dtype)


class Wide:
    """Of more features than rows, with the attributes of `Tall`; its `rows` are U diag(sqrt(e)), unweighted."""

    def __init__(self, F, Y, root, dtype):
        s = np.square(root[:, 0])
        n = len(s)
        K, self._parts = np.zeros((n, n)), []
        means = []
        for part in F.parts if isinstance(F, Beside) else [F]:
            mean, centred = _centred(part, s, root, dtype)
            _add_cross(K, centred)
            means.append(mean)
            self._parts.append(centred)
        self.mean = np.concatenate(means)
        self.e, self._U = _eigen(K.astype(dtype, copy=False))
        self.C = self._U.T @ Y
        self._root = root.astype(dtype)

    @property
    def rows(self):
        """Coordinates of the centred features of each row, (n, rank)."""
        return self._U * np.sqrt(self.e).astype(self._U.dtype) / self._root

    @property
    def centre(self):
        """Zeros."""
        return np.zeros(len(self.e))

    def U(self, rows):
        """U of some rows, (m, rank)."""
        return self._U[rows]

    def lift(self, T):
        """V T, (p, K), with V = H^T U diag(1 / sqrt(e))."""
        T = self._U @ (T / np.sqrt(self.e)[:, None])
        return np.vstack([_transposed(part, T) for part in self._parts])

    def turn(self, T):
        """The same: the rows are turned already."""
        return T

    turn_back = turn


class OfGram(Wide):
    """Of inner products K, with the attributes of `Tall`, in coordinates alpha of K @ alpha."""

    def __init__(self, F, Y, root, dtype):
        largest = np.diag(F.K)
        same = (F.K >= np.maximum(largest, largest[:, None])).argmax(axis=1)  # the first row that is the same
        first, group = np.unique(same, return_inverse=True)
        K = F.K[np.ix_(first, first)]
        weight = np.bincount(group, weights=np.square(root[:, 0]))
        share, own = weight / weight.sum(), np.sqrt(weight)[:, None].astype(dtype)
        mean = share @ K
        G = (K - mean - mean[:, None] + share @ mean).astype(dtype, copy=False)
        G *= own
        G *= own.T
        self.e, U = _eigen(G)
        U -= own * (own.T @ U / weight.sum().astype(dtype))  # centred, which rounding may have undone
        self._root = root.astype(dtype)
        self.mean, self._U = mean[group], U[group] * (self._root / own[group])
        self.C = self._U.T @ Y

    def lift(self, T):
        """Numbers alpha of the rows, (n, K), which add up to nothing: those of H^T U T / sqrt(e)."""
        return self._root * (self._U @ (T / np.sqrt(self.e)[:, None]))


def _centred(F, s, root, dtype):
    """Weighted mean of features, and the centred ones times the roots: an ndarray, or sparse rows plus low rank."""
    if not is_sparse(F):
        H = dense(F[:], dtype)
        mean = np.average(H, axis=0, weights=s)
        H = H - mean.astype(dtype)
        H *= root.astype(dtype)
        return mean, H
    X, U, C = (F.X, F.U, F.C) if isinstance(F, LowRank) else (F, np.zeros((len(s), 0)), np.zeros((0, F.shape[1])))
    X = sparse.csr_array(X, dtype=np.float64)
    mean = (s @ X + (s @ U) @ C) / s.sum()
    return mean, LowRank(X.multiply(root).tocsr(), root * np.hstack([U, np.ones_like(root)]), np.vstack([C, -mean]))


def _add_cross(K, H) -> None:
    """Add H H^T to K in place; for sparse rows, (X + U C)(X + U C)^T = X X^T + M U^T + U M^T."""
    if not isinstance(H, LowRank):
        for rows in gen_batches(len(K), BLOCK_ROWS):
            K[rows] += H[rows] @ H.T
        return
    columns = H.X.T.tocsr()
    M = H.X @ H.C.T + H.U @ (H.C @ H.C.T) / 2
    for rows in gen_batches(len(K), BLOCK_ROWS):
        K[rows] += (H.X[rows] @ columns).toarray()
        K[rows] += M[rows] @ H.U.T
        K[rows] += H.U[rows] @ M.T


def _transposed(H, T):
    """H^T T."""
    if isinstance(H, LowRank):
        return H.X.T @ T + H.C.T @ (H.U.T @ T)
    return H.T @ T.astype(H.dtype)


def _eigen(G):
    """Eigenvalues e and eigenvectors of a symmetric matrix, which is overwritten, without the null space."""
    e, B = linalg.eigh(G.T, driver="evd", overwrite_a=True, check_finite=False)
    first = np.searchsorted(e, RANK_TOL[G.dtype.char] * max(e[-1], np.finfo(G.dtype).tiny), side="right")
    return e[first:].astype(np.float64), B[:, first:]
