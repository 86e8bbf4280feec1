"""Take a table from a file, separate its target and find out the task, before anything is compared.

Nothing here prints: what was decided is in the table's `notes`. How a file becomes a frame is in `files`.
"""

import difflib
import unicodedata
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes

from sklearn_bpfree.bench.frames import BOOLEANS, BenchError, first_line, read_frame
from sklearn_bpfree.tabular.cells import numbers_of
from sklearn_bpfree.tabular.columns import TAKEN_FOR, describe_columns, notes_on
from sklearn_bpfree.tabular.integers import LARGEST_INTEGER, MAX_DISTINCT
from sklearn_bpfree.tabular.kinds import understand

__all__ = ["BenchError", "Table", "bundled_tables", "first_line", "read_rows", "read_table"]

MAX_CLASSES = 20  # a target with more distinct integers than this is taken for a quantity


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


def read_table(
    path: str,
    target: str,
    task: str = "auto",
    cv: int = 5,
    encoding: str | None = None,
    has_header: bool = True,
) -> Table:
    """Read a table's file, separate the target and find out the task.

    Parameters
    ----------
    path : str
        Parquet, Feather, JSON, Excel or the like, or text with commas, semicolons, tabs, bars or blanks between its
        cells, compressed or not.
    target : str
        Name of the column to predict. Rows without it are left out.
    task : {"auto", "classifier", "regressor"}, default="auto"
        "auto": a classifier for text, booleans and few distinct integers, otherwise a regressor.
    cv : int, default=5
        Number of folds; classes with fewer rows are left out.
    encoding : str or None, default=None
        Of a text; None: it is found out.
    has_header : bool, default=True
        Whether the first line of a text has the columns' names; otherwise they are called 1, 2, ...

    Returns
    -------
    Table
    """
    frame, notes = read_frame(path, encoding, has_header=has_header)
    names = {str(name): name for name in frame.columns}
    target = unicodedata.normalize("NFC", target)
    if target not in names:
        close = {name.lower().strip(): name for name in names}
        found = difflib.get_close_matches(target.lower().strip(), close, n=1)
        hint = f" (did you mean {close[found[0]]!r}?)" if found else ""
        first = next((f" {note}" for note in notes if "--no-header" in note), "")
        raise BenchError(f"{path} has no column {target!r}{hint}; its columns are {_some(names)}.{first}")
    if f"{target}.1" in names and any("More than one column" in note for note in notes):
        raise BenchError(f"{path} has more than one column {target!r}; rename all but the target.")
    if frame.shape[1] == 1:
        raise BenchError(f"{path} has no column besides the target {target!r}; give a table with some.")
    marks = _marks_of_holes(frame.drop(columns=names[target]), frame[names[target]])
    column, texts, note = _understand_target(frame[names[target]], marks, task)
    notes += note
    given = column.notna()
    if not given.all():
        notes.append(f"Left out {_count((~given).sum(), 'row')} without a target.")
        frame, column, texts = frame[given], column[given], texts[given]
    if frame.empty:
        raise BenchError(f"{path} has no row with a value of {target!r}; give a table with some.")
    varied = [name for name, column in frame.items() if _n_values(column, path) > 1]
    if not set(varied) - {names[target]}:
        raise BenchError(f"No column of {path} but the target holds two different values; give a table with some.")
    column = column.infer_objects()
    if getattr(column.dtype, "kind", "O") in "mM":
        raise BenchError(f"The target {target!r} holds {column.dtype} values; give one with classes or numbers.")
    decided, why = _decide_task(column)
    if task == "auto":
        task = decided
        notes.append(f"Task: {task}, because {target!r} {why} (change it with --task).")
    y = _labels(column, texts) if task == "classifier" else _values(column, why)
    X = frame.drop(columns=names[target])
    if n_infinite := int(X.isin([np.inf, -np.inf]).to_numpy().sum()):
        notes.append(f"Took {_count(n_infinite, 'infinite value')} for missing.")
        X = X.replace([np.inf, -np.inf], np.nan)
    table = Table(path, X, y, task, notes)
    _check_rows(table, target, cv)
    with suppress(ValueError, TypeError):  # of columns that no model can read, as the models will say
        notes += notes_on(describe_columns(table.X, table.y))
    return table


def read_rows(path: str, as_text: list[str] | None = None, encoding: str | None = None, has_header: bool = True):
    """Read the rows of a table's file, for predictions, and what was not plain about it.

    Parameters
    ----------
    path : str
    as_text : list of str, default=None
        Columns to be left as they are written.
    encoding : str or None, default=None
        Of a text; None: it is found out.
    has_header : bool, default=True
        Whether the first line of a text has the columns' names.

    Returns
    -------
    frame : DataFrame
    notes : list of str
    """
    frame, notes = read_frame(path, encoding, as_text or (), has_header)
    if frame.empty:
        raise BenchError(f"{path} has no rows; give a table with some.")
    return frame.replace([np.inf, -np.inf], np.nan), notes


def _n_values(column, path):
    """Number of different values, a missing one included."""
    try:
        return column.nunique(dropna=False)
    except TypeError as error:
        raise BenchError(f"Column {column.name!r} of {path} holds lists or the like; give single values.") from error


def _marks_of_holes(frame, target) -> set[str]:
    """Texts of a target by which the numbers and dates of a table say that there is no value."""
    with suppress(ValueError, TypeError):  # of cells that hold lists
        texts = [*filter(None, {str(cell).strip() for cell in target.unique() if isinstance(cell, str)})]
        shared = [name for name, column in frame.select_dtypes(exclude="number").items() if column.isin(texts).any()]
        described = describe_columns(frame[shared])
        return {str(cell).strip() for column in described for cell in column.odd}
    return set()


def _understand_target(column, marks, task):
    """A target as numbers where its texts say such, its texts, and sentences on what was not plain."""
    texts = column
    if getattr(column.dtype, "kind", "O") not in "OU" or column.map(type).isin([list, dict, np.ndarray]).any():
        return column, texts, []
    name = column.name
    column = column.where(~column.isin(["nan", "NaN", "<NA>", "NaT", *marks]), None)
    if set(column.dropna()) <= BOOLEANS.keys():
        return column.map(BOOLEANS).astype(object), texts, []
    taken = understand(name, column.tolist())
    if taken.kind in ("date", "time of day") and task != "classifier":
        raise BenchError(
            f"The target {name!r} holds {TAKEN_FOR[taken.kind]}; give one with numbers, or say --task classifier "
            "to take each for a class."
        )
    if taken.kind == "boolean":
        truth = dict(zip(column.dropna(), numbers_of(taken, column.dropna().tolist()) == 1, strict=True))
        note = [f"Took the target {name!r} for {taken.note}."] if taken.note else []
        return column.map(truth).astype(object), texts, note
    if taken.kind == "duration" and task != "classifier":
        return _as_floats(column, taken), texts, [f"Took the target {name!r} for durations, in days."]
    if taken.kind == "number" or (taken.kind == "constant" and taken.format):
        return (
            _as_floats(column, taken),
            texts,
            [f"Took the target {name!r} for numbers: {taken.note}."] if taken.note else [],
        )
    kept = [mark for mark in ("None", "NA", "N/A", "null", "none", "n/a") if (column == mark).any()]
    return column, texts, [f"{mark!r} is a class of {name!r}, not a missing target." for mark in kept]


def _as_floats(column, taken):
    return column.astype(object).where(column.isna(), numbers_of(taken, column.tolist())).astype(np.float64)


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


def _labels(column, texts):
    """Booleans, integers where int64 has them, or texts as they are written."""
    kind = getattr(column.dtype, "kind", "O")
    if kind == "b":
        return column.to_numpy(dtype=bool)
    if kind in "iuf" and _integral(column) and (kind != "f" or column.abs().max() < LARGEST_INTEGER):
        if kind != "u" or column.max() <= np.iinfo(np.int64).max:
            return column.to_numpy(dtype=np.int64)
    return np.array([str(value) for value in texts])


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
        if len(labels) > max(MAX_CLASSES, MAX_DISTINCT * len(table.y)):
            raise BenchError(
                f"The target {target!r} has a class of its own in nearly every row; give one that repeats."
            )
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
