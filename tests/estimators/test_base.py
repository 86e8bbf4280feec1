"""A fit is a transaction: whatever raises, and at whatever stage, the estimator stays exactly what it was."""

import pickle
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_classification

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor
from sklearn_bpfree.plugin import State, Trainer, advance

X, y = make_classification(40, 4, random_state=0)
FRAME = pd.DataFrame(X, columns=[*"abcd"])
OTHER = pd.DataFrame(np.hstack([X, X]), columns=[*"efghijkl"])
LETTERS = np.array(["p", "q", "r"])[np.arange(40) % 3]


class Fails(Trainer):
    """Fails where it is told to."""

    adjustable: ClassVar[tuple[str, ...]] = ("where", "error")
    offers: ClassVar[tuple[str, ...]] = ("partial_fit",)
    where: str = ""
    error: type = RuntimeError

    def _reach(self, where):
        if self.where == where:
            raise self.error(where)

    def check_parameters(self):
        self._reach("parameters")

    def budget(self, n_samples, n_features):
        self._reach("budget")
        return super().budget(n_samples, n_features)

    def horizon(self, problem, budget):
        self._reach("horizon")
        return 4

    def init(self, problem, rng):
        self._reach("init")
        return State(problem.network.initial_weights(rng))

    def step(self, state, problem, rng):
        self._reach(f"step {problem.iteration}")
        return advance(state, weights=state.weights * np.float32(0.9), loss=0.5)

    def finish(self, state, problem):
        self._reach("finish")
        return state


class Callback:
    """A callback that fails in one of its hooks."""

    max_estimator_depth = None

    def __init__(self, hook):
        self.hook = hook
        self.torn_down = False

    def _reach(self, hook):
        if self.hook == hook:
            raise RuntimeError(hook)

    def setup(self, estimator, context):
        self._reach("setup")

    def on_fit_task_begin(self, estimator, context):
        self._reach("begin")

    def on_fit_task_end(self, estimator, context):
        self._reach("end")

    def teardown(self, estimator, context):
        self.torn_down = True
        self._reach("teardown")


STAGES = {
    "parameters": lambda m: m.set_params(tol=-1.0).fit(OTHER, LETTERS),
    "the trainer's name": lambda m: m.set_params(trainer="nobody").fit(OTHER, LETTERS),
    "the trainer's parameters": lambda m: m.set_params(trainer__where="parameters").fit(OTHER, LETTERS),
    "rows": lambda m: m.fit(OTHER.assign(e=np.nan), LETTERS),
    "more targets than rows": lambda m: m.fit(OTHER, LETTERS[:-1]),
    "one class": lambda m: m.fit(OTHER, np.full(40, "p")),
    "weights": lambda m: m.fit(OTHER, LETTERS, np.full(40, -1.0)),
    "loss": lambda m: m.set_params(loss="nothing").fit(OTHER, LETTERS),
    "a metric": lambda m: m.set_params(loss="roc_auc").fit(OTHER, LETTERS),
    "the held-out rows": lambda m: m.set_params(early_stopping=True, validation_fraction=0.01).fit(OTHER, LETTERS),
    "X_val": lambda m: m.fit(OTHER, LETTERS, X_val=FRAME, y_val=y),
    "y_val": lambda m: m.fit(OTHER, LETTERS, X_val=OTHER, y_val=np.full(40, "z")),
    "network": lambda m: m.set_params(activation="step").fit(OTHER, LETTERS),
    "budget": lambda m: m.set_params(trainer__where="budget").fit(OTHER, LETTERS),
    "horizon": lambda m: m.set_params(trainer__where="horizon").fit(OTHER, LETTERS),
    "init": lambda m: m.set_params(trainer__where="init").fit(OTHER, LETTERS),
    "first step": lambda m: m.set_params(trainer__where="step 0").fit(OTHER, LETTERS),
    "third step": lambda m: m.set_params(trainer__where="step 2").fit(OTHER, LETTERS),
    "finish": lambda m: m.set_params(trainer__where="finish").fit(OTHER, LETTERS),
    "Ctrl-C before the first step": lambda m: m.set_params(trainer__where="init", trainer__error=KeyboardInterrupt).fit(
        OTHER, LETTERS
    ),
    "memory": lambda m: m.set_params(trainer__where="step 1", trainer__error=MemoryError).fit(OTHER, LETTERS),
    "scorer": lambda m: m.set_params(scoring=lambda *args: 1 / 0, early_stopping=True).fit(OTHER, LETTERS),
    **{
        f"callback's {hook}": lambda m, hook=hook: m.set_callbacks(Callback(hook)).fit(OTHER, LETTERS)
        for hook in ("setup", "begin", "end", "teardown")
    },
}


def said(model):
    """All fitted attributes, as bytes."""
    kept = {name: value for name, value in vars(model).items() if name not in model.get_params(deep=False)}
    for name in ("_skl_callbacks", "_own_callbacks"):
        kept.pop(name, None)
    return {name: pickle.dumps(value) for name, value in kept.items()}


def is_as_before(model, before):
    assert said(model) == before
    assert list(model.feature_names_in_) == [*"abcd"] and list(model.classes_) == [0, 1]
    assert model.predict_proba(FRAME).shape == (40, 2)


@pytest.mark.parametrize("stage", STAGES)
def test_a_fit_that_fails_leaves_the_last_one_alone(stage):
    model = BPFreeClassifier((4,), trainer=Fails(), random_state=0).fit(FRAME, y)
    before = said(model)
    with pytest.raises(BaseException):  # noqa: B017
        STAGES[stage](model)
    is_as_before(model, before)


@pytest.mark.parametrize("stage", STAGES)
def test_a_first_fit_that_fails_leaves_nothing(stage):
    model = BPFreeClassifier((4,), trainer=Fails(), random_state=0)
    with pytest.raises(BaseException):  # noqa: B017
        STAGES[stage](model)
    assert said(model) == {}


@pytest.mark.parametrize("where", ["step 0", "step 2", "finish"])
def test_a_fit_that_goes_on_and_fails_can_go_on_again(where):
    def begun():
        return BPFreeClassifier((4,), trainer=Fails(), random_state=0, warm_start=True).fit(FRAME, y)

    model = begun()
    before = said(model)
    with pytest.raises(RuntimeError):
        model.set_params(trainer__where=where).fit(FRAME, y)
    is_as_before(model, before)
    again, straight = model.set_params(trainer__where="").fit(FRAME, y), begun().fit(FRAME, y)
    np.testing.assert_array_equal(again.state_.weights, straight.state_.weights)
    assert again.n_iter_ == 8 and again.loss_curve_ == straight.loss_curve_


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("where", ["parameters", "budget", "init", "step 0", "finish"])
def test_partial_fit_is_a_transaction_too(first, where):
    model = BPFreeRegressor((4,), trainer=Fails(), random_state=0)
    if not first:
        if where == "init":
            return
        model.partial_fit(FRAME, y)
    before = said(model)
    with pytest.raises(RuntimeError):
        model.set_params(trainer__where=where).partial_fit(FRAME, y)
    assert said(model) == before and hasattr(model, "state_") != first
    assert model.set_params(trainer__where="").partial_fit(FRAME, y).n_iter_ == 2 - first


def test_callbacks_are_torn_down_after_a_failure():
    callback = Callback("end")
    with pytest.raises(RuntimeError, match="end"):
        BPFreeClassifier((4,), trainer=Fails()).set_callbacks(callback).fit(X, y)
    assert callback.torn_down


def test_ctrl_c_at_a_step_keeps_the_best_so_far():
    model = BPFreeClassifier((4,), trainer=Fails("step 2", KeyboardInterrupt), random_state=0)
    with pytest.warns(UserWarning, match="interrupted after 2 steps"):
        model.fit(X, y)
    assert model.n_iter_ == 2 and model.stop_reason_ == "interrupted"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_are_refused_in_any_precision_however_they_cancel(dtype):
    X = np.random.default_rng(0).normal(size=(50, 2)).astype(dtype)
    model = BPFreeRegressor(max_iter=2, random_state=0).fit(X, X[:, 0])
    np.testing.assert_array_equal(model.predict(X), model.predict(np.asfortranarray(X)))
    for bad in (np.nan, np.inf):
        wrong = X.copy()
        wrong[0], wrong[1] = bad, -bad
        with pytest.raises(ValueError, match="contains"):
            model.predict(wrong)
    large = np.full((3, 2), np.finfo(dtype).max / 2, dtype)  # finite, but its sum is not
    assert np.isfinite(model.predict(large)).all()
    for shape in ((3, 1), (3, 3), (0, 2), (2,)):
        with pytest.raises(ValueError, match=r"feature|2D|minimum"):
            model.predict(np.zeros(shape, dtype))
