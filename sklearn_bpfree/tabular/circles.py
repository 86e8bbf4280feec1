"""Pairs of columns that are the sine and cosine of one angle, such as months and hours, as inputs of a network.

A network pays for every input that says nothing, and bins are many inputs: so only those angles get bins with which the
target goes, and of the others there are the sine and cosine alone.
"""

from typing import Any, Self

import numpy as np
from scipy.stats import chi2_contingency, f_oneway, rankdata
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import _check_feature_names_in, validate_data

from sklearn_bpfree.estimators.common import OfThisLibrary
from sklearn_bpfree.tabular.encoding import PiecewiseLinearEncoder

MAX_P = 0.01  # of targets being alike at all angles, above which an angle has no bins
MAX_LEVELS = 31  # different angles up to which each is a level; otherwise they are counted in sectors
SECTORS = 24
MAX_CLASSES = 20  # different numbers in a target up to which they are classes
ROWS_OF_LOOK = 100  # by which most pairs of columns are seen to be no circle


def on_circles(numbers: np.ndarray) -> list[int]:
    """Where in the columns of an array pairs begin that lie on the unit circle and have more than two values."""
    found: list[int] = []
    for j in range(numbers.shape[1] - 1):
        pair = numbers[:, j : j + 2]
        if (not found or found[-1] < j - 1) and _on_circle(pair[:ROWS_OF_LOOK]) and _on_circle(pair):
            if len(np.unique(pair[~np.isnan(pair[:, 0])], axis=0)) > 2:
                found.append(j)
    return found


def _on_circle(pair) -> bool:
    missing = np.isnan(pair)
    radius = np.square(pair, dtype=np.float64).sum(axis=1)
    return bool(np.all(missing.all(axis=1) | (np.abs(radius - 1) < 1e-6)))


class CircleEncoder(OfThisLibrary, TransformerMixin, BaseEstimator):
    """Encode sines and cosines for a neural network: with bins where the target goes with the angle.

    The output has first what a `PiecewiseLinearEncoder` makes of the telling pairs, and then the others as they are,
    with 0 for missing values. A pair tells if the targets are not alike at all angles, by a chi-squared test of
    classes or an F-test of the ranks of values (p < .01).

    Attributes
    ----------
    telling_, others_ : ndarray of int
        Indices of the columns of telling pairs, and of the others.

    encoder_ : PiecewiseLinearEncoder or None
        Of the telling columns, if there are any.
    """

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find the telling pairs of an array X (n_samples, 2 * n_pairs); without y all are."""
        X = validate_data(self, X, ensure_all_finite="allow-nan", ensure_min_features=0)
        outputs = None if y is None else np.asarray(y).reshape(len(X), -1).T
        tells = [outputs is None or any(_differs(X[:, j : j + 2], y) for y in outputs) for j in range(0, X.shape[1], 2)]
        tells = np.repeat(tells, 2).astype(bool)
        self.telling_, self.others_ = np.flatnonzero(tells), np.flatnonzero(~tells)
        self.encoder_ = PiecewiseLinearEncoder().fit(X[:, self.telling_]) if self.telling_.size else None
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Encode: float32 (n_samples, n_features_out)."""
        return self.encode(validate_data(self, X, reset=False, ensure_all_finite="allow-nan", ensure_min_features=0))

    def encode(self, X: np.ndarray) -> np.ndarray:
        """What `transform` makes of an array of numbers that needs no check."""
        others = np.nan_to_num(X[:, self.others_]).astype(np.float32)
        return others if self.encoder_ is None else np.hstack([self.encoder_.encode(X[:, self.telling_]), others])

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the encoded columns."""
        names = _check_feature_names_in(self, input_features)
        binned = [] if self.encoder_ is None else self.encoder_.get_feature_names_out(names[self.telling_])
        return np.array([*binned, *names[self.others_]], dtype=object)


def _differs(pair, y) -> bool:
    """Whether the classes, or the ranks of the values, are others at other angles, by a test of independence."""
    given = ~np.isnan(pair[:, 0])
    turns = np.round(np.arctan2(pair[given, 0], pair[given, 1]) / (2 * np.pi), 6)
    levels = np.unique(turns, return_inverse=True)[1]
    if levels.max(initial=0) >= MAX_LEVELS:
        levels = np.unique(np.floor(turns * SECTORS), return_inverse=True)[1]
    classes, codes = np.unique(y[given], return_inverse=True)
    if levels.max(initial=0) == 0 or len(classes) < 2:
        return False
    if len(classes) <= MAX_CLASSES or y.dtype.kind not in "iuf":
        counts = np.zeros((levels.max() + 1, len(classes)))
        np.add.at(counts, (levels, codes), 1)
        return bool(chi2_contingency(counts).pvalue < MAX_P)
    ranks = rankdata(y[given])
    groups = [ranks[levels == level] for level in range(levels.max() + 1)]
    return len(groups) < len(ranks) and bool(f_oneway(*groups).pvalue < MAX_P)
