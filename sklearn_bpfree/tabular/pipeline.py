"""Mixed-type tables: a ready pipeline around any estimator.

`tabular_pipeline` is what most users want: numbers, booleans, dates, categories and missing values in, predictions out.
The encoder of numbers is in `encoding`, the reading of columns in `columns`.
"""

from importlib.util import find_spec
from typing import Any

import numpy as np
from scipy.stats import skew
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone, is_regressor
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
from sklearn.utils import _safe_indexing, gen_batches, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _num_samples

from sklearn_bpfree.estimators import BPFreeClassifier, BPFreeRegressor
from sklearn_bpfree.estimators.base import _BPFreeEstimator
from sklearn_bpfree.tabular.columns import (
    LevelNumbers,
    OneHotLevels,
    as_numbers,
    as_text,
    categorical_columns,
    many_level_columns,
    numeric_columns,
)
from sklearn_bpfree.tabular.encoding import PiecewiseLinearEncoder, bins_for

__all__ = ["PiecewiseLinearEncoder", "SkewedTarget", "TabularPipeline", "bins_for", "tabular_pipeline"]

HIDDEN_LAYER_SIZES = (128, 128)  # of the recommended default
BLOCK_ROWS = 8192  # rows that are predicted at a time
MAX_ORDINAL = 255  # the largest number of levels that HistGradientBoosting* takes
MIN_DENSITY = 0.1  # below this share of non-zero cells the encoded table stays sparse


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
        transformer = PowerTransformer() if skewness > self.max_skewness else StandardScaler()
        self.transformer_ = transformer.set_output(transform="default").fit(y)
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
    in a pandas or polars DataFrame or in an array; our estimators take a sparse matrix of numbers, too. What kind a
    column is of is found during `fit`. What becomes of it depends on the estimator:

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
        as_numbers, accept_sparse=True, feature_names_out="one-to-one", kw_args={"dense": not ours}
    )
    folds = KFold(5, shuffle=True, random_state=0)  # always the same ones, so that only the estimator is random
    means = _LevelMeans(target_type="continuous" if is_regressor(learner) else "auto", cv=folds)
    if ours:
        numeric = make_pipeline(numbers, PiecewiseLinearEncoder())
        categorical = OneHotLevels()
        many_levels = make_pipeline(LevelNumbers(), means, PiecewiseLinearEncoder())
    elif get_tags(learner).input_tags.allow_nan:
        numeric = numbers
        text = FunctionTransformer(as_text, feature_names_out="one-to-one")
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
    preprocessor = (_MarkingColumnTransformer if marks else ColumnTransformer)(
        [
            ("numeric", numeric, numeric_columns),
            ("categorical", categorical, categorical_columns),
            ("many_levels", many_levels, many_level_columns),
        ],
        sparse_threshold=MIN_DENSITY,
    )
    return preprocessor.set_output(transform="default")  # no frame on the way unless this pipeline is asked for one


class _LevelMeans(TargetEncoder):
    """A TargetEncoder that takes several targets, too: it then encodes their standardised mean."""

    def fit(self, X, y):
        return super().fit(X, _one_target(y))

    def fit_transform(self, X, y, **params):
        with config_context(enable_metadata_routing=False):  # without groups to route, 1.9 raises a KeyError
            return super().fit_transform(X, _one_target(y), **params)


def _one_target(y):
    y = np.asarray(y)
    y = y.astype(np.float64) if y.dtype.kind == "b" else y  # TargetEncoder takes no booleans for values
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
