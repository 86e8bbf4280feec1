"""Formulas: how a value follows from the rows, step by step, to be computed elsewhere, as in an ONNX graph.

A formula is the name of an operator of ONNX, what it is applied to, and the dtype of what comes out. Nothing is
computed until `value` asks for it, and nothing here needs the package onnx. Constants are arrays and take the dtype of
what they are combined with. A method and its formula must say the same; `forget_untold` sees that a class that
overrides the one does not keep the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

COMPARISONS = ("Greater", "GreaterOrEqual", "Equal", "And", "Or", "Not", "IsNaN")


class FormulaError(ValueError):
    """There is no formula for what was asked for."""


class Formula:
    """A value that is not computed yet.

    Numbers, arrays and other formulas are added, subtracted, multiplied and divided as arrays are, and ``X @ W`` is a
    matrix product; all of them broadcast.

    Parameters
    ----------
    operator : str
        Name of an operator of ONNX; "" for an input.
    *inputs : Formula, ndarray or number
    dtype : dtype, default=None
        Of the result. None: bool for a comparison, otherwise that of the first formula among the inputs.
    **attributes : object
        Of the operator.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_bpfree.nn.formulas import Formula
    >>> X = Formula.input()
    >>> Z = Formula("Relu", X @ np.eye(2) - 1)
    >>> Z.value({X: np.array([[3.0, 0.5]], np.float32)})
    array([[2., 0.]], dtype=float32)
    """

    __array_ufunc__ = None  # so that array + formula is ours to answer

    def __init__(self, operator: str, *inputs: Any, dtype: Any = None, **attributes: Any):
        kind = next((given.dtype for given in inputs if isinstance(given, Formula) and given.dtype != bool), bool)
        self.operator = operator
        self.inputs = tuple(given if isinstance(given, Formula) else _constant(given, kind) for given in inputs)
        self.attributes = attributes
        self.dtype = np.dtype(dtype if dtype is not None else bool if operator in COMPARISONS else kind)

    @classmethod
    def input(cls, dtype: Any = np.float32, width: int | None = None) -> Formula:
        """What is given: the rows, or a column of them; the width may be told for others to read."""
        return cls("", dtype=dtype, width=width)

    @classmethod
    def concatenated(cls, parts) -> Formula:
        """Formulas side by side, along the last axis."""
        parts = list(parts)
        return parts[0] if len(parts) == 1 else cls("Concat", *parts, axis=-1)

    @classmethod
    def where(cls, condition, yes, no) -> Formula:
        """One value or the other."""
        return cls("Where", condition, yes, no)

    @classmethod
    def looked_up(cls, table, number) -> Formula:
        """Entries of an array by their number along its first axis."""
        return cls("Gather", table, number, dtype=np.asarray(table).dtype, axis=0)

    def __add__(self, other):
        return Formula("Add", self, other)

    def __radd__(self, other):
        return Formula("Add", other, self)

    def __sub__(self, other):
        return Formula("Sub", self, other)

    def __rsub__(self, other):
        return Formula("Sub", other, self)

    def __mul__(self, other):
        return Formula("Mul", self, other)

    def __rmul__(self, other):
        return Formula("Mul", other, self)

    def __truediv__(self, other):
        return Formula("Div", self, other)

    def __rtruediv__(self, other):
        return Formula("Div", other, self)

    def __matmul__(self, other):
        return Formula("MatMul", self, other)

    def __gt__(self, other):
        return Formula("Greater", self, other)

    def __ge__(self, other):
        return Formula("GreaterOrEqual", self, other)

    def equals(self, other) -> Formula:
        """Where two values are the same."""
        return Formula("Equal", self, other)

    def cast(self, dtype) -> Formula:
        """In another dtype."""
        return self if self.dtype == dtype else Formula("Cast", self, dtype=dtype)

    def clip(self, low, high) -> Formula:
        """Between limits."""
        return Formula("Min", Formula("Max", self, low), high)

    def columns(self, numbers) -> Formula:
        """Some columns, by their numbers."""
        return Formula("Gather", self, np.asarray(numbers, np.int64), axis=1)

    def sum(self, axis: int, keepdims: bool = False) -> Formula:
        """Over an axis."""
        return Formula("ReduceSum", self, np.array([axis]), keepdims=int(keepdims))

    def softmax(self) -> Formula:
        """Over the last axis."""
        return Formula("Softmax", self, axis=-1)

    def reshape(self, *shape: int) -> Formula:
        """In another shape, where 0 means as it was and -1 what is left."""
        return Formula("Reshape", self, np.array(shape))

    def value(self, given: dict[Formula, np.ndarray]) -> np.ndarray:
        """The value for some inputs, by numpy."""
        values: dict[Formula, Any] = dict(given)
        for formula in ordered([self]):
            if formula not in values:
                parts = [values[part] if isinstance(part, Formula) else part for part in formula.inputs]
                computed = _COMPUTED[formula.operator](*parts, **formula.attributes)
                values[formula] = np.asarray(computed).astype(formula.dtype, copy=False)
        return values[self]


def ordered(formulas) -> list[Formula]:
    """All formulas that some formulas are made of, and these; each after what it is made of."""
    found: dict[Formula, None] = {}
    waiting = [(formula, False) for formula in reversed(formulas)]
    while waiting:
        formula, is_ready = waiting.pop()
        if formula in found:
            continue
        if is_ready:
            found[formula] = None
            continue
        waiting.append((formula, True))
        waiting += [(part, False) for part in formula.inputs if isinstance(part, Formula)]
    return list(found)


def forget_untold(cls, pairs) -> None:
    """Take from a class each formula that a base wrote for another method than the class has.

    Parameters
    ----------
    cls : type
    pairs : iterable of (str, str)
        Names of a method and of the one that gives its formula.
    """
    for method, told in pairs:
        order = [next(i for i, base in enumerate(cls.__mro__) if name in vars(base)) for name in (method, told)]
        if order[0] < order[1]:
            setattr(cls, told, _untold(method, told))


def _untold(method, told):
    def raise_error(self, *args, **kwargs):
        name = type(self).__name__
        raise FormulaError(f"{name} has its own {method} and does not say it as a formula; give it the method {told}.")

    return raise_error


def _constant(value, kind):
    array = np.asarray(value)
    if kind is bool or array.dtype.kind not in "iuf":
        return array
    takes = array.ndim == 0 or (array.dtype.kind == "f" and kind.kind == "f")
    return array.astype(kind) if takes else array


def _reshaped(X, shape):
    return X.reshape([X.shape[i] if size == 0 else size for i, size in enumerate(shape)])


_COMPUTED: dict[str, Any] = {
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide, "MatMul": np.matmul,
    "Max": np.maximum, "Min": np.minimum, "Sqrt": np.sqrt, "Exp": np.exp, "Log": np.log, "Tanh": np.tanh,
    "Sin": np.sin, "Sigmoid": special.expit, "Erf": special.erf, "Relu": lambda X: np.maximum(X, 0),
    "Softmax": lambda X, axis: special.softmax(X, axis=axis),
    "Greater": np.greater, "GreaterOrEqual": np.greater_equal, "Equal": np.equal, "And": np.logical_and,
    "Or": np.logical_or, "Not": np.logical_not, "IsNaN": np.isnan, "Mod": np.mod, "Where": np.where,
    "Cast": lambda X: X, "Concat": lambda *parts, axis: np.concatenate(parts, axis=axis),
    "Gather": lambda X, numbers, axis: np.take(X, numbers, axis=axis), "Reshape": _reshaped,
    "ReduceSum": lambda X, axes, keepdims: X.sum(axis=tuple(axes), keepdims=bool(keepdims)),
    "ArgMax": lambda X, axis, keepdims: np.expand_dims(X.argmax(axis), axis) if keepdims else X.argmax(axis),
}  # fmt: skip
