"""Ensemble deep RVFL: every random layer sees the inputs again and has a readout of its own; the readouts are averaged.

    H_l = f([H_{l-1}, X] W_l + b_l)                        stays as drawn; H_0 = X, and the first layer sees it once
    beta_l = ridge([H_l, X], Y)                            its own penalty, by leave-one-out, as in `rvfl`
    Z = mean over l of [H_l, X] beta_l

With one hidden layer it is `rvfl`. Read `step` first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bpfree_random_features.base import RandomFeatures
from bpfree_random_features.sampling import Inputs, draw_layer, layer
from sklearn_bpfree.plugin import (
    ACTIVATIONS,
    Beside,
    Formula,
    State,
    advance,
    blocks,
    formed,
    product,
    solve_readout,
)


@dataclass(eq=False, kw_only=True)
class EdRVFLState(State):
    """State of `EdRVFL`; `weights` hold what of it fits into the network: no links from the inputs, the last readout.

    Attributes
    ----------
    layers : list of (ndarray of shape (d_{l-1} + d_0, d_l), ndarray of shape (d_l,))
        Kernel and bias of each hidden layer, the first kernel of shape (d_0, d_1).
    readouts : list of (ndarray of shape (d_l + d_0, K), ndarray of shape (K,))
        Kernel and bias of each readout.
    penalties : list of float
        The penalty of each readout.
    """

    layers: list[Any]
    readouts: list[Any]
    penalties: list[float]


class EdRVFL(RandomFeatures):
    """Ensemble deep RVFL: random layers that all see the inputs, each with a closed-form readout; their mean.

    Parameters
    ----------
    sampling, scale, readout, penalties
        As in `RVFL`.
    direct_links : bool, default=True
        Whether the readouts and all hidden layers see the inputs.

    References
    ----------
    Shi, Katuwal, Suganthan and Tanveer (2021), "Random vector functional link neural network based ensemble deep
    learning", Pattern Recognition 117.
    """

    state_types: ClassVar[tuple[type, ...]] = (EdRVFLState,)

    direct_links: bool = True

    def init(self, problem, rng):
        network, layers = problem.network, []
        weights = np.zeros(network.n_weights, problem.dtype)
        for W, b in zip(*(parts[:-1] for parts in network.unpack(weights)), strict=True):
            below = self._features(layers, network, problem.X)[-1]
            drawn, bias = draw_layer(Inputs(below, problem), rng, len(b), self.sampling, self.scale)
            layers.append((drawn.astype(problem.dtype), bias.astype(problem.dtype)))
            W[:], b[:] = layers[-1][0][: len(W)], bias
        K = network.n_outputs
        widths = [len(b) for _, b in layers] or [0]
        links = problem.X.shape[1] if self.direct_links or not layers else 0
        readouts = [(np.zeros((width + links, K), problem.dtype), np.zeros(K, problem.dtype)) for width in widths]
        return EdRVFLState(weights, layers=layers, readouts=readouts, penalties=[float("nan")] * len(readouts))

    def step(self, state, problem, rng):
        """Solve for every readout; another step would find the same ones."""
        network, readouts, penalties = problem.network, [], []
        for Phi in self._features(state.layers, network, problem.X):
            beta, bias, fit = solve_readout(Phi, problem, self.penalties, self.method(problem))
            readouts.append((beta.astype(problem.dtype), bias.astype(problem.dtype)))
            penalties.append(fit.penalty)
        problem.n_evaluations += problem.n_samples
        weights = state.weights.copy()
        kernels, biases = network.unpack(weights)
        kernels[-1][:], biases[-1][:] = readouts[-1][0][: len(kernels[-1])], readouts[-1][1]
        state = advance(state, weights=weights, readouts=readouts, penalties=penalties)
        loss = problem.output_error(self.outputs(state, network, problem.X), problem.all_rows())[0]
        return advance(state, loss=loss)

    def outputs(self, state, network, X):
        width = max(len(beta) for beta, _ in state.readouts)
        parts = (self._features(state.layers, network, X[rows]) for rows in blocks(X.shape[0], width))
        return np.concatenate([_mean_output(features, state.readouts) for features in parts])

    def formula(self, state, network, X):
        features, outputs = [], []
        for W, b in state.layers:
            H = ACTIVATIONS[network.activation].formula((features[-1] if features else X) @ W + b)
            features.append(Formula.concatenated([H, X]) if self.direct_links else H)
        for Phi, (beta, bias) in zip(features or [X], state.readouts, strict=True):
            outputs.append(Phi @ beta + bias)
        return sum(outputs[1:], outputs[0]) / len(outputs)

    def _features(self, layers, network, X):
        """What each readout sees: its layer's activations beside the inputs; the rows themselves without layers."""
        features = []
        for W, b in layers:
            H = formed(layer(features[-1] if features else X, W, b, network))
            features.append(Beside([H, X]) if self.direct_links else H)
        return features or [X]


def _mean_output(features, readouts):
    """Z, (n, K)."""
    return np.mean([product(Phi, beta) + bias for Phi, (beta, bias) in zip(features, readouts, strict=True)], axis=0)
