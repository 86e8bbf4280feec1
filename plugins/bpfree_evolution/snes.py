"""Separable natural evolution strategy: a Gaussian search distribution with one standard deviation per weight.

    z_i ~ N(0, I),  members mu + sigma z_i,  utilities u_1 >= u_2 >= ... by rank of the losses, best first

    u_i = max(0, ln(P/2 + 1) - ln i) / sum_j max(0, ln(P/2 + 1) - ln j) - 1/P
    mu <- mu + eta_mu sigma sum_i u_i z_i
    sigma <- sigma exp(eta_sigma / 2 sum_i u_i (z_i^2 - 1)),    eta_sigma = (3 + ln D) / (5 sqrt(D))

(Schaul, Glasmachers and Schmidhuber 2011, algorithm 2; in antithetic pairs, -z is as good as z.) Read `update` first.
"""

import numpy as np
from scipy.stats import rankdata
from sklearn.utils import check_scalar

from sklearn_bpfree.plugin import PopulationTrainer


class SNES(PopulationTrainer):
    """Separable natural evolution strategy: mean and standard deviation of every weight follow the natural gradient.

    Parameters
    ----------
    learning_rate : float, default=1.0
        eta_mu, of the mean.
    sigma_learning_rate : float, default=None
        eta_sigma, of the standard deviations; None: (3 + ln D) / (5 sqrt(D)) for D weights.

    References
    ----------
    Schaul, Glasmachers and Schmidhuber (2011), "High dimensions and heavy tails for natural evolution strategies",
    GECCO.
    """

    sigma: float = 0.4
    learning_rate: float = 1.0
    sigma_learning_rate: float | None = None

    def check_parameters(self):
        super().check_parameters()
        for name in ("learning_rate", "sigma_learning_rate"):
            if getattr(self, name) is not None:
                check_scalar(getattr(self, name), name, (int, float), min_val=0, include_boundaries="neither")

    def update(self, state, members, losses, problem):
        u_plus, u_minus = utilities(losses)
        D = state.weights.size
        eta_sigma = self.sigma_learning_rate or (3 + np.log(D)) / (5 * np.sqrt(D))
        mean_step = members.combine(u_plus - u_minus)
        # the utilities sum to zero, so that the -1 of (z^2 - 1) drops out
        sigma_step = members.combine_squares(u_plus + u_minus)
        return {
            "weights": state.weights + self.learning_rate * state.sigma * mean_step,
            "sigma": state.sigma * np.exp(eta_sigma / 2 * sigma_step).astype(state.sigma.dtype),
        }


def utilities(losses):
    """Utilities of all members by rank, in the shape of the losses; ties share theirs."""
    P = losses.size
    u = np.maximum(0, np.log(P / 2 + 1) - np.log(np.arange(1, P + 1)))
    u = u / u.sum() - 1 / P
    rank = rankdata(losses)  # 1, 1.5, 2, ...
    return np.interp(rank, np.arange(1, P + 1), u).reshape(losses.shape)
