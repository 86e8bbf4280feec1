"""Ensemble Kalman filter with a redrawn ensemble: Gauss-Newton in the span of random directions, without a gradient.

Around the centre theta, in every step, with P fresh directions E_j of a hidden unit each:

    G_j   = (f(theta + eps E_j) - f(theta)) / eps        differences of the outputs at a fixed readout
    A     = mean G H G^T,   g = -mean G e                e the output error, H the loss's curvature by the outputs
    w     = (A + (alpha tr A / P + rho) I)^-1 g          Kalman update in the ensemble's coordinates, damping alpha
    theta = theta + sum_j w_j E_j                        then the readout anew, in closed form

Of two dampings the one with the lower loss on rows of the step is taken, if the training loss is lower than at theta
(`candidates.py`). Layers above the first (relu, tanh) start by passing its units on, and move less. Held-out rows say
when to stop: the last weights are kept that are not clearly worse by them than the best, with a readout of all rows.
Read `step` first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from scipy.linalg import lapack
from scipy.stats import loguniform
from sklearn.utils import check_scalar

from bpfree_kalman.candidates import DAMPING_RANGE, FIRST_STEPS, STEPS, Candidate, Start, accept, readout_of, tried
from bpfree_kalman.clipping import clipped, limits
from bpfree_kalman.directions import UnitDirections, input_root, spread
from bpfree_kalman.held_out import held_out
from bpfree_kalman.moderation import moderated
from bpfree_kalman.noise import NoiseModel
from bpfree_kalman.observation import observe
from bpfree_kalman.readout import Readout, features, quadratic
from sklearn_bpfree.plugin import (
    FOR_TRAINING,
    Budget,
    Formula,
    Loss,
    Network,
    State,
    Trainer,
    advance,
    draw_key,
)

DAMPINGS = (0.4, 1.6)  # tried in every step, in units of the last one
PASSING = ("relu", "tanh")  # activations through which a unit is passed on to the layer above
JUDGING_ROWS = 20  # for each weight of the readout: so many rows of a step are enough to judge its dampings by


@dataclass(eq=False, kw_only=True)
class EnKFState(State):
    """State of `EnKF`; its `weights` have a readout of all rows, its `loss` is that of the centre on held-out rows.

    Attributes
    ----------
    centre : ndarray of shape (n_weights,)
        Where the next ensemble is drawn, with a readout of the training rows.
    damping : float
    ridge : float
    held : ndarray of int
        Numbers of the held-out rows.
    roots : tuple of ndarray of shape (d_0, d_0) or (d_0,)
        Square roots of the covariances of the first layer's directions.
    train_loss : float
        Training loss of `centre`.
    best_losses : ndarray of shape (n_held,), or None
        Every held-out row's loss where their mean was lowest so far.
    low, high : ndarray of shape (d_0,)
        What rows to predict are clipped to.
    objective : Loss or None
        By whose link outputs become values.
    noise : NoiseModel or None
        For values, when the fit has ended: what `predictive` says, beside the mean.
    covariance : ndarray of shape (h + 1, h + 1), or None
        For classes: how far the readout is open, over which `outputs` averages.
    """

    centre: np.ndarray = field(metadata=FOR_TRAINING)
    damping: float
    ridge: float
    held: np.ndarray = field(metadata=FOR_TRAINING)
    roots: tuple[np.ndarray, ...] = field(metadata=FOR_TRAINING)
    train_loss: float = float("inf")
    best_losses: np.ndarray | None = field(default=None, metadata=FOR_TRAINING)
    low: np.ndarray
    high: np.ndarray
    objective: Loss
    noise: NoiseModel | None = None
    covariance: np.ndarray | None = None


class EnKF(Trainer):
    """Ensemble Kalman filter whose ensemble is drawn anew in every step, with a readout in closed form.

    Parameters
    ----------
    ensemble_size : int, default=None
        Directions of a step, P; None: a 24th of the rows, between 128 and 400.
    ridge : float, default=10.0
        First penalty on the readout, in units of a row's weight times the mean square of the hidden activations; the
        held-out rows may raise it.
    damping : float, default=10.0
        First damping alpha, in units of the mean eigenvalue of A; every step changes it.
    decay : float, default=1e-3
        Weight of the prior on the hidden layers, rho.
    precondition : float, default=0.25
        The first layer starts with weights of covariance ``C^(-2 precondition)``, C that of the features; so has every
        second of its directions, the others have the same spread in all of them.
    hold_out : float, default=None
        Fraction of the rows that say when to stop; None: 0.1 for classes, 0.15 for values, whose noise they measure.

    References
    ----------
    Haber, Lucka and Ruthotto (2018), "Never look back: a modified EnKF method and its application to the training of
    neural networks without back propagation", arXiv:1805.08034.
    Kovachki and Stuart (2019), "Ensemble Kalman inversion: a derivative-free technique for machine learning tasks",
    Inverse Problems 35.
    """

    offers: ClassVar[tuple[str, ...]] = ("return_std",)
    state_types: ClassVar[tuple[type, ...]] = (EnKFState, NoiseModel)

    ensemble_size: int | None = None
    ridge: float = 10.0
    damping: float = 10.0
    decay: float = 1e-3
    precondition: float = 0.25
    hold_out: float | None = None

    def param_distributions(self):
        return {"ridge": loguniform(1, 100), "decay": loguniform(1e-4, 1e-2), "precondition": [0.0, 0.25]}

    def check_parameters(self):
        if self.ensemble_size is not None:
            check_scalar(self.ensemble_size, "ensemble_size", int, min_val=1)
        check_scalar(self.ridge, "ridge", (int, float), min_val=0, include_boundaries="neither")
        check_scalar(self.damping, "damping", (int, float), min_val=0, include_boundaries="neither")
        check_scalar(self.decay, "decay", (int, float), min_val=0)
        check_scalar(self.precondition, "precondition", (int, float), min_val=0, max_val=0.5)
        if self.hold_out is not None:
            check_scalar(self.hold_out, "hold_out", (int, float), min_val=0, max_val=0.5)

    def budget(self, n_samples, n_features):
        """A step for every 4 rows, 15 to 60; 100 from 4000 rows on. They end when held-out rows see no gain."""
        max_iter = 100 if n_samples >= 4000 else int(np.clip(n_samples // 4, 15, 60))
        return Budget(max_iter=max_iter, batch_size=4096, tol=3e-4)

    def init(self, problem, rng) -> State:
        """Random hidden layers and their best readout, which is the control of this method."""
        key = draw_key(rng)
        network, dtype = problem.network, problem.dtype
        roots = tuple(input_root(problem.X, problem.sample_weight, power) for power in (self.precondition, 0))
        weights = np.zeros(network.n_weights, dtype)
        kernels, biases = network.unpack(weights)
        for i, (W, b) in enumerate(zip(kernels[:-1], biases[:-1], strict=True)):
            if i and network.activation in PASSING:
                units = np.arange(W.shape[1])
                W[units % len(W), units] = 1
                continue  # layers above the first pass its units on, until they are moved
            draws = rng.standard_normal(W.shape, dtype=dtype)
            W[:] = spread(roots[0], draws) if i == 0 else draws * np.sqrt(2 / len(W), dtype=dtype)
            b[:] = rng.standard_normal(b.shape, dtype=dtype) / np.sqrt(len(W), dtype=dtype)
        biases[-1][:] = problem.initial_output()
        held = held_out(problem, key, self.hold_out)
        low, high = limits(problem.X)
        state = EnKFState(
            weights,
            centre=weights,
            damping=self.damping,
            ridge=self.ridge,
            held=held,
            roots=roots,
            low=low,
            high=high,
            objective=problem.differentiable_loss,
        )
        return accept(state, problem, self._candidate(state, problem, weights, FIRST_STEPS))

    def step(self, state: Any, problem, rng) -> State:
        """Draw directions, observe them, solve for two dampings, keep the best."""
        if len(problem.network.layer_sizes) == 2:
            return advance(state)  # no hidden layer: the readout is all there is
        network = problem.network
        rows = np.delete(np.arange(problem.n_samples), state.held)
        takes_all = len(rows) <= problem.batch_size
        if not takes_all:
            rows = np.sort(rng.choice(rows, problem.batch_size, replace=False))
        key = draw_key(rng)
        size = self.ensemble_size or int(np.clip(problem.n_samples // 24, 128, 400))
        directions = UnitDirections(network, state.centre, key, size, state.roots)
        A, g = observe(directions, problem, rows)
        dampings = np.clip(state.damping * np.array(DAMPINGS), *DAMPING_RANGE)
        weights = [state.centre + directions.combine(self._solve(A, g, alpha)) for alpha in dampings]
        start = self._start(state, network)
        on = None if takes_all else rows[:: max(len(rows) // (JUDGING_ROWS * start.V.size), 1)]
        judged = problem.map(tried, len(weights), weights, on, start)
        problem.n_evaluations += len(weights) * len(rows if on is None else on)
        best = int(np.argmin([loss for loss, _ in judged]))
        candidate = judged[best][1] or self._candidate(state, problem, weights[best], STEPS)
        return accept(state, problem, candidate, float(dampings[best]))

    def _solve(self, A, g, alpha):
        """w of a damping; not a number when rounding has the better of A."""
        M = A.copy()
        M[np.diag_indices(len(A))] += alpha * np.trace(A) / len(A) + self.decay
        return lapack.dposv(M.T, g, overwrite_a=True)[1]  # M is symmetric; M itself would be copied

    def _start(self, state, network) -> Start:
        return Start(state.held, readout_of(network, state.centre), state.ridge)

    def _candidate(self, state, problem, weights, n_steps) -> Candidate:
        """Hidden layers with a readout by all rows."""
        problem.n_evaluations += problem.n_samples
        return Candidate.fit(weights, problem, None, self._start(state, problem.network), n_steps)

    def outputs(self, state: Any, network: Network, X):
        """Of the network; for classes damped by the readout's variance, as a mean over what it may be (MacKay 1992)."""
        X = clipped(X, state.low, state.high)
        Z = network.outputs(state.weights, X)
        if state.covariance is None:
            return Z
        return moderated(Z, quadratic(features(network, state.weights, X), state.covariance.astype(Z.dtype)))

    def formula(self, state: Any, network: Network, X):
        X = X.clip(state.low, state.high)
        *hidden, Z = network.formulas(state.weights, X)
        if state.covariance is None:
            return Z
        F = [X, *hidden][-1]
        (C, c), c0 = np.split(state.covariance[:-1], [-1], axis=1), state.covariance[-1, -1]
        variance = ((F @ C) * F).sum(-1, keepdims=True) + F @ (2 * c) + c0
        return Z / Formula("Sqrt", 1 + np.pi / 8 * variance)

    def predictive(self, state: Any, network: Network, X):
        """Mean and standard deviation; see `NoiseModel`."""
        Z = self.outputs(state, network, X)
        F = features(network, state.weights.astype(np.float64), clipped(X, state.low, state.high))
        return state.objective.link(Z), np.sqrt(state.noise.variance(F)).astype(Z.dtype)

    def finish(self, state: Any, problem):
        """For values, with the noise of an observation."""
        network, objective = problem.network, problem.differentiable_loss
        if objective.is_classification:
            return state
        F = features(network, state.weights, problem.X)
        readout = Readout(F, problem.Y, problem.sample_weight, state.held, objective, state.ridge)
        V = readout_of(network, state.weights)
        return advance(state, noise=NoiseModel.fit(readout, readout.solve("train", V, STEPS), V))
