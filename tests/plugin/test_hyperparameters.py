"""Hyper-parameters hold what their annotations say, for anybody's trainers."""

from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest

from sklearn_bpfree import BPFreeClassifier, get_trainer
from sklearn_bpfree.plugin import State, Trainer
from sklearn_bpfree.plugin.hyperparameters import check_types, fits, shown

ODD = [
    *(np.array([1, 2]), np.array(3), np.array([]), pd.NA, pd.NaT, np.nan, 10**30, True, "text", b"x", 1j, [1], {}),
    *(pd.Series([1, 2]), object(), len, float, (1, np.nan), [10**30]),
]


@pytest.mark.parametrize(
    "hint, good, bad",
    [
        (float, [1, 0.5, np.float32(0.5), np.int64(2), np.inf], [True, np.nan, "1", None, np.array(1.0), 10**30]),
        (int, [1, np.int64(3)], [1.0, True, None, 10**30, np.array(3)]),
        (bool, [True, np.bool_(False)], [0, 1, "yes", None]),
        (str, ["a"], [b"a", None, 1]),
        (float | None, [None, 1.0], ["a", True]),
        (str | Trainer, ["dfa", get_trainer("dfa")], [3, None]),
        (tuple[float, ...], [(), (1, 2.0), [0.5], np.array([1.0])], [1.0, (True,), ("a",), (np.nan,), np.ones((1, 1))]),
        (Literal["a", 1], ["a", 1], ["b", True, np.array(["a"])]),
        (dict[str, int], [{}, "whatever", 3], []),
        (Any, [None, "whatever", object], []),
    ],
)
def test_what_fits_an_annotation(hint, good, bad):
    assert all(fits(value, hint) for value in good) and not any(fits(value, hint) for value in bad)


class Typed(Trainer):
    """A third party's trainer without a check of its own."""

    rate: float = 0.1
    kind: str = "a"
    many: tuple[float, ...] = (1.0,)
    odd_default: float = None  # pyright: ignore
    inner: Trainer | None = None

    def init(self, problem, rng):
        return State(problem.network.initial_weights(rng))

    def step(self, state, problem, rng):
        return state


@pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
def test_odd_values_are_one_sentence_for_anybodys_trainer(value):
    for name in ("rate", "kind", "inner"):
        if name == "kind" and value == "text" if isinstance(value, str) else False:
            continue
        clf = BPFreeClassifier(trainer=Typed().set_params(**{name: value}))
        with pytest.raises(TypeError, match=rf"^{name} of Typed must be .*, got .*\.$") as raised:
            clf.fit([[0.0], [1.0]], [0, 1])
        assert "\n" not in str(raised.value)


def test_defaults_are_taken_as_they_are_and_trainers_inside_are_checked():
    check_types(Typed())
    with pytest.raises(TypeError, match=r"^rate of Typed must be a number, got 'fast'\.$"):
        check_types(Typed(inner=Typed(rate="fast")))  # pyright: ignore
    with pytest.raises(TypeError, match=r"^many of Typed must be a tuple, each item a number, got \(True,\)\.$"):
        check_types(Typed(many=(True,)))


@pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
def test_odd_values_are_one_sentence_for_every_parameter_of_the_estimator(value):
    for name in BPFreeClassifier().get_params(deep=False):
        clf = BPFreeClassifier((2,), max_iter=1, random_state=0)
        try:
            clf.set_params(**{name: value}).fit([[0.0], [1.0], [2.0]], [0, 1, 0])
        except (ValueError, TypeError) as error:
            assert str(error).partition(" ")[0].strip("'") and "ambiguous" not in str(error), name
            assert "\n" not in str(error) or "scoring" in str(error), name


def test_values_are_shown_on_one_line():
    assert shown(pd.Series([1, 2])) == "0 1 1 2 dtype: int64" and len(shown("x" * 1000)) == 100
