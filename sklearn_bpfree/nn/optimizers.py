"""From a gradient to an increment of the weights: Adam, SGD with momentum, and learning-rate schedules.

An optimizer is stateless; its *slots* (moving averages, one array per weight each) are carried by the trainer's state.
Where no gradient comes any more, as in the weights of a silent unit, a moving average falls to numbers so small that
the processor takes many times as long for each, so they are set to zero from time to time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sklearn_bpfree.nn.arrays import flush, shrink

FLUSH_EVERY = 128  # updates, in which a moving average falls by .9^128 = 1e-6, less than from `flush` to subnormal


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma & Ba 2015, algorithm 1), in place.

    The slots hold the moving averages divided by (1 - beta); the bias corrections and these factors are folded into two
    scalars, which saves three passes over the weights.
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

    def slots(self, weights) -> list[np.ndarray]:
        """First and second moment, zero at the start."""
        return [np.zeros_like(weights), np.zeros_like(weights)]

    def increment(self, gradient, slots, t, learning_rate) -> np.ndarray:
        """Overwrite `gradient` with the increment of the weights.

        Parameters
        ----------
        gradient : ndarray of shape (n_weights,)
        slots : list of ndarray
            Updated in place.
        t : int
            Number of this update, from 1.
        learning_rate : float
        """
        m, v = slots
        _flush_sometimes(slots, t)
        shrink(m, self.beta_1)
        m += gradient
        gradient *= gradient
        shrink(v, self.beta_2)
        v += gradient
        to_v = math.sqrt((1 - self.beta_2) / (1 - self.beta_2**t))
        to_m = (1 - self.beta_1) / (1 - self.beta_1**t)
        np.sqrt(v, out=gradient)
        gradient += self.epsilon / to_v
        np.divide(m, gradient, out=gradient)
        shrink(gradient, -learning_rate * to_m / to_v)
        return gradient


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent with (Nesterov's) momentum, in place."""

    momentum: float = 0.9
    nesterov: bool = True

    def slots(self, weights) -> list[np.ndarray]:
        """The velocity, zero at the start."""
        return [np.zeros_like(weights)]

    def increment(self, gradient, slots, t, learning_rate) -> np.ndarray:
        """Overwrite `gradient` with the increment of the weights; see `Adam.increment`."""
        (velocity,) = slots
        _flush_sometimes(slots, t)
        gradient *= -learning_rate
        shrink(velocity, self.momentum)
        velocity += gradient
        if not self.nesterov:
            gradient[:] = velocity
            return gradient
        gradient += self.momentum * velocity
        return gradient


def _flush_sometimes(slots, t) -> None:
    if t % FLUSH_EVERY == 0:
        for slot in slots:
            flush(slot)


SCHEDULES = ("constant", "linear", "cosine")


def schedule_factor(schedule, warmup, progress) -> float:
    """Factor on the learning rate.

    Parameters
    ----------
    schedule : {"constant", "linear", "cosine"}
        What follows the warm-up: constant, or a fall to zero at the end.
    warmup : float
        Fraction of the fit over which the rate rises linearly from zero.
    progress : float or None
        Fraction of the fit that is done, in [0, 1]; None when the end is not known (`partial_fit`): always 1.
    """
    if progress is None:
        return 1.0
    if progress < warmup:
        return progress / warmup
    left = (1 - progress) / (1 - warmup) if warmup < 1 else 1.0
    if schedule == "linear":
        return left
    if schedule == "cosine":
        return 0.5 - 0.5 * math.cos(math.pi * left)
    return 1.0
