"""One minibatch on its way up and down the network, as a trainer of teaching signals sees it. Read `Pass` first."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from sklearn_bpfree.nn.activations import ACTIVATIONS, Activation
from sklearn_bpfree.plugin.batches import Batch
from sklearn_bpfree.plugin.problem import Problem


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
    lowest : ndarray of shape (b, d_1)
        Signal at the pre-activations of the first layer, once the minibatch has come down.
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
    lowest: np.ndarray = field(init=False)
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
        self.batch = self.hidden = self.trace = self.outputs = self.error = self.lowest = None  # pyright: ignore

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
