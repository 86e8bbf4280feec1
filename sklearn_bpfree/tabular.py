"""Mixed-type tables: an encoder for numeric columns, and a ready pipeline around any estimator.

`tabular_pipeline` is what most users want: numbers, booleans, dates, categories and missing values in, predictions out.
`PiecewiseLinearEncoder` is what makes small networks good on numbers. The functions at the end read a column of any
kind of table (pandas, polars, an array) as numbers or as text; they are module-level so that pipelines can be pickled.
"""

from importlib.util import find_spec
from numbers import Integral
from typing import Any

import narwhals as nw
import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.utils import check_scalar, gen_batches, get_tags
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_bpfree.estimators import BPFreeClassifier, BPFreeRegressor, _BPFreeEstimator

BLOCK_CELLS = 50_000  # encoded cells that are computed at a time, so that the work stays in the processor's cache
MAX_ONE_HOT = 20  # levels of a category that get a column of their own; the rarer ones share one
MAX_ORDINAL = 255  # the largest number of levels that HistGradientBoosting* takes
MIN_DENSITY = 0.1  # below this share of non-zero cells the encoded table stays sparse
DAY_TYPES = (nw.Date, nw.Datetime, nw.Duration)
MS_PER_DAY = 86_400_000


class PiecewiseLinearEncoder(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Encode numeric columns for a neural network: raw value, bins and missing indicator.

    The output has three groups of columns:

    - *raw*: each feature, missing values replaced by the median, standardised to z and softly clipped to
      ``z / sqrt(1 + (z / 3)**2)``, which lies in (-3, 3);
    - *bins*: for each bin between two neighbouring quantiles of a feature, 0 below the bin, 2 above it and linear
      within, minus the mean over the training rows; 0 where the value is missing (2 and not 1, because a bin then
      varies about as much as the standardised raw value);
    - *indicator*: 1 where the value is missing, for each feature with missing values in training.

    A linear function of the bins is piecewise linear in the feature, so that a network need not learn to bend.

    Parameters
    ----------
    n_bins : int, default=8
        Number of bins of a feature. A feature with at most ``n_bins + 1`` distinct values has its knots at these
        values; with fewer than three knots there are no bins, because a single one would repeat the raw column.

    subsample : int, default=100_000
        The medians, means, scales and knots are those of at most this many rows, always the same ones.

    Attributes
    ----------
    medians_, means_, scales_ : ndarray of shape (n_features_in_,)
        How the raw columns are imputed and standardised. A feature without two distinct values has the scale infinity:
        its raw column is zero.

    bin_features_ : ndarray of shape (n_bins_total,)
        Index of the feature of each bin.

    bin_starts_, bin_widths_, bin_means_ : ndarray of shape (n_bins_total,)
        Lower end and width of each bin, and the mean of its encoded training values.

    indicator_features_ : ndarray of int
        Indices of the features with missing values in training.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
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
    array([[-0.4, -0.6]], dtype=float32)
    """

    def __init__(self, n_bins=8, *, subsample=100_000):
        self.n_bins = n_bins
        self.subsample = subsample

    def fit(self, X, y=None):
        """Find the medians, means, scales and knots of the columns.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers; NaN is a missing value.
        y : None
            Ignored.

        Returns
        -------
        self : object
            Fitted encoder.
        """
        check_scalar(self.n_bins, "n_bins", Integral, min_val=0)
        check_scalar(self.subsample, "subsample", Integral, min_val=1)
        X = self._validate(X, reset=True)
        n_features = X.shape[1]
        self.indicator_features_ = np.flatnonzero([np.isnan(X[:, j]).any() for j in range(n_features)])
        if len(X) > self.subsample:
            X = X[np.sort(np.random.default_rng(0).choice(len(X), self.subsample, replace=False))]

        self.medians_ = np.zeros(n_features)
        self.means_ = np.zeros(n_features)
        self.scales_ = np.full(n_features, np.inf)
        features, starts, widths, means = [], [], [], []
        for j in range(n_features):
            column = X[:, j].astype(np.float64)
            column = column[~np.isnan(column)]
            knots = np.unique(column)
            if len(knots) < 2:
                continue
            self.medians_[j] = np.median(column)
            self.means_[j] = column.mean()
            self.scales_[j] = column.std() or np.inf  # zero where the squares of tiny values vanish
            if len(knots) > self.n_bins + 1:
                knots = np.unique(np.quantile(column, np.linspace(0, 1, self.n_bins + 1)))
            if len(knots) > 2:
                features.append(np.full(len(knots) - 1, j))
                starts.append(knots[:-1])
                widths.append(np.diff(knots))
                means.append(_ramps(column[:, None], starts[-1], widths[-1]).mean(axis=0))
        self.bin_features_ = np.concatenate([*features, np.empty(0, int)])
        self.bin_starts_ = np.concatenate([*starts, np.empty(0)])
        self.bin_widths_ = np.concatenate([*widths, np.empty(0)])
        self.bin_means_ = np.concatenate([*means, np.empty(0)])
        return self

    def transform(self, X):
        """Encode the columns.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers; NaN is a missing value.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out), float32
        """
        check_is_fitted(self)
        X = self._validate(X, reset=False)
        n_features, n_bins = X.shape[1], len(self.bin_starts_)
        n_encoded = n_features + n_bins + len(self.indicator_features_)
        encoded = np.empty((len(X), n_encoded), dtype=np.float32)
        for rows in gen_batches(len(X), max(1, BLOCK_CELLS // n_encoded)):
            missing = np.isnan(X[rows])
            z = (np.where(missing, self.medians_, X[rows]) - self.means_) / self.scales_
            bins = _ramps(np.take(X[rows], self.bin_features_, axis=1), self.bin_starts_, self.bin_widths_)
            bins -= self.bin_means_
            np.nan_to_num(bins, copy=False)
            encoded[rows, :n_features] = z / np.hypot(1, z / 3)
            encoded[rows, n_features : n_features + n_bins] = bins
            encoded[rows, n_features + n_bins :] = missing[:, self.indicator_features_]
        return encoded

    def get_feature_names_out(self, input_features=None):
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
        number = np.arange(len(self.bin_features_)) - np.searchsorted(self.bin_features_, self.bin_features_)
        bins = [f"{names[j]}_bin{k}" for j, k in zip(self.bin_features_, number, strict=True)]
        return np.array([*names, *bins, *(f"{names[j]}_missing" for j in self.indicator_features_)], dtype=object)

    def _validate(self, X, *, reset) -> np.ndarray:
        dtypes = [np.float64, np.float32]
        return np.asarray(validate_data(self, X, dtype=dtypes, ensure_all_finite="allow-nan", reset=reset))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def tabular_pipeline(estimator, *, random_state=None, n_jobs=None):
    """Make a pipeline that takes a mixed-type table as it is.

    Numbers, booleans, dates and durations (as days), strings and categories may be mixed, with missing values anywhere,
    in a pandas or polars DataFrame or in an array. The kinds of the columns are found during `fit`. What becomes of
    them depends on the estimator:

    - ours: numbers through :class:`PiecewiseLinearEncoder`, categories one-hot;
    - one that takes missing values, as HistGradientBoosting* do: numbers untouched, categories as codes (and marked as
      categories, if the estimator has the parameter `categorical_features` and pandas is installed);
    - any other: numbers imputed by the median and standardised, categories one-hot.

    One-hot encoding takes a missing category for a level. It puts all but the 19 most frequent levels of a column into
    one, and levels that were not seen in training with them. A column of which all values are missing is left out.

    Parameters
    ----------
    estimator : {"classifier", "regressor"} or estimator instance
        What predicts. A word stands for the recommended default; an instance is cloned, and may be any classifier or
        regressor of this library or of scikit-learn.

    random_state : int, RandomState instance or None, default=None
        Unless None, it is set as the estimator's parameter of that name, if there is one.

    n_jobs : int or None, default=None
        Unless None, it is set as the estimator's parameter of that name, if there is one.

    Returns
    -------
    Pipeline
        Of two steps, "preprocessor" and "estimator"; so sample weights go in as ``estimator__sample_weight``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_bpfree.tabular import tabular_pipeline
    >>> X = np.array([["red", 1.0], ["blue", None], ["red", 3.0], [None, 4.0]], dtype=object)
    >>> tabular_pipeline(LogisticRegression()).fit(X, [0, 0, 1, 1]).predict(X)
    array([0, 0, 1, 1])
    """
    estimator = _make_estimator(estimator)
    given = {"random_state": random_state, "n_jobs": n_jobs}
    valid = estimator.get_params()
    estimator.set_params(**{name: value for name, value in given.items() if value is not None and name in valid})
    return Pipeline([("preprocessor", _make_preprocessor(estimator)), ("estimator", estimator)])


def _make_estimator(estimator) -> Any:
    if isinstance(estimator, str):
        if estimator == "classifier":
            return BPFreeClassifier(trainer="dfa")
        if estimator == "regressor":
            return BPFreeRegressor(trainer="dfa")
        raise ValueError(
            f"estimator must be 'classifier', 'regressor' or an estimator, got {estimator!r}; for a trainer of that "
            f"name write BPFreeClassifier(trainer={estimator!r}) or BPFreeRegressor(trainer={estimator!r})."
        )
    if isinstance(estimator, type):
        raise TypeError(
            f"estimator must be an instance, got the class {estimator.__name__}; write {estimator.__name__}()."
        )
    if not (hasattr(estimator, "fit") and hasattr(estimator, "get_params")):
        raise TypeError(f"estimator must be 'classifier', 'regressor' or a scikit-learn estimator, got {estimator!r}.")
    return clone(estimator)


def _make_preprocessor(estimator):
    learner = estimator
    while getattr(learner, "estimator", None) is not None:  # what GridSearchCV and its like wrap decides
        learner = learner.estimator
    numbers = FunctionTransformer(_as_numbers, feature_names_out="one-to-one")
    text = FunctionTransformer(_as_text, feature_names_out="one-to-one")
    one_hot = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        max_categories=MAX_ONE_HOT,
        dtype=np.float32,  # pyright: ignore[reportArgumentType]
    )

    if isinstance(learner, _BPFreeEstimator):
        numeric = make_pipeline(numbers, PiecewiseLinearEncoder())
        categorical = make_pipeline(text, one_hot)
    elif get_tags(learner).input_tags.allow_nan:
        numeric = numbers
        codes = OrdinalEncoder(
            handle_unknown="use_encoded_value",
            unknown_value=np.nan,
            encoded_missing_value=np.nan,
            max_categories=MAX_ORDINAL,
        )
        categorical = make_pipeline(text, codes)
    else:
        numeric = make_pipeline(numbers, SimpleImputer(strategy="median"), StandardScaler())
        categorical = make_pipeline(text, one_hot)
    marks = "categorical_features" in learner.get_params() and find_spec("pandas")
    return (_MarkingColumnTransformer if marks else ColumnTransformer)(
        [("numeric", numeric, _numeric_columns), ("categorical", categorical, _categorical_columns)],
        sparse_threshold=MIN_DENSITY,
    )


class _MarkingColumnTransformer(ColumnTransformer):
    """A ColumnTransformer whose "categorical" output has pandas' dtype "category", for HistGradientBoosting*."""

    def fit_transform(self, X, y=None, **params):
        return self._mark(super().fit_transform(X, y, **params))

    def transform(self, X, **params):
        return self._mark(super().transform(X, **params))

    def _mark(self, encoded):
        import pandas as pd

        frame = pd.DataFrame(encoded, columns=self.get_feature_names_out())
        return frame.astype(dict.fromkeys(frame.columns[self.output_indices_["categorical"]], "category"))


def _numeric_columns(X):
    return [j for j, kind in enumerate(_column_kinds(X)) if kind == "number"]


def _categorical_columns(X):
    return [j for j, kind in enumerate(_column_kinds(X)) if kind == "text"]


def _column_kinds(X):
    """For each column "number", "text" or "empty"; an error for one that is none of them."""
    if not isinstance(X, np.ndarray):
        kinds = [_column_kind(column) for column in nw.from_native(X, eager_only=True).iter_columns()]
    elif X.dtype.kind in "biufOUS":
        kinds = [_array_kind(X[:, j]) for j in range(X.shape[1])]
    else:
        raise ValueError(f"X must hold numbers or strings, got an array of {X.dtype}; use a DataFrame.")
    if all(kind == "empty" for kind in kinds):
        raise ValueError(f"None of the {len(kinds)} columns of X holds a value; give at least one that does.")
    return kinds


def _array_kind(column):
    try:
        numbers = column.astype(np.float64)
    except (TypeError, ValueError):
        return "text"
    return "empty" if np.isnan(numbers).all() else "number"


def _column_kind(column):
    dtype = column.dtype
    if (column.fill_nan(None) if dtype.is_float() else column).is_null().all():
        return "empty"
    if dtype.is_numeric() or isinstance(dtype, (nw.Boolean, *DAY_TYPES)):
        return "number"
    if isinstance(dtype, (nw.String, nw.Categorical, nw.Enum, nw.Object)):
        return "text"
    raise ValueError(
        f"Column {column.name!r} must hold numbers, booleans, dates or text, got {dtype} values; convert or drop it."
    )


def _as_numbers(X):
    """The columns as one array of numbers; dates and durations in days, dates counted from 1970."""
    if isinstance(X, np.ndarray):
        return X if X.dtype.kind in "biuf" else X.astype(np.float64)
    frame = nw.from_native(X, eager_only=True)
    numbers = np.empty(frame.shape)
    for j, column in enumerate(frame.iter_columns()):
        try:
            numbers[:, j] = _days(column) if isinstance(column.dtype, DAY_TYPES) else _floats(column)
        except Exception as error:  # each library of tables has its own exceptions
            raise ValueError(
                f"Column {column.name!r} must hold numbers as in training, got {column.dtype} values; convert it."
            ) from error
    return numbers


def _days(column):
    duration = isinstance(column.dtype, nw.Duration)
    return _floats(column.dt.total_milliseconds() if duration else column.dt.timestamp("ms")) / MS_PER_DAY


def _floats(column):
    return column.cast(nw.Float64()).to_numpy()


def _as_text(X):
    """Every cell as a string, and a missing one as NaN, so that 1, 1.0 and "1" are the same level in any library."""
    if isinstance(X, np.ndarray):
        columns = {f"number {j}": X[:, j].tolist() for j in range(X.shape[1])}
    else:
        columns = {repr(c.name): c.to_list() for c in nw.from_native(X, eager_only=True).iter_columns()}
    text = np.empty(X.shape, dtype=object)
    for j, (name, column) in enumerate(columns.items()):
        try:
            strings = {value: _cell_text(value) for value in set(column)}
        except TypeError as error:
            raise TypeError(f"Column {name} must hold single values such as strings, got lists or the like.") from error
        text[:, j] = [strings[value] for value in column]
    return text


def _cell_text(value):
    if value is None or type(value).__name__ == "NAType" or value != value:
        return np.nan
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)


def _ramps(X, starts, widths):
    """0 below each bin, 2 above it, linear within."""
    ramps = X - starts
    ramps /= 0.5 * widths
    return np.clip(ramps, 0, 2, out=ramps)
