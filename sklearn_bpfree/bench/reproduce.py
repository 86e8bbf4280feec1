"""Python code that gives the line of a model in the leaderboard again."""

from itertools import takewhile
from typing import Any

from sklearn.base import clone

from sklearn_bpfree.bench.comparison import Model
from sklearn_bpfree.estimators import BPFreeClassifier, BPFreeRegressor

READERS = ("read_table", "bundled_tables", "set_aside", "by_group", "by_time")


def reproduce(model: Model, source: str, cv: int, random_state: int, scoring: str | None = None) -> str:
    """The code for a model.

    Parameters
    ----------
    model : Model
    source : str
        The expression that reads the table.
    cv, random_state : int
        Of the comparison.
    scoring : str, default=None
        What the comparison was asked to rank by.

    Returns
    -------
    str
        Lines of Python.
    """
    imports, expression = _expression(model, random_state)
    readers = [name for name in READERS if f"{name}(" in source]
    return "\n".join(
        [
            "from sklearn.model_selection import cross_val_score",
            *sorted(imports),
            f"from sklearn_bpfree.bench import {', '.join(sorted([*readers, 'folds', 'make_scoring']))}",
            "from sklearn_bpfree.tabular import tabular_pipeline",
            "",
            f"table = {source}",
            f"model = {expression}",
            f"scoring = make_scoring(table{'' if scoring is None else f', {scoring!r}'})",
            f"splits = folds(table, {cv}, {random_state})",
            "scores = cross_val_score(model, table.X, table.y, cv=splits, scoring=scoring)",
            "print(scoring.name, scores.mean(), scores.std())",
            "model.fit(table.X, table.y)  # on all rows, for predictions of new ones",
        ]
    )


def _expression(model: Model, random_state) -> tuple[set[str], str]:
    """What must be imported, and the expression that makes the pipeline."""
    if model.word:
        return set(), f"tabular_pipeline({model.word!r}, random_state={random_state})"
    estimator: Any = clone(model.pipeline[-1])
    for part in [estimator, *_parts(estimator)]:
        if "random_state" in part.get_params(deep=False):
            part.set_params(random_state=None)
    text = " ".join(repr(estimator).split())
    imports = {_import_of(part) for part in [estimator, *_parts(estimator)]}
    return imports, f"tabular_pipeline({text}, random_state={random_state})"


def _parts(estimator):
    return [value for value in estimator.get_params(deep=False).values() if hasattr(value, "get_params")]


def _import_of(thing) -> str:
    kind = type(thing)
    module = ".".join(takewhile(lambda part: not part.startswith("_"), kind.__module__.split(".")))
    if kind in (BPFreeClassifier, BPFreeRegressor):
        module = "sklearn_bpfree"
    if module in ("catboost.core", "lightgbm.sklearn", "xgboost.sklearn"):
        module = module.partition(".")[0]
    return f"from {module} import {kind.__name__}"
