"""Base of trainers that send a teaching signal to every hidden layer and learn by minibatch gradient steps.

A method of this kind is one function, `signal`: what reaches a hidden layer in the place of the gradient by its
activations. The output layer always learns from the output error itself. Read `ErrorSignalTrainer.step` first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any, ClassVar

import numpy as np
from scipy.stats import loguniform
from sklearn.utils import check_scalar

from sklearn_bpfree.nn.arrays import add_bias, dropout_mask, shrink, write_gradient
from sklearn_bpfree.nn.network import ACTIVATIONS, Activation, Network
from sklearn_bpfree.nn.optimizers import SCHEDULES, SGD, Adam, schedule_factor
from sklearn_bpfree.plugin.problem import Batch, Problem
from sklearn_bpfree.plugin.trainer import Budget, State, Trainer, advance, check_choice

OPTIMIZERS = ("adam", "sgd")


@dataclass(eq=False)
class ErrorSignalState(State):
    """State of an `ErrorSignalTrainer`.

    Attributes
    ----------
    feedback : list of ndarray
        Feedback matrices or whatever else `init_feedback` returned.
    slots : list of ndarray
        The optimizer's moving averages.
    t : int
        Number of updates so far.
    """

    feedback: list[np.ndarray] = field(default_factory=list)
    slots: list[np.ndarray] = field(default_factory=list)
    t: int = 0


@dataclass(eq=False)
class Pass:
    """One minibatch on its way up and down the network, as `signal` sees it. Layers count from 0, the first hidden one.

    Attributes
    ----------
    kernels : list of ndarray of shape (d_l, d_{l+1})
        ``kernels[l]`` leads into layer l.
    biases : list of ndarray of shape (d_{l+1},)
    kernel_gradients, bias_gradients : list of ndarray
        Where `batch_gradient` writes.
    feedback : list of ndarray
        The state's feedback; read-only for `signal`.
    feedback_gradient : list of ndarray
        Where `signal` writes the gradient of each feedback array when `learns_feedback` is true; zero otherwise unused.
    problem : Problem
        For methods whose layers have an output error of their own: ``problem.output_error(Z, batch)``.
    source : numpy.random.Generator
        Where `rng` is spawned.
    rng : numpy.random.Generator
        For dropout and for methods that draw noise of their own; made when first asked for, which takes a hundred
        microseconds.
    batch : Batch
        The rows, targets and weights.
    hidden : list of ndarray of shape (b, d_{l+1})
        Activations of the hidden layers, as the layer above sees them.
    outputs : ndarray of shape (b, K)
        The network's raw outputs.
    error : ndarray of shape (b, K)
        The output error E, weights and 1/b included.
    trace : list of tuple
        What `chain` needs of each hidden layer: pre-activations, activations, dropout mask or None.
    layers : list of tuple
        Kernel and bias of each layer.
    activation : Activation
        Of the hidden layers.
    """

    kernels: list[np.ndarray]
    biases: list[np.ndarray]
    kernel_gradients: list[np.ndarray]
    bias_gradients: list[np.ndarray]
    feedback: list[np.ndarray]
    feedback_gradient: list[np.ndarray]
    problem: Problem
    source: np.random.Generator
    batch: Batch = field(init=False)
    hidden: list[np.ndarray] = field(init=False)
    outputs: np.ndarray = field(init=False)
    error: np.ndarray = field(init=False)
    trace: list[tuple] = field(init=False)

    def __post_init__(self):
        self.activation: Activation = ACTIVATIONS[self.problem.network.activation]
        self.layers = list(zip(self.kernels, self.biases, strict=True))

    @cached_property
    def rng(self) -> np.random.Generator:
        return self.source.spawn(1)[0]

    @cached_property
    def initial_output(self) -> np.ndarray:
        """Raw output (K,) that suits the mean target: what a network says that knows nothing of a row."""
        return self.problem.initial_output().astype(self.problem.dtype)

    def release(self) -> None:
        """Let go of the minibatch, so that the next one takes its place in the processor's cache."""
        self.batch = self.hidden = self.trace = self.outputs = self.error = None  # pyright: ignore[reportAttributeAccessIssue]

    def chain(self, layer: int, signal: np.ndarray) -> np.ndarray:
        """Multiply a signal at a layer's activations by their derivative f'(z) and dropout mask, in place."""
        Z, A, mask = self.trace[layer]
        if mask is not None:
            signal *= mask
        self.activation.chain(signal, Z, A)
        return signal

    def row_errors(self, Z: np.ndarray | None = None) -> np.ndarray:
        """Output error (b, K) of each row by itself, without weights and 1/b, at raw outputs Z; None: the network's.

        For methods in which rows have states of their own that follow the error. `share` brings weights and 1/b back.
        """
        plain = self.batch._replace(weight=None)
        return self.problem.output_error(self.outputs if Z is None else Z, plain)[1] * len(plain.Y)

    def share(self, rows: np.ndarray) -> np.ndarray:
        """What each row (b, ...) contributes to a minibatch's mean: the row times its weight and 1/b; a new array."""
        weight = self.batch.weight
        return rows / len(rows) if weight is None else rows * (weight[:, None] / len(rows))


class ErrorSignalTrainer(Trainer):
    """Base for methods that differ only in the teaching signal of the hidden layers.

    Parameters
    ----------
    learning_rate : float, default=6e-3
        Peak learning rate.
    schedule : {"linear", "cosine", "constant"}, default="linear"
        How the learning rate falls to the end of the fit, after a warm-up.
    warmup : float, default=0.05
        Fraction of the fit over which the learning rate rises from zero.
    weight_decay : float or None, default=None
        Decoupled weight decay: kernels shrink by ``learning_rate * weight_decay`` in every update; biases do not.
        None: 1, or 1.5 for a table of fewer than 1500 rows that has more than a column to 16 rows (`default_decay`);
        `partial_fit` counts as a long table.
    dropout : float, default=0.0
        Probability of a hidden unit being silent in an update.
    optimizer : {"adam", "sgd"}, default="adam"
        What makes an update of a gradient.
    momentum : float, default=0.9
        Nesterov momentum; only for ``optimizer="sgd"``.
    beta_1, beta_2 : float, default=0.9, 0.97
        Decay rates of Adam's moments; only for ``optimizer="adam"``.
    """

    learning_rate: float = 6e-3
    schedule: str = "linear"
    warmup: float = 0.05
    weight_decay: float | None = None
    dropout: float = 0.0
    optimizer: str = "adam"
    momentum: float = 0.9
    beta_1: float = 0.9
    beta_2: float = 0.97

    keeps_inputs: ClassVar[bool] = False  # whether `Pass.trace` holds pre-activations that the method needs itself

    def signal(self, layer: int, above: np.ndarray, run: Pass) -> np.ndarray:
        """Teaching signal of a hidden layer's activations, before the activation's derivative.

        Parameters
        ----------
        layer : int
            The hidden layer, from 0; called from the last down to 0.
        above : ndarray of shape (b, d_above)
            Signal at the pre-activations of the layer above (the output error E for the last hidden layer).
        run : Pass
            Kernels, feedback, activations, error and rows of this minibatch.

        Returns
        -------
        signal : ndarray of shape (b, d_layer)
            Stands in for dL/dH; a new array in the dtype of the fit, it will be changed.
        """
        raise NotImplementedError(f"{type(self).__name__} must define signal, or override batch_gradient.")

    def add_readouts(self, Z: np.ndarray, run: Pass) -> None:
        """Add to the raw outputs Z (b, K) in place what other layers than the last contribute; nothing by default."""

    def init_feedback(self, network: Network, rng: np.random.Generator) -> list[np.ndarray]:
        """Feedback arrays, if the method has any."""
        return []

    @property
    def learns_feedback(self) -> bool:
        """Whether the feedback is learned by the optimizer, from the gradients that `signal` writes."""
        return False

    def follow(self, feedback: list[np.ndarray], increments: list[np.ndarray], decay: float) -> None:
        """Change `feedback` in place after an update, given the kernels' increments and their decay factor."""

    def budget(self, n_samples: int, n_features: int) -> Budget:
        """Updates grow with the square root of the rows, from 800 for 200 rows to 4000; at least one pass.

        Batches have 64 rows below 1500 rows, 128 below 4000, and 200 from there on.
        """
        batch_size = 64 if n_samples < 1500 else 128 if n_samples < 4000 else 200
        few = np.clip(4 * n_samples, 200, 800)
        updates = few if n_samples < 1500 else np.clip(25 * np.sqrt(n_samples), 1100, 4000)
        batches = -(-n_samples // batch_size)
        return Budget(max_iter=max(1, round(updates / batches)), batch_size=batch_size)

    def default_decay(self, n_samples: float, n_features: int) -> float:
        """Weight decay where none is given: 1.5 below 1500 rows with more than a column to 16 of them, otherwise 1."""
        return 1.5 if n_samples < 1500 and 16 * n_features > n_samples else 1.0

    def param_distributions(self) -> dict[str, Any]:
        """Learning rate and weight decay on log scales, and dropout."""
        return {
            "learning_rate": loguniform(2e-3, 2e-2),
            "weight_decay": loguniform(0.03, 10),
            "dropout": [0.0, 0.1, 0.3],
        }

    def check_parameters(self) -> None:
        number = (int, float)
        check_scalar(self.learning_rate, "learning_rate", number, min_val=0, include_boundaries="neither")
        check_scalar(self.warmup, "warmup", number, min_val=0, max_val=1)
        if self.weight_decay is not None:
            check_scalar(self.weight_decay, "weight_decay", number, min_val=0)
        check_scalar(self.dropout, "dropout", number, min_val=0, max_val=1, include_boundaries="left")
        for name in ("momentum", "beta_1", "beta_2"):
            check_scalar(getattr(self, name), name, number, min_val=0, max_val=1, include_boundaries="left")
        check_choice(self, "schedule", SCHEDULES)
        check_choice(self, "optimizer", OPTIMIZERS)

    def init(self, problem: Problem, rng: np.random.Generator) -> ErrorSignalState:
        weight_rng, feedback_rng = rng.spawn(2)
        network = problem.network
        weights = network.initial_weights(weight_rng, problem.dtype)
        network.unpack(weights)[1][-1][:] = problem.initial_output()
        feedback = [B.astype(problem.dtype) for B in self.init_feedback(network, feedback_rng)]
        learned = sum(B.size for B in feedback) if self.learns_feedback else 0
        slots = self._optimizer().slots(np.zeros(weights.size + learned, problem.dtype))
        return ErrorSignalState(weights, feedback=feedback, slots=slots)

    def step(self, state: Any, problem: Problem, rng: np.random.Generator) -> ErrorSignalState:
        """One pass over the rows: forward, error, a signal for each layer, an increment; per minibatch."""
        network, optimizer = problem.network, self._optimizer()
        parameters = _flat([state.weights, *(state.feedback if self.learns_feedback else [])])
        slots = [slot.copy() for slot in state.slots]
        gradient = np.empty_like(parameters)
        weights, flat_kernels = parameters[: network.n_weights], parameters[: network.n_kernel]
        if self.learns_feedback:
            feedback = _views(parameters[network.n_weights :], state.feedback)
        else:
            feedback = [B.copy() for B in state.feedback]
        feedback_gradient = _views(gradient[network.n_weights :], state.feedback if self.learns_feedback else [])

        [data_rng] = rng.spawn(1)
        total, t = 0.0, state.t
        gradients = network.unpack(gradient[: network.n_weights])
        run = Pass(*network.unpack(weights), *gradients, feedback, feedback_gradient, problem, rng)
        progress = map(problem.progress, range(problem.n_batches))
        weight_decay = self.weight_decay
        if weight_decay is None:
            n_samples = np.inf if problem.max_iter is None else problem.n_samples  # `partial_fit` has no end
            weight_decay = self.default_decay(n_samples, network.layer_sizes[0])
        peak = self.learning_rate / self.updates_per_batch
        rates = iter([peak * schedule_factor(self.schedule, self.warmup, done) for done in progress])
        for batch in problem.batches(data_rng):
            rate = next(rates)
            decay = 1 - rate * weight_decay
            for loss in self.updates(run, batch):
                t += 1
                increment = optimizer.increment(gradient, slots, t, rate)
                if weight_decay:
                    shrink(flat_kernels, decay)
                parameters += increment
                self.follow(feedback, run.kernel_gradients, decay)
                total += loss * len(batch.Y) / self.updates_per_batch
            del batch
            run.release()
        return advance(
            state,
            weights=weights.copy() if self.learns_feedback else weights,
            loss=total / problem.n_samples,
            feedback=[B.copy() for B in feedback] if self.learns_feedback else feedback,
            slots=slots,
            t=t,
        )

    def gradient(self, state: Any, problem: Problem, batch: Batch) -> list[np.ndarray] | None:
        """Each layer's input times its signal, without dropout."""
        scratch = [np.zeros_like(B) for B in state.feedback]
        gradients = problem.network.unpack(np.empty_like(state.weights))
        rng = np.random.default_rng(state.t)
        run = Pass(*problem.network.unpack(state.weights), *gradients, state.feedback, scratch, problem, rng)
        run.rng = rng
        self.batch_gradient(run, batch, dropout=0.0)
        return run.kernel_gradients

    @property
    def updates_per_batch(self) -> int:
        """In how many updates a minibatch is learned, which share its learning rate."""
        return 1

    def updates(self, run: Pass, batch: Batch) -> Iterator[float]:
        """Write the gradients of a minibatch into `run` and yield its mean loss, once for each update that is due.

        Override it, with `updates_per_batch`, for methods that learn several times while they work on a minibatch.
        """
        yield self.batch_gradient(run, batch)

    def batch_gradient(self, run: Pass, batch: Batch, dropout: float | None = None) -> float:
        """Write what a minibatch says into the gradients of `run`: each layer's input times its signal.

        Override it for methods that learn in another way than by a signal at each layer; `step` does the rest.

        Parameters
        ----------
        run : Pass
        batch : Batch
        dropout : float, default=None
            None: the trainer's own.

        Returns
        -------
        loss : float
            Mean loss of the batch.
        """
        loss = self.forward(run, batch, self.dropout if dropout is None else dropout)
        delta = run.error
        for layer in range(len(run.hidden), 0, -1):
            write_gradient(run.hidden[layer - 1], delta, run.kernel_gradients[layer], run.bias_gradients[layer])
            signal = self.signal(layer - 1, delta, run)
            H = run.hidden[layer - 1]
            if np.shape(signal) != H.shape or signal.dtype != H.dtype:
                raise ValueError(self._wrong_signal(signal, layer - 1, H))
            delta = run.chain(layer - 1, signal)
        write_gradient(batch.X, delta, run.kernel_gradients[0], run.bias_gradients[0])
        return loss

    def _wrong_signal(self, signal, layer, H):
        got = f"{signal.dtype} of shape {signal.shape}" if isinstance(signal, np.ndarray) else repr(signal)
        return (
            f"signal of {type(self).__name__} for hidden layer {layer} must be {H.dtype} of shape {H.shape}, a row for "
            f"each row of the batch and a column for each unit, got {got}."
        )

    def forward(self, run: Pass, batch: Batch, dropout: float) -> float:
        """Send a minibatch up the network, with everything kept in `run`; returns its mean loss."""
        f, H = run.activation, batch.X
        run.batch, run.hidden, run.trace = batch, [], []
        *hidden_layers, (V, c) = run.layers
        for W, b in hidden_layers:
            Z = H.dot(W)  # which numpy starts in a third of the time that @ needs
            add_bias(Z, b)
            A = f.apply(Z.copy() if self.keeps_inputs else Z)
            mask = None
            H = A
            if dropout:
                mask = dropout_mask(A.shape, dropout, run.rng, A.dtype)
                H = A * mask
            run.trace.append((Z if f.needs_input or self.keeps_inputs else A, A, mask))
            run.hidden.append(H)
        Z = H.dot(V)
        add_bias(Z, c)
        self.add_readouts(Z, run)
        run.outputs = Z
        loss, run.error = run.problem.output_error(Z, run.batch)
        return loss

    def _optimizer(self):
        return Adam(self.beta_1, self.beta_2) if self.optimizer == "adam" else SGD(self.momentum)


def _flat(arrays):
    """One new vector of all entries."""
    return np.concatenate([a.ravel() for a in arrays])


def _views(vector, like):
    """Views of a vector in the shapes of some arrays."""
    ends = accumulate([a.size for a in like], initial=0)
    return [vector[i:j].reshape(a.shape) for (i, j), a in zip(pairwise(ends), like, strict=True)]
