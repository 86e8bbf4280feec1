"""Our estimators and encoders in the register of skl2onnx, so that they convert wherever scikit-learn's do."""

from __future__ import annotations

from typing import Any

from skl2onnx import update_registered_converter
from skl2onnx._parse import _apply_zipmap
from skl2onnx.common.data_types import FloatTensorType
from sklearn.base import is_classifier

from sklearn_bpfree.estimators import BPFreeClassifier, BPFreeRegressor
from sklearn_bpfree.nn.formulas import Formula, FormulaError
from sklearn_bpfree.onnx import tables
from sklearn_bpfree.onnx.models import of_classifier, of_regressor, of_skewed_regressor
from sklearn_bpfree.onnx.writing import dtype_of, tensor_type, write
from sklearn_bpfree.tabular.pipeline import TabularPipeline
from sklearn_bpfree.tabular.skewed import SkewedTargetRegressor

MODELS: dict[type, Any] = {
    BPFreeClassifier: of_classifier,
    BPFreeRegressor: of_regressor,
    SkewedTargetRegressor: of_skewed_regressor,
}
ENCODERS = (tables.PiecewiseLinearEncoder, tables.CircleEncoder, tables.OneHotLevels, tables.LevelNumbers)
ENCODERS += (tables._LevelMeans,)
OPTIONS = {"zipmap": [True, False, "columns"], "nocl": [True, False], "output_class_labels": [False, True]}


def outputs_of(model, inputs: list[Formula]) -> list[Formula]:
    """What a model of ours gives for its inputs, in the order of the graph's outputs."""
    if isinstance(model, TabularPipeline):
        last = model.steps[-1][1]
        if type(last) not in MODELS:
            able = ", ".join(kind.__name__ for kind in MODELS)
            raise FormulaError(
                f"A tabular_pipeline is exported with one of {able} as its last step, got {type(last).__name__}."
            )
        return MODELS[type(last)](last, tables.of_pipeline(model, inputs))
    if type(model) in MODELS:
        return MODELS[type(model)](model, tables.Table(inputs).matrix())
    return [tables.encoded(model, tables.Table(inputs))]


def _inputs(operator):
    types = [variable.type for variable in operator.inputs]
    return [Formula.input(dtype_of(kind), kind.shape[1] if len(kind.shape) > 1 else None) for kind in types]


def _shapes(operator):
    model = operator.raw_operator
    formulas = outputs_of(model, _inputs(operator))
    is_label = is_classifier(model)
    for formula, variable in zip(formulas, operator.outputs, strict=True):
        has_one_dimension = is_label and formula.dtype != formulas[-1].dtype and not _is_multilabel(model)
        variable.type = tensor_type(formula.dtype, None if has_one_dimension else _width(model))


def _width(model):
    """Number of columns that come out."""
    last = model.steps[-1][1] if isinstance(model, TabularPipeline) else model
    if isinstance(last, SkewedTargetRegressor):
        last = last.regressor_
    if isinstance(last, BPFreeClassifier):
        return len(last.classes_)
    return last.n_outputs_ if isinstance(last, BPFreeRegressor) else len(last.get_feature_names_out())


def _is_multilabel(model):
    last = model.steps[-1][1] if isinstance(model, TabularPipeline) else model
    return last.targets_.kind == "labels" and len(last.classes_) == last.targets_.n_outputs


def _convert(scope, operator, container):
    inputs = _inputs(operator)
    formulas = outputs_of(operator.raw_operator, inputs)
    names = {formula: variable.full_name for formula, variable in zip(inputs, operator.inputs, strict=True)}
    write(formulas, [variable.full_name for variable in operator.outputs], names, scope, container)


def _parse(scope, model, inputs, custom_parsers=None):
    """Outputs by the names that skl2onnx gives them: "label" and "probabilities", or "variable"."""
    operator = scope.declare_local_operator(ALIASES[type(model)], model)
    operator.inputs = inputs
    names = ["label", "probabilities"] if is_classifier(model) else ["variable"]
    for name in names:
        operator.outputs.append(scope.declare_local_variable(name, FloatTensorType()))
    zipmap = is_classifier(model) and scope.get_options(model, {"zipmap": True})["zipmap"]
    if not zipmap or _is_multilabel(model):
        return operator.outputs
    _shapes(operator)
    return _apply_zipmap(zipmap, scope, model, FloatTensorType(), operator.outputs)


ALIASES = {kind: f"BPFree{kind.__name__.strip('_')}" for kind in (*MODELS, *ENCODERS, TabularPipeline)}


def register() -> None:
    """Tell skl2onnx of all that is ours."""
    for kind, alias in ALIASES.items():
        may_be_classifier = kind in (BPFreeClassifier, TabularPipeline)
        options = OPTIONS if may_be_classifier else None
        update_registered_converter(kind, alias, _shapes, _convert, parser=_parse, options=options)
