"""Properties of all estimators, tables and call orders: of a few that hypothesis draws, with its long profile of many.

What the long profile finds becomes a named test where it belongs.
"""

import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_bpfree import BPFreeClassifier, Checkpoint, list_trainers
from sklearn_bpfree.plugin import advance
from sklearn_bpfree.testing import RandomSearch
from sklearn_bpfree.testing.asking import Failure, first_difference
from sklearn_bpfree.testing.strategies import Case, Table, cases, check_case, parameters, tables

QUICK = [name for name in list_trainers() if name not in ("rfr_boost", "cma_es")]  # these two take seconds


@given(cases(QUICK))
def test_every_call_gives_a_finite_result_or_a_sentence(case):
    check_case(case)


@given(cases(["rfr_boost", "cma_es"]))
@settings(max_examples=3 if settings().max_examples < 1000 else settings().max_examples)
def test_the_slow_trainers_give_a_finite_result_or_a_sentence_too(case):
    check_case(case)


class Dies:
    """A callback that ends the fit after a step."""

    def __init__(self, step):
        self.step = step

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "step" and context.task_id + 1 == self.step:
            raise SystemExit


@given(st.sampled_from(QUICK), parameters(), tables(), st.integers(1, 3))
def test_a_fit_that_died_after_any_step_goes_on_with_the_same_bits(trainer, params, table, step):
    def make():
        return BPFreeClassifier(**{**params, "trainer": trainer, "max_iter": 3})

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        checkpoint = Checkpoint(Path(folder) / "fit.ckpt", 0)
        try:
            whole = make().fit(*table)
        except ValueError:
            return
        try:
            make().set_callbacks(checkpoint, Dies(step)).fit(*table)
        except SystemExit:
            pass
        resumed = make().set_callbacks(checkpoint).fit(*table)
        assert first_difference(whole.state_, resumed.state_, "state") is None
        assert not any(Path(folder).iterdir())


# --- the strategies and the check see what they should ----------------------------------------------------------------


@given(tables(), tables(classify=False))
def test_tables_are_of_one_length(one, other):
    for X, y, weight in (one, other):
        assert X.ndim == 2 and X.shape[0] == len(y) and (weight is None or weight.shape == (len(y),))


class Raw(RandomSearch):
    """Fails as numpy does."""

    def step(self, state, problem, rng):
        return advance(state, weights=np.ones(2) + np.ones(3))


class Warns(RandomSearch):
    """Lets a warning out."""

    def step(self, state, problem, rng):
        warnings.warn("look at this", stacklevel=1)
        return super().step(state, problem, rng)


class Endless(RandomSearch):
    """Predicts NaN from some rows on."""

    def outputs(self, state, network, X):
        return np.where(np.abs(X[:, :1]) > 100, np.nan, super().outputs(state, network, X))


class Refuses(RandomSearch):
    """Says in a sentence that it will not."""

    def step(self, state, problem, rng):
        raise ValueError("Refuses refuses; use another one.")


TABLE = Table(np.arange(8.0).reshape(4, 2), np.array([0, 1, 0, 1]), None)


@pytest.mark.parametrize(
    "trainer, message",
    [
        (Raw(), "raises ValueError: operands could not be broadcast"),
        (Warns(), r"lets a warning out: \['look at this'\]"),
    ],
)
def test_the_check_names_what_is_wrong(trainer, message):
    model = BPFreeClassifier((2,), trainer=trainer, max_iter=1, dtype="float64", random_state=0)
    with pytest.raises(Failure, match=message):
        check_case(Case(model, TABLE, []))


def test_a_sentence_passes_and_so_do_predictions_that_the_estimator_refuses():
    for trainer, calls in ((Refuses(), []), (Endless(), [("predict", 1e3)])):
        check_case(Case(BPFreeClassifier((2,), trainer=trainer, max_iter=1, random_state=0), TABLE, calls))


def test_a_fit_that_writes_into_the_rows_is_noticed(monkeypatch):
    fit = BPFreeClassifier.fit

    def moves(self, X, *args):
        X += 1
        return fit(self, X, *args)

    monkeypatch.setattr(BPFreeClassifier, "fit", moves)
    with pytest.raises(Failure, match=r"fit of .* changes what it is given"):
        check_case(
            Case(BPFreeClassifier((2,), trainer=RandomSearch(), max_iter=1), TABLE._replace(X=TABLE.X.copy()), [])
        )


def test_a_failed_fit_that_leaves_a_trace_is_noticed(monkeypatch):
    model = BPFreeClassifier((2,), trainer=RandomSearch(), max_iter=1, random_state=0)
    fit, fits = BPFreeClassifier.fit, []

    def spoils(self, *args):
        fits.append(1)
        if len(fits) == 2:
            self.state_ = advance(self.state_, weights=self.state_.weights + 1)
            raise ValueError("no")
        return fit(self, *args)

    monkeypatch.setattr(BPFreeClassifier, "fit", spoils)
    with pytest.raises(Failure, match="failed and left a trace"):
        check_case(Case(model, TABLE, [("fit",)]))
