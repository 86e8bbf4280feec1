"""Rows with targets and weights, and how they are gone through in minibatches. Read `Rows.batches` first."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

ALL = slice(None)


class Batch(NamedTuple):
    """Some rows of a problem.

    Attributes
    ----------
    X : ndarray or sparse array of shape (b, n_features)
    Y : ndarray of shape (b, n_outputs)
    weight : ndarray of shape (b,) or None
        Sample weights; their mean over the whole problem is 1.
    rows : ndarray of int of shape (b,), slice or None
        Numbers of the rows, the same in every pass over them; None: not known.
    """

    X: Any
    Y: np.ndarray
    weight: np.ndarray | None
    rows: Any = None


class Rows:
    """Rows with targets and weights.

    Parameters
    ----------
    X : ndarray or CSR array of shape (n_samples, n_features)
    Y : ndarray of shape (n_samples, n_outputs)
    sample_weight : ndarray of shape (n_samples,) or None
        Scaled to mean 1 inside.
    y : ndarray or None
        The user's own targets.
    batch_size : int
    shuffle : bool

    Attributes
    ----------
    n_batches : int
        Number of minibatches in one pass.
    n_evaluations : int
        Rows sent through the network so far, times weight vectors.
    """

    def __init__(self, X, Y, sample_weight, y, batch_size, shuffle):
        self._X, self._of, self._numbered = X, None, True
        self.Y, self.y = Y, y
        self.sample_weight = None
        if sample_weight is not None:
            self.sample_weight = (sample_weight / sample_weight.mean()).astype(Y.dtype)
        self.batch_size = min(batch_size, self.n_samples)
        self.shuffle = shuffle
        self.n_batches = -(-self.n_samples // self.batch_size)
        self.n_evaluations = 0

    @property
    def X(self) -> Any:
        """The rows, (n_samples, n_features); those of a derived problem are put together when first asked for."""
        if self._of is not None:
            self._X, self._of = rows_of(self._X, self._of), None
        return self._X

    @X.setter
    def X(self, X):
        self._X, self._of = X, None

    @property
    def n_samples(self) -> int:
        """Number of rows."""
        return len(self.Y)

    @property
    def dtype(self) -> np.dtype:
        """Dtype of the computation."""
        return self.Y.dtype

    def all_rows(self) -> Batch:
        """All rows as one batch."""
        return Batch(self.X, self.Y, self.sample_weight, ALL if self._numbered else None)

    def batches(self, rng: np.random.Generator) -> Iterator[Batch]:
        """One pass over the rows in minibatches, shuffled unless `shuffle` is false."""
        order = self._order(rng)
        if order is None:
            yield from map(self.take, self._parts())
        else:
            Y = self.Y.take(order, axis=0)
            weight = None if self.sample_weight is None else self.sample_weight.take(order)
            X = self.X
            some = X.__getitem__ if sparse.issparse(X) else partial(X.take, axis=0)
            for part in self._parts():
                rows = order[part]
                known = rows if self._numbered else None
                yield Batch(some(rows), Y[part], None if weight is None else weight[part], known)
        self.n_evaluations += self.n_samples

    def _order(self, rng):
        return rng.permutation(self.n_samples) if self.shuffle and self.n_batches > 1 else None

    def _parts(self):
        if self.n_batches == 1:
            return iter([ALL])
        starts = range(0, self.n_samples, self.batch_size)
        return (slice(start, start + self.batch_size) for start in starts)

    def sample(self, rng: np.random.Generator, size: int) -> Batch:
        """`size` rows drawn without replacement, in ascending order (all rows when there are no more)."""
        if size >= self.n_samples:
            return self.all_rows()
        return self.take(np.sort(rng.choice(self.n_samples, size, replace=False)))

    def take(self, rows) -> Batch:
        """The rows of some numbers or of a slice; None: all."""
        if rows is None or rows is ALL:
            return self.all_rows()
        X = self._X[rows] if self._of is None else rows_of(self._X, self._of[rows])
        weight = None if self.sample_weight is None else self.sample_weight[rows]
        return Batch(X, self.Y[rows], weight, rows if self._numbered else None)


def rows_of(X, rows):
    """Some rows, which `take` gathers sooner than an index does."""
    return X[rows] if sparse.issparse(X) else X.take(rows, axis=0)
