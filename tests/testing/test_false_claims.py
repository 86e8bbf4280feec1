"""The kit believes no claim: each trainer here says something of itself that is not so, and the kit finds it out."""

import random
from typing import ClassVar

import numpy as np
import pytest
from bpfree_feedback.backprop import Backprop
from bpfree_feedback.dfa import DFA
from bpfree_feedback.fa import FA
from bpfree_kalman.online_kalman import OnlineKalman
from bpfree_local.local_loss import LocalLoss
from bpfree_random_features.rvfl import RVFL
from numpy.random import default_rng

from sklearn_bpfree.plugin import Budget, ErrorSignalTrainer, State, Trainer, advance, product, write_gradient
from sklearn_bpfree.testing import RandomSearch, check_trainer


class BackpropAsNone(Backprop):
    """Back-propagation that says it passes nothing transposed."""

    transposes: ClassVar[str] = "none"


class BackpropAsOwnHead(Backprop):
    """Back-propagation that says it passes a layer's own readout."""

    transposes: ClassVar[str] = "own head"


class BackpropAsSigns(Backprop):
    """Back-propagation that says it passes signs."""

    transposes: ClassVar[str] = "signs"


class SignsAsNone(FA):
    """Sign-symmetric feedback that says it passes nothing transposed."""

    transposes: ClassVar[str] = "none"


class OwnHeadAsNone(LocalLoss):
    """Local losses that say they pass nothing transposed."""

    transposes: ClassVar[str] = "none"


class NoneAsAll(DFA):
    """Random feedback that says it passes the kernels."""

    transposes: ClassVar[str] = "all"


class HalfBackprop(DFA):
    """Random feedback with a share of back-propagation."""

    def signal(self, layer, above, run):
        return (super().signal(layer, above, run) + product(above, run.kernels[layer + 1].T)) / 2


class NoisyBackprop(Backprop):
    """Back-propagation hidden in noise."""

    transposes: ClassVar[str] = "none"

    def signal(self, layer, above, run):
        signal = super().signal(layer, above, run)
        return signal + 0.1 * signal.std() * run.rng.standard_normal(signal.shape, dtype=signal.dtype)


class BackpropByTheBatch(ErrorSignalTrainer):
    """Back-propagation without a signal."""

    def batch_gradient(self, run, batch, dropout=None):
        loss, delta = self.forward(run, batch, 0.0), None
        delta = run.error
        for layer in range(len(run.hidden), 0, -1):
            write_gradient(run.hidden[layer - 1], delta, run.kernel_gradients[layer], run.bias_gradients[layer])
            delta = run.chain(layer - 1, delta @ run.layers[layer][0].T)
        write_gradient(batch.X, delta, run.kernel_gradients[0], run.bias_gradients[0])
        return loss


def descend(state, problem, rng, *, mind_weights=True):
    """Plain gradient descent by back-propagation, without any of the library's help."""
    weights = state.weights.copy()
    kernels, biases = problem.network.unpack(weights)
    for batch in problem.batches(rng):
        H = [batch.X]
        for W, b in zip(kernels[:-1], biases[:-1], strict=True):
            H.append(np.maximum(H[-1] @ W + b, 0))
        Z = H[-1] @ kernels[-1] + biases[-1]
        delta, deaf = (problem.output_error(Z, b)[1] for b in (batch, batch._replace(weight=None)))
        gradients = []
        for layer in range(len(kernels) - 1, -1, -1):
            gradients.insert(0, H[layer].T @ delta)
            if layer == len(kernels) - 1 and not mind_weights:
                delta = deaf
            delta = (delta @ kernels[layer].T) * (H[layer] > 0)
        for W, g in zip(kernels, gradients, strict=True):
            W -= np.asarray(0.5, W.dtype) * g
    return advance(state, weights=weights)


class PlainBackprop(Trainer):
    """Back-propagation that shares nothing with the library but the contract."""

    def init(self, problem, rng):
        return State(problem.network.initial_weights(rng, problem.dtype))

    def budget(self, n_samples, n_features):
        return Budget(60, 32)

    def step(self, state, problem, rng):
        return descend(state, problem, rng)


class PlainDeafToWeights(PlainBackprop):
    """The same, honest about it, with hidden layers that ignore sample weights."""

    transposes: ClassVar[str] = "all"

    def step(self, state, problem, rng):
        return descend(state, problem, rng, mind_weights=False)


class DeafToWeights(DFA):
    """Hidden layers that ignore sample weights."""

    def signal(self, layer, above, run):
        weight = run.batch.weight
        return product(run.error if weight is None else run.error / weight[:, None], run.feedback[layer])


class WeighsTwice(DFA):
    """Hidden layers that count a weight of two as four rows."""

    def signal(self, layer, above, run):
        weight = run.batch.weight
        return product(run.error if weight is None else run.error * weight[:, None], run.feedback[layer])


class AlwaysTheSameDraws(RandomSearch):
    """Draws from a generator of its own."""

    def step(self, state, problem, rng):
        return super().step(state, problem, np.random.default_rng(0))


class SameDrawsByImport(RandomSearch):
    """Draws from a generator of its own in every step, made by a function that it imported before."""

    def step(self, state, problem, rng):
        return super().step(state, problem, default_rng(problem.iteration))


class SameDrawsByPhilox(RandomSearch):
    """Draws from a bit generator of its own."""

    def step(self, state, problem, rng):
        return super().step(state, problem, np.random.Generator(np.random.Philox(key=5)))


class SameFirstWeights(RandomSearch):
    """Starts from the same weights whatever the seed."""

    def init(self, problem, rng):
        return super().init(problem, np.random.default_rng(0))


class NoiseOfItsOwn(DFA):
    """Shuffles rows by the generator that it is given, and makes noise by another."""

    def signal(self, layer, above, run):
        signal = super().signal(layer, above, run)
        return signal * (1 + 0.01 * np.random.RandomState(3).standard_normal(signal.shape)).astype(signal.dtype)


class DrawsFromPython(RandomSearch):
    """Draws from Python's global generator."""

    def step(self, state, problem, rng):
        return super().step(state, problem, np.random.default_rng(random.getrandbits(32)))


class SeedsGlobally(RandomSearch):
    """Sets numpy's global seed."""

    def init(self, problem, rng):
        np.random.seed(0)  # noqa: NPY002
        return super().init(problem, rng)


class SilencesNumpy(RandomSearch):
    """Switches off numpy's warnings for everybody."""

    def init(self, problem, rng):
        np.seterr(all="ignore")
        return super().init(problem, rng)


class Prints(RandomSearch):
    """Tells how it fares."""

    def step(self, state, problem, rng):
        print("a step")
        return super().step(state, problem, rng)


class DoubleFeedback(DFA):
    """Feedback in double precision."""

    def init(self, problem, rng):
        state = super().init(problem, rng)
        return advance(state, feedback=[B.astype(np.float64) for B in state.feedback])


class DoubleSlots(DFA):
    """Moments in double precision after a step."""

    def step(self, state, problem, rng):
        state = super().step(state, problem, rng)
        return advance(state, slots=[slot.astype(np.float64) for slot in state.slots])


class DoubleSignal(DFA):
    """A signal in double precision."""

    def signal(self, layer, above, run):
        return super().signal(layer, above, run).astype(np.float64)


class DoubleOutputs(RandomSearch):
    """Outputs in double precision."""

    def outputs(self, state, network, X):
        return super().outputs(state, network, X).astype(np.float64)


class SingleWeights(DFA):
    """Weights in double precision by name only."""

    def step(self, state, problem, rng):
        state = super().step(state, problem, rng)
        return advance(state, weights=state.weights.astype(np.float32).astype(problem.dtype))


class NarrowSignal(DFA):
    """A signal for one unit only."""

    def signal(self, layer, above, run):
        return super().signal(layer, above, run)[:, :1]


class NoSignal(ErrorSignalTrainer):
    """Forgot its signal."""


class Std(OnlineKalman):
    """Standard deviations, to be spoilt."""


class StdZero(Std):
    """Never in doubt."""

    def predictive(self, state, network, X):
        mean, std = super().predictive(state, network, X)
        return mean, 0 * std


class StdTenth(Std):
    """Ten times too sure."""

    def predictive(self, state, network, X):
        mean, std = super().predictive(state, network, X)
        return mean, std / 10


class StdConstant(Std):
    """As much in doubt whatever the noise."""

    def predictive(self, state, network, X):
        mean, std = super().predictive(state, network, X)
        return mean, np.ones_like(std)


class AnotherMean(Std):
    """Two ways to predict that do not agree."""

    def predictive(self, state, network, X):
        mean, std = super().predictive(state, network, X)
        return mean + 2 * std, std


class StdPromised(DFA):
    """Offers what it does not have."""

    offers: ClassVar[tuple[str, ...]] = ("partial_fit", "return_std")


class MonotoneInWords(RVFL):
    """Solves for any weights, whatever their signs ought to be."""

    offers: ClassVar[tuple[str, ...]] = ("monotone",)


class StartsAfresh(DFA):
    """Forgets everything with every call of partial_fit."""

    def step(self, state, problem, rng):
        return super().step(self.init(problem, rng) if problem.max_iter is None else state, problem, rng)


class SolvesAfresh(RVFL):
    """Solves for the rows of the last call alone."""

    offers: ClassVar[tuple[str, ...]] = ("partial_fit",)


class ChangesItsMind(RandomSearch):
    """Wants more steps whenever it is asked."""

    asked: ClassVar[list[int]] = []

    def budget(self, n_samples, n_features):
        self.asked.append(1)
        return super().budget(n_samples, n_features)._replace(max_iter=200 + len(self.asked))


class NeverEnds(RandomSearch):
    """Wants a step per weight, row and day of the year."""

    def budget(self, n_samples, n_features):
        return super().budget(n_samples, n_features)._replace(max_iter=10**9)


class ChangesSlots(DFA):
    """Writes into the moments that it was given."""

    def step(self, state, problem, rng):
        following = super().step(state, problem, rng)
        for old, new in zip(state.slots, following.slots, strict=True):
            old[:] = new
        return following


class CentresTheBatch(DFA):
    """Predicts by what the other rows are."""

    def outputs(self, state, network, X):
        Z = super().outputs(state, network, X)
        return Z - np.float32(0.1) * Z.mean(axis=0).astype(Z.dtype)


class DriftsAlongTheRows(DFA):
    """Predicts by the place of a row."""

    def outputs(self, state, network, X):
        Z = super().outputs(state, network, X)
        return Z * np.linspace(1, 1.01, len(Z), dtype=Z.dtype)[:, None]


class GuessesAgain(DFA):
    """Predicts something else when it is asked again."""

    source: ClassVar = np.random.default_rng(0)

    def outputs(self, state, network, X):
        Z = super().outputs(state, network, X)
        return Z + 1e-3 * self.source.standard_normal(Z.shape).astype(Z.dtype)


class SaysAnotherFormula(RandomSearch):
    """Exports twice what it predicts."""

    def formula(self, state, network, X):
        return super().formula(state, network, X) * 2


class PredictsByMoments(DFA):
    """Predicts with what is there for training."""

    def outputs(self, state, network, X):
        return super().outputs(state, network, X) + state.slots[0][0]


class Secret:
    """What a state holds without a word."""


class HoldsMoreThanItNames(DFA):
    """Keeps an object of a class that safe loading does not know."""

    def finish(self, state, problem):
        return advance(state, slots=[Secret()])


class LossUpsideDown(RandomSearch):
    """Takes its loss for a score."""

    def step(self, state, problem, rng):
        state = super().step(state, problem, rng)
        return advance(state, loss=-state.loss)


class KeepsItsThreshold(RandomSearch):
    """Does not move with the decision threshold."""

    def shift_outputs(self, state, problem, shift):
        return state


FAULTS = {
    BackpropAsNone: "transposes = 'none' says that no weights are passed back transposed, but hidden layer 0",
    BackpropAsOwnHead: "transposes = 'own head' says that only a layer's own readout is",
    BackpropAsSigns: "transposes = 'signs' says that only signs of the kernels above are",
    SignsAsNone: "transposes = 'none' says",
    OwnHeadAsNone: "transposes = 'none' says that no weights are passed back transposed, but hidden layer 1",
    NoneAsAll: "transposes = 'all', but what the hidden layers learn does not change",
    HalfBackprop: "transposes = 'none' says",
    NoisyBackprop: "transposes = 'none' says",
    BackpropByTheBatch: "transposes = 'none' says",
    PlainBackprop: "what hidden layer 0 learns is that of back-propagation",
    DeafToWeights: "rows of a millionth of the others' weight change what hidden layer 0 learns",
    PlainDeafToWeights: "rows of a millionth of the others' weight change what hidden layer 0 learns in a step",
    WeighsTwice: "rows of weight two and the same rows twice differ",
    AlwaysTheSameDraws: "default_rng(0) draws the same for any",
    SameDrawsByImport: "default_rng(0) draws the same for any",
    SameDrawsByPhilox: "Philox(key=5) draws the same for any",
    SameFirstWeights: "default_rng(0) draws the same for any",
    NoiseOfItsOwn: "RandomState(3) draws the same for any",
    DrawsFromPython: "step must draw from the generator that it is given, not from a global one",
    SeedsGlobally: "init must draw from the generator that it is given, not from a global one",
    SilencesNumpy: "init must leave numpy's handling of errors as it is",
    Prints: "step must not print, but printed 'a step",
    DoubleFeedback: "state.feedback[0] after init is float64 in a fit of float32",
    DoubleSlots: "state.slots[0] after step is float64 in a fit of float32",
    DoubleSignal: "for hidden layer 1 must be float32 of shape (32, 8)",
    DoubleOutputs: "outputs must be float32 as the rows are, got float64",
    SingleWeights: "the weights are those of single precision",
    NarrowSignal: "for hidden layer 1 must be float32 of shape (32, 8), a row for each row of the batch and a",
    NoSignal: "NoSignal must define signal, or override batch_gradient",
    StdZero: "standard deviations must be positive and finite",
    StdTenth: "times what std says",
    StdConstant: "times what std says",
    AnotherMean: "the mean of predictive and what predict says differ",
    StdPromised: "StdPromised does not say how sure its predictions are",
    MonotoneInWords: "a prediction goes the wrong way by",
    StartsAfresh: "partial_fit forgets",
    SolvesAfresh: "partial_fit forgets",
    ChangesItsMind: "and, asked again,",
    NeverEnds: "asks for 1000000000 steps, more than 10000",
    ChangesSlots: "step must not change the state that it is given, but changed state.slots[0]",
    CentresTheBatch: "outputs of a row depend on the rows that it comes with",
    DriftsAlongTheRows: "outputs of a row depend on the rows that it comes with",
    GuessesAgain: "outputs gives other bits when it is repeated",
    SaysAnotherFormula: "formula says something else than outputs",
    PredictsByMoments: "predictions need a field of the state that is marked FOR_TRAINING",
    HoldsMoreThanItNames: "state.slots[0] is a Secret: name it in state_types",
    LossUpsideDown: "but by the states' loss it went from",
    KeepsItsThreshold: "shift_outputs must move the outputs of every row by the shift",
}


@pytest.mark.parametrize("trainer, fault", FAULTS.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_a_false_claim_is_found_out(trainer, fault):
    with pytest.raises(AssertionError) as raised, np.errstate():
        check_trainer(trainer)
    message = str(raised.value)
    assert fault in message and trainer.__name__ in message
    assert "\n" not in message and message.endswith(".")
