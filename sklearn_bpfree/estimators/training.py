"""The loop: step, record, call back, stop?

It knows nothing of layers or algorithms. All it carries is a `Progress`, a picklable record, so that a fit that was cut
short goes on with the bits of one that was not. It keeps to one BLAS thread: the bits of a large matrix product depend
on the number of threads, which differs between a fit of its own and one in a worker of a grid search; and the small
products of which most fits consist only get slower with more.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sklearn_bpfree.nn.objectives import Metric
from sklearn_bpfree.plugin.blas import one_blas_thread
from sklearn_bpfree.plugin.problem import Problem
from sklearn_bpfree.plugin.trainer import State, Trainer

OVERTIME = 1.05  # of `max_time`, which a step that is begun may take
CALLER = 8  # a warning stands at the user's call of `fit`, so many calls above


@dataclass(eq=False)
class Progress:
    """How far a fit has come.

    Attributes
    ----------
    seed : int
        Source of all randomness; step t draws from a generator of (seed, t).
    state : State
        After the last step.
    best : State
        The best one so far: by validation score, or without validation by training loss.
    best_score : float
    n_waiting : int
        Steps since the watched value last improved by `tol`.
    watched : float
        Value that the next one must exceed by `tol`.
    n_steps : int
        Steps done over all calls.
    iteration : int
        Steps done of the planned ones.
    planned : int
        Steps planned.
    warmup : int
        Steps of these that minimise a metric's smooth loss (see `Problem`); no rule stops the fit meanwhile.
    history : list of dict
        One row per step: ``step``, ``loss``, ``seconds`` since the start, ``n_evaluations``, and where there is one
        ``validation_score`` and ``alignment``.
    basis : dict
        What the state rests on; see `sklearn_bpfree.estimators.continuing`.
    begun : str
        What the first of the planned steps began with, in words.
    stop_reason : str
        "max_iter", "tol", "early_stopping", "max_time", "interrupted", "diverged", "callback", "partial_fit", or ""
        while it runs.
    """

    seed: int
    state: State
    best: State
    best_score: float = -np.inf
    watched: float = -np.inf
    n_waiting: int = 0
    n_steps: int = 0
    iteration: int = 0
    planned: int = 0
    warmup: int = 0
    history: list[dict] = field(default_factory=list)
    basis: dict = field(default_factory=dict)
    begun: str = "first weights"
    stop_reason: str = ""

    @property
    def unfinished(self) -> bool:
        """Whether the fit was cut short and can be taken up again."""
        return self.stop_reason in ("interrupted", "max_time")

    def plan(self, max_iter, warmup=0) -> None:
        """Make room for a new run of `max_iter` steps that starts from the present state."""
        self.iteration, self.planned, self.warmup = 0, max_iter, warmup
        self.best, self.best_score = self.state, -np.inf
        self.watched, self.n_waiting = -np.inf, 0
        self.stop_reason = ""


def generator(seed: int, *key: int) -> np.random.Generator:
    """The generator of one seed and one key, whatever was drawn elsewhere."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def start(trainer: Trainer, problem: Problem, seed: int) -> Progress:
    """First state of a trainer."""
    with one_blas_thread():
        state = trainer.init(problem, generator(seed, 0))
    return Progress(seed, state, state)


def finish(trainer: Trainer, problem: Problem, state: State) -> State:
    """What predicts: the state that a fit ends with, made ready by its trainer."""
    with one_blas_thread():
        return trainer.finish(state, problem)


def run(
    trainer: Trainer,
    problem: Problem,
    progress: Progress,
    *,
    tol: float | None = None,
    n_iter_no_change: int = 10,
    validate: Callable[[State], float] | None = None,
    max_time: float | None = None,
    on_step: Callable[[Progress], bool] | None = None,
    probe: Callable[[State, State], list[float]] | None = None,
) -> Progress:
    """Take steps until a rule stops the fit; `progress` is updated in place and returned.

    Parameters
    ----------
    trainer : Trainer
    problem : Problem
    progress : Progress
        With `planned` steps, of which `iteration` are done.
    tol : float or None
        Improvement of the watched value (validation score or training loss) that counts; None: no stop on a plateau.
    n_iter_no_change : int
        Steps without improvement that are allowed.
    validate : callable, default=None
        Score of a state on held-out rows, greater is better.
    max_time : float, default=None
        Seconds. After the first step none is begun that would end more than 5 % later, if it took as long as the last.
    on_step : callable, default=None
        Called with the progress after every step; true stops the fit.
    probe : callable, default=None
        Called with the states before and after a step; its result is recorded as ``alignment``.
    """
    with one_blas_thread():
        _run(trainer, problem, progress, tol, n_iter_no_change, validate, max_time, on_step, probe)
    _warn(progress, problem.objective)
    return progress


def _run(trainer, problem, progress, tol, n_iter_no_change, validate, max_time, on_step, probe):
    begin, seconds = time.perf_counter(), 0.0
    before = progress.history[-1] if progress.history else {"seconds": 0.0, "n_evaluations": 0}
    progress.stop_reason = ""
    try:
        while not progress.stop_reason and progress.iteration < progress.planned:
            previous = progress.state
            problem.iteration = progress.iteration
            state = _step(trainer, problem, progress)
            if state is None:
                progress.stop_reason = "diverged"
                break
            if progress.iteration + 1 == progress.warmup and _finite(state):
                state = _set_threshold(trainer, problem, state)
            if not _finite(state):
                progress.stop_reason = "diverged"
                break
            row = {
                "step": progress.n_steps + 1,
                "loss": state.loss,
                "seconds": before["seconds"] + time.perf_counter() - begin,
                "n_evaluations": before["n_evaluations"] + problem.n_evaluations,
            }
            if validate is not None:
                row["validation_score"] = validate(state)
            if probe is not None:
                row["alignment"] = probe(previous, state)
            progress.stop_reason = _record(progress, state, row, tol, n_iter_no_change, validate is not None)
            if on_step is not None and on_step(progress):
                progress.stop_reason = progress.stop_reason or "callback"
            if max_time is not None and not progress.stop_reason:
                seconds, last = time.perf_counter() - begin, seconds
                if seconds >= max_time or seconds + (seconds - last) > OVERTIME * max_time:
                    progress.stop_reason = "max_time" if progress.iteration < progress.planned else "max_iter"
    except KeyboardInterrupt:
        if progress.history and progress.history[-1]["step"] > progress.n_steps:
            progress.history.pop()  # it came between the two lines of the books
        progress.stop_reason = "interrupted"
    progress.stop_reason = progress.stop_reason or "max_iter"


def _step(trainer, problem, progress) -> State | None:
    """The next state; None where the step's linear algebra broke down, unless it is the first one."""
    try:
        with np.errstate(all="ignore"):
            return trainer.step(progress.state, problem, generator(progress.seed, 1, progress.n_steps))
    except np.linalg.LinAlgError:
        if not progress.n_steps:
            raise
        return None


def _set_threshold(trainer, problem, state) -> State:
    """The end of the warm-up: the state with the decision threshold that suits the metric best."""
    Z = trainer.outputs(state, problem.network, problem.X)
    problem.n_evaluations += problem.n_samples
    problem.iteration += 1  # from now on the metric is the objective
    shift = problem.objective.best_shift(Z, problem.Y, problem.y, problem.sample_weight)
    return trainer.shift_outputs(state, problem, shift)


def _record(progress, state, row, tol, patience, validated) -> str:
    """Enter a step into the books; returns the reason to stop, if any."""
    score = row["validation_score"] if validated else -state.loss
    books = {"state": state, "n_steps": progress.n_steps + 1, "iteration": progress.iteration + 1}
    warming_up = progress.iteration + 1 < progress.warmup
    if warming_up or (np.isnan(score) and progress.best_score == -np.inf):
        books["best"] = state
    if not warming_up and not np.isnan(score):
        if score > progress.best_score:
            books |= {"best": state, "best_score": score}
        improved = score > progress.watched + (tol or 0.0)
        books |= {"watched": score, "n_waiting": 0} if improved else {"n_waiting": progress.n_waiting + 1}
    progress.history.append(row)
    vars(progress).update(books)  # at one stroke: an interrupt comes before or after it
    if warming_up or np.isnan(score) or tol is None or progress.n_waiting < patience:
        return ""
    return "early_stopping" if validated else "tol"


def _finite(state) -> bool:
    return bool(np.isfinite(state.weights).all()) and not np.isinf(state.loss)


def _warn(progress, objective) -> None:
    what = f"the metric {objective.name!r}" if isinstance(objective, Metric) else "the loss"
    if progress.stop_reason == "diverged":
        warnings.warn(
            f"Training diverged in step {progress.n_steps + 1}: {what} or the weights were no longer finite; the "
            "best weights so far are kept. Scale the features or lower the learning rate.",
            ConvergenceWarning,
            stacklevel=CALLER,
        )
    elif progress.stop_reason == "interrupted":
        warnings.warn(
            f"Training was interrupted after {progress.n_steps} steps; the best weights so far are kept. With "
            "warm_start=True another fit goes on from here.",
            ConvergenceWarning,
            stacklevel=CALLER,
        )
