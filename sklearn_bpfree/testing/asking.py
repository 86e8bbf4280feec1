"""What a check asks, and the sentence that it fails with."""

from __future__ import annotations

import dataclasses
import pickle
import traceback
import warnings
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning


class Failure(AssertionError):
    """A check of this kit has failed."""


def reason(error) -> str:
    """What an error says, in one line without a full stop."""
    text = str(error) if isinstance(error, Failure) else f"{type(error).__name__}: {str(error) or _line(error)}"
    return " ".join(text.split()).rstrip(".")


def _line(error) -> str:
    """The line of code that raised an error, for those of scikit-learn's assertions that say no more."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{last.line} ({Path(last.filename).name}, line {last.lineno})"


def ask(condition, otherwise):
    if not condition:
        raise Failure(otherwise)


def ask_same(expected, found, otherwise, name):
    """Ask for the same bits all through two records, and name the first place where they differ."""
    place = first_difference(expected, found, name)
    ask(place is None, f"{otherwise} {place}")


def first_difference(a, b, place) -> str | None:
    """Where two records differ, looking into dataclasses, lists and dictionaries; None when they do not."""
    if type(a) is not type(b):
        return place
    if isinstance(a, np.ndarray) and a.dtype != object:
        same = a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
        return None if same else place
    if dataclasses.is_dataclass(a) and not isinstance(a, type):
        a, b = vars(a), vars(b)
        parts = [(f"{place}.{key}", a.get(key), b.get(key)) for key in {**a, **b}]
    elif isinstance(a, dict):
        parts = [(f"{place}[{key!r}]", a.get(key), b.get(key)) for key in {**a, **b}]
    elif isinstance(a, (list, tuple)):
        if len(a) != len(b):
            return place
        parts = [(f"{place}[{i}]", x, y) for i, (x, y) in enumerate(zip(a, b, strict=True))]
    else:
        return None if pickle.dumps(a) == pickle.dumps(b) else place
    return next((found for part, x, y in parts if (found := first_difference(x, y, part)) is not None), None)


def arrays_of(record, place):
    """The arrays in a record, each with its place, looking into dataclasses, lists and dictionaries."""
    if isinstance(record, np.ndarray):
        yield place, record
    elif dataclasses.is_dataclass(record):
        for key, value in vars(record).items():
            yield from arrays_of(value, f"{place}.{key}")
    elif isinstance(record, dict):
        for key, value in record.items():
            yield from arrays_of(value, f"{place}[{key!r}]")
    elif isinstance(record, (list, tuple)):
        for i, value in enumerate(record):
            yield from arrays_of(value, f"{place}[{i}]")


def ask_one_warning(fit, word):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit()
    texts = [str(w.message) for w in caught if issubclass(w.category, ConvergenceWarning)]
    ask(len(texts) == 1 and word in texts[0], f"one ConvergenceWarning must say {word!r}, got {texts}")
