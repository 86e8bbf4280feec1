"""What a check asks, and the sentence that it fails with."""

from __future__ import annotations

import dataclasses
import pickle
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning


class Failure(AssertionError):
    """A check of this kit has failed."""


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


def ask_one_warning(fit, word):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit()
    texts = [str(w.message) for w in caught if issubclass(w.category, ConvergenceWarning)]
    ask(len(texts) == 1 and word in texts[0], f"one ConvergenceWarning must say {word!r}, got {texts}")
