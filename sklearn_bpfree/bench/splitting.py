"""Which rows are held out in which fold: shuffled, whole groups at a time, or later than what is learned from."""

import difflib
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold, TimeSeriesSplit

from sklearn_bpfree.bench.reading import BenchError, Table
from sklearn_bpfree.tabular.columns import as_quantities


def folds(table: Table, cv: int, random_state: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The folds of a table, as pairs of training and test rows.

    Parameters
    ----------
    table : Table
        With groups, none is on both sides; when it is ordered, what is held out is later than what is learned from.
    cv : int
        Number of folds.
    random_state : int
        Seed of the shuffling; rows in the order of time are not shuffled.

    Returns
    -------
    list of (train, test)

    Raises
    ------
    BenchError
        If there are more folds than the rows, the groups or the rows of a class allow.
    """
    n = len(table.y)
    what, most = "rows", n // 2
    if table.groups is not None:
        what, most = "groups", len(np.unique(table.groups))
    elif table.task == "classifier" and not table.ordered:
        what, most = "rows of the rarest class", int(np.unique(table.y, return_counts=True)[1].min())
    if cv > most:
        raise BenchError(f"{table.name} has too few {what} for {cv} folds; use a --cv of {max(most, 2)} or less.")
    return list(_splitter(table, cv, random_state).split(np.empty((n, 0)), table.y, table.groups))


def _splitter(table, cv, random_state):
    if table.ordered:
        return TimeSeriesSplit(cv)
    if table.groups is not None:
        kind = StratifiedGroupKFold if table.task == "classifier" else GroupKFold
    else:
        kind = StratifiedKFold if table.task == "classifier" else KFold
    return kind(cv, shuffle=True, random_state=random_state)


def by_group(table: Table, column: str) -> Table:
    """The table whose rows stay together where they have the same value in a column, which is no feature any more.

    Parameters
    ----------
    table : Table
    column : str

    Returns
    -------
    Table

    Raises
    ------
    BenchError
        If there is no such column, or a row has no value in it.
    """
    table, values = set_aside(table, column)
    if n_missing := int(values.isna().sum()):
        raise BenchError(f"Column {column!r} has no value in {n_missing} rows, so they have no group; fill them in.")
    return replace(table, groups=np.unique(values.astype(str), return_inverse=True)[1])


def by_time(table: Table, column: str) -> Table:
    """The table with its rows in the order of a column of dates or numbers, which stays a feature.

    Parameters
    ----------
    table : Table
    column : str

    Returns
    -------
    Table

    Raises
    ------
    BenchError
        If there is no such column, or a row has no date or number in it.
    """
    name = _found(table, column)
    when = as_quantities(table.X[[name]])[:, 0]
    if n_missing := int(np.isnan(when).sum()):
        raise BenchError(f"Column {column!r} has neither a date nor a number in {n_missing} rows; --time needs one.")
    order = np.argsort(when, kind="stable")
    groups = None if table.groups is None else table.groups[order]
    return replace(table, X=table.X.iloc[order], y=table.y[order], groups=groups, ordered=True)


def set_aside(table: Table, column: str) -> tuple[Table, Any]:
    """The table without a column, and that column.

    Parameters
    ----------
    table : Table
    column : str

    Returns
    -------
    table : Table
    values : Series

    Raises
    ------
    BenchError
        If there is no such column, or no other.
    """
    name = _found(table, column)
    if table.X.shape[1] == 1:
        raise BenchError(f"{table.name} has no column besides {column!r} to learn from; give a table with some.")
    return replace(table, X=table.X.drop(columns=name)), table.X[name]


def _found(table, column):
    names = {str(name): name for name in table.X.columns}
    if column not in names:
        close = difflib.get_close_matches(column, names, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise BenchError(f"{table.name} has no column {column!r}{hint} besides the target; give the name of one.")
    return names[column]
