"""Base of trainers that learn from the values of a population alone.

A method of this kind is one function, `update`: from the members' losses to the next centre. The base keeps the books:
first weights, rows that all members of a generation share, parallel evaluation, fitness shaping, members that failed,
and the output layer, which is solved for where that is possible (see
`sklearn_bpfree.plugin.weight_space`). Read `PopulationTrainer.step` first.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from scipy.stats import loguniform, rankdata
from sklearn.utils import check_scalar

from sklearn_bpfree.nn.activations import ACTIVATIONS
from sklearn_bpfree.nn.draws import draw_key
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.plugin import judging, projection
from sklearn_bpfree.plugin.budget import Budget
from sklearn_bpfree.plugin.members import Members
from sklearn_bpfree.plugin.problem import Problem
from sklearn_bpfree.plugin.trainer import State, Trainer, advance, check_choice
from sklearn_bpfree.plugin.weight_space import AllWeights, HiddenWeights

WIDEST_SOLVED = 512  # units of the last hidden layer, up to which solving for the output layer pays
ROUGH_UNITS, ROUGH_WEIGHTS = 10, 4  # so many times the noise where only noise shows a slope


@dataclass(eq=False, kw_only=True)
class PopulationState(State):
    """State of a `PopulationTrainer`; its `weights` are the centre of the population.

    The other arrays speak of the weights that are searched: all, or those of the hidden layers.

    Attributes
    ----------
    sigma : ndarray of shape (n_searched,)
        Standard deviation of each weight.
    slots : list of ndarray
        What the method carries besides, such as the moving averages of an optimizer or evolution paths.
    t : int
        Number of generations so far.
    penalty : float
        Of the output layer that is solved for; see `sklearn_bpfree.plugin.projection`.
    """

    sigma: np.ndarray
    slots: list[np.ndarray] = field(default_factory=list)
    t: int = 0
    penalty: float = 0.0


@dataclass(frozen=True, eq=False)
class Generation:
    """What the members of a generation share.

    Attributes
    ----------
    problem : Problem
    space : AllWeights or HiddenWeights
        What is searched.
    searched : PopulationState
        The state with those of its weights that are searched.
    key : tuple of two int
        128 bits to draw from.
    rows : ndarray of int or None
        Who judges; None: all rows.
    output_layers : OutputLayers or None
        How members come to their outputs, where output layers are solved for.
    """

    problem: Problem
    space: AllWeights | HiddenWeights
    searched: Any
    key: tuple[int, int]
    rows: np.ndarray | None
    output_layers: Any

    def judge(self, members: Members) -> np.ndarray:
        """Losses (signs, directions) of members; one that failed has the worst of the others, infinity if all did."""
        members.block_members = judging.block_members(self.problem, self.output_layers)
        losses = judging.judge(self.problem, members, self.rows, self.output_layers)
        failed = ~np.isfinite(losses)
        return np.where(failed, np.inf if failed.all() else losses[~failed].max(initial=-np.inf), losses)


class PopulationTrainer(Trainer):
    """Base for methods that need the values of many members, and nothing else.

    Parameters
    ----------
    population_size : int, default=32
        Members of a generation; an even number where members come in antithetic pairs.
    sigma : float, default=0.08
        First standard deviation of a weight, in units of ``1 / sqrt(fan_in + 1)`` of its layer. Steps show only through
        noise: there the unit is ten times that below an activation "step" or "sign", four times for quantised kernels.
    readout : {"auto", "solved", "evolved"}, default="auto"
        "solved": variable projection; the hidden layers evolve, and every member is judged with the output layer that
        suits it best, in closed form. It is there for the squared error and the log-losses. "evolved": all weights
        evolve. "auto": "solved" where it can be, up to `WIDEST_SOLVED` units in the last hidden layer.
    """

    state_types: ClassVar[tuple[type, ...]] = (PopulationState,)
    needs = "values"
    signs: ClassVar[tuple[float, ...]] = (1.0, -1.0)  # antithetic pairs; (1.0,) for independent members

    population_size: int = 32
    sigma: float = 0.08
    readout: str = "auto"

    @abstractmethod
    def update(self, state: Any, members: Members, losses: np.ndarray, problem: Problem) -> dict:
        """The method itself: what changes in the state after a generation.

        Parameters
        ----------
        state : PopulationState
            The state before; must not be changed. Its `weights` are those that are searched, like all else in it, and
            ``members.network`` says what they are.
        members : Members
            The population: ``centre + sign * scale * E``, and sums over its directions E.
        losses : ndarray of shape (signs, directions)
            Lower is better. A member that failed has the worst loss of the others.
        problem : Problem

        Returns
        -------
        changes : dict
            New values of the state's fields, such as `weights`, `sigma` and `slots`; `loss`, if the members' mean does
            not say how far the search has come.
        """

    def members(self, state: Any, network: Network, key: tuple[int, int]) -> Members:
        """The next generation around ``state.weights`` of `network`; override to draw it in another way."""
        directions = self.population_size // len(self.signs)
        return Members(network, state.weights, state.sigma, key, directions, self.signs)

    def weight_space(self, problem: Problem) -> AllWeights | HiddenWeights:
        """What is searched: the hidden layers where output layers are solved for, otherwise all weights."""
        possible = self.readout != "evolved" and projection.can_be_solved(problem)
        if self.readout == "solved" and not possible and not problem.warmup:
            raise ValueError(
                f'readout="solved" of {type(self).__name__} needs a hidden layer and the squared error or a log-loss, '
                f'got {problem.objective!r} and layers {problem.network.layer_sizes}; use readout="auto".'
            )
        solves = possible and (self.readout == "solved" or problem.network.layer_sizes[-2] <= WIDEST_SOLVED)
        return HiddenWeights(problem) if solves else AllWeights(problem)

    def slots(self, weights) -> list[np.ndarray]:
        """First value of the state's slots, for the weights that are searched."""
        return []

    def budget(self, n_samples: int, n_features: int) -> Budget:
        """Generations on minibatches of 256 rows; fewer on small tables, which are soon learned by heart."""
        return Budget(max_iter=int(np.clip(n_samples // 4, 30, 300)), batch_size=256)

    def horizon(self, problem: Problem, budget: Budget) -> int:
        """Four times as many generations where the output layer evolves, too."""
        return budget.max_iter * self.weight_space(problem).patience

    def param_distributions(self) -> dict[str, Any]:
        """The first standard deviation on a log scale around its default, and the size of the population."""
        sizes = [self.population_size, 2 * self.population_size]
        return {"sigma": loguniform(self.sigma / 4, self.sigma * 4), "population_size": sizes}

    def check_parameters(self) -> None:
        """Refuse hyper-parameters that make no sense, in one sentence."""
        check_scalar(self.population_size, "population_size", int, min_val=2)
        if self.population_size % len(self.signs):
            raise ValueError(
                f"population_size of {type(self).__name__} must be even, because members come in antithetic pairs, "
                f"got {self.population_size}."
            )
        check_scalar(self.sigma, "sigma", (int, float), min_val=0, include_boundaries="neither")
        check_choice(self, "readout", ("auto", "solved", "evolved"))

    def init(self, problem: Problem, rng: np.random.Generator) -> PopulationState:
        """First centre, standard deviations and moments."""
        weights = problem.network.initial_weights(rng, problem.dtype)
        problem.network.unpack(weights)[1][-1][:] = problem.initial_output()
        space, sigma = self.weight_space(problem), self.sigma * noise_scale(problem.network, problem.dtype)
        slots = self.slots(space.part(weights))
        weights, penalty = space.start(weights, rng)
        return PopulationState(weights, sigma=space.part(sigma), slots=slots, penalty=penalty)

    def step(self, state: Any, problem: Problem, rng: np.random.Generator) -> PopulationState:
        """One generation: draw members, judge them all by the same rows, update."""
        generation = self.generation(state, problem, rng)
        members = self.members(generation.searched, generation.space.network, generation.key)
        losses = generation.judge(members)
        if not np.isfinite(losses).all():
            return advance(state, loss=float("inf"))  # the loop calls it divergence
        changes = self.update(generation.searched, members, losses, problem)
        return self.settle(state, generation, {"loss": float(losses.mean()), **changes}, rng)

    def generation(self, state: Any, problem: Problem, rng: np.random.Generator) -> Generation:
        """What the members of the next generation share: rows, a key, and how they come to their outputs."""
        space, rows, key = self.weight_space(problem), judging.sample_rows(problem, rng), draw_key(rng)
        searched = advance(state, weights=space.part(state.weights))
        return Generation(problem, space, searched, key, rows, space.output_layers(state.weights, state.penalty, rows))

    def settle(self, state: Any, generation: Generation, changes: dict, rng: np.random.Generator) -> Any:
        """The state after a generation, with the output layer that suits the new centre."""
        searched = changes.get("weights", generation.searched.weights)
        n_rows = max(1, self.population_size * generation.problem.batch_size // 4)
        weights = generation.space.whole(searched, generation.output_layers, state.penalty, n_rows, rng)
        return advance(state, **{"t": state.t + 1, **changes, "weights": weights})

    def shift_outputs(self, state: Any, problem: Problem, shift: Any) -> Any:
        """Besides, all weights evolve from now on, even if the output layer was solved for while warming up."""
        state = super().shift_outputs(state, problem, shift)
        if state.sigma.size == state.weights.size:
            return state
        _, output_sigma = projection.split(problem.network, self.sigma * noise_scale(problem.network, problem.dtype))
        sigma = projection.join(problem.network, state.sigma, output_sigma)
        return advance(state, sigma=sigma, slots=self.slots(state.weights), t=0)


def noise_scale(network: Network, dtype) -> np.ndarray:
    """Unit of the noise of each weight (n_weights,): `fan_in_scale`, and more where the network has no derivatives."""
    scale = network.fan_in_scale(dtype)
    kernels, biases = network.unpack(scale)
    flat = ACTIVATIONS[network.activation].flat
    for W, b in zip(kernels, biases, strict=True):
        if flat and W is not kernels[-1]:
            W *= ROUGH_UNITS
            b *= ROUGH_UNITS
        elif network.weight_kind != "float":
            W *= ROUGH_WEIGHTS
    return scale


def centred_ranks(losses) -> np.ndarray:
    """Ranks from -0.5 (the lowest loss) to 0.5, ties averaged; the same for any increasing function of the losses."""
    return (rankdata(losses) - 1).reshape(losses.shape) / (losses.size - 1) - 0.5
