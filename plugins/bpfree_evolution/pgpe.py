"""Policy gradients with parameter exploration: the gradient of the mean and of the standard deviations, from pairs.

    eps_i = sigma z_i,   r+-_i = F(mu +- eps_i),   b = mean of all r

    g_mu = sum_i (r+_i - r-_i) eps_i / P,     g_sigma = sum_i ((r+_i + r-_i) / 2 - b) (eps_i^2 - sigma^2) / sigma / H

with H pairs and P = 2H. The mean moves by ClipUp, whose one knob is the length of a step:

    v <- m v - alpha g_mu / |g_mu|,   v <- v min(1, v_max / |v|),   mu <- mu + v,   alpha = v_max / 2

and no standard deviation changes by more than a fifth at a time. (Sehnke et al. 2010; ClipUp: Toklu et al. 2020.) F is
taken by its centred ranks. Lengths are measured in units of ``1 / sqrt(fan_in + 1)``, and v_max grows with sqrt(D), so
that it is a length per weight. Read `update` first.
"""

import math

import numpy as np
from scipy.stats import loguniform
from sklearn.utils import check_scalar

from sklearn_bpfree.plugin import SCHEDULES, PopulationTrainer, centred_ranks, check_choice, schedule_factor


class PGPE(PopulationTrainer):
    """Policy gradients with parameter exploration: mean by ClipUp, and a standard deviation for every weight.

    Parameters
    ----------
    max_step : float, default=0.02
        Longest step of the mean, per weight (root mean square).
    momentum : float, default=0.9
        ClipUp's momentum.
    sigma_learning_rate : float, default=0.1
        Learning rate of the standard deviations.
    schedule : {"linear", "cosine", "constant"}, default="cosine"
        How the length of the steps falls to the end of the fit.

    References
    ----------
    Sehnke et al. (2010), "Parameter-exploring policy gradients", Neural Networks 23.
    Toklu, Liskowski and Srivastava (2020), "ClipUp: a simple and powerful optimizer for distribution-based policy
    evolution", PPSN.
    """

    sigma: float = 0.2
    max_step: float = 0.02
    momentum: float = 0.9
    sigma_learning_rate: float = 0.1
    schedule: str = "cosine"

    def param_distributions(self):
        return super().param_distributions() | {"max_step": loguniform(5e-3, 5e-2)}

    def check_parameters(self):
        super().check_parameters()
        check_scalar(self.max_step, "max_step", (int, float), min_val=0, include_boundaries="neither")
        check_scalar(self.momentum, "momentum", (int, float), min_val=0, max_val=1, include_boundaries="left")
        check_scalar(self.sigma_learning_rate, "sigma_learning_rate", (int, float), min_val=0)
        check_choice(self, "schedule", SCHEDULES)

    def slots(self, weights):
        return [np.zeros_like(weights)]

    def update(self, state, members, losses, problem):
        mu, sigma, (v,) = state.weights, state.sigma, state.slots
        plus, minus = r = centred_ranks(losses)
        H = len(plus)
        unit = members.network.fan_in_scale(mu.dtype)

        g_mu = members.combine((plus - minus) / (2 * H)) * sigma / unit
        v_max = self.max_step * math.sqrt(mu.size) * schedule_factor(self.schedule, 0.0, problem.progress())
        v = clip_up(v, g_mu, v_max, self.momentum)

        g_sigma = members.combine_squares(((plus + minus) / 2 - r.mean()) / H) * sigma  # the ranks' mean is taken off
        change = np.clip(-self.sigma_learning_rate * g_sigma, -0.2 * sigma, 0.2 * sigma)
        return {"weights": mu + unit * v, "sigma": sigma + change, "slots": [v]}


def clip_up(v, g, v_max, momentum):
    """New velocity, downhill and no longer than `v_max`."""
    length = float(np.linalg.norm(g))
    v = momentum * v - (0.5 * v_max / length * g if length > 0 else 0 * g)
    return v * min(1.0, v_max / max(float(np.linalg.norm(v)), 1e-30))
