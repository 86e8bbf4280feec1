"""Ensemble Kalman sampler: interacting Langevin dynamics whose members come to sample the posterior of the weights.

With Theta_j, Y_j, residuals r_j and curvature H as in `bpfree_kalman.moments`, C = Theta^T Theta / P, the prior
N(m_0, C_0) and d the number of weights, or P - 1 if that is less, every member follows

    d theta_j = [Theta^T Y r_j / P - C C_0^-1 (theta_j - m_0) + (d + 1)/P (theta_j - mean)] dt + sqrt(2 C) dB_j

(Garbuno-Inigo, Hoffmann, Li and Stuart 2020; the third term makes a finite ensemble exact if the network is linear:
Garbuno-Inigo, Nuesken and Reich 2020). A step stays in the span of the anomalies, theta_j + Theta^T w_j, with

    F = [Y r^T + Theta C_0^-1 (m_0 - theta)^T + (d + 1) I] / P,     L = [Y H Y^T + Theta C_0^-1 Theta^T] / P
    trapezoid   (I + h/2 L) w = h F + sqrt(2 h/P) xi
    split       (I + h L_0) v = h F,   w = v + sqrt(2 h/P) xi,      L_0 = L without the data

"split" is the first paper's scheme, implicit in the prior. The trapezoidal rule is implicit in the data too, and leaves
the posterior of a linear network as it is for any step h = step_size / (||Y r^T||_F / P + eps). The variance of the
observations is taken anew in every step, as the expected squared error of a member. Read `move` first.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy.stats import loguniform
from sklearn.utils import check_scalar

from bpfree_kalman.coefficients import damped_solve
from bpfree_kalman.ensemble import EnsembleState, EnsembleTrainer, draw, prior
from bpfree_kalman.moments import moments, observation_noise, with_prior
from sklearn_bpfree.plugin import Budget, advance, check_choice

EPS = 1e-8


class EKS(EnsembleTrainer):
    """Ensemble Kalman sampler: members sample the posterior of the weights, and their spread says how sure it is.

    Parameters
    ----------
    ensemble_size : int, default=100
        Members P. If they are no more than the weights they sample the posterior in the span of P draws only, and know
        nothing of the uncertainty in other directions.
    prior_scale : float, default=1.0
        Standard deviation of the prior about the first weights, in units of ``1 / sqrt(fan_in + 1)`` of each layer.
    noise : float or None, default=None
        Variance of the observations in encoded units, for the squared error; None: estimated.
    step_size : float, default=2.0
        In units of the norm of the data's coefficients.
    scheme : {"trapezoid", "split"}, default="trapezoid"
        How the drift is discretised; "split", the paper's, is explicit in the data and needs smaller steps.
    correction : bool, default=True
        Whether the drift has the term that corrects for a finite ensemble.

    References
    ----------
    Garbuno-Inigo, Hoffmann, Li and Stuart (2020), "Interacting Langevin diffusions: gradient structure and ensemble
    Kalman sampler", SIAM Journal on Applied Dynamical Systems 19.
    Garbuno-Inigo, Nuesken and Reich (2020), "Affine invariant interacting Langevin dynamics for Bayesian inference",
    SIAM Journal on Applied Dynamical Systems 19.
    """

    offers: ClassVar[tuple[str, ...]] = ("return_std",)
    slow: ClassVar[bool] = True

    ensemble_size: int = 100
    prior_scale: float = 1.0
    noise: float | None = None
    step_size: float = 2.0
    scheme: str = "trapezoid"
    correction: bool = True

    def param_distributions(self):
        return {"prior_scale": loguniform(0.3, 3), "step_size": loguniform(0.5, 4)}

    def check_parameters(self):
        check_scalar(self.ensemble_size, "ensemble_size", int, min_val=2)
        for name in ("prior_scale", "step_size", "noise"):
            if getattr(self, name) is not None:
                check_scalar(getattr(self, name), name, (int, float), min_val=0, include_boundaries="neither")
        check_choice(self, "scheme", ("trapezoid", "split"))

    def budget(self, n_samples, n_features):
        """Steps on all rows, or on 5,000 of them drawn anew."""
        return Budget(max_iter=60, batch_size=5000)

    def init(self, problem, rng):
        mean, scale = prior(problem, rng)
        members = draw(mean, problem.dtype.type(self.prior_scale) * scale, self.ensemble_size, rng)
        noise = np.full(problem.network.n_outputs, self.noise or 1.0)
        return EnsembleState(
            members.mean(axis=0),
            members=members,
            noise=noise,
            temperature=problem.differentiable_loss.dispersion(noise, 1.0),
            objective=problem.differentiable_loss,
            prior_mean=mean,
        )

    def move(self, state: Any, problem, rng):
        """One step of all members along the dynamics, whose loss is the members' mean loss before it."""
        P = self.ensemble_size
        batch = problem.sample(rng, problem.batch_size)
        share = batch.X.shape[0] / problem.n_samples
        centre = state.members.mean(axis=0)
        Theta = state.members - centre
        data = moments(problem, state.members, batch, 1 / (share * state.temperature))
        unit = problem.dtype.type(self.prior_scale) * problem.network.fan_in_scale(problem.dtype)
        both = with_prior(data, Theta / unit, (state.prior_mean - centre) / unit, 1.0)

        F, L = both.cross / P, both.gram / P
        if self.correction:
            F += np.eye(P) * (min(centre.size, P - 1) + 1) / P
        h = self.step_size / (np.linalg.norm(data.cross) / P + EPS)
        xi = np.sqrt(2 * h / P) * rng.standard_normal((P, P))
        if self.scheme == "trapezoid":
            w = damped_solve(h / 2 * L, h * F + xi)
        else:
            w = damped_solve(h * (L - data.gram / P), h * F) + xi
        members = state.members + w.T.astype(problem.dtype) @ Theta

        loss = data.losses.mean() / data.rows * share * state.temperature[0]
        noise = observation_noise(data, 1 / P, state.noise) if self.noise is None else state.noise
        gamma = problem.differentiable_loss.dispersion(noise, loss)
        return advance(
            state, weights=members.mean(axis=0), members=members, noise=noise, temperature=gamma, loss=float(loss)
        )
