"""`monotonic_cst`: what it holds to, what it says of what it cannot, and that nothing else changes."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, get_trainer
from sklearn_bpfree.estimators.constraints import column_directions
from sklearn_bpfree.nn.monotone import box
from sklearn_bpfree.plugin import ErrorSignalTrainer, product

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3))
TRUTH = np.tanh(2 * X[:, 0]) - X[:, 1] ** 3 / 5 + np.sin(3 * X[:, 2])
Y = TRUTH + 0.3 * RNG.normal(size=300)
CST = [1, -1, 0]
TRAINERS = [
    "backprop",
    "dfa",
    "fa",
    "local_loss",
    "sum_of_readouts",
    get_trainer("dfa", feedback="learned"),
    get_trainer("fa", feedback="kolen_pollack"),
    get_trainer("fa", feedback="random"),
    get_trainer("local_loss", feedback="random", predict_with="mean"),
    get_trainer("local_loss", layer_loss="predsim", weight_decay=0.1),
    get_trainer("ladder", trainer="dfa"),
]


def wrong_way(predict, cst, rows=5000):
    """How far predictions go the wrong way at most, over pairs that differ in constrained columns."""
    low = RNG.uniform(-4, 4, (rows, len(cst)))
    which = RNG.integers(2, size=low.shape)
    high = low + which * np.array(cst) * RNG.exponential(size=low.shape)
    return float((predict(low) - predict(high)).max())


@pytest.mark.parametrize("trainer", TRAINERS, ids=repr)
def test_predictions_go_with_the_constrained_columns_everywhere(trainer):
    model = BPFreeRegressor((20, 10), trainer=trainer, monotonic_cst=CST, max_iter=20, random_state=0).fit(X, Y)
    assert wrong_way(model.predict, CST) < 1e-5
    assert model.score(X, Y) > 0.1
    against = [-1, 1, 0]
    assert wrong_way(model.predict, against) > 0.5
    assert wrong_way(model.set_params(monotonic_cst=against).fit(X, Y).predict, against) < 1e-5


def test_probabilities_of_the_second_class_go_with_them_even_against_the_data():
    model = BPFreeClassifier(monotonic_cst=[-1, 1, 0], random_state=0).fit(X, np.where(Y > 0, "yes", "no"))
    assert wrong_way(lambda rows: model.predict_proba(rows)[:, 1], [-1, 1, 0]) < 1e-6


def test_weights_lie_in_the_box_from_the_first_step_on():
    model = BPFreeRegressor((8, 6), trainer="backprop", monotonic_cst=CST, max_iter=1, random_state=0).fit(X, Y)
    low, high = box(model.network_, [], [])
    assert (model.state_.weights >= low).all() and (model.state_.weights <= high).all()
    assert np.count_nonzero(model.state_.weights == 0) > 0


def test_constraints_by_name_are_those_by_position():
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    by_name = BPFreeRegressor(monotonic_cst={"b": -1, "a": 1}, max_iter=3, random_state=0).fit(frame, Y)
    by_position = BPFreeRegressor(monotonic_cst=np.array(CST), max_iter=3, random_state=0).fit(frame, Y)
    np.testing.assert_array_equal(by_name.predict(frame), by_position.predict(frame))


@pytest.mark.parametrize("nothing", [None, [0, 0, 0], {}])
def test_no_constraint_gives_the_bits_of_a_fit_without_the_parameter(nothing):
    plain = BPFreeRegressor(max_iter=3, random_state=0).fit(X, Y)
    names = pd.DataFrame(X, columns=["a", "b", "c"])
    model = BPFreeRegressor(monotonic_cst=nothing, max_iter=3, random_state=0)
    model.fit(names if isinstance(nothing, dict) else X, Y)
    np.testing.assert_array_equal(plain.state_.weights, model.state_.weights)
    assert model.network_.directions is None


def test_single_precision_and_double_partial_fit_and_pickles_keep_them():
    model = BPFreeRegressor(monotonic_cst=CST, dtype="float64", random_state=0)
    for rows in np.split(np.arange(300), 3):
        model = pickle.loads(pickle.dumps(model.partial_fit(X[rows], Y[rows])))
    assert model.state_.weights.dtype == np.float64
    assert wrong_way(model.predict, CST) < 1e-12


def test_going_on_with_other_constraints_is_refused():
    model = BPFreeRegressor(monotonic_cst=CST, max_iter=2, warm_start=True, random_state=0).fit(X, Y)
    model.set_params(monotonic_cst=[1, 0, 0])
    with pytest.raises(ValueError, match="after a change of monotonic_cst"):
        model.fit(X, Y)


def test_a_grid_over_constraints_in_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), BPFreeRegressor(max_iter=5, random_state=0))
    grid = {"bpfreeregressor__monotonic_cst": [[1, -1, 0], [-1, 1, 0]]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, Y)
    assert search.best_params_["bpfreeregressor__monotonic_cst"] == [1, -1, 0]


class OwnOutputs(ErrorSignalTrainer):
    """A third party's, which says nothing of constraints."""

    def signal(self, layer, above, run):
        return product(above, run.kernels[layer + 1].T)


@pytest.mark.parametrize(
    "params, y, sentence",
    [
        ({"trainer": "enkf"}, Y, "The trainer 'enkf' cannot hold monotonic_cst; set it to None, or use one"),
        ({"trainer": OwnOutputs()}, Y, "The trainer 'OwnOutputs' cannot hold monotonic_cst"),
        ({"trainer": get_trainer("ladder", trainer="forward_gradient")}, Y, "'forward_gradient' does not"),
        ({"activation": "gelu"}, Y, "an activation that never falls, and 'gelu' does"),
        ({"monotonic_cst": [1, 0]}, Y, "a direction for each of the 3 columns, got [1, 0]"),
        ({"monotonic_cst": "up"}, Y, "a direction for each of the 3 columns, got 'up'"),
        ({"monotonic_cst": [1, 2, 0]}, Y, "got 2."),
        ({"monotonic_cst": [1, 0.5, 0]}, Y, "got 0.5."),
        ({"monotonic_cst": {"a": 1}}, Y, "X has no names"),
        ({}, np.c_[Y, Y], "is for one value a row, but y asks for 2 outputs"),
    ],
)
def test_what_cannot_be_is_one_sentence(params, y, sentence):
    with pytest.raises(ValueError) as raised:
        BPFreeRegressor(**({"monotonic_cst": CST} | params)).fit(X, y)
    message = str(raised.value)
    assert sentence in message and "\n" not in message and message.endswith(".")


def test_more_than_two_classes_and_label_sets_are_refused():
    for y in (np.arange(300) % 3, np.c_[Y > 0, TRUTH > 0].astype(int)):
        with pytest.raises(ValueError, match="monotonic_cst is for two classes"):
            BPFreeClassifier(monotonic_cst=CST).fit(X, y)


def test_unknown_names_are_told_with_those_of_the_table():
    with pytest.raises(ValueError, match=r"names \['z'\], but X has no such columns; its names are \['a', 'b'\]"):
        column_directions({"z": 1}, 2, ["a", "b"])
