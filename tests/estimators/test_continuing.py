"""Going on with a fit: what the state rests on must be what it was, by one rule for everybody's trainers."""

import re
import warnings
from functools import partial
from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.metrics import make_scorer

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, get_trainer, list_trainers
from sklearn_bpfree.estimators.continuing import TRAINING_ROWS, WHILE_UNFINISHED, same
from sklearn_bpfree.nn.losses import HuberLoss
from sklearn_bpfree.plugin import State, Trainer, advance

X, y = make_classification(40, 4, random_state=0)
REFUSED = "cannot go on after a change of {}: fitted with "


def begun(make=BPFreeClassifier, **params):
    return make((4,), **{"max_iter": 2, "random_state": 0, "warm_start": True, **params}).fit(X, y)


def refused(call, name):
    with pytest.raises(ValueError, match=re.escape(REFUSED.format(name))) as raised:
        call()
    message = str(raised.value)
    assert message.endswith(" to begin anew.") and "\n" not in message and "; set it back, or " in message


class Holder(Trainer):
    """A third party's trainer whose hyper-parameters are of every kind."""

    adjustable: ClassVar[tuple[str, ...]] = ("pace",)
    pace: float = 0.1
    steps: np.ndarray | None = None
    inner: str | Trainer = "dfa"
    needs: ClassVar[str] = "values"

    def init(self, problem, rng):
        return State(problem.network.initial_weights(rng))

    def step(self, state, problem, rng):
        return advance(state, weights=state.weights * np.float32(1 - self.pace))


# --- what is the same -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "a, b",
    [
        (1, 1.0),
        (np.float32(0.5), 0.5),
        (np.nan, float("nan")),
        ((1, "x"), (1, "x")),
        (np.arange(3), np.arange(3)),
        ({"a": [np.nan]}, {"a": [np.nan]}),
        (HuberLoss(2.0), HuberLoss(2.0)),
        (partial(max, 1), partial(max, 1)),
        (make_scorer(max), clone(make_scorer(max), safe=False)),
        (len, len),
        (np.random.default_rng(0), np.random.default_rng(0)),
    ],
)
def test_equal_values_are_the_same(a, b):
    assert same(a, b) and same(b, a)


@pytest.mark.parametrize(
    "a, b",
    [
        (1, 2),
        (1, "1"),
        (None, 0),
        ((1, 2), [1, 2]),
        ((1,), (1, 2)),
        (np.arange(3), np.arange(3.0)),
        (np.arange(3), np.arange(3)[None]),
        ({"a": 1}, {"b": 1}),
        (HuberLoss(2.0), HuberLoss(3.0)),
        (partial(max, 1), partial(max, 2)),
        (len, max),
        (lambda: 1, lambda: 1),
    ],
)
def test_other_values_are_not(a, b):
    assert not same(a, b) and not same(b, a)


# --- parameters of the estimator --------------------------------------------------------------------------------------


CHANGES = {
    "hidden_layer_sizes": (3,),
    "activation": "tanh",
    "weights": "binary",
    "dtype": "float64",
    "random_state": 1,
}


@pytest.mark.parametrize("trainer", ["dfa", "open_es", "enkf", "rvfl"])
@pytest.mark.parametrize("name", CHANGES)
def test_what_the_state_rests_on_may_not_change(name, trainer):
    if name == "weights" and trainer != "open_es":
        pytest.skip("only trainers that need values have quantised weights")
    model = begun(trainer=trainer, warm_start=True)
    refused(lambda: model.set_params(**{name: CHANGES[name]}).fit(X, y), name)
    if hasattr(model, "partial_fit"):
        refused(lambda: model.partial_fit(X, y), name)


@pytest.mark.parametrize("loss", ["poisson", HuberLoss(), "r2"])
def test_another_loss_is_refused(loss):
    model = begun(BPFreeRegressor, trainer="open_es", loss="huber" if loss == "r2" else "auto")
    refused(lambda: model.set_params(loss=loss).fit(X, y), "loss")


def test_the_same_loss_under_another_name_is_none():
    assert begun(BPFreeRegressor).set_params(loss="squared_error").fit(X, y).n_iter_ == 4
    model = begun(BPFreeRegressor, loss="quantile", quantile=0.9)
    refused(lambda: model.set_params(quantile=0.1).fit(X, y), "loss")


def test_what_may_change_takes_effect():
    model = begun(tol=None)
    free = {"tol": 10.0, "n_iter_no_change": 1, "n_jobs": 2, "max_iter": 7, "max_time": 100.0, "batch_size": 10}
    model.set_params(**free, record_alignment=True, class_weight="balanced").fit(X, y)
    assert model.stop_reason_ == "tol" and 2 < model.n_iter_ < 9 and len(model.alignment_) == model.n_iter_ - 2
    assert model.set_params(tol=None).fit(X, y).stop_reason_ == "max_iter"


def test_a_refused_change_loses_nothing():
    model = begun()
    refused(lambda: model.set_params(activation="tanh").fit(X, y), "activation")
    again = model.set_params(activation="relu").fit(X, y)
    np.testing.assert_array_equal(again.state_.weights, begun().fit(X, y).state_.weights)


def test_a_fit_cut_short_keeps_what_its_scores_are_made_of():
    settings = {"max_iter": 20, "max_time": 1e-9, "early_stopping": True}
    for change in ({"early_stopping": False}, {"validation_fraction": 0.5}):
        model = begun(**settings)
        assert model.stop_reason_ == "max_time"
        refused(lambda model=model, change=change: model.set_params(**change).fit(X, y), WHILE_UNFINISHED[0])
    model = begun(**settings)
    refused(lambda: model.set_params(scoring="loss").fit(X, y), "scoring")
    finished = begun(early_stopping=True).set_params(early_stopping=False, scoring="loss").fit(X, y)
    assert finished.n_iter_ == 4


# --- rows -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list_trainers())
def test_other_rows_are_taken_or_refused(name):
    """By a trainer that offers `partial_fit` taken; by one whose state rests on the rows refused."""
    takes = "partial_fit" in get_trainer(name).offers
    for make in (BPFreeClassifier, BPFreeRegressor):
        for rows, target, change in (
            (X[:10], y[:10], {}),
            (np.vstack([X, X + 1]), np.tile(y, 2), {}),
            (X + 1, y, {}),
            (X, y, {"early_stopping": True}),
        ):
            model = begun(make, trainer=name, early_stopping=False).set_params(**change)
            if takes:
                assert np.isfinite(model.fit(rows, target).predict(X)).all()
            else:
                refused(lambda m=model, r=rows, t=target: m.fit(r, t), TRAINING_ROWS)
                assert model.set_params(early_stopping=False).fit(X, y).n_iter_ >= 2


# --- the trainer ------------------------------------------------------------------------------------------------------


def others(trainer):
    """Another valid value for hyper-parameters, by what the docstring says they may be."""
    said = type(trainer).__doc__ + "".join(base.__doc__ or "" for base in type(trainer).__mro__)
    for name, value in trainer.get_params(deep=False).items():
        choices = re.search(rf"^ *{name} : \{{(.*)\}}", said, re.M)
        if choices:
            yield name, next(choice for choice in re.findall(r'"(\w+)"', choices[1]) if choice != value)
        elif isinstance(value, bool):
            yield name, not value
        elif isinstance(value, int):
            yield name, value + 1
        elif isinstance(value, float):
            yield name, value * 0.75 if value else 0.125


@pytest.mark.parametrize("name", list_trainers())
def test_every_hyper_parameter_is_taken_or_refused(name):
    model = begun(trainer=name)
    n_changed = 0
    for parameter, value in others(get_trainer(name)):
        try:
            trainer = get_trainer(name, **{parameter: value})
            trainer.check_parameters()
        except ValueError:  # it does not go with the others
            continue
        n_changed += 1
        changed = clone(model, safe=False).set_params(max_iter=2).fit(X, y).set_params(trainer=trainer)
        if parameter in trainer.adjustable:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                assert np.isfinite(changed.fit(X, y).predict_proba(X)).all()
            assert getattr(changed.trainer_, parameter) == value
        else:
            refused(lambda m=changed: m.fit(X, y), f"trainer__{parameter}")
            if hasattr(changed, "partial_fit"):
                refused(lambda m=changed: m.partial_fit(X, y), f"trainer__{parameter}")
    assert n_changed >= 2


def test_another_trainer_is_refused_and_the_same_one_as_an_object_is_not():
    model = begun(trainer="dfa")
    refused(lambda: model.set_params(trainer="fa").fit(X, y), "trainer")
    refused(lambda: model.partial_fit(X, y), "trainer")
    assert model.set_params(trainer=get_trainer("dfa", learning_rate=0.1)).fit(X, y).n_iter_ == 4
    assert model.trainer_.learning_rate == 0.1 and model.partial_fit(X, y).n_iter_ == 5


def test_another_learning_rate_takes_effect():
    slow = begun().set_params(trainer__learning_rate=1e-12).fit(X, y).state_.weights
    np.testing.assert_allclose(slow, begun().state_.weights, atol=1e-6)
    assert not np.allclose(begun().fit(X, y).state_.weights, slow, atol=1e-6)


def test_a_trainer_says_which_of_its_hyper_parameters_may_change():
    model = begun(trainer=Holder(steps=np.arange(3)))
    assert model.set_params(trainer__pace=0.5, trainer__steps=np.arange(3)).fit(X, y).trainer_.pace == 0.5
    refused(lambda: model.set_params(trainer__steps=np.arange(4)).fit(X, y), "trainer__steps")


def test_trainers_inside_of_trainers_are_compared_by_the_same_rule():
    model = begun(trainer=Holder())
    assert model.set_params(trainer__inner__learning_rate=0.5).fit(X, y).n_iter_ == 4
    refused(lambda: model.set_params(trainer__inner__dropout=0.5).fit(X, y), "trainer__inner__dropout")
    refused(lambda: model.set_params(trainer__inner="fa").fit(X, y), "trainer__inner")
    ladder = begun(trainer="ladder")
    assert ladder.set_params(trainer__trainer__learning_rate=0.1).fit(X, y).n_iter_ == 4
    refused(lambda: ladder.set_params(trainer__companion="rvfl").fit(X, y), "trainer__companion")
