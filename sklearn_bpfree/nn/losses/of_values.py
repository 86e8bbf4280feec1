"""The losses of real values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special
from sklearn.utils import check_scalar

from sklearn_bpfree.nn.formulas import Formula
from sklearn_bpfree.nn.losses.declared import DeclaredLoss
from sklearn_bpfree.nn.probing import NEAR


@dataclass(frozen=True)
class SquaredError(DeclaredLoss):
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


class _RobustLoss(DeclaredLoss):
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
class PoissonLoss(DeclaredLoss):
    """Half the Poisson deviance of a non-negative target with a log link: e^Z - Y Z + Y log Y - Y."""

    kind = "values"
    target_scaling = "positive"

    def loss(self, Z, Y):
        return (np.exp(Z) - Y * Z + special.xlogy(Y, Y) - Y).sum(-1)

    def error(self, Z, Y):
        return np.exp(Z) - Y

    def link(self, Z):
        return np.exp(Z)

    def link_formula(self, Z):
        return Formula("Exp", Z)

    def inverse_link(self, P):
        return np.log(P)

    def inverse_link_formula(self, P):
        return Formula("Log", P)

    def link_slope(self, Z):
        return np.exp(Z)

    def mean_output(self, Z):
        return special.logsumexp(Z, axis=0) - np.log(len(Z))

    def curvature(self, Z, Y):
        return np.exp(Z)
