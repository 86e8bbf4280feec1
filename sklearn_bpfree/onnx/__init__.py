"""Fitted models as ONNX graphs, for predictions without scikit-learn; the extra "onnx" installs what is needed.

`to_onnx` makes the graph, and `feeds` makes of a table what the graph takes::

    import onnxruntime
    from sklearn_bpfree.onnx import feeds, to_onnx

    session = onnxruntime.InferenceSession(to_onnx(model, X).SerializeToString())
    label, probabilities = session.run(None, feeds(model, X))

Importing this module also tells skl2onnx of our estimators and encoders, so that `skl2onnx.to_onnx` converts pipelines,
searches and ensembles of scikit-learn's that hold them. Nothing of it is needed for training.

What is predicted is exported, quantiles, deviations and sets of classes are not. A trainer is exported if it has a
`formula`, as all of this library have.
"""

from __future__ import annotations

from typing import Any

try:
    import skl2onnx
except ImportError as error:
    raise ImportError('Exports need the packages onnx and skl2onnx; run pip install "sklearn-bpfree[onnx]".') from error
from sklearn.utils.validation import check_is_fitted

from sklearn_bpfree.onnx.inputs import feeds
from sklearn_bpfree.onnx.registering import register
from sklearn_bpfree.onnx.writing import tensor_type

__all__ = ["feeds", "to_onnx"]

register()


def to_onnx(model, X, *, options=None, **params) -> Any:
    """The graph of a fitted estimator or pipeline.

    A classifier has the outputs "label" (text or int64; with several labels per row an indicator matrix) and
    "probabilities", in the order of `classes_`; a regressor has "variable" of shape (n_samples, n_outputs).

    Parameters
    ----------
    model : estimator
        Fitted: an estimator of this library, a `tabular_pipeline`, a pipeline or a search that ends in one of these.
    X : DataFrame or array of shape (n_samples, n_features)
        Some rows, which tell the names and types of the inputs; see `feeds`.
    options : dict, default=None
        Of skl2onnx. None: probabilities are a matrix, and not a list of dicts as in `skl2onnx.to_onnx`.
    **params : object
        Further ones of `skl2onnx.convert_sklearn`, such as `target_opset`, 13 at least.

    Returns
    -------
    graph : onnx.ModelProto

    Raises
    ------
    FormulaError
        If the trainer, the loss or an encoder has no formula.

    Examples
    --------
    >>> import onnxruntime
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_bpfree import BPFreeClassifier
    >>> from sklearn_bpfree.onnx import feeds, to_onnx
    >>> X, y = load_iris(return_X_y=True)
    >>> model = BPFreeClassifier(max_iter=5, random_state=0).fit(X, y)
    >>> session = onnxruntime.InferenceSession(to_onnx(model, X).SerializeToString())
    >>> label, probabilities = session.run(None, feeds(model, X))
    >>> label.shape, probabilities.shape
    ((150,), (150, 3))
    """
    check_is_fitted(model)
    types = [(name, tensor_type(column.dtype, column.shape[1])) for name, column in feeds(model, X[:1]).items()]
    if options is None and hasattr(model, "classes_"):
        options = {id(model): {"zipmap": False}}
    graph = skl2onnx.convert_sklearn(model, initial_types=types, options=options, **params)
    _rename_inputs(graph, [name for name, _ in types])
    return graph


def _rename_inputs(graph, names):
    """Call the inputs what the columns are called, of which skl2onnx makes identifiers."""
    renamed = {given.name: name for given, name in zip(graph.graph.input, names, strict=True)}
    for given in graph.graph.input:
        given.name = renamed[given.name]
    for node in graph.graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
