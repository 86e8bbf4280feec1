"""Base of methods whose members live on from generation to generation, in the place of noise around a centre.

A member's loss of yesterday was that of other rows and of another output layer. So whoever is to be compared is judged
in the same generation: the newcomers and those that they may replace, half of the evaluations each. Read `Swarm.init`
and `Flock` first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from sklearn_bpfree.plugin import (
    FOR_TRAINING,
    Budget,
    GivenMembers,
    PopulationState,
    PopulationTrainer,
    advance,
    projection,
)


@dataclass(eq=False, kw_only=True)
class Flock(GivenMembers):
    """Members, and the swarm that they come from, which stays at home."""

    swarm: list[np.ndarray]

    def __getstate__(self):
        return {**super().__getstate__(), "swarm": []}


@dataclass(eq=False, kw_only=True)
class SwarmState(PopulationState):
    """State of a `Swarm`; its `weights` are the best individual's, or the consensus.

    Attributes
    ----------
    swarm : list of ndarray of shape (individuals, n_searched)
        Positions, and what else each individual carries.
    """

    swarm: list[np.ndarray] = field(metadata=FOR_TRAINING)


class Swarm(PopulationTrainer):
    """Base of methods whose members live on; write `members` and `update`.

    Parameters
    ----------
    population_size : int, default=64
        Evaluations of a generation.
    sigma : float, default=0.3
        Spread of the first individuals around the first weights, in units of ``1 / sqrt(fan_in + 1)``.
    """

    signs = (1.0,)
    state_types: ClassVar[tuple[type, ...]] = (SwarmState,)
    positions: ClassVar[tuple[bool, ...]] = (True,)  # which arrays of the swarm are positions; others are steps
    share: ClassVar[float] = 0.5  # individuals per evaluation

    population_size: int = 64
    sigma: float = 0.3

    def budget(self, n_samples, n_features):
        """Batches of 1024 rows: selection takes the noise of small ones for merit."""
        return Budget(super().budget(n_samples, n_features).max_iter, batch_size=1024)

    def individuals(self) -> int:
        """Number of individuals."""
        return max(2, int(self.population_size * self.share))

    def init(self, problem, rng):
        first = super().init(problem, rng)
        centre = self.weight_space(problem).part(first.weights)
        noise = rng.standard_normal((self.individuals(), centre.size), problem.dtype)
        noise[0] = 0
        X = centre + first.sigma * noise
        return SwarmState(
            **{**vars(first), "swarm": [X if is_place else np.zeros_like(X) for is_place in self.positions]}
        )

    def flock(self, state, network, key, population, swarm) -> Flock:
        """Members out of arrays of individuals, and the swarm that goes on to `update`."""
        given = np.concatenate(population)
        return Flock(network, state.weights, state.sigma, key, len(given), population=given, swarm=swarm)

    def shift_outputs(self, state: Any, problem, shift):
        """All positions follow; those with an output layer that was solved for get the best one's."""
        moved, network = super().shift_outputs(state, problem, shift), problem.network
        swarm = [
            self._whole(array, place, moved, network) for array, place in zip(state.swarm, self.positions, strict=True)
        ]
        if state.swarm[0].shape[1] == network.n_weights:
            for array, is_place in zip(swarm, self.positions, strict=True):
                network.unpack(array)[1][-1][:] += shift if is_place else 0
        return advance(moved, swarm=swarm)

    def _whole(self, array, is_place, moved, network):
        """Individuals with all weights of the network."""
        if array.shape[1] == network.n_weights:
            return array.copy()
        V = projection.split(network, moved.weights)[1]
        return np.array([projection.join(network, row, V if is_place else np.zeros_like(V)) for row in array])
