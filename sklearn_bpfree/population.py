"""Base of trainers that learn from the values of a population alone.

A method of this kind is one function, `update`: from the members' losses to the next centre. The base keeps the books:
first weights, rows that all members of a generation share, parallel evaluation, fitness shaping, members that failed,
and the best member. Read `PopulationTrainer.step` first.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from scipy.stats import rankdata
from sklearn.utils import check_scalar

from sklearn_bpfree.members import Members
from sklearn_bpfree.network import ACTIVATIONS, Network
from sklearn_bpfree.problem import Problem
from sklearn_bpfree.trainer import Budget, State, Trainer, advance

ROUGH_UNITS, ROUGH_WEIGHTS = 10, 4  # so many times the noise where only noise shows a slope


@dataclass(eq=False)
class PopulationState(State):
    """State of a `PopulationTrainer`; its `weights` are the centre of the population.

    Attributes
    ----------
    sigma : ndarray of shape (n_weights,)
        Standard deviation of each weight.
    slots : list of ndarray
        What the method carries besides, such as the moving averages of an optimizer or evolution paths.
    t : int
        Number of generations so far.
    best : ndarray of shape (n_weights,) or None
        The best member: of all generations if they are judged by the whole table, of the last one on minibatches, whose
        losses do not compare.
    best_loss : float
    """

    sigma: np.ndarray = field(default_factory=lambda: np.empty(0))
    slots: list[np.ndarray] = field(default_factory=list)
    t: int = 0
    best: np.ndarray | None = None
    best_loss: float = float("inf")


class PopulationTrainer(Trainer):
    """Base for methods that need the values of many members, and nothing else.

    Parameters
    ----------
    population_size : int, default=64
        Members of a generation; an even number where members come in antithetic pairs.
    sigma : float, default=0.08
        First standard deviation of a weight, in units of ``1 / sqrt(fan_in + 1)`` of its layer. Steps show only through
        noise: there the unit is ten times that below an activation "step" or "sign", four times for quantised kernels.
    """

    needs = "values"
    signs: ClassVar[tuple[float, ...]] = (1.0, -1.0)  # antithetic pairs; (1.0,) for independent members

    population_size: int = 64
    sigma: float = 0.08

    @abstractmethod
    def update(self, state: Any, members: Members, losses: np.ndarray, problem: Problem) -> dict:
        """The method itself: what changes in the state after a generation.

        Parameters
        ----------
        state : PopulationState
            The state before; must not be changed.
        members : Members
            The population: ``centre + sign * scale * E``, and sums over its directions E.
        losses : ndarray of shape (signs, directions)
            Lower is better. A member that failed has the worst loss of the others.
        problem : Problem

        Returns
        -------
        changes : dict
            New values of the state's fields, such as `weights`, `sigma` and `slots`.
        """

    def members(self, state: Any, problem: Problem, key: tuple[int, int]) -> Members:
        """The next generation; override to draw it in another way."""
        directions = self.population_size // len(self.signs)
        return Members(problem.network, state.weights, state.sigma, key, directions, self.signs)

    def slots(self, weights) -> list[np.ndarray]:
        """First value of the state's slots."""
        return []

    def budget(self, n_samples, n_features):
        """600 generations on minibatches of 256 rows; fewer on small tables, which are soon learned by heart."""
        return Budget(max_iter=int(np.clip(n_samples, 100, 600)), batch_size=256)

    def check_parameters(self):
        check_scalar(self.population_size, "population_size", int, min_val=2)
        if self.population_size % len(self.signs):
            raise ValueError(
                f"population_size of {type(self).__name__} must be even, because members come in antithetic pairs, "
                f"got {self.population_size}."
            )
        check_scalar(self.sigma, "sigma", (int, float), min_val=0, include_boundaries="neither")

    def init(self, problem, rng):
        weights = problem.network.initial_weights(rng, problem.dtype)
        problem.network.unpack(weights)[1][-1][:] = problem.initial_output()
        sigma = self.sigma * noise_scale(problem.network, problem.dtype)
        return PopulationState(weights, sigma=sigma, slots=self.slots(weights))

    def step(self, state, problem, rng):
        """One generation: draw members, judge them all by the same rows, update."""
        rows = problem.sample_rows(rng, problem.batch_size)
        key = rng.integers(2**64, size=2, dtype=np.uint64)
        members = self.members(state, problem, (int(key[0]), int(key[1])))
        members.block_members = problem.block_members
        losses = problem.judge(members, rows)
        failed = ~np.isfinite(losses)
        if failed.all():
            return advance(state, loss=float("inf"))  # the loop calls it divergence
        best = self._best(state, members, np.where(failed, np.inf, losses), comparable=rows is None)
        losses = np.where(failed, losses[~failed].max(), losses)
        changes = self.update(state, members, losses, problem)
        return advance(state, loss=float(losses.mean()), t=state.t + 1, **best, **changes)

    def shift_outputs(self, state, network, shift):
        return advance(super().shift_outputs(state, network, shift), best=None, best_loss=float("inf"))

    def _best(self, state, members, losses, comparable):
        at = np.unravel_index(np.argmin(losses), losses.shape)
        if comparable and not losses[at] < state.best_loss:
            return {}
        return {"best": members.member(*map(int, at)), "best_loss": float(losses[at])}


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
