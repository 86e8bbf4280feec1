"""Checks of what a trainer says that it can do: `partial_fit`, deviations, sets, constraints, metrics as objective."""

from __future__ import annotations

import pickle
from itertools import pairwise

import numpy as np
from sklearn.base import clone

from sklearn_bpfree.testing.asking import ask, ask_same
from sklearn_bpfree.testing.setting import N_STEPS, make_classifier, make_problem, make_regressor, make_rng, make_table


def check_partial_fit(trainer):
    """Each call is a step from where the last one left off, with any number of rows, a pickle in between or not.

    Or the method is not there.
    """
    model = make_classifier(trainer)
    if "partial_fit" not in trainer.offers:
        ask(not hasattr(model, "partial_fit"), "partial_fit is there although it is not among the trainer's offers")
        return
    X, y = make_table("three classes")
    parts = [slice(50), slice(50, 80), slice(80, 82), slice(82, None)]
    again = clone(model)
    for number, rows in enumerate(parts, start=1):
        model.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
        again = pickle.loads(pickle.dumps(again)).partial_fit(X[rows], y[rows], classes=[0, 1, 2])
        ask(model.n_iter_ == number, f"{number} calls of partial_fit must be {number} steps, got {model.n_iter_}")
    ask_same(model.state_, again.state_, "partial_fit after pickling gives other bits, in", "state")
    _check_remembers(trainer, X, y)


def _check_remembers(trainer, X, y):
    """What was learned from earlier rows shows after a call with other rows."""
    predicted = []
    for labels in (y[:60], (y[:60] + 1) % 3):
        model = make_classifier(trainer)
        for rows, targets in [(X[:60], labels), (X[:60], labels), (X[60:], y[60:])]:
            model.partial_fit(rows, targets, classes=[0, 1, 2])
        predicted.append(model.predict_proba(X))
    gap = np.abs(predicted[0] - predicted[1]).max()
    ask(gap > 1e-4, "partial_fit forgets: after a call the predictions are the same for any rows of the calls before")


def check_standard_deviations(trainer):
    """Where offered they are positive, in the units of the target, and tell noise from none; elsewhere refused."""
    offered = "return_std" in trainer.offers
    model = make_regressor(trainer, max_iter=None if offered else N_STEPS)
    X, y = make_table("values")
    ask(hasattr(model, "predict_quantiles") == offered, "predict_quantiles must be there where return_std is offered")
    if not offered:
        try:
            model.fit(X, y).predict(X, return_std=True)
        except ValueError as error:
            ask("return_std" in str(error), f"the error for return_std=True must name it, got {str(error)!r}")
            return
        ask(False, "predict(X, return_std=True) was answered although return_std is not among the trainer's offers")
    noise = np.random.default_rng(0).standard_normal(len(y)) * y.std()
    stds = []
    for target in (y, y + noise, 1000 * (y + noise)):
        mean, std = model.fit(X, target).predict(X, return_std=True)
        ask(mean.shape == std.shape == (len(X),), f"std must have the shape of y ({len(X)},), got {std.shape}")
        ask(bool((std > 0).all() and np.isfinite(std).all()), "standard deviations must be positive and finite")
        gap = np.abs(mean - model.predict(X)).max() / std.mean()
        ask(gap < 0.5, f"the mean of predictive and what predict says differ by {gap:.2g} standard deviations")
        stds.append(std.mean())
    ask(stds[1] > stds[0], f"the mean std is {stds[0]:.3g} without noise and {stds[1]:.3g} with; it must be larger")
    same = abs(stds[2] / stds[1] / 1000 - 1) < 0.2
    ask(same, f"a target times 1000 has a mean std of {stds[2]:.3g} instead of about {1000 * stds[1]:.3g}")
    new_X, new_y = make_table("values", seed=1)
    new_noise = np.random.default_rng(1).standard_normal(len(y)) * y.std()
    mean, std = model.fit(X, y + 0.2 * noise).predict(new_X, return_std=True)
    z = float(np.sqrt(np.square((new_y + 0.2 * new_noise - mean) / std).mean()))
    ask(
        0.4 < z < 1.6,
        f"the root mean square error of new rows is {z:.2g} times what std says; it must be about once",
    )
    low, high = model.predict_quantiles(X, (0.05, 0.95)).T
    ask(bool((low < high).all()), "the 95 % quantile must lie above the 5 % quantile")


def check_prediction_sets(trainer):
    """Where offered they hold the most probable class, and more classes the surer they are to be; elsewhere absent."""
    model = make_classifier(trainer)
    offered = "sets" in trainer.offers
    ask(hasattr(model, "predict_set") == offered, "predict_set must be there where sets are offered, and only there")
    if not offered:
        return
    X, y = make_table("three classes")
    sets = [model.fit(X, y).predict_set(X, confidence) for confidence in (0.6, 0.9, 0.99)]
    shape = (len(X), 3)
    ask(sets[0].shape == shape and sets[0].dtype == bool, f"sets must be booleans of shape {shape}, one per class")
    best = model.predict_proba(X).argmax(axis=1)
    ask(bool(sets[0][np.arange(len(X)), best].all()), "every set must hold the most probable class")
    nested = all((small <= large).all() for small, large in pairwise(sets))
    ask(nested, "a set of more confidence must hold all classes of one of less")


def check_monotone(trainer):
    """Where offered predictions go with constrained columns, even if the data go the other way; elsewhere refused."""
    X, y = make_table("values")
    model = make_regressor(trainer, monotonic_cst=[1, -1, 1, 0], max_iter=None)
    if "monotone" not in trainer.offers:
        try:
            model.fit(X, y)
        except ValueError as error:
            ask("monotonic_cst" in str(error), f"the error for monotonic_cst must name it, got {str(error)!r}")
            return
        ask(False, "monotonic_cst was accepted although monotone is not among the trainer's offers")
    score = model.fit(X, y).score(X, y)
    ask(score > 0.5, f"with constraints that the data keep, R2 on the training rows is {score:.2f}; .5 is the least")
    rng = np.random.default_rng(0)
    for directions in ([1, -1, 1, 0], [-1, 0, 1, 0]):
        model.set_params(monotonic_cst=directions).fit(X, y)
        low = X[rng.integers(len(X), size=2000)]
        steps = np.array(directions) * rng.exponential(size=low.shape) * (rng.integers(4, size=(2000, 1)) == range(4))
        wrong = float(np.subtract(model.predict(low), model.predict(low + steps)).max() / y.std())
        ask(
            wrong < 1e-5,
            f"with monotonic_cst={directions} a prediction goes the wrong way by {wrong:.2g} deviations of the target",
        )


def check_metric_as_objective(trainer):
    """A metric is learned by a trainer that needs values; one that needs the output error says so in one sentence."""
    X, y = make_table("two classes")
    if trainer.needs == "values":
        make_classifier(trainer, loss="roc_auc").fit(X, y)
        share = make_classifier(trainer, loss=_share_correct, max_iter=None).fit(X, y).score(X, y)
        ask(share > 0.8, f"with the accuracy as the loss two clusters were told apart in {share:.0%} of rows only")
        _check_shift(trainer)
        return
    try:
        make_classifier(trainer, loss="roc_auc").fit(X, y)
    except ValueError as error:
        message = str(error)
        clear = "roc_auc" in message and type(trainer).__name__ in message and "\n" not in message
        ask(clear, f"the error for a metric must name the metric and the trainer in one sentence, got {message!r}")
    else:
        ask(False, "loss='roc_auc' was accepted although the trainer needs the output error; did it mean 'values'?")


def _check_shift(trainer):
    """A decision threshold moves every raw output alike."""
    problem = make_problem("three classes")
    state = trainer.step(trainer.init(problem, make_rng()), problem, make_rng())
    shift = np.array([0.3, -0.2, 0.5], problem.dtype)
    shifted = trainer.shift_outputs(state, problem, shift)
    before, after = (trainer.outputs(s, problem.network, problem.X) for s in (state, shifted))
    gap = np.abs(after - before - shift).max() / (1 + np.abs(before).max())
    ask(gap < 1e-3, "shift_outputs must move the outputs of every row by the shift; override it as outputs was")


def _share_correct(y_true, y_pred):
    return np.mean(y_true == y_pred)
