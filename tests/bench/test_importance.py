"""Importances: what a shuffled column costs, on rows held out, within the time."""

from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.pipeline import make_pipeline

from sklearn_bpfree.bench import Model, Table, compare, importance, make_models, make_scoring
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


class Noting(ClassifierMixin, BaseEstimator):
    """Notes the rows that it learns and those that it is asked about, by the last column."""

    rows: ClassVar[dict[str, set]] = {}

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.rows["learned"] = set(X[:, -1])
        return self

    def predict(self, X):
        self.rows.setdefault("asked", set()).update(X[:, -1])
        return np.repeat(self.classes_[:1], len(X))


def test_it_is_measured_on_rows_that_were_not_learned():
    X = np.column_stack([np.zeros(40), np.arange(40.0)])
    table = Table("t", X, np.arange(40) % 2, "classifier")
    model = Model("noting", make_pipeline(Noting()), False)
    (result,) = compare(table, [model], cv=2)
    Noting.rows.clear()
    assert importances(result, table, make_scoring(table), 2, 0) is not None
    assert len(Noting.rows["learned"]) == len(Noting.rows["asked"]) == 20
    assert not Noting.rows["learned"] & Noting.rows["asked"]
