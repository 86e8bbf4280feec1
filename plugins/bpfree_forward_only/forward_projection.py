"""Forward projection: every hidden layer is solved for targets that mix the rows and their labels at random, once.

With A_{l-1} a layer's input (and a 1 beside it), q and u random, all layers from below:

    T_l = sign(A_{l-1} q_l) + sign((Y - mean) u_l)                       what the layer's pre-activations should be
    W_l = (A_{l-1}^T S A_{l-1} + lambda I)^-1 A_{l-1}^T S T_l            S the row weights
    W_L = (A_{L-1}^T S A_{L-1} + I)^-1 A_{L-1}^T S Y

For values tanh stands in for the sign of (Y - mean) u. The table is seen once a layer, as sums of products; in
`partial_fit` the sums of all rows so far are kept, and a layer is solved anew before the rows go on to the next one.

For classes a least-squares value z becomes the log-odds of linear discriminant analysis, which has the same direction:
with c the mean squared residual and p the share of the class,  (z - z_mid) / c + log(p / (1 - p)), times one factor for
all outputs that suits the loss best. Read `step` first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from scipy import optimize
from scipy.linalg import cho_factor, cho_solve
from sklearn.utils import check_scalar

from sklearn_bpfree.plugin import ACTIVATIONS, Budget, State, Trainer, advance, dense

PRIOR_ROWS = 10  # so many rows speak for the log-odds as they are
RESIDUAL_FLOOR = 1e-2  # of the variance of a label: what is fitted better is not believed


@dataclass(eq=False)
class Sums:
    """Sums of products over rows, of a layer's inputs A (with a 1 beside them) and its targets T.

    Attributes
    ----------
    AA : ndarray of shape (p + 1, p + 1)
    AT : ndarray of shape (p + 1, h)
    TT : ndarray of shape (h,)
    n : float
        The sum of the weights.
    """

    AA: np.ndarray
    AT: np.ndarray
    TT: np.ndarray
    n: float

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.AA + other.AA, self.AT + other.AT, self.TT + other.TT, self.n + other.n)

    def solve(self, penalty) -> np.ndarray:
        """Kernel and bias, (p + 1, h), of the ridge on all rows of the sums."""
        return cho_solve(cho_factor(self.AA + penalty * np.eye(len(self.AA))), self.AT)

    def residuals(self, W) -> np.ndarray:
        """Mean squared residual of each target, (h,)."""
        return (self.TT - 2 * (W * self.AT).sum(axis=0) + (W * (self.AA @ W)).sum(axis=0)) / self.n


@dataclass(eq=False, kw_only=True)
class ForwardProjectionState(State):
    """State of `ForwardProjection`.

    Attributes
    ----------
    projections : list of tuple of ndarray
        q (p + 1, h) and u (K, h) of each hidden layer.
    mean : ndarray of shape (K,)
        Of the targets of the first rows.
    sums : list of Sums
        One a layer, of all rows so far.
    """

    projections: list[tuple[np.ndarray, np.ndarray]]
    mean: np.ndarray
    sums: list[Sums] = field(default_factory=list)


class ForwardProjection(Trainer):
    """Forward projection: hidden layers solved in closed form for random mixtures of rows and labels, in one pass.

    Parameters
    ----------
    penalty : float, default=10.0
        lambda of the hidden layers, in rows.
    readout_penalty : float, default=1.0
        The same for the output layer.

    References
    ----------
    O'Shea, Otero-Coto, Gonzalez-Bellido et al. (2025), "Closed-form feedback-free learning with forward projection",
    arXiv 2501.16476.
    """

    offers: ClassVar[tuple[str, ...]] = ("partial_fit",)
    state_types: ClassVar[tuple[type, ...]] = (ForwardProjectionState, Sums)

    penalty: float = 10.0
    readout_penalty: float = 1.0

    def budget(self, n_samples, n_features):
        """One step is the whole fit."""
        return Budget(max_iter=1)

    def param_distributions(self):
        return {"penalty": [1.0, 10.0, 100.0], "readout_penalty": [0.1, 1.0, 10.0, 100.0]}

    def check_parameters(self):
        for name in ("penalty", "readout_penalty"):
            check_scalar(getattr(self, name), name, (int, float), min_val=0, include_boundaries="neither")

    def init(self, problem, rng):
        loss = problem.differentiable_loss
        if loss.kind == "values" and not loss.is_least_squares:
            raise ValueError(
                f"ForwardProjection solves least squares, which a loss of values such as {loss!r} is not; use "
                "loss='squared_error', or the trainer 'rvfl'."
            )
        network = problem.network

        def mixture(rows, units):
            return rng.standard_normal((rows, units)).astype(problem.dtype)

        hidden = network.kernel_shapes[:-1]
        projections = [(mixture(fan_in + 1, units), mixture(network.n_outputs, units)) for fan_in, units in hidden]
        mean = np.average(problem.Y.astype(np.float64), axis=0, weights=problem.sample_weight)
        weights = np.zeros(network.n_weights, problem.dtype)
        network.unpack(weights)[1][-1][:] = problem.initial_output()
        return ForwardProjectionState(weights, projections=projections, mean=mean)

    def step(self, state, problem, rng):
        """Solve one layer after the other; in `partial_fit` with the sums of the rows before."""
        network, kind = problem.network, problem.differentiable_loss.kind
        weights, sums = state.weights.copy(), []
        kernels, biases = network.unpack(weights)
        before = state.sums if problem.max_iter is None else []
        for layer in range(len(kernels)):
            projection = state.projections[layer] if layer < len(state.projections) else None
            parts = problem.map_rows(row_sums, network, weights, layer, projection, state.mean, kind)
            total = sum(parts[1:], parts[0])
            sums.append(total + before[layer] if before else total)
            W = sums[-1].solve(self.penalty if projection else self.readout_penalty)
            if projection is None and kind != "values":
                W = log_odds(W, sums[-1])
            kernels[layer][:], biases[layer][:] = W[:-1], W[-1]
        problem.n_evaluations += problem.n_samples
        Z = network.outputs(weights, problem.X)
        if kind != "values":
            factor = sharpness(Z, problem)
            for array in (Z, kernels[-1], biases[-1]):
                array *= factor
        return advance(state, weights=weights, loss=problem.output_error(Z, problem.all_rows())[0], sums=sums)


def row_sums(batch, network, weights, layer, projection, mean, kind) -> Sums:
    """Sums of products of some rows at a layer, whose targets are the labels if there is no projection."""
    H, (kernels, biases) = dense(batch.X), network.unpack(weights)
    for W, b in zip(kernels[:layer], biases, strict=False):
        H = ACTIVATIONS[network.activation].apply(H @ W + b)
    A = np.column_stack([H, np.ones(len(H), H.dtype)])
    T = batch.Y if projection is None else targets(A, batch.Y - mean, projection, kind).astype(A.dtype)
    SA = A if batch.weight is None else A * batch.weight[:, None]
    w = np.ones(len(A)) if batch.weight is None else batch.weight
    parts = SA.T @ A, SA.T @ T, w @ np.square(T, dtype=np.float64)
    AA, AT, TT = (part.astype(np.float64) for part in parts)
    return Sums(AA, AT, TT, float(w.sum()))


def targets(A, Y, projection, kind) -> np.ndarray:
    """T_l of some rows, from a layer's inputs with a 1 beside them and centred targets."""
    q, u = projection
    squash = np.tanh if kind == "values" else np.sign
    return np.sign(A @ q.astype(A.dtype)) + squash(Y @ u)


def sharpness(Z, problem) -> float:
    """Factor on the raw outputs with which the loss of the present rows is smallest, if these are enough to say so."""
    rows, n = problem.all_rows(), problem.n_samples

    def value(logarithm):
        prior = PRIOR_ROWS / n * logarithm**2
        return problem.output_error(np.exp(logarithm) * Z, rows)[0] + prior

    return float(np.exp(optimize.minimize_scalar(value, bounds=(-5, 2), method="bounded").x))


def log_odds(W, sums) -> np.ndarray:
    """From least squares on 0/1 labels to the log-odds of linear discriminant analysis, one label against the rest."""
    p = np.clip(sums.TT / sums.n, 1e-3, 1 - 1e-3)
    c = np.maximum(sums.residuals(W), RESIDUAL_FLOOR * p * (1 - p))
    middle = p + (0.5 - p) * (1 - c / (p * (1 - p)))
    W = W / c
    W[-1] += np.log(p / (1 - p)) - middle / c
    return W
