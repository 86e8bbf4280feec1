"""The readout of its own, the head, that a hidden layer has while it learns: kernel A (units, K) and bias c (K,)."""

from __future__ import annotations

import numpy as np

from sklearn_bpfree.error_signal import write_gradient
from sklearn_bpfree.network import Network


def dense(rng, fan_in, fan_out) -> list[np.ndarray]:
    """Glorot-uniform kernel and zero bias of one dense layer."""
    network = Network((fan_in, fan_out))
    (W,), (b,) = network.unpack(network.initial_weights(rng, np.float64))
    return [W, b]


def by_layer(arrays, network) -> list[list[np.ndarray]]:
    """The list of all feedback arrays, cut into one list per hidden layer."""
    size = len(arrays) // max(len(network.layer_sizes) - 2, 1)
    return [arrays[i : i + size] for i in range(0, len(arrays), size)] if size else []


def head_error(layer, run) -> np.ndarray:
    """Output error q (b, K) of a layer's head; the head's own gradients are written into `run`."""
    H, network = run.hidden[layer], run.problem.network
    A, c = by_layer(run.feedback, network)[layer][:2]
    gA, gc = by_layer(run.feedback_gradient, network)[layer][:2]
    q = run.problem.output_error(H.dot(A) + c, run.batch)[1]
    write_gradient(H, q, gA, gc)
    return q
