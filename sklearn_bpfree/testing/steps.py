"""Checks of one step: what `init`, `step`, `outputs`, `gradient` and `finish` return and what they leave alone."""

from __future__ import annotations

import copy
import pickle

import numpy as np

from sklearn_bpfree.plugin.trainer import State
from sklearn_bpfree.testing.asking import ask, ask_same, first_difference
from sklearn_bpfree.testing.setting import KINDS, make_problem, make_rng


def check_states(trainer):
    """`init` and `step` return a picklable State with finite weights of the network's length and the right dtype."""
    for dtype in (np.float32, np.float64):
        problem = make_problem("three classes", dtype=dtype)
        state = trainer.init(problem, make_rng())
        _check_state("init", state, problem)
        for problem.iteration in range(3):
            following = trainer.step(state, problem, make_rng())
            _check_state("step", following, problem)
            ask(following is not state, "step returned the state that it was given; return a new one, made by advance")
            ask(type(following) is type(state), "step returned another type of state than init; make it by advance")
            state = following


def _check_state(method, state, problem):
    ask(isinstance(state, State), f"{method} must return a State, got {state!r}")
    weights, n_weights = state.weights, problem.network.n_weights
    ask(isinstance(weights, np.ndarray), f"weights after {method} must be an ndarray, got {type(weights).__name__}")
    fits = weights.shape == (n_weights,)
    ask(fits, f"weights after {method} must have the network's length ({n_weights},), got {weights.shape}")
    ask(weights.dtype == problem.dtype, f"weights after {method} must be {problem.dtype}, got {weights.dtype}")
    ask(np.isfinite(weights).all(), f"weights after {method} are not finite")
    number = isinstance(state.loss, (float, np.floating)) and not np.isinf(state.loss)
    ask(number, f"loss after {method} must be a finite float, or NaN where none was seen, got {state.loss!r}")
    again = pickle.loads(pickle.dumps(state))
    ask_same(state, again, f"the state after {method} does not survive pickling", "state")


def check_outputs(trainer):
    """`outputs` gives finite raw outputs, one row per row and one column per output, and changes nothing."""
    for kind in KINDS:
        problem = make_problem(kind)
        state = trainer.step(trainer.init(problem, make_rng()), problem, make_rng())
        before = copy.deepcopy((state, problem.X))
        Z = trainer.outputs(state, problem.network, problem.X)
        ask_same(before[0], state, "outputs must not change the state that it is given, but changed", "state")
        ask_same(before[1], problem.X, "outputs must not change the rows that it is given, but changed", "X")
        shape = (problem.n_samples, problem.network.n_outputs)
        fits = isinstance(Z, np.ndarray) and Z.shape == shape
        ask(fits, f"outputs must return an ndarray of shape {shape} for {kind}, got {np.shape(Z)}")
        ask(np.isfinite(Z).all(), f"outputs must be finite for {kind}")


def check_gradient(trainer):
    """`gradient` gives None or one finite array per kernel, in its shape."""
    problem = make_problem("values")
    state = trainer.init(problem, make_rng())
    before = copy.deepcopy(state)
    gradients = trainer.gradient(state, problem, problem.all_rows())
    ask_same(before, state, "gradient must not change the state that it is given, but changed", "state")
    if gradients is not None:
        shapes = tuple(np.shape(gradient) for gradient in gradients)
        expected = problem.network.kernel_shapes
        ask(shapes == expected, f"gradient must return arrays in the kernels' shapes {expected}, got {shapes}")
        ask(all(np.isfinite(gradient).all() for gradient in gradients), "gradient must be finite")


def check_step_changes_nothing(trainer):
    """`step` leaves the state, the trainer, the problem and numpy's global random state as they were."""
    problem = make_problem("three classes", weighted=True)
    state = trainer.init(problem, make_rng())
    for _ in range(3):
        before = copy.deepcopy([state, vars(trainer), _public(problem)])
        global_state = np.random.get_state()  # noqa: NPY002
        following = trainer.step(state, problem, make_rng())
        ask_same(before[0], state, "step must not change the state that it is given, but changed", "state")
        ask_same(before[1], vars(trainer), "step must not keep anything on the trainer, but changed", "self")
        ask_same(before[2], _public(problem), "step must not change the problem, but changed", "problem")
        untouched = first_difference(global_state, np.random.get_state(), "") is None  # noqa: NPY002
        ask(untouched, "step must draw from the generator that it is given, not from numpy's global one")
        state = following


def _public(problem):
    """What a step may see of a problem and must leave alone."""
    return {name: value for name, value in vars(problem).items() if name not in ("network", "n_evaluations", "workers")}


def check_step_repeats_itself(trainer):
    """The same state and the same generator give the same bits, however often and in whatever order."""
    problem = make_problem("three classes")
    first = trainer.init(problem, make_rng())
    second = trainer.step(first, problem, make_rng())
    trainer.step(second, problem, make_rng())
    again = trainer.step(first, problem, make_rng())
    ask_same(second, again, "step gives other bits when it is repeated, in", "state")


def check_finish_keeps_the_outputs(trainer):
    """`finish` gives a state of the same outputs and leaves the one it is given as it was."""
    problem = make_problem("values")
    state = trainer.step(trainer.init(problem, make_rng()), problem, make_rng())
    before = copy.deepcopy(state)
    finished = trainer.finish(state, problem)
    ask_same(before, state, "finish must not change the state that it is given, but changed", "state")
    Z, after = (trainer.outputs(s, problem.network, problem.X) for s in (state, finished))
    ask_same(Z, after, "finish must leave the outputs as they are, but changed", "outputs")
