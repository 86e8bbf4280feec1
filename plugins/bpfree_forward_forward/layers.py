"""The way up of `forward_forward`: activities, and what of them the readout and the next layer see."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bpfree_forward_forward.goodness import mean_squares
from sklearn_bpfree.plugin import ACTIVATIONS, dropout_mask

EPSILON = 1e-6  # in the norm of a silent layer


class Layer(NamedTuple):
    """A hidden layer's rows: input (None for the first one), pre-activations, activities, those left by dropout."""

    below: np.ndarray | None
    z: np.ndarray
    a: np.ndarray
    seen: np.ndarray


def climb(Z, kernels, biases, activation, dropout=0.0, rng=None) -> list[Layer]:
    """All hidden layers, from the first one's pre-activations up.

    Parameters
    ----------
    Z : ndarray of shape (n, d_1)
        It may be changed.
    kernels, biases : list of ndarray
        Of the whole network.
    activation : str
    dropout : float, default=0.0
        Probability of a unit being silent for the readout and the next layer; its goodness counts nevertheless.
    rng : numpy.random.Generator, default=None
        For dropout.
    """
    f = ACTIVATIONS[activation]
    layers: list[Layer] = []
    below = None
    for W, b in zip(kernels[:-1], biases[:-1], strict=True):
        if layers:
            below = over_norm(layers[-1].seen)
            Z = below.dot(W)
            Z += b
        A = f.apply(Z)
        seen = A if not dropout else A * dropout_mask(A.shape, dropout, rng, A.dtype)
        layers.append(Layer(below, Z, A, seen))
    return layers


def over_norm(A) -> np.ndarray:
    """Each row over the root mean square of its activities, which hides the goodness."""
    return A / np.sqrt(mean_squares(A) + EPSILON).astype(A.dtype)[:, None]
