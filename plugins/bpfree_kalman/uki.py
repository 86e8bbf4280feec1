"""Unscented Kalman inversion: a Gaussian over few weights, moved by 2 N + 1 sigma points until it is the posterior.

    prediction  C^ = C / (1 - tau),   L L^T = C^,   c = min(2, sqrt(N))
    points      z_0 = m,   z_j = m +- c L_j;   x_j = z_j - m,   y_j = outputs at z_j - outputs at m
    analysis    A = tau/(2 c^2) (y H y^T + x C_0^-1 x^T)                                          (2 N, 2 N)
                m <- m + x^T (I + A)^-1 tau/(2 c^2) (y r - x C_0^-1 m),   C <- x^T (I + A)^-1 x / (2 c^2)

(Huang, Schneider and Stuart 2022, where tau = 1/2, with the prior N(0, C_0) among the data as in Huang, Huang, Reich
and Stuart 2022; r and H at the mean's outputs, as in `bpfree_kalman.moments`.) In a linear network C^-1 becomes
(1 - tau) C^-1 + tau (the posterior's), so that it comes to the exact posterior. z are the deviations of the weights
from the first ones in units of the prior, if there are at most `n_directions` of them; otherwise coordinates in so many
random directions. Of a step of m, a fraction is taken if the loss is lower there. Predictions are those of
the network's linear model at m, for which the Gaussian was made. Read `move` first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from scipy import linalg
from scipy.stats import loguniform
from sklearn.utils import check_scalar

from bpfree_kalman.coefficients import damped_solve
from bpfree_kalman.ensemble import EnsembleState, EnsembleTrainer, prior
from bpfree_kalman.moments import moments, observation_noise
from sklearn_bpfree.plugin import FOR_TRAINING, Budget, advance

NEAR = 0.05  # of a member's distance from the mean, where the slope of its outputs is taken
FRACTIONS = (1.0, 0.5, 0.25, 0.1, 0.03, 0.0)  # of a step, where the loss is not a parabola


@dataclass(eq=False, kw_only=True)
class UKIState(EnsembleState):
    """State of `UKI`; its `members` have the mean and the covariance of the Gaussian.

    Attributes
    ----------
    basis : ndarray of shape (N, n_weights)
        Weights are ``prior_mean + z @ basis``.
    mean : ndarray of shape (N,)
        Of z.
    covariance : ndarray of shape (N, N)
        Of z.
    """

    basis: np.ndarray = field(metadata=FOR_TRAINING)
    mean: np.ndarray = field(metadata=FOR_TRAINING)
    covariance: np.ndarray = field(metadata=FOR_TRAINING)


class UKI(EnsembleTrainer):
    """Unscented Kalman inversion: a Gaussian posterior of few weights, or of a larger network in few directions.

    Parameters
    ----------
    n_directions : int, default=100
        N. A network with more weights moves in this many random directions only.
    prior_scale : float, default=0.5
        Standard deviation of the prior about the first weights, in units of ``1 / sqrt(fan_in + 1)`` of each layer.
    noise : float or None, default=None
        Variance of the observations in encoded units, for regression; None: estimated.
    tau : float, default=0.2
        Share of the data and of the prior that a step uses; the share that it forgets of its own covariance.

    References
    ----------
    Huang, Schneider and Stuart (2022), "Iterated Kalman methodology for inverse problems", Journal of Computational
    Physics 463.
    Huang, Huang, Reich and Stuart (2022), "Efficient derivative-free Bayesian inference for large-scale inverse
    problems", Inverse Problems 38.
    """

    offers: ClassVar[tuple[str, ...]] = ("return_std",)
    slow: ClassVar[bool] = True
    state_types: ClassVar[tuple[type, ...]] = (UKIState,)

    n_directions: int = 100
    prior_scale: float = 0.5
    noise: float | None = None
    tau: float = 0.2

    def param_distributions(self):
        return {"prior_scale": loguniform(0.3, 2), "n_directions": [50, 100, 200]}

    def check_parameters(self):
        check_scalar(self.n_directions, "n_directions", int, min_val=1)
        for name in ("prior_scale", "noise"):
            if getattr(self, name) is not None:
                check_scalar(getattr(self, name), name, (int, float), min_val=0, include_boundaries="neither")
        check_scalar(self.tau, "tau", (int, float), min_val=0, max_val=1, include_boundaries="neither")

    def budget(self, n_samples, n_features):
        """Steps on all rows, or on 5,000 of them drawn anew."""
        return Budget(max_iter=30, batch_size=5000)

    def init(self, problem, rng):
        origin, scale = prior(problem, rng)
        N = min(self.n_directions, origin.size)
        if N == origin.size:
            basis = np.diag(scale)
        else:
            basis = rng.standard_normal((N, origin.size), dtype=problem.dtype) * scale / problem.dtype.type(np.sqrt(N))
        m, C = np.zeros(N), self.prior_scale**2 * np.eye(N)
        noise = np.full(problem.network.n_outputs, self.noise or 1.0)
        return UKIState(
            origin,
            members=cubature(m, C, rng).astype(problem.dtype) @ basis + origin,
            noise=noise,
            temperature=problem.differentiable_loss.dispersion(noise, 1.0),
            objective=problem.differentiable_loss,
            prior_mean=origin,
            basis=basis,
            mean=m,
            covariance=C,
        )

    def move(self, state: Any, problem, rng):
        """One prediction and analysis, whose loss is that of the mean before it."""
        m, tau, N = state.mean, self.tau, len(state.mean)
        batch = problem.sample(rng, problem.batch_size)
        share = batch.X.shape[0] / problem.n_samples
        c = min(2.0, np.sqrt(N))
        L = linalg.cholesky(state.covariance / (1 - tau), lower=True)
        X = c * np.concatenate([L.T, -L.T])
        points = np.concatenate([m[None], m + X]).astype(problem.dtype) @ state.basis + state.prior_mean
        data = moments(problem, points, batch, 1 / (share * state.temperature), about_first=True)

        weight, C_0 = 1 / (2 * c**2), self.prior_scale**2
        A = tau * weight * (data.gram + X @ X.T / C_0)
        B = tau * weight * (data.innovation - X @ m / C_0)
        m = self._descend(m, X.T @ damped_solve(A, B), state, problem, batch, share)
        C = weight * X.T @ damped_solve(A, X)
        C = (C + C.T) / 2

        loss = data.mean_loss / data.rows * share * state.temperature[0]
        noise = observation_noise(data, (1 - tau) * weight, state.noise) if self.noise is None else state.noise
        return advance(
            state,
            weights=m.astype(problem.dtype) @ state.basis + state.prior_mean,
            members=cubature(m, C, rng).astype(problem.dtype) @ state.basis + state.prior_mean,
            noise=noise,
            temperature=problem.differentiable_loss.dispersion(noise, float(loss)),
            mean=m,
            covariance=C,
            loss=float(loss),
        )

    def _by_rows(self, function, state, network, X):
        """Members predict by the network's linear model at the mean, for which their Gaussian was made."""
        centre = state.weights
        near = np.concatenate([centre[None], centre + NEAR * (state.members - centre)]).astype(centre.dtype)

        def linear(Z):
            return function(Z[0] + (Z[1:] - Z[0]) / NEAR)

        return super()._by_rows(linear, advance(state, members=near), network, X)

    def formula(self, state: Any, network, X):
        centre = state.weights
        Z = network.formulas(centre, X)[-1]
        near = network.formulas(centre + NEAR * (state.members - centre), X)[-1]
        return state.objective.mean_output_formula(Z + (near - Z) / NEAR, len(state.members))

    def _descend(self, m, step, state, problem, batch, share):
        """The mean after the best of some fractions of a step, which is all of it in a linear network."""
        points = m + np.outer(FRACTIONS, step)
        weights = points.astype(problem.dtype) @ state.basis + state.prior_mean
        losses = moments(problem, weights, batch, 1 / (share * state.temperature)).losses
        losses = losses + 0.5 * np.square(points).sum(axis=1) / self.prior_scale**2
        return points[np.where(np.isfinite(losses), losses, np.inf).argmin()]


def cubature(m, C, rng) -> np.ndarray:
    """2 N points with exactly this mean and covariance, each as far out as a draw from the normal distribution is."""
    N = len(m)
    turn = linalg.qr(rng.standard_normal((N, N)))[0]
    steps = np.sqrt(N) * (linalg.cholesky(C, lower=True) @ turn).T
    return m + np.concatenate([steps, -steps])
