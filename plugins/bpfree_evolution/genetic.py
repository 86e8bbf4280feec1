"""Deep genetic algorithm: the best T members become parents, and children are mutated copies of them.

    child = theta_parent + sigma eps,  parent drawn from the T best;  the best one lives on unchanged

(Such et al. 2017, algorithm 1, with truncation selection and an elite of one.) With crossover, which they did without,
a child takes every weight from one or the other of two parents. A child is a key and its parents: what travels is the
parents' weights, not the population's. Read `update` first, then `Offspring.weights`.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from sklearn.utils import check_scalar

from sklearn_bpfree.plugin import Members, PopulationState, PopulationTrainer, advance, keyed, projection, random_bits


@dataclass(eq=False, kw_only=True)
class Offspring(Members):
    """Children of some parents (T, n_weights), the best of whom comes first and is the first child."""

    parents: np.ndarray
    crossover: bool

    def weights(self, block):
        E = self.directions(block).dense()
        rng = keyed(self.key, 0, 0, 1, block)
        mothers, fathers = rng.integers(len(self.parents), size=(2, len(E)))
        children = self.parents[mothers]
        if self.crossover:
            np.copyto(children, self.parents[fathers], where=random_bits(rng, E.shape).astype(bool))
        children += self.scale * E
        if block == 0:
            children[0] = self.parents[0]
        return children


@dataclass(eq=False, kw_only=True)
class GeneticState(PopulationState):
    """The parents (T, n_weights); `weights` is the best of them."""

    parents: np.ndarray


class Genetic(PopulationTrainer):
    """Deep genetic algorithm: truncation selection, mutation and an elite of one.

    Parameters
    ----------
    population_size : int, default=64
    sigma : float, default=0.1
        Standard deviation of a mutation, in units of ``1 / sqrt(fan_in + 1)``.
    n_parents : int, default=10
        T, the members that have children.
    crossover : bool, default=True
        Whether a child has two parents.

    References
    ----------
    Such et al. (2017), "Deep neuroevolution: genetic algorithms are a competitive alternative for training deep neural
    networks for reinforcement learning".
    """

    state_types: ClassVar[tuple[type, ...]] = (GeneticState,)

    signs = (1.0,)

    population_size: int = 64
    sigma: float = 0.1
    n_parents: int = 10
    crossover: bool = True

    def param_distributions(self):
        return super().param_distributions() | {"n_parents": [5, 10, 20], "crossover": [False, True]}

    def check_parameters(self):
        super().check_parameters()
        check_scalar(self.n_parents, "n_parents", int, min_val=1, max_val=self.population_size)

    def init(self, problem, rng):
        first = super().init(problem, rng)
        network = self.weight_space(problem).network
        parents = [network.initial_weights(rng, problem.dtype) for _ in range(self.n_parents)]
        return GeneticState(**{**vars(first), "parents": np.array(parents)})

    def members(self, state, network, key):
        return Offspring(
            network,
            state.weights,
            state.sigma,
            key,
            self.population_size,
            self.signs,
            parents=state.parents,
            crossover=self.crossover,
        )

    def update(self, state, members, losses, problem):
        fittest = np.argsort(losses[0], kind="stable")[: self.n_parents]
        parents = np.empty((self.n_parents, members.centre.size), members.centre.dtype)
        blocks, places = np.divmod(fittest, members.block_directions)
        for block in np.unique(blocks):
            parents[blocks == block] = members.weights(block)[places[blocks == block]]
        return {"weights": parents[0], "parents": parents}

    def shift_outputs(self, state, problem, shift):
        """The parents follow; they share the output layer if it was solved for."""
        moved = super().shift_outputs(state, problem, shift)
        parents = state.parents
        if parents.shape[1] < moved.weights.size:
            V = projection.split(problem.network, moved.weights)[1]
            parents = np.array([projection.join(problem.network, parent, V) for parent in parents])
        else:
            parents = parents.copy()
            problem.network.unpack(parents)[1][-1][:] += shift
        return advance(moved, parents=parents)
