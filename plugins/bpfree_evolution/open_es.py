"""OpenAI's evolution strategy: antithetic differences make a gradient, and Adam follows it.

    F+-_i = F(theta +- sigma E_i),     g = 1/(2 H sigma) sum_i (F+_i - F-_i) E_i,     theta <- theta - Adam(g)

With H pairs of members; F is the loss as it is, or its centred ranks over the generation (Salimans et al. 2017). On a
linear F, g is the projection (1/H) E^T E grad F. The directions E of a kernel are full, or of low rank (EGGROLL,
Sarkar et al. 2025): E = A B^T / sqrt(r). Low rank costs little to draw and to apply, and the sum of H directions has
full rank all the same. Read `update` first.
"""

import numpy as np
from scipy.stats import loguniform
from sklearn.utils import check_scalar

from sklearn_bpfree.plugin import (
    ACTIVATIONS,
    SCHEDULES,
    Adam,
    Members,
    PopulationTrainer,
    centred_ranks,
    check_choice,
    schedule_factor,
)


class OpenES(PopulationTrainer):
    """OpenAI's evolution strategy, with low-rank noise: antithetic differences make a gradient that Adam follows.

    Parameters
    ----------
    learning_rate : float, default=0.02
        First learning rate of Adam.
    weight_decay : float, default=0.5
        Decoupled weight decay: kernels shrink by ``learning_rate * weight_decay`` in every generation; biases do not.
    schedule : {"linear", "cosine", "constant"}, default="cosine"
        How the learning rate falls to the end of the fit.
    shaping : {"ranks", "raw"}, default="ranks"
        Whether the losses count by their rank in the generation or as they are.
    rank : int or None, default=1
        Rank of the noise in each kernel; None for full Gaussian noise.
    sigma : float, default=0.06
        As in the family, where it is 0.08.
    final_sigma : float or None, default=None
        Standard deviation at the end of the fit, as a fraction of the first one, on which it falls evenly on a log
        scale. None: 0.1 below step and sign units, which the noise makes smooth and its end sharp; 1 for quantised
        weights; otherwise 0.4.

    References
    ----------
    Salimans, Ho, Chen, Sidor and Sutskever (2017), "Evolution strategies as a scalable alternative to reinforcement
    learning".
    Sarkar et al. (2025), "Evolution strategies at the hyperscale".
    """

    learning_rate: float = 0.02
    weight_decay: float = 0.5
    schedule: str = "cosine"
    shaping: str = "ranks"
    rank: int | None = 1
    sigma: float = 0.06
    final_sigma: float | None = None

    def budget(self, n_samples, n_features):
        """Half as many generations again as the family's others: 3 for every 8 rows, from 30 to 450."""
        return super().budget(n_samples, n_features)._replace(max_iter=int(np.clip(3 * n_samples // 8, 30, 450)))

    def param_distributions(self):
        return super().param_distributions() | {
            "learning_rate": loguniform(3e-3, 3e-2),
            "weight_decay": loguniform(0.01, 1),
            "shaping": ["ranks", "raw"],
        }

    def check_parameters(self):
        super().check_parameters()
        check_scalar(self.learning_rate, "learning_rate", (int, float), min_val=0, include_boundaries="neither")
        check_scalar(self.weight_decay, "weight_decay", (int, float), min_val=0)
        check_choice(self, "schedule", SCHEDULES)
        check_choice(self, "shaping", ("ranks", "raw"))
        if self.final_sigma is not None:
            check_scalar(self.final_sigma, "final_sigma", (int, float), min_val=0, include_boundaries="neither")
        if self.rank is not None:
            check_scalar(self.rank, "rank", int, min_val=1)

    def slots(self, weights):
        return Adam().slots(weights)

    def members(self, state, network, key):
        noise = "gaussian" if self.rank is None else self.rank
        return Members(network, state.weights, state.sigma, key, self.population_size // 2, noise=noise)

    def update(self, state, members, losses, problem):
        plus, minus = centred_ranks(losses) if self.shaping == "ranks" else losses
        H = len(plus)
        g = members.combine((plus - minus) / (2 * H)) / state.sigma
        slots = [slot.copy() for slot in state.slots]
        rate = self.learning_rate * schedule_factor(self.schedule, 0.0, problem.progress())
        weights = state.weights.copy()
        weights[: members.network.n_kernel] *= 1 - rate * self.weight_decay
        weights += Adam().increment(g, slots, state.t + 1, rate)
        return {"weights": weights, "slots": slots, "sigma": state.sigma * self._narrowing(problem)}

    def _narrowing(self, problem):
        """Factor on the standard deviations in one generation."""
        final = self.final_sigma
        if final is None:
            flat, kind = ACTIVATIONS[problem.network.activation].flat, problem.network.weight_kind
            final = 0.1 if flat else 0.4 if kind == "float" else 1.0
        return np.asarray(1.0 if problem.max_iter is None else final ** (1 / problem.max_iter), problem.dtype)
