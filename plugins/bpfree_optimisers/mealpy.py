"""mealpy's algorithms, an epoch a step, through its own interface: `initialization`, `evolve` and the best agent.

mealpy's algorithms own their loop and ask for values in the middle of an epoch. So the state of a fit is the values
that they were given (see `replay`); the living model goes along from step to step, and where it is not at hand its
epochs are run again with the same values, which takes no evaluation. What an algorithm asks for at once is judged at
once: whole populations where it makes them whole (mealpy's mode "swarm"), agent by agent where it does not, which is
much slower.

mealpy is published under the GPL, declares no support for numpy 2, which it runs under all the same, and is no extra of
this library for that reason: ``pip install --no-deps mealpy``. Read `step` and `Model` first.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any, ClassVar

import numpy as np

from bpfree_optimisers.adapters import BOX
from bpfree_optimisers.replay import keep, take
from sklearn_bpfree.plugin import FOR_TRAINING, Budget, GivenMembers, PopulationState, PopulationTrainer, advance

EPOCHS = 100  # of a schedule whose end is not known, as in `partial_fit`


def global_state() -> tuple[bytes, int]:
    """Where numpy's global generator stands, which nobody should move."""
    _, keys, place, *_ = np.random.get_state(legacy=True)  # noqa: NPY002
    return np.asarray(keys).tobytes(), int(place)


@cache
def _unit_box() -> Any:
    """A box to copy: mealpy makes a generator without a seed for each, before it gives it the one of the seed."""
    return import_module("mealpy").FloatVar(lb=0.0, ub=1.0)


class Model:
    """A model of mealpy whose epochs are called one by one, and whose values come from a function of populations.

    Parameters
    ----------
    kind : type
        A class of mealpy.
    options : dict
    x0 : ndarray of shape (D,)
    sigma, seed, size, epochs
        Spread of the first agents around x0, seed, number of agents, and epochs that a schedule reaches to.
    """

    def __init__(self, kind, options, x0, sigma, seed, size, epochs):
        self.x0, self.sigma, self.seed, self.epoch = x0, sigma, seed, 0
        self.target = import_module("mealpy.utils.target").Target
        space = copy.copy(_unit_box())
        space.lb, space.ub, space.n_vars = x0 - BOX * sigma, x0 + BOX * sigma, len(x0)
        model: Any = kind(**{"epoch": epochs, "pop_size": size, **options})
        model.check_problem({"bounds": space, "obj_func": self._value, "minmax": "min", "log_to": None}, seed)
        model.check_mode_and_workers("swarm" if model.is_parallelizable else "single", None)
        model.check_termination("start", None, None)
        model.get_target = lambda solution, counted=True: self._targets([solution])[0]
        model.update_target_for_population = self._judge
        self.model = model

    def run(self, values) -> np.ndarray:
        """One epoch, or the first agents; `values` judges a population (n, D). The best solution so far."""
        self.values, model = values, self.model
        before = global_state()
        if not self.epoch:
            self._begin()
        else:
            model.evolve(self.epoch)
            ordered, model.g_best = model.update_global_best_agent(model.pop)
            model.pop = ordered if model.sort_flag else model.pop
        self.epoch += 1
        if before != global_state():
            raise ValueError(
                f"{type(model).__name__} of mealpy draws from numpy's global generator, so that no fit could be "
                "repeated; use another algorithm."
            )
        return np.asarray(model.g_best.solution)

    def _begin(self):
        model, n = self.model, self.model.pop_size
        first = self.x0 + self.sigma * np.random.default_rng(self.seed).standard_normal((n, len(self.x0)))
        first[0] = self.x0
        model.initialize_variables()
        model.before_initialization(list(np.clip(first, model.problem.lb, model.problem.ub)))
        model.initialization()
        model.after_initialization()
        model.before_main_loop()

    def _targets(self, solutions):
        return [self.target([loss], np.ones(1)) for loss in self.values(np.asarray(solutions)).tolist()]

    def _value(self, solution):
        return self._targets([solution])[0].fitness

    def _judge(self, pop):
        for agent, target in zip(pop, self._targets([agent.solution for agent in pop]) if pop else [], strict=True):
            agent.target = target
        return pop


@dataclass(eq=False, kw_only=True)
class MealpyState(PopulationState):
    """State of `Mealpy`.

    Attributes
    ----------
    x0 : ndarray of shape (n_searched,)
        Where the search starts.
    seed, epochs : int
        What the model is made with.
    given : list of ndarray
        Values that it was given, by epoch.
    """

    x0: np.ndarray = field(metadata=FOR_TRAINING)
    seed: int
    epochs: int
    given: list[np.ndarray] = field(metadata=FOR_TRAINING)


class Mealpy(PopulationTrainer):
    """Any of mealpy's metaheuristics, an epoch a step, through mealpy's own interface.

    Parameters
    ----------
    algorithm : str, default="OriginalGWO"
        Name of a class of mealpy, such as "OriginalPSO", "OriginalWOA", "BaseGA" or "JADE".
    options : dict or None, default=None
        What it is made with besides `epoch` and `pop_size`.
    population_size : int, default=32
        Agents.
    sigma : float, default=0.3
        Spread of the first agents, in units of ``1 / sqrt(fan_in + 1)``; the box has ten times this width.

    Raises
    ------
    ImportError
        If the package is not installed: ``pip install --no-deps mealpy``.

    References
    ----------
    Van Thieu and Mirjalili (2023), "MEALPY: an open-source library for latest meta-heuristic algorithms in Python",
    Journal of Systems Architecture 139.
    """

    packages = ("mealpy",)
    installation = "pip install --no-deps mealpy"
    signs: ClassVar[tuple[float, ...]] = (1.0,)
    state_types: ClassVar[tuple[type, ...]] = (MealpyState,)

    sigma: float = 0.3
    algorithm: str = "OriginalGWO"
    options: Any = None

    def budget(self, n_samples, n_features):
        """Batches of 1024 rows, because agents keep their values from epoch to epoch."""
        return Budget(super().budget(n_samples, n_features).max_iter, batch_size=1024)

    def check_parameters(self):
        super().check_parameters()
        self._kind()
        if self.options is not None and not isinstance(self.options, dict):
            raise TypeError(f"options of Mealpy must be None or a dict, got {type(self.options).__name__}.")

    def init(self, problem, rng):
        first = super().init(problem, rng)
        space = self.weight_space(problem)
        start = beginning(space.part(first.weights), space.network, problem)
        return MealpyState(**vars(first), seed=int(rng.integers(2**31)), **start)

    def shift_outputs(self, state: Any, problem, shift):
        """Besides, the search starts anew around the shifted weights."""
        state = super().shift_outputs(state, problem, shift)
        return advance(state, seed=state.seed + 1, **beginning(state.weights, problem.network, problem))

    def step(self, state, problem, rng):
        """One epoch; the first one makes the agents."""
        generation = self.generation(state, problem, rng)
        unit, centre = generation.space.network.fan_in_scale(np.float64), generation.searched
        model = take(state) or self._again(state)
        given: list[np.ndarray] = []

        def values(X):
            population = (X * unit).astype(centre.weights.dtype)
            members = GivenMembers(
                generation.space.network, centre.weights, centre.sigma, generation.key, len(X), population=population
            )
            given.append(generation.judge(members)[0])
            return given[-1]

        best = model.run(values) * unit
        history = [*state.given, np.concatenate(given)]
        changes = self.update(centre, best, history[-1], problem)
        following = self.settle(state, generation, {**changes, "given": history}, rng)
        keep(following, model)
        return following

    def update(self, state: Any, members: Any, losses, problem):
        """The best agent is the centre."""
        return {"weights": members.astype(state.weights.dtype), "loss": float(np.median(losses))}

    def _again(self, state) -> Model:
        """The model, made anew and given the values of all epochs so far."""
        x0 = state.x0.astype(np.float64)
        model = Model(self._kind(), self.options or {}, x0, self.sigma, state.seed, self.population_size, state.epochs)
        for values in state.given:
            left = [values]

            def replayed(X, left=left):
                value, left[0] = left[0][: len(X)], left[0][len(X) :]
                return value

            model.run(replayed)
        return model

    def _kind(self) -> Any:
        try:
            package = import_module("mealpy")
        except ImportError as error:
            raise ImportError(
                f"The trainer 'mealpy' needs the package mealpy, which is not installed; run {self.installation}."
            ) from error
        kinds = package.get_all_optimizers(verbose=False)
        if self.algorithm not in kinds:
            raise ValueError(
                f"algorithm of Mealpy must be the name of one of mealpy's {len(kinds)} classes, such as 'OriginalGWO' "
                f"or 'BaseGA', got {self.algorithm!r}."
            )
        return kinds[self.algorithm]


def beginning(start, network, problem) -> dict:
    """What a state says of a search that begins at some weights."""
    epochs = max(problem.max_iter or EPOCHS, 2)
    return {"x0": start / network.fan_in_scale(start.dtype), "epochs": epochs, "given": []}
