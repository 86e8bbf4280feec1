"""Targets as the user gives them: what they cannot be is named by row and value, and labels stay what they are."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, list_trainers
from sklearn_bpfree.estimators.target_values import plain

X = np.random.default_rng(0).normal(size=(20, 2))
HALVES = np.arange(20) % 2
MISSING = [None, np.nan, pd.NA, pd.NaT, float("nan")]


@pytest.mark.parametrize("value", MISSING, ids=repr)
@pytest.mark.parametrize("numbers", [False, True])
def test_missing_values_are_refused_by_their_row(value, numbers):
    y = np.array([1, 0] * 10, dtype=object)
    y[3] = value
    with pytest.raises(ValueError, match=r"^y holds missing values, such as .* in row 3; leave these rows out\.$"):
        plain(y, numbers=numbers)


def test_missing_values_of_frames_are_found():
    letters = np.array(["a", "b"] * 10, dtype=object)
    letters[5] = None
    for y in (
        pd.Series(letters, dtype="string"),
        pd.Series(pd.Categorical(letters)),
        pd.Series(letters, dtype="str"),
        pl.Series(["a", None]),
    ):
        with pytest.raises(ValueError, match=r"^y holds missing values"):
            plain(y, numbers=False)


@pytest.mark.parametrize(
    "y, shown",
    [
        (["1.5", "<2"], "'1.5' of type str in row 0"),
        (np.array([1.5, "x"], dtype=object), "'x' of type str in row 1"),
        (np.array(["2020-01-01"], "M8[D]"), "datetime.date(2020, 1, 1) of type date in row 0"),
        (np.array([[1, 2], [3, datetime.date(2020, 1, 1)]], dtype=object), "of type date in row 1"),
    ],
)
def test_values_that_are_no_numbers_are_shown(y, shown):
    with pytest.raises(ValueError, match=r"^y_val must hold numbers, got .*; convert it to numbers\.$") as raised:
        plain(y, numbers=True, name="y_val")
    assert shown in str(raised.value)


def test_labels_of_several_types_are_refused():
    with pytest.raises(ValueError, match="several types, such as 2 beside text"):
        plain(np.array(["a", 2], dtype=object), numbers=False)
    with pytest.raises(ValueError, match=r"^y must hold as many values for each row"):
        plain([[1], [1, 2]], numbers=False)


@pytest.mark.parametrize(
    "labels",
    [
        [0, 1],
        [-7, 2**62],
        [2**63, 2**63 + 1],
        [2**70, 2**70 + 1],
        [-(2**63), 2**63 + 1],
        [True, False],
        ["a", "b"],
        ["ä", "a longer one"],
        [1.0, 2.0],
    ],
)
@pytest.mark.parametrize("dtype", [None, object])
def test_labels_stay_what_they_are(labels, dtype):
    y = [labels[half] for half in HALVES]
    clf = BPFreeClassifier((4,), max_iter=1, random_state=0).fit(X, y if dtype is None else np.array(y, dtype))
    assert clf.classes_.tolist() == sorted(labels) and type(clf.classes_.tolist()[0]) is type(labels[0])
    assert set(clf.predict(X).tolist()) <= set(labels)


def test_numbers_as_objects_are_numbers():
    values = np.array([1.5, 2] * 10, dtype=object)
    model = BPFreeRegressor((4,), max_iter=2, random_state=0)
    by_object = model.fit(X, values).predict(X)
    np.testing.assert_array_equal(by_object, model.fit(X, values.astype(float)).predict(X))
    decimals = np.array([Decimal("1.5"), Decimal(2)] * 10, dtype=object)  # as databases give them
    np.testing.assert_array_equal(by_object, model.fit(X, decimals).predict(X))
    decimals[3] = Decimal("NaN")
    with pytest.raises(ValueError, match=r"y holds missing values, such as Decimal\('NaN'\) in row 3"):
        model.fit(X, decimals)


@pytest.mark.parametrize("name", list_trainers())
@pytest.mark.parametrize("make", [BPFreeClassifier, BPFreeRegressor])
def test_every_trainer_refuses_what_is_no_target(make, name):
    for value in (None, np.nan, np.datetime64("2020"), "text"):
        y = HALVES.astype(object)
        y[3] = value
        with pytest.raises(ValueError, match=r"^y (holds|must hold) .*\.$"):
            make(trainer=name).fit(X, y)
    with pytest.raises(ValueError, match=r"^Input y contains infinity"):
        make(trainer=name).fit(X, np.where(HALVES, np.inf, 0))
