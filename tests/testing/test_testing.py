"""The kit itself: each trainer here has one fault, and the kit must name it."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar
from weakref import WeakKeyDictionary

import numpy as np
import pytest
from bpfree_feedback.backprop import Backprop
from sklearn.base import BaseEstimator

from sklearn_bpfree import BPFreeClassifier, testing
from sklearn_bpfree.plugin import Budget, State, Trainer, advance
from sklearn_bpfree.testing import RandomSearch, check_trainer, parametrize_with_trainer_checks, yield_trainer_checks


class ChangesItsState(RandomSearch):
    """Writes into the weights that it was given."""

    def step(self, state, problem, rng):
        following = super().step(state, problem, rng)
        state.weights[:] = following.weights
        return following


class ChangesTheRows(RandomSearch):
    """Scales the rows that everybody shares."""

    def step(self, state, problem, rng):
        problem.X[:] *= 0.5
        return super().step(state, problem, rng)


class KeepsBooksOnItself(RandomSearch):
    """Counts its steps on the trainer, where no pickle of a state finds them."""

    def step(self, state, problem, rng):
        self.n_steps = getattr(self, "n_steps", 0) + 1
        return super().step(state, problem, rng)


class DrawsGlobally(RandomSearch):
    """Draws from the global random state."""

    def step(self, state, problem, rng):
        noise = np.random.normal(0, self.sigma, state.weights.size)  # noqa: NPY002
        return advance(state, weights=(state.weights + noise).astype(problem.dtype), loss=problem.loss(state.weights))


class HasAHiddenClock(RandomSearch):
    """Depends on how often the module was used before."""

    ticks: ClassVar[list[int]] = []

    def step(self, state, problem, rng):
        self.ticks.append(1)
        state = super().step(state, problem, rng)
        return advance(state, weights=state.weights * np.float32(1 + 1e-3 * len(self.ticks)))


class CountsOnTheProblem(RandomSearch):
    """Keeps its books on the problem, which a resumed fit does not have."""

    def step(self, state, problem, rng):
        problem.calls = getattr(problem, "calls", 0) + 1
        return super().step(state, problem, rng)


class CountsInACache(RandomSearch):
    """Keeps its books in a cache by problem, which a resumed fit does not have."""

    calls: ClassVar[WeakKeyDictionary] = WeakKeyDictionary()

    def step(self, state, problem, rng):
        first = self.calls.setdefault(problem, problem.iteration)
        state = super().step(state, problem, rng)
        return advance(state, weights=state.weights * np.float32(0.9 ** (first == 0)))


class DoesNothing(RandomSearch):
    """Returns what it was given."""

    def step(self, state, problem, rng):
        return state


class NeverLearns(RandomSearch):
    """Goes anywhere."""

    def step(self, state, problem, rng):
        noise = rng.normal(0, self.sigma, state.weights.size)
        return advance(state, weights=(state.weights + noise).astype(problem.dtype))


class AlwaysDouble(RandomSearch):
    """Forgets the dtype of the problem."""

    def init(self, problem, rng):
        return State(problem.network.initial_weights(rng, np.float64))


class DriftsToDouble(Backprop):
    """Forgets the dtype of the problem after the first step."""

    def step(self, state, problem, rng):
        state = super().step(state, problem, rng)
        return advance(state, weights=state.weights * np.float64(1)) if problem.iteration else state


class TooLong(RandomSearch):
    """Carries one weight too many."""

    def init(self, problem, rng):
        return State(np.zeros(problem.network.n_weights + 1, problem.dtype))


class NotAState(RandomSearch):
    """Returns bare weights."""

    def init(self, problem, rng):
        return problem.network.initial_weights(rng, problem.dtype)


class NotPickled(RandomSearch):
    """Carries a function."""

    def init(self, problem, rng):
        state = super().init(problem, rng)
        state.rule = lambda: None
        return state


@dataclass(eq=False)
class Cached(State):
    """A state that keeps what is no field of it in a cache."""

    @cached_property
    def calls(self):
        return 0


class CountsInTheStatesCache(RandomSearch):
    """Keeps its books where a pickle finds them and a checkpoint does not."""

    state_types = (Cached,)

    def init(self, problem, rng):
        return Cached(**vars(super().init(problem, rng)))

    def step(self, state, problem, rng):
        following = super().step(state, problem, rng)
        calls = vars(state).get("calls", 0)
        following = advance(following, weights=following.weights * np.float32(1 - 1e-3 * calls))
        vars(following)["calls"] = calls + 1
        return following


class IgnoresWeights(Backprop):
    """Judges every row alike."""

    def step(self, state, problem, rng):
        problem.sample_weight = None
        return super().step(state, problem, rng)


class SharesAnnotations(RandomSearch):
    """Makes a parameter of what listings read."""

    needs: str = "values"  # type: ignore[misc]


class ForgetsAnAnnotation(RandomSearch):
    """Has a number that no grid can reach."""

    decay = 0.1


class UnknownNeeds(RandomSearch):
    """Needs what nobody has."""

    needs: ClassVar[str] = "gradients"


class UnknownOffer(RandomSearch):
    """Offers what nobody asks for."""

    offers: ClassVar[tuple[str, ...]] = ("coffee",)


class UnknownTranspose(RandomSearch):
    """Transposes what it likes."""

    transposes: ClassVar[str] = "some"


class Undocumented(RandomSearch):
    decay: float = 0.1


class ZeroSteps(RandomSearch):
    """Does not want to work on small tables."""

    def budget(self, n_samples, n_features):
        return Budget(max_iter=n_samples // 1000)


class WrongOutputs(RandomSearch):
    """Forgets the second axis."""

    def outputs(self, state, network, X):
        return super().outputs(state, network, X)[:, 0]


class OutputsLeaveATrace(RandomSearch):
    """Counts on the state how often it predicts."""

    def outputs(self, state, network, X):
        state.calls = getattr(state, "calls", 0) + 1
        return super().outputs(state, network, X)


class OutputsMoveTheRows(RandomSearch):
    """Centres the rows in place."""

    def outputs(self, state, network, X):
        X -= X.mean(axis=0)
        return super().outputs(state, network, X)


class GradientLeavesATrace(Backprop):
    """Takes a step where it is only asked for a direction."""

    def gradient(self, state, problem, batch):
        state.weights[:] *= 0.9
        return super().gradient(state, problem, batch)


class WrongGradient(Backprop):
    """Gives the gradients from the top down."""

    def gradient(self, state, problem, batch):
        return super().gradient(state, problem, batch)[::-1]


class OnlyRelu(Backprop):
    """Knows one activation."""

    def step(self, state, problem, rng):
        if problem.network.activation != "relu":
            raise KeyError(problem.network.activation)
        return super().step(state, problem, rng)


class ANumberPerRow(RandomSearch):
    """Takes all calls of partial_fit to have the same number of rows."""

    def init(self, problem, rng):
        state = super().init(problem, rng)
        state.duals = np.zeros(problem.n_samples)
        return state

    def step(self, state, problem, rng):
        following = super().step(state, problem, rng)
        following.duals = state.duals + np.ones(problem.n_samples)
        return following


class SaysValuesButIsNot(Backprop):
    """Claims to need values only."""

    needs: ClassVar[str] = "values"


class SaysErrorButIsNot(RandomSearch):
    """Claims to need more than it does."""

    needs: ClassVar[str] = "output error"


class NoDefault(Trainer):
    """Cannot be made without an argument."""

    sigma: float

    def init(self, problem, rng): ...
    def step(self, state, problem, rng): ...


class NoStep(Trainer):
    """Has no step."""

    def init(self, problem, rng): ...


class DenseOnly(Backprop):
    """Cannot take sparse rows."""

    def step(self, state, problem, rng):
        np.linalg.norm(problem.X, axis=0)
        return super().step(state, problem, rng)


class FinishesTooMuch(RandomSearch):
    """Polishes the weights in the end."""

    def finish(self, state, problem):
        return advance(state, weights=2 * state.weights)


class DependsOnJobs(Backprop):
    """Draws otherwise when it runs in parallel."""

    def init(self, problem, rng):
        return super().init(problem, rng.spawn(problem.n_jobs or 1)[-1])


FAULTS = {
    ChangesItsState: "step must not change the state that it is given, but changed state.weights",
    ChangesTheRows: "step must not change the problem, but changed problem['X']",
    KeepsBooksOnItself: "step must not keep anything on the trainer, but changed self['n_steps']",
    DrawsGlobally: "step must draw from the generator that it is given",
    HasAHiddenClock: "step gives other bits when it is repeated, in state.weights",
    CountsOnTheProblem: "step must not change the problem, but changed problem['calls']",
    CountsInACache: "a resumed fit gives other bits, in state.weights",
    DoesNothing: "step returned the state that it was given",
    NeverLearns: "one of them must halve",
    AlwaysDouble: "weights after init must be float32, got float64",
    DriftsToDouble: "weights after step must be float32, got float64",
    TooLong: "weights after init must have the network's length",
    NotAState: "init must return a State",
    NotPickled: "pickle local object",
    CountsInTheStatesCache: "a fit from a Checkpoint gives other bits than a whole one, in state.weights",
    IgnoresWeights: "step must not change the problem, but changed problem['sample_weight']",
    SharesAnnotations: "needs of SharesAnnotations became a hyper-parameter",
    ForgetsAnAnnotation: "ForgetsAnAnnotation.decay is no hyper-parameter",
    UnknownNeeds: "needs must be one of",
    UnknownOffer: "offers must be a tuple of some of",
    UnknownTranspose: "transposes must be one of",
    Undocumented: "Undocumented has no docstring",
    ZeroSteps: "max_iter of budget(1, 1) must be an integer of at least 1, got 0",
    WrongOutputs: "outputs must return an ndarray of shape (90, 1) for two classes, got (90,)",
    OutputsLeaveATrace: "outputs must not change the state that it is given, but changed state.calls",
    OutputsMoveTheRows: "outputs must not change the rows that it is given",
    GradientLeavesATrace: "gradient must not change the state that it is given, but changed state.weights",
    OnlyRelu: "OnlyRelu fails check_activations_and_depths",
    ANumberPerRow: "ANumberPerRow fails check_partial_fit",
    WrongGradient: "gradient must return arrays in the kernels' shapes",
    SaysValuesButIsNot: "check_metric_as_objective",
    SaysErrorButIsNot: "did it mean 'values'?",
    NoDefault: "NoDefault cannot be made without arguments",
    NoStep: "NoStep cannot be made without arguments",
    DenseOnly: "check_sparse_rows",
    FinishesTooMuch: "finish must leave the outputs as they are",
    DependsOnJobs: "n_jobs=2 gives other bits",
}


def sentence(raised):
    """The message of an error, which must be one line that ends with a full stop."""
    message = str(raised.value)
    assert "\n" not in message and message.endswith(".")
    return message


@pytest.mark.parametrize("trainer, fault", FAULTS.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_the_kit_names_the_fault(trainer, fault):
    with pytest.raises(AssertionError) as raised:
        check_trainer(trainer)
    message = sentence(raised)
    assert fault in message and trainer.__name__ in message


class WeighsWithoutChanging(Backprop):
    """Ignores the weights without touching the problem."""

    def step(self, state, problem, rng):
        kept, problem.sample_weight = problem.sample_weight, None
        state = super().step(state, problem, rng)
        problem.sample_weight = kept
        return state


def test_weights_that_do_not_count_are_noticed():
    with pytest.raises(AssertionError, match=r"of weight 4.5 and .5, .* mind batch.weight"):
        check_trainer(WeighsWithoutChanging)


class FailsInStep(RandomSearch):
    """Has a bug."""

    def step(self, state, problem, rng):
        raise RuntimeError("no such\nthing")


def test_an_error_of_the_trainer_is_the_cause_of_the_failure():
    with pytest.raises(AssertionError) as raised:
        check_trainer(FailsInStep)
    assert sentence(raised) == "FailsInStep fails check_states: RuntimeError: no such thing."
    assert isinstance(raised.value.__cause__, RuntimeError)


class FailsWithoutAWord(RandomSearch):
    """Has a bug and says nothing."""

    def step(self, state, problem, rng):
        raise AssertionError


def test_an_error_without_a_message_is_told_by_its_line():
    with pytest.raises(AssertionError) as raised:
        check_trainer(FailsWithoutAWord)
    assert sentence(raised).startswith(
        "FailsWithoutAWord fails check_states: AssertionError: raise AssertionError (test_t"
    )


def test_what_is_no_trainer_is_refused():
    with pytest.raises(AssertionError) as raised:
        check_trainer(3)
    assert sentence(raised) == "A trainer must be a registered name, a Trainer or a subclass of it, got 3."


class Confused(RandomSearch):
    """Predicts nonsense for classes, which only scikit-learn's checks look at closely."""

    def outputs(self, state, network, X):
        return super().outputs(state, network, X) + np.arange(len(X) if hasattr(X, "__len__") else X.shape[0])[:, None]


def test_scikit_learns_checks_are_part_of_it():
    cases = parametrize_with_trainer_checks([Confused]).args[1]
    case = next(case for case in cases if case.id.endswith("BPFreeRegressor-check_methods_subset_invariance"))
    trainer, check = case.values
    with pytest.raises(AssertionError, match="fails BPFreeRegressor-check_methods_subset_invariance"):
        check(trainer)


class HardlyLearns(Backprop):
    """Takes steps that are enough for the kit's easy tables, and for no others."""

    def budget(self, n_samples, n_features):
        return super().budget(n_samples, n_features)._replace(max_iter=120 if n_samples == 90 else 1)


def test_a_failure_of_scikit_learns_says_what_is_asked_and_what_helps():
    cases = parametrize_with_trainer_checks([HardlyLearns]).args[1]
    trainer, check = next(case for case in cases if case.id.endswith("BPFreeRegressor-check_regressors_train")).values
    with pytest.raises(AssertionError) as raised:
        check(trainer)
    message = sentence(raised)
    assert "this check is scikit-learn's own, and it asks for an R2 above .5" in message
    assert message.endswith("more steps (max_iter of budget) or longer ones (learning_rate, sigma).")


def test_a_script_is_told_what_is_checked_and_how_long_it_takes(monkeypatch, capsys):
    monkeypatch.setattr(testing, "yield_trainer_checks", lambda: iter([testing.check_budget]))
    monkeypatch.setattr(testing, "yield_sklearn_checks", lambda kind, trainer: iter([testing.check_docstring]))
    monkeypatch.setattr(testing, "MINIMUM", {BPFreeClassifier: 1})
    check_trainer(RandomSearch)
    assert not capsys.readouterr().out
    check_trainer(RandomSearch, verbose=True)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["check_budget", "check_docstring", "RandomSearch"]
    assert all(line.endswith((" s", " s.")) for line in lines) and "passes 2 checks" in lines[-1]


def test_parametrisation_has_readable_and_distinct_names():
    cases = parametrize_with_trainer_checks(["dfa", RandomSearch(), Backprop]).args[1]
    names = [case.id for case in cases]
    assert {"dfa-check_states", "RandomSearch()-check_states", "Backprop-check_states"} <= set(names)
    assert "dfa-BPFreeClassifier-check_fit2d_1sample" in names
    assert "dfa-BPFreeRegressor-check_number_of_sklearn_checks" in names
    own = [check.__name__ for check in yield_trainer_checks()]
    assert [name.removeprefix("dfa-") for name in names[: len(own)]] == own


def test_a_mixin_order_that_loses_checks_is_noticed(monkeypatch):
    check = testing.check_number_of_sklearn_checks
    check(BPFreeClassifier, RandomSearch())
    monkeypatch.setattr(BPFreeClassifier, "__sklearn_tags__", BaseEstimator.__sklearn_tags__)
    with pytest.raises(AssertionError, match="checks for BPFreeClassifier, at least 62 must run"):
        check(BPFreeClassifier, RandomSearch())
