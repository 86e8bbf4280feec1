"""Coordinate-wise gradient estimates: each weight is moved up and down by itself, and two values say its derivative.

    g_j = (F(theta + mu e_j) - F(theta - mu e_j)) / (2 mu),     exact but for mu^2

for as many weights j as a step has evaluations for, drawn anew in every step; Adam, with a floor under its root, moves
these and leaves the others, whose moments rest, alone. A direction of random noise says something of all weights, and
little of each; a coordinate says all of one (Chen et al. 2024, "DeepZero", who found it better than random directions
at equal cost). What makes it affordable is that most of a forward pass can be reused, see `coordinates`. Weights are
measured in units of ``1 / sqrt(fan_in + 1)`` of their layer. Read `update` first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import loguniform
from sklearn.utils import check_scalar

from bpfree_directions.coordinates import Coordinates
from sklearn_bpfree.plugin import SCHEDULES, PopulationTrainer, check_choice, keyed, schedule_factor

BETA_1, BETA_2, LEAST = 0.9, 0.999, 1e-8
EPSILON = 0.3  # of the root mean square, so that weights that hardly count hardly move, whatever rounding says of them


class CoordinateGradient(PopulationTrainer):
    """Coordinate-wise gradient estimates: single weights move up and down, and most of the forward pass is reused.

    Parameters
    ----------
    population_size : int, default=256
        Values in a step, two for a weight.
    sigma : float, default=0.01
        mu, in units of ``1 / sqrt(fan_in + 1)``.
    learning_rate : float, default=0.02
        First learning rate of Adam.
    weight_decay : float, default=0.1
        Decoupled weight decay of kernels, for the weights of a step.
    schedule : {"linear", "cosine", "constant"}, default="cosine"
        How the learning rate falls to the end of the fit.

    References
    ----------
    Chen, Zhang, Jia, Diffenderfer, Liu, Parasyris, Zhang, Zhang, Kailkhura and Liu (2024), "DeepZero: scaling up
    zeroth-order optimization for deep model training", ICLR.
    """

    population_size: int = 256
    sigma: float = 0.01
    learning_rate: float = 0.02
    weight_decay: float = 0.1
    schedule: str = "cosine"

    def param_distributions(self):
        return super().param_distributions() | {
            "learning_rate": loguniform(3e-3, 3e-2),
            "weight_decay": loguniform(0.01, 1),
        }

    def check_parameters(self):
        super().check_parameters()
        check_scalar(self.learning_rate, "learning_rate", (int, float), min_val=0, include_boundaries="neither")
        check_scalar(self.weight_decay, "weight_decay", (int, float), min_val=0)
        check_choice(self, "schedule", SCHEDULES)

    def slots(self, weights):
        """Adam's moments, and how often each weight has moved."""
        return [np.zeros_like(weights) for _ in range(3)]

    def members(self, state, network, key):
        D = network.n_weights
        n = min(self.population_size // 2, D)
        chosen = np.sort(keyed(key).choice(D, n, replace=False))
        return Coordinates(network, state.weights, state.sigma, key, n, chosen=chosen)

    def update(self, state, members: Any, losses, problem):
        j, plus, minus = members.chosen, *losses
        g = ((plus - minus) / (2 * state.sigma[j])).astype(state.weights.dtype)
        m, v, times = (slot.copy() for slot in state.slots)
        times[j] += 1
        m[j] = BETA_1 * m[j] + (1 - BETA_1) * g
        v[j] = BETA_2 * v[j] + (1 - BETA_2) * g * g
        square = v[j] / (1 - BETA_2 ** times[j])
        floor = EPSILON * np.sqrt(square.mean()) + LEAST
        towards = m[j] / (1 - BETA_1 ** times[j]) / (np.sqrt(square) + floor)
        rate = self.learning_rate * schedule_factor(self.schedule, 0.0, problem.progress())
        weights = state.weights.copy()
        weights[j] *= np.where(j < members.network.n_kernel, 1 - rate * self.weight_decay, 1).astype(weights.dtype)
        weights[j] -= (rate * towards).astype(weights.dtype)
        return {"weights": weights, "slots": [m, v, times]}
