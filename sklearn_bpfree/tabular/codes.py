"""Integers that are codes, found by the target: it differs between neighbouring numbers as much as between far ones.

No name tells that shops are numbered from 1 to 200, but their sales do. Read `are_codes` first.
"""

from functools import cached_property
from typing import Any

import numpy as np
from scipy.stats import rankdata

from sklearn_bpfree.tabular.integers import MAX_ONE_HOT

MIN_ROWS = 10  # of a level, on average
MAX_CLASSES = 20  # different values of a target up to which each is looked at
MIN_SHARE = 0.02  # of the target's variance that lies between the levels
MIN_SIGMAS = 5.0
ROWS_OF_LOOK = 100  # by which most columns are seen to be no integers
MAX_ALIKE = 0.25  # share of it that neighbouring levels have in common: quantities have .4 to 1.3, codes about 0


class Signals:
    """The outputs of some targets, as ranks of values or as indicators of classes, to be summed over levels.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    """

    def __init__(self, y: Any):
        self.y = np.asarray(y)
        self.n_samples = len(self.y) if self.y.ndim else -1
        self.halves: dict[int, np.ndarray] = {}  # of so many rows, at random

    @cached_property
    def outputs(self) -> list[tuple[np.ndarray, int]]:
        """Ranks and 0, or classes and their count, of each output."""
        outputs = self.y.reshape(len(self.y), -1).T
        return [*map(_ranks_or_classes, outputs.astype(str) if self.y.dtype.kind == "O" else outputs)]

    def between_and_alike(self, levels: np.ndarray, rows: Any = slice(None)) -> tuple[float, float]:
        """The variance of the targets between the levels, and what neighbouring levels have in common of it.

        Parameters
        ----------
        levels : ndarray of int, shape (n_rows,)
        rows : slice or mask
            Of the targets that belong to them.
        """
        n_levels, n_rows = levels.max() + 1, len(levels)
        if n_rows not in self.halves:
            self.halves[n_rows] = np.random.default_rng(0).permutation(n_rows) % 2
        groups = 2 * levels + self.halves[n_rows]
        counts = np.bincount(groups, minlength=2 * n_levels).reshape(n_levels, 2, 1)
        found = np.zeros(2)
        for values, n_classes in self.outputs:
            sums, variance = _sums(groups, n_levels, values[rows], n_classes)
            sums /= np.sqrt(max(len(self.outputs) * variance, np.finfo(float).tiny))
            first, second = np.moveaxis(sums / np.maximum(counts, 1), 1, 0)
            means, total = sums.sum(axis=1) / np.maximum(counts.sum(axis=1), 1), counts.sum(axis=1)
            weights = np.minimum(total[1:], total[:-1])
            found += [  # of chance alone the first would be 0
                (total * first * second).sum() / n_rows,
                (weights * means[1:] * means[:-1]).sum() / weights.sum(),
            ]
        return found[0], found[1]


def _ranks_or_classes(output):
    """Ranks and 0, or numbers of classes and their count, where those beyond the most frequent share a number."""
    classes, codes = np.unique(output, return_inverse=True)
    if len(classes) > MAX_CLASSES and output.dtype.kind in "iuf":
        return rankdata(output), 0
    places = np.argsort(np.argsort(-np.bincount(codes), kind="stable"))
    return np.minimum(places, MAX_CLASSES)[codes], min(len(classes), MAX_CLASSES)


def _sums(groups, n_levels, values, n_classes):
    """Sums of one output over each half of each level, (n_levels, 2, n_signals), about its mean; and its variance."""
    if not n_classes:
        values = values - values.mean()
        return np.bincount(groups, values, 2 * n_levels).reshape(n_levels, 2, 1), np.square(values).mean()
    cells = np.bincount(groups * (MAX_CLASSES + 1) + values, minlength=2 * n_levels * (MAX_CLASSES + 1))
    cells = cells.reshape(n_levels, 2, -1)
    shares = cells.sum(axis=(0, 1))[:n_classes] / len(values)
    return cells[..., :n_classes] - cells.sum(axis=2, keepdims=True) * shares, (shares * (1 - shares)).sum()


def are_codes(numbers: np.ndarray, y: Any) -> bool:
    """Whether a column's integers are codes: a level each, of many rows, with which the targets do not go smoothly.

    The means of the levels differ, in one half of the rows as in the other, by more than chance has it, and those of
    neighbouring levels have less than a quarter of that in common.

    Parameters
    ----------
    numbers : ndarray of shape (n_samples,)
        With NaN for holes.
    y : Signals, or array-like of shape (n_samples,) or (n_samples, n_outputs)
    """
    if (numbers[:ROWS_OF_LOOK] % 1 > 0).any():
        return False
    signals = y if isinstance(y, Signals) else Signals(y)
    rows: Any = ~np.isnan(numbers)
    rows, given = (slice(None), numbers) if rows.all() else (rows, numbers[rows])
    if signals.n_samples != len(numbers) or not given.size or (given % 1).any():
        return False
    levels = _levels(given)
    n_levels = len(levels) and levels.max() + 1
    if n_levels <= MAX_ONE_HOT or len(levels) < MIN_ROWS * n_levels:
        return False
    between, alike = signals.between_and_alike(levels, rows)
    least = max(MIN_SHARE, 2 * MIN_SIGMAS * np.sqrt(n_levels) / len(levels))
    return bool(between > least and alike < MAX_ALIKE * between)


def _levels(integers) -> np.ndarray:
    """The integers numbered in their order; none if they are too many."""
    low, high = integers.min(), integers.max()
    if high - low > 4 * len(integers):
        values, levels = np.unique(integers, return_inverse=True)
        return levels if len(values) * MIN_ROWS <= len(levels) else levels[:0]
    places = (integers - low).astype(np.intp)
    is_there = np.zeros(int(high - low) + 1, dtype=bool)
    is_there[places] = True
    return (np.cumsum(is_there) - 1)[places]
