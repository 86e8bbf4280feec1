"""What a population searches: all weights, or those of the hidden layers, with an output layer that is solved for.

The search sees a network and a vector of its weights; what becomes of the rest is told here. Both spaces answer the
same questions, so that a trainer need not ask which of them it is in. Read `HiddenWeights` first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.plugin import projection
from sklearn_bpfree.plugin.output_layers import OutputLayers
from sklearn_bpfree.plugin.problem import Problem

REFIT_ROWS = 1 << 15  # "all" rows of a large table
STEPS, FULL_STEPS = 2, 20  # towards the centre's output layer in a generation, and where it is to be had in full
ROWS_PER_UNIT = 4  # so many rows of a `partial_fit` count as much as all rows before


@dataclass(frozen=True, eq=False)
class AllWeights:
    """All weights evolve.

    Parameters
    ----------
    problem : Problem
    """

    problem: Problem

    patience: ClassVar[int] = 4  # how many times as many generations as where the output layer is solved for

    @property
    def network(self) -> Network:
        """The network whose weights are searched."""
        return self.problem.network

    def part(self, weights) -> np.ndarray:
        """Those of the network's weights that are searched."""
        return weights

    def start(self, weights, rng) -> tuple[np.ndarray, float]:
        """First weights, and the penalty of the output layer."""
        return weights, 0.0

    def output_layers(self, weights, penalty, rows) -> OutputLayers | None:
        """How members around some weights come to their outputs on some rows (None: all); None: as the network does."""
        return None

    def whole(self, part, output_layers, penalty, n_rows, rng) -> np.ndarray:
        """All weights of the network whose searched part has become another one."""
        return part


@dataclass(frozen=True, eq=False)
class HiddenWeights:
    """The hidden layers evolve, and output layers are solved for; see `AllWeights` and `projection`."""

    problem: Problem

    patience: ClassVar[int] = 1

    @property
    def network(self) -> Network:
        return projection.hidden_network(self.problem.network)

    def part(self, weights) -> np.ndarray:
        return projection.split(self.problem.network, weights)[0]

    def start(self, weights, rng) -> tuple[np.ndarray, float]:
        """With the penalty that predicts left-out rows best, and an output layer that is solved for in full."""
        hidden, V = projection.split(self.problem.network, weights)
        penalty = projection.choose_penalty(self.problem, hidden, rng)
        return self._in_full(hidden, V, penalty, rng), penalty

    def output_layers(self, weights, penalty, rows) -> OutputLayers:
        hidden, V = projection.split(self.problem.network, weights)
        return projection.output_layers(self.problem, hidden, V, penalty, rows)

    def whole(self, part, output_layers, penalty, n_rows, rng) -> np.ndarray:
        """With an output layer solved for on some rows, and the last time on all.

        Parameters
        ----------
        part : ndarray
            The hidden layers' weights.
        output_layers : OutputLayers
            That of the generation before.
        penalty : float
        n_rows : int
        rng : numpy.random.Generator
        """
        problem, V = self.problem, output_layers.V
        if problem.iteration + 1 in (problem.warmup, problem.max_iter):
            return self._in_full(part, V, penalty, rng)
        weights = projection.refit(problem, part, V, penalty, n_rows, STEPS, rng, known=output_layers.curvature)
        if problem.max_iter is None:  # other rows come with every step: the more there are, the more they count
            share = problem.n_samples / (problem.n_samples + ROWS_PER_UNIT * len(V))
            weights += (1 - share) * (projection.join(problem.network, part, V) - weights)
        return weights

    def _in_full(self, hidden, V, penalty, rng):
        return projection.refit(self.problem, hidden, V, penalty, REFIT_ROWS, FULL_STEPS, rng)
