"""Base of trainers that carry an ensemble of weight vectors, whose predictions are averaged and whose spread counts.

Such a method is one function, `EnsembleTrainer.move`. What an update needs of the members' outputs is told in
`bpfree_kalman.moments`, and what becomes of it in `bpfree_kalman.coefficients`.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from bpfree_kalman.outputs import outputs_of, row_blocks
from sklearn_bpfree.plugin import FOR_TRAINING, Loss, Problem, State, Trainer, one_blas_thread


@dataclass(eq=False, kw_only=True)
class EnsembleState(State):
    """State of an `EnsembleTrainer`; its `weights` are the members' mean.

    Attributes
    ----------
    members : ndarray of shape (P, n_weights)
    objective : Loss
        By whose link the members' predictions are averaged.
    prior_mean : ndarray of shape (n_weights,)
        First weights of a network, about which the first members were drawn.
    noise : ndarray of shape (K,) or None
        Variance of an observation about the outputs, in encoded units; None for a method that has no standard deviation
        to tell.
    temperature : ndarray of shape (K,) or None
        What the loss is divided by to make it a negative log-likelihood.
    """

    members: np.ndarray
    objective: Loss
    prior_mean: np.ndarray = field(metadata=FOR_TRAINING)
    noise: np.ndarray | None = None
    temperature: np.ndarray | None = None


class EnsembleTrainer(Trainer):
    """Base for methods with an ensemble of weight vectors, whose predictions are averaged and whose spread counts.

    Such a method is one function, `move`.
    """

    state_types: ClassVar[tuple[type, ...]] = (EnsembleState,)

    @abstractmethod
    def move(self, state: Any, problem: Problem, rng: np.random.Generator) -> State:
        """What `step` does, with one BLAS thread: matrices of P x P are small, and the bits do not depend on it."""

    def step(self, state: Any, problem, rng):
        with one_blas_thread():
            return self.move(state, problem, rng)

    def outputs(self, state: Any, network, X):
        """Raw outputs whose link is the average of the members' probabilities or values."""
        return self._by_rows(lambda Z: (state.objective.mean_output(Z),), state, network, X)[0]

    def formula(self, state: Any, network, X):
        Z = network.formulas(state.members, X)[-1]
        return state.objective.mean_output_formula(Z, len(state.members))

    def predictive(self, state: Any, network, X):
        """Mean of the members' predictions; their variance and the observations' make the standard deviation."""

        def mean_and_std(Z):
            values = state.objective.link(Z)
            return values.mean(axis=0), np.sqrt(values.var(axis=0) + state.noise)

        mean, std = self._by_rows(mean_and_std, state, network, X)
        return mean, std

    def _by_rows(self, function, state, network, X):
        """A function of the members' outputs (P, b, K), block by block of rows."""
        dtype = np.result_type(state.members, X.dtype)
        members = state.members.astype(dtype, copy=False)
        blocks = row_blocks(X.shape[0], network, len(members), dtype.itemsize)
        with one_blas_thread():
            parts = [
                function(outputs_of(network, members, X[rows].astype(dtype, copy=False)).transpose(0, 2, 1))
                for rows in blocks
            ]
        return [np.concatenate(part).astype(dtype, copy=False) for part in zip(*parts, strict=True)]


def prior(problem: Problem, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scale (n_weights,) of a normal prior: ``1 / sqrt(fan_in + 1)`` about first weights of a network.

    About zero weights the outputs do not tell which way any weight should go, about a network's first ones they
    do. The last biases lie about the output that suits the mean target.
    """
    mean = problem.network.initial_weights(rng, problem.dtype)
    problem.network.unpack(mean)[1][-1][:] = problem.initial_output()
    return mean, problem.network.fan_in_scale(problem.dtype)


def draw(mean, scale, size: int, rng: np.random.Generator) -> np.ndarray:
    """`size` weight vectors from a normal distribution, (size, n_weights)."""
    return mean + scale * rng.standard_normal((size, len(mean)), dtype=mean.dtype)
