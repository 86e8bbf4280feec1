"""Which columns of what a `ColumnReader` gives are of which group, as a pipeline's encoders ask for them.

The encoders ask one after the other for the same table, so what it holds is found once. Read `Groups` first.
"""

import weakref
from collections import Counter
from typing import Any

import narwhals as nw
import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from sklearn_bpfree.tabular.cells import cell_text
from sklearn_bpfree.tabular.circles import ROWS_OF_LOOK, on_circles
from sklearn_bpfree.tabular.containers import PLAIN_KINDS, quick_cells
from sklearn_bpfree.tabular.integers import MAX_DISTINCT, MAX_ONE_HOT


class Groups:
    """The numbers of a table's columns by what they hold.

    Attributes
    ----------
    numeric, circles, straight : list of int
        All of numbers; of these, pairs of sines and cosines of one angle; and all others.
    categorical, many_levels, free_text : list of int
        Texts that are levels; of these, more than get a column of their own; and texts that are free.
    """

    def __init__(self, X: Any):
        self.numeric, self.circles, self.categorical, self.many_levels, self.free_text = [], [], [], [], []
        if sparse.issparse(X):
            self.numeric = [*range(X.shape[1])]
        else:
            self._look_at(X if isinstance(X, np.ndarray) else nw.from_native(X, eager_only=True))
        self.straight = [j for j in self.numeric if j not in {*self.circles}]

    def _look_at(self, table):
        cells = None
        for j, (is_text, is_declared) in enumerate(_kinds(table)):
            if not is_text:
                self.numeric.append(j)
                continue
            cells = cells or quick_cells(table)
            n_levels, n_filled, n_texts = _count(cells(j))
            if not is_declared and n_texts > max(MAX_ONE_HOT, MAX_DISTINCT * n_filled):
                self.free_text.append(j)
                continue
            self.categorical.append(j)
            if n_levels > MAX_ONE_HOT:
                self.many_levels.append(j)
        if len(self.numeric) > 1 and on_circles(as_numbers(_part(table, slice(ROWS_OF_LOOK), self.numeric))):
            starts = on_circles(as_numbers(_part(table, slice(None), self.numeric)))
            self.circles = [self.numeric[j + k] for j in starts for k in (0, 1)]


def _kinds(table) -> list[tuple[bool, bool]]:
    """Whether each column is of text, and whether its type says that its texts are levels."""
    if isinstance(table, np.ndarray):
        return [(table.dtype == object and not isinstance(cell, float), False) for cell in table[0]]
    dtypes = table.schema.values()
    return [
        (not (dtype.is_numeric() or isinstance(dtype, nw.Boolean)), isinstance(dtype, (nw.Categorical, nw.Enum)))
        for dtype in dtypes
    ]


def _count(cells) -> tuple[int, int, int]:
    """How many levels, a hole being one, filled cells and different texts there are."""
    counts = Counter(cells)
    texts = {cell: cell_text(cell) for cell in counts}
    levels = {*texts.values()}
    n_filled = sum(count for cell, count in counts.items() if texts[cell] is not None)
    return len(levels), n_filled, len(levels - {None})


def _part(table, rows, columns):
    return table[rows, columns] if isinstance(table, np.ndarray) else table[rows, columns].to_native()


_last: tuple[Any, Groups] | None = None  # a weak reference to the table that was asked for, and its groups


def groups_of(X: Any) -> Groups:
    """The groups of a table; those of the last one are kept as long as it lives, and must not have changed."""
    global _last
    last = _last
    if last is None or last[0]() is not X:
        last = _last = weakref.ref(X), Groups(X)
    return last[1]


def numeric_columns(X) -> list[int]:
    """Those of numbers in what a `ColumnReader` gives."""
    return groups_of(X).numeric


def circle_columns(X) -> list[int]:
    """Those of sines and cosines of one angle, in what a `ColumnReader` gives."""
    return groups_of(X).circles


def straight_columns(X) -> list[int]:
    """Those of all other numbers, in what a `ColumnReader` gives."""
    return groups_of(X).straight


def categorical_columns(X) -> list[int]:
    """Those of texts that are levels, in what a `ColumnReader` gives."""
    return groups_of(X).categorical


def free_text_columns(X) -> list[int]:
    """Those of free text, in what a `ColumnReader` gives."""
    return groups_of(X).free_text


def many_level_columns(X) -> list[int]:
    """Those of more texts than get a column of their own, in what a `ColumnReader` gives."""
    return groups_of(X).many_levels


def names_as_they_are(transformer, names):
    """Of a `FunctionTransformer`; "one-to-one" gives nothing, and so ends a display, where it had no columns to fit."""
    check_is_fitted(transformer, "n_features_in_")
    return names


def as_numbers(X, dense=False):
    """The columns of numbers in what a `ColumnReader` gives as one array."""
    if sparse.issparse(X):
        if dense:
            raise TypeError(
                "X must be dense for an estimator that is not of this library, got a sparse matrix; pass X.toarray(), "
                "or fit the estimator without tabular_pipeline."
            )
        return X
    if isinstance(X, np.ndarray):
        return X if X.dtype.kind in PLAIN_KINDS else X.astype(np.float64)
    frame = nw.from_native(X, eager_only=True)
    if all(dtype.is_numeric() for dtype in frame.schema.values()):
        numbers = frame.to_numpy()
        if numbers.dtype.kind in "iuf":
            return numbers
    numbers = np.empty(frame.shape)
    for j, column in enumerate(frame.iter_columns()):
        numbers[:, j] = column.cast(nw.Float64()).to_numpy()
    return numbers
