"""The smallest example of the contract, which the kit itself is tested with."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from sklearn_bpfree.plugin.problem import Problem
from sklearn_bpfree.plugin.trainer import State, Trainer, advance


class RandomSearch(Trainer):
    """Random search: keep the best of some Gaussian steps around the best weights so far.

    The reference trainer, the smallest example of the contract: it asks for nothing but values, so any metric will do.

    Parameters
    ----------
    sigma : float, default=0.03
        Standard deviation of the steps.
    population_size : int, default=16
        Weight vectors judged in each generation, the best so far included.
    """

    needs: ClassVar[str] = "values"

    sigma: float = 0.03
    population_size: int = 16

    def init(self, problem: Problem, rng: np.random.Generator) -> State:
        """Weights as every trainer draws them."""
        return State(problem.network.initial_weights(rng, problem.dtype))

    def step(self, state: Any, problem: Problem, rng: np.random.Generator) -> State:
        """One generation; the present weights are judged along with it, on the rows at hand."""
        noise = rng.standard_normal((self.population_size, state.weights.size), dtype=state.weights.dtype)
        noise[0] = 0
        population = state.weights + self.sigma * noise
        losses = problem.loss(population)
        best = np.where(np.isnan(losses), np.inf, losses).argmin()
        return advance(state, weights=population[best].copy(), loss=float(losses[best]))
