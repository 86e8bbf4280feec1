"""Metrics of decided classes: sums over confusion matrices, (P, true class, predicted class) for P members."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from sklearn_bpfree.nn.targets import Classes, LabelSets

Scores = Callable[[Any, Any, Any], np.ndarray]  # of raw outputs (P, n, K), the user's targets and weights


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


def decision_scores(metric, targets, Z, y, weight):
    codes = np.searchsorted(targets.classes, y)
    return metric(confusion(decide(Z), codes, weight, len(targets.classes)))


def label_set_scores(scoring, targets: LabelSets) -> Scores | None:
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


def by_confusion(scoring, targets: Classes):
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
    return ratios(np.einsum("pkk->pk", C), support).sum(axis=1) / (support > 0).sum(axis=1)


def cost(costs, C):
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
    values = ratios(numerator, denominator)
    if isinstance(average, int):
        return values[:, average]
    share = true if average == "weighted" else ((true + chosen > 0) | every_label).astype(np.float64)
    return ratios((values * share).sum(axis=1), share.sum(axis=1))


def ratios(numerator, denominator):
    """Quotients; 0 where the denominator is."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator != 0)
