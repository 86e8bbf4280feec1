"""By what models are ranked, and what else is shown of them: scikit-learn's scorers, on predictions made once.

When classes are rare, accuracy says nothing: `make_scoring` then ranks by the area under the ROC curve, and shows
average precision and balanced accuracy beside it.
"""

import difflib
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import get_scorer, get_scorer_names, log_loss, mean_absolute_error

from sklearn_bpfree.bench.reading import BenchError, Table, first_line

METRICS = {"classifier": ("accuracy", "log-loss"), "regressor": ("R2", "MAE")}
NAMES = {
    "r2": "R2",
    "roc_auc": "ROC AUC",
    "roc_auc_ovr": "ROC AUC",
    "average_precision": "average precision",
    "balanced_accuracy": "balanced accuracy",
}
RARE = 1 / 3  # a class is rare with fewer rows than this share of what it would have if all were equal


@dataclass(frozen=True)
class Scoring:
    """The scorers of a comparison, by the names that the leaderboard gives them; the first one ranks.

    A classifier's scorers see numbers in the place of labels: of two classes the rarer is 1, so that a scorer which
    looks at "the positive class" works with labels of any kind. A `Scoring` is a scorer itself: what ranks.
    """

    scorers: dict[str, Callable]
    classes: np.ndarray | None = None
    numbers: np.ndarray | None = None  # of the classes
    note: str = ""

    @property
    def name(self) -> str:
        """What ranks."""
        return next(iter(self.scorers))

    def __call__(self, estimator, X, y) -> float:
        return self.scores(X, y, estimator.predict(X), self.probabilities(estimator, X))[self.name]

    def probabilities(self, estimator, X) -> np.ndarray | None:
        """Those of all sorted classes of the table (n_samples, n_classes), if the estimator gives any."""
        if self.classes is None or not hasattr(estimator, "predict_proba"):
            return None
        given = estimator.predict_proba(X)
        P = np.zeros((len(given), len(self.classes)), dtype=given.dtype)  # a class that had no training row has 0
        P[:, np.searchsorted(self.classes, estimator.classes_)] = given
        return P

    def scores(self, X, y, predicted, P) -> dict[str, float]:
        """The value of each scorer; NaN for one, other than the first, that cannot judge these rows."""
        known = _Known(predicted)
        if self.classes is not None and self.numbers is not None:
            y, predicted = (self.numbers[np.searchsorted(self.classes, labels)] for labels in (y, predicted))
            known = _KnownClasses(predicted, np.sort(self.numbers))
            if P is not None:
                known = _KnownOdds(predicted, np.sort(self.numbers), P[:, np.argsort(self.numbers)])
        found = {}
        for name, scorer in self.scorers.items():
            try:
                found[name] = float(scorer(known, X, y))
            except ValueError:
                if name == self.name:
                    raise
                found[name] = math.nan
        return found

    def loss(self, y, predicted, P) -> float:
        """Log-loss or mean absolute error; NaN for a classifier without probabilities."""
        if self.classes is None:
            return float(mean_absolute_error(y, predicted))
        return math.nan if P is None else float(log_loss(y, P, labels=self.classes))


class _Known(RegressorMixin, BaseEstimator):
    """What a scorer takes for a fitted model, and gives the predictions that were made."""

    def __init__(self, predicted=None):
        self.predicted = predicted

    def predict(self, X):
        return self.predicted


class _KnownClasses(ClassifierMixin, BaseEstimator):
    def __init__(self, predicted=None, classes=None):
        self.predicted = predicted
        self.classes_ = classes

    def predict(self, X):
        return self.predicted


class _KnownOdds(_KnownClasses):
    def __init__(self, predicted=None, classes=None, probabilities=None):
        super().__init__(predicted, classes)
        self.probabilities = probabilities

    def predict_proba(self, X):
        return self.probabilities


def make_scoring(table: Table, scoring: str | Callable | None = None) -> Scoring:
    """What to rank and show on a table.

    Parameters
    ----------
    table : Table
    scoring : str or callable, default=None
        A scikit-learn scorer or its name. None: R2 for values, accuracy for classes, the area under the ROC curve if
        a class is rare.

    Returns
    -------
    Scoring

    Raises
    ------
    BenchError
        If there is no such scorer, or it cannot judge predictions for this table.
    """
    if table.task == "regressor":
        shown, classes, numbers, note = ["r2"], None, None, ""
    else:
        classes, counts = np.unique(table.y, return_counts=True)
        several = len(classes) > 2
        numbers = np.arange(len(classes)) if several or counts[0] >= counts[1] else np.array([1, 0])
        note = _rare_note(classes, counts)
        auc = "roc_auc_ovr" if several else "roc_auc"
        shown = [auc, "average_precision", "balanced_accuracy", "accuracy"] if note else ["accuracy"]
    ranking = scoring or shown[0]
    scorers = {_label(ranking): _scorer(ranking)}
    scorers |= {_label(name): _scorer(name) for name in shown if _label(name) not in scorers}
    made = Scoring(scorers, classes, numbers, note)
    _try(made, table)
    return made


def _rare_note(classes, counts):
    """A sentence if a class is rare."""
    if counts.min() >= RARE * counts.sum() / len(classes):
        return ""
    rarest, commonest = classes[counts.argmin()], classes[counts.argmax()]
    return (
        f"Class {rarest!s} has {counts.min()} of {counts.sum()} rows, and saying {commonest!s} to all of them is right "
        f"in {counts.max() / counts.sum():.1%}: accuracy tells nothing here."
    )


def _label(scoring):
    if not isinstance(scoring, str):
        return getattr(scoring, "__name__", type(scoring).__name__)
    return NAMES.get(scoring, scoring)


def _scorer(scoring):
    if callable(scoring):
        return scoring
    names = get_scorer_names()
    if scoring not in names:
        close = difflib.get_close_matches(scoring.lower(), names, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise BenchError(f"There is no scorer {scoring!r}{hint}; scikit-learn has {', '.join(names)}.")
    return get_scorer(scoring)


def _try(scoring, table):
    """Score a dummy's predictions, to hear before the work that a scorer is not made for such a table."""
    X = np.empty((len(table.y), 1))
    dummy = DummyRegressor() if scoring.classes is None else DummyClassifier()
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            score = scoring(dummy.fit(X, table.y), X, table.y)
    except Exception as error:  # whatever a scorer may raise
        reason = first_line(error).rstrip(".")
        raise BenchError(f"{scoring.name} cannot score {table.name}: {reason}.") from error
    if not math.isfinite(score):
        raise BenchError(f"{scoring.name} gives {score} on {table.name}; use another --scoring.")
