"""Checks of one step: what `init`, `step`, `outputs`, `gradient` and `finish` return and what they leave alone."""

from __future__ import annotations

import copy
import pickle
import random
from contextlib import contextmanager, redirect_stdout
from io import StringIO

import numpy as np

from sklearn_bpfree.nn.formulas import Formula, FormulaError
from sklearn_bpfree.plugin.trainer import State
from sklearn_bpfree.testing.asking import arrays_of, ask, ask_same, first_difference
from sklearn_bpfree.testing.generators import watched_generators
from sklearn_bpfree.testing.setting import KINDS, make_problem, make_rng
from sklearn_bpfree.trusted import trusted_types, type_name


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
    for place, array in arrays_of(state, "state"):
        other = array.dtype.kind == "f" and array.dtype != problem.dtype and _is_large(array, problem.network)
        ask(not other, f"{place} after {method} is {array.dtype} in a fit of {problem.dtype}; make it problem.dtype")
    ask(np.isfinite(weights).all(), f"weights after {method} are not finite")
    number = isinstance(state.loss, (float, np.floating)) and not np.isinf(state.loss)
    ask(number, f"loss after {method} must be a finite float, or NaN where none was seen, got {state.loss!r}")
    again = pickle.loads(pickle.dumps(state))
    ask_same(state, again, f"the state after {method} does not survive pickling", "state")


def _is_large(array, network) -> bool:
    """Whether an array grows with the network as its weights do; statistics may be kept in double precision."""
    pairs = {frozenset(shape) for shape in network.kernel_shapes} | {
        frozenset((units, network.n_outputs)) for units in network.layer_sizes[1:-1]
    }
    of_all = {network.n_weights, network.n_kernel} & set(array.shape)
    return bool(of_all) or (array.ndim == 2 and frozenset(array.shape) in pairs)


def check_outputs(trainer):
    """`outputs` gives finite raw outputs, the same for a row in any company, and changes nothing."""
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
        ask(Z.dtype == problem.dtype, f"outputs must be {problem.dtype} as the rows are, got {Z.dtype}")
        again = trainer.outputs(state, problem.network, problem.X)
        ask_same(Z, again, "outputs gives other bits when it is repeated, in", "outputs")
        some = np.arange(40, 3, -3)
        gap = np.abs(trainer.outputs(state, problem.network, problem.X[some]) - Z[some]).max() / np.abs(Z).max()
        ask(
            gap < 1e-3,
            f"outputs of a row depend on the rows that it comes with, by {gap:.2g} of the largest for {kind}",
        )


def check_formula(trainer):
    """`formula` says what `outputs` computes; a trainer without one, which is not exported, says so itself."""
    for kind in KINDS:
        problem = make_problem(kind)
        state = trainer.step(trainer.init(problem, make_rng()), problem, make_rng())
        rows = Formula.input(problem.dtype)
        try:
            formula = trainer.formula(state, problem.network, rows)
        except FormulaError:
            return
        Z, told = trainer.outputs(state, problem.network, problem.X), formula.value({rows: problem.X})
        ask(told.shape == Z.shape, f"formula must be of the outputs, of shape {Z.shape} for {kind}, got {told.shape}")
        gap = np.abs(told - Z).max() / np.abs(Z).max()
        ask(gap < 1e-4, f"formula says something else than outputs, by {gap:.2g} of the largest for {kind}")


def check_state_types(trainer):
    """A stored state is made of arrays, plain values, what `state_types` names and what is trusted anyway."""
    known = {*trusted_types(), *map(type_name, (*trainer.state_types, *CONTAINERS))}
    for kind in KINDS:
        problem = make_problem(kind)
        state = trainer.step(trainer.init(problem, make_rng()), problem, make_rng())
        stored = pickle.loads(pickle.dumps(trainer.finish(state, problem)))
        for place, part in _parts(stored, "state"):
            told, name = type_name(type(part)) in known or isinstance(part, PLAIN), type(part).__name__
            ask(told, f"{place} is a {name}: name it in state_types, as ({name},), so that models load safely")


CONTAINERS = (list, tuple, dict, set, frozenset)
PLAIN = (bool, int, float, str, bytes, type(None), np.generic, np.ndarray, np.dtype)


def _parts(value, place):
    """All that a value is made of, and itself, with the place of each."""
    yield place, value
    inner = vars(value).items() if hasattr(value, "__dict__") and not isinstance(value, type) else ()
    inner = value.items() if isinstance(value, dict) else inner
    if isinstance(value, (list, tuple, set, frozenset)):
        inner = enumerate(value)
    for name, part in inner:
        yield from _parts(part, f"{place}.{name}" if isinstance(name, str) else f"{place}[{name}]")


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
        dtypes = {gradient.dtype for gradient in gradients}
        ask(
            dtypes == {problem.dtype}, f"gradient must return arrays of {problem.dtype}, got {sorted(map(str, dtypes))}"
        )


def check_step_changes_nothing(trainer):
    """`init` and `step` leave state, trainer, problem and global random states as they were, and print nothing."""
    problem = make_problem("three classes", weight=1.0 + np.arange(90) % 2)
    with _nothing_changed("init", None, trainer, problem):
        state = trainer.init(problem, make_rng())
    for _ in range(3):
        with _nothing_changed("step", state, trainer, problem):
            following = trainer.step(state, problem, make_rng())
        state = following


@contextmanager
def _nothing_changed(method, state, trainer, problem):
    before = copy.deepcopy([state, vars(trainer), _public(problem)])
    for draw in (np.random.random, random.random):  # a constant seed changes the states from now on
        draw()
    global_states = _global_states()
    with (
        np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"),
        redirect_stdout(StringIO()) as printed,
    ):
        settings = np.geterr()
        yield
        ask(settings == np.geterr(), f"{method} must leave numpy's handling of errors as it is; use np.errstate")
    ask_same(before[0], state, f"{method} must not change the state that it is given, but changed", "state")
    ask_same(before[1], vars(trainer), f"{method} must not keep anything on the trainer, but changed", "self")
    ask_same(before[2], _public(problem), f"{method} must not change the problem, but changed", "problem")
    untouched = first_difference(global_states, _global_states(), "") is None
    ask(untouched, f"{method} must draw from the generator that it is given, not from a global one")
    ask(not printed.getvalue(), f"{method} must not print, but printed {printed.getvalue()[:60]!r}")


def _global_states():
    return [np.random.get_state(), random.getstate()]  # noqa: NPY002


def _public(problem):
    """What a step may see of a problem and must leave alone."""
    kept = {name.lstrip("_"): value for name, value in vars(problem).items()}
    return {name: value for name, value in kept.items() if name not in ("network", "n_evaluations", "workers")}


def check_step_repeats_itself(trainer):
    """The same state and the same generator give the same bits, however often and in whatever order."""
    problem = make_problem("three classes")
    first = trainer.init(problem, make_rng())
    second = trainer.step(first, problem, make_rng())
    trainer.step(second, problem, make_rng())
    again = trainer.step(first, problem, make_rng())
    ask_same(second, again, "step gives other bits when it is repeated, in", "state")


def check_draws_from_its_generator(trainer):
    """Whatever `init` and `step` draw follows from the generators that they are given."""
    problem = make_problem("three classes")
    made = []
    for seed in (1, 2, 3):
        first, *others = np.random.default_rng(seed).spawn(3)
        with watched_generators() as calls:
            state = trainer.init(problem, first)
            for problem.iteration, rng in enumerate(others):
                state = trainer.step(state, problem, rng)
        made.append(calls)
    own = [call for call in made[0] if call in made[1] and call in made[2]]
    ask(
        not own,
        f"init and step must draw from the generators that they are given, or from some made of these (rng.spawn, a "
        f"seed drawn from rng); {', '.join(own[:1])} draws the same for any",
    )


def check_finish_keeps_the_outputs(trainer):
    """`finish` gives a state of the same outputs and leaves the one it is given as it was."""
    problem = make_problem("values")
    state = trainer.step(trainer.init(problem, make_rng()), problem, make_rng())
    before = copy.deepcopy(state)
    finished = trainer.finish(state, problem)
    ask_same(before, state, "finish must not change the state that it is given, but changed", "state")
    Z, after = (trainer.outputs(s, problem.network, problem.X) for s in (state, finished))
    ask_same(Z, after, "finish must leave the outputs as they are, but changed", "outputs")
