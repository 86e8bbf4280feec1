"""Hyper-parameters hold what their annotations say. Read `check_types` first, and `fits` for the rule."""

from __future__ import annotations

import types
import typing
from dataclasses import MISSING, fields
from functools import cache
from numbers import Integral, Real
from typing import Any

import numpy as np

LARGEST_INT = 2**63 - 1
WORDS = {float: "a number", int: "an integer", bool: "True or False", str: "a str", type(None): "None"}


def check_types(trainer) -> None:
    """Raise a TypeError of one sentence if a hyper-parameter is not what its annotation says.

    Trainers inside of the trainer are checked as well. Annotations that are no plain types are left to the trainer.
    """
    hints = _hints(type(trainer))
    for field in fields(trainer):
        value = getattr(trainer, field.name)
        if hasattr(type(value), "check_parameters"):
            check_types(value)
        is_default = field.default is not MISSING and value is field.default
        if not is_default and not fits(value, hints.get(field.name, Any)):
            raise TypeError(
                f"{field.name} of {type(trainer).__name__} must be {in_words(hints[field.name])}, got {shown(value)}."
            )


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of an annotated type: True is no number, and NaN is none; a list will do for a tuple."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, arg) for arg in args)
    if origin is typing.Literal:
        return any(type(value) is type(arg) and value == arg for arg in args)
    if hint is Any:  # a class, but not one of which anything is an instance
        return True
    if hint is None:
        return value is None
    if hint is float:
        return is_number(value)
    if hint is int:
        return is_integer(value)
    if hint is bool:
        return isinstance(value, (bool, np.bool_))
    if origin is tuple and args[1:] == (...,):
        sequence = isinstance(value, (tuple, list)) or (isinstance(value, np.ndarray) and value.ndim == 1)
        return sequence and all(fits(item, args[0]) for item in value)
    return isinstance(value, hint) if isinstance(hint, type) and origin is None else True


def is_number(value: Any) -> bool:
    """Whether a value is a real number and neither True, False nor NaN."""
    if isinstance(value, Integral):
        return is_integer(value)
    return isinstance(value, Real) and bool(value == value)


def is_integer(value: Any) -> bool:
    """Whether a value is an integer that a computer counts with, and neither True nor False."""
    return isinstance(value, Integral) and not isinstance(value, (bool, np.bool_)) and abs(int(value)) <= LARGEST_INT


def in_words(hint: Any) -> str:
    """An annotation as a sentence speaks of it."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(map(in_words, args))
    if origin is tuple:
        return f"a tuple, each item {in_words(args[0])}"
    return WORDS.get(hint) or (f"a {hint.__name__}" if isinstance(hint, type) else str(hint).replace("typing.", ""))


def shown(value: Any) -> str:
    """A value as a sentence shows it: on one line, and not for ever."""
    line = " ".join(repr(value).split())
    return line if len(line) <= 100 else f"{line[:97]}..."


@cache
def _hints(kind) -> dict[str, Any]:
    try:
        return typing.get_type_hints(kind)
    except Exception:  # names that only a type checker knows
        return {}
