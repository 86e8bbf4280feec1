"""The losses of classes and of labels: the log-loss, with and without a softmax."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from sklearn_bpfree.nn.arrays import flush, largest, ones
from sklearn_bpfree.nn.formulas import Formula
from sklearn_bpfree.nn.losses.declared import DeclaredLoss

LARGE = 40  # raw outputs below this have exponentials that neither overflow nor vanish in single precision


@dataclass(frozen=True)
class BinaryLogLoss(DeclaredLoss):
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

    def link_formula(self, Z):
        return Formula("Sigmoid", Z)

    def inverse_link(self, P):
        return special.logit(P)

    def inverse_link_formula(self, P):
        return Formula("Log", P) - Formula("Log", 1 - P)

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
class LogLoss(DeclaredLoss):
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

    def link_formula(self, Z):
        return Z.softmax()

    def inverse_link(self, P):
        return np.log(P)

    def inverse_link_formula(self, P):
        return Formula("Log", P)

    def mean_output(self, Z):
        return special.logsumexp(special.log_softmax(Z, axis=2), axis=0) - np.log(len(Z))

    def curvature(self, Z, Y):
        P = self.link(Z)
        return P * (1 - P)

    def hessian(self, Z, Y):
        P = self.link(Z)
        return P, P
