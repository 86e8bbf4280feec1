"""What a model relies on: how much its score falls when a column of held-out rows is shuffled, in the time there is."""

import time
import warnings
from typing import NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from sklearn_bpfree.bench.comparison import Result, limited
from sklearn_bpfree.bench.reading import Table
from sklearn_bpfree.bench.scoring import Scoring
from sklearn_bpfree.bench.splitting import folds

MAX_ROWS = 2000  # of the held-out fold
N_REPEATS = 5
SECONDS = 120.0  # when no limit is given


class Importances(NamedTuple):
    """Means and standard deviations over the repeats, for the first columns as far as the time went."""

    names: list[str]
    means: np.ndarray
    stds: np.ndarray
    n_columns: int


def importances(
    result: Result, table: Table, scoring: Scoring, cv: int, random_state: int, seconds: float | None = None
) -> Importances | None:
    """Fit a model on the first fold, and measure its columns on the rows held out.

    Parameters
    ----------
    result : Result
        Of the model.
    table : Table
    scoring : Scoring
    cv, random_state : int
        Of the comparison.
    seconds : float, default=None
        Time for fit and measurement.

    Returns
    -------
    Importances or None
        None if there is no time for the fit.
    """
    deadline = time.time() + (SECONDS if seconds is None else seconds)
    if seconds is not None and result.mean("fit_seconds") > seconds / 2:
        return None
    train, test = folds(table, cv, random_state)[0]
    rows = getattr(table.X, "iloc", table.X)
    X, y = rows[test[:MAX_ROWS]], table.y[test[:MAX_ROWS]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the leaderboard has told them
        limit = float("inf") if seconds is None else seconds / 2
        fitted = limited(result.model, limit).fit(rows[train], table.y[train])
        base = scoring(fitted, X, y)
        rng = check_random_state(random_state)
        falls = []
        for j in range(X.shape[1]):
            if time.time() >= deadline:
                break
            falls.append([base - scoring(fitted, _shuffled(X, j, rng), y) for _ in range(N_REPEATS)])
    names = [str(name) for name in getattr(X, "columns", [f"column {j}" for j in range(X.shape[1])])]
    if not falls:
        return None
    return Importances(names[: len(falls)], np.mean(falls, axis=1), np.std(falls, axis=1), X.shape[1])


def _shuffled(X, j, rng):
    """The rows with the cells of column j in another order."""
    order = rng.permutation(len(X))
    X = X.copy()
    if hasattr(X, "iloc"):
        X.isetitem(j, X.iloc[order, j].set_axis(X.index))
    else:
        X[:, j] = X[order, j]
    return X
