"""The cross-entropy method: a Gaussian is fitted to the best members, and draws the next ones.

    z_i ~ N(0, I),   members mu + s z_i,   the best k of P are the elite

    mu  <- mu + a s mean_elite(z)
    s^2 <- (1 - a) s^2 + a s^2 (mean_elite(z^2) - mean_elite(z)^2) + e_t^2

with a standard deviation s for every weight, a smoothing a, and an extra noise e_t that falls to zero over the fit and
keeps s from collapsing too soon (de Boer et al. 2005; the extra noise: Szita and Loerincz 2006). Read `update` first.
"""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_scalar

from sklearn_bpfree.plugin import Budget, PopulationTrainer


class CEM(PopulationTrainer):
    """Cross-entropy method: a Gaussian fitted to the best members draws the next ones.

    Parameters
    ----------
    population_size : int, default=64
    sigma : float, default=0.3
        First standard deviation, in units of ``1 / sqrt(fan_in + 1)``.
    elite : float, default=0.2
        Share of the members that the next Gaussian is fitted to.
    smoothing : float, default=0.3
        a; 1: the old Gaussian is forgotten.
    extra_noise : float, default=0.03
        e_t at the beginning, in the unit of `sigma`.

    References
    ----------
    de Boer, Kroese, Mannor and Rubinstein (2005), "A tutorial on the cross-entropy method", Annals of Operations
    Research 134.
    Szita and Loerincz (2006), "Learning Tetris using the noisy cross-entropy method", Neural Computation 18.
    """

    signs = (1.0,)

    population_size: int = 64
    sigma: float = 0.3
    elite: float = 0.2
    smoothing: float = 0.3
    extra_noise: float = 0.03

    def budget(self, n_samples, n_features):
        """Batches of 1024 rows: selection takes the noise of small ones for merit."""
        return Budget(super().budget(n_samples, n_features).max_iter, batch_size=1024)

    def param_distributions(self):
        return super().param_distributions() | {"elite": [0.1, 0.2, 0.3], "smoothing": [0.1, 0.3, 0.7]}

    def check_parameters(self):
        super().check_parameters()
        check_scalar(self.elite, "elite", (int, float), min_val=0, max_val=1, include_boundaries="right")
        check_scalar(self.smoothing, "smoothing", (int, float), min_val=0, max_val=1, include_boundaries="right")
        check_scalar(self.extra_noise, "extra_noise", (int, float), min_val=0)

    def update(self, state, members, losses, problem):
        s, a, n = state.sigma, self.smoothing, losses.size
        k = max(1, round(self.elite * n))
        c = np.zeros(n)
        c[np.argsort(losses[0], kind="stable")[:k]] = 1 / k
        z, zz = members.combine(c), members.combine_squares(c)
        left = 1 - (problem.progress() or 0.0)
        e = self.extra_noise * left * members.network.fan_in_scale(s.dtype)
        variance = (1 - a) * s**2 + a * s**2 * np.maximum(zz - z**2, 0) + e**2
        return {"weights": state.weights + a * s * z, "sigma": np.sqrt(variance).astype(s.dtype)}
