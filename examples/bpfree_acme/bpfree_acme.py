"""A trainer that walks at random, from a distribution of its own: the whole of a third party's plugin.

In every generation some steps are tried, and the best one is taken if it goes downhill. The step size follows the 1/5th
success rule: it grows while more than one step in five succeeds, and shrinks otherwise. Read `step` first.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sklearn_bpfree.plugin import Budget, State, Trainer, advance


@dataclass(eq=False, kw_only=True)
class WalkState(State):
    """A place, and the present step size."""

    sigma: float


class AcmeWalk(Trainer):
    """Random walk downhill with the 1/5th success rule; it needs values only, so that any metric will do.

    Parameters
    ----------
    trials : int, default=20
        Steps tried in a generation.
    sigma : float, default=0.1
        First standard deviation of a step, per weight.

    References
    ----------
    Rechenberg (1973), "Evolutionsstrategie".
    """

    needs = "values"
    state_types: ClassVar[tuple[type, ...]] = (WalkState,)

    trials: int = 20
    sigma: float = 0.1

    def init(self, problem, rng):
        return WalkState(problem.network.initial_weights(rng, problem.dtype), sigma=self.sigma)

    def step(self, state, problem, rng):
        steps = rng.standard_normal((self.trials, state.weights.size), dtype=problem.dtype)
        tried = np.vstack([state.weights, state.weights + state.sigma * steps])
        losses = np.nan_to_num(problem.loss(tried), nan=np.inf)
        best = np.argmin(losses)
        success_rate = np.mean(losses[1:] < losses[0])
        sigma = float(state.sigma * np.exp(success_rate - 1 / 5))
        return advance(state, weights=tried[best], loss=float(losses[best]), sigma=sigma)

    def budget(self, n_samples, n_features):
        return Budget(max_iter=300, tol=0.0)
