"""Finite or refused: rows that a computation cannot hold are a sentence that names the column to blame."""

from __future__ import annotations

import numpy as np
from scipy import sparse


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
    names = getattr(model, "feature_names_in_", None)
    name = f"{number}" if names is None else f"{names[number]!r}"
    return f"column {name} reaches {sizes[number]:.3g}"
