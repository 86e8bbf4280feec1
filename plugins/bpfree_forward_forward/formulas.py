"""Predictions of `forward_forward` as formulas of the rows; see `readouts` and `prediction`."""

from __future__ import annotations

import numpy as np

from bpfree_forward_forward.goodness import pattern_of
from bpfree_forward_forward.layers import EPSILON
from bpfree_forward_forward.prediction import centres_of_groups
from bpfree_forward_forward.readouts import neutral, readouts_of
from sklearn_bpfree.plugin import ACTIVATIONS, Formula


def formula_by_readout(state, labels, network, X) -> Formula:
    """Raw outputs (n, K) by what the readouts of all layers say together."""
    kernels, biases = network.unpack(state.weights)
    first = X @ kernels[0] + neutral(biases[0], labels)
    layers = zip(_climbed(first, kernels, biases, network), readouts_of(kernels, state.feedback), strict=True)
    read, *others = [A @ R for A, R in layers]
    return sum(others, read) + biases[-1]


def formula_by_goodness(trainer, state, network, X) -> Formula:
    """Raw outputs (n, K) by the mean goodness over the layers."""
    kernels, biases = network.unpack(state.weights)
    first, K = X @ kernels[0] + biases[0], network.n_outputs
    by_label = []
    for label in state.feedback[-2] if trainer.labels_rows else [None]:
        climbed = _climbed(first if label is None else first + label, kernels, biases, network)
        goodness = []
        for A, units in zip(climbed, network.layer_sizes[1:-1], strict=True):
            if trainer.goodness != "groups":
                goodness.append(_mean_square(A, units) * trainer.slope)
                continue
            M = pattern_of(np.empty((0, units), state.weights.dtype), state.kind, K, trainer.n_groups)
            G = (A * A) @ M * trainer.slope
            goodness.append(_expected(G, state.feedback[-1], M.shape[1] // K) if state.kind == "ordinal" else G)
        by_label.append(sum(goodness[1:], goodness[0]) / len(goodness))
    Z = Formula.concatenated(by_label)
    return Z.columns([1]) - Z.columns([0]) if trainer.labels_rows and K == 1 else Z


def _climbed(Z, kernels, biases, network) -> list[Formula]:
    """Activities of all hidden layers."""
    f, climbed = ACTIVATIONS[network.activation].formula, []
    for W, b in zip(kernels[:-1], biases, strict=False):
        if climbed:
            A = climbed[-1]
            Z = (A / Formula("Sqrt", _mean_square(A, len(W)) + EPSILON)) @ W + b
        climbed.append(f(Z))
    return climbed


def _mean_square(A, units):
    return (A * A).sum(-1, keepdims=True) / units


def _expected(G, centres, n_groups):
    """The mean of the groups' centres by their softmax."""
    return (G.reshape(0, len(centres), n_groups).softmax() * centres_of_groups(centres, n_groups)).sum(-1)
