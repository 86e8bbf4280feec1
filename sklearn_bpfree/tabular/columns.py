"""Columns of any kind of table (pandas, polars, an array) told apart, and read as numbers and levels.

Read `ColumnReader` first. What a single column is taken for is decided in `kinds`.
"""

import warnings
from dataclasses import replace
from functools import cache, lru_cache, partial
from typing import Any, Self

import narwhals as nw
import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

from sklearn_bpfree.estimators.common import OfThisLibrary
from sklearn_bpfree.tabular.cells import LARGEST, Column, finite
from sklearn_bpfree.tabular.codes import Signals, are_codes
from sklearn_bpfree.tabular.containers import (
    NOT_OF_NUMPY,
    PLAIN_KINDS,
    as_table,
    cells_of,
    is_pandas,
    names_of,
    native,
    plain_numbers,
    quick_cells,
)
from sklearn_bpfree.tabular.kinds import understand
from sklearn_bpfree.tabular.moments import encoded_parts

TAKEN_FOR = {"number": "numbers", "date": "dates", "time of day": "times of day", "duration": "durations"}
TAKEN_FOR |= {"boolean": "booleans", "category": "a category", "constant": "numbers", "free text": "free text"}
LEFT_OUT = {
    "free text": "make columns of what matters in it, for instance by TfidfVectorizer",
    "identifier": "such a text names the row and says nothing on others",
    "row number": "the order of the rows is no property of a new one",
}


class LeftOutWarning(UserWarning):
    """A column is not used."""


def describe_columns(X, y=None) -> list[Column]:
    """What each column of a table is taken for, and why where that is not plain.

    Parameters
    ----------
    X : DataFrame, array or sparse matrix of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        Targets, which show that integers such as the numbers of shops are codes, where no name tells it.

    Returns
    -------
    list of Column
        With the attributes `name`, `kind`, `note` and `used`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_bpfree.tabular import describe_columns
    >>> X = np.array([["$1,200", "31.01.2020"], ["$950.50", "01.02.2020"], ["?", "15.03.2021"]], dtype=object)
    >>> for column in describe_columns(X):
    ...     print(column.name, column.kind, "|", column.note)
    0 number | with comma between thousands; in $; 1 cell ('?') taken for missing
    1 date | dates as day, month, year
    """
    table = as_table(X)
    if sparse.issparse(table):
        return [Column(j, "number") for j in range(table.shape[1])]
    return _described(table, quick_cells(table), y)


def _described(table, cells, y) -> list[Column]:
    """The columns of a table whose cells a function gives by the column's number."""
    signals = None if y is None else Signals(y)
    return [_understand(name, cells(j), signals) for j, name in enumerate(names_of(table))]


def _understand(name, cells, y):
    column = understand(name, cells)
    if y is None or column.kind != "number" or not getattr(column.format, "is_plain", True):
        return column
    if not are_codes(column.read(cells)[""], y):
        return column
    return replace(column, kind="category", note="integers with which the target does not go, so each is a level")


def as_quantities(X) -> np.ndarray:
    """Each column of any table as numbers: of dates the days since 1970; NaN throughout where it holds neither."""
    table = as_table(X)
    numbers = np.full(table.shape, np.nan)
    for j, name in enumerate(names_of(table)):
        cells = cells_of(table, j)
        column = understand("", cells)  # without a name, by which integers would be row numbers or codes
        column = replace(column, name=name, kind="number") if column.kind == "row number" else column
        if column.kind not in ("category", "free text", "identifier", "empty"):
            numbers[:, j] = column.read(cells)[""]
    return numbers


def notes_on(columns) -> list[str]:
    """Sentences on the columns that were not plain."""
    plain = ("constant", "empty")
    taken = [
        f"Took {column} for {TAKEN_FOR[column.kind]}: {column.note}."
        for column in columns
        if column.note and column.kind not in plain and (column.used or column.kind not in LEFT_OUT)
    ]
    return [*taken, *filter(None, [what_is_left_out(columns)])]


def what_is_left_out(columns) -> str:
    """A sentence on the columns that would be of use to a person but not to a model; empty if there is none."""
    sentences = []
    for kind, advice in LEFT_OUT.items():
        left_out = [column for column in columns if column.kind == kind and not column.used]
        if left_out:
            sentences.append(f"Left out {', '.join(map(str, left_out))}: {left_out[0].note} there; {advice}.")
    return " ".join(sentences)


class ColumnReader(OfThisLibrary, TransformerMixin, BaseEstimator):
    """Read every column of a table as what a person would say it is.

    `fit` decides for each column, by all its filled cells, whether it holds numbers, dates, times of day, durations,
    categories, free text, identifiers or row numbers, and how they are written; `transform` reads the same columns so.
    What comes out has numbers (of dates the days since 1970, and their month, day, weekday and hour) and texts only, in
    a frame of the same library, or in an array.

    Parameters
    ----------
    date_parts : {"numbers", "circles", "levels"}, default="numbers"
        How month, day, weekday and hour come out: as numbers, as sine and cosine of their place in the year, month,
        week and day, or as texts.

    free_text : bool, default=False
        Whether free text is passed on, instead of being left out.

    Attributes
    ----------
    columns_ : list of Column
        What each column was taken for.

    left_out_ : list
        Names of the columns that are not passed on: free text, identifiers, row numbers, constant text, empty ones.

    notes_ : list of str
        A sentence on each column that was not plain.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen during `fit`, if they are all strings.

    Examples
    --------
    >>> from sklearn_bpfree.tabular import ColumnReader
    >>> ColumnReader().fit_transform([["1,50 EUR", "red"], ["12,00 EUR", "blue"], ["n.a.", "red"]])
    array([[1.5, 'red'],
           [12.0, 'blue'],
           [nan, 'red']], dtype=object)
    """

    def __init__(self, date_parts: str = "numbers", free_text: bool = False) -> None:
        self.date_parts = date_parts
        self.free_text = free_text

    def fit(self, X: Any, y: Any = None) -> Self:
        """Decide what the columns are.

        Parameters
        ----------
        X : DataFrame, array or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Shows which integers are codes.

        Returns
        -------
        self : object
        """
        table = as_table(X)
        self._fit(table, quick_cells(table), y)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Decide what the columns are, and read them.

        Parameters
        ----------
        X : DataFrame, array or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Shows which integers are codes.

        Returns
        -------
        DataFrame, ndarray or sparse matrix of shape (n_samples, n_features_out)
        """
        table = as_table(X)
        cells = cache(quick_cells(table))  # which are looked at and then read
        self._fit(table, cells, y)
        return self._read(table, cells)

    def transform(self, X: Any) -> Any:
        """Read the columns as they were read in training.

        Parameters
        ----------
        X : DataFrame, array or sparse matrix of shape (n_samples, n_features)
            A frame's columns are known by their names, an array's by their order.

        Returns
        -------
        DataFrame, ndarray or sparse matrix of shape (n_samples, n_features_out)
        """
        table = self._checked(as_table(X))
        return self._read(table, quick_cells(table))

    def read_parts(self, table: Any) -> list:
        """What `transform` makes of a frame or array of `as_table`, column by column.

        Parameters
        ----------
        table : narwhals DataFrame or ndarray

        Returns
        -------
        list of (ndarray, or list of str or None)
            Numbers, or texts with None for holes.
        """
        table = self._checked(table)
        if isinstance(table, np.ndarray) and table.dtype.kind in PLAIN_KINDS:
            return [_finite(table[:, j]) for j, column in enumerate(self.columns_) if column.used]
        used = [(j, column) for j, column in enumerate(self.columns_) if column.used]
        if not any(column.kind in ("category", "free text", "date") for _, column in used):
            if (numbers := plain_numbers(table)) is not None:
                numbers = finite(numbers)
                return [numbers[:, j] for j, _ in used]
        cells = quick_cells(table)
        parts = [column.read(cells(j), self.date_parts) for j, column in used]
        return [part for read in parts for part in read.values()]

    def _checked(self, table):
        """A table whose columns are those of training, in their order."""
        check_is_fitted(self)
        if not self._is_in_order(table):
            table = self._in_order(table)
            validate_data(self, native(table), reset=False, skip_check_array=True)
        if table.shape[0] == 0:
            raise ValueError("X has no rows (0 sample(s)); give some.")
        return table

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of what comes out: those of the columns, and ``bought_month``, ``bought_hour``, ... of dates.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the features; by default those seen during `fit`, or x0, x1, ...

        Returns
        -------
        ndarray of str objects
        """
        check_is_fitted(self)
        return np.array(self._names_out(_check_feature_names_in(self, input_features)), dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.input_tags.allow_nan = True
        tags.input_tags.string = tags.input_tags.categorical = True
        return tags

    def _fit(self, table, cells, y):
        if self.date_parts not in ("numbers", "circles", "levels"):
            raise ValueError(f"date_parts must be 'numbers', 'circles' or 'levels', got {self.date_parts!r}.")
        validate_data(self, native(table), skip_check_array=True)
        if table.shape[0] == 0:
            raise ValueError("X has no rows (0 sample(s)); give some.")
        self.columns_ = [] if sparse.issparse(table) else _described(table, cells, y)
        if self.free_text:
            self.columns_ = [replace(c, used=True) if c.kind == "free text" else c for c in self.columns_]
        self.left_out_ = [column.name for column in self.columns_ if not column.used]
        self.notes_ = notes_on(self.columns_)
        if not sparse.issparse(table) and not any(column.used for column in self.columns_):
            raise ValueError(
                f"None of the {table.shape[1]} columns of X says anything: each is empty, holds one value, or has a "
                "text or number of its own in nearly every row; give another."
            )
        if left_out := what_is_left_out(self.columns_):
            warnings.warn(left_out, LeftOutWarning, stacklevel=3)

    def _is_in_order(self, table) -> bool:
        """Whether a pandas frame has the columns of training in their order; False where this is not seen at once."""
        names = getattr(self, "feature_names_in_", None)
        return names is not None and is_pandas(table) and native(table).columns.equals(_pandas_index(tuple(names)))

    def _in_order(self, table):
        """A frame's columns in the order of training."""
        names = getattr(self, "feature_names_in_", None)
        if not isinstance(table, nw.DataFrame) or names is None or [*names] == table.columns:
            return table
        if missing := [name for name in names if name not in table.columns]:
            raise ValueError(f"columns are missing: {missing}; X must have those of training.")
        return table.select(*names)

    def _read(self, table, cells) -> Any:
        if sparse.issparse(table):
            return _finite(table)
        of_training = self.columns_ or [Column(name, "number") for name in names_of(table)]  # which was sparse
        columns = [(j, column) for j, column in enumerate(of_training) if column.used]
        if isinstance(table, np.ndarray):
            return _read_array(table, columns, cells, self.date_parts)
        return self._read_frame(table, columns, cells)

    def _read_frame(self, frame, columns, cells):
        names, kept, new = iter(self.get_feature_names_out()), [], []
        dtypes = [*frame.schema.items()]
        for j, column in columns:
            name, dtype = dtypes[j]
            if not _is_plain(column, dtype, partial(cells, j)):
                parts = column.read(cells(j), self.date_parts).values()
                new += [_series(next(names), part, frame) for part in parts]
                kept += [series.name for series in new[-len(parts) :]]
            else:
                kept.append(next(names))
                if kept[-1] != name:
                    new.append(frame[:, j].alias(kept[-1]))
        return frame.with_columns(*new).select(*kept).to_native()

    def _names_out(self, names):
        """The columns' names, and those of the parts of dates; all different, and none empty."""
        out = []
        no_rows = np.empty(0, dtype="datetime64[us]")
        for column, name in zip(self.columns_ or [Column(name, "number") for name in names], names, strict=True):
            if column.used:
                out.append(name if name != "" else "unnamed")
                out += [f"{name}{end}" for end in encoded_parts(no_rows, column.parts, self.date_parts)]
        for j, name in enumerate(out):
            while name in out[:j]:
                name = out[j] = f"{name}_"
        return out


@lru_cache(maxsize=16)
def _pandas_index(names):
    import pandas as pd

    return pd.Index(names)


def _is_plain(column, dtype, cells) -> bool:
    """Whether a column of a frame needs no reading, by its type and a function that gives its cells."""
    if column.kind in ("category", "free text"):
        return isinstance(dtype, (nw.String, nw.Categorical, nw.Enum))
    if (
        column.kind == "date"
        or isinstance(dtype, NOT_OF_NUMPY)
        or not (dtype.is_numeric() or isinstance(dtype, nw.Boolean))
    ):
        return False
    return not dtype.is_float() or (str(dtype) != "Float16" and not (np.abs(cells()) >= LARGEST).any())


def _series(name, values, frame):
    dtype = nw.Float64() if isinstance(values, np.ndarray) else nw.String()
    return nw.new_series(name, values, dtype, backend=frame.implementation)


def _read_array(table, columns, cells, date_parts):
    if table.dtype.kind in PLAIN_KINDS and not any(column.kind in ("category", "date") for _, column in columns):
        return _finite(table if len(columns) == table.shape[1] else table[:, [j for j, _ in columns]])
    parts = [part for j, column in columns for part in column.read(cells(j), date_parts).values()]
    if all(isinstance(part, np.ndarray) for part in parts):
        return np.column_stack(parts)
    read = np.empty((len(table), len(parts)), dtype=object)
    for j, part in enumerate(parts):
        read[:, j] = part
    return read


def _finite(numbers):
    """Numbers whose infinite values are NaN instead."""
    values = numbers.data if sparse.issparse(numbers) else numbers
    if values.dtype.kind != "f" or not (too_large := np.abs(values) >= LARGEST).any():
        return numbers
    numbers = numbers.copy()
    values = numbers.data if sparse.issparse(numbers) else numbers
    values[too_large] = np.nan
    return numbers
