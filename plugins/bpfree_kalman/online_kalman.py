"""Streaming ensemble Kalman filter: a covariance of low rank for the hidden layers, a full one for the readout.

The weights are Gaussian about theta: the hidden layers in the span of L anomalies S_j, Cov = sum_j S_j S_j^T, every
column of the readout with covariance C. For a batch, with F = [H, 1], the error e and the curvature h of the loss,

    r    = -e / h,   R = diag(nu / h)                               what the loss is, as an observation of the outputs
    G_j  = (f(theta + eps S_j) - f(theta)) / eps,   M = F C F^T + R
    w    = (I + G M^-1 G^T)^-1 G M^-1 r                             the hidden layers, the readout being integrated out
    theta += sum_j w_j S_j,   V += C F^T M^-1 (r - G^T w)
    S    <- (I + G M^-1 G^T)^-1/2 S,   C <- C - C F^T M^-1 F C

Before it, C goes back towards the prior by a share of 1 - forgetting per row, and further when residuals grow beyond
their predicted variance: the world has changed. Fresh anomalies take the place of the oldest, so that S leaves its
span. nu, the noise, is the mean product of the residuals before and after the update (Desroziers et al. 2005). Read
`_assimilate` first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy import linalg
from scipy.stats import loguniform
from sklearn.utils import check_scalar

from bpfree_kalman.readout import features, quadratic
from sklearn_bpfree.plugin import Budget, Loss, Network, State, Trainer, advance

EPSILON = 0.1
CURVATURE_FLOOR = 0.02  # rows that are all but certain still count as observations
NOISE_ROWS = 1000  # rows over which the noise is averaged
SURPRISE_ROWS = 32  # rows over which residuals are compared with their variances
LARGEST = 9.0  # a squared residual counts as at most that many variances
LEAST_NOISE = 1e-6
FIRST_ROWS = 20  # rows that the first guess of the noise counts for


@dataclass(eq=False, kw_only=True)
class OnlineKalmanState(State):
    """State of `OnlineKalman`; its size does not depend on the rows seen.

    Attributes
    ----------
    anomalies : ndarray of shape (L, n_weights)
        S, zero at the readout.
    covariance : ndarray of shape (h + 1, h + 1)
        C, float64.
    prior : float
        Variance of the readout's weights before the first row.
    noise : ndarray of shape (K,)
        nu.
    n_seen : float
        Rows that the noise is averaged over.
    power : float
        Mean square of the encoded targets, at least 1: the first rows, by which they were encoded, may not be typical.
    oldest : int
        Which anomaly is replaced next.
    objective : Loss
        By whose link outputs become values.
    surprise : float
        Moving average of the squared residuals in units of the variances predicted for them; 1 when all is well.
    """

    anomalies: np.ndarray
    covariance: np.ndarray
    prior: np.ndarray
    noise: np.ndarray
    n_seen: float = 0.0
    power: float = 1.0
    oldest: int = 0
    objective: Loss
    surprise: float = 1.0


class OnlineKalman(Trainer):
    """Streaming Kalman filter for `partial_fit`: every row is learned from once, and is believed as far as it is new.

    Parameters
    ----------
    ensemble_size : int, default=48
        Anomalies of the hidden layers, L.
    sigma : float, default=0.1
        Standard deviation of a hidden weight before the first row, in units of ``1 / sqrt(fan_in + 1)``.
    readout_sigma : float, default=3.0
        The same for the output layer, in units of the root mean square of the hidden activations.
    forgetting : float, default=1.0
        Share of what is known that a row leaves in place; less than 1 for a world that keeps changing.
    tolerance : float, default=2.0
        When the squared residuals are more than so many times what is predicted for them, the world has changed, and
        the covariance goes back towards the prior as far as the residuals ask for; ``inf``: never.
    fresh : int, default=1
        Anomalies that are drawn anew for every batch.

    References
    ----------
    Chang, Duran-Martin, Shestopaloff, Jones and Murphy (2023), "Low-rank extended Kalman filtering for online
    learning of neural networks from streaming data", CoLLAs.
    Desroziers, Berre, Chapnik and Poli (2005), "Diagnosis of observation, background and analysis-error statistics in
    observation space", Quarterly Journal of the Royal Meteorological Society 131.
    Bishop, Etherton and Majumdar (2001), "Adaptive sampling with the ensemble transform Kalman filter", Monthly Weather
    Review 129.
    """

    offers: ClassVar[tuple[str, ...]] = ("partial_fit", "return_std")
    state_types: ClassVar[tuple[type, ...]] = (OnlineKalmanState,)

    ensemble_size: int = 48
    sigma: float = 0.1
    readout_sigma: float = 3.0
    forgetting: float = 1.0
    tolerance: float = 2.0
    fresh: int = 1

    def param_distributions(self):
        return {
            "sigma": loguniform(0.03, 0.3),
            "readout_sigma": loguniform(1, 10),
            "forgetting": [1.0, 0.999, 0.99],
        }

    def check_parameters(self):
        check_scalar(self.ensemble_size, "ensemble_size", int, min_val=1)
        for name in ("sigma", "readout_sigma"):
            check_scalar(getattr(self, name), name, (int, float), min_val=0, include_boundaries="neither")
        check_scalar(self.forgetting, "forgetting", (int, float), min_val=0, max_val=1, include_boundaries="right")
        check_scalar(self.tolerance, "tolerance", (int, float), min_val=1, include_boundaries="neither")
        check_scalar(self.fresh, "fresh", int, min_val=0, max_val=self.ensemble_size)

    def budget(self, n_samples, n_features):
        """In `fit`, three passes in batches of 32 rows; a call of `partial_fit` is one pass over its rows."""
        return Budget(max_iter=3, batch_size=32)

    def init(self, problem, rng) -> State:
        network, dtype = problem.network, problem.dtype
        weights = rng.standard_normal(network.n_weights, dtype=dtype) * network.fan_in_scale(dtype)
        kernels, biases = network.unpack(weights)
        for W in kernels[1:-1]:
            W *= np.sqrt(2, dtype=dtype)
        kernels[-1][:], biases[-1][:] = 0, problem.initial_output()
        F = features(network, weights, problem.X)
        prior = self.readout_sigma**2 / max(float(np.square(F[:, :-1]).sum(axis=1).mean()), 1e-12)
        prior = np.append(np.full(F.shape[1] - 1, prior), self.readout_sigma**2)
        anomalies = self._draw(network, rng, self.ensemble_size, dtype)
        known = {"noise": np.ones(network.n_outputs), "objective": problem.objective}
        return OnlineKalmanState(weights, anomalies=anomalies, covariance=np.diag(prior), prior=prior, **known)

    def step(self, state: Any, problem, rng) -> State:
        """One pass over the rows in batches: forget, observe, move the hidden layers, then the readout."""
        total = 0.0
        for batch in problem.batches(rng):
            state, loss = self._assimilate(state, problem, batch, rng)
            total += loss * len(batch.Y)
        return advance(state, loss=total / problem.n_samples)

    def _assimilate(self, state, problem, batch, rng):
        network = problem.network
        b, K = batch.Y.shape
        S, C, oldest = self._forget(state, network, b, rng)
        F = features(network, state.weights, batch.X).astype(np.float64)
        Z = network.outputs(state.weights, batch.X)
        loss, _ = problem.output_error(Z, batch)
        G = self._differences(network, state.weights, S, batch.X, Z)  # (L, b, K)

        h = np.maximum(problem.objective.curvature(Z, batch.Y), CURVATURE_FLOOR).astype(np.float64)
        r = -problem.objective.error(Z, batch.Y) / h
        R = state.noise / h if batch.weight is None else state.noise / (h * batch.weight[:, None])
        spread = F @ C @ F.T
        surprise = self._surprise(state, r, np.diag(spread)[:, None] + np.square(G).sum(axis=0) + R)
        factors = [linalg.cho_factor(spread + np.diag(R[:, k]), check_finite=False) for k in range(K)]
        A, g = np.eye(len(S)), np.zeros(len(S))
        for k, M in enumerate(factors):
            MG = linalg.cho_solve(M, G[:, :, k].T, check_finite=False)
            A += G[:, :, k] @ MG
            g += r[:, k] @ MG
        e, U = linalg.eigh(A, check_finite=False)
        w = U @ ((U.T @ g) / e)
        left = r - np.einsum("jnk,j->nk", G, w)
        gain = C @ F.T
        change = np.stack([gain @ linalg.cho_solve(M, left[:, k]) for k, M in enumerate(factors)], axis=1)

        weights = state.weights + w.astype(S.dtype) @ S
        kernels, biases = network.unpack(weights)
        kernels[-1][:] += change[:-1]
        biases[-1][:] += change[-1]
        mean = linalg.cho_factor(spread + np.diag(R.mean(axis=1)), check_finite=False)
        C = C - gain @ linalg.cho_solve(mean, gain.T, check_finite=False)
        S = ((U / np.sqrt(e)) @ U.T).astype(S.dtype) @ S
        noise = self._noise(state, problem.objective, r * (left - F @ change) * h, batch)
        books = {"oldest": oldest, "surprise": surprise, **noise}
        return advance(state, weights=weights, anomalies=S, covariance=(C + C.T) / 2, **books), loss

    def _surprise(self, state, r, variance):
        """Moving average of the squared residuals in units of their variances, outliers clipped."""
        share = 1 - np.exp(-len(r) / SURPRISE_ROWS)
        return float((1 - share) * state.surprise + share * np.minimum(r * r / variance, LARGEST).mean())

    def _forget(self, state, network, b, rng):
        """Both covariances some way back to the prior."""
        keep = self.forgetting**b
        if state.surprise > self.tolerance:
            keep /= state.surprise
        C = keep * state.covariance
        C[np.diag_indices_from(C)] += (1 - keep) * state.power * state.prior
        S = state.anomalies.copy()
        places = (state.oldest + np.arange(self.fresh)) % len(S)
        S[places] = self._draw(network, rng, self.fresh, S.dtype)
        return S, C, int((state.oldest + self.fresh) % len(S))

    def _draw(self, network, rng, n, dtype):
        """Anomalies of the prior, (n, n_weights)."""
        S = rng.standard_normal((n, network.n_weights), dtype=dtype)
        S *= self.sigma * network.fan_in_scale(dtype)
        kernels, biases = network.unpack(S)
        kernels[-1][:], biases[-1][:] = 0, 0
        return S

    def _differences(self, network, weights, S, X, Z):
        eps = S.dtype.type(EPSILON)
        return ((network.outputs(weights + eps * S, X) - Z) / eps).astype(np.float64)

    def _noise(self, state, objective, products, batch):
        """Moving averages of the products of residuals before and after, and of the squared targets."""
        if objective.is_classification:
            return {}  # these losses say themselves what their noise is
        b = len(products)
        known = min(state.n_seen + FIRST_ROWS, NOISE_ROWS)
        product = np.average(products, axis=0, weights=batch.weight)
        square = np.average(np.square(batch.Y).mean(axis=1), weights=batch.weight)
        return {
            "noise": np.maximum((known * state.noise + b * product) / (known + b), LEAST_NOISE),
            "power": max(float((state.n_seen * state.power + b * square) / (state.n_seen + b)), 1.0),
            "n_seen": min(state.n_seen + b, NOISE_ROWS),
        }

    def predictive(self, state: Any, network: Network, X):
        """Mean and standard deviation: noise, the readout's covariance and the anomalies' outputs.

        With a log link both grow with the mean mu, the link's slope: the noise is nu mu, an output's variance counts
        mu^2 times.
        """
        Z = self.outputs(state, network, X)
        mean = state.objective.link(Z)
        F = features(network, state.weights.astype(np.float64), X)
        variance = np.zeros(Z.shape) + quadratic(F, state.covariance)[:, None]
        for S in state.anomalies:
            variance += self._differences(network, state.weights, S[None], X, Z)[0] ** 2
        slope = state.objective.link_slope(Z)
        return mean, np.sqrt(slope * state.noise + slope**2 * variance).astype(Z.dtype)
