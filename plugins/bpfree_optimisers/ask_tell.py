"""Any optimiser with `ask` and `tell`: pycma's, nevergrad's, cmaes', pymoo's, evosax', or your own.

    x_1, ..., x_P   what the optimiser asks for, in units of 1 / sqrt(fan_in + 1) of each weight's layer
    F(x_i)          by the population base: the same rows for all, output layers solved for where that is possible
    tell            the losses go back; what is made of them is the optimiser's affair

The weights to predict with are the optimiser's recommendation where it has one (see `adapters`), otherwise the best
member so far: the one that was best before is judged again beside each generation, by the same rows as its rivals.
Read `members` and `update` first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from bpfree_optimisers.adapters import ADAPTERS, PACKAGES, WITH_ALGORITHMS, factory
from bpfree_optimisers.replay import Search, made, population
from sklearn_bpfree.plugin import FOR_TRAINING, Budget, GivenMembers, PopulationState, PopulationTrainer, advance


@dataclass(eq=False, kw_only=True)
class Asked(GivenMembers):
    """Members that an optimiser asked for, after the centre; the optimiser stays at home."""

    optimizer: Any
    asked: Any

    def __getstate__(self):
        return {**super().__getstate__(), "optimizer": None, "asked": None}


@dataclass(eq=False, kw_only=True)
class AskTellState(PopulationState):
    """State of `AskTell`: besides, the search."""

    search: Search = field(metadata=FOR_TRAINING)


class AskTell(PopulationTrainer):
    """Any optimiser with ask and tell: pycma, nevergrad, cmaes, pymoo and evosax by name, your own by a factory.

    Parameters
    ----------
    optimizer : str or callable, default="pycma"
        "pycma", "cmaes", "nevergrad", "pymoo" or "evosax", the last three with the name of an algorithm of theirs where
        you like, as in "nevergrad:DE"; or a factory ``(x0, sigma, seed, size)`` of an object with ``ask()``, which
        gives an array (P, D), and ``tell(population, losses)``, to which lower losses are better.
    population_size : int, default=32
        What the factory is told of the size of a generation. The optimiser may ask for more or less.
    sigma : float, default=0.3
        First step size, in units of ``1 / sqrt(fan_in + 1)`` of a weight's layer.

    Raises
    ------
    ImportError
        If the package is not installed.

    Notes
    -----
    The optimiser must draw from its seed alone. The state of a fit is all that it was told (see `replay`), so that any
    optimiser can be stopped, pickled and taken up again, its own arithmetic being repeated.
    """

    signs = (1.0,)
    state_types: ClassVar[tuple[type, ...]] = (AskTellState, Search)

    sigma: float = 0.3
    optimizer: Any = "pycma"

    @property
    def packages(self) -> tuple[str, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The package of a named optimiser; a factory of your own speaks for itself."""
        return PACKAGES.get(self.optimizer.partition(":")[0], ()) if isinstance(self.optimizer, str) else ()

    def budget(self, n_samples, n_features):
        """Batches of 1024 rows, because most optimisers take losses of different generations to be comparable."""
        return Budget(super().budget(n_samples, n_features).max_iter, batch_size=1024)

    def check_parameters(self):
        super().check_parameters()
        if isinstance(self.optimizer, str):
            package, _, algorithm = self.optimizer.partition(":")
            if package not in ADAPTERS or (algorithm and package not in WITH_ALGORITHMS):
                raise ValueError(
                    f"optimizer of AskTell must be one of {list(ADAPTERS)}, for {' and '.join(WITH_ALGORITHMS)} also "
                    f"with an algorithm as in 'nevergrad:DE', or a factory of your own, got {self.optimizer!r}."
                )
        elif not callable(self.optimizer):
            raise TypeError(
                "optimizer of AskTell must be a name or a factory (x0, sigma, seed, size) of an object with ask and "
                f"tell, got {type(self.optimizer).__name__}; an object that exists already could not start anew."
            )

    def init(self, problem, rng):
        first = super().init(problem, rng)
        space = self.weight_space(problem)
        search = self._search(space.part(first.weights), space.network, int(rng.integers(2**31)))
        return AskTellState(**{**vars(first), "search": search})

    def shift_outputs(self, state, problem, shift):
        """Besides, the search starts anew around the shifted weights."""
        state = super().shift_outputs(state, problem, shift)
        return advance(state, search=self._search(state.weights, problem.network, state.search.seed + 1))

    def members(self, state: Any, network, key):
        optimizer = state.search.optimizer(self._factory())
        asked = optimizer.ask()
        given = population(asked, network.n_weights) * network.fan_in_scale(np.float64)
        given = np.vstack([state.weights[None], given.astype(state.weights.dtype)])
        return Asked(
            network, state.weights, state.sigma, key, len(given), population=given, optimizer=optimizer, asked=asked
        )

    def update(self, state: Any, members: Any, losses, problem):
        optimizer, losses = members.optimizer, losses[0].copy()
        search = state.search.after(optimizer, members.asked, losses[1:])
        best = members.population[int(np.argmin(losses))]  # the centre if nothing is better
        if hasattr(optimizer, "recommend"):
            unit = members.network.fan_in_scale(np.float64)
            best = (np.asarray(optimizer.recommend(), np.float64) * unit).astype(best.dtype)
        return {"weights": best, "search": search}

    def _search(self, start, network, seed) -> Search:
        """A search around some weights, with an optimiser that can do what is asked of it."""
        x0 = start / network.fan_in_scale(start.dtype)
        make, size = self._factory(), self.population_size
        one, two = (population(made(make, x0, self.sigma, seed, size).ask(), len(x0)) for _ in range(2))
        if not np.array_equal(one, two):
            raise ValueError(
                f"optimizer={self.optimizer!r} of AskTell asks for other members when it is made twice with the same "
                "seed, so that no fit could be repeated; have it draw from a generator of that seed alone."
            )
        return Search(x0, self.sigma, seed, size)

    def _factory(self):
        return factory(self.optimizer)
