"""What all that users fit has in common: pickles that say their version, and a link in scikit-learn's HTML display."""

from __future__ import annotations

import warnings
from typing import Any

from sklearn.exceptions import InconsistentVersionWarning

ENTRY = "_sklearn_bpfree_version"


class OfThisLibrary:
    """Stands before `BaseEstimator` among the bases: what this adds is as scikit-learn has it for its own classes.

    A pickle of another version warns, and the question mark of the HTML display leads to the source with the docstring.
    """

    _doc_link_module = "sklearn_bpfree"
    _doc_link_template = "https://github.com/sklearn-bpfree/sklearn-bpfree/blob/main/{path}.py"

    def _doc_link_url_param_generator(self):
        return {"path": type(self).__module__.replace(".", "/")}

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
