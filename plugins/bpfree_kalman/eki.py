"""Ensemble Kalman inversion: a persistent ensemble of weights, moved by a Kalman filter whose data are the targets.

With anomalies Theta_j, Y_j, residuals r_j and curvature H as in `bpfree_kalman.moments`, step size h and P members

    A = h/P Y H Y^T                                                                     (P, P), of a minibatch
    transform   mean    += Theta^T (I + A)^-1 h/P Y r,   Theta <- (I + A)^(-1/2) Theta        r of the mean output
    perturbed   theta_j += Theta^T (I + A)^-1 h/P Y (r_j + H xi_j),   H xi_j ~ N(0, H / h)
    explicit    theta_j += h/P Theta^T Y r_j,            h = step_size / (||Y r^T||_F / P + eps)

For the squared error "perturbed" is C^{theta G} (C^{GG} + Gamma / h)^-1 (y + noise - G_j) in the members' coordinates
(Kovachki and Stuart 2019; Iglesias, Law and Stuart 2013), "transform" the ensemble transform filter, and "explicit"
Kovachki and Stuart's update for any loss. The noise acts through Y H xi_j alone, which is N(0, Y H Y^T / h), so that P
numbers a member are drawn, not one a row. No update leaves the span of the anomalies: only additive inflation, dropout
and localisation do. Read `move` first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.stats import loguniform
from sklearn.utils import check_scalar

from bpfree_kalman.coefficients import damped_solve, inverse_root, noise_coordinates
from bpfree_kalman.ensemble import EnsembleState, EnsembleTrainer, draw, prior
from bpfree_kalman.localization import DampedGain
from bpfree_kalman.moments import moments, with_prior
from sklearn_bpfree.plugin import Budget, advance, check_choice

EPS = 1e-8  # of the explicit step's norm, and of the losses that a step by data misfit divides by


@dataclass(eq=False, kw_only=True)
class EKIState(EnsembleState):
    """State of `EKI`.

    Attributes
    ----------
    previous : ndarray of shape (P, n_weights) or None
        Members before the last update, with momentum.
    t : int
        Number of updates so far.
    time : float
        Sum of the steps, each times the share of the rows that it saw.
    """

    previous: np.ndarray | None = None
    t: int = 0
    time: float = 0.0


class EKI(EnsembleTrainer):
    """Ensemble Kalman inversion with the papers' persistent ensemble: weak on networks, and here for what it is.

    Parameters
    ----------
    ensemble_size : int, default=100
        Members P. Without additive inflation, dropout or localisation they move in P - 1 directions only.
    update : {"transform", "perturbed", "explicit"}, default="transform"
        Deterministic square root, perturbed observations, or an explicit Euler step.
    step_size : float or None, default=None
        h; for the explicit update in units of the norm of its coefficients. None: 1 for the explicit update; for the
        others by data misfit, max(M / (2 mean loss), sqrt(M / (2 var loss))) for M data and the members' losses.
    end_time : float or None, default=None
        Where the steps, each times the share of the rows that it saw, end: after 1 the data have been used once, as for
        a posterior. None: they go on, and the members contract to a point.
    noise : float, default=1.0
        Variance of the observations in encoded units, for the squared error. It does not matter with steps by data
        misfit and no end.
    sigma : float, default=0.3
        Standard deviation of the first members, in units of ``1 / sqrt(fan_in + 1)`` of their layer.
    inflation : float, default=0.0
        Anomalies grow by this fraction after each update.
    additive_inflation : float, default=0.1
        Standard deviation of the noise that members get after each update, in units of ``1 / sqrt(fan_in + 1)``.
    tikhonov : float, default=0.0
        Strength per row of a normal prior about the first weights, of standard deviation ``1 / sqrt(fan_in + 1)``.
    localization : float, default=0.0
        Exponent a of what the gain is damped by: `|correlation|^a` of a weight and an output. Not for
        ``update="transform"``. A gain costs K times as much as the members' outputs.
    dropout : float, default=0.0
        Probability of a weight to sit at the mean for all members, and not to be moved, in an update.
    momentum : bool, default=False
        Nesterov's: members are moved from ``theta + (1 - 3 / (t + 3)) (theta - previous)``.
    predict_with : {"mean", "ensemble"}, default="mean"
        Predict by the members' mean weights or average their predictions.

    References
    ----------
    Kovachki and Stuart (2019), "Ensemble Kalman inversion: a derivative-free technique for machine learning tasks",
    Inverse Problems 35.
    Iglesias and Yang (2021), "Adaptive regularisation for ensemble Kalman inversion", Inverse Problems 37.
    Liu, Reich and Tong (2023), "Dropout ensemble Kalman inversion for high dimensional inverse problems".
    """

    slow: ClassVar[bool] = True
    state_types: ClassVar[tuple[type, ...]] = (EKIState,)

    ensemble_size: int = 100
    update: str = "transform"
    step_size: float | None = None
    end_time: float | None = None
    noise: float = 1.0
    sigma: float = 0.3
    inflation: float = 0.0
    additive_inflation: float = 0.1
    tikhonov: float = 0.0
    localization: float = 0.0
    dropout: float = 0.0
    momentum: bool = False
    predict_with: str = "mean"

    def param_distributions(self):
        return {
            "ensemble_size": [50, 100, 200],
            "sigma": loguniform(0.1, 1),
            "additive_inflation": loguniform(0.03, 0.3),
        }

    def check_parameters(self):
        check_scalar(self.ensemble_size, "ensemble_size", int, min_val=2)
        check_choice(self, "update", ("transform", "perturbed", "explicit"))
        check_choice(self, "predict_with", ("mean", "ensemble"))
        for name in ("step_size", "end_time", "noise", "sigma"):
            if getattr(self, name) is not None:
                check_scalar(getattr(self, name), name, (int, float), min_val=0, include_boundaries="neither")
        for name in ("inflation", "additive_inflation", "tikhonov", "localization"):
            check_scalar(getattr(self, name), name, (int, float), min_val=0)
        check_scalar(self.dropout, "dropout", (int, float), min_val=0, max_val=1, include_boundaries="left")
        if self.localization and self.update == "transform":
            raise ValueError(
                f"localization={self.localization} of EKI needs a gain, which update='transform' does not have; use "
                "update='perturbed' or 'explicit'."
            )

    def budget(self, n_samples, n_features):
        """20 passes in minibatches of 256 rows, down to 10 on larger tables."""
        return Budget(max_iter=int(np.clip(20_000 // n_samples, 10, 20)), batch_size=256)

    def init(self, problem, rng):
        mean, scale = prior(problem, rng)
        members = draw(mean, problem.dtype.type(self.sigma) * scale, self.ensemble_size, rng)
        return EKIState(members.mean(axis=0), members=members, objective=problem.differentiable_loss, prior_mean=mean)

    def move(self, state: Any, problem, rng):
        """One pass over the rows: an update for each minibatch."""
        losses, shares = [], []
        for batch in problem.batches(rng):
            if self.end_time is not None and state.time > self.end_time - EPS:
                break
            shares.append(batch.X.shape[0] / problem.n_samples)
            state, loss = self._update(state, problem, batch, shares[-1], rng)
            losses.append(loss)
        return advance(state, loss=float(np.average(losses, weights=shares)) if losses else state.loss)

    def _update(self, state, problem, batch, share, rng):
        """The state after an update with one batch, and the mean loss of the mean output before it."""
        members, scale = state.members, problem.network.fan_in_scale(problem.dtype)
        if self.momentum and state.previous is not None:
            members = members + (members - state.previous) * problem.dtype.type(1 - 3 / (state.t + 3))
        mean = members.mean(axis=0)
        Theta = members - mean
        idle = Theta * (rng.random(mean.size) < self.dropout) if self.dropout else None
        if idle is not None:
            Theta -= idle
        precision = np.full(problem.network.n_outputs, self._precision(problem))
        data = sums = moments(problem, mean + Theta, batch, precision)
        if self.tikhonov:
            sums = with_prior(data, Theta / scale, (state.prior_mean - mean) / scale, self.tikhonov * data.rows)

        time_left = np.inf if self.end_time is None else (self.end_time - state.time) / share
        h = self._step_size(sums, data.rows * problem.network.n_outputs, time_left)
        W, xi = self._coefficients(sums, h, rng)
        if self.localization:
            of = problem.network, problem.differentiable_loss, mean, Theta, precision
            moved = DampedGain(*of, h, xi - W, self.localization).moved(problem, batch, data, sums)
        else:
            moved = mean + Theta + W.T.astype(problem.dtype) @ Theta
        if idle is not None:
            moved += idle
        if self.inflation:
            moved += problem.dtype.type(self.inflation) * (moved - moved.mean(axis=0))
        if self.additive_inflation:
            moved += self.additive_inflation * scale * rng.standard_normal(moved.shape, dtype=problem.dtype)
        changes = {"weights": moved.mean(axis=0), "members": moved, "t": state.t + 1, "time": state.time + share * h}
        if self.momentum:
            changes["previous"] = state.members
        return advance(state, **changes), data.mean_loss / precision[0] / data.rows

    def _precision(self, problem):
        return 1 / self.noise if problem.differentiable_loss.is_least_squares else 1.0

    def _step_size(self, sums, n_data, time_left):
        """h, for an explicit update in units of the norm of its coefficients."""
        if self.update == "explicit":
            h = (self.step_size or 1.0) / (np.linalg.norm(sums.cross) / self.ensemble_size + EPS)
        elif self.step_size is not None:
            h = self.step_size
        else:
            h = max(n_data / (2 * sums.losses.mean() + EPS), np.sqrt(n_data / (2 * sums.losses.var() + EPS)))
        return min(h, time_left)

    def _coefficients(self, sums, h, rng):
        """W (P, P), of which column j moves member j, and the noise xi in the coordinates of the anomalies."""
        P = len(sums.gram)
        if self.update == "explicit":
            W = h / P * sums.cross
            return W, W  # no implicit part
        A = h / P * sums.gram
        if self.update == "transform":
            return inverse_root(A) - np.eye(P) + damped_solve(A, h / P * sums.innovation)[:, None], np.zeros((P, P))
        xi = noise_coordinates(sums.gram, rng) / np.sqrt(h)
        return damped_solve(A, h / P * (sums.cross + sums.gram @ xi)), xi

    def outputs(self, state, network, X):
        if self.predict_with == "mean":
            return network.outputs(state.weights, X)
        return super().outputs(state, network, X)

    def formula(self, state, network, X):
        if self.predict_with == "mean":
            return network.formulas(state.weights, X)[-1]
        return super().formula(state, network, X)
