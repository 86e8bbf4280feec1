"""Sines and cosines of one angle: found among other columns, with bins where the target goes with the angle."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone

from sklearn_bpfree.tabular import tabular_pipeline
from sklearn_bpfree.tabular.circles import CircleEncoder, on_circles

RNG = np.random.default_rng(0)
N = 600
MONTH, HOUR = RNG.integers(1, 13, N), 24 * RNG.random(N)


def circle(value, period):
    return np.c_[np.sin(2 * np.pi * value / period), np.cos(2 * np.pi * value / period)]


PAIRS = np.hstack([circle(MONTH, 12), circle(HOUR, 24)])
TARGETS = {
    "a class": MONTH > 6,
    "words": np.where(MONTH > 6, "winter", "summer"),
    "a value": 1000 * (MONTH > 6) + RNG.normal(size=N),
    "several values": np.c_[RNG.normal(size=N), np.where(MONTH % 2, 1e6, 1e-6) * RNG.random(N)],
    "counts": RNG.poisson(np.where(MONTH > 6, 9, 1)),
}


@pytest.mark.parametrize("y", TARGETS.values(), ids=TARGETS)
def test_only_angles_with_which_the_target_goes_have_bins(y):
    for order in (slice(None), slice(None, None, -1)):
        names = CircleEncoder().fit(PAIRS[order], y[order]).get_feature_names_out()
        assert {*names} >= {"x0", "x1", "x2", "x3", "x0_bin0"} and not any(name.startswith("x2_bin") for name in names)
    names = CircleEncoder().fit(PAIRS, HOUR > 12).get_feature_names_out()
    assert names[-2:].tolist() == ["x0", "x1"] and "x2_bin0" in names
    assert len(CircleEncoder().fit(PAIRS, RNG.permutation(y)).get_feature_names_out()) == 4
    assert {"x0_bin0", "x2_bin0"} <= {*CircleEncoder().fit(PAIRS).get_feature_names_out()}


def test_what_does_not_tell_comes_as_it_is_and_0_where_it_is_missing():
    X = PAIRS.copy()
    X[:3] = np.nan
    encoder = clone(CircleEncoder()).fit(X, MONTH > 6)
    rows = encoder.transform(X)
    assert rows.dtype == np.float32 and rows.shape[1] == len(encoder.get_feature_names_out())
    np.testing.assert_array_equal(rows[:, -2:], np.nan_to_num(PAIRS[:, 2:] * np.isfinite(X[:, 2:])).astype(np.float32))
    assert np.isfinite(rows).all()


def test_circles_are_found_among_others_and_a_pair_of_two_values_is_none():
    yes = RNG.integers(0, 2, (N, 1))
    others = [RNG.normal(size=(N, 1)), yes, 1 - yes, np.full((N, 1), np.nan)]
    assert on_circles(np.hstack([others[0], PAIRS, *others])) == [1, 3]
    assert on_circles(np.hstack([*others, np.zeros((N, 1)), np.ones((N, 1))])) == []
    assert on_circles(PAIRS[:, [0, 1, 0]]) == [0]  # a column is in one pair
    late = PAIRS.copy()
    late[-1] = 1
    assert on_circles(late) == []


@pytest.mark.parametrize("library", [pd.DataFrame, pl.from_pandas, lambda frame: frame.to_numpy(dtype=object)])
def test_parts_of_dates_have_bins_in_a_pipeline_only_where_they_say_something(library):
    days = pd.Series(pd.date_range("2019-01-01", periods=N, freq="37h"))
    X = library(pd.DataFrame({"x": RNG.normal(size=N), "d": days, "k": RNG.choice(list("uv"), N)}))
    names = tabular_pipeline("classifier").fit(X, days.dt.month > 6)[:-1].get_feature_names_out()
    binned = {name.split("_")[3] for name in names if name.startswith("circles") and "bin" in name}
    assert binned == {"month"} and sum(name.startswith("circles") and "bin" not in name for name in names) == 8
    assert tabular_pipeline("classifier").fit(X, days.dt.month > 6).predict(X[:5]).shape == (5,)
