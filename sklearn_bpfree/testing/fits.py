"""Checks of a run of the core's loop: the same bits whatever happens in between, and something learned."""

from __future__ import annotations

import pickle
import tempfile
from importlib.util import find_spec
from unittest import SkipTest

import numpy as np
from sklearn.base import clone

from sklearn_bpfree.estimators import Checkpoint, training
from sklearn_bpfree.testing.asking import ask, ask_same
from sklearn_bpfree.testing.setting import N_STEPS, fit_loop, make_classifier, make_problem, make_table


def check_same_seed_same_bits(trainer):
    """The same seed gives the same bits, for any number of jobs."""
    once, again, parallel = (
        fit_loop(trainer, make_problem("two classes", n_jobs=n_jobs)) for n_jobs in (None, None, 2)
    )
    ask_same(once.state, again.state, "the same seed gives other bits in a second fit, in", "state")
    ask_same(once.state, parallel.state, "n_jobs=2 gives other bits than n_jobs=None, in", "state")


def check_resumes_from_a_pickle(trainer):
    """A fit that is stopped, pickled and taken up again ends with the bits of one that was not."""
    whole = fit_loop(trainer, make_problem("three classes"))
    part = fit_loop(trainer, make_problem("three classes"), on_step=lambda progress: progress.iteration == N_STEPS // 2)
    ask(part.iteration == N_STEPS // 2, f"the fit was stopped after {N_STEPS // 2} steps, but took {part.iteration}")
    resumed = pickle.loads(pickle.dumps(part))
    training.run(clone(trainer), make_problem("three classes"), resumed)
    ask_same(whole.state, resumed.state, "a resumed fit gives other bits, in", "state")
    for name in ("loss", "n_evaluations"):
        expected, found = ([row[name] for row in progress.history] for progress in (whole, resumed))
        ask_same(expected, found, f"a resumed fit records another {name}, in", "history")


class _Dies:
    """A scikit-learn callback that ends the fit after half of its steps, as an exception of anybody's does."""

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "step" and context.task_id + 1 == N_STEPS // 2:
            raise SystemExit


def check_resumes_from_disk(trainer):
    """A fit that died goes on from a `Checkpoint` with the same bits, unless the state may hide code and is refused."""
    if find_spec("sklearn.callback") is None:
        raise SkipTest("scikit-learn has callbacks from 1.9 on")
    X, y = make_table("three classes")
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Checkpoint(f"{folder}/fit.ckpt", 0)
        died = make_classifier(trainer).set_callbacks(checkpoint, _Dies())
        try:
            died.fit(X, y)
        except TypeError as error:
            if str(error).startswith("A Checkpoint keeps"):
                return
            raise
        except SystemExit:
            resumed = make_classifier(trainer).set_callbacks(checkpoint).fit(X, y)
            whole = make_classifier(trainer).fit(X, y)
            ask_same(
                whole.state_, resumed.state_, "a fit from a Checkpoint gives other bits than a whole one, in", "state"
            )
        else:
            ask(died.n_iter_ < N_STEPS // 2, "a callback must be called after every step")


def check_learns_two_classes(trainer):
    """Two clusters of rows are told apart much better than by the first weights."""
    _check_learns(trainer, "two classes")


def check_learns_three_classes(trainer):
    """Three clusters of rows are told apart much better than by the first weights."""
    _check_learns(trainer, "three classes")


def check_learns_values(trainer):
    """A smooth function is met much better than by the first weights."""
    _check_learns(trainer, "values")


def _check_learns(trainer, kind):
    budget = trainer.budget(*make_table(kind)[0].shape)
    problem = make_problem(kind, batch_size=budget.batch_size, max_iter=budget.max_iter)
    first = training.start(trainer, problem, 0).state
    progress = fit_loop(trainer, problem)
    last = progress.state
    (loss, errors), (last_loss, last_errors) = (_judge(trainer, state, problem) for state in (first, last))
    ask(
        last_loss <= loss / 2 or last_errors < errors / 2,
        f"on {kind} that are easy to learn the training loss went from {loss:.3g} to {last_loss:.3g} and the rate of "
        f"errors from {errors:.3g} to {last_errors:.3g} in {budget.max_iter} steps; one of them must halve",
    )
    seen = [row["loss"] for row in progress.history if np.isfinite(row["loss"])]
    ask(
        len(seen) < 5 or np.median(seen[-2:]) < np.median(seen[:2]) or last_loss >= loss,
        f"on {kind} the training loss went from {loss:.3g} to {last_loss:.3g}, but by the states' loss it went from "
        f"{np.median(seen[:2]):.3g} to {np.median(seen[-2:]):.3g}; lower must be better",
    )


def _judge(trainer, state, problem):
    """Mean loss, and for classes the rate of errors (NaN for values)."""
    Z = trainer.outputs(state, problem.network, problem.X)
    loss = float(problem.objective.loss(Z, problem.Y).mean())
    if problem.targets.is_classification:
        return loss, float((problem.targets.predict(problem.objective.link(Z)) != problem.y).mean())
    return loss, float("nan")
