"""Losses: a value per row and the output error, its derivative by the network's raw outputs.

A loss sees the raw outputs Z and the encoded targets Y, both (n, K).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special
from sklearn.utils import check_scalar

from sklearn_bpfree.nn.arrays import flush, largest, ones

LARGE = 40  # raw outputs below this have exponentials that neither overflow nor vanish in single precision


class Loss:
    """Base of the differentiable losses.

    Attributes
    ----------
    target_scaling : {"standard", "robust", "positive"}
        How real targets are scaled inside: by mean and standard deviation, by median and quartiles, or, for a log link,
        by the mean alone.
    """

    target_scaling: ClassVar[str] = "standard"

    def loss(self, Z, Y) -> np.ndarray:
        """Loss of every row, summed over the outputs: (..., n, K), (n, K) -> (..., n)."""
        raise NotImplementedError

    def error(self, Z, Y) -> np.ndarray:
        """The output error, d loss / d Z: (n, K), (n, K) -> (n, K)."""
        raise NotImplementedError

    def total_and_error(self, Z, Y, weight=None) -> tuple[float, np.ndarray]:
        """The sum of the (weighted) losses and the unweighted output error: what a minibatch needs."""
        losses = self.loss(Z, Y)
        return float(losses.sum() if weight is None else losses @ weight), self.error(Z, Y)

    def means(self, Z, Y, weight=None) -> np.ndarray:
        """Mean loss of every member of a population, (P, n, K), (n, K), (n,) -> (P,): what a generation needs.

        Z may be overwritten.
        """
        return np.average(self.loss(Z, Y), axis=-1, weights=weight)

    def link(self, Z) -> np.ndarray:
        """From raw outputs to probabilities or (encoded) values."""
        return Z

    def initial_output(self, Y, weight) -> np.ndarray:
        """Raw output that suits the mean target: (n, K) -> (K,); the output layer's first bias."""
        return np.zeros(Y.shape[1])


def _mean(Y, weight):
    return np.average(Y, axis=0, weights=weight)


@dataclass(frozen=True)
class BinaryLogLoss(Loss):
    """Log-loss of K independent yes/no outputs (binary: K = 1; multilabel): log(1 + e^Z) - Y Z."""

    def loss(self, Z, Y):
        return (np.logaddexp(0, Z) - Y * Z).sum(-1)

    def error(self, Z, Y):
        E = special.expit(Z) - Y
        if largest(Z) > LARGE:
            flush(E)
        return E

    def link(self, Z):
        return special.expit(Z)

    def initial_output(self, Y, weight):
        rate = _mean(Y, weight)
        return special.logit(np.clip(rate, 1e-3, 1 - 1e-3))


def _softmax(Z) -> tuple[np.ndarray, np.ndarray]:
    """Softmax and logsumexp over the first axis, which is several times as fast as over a short last one."""
    P = Z.copy()
    top = np.maximum.reduce(P)
    P -= top
    np.exp(P, out=P)
    total = np.add.reduce(P)
    P /= total
    total = np.log(total, out=total)
    total += top
    return P, total


@dataclass(frozen=True)
class LogLoss(Loss):
    """Log-loss of K exclusive classes: logsumexp(Z) - Z_y."""

    def loss(self, Z, Y):
        return _softmax(np.moveaxis(Z, -1, 0))[1] - np.einsum("...k,...k->...", Z, Y)

    def means(self, Z, Y, weight=None):
        Z = np.ascontiguousarray(Z.transpose(0, 2, 1))  # classes first, as a population's outputs lie in memory
        w = ones(len(Y), Z.dtype.char) if weight is None else weight
        weighted = Y if weight is None else w[:, None] * Y
        at_true_class = Z.reshape(len(Z), -1) @ weighted.T.ravel()
        if largest(Z) < LARGE:
            total = np.exp(Z, out=Z).sum(axis=1)
            np.log(total, out=total)
        else:
            total = _softmax(np.moveaxis(Z, 1, 0))[1]
        return (total @ w - at_true_class) / w.sum()

    def error(self, Z, Y):
        return self.link(Z) - Y

    def total_and_error(self, Z, Y, weight=None):
        if largest(Z) < LARGE:
            E = np.exp(Z)
            loss = E.dot(ones(Z.shape[1], Z.dtype.char))
            E /= loss[:, None]
            np.log(loss, out=loss)
        else:
            P, loss = _softmax(Z.T)
            flush(P)
            E = P.T
        E -= Y
        if weight is None:
            return float(np.add.reduce(loss) - np.vdot(Z, Y)), E
        return float(loss @ weight - np.vdot(Z, Y * weight[:, None])), E

    def link(self, Z):
        return np.moveaxis(_softmax(np.moveaxis(Z, -1, 0))[0], 0, -1)

    def initial_output(self, Y, weight):
        prior = np.log(np.clip(_mean(Y, weight), 1e-3, None))
        return prior - prior.mean()


@dataclass(frozen=True)
class SquaredError(Loss):
    """Half the squared difference: (Z - Y)^2 / 2."""

    def loss(self, Z, Y):
        return 0.5 * np.square(Z - Y).sum(-1)

    def error(self, Z, Y):
        return Z - Y

    def total_and_error(self, Z, Y, weight=None):
        E = Z - Y
        return 0.5 * float(np.vdot(E, E if weight is None else weight[:, None] * E)), E


@dataclass(frozen=True)
class AbsoluteError(Loss):
    """The absolute difference |Z - Y|; its minimiser is the median."""

    target_scaling: ClassVar[str] = "robust"

    def loss(self, Z, Y):
        return np.abs(Z - Y).sum(-1)

    def error(self, Z, Y):
        return np.sign(Z - Y)


@dataclass(frozen=True)
class HuberLoss(Loss):
    """Squared up to `delta`, absolute beyond.

    Parameters
    ----------
    delta : float, default=1.35
        In units of the target's scale: the distance between its quartiles / 1.349, the standard deviation of a normal
        distribution with these quartiles. Take a smaller one where most of the target's spread is explained.
    """

    target_scaling: ClassVar[str] = "robust"

    delta: float = 1.35

    def __post_init__(self):
        check_scalar(self.delta, "delta", (int, float), min_val=0, include_boundaries="neither")

    def loss(self, Z, Y):
        return special.huber(np.asarray(self.delta, Z.dtype), Z - Y).sum(-1)

    def error(self, Z, Y):
        return np.clip(Z - Y, -self.delta, self.delta)


@dataclass(frozen=True)
class QuantileLoss(Loss):
    """The pinball loss, whose minimiser is a quantile of the target given the row.

    Parameters
    ----------
    quantile : float, default=0.5
        In (0, 1).
    """

    target_scaling: ClassVar[str] = "robust"

    quantile: float = 0.5

    def __post_init__(self):
        check_scalar(self.quantile, "quantile", (int, float), min_val=0, max_val=1, include_boundaries="neither")

    def loss(self, Z, Y):
        R = Y - Z
        return np.maximum(self.quantile * R, (self.quantile - 1) * R).sum(-1)

    def error(self, Z, Y):
        return np.where(Z > Y, 1 - self.quantile, np.where(Z < Y, -self.quantile, 0)).astype(Z.dtype, copy=False)


@dataclass(frozen=True)
class PoissonLoss(Loss):
    """Half the Poisson deviance of a non-negative target with a log link: e^Z - Y Z + Y log Y - Y."""

    target_scaling: ClassVar[str] = "positive"

    def loss(self, Z, Y):
        return (np.exp(Z) - Y * Z + special.xlogy(Y, Y) - Y).sum(-1)

    def error(self, Z, Y):
        return np.exp(Z) - Y

    def link(self, Z):
        return np.exp(Z)

    def initial_output(self, Y, weight):
        return np.log(np.clip(_mean(Y, weight), 1e-6, None))


REGRESSION_LOSSES = {
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "huber": HuberLoss,
    "quantile": QuantileLoss,
    "poisson": PoissonLoss,
}
