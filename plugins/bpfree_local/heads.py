"""The readout of its own, the head, that a hidden layer has while it learns: kernel A (units, K) and bias c (K,).

The head of the last hidden layer is the output layer. Those of the layers below it are the first feedback arrays:
A_0, c_0, A_1, c_1, ...
"""

from __future__ import annotations

import numpy as np

from sklearn_bpfree.plugin import Network, affine, write_gradient


def dense(rng, fan_in, fan_out) -> list[np.ndarray]:
    """Glorot-uniform kernel and zero bias of one dense layer."""
    network = Network((fan_in, fan_out))
    (W,), (b,) = network.unpack(network.initial_weights(rng, np.float64))
    return [W, b]


def draw_heads(network, rng) -> list[np.ndarray]:
    """Heads of all hidden layers but the last."""
    return [array for units in network.layer_sizes[1:-2] for array in dense(rng, units, network.n_outputs)]


def start_heads(feedback, problem) -> None:
    """Set the heads' biases in place to where the output layer's starts."""
    for layer in range(len(problem.network.layer_sizes) - 3):
        feedback[2 * layer + 1][:] = problem.initial_output()


def head_and_error(layer, run) -> tuple[np.ndarray, np.ndarray]:
    """Kernel A and output error q (b, K) of a hidden layer's head; writes the head's gradients."""
    if layer == len(run.hidden) - 1:
        return run.kernels[-1], run.error
    (A, c), gradients = (arrays[2 * layer : 2 * layer + 2] for arrays in (run.feedback, run.feedback_gradient))
    H = run.hidden[layer]
    q = run.problem.output_error(affine(H, A, c), run.batch)[1]
    write_gradient(H, q, *gradients)
    return A, q
