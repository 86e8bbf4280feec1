"""A fitted model in half of the room: weights in half precision, and nothing that only training needs."""

from __future__ import annotations

import copy
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_bpfree.estimators.base import _BPFreeEstimator
from sklearn_bpfree.estimators.fitted import without_training
from sklearn_bpfree.plugin.minibatch import ErrorSignalState
from sklearn_bpfree.plugin.trainer import State

Model = TypeVar("Model")
LEARNED = ("weights", "feedback")  # fields of a state that are rounded


def compact(model: Model) -> Model:
    """A copy of a fitted estimator or pipeline for predictions alone, with the nets' weights in half precision.

    Nets of trainers that learn by teaching signals, those of "ladder" among them, are rounded to 11 binary digits, and
    counted with in the precision of before; what others hold stays as it is. Of the history the last row is kept.
    Training cannot go on with the copy.

    Parameters
    ----------
    model : BPFreeClassifier, BPFreeRegressor, or what holds one as the last step, `regressor_` or `best_estimator_`

    Returns
    -------
    model : object of the same type

    Examples
    --------
    >>> import pickle
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_bpfree import BPFreeClassifier, compact
    >>> X, y = load_digits(return_X_y=True)
    >>> model = BPFreeClassifier(max_iter=5, random_state=0).fit(X / 16, y)
    >>> small = compact(model)
    >>> len(pickle.dumps(small)) < len(pickle.dumps(model)) / 3
    True
    >>> bool(abs(small.predict_proba(X / 16) - model.predict_proba(X / 16)).max() < 0.01)
    True
    """
    inner = _inner(small := copy.deepcopy(model))
    check_is_fitted(inner, "state_")
    inner.state_ = _halved(without_training(inner.state_), {})
    inner.history_ = inner.history_[-1:]
    vars(inner).pop("progress_", None)
    return small


def _inner(model: Any) -> Any:
    """The estimator of this library that a model predicts with."""
    given = model
    while not isinstance(model, _BPFreeEstimator):
        own = getattr(model, "__dict__", {})
        held = [own[name] for name in ("regressor_", "best_estimator_", "estimator_") if name in own]
        model = model.steps[-1][1] if isinstance(model, Pipeline) else held[0] if held else None
        if model is None:
            raise TypeError(
                f"compact is for a fitted estimator of this library, or what holds one, got {type(given).__name__}."
            )
    return model


def _halved(value: Any, done: dict) -> Any:
    """A state with its nets' weights in half precision; arrays that it holds twice stay one."""
    if isinstance(value, list):
        return [_halved(item, done) for item in value]
    if not is_dataclass(value) or isinstance(value, type):
        return value
    small = copy.copy(value)
    for field in fields(value):
        part = getattr(value, field.name)
        rounds = field.name in LEARNED and isinstance(value, ErrorSignalState)
        object.__setattr__(small, field.name, _rounded(part, done) if rounds else _halved(part, done))
    if isinstance(value, State) and id(value.weights) in done:  # those of a member
        object.__setattr__(small, "weights", done[id(value.weights)])
    return small


def _rounded(part: Any, done: dict) -> Any:
    if isinstance(part, list):
        return [_rounded(item, done) for item in part]
    if not isinstance(part, np.ndarray) or part.dtype.kind != "f" or np.abs(part).max(initial=0) > np.finfo("f2").max:
        return part
    return done.setdefault(id(part), part.astype(np.float16))
