"""Integers that are codes, found by the target: it differs between neighbouring numbers as much as between far ones.

No name tells that shops are numbered from 1 to 200, but their sales do. Read `are_codes` first.
"""

from typing import Any

import numpy as np
from scipy.stats import rankdata

from sklearn_bpfree.tabular.integers import MAX_ONE_HOT

MIN_ROWS = 10  # of a level, on average
MAX_CLASSES = 20  # different values of a target up to which each is looked at
MIN_SHARE = 0.02  # of the target's variance that lies between the levels
MIN_SIGMAS = 5.0
MAX_ALIKE = 0.25  # share of it that neighbouring levels have in common: quantities have .4 to 1.3, codes about 0


def are_codes(numbers: np.ndarray, y: Any) -> bool:
    """Whether a column's integers are codes: a level each, of many rows, with which the targets do not go smoothly.

    The means of the levels differ, in one half of the rows as in the other, by more than chance has it, and those of
    neighbouring levels have less than a quarter of that in common.

    Parameters
    ----------
    numbers : ndarray of shape (n_samples,)
        With NaN for holes.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    """
    y = np.asarray(y)
    given = ~np.isnan(numbers)
    if y.shape[:1] != numbers.shape or not given.any() or (numbers[given] % 1).any():
        return False
    values, levels = np.unique(numbers[given], return_inverse=True)
    if len(values) <= MAX_ONE_HOT or len(levels) < MIN_ROWS * len(values):
        return False
    half = np.random.default_rng(0).permutation(len(levels)) % 2
    between, alike = np.sum([_between_and_alike(s, levels, half) for s in _signals(y[given])], axis=0)
    least = max(MIN_SHARE, 2 * MIN_SIGMAS * np.sqrt(len(values)) / len(levels))
    return bool(between > least and alike < MAX_ALIKE * between)


def _signals(y):
    """Each output of the targets as ranks of its values or as indicators of its classes, with a variance of 1."""
    outputs = y.reshape(len(y), -1).T
    for output in outputs.astype(str) if y.dtype.kind == "O" else outputs:
        classes, codes = np.unique(output, return_inverse=True)
        if len(classes) > MAX_CLASSES and output.dtype.kind in "iuf":
            signals = rankdata(output)[:, None]
        else:
            most = np.argsort(np.bincount(codes))[::-1][:MAX_CLASSES]
            signals = (codes[:, None] == most).astype(np.float64)
        signals = signals - signals.mean(axis=0)
        yield from (signals / np.sqrt(max(len(outputs) * signals.var(axis=0).sum(), np.finfo(float).tiny))).T


def _between_and_alike(signal, levels, half):
    """The variance that lies between the levels, and what neighbouring levels have in common of it."""
    counts = np.bincount(levels)
    first, second = (_means(signal[half == k], levels[half == k], len(counts)) for k in (0, 1))
    means, weights = _means(signal, levels, len(counts)), np.minimum(counts[1:], counts[:-1])
    between = (counts * first * second).sum() / len(signal)  # of chance alone its mean would be 0
    return between, (weights * means[1:] * means[:-1]).sum() / weights.sum()


def _means(signal, groups, n_groups):
    return np.bincount(groups, signal, minlength=n_groups) / np.maximum(np.bincount(groups, minlength=n_groups), 1)
