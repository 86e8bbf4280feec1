"""Pickles say which version of this library made them, and that of another one warns, as scikit-learn's do."""

from __future__ import annotations

import warnings
from typing import Any

from sklearn.exceptions import InconsistentVersionWarning

ENTRY = "_sklearn_bpfree_version"


class Versioned:
    """Stands before `BaseEstimator` among the bases of what users pickle."""

    def __getstate__(self) -> Any:
        return {**super().__getstate__(), ENTRY: _version()}  # pyright: ignore

    def __setstate__(self, stored: Any) -> None:
        stored = dict(stored)
        made_by = stored.pop(ENTRY, "unknown")
        if made_by != _version():
            warnings.warn(
                InconsistentVersionWarning(
                    estimator_name=f"{type(self).__name__} of sklearn-bpfree",
                    current_sklearn_version=_version(),
                    original_sklearn_version=made_by,
                ),
                stacklevel=2,
            )
        super().__setstate__(stored)  # pyright: ignore


def _version():
    from sklearn_bpfree import __version__  # which imports this module

    return __version__
