"""`BPFreeClassifier`: labels become outputs of a network, and its outputs classes and probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.base import ClassifierMixin
from sklearn.utils import check_scalar, column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from sklearn_bpfree.estimators.base import _BPFreeEstimator
from sklearn_bpfree.estimators.offering import offers_partial_fit, offers_sets
from sklearn_bpfree.nn.losses import Loss
from sklearn_bpfree.nn.targets import Classes, LabelSets
from sklearn_bpfree.plugin.trainer import Trainer


class BPFreeClassifier(ClassifierMixin, _BPFreeEstimator):
    """Multi-layer perceptron classifier whose trainer is a plugin.

    Binary, multiclass and multilabel targets, dense or CSR features.

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
        "auto" or "log_loss"; or, for trainers that only need values, a scorer's name, a scorer, or a function
        ``metric(y_true, y_pred)`` of which greater is better.
    metric_warmup : float, default=0.8
        With a metric as `loss`: fraction of the steps that minimise the smooth loss that matches it (log-loss),
        after which the decision threshold is set (a shift of the output biases) and the metric itself takes over. 0:
        the metric from the first step on.
    monotonic_cst : array-like of int of shape (n_features,) or dict of str to int, default=None
        How probabilities of the second class go with each column, by position or by a column's name: 1 rise, -1 fall,
        0 either; exact at every point, for trainers that offer monotone and two classes.
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
        Fraction of the rows held out for early stopping, stratified by class.
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
    class_weight : dict or "balanced", default=None
        Weights of the classes, times `sample_weight`.
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
    classes_ : ndarray of shape (n_classes,)
        Class labels (label numbers for multilabel targets).
    trainer_ : Trainer
        The trainer that was used.
    state_ : State
        What the trainer came to; its `weights` are the network's.
    network_ : Network
        Layer sizes and activation.
    objective_ : Loss or Metric
        What was minimised; its link makes predictions of the network's outputs.
    targets_ : Classes or LabelSets
        How labels and outputs translate into each other.
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
    BPFreeRegressor : The same for real targets.
    sklearn.neural_network.MLPClassifier : The same network, trained by back-propagation.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from sklearn_bpfree import BPFreeClassifier
    >>> X, y = make_moons(noise=0.1, random_state=0)
    >>> BPFreeClassifier(random_state=0).fit(X, y).score(X, y) > 0.9
    True
    """

    _classifies = True

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str = "relu",
        *,
        weights: str = "float",
        trainer: str | Trainer = "dfa",
        loss: str | Loss | Callable = "auto",
        metric_warmup: float = 0.8,
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
        class_weight: dict | str | None = None,
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
        self.class_weight = class_weight
        self.record_alignment = record_alignment
        self.dtype = dtype
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @available_if(offers_partial_fit)
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Take one step on the given rows, from where the last call left off.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
        classes : array-like of shape (n_classes,), default=None
            All classes there will ever be; needed in the first call, unless y holds them all.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object
        """
        return self._partial_fit(X, y, classes=classes, sample_weight=sample_weight)

    def predict(self, X: Any) -> np.ndarray:
        """Most probable class of each row, or label indicators.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
        """
        P = self._outputs(X)[1]
        return self.targets_.predict(P)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each class, in the order of `classes_`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        P : ndarray of shape (n_samples, n_classes)
        """
        P = self._outputs(X)[1]
        return self.targets_.probabilities(P)

    @available_if(offers_sets)
    def predict_set(self, X: Any, confidence: float = 0.9) -> np.ndarray:
        """Classes that a row may well be of; for trainers that offer sets.

        The classes whose probability reaches what the true class of unseen rows reaches in a share `confidence` of all
        cases, and the most probable one in any case: split conformal prediction with the least ambiguous sets. The
        share holds on average over all rows, not within each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        confidence : float, default=0.9
            In (0, 1): share of the rows whose set is to hold the true class.

        Returns
        -------
        sets : ndarray of bool, shape (n_samples, n_classes)
            In the order of `classes_`.

        References
        ----------
        Sadinle, Lei and Wasserman (2019), "Least ambiguous set-valued classifiers with bounded error levels", Journal
        of the American Statistical Association 114.
        """
        check_scalar(confidence, "confidence", Real, min_val=0, max_val=1, include_boundaries="neither")
        P = self.predict_proba(X)
        if isinstance(self.targets_, LabelSets):
            raise ValueError("predict_set is for one class per row, but y had several labels; use predict_proba.")
        sets = self.trainer_.least_probability(self.state_, confidence) <= P
        sets[np.arange(len(P)), P.argmax(axis=1)] = True
        return sets

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithm of `predict_proba`; minus infinity where a probability rounds to 0."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def decision_function(self, X: Any) -> np.ndarray:
        """Raw outputs of the network (the log-odds for two classes).

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        Z : ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        Z = self._outputs(X)[0]
        return self.targets_.decisions(Z)

    def _check_y(self, y):
        if y.dtype.kind == "O" and isinstance(y.flat[0], int):  # beyond 64 bits, which scikit-learn does not know
            return column_or_1d(y, warn=True)
        kind = type_of_target(y, input_name="y")
        if kind == "multilabel-indicator":
            y = y.toarray() if sparse.issparse(y) else y
            if not np.isin(y, (0, 1)).all():
                raise ValueError(f"y must hold 0 and 1 to say which labels a row has, got {np.unique(y).tolist()}.")
            return y
        if kind not in ("binary", "multiclass"):
            check_classification_targets(y)
        if y.ndim == 2 and y.shape[1] > 1:
            raise ValueError(
                f"y must be one class per row or a 0/1 indicator per label, got {kind} of shape "
                f"{y.shape}; wrap the classifier in MultiOutputClassifier."
            )
        return column_or_1d(y, warn=True)

    def _set_targets(self, y, sample_weight, *, reset, classes=None, name="y"):
        if not reset:
            fitted = (self.targets_.n_outputs,) if isinstance(self.targets_, LabelSets) else ()
            if y.shape[1:] != fitted:
                raise ValueError(f"{name} has shape {y.shape}, which is not what the classifier was fitted on.")
        if y.ndim == 2:
            if reset:
                self.targets_ = LabelSets(y.shape[1])
        else:
            labels = np.unique(y)
            known = None if reset else self.targets_.classes
            if classes is not None:
                classes = np.unique(classes)
                if known is not None and not np.array_equal(known, classes):
                    raise ValueError(f"classes={classes} is not the same as in the first call to partial_fit: {known}.")
            known = known if known is not None else classes if classes is not None else labels
            unknown = np.setdiff1d(labels, known)
            if len(unknown):
                raise ValueError(f"{name} holds classes that were not there before: {unknown} is not in {known}.")
            if len(known) < 2:
                raise ValueError(
                    f"{type(self).__name__} needs samples of at least 2 classes in the data, but the data contains "
                    f"only one class: {known.tolist()[0]!r}."
                )
            if reset:
                self.targets_ = Classes(known)
        self.classes_ = self.targets_.classes
        if reset:
            self.objective_ = self._make_objective(self.targets_)

    def _stratifies(self, y, n_held):
        if y.ndim == 2:
            return False
        counts = np.unique(y, return_counts=True)[1]
        return counts.min() >= 2 and len(counts) <= min(n_held, len(y) - n_held)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
