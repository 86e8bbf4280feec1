"""Importances: what a shuffled column costs, on rows held out, within the time."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from sklearn_bpfree.bench import Table, compare, importance, make_models, make_scoring
from sklearn_bpfree.bench.importance import importances


@pytest.fixture(params=["frame", "array"])
def case(request):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 3))
    y = np.where(X[:, 1] > 0, "b", "a")
    rows = pd.DataFrame(X, columns=["u", "v", "w"], index=rng.permutation(100)) if request.param == "frame" else X
    table = Table("t", rows, y, "classifier")
    (result,) = compare(table, make_models("classifier", [], peers=["linear"])[:1], cv=2)
    return table, result, request.param


def test_the_column_that_decides_costs_most(case):
    table, result, kind = case
    before = table.X.copy()
    found = importances(result, table, make_scoring(table), 2, 0)
    assert found is not None
    assert found.names == (["u", "v", "w"] if kind == "frame" else ["column 0", "column 1", "column 2"])
    assert found.means[1] > 0.3 and abs(found.means[[0, 2]]).max() < 0.1 and found.n_columns == 3
    assert (found.stds > 0)[1] and (np.asarray(before) == np.asarray(table.X)).all()


def test_it_ends_when_the_time_is_over(case, monkeypatch):
    table, result, _ = case
    ticks = iter(range(10))  # the deadline is set at 0, and the third column would begin at 3
    monkeypatch.setattr(importance, "time", SimpleNamespace(time=lambda: next(ticks)))
    found = importances(result, table, make_scoring(table), 2, 0, seconds=2.5)
    assert found is not None and len(found.names) == len(found.means) == len(found.stds) == 2 and found.n_columns == 3


def test_a_fit_that_has_no_time_is_not_begun(case):
    table, result, _ = case
    assert importances(result, table, make_scoring(table), 2, 0, seconds=1e-9) is None
