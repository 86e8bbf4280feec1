"""The conformance kit: what every trainer must pass, built-in or a third party's.

For a script `check_trainer`; for pytest, one test per check::

    from sklearn_bpfree.testing import parametrize_with_trainer_checks

    @parametrize_with_trainer_checks(["my_trainer"])
    def test_my_trainer(trainer, check):
        check(trainer)

Read `yield_trainer_checks`, the table of contents, first. `RandomSearch` is the smallest example of the contract.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import traceback
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar
from unittest import SkipTest

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import ParameterSampler
from sklearn.utils.estimator_checks import estimator_checks_generator

from sklearn_bpfree.estimators import BPFreeClassifier, BPFreeRegressor, training
from sklearn_bpfree.nn.network import ACTIVATIONS, Network
from sklearn_bpfree.nn.objectives import make_objective
from sklearn_bpfree.nn.targets import Classes, Values
from sklearn_bpfree.plugin.problem import Problem
from sklearn_bpfree.plugin.registry import get_trainer
from sklearn_bpfree.plugin.trainer import Budget, State, Trainer, advance

# scikit-learn leaves out, without a word, the checks that do not suit an estimator's tags, and a wrong order of mixins
# loses a third of them in this way. These are the least numbers that must run under scikit-learn 1.9.
MIN_CLASSIFIER_CHECKS = 62
MIN_REGRESSOR_CHECKS = 59

NEEDS = ("output error", "values")
OFFERS = ("partial_fit", "return_std")
TRANSPOSES = ("none", "own head", "signs", "all")
N_STEPS = 6  # steps of the fits in which nothing must be learned
# scikit-learn's checks that ask for quality get all of a trainer's steps, the others `N_STEPS`; scikit-learn cuts the
# steps of its own estimators for its checks, too
QUALITY_CHECKS = (
    "check_classifiers_train",
    "check_classifiers_classes",
    "check_class_weight_classifiers",
    "check_regressors_train",
)


class RandomSearch(Trainer):
    """Random search: keep the best of some Gaussian steps around the best weights so far.

    The reference trainer, the smallest example of the contract: it asks for nothing but values, so any metric will do.

    Parameters
    ----------
    sigma : float, default=0.03
        Standard deviation of the steps.
    population_size : int, default=16
        Weight vectors judged in each generation, the best so far included.
    """

    needs: ClassVar[str] = "values"

    sigma: float = 0.03
    population_size: int = 16

    def init(self, problem, rng):
        return State(problem.network.initial_weights(rng, problem.dtype))

    def step(self, state, problem, rng):
        """One generation; the present weights are judged along with it, on the rows at hand."""
        noise = rng.standard_normal((self.population_size, state.weights.size), dtype=state.weights.dtype)
        noise[0] = 0
        population = state.weights + self.sigma * noise
        losses = problem.loss(population)
        best = np.where(np.isnan(losses), np.inf, losses).argmin()
        return advance(state, weights=population[best].copy(), loss=float(losses[best]))


# --- how to run the kit -----------------------------------------------------------------------------------------------


def check_trainer(trainer) -> None:
    """Run every check on a trainer; scikit-learn's own on both estimators come last.

    Parameters
    ----------
    trainer : str, Trainer or subclass of Trainer
        A registered name, an object, or a class to be made with its defaults.

    Raises
    ------
    AssertionError
        At the first failure, with one sentence that says what is wrong.
    """
    for check in yield_trainer_checks():
        _run(check, trainer)
    for kind, least in _MINIMUM.items():
        passed = 0
        for check in _yield_sklearn_checks(kind, trainer):
            try:
                _run(check, trainer)
                passed += 1
            except SkipTest:
                continue
        _ask(passed >= least, f"only {passed} of scikit-learn's checks ran on {kind.__name__}, at least {least} must")


def parametrize_with_trainer_checks(trainers):
    """Decorate a pytest function ``test(trainer, check)`` that calls ``check(trainer)``.

    There is one test per trainer and check, scikit-learn's own checks of both estimators included.

    Parameters
    ----------
    trainers : list of str, Trainer or subclass of Trainer
        Registered names, objects, or classes to be made with their defaults.

    Returns
    -------
    decorator : pytest.MarkDecorator
    """
    import pytest

    cases = []
    for trainer in trainers:
        checks = [*yield_trainer_checks()]
        for kind in _MINIMUM:
            checks += [partial(_check_number_of_sklearn_checks, kind), *_yield_sklearn_checks(kind, trainer)]
        label = trainer if isinstance(trainer, str) else getattr(trainer, "__name__", repr(trainer))
        cases += [pytest.param(trainer, partial(_run, check), id=f"{label}-{_title(check)}") for check in checks]
    return pytest.mark.parametrize("trainer, check", cases)


def yield_trainer_checks() -> Iterator[Callable[[Trainer], None]]:
    """Table of contents: the kit's own checks, functions of a Trainer, in the order in which they are run."""
    # what the class says of itself
    yield check_hyper_parameters
    yield check_docstring
    yield check_needs_offers_and_transposes
    yield check_budget
    yield check_param_distributions
    # one step
    yield check_states
    yield check_outputs
    yield check_gradient
    yield check_step_changes_nothing
    yield check_step_repeats_itself
    yield check_finish_keeps_the_outputs
    # a run of the loop
    yield check_same_seed_same_bits
    yield check_resumes_from_a_pickle
    yield check_learns_two_classes
    yield check_learns_three_classes
    yield check_learns_values
    # an estimator
    yield check_sample_weights_count
    yield check_integer_weights_repeat_rows
    yield check_zero_weights_remove_rows
    yield check_pickled_estimator
    yield check_activations_and_depths
    yield check_float64
    yield check_sparse_rows
    yield check_callbacks
    yield check_interruption
    yield check_divergence
    yield check_partial_fit
    yield check_standard_deviations
    yield check_metric_as_objective


# --- what the class says of itself ------------------------------------------------------------------------------------


def check_hyper_parameters(trainer):
    """Hyper-parameters are annotated fields with defaults; get_params, clone, set_params and repr know them."""
    kind = type(trainer)
    fields = [field.name for field in dataclasses.fields(kind)]
    for name in ("needs", "offers", "transposes"):
        _ask(name not in fields, f"{name} of {kind.__name__} became a hyper-parameter; annotate it as a ClassVar")
    for name in _forgotten_annotations(kind):
        _ask(False, f"{kind.__name__}.{name} is no hyper-parameter; annotate it, as in '{name}: float = 0.1'")
    _ask(sorted(trainer.get_params(deep=False)) == sorted(fields), "get_params does not give the annotated fields")
    for name, value in trainer.get_params(deep=False).items():
        _ask(getattr(trainer, name) is value, f"get_params gives another {name} than the attribute")
    copied = clone(trainer)
    _ask_same(vars(trainer), vars(copied), "clone changes the trainer", "trainer")
    _ask(repr(copied) == repr(trainer), "a clone has another repr than the original")
    copied.set_params(**trainer.get_params(deep=False))
    _ask_same(vars(trainer), vars(copied), "set_params does not restore what get_params gave", "trainer")
    trainer.check_parameters()


def check_docstring(trainer):
    """The first line of the docstring is what listings show."""
    kind = type(trainer)
    first = (inspect.getdoc(kind) or "").partition("\n")[0]
    written = bool(first) and not first.startswith(f"{kind.__name__}(")
    _ask(written, f"{kind.__name__} has no docstring; listings show its first line")
    _ask(first.endswith("."), f"the docstring of {kind.__name__} must open with a sentence in one line, got {first!r}")


def check_needs_offers_and_transposes(trainer):
    """`needs`, `offers` and `transposes` use the words that listings and estimators understand."""
    _ask(trainer.needs in NEEDS, f"needs must be one of {NEEDS}, got {trainer.needs!r}")
    known = isinstance(trainer.offers, tuple) and set(trainer.offers) <= set(OFFERS)
    _ask(known, f"offers must be a tuple of some of {OFFERS}, got {trainer.offers!r}")
    _ask(trainer.transposes in TRANSPOSES, f"transposes must be one of {TRANSPOSES}, got {trainer.transposes!r}")


def check_budget(trainer):
    """The trainer's own number of steps and batch size make sense for any table."""
    for shape in [(1, 1), (90, 4), (5_000, 1_000), (1_000_000, 30)]:
        budget = trainer.budget(*shape)
        _ask(isinstance(budget, Budget), f"budget{shape} must return a Budget, got {budget!r}")
        for name in ("max_iter", "batch_size"):
            value = getattr(budget, name)
            whole = isinstance(value, (int, np.integer)) and value >= 1
            _ask(whole, f"{name} of budget{shape} must be an integer of at least 1, got {value!r}")
        flag = isinstance(budget.early_stopping, (bool, np.bool_))
        _ask(flag, f"early_stopping of budget{shape} must be True or False, got {budget.early_stopping!r}")
        _ask(budget.tol is None or budget.tol >= 0, f"tol of budget{shape} must be None or >= 0, got {budget.tol!r}")


def check_param_distributions(trainer):
    """What it proposes to search are hyper-parameters of its own with values that it takes."""
    distributions = trainer.param_distributions()
    unknown = set(distributions) - set(trainer.get_params(deep=False))
    _ask(not unknown, f"param_distributions names {sorted(unknown)}, which are no hyper-parameters")
    for draw in ParameterSampler(distributions, 8, random_state=0) if distributions else ():
        try:
            clone(trainer).set_params(**draw).check_parameters()
        except (TypeError, ValueError) as error:
            _ask(False, f"param_distributions proposes {draw}, which check_parameters refuses: {error}")


# --- one step ---------------------------------------------------------------------------------------------------------


def check_states(trainer):
    """`init` and `step` return a picklable State with finite weights of the network's length and the right dtype."""
    for dtype in (np.float32, np.float64):
        problem = _problem("three classes", dtype=dtype)
        state = trainer.init(problem, _rng())
        _check_state("init", state, problem)
        for problem.iteration in range(3):
            following = trainer.step(state, problem, _rng())
            _check_state("step", following, problem)
            _ask(following is not state, "step returned the state that it was given; return a new one, made by advance")
            _ask(type(following) is type(state), "step returned another type of state than init; make it by advance")
            state = following


def _check_state(method, state, problem):
    _ask(isinstance(state, State), f"{method} must return a State, got {state!r}")
    weights, n_weights = state.weights, problem.network.n_weights
    _ask(isinstance(weights, np.ndarray), f"weights after {method} must be an ndarray, got {type(weights).__name__}")
    fits = weights.shape == (n_weights,)
    _ask(fits, f"weights after {method} must have the network's length ({n_weights},), got {weights.shape}")
    _ask(weights.dtype == problem.dtype, f"weights after {method} must be {problem.dtype}, got {weights.dtype}")
    _ask(np.isfinite(weights).all(), f"weights after {method} are not finite")
    number = isinstance(state.loss, (float, np.floating)) and not np.isinf(state.loss)
    _ask(number, f"loss after {method} must be a finite float, or NaN where none was seen, got {state.loss!r}")
    again = pickle.loads(pickle.dumps(state))
    _ask_same(state, again, f"the state after {method} does not survive pickling", "state")


def check_outputs(trainer):
    """`outputs` gives finite raw outputs, one row per row and one column per output, and changes nothing."""
    for kind in KINDS:
        problem = _problem(kind)
        state = trainer.step(trainer.init(problem, _rng()), problem, _rng())
        before = copy.deepcopy((state, problem.X))
        Z = trainer.outputs(state, problem.network, problem.X)
        _ask_same(before[0], state, "outputs must not change the state that it is given, but changed", "state")
        _ask_same(before[1], problem.X, "outputs must not change the rows that it is given, but changed", "X")
        shape = (problem.n_samples, problem.network.n_outputs)
        fits = isinstance(Z, np.ndarray) and Z.shape == shape
        _ask(fits, f"outputs must return an ndarray of shape {shape} for {kind}, got {np.shape(Z)}")
        _ask(np.isfinite(Z).all(), f"outputs must be finite for {kind}")


def check_gradient(trainer):
    """`gradient` gives None or one finite array per kernel, in its shape."""
    problem = _problem("values")
    state = trainer.init(problem, _rng())
    before = copy.deepcopy(state)
    gradients = trainer.gradient(state, problem, problem.all_rows())
    _ask_same(before, state, "gradient must not change the state that it is given, but changed", "state")
    if gradients is not None:
        shapes = tuple(np.shape(gradient) for gradient in gradients)
        expected = problem.network.kernel_shapes
        _ask(shapes == expected, f"gradient must return arrays in the kernels' shapes {expected}, got {shapes}")
        _ask(all(np.isfinite(gradient).all() for gradient in gradients), "gradient must be finite")


def check_step_changes_nothing(trainer):
    """`step` leaves the state, the trainer, the problem and numpy's global random state as they were."""
    problem = _problem("three classes", weighted=True)
    state = trainer.init(problem, _rng())
    for _ in range(3):
        before = copy.deepcopy([state, vars(trainer), _public(problem)])
        global_state = np.random.get_state()  # noqa: NPY002
        following = trainer.step(state, problem, _rng())
        _ask_same(before[0], state, "step must not change the state that it is given, but changed", "state")
        _ask_same(before[1], vars(trainer), "step must not keep anything on the trainer, but changed", "self")
        _ask_same(before[2], _public(problem), "step must not change the problem, but changed", "problem")
        untouched = _first_difference(global_state, np.random.get_state(), "") is None  # noqa: NPY002
        _ask(untouched, "step must draw from the generator that it is given, not from numpy's global one")
        state = following


def _public(problem):
    """What a step may see of a problem and must leave alone."""
    return {name: value for name, value in vars(problem).items() if name not in ("network", "n_evaluations", "workers")}


def check_step_repeats_itself(trainer):
    """The same state and the same generator give the same bits, however often and in whatever order."""
    problem = _problem("three classes")
    first = trainer.init(problem, _rng())
    second = trainer.step(first, problem, _rng())
    trainer.step(second, problem, _rng())
    again = trainer.step(first, problem, _rng())
    _ask_same(second, again, "step gives other bits when it is repeated, in", "state")


def check_finish_keeps_the_outputs(trainer):
    """`finish` gives a state of the same outputs and leaves the one it is given as it was."""
    problem = _problem("values")
    state = trainer.step(trainer.init(problem, _rng()), problem, _rng())
    before = copy.deepcopy(state)
    finished = trainer.finish(state, problem)
    _ask_same(before, state, "finish must not change the state that it is given, but changed", "state")
    Z, after = (trainer.outputs(s, problem.network, problem.X) for s in (state, finished))
    _ask_same(Z, after, "finish must leave the outputs as they are, but changed", "outputs")


# --- a run of the loop ------------------------------------------------------------------------------------------------


def check_same_seed_same_bits(trainer):
    """The same seed gives the same bits, for any number of jobs."""
    once, again, parallel = (_fit_loop(trainer, _problem("two classes", n_jobs=n_jobs)) for n_jobs in (None, None, 2))
    _ask_same(once.state, again.state, "the same seed gives other bits in a second fit, in", "state")
    _ask_same(once.state, parallel.state, "n_jobs=2 gives other bits than n_jobs=None, in", "state")


def check_resumes_from_a_pickle(trainer):
    """A fit that is stopped, pickled and taken up again ends with the bits of one that was not."""
    whole = _fit_loop(trainer, _problem("three classes"))
    part = _fit_loop(trainer, _problem("three classes"), on_step=lambda progress: progress.iteration == N_STEPS // 2)
    _ask(part.iteration == N_STEPS // 2, f"the fit was stopped after {N_STEPS // 2} steps, but took {part.iteration}")
    resumed = pickle.loads(pickle.dumps(part))
    training.run(clone(trainer), _problem("three classes"), resumed)
    _ask_same(whole.state, resumed.state, "a resumed fit gives other bits, in", "state")
    for name in ("loss", "n_evaluations"):
        expected, found = ([row[name] for row in progress.history] for progress in (whole, resumed))
        _ask_same(expected, found, f"a resumed fit records another {name}, in", "history")


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
    budget = trainer.budget(*_table(kind)[0].shape)
    problem = _problem(kind, batch_size=budget.batch_size, max_iter=budget.max_iter)
    first = training.start(trainer, problem, 0).state
    last = _fit_loop(trainer, problem).state
    (loss, errors), (last_loss, last_errors) = (_judge(trainer, state, problem) for state in (first, last))
    _ask(
        last_loss <= loss / 2 or last_errors < errors / 2,
        f"on {kind} that are easy to learn the training loss went from {loss:.3g} to {last_loss:.3g} and the rate of "
        f"errors from {errors:.3g} to {last_errors:.3g} in {budget.max_iter} steps; one of them must halve",
    )


def _judge(trainer, state, problem):
    """Mean loss, and for classes the rate of errors (NaN for values)."""
    Z = trainer.outputs(state, problem.network, problem.X)
    loss = float(problem.objective.loss(Z, problem.Y).mean())
    if problem.targets.is_classification:
        return loss, float((problem.targets.predict(problem.objective.link(Z)) != problem.y).mean())
    return loss, float("nan")


# --- an estimator -----------------------------------------------------------------------------------------------------


def check_sample_weights_count(trainer):
    """Of two copies of the rows with opposite labels the network learns the one that weighs more."""
    X, y = _table("two classes")
    heavy = np.repeat([9.0, 1.0], len(y))
    for weight, labels in [(heavy, y), (heavy[::-1], 1 - y)]:
        model = _classifier(trainer, max_iter=None)
        model.fit(np.concatenate([X, X]), np.concatenate([y, 1 - y]), sample_weight=weight)
        accuracy = model.score(X, labels)
        _ask(
            accuracy > 0.8,
            f"of two copies of the rows with opposite labels, of weight 9 and 1, the heavy ones' labels were predicted "
            f"for {accuracy:.0%} of the rows only; mind batch.weight (problem.output_error and problem.loss do)",
        )


def check_integer_weights_repeat_rows(trainer):
    """In a table of one batch an integer weight means that many copies of the row, to the last bit."""
    for make, kind in [(_classifier, "three classes"), (_regressor, "values")]:
        X, y = _table(kind)
        weight = np.random.default_rng(0).integers(1, 4, len(y))
        weighted = make(trainer, batch_size=len(y) * 3).fit(X, y, sample_weight=weight)
        repeated = make(trainer, batch_size=len(y) * 3).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
        _ask_same(weighted.state_, repeated.state_, "integer weights give other bits than repeated rows, in", "state")


def check_zero_weights_remove_rows(trainer):
    """Rows of weight zero might as well not be there."""
    for make, kind in [(_classifier, "three classes"), (_regressor, "values")]:
        X, y = _table(kind)
        weight = np.arange(len(y)) % 3
        weighted = make(trainer).fit(X, y, sample_weight=weight)
        removed = make(trainer).fit(X[weight > 0], y[weight > 0], sample_weight=weight[weight > 0])
        _ask_same(weighted.state_, removed.state_, "rows of weight zero leave a trace in", "state")


def check_pickled_estimator(trainer):
    """A pickled estimator predicts what the original does."""
    for make, kind in [(_classifier, "three classes"), (_regressor, "values")]:
        X, y = _table(kind)
        model = make(trainer).fit(X, y)
        again = pickle.loads(pickle.dumps(model))
        _ask_same(model.predict(X), again.predict(X), "a pickled estimator predicts something else, in", "predictions")


def check_activations_and_depths(trainer):
    """Any smooth activation and any number of hidden layers gives finite predictions, or one sentence why not."""
    X, y = _table("values")
    networks = [((), "relu"), ((8,), "relu"), ((8, 8, 8), "relu")]
    networks += [((12, 8), name) for name, activation in ACTIVATIONS.items() if not activation.flat]
    for hidden, activation in networks:
        network = f"hidden_layer_sizes={hidden} and activation={activation!r}"
        model = _regressor(trainer).set_params(hidden_layer_sizes=hidden, activation=activation)
        try:
            predicted = model.fit(X, y).predict(X)
        except ValueError as error:
            clear = "\n" not in str(error) and ("hidden_layer_sizes" in str(error) or "activation" in str(error))
            _ask(clear, f"the error for {network} must name what is not served in one sentence, got {str(error)!r}")
        else:
            _ask(np.isfinite(predicted).all(), f"the predictions are not finite for {network}")


def check_float64(trainer):
    """With ``dtype="float64"`` the computation is in double precision."""
    X, y = _table("values")
    model = _regressor(trainer, dtype="float64").fit(X, y)
    found = model.state_.weights.dtype
    _ask(found == np.float64, f"with dtype='float64' the weights must be float64, got {found}")
    _ask(np.isfinite(model.predict(X)).all(), "with dtype='float64' the predictions are not finite")


def check_sparse_rows(trainer):
    """CSR rows give what the same dense rows give, up to rounding."""
    for make, kind in [(_classifier, "three classes"), (_regressor, "values")]:
        X, y = _table(kind)
        X = np.where(np.abs(X) < 0.5, 0, X)
        from_dense = make(trainer, dtype="float64").fit(X, y)
        from_sparse = make(trainer, dtype="float64").fit(sparse.csr_array(X), y)
        method = "predict" if kind == "values" else "predict_proba"
        one, other = getattr(from_dense, method)(X), getattr(from_sparse, method)(sparse.csr_array(X))
        gap = np.abs(one - other).max()
        _ask(gap < 1e-3, f"after {N_STEPS} steps the predictions of CSR and of dense rows differ by {gap:.2g}")


class _StepRecorder:
    """A scikit-learn callback that notes the predictions after every step."""

    def __init__(self):
        self.predictions = []

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context, *, X: Any = None, fitted_estimator: Any = None):
        if context.task_name == "step":
            self.predictions.append(fitted_estimator.predict_proba(X))


def check_callbacks(trainer):
    """scikit-learn's callbacks hear of every step once, with an estimator that predicts as if it were the last one."""
    X, y = _table("two classes")
    recorder = _StepRecorder()
    model = _classifier(trainer).set_callbacks(recorder).fit(X, y)
    heard = len(recorder.predictions)
    _ask(heard == N_STEPS, f"a callback must hear of each of the {N_STEPS} steps once, but heard {heard} times")
    P = recorder.predictions[-1]
    fits = P.shape == (len(y), 2) and np.isfinite(P).all()
    _ask(fits, "the estimator that a callback is given does not predict finite probabilities")
    _ask(model.n_iter_ == N_STEPS, f"n_iter_ must be {N_STEPS}, got {model.n_iter_}")


def check_interruption(trainer):
    """After Ctrl-C the best weights are kept, with one warning, and a warm start ends with the bits of a whole fit."""
    X, y = _table("three classes")
    model = _classifier(_with_accident(trainer, _interrupt), warm_start=True)
    _ask_one_warning(partial(model.fit, X, y), "interrupted")
    _ask(model.n_iter_ == N_STEPS // 2, f"Ctrl-C in step {N_STEPS // 2 + 1} must leave the steps before it")
    _ask_same(model.progress_.best, model.state_, "Ctrl-C must leave the best weights so far, but not so in", "state")
    _ask(np.isfinite(model.predict_proba(X)).all(), "after Ctrl-C the predictions are not finite")
    model.fit(X, y)
    _ask(model.n_iter_ == N_STEPS, f"a warm start after Ctrl-C must do the {N_STEPS - N_STEPS // 2} steps left")
    whole = _classifier(trainer).fit(X, y)
    _ask_same(whole.state_, model.state_, "a warm start after Ctrl-C gives other bits than a whole fit, in", "state")


def check_divergence(trainer):
    """When the weights are no longer finite, the best ones before are kept, with one warning."""
    X, y = _table("values")
    model = _regressor(_with_accident(trainer, _diverge))
    _ask_one_warning(partial(model.fit, X, y), "diverged")
    _ask(np.isfinite(model.state_.weights).all(), "after a divergence the weights are not finite")
    _ask(np.isfinite(model.predict(X)).all(), "after a divergence the predictions are not finite")


def _interrupt(state):
    raise KeyboardInterrupt


def _diverge(state):
    return advance(state, weights=np.full_like(state.weights, np.nan))


def _with_accident(trainer, accident):
    """The trainer, with an accident to the state that it returns halfway, once."""
    due = [True]

    class WithAccident(type(trainer)):
        def step(self, state, problem, rng):
            state = super().step(state, problem, rng)
            if due and problem.iteration == N_STEPS // 2:
                due.clear()
                return accident(state)
            return state

    return WithAccident(**trainer.get_params(deep=False))


def _ask_one_warning(fit, word):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit()
    texts = [str(w.message) for w in caught if issubclass(w.category, ConvergenceWarning)]
    _ask(len(texts) == 1 and word in texts[0], f"one ConvergenceWarning must say {word!r}, got {texts}")


def check_partial_fit(trainer):
    """Each call is a step from where the last one left off, with any number of rows, a pickle in between or not.

    Or the method is not there.
    """
    model = _classifier(trainer)
    if "partial_fit" not in trainer.offers:
        _ask(not hasattr(model, "partial_fit"), "partial_fit is there although it is not among the trainer's offers")
        return
    X, y = _table("three classes")
    parts = [slice(50), slice(50, 80), slice(80, 82), slice(82, None)]
    again = clone(model)
    for number, rows in enumerate(parts, start=1):
        model.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
        again = pickle.loads(pickle.dumps(again)).partial_fit(X[rows], y[rows], classes=[0, 1, 2])
        _ask(model.n_iter_ == number, f"{number} calls of partial_fit must be {number} steps, got {model.n_iter_}")
    _ask_same(model.state_, again.state_, "partial_fit after pickling gives other bits, in", "state")


def check_standard_deviations(trainer):
    """Where offered they are positive, in the units of the target, and tell noise from none; elsewhere refused."""
    offered = "return_std" in trainer.offers
    model = _regressor(trainer, max_iter=None if offered else N_STEPS)
    X, y = _table("values")
    _ask(hasattr(model, "predict_quantiles") == offered, "predict_quantiles must be there where return_std is offered")
    if not offered:
        try:
            model.fit(X, y).predict(X, return_std=True)
        except ValueError as error:
            _ask("return_std" in str(error), f"the error for return_std=True must name it, got {str(error)!r}")
            return
        _ask(False, "predict(X, return_std=True) was answered although return_std is not among the trainer's offers")
    noise = np.random.default_rng(0).standard_normal(len(y)) * y.std()
    stds = []
    for target in (y, y + noise, 1000 * (y + noise)):
        mean, std = model.fit(X, target).predict(X, return_std=True)
        _ask(mean.shape == std.shape == (len(X),), f"std must have the shape of y ({len(X)},), got {std.shape}")
        _ask(bool((std > 0).all() and np.isfinite(std).all()), "standard deviations must be positive and finite")
        stds.append(std.mean())
    _ask(stds[1] > stds[0], f"the mean std is {stds[0]:.3g} without noise and {stds[1]:.3g} with; it must be larger")
    same = abs(stds[2] / stds[1] / 1000 - 1) < 0.2
    _ask(same, f"a target times 1000 has a mean std of {stds[2]:.3g} instead of about {1000 * stds[1]:.3g}")
    low, high = model.predict_quantiles(X, (0.05, 0.95)).T
    _ask(bool((low < high).all()), "the 95 % quantile must lie above the 5 % quantile")


def check_metric_as_objective(trainer):
    """A metric is learned by a trainer that needs values; one that needs the output error says so in one sentence."""
    X, y = _table("two classes")
    if trainer.needs == "values":
        _classifier(trainer, loss="roc_auc").fit(X, y)
        share = _classifier(trainer, loss=_share_correct, max_iter=None).fit(X, y).score(X, y)
        _ask(share > 0.8, f"with the accuracy as the loss two clusters were told apart in {share:.0%} of rows only")
        return
    try:
        _classifier(trainer, loss="roc_auc").fit(X, y)
    except ValueError as error:
        message = str(error)
        clear = "roc_auc" in message and type(trainer).__name__ in message and "\n" not in message
        _ask(clear, f"the error for a metric must name the metric and the trainer in one sentence, got {message!r}")
    else:
        _ask(False, "loss='roc_auc' was accepted although the trainer needs the output error; did it mean 'values'?")


def _share_correct(y_true, y_pred):
    return np.mean(y_true == y_pred)


# --- scikit-learn's own checks ----------------------------------------------------------------------------------------

_MINIMUM = {BPFreeClassifier: MIN_CLASSIFIER_CHECKS, BPFreeRegressor: MIN_REGRESSOR_CHECKS}


def _yield_sklearn_checks(kind, trainer):
    """scikit-learn's checks of an estimator with this trainer, as functions of the trainer like the others."""
    if isinstance(trainer, type):
        trainer = trainer()
    for estimator, check in estimator_checks_generator(kind(trainer=trainer)):
        if check.func.__name__ not in QUALITY_CHECKS:
            estimator = clone(estimator).set_params(max_iter=N_STEPS)
        yield partial(_sklearn_check, kind.__name__, estimator, check)


def _sklearn_check(kind_name, estimator, check, trainer):
    check(estimator)


def _check_number_of_sklearn_checks(kind, trainer):
    found, least = len(list(_yield_sklearn_checks(kind, trainer))), _MINIMUM[kind]
    _ask(found >= least, f"scikit-learn has only {found} checks for {kind.__name__}, at least {least} must run")


# --- tools of the checks ----------------------------------------------------------------------------------------------

KINDS = ("two classes", "three classes", "values")


class _ToyProblem(Problem):
    """A small problem that keeps the targets' encoding, for judging."""

    targets: Any


def _table(kind):
    """90 rows of 4 columns: clusters that are easy to tell apart, or a smooth function."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((90, 4))
    if kind == "values":
        return X, 100 + 20 * (X[:, 0] - X[:, 1] + np.tanh(2 * X[:, 2]))
    y = np.arange(90) % (2 if kind == "two classes" else 3)
    centres = 2.5 * np.array([[1, 0, -1, 1], [-1, 1, 0, -1], [0, -1, 1, 1]])
    X += centres[y]
    return X / X.std(axis=0), y


def _problem(kind, *, dtype: Any = np.float32, weighted=False, batch_size=32, max_iter=N_STEPS, n_jobs=None):
    """The table of a kind as a problem for a network with two hidden layers."""
    X, y = _table(kind)
    targets = Values.fit(y) if kind == "values" else Classes(np.unique(y))
    problem = _ToyProblem(
        X.astype(dtype),
        targets.encode(y, dtype),
        Network((4, 12, 8, targets.n_outputs)),
        make_objective("auto", targets),
        sample_weight=1.0 + np.arange(90) % 2 if weighted else None,
        y=y,
        batch_size=batch_size,
        max_iter=max_iter,
        n_jobs=n_jobs,
    )
    problem.targets = targets
    return problem


def _fit_loop(trainer, problem, **options):
    """Seed 0, all the steps planned, under the core's loop."""
    progress = training.start(trainer, problem, 0)
    progress.plan(problem.max_iter)
    return training.run(trainer, problem, progress, **options)


def _classifier(trainer, *, max_iter: int | None = N_STEPS, **params):
    return BPFreeClassifier((12, 8), trainer=trainer, max_iter=max_iter, early_stopping=False, random_state=0, **params)


def _regressor(trainer, *, max_iter: int | None = N_STEPS, **params):
    return BPFreeRegressor((12, 8), trainer=trainer, max_iter=max_iter, early_stopping=False, random_state=0, **params)


def _rng():
    return np.random.default_rng(1)


def _resolve(trainer) -> Trainer:
    """A Trainer object from a registered name, an object or a class."""
    if isinstance(trainer, str):
        return get_trainer(trainer)
    if isinstance(trainer, type) and issubclass(trainer, Trainer):
        try:
            return trainer()
        except TypeError as error:
            raise AssertionError(
                f"{trainer.__name__} cannot be made without arguments ({error}); define init and step and give every "
                "field a default."
            ) from error
    if isinstance(trainer, Trainer):
        return trainer
    raise AssertionError(f"A trainer must be a registered name, a Trainer or a subclass of it, got {trainer!r}.")


def _run(check, trainer):
    """Call a check; whatever goes wrong becomes an AssertionError that names the trainer and the check."""
    resolved = _resolve(trainer)
    try:
        check(resolved)
    except SkipTest:
        raise
    except Exception as error:
        reason = str(error) if isinstance(error, _Failure) else f"{type(error).__name__}: {str(error) or _line(error)}"
        reason = " ".join(reason.split()).rstrip(".")
        raise AssertionError(f"{type(resolved).__name__} fails {_title(check)}: {reason}.") from error


def _line(error) -> str:
    """The line of code that raised an error, for those of scikit-learn's assertions that say no more."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{last.line} ({Path(last.filename).name}, line {last.lineno})"


class _Failure(AssertionError):
    """A check of this kit has failed."""


def _ask(condition, otherwise):
    if not condition:
        raise _Failure(otherwise)


def _ask_same(expected, found, otherwise, name):
    """Ask for the same bits all through two records, and name the first place where they differ."""
    place = _first_difference(expected, found, name)
    _ask(place is None, f"{otherwise} {place}")


def _first_difference(a, b, place) -> str | None:
    """Where two records differ, looking into dataclasses, lists and dictionaries; None when they do not."""
    if type(a) is not type(b):
        return place
    if isinstance(a, np.ndarray) and a.dtype != object:
        same = a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
        return None if same else place
    if dataclasses.is_dataclass(a) and not isinstance(a, type):
        a, b = vars(a), vars(b)
        parts = [(f"{place}.{key}", a.get(key), b.get(key)) for key in {**a, **b}]
    elif isinstance(a, dict):
        parts = [(f"{place}[{key!r}]", a.get(key), b.get(key)) for key in {**a, **b}]
    elif isinstance(a, (list, tuple)):
        if len(a) != len(b):
            return place
        parts = [(f"{place}[{i}]", x, y) for i, (x, y) in enumerate(zip(a, b, strict=True))]
    else:
        return None if pickle.dumps(a) == pickle.dumps(b) else place
    return next((found for part, x, y in parts if (found := _first_difference(x, y, part)) is not None), None)


def _forgotten_annotations(kind):
    """Public plain values in the classes below Trainer that are not annotated, and so are no hyper-parameters."""
    below = kind.__mro__[: kind.__mro__.index(Trainer)]
    known = {name for base in kind.__mro__ for name in inspect.get_annotations(base)}
    return [
        name
        for base in below
        for name, value in vars(base).items()
        if not name.startswith("_") and name not in known and isinstance(value, (bool, int, float, str, type(None)))
    ]


def _title(check):
    """Name of a check, with scikit-learn's parameters where it has any."""
    if not isinstance(check, partial):
        return check.__name__
    if check.func is not _sklearn_check:
        return f"{check.args[0].__name__}-{check.func.__name__.lstrip('_')}"
    kind_name, _, inner = check.args
    options = ",".join(f"{key}={value}" for key, value in inner.keywords.items())
    return f"{kind_name}-{inner.func.__name__}" + (f"({options})" if options else "")
