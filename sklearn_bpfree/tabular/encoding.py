"""How numbers become inputs of a network: standardised values and piecewise-linear bins.

Read `PiecewiseLinearEncoder.transform` first.
"""

from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_bpfree.estimators.common import OfThisLibrary
from sklearn_bpfree.nn.arrays import row_blocks

BLOCK_CELLS = 200_000  # encoded cells that are computed at a time, so that the work stays in the processor's cache


class PiecewiseLinearEncoder(OfThisLibrary, OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Encode numeric columns for a neural network: raw value, bins and missing indicator.

    The output has three groups of columns:

    - *raw*: each feature with two distinct values, missing ones replaced by the median, standardised to z and softly
      clipped to ``z / sqrt(1 + (z / 3)**2)``, which lies in (-3, 3);
    - *bins*: for each bin between two neighbouring knots of a feature, 0 below the bin, `height` above it and
      linear within, minus the mean over the training rows; 0 where the value is missing;
    - *indicator*: 1 where the value is missing, for each feature with missing values in training.

    A linear function of the bins is piecewise linear in the feature, so that a network need not learn to bend.

    Fitted with a sparse matrix, whose zeros should stay zeros, it has no bins, and its raw columns are divided by their
    root mean square instead of being centred; the encoded rows are sparse, too.

    Parameters
    ----------
    n_bins : int or "auto", default="auto"
        Largest number of bins of a feature; "auto" asks :func:`bins_for`. A feature with at most ``n_bins + 1``
        distinct values has its knots at these values. Of more, one that holds more rows than a bin, as the zeros of
        claims or gains do, is a knot, and the others are quantiles of the other rows. With fewer than three knots
        there are no bins, because a single one would repeat the raw column.

    height : float, default=1.0
        How much a bin rises. The less, the smoother the functions that a network with weight decay prefers; with 2 a
        bin varies about as much as the standardised raw value.

    subsample : int, default=100_000
        The medians, means, scales and knots are those of at most this many rows, always the same ones.

    Attributes
    ----------
    medians_, means_, scales_ : ndarray of shape (`n_features_in_`,)
        How the raw columns are imputed and standardised.

    raw_features_ : ndarray of int
        Indices of the features with two distinct values, which alone have a raw column.

    knots_ : dict of int to ndarray
        Ends of the bins, in ascending order, of each feature that has bins.

    bin_features_, bin_numbers_, bin_means_ : ndarray of shape (n_bins_total,)
        Feature of each bin, its number within the feature, and the mean of its encoded training values.

    indicator_features_ : ndarray of int
        Indices of the features with missing values in training.

    fitted_sparse_ : bool
        Whether `fit` had a sparse matrix.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen during `fit`, if they are all strings.

    References
    ----------
    Gorishniy, Rubachev and Babenko (2022), "On embeddings for numerical features in tabular deep learning", NeurIPS.

    Examples
    --------
    >>> from sklearn_bpfree.tabular import PiecewiseLinearEncoder
    >>> encoder = PiecewiseLinearEncoder(n_bins=2).fit([[0.0], [1.0], [2.0], [3.0], [4.0]])
    >>> encoder.get_feature_names_out().tolist()
    ['x0', 'x0_bin0', 'x0_bin1']
    >>> encoder.transform([[1.0]])[:, 1:].round(3)
    array([[-0.2, -0.3]], dtype=float32)
    """

    def __init__(self, n_bins: int | str = "auto", *, height: float = 1.0, subsample: int = 100_000) -> None:
        self.n_bins = n_bins
        self.height = height
        self.subsample = subsample

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find the medians, means, scales and knots of the columns.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Numbers; NaN is a missing value.
        y : None
            Ignored.

        Returns
        -------
        self : object
            Fitted encoder.
        """
        if self.n_bins != "auto":
            check_scalar(self.n_bins, "n_bins", Integral, min_val=0)
        check_scalar(self.height, "height", Real, min_val=0, include_boundaries="neither")
        check_scalar(self.subsample, "subsample", Integral, min_val=1)
        X = self._validate(X, reset=True)
        self.fitted_sparse_ = sparse.issparse(X)
        if self.fitted_sparse_:
            return self._fit_sparse(X)
        n_features = X.shape[1]
        n_bins = bins_for(*X.shape) if self.n_bins == "auto" else int(self.n_bins)
        self.indicator_features_ = np.flatnonzero(np.isnan(X).any(axis=0))
        if len(X) > self.subsample:
            X = X[np.sort(np.random.default_rng(0).choice(len(X), self.subsample, replace=False))]

        self.medians_ = np.zeros(n_features)
        self.means_ = np.zeros(n_features)
        self.scales_ = np.ones(n_features)
        self.knots_ = {}
        raw, means = [], [np.empty(0)]
        for j in range(n_features):
            column = np.sort(X[:, j].astype(np.float64))
            column = column[: np.searchsorted(column, np.inf)]  # missing values are sorted last
            with np.errstate(over="ignore"):  # of numbers without a square, which all become 0
                scale = column.std() if len(column) else 0
            if scale == 0:  # one value; or tiny ones, whose squares vanish
                continue
            raw.append(j)
            self.medians_[j] = (column[(len(column) - 1) // 2] + column[len(column) // 2]) / 2
            self.means_[j] = column.mean()
            self.scales_[j] = scale
            knots = _knots(column, n_bins)
            if len(knots) > 2:
                self.knots_[j] = knots
                means.append(self.height * _mean_ramps(column, knots))
        numbers = [np.arange(len(knots) - 1) for knots in self.knots_.values()]
        self.raw_features_ = np.array(raw, dtype=int)
        self.bin_features_ = np.repeat(np.array([*self.knots_], dtype=int), [len(number) for number in numbers])
        self.bin_numbers_ = np.concatenate([np.empty(0, int), *numbers])
        self.bin_means_ = np.concatenate(means)
        self._places = _Places(list(self.knots_.values()))
        self._layout = self._lay_out()
        return self

    def _lay_out(self):
        """Height of the bins, features with bins, and of each encoded column its place in `parts`, shift and limits."""
        binned, n_raw, empty = np.array([*self.knots_], dtype=int), len(self.raw_features_), self.indicator_features_
        bins = slice(n_raw, n_raw + len(self.bin_means_))
        source = np.concatenate([np.arange(n_raw), n_raw + np.searchsorted(binned, self.bin_features_)])
        source = np.append(source, n_raw + len(binned) + np.arange(len(empty)))
        shift, low, high = np.zeros((3, len(source)), dtype=np.float32)
        shift[bins] = self.height * self.bin_numbers_ + self.bin_means_
        low[:], high[:] = -3, 3  # which change neither raw columns nor indicators
        low[bins] = -self.bin_means_
        high[bins] = self.height - self.bin_means_
        return self.height, binned, source, shift, low, high

    def transform(self, X: Any) -> Any:
        """Encode the columns.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Numbers; NaN is a missing value.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out), float32
            A CSR array if `fit` had a sparse matrix.
        """
        check_is_fitted(self)
        X = self._validate(X, reset=False)
        if self.fitted_sparse_:
            return self._transform_sparse(sparse.csr_array(X))
        return self.encode(sparse.csr_array(X).toarray() if sparse.issparse(X) else X)

    def encode(self, X: np.ndarray) -> np.ndarray:
        """What `transform` makes of an array of floats that needs no check, if `fit` had an array."""
        height, binned, source, shift, low, high = self._layout
        raw, empty = self.raw_features_, self.indicator_features_
        n_raw = len(raw)
        bins = slice(n_raw, n_raw + len(self.bin_means_))
        encoded = np.empty((len(X), len(source)), dtype=np.float32)
        for rows in row_blocks(len(X), max(1, BLOCK_CELLS // max(len(source), 1))):
            block, out = X[rows].astype(np.float64), encoded[rows]
            missing = np.isnan(block)
            some_missing = missing.any()
            if some_missing:
                np.copyto(block, self.medians_, where=missing)
            parts = np.empty((len(block), n_raw + len(binned) + len(empty)), dtype=np.float32)
            z = np.clip((block[:, raw] - self.means_[raw]) / self.scales_[raw], -1e9, 1e9)  # whose squares are finite
            parts[:, :n_raw] = z / np.sqrt(1 + np.square(z / 3))
            parts[:, n_raw : n_raw + len(binned)] = height * self._places(block[:, binned])
            parts[:, n_raw + len(binned) :] = missing[:, empty]
            parts.take(source, axis=1, out=out, mode="clip")
            out -= shift
            np.maximum(out, low, out=out)
            np.minimum(out, high, out=out)
            if some_missing:
                np.copyto(out[:, bins], 0, where=missing[:, self.bin_features_])
        return encoded

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the encoded columns: ``age``, ``age_bin0``, ..., ``age_missing``.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the features; by default those seen during `fit`, or x0, x1, ...

        Returns
        -------
        ndarray of str objects
        """
        check_is_fitted(self)
        names = np.asarray(super().get_feature_names_out(input_features))
        bins = [f"{names[j]}_bin{k}" for j, k in zip(self.bin_features_, self.bin_numbers_, strict=True)]
        return np.array(
            [*names[self.raw_features_], *bins, *(f"{names[j]}_missing" for j in self.indicator_features_)],
            dtype=object,
        )

    def _fit_sparse(self, X):
        X = X.tocsc()
        missing = np.isnan(X.data)
        column = np.repeat(np.arange(X.shape[1]), np.diff(X.indptr))
        squares = np.bincount(column, np.square(np.where(missing, 0, X.data), dtype=np.float64), X.shape[1])
        self.raw_features_ = np.flatnonzero(squares > 0)
        self.indicator_features_ = np.flatnonzero(np.bincount(column, missing, X.shape[1]))
        self.medians_, self.means_ = np.zeros((2, X.shape[1]))
        self.scales_ = np.where(squares > 0, np.sqrt(squares / X.shape[0]), 1.0)
        self.knots_, self.bin_means_ = {}, np.empty(0)
        self.bin_features_ = self.bin_numbers_ = np.empty(0, dtype=int)
        return self

    def _transform_sparse(self, X):
        missing, rows = np.isnan(X.data), X.copy()
        z = np.clip(np.where(missing, 0, X.data / self.scales_[X.indices]), -1e9, 1e9)
        rows.data = (z / np.sqrt(1 + np.square(z / 3))).astype(np.float32)
        empty = X.copy()
        empty.data = missing.astype(np.float32)
        encoded = sparse.hstack([rows[:, self.raw_features_], empty[:, self.indicator_features_]], format="csr")
        encoded.eliminate_zeros()
        return encoded

    def _validate(self, X, *, reset):
        dtypes = [np.float64, np.float32]
        X = validate_data(self, X, dtype=dtypes, accept_sparse="csr", ensure_all_finite="allow-nan", reset=reset)
        return sparse.csr_array(X) if sparse.issparse(X) else np.asarray(X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


class _Places:
    """Where values lie among the knots of their column: 0 up to the first one, 1 at the second, linear between.

    A bisection in all columns at once: several times as quick as `np.interp` for each of them.
    """

    def __init__(self, knots):
        n_knots = max(map(len, knots), default=1)
        self.strides = [1 << k for k in reversed(range((n_knots - 1).bit_length()))]
        size = 2 * self.strides[0] if self.strides else 1
        table, widths = np.full((len(knots), size), np.inf), np.ones((len(knots), size))
        for row, width, ends in zip(table, widths, knots, strict=True):
            row[: len(ends)] = ends
            width[: len(ends) - 1] = np.diff(ends)
        self.table, self.widths = table.ravel(), widths.ravel()
        self.low = np.array([ends[0] for ends in knots])
        self.high = np.array([ends[-1] for ends in knots])
        self.first = size * np.arange(len(knots))

    def __call__(self, X) -> np.ndarray:
        X = np.clip(X, self.low, self.high)
        at = np.empty(X.shape, dtype=np.intp)
        at[:] = self.first
        ahead, knot = np.empty_like(at), np.empty_like(X)
        for stride in self.strides:
            np.add(at, stride, out=ahead)
            self.table.take(ahead, out=knot, mode="clip")
            np.multiply(knot <= X, stride, out=ahead)
            at += ahead
        X -= self.table.take(at, out=knot, mode="clip")
        X /= self.widths.take(at, out=knot, mode="clip")
        at -= self.first
        X += at
        return X


def _knots(column, n_bins):
    """At most n_bins + 1 knots of a sorted column: its distinct values, or its atoms and quantiles of the rest.

    An atom is a value that holds more rows than a bin. The rest has bins for its share of the rows, or as many as
    suit so many rows.
    """
    first = np.flatnonzero(np.append(True, column[1:] != column[:-1]))
    values, counts = column[first], np.diff(np.append(first, len(column)))
    if len(values) <= n_bins + 1:
        return values
    atom = counts * n_bins > len(column)
    rest, left = column[np.repeat(~atom, counts)], n_bins - np.count_nonzero(atom)
    few = max(round(n_bins * len(rest) / len(column)), int(np.sqrt(len(rest)) / 5), 1)
    return np.unique(np.concatenate([values[atom], _quantiles(rest, min(few, left))]))


def _quantiles(column, n_bins):
    """The distinct ones of n_bins + 1 quantiles of a sorted column."""
    place = np.linspace(0, len(column) - 1, n_bins + 1)
    below = place.astype(int)
    above = np.minimum(below + 1, len(column) - 1)
    quantiles = column[below] + (place - below) * (column[above] - column[below])
    return quantiles[np.append(True, quantiles[1:] != quantiles[:-1])]


def _mean_ramps(column, knots):
    """Mean over a sorted column of what each bin between two knots adds: 0 below it, 1 above, linear within."""
    places = np.interp(column, knots, np.arange(len(knots)))
    bins = places.astype(int)
    within = np.bincount(bins, places - bins, len(knots))
    above = len(column) - np.cumsum(np.bincount(bins, minlength=len(knots)))
    return (within + above)[:-1] / len(column)


def bins_for(n_samples, n_features) -> int:
    """Number of bins that suits n rows of d numeric features: sqrt(n) / 5 within 8 to 24, fewer if there are many.

    From 17 features on at most 400 / d, but 14 as far as that makes no more than 800 columns, and never less than 5.

    Parameters
    ----------
    n_samples, n_features : int

    Returns
    -------
    n_bins : int
    """
    most = max(400 / n_features, min(14, 800 / n_features))
    return int(max(5, min(np.clip(np.sqrt(n_samples) / 5, 8, 24), most)))
