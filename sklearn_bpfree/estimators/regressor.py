"""`BPFreeRegressor`: values are standardised for a network, and its outputs become values, intervals and quantiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if

from sklearn_bpfree.estimators.base import _BPFreeEstimator
from sklearn_bpfree.estimators.offering import offers_partial_fit, offers_return_std
from sklearn_bpfree.nn.losses import Loss
from sklearn_bpfree.nn.objectives import Metric
from sklearn_bpfree.nn.targets import Values
from sklearn_bpfree.plugin.trainer import Trainer


class BPFreeRegressor(RegressorMixin, _BPFreeEstimator):
    """Multi-layer perceptron regressor whose trainer is a plugin.

    One or more real targets, which are standardised inside (so give them in any unit); dense or CSR features.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int or int, default=(100,)
        Units of each hidden layer; ``()`` for a linear model.
    activation : {"identity", "logistic", "tanh", "relu", "gelu", "silu", "softplus", "step", "sign"}, default="relu"
        Activation of the hidden layers. "step" (0 or 1) and "sign" (-1 or 1) are for trainers that only need values.
    weights : {"float", "int8", "ternary", "binary"}, default="float"
        What the kernels are in use, with one scale per unit; biases stay float (see `sklearn_bpfree.nn.quantisation`).
        For trainers that only need values. A finished fit of quantised weights is pickled without what training would
        go on from and without all but the last row of `history_`, and so is small, unless ``warm_start=True``.
    trainer : str or Trainer, default="dfa"
        A registered name (see `list_trainers`) or an object with hyper-parameters of its own (see `get_trainer`), which
        grids and pipelines reach as ``trainer__<name>``.
    loss : str, Loss or callable, default="auto"
        "auto" (squared_error), "squared_error", "absolute_error", "huber", "quantile" or "poisson"; an object such as
        ``HuberLoss(delta=0.5)``; or, for trainers that only need values, a scorer's name, a scorer, or a function
        ``metric(y_true, y_pred)`` of which greater is better.
    metric_warmup : float, default=0.8
        With a metric as `loss`: fraction of the steps that minimise the smooth loss that matches it (squared error,
        absolute error or pinball loss), after which the outputs are shifted as suits the metric best and it takes over
        itself. 0: the metric from the first step on.
    quantile : float, default=None
        For ``loss="quantile"``: in (0, 1); None means 0.5.
    monotonic_cst : array-like of int of shape (n_features,) or dict of str to int, default=None
        How predicted values go with each column, by position or by a column's name: 1 rise, -1 fall,
        0 either; exact at every point, for trainers that offer monotone and one value a row.
    batch_size : int or "auto", default="auto"
        Rows in a minibatch; "auto" leaves it to the trainer.
    max_iter : int, default=None
        Number of steps (passes over the rows, or generations); None leaves it to the trainer.
    tol : float, default=None
        Improvement of the training loss, or of the validation score, that counts. None: with validation 1e-4, without
        it the trainer's own.
    early_stopping : bool or "auto", default="auto"
        Whether to stop on the score of held-out rows and keep the best weights; "auto" leaves it to the trainer, and
        means True when `fit` is given `X_val`, and when a metric as `loss` has a warm-up (whose end counts as the first
        step; so the better of threshold and fine-tuning is kept).
    validation_fraction : float, default=0.1
        Fraction of the rows held out for early stopping.
    n_iter_no_change : int, default=10
        Steps without improvement after which the fit stops.
    scoring : str or callable, default=None
        Scorer for early stopping. None: the `score` method, or the metric given as `loss`; "loss": the loss.
    max_time : float, default=None
        Seconds. After the first step none is begun that would end more than 5 % later, if it took as long as the last.
    warm_start : bool, default=False
        Whether `fit` goes on from the last one: it finishes a fit that was cut short by Ctrl-C or `max_time`, and
        trains another `max_iter` steps after one that was not. Unless it does, and unless the trainer offers
        `partial_fit`, a finished fit is pickled without what only training needs, `progress_` above all.
    record_alignment : bool, default=False
        Whether to record the angle between update and true gradient, per layer and step, in `alignment_`.
    dtype : {"float32", "float64"}, default="float32"
        Precision of the computation, whatever the precision of the input.
    n_jobs : int, default=None
        Jobs for trainers that evaluate in parallel; the result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Source of initial weights, feedback, shuffling and the held-out rows.
    verbose : bool, default=False
        Whether to print a line per step.

    Attributes
    ----------
    trainer_ : Trainer
        The trainer that was used.
    state_ : State
        What the trainer came to; its `weights` are the network's.
    network_ : Network
        Layer sizes and activation.
    objective_ : Loss or Metric
        What was minimised; its link makes predictions of the network's outputs.
    targets_ : Values
        Mean and scale of the targets.
    history_ : list of dict
        One row per step: step, loss, seconds, n_evaluations, and where recorded validation_score and alignment.
    progress_ : Progress
        The checkpoint from which `warm_start` goes on.
    n_iter_ : int
        Steps done.
    stop_reason_ : str
        Why the fit ended: "max_iter", "tol", "early_stopping", "max_time", "interrupted", "diverged", "callback" or
        "partial_fit".
    coefs_, intercepts_ : list of ndarray
        Kernels (fan_in, fan_out) and biases of the layers.
    loss_curve_, validation_scores_ : list of float
        Columns of `history_`.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (`n_features_in_`,)

    See Also
    --------
    BPFreeClassifier : The same for classes.
    sklearn.neural_network.MLPRegressor : The same network, trained by back-propagation.

    Examples
    --------
    >>> from sklearn.datasets import make_friedman1
    >>> from sklearn_bpfree import BPFreeRegressor
    >>> X, y = make_friedman1(random_state=0)
    >>> BPFreeRegressor(random_state=0).fit(X, y).score(X, y) > 0.8
    True
    """

    _classifies = False

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str = "relu",
        *,
        weights: str = "float",
        trainer: str | Trainer = "dfa",
        loss: str | Loss | Callable = "auto",
        metric_warmup: float = 0.8,
        quantile: float | None = None,
        monotonic_cst: Sequence[int] | dict[str, int] | None = None,
        batch_size: int | str = "auto",
        max_iter: int | None = None,
        tol: float | None = None,
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        scoring: str | Callable | None = None,
        max_time: float | None = None,
        warm_start: bool = False,
        record_alignment: bool = False,
        dtype: str = "float32",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.weights = weights
        self.trainer = trainer
        self.loss = loss
        self.metric_warmup = metric_warmup
        self.quantile = quantile
        self.monotonic_cst = monotonic_cst
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.scoring = scoring
        self.max_time = max_time
        self.warm_start = warm_start
        self.record_alignment = record_alignment
        self.dtype = dtype
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @available_if(offers_partial_fit)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Take one step on the given rows, from where the last call left off.

        The first call's rows settle by which mean and scale the targets are standardised.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object
        """
        return self._partial_fit(X, y, sample_weight=sample_weight)

    def predict(self, X: Any, return_std: bool = False):
        """Predicted values, in the units of the training targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        return_std : bool, default=False
            Whether to return the standard deviation of the target given each row too; for trainers that offer it.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        std : ndarray of the same shape
            Only with ``return_std=True``. It holds the noise of an observation as well as what the fit leaves open.

        Raises
        ------
        ValueError
            If ``return_std=True`` and the trainer does not offer it.
        """
        if return_std:
            mean, std = self._predictive(X)
            return self.targets_.predict(mean), self.targets_.spread(std)
        P = self._outputs(X)[1]
        return self.targets_.predict(P)

    @available_if(offers_return_std)
    def predict_quantiles(self, X: Any, quantiles: float | Sequence[float] = (0.05, 0.5, 0.95)) -> np.ndarray:
        """Quantiles of the target given each row; for trainers that offer return_std.

        Those of a normal distribution, unless the trainer has its own, as "ladder" has from rows that it did not learn.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        quantiles : float or array-like of float, default=(0.05, 0.5, 0.95)
            In (0, 1).

        Returns
        -------
        values : ndarray of shape (n_samples, n_quantiles) or (n_samples, n_outputs, n_quantiles)
            In the units of the training targets; without the last axis when `quantiles` is a number.
        """
        levels = np.asarray(quantiles, dtype=np.float64)
        if levels.ndim > 1 or not ((levels > 0) & (levels < 1)).all():
            raise ValueError(f"quantiles must be numbers between 0 and 1, both excluded, got {quantiles!r}.")
        (Q,) = self._predictive(X, levels.reshape(-1))
        values = np.stack([self.targets_.predict(level) for level in np.moveaxis(Q, -1, 0)], axis=-1)
        return values if levels.ndim else values[..., 0]

    def _check_y(self, y):
        return y if y.ndim == 2 and y.shape[1] > 1 else column_or_1d(y, warn=True)

    def _set_targets(self, y, sample_weight, *, reset, classes=None, name="y"):
        if reset:
            self.objective_, self.targets_ = self._new_targets(y, sample_weight)
        elif (1 if y.ndim == 1 else y.shape[1]) != self.targets_.n_outputs:
            raise ValueError(
                f"{name} has shape {y.shape}, but the fitted regressor has {self.targets_.n_outputs} outputs; give as "
                "many."
            )
        else:
            self._check_sign(y, self.objective_, name)

    def _new_targets(self, y, sample_weight):
        """The objective and the scaled targets: a loss says how they are scaled, a metric is told."""
        objective = self._make_objective(Values.unscaled(y))
        self._check_sign(y, objective)
        if isinstance(objective, Metric):
            targets = Values.fit(y, sample_weight)
            return Metric(objective.scoring, targets, objective.smooth), targets
        return objective, Values.fit(y, sample_weight, objective.target_scaling)

    def _check_sign(self, y, objective, name="y"):
        if getattr(objective, "target_scaling", "") == "positive" and ((y < 0).any() or y.sum() == 0):
            raise ValueError(
                f"loss={self.loss!r} needs {name} to be non-negative and not all zero, got from {y.min()}."
            )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
