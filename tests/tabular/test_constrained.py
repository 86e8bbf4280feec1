"""Monotone constraints of the columns of a table through encoder, ladder, calibration and the scale of the target."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV

from sklearn_bpfree import BPFreeRegressor, get_trainer
from sklearn_bpfree.tabular import SkewedTargetRegressor, tabular_pipeline
from sklearn_bpfree.tabular.constrained import encoded_directions

RNG = np.random.default_rng(0)
N = 400
TABLE = pd.DataFrame(
    {
        "city": RNG.choice(["Bern", "Rome", "Oslo"], N),
        "age": RNG.normal(size=N),
        "flag": RNG.random(N) > 0.5,
        "size": np.where(RNG.random(N) < 0.1, np.nan, RNG.uniform(0, 5, N)),
        "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(RNG.integers(0, 700, N), unit="D"),
    }
)
Y = np.tanh(TABLE.age) + np.sin(2 * TABLE.age) - TABLE["size"].fillna(2) ** 0.5 + TABLE.flag + (TABLE.city == "Rome")
CST = {"age": 1, "size": -1, "flag": 1}


def short(kind):
    """The recommended default with a quick ladder."""
    net = "estimator__regressor__" if kind == "regressor" else "estimator__"
    model = tabular_pipeline(kind, random_state=0, monotonic_cst=CST)
    return model.set_params(**{f"{net}trainer": get_trainer("ladder", effort=0.3)})


def wrong_way(predict, cst):
    """How far predictions go the wrong way at most, over pairs that differ in constrained columns."""
    worst = 0.0
    for _ in range(5):
        low = TABLE.sample(2000, replace=True, random_state=int(RNG.integers(1000)), ignore_index=True)
        high = low.copy()
        for name, direction in cst.items():
            if name == "flag":
                low["flag"], high["flag"] = (direction < 0), (direction > 0)
            else:
                high[name] += direction * RNG.exponential(2, len(high)) * (RNG.random(len(high)) < 0.6)
        worst = max(worst, float((predict(low) - predict(high)).max()))
    return worst


def test_values_of_the_default_go_with_the_columns_of_the_table():
    model = short("regressor").fit(TABLE, Y)
    assert wrong_way(model.predict, CST) < 1e-5
    assert model.score(TABLE, Y) > 0.6
    free = clone(model).set_params(estimator__regressor__monotonic_cst=None).fit(TABLE, Y)
    assert wrong_way(free.predict, CST) > 1e-3


def test_calibrated_probabilities_go_with_them():
    model = short("classifier").fit(TABLE, np.where(Y > 0, "yes", "no"))
    state = model[-1].state_
    assert state.temperature != 1 and state.companion is None
    assert wrong_way(lambda rows: model.predict_proba(rows)[:, 1], CST) < 1e-6


@pytest.mark.parametrize("sign", [1, -1])
def test_very_skewed_targets_whichever_way_their_tail_goes(sign):
    cst = {name: sign * direction for name, direction in CST.items()}
    model = short("regressor").set_params(estimator__regressor__monotonic_cst=cst).fit(TABLE, sign * np.exp(2 * Y))
    assert model[-1].transformer_.tail_[0] == sign
    assert wrong_way(model.predict, cst) < 1e-4


def test_a_skewed_target_regressor_by_itself_turns_them_with_the_target():
    X = RNG.normal(size=(200, 2))
    model = SkewedTargetRegressor(BPFreeRegressor(monotonic_cst=[-1, 0], max_iter=5, random_state=0))
    model.fit(X, -np.exp(2 * X[:, 0]))
    assert model.transformer_.tail_[0] == -1 and model.regressor_.monotonic_cst == [1, 0]
    assert (model.predict(X + np.array([1, 0])) <= model.predict(X)).all() and model.regressor.monotonic_cst == [-1, 0]


def test_each_bin_of_a_number_has_its_direction_and_its_indicator_none():
    model = short("regressor").fit(TABLE, Y)
    encoded = model[:-1].transform(TABLE)
    names = model[1].get_feature_names_out()
    directions = encoded_directions(model.steps[:-1], CST, encoded.shape[1])
    assert model[-1].regressor_.network_.directions == directions
    for name, direction in zip(names, directions, strict=True):
        column = name.partition("__")[2].partition("_")[0]
        assert direction == (0 if name.endswith("_missing") else CST.get(column, 0)), name


def test_an_array_by_position_and_its_columns_that_tell_nothing():
    X = np.c_[RNG.normal(size=(200, 2)), np.ones(200)]
    y = X[:, 0] + RNG.normal(size=200) / 3
    model = tabular_pipeline(BPFreeRegressor(max_iter=5, random_state=0), monotonic_cst=[1, 0, 1]).fit(X, y)
    assert (model.predict(X + np.array([1, 0, 0])) >= model.predict(X)).all()


def test_nothing_is_left_on_the_estimator_after_a_fit_and_after_one_that_failed():
    model = tabular_pipeline(BPFreeRegressor(max_iter=2, random_state=0), monotonic_cst={"age": 1})
    model.fit(TABLE, Y)
    with pytest.raises(ValueError, match="y asks for 2 outputs"):
        clone(model).fit(TABLE, np.c_[Y, Y])
    assert not [name for name in vars(model[-1]) if "directions" in name]
    encoded = model[:-1].transform(TABLE)
    with pytest.raises(ValueError, match="X has no names"):
        model[-1].fit(encoded, Y)


def test_partial_fit_keeps_them():
    model = tabular_pipeline(BPFreeRegressor(random_state=0), monotonic_cst=CST)
    for rows in np.split(np.arange(N), 4):
        model.partial_fit(TABLE.iloc[rows], Y.iloc[rows])
    assert wrong_way(model.predict, CST) < 1e-5


@pytest.mark.parametrize(
    "cst, sentence",
    [
        ({"city": 1}, "column 'city', which has no single order, since it is taken for a category"),
        ({"day": 1}, "column 'day', which has no single order, since it is taken for a date"),
        ({"town": 1}, "names ['town'], but X has no such columns"),
        ([1, 0], "a direction for each of the 5 columns"),
    ],
)
def test_columns_without_an_order_and_unknown_ones_are_told(cst, sentence):
    with pytest.raises(ValueError) as raised:
        tabular_pipeline(BPFreeRegressor(max_iter=2), monotonic_cst=cst).fit(TABLE, Y)
    assert sentence in str(raised.value) and "\n" not in str(raised.value)


def test_columns_that_are_an_angle_are_refused():
    turns = RNG.uniform(0, 2 * np.pi, 300)
    X = pd.DataFrame({"cos": np.cos(turns), "sin": np.sin(turns), "z": RNG.normal(size=300)})
    with pytest.raises(ValueError, match="taken for an angle"):
        tabular_pipeline(BPFreeRegressor(max_iter=2), monotonic_cst={"cos": 1}).fit(X, turns)


def test_estimators_without_the_parameter_and_searches_inside_are_refused():
    with pytest.raises(ValueError, match="no parameter of Ridge"):
        tabular_pipeline(Ridge(), monotonic_cst={"age": 1})
    inner = GridSearchCV(BPFreeRegressor(max_iter=2, monotonic_cst={"age": 1}), {"max_iter": [1, 2]}, cv=2)
    with pytest.raises(ValueError, match="cannot reach a table's columns from within GridSearchCV"):
        tabular_pipeline(inner).fit(TABLE, Y)
