"""Any minimiser of scipy.optimize, a run at a time, each in a few random directions around the best weights so far.

    theta(z) = theta + s (z P) / sqrt(d),   P (d, D) standard normal and new in every step,   z in [-1, 1]^d
    z*       = the best of at most `population_size` values of F(theta(z)), the first of which is z = 0
    theta   <- theta(z*),   s <- 5/4 s if z* is not 0, else 4/5 s

SciPy's minimisers own their loop. So a step of ours is a run of theirs, ended by its number of evaluations; between
runs there is nothing but theta and s, and a fit can be stopped, watched and taken up at every step. Most of these
methods are for some dozens of coordinates: a random subspace has so many for any network (Wang et al. 2016; Cartis and
Roberts 2023).

"l-bfgs-b" is the yardstick: it is given the gradient by back-propagation and searches all weights. Read `step` first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import optimize
from sklearn.utils import check_scalar

from sklearn_bpfree.plugin import (
    AllWeights,
    Budget,
    GivenMembers,
    Pass,
    PopulationTrainer,
    check_choice,
    get_trainer,
    keyed,
)

METHODS = ("differential_evolution", "dual_annealing", "direct", "cobyqa", "nelder-mead", "powell", "l-bfgs-b")
FEW = 8  # directions, where they are not given
RUNS = 4  # generations of a run of differential evolution, about
START = 0.5  # first simplex and trust region


class Spent(Exception):
    """All evaluations of a run are used up."""


class Values:
    """F(theta(z)) by a generation's rows, as scipy's minimisers ask for it; remembers the best z.

    Parameters
    ----------
    generation : Generation
    P : ndarray of shape (d, D)
    most : int
        Evaluations.
    """

    def __init__(self, generation, P, most):
        self.generation, self.P, self.left = generation, P, most
        self.best, self.loss = np.zeros(len(P)), float("inf")
        self(self.best)

    def weights(self, Z) -> np.ndarray:
        """theta(z) for rows of z."""
        state = self.generation.searched
        steps = (Z @ self.P / np.sqrt(len(self.P))).astype(state.weights.dtype)
        return state.weights + state.sigma * steps

    def many(self, Z) -> np.ndarray:
        """F of all rows (n, d)."""
        if len(Z) > self.left:
            raise Spent
        self.left -= len(Z)
        g = self.generation
        theta = self.weights(Z)
        members = GivenMembers(
            g.space.network, g.searched.weights, g.searched.sigma, g.key, len(theta), population=theta
        )
        losses = g.judge(members)[0]
        first = int(losses.argmin())
        if losses[first] < self.loss:
            self.best, self.loss = np.array(Z[first]), float(losses[first])
        return losses

    def __call__(self, z) -> float:
        return float(self.many(np.asarray(z)[None])[0])


class ScipyOptimize(PopulationTrainer):
    """Minimisers of scipy.optimize, a run a step, each in a few random directions around the best weights so far.

    Parameters
    ----------
    method : str, default="differential_evolution"
        "differential_evolution", "dual_annealing", "direct", "cobyqa", "nelder-mead" or "powell"; or "l-bfgs-b", the
        yardstick, for which errors come down by back-propagation.
    population_size : int, default=64
        Evaluations of a step.
    sigma : float, default=0.3
        First s, in units of ``1 / sqrt(fan_in + 1)``.
    dimensions : int or None, default=None
        d, the number of random directions. None: 8. As many as there are weights or more: all weights by themselves.
        "l-bfgs-b" always searches all.

    References
    ----------
    Virtanen et al. (2020), "SciPy 1.0: fundamental algorithms for scientific computing in Python", Nature Methods 17.
    Wang, Hutter, Zoghi, Matheson and de Freitas (2016), "Bayesian optimization in a billion dimensions via random
    embeddings", Journal of Artificial Intelligence Research 55.
    Cartis and Roberts (2023), "Scalable subspace methods for derivative-free nonlinear least-squares optimization",
    Mathematical Programming 199.
    """

    signs = (1.0,)

    population_size: int = 64
    sigma: float = 0.3
    method: str = "differential_evolution"
    dimensions: int | None = None

    @property
    def needs(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Values, but "l-bfgs-b" the output error."""
        return "output error" if self.method == "l-bfgs-b" else "values"

    @property
    def transposes(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """None, but all by "l-bfgs-b"."""
        return "all" if self.method == "l-bfgs-b" else "none"

    def budget(self, n_samples, n_features):
        """Runs by batches of 1024 rows; a few, on all rows, where there is a gradient."""
        if self.method == "l-bfgs-b":
            return Budget(max_iter=3, batch_size=max(1, n_samples))
        return Budget(super().budget(n_samples, n_features).max_iter, batch_size=1024)

    def horizon(self, problem, budget):
        return budget.max_iter

    def param_distributions(self):
        return super().param_distributions() | {"method": list(METHODS[:-1]), "dimensions": [8, 16, 32]}

    def check_parameters(self):
        super().check_parameters()
        check_choice(self, "method", METHODS)
        if self.dimensions is not None:
            check_scalar(self.dimensions, "dimensions", int, min_val=1)

    def step(self, state, problem, rng):
        """One run of the method, from the weights so far."""
        generation = self.generation(state, problem, rng)
        if self.method == "l-bfgs-b":
            return self._descend(state, generation, rng)
        D = generation.space.network.n_weights
        d = min(self.dimensions or FEW, D)
        draw = keyed(generation.key)
        P = np.sqrt(D) * np.eye(D) if d == D else draw.standard_normal((d, D))
        values = Values(generation, P, self.population_size)
        try:
            run(self.method, values, d, draw)
        except Spent:
            pass
        changes = self.update(generation.searched, values, np.array(values.loss), problem)
        return self.settle(state, generation, changes, rng)

    def update(self, state: Any, members: Any, losses, problem):
        """From the values of a run to the next start."""
        factor = state.sigma.dtype.type(1.25 if members.best.any() else 0.8)
        best = members.weights(members.best[None])[0]
        return {"weights": best, "loss": float(losses), "sigma": factor * state.sigma}

    def weight_space(self, problem):
        """All weights where there is a gradient."""
        return AllWeights(problem) if self.method == "l-bfgs-b" else super().weight_space(problem)

    def _descend(self, state, generation, rng):
        """A run of L-BFGS on all rows."""
        problem = generation.problem
        value = loss_and_gradient(problem)
        options = {"maxfun": self.population_size, "maxiter": self.population_size}
        best = optimize.minimize(value, state.weights.astype(np.float64), jac=True, method="L-BFGS-B", options=options)
        return self.settle(
            state, generation, {"weights": best.x.astype(state.weights.dtype), "loss": float(best.fun)}, rng
        )


def run(method, F, d, rng) -> None:
    """Minimise F over [-1, 1]^d from zero on, until it has no evaluations left or the method ends by itself."""
    box, origin, most = optimize.Bounds(np.full(d, -1.0), np.ones(d)), np.zeros(d), F.left
    if method == "differential_evolution":
        size = max(5, most // RUNS)
        first = np.vstack([origin, rng.uniform(-1, 1, (size - 1, d))])
        optimize.differential_evolution(
            lambda Z: F.many(Z.T), box, init=first, vectorized=True, updating="deferred", polish=False, tol=0, seed=rng
        )
    elif method == "dual_annealing":
        optimize.dual_annealing(F, list(zip(box.lb, box.ub, strict=True)), x0=origin, no_local_search=True, seed=rng)
    elif method == "direct":
        optimize.direct(F, box, maxfun=most, maxiter=most)
    else:
        options = {
            "cobyqa": {"initial_tr_radius": START, "maxfev": most},
            "nelder-mead": {
                "initial_simplex": np.vstack([origin, START * np.eye(d)]),
                "adaptive": True,
                "maxfev": most,
            },
            "powell": {"maxfev": most},
        }[method]
        optimize.minimize(F, origin, method=method, bounds=box, options=options)


def loss_and_gradient(problem):
    """The function from all weights to the mean loss and its gradient, by `backprop`."""
    backprop: Any = get_trainer("backprop", dropout=0.0, weight_decay=0.0)
    network, rows = problem.network, problem.all_rows()

    def value(theta):
        weights = theta.astype(problem.dtype)
        gradient = np.zeros_like(weights)
        (kernels, biases), (gW, gb) = network.unpack(weights), network.unpack(gradient)
        loss = backprop.batch_gradient(Pass(kernels, biases, gW, gb, [], [], problem, np.random.default_rng(0)), rows)
        problem.n_evaluations += problem.n_samples
        return loss, gradient.astype(np.float64)

    return value
