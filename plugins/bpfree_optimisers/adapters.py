"""Optimisers of other packages as objects that ask for a population and are told its losses, a few lines each.

Each function here is a factory ``(x0, sigma, seed, size)``: a start, the standard deviation of the first steps, the
seed of all that the optimiser draws, and the number of members in a generation. What it makes has ``ask() -> (P, D)``
and ``tell(population, losses)``, and where the package has a recommendation of its own, ``recommend() -> (D,)``. Yours
may stand beside them: `optimizer=` of `ask_tell` takes any such factory.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

LARGEST_FULL = 200  # dimensions of a full covariance matrix; beyond it is diagonal
BOX = 5  # half of the width of a box, where a package wants one, in units of sigma


def imported(name: str) -> Any:
    """A module of a package that need not be there, or one sentence that says how to get it."""
    try:
        return import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise ImportError(
            f"This optimizer of AskTell needs the package {package}, which cannot be imported ({error}); run "
            f"pip install {package}, or use another optimizer."
        ) from error


def chosen(package: str, algorithm: str, catalogue) -> Any:
    """An algorithm in a package's catalogue of them, a mapping; or one sentence that lists it."""
    if algorithm not in catalogue:
        known = ", ".join(sorted(catalogue))
        raise ValueError(f"{package} has no algorithm {algorithm!r}; optimizer='{package}:NAME' takes {known}.")
    return catalogue[algorithm]


class PyCMA:
    """CMA-ES of the package cma."""

    def __init__(self, x0, sigma, seed, size):
        normal = np.random.default_rng(seed).standard_normal
        options = {"popsize": size, "CMA_diagonal": len(x0) > LARGEST_FULL, "verbose": -9, "verb_log": 0}
        options |= {"seed": np.nan, "randn": lambda *shape: normal(shape)}
        self.strategy: Any = imported("cma").CMAEvolutionStrategy(x0, sigma, options)
        self.ask = self.strategy.ask

    def tell(self, population, losses):
        self.strategy.tell(population, losses.tolist())

    def recommend(self):
        return self.strategy.mean


class CMAES:
    """CMA-ES of the package cmaes, which gives one member at a time."""

    def __init__(self, x0, sigma, seed, size):
        package = imported("cmaes")
        kind = package.CMA if len(x0) <= LARGEST_FULL else package.SepCMA
        self.strategy = kind(mean=x0, sigma=sigma, population_size=size, seed=seed)

    def ask(self):
        return [self.strategy.ask() for _ in range(self.strategy.population_size)]

    def tell(self, population, losses):
        self.strategy.tell(list(zip(population, losses.tolist(), strict=True)))


class Nevergrad:
    """Any optimiser in nevergrad's registry."""

    def __init__(self, x0, sigma, seed, size, algorithm="CMA"):
        ng = imported("nevergrad")
        space = ng.p.Array(init=x0).set_mutation(sigma=sigma)
        space.random_state = np.random.RandomState(seed)
        kind = chosen("nevergrad", algorithm, ng.optimizers.registry)
        self.strategy, self.size = kind(space, budget=None, num_workers=size), size

    def ask(self):
        self.candidates = [self.strategy.ask() for _ in range(self.size)]
        return [candidate.value for candidate in self.candidates]

    def tell(self, population, losses):
        for candidate, loss in zip(self.candidates, losses.tolist(), strict=True):
            self.strategy.tell(candidate, loss)

    def recommend(self):
        return self.strategy.provide_recommendation().value


class Pymoo:
    """Any algorithm for one objective in pymoo, in a box around the start."""

    def __init__(self, x0, sigma, seed, size, algorithm="DE"):
        module = imported(f"pymoo.algorithms.soo.nonconvex.{algorithm.lower()}")
        problem = imported("pymoo.core.problem").Problem(
            n_var=len(x0), n_obj=1, xl=x0 - BOX * sigma, xu=x0 + BOX * sigma
        )
        first = x0 + sigma * np.random.default_rng(seed).standard_normal((size, len(x0)))
        self.strategy = getattr(module, algorithm)(pop_size=size, sampling=np.clip(first, problem.xl, problem.xu))
        never = imported("pymoo.core.termination").NoTermination()
        self.strategy.setup(problem, termination=never, seed=seed, verbose=False)

    def ask(self):
        self.asked = self.strategy.ask()
        return self.asked.get("X")

    def tell(self, population, losses):
        self.asked.set("F", losses[:, None])
        for individual in self.asked:
            individual.evaluated.add("F")
        self.strategy.tell(infills=self.asked)


class Evosax:
    """Any algorithm of evosax, which runs on jax; those that start from a population get one around the start."""

    def __init__(self, x0, sigma, seed, size, algorithm="CMA_ES"):
        self.jax, package = imported("jax"), imported("evosax.algorithms")
        self.key, first = self.jax.random.split(self.jax.random.key(seed))
        self.strategy = chosen("evosax", algorithm, package.algorithms)(population_size=size, solution=x0)
        self.params = self.strategy.default_params
        if hasattr(self.params, "std_init"):
            self.params = self.params.replace(std_init=sigma)
        self.has_mean = hasattr(self.strategy, "get_mean")
        self.asked = x0 + sigma * np.random.default_rng(seed).standard_normal((size, len(x0)))
        self.state: Any = self.strategy.init(first, x0, self.params) if self.has_mean else None

    def _next(self):
        self.key, key = self.jax.random.split(self.key)
        return key

    def ask(self):
        if self.state is not None:
            self.asked, self.state = self.strategy.ask(self._next(), self.state, self.params)
        return np.asarray(self.asked)

    def tell(self, population, losses):
        if self.state is None:
            self.state = self.strategy.init(self._next(), self.asked, losses, self.params)
        else:
            self.state, _ = self.strategy.tell(self._next(), self.asked, losses, self.state, self.params)

    def recommend(self):
        best = self.strategy.get_mean(self.state) if self.has_mean else self.state.best_solution
        return np.asarray(best, np.float64)


ADAPTERS = {"pycma": PyCMA, "cmaes": CMAES, "nevergrad": Nevergrad, "pymoo": Pymoo, "evosax": Evosax}
PACKAGES = {"pycma": ("cma",), "cmaes": ("cmaes",), "nevergrad": ("nevergrad",), "pymoo": ("pymoo",)}
PACKAGES |= {"evosax": ("evosax",)}
WITH_ALGORITHMS = ("nevergrad", "pymoo", "evosax")


def factory(optimizer: str | Callable) -> Callable:
    """The factory of a name such as "pycma" or "nevergrad:DE"; a callable is one already."""
    if not isinstance(optimizer, str):
        return optimizer
    package, _, algorithm = optimizer.partition(":")
    return partial(ADAPTERS[package], algorithm=algorithm) if algorithm else ADAPTERS[package]
