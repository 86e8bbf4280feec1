"""Prototypes on the hypersphere: each layer turns its rows towards the prototype of their class, by itself.

With A_{l-1} a layer's input brought to length sqrt(h), all layers for themselves:

    H_l = f(A_{l-1} W_l + b_l),   u = H_l / |H_l|,   p = P_l / |P_l|        P_l (K, h) the prototypes
    S_l = u p^T / tau + c_l                                                 cosines, as raw outputs
    Q   = dL/dS_l,   dU = Q p / tau,   dL/dH_l = (dU - u <u, dU>) / |H_l|
    dp  = Q^T u / tau,   dL/dP_l = (dp - p <p, dp>) / |P_l|

L is the estimator's loss, for classes the log-loss. Predictions are the mean of the S_l of all layers; no error comes
down. The prototypes of the last hidden layer are the output layer's kernel, W_L = P^T. An output that has had no row of
its own yet gets the mean of u over its first rows for a prototype, so that a class can turn up late in `partial_fit`.
Read `batch_gradient` first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from sklearn.utils import check_scalar

from sklearn_bpfree.plugin import (
    ACTIVATIONS,
    ErrorSignalState,
    ErrorSignalTrainer,
    Formula,
    advance,
    affine,
    blocks,
    dropout_mask,
    write_gradient,
)

SHORT = 1e-6  # rows and prototypes are taken to be at least so long, in units of sqrt(h)


@dataclass(eq=False, kw_only=True)
class PrototypesState(ErrorSignalState):
    """State of `Prototypes`.

    Attributes
    ----------
    met : ndarray of bool of shape (K,)
        Which outputs have had a row of their own.
    """

    met: np.ndarray


class Prototypes(ErrorSignalTrainer):
    """Hyperspherical forward-forward: every layer turns its rows towards the prototype of their class, by itself.

    Parameters
    ----------
    weight_decay : float or None, default=None
        None: 0.1, since lengths do not count.
    tau : float or None, default=None
        Temperature of the cosines. None: 0.1, or 0.3 for fewer than five outputs, which leave the layers more room.

    References
    ----------
    "Hyperspherical forward-forward with prototypes" (2026), arXiv 2605.00082.
    """

    transposes: ClassVar[str] = "own head"
    state_types: ClassVar[tuple[type, ...]] = (PrototypesState,)

    tau: float | None = None

    def param_distributions(self):
        return super().param_distributions() | {"tau": [0.05, 0.1, 0.2, 0.5]}

    def check_parameters(self):
        super().check_parameters()
        if self.tau is not None:
            check_scalar(self.tau, "tau", (int, float), min_val=0, include_boundaries="neither")

    def default_decay(self, n_samples, n_features):
        return 0.1

    def temperature(self, n_outputs: int) -> float:
        """tau for so many outputs."""
        if self.tau is not None:
            return self.tau
        return 0.3 if n_outputs < 5 else 0.1

    @property
    def learns_feedback(self):
        return True

    def init_feedback(self, network, rng):
        """P_l (h, K), as columns, and c_l of every hidden layer but the last."""
        K = network.n_outputs
        return [array for h in network.layer_sizes[1:-2] for array in (rng.normal(0, 1, (h, K)), np.zeros(K))]

    def init(self, problem, rng):
        state = super().init(problem, rng)
        for c in state.feedback[1::2]:
            c[:] = problem.initial_output()
        return PrototypesState(**vars(state), met=np.zeros(problem.network.n_outputs, bool))

    def step(self, state, problem, rng):
        """A pass over the rows, after classes that are new have been given their prototypes."""
        return super().step(self._meet(state, problem), problem, rng)

    def _meet(self, state, problem):
        """The state with prototypes for outputs whose first rows are among these; the first of all stay as drawn."""
        if problem.differentiable_loss.kind == "values":
            return state
        own = problem.Y > 0.5
        new = own.any(axis=0) & ~state.met
        met = state.met | new
        if not new.any() or not state.met.any():
            return advance(state, met=met)
        state = advance(state, met=met, weights=state.weights.copy(), feedback=[a.copy() for a in state.feedback])
        heads = _heads(state, problem.network)
        for k in np.flatnonzero(new):
            for H, (P, _) in zip(_climb(problem.X[own[:, k]], state, problem.network), heads, strict=True):
                P[:, k] = np.sqrt(len(P)) * _unit(H)[0].mean(axis=0)
        return state

    def batch_gradient(self, run, batch, dropout=None):
        run.batch, run.hidden, run.trace = batch, [], []
        dropout = self.dropout if dropout is None else dropout
        f, below, losses = run.activation, batch.X, []
        for layer, (W, b) in enumerate(run.layers[:-1]):
            Z = affine(below, W, b)
            A = f.apply(Z)
            mask = dropout_mask(A.shape, dropout, run.rng, A.dtype) if dropout else None
            run.trace.append((Z if f.needs_input else A, A, mask))
            run.hidden.append(A if mask is None else A * mask)
            loss, dH = self._teach(layer, run)
            losses.append(loss)
            write_gradient(below, run.chain(layer, dH), run.kernel_gradients[layer], run.bias_gradients[layer])
            below = _scaled(run.hidden[-1])
        if losses:
            return float(np.mean(losses))
        loss, E = run.problem.output_error(affine(below, *run.layers[-1]), batch)  # no hidden layers
        write_gradient(below, E, run.kernel_gradients[-1], run.bias_gradients[-1])
        return loss

    def _teach(self, layer, run):
        """Loss of a layer's cosines and its gradient by the layer's activities; writes those of the prototypes."""
        if layer == len(run.hidden) - 1 == len(run.kernels) - 2:
            (P, c), (gP, gc) = run.layers[-1], (run.kernel_gradients[-1], run.bias_gradients[-1])
        else:
            (P, c), (gP, gc) = (arrays[2 * layer : 2 * layer + 2] for arrays in (run.feedback, run.feedback_gradient))
        (u, length), (p, norm), tau = _unit(run.hidden[layer]), _unit(P, axis=0), self.temperature(len(c))
        loss, Q = run.problem.output_error(u @ p / tau + c, run.batch)
        dU, dp = Q @ p.T / tau, u.T @ Q / tau
        gP[:] = (dp - p * (p * dp).sum(axis=0)) / norm
        gc[:] = Q.sum(axis=0)
        return loss, (dU - u * (u * dU).sum(axis=1, keepdims=True)) / length

    def signal(self, layer, above, run):
        """Gradient of the layer's own loss by its activities; what is above has no say in it."""
        return self._teach(layer, run)[1]

    def outputs(self, state, network, X):
        Z = super().outputs(state, network, X)
        heads = _heads(state, network)
        for rows in blocks(*X.shape) if heads else ():
            climbed = _climb(X[rows].astype(Z.dtype, copy=False), state, network)
            S = [
                _unit(H)[0] @ _unit(P.astype(Z.dtype), axis=0)[0] / self.temperature(len(c)) + c
                for H, (P, c) in zip(climbed, heads, strict=True)
            ]
            Z[rows] = sum(S) / len(S)
        return Z

    def formula(self, state, network, X):
        heads, below, S = _heads(state, network), X, []
        if not heads:
            return super().formula(state, network, X)
        for W, b, (P, c) in zip(*network.unpack(state.weights), heads, strict=False):
            H = ACTIVATIONS[network.activation].formula(below @ W + b)
            root = float(np.sqrt(len(P)))
            u = H / Formula("Max", Formula("Sqrt", (H * H).sum(-1, keepdims=True)), SHORT * root)
            S.append(u @ (_unit(P, axis=0)[0] / self.temperature(len(c))) + c)
            below = u * root
        return sum(S[1:], S[0]) / len(S)


def _heads(state, network):
    """Prototypes (h, K) and biases (K,) of every hidden layer; views."""
    if len(network.layer_sizes) == 2:
        return []
    kernels, biases = network.unpack(state.weights)
    own = list(zip(state.feedback[::2], state.feedback[1::2], strict=True))
    return [*own, (kernels[-1], biases[-1])]


def _climb(X, state, network):
    """Activities of every hidden layer."""
    kernels, biases = network.unpack(state.weights.astype(X.dtype, copy=False))
    activities, below = [], X
    for W, b in zip(kernels[:-1], biases, strict=False):
        activities.append(ACTIVATIONS[network.activation].apply(affine(below, W, b)))
        below = _scaled(activities[-1])
    return activities


def _scaled(H):
    """Rows of length sqrt(h)."""
    return np.sqrt(np.asarray(H.shape[1], H.dtype)) * _unit(H)[0]


def _unit(H, axis=1):
    """Rows (or columns) of length 1, and the lengths that they had."""
    length = np.sqrt(np.square(H).sum(axis=axis, keepdims=True))
    length = np.maximum(length, SHORT * np.sqrt(np.asarray(H.shape[axis], H.dtype)))
    return H / length, length
