"""Mixed-type tables: an encoder for numeric columns, and a ready pipeline around any estimator.

`tabular_pipeline` is what most users want: numbers, booleans, dates, categories and missing values in, predictions out.
`PiecewiseLinearEncoder` is what makes small networks good on numbers. The functions at the end read a column of any
kind of table (pandas, polars, an array) as numbers or as text; they are module-level so that pipelines can be pickled.
"""

import warnings
from collections import Counter
from importlib.util import find_spec
from numbers import Integral, Real
from typing import Any

import narwhals as nw
import numpy as np
from scipy import sparse
from scipy.stats import skew
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, clone, is_regressor
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OrdinalEncoder,
    PowerTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.utils import _safe_indexing, check_scalar, gen_batches, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _num_samples, check_is_fitted, validate_data

from sklearn_bpfree.estimators import BPFreeClassifier, BPFreeRegressor, _BPFreeEstimator

HIDDEN_LAYER_SIZES = (128, 128)  # of the recommended default
BLOCK_ROWS = 8192  # rows that are predicted at a time
BLOCK_CELLS = 200_000  # encoded cells that are computed at a time, so that the work stays in the processor's cache
MAX_ONE_HOT = 20  # levels of a category that get a column of their own; the rarer ones share one
MAX_DISTINCT = 0.9  # share of distinct values above which a column of more than MAX_ONE_HOT levels is free text
MAX_ORDINAL = 255  # the largest number of levels that HistGradientBoosting* takes
MIN_DENSITY = 0.1  # below this share of non-zero cells the encoded table stays sparse
DAY_TYPES = (nw.Date, nw.Datetime, nw.Duration)
TEXT_TYPES = (nw.String, nw.Categorical, nw.Enum, nw.Object)
MS_PER_DAY = 86_400_000


class PiecewiseLinearEncoder(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Encode numeric columns for a neural network: raw value, bins and missing indicator.

    The output has three groups of columns:

    - *raw*: each feature with two distinct values, missing ones replaced by the median, standardised to z and softly
      clipped to ``z / sqrt(1 + (z / 3)**2)``, which lies in (-3, 3);
    - *bins*: for each bin between two neighbouring quantiles of a feature, 0 below the bin, `height` above it and
      linear within, minus the mean over the training rows; 0 where the value is missing;
    - *indicator*: 1 where the value is missing, for each feature with missing values in training.

    A linear function of the bins is piecewise linear in the feature, so that a network need not learn to bend.

    Fitted with a sparse matrix, whose zeros should stay zeros, it has no bins, and its raw columns are divided by their
    root mean square instead of being centred; the encoded rows are sparse, too.

    Parameters
    ----------
    n_bins : int or "auto", default="auto"
        Number of bins of a feature; "auto" asks :func:`bins_for`. A feature with at most ``n_bins + 1`` distinct values
        has its knots at these values; with fewer than three knots there are no bins, because a single one would repeat
        the raw column.

    height : float, default=1.0
        How much a bin rises. The less, the smoother the functions that a network with weight decay prefers; with 2 a
        bin varies about as much as the standardised raw value.

    subsample : int, default=100_000
        The medians, means, scales and knots are those of at most this many rows, always the same ones.

    Attributes
    ----------
    medians_, means_, scales_ : ndarray of shape (n_features_in_,)
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
    array([[-0.2, -0.3]], dtype=float32)
    """

    def __init__(self, n_bins="auto", *, height=1.0, subsample=100_000):
        self.n_bins = n_bins
        self.height = height
        self.subsample = subsample

    def fit(self, X, y=None):
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
        for j, column in enumerate(np.sort(X.T.astype(np.float64))):  # which puts missing values last
            column = column[: np.searchsorted(column, np.inf)]
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
        return self

    def transform(self, X):
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
        if sparse.issparse(X):
            X = X.toarray()
        raw, binned, empty = self.raw_features_, np.array([*self.knots_], dtype=int), self.indicator_features_
        n_raw, n_bins = len(raw), len(self.bin_means_)
        bins = slice(n_raw, n_raw + n_bins)
        source = np.concatenate([np.arange(n_raw), n_raw + np.searchsorted(binned, self.bin_features_)])
        source = np.append(source, n_raw + len(binned) + np.arange(len(empty)))  # of each encoded column in `parts`
        shift, low, high = np.zeros((3, len(source)), dtype=np.float32)
        shift[bins] = self.height * self.bin_numbers_ + self.bin_means_
        low[:], high[:] = -3, 3  # which change neither raw columns nor indicators
        low[bins] = -self.bin_means_
        high[bins] = self.height - self.bin_means_
        encoded = np.empty((len(X), len(source)), dtype=np.float32)
        for rows in gen_batches(len(X), max(1, BLOCK_CELLS // max(len(source), 1))):
            block, out = X[rows].astype(np.float64), encoded[rows]
            missing = np.isnan(block)
            some_missing = missing.any()
            if some_missing:
                np.copyto(block, self.medians_, where=missing)
            parts = np.empty((len(block), n_raw + len(binned) + len(empty)), dtype=np.float32)
            z = np.clip((block[:, raw] - self.means_[raw]) / self.scales_[raw], -1e9, 1e9)  # whose squares are finite
            parts[:, :n_raw] = z / np.sqrt(1 + np.square(z / 3))
            parts[:, n_raw : n_raw + len(binned)] = self.height * self._places(block[:, binned])
            parts[:, n_raw + len(binned) :] = missing[:, empty]
            parts.take(source, axis=1, out=out, mode="clip")
            out -= shift
            np.maximum(out, low, out=out)
            np.minimum(out, high, out=out)
            if some_missing:
                np.copyto(out[:, bins], 0, where=missing[:, self.bin_features_])
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
    """The distinct values of a sorted column; n_bins + 1 quantiles if there are more than that."""
    new = column[1:] != column[:-1]
    if np.count_nonzero(new) <= n_bins:
        return column[np.append(True, new)]
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
    """Number of bins that suits n rows of d numeric features: sqrt(n) / 5 within 8 to 24, at most 800 / d, at least 5.

    Parameters
    ----------
    n_samples, n_features : int

    Returns
    -------
    n_bins : int
    """
    return int(max(5, min(np.clip(np.sqrt(n_samples) / 5, 8, 24), 800 / n_features)))


class SkewedTarget(TransformerMixin, BaseEstimator):
    """Learn a very skewed target on the scale of a power transform, and any other one as it is.

    A target whose skewness lies beyond `max_skewness` on either side, as that of money often does, goes through the
    Yeo-Johnson transform that makes it most normal. Below, a transform only moves the effort from the large values,
    which R2 asks for, to the small ones.

    Parameters
    ----------
    max_skewness : float, default=3.0
        Third moment of the standardised target.

    Attributes
    ----------
    transformer_ : PowerTransformer or StandardScaler
    lowest_, highest_ : ndarray of shape (n_outputs,)
        Range of the training targets, beyond which predictions of a power-transformed target are widened by half of it
        at most.

    References
    ----------
    Yeo and Johnson (2000), "A new family of power transformations to improve normality or symmetry", Biometrika 87.
    """

    def __init__(self, max_skewness=3.0):
        self.max_skewness = max_skewness

    def fit(self, y, X=None):
        """Choose the scale by the skewness of y (n_samples, n_outputs); several outputs share one choice."""
        y = np.asarray(y, dtype=np.float64)
        with np.errstate(all="ignore"):
            skewness = np.nan_to_num(np.abs(skew(y, axis=0))).max()
        self.transformer_ = (PowerTransformer() if skewness > self.max_skewness else StandardScaler()).fit(y)
        self.lowest_, self.highest_ = y.min(axis=0), y.max(axis=0)
        return self

    def transform(self, y):
        """From values to the scale of learning."""
        return self.transformer_.transform(y)

    def inverse_transform(self, y):
        """From the scale of learning to values."""
        y = np.asarray(y, dtype=np.float64)
        if isinstance(self.transformer_, StandardScaler):
            return self.transformer_.inverse_transform(y)
        margin = (self.highest_ - self.lowest_) / 2
        low, high = self.lowest_ - margin, self.highest_ + margin
        ends = self.transformer_.transform(np.array([low, high]))
        return self.transformer_.inverse_transform(np.clip(y, ends[0], ends[1]))


class TabularPipeline(Pipeline):
    """A scikit-learn `Pipeline` that predicts a large table in blocks of rows.

    An encoded table is many times the size of the table. In blocks it never exists as a whole, and what does stays in
    the processor's cache, which makes predictions about twice as fast. They are the same.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn_bpfree.tabular import tabular_pipeline
    >>> type(tabular_pipeline(Ridge())).__name__
    'TabularPipeline'
    """

    def predict(self, X, **params):
        """What the last step predicts; with further parameters, of the whole table at once.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
        **params : dict
            Of the last step's `predict`.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        return super().predict(X, **params) if params else _in_blocks(super().predict, X)

    @available_if(lambda self: hasattr(self._final_estimator, "predict_proba"))
    def predict_proba(self, X, **params):
        """Probabilities of the classes; with further parameters, of the whole table at once.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
        **params : dict
            Of the last step's `predict_proba`.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
        """
        return super().predict_proba(X, **params) if params else _in_blocks(super().predict_proba, X)


def _in_blocks(predict, X):
    n = _num_samples(X)
    if n <= BLOCK_ROWS:
        return predict(X)
    return np.concatenate([predict(_safe_indexing(X, rows)) for rows in gen_batches(n, BLOCK_ROWS)])


def tabular_pipeline(estimator, *, random_state=None, n_jobs=None):
    """Make a pipeline that takes a mixed-type table as it is.

    Numbers, booleans, dates and durations (as days), strings and categories may be mixed, with missing values anywhere,
    in a pandas or polars DataFrame or in an array; our estimators take a sparse matrix of numbers, too. The kinds of the columns are found during `fit`. What becomes of
    them depends on the estimator:

    - ours: numbers through :class:`PiecewiseLinearEncoder`, categories one-hot;
    - one that takes missing values, as HistGradientBoosting* do: numbers untouched, categories as codes (and marked as
      categories, if the estimator has the parameter `categorical_features` and pandas is installed);
    - any other: numbers imputed by the median and standardised, categories one-hot.

    One-hot encoding takes a missing category for a level. It puts all but the 19 most frequent levels of a column into
    one, and levels that were not seen in training with them. A column of more than 20 levels becomes a number as well:
    the mean target of each level, cross-fitted by scikit-learn's `TargetEncoder`; a new level has the overall mean.

    Columns that tell nothing cost nothing: those without two different values are left out. So are columns of free
    text, in which more than nine rows of ten have a value of their own, with a warning.

    Parameters
    ----------
    estimator : {"classifier", "regressor"} or estimator instance
        What predicts. A word stands for the recommended default: a network of two hidden layers of 128 units, trained
        by a ladder of weight decays (the trainer "ladder"), for values behind a :class:`SkewedTarget`. An instance is
        cloned, and may be any classifier or regressor of this library or of scikit-learn.

    random_state : int, RandomState instance or None, default=None
        Unless None, it is set as the estimator's parameter of that name, if there is one.

    n_jobs : int or None, default=None
        Unless None, it is set as the estimator's parameter of that name, if there is one.

    Returns
    -------
    TabularPipeline
        A scikit-learn `Pipeline` of two steps, "preprocessor" and "estimator"; so sample weights go in as
        ``estimator__sample_weight``.

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
    preprocessor = _make_preprocessor(estimator)
    given = {"random_state": random_state, "n_jobs": n_jobs}
    takes = estimator.regressor if isinstance(estimator, TransformedTargetRegressor) else estimator
    valid = takes.get_params()
    takes.set_params(**{name: value for name, value in given.items() if value is not None and name in valid})
    return TabularPipeline([("preprocessor", preprocessor), ("estimator", estimator)])


def _make_estimator(estimator) -> Any:
    if isinstance(estimator, str):
        if estimator == "classifier":
            return BPFreeClassifier(HIDDEN_LAYER_SIZES, trainer="ladder")
        if estimator == "regressor":
            net = BPFreeRegressor(HIDDEN_LAYER_SIZES, trainer="ladder")
            return TransformedTargetRegressor(net, transformer=SkewedTarget(), check_inverse=False)
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
    while (inner := getattr(learner, "estimator", getattr(learner, "regressor", None))) is not None:
        learner = inner  # what GridSearchCV, TransformedTargetRegressor and their like wrap decides
    ours = isinstance(learner, _BPFreeEstimator)
    numbers = FunctionTransformer(
        _as_numbers, accept_sparse=True, feature_names_out="one-to-one", kw_args={"dense": not ours}
    )
    folds = KFold(5, shuffle=True, random_state=0)  # always the same ones, so that only the estimator is random
    means = _LevelMeans(target_type="continuous" if is_regressor(learner) else "auto", cv=folds)
    if ours:
        numeric = make_pipeline(numbers, PiecewiseLinearEncoder())
        categorical = OneHotLevels()
        many_levels = make_pipeline(LevelNumbers(), means, PiecewiseLinearEncoder())
    elif get_tags(learner).input_tags.allow_nan:
        numeric = numbers
        text = FunctionTransformer(_as_text, feature_names_out="one-to-one")
        codes = OrdinalEncoder(
            handle_unknown="use_encoded_value",
            unknown_value=np.nan,
            encoded_missing_value=np.nan,
            max_categories=MAX_ORDINAL,
        )
        categorical = make_pipeline(text, codes)
        many_levels = "drop"
    else:
        numeric = make_pipeline(numbers, SimpleImputer(strategy="median"), StandardScaler())
        categorical = OneHotLevels()
        many_levels = make_pipeline(LevelNumbers(), means, StandardScaler())
    marks = "categorical_features" in learner.get_params() and find_spec("pandas")
    return (_MarkingColumnTransformer if marks else ColumnTransformer)(
        [
            ("numeric", numeric, _numeric_columns),
            ("categorical", categorical, _categorical_columns),
            ("many_levels", many_levels, _many_level_columns),
        ],
        sparse_threshold=MIN_DENSITY,
    )


class LevelNumbers(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Number the levels of each column from the most frequent one down; -1 stands for one that is new.

    A level is known by its text, so that 1, 1.0 and "1" are the same in any library; a missing cell is a level, too.

    Attributes
    ----------
    levels_ : list of list
        Of each column the texts by their number, None for missing cells.
    """

    def fit(self, X, y=None):
        """Find the levels of a DataFrame or array X (n_samples, n_features)."""
        validate_data(self, X, skip_check_array=True)
        self.levels_ = []
        for name, cells in _lists(X).items():
            count = Counter(map(_texts(name, cells).__getitem__, cells))
            self.levels_.append(sorted(count, key=lambda level: (-count[level], str(level))))
        return self

    def transform(self, X):
        """Number each cell: ndarray of int (n_samples, n_features)."""
        numbers = np.empty(X.shape, dtype=np.int32)
        for j, (name, cells) in enumerate(_lists(X).items()):
            numbered = {level: number for number, level in enumerate(self.levels_[j])}
            known = {value: numbered.get(text, -1) for value, text in _texts(name, cells).items()}
            numbers[:, j] = [*map(known.__getitem__, cells)]
        return numbers


class OneHotLevels(LevelNumbers):
    """A column of zeros and ones for each level of each column.

    Of more than 20 levels the 19 most frequent have a column of their own and the others share one with the levels that
    were not seen in training. Does what scikit-learn's `OneHotEncoder` does at a fraction of the time for text.
    """

    def transform(self, X):
        """Encode: CSR array of float32 (n_samples, n_features_out)."""
        numbers = super().transform(X)
        widths = np.array([min(len(levels), MAX_ONE_HOT) for levels in self.levels_])
        shared = np.array([len(levels) > MAX_ONE_HOT for levels in self.levels_])
        numbers = np.where((numbers < 0) & shared, MAX_ONE_HOT, numbers)
        known = numbers >= 0
        columns = np.minimum(numbers, widths - 1) + np.cumsum(widths) - widths
        ends = np.append(0, np.cumsum(known.sum(axis=1)))
        ones = np.ones(ends[-1], dtype=np.float32)
        return sparse.csr_array((ones, columns[known], ends), shape=(len(numbers), widths.sum()))

    def get_feature_names_out(self, input_features=None):
        """Names of the encoded columns: ``city_Rome``, ``city_nan``, ..., ``city_(others)``."""
        names = []
        for name, levels in zip(super().get_feature_names_out(input_features), self.levels_, strict=True):
            texts = ["nan" if level is None else level for level in levels]
            if len(texts) > MAX_ONE_HOT:
                texts[MAX_ONE_HOT - 1 :] = ["(others)"]
            names += [f"{name}_{text}" for text in texts]
        return np.array(names, dtype=object)


class _LevelMeans(TargetEncoder):
    """A TargetEncoder that takes several targets, too: it then encodes their standardised mean."""

    def fit(self, X, y):
        return super().fit(X, _one_target(y))

    def fit_transform(self, X, y, **params):
        return super().fit_transform(X, _one_target(y), **params)


def _one_target(y):
    y = np.asarray(y)
    if y.ndim == 1 or y.shape[1] == 1:
        return y.ravel()
    return (y / np.maximum(y.std(axis=0), np.finfo(float).tiny)).mean(axis=1)


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
    """Those of numbers, unless all are missing; an error for a column that is neither of numbers nor of text."""
    if sparse.issparse(X):
        return [*range(X.shape[1])]
    columns = [j for j, is_number in enumerate(_are_numbers(X)) if is_number]
    missing = np.isnan(_as_numbers(_some_columns(X, columns))).all(axis=0)
    return [j for j, empty in zip(columns, missing, strict=True) if not empty]


def _categorical_columns(X):
    kinds = _text_kinds(X)
    if "levels" not in kinds.values() and "many levels" not in kinds.values() and not _numeric_columns(X):
        raise ValueError(f"None of the {X.shape[1]} columns of X holds two different values; give one that does.")
    free = [_name(X, j) for j, kind in kinds.items() if kind == "free text"]
    if free:
        warnings.warn(
            f"Left out {', '.join(free)}: nearly every row has a text of its own there; make columns of what matters "
            "in it, for instance by TfidfVectorizer.",
            stacklevel=2,
        )
    return [j for j, kind in kinds.items() if kind in ("levels", "many levels")]


def _many_level_columns(X):
    return [j for j, kind in _text_kinds(X).items() if kind == "many levels"]


def _name(X, j):
    return f"column {j}" if isinstance(X, np.ndarray) else f"column {nw.from_native(X, eager_only=True).columns[j]!r}"


def _some_columns(X, columns):
    return X[:, columns] if isinstance(X, np.ndarray) else nw.from_native(X, eager_only=True)[:, columns].to_native()


def _are_numbers(X) -> list[bool]:
    """For each column whether it holds numbers, booleans, dates or durations; an error if it does not hold text."""
    if sparse.issparse(X):
        return [True] * X.shape[1]
    if isinstance(X, np.ndarray):
        if X.dtype.kind not in "biufOUS":
            raise ValueError(f"X must hold numbers or strings, got an array of {X.dtype}; use a DataFrame.")
        return [X.dtype.kind in "biuf" or _is_numeric(X[:, j]) for j in range(X.shape[1])]
    dtypes = nw.from_native(X, eager_only=True).schema
    for name, dtype in dtypes.items():
        if not (dtype.is_numeric() or isinstance(dtype, (nw.Boolean, *DAY_TYPES, *TEXT_TYPES))):
            raise ValueError(
                f"Column {name!r} must hold numbers, booleans, dates or text, got {dtype} values; convert or drop it."
            )
    return [not isinstance(dtype, TEXT_TYPES) for dtype in dtypes.values()]


def _is_numeric(cells) -> bool:
    try:
        cells.astype(np.float64)
    except (TypeError, ValueError):
        return False
    return True


def _text_kinds(X) -> dict[int, str]:
    """For each column of text "levels", "many levels", "free text" or "empty"."""
    columns = [j for j, is_number in enumerate(_are_numbers(X)) if not is_number]
    if not columns:
        return {}
    return {j: _text_kind(cells) for j, cells in zip(columns, _lists(_some_columns(X, columns)).values(), strict=True)}


def _text_kind(cells):
    try:
        levels = {_cell_text(cell) for cell in set(cells)}
    except TypeError:
        return "levels"  # `_as_text` will say what is wrong
    if len(levels) < 2:
        return "empty"
    if len(levels) <= MAX_ONE_HOT:
        return "levels"
    return "free text" if len(levels) > MAX_DISTINCT * len(cells) else "many levels"


def _as_numbers(X, dense=False):
    """The columns as one array of numbers; dates and durations in days, dates counted from 1970."""
    if sparse.issparse(X):
        if dense:
            raise TypeError(
                "X must be dense for an estimator that is not of this library, got a sparse matrix; pass X.toarray(), "
                "or fit the estimator without tabular_pipeline."
            )
        return X
    if isinstance(X, np.ndarray):
        return X if X.dtype.kind in "biuf" else X.astype(np.float64)
    frame = nw.from_native(X, eager_only=True)
    if all(dtype.is_numeric() for dtype in frame.schema.values()):
        numbers = frame.to_numpy()
        if numbers.dtype.kind in "iuf":
            return numbers
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
    text = np.empty(X.shape, dtype=object)
    for j, (name, cells) in enumerate(_lists(X).items()):
        texts = {value: np.nan if text is None else text for value, text in _texts(name, cells).items()}
        text[:, j] = [*map(texts.__getitem__, cells)]
    return text


def _texts(name, cells) -> dict:
    try:
        return {value: _cell_text(value) for value in set(cells)}
    except TypeError as error:
        raise TypeError(f"Column {name} must hold single values such as strings, got lists or the like.") from error


def _lists(X) -> dict[str, list]:
    """The cells of each column, by its name as it stands in a message."""
    if isinstance(X, np.ndarray):
        return {f"number {j}": X[:, j].tolist() for j in range(X.shape[1])}
    return {repr(column.name): column.to_list() for column in nw.from_native(X, eager_only=True).iter_columns()}


def _cell_text(value):
    if value is None or type(value).__name__ == "NAType" or value != value:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)

