"""Formulas become nodes and constants of an ONNX graph, in the containers of skl2onnx."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto
from skl2onnx.common.data_types import (
    BooleanTensorType,
    DoubleTensorType,
    FloatTensorType,
    Int64TensorType,
    StringTensorType,
)

from sklearn_bpfree.nn.formulas import Formula, ordered

OLDEST_OPSET = 13  # from which on axes and softmax mean what they do here
OF_ML = {"LabelEncoder": 2}  # operators of the domain ai.onnx.ml, in the oldest version that does what is asked here
TYPES: dict[str, Any] = {  # by numpy's name of a dtype: a tensor's type for skl2onnx, and for onnx
    "float32": (FloatTensorType, TensorProto.FLOAT),
    "float64": (DoubleTensorType, TensorProto.DOUBLE),
    "int64": (Int64TensorType, TensorProto.INT64),
    "bool": (BooleanTensorType, TensorProto.BOOL),
    "object": (StringTensorType, TensorProto.STRING),
}
DTYPES = {tensor: np.dtype(name) for name, (tensor, _) in TYPES.items()}


def tensor_type(dtype, width=None):
    """The type of a tensor for skl2onnx, with any number of rows; without a width it has one dimension."""
    return TYPES[np.dtype(dtype).name][0]([None] if width is None else [None, width])


def dtype_of(tensor) -> np.dtype:
    """The dtype of a tensor's type; a sentence for one that our models do not take."""
    for kind, dtype in DTYPES.items():
        if isinstance(tensor, kind):
            return dtype
    known = ", ".join(kind.__name__ for kind in DTYPES)
    raise TypeError(f"An input must be of one of {known}, got {type(tensor).__name__}; give it another initial type.")


def write(formulas, names, inputs, scope, container) -> None:
    """Write some formulas into a graph.

    Parameters
    ----------
    formulas : list of Formula
    names : list of str
        What the graph calls them.
    inputs : dict of Formula to str
        What it calls their inputs.
    scope : skl2onnx Scope
    container : skl2onnx ModelComponentContainer
    """
    if container.target_opset_any_domain("") < OLDEST_OPSET:
        raise ValueError(f"target_opset must be at least {OLDEST_OPSET}, got {container.target_opset_any_domain('')}.")
    known, constants = dict(inputs), {}
    for formula in ordered(formulas):
        if formula in known:
            continue
        parts = []
        for part in formula.inputs:
            if isinstance(part, Formula):
                parts.append(known[part])
            else:
                if id(part) not in constants:  # the formula holds it, so that no other one has its number
                    constants[id(part)] = _constant(part, scope, container)
                parts.append(constants[id(part)])
        known[formula] = scope.get_unique_variable_name(formula.operator.lower())
        attributes = dict(formula.attributes)
        if formula.operator == "Cast":
            attributes["to"] = TYPES[formula.dtype.name][1]
        if formula.operator in OF_ML:
            attributes |= {"op_domain": "ai.onnx.ml", "op_version": OF_ML[formula.operator]}
        container.add_node(formula.operator, parts, known[formula], **attributes)
    for formula, name in zip(formulas, names, strict=True):
        container.add_node("Identity", known[formula], name)


def _constant(array, scope, container):
    name = scope.get_unique_variable_name("constant")
    array = array.astype(object) if array.dtype.kind in "US" else array
    values = [str(text).encode() for text in array.ravel()] if array.dtype == object else array.ravel()
    container.add_initializer(name, TYPES[array.dtype.name][1], list(array.shape), values)
    return name
