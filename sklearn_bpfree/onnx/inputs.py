"""From a table to the arrays that a graph takes: which inputs there are, of which type, and what they hold."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array
from sklearn.utils.validation import _check_feature_names_in

from sklearn_bpfree.tabular.cells import moments_of, numbers_of, texts_of
from sklearn_bpfree.tabular.columns import ColumnReader
from sklearn_bpfree.tabular.containers import PLAIN_KINDS, as_table, cells_of


def feeds(model, X) -> dict[str, np.ndarray]:
    """The inputs of a model's graph for a table, by their names: what `onnxruntime.InferenceSession.run` takes.

    A `tabular_pipeline` has an input (n, 1) for each column that it uses. A category is text, in which "" stands for a
    missing cell; a number, boolean or duration is a number in double precision, NaN where it is missing, whatever the
    column's own type; a date is the microseconds since 1970 by the wall clock, and -2^63 where it is missing. Numbers
    and dates that the table has as text are read as in training. Any other model, and a pipeline for an array of
    numbers, has one input "X" (n, d).

    Parameters
    ----------
    model : estimator
        Fitted.
    X : DataFrame or array of shape (n_samples, n_features)

    Returns
    -------
    inputs : dict of str to ndarray

    Raises
    ------
    ValueError
        If dates have a time zone: then days and hours tell different things, and the graph has one number for both.
    """
    reader = _reader(model)
    table = X if reader is None else reader._in_order(as_table(X))
    if reader is None or (isinstance(table, np.ndarray) and table.dtype.kind in PLAIN_KINDS):
        precision = [np.float64, np.float32] if reader is None else np.float64
        return {"X": check_array(table, dtype=precision, ensure_all_finite=False)}
    names = [str(name) for name in _check_feature_names_in(reader, None)]
    columns = enumerate(zip(names, reader.columns_, strict=True))
    return {name: _cells(column, cells_of(table, j)).reshape(-1, 1) for j, (name, column) in columns if column.used}


def _reader(model) -> Any:
    """The step of a pipeline that reads its columns; None if there is none."""
    model = getattr(model, "best_estimator_", model)
    first = model.steps[0][1] if isinstance(model, Pipeline) else None
    return first if isinstance(first, ColumnReader) and first.columns_ else None


def _cells(column, cells) -> np.ndarray:
    if column.kind == "category":
        return np.array([text or "" for text in texts_of(column, cells)], dtype=object)
    if column.kind == "date":
        wall, utc = moments_of(column, cells)
        if not np.array_equal(wall, utc, equal_nan=True):
            raise ValueError(
                f"The dates of {column} have a time zone, which an ONNX graph is not told; make them dates without one."
            )
        return wall.astype("datetime64[us]").astype(np.int64)
    return numbers_of(column, cells).astype(np.float64)
