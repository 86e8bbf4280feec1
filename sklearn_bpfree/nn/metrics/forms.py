"""Which metrics have a form that judges all members at once."""

from __future__ import annotations

from functools import partial

import numpy as np

from sklearn_bpfree.nn.metrics.callables import CostMetric, PinballMetric
from sklearn_bpfree.nn.metrics.decisions import Scores, by_confusion, cost, decision_scores, label_set_scores
from sklearn_bpfree.nn.metrics.ranks import AUC_AVERAGES, auc_scores, log_loss_scores, pairwise_auc_scores
from sklearn_bpfree.nn.metrics.values import VALUE_METRICS, mean_pinball, value_scores
from sklearn_bpfree.nn.targets import Classes, Values


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
            return partial(value_scores, partial(mean_pinball, scoring.quantile), targets, link)
        known = isinstance(scoring, str) and scoring in VALUE_METRICS
        return partial(value_scores, VALUE_METRICS[scoring], targets, link) if known else None
    if isinstance(scoring, CostMetric) and isinstance(targets, Classes):
        scoring.check(targets.classes)
        return partial(decision_scores, partial(cost, np.asarray(scoring.costs, np.float64)), targets)
    if not isinstance(scoring, str):
        return None
    if scoring == "roc_auc" and not targets.exclusive:  # by the raw outputs, as scikit-learn has it
        return partial(auc_scores, targets, "macro", None)
    if not isinstance(targets, Classes):
        return label_set_scores(scoring, targets)
    if scoring in AUC_AVERAGES:
        return partial(auc_scores if "ovr" in scoring else pairwise_auc_scores, targets, AUC_AVERAGES[scoring], link)
    if scoring == "neg_log_loss":
        return partial(log_loss_scores, targets, link)
    metric = by_confusion(scoring, targets)
    return None if metric is None else partial(decision_scores, metric, targets)
