"""Simultaneous perturbation: all weights are shaken at once, and two values give a gradient.

    g = mean over pairs of (F(theta + c_k delta) - F(theta - c_k delta)) / (2 c_k) delta^(-1),   delta_j = +-1
    theta <- theta - a_k g,      a_k = a / (A + k + 1)^.602,      c_k = c / (k + 1)^.101

(Spall 1992; the powers and A, a tenth of the planned steps, as in Spall 1998.) Weights are measured in units of
``1 / sqrt(fan_in + 1)`` of their layer. A direction is a key and is drawn again when it is needed, so that there is no
memory beyond the weights (Malladi et al. 2023, "MeZO"). Two values say little about many weights: it takes many steps,
and it is here for what it is. Read `update` first.
"""

import numpy as np
from sklearn.utils import check_scalar

from sklearn_bpfree import Budget, Members, PopulationTrainer


class SPSA(PopulationTrainer):
    """Simultaneous perturbation stochastic approximation: a gradient from pairs of values, a random sign per weight.

    Parameters
    ----------
    population_size : int, default=8
        Values per step: 2 in the paper; more pairs are averaged, and 8 cost little more.
    sigma : float, default=0.08
        c, the first size of the perturbation.
    learning_rate : float, default=0.2
        First gain, ``a / (A + 1)^.602``.

    References
    ----------
    Spall (1992), "Multivariate stochastic approximation using a simultaneous perturbation gradient approximation", IEEE
    Transactions on Automatic Control 37.
    Spall (1998), "Implementation of the simultaneous perturbation algorithm for stochastic optimization", IEEE
    Transactions on Aerospace and Electronic Systems 34.
    Malladi et al. (2023), "Fine-tuning language models with just forward passes", NeurIPS.
    """

    population_size: int = 8
    learning_rate: float = 0.2

    def check_parameters(self):
        super().check_parameters()
        check_scalar(self.learning_rate, "learning_rate", (int, float), min_val=0, include_boundaries="neither")

    def budget(self, n_samples, n_features):
        """Ten times the steps of a population of 64."""
        return Budget(max_iter=int(np.clip(10 * n_samples, 500, 6000)), batch_size=256)

    def members(self, state, problem, key):
        c_k = state.sigma / (state.t + 1) ** 0.101
        return Members(problem.network, state.weights, c_k, key, self.population_size // 2, noise="rademacher")

    def update(self, state, members, losses, problem):
        plus, minus = losses
        unit = problem.network.fan_in_scale(problem.dtype)
        A = (problem.max_iter or 1000) / 10
        a_k = self.learning_rate * ((A + 1) / (A + state.t + 1)) ** 0.602
        # delta^(-1) = delta, and one unit is for the gradient in these units, the other for the way back
        g = unit * members.combine((plus - minus) / (2 * len(plus))) / members.scale
        return {"weights": state.weights - a_k * unit * g}
