"""Finite or refused: rows that a computation cannot hold are a sentence that names the column to blame."""

from __future__ import annotations

import warnings

import numpy as np
from scipy import sparse

from sklearn_bpfree.linear.features import dense

ANOTHER_SCALE = 20  # standard deviations of a training column that the middle of no like one is away from its mean
LOOKED_AT = 1000  # rows, evenly spaced
CALLER = 6  # the warning stands at the user's call of `fit`, so many calls above


def check_range(model, X, dtype) -> None:
    """Raise a ValueError if sums of squares of the rows are not finite in the dtype of the computation.

    Below that bound whatever a trainer makes of its rows at first is finite: products, Gram matrices, norms.
    """
    values = X.data if sparse.issparse(X) else X
    if not values.size:
        return
    bound = np.sqrt(np.finfo(dtype).max / values.size)
    if max(values.max(), -values.min()) > bound:
        other = "" if dtype == np.float64 else " or use dtype='float64'"
        raise ValueError(
            f"Input X contains a value too large for dtype('{dtype}'): {largest_column(model, X)}; scale the columns"
            f"{other}."
        )


def warn_of_another_scale(model, X, X_val) -> None:
    """Warn if the middle of some column's validation rows lies far off what the training rows hold."""
    rows, held = (dense(part[:: -(-part.shape[0] // LOOKED_AT)]) for part in (X, X_val))
    deviation = rows.std(axis=0, dtype=np.float64)
    varies = np.flatnonzero(deviation > 0)
    if not len(varies):
        return
    middle = np.median(np.abs(held - rows.mean(axis=0, dtype=np.float64)), axis=0)[varies] / deviation[varies]
    if (farthest := middle.max()) > ANOTHER_SCALE:
        warnings.warn(
            f"X_val is on another scale than X: in column {column_name(model, varies[middle.argmax()])} its rows lie "
            f"{farthest:.0f} standard deviations from the mean of X; transform both alike, as tabular_pipeline does, "
            "or a pipeline with transform_input=['X_val'] under metadata routing.",
            UserWarning,
            stacklevel=CALLER,
        )


def check_finite(model, X, *parts) -> None:
    """Raise a ValueError if a prediction is not finite."""
    if not all(np.isfinite(part).all() for part in parts):
        raise ValueError(
            f"The predictions of the fitted {type(model).__name__} are not finite for these rows: "
            f"{largest_column(model, X)}; scale the columns, in the same way for fit and predict."
        )


def largest_column(model, X) -> str:
    """Which column holds the largest value, in words."""
    sizes = abs(X).max(axis=0)
    sizes = sizes.toarray().ravel() if sparse.issparse(sizes) else np.asarray(sizes).ravel()
    number = int(sizes.argmax())
    return f"column {column_name(model, number)} reaches {sizes[number]:.3g}"


def column_name(model, number) -> str:
    """What a column is called, or its number."""
    names = getattr(model, "feature_names_in_", None)
    return f"{number}" if names is None else f"{names[number]!r}"
