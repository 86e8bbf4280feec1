"""Simultaneous perturbation: all weights are shaken at once, and two values give a gradient.

    delta_j = +-1,    F+- = F(theta +- c_k delta),    g = (F+ - F-) / (2 c_k) delta^(-1)

    theta <- theta - a_k g,      a_k = a ((A + 1) / (A + k + 1))^.602,      c_k = c / (k + 1)^.101

(Spall 1992; the powers and A, a tenth of the planned steps, as in Spall 1998.) Several pairs may be averaged. Weights
are measured in units of ``1 / sqrt(fan_in + 1)`` of their layer. No direction is stored: it is a seed, from which delta
is drawn to make the two members and once more for the update (Malladi et al. 2023, "MeZO"). Two values say little about
many weights, so it takes many steps. Read `update` first.
"""

from scipy.stats import loguniform
from sklearn.utils import check_scalar

from sklearn_bpfree.plugin import Budget, Members, PopulationTrainer


class SeedReplay(Members):
    """Members whose directions are forgotten at once and drawn again from their seed."""

    def directions(self, block):
        drawn = super().directions(block)
        self._kept.clear()
        return drawn


class SPSA(PopulationTrainer):
    """Simultaneous perturbation stochastic approximation: a gradient from two values, a random sign per weight.

    Parameters
    ----------
    population_size : int, default=2
        Values per step; more than 2 are pairs whose gradients are averaged.
    sigma : float, default=0.08
        c, the first size of the perturbation, in units of ``1 / sqrt(fan_in + 1)``.
    learning_rate : float, default=0.05
        a, the first gain.

    References
    ----------
    Spall (1992), "Multivariate stochastic approximation using a simultaneous perturbation gradient approximation", IEEE
    Transactions on Automatic Control 37.
    Spall (1998), "Implementation of the simultaneous perturbation algorithm for stochastic optimization", IEEE
    Transactions on Aerospace and Electronic Systems 34.
    Malladi et al. (2023), "Fine-tuning language models with just forward passes", NeurIPS.
    """

    population_size: int = 2
    learning_rate: float = 0.05

    def param_distributions(self):
        return super().param_distributions() | {"learning_rate": loguniform(0.01, 0.1)}

    def check_parameters(self):
        super().check_parameters()
        check_scalar(self.learning_rate, "learning_rate", (int, float), min_val=0, include_boundaries="neither")

    def budget(self, n_samples, n_features):
        """Eight times the steps of a population of 32, which are half of the evaluations."""
        generations = super().budget(n_samples, n_features)
        return Budget(max_iter=8 * generations.max_iter, batch_size=generations.batch_size)

    def members(self, state, network, key):
        c_k = state.sigma / (state.t + 1) ** 0.101
        return SeedReplay(network, state.weights, c_k, key, self.population_size // 2, noise="rademacher")

    def update(self, state, members, losses, problem):
        plus, minus = losses
        unit = members.network.fan_in_scale(problem.dtype)
        A = (problem.max_iter or 1000) / 10
        a_k = self.learning_rate * ((A + 1) / (A + state.t + 1)) ** 0.602
        # delta^(-1) = delta, and one unit is for the gradient in these units, the other for the way back
        g = unit * members.combine((plus - minus) / (2 * len(plus))) / members.scale
        return {"weights": state.weights - a_k * unit * g}
