"""Whole tables as graphs: columns of every type, missing cells, new levels, dates; and each encoder for itself."""

import numpy as np
import pandas as pd
import pytest
import skl2onnx
from graphs import check_classes, check_values, run, session_of
from scipy import sparse
from skl2onnx.common.data_types import DoubleTensorType, Int64TensorType, StringTensorType
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, list_trainers
from sklearn_bpfree.nn.formulas import FormulaError
from sklearn_bpfree.onnx import feeds, to_onnx
from sklearn_bpfree.tabular import PiecewiseLinearEncoder, SkewedTargetRegressor, tabular_pipeline
from sklearn_bpfree.tabular.levels import LevelNumbers, OneHotLevels

N = 240


def frame(seed=0):
    """Columns of every kind that is passed on, with holes in most of them."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "income": rng.normal(1e6, 1e3, N),
            "count": rng.integers(0, 50, N),
            "narrow": rng.normal(size=N).astype(np.float32),
            "colour": rng.choice(["red", "green", None], N),
            "flag": rng.random(N) < 0.5,
            "maybe": rng.choice([True, False, None], N),
            "town": rng.choice([f"town {i}" for i in range(50)], N),
            "paid": [f"$1,{cents:03d}.50" for cents in rng.integers(0, 999, N)],
            "size": pd.Categorical(rng.integers(1, 5, N)),
            "zip code": rng.integers(1, 5, N),
            "took": pd.to_timedelta(rng.integers(1, 9999, N), unit="s"),
        }
    )
    X.loc[::7, "income"] = np.nan
    X.loc[::6, "town"] = None
    X.loc[::9, "size"] = None
    return X


def classes(X):
    return np.where(X["flag"] ^ (X["colour"] == "red"), "yes", "no")


def small(trainer="dfa"):
    return tabular_pipeline(BPFreeClassifier((9,), trainer=trainer, max_iter=2, random_state=0))


@pytest.mark.parametrize("trainer", list_trainers())
def test_a_mixed_table_is_predicted_the_same_under_every_trainer(trainer):
    X = frame()
    model = small(trainer).fit(X, classes(X))
    check_classes(model, run(model, X), X)


def test_the_recommended_defaults_are_exported():
    X = frame()
    model = tabular_pipeline("classifier", random_state=0).fit(X, classes(X))
    check_classes(model, run(model, X), X)
    model = tabular_pipeline("regressor", random_state=0).fit(X, X["count"] + X["flag"])
    check_values(model, run(model, X), X)


def test_missing_infinite_and_new_cells_are_read_as_in_python():
    X = frame()
    model = small().fit(X, classes(X))
    other = frame(1)
    other.loc[:3, "colour"] = ["blue", "   ", "", None]
    other.loc[:3, "town"] = ["elsewhere", None, "town 3", ""]
    other.loc[:3, "income"] = [np.inf, -np.inf, np.nan, 1e300]
    other.loc[:1, "narrow"] = [np.nan, np.inf]
    other["count"] = other["count"].astype("Int64").mask(other["flag"])
    check_classes(model, run(model, other), other)


def test_columns_are_known_by_their_names_and_those_not_used_are_no_inputs():
    X = frame().assign(nothing="same", text=[f"row {i} has words" for i in range(N)])
    with pytest.warns(UserWarning, match="Left out"):
        model = small().fit(X, classes(X))
    session = session_of(to_onnx(model, X))
    given = {each.name: each.type for each in session.get_inputs()}
    assert given["zip code"] == given["colour"] == "tensor(string)"
    numbers = {"income", "count", "narrow", "flag", "maybe", "paid", "took"}
    assert {given[name] for name in numbers} == {"tensor(double)"} and not {"nothing", "text"} & set(given)
    turned = X[X.columns[::-1]]
    check_classes(model, session.run(None, feeds(model, turned)), X)


DATES = {
    "moments": pd.Timestamp("1969-02-01 03:00") + pd.to_timedelta(np.arange(N) * 36.7, unit="h"),
    "days around a century": pd.Timestamp("1899-12-01") + pd.to_timedelta(np.arange(N), unit="D"),
    "leap years": pd.Timestamp("1996-01-15") + pd.to_timedelta(np.arange(N) * 17, unit="D"),
    "texts": [f"{1 + i % 28:02d}.{1 + i % 12:02d}.{1990 + i % 40}" for i in range(N)],
}


@pytest.mark.parametrize("kind", DATES)
def test_dates_are_taken_apart_as_in_python(kind):
    X = pd.DataFrame({"when": DATES[kind], "x": np.arange(N) % 7})
    X.loc[::11, "when"] = None
    model = small().fit(X, np.arange(N) % 3)
    assert len(model[0].get_feature_names_out()) > 4
    check_classes(model, run(model, X), X)
    rows = pd.concat([X.iloc[:5], X.iloc[-5:]])
    check_classes(model, run(model, X, rows), rows)


def test_dates_with_a_time_zone_are_refused_in_one_sentence():
    X = pd.DataFrame({"when": pd.DatetimeIndex(DATES["moments"]).tz_localize("Asia/Tokyo"), "x": np.arange(N) % 7})
    model = small().fit(X, np.arange(N) % 2)
    with pytest.raises(ValueError, match="'when' have a time zone, which an ONNX graph is not told"):
        to_onnx(model, X)


@pytest.mark.parametrize("tail", [1, -1])
def test_skewed_targets_come_out_in_their_own_units(tail):
    X = frame()
    y = tail * np.exp(3 * X["narrow"].to_numpy(np.float64)) + 1e4
    net = SkewedTargetRegressor(BPFreeRegressor((9,), max_iter=3, random_state=0))
    model = tabular_pipeline(net).fit(X, y)
    assert model[-1].transformer_.skewed_
    check_values(model, run(model, X), X)
    two = tabular_pipeline(net).fit(X, np.stack([y, X["count"]], axis=1))
    check_values(two, run(two, X), X)


@pytest.mark.parametrize("y", [np.arange(N) % 2, np.arange(N) % 4, np.eye(3, dtype=int)[np.arange(N) % 3]], ids=np.ndim)
def test_level_means_are_exported_for_every_kind_of_target(y):
    X = pd.DataFrame({"town": [f"town {i % 37}" for i in range(N)], "x": np.arange(N) % 7})
    model = small().fit(X, y)
    assert "many_levels" in str(model[1].output_indices_) and len(model[1].transformers_[2][2])
    X.loc[0, "town"] = "elsewhere"
    check_classes(model, run(model, X), X)


@pytest.mark.parametrize(
    "X",
    [
        np.random.default_rng(0).normal(size=(N, 4)),
        np.random.default_rng(0).normal(size=(N, 1)).astype(np.float32),
        np.random.default_rng(0).integers(0, 9, (N, 3)),
        np.array([["red", 1.5], ["blue", np.nan], [None, 3.5]] * 80, dtype=object),
    ],
    ids=["wide", "one column", "integers", "objects"],
)
def test_arrays_are_tables_too(X):
    model = small().fit(X, np.arange(N) % 2)
    check_classes(model, run(model, X), X)


def test_columns_of_an_array_that_tell_nothing_are_left_out():
    X = np.random.default_rng(0).normal(size=(N, 4))
    X[:, 1], X[:, 2] = np.nan, 3.0
    model = small().fit(X, np.arange(N) % 2)
    assert len(model[0].left_out_) == 1
    check_classes(model, run(model, X), X)


def test_a_pipeline_that_was_fitted_with_a_sparse_matrix_takes_dense_rows():
    rows = sparse.random_array((N, 6), density=0.3, rng=np.random.default_rng(0), format="csr")
    model = small().fit(rows, np.arange(N) % 2)
    check_classes(model, run(model, rows.toarray()), rows)


def test_a_search_over_a_pipeline_is_exported_by_its_best():
    X = frame()
    search = GridSearchCV(small(), {"estimator__trainer": ["dfa", "rvfl"]}, cv=2).fit(X, classes(X))
    check_classes(search, run(search, X), X)


def test_another_last_step_is_refused_in_one_sentence():
    X = frame()
    model = tabular_pipeline(LogisticRegression()).fit(X, classes(X))
    with pytest.raises(FormulaError, match="as its last step, got LogisticRegression"):
        to_onnx(model, X)


def test_text_where_numbers_were_learned_and_numbers_where_texts_were_are_refused():
    X = frame()[["income", "colour"]]
    model = small().fit(X, classes(frame()))
    for kinds, fault in [
        ([StringTensorType, StringTensorType], "column 'income' must hold numbers, got object"),
        ([DoubleTensorType, Int64TensorType], "column 'colour' must hold text, got int64"),
    ]:
        types = [(name, kind([None, 1])) for name, kind in zip(X, kinds, strict=True)]
        with pytest.raises(FormulaError, match=fault):
            skl2onnx.convert_sklearn(model, initial_types=types)


def test_skl2onnx_itself_takes_a_frame_of_plain_columns():
    X = frame()[["income", "count", "narrow", "flag"]].assign(colour=np.tile(["red", "green", "blue"], N // 3))
    model = small().fit(X.astype({"colour": object}), classes(frame()))
    graph = skl2onnx.to_onnx(model, X.astype({"colour": object}), options={id(model): {"zipmap": False}})
    given = {name: X[[name]].to_numpy(object if name == "colour" else None) for name in X}
    check_classes(model, session_of(graph).run(None, given), X)


NUMBERS = np.random.default_rng(0).normal(size=(N, 3)) * [1, 1e-3, 1e6]
TEXTS = np.array([["red", "town 1"], ["blue", ""], ["red", "town 3"]] * 80, dtype=object)
TEXTS[:, 1] += np.arange(N).astype(str).astype(object)


@pytest.mark.parametrize(
    "encoder, X, kind",
    [
        (PiecewiseLinearEncoder(), np.where(NUMBERS > 1.5, np.nan, NUMBERS), DoubleTensorType),
        (PiecewiseLinearEncoder(5, height=2.0), NUMBERS, DoubleTensorType),
        (OneHotLevels(), TEXTS, StringTensorType),
        (LevelNumbers(), TEXTS, StringTensorType),
    ],
    ids=["holes", "numbers", "one-hot", "numbered"],
)
def test_encoders_convert_for_themselves(encoder, X, kind):
    encoder.fit(X[:200])
    graph = skl2onnx.convert_sklearn(encoder, initial_types=[("X", kind([None, X.shape[1]]))])
    (told,) = session_of(graph).run(None, {"X": X})
    expected = encoder.transform(X)
    expected = expected.toarray() if sparse.issparse(expected) else expected
    np.testing.assert_allclose(told, expected, atol=1e-6)
    assert list(graph.graph.output[0].type.tensor_type.shape.dim)[1].dim_value == expected.shape[1]
