"""Prediction of `forward_forward` without its readout: by the goodness of the layers."""

from __future__ import annotations

import numpy as np
from scipy import special

from bpfree_forward_forward.goodness import mean_squares, pattern_of
from bpfree_forward_forward.layers import climb
from bpfree_forward_forward.readouts import first_blocks


def goodness_by_layer(trainer, state, network, X) -> list[np.ndarray]:
    """Goodness (n, columns) of each hidden layer; see `ForwardForward.layer_goodness`."""
    kernels, biases = network.unpack(state.weights)

    def goodness(first):
        layers = climb(first, kernels, biases, network.activation)
        if trainer.goodness != "groups":
            return [mean_squares(layer.a)[:, None] for layer in layers]
        patterns = [pattern_of(layer.a, state.kind, network.n_outputs, trainer.n_groups) for layer in layers]
        return [np.square(layer.a) @ M for layer, M in zip(layers, patterns, strict=True)]

    blocks = []
    for first in first_blocks(state, network, X):
        labels = state.feedback[-2] if trainer.labels_rows else [0]
        by_label = [goodness(first + label) for label in labels]
        blocks.append([np.hstack(parts) for parts in zip(*by_label, strict=True)])
    return [np.concatenate(parts) for parts in zip(*blocks, strict=True)]


def outputs_by_goodness(trainer, state, network, X) -> np.ndarray:
    """Raw outputs (n, K): the mean goodness over the layers, as log-odds or values."""
    goodness = [trainer.slope * G for G in goodness_by_layer(trainer, state, network, X)]
    if state.kind == "ordinal":
        return np.mean([_expected_values(G, state.feedback[-1]) for G in goodness], axis=0)
    Z = np.mean(goodness, axis=0)
    return Z[:, 1:] - Z[:, :1] if trainer.labels_rows and network.n_outputs == 1 else Z


def _expected_values(G, centres):
    """The mean of the groups' centres by their softmax."""
    K = len(centres)
    P = special.softmax(G.reshape(len(G), K, -1), axis=-1)
    return (P * centres_of_groups(centres, P.shape[-1])).sum(axis=-1)


def centres_of_groups(centres, n_groups) -> np.ndarray:
    """The centres (K, n_groups) where a narrow layer has fewer groups than the C centres (K, C)."""
    C = centres.shape[1]
    places = np.linspace(0, C - 1, n_groups)
    return np.stack([np.interp(places, np.arange(C), c) for c in centres])
