"""Any container of a table as one of three: a sparse matrix, an array of two dimensions, or a frame by narwhals.

And what each of their columns holds as one of these: an array of numbers or durations, `Moments`, a list of cells, or
`Levels`.
"""

import warnings
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
from scipy import sparse

PLAIN_KINDS = "biuf"  # numpy's letters of booleans, integers and floats
FEW_ROWS = 32  # of a frame that is read as objects
NOT_OF_NUMPY = (nw.Int128, nw.UInt128, nw.Decimal)
ARRAY_KINDS = PLAIN_KINDS + "mMOUST"


class Levels(list):
    """The cells of a column whose type declares that they are levels of a category."""


class Moments(NamedTuple):
    """A column of dates: in microseconds by the wall clock, and in Greenwich."""

    wall: np.ndarray
    utc: np.ndarray


def as_table(X) -> Any:
    """A sparse matrix, an array of two dimensions or a narwhals DataFrame with the same cells; an error otherwise."""
    if sparse.issparse(X):
        return X if X.format in ("csr", "csc") else X.tocsr()
    if not isinstance(X, np.ndarray):
        frame = _as_frame(X)
        if frame is not None:
            return frame
        X = _as_array(X)
    if np.ma.isMaskedArray(X):
        X = np.ma.filled(X.astype(np.float64 if X.dtype.kind in PLAIN_KINDS else object), np.nan)
    if X.dtype.names:
        raise ValueError("X is an array of records; make it a table by pandas.DataFrame(X).")
    if X.ndim == 0:
        raise ValueError(f"Expected 2D array of rows and columns, got a {type(X.item()).__name__} instead.")
    if X.ndim != 2:
        raise ValueError(
            f"Expected 2D array of rows and columns, got {X.ndim} dimensions (shape {X.shape}) instead; a single row "
            "is X.reshape(1, -1), a single column X.reshape(-1, 1)."
        )
    if X.dtype.kind not in ARRAY_KINDS:
        raise ValueError(f"X must hold numbers, dates or strings, got an array of {X.dtype}; use a DataFrame.")
    return of_usual_width(X)


def of_usual_width(numbers: np.ndarray) -> np.ndarray:
    """Floats of 16 bits as such of 32, in which they can be counted with, and those of more than 64 as such of 64."""
    if numbers.dtype.kind == "f" and numbers.dtype.itemsize not in (4, 8):
        return numbers.astype(np.float32 if numbers.dtype.itemsize < 4 else np.float64)
    return numbers


def _as_frame(X):
    """The narwhals DataFrame of what has columns with names; None if it has none."""
    try:
        frame = nw.from_native(X, pass_through=True, allow_series=True)
    except nw.exceptions.DuplicateError as error:
        names = list(map(str, X.columns if hasattr(X, "columns") else X.column_names))
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"X has more than one column {twice!r}; give each a name of its own.") from error
    if isinstance(frame, nw.DataFrame):
        if len(types := {type(name).__name__ for name in frame.columns}) > 1 and "str" in types:
            raise TypeError(
                f"The names of X's columns must be strings, got {' and '.join(sorted(types))}; rename some."
            )
        return frame
    if isinstance(frame, nw.Series):
        raise ValueError(
            f"Expected 2D array of rows and columns, got a Series ({type(X).__name__} of {len(frame)} values) instead; "
            "a row of a table is table.iloc[[i]], a column table[['name']]."
        )
    if isinstance(frame, nw.LazyFrame):
        raise TypeError("X is a lazy table, whose rows are not known yet; pass X.collect() or what computes it.")
    if hasattr(X, "__arrow_c_stream__") and find_spec("pyarrow"):
        import pyarrow

        return nw.from_native(pyarrow.table(X), eager_only=True)
    if hasattr(X, "__dataframe__"):
        return nw.from_native(_from_interchange(X), eager_only=True)
    if isinstance(X, dict) or (isinstance(X, (list, tuple)) and X and isinstance(X[0], dict)):
        raise TypeError("X is made of dicts; make it a table by pandas.DataFrame(X) or polars.DataFrame(X).")
    return None


def _from_interchange(X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pandas, which is about to drop the protocol
        if find_spec("pyarrow"):
            from pyarrow.interchange import from_dataframe
        else:
            from pandas.api.interchange import from_dataframe
        return from_dataframe(X)


def _as_array(X):
    """Lists of rows, and whatever numpy can make an array of."""
    X = np.asarray(X) if hasattr(X, "__array__") else np.array(X, dtype=object)
    if X.ndim == 1 and X.dtype == object and len(X) and isinstance(X[0], (list, tuple, np.ndarray)):
        raise ValueError(f"The rows of X must be equally long, got {len(X)} of several lengths.")
    return X


def names_of(table) -> list:
    """The columns' names; their numbers where they have none."""
    return list(table.columns) if isinstance(table, nw.DataFrame) else [*range(table.shape[1])]


def native(table):
    """The table in its own library."""
    return table.to_native() if isinstance(table, nw.DataFrame) else table


def cells_of(table, j) -> Any:
    """What column number j of an array or frame holds, as the head of this file says."""
    if isinstance(table, nw.DataFrame):
        return _cells(table[:, j])
    column = table[:, j]
    if column.dtype.kind == "M":
        return Moments(*[column.astype("datetime64[us]")] * 2)
    return column if column.dtype.kind in PLAIN_KINDS + "m" else column.tolist()


def is_pandas(table) -> bool:
    return isinstance(table, nw.DataFrame) and table.implementation.is_pandas()


def plain_numbers(table) -> np.ndarray | None:
    """The cells of a pandas frame whose columns are of one of numpy's types of numbers; None of any other table."""
    if not is_pandas(table):
        return None
    dtypes = {*native(table).dtypes.tolist()}
    alike = len(dtypes) == 1 and all(isinstance(dtype, np.dtype) and dtype.kind in PLAIN_KINDS for dtype in dtypes)
    return of_usual_width(native(table).to_numpy()) if alike else None


def quick_cells(table) -> Callable[[int], Any]:
    """A function that gives what `cells_of` does, by the column's number; of pandas' at a tenth of the time."""
    if not is_pandas(table):
        return partial(cells_of, table)
    frame = native(table)
    dtypes = frame.dtypes.tolist()
    if len(frame) <= FEW_ROWS:  # then a series of each column takes most of the time
        objects = frame.to_numpy(dtype=object)
        listed, numbers = lambda j: objects[:, j].tolist(), lambda j: np.array(objects[:, j].tolist(), dtypes[j])
    else:
        columns = [column for _, column in frame.items()]
        listed, numbers = lambda j: columns[j].to_list(), lambda j: columns[j].to_numpy()

    def cells(j):
        kind = dtypes[j].kind if isinstance(dtypes[j], np.dtype) else type(dtypes[j]).__name__
        if kind in ("O", "StringDtype"):
            return listed(j)
        if kind == "M":
            return Moments(*[frame.iloc[:, j].to_numpy().astype("datetime64[us]")] * 2)
        return of_usual_width(numbers(j)) if kind in tuple(PLAIN_KINDS) else cells_of(table, j)

    return cells


def _cells(series: nw.Series):
    dtype = series.dtype
    if isinstance(dtype, (nw.Categorical, nw.Enum)):
        return Levels(series.to_list())
    if isinstance(dtype, (nw.String, nw.Object, nw.Time)):
        return series.to_list()
    if isinstance(dtype, nw.Boolean) and series.null_count():
        return series.to_list()
    if dtype.is_numeric() or isinstance(dtype, nw.Boolean):
        return _numbers(series)
    if isinstance(dtype, nw.Duration):
        return series.to_numpy()
    if isinstance(dtype, (nw.Date, nw.Datetime)):
        wall = series.dt.replace_time_zone(None) if getattr(dtype, "time_zone", None) else series
        return Moments(_microseconds(wall), _microseconds(series))
    return _unknown(series)


def _numbers(series):
    if not isinstance(series.dtype, NOT_OF_NUMPY):
        numbers = series.to_numpy()
        if numbers.dtype.kind in PLAIN_KINDS:
            return of_usual_width(numbers)
    return np.asarray(series.cast(nw.Float64()).to_numpy(), dtype=np.float64)


def _microseconds(series):
    return series.to_numpy().astype("datetime64[us]")


def _unknown(series):
    """The cells of a column whose type is its library's own."""
    if int(series.null_count()) == len(series):
        return np.full(len(series), np.nan)
    native = series.to_native()
    kind = type(getattr(native, "dtype", None)).__name__  # of pandas
    if isinstance(getattr(native, "dtype", None), np.dtype) and native.dtype.kind == "f":
        return of_usual_width(native.to_numpy())
    if str(getattr(native, "type", "")).startswith("date64"):  # of Arrow
        return _cells(nw.from_native(native.cast("date32"), series_only=True))
    if kind == "SparseDtype":
        return _cells(nw.from_native(native.sparse.to_dense(), series_only=True))
    if kind == "PeriodDtype":
        return _cells(nw.from_native(native.dt.to_timestamp(), series_only=True))
    if kind == "IntervalDtype":
        return _cells(
            nw.from_native(native.astype(object).map(lambda cell: getattr(cell, "mid", cell)), series_only=True)
        )
    raise ValueError(
        f"Column {series.name!r} must hold numbers, booleans, dates or text, got "
        f"{getattr(native, 'dtype', series.dtype) if kind != 'NoneType' else series.dtype} values; convert or drop it."
    )
