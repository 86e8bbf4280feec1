"""The losses: closed forms of what `Loss` would find out, and their names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special
from sklearn.utils import check_scalar

from sklearn_bpfree.nn.arrays import flush, largest, ones
from sklearn_bpfree.nn.loss import Loss
from sklearn_bpfree.nn.probing import NEAR

LARGE = 40  # raw outputs below this have exponentials that neither overflow nor vanish in single precision


class _DeclaredLoss(Loss):
    """A loss that says all of itself; what differs from this stands in the subclasses."""

    target_scaling = "standard"
    has_identity_link = False
    is_least_squares = False
    is_robust = False
    couples_outputs = False
    curvature_bound = None


@dataclass(frozen=True)
class BinaryLogLoss(_DeclaredLoss):
    """Log-loss of K independent yes/no outputs (binary: K = 1; multilabel): log(1 + e^Z) - Y Z."""

    kind = "labels"
    curvature_bound = 0.25

    def loss(self, Z, Y):
        return (np.logaddexp(0, Z) - Y * Z).sum(-1)

    def error(self, Z, Y):
        E = special.expit(Z) - Y
        if largest(Z) > LARGE:
            flush(E)
        return E

    def link(self, Z):
        return special.expit(Z)

    def inverse_link(self, P):
        return special.logit(P)

    def mean_output(self, Z):
        return special.logsumexp(special.log_expit(Z), axis=0) - special.logsumexp(special.log_expit(-Z), axis=0)

    def curvature(self, Z, Y):
        return special.expit(Z) * special.expit(-Z)


def _softmax(Z) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Softmax over the first axis, which is several times as fast as over a short last one; logsumexp in two parts."""
    P = Z.copy()
    top = np.maximum.reduce(P)
    P -= top
    np.exp(P, out=P)
    total = np.add.reduce(P)
    P /= total
    return P, total, top


def _logsumexp(Z) -> np.ndarray:
    """Over the first axis."""
    _, total, top = _softmax(Z)
    np.log(total, out=total)
    total += top
    return total


@dataclass(frozen=True)
class LogLoss(_DeclaredLoss):
    """Log-loss of K exclusive classes: logsumexp(Z) - Z_y."""

    kind = "classes"
    couples_outputs = True
    curvature_bound = 0.5

    def loss(self, Z, Y):
        return _logsumexp(np.moveaxis(Z, -1, 0)) - np.einsum("...k,...k->...", Z, Y)

    def means(self, Z, Y, weight=None):
        Z = np.ascontiguousarray(Z.transpose(0, 2, 1))  # classes first, as a population's outputs lie in memory
        w = ones(len(Y), Z.dtype.char) if weight is None else weight
        weighted = Y if weight is None else w[:, None] * Y
        at_true_class = Z.reshape(len(Z), -1) @ weighted.T.ravel()
        if largest(Z) < LARGE:
            total = np.exp(Z, out=Z).sum(axis=1)
            np.log(total, out=total)
        else:
            total = _logsumexp(np.moveaxis(Z, 1, 0))
        return (total @ w - at_true_class) / w.sum()

    def error(self, Z, Y):
        E = self.link(Z)
        E -= Y
        return E

    def total_and_error(self, Z, Y, weight=None):
        if largest(Z) < LARGE:
            E = np.exp(Z)
            loss = E.dot(ones(Z.shape[1], Z.dtype.char))
            E /= loss[:, None]
            np.log(loss, out=loss)
        else:
            P, loss, top = _softmax(Z.T)
            loss = np.log(loss) + top
            flush(P)
            E = P.T
        E -= Y
        if weight is None:
            return float(np.add.reduce(loss) - np.vdot(Z, Y)), E
        return float(loss @ weight - np.vdot(Z, Y * weight[:, None])), E

    def link(self, Z):
        return np.moveaxis(_softmax(np.moveaxis(Z, -1, 0))[0], 0, -1)

    def inverse_link(self, P):
        return np.log(P)

    def mean_output(self, Z):
        return special.logsumexp(special.log_softmax(Z, axis=2), axis=0) - np.log(len(Z))

    def curvature(self, Z, Y):
        P = self.link(Z)
        return P * (1 - P)

    def hessian(self, Z, Y):
        P = self.link(Z)
        return P, P


@dataclass(frozen=True)
class SquaredError(_DeclaredLoss):
    """Half the squared difference: (Z - Y)^2 / 2."""

    kind = "values"
    has_identity_link = True
    is_least_squares = True
    curvature_bound = 1.0

    def loss(self, Z, Y):
        return 0.5 * np.square(Z - Y).sum(-1)

    def error(self, Z, Y):
        return Z - Y

    def total_and_error(self, Z, Y, weight=None):
        E = Z - Y
        return 0.5 * float(np.vdot(E, E if weight is None else weight[:, None] * E)), E

    def curvature(self, Z, Y):
        return np.ones_like(Z)


class _RobustLoss(_DeclaredLoss):
    """A loss of values whose error is bounded."""

    kind = "values"
    target_scaling = "robust"
    has_identity_link = True
    is_robust = True


@dataclass(frozen=True)
class AbsoluteError(_RobustLoss):
    """The absolute difference |Z - Y|; its minimiser is the median."""

    def loss(self, Z, Y):
        return np.abs(Z - Y).sum(-1)

    def error(self, Z, Y):
        return np.sign(Z - Y)

    def working_weights(self, Z, Y):
        return 1 / np.maximum(np.abs(Z - Y), NEAR), None


@dataclass(frozen=True)
class HuberLoss(_RobustLoss):
    """Squared up to `delta`, absolute beyond.

    Parameters
    ----------
    delta : float, default=1.35
        In units of the target's scale: the distance between its quartiles / 1.349, the standard deviation of a normal
        distribution with these quartiles. Take a smaller one where most of the target's spread is explained.
    """

    delta: float = 1.35

    def __post_init__(self):
        check_scalar(self.delta, "delta", (int, float), min_val=0, include_boundaries="neither")

    def loss(self, Z, Y):
        return special.huber(np.asarray(self.delta, Z.dtype), Z - Y).sum(-1)

    def error(self, Z, Y):
        return np.clip(Z - Y, -self.delta, self.delta)

    def working_weights(self, Z, Y):
        return np.minimum(1, self.delta / np.maximum(np.abs(Z - Y), self.delta)), None


@dataclass(frozen=True)
class QuantileLoss(_RobustLoss):
    """The pinball loss, whose minimiser is a quantile of the target given the row.

    Parameters
    ----------
    quantile : float, default=0.5
        In (0, 1).
    """

    quantile: float = 0.5

    def __post_init__(self):
        check_scalar(self.quantile, "quantile", (int, float), min_val=0, max_val=1, include_boundaries="neither")

    def loss(self, Z, Y):
        R = Y - Z
        return np.maximum(self.quantile * R, (self.quantile - 1) * R).sum(-1)

    def error(self, Z, Y):
        return np.where(Z > Y, 1 - self.quantile, np.where(Z < Y, -self.quantile, 0)).astype(Z.dtype, copy=False)

    def working_weights(self, Z, Y):
        return 0.5 / np.maximum(np.abs(Z - Y), NEAR), None


@dataclass(frozen=True)
class PoissonLoss(_DeclaredLoss):
    """Half the Poisson deviance of a non-negative target with a log link: e^Z - Y Z + Y log Y - Y."""

    kind = "values"
    target_scaling = "positive"

    def loss(self, Z, Y):
        return (np.exp(Z) - Y * Z + special.xlogy(Y, Y) - Y).sum(-1)

    def error(self, Z, Y):
        return np.exp(Z) - Y

    def link(self, Z):
        return np.exp(Z)

    def inverse_link(self, P):
        return np.log(P)

    def link_slope(self, Z):
        return np.exp(Z)

    def mean_output(self, Z):
        return special.logsumexp(Z, axis=0) - np.log(len(Z))

    def curvature(self, Z, Y):
        return np.exp(Z)


REGRESSION_LOSSES = {
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "huber": HuberLoss,
    "quantile": QuantileLoss,
    "poisson": PoissonLoss,
}


def find_loss(loss, kind, n_outputs, quantile=None) -> Loss | None:
    """The loss that the estimator's `loss` parameter means, bound to the targets; None if it means no loss.

    Parameters
    ----------
    loss : object
        "auto", a loss's name, a `Loss`, or anything else.
    kind : {"values", "labels", "classes"}
        Of the targets.
    n_outputs : int
    quantile : float, default=None
        For ``loss="quantile"``.

    Raises
    ------
    ValueError
        If the loss does not suit the targets.
    """
    named = named_losses(kind, quantile)
    if isinstance(loss, str):
        return next(iter(named.values())) if loss == "auto" else named.get(loss)
    if not isinstance(loss, Loss):
        return None
    if loss.kind not in (None, kind):
        raise ValueError(f"loss={loss!r} does not suit these targets; give one of {['auto', *named]}.")
    return loss.bind(kind, n_outputs)


def named_losses(kind, quantile=None) -> dict[str, Loss]:
    """The losses for targets of a kind by name, the default first."""
    if kind != "values":
        return {"log_loss": LogLoss() if kind == "classes" else BinaryLogLoss()}
    named: dict[str, Loss] = {name: cls() for name, cls in REGRESSION_LOSSES.items()}
    return named if quantile is None else named | {"quantile": QuantileLoss(quantile)}
