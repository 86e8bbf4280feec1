"""Recursive feature machine: the gradients of a kernel fit say which directions count, and the kernel measures by them.

With centres c_j, a matrix M = S S^T, at first the identity, and a length L, in every round:

    K(x, c)   = exp(-|(x - c) S| / L)                                          Laplace kernel in the metric of M
    f(x)      = sum_j alpha_j K(x, c_j) + b      ridge |alpha|_K^2, its penalty by exact leave-one-out
    grad f(x) = -S sum_j alpha_j K(x, c_j) (x - c_j) S / (L |(x - c_j) S|)
    M         <- (mean over rows and outputs of grad f grad f^T) ^ exponent     average gradient outer product

(Radhakrishnan et al. 2024; Beaglehole et al. 2025 for tables.) L is `bandwidth` times the mean distance of two centres,
so that the size of M does not matter. Up to `centres` rows all are centres, and one eigen-decomposition of their kernel
serves all penalties; of more some are drawn, and the fit is Nystroem's, for which only the ridge is exact. The round
whose left-out rows are predicted best answers.

No layer is trained: predictions are those of f, and the network says only how many outputs there are. A round is a
step. Read `step` first, then `laplace.kernel` and `laplace.outer_product`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from scipy.linalg import solve_triangular
from scipy.stats import loguniform
from sklearn.utils import check_scalar

from bpfree_kernel.laplace import SAME, kernel, mean_distance, outer_product, root, scaled
from sklearn_bpfree.plugin import (
    FOR_TRAINING,
    Budget,
    Formula,
    Gram,
    State,
    Trainer,
    advance,
    blocks,
    check_choice,
    dense,
    read,
    solve_readout,
)

WIDEST_FULL = 1024  # columns up to which a full matrix is held


@dataclass(eq=False, kw_only=True)
class RFMState(State):
    """State of `RFM`.

    Attributes
    ----------
    centres : ndarray of shape (m, d)
    following : ndarray of shape (d,) or (d, d)
        S of the next round.
    scale : ndarray of shape (d,) or (d, d)
        S of the round that predicts.
    alpha : ndarray of shape (m, K)
    bias : ndarray of shape (K,)
    length : float
        Its L.
    error : float
        Its mean squared error on left-out rows.
    penalty : float
    """

    centres: np.ndarray
    following: np.ndarray = field(metadata=FOR_TRAINING)
    scale: np.ndarray
    alpha: np.ndarray
    bias: np.ndarray
    length: float = 1.0
    error: float = float("inf")
    penalty: float = float("nan")


class RFM(Trainer):
    """Recursive feature machine: kernel ridge rounds whose gradients rescale the inputs, all in closed form.

    Parameters
    ----------
    matrix : {"diagonal", "full"}, default="diagonal"
        Whether M weighs columns, or directions, which takes up to `WIDEST_FULL` columns.
    bandwidth : float, default=4.0
        L, in units of the mean distance of two centres.
    exponent : float, default=0.5
        Power of the average gradient outer product.
    centres : int, default=2000
        Rows that are centres at most.
    readout : {"auto", "ridge", "loss"}, default="auto"
        How raw outputs come from the kernel, see `RVFL`: "auto" is the ridge for the squared error and the log-losses.
    penalties : tuple of float, default=(1e-6, 1e-5, ..., 1e2)
        What leave-one-out chooses from, in units of the number of rows times the mean variance of the features.

    References
    ----------
    Radhakrishnan, Beaglehole, Pandit and Belkin (2024), "Mechanism for feature learning in neural networks and
    backpropagation-free machine learning models", Science 383.
    Beaglehole, Holzmueller, Radhakrishnan and Belkin (2025), "xRFM: accurate, scalable, and interpretable feature
    learning models for tabular data", arXiv 2508.10053.
    """

    offers: ClassVar[tuple[str, ...]] = ()
    adjustable: ClassVar[tuple[str, ...]] = ()
    state_types: ClassVar[tuple[type, ...]] = (RFMState,)

    matrix: str = "diagonal"
    bandwidth: float = 4.0
    exponent: float = 0.5
    centres: int = 2000
    readout: str = "auto"
    penalties: tuple[float, ...] = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2)

    def budget(self, n_samples, n_features):
        """Three rounds; the first one is ordinary kernel ridge."""
        return Budget(max_iter=3)

    def param_distributions(self):
        return {
            "bandwidth": loguniform(0.5, 10),
            "exponent": [0.25, 0.5, 1.0],
            "matrix": ["diagonal", "full"],
        }

    def check_parameters(self):
        check_choice(self, "matrix", ("diagonal", "full"))
        check_choice(self, "readout", ("auto", "ridge", "loss"))
        for name in ("bandwidth", "exponent"):
            check_scalar(getattr(self, name), name, (int, float), min_val=0, include_boundaries="neither")
        check_scalar(self.centres, "centres", int, min_val=2)
        if not len(self.penalties) or not all(penalty > 0 for penalty in self.penalties):
            raise ValueError(f"penalties of RFM must be numbers > 0, at least one, got {self.penalties!r}.")

    def init(self, problem, rng):
        d, n = problem.X.shape[1], problem.n_samples
        if self.matrix == "full" and d > WIDEST_FULL:
            raise ValueError(
                f"RFM with matrix='full' holds a matrix of columns by columns, up to {WIDEST_FULL} of them, got {d}; "
                "use matrix='diagonal'."
            )
        rows: Any = slice(None)
        if n > self.centres:
            weight = problem.sample_weight
            chance = None if weight is None else weight / weight.sum(dtype=np.float64)
            rows = np.sort(rng.choice(n, self.centres, replace=False, p=chance))
        centres = np.array(dense(problem.X[rows]), problem.dtype)
        weights = np.zeros(problem.network.n_weights, problem.dtype)
        bias = problem.initial_output().astype(problem.dtype)
        problem.network.unpack(weights)[1][-1][:] = bias
        S = np.ones(d, problem.dtype) if self.matrix == "diagonal" else np.eye(d, dtype=problem.dtype)
        alpha = np.zeros((len(centres), problem.network.n_outputs), problem.dtype)
        return RFMState(weights, centres=centres, following=S, scale=S, alpha=alpha, bias=bias)

    def step(self, state: Any, problem, rng):
        """One round: solve in the present metric, and take the next one from the gradients of the solution."""
        S, C = state.following, state.centres
        length = self.bandwidth * mean_distance(C, S)
        Phi, half = self._features(problem, C, S, length)
        readout, bias, fit = solve_readout(Phi, problem, self.penalties, self.readout)
        problem.n_evaluations += problem.n_samples
        alpha = (readout if half is None else half @ readout).astype(problem.dtype)
        bias, weights = bias.astype(problem.dtype), state.weights.copy()
        problem.network.unpack(weights)[1][-1][:] = bias
        error, changes = float(fit.errors.min()), {}
        if error < state.error:
            loss = problem.output_error(read(Phi, readout.astype(problem.dtype), bias), problem.all_rows())[0]
            changes = {"scale": S, "length": length, "alpha": alpha, "bias": bias, "error": error, "loss": loss}
            changes |= {"weights": weights, "penalty": fit.penalty}
        return advance(state, following=self._metric(outer_product(problem, C, S, length, alpha)), **changes)

    def _features(self, problem, C, S, length):
        """Features of the rows, and what makes coefficients of the centres from a readout of them; None: they are."""
        if len(C) == problem.n_samples:
            return Gram(kernel(C, C, S, length).astype(problem.dtype)), None
        half = solve_triangular(root(kernel(C, C, S, length)), np.eye(len(C)), lower=True).T
        # K(X, C) half has the inner products of Nystroem's kernel
        rows = blocks(problem.n_samples, max(problem.X.shape[1], len(C)))
        parts = [kernel(dense(problem.X[some]), C, S, length) @ half for some in rows]
        return np.concatenate([part.astype(problem.dtype) for part in parts]), half

    def outputs(self, state: Any, network, X):
        Z = np.empty((X.shape[0], len(state.bias)), np.result_type(state.alpha, X.dtype))
        for rows in blocks(X.shape[0], max(state.centres.shape)):
            Z[rows] = kernel(dense(X[rows]), state.centres, state.scale, state.length) @ state.alpha + state.bias
        return Z

    def formula(self, state: Any, network, X):
        A, B = X.cast(np.float64), scaled(state.centres, state.scale)
        A = A * state.scale if state.scale.ndim == 1 else A @ state.scale.astype(np.float64)
        sums = (A * A).sum(1, keepdims=True) + np.square(B).sum(axis=1)
        squares = sums - A @ (2 * B.T)
        K = Formula("Exp", Formula("Sqrt", Formula.where(squares > SAME * sums, squares, 0.0)) / -state.length)
        return (K @ state.alpha.astype(np.float64) + state.bias).cast(X.dtype)

    def _metric(self, M):
        """S of the next round, from the average gradient outer product M (d,) or (d, d), scaled to a largest of one."""
        if M.ndim == 1:
            return np.power(M / (M.max() or 1.0), self.exponent / 2).astype(M.dtype)
        e, V = np.linalg.eigh(M.astype(np.float64))
        e = np.maximum(e, 0)
        return (V * np.power(e / (e.max() or 1.0), self.exponent / 2) @ V.T).astype(M.dtype)
