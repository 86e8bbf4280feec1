"""Residual blocks of `rfr_boost`, and the representation that they lead to. Read `represent` first."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bpfree_random_features.base import hidden_layers
from sklearn_bpfree.plugin import Beside, LowRank, formed, read


class Block(NamedTuple):
    """A residual block: x and phi to u = sum_j net(below_j, phi) + sum_j net(beside_j, x), and phi to phi + u carry.

    Attributes
    ----------
    below, beside : list of ndarray of shape (n_weights,)
        Weights of copies of the network, with the parts of B as output layers.
    carry : ndarray of shape (K, d)
        eta a C, over the number of draws.
    """

    below: list[np.ndarray]
    beside: list[np.ndarray]
    carry: np.ndarray

    def __call__(self, network, Phi, X):
        """What the block makes of each row, u (n, K)."""
        kernels, biases = zip(*(network.unpack(weights) for weights in self.below + self.beside), strict=True)
        B, bias = np.vstack([each[-1] for each in kernels]), np.add.reduce([each[-1] for each in biases])
        return read(features(network, self.below, self.beside, Phi, X), B, bias)


def features(network, below, beside, Phi, X):
    """F = [f(Phi), f(X)]."""
    return formed(Beside([hidden_layers(network, below, Phi), hidden_layers(network, beside, X)]))


def represent(blocks, network, X):
    """The representation (n, d) of some rows, which is never formed: X + U C, with U what all blocks made of them."""
    Phi = X
    for block in blocks:
        Phi = plus(Phi, block(network, Phi, X), block.carry)
    return Phi


def plus(Phi, u, carry) -> LowRank:
    """Phi + u carry."""
    if isinstance(Phi, LowRank):
        return LowRank(Phi.X, np.hstack([Phi.U, u]), np.vstack([Phi.C, carry]))
    return LowRank(Phi, u, carry)
