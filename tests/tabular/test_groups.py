"""The groups of columns that the encoders of a pipeline ask for."""

import gc
import weakref

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_bpfree.tabular import ColumnReader, groups, tabular_pipeline

RNG = np.random.default_rng(0)
N = 120
TABLE = {
    "size": RNG.normal(size=N),
    "day": pd.date_range("2020-01-01", periods=N).strftime("%d.%m.%Y"),
    "colour": RNG.choice(["red", "blue"], N),
    "town": RNG.choice([f"town {letter}" for letter in "abcdefghijklmnopqrstuvwxyz"], N),
    "note": [f"a remark of its own, number {j}" for j in range(N)],
}


def of_pandas(table):
    return pd.DataFrame(table)


def of_numpy(table):
    return pd.DataFrame(table).to_numpy(dtype=object)


@pytest.mark.parametrize("make", [of_pandas, pl.DataFrame, of_numpy])
def test_each_column_is_in_the_group_of_what_it_holds(make):
    read = ColumnReader("circles", free_text=True).fit_transform(make(TABLE))
    found = groups.groups_of(read)
    circles = [2, 3, 4, 5, 6, 7]  # of month, day and weekday
    assert (found.straight, found.circles) == ([0, 1], circles)
    assert (found.categorical, found.many_levels, found.free_text) == ([8, 9], [9], [10])
    assert found.numeric == [0, 1, *circles]


def test_a_fit_looks_at_a_table_once_and_at_the_next_one_anew(monkeypatch):
    looked = []
    original = groups.Groups.__init__
    monkeypatch.setattr(groups.Groups, "__init__", lambda self, X: (looked.append(1), original(self, X))[1])
    preprocessor = tabular_pipeline("classifier")[:-1]
    y = np.arange(N) % 2
    with pytest.warns(UserWarning, match="Left out"):
        widths = [
            preprocessor.fit_transform(frame, y).shape
            for frame in (of_pandas(TABLE), of_pandas(TABLE)[["size", "note"]])
        ]
    assert len(looked) == 2 and widths[0] != widths[1]


def test_the_table_that_was_looked_at_is_not_kept():
    table = of_pandas(TABLE)
    groups.groups_of(table)
    kept = weakref.ref(table)
    del table
    gc.collect()
    assert kept() is None
