"""Ensemble Kalman filter with a redrawn ensemble: Gauss-Newton in the span of random directions, without a gradient.

Around the centre theta, in every step, with P fresh directions E_j of a hidden unit each:

    G_j   = (f(theta + eps E_j) - f(theta)) / eps        differences of the outputs at a fixed readout
    A     = mean G H G^T,   g = -mean G e                e the output error, H the loss's curvature by the outputs
    w     = (A + (alpha tr A / P + rho) I)^-1 g          Kalman update in the ensemble's coordinates, damping alpha
    theta = theta + sum_j w_j E_j                        then the readout anew, in closed form

Three dampings are tried, and the one with the least training loss is taken, if it improves on theta. Held-out rows say
when to stop; the readout of the best weights is then solved on all rows. Read `step` first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from scipy import linalg
from sklearn.utils import check_scalar

from bpfree_kalman.readout import Readout, features
from sklearn_bpfree import Budget, State, Trainer, advance
from sklearn_bpfree.directions import UnitDirections, input_root, spread
from sklearn_bpfree.network import Network
from sklearn_bpfree.objectives import Metric, ObjectiveError
from sklearn_bpfree.observation import observe

DAMPINGS = (0.3, 1.0, 3.0)  # tried in every step, in units of the last one
DAMPING_RANGE = (1e-4, 1e4)
MIN_HELD_OUT = 3
FIRST_STEPS, STEPS = 12, 4  # of the readout towards its minimum, at first and in every step


@dataclass(eq=False)
class EnKFState(State):
    """State of `EnKF`; its `weights` are the best so far, with a readout of all rows, its `loss` that of held-out rows.

    Attributes
    ----------
    centre : ndarray of shape (n_weights,)
        Where the next ensemble is drawn, with a readout of the training rows.
    damping : float
    key : tuple of two int
        Says which rows are held out.
    root : ndarray of shape (d_0, d_0) or (d_0,)
        Square root of the covariance of the first layer's directions.
    train_loss : float
        Training loss of `centre`.
    best_loss : float
        Held-out loss of `weights`.
    covariance : ndarray of shape (h + 1, h + 1)
        Of the readout, in units of the noise.
    noise : ndarray of shape (K,)
        Variance of an observation.
    """

    centre: np.ndarray = field(default_factory=lambda: np.empty(0))
    damping: float = 1.0
    key: tuple[int, int] = (0, 0)
    root: np.ndarray = field(default_factory=lambda: np.empty(0))
    train_loss: float = float("inf")
    best_loss: float = float("inf")
    covariance: np.ndarray = field(default_factory=lambda: np.empty(0))
    noise: np.ndarray = field(default_factory=lambda: np.empty(0))


class EnKF(Trainer):
    """Ensemble Kalman filter whose ensemble is drawn anew in every step, with a readout in closed form.

    Parameters
    ----------
    ensemble_size : int, default=128
        Directions of a step, P.
    ridge : float, default=10.0
        Penalty on the readout, in units of a row's weight times the mean square of the hidden activations.
    decay : float, default=1e-4
        Weight of the prior on the hidden layers, rho.
    precondition : float, default=0.25
        The first layer's directions have covariance ``C^(-2 precondition)``, C that of the features.
    hold_out : float, default=0.15
        Fraction of the rows that say when to stop and how large the noise is.

    References
    ----------
    Haber, Lucka and Ruthotto (2018), "Never look back: a modified EnKF method and its application to the training of
    neural networks without back propagation", arXiv:1805.08034.
    Kovachki and Stuart (2019), "Ensemble Kalman inversion: a derivative-free technique for machine learning tasks",
    Inverse Problems 35.
    """

    offers: ClassVar[tuple[str, ...]] = ("return_std",)

    ensemble_size: int = 128
    ridge: float = 10.0
    decay: float = 1e-4
    precondition: float = 0.25
    hold_out: float = 0.15

    def check_parameters(self):
        check_scalar(self.ensemble_size, "ensemble_size", int, min_val=1)
        check_scalar(self.ridge, "ridge", (int, float), min_val=0, include_boundaries="neither")
        check_scalar(self.decay, "decay", (int, float), min_val=0)
        check_scalar(self.precondition, "precondition", (int, float), min_val=0, max_val=0.5)
        check_scalar(self.hold_out, "hold_out", (int, float), min_val=0, max_val=0.5)

    def budget(self, n_samples, n_features):
        """Up to 60 steps, each of which observes 4096 rows; ends when held-out rows see no gain."""
        return Budget(max_iter=60, batch_size=4096, tol=3e-5)

    def init(self, problem, rng) -> State:
        """Random hidden layers and their best readout, which is the control of this method."""
        if isinstance(problem.objective, Metric):
            raise ObjectiveError(f"the metric {problem.objective.name!r} has no output error")
        key = rng.integers(2**64, size=2, dtype=np.uint64)
        network, dtype = problem.network, problem.dtype
        root = input_root(problem.X, problem.sample_weight, self.precondition)
        weights = np.zeros(network.n_weights, dtype)
        kernels, biases = network.unpack(weights)
        for i, (W, b) in enumerate(zip(kernels[:-1], biases[:-1], strict=True)):
            draws = rng.standard_normal(W.shape, dtype=dtype)
            W[:] = spread(root, draws) if i == 0 else draws * np.sqrt(2 / len(W), dtype=dtype)
            b[:] = 0.3 * rng.standard_normal(b.shape, dtype=dtype)
        biases[-1][:] = problem.initial_output()
        state = EnKFState(weights, centre=weights, key=(int(key[0]), int(key[1])), root=root)
        V, train_loss, held_loss = judge(0, [weights], FIRST_STEPS, *self._given(state, problem))
        return self._accept(state, problem, weights, V, train_loss, held_loss)

    def step(self, state: Any, problem, rng) -> State:
        """Draw directions, observe them, solve for three dampings, keep the best."""
        network = problem.network
        if len(network.layer_sizes) == 2:
            return advance(state)  # no hidden layer: the readout is all there is
        held = held_out(problem, state.key, self.hold_out)
        rows = np.setdiff1d(np.arange(problem.n_samples), held, assume_unique=True)
        if len(rows) > problem.batch_size:
            rows = np.sort(rng.choice(rows, problem.batch_size, replace=False))
        key = rng.integers(2**64, size=2, dtype=np.uint64)
        directions = UnitDirections(network, state.centre, (int(key[0]), int(key[1])), self.ensemble_size, state.root)
        A, g = observe(directions, problem, rows if len(rows) < problem.n_samples else None)
        dampings = np.clip(state.damping * np.array(DAMPINGS), *DAMPING_RANGE)
        unit = np.trace(A) / len(A)
        candidates = []
        for damping in dampings:
            M = A + (damping * unit + self.decay) * np.eye(len(A))
            candidates.append(state.centre + directions.combine(linalg.solve(M, g, assume_a="pos")))
        given = self._given(state, problem)
        judged = problem.workers.map(judge, len(candidates), candidates, STEPS, *given)
        problem.n_evaluations += len(candidates) * problem.n_samples
        best = int(np.argmin([train for _, train, _ in judged]))
        V, train_loss, held_loss = judged[best]
        if not train_loss < state.train_loss:
            return advance(state, damping=float(min(10 * state.damping, DAMPING_RANGE[1])))
        moved = advance(state, damping=float(dampings[best]))
        return self._accept(moved, problem, candidates[best], V, train_loss, held_loss)

    def outputs(self, state: Any, network: Network, X):
        return network.outputs(state.weights, X)

    def predictive(self, state: Any, network: Network, X):
        F = features(network, state.weights.astype(np.float64), X)
        leverage = np.einsum("nh,nh->n", F @ state.covariance, F)
        mean = network.outputs(state.weights, X)
        return mean, np.sqrt((1 + leverage[:, None]) * state.noise)

    def _given(self, state, problem):
        """What `judge` needs to know beside the candidates."""
        held = held_out(problem, state.key, self.hold_out)
        table = (problem.X, problem.Y, problem.sample_weight, held)
        return problem.network, _readout(problem.network, state.centre), problem.objective, *table, self.ridge

    def _accept(self, state, problem, weights, V, train_loss, held_loss):
        """The state with a new centre, which becomes the best if held-out rows say so."""
        centre = _with_readout(problem.network, weights, V)
        state = advance(state, centre=centre, train_loss=train_loss, loss=held_loss)
        if not held_loss < state.best_loss:
            return state
        network, _, objective, X, Y, weight, held, ridge = self._given(state, problem)
        readout = Readout(features(network, weights, X), Y, weight, held, objective, ridge)
        final = readout.solve("all", V, STEPS)
        covariance = linalg.cho_solve(readout.factor("train"), np.eye(len(V)))
        rows = held if len(held) else np.arange(len(Y))
        F = readout.F[rows].astype(np.float64)
        leverage = np.einsum("nh,nh->n", F @ covariance, F)
        residual = Y[rows] - objective.link(readout.F[rows] @ V.astype(centre.dtype))
        noise = np.average(
            residual**2 / (1 + leverage[:, None]), axis=0, weights=None if weight is None else weight[rows]
        )
        return advance(
            state,
            weights=_with_readout(network, weights, final),
            best_loss=held_loss,
            covariance=linalg.cho_solve(readout.factor("all"), np.eye(len(V))),
            noise=np.maximum(noise, np.finfo(np.float32).eps),
        )


def held_out(problem, key, fraction) -> np.ndarray:
    """Numbers of the held-out rows, ascending: a systematic sample of the rows ordered by their targets."""
    n = problem.n_samples
    n_held = int(fraction * n)
    if n_held < MIN_HELD_OUT:
        return np.empty(0, int)
    rng = np.random.Generator(np.random.Philox(key=key))
    code = problem.Y @ np.arange(1, problem.Y.shape[1] + 1)
    order = np.lexsort((rng.permutation(n), code))
    return np.sort(order[((np.arange(n_held) + rng.random()) * (n / n_held)).astype(int)])


def judge(block, candidates, n_steps, network, V, objective, X, Y, weight, held, ridge):
    """Readout, training loss and held-out loss of a candidate's hidden layers."""
    readout = Readout(features(network, candidates[block], X), Y, weight, held, objective, ridge)
    V = readout.solve("train", V, n_steps)
    return V, *readout.mean_losses(V)


def _readout(network, weights):
    """Kernel and bias of the output layer as one matrix (h + 1, K)."""
    kernels, biases = network.unpack(weights)
    return np.vstack([kernels[-1], biases[-1]]).astype(np.float64)


def _with_readout(network, weights, V):
    """The weights with another output layer."""
    weights = weights.copy()
    kernels, biases = network.unpack(weights)
    kernels[-1][:], biases[-1][:] = V[:-1], V[-1]
    return weights
