"""What is minimised: losses with an output error, and any scikit-learn metric as a value.

A loss sees the network's raw outputs Z and the encoded targets Y, both (n, K), and gives a value per row and the
*output error*, its derivative by Z. Trainers that only need values can minimise a `Metric` as well.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
from scipy import special
from sklearn.metrics import get_scorer, get_scorer_names

from sklearn_bpfree.nn.losses import AbsoluteError, Loss, QuantileLoss, find_loss, named_losses
from sklearn_bpfree.nn.metrics import PinballMetric, vectorised
from sklearn_bpfree.nn.predictions import ClassPredictions, ValuePredictions

SHIFT_ROWS = 10_000  # a decision threshold is chosen by at most so many rows
SHIFTS = 100  # among so many candidates


class ObjectiveError(ValueError):
    """The trainer asked the objective for something it cannot give."""


class Metric:
    """A scikit-learn scorer, or a function ``metric(y_true, y_pred)``, as the objective; greater is better.

    Parameters
    ----------
    scoring : str or callable
        A scorer's name, a scorer ``scorer(estimator, X, y)`` or a metric ``metric(y_true, y_pred)`` of which greater is
        better, such as a `CostMetric` (wrap a cost in ``make_scorer(cost, greater_is_better=False)``).
    targets : Targets
        How the user's y and the network's outputs translate into each other.
    smooth : Loss
        The loss that matches the metric, with which training warms up; its link is the metric's, too.

    Attributes
    ----------
    curvature_bound : None
        A metric has no curvature, so no output layer can be solved for it.
    vectorised : callable or None
        What judges all members at once, for metrics that have such a form (see `sklearn_bpfree.nn.metrics`); the others
        are judged by scikit-learn, one member after the other, which takes some milliseconds each.
    """

    curvature_bound = None

    def __init__(self, scoring: str | Callable, targets: Any, smooth: Loss) -> None:
        self.name = scoring if isinstance(scoring, str) else getattr(scoring, "__name__", repr(scoring))
        self.scoring = scoring
        self.scorer = get_scorer(scoring)
        self.targets = targets
        self.smooth = smooth
        self.link = smooth.link
        self.link_formula = smooth.link_formula
        self.vectorised = vectorised(scoring, targets, self.link)
        names = list(inspect.signature(self.scorer).parameters)
        self._is_metric = len(names) >= 2 and names[:1] != ["estimator"] and len(_required(self.scorer)) == 2
        self._judge = ClassPredictions if targets.is_classification else ValuePredictions

    @property
    def is_classification(self) -> bool:
        """Whether the metric judges classes, as losses say it of themselves."""
        return self.targets.is_classification

    def error(self, Z: Any, Y: Any) -> NoReturn:
        """What a loss has and a metric lacks.

        Raises
        ------
        ObjectiveError
        """
        raise ObjectiveError(f"the metric {self.name!r} has no output error")

    def scores(self, Z, y, sample_weight=None) -> np.ndarray:
        """Value of the metric for each member of a population.

        Parameters
        ----------
        Z : ndarray of shape (P, n, K)
            Raw outputs.
        y : ndarray of shape (n,) or (n, K)
            The user's own targets.
        sample_weight : ndarray of shape (n,), default=None

        Returns
        -------
        scores : ndarray of shape (P,)
            Greater is better; NaN for a member whose outputs are not finite or, by a ValueError, no good to the metric.
        """
        finite = np.isfinite(Z).all(axis=(1, 2))
        if self.vectorised is None:
            parts = zip(Z, finite, strict=True)
            return np.array([self._score_or_nan(z, y, sample_weight) if ok else np.nan for z, ok in parts])
        return np.where(finite, self.vectorised(Z, y, sample_weight), np.nan)

    def check(self, Y, y, sample_weight=None) -> None:
        """Raise a ValueError if these targets cannot be judged at all, which is best known before training.

        Parameters
        ----------
        Y : ndarray of shape (n, K)
            Encoded targets.
        y : ndarray of shape (n,) or (n, K)
            The user's own.
        sample_weight : ndarray of shape (n,), default=None
        """
        Z = Y if self.targets.is_classification else np.zeros_like(Y)  # the right classes; the mean value
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                value = self._score(Z, y, sample_weight)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".partition("\n")[0].rstrip(". ")
            if isinstance(error, TypeError) and "sample_weight" in reason:
                raise ValueError(
                    f"The metric {self.name!r} does not take sample weights; fit without weights or use another metric."
                ) from error
            raise ValueError(
                f"The metric {self.name!r} cannot judge these targets ({reason}); use one that can, or loss='auto'."
            ) from error
        if not np.isfinite(value):
            raise ValueError(
                f"The metric {self.name!r} gives {value} for these targets, which is no score; use one that gives a "
                "finite number, or loss='auto'."
            )

    def best_shift(self, Z, Y, y, sample_weight=None) -> np.ndarray:
        """Shift of the raw outputs under which the metric is best: a decision threshold, or one bias for each class.

        One output after the other, twice; the candidates put the decision between the rows, more densely towards both
        ends. For values they are the quantiles of the residuals.

        Parameters
        ----------
        Z, Y : ndarray of shape (n, K)
            Raw outputs and encoded targets.
        y : ndarray of shape (n,) or (n, K)
            The user's own targets.
        sample_weight : ndarray of shape (n,), default=None

        Returns
        -------
        shift : ndarray of shape (K,)
            Zero where no candidate is better.
        """
        every = slice(None, None, -(-len(Z) // SHIFT_ROWS))
        Z, Y, y = Z[every], Y[every], y[every]
        weight = None if sample_weight is None else sample_weight[every]
        n, K = Z.shape
        below = np.arange(n - 1)
        if n > SHIFTS:
            below = np.unique((n - 1) * special.expit(np.linspace(-np.log(n), np.log(n), SHIFTS)) // 1)
        levels = (below + 0.5) / (n - 1)  # half-way between two rows
        shift = np.zeros(K, Z.dtype)
        best = self.score(Z, y, weight)
        for k in [*range(K)] * (1 if K == 1 else 2):
            moved = Z + shift
            candidates = -np.quantile(self._margin(moved, Y, k), levels).astype(Z.dtype)
            candidates = candidates[np.argsort(np.abs(candidates))]  # the smallest of equals
            trials = np.repeat(moved[None], len(candidates), axis=0)
            trials[:, :, k] += candidates[:, None]
            scores = self.scores(trials, y, weight)
            scores[np.isnan(scores)] = -np.inf
            if scores.max() - best > 1e-6 * abs(best):
                best = scores.max()
                shift[k] += candidates[scores.argmax()]
        return shift

    def _margin(self, Z, Y, k):
        """By how much an output may fall before the decision, or the sign of the residual, changes."""
        if not self.targets.is_classification:
            return Z[:, k] - Y[:, k]
        if not self.targets.exclusive:
            return Z[:, k]
        return Z[:, k] - np.delete(Z, k, axis=1).max(axis=1)

    def score(self, Z, y, sample_weight=None) -> float:
        """Value of the metric for raw outputs Z (n, K) and the user's own targets y (n,)."""
        return float(self.scores(Z[None], y, sample_weight)[0])

    def _score(self, Z, y, sample_weight) -> float:
        weight = {} if sample_weight is None else {"sample_weight": sample_weight}
        predictions = self._judge(self.targets, self.link, Z)
        if self._is_metric:
            return float(self.scorer(y, predictions.predict(None), **weight))
        return float(self.scorer(predictions, np.empty((len(y), 0)), y, **weight))

    def _score_or_nan(self, Z, y, sample_weight) -> float:
        try:
            return self._score(np.ascontiguousarray(Z), y, sample_weight)
        except ValueError:  # such as that of a deviance for predictions below zero
            return np.nan


def _required(function):
    """Names of the positional parameters that have no default."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.kind in kinds and p.default is inspect.Parameter.empty]


def make_objective(loss, targets, quantile=None):
    """From the estimator's `loss` parameter to an objective, bound to the targets.

    Parameters
    ----------
    loss : str, Loss or callable
        "auto", a loss's name, a `Loss`, a scorer's name, a scorer or a metric (see `Metric`).
    targets : Targets
    quantile : float or None
        For ``loss="quantile"``.

    Returns
    -------
    objective : Loss or Metric
        A `Loss` of the user's own that leaves something to be found out is copied, not changed; see `Loss.bind`.

    Raises
    ------
    ValueError
        If the name is unknown, or the loss does not suit the targets.
    """
    found = find_loss(loss, targets.kind, targets.n_outputs, quantile)
    if found is not None:
        return found
    named = named_losses(targets.kind)
    if isinstance(loss, str):
        if loss not in get_scorer_names():
            raise ValueError(
                f"loss={loss!r} is unknown; give one of {['auto', *named]}, a Loss object, the name of a scorer "
                "(sklearn.metrics.get_scorer_names()), a scorer or a metric(y_true, y_pred)."
            )
    elif not callable(loss):
        raise ValueError(
            "loss must be a name, a Loss object, a scorer or a metric(y_true, y_pred), got "
            f"{' '.join(repr(loss).split())} of type {type(loss).__name__}."
        )
    return Metric(loss, targets, _matching(loss, next(iter(named.values()))))


def _matching(scoring, natural: Loss) -> Loss:
    """The smooth loss whose minimiser is nearest to that of a metric."""
    if isinstance(scoring, PinballMetric):
        return QuantileLoss(scoring.quantile)
    return AbsoluteError() if isinstance(scoring, str) and "absolute_error" in scoring else natural
