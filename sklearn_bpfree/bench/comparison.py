"""Cross-validate trainers beside their peers on a table.

Nothing here prints. `make_models` gives the pipelines to compare, and `compare` yields one `Result` after the other.
"""

import math
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.parallel import Parallel, delayed

from sklearn_bpfree.bench.peers import choose_peers, make_peer
from sklearn_bpfree.bench.reading import Table, first_line
from sklearn_bpfree.bench.scoring import Scoring, make_scoring
from sklearn_bpfree.bench.splitting import folds
from sklearn_bpfree.estimators import BPFreeClassifier, BPFreeRegressor
from sklearn_bpfree.tabular.columns import ColumnReader, LeftOutWarning
from sklearn_bpfree.tabular.pipeline import TabularPipeline, tabular_pipeline

COMPARISONS = count()  # numbers them
READ: dict[tuple, tuple] = {}  # the rows of a fold as they were read, and the seconds, by comparison, fold and reader


class Model(NamedTuple):
    """One competitor; `word` is what `tabular_pipeline` was given, if it was a word."""

    name: str
    pipeline: Pipeline
    from_zoo: bool
    word: str = ""

    @property
    def about(self) -> str:
        """What the default is, in a phrase."""
        net = getattr(self.pipeline[-1], "regressor", self.pipeline[-1])
        return f"the trainer {net.trainer!r} in hidden layers of {', '.join(map(str, net.hidden_layer_sizes))} units"


class Fold(NamedTuple):
    """What a model did on one fold; `score` is what ranks, `loss` log-loss or mean absolute error.

    `rows` are the numbers of the rows held out, `predicted` what was predicted for them (probabilities of the sorted
    classes, if there are any), and `curve` is the training loss of every step, for trainers of the zoo. `scores` has
    every score that the leaderboard shows, by name, and `labels` the classes or values that `predict` gave.
    """

    score: float
    loss: float
    fit_seconds: float
    predict_seconds: float
    warnings: Counter
    rows: np.ndarray
    predicted: np.ndarray
    curve: list[float]
    scores: dict[str, float]
    labels: np.ndarray


@dataclass
class Result:
    """The folds that a model got through, and why there are not more, if so."""

    model: Model
    folds: list[Fold]
    reason: str = ""

    @property
    def score(self) -> float:
        """The mean score over the folds."""
        return self.mean("score")

    @property
    def spread(self) -> float:
        """The standard deviation of the score over the folds."""
        with np.errstate(invalid="ignore"):  # a score that is not finite has no deviation
            return float(np.std([fold.score for fold in self.folds]))

    def mean(self, name: str) -> float:
        """The mean over the folds of a field, or of one of the scores."""
        values = [fold.scores[name] if name in fold.scores else getattr(fold, name) for fold in self.folds]
        with np.errstate(invalid="ignore"):
            return float(np.mean(values))


def make_models(task: str, trainers: list[str], random_state: int = 0, peers: list[str] | None = None) -> list[Model]:
    """The pipelines to compare: a baseline, a linear model, our default for tables, the trainers, the other peers.

    Parameters
    ----------
    task : {"classifier", "regressor"}
    trainers : list of str
    random_state : int, default=0
    peers : list of str, default=None
        Names in `sklearn_bpfree.bench.peers.PEERS`; None: all that are installed.

    Returns
    -------
    list of Model
    """

    def pipeline(estimator):
        return tabular_pipeline(estimator, random_state=random_state)

    ours = BPFreeClassifier if task == "classifier" else BPFreeRegressor
    default = Model("tabular_pipeline", pipeline(task), True, task)
    zoo = [Model(name, pipeline(ours(trainer=name)), True) for name in trainers]
    made = {name: make_peer(name, task) for name in choose_peers(peers)}
    others = {name: Model(title, pipeline(estimator), False) for name, (title, estimator) in made.items()}
    first = [others.pop(name) for name in ("dummy", "linear") if name in others]
    return [*first, default, *zoo, *others.values()]


def compare(
    table: Table,
    models: list[Model],
    *,
    cv: int = 5,
    random_state: int = 0,
    n_jobs: int | None = None,
    time_limit: float | None = None,
    scoring: Scoring | None = None,
    on_fold: Callable[[str, int], object] = lambda name, fold: None,
) -> Iterator[Result]:
    """Cross-validate the models on the same folds.

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
    scoring : Scoring, default=None
        What to rank by and to show; None: :func:`make_scoring` decides.
    on_fold : callable, default=None
        Called with the model's name and the number of its folds so far.

    Yields
    ------
    Result
        In the order of the models.
    """
    splits = folds(table, cv, random_state)
    scoring = scoring or make_scoring(table)
    deadline = math.inf if time_limit is None else time.time() + time_limit
    comparison = next(COMPARISONS)
    for i, model in enumerate(models):
        pipeline = limited(model, (deadline - time.time()) / (len(models) - i) / cv)
        result = Result(model, [])
        parallel = Parallel(n_jobs=n_jobs, return_as="generator")
        calls = ((*split, deadline, (comparison, k)) for k, split in enumerate(splits))
        done = parallel(delayed(_run_fold)(pipeline, table, scoring, *call) for call in calls)
        for k, fold in enumerate(done, start=1):
            if isinstance(fold, Fold):
                result.folds.append(fold)
            else:
                result.reason = result.reason or fold
            on_fold(model.name, k)
        yield result
    READ.clear()


def limited(model: Model, seconds: float) -> Pipeline:
    """A clone of the pipeline whose trainer stops after some seconds, if it is a trainer and the number is finite."""
    pipeline = clone(model.pipeline)
    if model.from_zoo and math.isfinite(seconds):
        names = [name for name in pipeline.get_params() if name.endswith("__max_time")]
        pipeline.set_params(**{min(names, key=len): max(seconds, 1e-3)})
    return pipeline


def _run_fold(pipeline, table, scoring, train, test, deadline, place) -> Fold | str:
    """Fit and score on one fold, or the reason why not."""
    if time.time() >= deadline:
        return "not run: the time limit was over"
    rows = getattr(table.X, "iloc", table.X)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            fitted, X, fit_seconds, read_seconds = _fitted(pipeline, rows[train], table.y[train], rows[test], place)
            y = table.y[test]
            begin = time.perf_counter()
            predicted = fitted.predict(X)
            predict_seconds = read_seconds + time.perf_counter() - begin
            P = scoring.probabilities(fitted, X)
            scores, loss = scoring.scores(rows[test], y, predicted, P), scoring.loss(y, predicted, P)
        except Exception as error:  # one failing model must not stop the others
            return f"failed: {type(error).__name__}: {first_line(error)}"
    told = Counter(w.category.__name__ for w in caught if w.category is not LeftOutWarning)  # a note of the table
    net = getattr(fitted[-1], "regressor_", fitted[-1])  # a target that is transformed has the net inside
    curve = [row["loss"] for row in getattr(net, "history_", [])]
    shown = predicted if P is None else P
    seconds = fit_seconds, predict_seconds
    return Fold(scores[scoring.name], loss, *seconds, told, test, shown, curve, scores, predicted)


def _fitted(pipeline, X, y, others, place) -> tuple[Pipeline, object, float, float]:
    """A fitted clone, other rows as it wants them, and the seconds of the whole fit and of reading the other rows.

    What the columns are is decided and read once for all models of a fold, of which the clone is what comes after.
    """
    model = clone(pipeline)
    if not isinstance(model, TabularPipeline) or not isinstance(model[0], ColumnReader):
        begin = time.perf_counter()
        return model.fit(X, y), others, time.perf_counter() - begin, 0.0
    for other in [key for key in READ if key[0] != place[0]]:  # of a comparison before, in a worker
        del READ[other]
    key = (*place, repr(model[0]))
    if key not in READ:
        times = [time.perf_counter()]
        read = model[0].fit_transform(X, y)
        times.append(time.perf_counter())
        READ[key] = read, model[0].transform(others), times[1] - times[0], time.perf_counter() - times[1]
    read, read_others, fit_seconds, read_seconds = READ[key]
    begin = time.perf_counter()
    return model[1:].fit(read, y), read_others, fit_seconds + time.perf_counter() - begin, read_seconds
