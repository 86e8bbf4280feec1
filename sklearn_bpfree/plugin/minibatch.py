"""Base of trainers that write a gradient for every minibatch; an optimizer makes an update of it.

The gradient of a minibatch is one function, `batch_gradient`; what the optimizer moves besides the weights is the
feedback, if it is learned. Read `MinibatchTrainer.step` first.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any, ClassVar

import numpy as np
from scipy.stats import loguniform
from sklearn.utils import check_scalar

from sklearn_bpfree.nn.arrays import shrink
from sklearn_bpfree.nn.monotone import box, mirrored
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.nn.optimizers import SCHEDULES, SGD, Adam, schedule_factor
from sklearn_bpfree.plugin.batches import Batch
from sklearn_bpfree.plugin.budget import Budget
from sklearn_bpfree.plugin.passes import Pass
from sklearn_bpfree.plugin.problem import Problem
from sklearn_bpfree.plugin.trainer import FOR_TRAINING, State, Trainer, advance, check_choice

OPTIMIZERS = ("adam", "sgd")


@dataclass(eq=False, kw_only=True)
class ErrorSignalState(State):
    """State of an `ErrorSignalTrainer`.

    Attributes
    ----------
    feedback : list of ndarray
        Feedback matrices or whatever else `init_feedback` returned.
    slots : list of ndarray
        The optimizer's moving averages.
    t : int
        Number of updates so far.
    """

    feedback: list[np.ndarray] = field(default_factory=list)
    slots: list[np.ndarray] = field(metadata=FOR_TRAINING)
    t: int = 0


class MinibatchTrainer(Trainer):
    """Base for methods that learn by minibatch steps along a gradient, or what stands in for it.

    Parameters
    ----------
    learning_rate : float, default=6e-3
        Peak learning rate.
    schedule : {"linear", "cosine", "constant"}, default="linear"
        How the learning rate falls to the end of the fit, after a warm-up.
    warmup : float, default=0.05
        Fraction of the fit over which the learning rate rises from zero.
    weight_decay : float or None, default=None
        Decoupled weight decay: kernels shrink by ``learning_rate * weight_decay`` in every update; biases do not.
        None: 1, or 1.5 for a table of fewer than 1500 rows that has more than a column to 16 rows (`default_decay`);
        `partial_fit` counts as a long table.
    dropout : float, default=0.0
        Probability of a hidden unit being silent in an update.
    optimizer : {"adam", "sgd"}, default="adam"
        What makes an update of a gradient.
    momentum : float, default=0.9
        Nesterov momentum; only for ``optimizer="sgd"``.
    beta_1, beta_2 : float, default=0.9, 0.97
        Decay rates of Adam's moments; only for ``optimizer="adam"``.
    """

    state_types: ClassVar[tuple[type, ...]] = (ErrorSignalState,)

    learning_rate: float = 6e-3
    schedule: str = "linear"
    warmup: float = 0.05
    weight_decay: float | None = None
    dropout: float = 0.0
    optimizer: str = "adam"
    momentum: float = 0.9
    beta_1: float = 0.9
    beta_2: float = 0.97

    def init_feedback(self, network: Network, rng: np.random.Generator) -> list[np.ndarray]:
        """Feedback arrays, if the method has any."""
        return []

    @property
    def learns_feedback(self) -> bool:
        """Whether the feedback is learned by the optimizer, from the gradients that are written for it."""
        return False

    def follow(self, feedback: list[np.ndarray], increments: list[np.ndarray], decay: float) -> None:
        """Change `feedback` in place after an update, given the kernels' increments and their decay factor."""

    def feedback_directions(self, network: Network) -> list[Any]:
        """Directions of the units (from, to) that each feedback array leads between; None: it leads to no prediction.

        Asked for where predictions are to be monotone (see `sklearn_bpfree.nn.monotone`).
        """
        return [None] * len(self.init_feedback(network, np.random.default_rng(0)))

    @abstractmethod
    def batch_gradient(self, run: Pass, batch: Batch, dropout: float | None = None) -> float:
        """Write what a minibatch says into the gradients of `run`; `step` does the rest.

        Parameters
        ----------
        run : Pass
        batch : Batch
        dropout : float, default=None
            None: the trainer's own.

        Returns
        -------
        loss : float
            Mean loss of the batch.
        """

    @property
    def updates_per_batch(self) -> int:
        """In how many updates a minibatch is learned, which share its learning rate."""
        return 1

    def updates(self, run: Pass, batch: Batch) -> Iterator[float]:
        """Write the gradients of a minibatch into `run` and yield its mean loss, once for each update that is due.

        Override it, with `updates_per_batch`, for methods that learn several times while they work on a minibatch.
        """
        yield self.batch_gradient(run, batch)

    def budget(self, n_samples: int, n_features: int) -> Budget:
        """Updates grow with the square root of the rows, from 800 for 200 rows to 4000; at least one pass.

        Batches have 64 rows below 1500 rows, 128 below 4000, and 200 from there on.
        """
        few = np.clip(4 * n_samples, 200, 800)
        updates = few if n_samples < 1500 else np.clip(25 * np.sqrt(n_samples), 1100, 4000)
        return Budget.of_updates(updates, n_samples)

    def default_decay(self, n_samples: float, n_features: int) -> float:
        """Weight decay where none is given: 1.5 below 1500 rows with more than a column to 16 of them, otherwise 1."""
        return 1.5 if n_samples < 1500 and 16 * n_features > n_samples else 1.0

    def param_distributions(self) -> dict[str, Any]:
        """Learning rate and weight decay on log scales, and dropout."""
        return {
            "learning_rate": loguniform(2e-3, 2e-2),
            "weight_decay": loguniform(0.03, 10),
            "dropout": [0.0, 0.1, 0.3],
        }

    def check_parameters(self) -> None:
        number = (int, float)
        check_scalar(self.learning_rate, "learning_rate", number, min_val=0, include_boundaries="neither")
        check_scalar(self.warmup, "warmup", number, min_val=0, max_val=1)
        if self.weight_decay is not None:
            check_scalar(self.weight_decay, "weight_decay", number, min_val=0)
        check_scalar(self.dropout, "dropout", number, min_val=0, max_val=1, include_boundaries="left")
        for name in ("momentum", "beta_1", "beta_2"):
            check_scalar(getattr(self, name), name, number, min_val=0, max_val=1, include_boundaries="left")
        check_choice(self, "schedule", SCHEDULES)
        check_choice(self, "optimizer", OPTIMIZERS)

    def init(self, problem: Problem, rng: np.random.Generator) -> ErrorSignalState:
        weight_rng, feedback_rng = rng.spawn(2)
        network = problem.network
        weights = network.initial_weights(weight_rng, problem.dtype)
        network.unpack(weights)[1][-1][:] = problem.initial_output()
        feedback = [B.astype(problem.dtype) for B in self.init_feedback(network, feedback_rng)]
        if network.directions is not None and not self.learns_feedback:
            ways = self.feedback_directions(network)
            feedback = [B if way is None else mirrored(B, *way) for B, way in zip(feedback, ways, strict=True)]
        learned = self._learned(network, weights, feedback)
        learned.project()
        slots = self._optimizer().slots(learned.parameters)
        return ErrorSignalState(learned.weights.copy(), feedback=[B.copy() for B in learned.feedback], slots=slots)

    def step(self, state: Any, problem: Problem, rng: np.random.Generator) -> ErrorSignalState:
        """One pass over the rows: for each minibatch its gradients, an increment by the optimizer, and weight decay."""
        optimizer = self._optimizer()
        learned = self._learned(problem.network, state.weights, state.feedback)
        [data_rng] = rng.spawn(1)
        run = learned.run(problem, rng)
        slots, t, total = [slot.copy() for slot in state.slots], state.t, 0.0
        weight_decay, rates, n_updates = self._decay(problem), iter(self._rates(problem)), self.updates_per_batch
        for batch in problem.batches(data_rng):
            rate = next(rates)
            decay = 1 - rate * weight_decay
            for loss in self.updates(run, batch):
                t += 1
                increment = optimizer.increment(learned.gradient, slots, t, rate)
                if weight_decay:
                    shrink(learned.flat_kernels, decay)
                learned.parameters += increment
                learned.project()
                self.follow(run.feedback, run.kernel_gradients, decay)
                total += loss * len(batch.Y) / n_updates
            del batch
            run.release()
        weights, feedback = learned.weights.copy(), [B.copy() for B in run.feedback]
        return advance(state, weights=weights, loss=total / problem.n_samples, feedback=feedback, slots=slots, t=t)

    def gradient(self, state: Any, problem: Problem, batch: Batch) -> list[np.ndarray] | None:
        """That of `batch_gradient`, without dropout."""
        scratch = [np.zeros_like(B) for B in state.feedback]
        gradients = problem.network.unpack(np.empty_like(state.weights))
        rng = np.random.default_rng(state.t)
        run = Pass(*problem.network.unpack(state.weights), *gradients, state.feedback, scratch, problem, rng)
        run.rng = rng
        self.batch_gradient(run, batch, dropout=0.0)
        return run.kernel_gradients

    def _learned(self, network, weights, feedback):
        ways = [] if network.directions is None else self.feedback_directions(network)
        return Learned(network, weights, feedback, self.learns_feedback, ways)

    def _optimizer(self):
        return Adam(self.beta_1, self.beta_2) if self.optimizer == "adam" else SGD(self.momentum)

    def _decay(self, problem):
        """Weight decay per unit of the learning rate."""
        if self.weight_decay is not None:
            return self.weight_decay
        n_samples = np.inf if problem.max_iter is None else problem.n_samples  # `partial_fit` has no end
        return self.default_decay(n_samples, problem.network.layer_sizes[0])

    def _rates(self, problem):
        """Learning rate of every minibatch of this step."""
        peak = self.learning_rate / self.updates_per_batch
        progress = map(problem.progress, range(problem.n_batches))
        return [peak * schedule_factor(self.schedule, self.warmup, done) for done in progress]


class Learned:
    """What the optimizer moves, as one vector: all weights, and after them the feedback if it is learned.

    Attributes
    ----------
    parameters, gradient : ndarray of shape (n_parameters,)
    weights, flat_kernels : ndarray
        Views of the parameters: the network's, and of those the kernels, which decay.
    feedback : list of ndarray
        Views of the parameters, or copies where it is not learned.
    feedback_gradient : list of ndarray
        Views of the gradient; none where the feedback is not learned.
    """

    def __init__(self, network, weights, feedback, learns_feedback, ways=()):
        moved = feedback if learns_feedback else []
        self.network = network
        self.parameters = np.concatenate([a.ravel() for a in (weights, *moved)])
        self.gradient = np.empty_like(self.parameters)
        self.weights, self.flat_kernels = self.parameters[: network.n_weights], self.parameters[: network.n_kernel]
        self.feedback = _views(self.parameters[network.n_weights :], moved) or [B.copy() for B in feedback]
        self.feedback_gradient = _views(self.gradient[network.n_weights :], moved)
        self.box = None
        if network.directions is not None:
            self.box = [limit.astype(weights.dtype) for limit in box(network, ways if moved else (), moved)]

    def project(self) -> None:
        """Move the parameters to the nearest ones whose outputs go in the directions that the inputs ask for."""
        if self.box is not None:
            np.clip(self.parameters, *self.box, out=self.parameters)

    def run(self, problem, rng) -> Pass:
        """Minibatches of a problem that are learned in place."""
        kernels, biases = self.network.unpack(self.weights)
        gW, gb = self.network.unpack(self.gradient[: self.network.n_weights])
        return Pass(kernels, biases, gW, gb, self.feedback, self.feedback_gradient, problem, rng)


def _views(vector, like):
    """Views of a vector in the shapes of some arrays."""
    ends = accumulate([a.size for a in like], initial=0)
    return [vector[i:j].reshape(a.shape) for (i, j), a in zip(pairwise(ends), like, strict=True)]
