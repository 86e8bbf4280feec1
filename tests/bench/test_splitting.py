"""Folds: shuffled alike for everybody, groups whole, time in order."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold, StratifiedKFold

from sklearn_bpfree.bench import BenchError, Table, by_group, by_time, folds, set_aside


def table(task="classifier", n=40):
    frame = pd.DataFrame({"x": np.arange(n), "who": [f"p{i % 8}" for i in range(n)], "y": np.arange(n) % 2})
    frame["day"] = pd.date_range("2020-01-01", periods=n)[::-1].astype(str)
    y = frame.pop("y").to_numpy()
    return Table("t", frame, y if task == "classifier" else y + np.arange(n) / n, task)


@pytest.mark.parametrize(("task", "kind"), [("classifier", StratifiedKFold), ("regressor", KFold)])
def test_plain_folds_are_scikit_learns(task, kind):
    made = folds(table(task), 4, 7)
    expected = kind(4, shuffle=True, random_state=7).split(np.empty((40, 1)), table(task).y)
    for (train, test), (learned, held) in zip(made, expected, strict=True):
        assert train.tolist() == learned.tolist() and test.tolist() == held.tolist()


@pytest.mark.parametrize("task", ["classifier", "regressor"])
def test_a_group_is_on_one_side_and_no_feature(task):
    grouped = by_group(table(task), "who")
    assert list(grouped.X.columns) == ["x", "day"]
    who = table(task).X["who"].to_numpy()
    made = folds(grouped, 4, 0)
    assert all(not set(who[train]) & set(who[test]) for train, test in made)
    assert sorted(np.concatenate([test for _, test in made])) == list(range(40))


@pytest.mark.parametrize("task", ["classifier", "regressor"])
def test_what_is_held_out_is_later(task):
    ordered = by_time(table(task), "day")
    assert ordered.X["x"].tolist() == list(range(39, -1, -1)) and "day" in ordered.X
    assert ordered.y.tolist() == table(task).y[::-1].tolist()
    for train, test in folds(ordered, 4, 0):
        assert ordered.X["day"].iloc[train].max() < ordered.X["day"].iloc[test].min()


def test_numbers_are_times_too():
    assert by_time(table(), "x").X["x"].tolist() == list(range(40))


def test_a_column_is_set_aside():
    rest, ids = set_aside(table(), "who")
    assert list(rest.X.columns) == ["x", "day"] and ids.iloc[0] == "p0"
    with pytest.raises(BenchError, match="no column besides"):
        set_aside(Table("t", pd.DataFrame({"x": [1, 2]}), np.array([0, 1]), "classifier"), "x")


def missing_cell(column):
    given = table()
    given.X.loc[3, column] = None
    return given


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: by_group(table(), "whoo"), r"no column 'whoo' \(did you mean 'who'\?\) besides the target"),
        (lambda: by_group(missing_cell("who"), "who"), "has no value in 1 rows"),
        (lambda: by_time(table(), "who"), "neither a date nor a number in 40 rows"),
        (lambda: by_time(missing_cell("day"), "day"), "neither a date nor a number in 1 rows"),
        (lambda: folds(table(), 1000, 0), "too few rows of the rarest class for 1000 folds; use a --cv of 20 or less"),
        (lambda: folds(table("regressor"), 1000, 0), "too few rows for 1000 folds; use a --cv of 20 or less"),
        (lambda: folds(by_group(table(), "who"), 9, 0), "too few groups for 9 folds; use a --cv of 8 or less"),
        (lambda: folds(by_time(table(), "x"), 40, 0), "too few rows for 40 folds"),
    ],
)
def test_what_cannot_be_split_is_refused(act, message):
    with pytest.raises(BenchError, match=message):
        act()
