"""The short way of a table through the pipeline gives the bits of the long one, and is taken where it may be."""

import pickle
from datetime import date, time, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor
from sklearn_bpfree.tabular import tabular_pipeline
from sklearn_bpfree.tabular.plan import Plan

N = 300


def everything(n=N, seed=0):
    """A table with columns of every kind and type that pandas has, holes in most of them."""
    rng = np.random.default_rng(seed)
    gap = [rng.random(n) < 0.1 for _ in range(20)]
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1000, n), unit="D")
    words = rng.choice(["red", "green", " blue ", "1"], n).astype(object)
    table = {
        "float": np.where(gap[0], np.nan, rng.normal(size=n)),
        "whole": rng.integers(-5, 50, n),
        "single": rng.normal(size=n).astype("float32"),
        "half": rng.normal(size=n).astype("float16"),
        "huge": np.where(gap[1], np.inf, 1e300 * rng.normal(size=n)),
        "small": rng.integers(0, 200, n).astype("uint8"),
        "nullable": pd.array(np.where(gap[2], None, rng.integers(0, 2**60, n)), dtype="Int64"),
        "flag": rng.random(n) < 0.5,
        "maybe": pd.array(np.where(gap[3], None, rng.random(n) < 0.5), dtype="boolean"),
        "price": [f"{value:,.2f} EUR" for value in 1000 * rng.random(n)],
        "word": np.where(gap[4], None, words),
        "object": pd.Series(np.where(gap[5], None, words), dtype=object),
        "category": pd.Categorical(np.where(gap[6], None, words)),
        "numbers": pd.Categorical(rng.choice([1, 2, 3], n)),
        "town": [f"town {i}" for i in rng.integers(0, 40, n)],
        "day": days.where(~gap[7]),
        "said": days.strftime("%d.%m.%Y"),
        "lasted": pd.to_timedelta(rng.integers(0, 1000, n), unit="h"),
        "at": pd.Series([time(*map(int, clock)) for clock in rng.integers((0, 0), (24, 60), (n, 2))]),
        "born": pd.Series([date(1990, 1, 1) + timedelta(int(d)) for d in rng.integers(0, 5000, n)]),
        "exact": pd.Series([Decimal(int(value)) / 7 for value in rng.integers(0, 500, n)]),
        "constant": 3.0,
        "void": np.full(n, np.nan),
        "row": np.arange(n),
    }
    return pd.DataFrame(table)


def target(kind, table):
    score = np.nan_to_num(table["float"]) + (table["word"] == "red") + table["whole"] / 50
    if kind == "values":
        return score.to_numpy()
    return np.digitize(score, [0.6] if kind == "binary" else [0.2, 1.0])


def fitted(table, kind="binary"):
    estimator = (BPFreeRegressor if kind == "values" else BPFreeClassifier)((8,), max_iter=3, random_state=0)
    return tabular_pipeline(estimator).fit(table, target(kind, everything(len(table))))


def same_encoding(model, table):
    """Whether both ways end at the same bits, type and form."""
    short, long = Plan.of(model.steps[:-1]).encode(table), model[:-1].transform(table)
    assert type(short) is type(long) and short.dtype == long.dtype == np.float32 and short.shape == long.shape
    if sparse.issparse(short):
        short, long = short.toarray(), long.toarray()
    np.testing.assert_array_equal(short.view(np.uint32), long.view(np.uint32))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["binary", "classes", "values"])
@pytest.mark.parametrize("rows", [slice(0, 1), slice(5, 12), slice(None)])
def test_a_frame_of_everything_is_encoded_to_the_same_bits(kind, rows):
    model = fitted(everything(), kind)
    same_encoding(model, everything(seed=1).iloc[rows])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("library", ["polars", "pyarrow", "array", "numbers", "frame of numbers", "narrow numbers"])
def test_other_containers_are_encoded_to_the_same_bits(library):
    plain = ["float", "whole", "single", "flag", "price", "word", "town", "day", "said", "constant"]
    numbers = everything()[["float", "whole", "single", "huge", "constant"]].astype(np.float64)
    table = {
        "polars": lambda: pl.from_pandas(everything()[plain]),
        "pyarrow": lambda: pl.from_pandas(everything()[plain]).to_arrow(),
        "array": lambda: everything()[["float", "whole", "flag", "price", "word", "town"]].to_numpy(dtype=object),
        "numbers": numbers.to_numpy,
        "frame of numbers": lambda: numbers,
        "narrow numbers": lambda: numbers.to_numpy().astype(np.float32),
    }[library]()
    model = fitted(table)
    same_encoding(model, table[:7])
    same_encoding(model, table)


@pytest.mark.filterwarnings("ignore")
def test_columns_of_another_type_or_order_than_in_training_are_encoded_to_the_same_bits():
    table = everything()
    model = fitted(table)
    texts = table.assign(whole=table["whole"].astype(str), word=pd.Categorical(table["word"]), numbers=1.0)
    for other in (texts, table[table.columns[::-1]], texts.iloc[[3]]):
        same_encoding(model, other)
    with pytest.raises(ValueError, match="columns are missing: \\['word'\\]"):
        model.predict(table.drop(columns="word"))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "uint8", "bool"])
def test_frames_of_one_type_of_numbers_are_encoded_to_the_same_bits(dtype):
    rng = np.random.default_rng(0)
    numbers = rng.integers(0, 2, (N, 6)) if dtype == "bool" else rng.integers(0, 200, (N, 6)) + rng.random((N, 6))
    table = pd.DataFrame(numbers.astype(dtype), columns=[*"abcdef"])
    table["a"] = table["a"].to_numpy()[0]  # constant
    if dtype == "float64":
        table.iloc[::7, 1], table.iloc[::5, 2], table.iloc[::9, 3] = np.nan, np.inf, -1e308
    model = fitted(table)
    for other in (table, table.iloc[:1], table.iloc[5:12], table[table.columns[::-1]]):
        same_encoding(model, other)


@pytest.mark.filterwarnings("ignore")
def test_codes_in_a_frame_of_integers_stay_levels():
    rng = np.random.default_rng(0)
    shops, merit = rng.integers(0, 30, N), rng.normal(size=30)
    table = pd.DataFrame({"shop_id": shops, "count": rng.integers(0, 500, N)})
    model = tabular_pipeline(BPFreeRegressor((8,), max_iter=3, random_state=0)).fit(table, merit[shops])
    assert model[0].columns_[0].kind == "category"
    same_encoding(model, table)
    same_encoding(model, table.iloc[:3])


def test_names_are_still_checked_where_they_are_not_those_of_training():
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(N, 3)), columns=["a", "b", "c"])
    model = fitted(table)
    np.testing.assert_array_equal(model.predict(table[["c", "b", "a"]]), model.predict(table))
    for other in (table.rename(columns={"b": "B"}), table[["a", "b"]]):
        with pytest.raises(ValueError, match="columns are missing: \\['"):
            model.predict(other)
    with pytest.raises(ValueError, match="no rows"):
        model.predict(table.iloc[:0])


def test_a_sparse_encoding_stays_sparse():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({f"c{j}": rng.choice([f"v{i}" for i in range(15)], N) for j in range(4)})
    model = fitted(table)
    assert sparse.issparse(model[:-1].transform(table))
    same_encoding(model, table.iloc[:3])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("block", [64, 8192])
@pytest.mark.parametrize("kind", ["binary", "values"])
def test_predictions_are_those_of_the_steps_one_after_the_other(kind, block, monkeypatch):
    table = everything()
    trainer = "ladder" if kind == "binary" else "enkf"
    model = clone(fitted(table, kind)).set_params(estimator__trainer=trainer).fit(table, target(kind, table))
    asked = ["predict", "predict_proba", "predict_set"] if kind == "binary" else ["predict", "predict_quantiles"]
    monkeypatch.setattr("sklearn_bpfree.tabular.pipeline.BLOCK_ROWS", block)
    stored = pickle.loads(pickle.dumps(model))
    short = [getattr(either, method)(table) for either in (model, stored) for method in asked]
    monkeypatch.setattr(Plan, "of", lambda steps: None)
    long = [getattr(model, method)(table) for method in asked]
    for found, expected in zip(short, 2 * long, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_plan_is_for_what_it_knows():
    table = everything()[["float", "word", "town"]]
    model = fitted(table)
    assert Plan.of(model.steps[:-1]) is not None
    with config_context(transform_output="pandas"):
        assert Plan.of(model.steps[:-1]) is None
    y = target("binary", everything())
    other = tabular_pipeline(LogisticRegression()).fit(table, y)
    assert Plan.of(other.steps[:-1]) is None and Plan.of(clone(model).steps[:-1]) is None
    assert Plan.of([("mine", FunctionTransformer()), *model.steps[1:-1]]) is None
    replaced = clone(model).set_params(preprocessor__numeric=FunctionTransformer(np.nan_to_num)).fit(table, y)
    framed = clone(model).set_output(transform="pandas").fit(table, y)
    assert Plan.of(replaced.steps[:-1]) is None and Plan.of(framed.steps[:-1]) is None
