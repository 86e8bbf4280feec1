"""Checks of an estimator that fits with the trainer: pickles, networks, dtypes, sparse rows, callbacks, accidents."""

from __future__ import annotations

import copy
import pickle
from functools import partial
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier

from sklearn_bpfree.estimators.fitted import without_training
from sklearn_bpfree.nn.activations import ACTIVATIONS
from sklearn_bpfree.plugin.trainer import advance
from sklearn_bpfree.testing.asking import Failure, ask, ask_one_warning, ask_same, reason
from sklearn_bpfree.testing.setting import N_STEPS, make_classifier, make_regressor, make_table


def check_pickled_estimator(trainer):
    """A pickled estimator predicts what the original does, also without the fields of its state FOR_TRAINING."""
    for make, kind in [(make_classifier, "three classes"), (make_regressor, "values")]:
        X, y = make_table(kind)
        model = make(trainer).fit(X, y)
        expected = _predictions(model, X)
        again = pickle.loads(pickle.dumps(model))
        ask_same(expected, _predictions(again, X), "a pickled estimator predicts something else, in", "predictions")
        again.state_ = without_training(again.state_)
        try:
            found = _predictions(again, X)
        except Exception as error:
            raise Failure(
                f"predictions need a field of the state that is marked FOR_TRAINING: {reason(error)}"
            ) from error
        ask_same(expected, found, "predictions without the state's fields FOR_TRAINING differ, in", "predictions")


def _predictions(model, X):
    """All that a model says of rows."""
    said = {"predict": model.predict(X)}
    if is_classifier(model):
        said["predict_proba"] = model.predict_proba(X)
    elif "return_std" in model.trainer_.offers:
        said["std"], said["quantiles"] = model.predict(X, return_std=True)[1], model.predict_quantiles(X)
    if hasattr(model, "predict_set"):
        said["sets"] = model.predict_set(X)
    return said


def check_activations_and_depths(trainer):
    """Any smooth activation and any number of hidden layers gives finite predictions, or one sentence why not."""
    X, y = make_table("values")
    networks = [((), "relu"), ((8,), "relu"), ((8, 8, 8), "relu")]
    networks += [((12, 8), name) for name, activation in ACTIVATIONS.items() if not activation.flat]
    for hidden, activation in networks:
        network = f"hidden_layer_sizes={hidden} and activation={activation!r}"
        model = make_regressor(trainer).set_params(hidden_layer_sizes=hidden, activation=activation)
        try:
            predicted = model.fit(X, y).predict(X)
        except ValueError as error:
            clear = "\n" not in str(error) and ("hidden_layer_sizes" in str(error) or "activation" in str(error))
            ask(clear, f"the error for {network} must name what is not served in one sentence, got {str(error)!r}")
        else:
            ask(np.isfinite(predicted).all(), f"the predictions are not finite for {network}")


def check_float64(trainer):
    """With ``dtype="float64"`` the computation is in double precision."""
    X, y = make_table("values")
    model = make_regressor(trainer, dtype="float64").fit(X, y)
    found = model.state_.weights.dtype
    ask(found == np.float64, f"with dtype='float64' the weights must be float64, got {found}")
    ask(np.isfinite(model.predict(X)).all(), "with dtype='float64' the predictions are not finite")
    W = model.state_.weights
    ask((W.astype(np.float32) != W).any(), "with dtype='float64' the weights are those of single precision")


def check_sparse_rows(trainer):
    """CSR rows give what the same dense rows give, up to rounding."""
    for make, kind in [(make_classifier, "three classes"), (make_regressor, "values")]:
        X, y = make_table(kind)
        X = np.where(np.abs(X) < 0.5, 0, X)
        from_dense = make(trainer, dtype="float64").fit(X, y)
        from_sparse = make(trainer, dtype="float64").fit(sparse.csr_array(X), y)
        method = "predict" if kind == "values" else "predict_proba"
        one, other = getattr(from_dense, method)(X), getattr(from_sparse, method)(sparse.csr_array(X))
        gap = np.abs(one - other).max()
        ask(gap < 1e-3, f"after {N_STEPS} steps the predictions of CSR and of dense rows differ by {gap:.2g}")


class _StepRecorder:
    """A scikit-learn callback that notes the predictions after every step."""

    def __init__(self):
        self.predictions = []

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context, *, X: Any = None, fitted_estimator: Any = None):
        if context.task_name == "step":
            self.predictions.append(fitted_estimator.predict_proba(X))


def check_callbacks(trainer):
    """scikit-learn's callbacks hear of every step once, with an estimator that predicts as if it were the last one."""
    X, y = make_table("two classes")
    recorder = _StepRecorder()
    model = make_classifier(trainer).set_callbacks(recorder).fit(X, y)
    heard = len(recorder.predictions)
    ask(heard == N_STEPS, f"a callback must hear of each of the {N_STEPS} steps once, but heard {heard} times")
    P = recorder.predictions[-1]
    fits = P.shape == (len(y), 2) and np.isfinite(P).all()
    ask(fits, "the estimator that a callback is given does not predict finite probabilities")
    ask(model.n_iter_ == N_STEPS, f"n_iter_ must be {N_STEPS}, got {model.n_iter_}")


def check_interruption(trainer):
    """After Ctrl-C the best weights are kept, with one warning, and a warm start ends with the bits of a whole fit."""
    X, y = make_table("three classes")
    model = make_classifier(_with_accident(trainer, _interrupt), warm_start=True)
    ask_one_warning(partial(model.fit, X, y), "interrupted")
    ask(model.n_iter_ == N_STEPS // 2, f"Ctrl-C in step {N_STEPS // 2 + 1} must leave the steps before it")
    kept, best = model.predict_proba(X), copy.copy(model)
    best.state_ = model.progress_.best
    ask(np.array_equal(best.predict_proba(X), kept), "Ctrl-C must leave what predicts as the best weights so far do")
    ask(np.isfinite(kept).all(), "after Ctrl-C the predictions are not finite")
    model.fit(X, y)
    ask(model.n_iter_ == N_STEPS, f"a warm start after Ctrl-C must do the {N_STEPS - N_STEPS // 2} steps left")
    whole = make_classifier(trainer).fit(X, y)
    ask_same(whole.state_, model.state_, "a warm start after Ctrl-C gives other bits than a whole fit, in", "state")


def check_divergence(trainer):
    """When the weights are no longer finite, the best ones before are kept, with one warning."""
    X, y = make_table("values")
    model = make_regressor(_with_accident(trainer, _diverge))
    ask_one_warning(partial(model.fit, X, y), "diverged")
    ask(np.isfinite(model.state_.weights).all(), "after a divergence the weights are not finite")
    ask(np.isfinite(model.predict(X)).all(), "after a divergence the predictions are not finite")


def _interrupt(state):
    raise KeyboardInterrupt


def _diverge(state):
    return advance(state, weights=np.full_like(state.weights, np.nan))


def _with_accident(trainer, accident):
    """The trainer, with an accident to the state that it returns halfway, once."""
    due = [True]

    class WithAccident(type(trainer)):
        def step(self, state, problem, rng):
            state = super().step(state, problem, rng)
            if due and problem.iteration == N_STEPS // 2:
                due.clear()
                return accident(state)
            return state

    return WithAccident(**trainer.get_params(deep=False))
