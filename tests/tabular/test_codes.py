"""Integers that are codes, told from quantities by the target."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge

from sklearn_bpfree.tabular import ColumnReader, describe_columns, tabular_pipeline
from sklearn_bpfree.tabular.codes import are_codes

RNG = np.random.default_rng(0)
N, K = 2000, 50
SHOP = RNG.integers(0, K, N).astype(float)
EFFECTS = RNG.normal(size=K)
EFFECT = EFFECTS[SHOP.astype(int)]
NOISE = RNG.normal(0, 0.5, N)
TARGETS = {
    "a value": EFFECT + NOISE,
    "a value in another unit": 1e-9 * np.exp(3 * (EFFECT + NOISE)),
    "a class": EFFECT + NOISE > 0.5,
    "words": np.where(EFFECT + NOISE > 0.5, "good", "bad"),
    "counts": RNG.poisson(np.exp(EFFECT)),
    "several values": np.c_[NOISE, EFFECT + NOISE],
}
QUANTITIES = {
    "no effect": NOISE,
    "linear": SHOP + 9 * NOISE,
    "a wave": np.sin(SHOP / 5) + NOISE,
    "a step": (SHOP > 30) + NOISE,
    "a peak": (np.abs(SHOP - 20) < 3) + NOISE,
    "a constant": np.ones(N),
}


@pytest.mark.parametrize("y", TARGETS.values(), ids=TARGETS)
def test_codes_are_told_from_quantities_by_targets_of_any_kind(y):
    assert are_codes(SHOP, y) and are_codes(np.where(NOISE > 0.7, np.nan, SHOP), y)
    assert not are_codes(RNG.permutation(SHOP), y)
    assert not are_codes(np.argsort(np.argsort(EFFECTS))[SHOP.astype(int)], y), "in the order of their effects"
    assert not are_codes(SHOP + 0.5, y), "codes are integers"
    assert not are_codes(SHOP % 20, y), "few levels are no matter"


def test_what_is_no_target_is_left_for_the_estimator_to_refuse():
    odd = np.where(EFFECT > 0, None, "good").astype(object)
    for y in (odd, TARGETS["a value"][1:], np.where(NOISE > 0.5, np.nan, EFFECT), sparse.csr_array(EFFECT[:, None]), 3):
        are_codes(SHOP, y)


@pytest.mark.parametrize("y", QUANTITIES.values(), ids=QUANTITIES)
def test_quantities_are_no_codes(y):
    assert not are_codes(SHOP, y)
    assert not are_codes(SHOP, np.digitize(y, np.quantile(y, [0.3, 0.7])))


def test_codes_are_told_and_are_levels_for_every_estimator():
    y = TARGETS["a value"]
    X = pd.DataFrame({"shop": SHOP.astype(int), "x": NOISE})
    assert [column.kind for column in describe_columns(X)] == ["number", "number"]
    shop, _ = describe_columns(X, y)
    assert shop.kind == "category" and shop.note == "integers with which the target does not go, so each is a level"
    assert "Took column 'shop' for a category: integers with which" in ColumnReader().fit(X, y).notes_[0]
    for table in (X, pl.from_pandas(X), X.to_numpy()):
        for estimator in ("regressor", Ridge(), HistGradientBoostingRegressor()):
            model = tabular_pipeline(estimator, random_state=0).fit(table[:1500], y[:1500])
            assert model.score(table[1500:], y[1500:]) > 0.7
