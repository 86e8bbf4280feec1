"""Read a table from a file, separate its target and find out the task, before anything is compared.

Nothing here prints: what was decided is in the table's `notes`. pandas is imported only to read a file.
"""

import difflib
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes

from sklearn_bpfree.tabular.columns import describe_columns, notes_on

MAX_CLASSES = 20  # a target with more distinct integers than this is taken for a quantity


class BenchError(Exception):
    """Something that the user gave makes no sense; told in one sentence."""


@dataclass
class Table:
    """Rows to compare models on; `notes` say what was decided and left out when they were read.

    Rows of the same number in `groups` belong together, and those of an `ordered` table follow each other in time.
    """

    name: str
    X: Any
    y: np.ndarray
    task: str
    notes: list[str] = field(default_factory=list)
    groups: np.ndarray | None = None
    ordered: bool = False


def bundled_tables() -> list[Table]:
    """Two small tables that come with scikit-learn, as arrays, so that pandas is not needed."""
    cancer, diabetes = load_breast_cancer(), load_diabetes()
    return [
        Table("breast_cancer", cancer["data"], cancer["target"], "classifier"),
        Table("diabetes", diabetes["data"], diabetes["target"], "regressor"),
    ]


def read_table(path: str, target: str, task: str = "auto", cv: int = 5) -> Table:
    """Read a CSV or Parquet file, separate the target and find out the task.

    Parameters
    ----------
    path : str
        Parquet if it ends in .parquet or .pq, otherwise text with commas, semicolons or tabs, compressed or not.
    target : str
        Name of the column to predict. Rows without it are left out.
    task : {"auto", "classifier", "regressor"}, default="auto"
        "auto": a classifier for text, booleans and few distinct integers, otherwise a regressor.
    cv : int, default=5
        Number of folds; classes with fewer rows are left out.

    Returns
    -------
    Table
    """
    frame = _read_frame(path, target)
    names = {str(name): name for name in frame.columns}
    if target not in names:
        close = {name.lower().strip(): name for name in names}
        found = difflib.get_close_matches(target.lower().strip(), close, n=1)
        hint = f" (did you mean {close[found[0]]!r}?)" if found else ""
        raise BenchError(f"{path} has no column {target!r}{hint}; its columns are {_some(names)}.")
    if frame.shape[1] == 1:
        raise BenchError(f"{path} has no column besides the target {target!r}; give a table with some.")
    notes = []
    given = frame[names[target]].notna()
    if not given.all():
        notes.append(f"Left out {_count((~given).sum(), 'row')} without a target.")
        frame = frame[given]
    if frame.empty:
        raise BenchError(f"{path} has no row with a value of {target!r}; give a table with some.")
    varied = [name for name, column in frame.items() if _n_values(column, path) > 1]
    if not set(varied) - {names[target]}:
        raise BenchError(f"No column of {path} but the target holds two different values; give a table with some.")
    column = frame[names[target]].infer_objects()
    if getattr(column.dtype, "kind", "O") in "mM":
        raise BenchError(f"The target {target!r} holds {column.dtype} values; give one with classes or numbers.")
    decided, why = _decide_task(column)
    if task == "auto":
        task = decided
        notes.append(f"Task: {task}, because {target!r} {why} (change it with --task).")
    y = _labels(column) if task == "classifier" else _values(column, why)
    X = frame.drop(columns=names[target])
    if n_infinite := int(X.isin([np.inf, -np.inf]).to_numpy().sum()):
        notes.append(f"Took {_count(n_infinite, 'infinite value')} for missing.")
        X = X.replace([np.inf, -np.inf], np.nan)
    table = Table(path, X, y, task, notes)
    _check_rows(table, target, cv)
    with suppress(ValueError, TypeError):  # of columns that no model can read, as the models will say
        notes += notes_on(describe_columns(table.X))
    return table


def read_rows(path: str, as_text: list[str] | None = None):
    """Read the rows of a CSV or Parquet file, for predictions.

    Parameters
    ----------
    path : str
    as_text : list of str, default=None
        Columns to be left as they are written.

    Returns
    -------
    DataFrame
    """
    frame = _read_frame(path, None, dict.fromkeys(as_text or [], str))
    if frame.empty:
        raise BenchError(f"{path} has no rows; give a table with some.")
    return frame.replace([np.inf, -np.inf], np.nan)


def _read_frame(path, target, dtypes=None):
    try:
        import pandas as pd

        if path.endswith((".parquet", ".pq")):
            frame = pd.read_parquet(path)
            decimals = [name for name, column in frame.items() if pd.api.types.infer_dtype(column) == "decimal"]
            return frame.astype(dict.fromkeys(decimals, np.float64))
        separator = max(",;\t", key=lambda sep: pd.read_csv(path, sep=sep, nrows=0).shape[1])
        head = pd.read_csv(path, sep=separator, header=None, nrows=1, dtype=str)
        marks = "." if separator == "," else ".,"  # of decimals; the right one makes more columns numeric
        frames = [pd.read_csv(path, sep=separator, decimal=mark, dtype=dtypes, low_memory=False) for mark in marks]
    except ImportError as error:
        message = 'Reading a table needs pandas and pyarrow; run pip install "sklearn-bpfree[table]".'
        raise BenchError(message) from error
    except UnicodeError as error:
        raise BenchError(f"{path} cannot be read: it is not in UTF-8 ({error}); save it so.") from error
    except Exception as error:  # the exceptions of half a dozen parsers
        reason = getattr(error, "strerror", None) or first_line(error) or type(error).__name__
        raise BenchError(f"{path} cannot be read: {reason.rstrip('.')}.") from error
    if (head == target).to_numpy().sum() > 1:
        raise BenchError(f"{path} has more than one column {target!r}; rename all but the target.")
    return max(frames, key=lambda frame: frame.select_dtypes("number").shape[1])


def _n_values(column, path):
    """Number of different values, a missing one included."""
    try:
        return column.nunique(dropna=False)
    except TypeError as error:
        raise BenchError(f"Column {column.name!r} of {path} holds lists or the like; give single values.") from error


def first_line(error):
    return str(error).strip().partition("\n")[0]


def _decide_task(column):
    kind = getattr(column.dtype, "kind", "O")
    n_distinct = column.nunique()
    if kind == "b":
        return "classifier", "is boolean"
    if kind not in "iuf":
        return "classifier", "holds text" if kind == "O" else f"holds {column.dtype}"
    if _integral(column) and n_distinct <= max(2, min(MAX_CLASSES, len(column) / 10)):
        return "classifier", f"has {n_distinct} distinct integers"
    return "regressor", f"has {n_distinct} distinct numbers"


def _integral(column):
    return bool((column % 1 == 0).all())


def _labels(column):
    kind = getattr(column.dtype, "kind", "O")
    if kind == "b":
        return column.to_numpy(dtype=bool)
    if kind in "iuf" and _integral(column):
        return column.to_numpy(dtype=np.int64)
    return np.array([str(value) for value in column])


def _values(column, why):
    if getattr(column.dtype, "kind", "O") not in "iufb":
        raise BenchError(f"The target {column.name!r} {why}, but a regressor needs numbers; use --task classifier.")
    values = column.to_numpy(dtype=np.float64)
    if not np.isfinite(values).all():
        raise BenchError(f"The target {column.name!r} has infinite values; replace or remove them.")
    return values


def _check_rows(table, target, cv):
    """Leave out classes that are too rare for the folds, and see that enough is left."""
    if table.task == "classifier":
        labels, counts = np.unique(table.y, return_counts=True)
        rare = labels[counts < cv]
        if len(labels) > 1 and len(rare):
            keep = ~np.isin(table.y, rare)
            rows, classes = _count((~keep).sum(), "row"), _count(len(rare), "class", "classes")
            table.notes.append(f"Left out {rows} of {classes} ({_some(rare)}) with fewer rows than folds.")
            table.X, table.y = table.X[keep], table.y[keep]
            labels = labels[counts >= cv]
        if len(labels) < 2:
            what = f"one class, {labels[0]!s}" if len(labels) else f"no class of at least {cv} rows"
            raise BenchError(f"The target {target!r} has {what}; a classifier needs two or more, with {cv} rows each.")
    elif np.ptp(table.y) == 0:
        raise BenchError(f"The target {target!r} has one value, {table.y[0]:g}; there is nothing to predict.")
    if len(table.y) < 2 * cv:
        rows = _count(len(table.y), "usable row")
        raise BenchError(f"{table.name} has {rows}, but {cv} folds need {2 * cv}; give more or use a smaller --cv.")


def _some(names):
    names = list(map(str, names))
    return ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")


def _count(n, one, many=None):
    return f"{n} {one}" if n == 1 else f"{n} {many or one + 's'}"
