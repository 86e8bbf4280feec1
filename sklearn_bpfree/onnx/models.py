"""What the estimators predict, as formulas of the rows."""

from __future__ import annotations

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_bpfree.nn.formulas import Formula
from sklearn_bpfree.nn.targets import LabelSets


def of_classifier(model, X: Formula) -> list[Formula]:
    """Labels (n,) or label indicators (n, K), and probabilities (n, n_classes), of a `BPFreeClassifier`."""
    P, targets = _linked(model, X), model.targets_
    if isinstance(targets, LabelSets):
        return [(P > 0.5).cast(np.int64), P]
    if targets.exclusive:
        number = Formula("ArgMax", P, dtype=np.int64, axis=1, keepdims=0)
    else:
        number = (P > 0.5).cast(np.int64).reshape(-1)
        P = Formula.concatenated([1 - P, P])
    return [Formula.looked_up(_labels(targets.classes), number), P]


def of_regressor(model, X: Formula) -> list[Formula]:
    """Values (n, K) of a `BPFreeRegressor`."""
    P, targets = _linked(model, X), model.targets_
    dtype = targets.predict(np.zeros((1, targets.n_outputs), P.dtype)).dtype
    return [(P.cast(np.float64) * targets.scale + targets.mean).cast(dtype)]


def of_skewed_regressor(model, X: Formula) -> list[Formula]:
    """Values (n, K) of a `SkewedTargetRegressor`, in double precision as it gives them."""
    check_is_fitted(model, "regressor_")
    scale = model.transformer_
    y = of_regressor(model.regressor_, X)[0].cast(np.float64) * scale.tail_
    if scale.skewed_:
        y = (y * scale.tail_).clip(0, scale.reach_) * scale.tail_
    return [y * scale.scale_ + scale.start_]


def _linked(model, X):
    """Probabilities or encoded values, in the precision of the fit."""
    check_is_fitted(model, "state_")
    Z = model.trainer_.formula(model.state_, model.network_, X.cast(np.dtype(model.dtype)))
    return model.objective_.link_formula(Z)


def _labels(classes):
    """Class labels as ONNX has them: text, or whole numbers."""
    if classes.dtype.kind in "US" or isinstance(classes[0], str):
        return classes.astype(object)
    try:
        whole = classes.astype(np.int64)
    except (OverflowError, TypeError, ValueError):
        whole = None
    if whole is None or not (whole == classes).all():
        raise ValueError(f"Labels in an ONNX graph must be text or 64-bit integers, got {classes.tolist()[:5]}.")
    return whole
