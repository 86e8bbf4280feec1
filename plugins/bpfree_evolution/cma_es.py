"""CMA-ES with a full covariance, by the `cma` package: it asks for members, and is told their losses.

    x_i = m + s y_i,  y_i ~ N(0, C)      ask
    F(x_i) by the population base        tell: m, s, C and the evolution paths are the package's affair

(Hansen and Ostermeier 2001; Hansen 2016 for the equations; the package: Hansen, Akimoto and Baudis 2019.) Weights are
measured in units of ``1 / sqrt(fan_in + 1)`` of their layer. A covariance of D weights has D^2 entries, which take as
many evaluations to learn: it is for nets of some hundred weights. Beyond `max_weights` it is told to keep a diagonal.
The strategy is in the state, so that a pickled fit goes on with the same bits. Read `members` and `update` first.
"""

import pickle
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_scalar

from sklearn_bpfree.plugin import GivenMembers, PopulationState, PopulationTrainer, advance, keyed


@dataclass(eq=False, kw_only=True)
class Asked(GivenMembers):
    """Members that the strategy made, and the strategy, which stays at home."""

    strategy: Any

    def __getstate__(self):
        return {**super().__getstate__(), "strategy": None}


@dataclass(eq=False, kw_only=True)
class CMAState(PopulationState):
    """The package's strategy between two generations, pickled, so that it can be kept, compared and repeated."""

    strategy: bytes


class Normals:
    """What the package draws from: the generator that it was lent for a generation."""

    rng: np.random.Generator | None = None

    def __call__(self, *shape):
        assert self.rng is not None  # `members` lends it
        return self.rng.standard_normal(shape)


class CMAES(PopulationTrainer):
    """CMA-ES by the cma package: a full covariance for small nets, a diagonal one for larger.

    Parameters
    ----------
    population_size : int, default=32
    sigma : float, default=0.3
        First step size, in units of ``1 / sqrt(fan_in + 1)``.
    max_weights : int, default=200
        With more weights than this the covariance is diagonal.

    Raises
    ------
    ImportError
        If the package is not installed: ``pip install "sklearn-bpfree[cma]"``.

    References
    ----------
    Hansen and Ostermeier (2001), "Completely derandomized self-adaptation in evolution strategies", Evolutionary
    Computation 9.
    Hansen (2016), "The CMA evolution strategy: a tutorial".
    """

    packages = ("cma",)
    installation = "pip install 'sklearn-bpfree[cma]'"
    signs = (1.0,)

    sigma: float = 0.3
    max_weights: int = 200

    def check_parameters(self):
        super().check_parameters()
        check_scalar(self.max_weights, "max_weights", int, min_val=1)
        package()

    def init(self, problem, rng):
        first = super().init(problem, rng)
        space = self.weight_space(problem)
        unit = space.network.fan_in_scale(np.float64)
        strategy = self._strategy(space.part(first.weights) / unit, self.sigma)
        return CMAState(**{**vars(first), "strategy": freeze(strategy)})

    def shift_outputs(self, state, problem, shift):
        """Besides, the search starts anew around the shifted weights, with the step size that it had come to."""
        state = super().shift_outputs(state, problem, shift)
        start = state.weights / problem.network.fan_in_scale(np.float64)
        return advance(state, strategy=freeze(self._strategy(start, thaw(state.strategy).sigma)))

    def members(self, state, network, key):
        strategy = thaw(state.strategy)
        strategy.opts["randn"].rng = keyed(key)
        population = np.array(strategy.ask()) * network.fan_in_scale(np.float64)
        return Asked(
            network,
            state.weights,
            state.sigma,
            key,
            self.population_size,
            population=population.astype(state.weights.dtype),
            strategy=strategy,
        )

    def update(self, state, members: Any, losses, problem):
        strategy = members.strategy
        unit = members.network.fan_in_scale(np.float64)
        asked = [row / unit for row in members.population.astype(np.float64)]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "TPA")  # members are rounded to the dtype, and cma notices in every step
            strategy.tell(asked, losses[0].tolist())
        weights = (strategy.mean * unit).astype(state.weights.dtype)
        sigma = (strategy.sigma * unit).astype(state.sigma.dtype)
        return {"weights": weights, "sigma": sigma, "strategy": freeze(strategy)}

    def finish(self, state, problem):
        """The state that predicts: the pickled strategy, which no safe loading may touch, stays where a fit goes on."""
        stored = vars(state).items()
        return PopulationState(**{name: value for name, value in stored if name != "strategy"})

    def _strategy(self, start, sigma):
        options = {
            "popsize": self.population_size,
            "CMA_diagonal": start.size > self.max_weights,
            "randn": Normals(),
            "seed": np.nan,
            "verbose": -9,
            "verb_log": 0,
        }
        return package().CMAEvolutionStrategy(start, sigma, options)


def freeze(strategy) -> bytes:
    """The strategy as bytes, without what differs from run to run: generator, clock and log."""
    strategy.opts["randn"].rng = None
    strategy.timer = strategy.logger = None
    return pickle.dumps(strategy)


def thaw(frozen):
    """The strategy again."""
    strategy = pickle.loads(frozen)
    strategy.timer = package().utilities.utils.ElapsedWCTime()
    return strategy


def package():
    """The cma package, or one sentence that says how to get it."""
    try:
        import cma
    except ImportError as error:
        raise ImportError(
            f"The trainer 'cma_es' needs the package cma, which is not installed; run {CMAES.installation}."
        ) from error
    return cma
