"""Monotone constraints: what a user asks for becomes a direction for each input of the network, or a sentence.

Read `directions_of` first; how a network keeps them is told in `sklearn_bpfree.nn.monotone`.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np

from sklearn_bpfree.estimators.parameters import trainer_name
from sklearn_bpfree.nn.activations import ACTIVATIONS
from sklearn_bpfree.plugin.hyperparameters import shown
from sklearn_bpfree.plugin.registry import inspect_trainers

OF_TABLE = "_directions_of_table"  # attribute by which a pipeline tells its last step those of the encoded columns


def directions_of(model, n_features: int) -> tuple[int, ...] | None:
    """The direction in which predictions are to go with each column: 1, 0 or -1; None: no constraint.

    Parameters
    ----------
    model : BPFreeClassifier or BPFreeRegressor
        Its `monotonic_cst` is of the columns of `fit`, unless a pipeline says what became of them.
    n_features : int
    """
    if (told := vars(model).pop(OF_TABLE, None)) is not None:
        return told if any(told) else None
    return column_directions(model.monotonic_cst, n_features, getattr(model, "feature_names_in_", None))


def column_directions(cst, n_features: int, names=None) -> tuple[int, ...] | None:
    """`monotonic_cst` as a direction for each column; None: no constraint.

    Parameters
    ----------
    cst : dict, array-like or None
    n_features : int
    names : sequence of str, default=None
        None: the columns have no names.
    """
    if cst is None:
        return None
    if isinstance(cst, dict):
        if names is None:
            raise ValueError(
                "monotonic_cst is a dict of columns' names, but X has no names; give a data frame, or a list with a "
                "direction for each column."
            )
        if unknown := [name for name in cst if name not in [*names]]:
            raise ValueError(f"monotonic_cst names {unknown}, but X has no such columns; its names are {[*names]}.")
        cst = [cst.get(name, 0) for name in names]
    elif isinstance(cst, str) or np.ndim(cst) != 1 or len(cst) != n_features:
        raise ValueError(
            f"monotonic_cst must be a dict of columns' names or have a direction for each of the {n_features} columns, "
            f"got {shown(cst)}."
        )
    if wrong := [value for value in cst if not isinstance(value, (Integral, np.integer)) or value not in (-1, 0, 1)]:
        raise ValueError(
            "monotonic_cst must hold 1 (predictions rise with the column), -1 (fall) or 0 (either), got "
            f"{shown(wrong[0])}."
        )
    return tuple(map(int, cst)) if any(cst) else None


def turned(cst) -> Any:
    """`monotonic_cst` of a target that is learned upside down."""
    if isinstance(cst, dict):
        return {name: -value if isinstance(value, Integral) else value for name, value in cst.items()}
    return cst if cst is None or isinstance(cst, str) else [-v if isinstance(v, Integral) else v for v in cst]


def check_constrained(model, network, trainer) -> None:
    """Raise a ValueError where a network that is to be monotone cannot be, or cannot be trained so."""
    if network.directions is None:
        return
    if network.n_outputs > 1:
        what = "two classes" if model._classifies else "one value a row"
        raise ValueError(
            f"monotonic_cst is for {what}, but y asks for {network.n_outputs} outputs; set it to None, or fit one "
            "estimator for each output."
        )
    if not ACTIVATIONS[network.activation].rises:
        able = [name for name, activation in ACTIVATIONS.items() if activation.rises]
        raise ValueError(
            f"monotonic_cst needs an activation that never falls, and {network.activation!r} does; use one of {able}."
        )
    if "monotone" not in trainer.offers:
        able = [info.name for info in inspect_trainers() if "monotone" in info.offers]
        raise ValueError(
            f"The trainer {trainer_name(model.trainer)!r} cannot hold monotonic_cst; set it to None, or use one that "
            f"offers monotone (registered: {', '.join(able) or 'none'})."
        )
