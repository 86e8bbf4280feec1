"""Metrics of many members at once, each equal to scikit-learn's own; greater is better.

`vectorised` says which scorer names have such a form here. `CostMetric` and `PinballMetric` are metrics that
scikit-learn has no scorer name for; they work wherever scikit-learn takes a metric.
"""

from sklearn_bpfree.nn.metrics.callables import CostMetric, PinballMetric
from sklearn_bpfree.nn.metrics.decisions import decide
from sklearn_bpfree.nn.metrics.forms import vectorised
from sklearn_bpfree.nn.metrics.ranks import auc

__all__ = ["CostMetric", "PinballMetric", "auc", "decide", "vectorised"]
