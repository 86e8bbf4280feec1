"""Targets with a long tail, as money, claims and counts have it: learned by a log link, in any unit, from any zero.

`SkewedTarget` says whether a target is very skewed, and from where it is to be measured; `SkewedTargetRegressor` gives
the regressor the loss that suits, and carries validation rows, deviations and quantiles through.
"""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from scipy.stats import skew
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, TransformerMixin, clone
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklearn_bpfree.estimators.common import OfThisLibrary
from sklearn_bpfree.estimators.constraints import OF_TABLE, turned
from sklearn_bpfree.estimators.target_values import plain
from sklearn_bpfree.nn.targets import Values

SKEWED_LOSS = "poisson"  # its log link keeps the mean, and every prediction on the right side of the start


class SkewedTarget(OfThisLibrary, TransformerMixin, BaseEstimator):
    """Scale of learning of a target: standardised, or, where it is very skewed, measured from the end without a tail.

    A very skewed target becomes (y - start) / scale, where `start` is its least value, or its largest one if the tail
    goes down, and `scale` the mean distance from there. So nothing depends on the unit or on an offset, and as this is
    linear a mean stays a mean, which a power transform would turn into something near the median.

    Parameters
    ----------
    max_skewness : float, default=2.5
        Third moment of the standardised target, on either side, beyond which it is very skewed.

    Attributes
    ----------
    skewed_ : bool
        Whether the target is very skewed; several outputs share one answer, that of the most skewed one.
    tail_ : ndarray of shape (n_outputs,)
        1 where the tail goes up and -1 where it goes down; 1 for all unless `skewed_`.
    start_, scale_ : ndarray of shape (n_outputs,)
        Where the scale of learning has its zero, and its unit; in the units of y.
    reach_ : ndarray of shape (n_outputs,)
        Distance from the start beyond which predictions of a very skewed target are cut off: 1.5 times the range of the
        training targets, on the scale of learning.
    """

    def __init__(self, max_skewness: float = 2.5) -> None:
        self.max_skewness = max_skewness

    def fit(self, y: Any, X: Any = None) -> Self:
        """Choose the scale by the skewness of y (n_samples, n_outputs)."""
        y = np.asarray(y, dtype=np.float64)
        standard = StandardScaler().set_output(transform="default").fit(y)
        with np.errstate(all="ignore"):
            skewness = np.nan_to_num(skew(standard.transform(y), axis=0))
        self.skewed_ = bool(np.abs(skewness).max() > self.max_skewness)
        self.tail_ = np.where(skewness < 0, -1.0, 1.0) if self.skewed_ else np.ones(y.shape[1])
        if self.skewed_:
            self.start_ = np.where(self.tail_ > 0, y.min(axis=0), y.max(axis=0))
            mean = np.abs(y - self.start_).mean(axis=0)
            self.scale_ = np.where(mean > 0, mean, 1.0)
        else:
            self.start_, self.scale_ = standard.mean_, standard.scale_
        self.reach_ = 1.5 * np.ptp(y / self.scale_, axis=0)
        return self

    def transform(self, y: Any) -> np.ndarray:
        """From values to the scale of learning, on which the targets of training lie on the tail's side of zero."""
        return (np.asarray(y, dtype=np.float64) - self.start_) / self.scale_

    def inverse_transform(self, y: Any) -> np.ndarray:
        """From the scale of learning to values; a very skewed target stays within its start and half a range beyond."""
        y = np.asarray(y, dtype=np.float64)
        if self.skewed_:
            y = self.tail_ * np.clip(self.tail_ * y, 0, self.reach_)
        return y * self.scale_ + self.start_


def _regressor_has(method):
    return available_if(lambda self: hasattr(getattr(self, "regressor_", self.regressor), method))


class SkewedTargetRegressor(OfThisLibrary, RegressorMixin, MetaEstimatorMixin, BaseEstimator):
    """A regressor of this library that learns a very skewed target by the Poisson deviance, and any other one as it is.

    With its log link that is a consistent loss for the mean of any target that starts somewhere, be it a count, an
    income, or a claim that mostly is none: errors count in proportion to the mean, and no prediction falls short of
    the start.

    Parameters
    ----------
    regressor : BPFreeRegressor
        One with another `loss` than "auto" keeps it, and learns the standardised target however skewed it is.
    transformer : SkewedTarget or None, default=None
        None: ``SkewedTarget()``.

    Attributes
    ----------
    regressor_ : BPFreeRegressor
    transformer_ : SkewedTarget
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (`n_features_in_`,)

    References
    ----------
    Gneiting (2011), "Making and evaluating point forecasts", Journal of the American Statistical Association 106
    (which losses are consistent for the mean).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_bpfree import BPFreeRegressor
    >>> from sklearn_bpfree.tabular import SkewedTargetRegressor
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> model = SkewedTargetRegressor(BPFreeRegressor(random_state=0)).fit(X, np.exp(2 * X[:, 0]))
    >>> model.regressor_.loss
    'poisson'
    """

    def __init__(self, regressor: Any, transformer: Any = None) -> None:
        self.regressor = regressor
        self.transformer = transformer

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Choose scale and loss, and fit the regressor.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
        X_val, y_val, sample_weight_val : array-like, default=None
            Rows for early stopping, their targets in the units of y, and their weights.

        Returns
        -------
        self : object
        """
        regressor = clone(self.regressor)
        scale = SkewedTarget() if self.transformer is None else clone(self.transformer)
        if regressor.get_params().get("loss") != "auto":
            scale.set_params(max_skewness=np.inf)
        y = check_array(plain(y, numbers=True), ensure_2d=False, dtype=None, input_name="y", estimator=self)
        Values.fit(y)  # refuses what has no scale in double precision
        self.transformer_ = scale.fit(_columns(y))
        if scale.skewed_:
            regressor.set_params(loss=SKEWED_LOSS)
        _turn_constraints(regressor, int(scale.tail_[0]), self.__dict__.pop(OF_TABLE, None))
        given = {"sample_weight": sample_weight, "X_val": X_val, "sample_weight_val": sample_weight_val}
        given["y_val"] = None if y_val is None else self._learned(y_val)
        given = {name: value for name, value in given.items() if value is not None}
        self.regressor_ = regressor.fit(X, self._learned(y), **given)
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Predicted values.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        return_std : bool, default=False
            Whether to return the standard deviation of the target given each row too; for trainers that offer it.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        std : ndarray of the same shape
            Only with ``return_std=True``.
        """
        check_is_fitted(self, "regressor_")
        if not return_std:
            return self._values(self.regressor_.predict(X))
        mean, std = self.regressor_.predict(X, return_std=True)
        return self._values(mean), (_columns(std) * self.transformer_.scale_).reshape(std.shape)

    @_regressor_has("predict_quantiles")
    def predict_quantiles(self, X: Any, quantiles: float | Sequence[float] = (0.05, 0.5, 0.95)) -> np.ndarray:
        """Quantiles of the target given each row; for trainers that offer return_std.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        quantiles : float or array-like of float, default=(0.05, 0.5, 0.95)
            In (0, 1).

        Returns
        -------
        values : ndarray of shape (n_samples, n_quantiles) or (n_samples, n_outputs, n_quantiles)
            Without the last axis when `quantiles` is a number.
        """
        check_is_fitted(self, "regressor_")
        levels = np.asarray(quantiles, dtype=np.float64)
        learned = self.regressor_.predict_quantiles(X, levels.reshape(-1))
        if self.transformer_.tail_.min() < 0:  # what the regressor learned upside down has the other quantile there
            other = self.regressor_.predict_quantiles(X, 1 - levels.reshape(-1))
            learned = np.where(self.transformer_.tail_[:, None] < 0, other, learned)
        values = np.stack([self._values(level) for level in np.moveaxis(learned, -1, 0)], axis=-1)
        return values if levels.ndim else values[..., 0]

    def _learned(self, y):
        """What the regressor learns of y: distances from the start, or standardised values; in the shape of y."""
        learned = self.transformer_.tail_ * self.transformer_.transform(_columns(y))
        if self.transformer_.skewed_:  # a validation row may lie before the start
            learned = np.maximum(learned, 0)
        return learned.reshape(np.shape(y))

    def _values(self, learned):
        """From what the regressor predicts to values."""
        return self.transformer_.inverse_transform(self.transformer_.tail_ * _columns(learned)).reshape(learned.shape)

    @property
    def n_features_in_(self) -> int:
        """Number of features of the regressor."""
        return self.regressor_.n_features_in_

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Names of the features of the regressor, if it was fitted on a table with names."""
        return self.regressor_.feature_names_in_

    def __sklearn_tags__(self):
        tags, own = super().__sklearn_tags__(), get_tags(self.regressor)
        tags.input_tags = own.input_tags
        tags.target_tags.multi_output = own.target_tags.multi_output
        return tags


def _columns(y):
    y = np.asarray(y, dtype=np.float64)
    return y.reshape(len(y), -1)


def _turn_constraints(regressor, tail, of_table):
    """Hand monotone constraints down, upside down where the target is learned so."""
    if of_table is not None:
        vars(regressor)[OF_TABLE] = tuple(tail * direction for direction in of_table)
    elif tail < 0 and getattr(regressor, "monotonic_cst", None) is not None:
        regressor.set_params(monotonic_cst=turned(regressor.monotonic_cst))
