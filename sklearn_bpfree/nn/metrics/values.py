"""Metrics of real values, by their residuals."""

from __future__ import annotations

from functools import partial

import numpy as np

from sklearn_bpfree.nn.metrics.decisions import ratios


def pinball(quantile, R):
    return np.maximum(quantile * R, (quantile - 1) * R)


def mean_pinball(quantile, R, y, mean):
    return -mean(pinball(quantile, R))


def _r2(R, y, mean):
    error, spread = mean(np.square(R)), mean(np.square(y - mean(y)))
    explained = 1 - ratios(error, np.broadcast_to(spread, error.shape))
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


def value_scores(metric, targets, link, Z, y, weight):
    """Scores in the units of y, uniform over outputs."""
    predicted = (link(Z) * targets.scale + targets.mean).astype(Z.dtype, copy=False)
    y = y.reshape(len(y), -1).astype(np.float64)
    return metric(y - predicted, y, partial(np.average, axis=-2, weights=weight)).mean(axis=1)
