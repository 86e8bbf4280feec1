"""The pipeline on tables of every kind."""

import pickle
import warnings
from collections import Counter
from datetime import date, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import make_friedman1
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import BaggingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor
from sklearn_bpfree.tabular import LeftOutWarning, tabular_pipeline
from sklearn_bpfree.tabular import pipeline as tabular
from sklearn_bpfree.tabular.levels import LevelNumbers, OneHotLevels

NAN = float("nan")


def mixed_table(n=240, library="pandas"):
    """A table with every kind of column, and a class that depends on a number, a category and a date."""
    rng = np.random.default_rng(0)
    number, days = rng.normal(size=n), rng.integers(0, 1000, n)
    colour = rng.choice(["red", "green", "blue"], n).astype(object)
    y = np.where((number > 0.5) | (colour == "red") | (days > 800), "yes", "no")
    gap = rng.random((3, n)) < 0.1
    table = pd.DataFrame(
        {
            "number": np.where(gap[0], NAN, number),
            "count": pd.array(rng.integers(0, 9, n), dtype="Int64"),
            "flag": rng.random(n) < 0.5,
            "maybe": pd.array(rng.random(n) < 0.5, dtype="boolean"),
            "colour": np.where(gap[1], None, colour),
            "size": pd.Categorical(rng.choice(["S", "M"], n)),
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(days, unit="D"),
            "since": pd.to_timedelta(days, unit="h"),
            "town": [f"town {i}" for i in rng.integers(0, 40, n)],
            "constant": 3.0,
            "void": np.full(n, NAN),
            "nothing": np.full(n, None),
        }
    )
    table.loc[gap[2], ["count", "maybe", "size", "day", "since"]] = None
    if library == "polars":
        return pl.from_pandas(table), y
    if library == "array":
        return table[["number", "flag", "colour", "constant", "void", "nothing"]].to_numpy(dtype=object), y
    return table, y


ESTIMATORS = [
    BPFreeClassifier(trainer="dfa", max_iter=60, random_state=0),
    HistGradientBoostingClassifier(),
    RandomForestClassifier(30, random_state=0),
    LogisticRegression(max_iter=1000),
]


@pytest.mark.parametrize("library", ["pandas", "polars", "array"])
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
@pytest.mark.filterwarnings("error")
def test_every_estimator_learns_from_every_kind_of_table(estimator, library):
    X, y = mixed_table(library=library)
    model = tabular_pipeline(estimator).fit(X[:180], y[:180])
    assert model.score(X[180:], y[180:]) > 0.7
    again = pickle.loads(pickle.dumps(clone(model).fit(X[:180], y[:180])))
    np.testing.assert_array_equal(again.predict_proba(X[180:]), model.predict_proba(X[180:]))
    np.testing.assert_array_equal(model.predict(X[180:181]), model.predict(X[180:])[:1])
    names = model[:-1].get_feature_names_out()
    assert len(names) == len(set(names)) == model[:-1].transform(X).shape[1]
    if library != "array":
        assert model.feature_names_in_.tolist() == list(X.columns)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_order_of_columns_may_change_at_predict(estimator):
    X, y = mixed_table()
    model = tabular_pipeline(estimator).fit(X, y)
    np.testing.assert_array_equal(model.predict(X[X.columns[::-1]]), model.predict(X))


@pytest.mark.parametrize("library", ["array", "pandas", "polars"])
def test_a_large_table_is_predicted_in_blocks_with_the_same_result(library, monkeypatch):
    X, y = make_friedman1(90, random_state=0)
    X, y = pd.DataFrame(X, columns=[f"x{j}" for j in range(10)]), y > y.mean()
    X = {"array": X.to_numpy(), "pandas": X, "polars": pl.from_pandas(X)}[library]
    model = tabular_pipeline(LogisticRegression()).fit(X, y)
    whole, classes, score = model.predict_proba(X), model.predict(X), model.score(X, y)
    sizes = []
    monkeypatch.setattr(tabular, "BLOCK_ROWS", 40)
    monkeypatch.setattr(model[-1], "predict_proba", lambda Z: sizes.append(len(Z)) or whole[: len(Z)])
    model.predict_proba(X)
    monkeypatch.undo()
    monkeypatch.setattr(tabular, "BLOCK_ROWS", 40)
    assert sizes == [40, 40, 10]
    np.testing.assert_allclose(model.predict_proba(X), whole, rtol=1e-12)
    np.testing.assert_array_equal(model.predict(X), classes)
    assert model.score(X, y) == score
    assert not hasattr(tabular_pipeline(Ridge()), "predict_proba")


def test_words_stand_for_our_estimators():
    assert isinstance(tabular_pipeline("classifier")[-1], BPFreeClassifier)
    model = tabular_pipeline("regressor", random_state=3, n_jobs=2)
    net = model[-1].regressor
    assert isinstance(model, Pipeline) and isinstance(net, BPFreeRegressor)
    assert (net.random_state, net.n_jobs, net.trainer) == (3, 2, "ladder")


def test_an_estimator_is_cloned_and_need_not_have_a_random_state():
    given = LinearRegression()
    model = tabular_pipeline(given, random_state=3)
    assert model[-1] is not given
    kept = tabular_pipeline(BPFreeClassifier(random_state=5, n_jobs=3))[-1]
    assert (kept.random_state, kept.n_jobs) == (5, 3)


def test_our_estimators_get_encoded_float32_and_others_standardised_columns():
    X, y = mixed_table()
    ours, theirs = (tabular_pipeline(e).fit(X, y)[:-1] for e in ("classifier", LogisticRegression(max_iter=1000)))
    assert "numeric__number_bin0" in ours.get_feature_names_out()
    assert ours.transform(X).dtype == np.float32
    wrapped = tabular_pipeline(GridSearchCV(BPFreeClassifier(max_iter=2), {"activation": ["tanh"]}, cv=2)).fit(X, y)
    assert "numeric__number_bin0" in wrapped[:-1].get_feature_names_out()
    columns = pd.DataFrame(theirs.transform(X), columns=theirs.get_feature_names_out())
    assert "numeric__number_bin0" not in columns
    np.testing.assert_allclose(columns["numeric__number"].agg(["mean", "std"]), [0, 1], atol=0.01)
    assert columns["numeric__constant"].eq(0).all()


def test_trees_get_missing_values_and_native_categories():
    X, y = mixed_table()
    model = tabular_pipeline(HistGradientBoostingClassifier()).fit(X, y)
    names = model[:-1].get_feature_names_out()
    assert dict(zip(names, model[-1].is_categorical_, strict=True)) == {
        name: name.startswith("categorical__") for name in names
    }
    assert model[:-1].transform(X)["numeric__number"].isna().sum() == X["number"].isna().sum() > 0
    for bagged in (BaggingClassifier(RandomForestClassifier(2), 2), BaggingClassifier(n_estimators=2)):
        assert np.isnan(tabular_pipeline(bagged).fit(X, y)[:-1].transform(X)).any()


def test_trees_do_without_pandas(monkeypatch):
    monkeypatch.setattr("sklearn_bpfree.tabular.pipeline.find_spec", lambda name: None)
    X, y = mixed_table(library="polars")
    model = tabular_pipeline(HistGradientBoostingClassifier()).fit(X, y)
    assert isinstance(model[:-1].transform(X), np.ndarray)
    assert model.score(X, y) > 0.9


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_unseen_and_missing_levels_at_predict(estimator):
    X = pd.DataFrame({"level": ["a", "b"] * 30, "x": np.arange(60.0)})
    y = (X["level"] == "a").to_numpy()
    model = tabular_pipeline(estimator).fit(X, y)
    new = pd.DataFrame({"level": ["a", "b", "new", None], "x": [30.0, 30.0, NAN, 30.0]})
    assert model.predict(new)[:2].tolist() == [True, False]


def test_rare_levels_share_a_column():
    rng = np.random.default_rng(0)
    levels = np.where(rng.random(400) < 0.3, rng.integers(100, 300, 400), rng.integers(0, 10, 400))
    X = pd.DataFrame({"level": [f"level {i}" for i in levels]})
    encoder = tabular_pipeline("classifier").fit(X, rng.integers(0, 2, 400))[:-1]
    names = encoder.get_feature_names_out().tolist()
    assert len(names) > 21 and names[19] == "categorical__level_(others)"
    assert names[20] == "many_levels__level"
    assert {f"categorical__level_level {i}" for i in range(10)} <= set(names)
    rows = encoder.transform(pd.DataFrame({"level": ["level 3", "unseen"]}))
    rows = rows.toarray() if sparse.issparse(rows) else rows
    assert rows[0, names.index("categorical__level_level 3")] == 1
    assert rows[1, 19] == 1 and rows[:, :20].sum() == 2


@pytest.mark.parametrize("word", ["classifier", "regressor"])
def test_many_levels_become_their_mean_target(word):
    rng = np.random.default_rng(0)
    level = rng.integers(0, 60, 900)
    y = np.sin(level) + rng.normal(0, 0.1, 900)
    y = np.where(y > 0, "high", "low") if word == "classifier" else y.round(1)
    X = pd.DataFrame({"level": [f"shop {i}" for i in level], "x": rng.normal(size=900)})
    model = tabular_pipeline(word, random_state=0).fit(X[:600], y[:600])
    assert model.score(X[600:], y[600:]) > 0.9
    encoder = model[:-1]
    means = pd.DataFrame(encoder.transform(X), columns=encoder.get_feature_names_out())["many_levels__level"]
    assert means[:600].groupby(level[:600]).nunique().eq(1).all()
    new = encoder.transform(pd.DataFrame({"level": ["new"], "x": [0.0]}))
    assert abs(new[0, list(encoder.get_feature_names_out()).index("many_levels__level")] - means.mean()) < 0.2


def test_many_levels_with_several_targets():
    rng = np.random.default_rng(0)
    level = rng.integers(0, 40, 300)
    X, Y = pd.DataFrame({"level": level.astype(str)}), np.c_[level % 7, 100.0 * (level % 7)]
    assert tabular_pipeline("regressor", random_state=0).fit(X, Y).score(X, Y) > 0.5
    labels = np.c_[level % 2, level % 3 == 0].astype(int)
    assert tabular_pipeline("classifier", random_state=0).fit(X, labels).predict(X).shape == (300, 2)


@pytest.mark.parametrize("library", ["pandas", "array"])
def test_free_text_is_left_out_with_a_warning(library):
    X = pd.DataFrame({"x": np.arange(60.0), "note": [f"row {i}" for i in range(60)], "one": "same"})
    model = tabular_pipeline(LogisticRegression())
    name = "column 'note'" if library == "pandas" else "column 1"
    with pytest.warns(UserWarning, match=f"Left out {name}: nearly every row has a text of its own"):
        model.fit(X if library == "pandas" else X.to_numpy(dtype=object), np.arange(60) % 2)
    assert len(model[:-1].get_feature_names_out()) == 1


@pytest.mark.parametrize(
    "levels",
    [
        pd.Categorical([1, 2, None, 1, 2, 1]),
        pd.Categorical([1.0, 2.0, None, 1.0, 2.0, 1.0]),
        pd.Categorical(["1", "2", None, "1", "2", "1"]),
    ],
    ids=["categories of integers", "categories of floats", "categories of strings"],
)
def test_a_level_is_known_by_its_text(levels):
    X = pd.DataFrame({"level": levels})
    encoder = tabular_pipeline("classifier").fit(X, [0, 1, 0, 1, 0, 1])[:-1]
    names = encoder.get_feature_names_out().tolist()
    assert names == ["categorical__level_1", "categorical__level_2", "categorical__level_nan"]
    trees = tabular_pipeline(HistGradientBoostingClassifier()).fit(X, [0, 1, 0, 1, 0, 1])[:-1]
    for new in (X[:3], pd.DataFrame({"level": [1.0, 2.0, NAN]}, dtype=object)):
        np.testing.assert_array_equal(encoder.transform(new), [[1, 0, 0], [0, 1, 0], [0, 0, 1]])
        np.testing.assert_array_equal(trees.transform(new), [[0], [1], [NAN]])


def test_many_levels_are_kept_sparse_and_few_dense():
    rng = np.random.default_rng(0)
    y = np.arange(200) % 2
    wide = pd.DataFrame({f"c{j}": rng.choice(list("abcdefghijklmnopqr"), 200) for j in range(30)})
    narrow = pd.DataFrame({"c": np.tile(["a", "b", "c", "d"], 50), "x": rng.normal(size=200)})
    for X, is_sparse in ((wide, True), (narrow, False)):
        model = tabular_pipeline(BPFreeClassifier(max_iter=2)).fit(X, y)
        rows = model[:-1].transform(X)
        assert sparse.issparse(rows) == is_sparse
        assert rows.dtype == np.float32


def test_kinds_of_columns_are_found_in_each_fit():
    model = tabular_pipeline(LogisticRegression())
    assert model.fit(pd.DataFrame({"a": [1, 2, 3, 4]}), [0, 0, 1, 1])[:-1].get_feature_names_out().tolist() == [
        "numeric__a"
    ]
    assert len(model.fit(pd.DataFrame({"a": list("uvuv")}), [0, 1, 0, 1])[:-1].get_feature_names_out()) == 2


def test_text_that_says_nothing_but_dates_is_dates():
    """As a CSV file has them, so that a file may be read in any way."""
    as_text = pd.DataFrame({"date": ["1970-01-02", None, "1970-01-04T12:00:00", "1970-01-03 00:00+00:00"]})
    y = [0, 1, 0, 1]
    encoder = tabular_pipeline(HistGradientBoostingClassifier()).fit(as_text, y)[:-1]
    objects = as_text.assign(date=[date(1970, 1, 2), None, "1970-01-04 12:00", date(1970, 1, 3)])
    for table in (as_text, objects, pl.from_pandas(as_text)):
        np.testing.assert_array_equal(encoder.transform(table)["numeric__date"], [1, NAN, 3.5, 2])
    many = pd.DataFrame({"date": pd.date_range("2020-01-01", periods=100).astype(str), "x": 1.0})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = tabular_pipeline("regressor", random_state=0).fit(many, np.arange(100.0))
    assert model.score(many, np.arange(100.0)) > 0.9
    one_is_none = pd.DataFrame({"date": ["1970-01-02", "1970-13-02", "1970-01-02", "1970-13-02"]})
    names = tabular_pipeline("classifier").fit(one_is_none, y)[:-1].get_feature_names_out()
    assert list(names) == ["categorical__date_1970-01-02", "categorical__date_1970-13-02"]


def test_dates_are_days():
    days = pd.DataFrame({"date": pd.to_datetime(["1970-01-02", None, "1970-01-04"]), "x": [1.0, 2.0, 3.0]})
    encoder = tabular_pipeline(HistGradientBoostingClassifier()).fit(days, [0, 1, 0])[:-1]
    same = pl.DataFrame({"date": [date(1970, 1, 2), None, date(1970, 1, 4)], "x": [1.0, 2.0, 3.0]})
    zoned = days.assign(date=days["date"].dt.tz_localize("UTC"))
    for table in (days, same, zoned):
        np.testing.assert_array_equal(encoder.transform(table)["numeric__date"], [1, NAN, 3])
    passed = pl.DataFrame({"t": [timedelta(hours=12), timedelta(days=2)]})
    trees = tabular_pipeline(HistGradientBoostingClassifier()).fit(passed, [0, 1])
    np.testing.assert_array_equal(trees[:-1].transform(passed)["numeric__t"], [0.5, 2])


def test_grids_reach_trainer_and_encoder():
    X, y = mixed_table(120)
    grid = {
        "estimator__trainer": ["dfa", "fa"],
        "preprocessor__numeric__piecewiselinearencoder__n_bins": [2, 8],
    }
    search = GridSearchCV(tabular_pipeline(BPFreeClassifier(max_iter=5), random_state=0), grid, cv=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_sample_weight_reaches_the_estimator():
    X = pd.DataFrame({"x": [0.0, 0, 1, 1], "c": list("uuvv")})
    for name in ("sample_weight", "estimator__sample_weight"):
        model = tabular_pipeline(DummyClassifier()).fit(X, [0, 0, 0, 1], **{name: [1, 1, 1, 9]})
        assert model.predict(X).tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_validation_rows_are_encoded_like_the_others(kind):
    X, y = mixed_table()
    y = y == "yes" if kind == "classifier" else (y == "yes") * 50.0 + 1000
    rows, held = slice(0, None, 2), slice(1, None, 2)
    model = tabular_pipeline(kind, random_state=0)
    model.fit(X[rows], y[rows], X_val=X[held], y_val=y[held], sample_weight_val=np.ones(len(y[held])))
    net = model[-1] if kind == "classifier" else model[-1].regressor_
    assert net.best_validation_score_ == pytest.approx(model.score(X[held], y[held]), abs=1e-5)
    again = tabular_pipeline(kind, random_state=0)
    encoded = again[:-1].fit(X[rows], y[rows]).transform(X[held])
    again.fit(X[rows], y[rows], estimator__X_val=encoded, estimator__y_val=y[held])
    np.testing.assert_array_equal(model.predict(X), again.predict(X))


def test_columns_are_read_once_beside_validation_rows():
    X, y = mixed_table()
    X = X.assign(note=[f"row {i}" for i in range(len(X))])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = tabular_pipeline(BPFreeClassifier(max_iter=2)).fit(X[:180], y[:180], X_val=X[180:], y_val=y[180:])
    assert sum(issubclass(w.category, LeftOutWarning) for w in caught) == 1
    assert model.predict(X).shape == y.shape


@pytest.mark.parametrize("estimator", [BPFreeClassifier(random_state=0), SGDClassifier("log_loss", random_state=0)])
def test_training_goes_on_with_further_rows_as_the_first_ones_were_encoded(estimator):
    X, y = mixed_table()
    model = tabular_pipeline(estimator).partial_fit(X[:90], y[:90], classes=["no", "yes"])
    encoder = tabular_pipeline(estimator)[:-1].fit(X[:90], y[:90])
    for _ in range(30):
        model.partial_fit(X[:180], y[:180])
    dense = [sparse.csr_array(part.transform(X)).toarray() for part in (model[:-1], encoder)]
    np.testing.assert_array_equal(*dense)
    assert model.score(X[180:], y[180:]) > 0.7
    by_hand = clone(estimator).partial_fit(encoder.fit_transform(X[:90], y[:90]), y[:90], classes=["no", "yes"])
    for _ in range(30):
        by_hand.partial_fit(encoder.transform(X[:180]), y[:180])
    np.testing.assert_array_equal(by_hand.predict(encoder.transform(X)), model.predict(X))
    assert not hasattr(tabular_pipeline(LogisticRegression()), "partial_fit")


def test_deviations_and_quantiles_are_predicted_in_blocks_of_rows(monkeypatch):
    X, y = mixed_table()
    model = tabular_pipeline(BPFreeRegressor(trainer="enkf", max_iter=2, random_state=0)).fit(X, 1.0 * (y == "yes"))
    whole = [*model.predict(X, return_std=True), model.predict_quantiles(X)]
    monkeypatch.setattr("sklearn_bpfree.tabular.pipeline.BLOCK_ROWS", 50)
    for blocks, once in zip([*model.predict(X, return_std=True), model.predict_quantiles(X)], whole, strict=True):
        np.testing.assert_allclose(blocks, once, rtol=1e-5, atol=1e-5)
    assert not hasattr(tabular_pipeline(Ridge()), "predict_quantiles")


def test_regression_in_any_unit():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=300), "c": rng.choice(["u", "v"], 300)})
    y = 1e6 * (np.abs(X["x"]) + (X["c"] == "u"))
    scores = {e: cross_val_score(tabular_pipeline(e, random_state=0), X, y, cv=3).mean() for e in ("regressor",)}
    assert scores["regressor"] > 0.9 > cross_val_score(tabular_pipeline(Ridge()), X, y, cv=3).mean()


class Unknown:
    pass


@pytest.mark.parametrize(
    ("estimator", "error", "message"),
    [
        ("dfa", ValueError, r"'classifier', 'regressor' or an estimator, got 'dfa'.*BPFreeClassifier\(trainer='dfa'\)"),
        (LogisticRegression, TypeError, r"got the class LogisticRegression; write LogisticRegression\(\)"),
        (Unknown(), TypeError, "scikit-learn estimator, got <"),
    ],
)
def test_what_is_no_estimator_is_refused(estimator, error, message):
    with pytest.raises(error, match=message):
        tabular_pipeline(estimator)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (pl.DataFrame({"a": [1, 2], "tags": [[1], [2]]}), "Column 'tags' must hold .* got List"),
        (pd.DataFrame({"a": [1, 2], "z": [1j, 2j]}), "Column 'z' must hold"),
        (pd.DataFrame({"tags": [["x"], ["y"]]}), "Column 'tags' must hold single values"),
        (pd.DataFrame({"a": [NAN, NAN]}), "None of the 1 columns of X says anything"),
        (np.array([[1j], [2j]]), "X must hold numbers, dates or strings"),
    ],
)
def test_columns_that_cannot_be_encoded_are_named(X, message):
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        tabular_pipeline("classifier").fit(X, [0, 1])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
def test_text_in_a_column_of_numbers_at_predict(library):
    model = tabular_pipeline(LogisticRegression()).fit(library.DataFrame({"age": [1, 2]}), [0, 1])
    with pytest.raises(ValueError, match="Column 'age' must hold numbers as in training, got 'old'"):
        model.predict(library.DataFrame({"age": ["old", "young"]}))


def test_a_sparse_matrix_of_numbers():
    X = sparse.random(300, 40, 0.05, random_state=0, format="csr")
    y = (X[:, [0]] + X[:, [1]]).toarray().ravel() > 0
    model = tabular_pipeline("classifier", random_state=0).fit(X, y)
    assert sparse.issparse(model[:-1].transform(X))
    assert model.score(X.tocsc(), y) == model.score(X.toarray(), y) > 0.95
    with pytest.raises(TypeError, match="X must be dense for an estimator that is not of this library"):
        tabular_pipeline(LogisticRegression()).fit(X, y)


def test_levels_are_numbered_by_frequency_and_encoded_as_scikit_learn_does():
    rng = np.random.default_rng(0)
    X = rng.choice(list("abcdefghijklmnopqrstuvwxyz"), (400, 2), p=np.arange(1, 27) / 351).astype(object)
    X[:, 1] = np.where(X[:, 1] > "h", X[:, 1], None)
    new = np.array([["?", "?"]], dtype=object)
    numbers = LevelNumbers().fit(X)
    count = Counter(X[:, 0].tolist())
    assert [count[level] for level in numbers.levels_[0]] == sorted(count.values(), reverse=True)
    assert numbers.transform(new).tolist() == [[-1, -1]]
    theirs = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=20, sparse_output=False).fit(X)
    ours = OneHotLevels().fit(X)
    rows = {name.replace("(others)", "infrequent_sklearn"): j for j, name in enumerate(ours.get_feature_names_out())}
    assert {name.replace("None", "nan") for name in theirs.get_feature_names_out()} == set(rows)
    order = [rows[name.replace("None", "nan")] for name in theirs.get_feature_names_out()]
    for table in (X, new):
        np.testing.assert_array_equal(ours.transform(table).toarray()[:, order], theirs.transform(table))


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_frames_between_all_steps_are_no_affair_of_the_pipeline(container):
    X, y = mixed_table()
    expected = tabular_pipeline(BPFreeClassifier(max_iter=3, random_state=0)).fit(X, y).predict_proba(X)
    with config_context(transform_output=container):
        model = tabular_pipeline(BPFreeClassifier(max_iter=3, random_state=0)).fit(X, y)
        np.testing.assert_array_equal(model.predict_proba(X), expected)
        values = tabular_pipeline("regressor").set_params(estimator__regressor__max_iter=3)
        assert np.isfinite(values.fit(X, y == "yes").predict(X)).all()


@pytest.mark.parametrize("container", ["pandas", "polars"])
@pytest.mark.parametrize("estimator", [BPFreeClassifier(max_iter=3, random_state=0), LogisticRegression()])
def test_encoded_rows_come_as_a_frame_where_asked_for(estimator, container):
    X, y = mixed_table()
    model = tabular_pipeline(estimator).set_output(transform=container).fit(X, y)
    encoded = model[:-1].transform(X)
    assert type(encoded).__module__.startswith(container)
    assert list(encoded.columns) == list(model[:-1].get_feature_names_out())
    plain = tabular_pipeline(estimator).fit(X, y)[:-1].transform(X)
    np.testing.assert_allclose(encoded.to_numpy(), sparse.csr_array(plain).toarray(), atol=1e-6)


def test_metadata_routing_may_be_on():
    X, y = mixed_table()
    expected = tabular_pipeline(BPFreeClassifier(max_iter=3, random_state=0)).fit(X, y).predict_proba(X)
    with config_context(enable_metadata_routing=True):
        model = tabular_pipeline(BPFreeClassifier(max_iter=3, random_state=0)).fit(X, y)
        np.testing.assert_array_equal(model.predict_proba(X), expected)


LEVELS = pd.DataFrame({"x": np.arange(60.0), "c": [f"level {i % 29}" for i in range(60)]})


@pytest.mark.parametrize(
    "y",
    [
        [None, 1.0],
        ["<1.0", "2.5"],
        pd.to_datetime(["2020-01-01", "2020-01-02"]),
        [np.nan, 1.0],
        [np.inf, 1.0],
        [1e200, 1],
    ],
    ids=["None", "text", "dates", "NaN", "inf", "huge"],
)
@pytest.mark.parametrize("columns", [["x"], ["x", "c"]], ids=["numbers", "many levels"])
def test_what_is_no_target_is_refused_in_the_words_of_the_estimator(y, columns):
    y = np.tile(np.asarray(y), 30)
    with pytest.raises(ValueError, match="y") as plain:
        BPFreeRegressor(max_iter=1).fit(LEVELS[["x"]], y)
    with warnings.catch_warnings(), pytest.raises(ValueError, match="y") as piped:
        warnings.simplefilter("error", RuntimeWarning)
        tabular_pipeline("regressor").fit(LEVELS[columns], y)
    assert str(plain.value).splitlines()[0] == str(piped.value).splitlines()[0]


@pytest.mark.parametrize("labels", [[10**30, -5], [2**64 - 1, 2**64 - 2], [True, False], ["None", "ß"], [10**30, 1, 2]])
def test_labels_of_any_size_stay_themselves(labels):
    y = np.array(labels * (60 // len(labels)), dtype=object if max(map(type, labels), key=str) is int else None)
    model = tabular_pipeline(BPFreeClassifier(max_iter=2)).fit(LEVELS, y)
    assert sorted(model.classes_.tolist()) == sorted(labels)
    assert set(model.predict(LEVELS).tolist()) <= set(labels)


def test_a_short_table_of_one_category_is_learned():
    x = np.random.default_rng(0).normal(size=(2, 300))
    frame = pd.DataFrame({"level": np.where(x[0] > 0, "high", "low")})
    y = np.where(x[0] + 0.3 * x[1] > 0, "yes", "no")
    best = np.mean((x[0] > 0) == (y == "yes"))
    assert tabular_pipeline("classifier", random_state=0).fit(frame, y).score(frame, y) == best
