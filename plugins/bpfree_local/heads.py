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


def of_layer(arrays, layer, network) -> list[np.ndarray]:
    """Those of the feedback arrays that belong to one hidden layer; all layers have equally many."""
    size = len(arrays) // (len(network.layer_sizes) - 2)
    return arrays[layer * size : (layer + 1) * size]


def by_layer(arrays, network) -> list[list[np.ndarray]]:
    """The feedback arrays of each hidden layer; an empty list when there are none."""
    return [of_layer(arrays, layer, network) for layer in range(len(network.layer_sizes) - 2)] if arrays else []


def head_error(H, head, gradients, run) -> np.ndarray:
    """Output error q (b, K) of the head [A, c, ...] of a layer's activities; its own gradients are written."""
    Z = H.dot(head[0])
    Z += head[1]
    q = run.problem.output_error(Z, run.batch)[1]
    write_gradient(H, q, *gradients[:2])
    return q
