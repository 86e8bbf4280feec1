"""The readout of `forward_forward`: it sees all hidden layers of a row that carries no label in particular."""

from __future__ import annotations

import numpy as np
from sklearn.utils import gen_batches

from bpfree_forward_forward.layers import climb
from sklearn_bpfree.plugin import product, solve_readout

BLOCK_ROWS = 1000  # rows predicted at a time
PENALTIES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # what leave-one-out chooses from for the ridge


def readouts_of(kernels, feedback) -> list[np.ndarray]:
    """The readout of each hidden layer, that of the last one being the output kernel."""
    return [*feedback[: len(kernels) - 2], kernels[-1]]


def read(layers, readouts) -> np.ndarray:
    """What the readouts of all layers say together."""
    Z = 0
    for layer, R in zip(layers, readouts, strict=True):
        Z = Z + product(layer.seen, R)
    return np.asarray(Z)


def neutral(first, labels):
    """Pre-activations of rows without a label in particular; `labels` is the kernel of labels, None without any."""
    return first if labels is None else first + labels.mean(axis=0)


def first_blocks(state, network, X):
    """Pre-activations of the first layer before any label, in blocks of rows and the wider dtype."""
    kernels, biases = network.unpack(state.weights)
    dtype = np.result_type(state.weights, X.dtype)
    for rows in gen_batches(X.shape[0], BLOCK_ROWS):
        yield product(X[rows].astype(dtype, copy=False), kernels[0]) + biases[0]


def neutral_layers(state, labels, network, X):
    """The hidden layers in blocks of rows, as the readout sees them."""
    kernels, biases = network.unpack(state.weights)
    for first in first_blocks(state, network, X):
        yield climb(neutral(first, labels), kernels, biases, network.activation)


def outputs_by_readout(state, labels, network, X) -> np.ndarray:
    """Raw outputs (n, K)."""
    kernels, biases = network.unpack(state.weights)
    readouts = readouts_of(kernels, state.feedback)
    blocks = neutral_layers(state, labels, network, X)
    return np.concatenate([read(layers, readouts) for layers in blocks]) + biases[-1]


def put_ridge(state, labels, problem) -> None:
    """Put a ridge with leave-one-out in the place of the readouts, in place."""
    kernels, biases = problem.network.unpack(state.weights)
    readouts = readouts_of(kernels, state.feedback)
    blocks = neutral_layers(state, labels, problem.network, problem.X)
    H = np.concatenate([np.hstack([layer.seen for layer in layers]) for layers in blocks])
    kernel, bias, _ = solve_readout(H, problem, PENALTIES, "auto")
    for R, part in zip(readouts, np.split(kernel, np.cumsum([len(R) for R in readouts])[:-1]), strict=True):
        R[:] = part
    biases[-1][:] = bias
