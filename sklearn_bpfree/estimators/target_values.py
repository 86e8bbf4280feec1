"""The user's y as a plain array, told by its values: what no target can hold is refused by its row and value."""

from __future__ import annotations

from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy import sparse

from sklearn_bpfree.plugin.hyperparameters import shown

NUMBERS = (Real, Decimal, np.bool_)
NOTHING = ("NAType", "NaTType")  # of pandas, which need not be there
INT64 = np.iinfo(np.int64)


def plain(y: Any, *, numbers: bool, name: str = "y") -> Any:
    """Targets as an array of numbers, booleans or text; as they are when that is for others to judge.

    Parameters
    ----------
    y : array-like
    numbers : bool
        Whether they must be numbers; otherwise they are labels, each of which stays what it is.
    name : str, default="y"

    Returns
    -------
    y : ndarray or sparse matrix
        Integers beyond 64 bits are kept as objects.

    Raises
    ------
    ValueError
        If a value is missing, a date, text instead of a number, or of another type than the others.
    """
    if y is None or sparse.issparse(y):
        return y
    try:
        array = np.asarray(y)
        if array.dtype.kind == "f" and isinstance(y, (list, tuple)):
            array = _integers_kept(y, array)
    except ValueError as error:
        raise ValueError(f"{name} must hold as many values for each row, got {shown(y)}.") from error
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported, but {name} is complex; give its real part or its modulus.")
    if array.dtype.kind in ("mMV" if not numbers else "mMVSU"):
        _refuse(array.flat[0].item() if array.size else array.dtype, 0, numbers, name)
    return _of_objects(array, numbers, name) if array.dtype.kind == "O" else array


def _integers_kept(y, array):
    """A list of integers that numpy makes floats because some are negative and some beyond 63 bits."""
    objects = np.array(y, dtype=object)
    return objects if objects.size and all(type(value) is int for value in objects.flat) else array


def _of_objects(array, numbers, name):
    values = array.ravel().tolist()
    for row, value in enumerate(values):
        if value is None or type(value).__name__ in NOTHING or (isinstance(value, NUMBERS) and value != value):
            raise ValueError(
                f"{name} holds missing values, such as {value!r} in row {_row(row, array)}; leave these rows out."
            )
        if not isinstance(value, NUMBERS if numbers else (str, *NUMBERS)):
            _refuse(value, _row(row, array), numbers, name)
    if any(isinstance(value, str) for value in values):
        other = next((value for value in values if not isinstance(value, str)), None)
        if other is not None:
            raise ValueError(
                f"{name} holds labels of several types, such as {other!r} beside text; make them all text or all "
                "numbers."
            )
        return array
    if all(isinstance(value, (bool, np.bool_)) for value in values):
        return array.astype(bool)
    if not numbers and all(isinstance(value, Integral) for value in values):
        fits = all(INT64.min <= value <= INT64.max for value in values)
        return array.astype(np.int64) if fits else array
    return array.astype(np.float64)


def _row(number, array):
    return number if array.ndim == 1 else number // array.shape[1]


def _refuse(value, row, numbers, name):
    asked = "numbers" if numbers else "numbers or text"
    raise ValueError(
        f"{name} must hold {asked}, got {shown(value)} of type {type(value).__name__} in row {row}; convert it to "
        f"{asked}."
    )
