"""Cross-validate trainers beside scikit-learn's own models on a table.

Nothing here prints. `make_models` gives the pipelines to compare, and `compare` yields one `Result` after the other.
"""

import math
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, log_loss, mean_absolute_error, r2_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils.parallel import Parallel, delayed

from sklearn_bpfree.bench.reading import Table, first_line
from sklearn_bpfree.estimators import BPFreeClassifier, BPFreeRegressor
from sklearn_bpfree.tabular.columns import LeftOutWarning
from sklearn_bpfree.tabular.pipeline import tabular_pipeline

METRICS = {"classifier": ("accuracy", "log-loss"), "regressor": ("R2", "MAE")}


class Model(NamedTuple):
    """One competitor; `word` is what `tabular_pipeline` was given, if it was a word."""

    name: str
    pipeline: Pipeline
    from_zoo: bool
    word: str = ""


class Fold(NamedTuple):
    """What a model did on one fold; `score` is accuracy or R2, `loss` log-loss or mean absolute error.

    `rows` are the numbers of the rows held out, `predicted` what was predicted for them (probabilities, if there are
    any), and `curve` is the training loss of every step, for trainers of the zoo.
    """

    score: float
    loss: float
    fit_seconds: float
    predict_seconds: float
    warnings: Counter
    rows: np.ndarray
    predicted: np.ndarray
    curve: list[float]


@dataclass
class Result:
    """The folds that a model got through, and why there are not more, if so."""

    model: Model
    folds: list[Fold]
    reason: str = ""

    @property
    def score(self) -> float:
        return self.mean("score")

    @property
    def spread(self) -> float:
        return pstdev(fold.score for fold in self.folds)

    def mean(self, name: str) -> float:
        return fmean(getattr(fold, name) for fold in self.folds)


def make_models(task: str, trainers: list[str], random_state: int = 0) -> list[Model]:
    """A baseline, a linear model, our default for tables, the trainers, then boosting and scikit-learn's MLP."""
    if task == "classifier":
        first, last = [DummyClassifier(), LogisticRegression()], [HistGradientBoostingClassifier(), MLPClassifier()]
        ours = BPFreeClassifier
    else:
        first, last = [DummyRegressor(), Ridge()], [HistGradientBoostingRegressor(), MLPRegressor()]
        ours = BPFreeRegressor

    def pipelines(estimators):
        return [tabular_pipeline(estimator, random_state=random_state) for estimator in estimators]

    zoo = [Model(name, p, True) for name, p in zip(trainers, pipelines(ours(trainer=t) for t in trainers), strict=True)]
    peers = [[Model(type(p[-1]).__name__, p, False) for p in pipelines(some)] for some in (first, last)]
    default = Model("tabular_pipeline", tabular_pipeline(task, random_state=random_state), True, task)
    return [*peers[0], default, *zoo, *peers[1]]


def compare(
    table: Table,
    models: list[Model],
    *,
    cv: int = 5,
    random_state: int = 0,
    n_jobs: int | None = None,
    time_limit: float | None = None,
    on_fold: Callable[[str, int], object] = lambda name, fold: None,
) -> Iterator[Result]:
    """Cross-validate the models on the same shuffled folds.

    Parameters
    ----------
    table : Table
    models : list of Model
    cv : int, default=5
    random_state : int, default=0
        Seed of the folds.
    n_jobs : int, default=None
        Number of folds at a time.
    time_limit : float, default=None
        Seconds for all. Trainers get an equal share of what is left as `max_time`; other models cannot be stopped
        within a fold; no fold begins when the time is over.
    on_fold : callable, default=None
        Called with the model's name and the number of its folds so far.

    Yields
    ------
    Result
        In the order of the models.
    """
    splits = folds(table, cv, random_state)
    deadline = math.inf if time_limit is None else time.time() + time_limit
    for i, model in enumerate(models):
        pipeline = limited(model, (deadline - time.time()) / (len(models) - i) / cv)
        result = Result(model, [])
        parallel = Parallel(n_jobs=n_jobs, return_as="generator")
        done = parallel(delayed(_run_fold)(pipeline, table, *split, deadline) for split in splits)
        for k, fold in enumerate(done, start=1):
            if isinstance(fold, Fold):
                result.folds.append(fold)
            else:
                result.reason = result.reason or fold
            on_fold(model.name, k)
        yield result


def folds(table: Table, cv: int, random_state: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The shuffled folds of a table, as pairs of training and test rows."""
    splitter = (StratifiedKFold if table.task == "classifier" else KFold)(cv, shuffle=True, random_state=random_state)
    return list(splitter.split(np.empty((len(table.y), 0)), table.y))


def limited(model: Model, seconds: float) -> Pipeline:
    """A clone of the pipeline whose trainer stops after some seconds, if it is a trainer and the number is finite."""
    pipeline = clone(model.pipeline)
    if model.from_zoo and math.isfinite(seconds):
        names = [name for name in pipeline.get_params() if name.endswith("__max_time")]
        pipeline.set_params(**{min(names, key=len): max(seconds, 1e-3)})
    return pipeline


def _run_fold(pipeline, table, train, test, deadline) -> Fold | str:
    """Fit and score on one fold, or the reason why not."""
    if time.time() >= deadline:
        return "not run: the time limit was over"
    rows = getattr(table.X, "iloc", table.X)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            begin = time.perf_counter()
            fitted = clone(pipeline).fit(rows[train], table.y[train])
            middle = time.perf_counter()
            predicted = fitted.predict(rows[test])
            end = time.perf_counter()
            score, loss, predicted = _scores(table, fitted, rows[test], table.y[test], predicted)
        except Exception as error:  # one failing model must not stop the others
            return f"failed: {type(error).__name__}: {first_line(error)}"
    told = Counter(w.category.__name__ for w in caught if w.category is not LeftOutWarning)  # a note of the table
    net = getattr(fitted[-1], "regressor_", fitted[-1])  # a target that is transformed has the net inside
    curve = [row["loss"] for row in getattr(net, "history_", [])]
    return Fold(score, loss, middle - begin, end - middle, told, test, predicted, curve)


def _scores(table, fitted, X, y, predicted):
    """Score, loss, and the probabilities in the place of the predicted classes where there are any."""
    if table.task == "regressor":
        return r2_score(y, predicted), mean_absolute_error(y, predicted), predicted
    score = accuracy_score(y, predicted)
    if not hasattr(fitted, "predict_proba"):
        return score, math.nan, predicted
    P = fitted.predict_proba(X)
    return score, log_loss(y, P, labels=fitted.classes_), P
