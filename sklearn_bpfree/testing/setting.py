"""The small tables, problems and estimators that the checks try a trainer on."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_bpfree.estimators import BPFreeClassifier, BPFreeRegressor, training
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.nn.objectives import make_objective
from sklearn_bpfree.nn.targets import Classes, Values
from sklearn_bpfree.plugin.problem import Problem

N_STEPS = 6  # steps of the fits in which nothing must be learned
KINDS = ("two classes", "three classes", "values")


class _ToyProblem(Problem):
    """A small problem that keeps the targets' encoding, for judging."""

    targets: Any


def make_table(kind, seed=0):
    """90 rows of 4 columns: clusters that are easy to tell apart, or a smooth function."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((90, 4))
    if kind == "values":
        return X, 100 + 20 * (X[:, 0] - X[:, 1] + np.tanh(2 * X[:, 2]))
    y = np.arange(90) % (2 if kind == "two classes" else 3)
    centres = 2.5 * np.array([[1, 0, -1, 1], [-1, 1, 0, -1], [0, -1, 1, 1]])
    X += centres[y]
    return X / X.std(axis=0), y


def make_problem(
    kind, *, table=None, weight=None, dtype: Any = np.float32, batch_size=32, max_iter=N_STEPS, n_jobs=None
):
    """The table of a kind, or another one, as a problem for a network with two hidden layers."""
    X, y = make_table(kind) if table is None else table
    targets = Values.fit(y) if kind == "values" else Classes(np.unique(y))
    problem = _ToyProblem(
        X.astype(dtype),
        targets.encode(y, dtype),
        Network((4, 12, 8, targets.n_outputs)),
        make_objective("auto", targets),
        sample_weight=weight,
        y=y,
        batch_size=batch_size,
        max_iter=max_iter,
        n_jobs=n_jobs,
    )
    problem.targets = targets
    return problem


def fit_loop(trainer, problem, **options):
    """Seed 0, all the steps planned, under the core's loop."""
    progress = training.start(trainer, problem, 0)
    progress.plan(problem.max_iter)
    return training.run(trainer, problem, progress, **options)


def make_classifier(trainer, *, max_iter: int | None = N_STEPS, **params):
    return BPFreeClassifier((12, 8), trainer=trainer, max_iter=max_iter, early_stopping=False, random_state=0, **params)


def make_regressor(trainer, *, max_iter: int | None = N_STEPS, **params):
    return BPFreeRegressor((12, 8), trainer=trainer, max_iter=max_iter, early_stopping=False, random_state=0, **params)


def make_rng():
    return np.random.default_rng(1)
