"""Mixed-type tables: an encoder for numeric columns, and a ready pipeline around any estimator.

`tabular_pipeline` is what most users want: numbers, booleans, dates, categories and missing values in, predictions out.
`PiecewiseLinearEncoder` is what makes small networks good on numbers. The functions at the end read a column of any
kind of table (pandas, polars, an array) as numbers or as text; they are module-level so that pipelines can be pickled.
"""

import warnings
from importlib.util import find_spec
from numbers import Integral, Real
from typing import Any

import narwhals as nw
import numpy as np
from scipy.stats import skew
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, clone, is_regressor
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
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
BLOCK_ROWS = 16_384  # rows that are predicted at a time
BLOCK_CELLS = 200_000  # encoded cells that are computed at a time, so that the work stays in the processor's cache
MAX_ONE_HOT = 20  # levels of a category that get a column of their own; the rarer ones share one
MAX_DISTINCT = 0.9  # share of distinct values above which a column of more than MAX_ONE_HOT levels is free text
MAX_ORDINAL = 255  # the largest number of levels that HistGradientBoosting* takes
MIN_DENSITY = 0.1  # below this share of non-zero cells the encoded table stays sparse
DAY_TYPES = (nw.Date, nw.Datetime, nw.Duration)
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
        X : array-like of shape (n_samples, n_features)
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
        n_features = X.shape[1]
        n_bins = bins_for(*X.shape) if self.n_bins == "auto" else int(self.n_bins)
        self.indicator_features_ = np.flatnonzero([np.isnan(X[:, j]).any() for j in range(n_features)])
        if len(X) > self.subsample:
            X = X[np.sort(np.random.default_rng(0).choice(len(X), self.subsample, replace=False))]

        self.medians_ = np.zeros(n_features)
        self.means_ = np.zeros(n_features)
        self.scales_ = np.ones(n_features)
        self.knots_ = {}
        raw, means = [], [np.empty(0)]
        for j in range(n_features):
            column = X[:, j].astype(np.float64)
            column = column[~np.isnan(column)]
            knots = np.unique(column)
            if len(knots) < 2 or column.std() == 0:  # the squares of tiny values vanish
                continue
            raw.append(j)
            self.medians_[j] = np.median(column)
            self.means_[j] = column.mean()
            self.scales_[j] = column.std()
            if len(knots) > n_bins + 1:
                knots = np.unique(np.quantile(column, np.linspace(0, 1, n_bins + 1)))
            if len(knots) > 2:
                self.knots_[j] = knots
                ramps = np.clip(_places(column, knots, 1)[:, None] - np.arange(len(knots) - 1), 0, 1)
                means.append(self.height * ramps.mean(axis=0))
        numbers = [np.arange(len(knots) - 1) for knots in self.knots_.values()]
        self.raw_features_ = np.array(raw, dtype=int)
        self.bin_features_ = np.repeat(np.array([*self.knots_], dtype=int), [len(number) for number in numbers])
        self.bin_numbers_ = np.concatenate([np.empty(0, int), *numbers])
        self.bin_means_ = np.concatenate(means)
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
        raw, n_raw, n_bins = self.raw_features_, len(self.raw_features_), len(self.bin_means_)
        first_indicator = n_raw + n_bins
        encoded = np.empty((len(X), first_indicator + len(self.indicator_features_)), dtype=np.float32)
        low = (self.height * self.bin_numbers_).astype(np.float32)
        high, base = low + np.float32(self.height), low + self.bin_means_.astype(np.float32)
        where = np.searchsorted(np.array([*self.knots_]), self.bin_features_)
        for rows in gen_batches(len(X), max(1, BLOCK_CELLS // max(encoded.shape[1], 1))):
            missing = np.isnan(X[rows])
            z = (np.where(missing, self.medians_, X[rows])[:, raw] - self.means_[raw]) / self.scales_[raw]
            encoded[rows, :n_raw] = z / np.hypot(1, z / 3)
            if n_bins:
                places = np.empty((len(missing), len(self.knots_)), dtype=np.float32)
                for column, (j, knots) in zip(places.T, self.knots_.items(), strict=True):
                    column[:] = _places(X[rows, j], knots, self.height)
                bins = encoded[rows, n_raw:first_indicator]
                np.clip(np.take(places, where, axis=1, mode="clip"), low, high, out=bins)
                bins -= base
                if missing.any():
                    np.copyto(bins, 0, where=np.isnan(bins))
            encoded[rows, first_indicator:] = missing[:, self.indicator_features_]
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

    def _validate(self, X, *, reset) -> np.ndarray:
        dtypes = [np.float64, np.float32]
        return np.asarray(validate_data(self, X, dtype=dtypes, ensure_all_finite="allow-nan", reset=reset))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


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
    in a pandas or polars DataFrame or in an array. The kinds of the columns are found during `fit`. What becomes of
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
    numbers = FunctionTransformer(_as_numbers, feature_names_out="one-to-one")
    text = FunctionTransformer(_as_text, feature_names_out="one-to-one")
    one_hot = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        max_categories=MAX_ONE_HOT,
        dtype=np.float32,  # pyright: ignore[reportArgumentType]
    )

    folds = KFold(5, shuffle=True, random_state=0)  # always the same ones, so that only the estimator is random
    means = _LevelMeans(target_type="continuous" if is_regressor(learner) else "auto", cv=folds)
    if isinstance(learner, _BPFreeEstimator):
        numeric = make_pipeline(numbers, PiecewiseLinearEncoder())
        categorical = make_pipeline(text, one_hot)
        many_levels = make_pipeline(text, means, PiecewiseLinearEncoder())
    elif get_tags(learner).input_tags.allow_nan:
        numeric = numbers
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
        categorical = make_pipeline(text, one_hot)
        many_levels = make_pipeline(text, means, StandardScaler())
    marks = "categorical_features" in learner.get_params() and find_spec("pandas")
    return (_MarkingColumnTransformer if marks else ColumnTransformer)(
        [
            ("numeric", numeric, _numeric_columns),
            ("categorical", categorical, _categorical_columns),
            ("many_levels", many_levels, _many_level_columns),
        ],
        sparse_threshold=MIN_DENSITY,
    )


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
    return [j for j, kind in enumerate(_column_kinds(X)) if kind == "number"]


def _categorical_columns(X):
    kinds = _column_kinds(X)
    free = [_name(X, j) for j, kind in enumerate(kinds) if kind == "free text"]
    if free:
        warnings.warn(
            f"Left out {', '.join(free)}: nearly every row has a text of its own there; make columns of what matters "
            "in it, for instance by TfidfVectorizer.",
            stacklevel=2,
        )
    return [j for j, kind in enumerate(kinds) if kind in ("levels", "many levels")]


def _many_level_columns(X):
    return [j for j, kind in enumerate(_column_kinds(X)) if kind == "many levels"]


def _name(X, j):
    return f"column {j}" if isinstance(X, np.ndarray) else f"column {nw.from_native(X, eager_only=True).columns[j]!r}"


def _column_kinds(X):
    """For each column "number", "levels", "many levels", "free text" or "empty"; an error for one that is none."""
    if not isinstance(X, np.ndarray):
        kinds = [_column_kind(column) for column in nw.from_native(X, eager_only=True).iter_columns()]
    elif X.dtype.kind in "biufOUS":
        kinds = [_array_kind(X[:, j]) for j in range(X.shape[1])]
    else:
        raise ValueError(f"X must hold numbers or strings, got an array of {X.dtype}; use a DataFrame.")
    if all(kind == "empty" for kind in kinds):
        raise ValueError(f"None of the {len(kinds)} columns of X holds two different values; give one that does.")
    return kinds


def _array_kind(column):
    try:
        numbers = column.astype(np.float64)
    except (TypeError, ValueError):
        return _text_kind(column.tolist())
    return "empty" if np.isnan(numbers).all() else "number"


def _column_kind(column):
    dtype = column.dtype
    if (column.fill_nan(None) if dtype.is_float() else column).is_null().all():
        return "empty"
    if dtype.is_numeric() or isinstance(dtype, (nw.Boolean, *DAY_TYPES)):
        return "number"
    if isinstance(dtype, (nw.String, nw.Categorical, nw.Enum, nw.Object)):
        return _text_kind(column.to_list())
    raise ValueError(
        f"Column {column.name!r} must hold numbers, booleans, dates or text, got {dtype} values; convert or drop it."
    )


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


def _places(column, knots, height):
    """Where values lie among the knots: 0 up to the first one, `height` at the second, ... and linear between."""
    return np.interp(column, knots, height * np.arange(len(knots)))
