"""The output layer that is best for given hidden layers, in closed form or nearly so.

With F = [H, 1], the activations of the last hidden layer and a one, and lambda in units of the mean square of H:

    squared error     V = (F^T S F + lambda I)^-1 F^T S Y
    log-losses        V -= (b F^T S F + lambda I)^-1 (F^T S E + lambda V)      b = 1/2 or 1/4 bounds the curvature
    any other loss    the same with F^T diag(h) F for each output, halved until downhill

S are the rows' weights; biases are free. A bound needs one decomposition for all steps, and every step is downhill
(Boehning 1992). Read `Readout.solve` first.
"""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
from scipy import linalg, sparse
from scipy.linalg import lapack
from sklearn.utils import gen_batches

from sklearn_bpfree.plugin import Loss, Network, ones

JITTER = 3e-6  # of the largest diagonal entry, for hidden units that are never active, and rounding
HALVINGS = 4
FEATURE_ROWS = 1024  # whose features are computed at a time, so that they stay in the processor's cache
LEAST_CURVATURE = 1e-4  # of a row whose class is all but certain


def features(network: Network, weights, X) -> np.ndarray:
    """F = [H, 1] (n, h + 1): activations of the last hidden layer, or the rows, and a one."""
    F = np.empty((X.shape[0], network.layer_sizes[-2] + 1), weights.dtype)
    F[:, -1] = 1
    for rows in gen_batches(X.shape[0], FEATURE_ROWS):
        H: Any = network.hidden(weights, X[rows])
        F[rows, :-1] = H.toarray() if sparse.issparse(H) else H
    return F


class Readout:
    """Output layers for one set of features, solved on all rows or on all but the held-out ones.

    Parameters
    ----------
    F : ndarray of shape (n, h + 1)
    Y : ndarray of shape (n, K)
    weight : ndarray of shape (n,) or None
    held : ndarray of int
        The held-out rows.
    objective : Loss
    ridge : float
        In units of a row's weight times the mean square of the features.
    """

    def __init__(self, F, Y, weight, held, objective: Loss, ridge):
        self.F, self.Y, self.weight, self.held, self.objective = F, Y, weight, held, objective
        self.F_held = F[held]
        self.gram = {"all": _gram(F, weight)}
        self.weights = {"all": ones(len(F), F.dtype.char) if weight is None else weight}
        if len(held):
            self.gram["train"] = self.gram["all"] - _gram(self.F_held, None if weight is None else weight[held])
            self.weights["train"] = self.weights["all"].copy()
            self.weights["train"][held] = 0
        else:
            self.gram["train"], self.weights["train"] = self.gram["all"], self.weights["all"]
        self.unit = self.gram["all"].diagonal()[:-1].sum() / max(F.shape[1] - 1, 1) / len(F)
        self.penalty = ridge * self.unit
        self.jitter = JITTER * self.gram["all"].diagonal().max()
        self._seen: tuple[Any, Any, dict] = (None, None, {})  # the last V, its outputs and gradients

    def with_ridge(self, ridge) -> Readout:
        """The same rows under another penalty."""
        other = copy(self)
        other.penalty = ridge * self.unit
        return other

    def factor(self, which, bound=1.0):
        """Cholesky factor of the penalised Gram matrix of the rows "all" or "train"."""
        return self._factor(bound * self.gram[which])

    def _factor(self, M):
        diagonal = M.reshape(-1)[:: len(M) + 1]
        diagonal += self.jitter
        diagonal[:-1] += self.penalty
        factor, info = lapack.dpotrf(M.T, overwrite_a=True)  # M is symmetric; linalg.cho_factor takes twice as long
        if info:
            raise linalg.LinAlgError("the Gram matrix of the hidden activations is not positive definite")
        return factor

    def solve(self, which, V, n_steps) -> np.ndarray:
        """The readout (h + 1, K) of the rows "all" or "train", by `n_steps` from V where there is no closed form."""
        bound = self.objective.curvature_bound
        if bound is None:
            for _ in range(n_steps):
                V = self._newton_step(which, V)
            return V
        factor = self.factor(which, bound)
        for _ in range(1 if self.objective.is_least_squares else n_steps):
            V = V - lapack.dpotrs(factor, self._gradient(which, V))[0]
        return V

    def _newton_step(self, which, V):
        """A Newton step for any other loss, output by output, halved until it is downhill."""
        weight = self.weights[which]
        Z, gradient = self.outputs(V), self._gradient(which, V)
        h = self.objective.curvature(Z, self.Y) * weight[:, None]
        h += 1e-3 * weight[:, None] * np.maximum(h.mean(axis=0), 1e-6)
        steps = [
            lapack.dpotrs(self._factor((self.F.T @ (self.F * h[:, k, None])).astype(np.float64)), gradient[:, k])[0]
            for k in range(V.shape[1])
        ]
        step, before = np.stack(steps, axis=1), self._value(which, V)
        for _ in range(HALVINGS):
            if self._value(which, V - step) < before:
                return V - step
            step = step / 2
        return V

    def _gradient(self, which, V):
        Z, known = self.outputs(V), self._seen[2]
        if which not in known:
            E = self.objective.error(Z, self.Y)
            E *= self.weights[which][:, None]
            known[which] = (self.F.T @ E).astype(np.float64)
        gradient = known[which].copy()
        gradient[:-1] += self.penalty * V[:-1]
        return gradient

    def _value(self, which, V):
        return self.weights[which] @ self.losses(V) + 0.5 * self.penalty * np.square(V[:-1]).sum()

    def outputs(self, V) -> np.ndarray:
        """Raw outputs (n, K); those of the last V are remembered, and its gradients without the penalty."""
        if self._seen[0] is not V:
            self._seen = V, self.F @ V.astype(self.F.dtype), {}
        return self._seen[1]

    def losses(self, V) -> np.ndarray:
        """Loss of every row."""
        return self.objective.loss(self.outputs(V), self.Y)

    def train_loss(self, V) -> float:
        """Mean loss of the training rows."""
        weight = self.weights["train"]
        return float(self.losses(V) @ weight / weight.sum())

    def held_losses(self, V) -> np.ndarray:
        """Loss of each held-out row."""
        return self.objective.loss(self.F_held @ V.astype(self.F.dtype), self.Y[self.held]).astype(np.float64)

    def covariance(self, which) -> np.ndarray:
        """Covariance (h + 1, h + 1) of a column of the readout of the rows "all" or "train", in units of the noise."""
        return lapack.dpotrs(self.factor(which), np.eye(self.F.shape[1]))[0]

    def class_covariance(self, V) -> np.ndarray:
        """The same for log-losses: the inverse of their curvature at V, averaged over the outputs."""
        h = self.objective.curvature(self.outputs(V), self.Y).mean(axis=1)
        h = np.maximum(h, LEAST_CURVATURE) * self.weights["all"]
        M = (self.F.T @ (self.F * h[:, None])).astype(np.float64)
        return lapack.dpotrs(self._factor(M), np.eye(len(M)))[0]

    def residuals(self, V, rows) -> np.ndarray:
        """Targets minus predictions, (n_rows, K), float64."""
        return self.Y[rows] - self.objective.link(self.F[rows] @ V)


def _gram(F, weight):
    """``F^T S F``."""
    if weight is not None:
        F = F * np.sqrt(weight[:, None])
    return (F.T @ F).astype(np.float64)


def mean_and_error(values, weight) -> tuple[float, float]:
    """Mean of some rows' values, weighted, and its standard error."""
    share = 1 / len(values) if weight is None else weight / weight.sum()
    mean = np.sum(share * values)
    return float(mean), float(np.sqrt(np.sum(share * (values - mean) ** 2) / len(values)))


def quadratic(F, covariance) -> np.ndarray:
    """``f^T C f`` for every row f of F."""
    return np.einsum("nh,nh->n", F @ covariance, F)
