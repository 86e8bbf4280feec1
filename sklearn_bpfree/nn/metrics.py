"""Metrics of many members at once, each equal to scikit-learn's own; greater is better.

`vectorised` says which scorer names have such a form here. Everything that judges classes is a sum over a confusion
matrix, (P, true class, predicted class) for P members; the area under a ROC curve is the share of pairs that are in
order, found by sorting; ties count half. `CostMetric` and `PinballMetric` are metrics that scikit-learn has no scorer
name for; they work wherever scikit-learn takes a metric.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
from sklearn.utils import check_scalar

from sklearn_bpfree.nn.targets import Classes, LabelSets, Values


class _Named:
    """scikit-learn's scorers call a metric by its name."""

    @property
    def __name__(self) -> str:
        return repr(self)


@dataclass(frozen=True, eq=False)
class CostMetric(_Named):
    """Minus the mean cost of the decisions, as a metric ``metric(y_true, y_pred)``.

    For ``loss=CostMetric(costs)``, and in ``make_scorer(CostMetric(costs))``.

    Parameters
    ----------
    costs : array-like of shape (n_classes, n_classes)
        ``costs[i][j]`` is what it costs to predict class j where i is true, classes in sorted order.
    labels : array-like of shape (n_classes,), default=None
        The classes; None: those of a call, which must hold them all.
    """

    costs: Any
    labels: Any = None

    def __post_init__(self):
        shape = np.shape(self.costs)
        if len(shape) != 2 or shape[0] != shape[1] or not np.isfinite(np.asarray(self.costs, np.float64)).all():
            raise ValueError(f"costs must be a square matrix of finite numbers, got {self.costs!r}.")

    def __call__(self, y_true, y_pred, sample_weight=None) -> float:
        """Minus the (weighted) mean cost."""
        y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
        labels = np.unique([y_true, y_pred] if self.labels is None else self.labels)
        self.check(labels)
        costs = np.asarray(self.costs, np.float64)[np.searchsorted(labels, y_true), np.searchsorted(labels, y_pred)]
        return -float(np.average(costs, weights=sample_weight))

    def check(self, labels) -> None:
        """Raise a ValueError if the costs are not those of so many classes."""
        if len(labels) != len(self.costs):
            raise ValueError(
                f"The costs are those of {len(self.costs)} classes, but there are {len(labels)}: {labels!r}; give a "
                "row and a column for each, and labels where some may be absent."
            )


@dataclass(frozen=True)
class PinballMetric(_Named):
    """Minus the mean pinball loss for a quantile, as a metric ``metric(y_true, y_pred)``.

    Parameters
    ----------
    quantile : float, default=0.5
        In (0, 1).
    """

    quantile: float = 0.5

    def __post_init__(self):
        check_scalar(self.quantile, "quantile", (int, float), min_val=0, max_val=1, include_boundaries="neither")

    def __call__(self, y_true, y_pred, sample_weight=None) -> float:
        """Minus the (weighted) mean pinball loss, uniform over outputs."""
        R = np.asarray(y_true, np.float64) - y_pred
        return -float(np.average(_pinball(self.quantile, R), axis=0, weights=sample_weight).mean())


Scores = Callable[[Any, Any, Any], np.ndarray]


def vectorised(scoring, targets, link) -> Scores | None:
    """The form of a metric that judges all members at once, if there is one.

    Parameters
    ----------
    scoring : str, CostMetric, PinballMetric or any other callable
    targets : Classes, LabelSets or Values
    link : callable
        From raw outputs to probabilities or encoded values.

    Returns
    -------
    scores : callable or None
        ``scores(Z, y, weight)`` of raw outputs (P, n, K), the user's targets and weights (n,) or None gives an array
        (P,) of float64.
    """
    if isinstance(targets, Values):
        if isinstance(scoring, PinballMetric):
            return partial(_value_scores, partial(_mean_pinball, scoring.quantile), targets, link)
        known = isinstance(scoring, str) and scoring in VALUE_METRICS
        return partial(_value_scores, VALUE_METRICS[scoring], targets, link) if known else None
    if isinstance(scoring, CostMetric) and isinstance(targets, Classes):
        scoring.check(targets.classes)
        return partial(_decision_scores, partial(_cost, np.asarray(scoring.costs, np.float64)), targets)
    if not isinstance(scoring, str):
        return None
    if scoring == "roc_auc" and not targets.exclusive:  # by the raw outputs, as scikit-learn has it
        return partial(_auc_scores, targets, "macro", None)
    if not isinstance(targets, Classes):
        return _label_set_scores(scoring, targets)
    if scoring in AUC_AVERAGES:
        return partial(_auc_scores if "ovr" in scoring else _pairwise_auc_scores, targets, AUC_AVERAGES[scoring], link)
    if scoring == "neg_log_loss":
        return partial(_log_loss_scores, targets, link)
    metric = _by_confusion(scoring, targets)
    return None if metric is None else partial(_decision_scores, metric, targets)


# --- decisions --------------------------------------------------------------------------------------------------------


def decide(Z) -> np.ndarray:
    """Number of the predicted class of each row, (..., n, K) -> (..., n); the first of equals, 0 or 1 for K = 1."""
    if Z.shape[-1] == 1:
        return (Z[..., 0] > 0).astype(np.int16)
    best = Z[..., 0].copy()
    decided = np.zeros(best.shape, np.int16)
    for k in range(1, Z.shape[-1]):
        np.copyto(decided, k, where=Z[..., k] > best)
        np.maximum(best, Z[..., k], out=best)
    return decided


def confusion(decided, codes, weight, n_classes) -> np.ndarray:
    """Confusion matrices (P, true, predicted) of decisions (P, n)."""
    exact = np.float32 if weight is None and len(codes) < 1 << 24 else np.float64  # counts are exact in either
    true = (codes[:, None] == np.arange(n_classes)).astype(exact)
    if weight is not None:
        true *= weight[:, None]
    return np.stack([(decided == k).astype(exact) @ true for k in range(n_classes)], axis=2).astype(np.float64)


def _decision_scores(metric, targets, Z, y, weight):
    codes = np.searchsorted(targets.classes, y)
    return metric(confusion(decide(Z), codes, weight, len(targets.classes)))


def _label_set_scores(scoring, targets: LabelSets) -> Scores | None:
    """Precision and its kin for any number of labels per row."""
    name, _, average = scoring.partition("_")
    if name not in RATIOS or average not in ("macro", "micro", "weighted"):
        return None

    return partial(_chosen_scores, name, average)


def _chosen_scores(name, average, Z, y, weight):
    chosen, y = (Z > 0).astype(np.float64), np.asarray(y, np.float64)
    w = np.ones(len(y)) if weight is None else np.asarray(weight, np.float64)
    hits, all_chosen = np.einsum("pnk,nk,n->pk", chosen, y, w), np.einsum("pnk,n->pk", chosen, w)
    return _averaged(name, average, hits, np.broadcast_to(w @ y, hits.shape), all_chosen, every_label=True)


def _by_confusion(scoring, targets: Classes):
    """From confusion matrices to scores, for a scorer's name; None if it is of another kind."""
    if scoring == "accuracy":
        return _accuracy
    if scoring == "balanced_accuracy":
        return _balanced_accuracy
    name, _, average = scoring.partition("_")
    if name not in RATIOS or average not in ("", "macro", "micro", "weighted"):
        return None
    if not average:
        if len(targets.classes) != 2 or 1 not in targets.classes:
            return None  # scikit-learn says what is wrong
        average = int(np.flatnonzero(targets.classes == 1)[0])
    return partial(_ratio, name, average)


def _accuracy(C):
    return np.einsum("pkk->p", C) / C.sum(axis=(1, 2))


def _balanced_accuracy(C):
    support = C.sum(axis=2)
    return _ratios(np.einsum("pkk->pk", C), support).sum(axis=1) / (support > 0).sum(axis=1)


def _cost(costs, C):
    return -np.einsum("pij,ij->p", C, costs) / C.sum(axis=(1, 2))


# hits, rows of the class, rows predicted as the class -> numerator, denominator
RATIOS = {
    "precision": lambda hits, true, chosen: (hits, chosen),
    "recall": lambda hits, true, chosen: (hits, true),
    "f1": lambda hits, true, chosen: (2 * hits, true + chosen),
    "jaccard": lambda hits, true, chosen: (hits, true + chosen - hits),
}


def _ratio(name, average, C):
    return _averaged(name, average, np.einsum("pkk->pk", C), C.sum(axis=2), C.sum(axis=1))


def _averaged(name, average, hits, true, chosen, every_label=False):
    """A ratio of counts (P, K), for one class or averaged; only classes that are there or predicted count."""
    if average == "micro":
        hits, true, chosen = (count.sum(axis=1, keepdims=True) for count in (hits, true, chosen))
        average = 0
    numerator, denominator = RATIOS[name](hits, true, chosen)
    values = _ratios(numerator, denominator)
    if isinstance(average, int):
        return values[:, average]
    share = true if average == "weighted" else ((true + chosen > 0) | every_label).astype(np.float64)
    return _ratios((values * share).sum(axis=1), share.sum(axis=1))


def _ratios(numerator, denominator):
    """Quotients; 0 where the denominator is."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator != 0)


# --- probabilities and ranks ------------------------------------------------------------------------------------------

AUC_AVERAGES = {
    "roc_auc_ovr": "macro",
    "roc_auc_ovr_weighted": "weighted",
    "roc_auc_ovo": "macro",
    "roc_auc_ovo_weighted": "weighted",
}


def auc(S, positive, weight=None) -> np.ndarray:
    """Area under the ROC curve: share of the pairs of a positive and a negative row that S has in order.

    Parameters
    ----------
    S : ndarray of shape (P, n)
        Scores of P members; ties count half.
    positive : ndarray of bool of shape (n,)
    weight : ndarray of shape (n,), default=None

    Returns
    -------
    area : ndarray of shape (P,)
        NaN if either kind of row is missing.
    """
    P, n = S.shape
    w = np.ones(n) if weight is None else np.asarray(weight, np.float64)
    up, down = w * positive, w * ~positive
    order, S = _sorted(S)
    starts = np.ones((P, n), bool)  # where a group of equal scores starts
    np.not_equal(S[:, 1:], S[:, :-1], out=starts[:, 1:])
    ups, downs = up[order], down[order]
    if starts.all():
        ordered = np.einsum("pn,pn->p", ups, np.cumsum(downs, axis=1))
    else:
        groups = np.flatnonzero(starts)
        ups, downs = np.add.reduceat(ups.ravel(), groups), np.add.reduceat(downs.ravel(), groups)
        first = np.searchsorted(groups, n * np.arange(P))  # of each member
        below = np.cumsum(downs) - 0.5 * downs
        below -= np.repeat(down.sum() * np.arange(P), np.diff(first, append=len(groups)))  # that of earlier members
        ordered = np.add.reduceat(ups * below, first)
    with np.errstate(divide="ignore", invalid="ignore"):
        return ordered / (up.sum() * down.sum())


def _sorted(S):
    """Order of each row's scores, and numbers that are equal and in order as the sorted scores are."""
    if S.dtype != np.float32:
        order = np.argsort(S, axis=1)
        return order, np.take_along_axis(S, order, axis=1)
    # three times as fast: bits that sort like the numbers, with the column below them
    bits = (S + np.float32(0)).view(np.int32)  # there is one zero
    keys = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).astype(np.int64) << 32 | np.arange(S.shape[1])
    keys.sort(axis=1)
    return keys & 0xFFFFFFFF, keys >> 32


def _auc_scores(targets, average, link, Z, y, weight):
    """One class (or label) against the rest."""
    S = Z if link is None else link(Z)
    Y = targets.encode(y, bool)
    areas = np.stack([auc(S[..., k], Y[:, k], weight) for k in range(Y.shape[1])], axis=1)
    share = np.average(Y, axis=0, weights=weight) if average == "weighted" and Y.shape[1] > 1 else None
    return np.average(areas, axis=1, weights=share)


def _pairwise_auc_scores(targets, average, link, Z, y, weight):
    """One class against another, both ways."""
    if not targets.exclusive:
        return _auc_scores(targets, average, link, Z, y, weight)
    if weight is not None:
        raise ValueError("The metric roc_auc_ovo does not take sample weights; use roc_auc_ovr.")
    S, Y = link(Z), targets.encode(y, bool)
    areas, share = [], []
    for a, b in combinations(range(Y.shape[1]), 2):
        rows = np.flatnonzero(Y[:, a] | Y[:, b])
        share.append(len(rows))
        areas.append(sum(auc(S[:, rows, k], Y[rows, k]) for k in (a, b)) / 2)
    return np.average(np.stack(areas, axis=1), axis=1, weights=share if average == "weighted" else None)


def _log_loss_scores(targets, link, Z, y, weight):
    P, Y = link(Z), targets.encode(y, bool)
    likelihood = np.where(Y, P, 1 - P)[..., 0] if not targets.exclusive else np.einsum("pnk,nk->pn", P, Y)
    tiny = np.finfo(P.dtype).eps
    return np.average(np.log(np.clip(likelihood, tiny, 1 - tiny)), axis=1, weights=weight).astype(np.float64)


# --- values -----------------------------------------------------------------------------------------------------------


def _pinball(quantile, R):
    return np.maximum(quantile * R, (quantile - 1) * R)


def _mean_pinball(quantile, R, y, mean):
    return -mean(_pinball(quantile, R))


def _r2(R, y, mean):
    error, spread = mean(np.square(R)), mean(np.square(y - mean(y)))
    explained = 1 - _ratios(error, np.broadcast_to(spread, error.shape))
    return np.where(spread > 0, explained, error == 0)


def _squared(R, y, mean):
    return -mean(np.square(R))


def _root(R, y, mean):
    return -np.sqrt(mean(np.square(R)))


def _absolute(R, y, mean):
    return -mean(np.abs(R))


# residuals (P, n, K), targets (n, K) and what takes the mean over rows -> (P, K)
VALUE_METRICS = {
    "r2": _r2,
    "neg_mean_squared_error": _squared,
    "neg_root_mean_squared_error": _root,
    "neg_mean_absolute_error": _absolute,
}


def _value_scores(metric, targets, link, Z, y, weight):
    """Scores in the units of y, uniform over outputs."""
    predicted = (link(Z) * targets.scale + targets.mean).astype(Z.dtype, copy=False)
    y = y.reshape(len(y), -1).astype(np.float64)
    return metric(y - predicted, y, partial(np.average, axis=-2, weights=weight)).mean(axis=1)
