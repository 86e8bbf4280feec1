"""Differential evolution: differences between individuals are the steps, and a trial replaces its own parent only.

    m_i  = base + F (x_a - x_b)             base: the best individual, or x_c; a, b, c at random
    u_ij = m_ij with probability CR (and for one j at least), otherwise x_ij
    x_i <- u_i  if  F(u_i) <= F(x_i)

(Storn and Price 1997: "best/1/bin" and "rand/1/bin"; F is drawn anew for each generation, between `factor` and 1, which
is called dither.) Parents are judged again beside their trials. Read `members` and `update` first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_scalar

from bpfree_optimisers.swarm import Swarm
from sklearn_bpfree.plugin import check_choice, keyed


class DifferentialEvolution(Swarm):
    """Differential evolution: differences between individuals are the steps, trials replace their own parents.

    Parameters
    ----------
    population_size : int, default=64
        Evaluations of a generation: half as many individuals, and a trial for each.
    sigma : float, default=0.3
        Spread of the first individuals, in units of ``1 / sqrt(fan_in + 1)``.
    strategy : {"best1bin", "rand1bin"}, default="best1bin"
        What the difference is added to.
    factor : float, default=0.5
        The least F.
    crossover : float, default=0.9
        CR, the share of weights that a trial has from the mutant.

    References
    ----------
    Storn and Price (1997), "Differential evolution: a simple and efficient heuristic for global optimization over
    continuous spaces", Journal of Global Optimization 11.
    """

    strategy: str = "best1bin"
    factor: float = 0.5
    crossover: float = 0.9

    def param_distributions(self):
        return super().param_distributions() | {"strategy": ["best1bin", "rand1bin"], "crossover": [0.3, 0.7, 0.9]}

    def check_parameters(self):
        super().check_parameters()
        check_choice(self, "strategy", ("best1bin", "rand1bin"))
        check_scalar(self.factor, "factor", (int, float), min_val=0, max_val=1, include_boundaries="right")
        check_scalar(self.crossover, "crossover", (int, float), min_val=0, max_val=1)

    def individuals(self):
        """At least four, of whom three are drawn."""
        return max(4, super().individuals())

    def members(self, state, network, key):
        (x,) = state.swarm
        n, D = x.shape
        rng = keyed(key)
        a, b, c = np.argsort(rng.random((n, n)), axis=1)[:, :3].T  # three different ones for each
        F = x.dtype.type(rng.uniform(self.factor, 1))
        mutant = (state.weights if self.strategy == "best1bin" else x[c]) + F * (x[a] - x[b])
        taken = rng.random((n, D)) < self.crossover
        taken[np.arange(n), rng.integers(D, size=n)] = True
        trial = np.where(taken, mutant, x)
        return self.flock(state, network, key, [trial, x], [trial, x])

    def update(self, state, members: Any, losses, problem):
        trial, x = members.swarm
        of_trial, of_x = np.split(losses[0], 2)
        x, best = np.where((of_trial <= of_x)[:, None], trial, x), np.minimum(of_trial, of_x)
        return {"weights": x[int(best.argmin())], "loss": float(best.mean()), "swarm": [x]}
