"""Mixed-type tables: a ready pipeline around any estimator.

`tabular_pipeline` is what most users want: numbers, booleans, dates, categories and missing values in, predictions out.
The encoder of numbers is in `encoding`, the reading of columns in `columns`.
"""

from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn import config_context, get_config
from sklearn.base import clone, is_regressor
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder, StandardScaler
from sklearn.utils import _safe_indexing, gen_batches, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _num_samples

from sklearn_bpfree.estimators import BPFreeClassifier, BPFreeRegressor
from sklearn_bpfree.estimators.base import _BPFreeEstimator
from sklearn_bpfree.estimators.common import OfThisLibrary
from sklearn_bpfree.estimators.compat import TargetEncoder, same_folds
from sklearn_bpfree.estimators.constraints import OF_TABLE
from sklearn_bpfree.estimators.target_values import plain
from sklearn_bpfree.tabular.circles import CircleEncoder
from sklearn_bpfree.tabular.columns import ColumnReader
from sklearn_bpfree.tabular.constrained import encoded_directions
from sklearn_bpfree.tabular.containers import as_table, native
from sklearn_bpfree.tabular.encoding import PiecewiseLinearEncoder
from sklearn_bpfree.tabular.groups import (
    as_numbers,
    categorical_columns,
    circle_columns,
    free_text_columns,
    many_level_columns,
    names_as_they_are,
    numeric_columns,
    straight_columns,
)
from sklearn_bpfree.tabular.levels import LevelNumbers, OneHotLevels, as_text
from sklearn_bpfree.tabular.plan import Plan
from sklearn_bpfree.tabular.skewed import SkewedTargetRegressor
from sklearn_bpfree.tabular.text import TextEncoder

__all__ = ["TabularPipeline", "tabular_pipeline"]

HIDDEN_LAYER_SIZES = (128, 128)  # of the recommended default
BLOCK_ROWS = 8192  # rows that are predicted at a time
MAX_ORDINAL = 255  # the largest number of levels that HistGradientBoosting* takes
FOR_THE_ESTIMATOR = ("sample_weight", "X_val", "y_val", "sample_weight_val")  # what `fit` takes without a step's name
OF_FIRST_ROWS = "The first {} rows decided what the columns are and how they are encoded."  # of a stream
MIN_DENSITY = 0.1  # below this share of non-zero cells the encoded table stays sparse


class _Rows:
    """Validation rows that are still to be encoded."""

    def __init__(self, rows):
        self.rows = rows


def _last_step_has(method):
    return lambda pipeline: hasattr(pipeline.steps[-1][1], method)


class TabularPipeline(OfThisLibrary, Pipeline):
    """A scikit-learn `Pipeline` that encodes validation rows, too, and predicts a large table in blocks of rows.

    An encoded table is many times the size of the table. In blocks it never exists as a whole, and what does stays in
    the processor's cache, which makes predictions about twice as fast. They are the same.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn_bpfree.tabular import tabular_pipeline
    >>> type(tabular_pipeline(Ridge())).__name__
    'TabularPipeline'
    """

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Fit the preprocessor and the estimator.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        **params : dict
            `sample_weight`, and for estimators of this library `X_val`, `y_val` and `sample_weight_val`, are for the
            estimator, which gets the validation rows encoded as the others. Further ones are a `Pipeline`'s, with the
            name of their step in front; under metadata routing so are all.

        Returns
        -------
        self : object
        """
        y = self._plain(y)
        if not get_config()["enable_metadata_routing"]:
            params = self._for_the_estimator(params)
        try:
            return super().fit(X, y, **params)
        finally:
            vars(self.steps[-1][1]).pop(OF_TABLE, None)

    def _for_the_estimator(self, params):
        """The parameters of `fit`, those for the estimator with its name in front."""
        given = {name: params.pop(name) for name in FOR_THE_ESTIMATOR if name in params}
        if given.get("X_val") is not None:
            given["X_val"] = _Rows(given["X_val"])
        last = self.steps[-1][0]
        return {f"{last}__{name}": value for name, value in given.items() if value is not None} | params

    @available_if(lambda pipeline: callable(pipeline.steps[-1][1].partial_fit))  # whose sentence says what can
    def partial_fit(self, X: Any, y: Any, **params: Any) -> Self:
        """Go on training with further rows; the first ones decide what the columns are and how they are encoded.

        A sentence in the first step's `notes_` says so. What the first rows do not have, such as a level, a hole in a
        column that was full, or a text where numbers were, counts as another level, as an average, and as missing.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        **params : dict
            Of the last step's `partial_fit`, such as the `classes` that the first rows do not have.

        Returns
        -------
        self : object
        """
        y, encoder = self._plain(y), self[:-1]
        if hasattr(self[0], "columns_"):
            rows = encoder.transform(X)
        else:
            rows = encoder.fit_transform(X, y)
            self[0].notes_.append(OF_FIRST_ROWS.format(rows.shape[0]))
        self.steps[:-1] = encoder.steps
        self._tell_directions(rows)
        self[-1].partial_fit(rows, y, **params)
        return self

    def _plain(self, y):
        """The targets as our estimators want them."""
        ours = isinstance(_learner(self[-1]), _BPFreeEstimator)
        return plain(y, numbers=is_regressor(self[-1])) if ours else y

    def _fit(self, X, y=None, routed_params=None, *args, **kwargs):
        """Fit all steps but the last, as `Pipeline` does, and encode the validation rows by them."""
        encoded = super()._fit(X, y, routed_params, *args, **kwargs)
        given = {} if routed_params is None else routed_params[self.steps[-1][0]].get("fit", {})
        if isinstance(rows := given.get("X_val"), _Rows):
            given["X_val"] = self[:-1].transform(rows.rows)
        self._tell_directions(encoded)
        return encoded

    def _tell_directions(self, encoded):
        """Tell the last step what its `monotonic_cst`, of the columns of the table, is of the encoded ones."""
        last = self.steps[-1][1]
        last.__dict__.pop(OF_TABLE, None)
        learner = _learner(last)
        cst = getattr(learner, "monotonic_cst", None) if isinstance(learner, _BPFreeEstimator) else None
        if cst is None:
            return
        if not isinstance(last, (_BPFreeEstimator, SkewedTargetRegressor)):
            raise ValueError(
                f"monotonic_cst cannot reach a table's columns from within {type(last).__name__}; put that around the "
                "pipeline instead."
            )
        last.__dict__[OF_TABLE] = encoded_directions(self.steps[:-1], cst, encoded.shape[1])

    def predict(self, X: Any, **params: Any) -> Any:
        """What the last step predicts.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
        **params : dict
            Of the last step's `predict`; with others than `return_std` the whole table is predicted at once.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        std : ndarray of the same shape
            Only with ``return_std=True``, from an estimator that offers it.
        """
        return self._ask("predict", X, params, whole=set(params) - {"return_std"})

    @available_if(_last_step_has("predict_proba"))
    def predict_proba(self, X: Any, **params: Any) -> np.ndarray:
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
        return self._ask("predict_proba", X, params, whole=params)

    @available_if(_last_step_has("predict_quantiles"))
    def predict_quantiles(self, X: Any, quantiles: float | Sequence[float] = (0.05, 0.5, 0.95)) -> np.ndarray:
        """Quantiles of the target given each row, from an estimator that offers them.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
        quantiles : float or array-like of float, default=(0.05, 0.5, 0.95)
            In (0, 1).

        Returns
        -------
        values : ndarray of shape (n_samples, n_quantiles) or (n_samples, n_outputs, n_quantiles)
            Without the last axis when `quantiles` is a number.
        """
        return self._ask("predict_quantiles", X, {"quantiles": quantiles})

    @available_if(_last_step_has("predict_set"))
    def predict_set(self, X: Any, confidence: float = 0.9) -> np.ndarray:
        """Classes that a row may well be of, from an estimator that offers them.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
        confidence : float, default=0.9
            In (0, 1): share of the rows whose set is to hold the true class.

        Returns
        -------
        sets : ndarray of bool, shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        return self._ask("predict_set", X, {"confidence": confidence})

    def _ask(self, method, X, params, whole=()) -> Any:
        """What a method of the last step says of the encoded table, block by block."""
        plan = None if sparse.issparse(X) or get_config()["enable_metadata_routing"] else Plan.of(self.steps[:-1])
        if plan is None and method in ("predict", "predict_proba"):
            return _in_blocks(partial(getattr(super(), method), **params), X, whole)
        if plan is not None and not whole and (table := as_table(X)).shape[0] <= BLOCK_ROWS:
            return getattr(self[-1], method)(plan.encode(table), **params)
        encode = self[:-1].transform if plan is None else plan.encode
        return _in_blocks(lambda rows: getattr(self[-1], method)(encode(rows), **params), X, whole)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = True
        tags.input_tags.sparse = isinstance(_learner(self._final_estimator), _BPFreeEstimator)
        return tags


def _in_blocks(predict, X, whole=()) -> Any:
    X = native(as_table(X))
    n = _num_samples(X)
    if whole or n <= BLOCK_ROWS:
        return predict(X)
    parts = [predict(_safe_indexing(X, rows)) for rows in gen_batches(n, BLOCK_ROWS)]
    if isinstance(parts[0], tuple):
        return tuple(map(np.concatenate, zip(*parts, strict=True)))
    return np.concatenate(parts)


def tabular_pipeline(
    estimator: Any,
    *,
    random_state: int | np.random.RandomState | None = None,
    n_jobs: int | None = None,
    free_text: bool = False,
    monotonic_cst: Sequence[int] | dict[str, int] | None = None,
) -> TabularPipeline:
    """Make a pipeline that takes a mixed-type table as it is.

    Numbers, booleans, dates, times, durations, strings and categories may be mixed, with missing values anywhere, in
    any DataFrame or in an array; our estimators take a sparse matrix of numbers, too. What kind a column is of is found
    during `fit` by a :class:`ColumnReader`, for numbers and dates in texts as well: ``1.234,50 EUR``, ``12 %``,
    ``31.01.2020``. Text that holds numbers is a category only where its type says so, as pandas' ``category`` does. A
    date becomes the days since 1970 and its month, day, weekday and hour. What becomes of it all depends on the
    estimator:

    - ours: numbers through :class:`PiecewiseLinearEncoder`, parts of dates as sines and cosines, with bins where the
      target goes with them, categories one-hot;
    - one that takes missing values, as HistGradientBoosting* do: numbers untouched, categories as codes (and marked as
      categories, if the estimator has the parameter `categorical_features` and pandas is installed);
    - any other: numbers imputed by the median and standardised, categories and the parts of dates one-hot.

    One-hot encoding takes a missing category for a level. It puts all but the 19 most frequent levels of a column into
    one, and levels that were not seen in training with them. A column of more than 20 levels becomes a number as well:
    the mean target of each level, cross-fitted by scikit-learn's `TargetEncoder`; a new level has the overall mean.

    Columns that tell nothing cost nothing: those without two different values are left out. So are row numbers,
    identifiers and free text, of whose filled cells more than nine of ten differ, with a warning; the step "columns"
    has their names in `left_out_`, and sentences on what else was not plain in `notes_`.

    Parameters
    ----------
    estimator : {"classifier", "regressor"} or estimator instance
        What predicts. A word stands for the recommended default: a network of two hidden layers of 128 units, trained
        by a ladder of weight decays (the trainer "ladder"), for values in a :class:`SkewedTargetRegressor`. An instance
        is cloned, and may be any classifier or regressor of this library or of scikit-learn.

    random_state : int, RandomState instance or None, default=None
        Unless None, it is set as the estimator's parameter of that name, if there is one.

    n_jobs : int or None, default=None
        Unless None, it is set as the estimator's parameter of that name, if there is one.

    free_text : bool, default=False
        Whether free text is used, by a :class:`TextEncoder`, instead of being left out; that takes seconds for some
        thousand texts.

    monotonic_cst : array-like of int of shape (n_features,) or dict of str to int, default=None
        How predictions (for classes the probability of the second of two) go with columns of numbers, by position or by
        a column's name: 1 rise, -1 fall, 0 either; exact at every point. Unless None, it is set as the estimator's
        parameter of that name. Missing values have no place in the order, and quantiles and prediction sets need not
        keep it.

    Returns
    -------
    TabularPipeline
        A scikit-learn `Pipeline` of three steps: "columns" (a :class:`ColumnReader`), "preprocessor" and "estimator";
        its `fit` takes `sample_weight`, and validation rows as they are.

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
    given = {"random_state": random_state, "n_jobs": n_jobs, "monotonic_cst": monotonic_cst}
    takes = getattr(estimator, "regressor", estimator)
    valid = takes.get_params()
    if monotonic_cst is not None and "monotonic_cst" not in valid:
        raise ValueError(f"monotonic_cst is no parameter of {type(takes).__name__}; use an estimator that has it.")
    takes.set_params(**{name: value for name, value in given.items() if value is not None and name in valid})
    learner = _learner(estimator)
    like_trees = get_tags(learner).input_tags.allow_nan
    parts = "circles" if isinstance(learner, _BPFreeEstimator) else "numbers" if like_trees else "levels"
    steps = [("columns", ColumnReader(parts, free_text)), ("preprocessor", preprocessor), ("estimator", estimator)]
    return TabularPipeline(steps)  # pyright: ignore[reportCallIssue]


def _make_estimator(estimator) -> Any:
    if isinstance(estimator, str):
        if estimator == "classifier":
            return BPFreeClassifier(HIDDEN_LAYER_SIZES, trainer="ladder")
        if estimator == "regressor":
            net = BPFreeRegressor(HIDDEN_LAYER_SIZES, trainer="ladder")
            return SkewedTargetRegressor(net)
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


def _learner(estimator):
    """What GridSearchCV, TransformedTargetRegressor and their like wrap, which decides how a table is encoded."""
    while (inner := getattr(estimator, "estimator", getattr(estimator, "regressor", None))) is not None:
        estimator = inner
    return estimator


def _make_preprocessor(estimator):
    learner = _learner(estimator)
    ours = isinstance(learner, _BPFreeEstimator)
    numbers = FunctionTransformer(
        as_numbers, accept_sparse=True, feature_names_out=names_as_they_are, kw_args={"dense": not ours}
    )
    folds = same_folds(5, random_state=0)  # so that only the estimator is random
    means = _LevelMeans(target_type="continuous" if is_regressor(learner) else "auto", **folds)
    circles, texts = [], [TextEncoder()]
    if ours:
        numeric = make_pipeline(numbers, PiecewiseLinearEncoder())
        categorical = OneHotLevels()
        many_levels = make_pipeline(LevelNumbers(), means, PiecewiseLinearEncoder())
        texts.append(PiecewiseLinearEncoder())
        circles = [("circles", make_pipeline(numbers, CircleEncoder()), circle_columns)]
    elif get_tags(learner).input_tags.allow_nan:
        numeric = numbers
        text = FunctionTransformer(as_text, feature_names_out=names_as_they_are)
        codes = OrdinalEncoder(
            handle_unknown="use_encoded_value",
            unknown_value=np.nan,
            encoded_missing_value=np.nan,
            max_categories=min(MAX_ORDINAL, learner.get_params().get("max_bins", MAX_ORDINAL)),
        )
        categorical = make_pipeline(text, codes)
        many_levels = "drop"
    else:
        numeric = make_pipeline(numbers, SimpleImputer(strategy="median"), StandardScaler())
        categorical = OneHotLevels()
        many_levels = make_pipeline(LevelNumbers(), means, StandardScaler())
        texts.append(StandardScaler())
    marks = "categorical_features" in learner.get_params() and find_spec("pandas")
    preprocessor = (_MarkingColumnTransformer if marks else ColumnTransformer)(
        [
            ("numeric", numeric, straight_columns if ours else numeric_columns),
            *circles,
            ("categorical", categorical, categorical_columns),
            ("many_levels", many_levels, many_level_columns),
            ("text", make_pipeline(*texts), free_text_columns),
        ],
        sparse_threshold=MIN_DENSITY,
    )
    return preprocessor.set_output(transform="default")  # no frame on the way unless this pipeline is asked for one


class _LevelMeans(TargetEncoder):
    """A TargetEncoder that takes several targets, too: it then encodes their standardised mean."""

    def fit(self, X, y):
        return super().fit(X, _one_target(y))

    def encode(self, numbers):
        """What `transform` makes of the numbers of levels, without a check."""
        encoded, n_classes = [], len(self.encodings_) // numbers.shape[1]
        for column, levels in enumerate(self.categories_):
            place = np.minimum(np.searchsorted(levels, numbers[:, column]), len(levels) - 1)
            known = levels[place] == numbers[:, column]
            for k, mean in enumerate(np.atleast_1d(self.target_mean_)):
                encoded.append(np.where(known, self.encodings_[column * n_classes + k][place], mean))
        return np.column_stack(encoded)

    def fit_transform(self, X, y, **params):
        with (
            config_context(enable_metadata_routing=False),  # without groups to route, 1.9 raises a KeyError
            np.errstate(over="ignore"),  # the estimator refuses targets without a square
        ):
            return super().fit_transform(X, _one_target(y), **params)


def _one_target(y):
    y = np.asarray(y)
    y = y.astype(np.float64) if y.dtype.kind == "b" else y  # TargetEncoder takes no booleans for values
    if y.dtype.kind == "O" and all(isinstance(label, int) for label in y.flat):  # it knows none beyond 64 bits
        y = np.unique(y, return_inverse=True)[1]
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
