"""Metrics that scikit-learn has no scorer name for; they work wherever scikit-learn takes a metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_scalar

from sklearn_bpfree.nn.metrics.values import pinball


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
        return -float(np.average(pinball(self.quantile, R), axis=0, weights=sample_weight).mean())
