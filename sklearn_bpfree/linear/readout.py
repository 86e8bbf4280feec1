"""The readout of given features: a ridge chosen by leave-one-out, or the minimiser of the estimator's own loss.

- "ridge": least squares on the encoded targets. For any other loss than the squared one, a slope and an intercept turn
  its values into raw outputs; they minimise the loss on the leave-one-out predictions, so that probabilities are not
  too sure of themselves.
- "loss": the penalised loss itself by L-BFGS, from there, in the coordinates in which the ridge's problem is round.

No gradient passes a layer: both solve for one linear map.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import optimize
from sklearn.utils import gen_batches

from sklearn_bpfree.linear.features import BLOCK_ROWS, dense
from sklearn_bpfree.linear.ridge import RidgeFit, ridge

SLOPE_SCALE = 10  # slopes of this size cost half a row's log-likelihood; it matters where classes are separable
VARIANCE_FLOOR = 1e-3  # of the errors, in units of the raw outputs
MAX_ITER = 50  # of L-BFGS
KEEP_BYTES = 1 << 26  # so much of the features L-BFGS holds; what is beyond is formed anew for every evaluation


def solve_readout(F: Any, problem: Any, penalties: Any, method: str) -> tuple[np.ndarray, np.ndarray, RidgeFit]:
    """Kernel (p, K) and bias (K,) of the readout, and the ridge that it comes from.

    Parameters
    ----------
    F : ndarray, CSR array or Features of shape (n, p)
        Features of the problem's rows.
    problem : Problem
    penalties : sequence of float
        See `ridge`.
    method : {"auto", "ridge", "loss"}
        "auto": "ridge" for the squared error and the log-losses, "loss" for all others.

    Returns
    -------
    kernel, bias : ndarray
    fit : RidgeFit
    """
    fit = ridge(F, problem.Y, problem.sample_weight, penalties)
    squared = problem.differentiable_loss.is_least_squares
    slope, intercept = (1.0, 0.0) if squared else _rescale(fit, problem)
    natural = squared or problem.differentiable_loss.is_classification
    if squared or method == "ridge" or (method == "auto" and natural):
        return fit.kernel * slope, fit.bias * slope + intercept, fit
    # A row's squared error counts 1 / variance; the kernel's prior, of which the penalty speaks, scales with the slope.
    variance = np.square(slope).mean() * fit.errors.min() / len(fit.bias)
    factor = 1 / max(variance, VARIANCE_FLOOR) if natural else 1.0
    return *_minimise_loss(problem, fit, slope, intercept, factor), fit


def _rescale(fit, problem):
    """Slopes (one for exclusive classes, else one per output) and intercepts that suit the left-out rows best."""
    left_out, batch = fit.left_out, problem.take(fit.rows)
    n, K = left_out.shape
    n_slopes = 1 if problem.differentiable_loss.kind == "classes" else K

    def value(parameters):
        slope, intercept = parameters[:n_slopes], parameters[n_slopes:]
        loss, E = problem.output_error(left_out * slope + intercept, batch)
        g_slope = (E * left_out).sum(axis=0)
        g_slope = g_slope.sum(keepdims=True) if n_slopes == 1 else g_slope
        prior = slope / (SLOPE_SCALE**2 * n)
        return loss + 0.5 * slope @ prior, np.concatenate([g_slope + prior, E.sum(axis=0)])

    start = np.concatenate([np.ones(n_slopes), np.zeros(K)])
    best = optimize.minimize(value, start, jac=True, method="L-BFGS-B").x
    return best[:n_slopes], best[n_slopes:]


def _minimise_loss(problem, fit, slope, intercept, factor):
    """Minimise loss + factor * strength / 2 * |kernel|^2, with kernel = V theta / sqrt(e + lambda).

    The bias b is that of centred features.
    """
    spectrum, K, n = fit.spectrum, len(fit.bias), problem.n_samples
    passes, centre = Passes(spectrum.rows), spectrum.centre
    dtype = passes.F.dtype
    root = np.sqrt(spectrum.e + fit.strength * n)[:, None]
    cost = factor * fit.strength / np.square(root)

    def value(parameters):
        theta, b = parameters[:-K].reshape(-1, K), parameters[-K:]
        kernel = spectrum.turn((theta / root).astype(dtype))
        loss, pull, by_feature = 0.0, np.zeros(K), np.zeros((K, len(kernel)))
        shift = b - centre @ kernel
        for rows, H in passes:
            part, E = problem.output_error(H @ kernel + shift, problem.take(rows))
            share = len(H) / n
            loss += share * part
            pull += share * E.sum(axis=0)
            by_feature += share * (np.ascontiguousarray(E.T, dtype) @ H)  # twice as quick as H.T @ E
        by_feature -= np.outer(pull, centre)
        gradient = spectrum.turn_back(by_feature.T) / root + cost * theta
        return loss + 0.5 * (cost * theta * theta).sum(), np.concatenate([gradient.ravel(), pull])

    bias = (fit.bias + spectrum.mean @ fit.kernel) * slope + intercept
    start = np.concatenate([(root * fit.coordinates * slope).ravel(), bias])
    best = optimize.minimize(value, start, jac=True, method="L-BFGS-B", options={"maxiter": MAX_ITER}).x
    kernel = spectrum.lift(best[:-K].reshape(-1, K) / root)
    return kernel, best[-K:] - spectrum.mean @ kernel


class Passes:
    """Features in blocks of rows, for many passes; the first blocks are kept."""

    def __init__(self, F):
        self.F, self._kept = F, []

    def __iter__(self):
        for i, rows in enumerate(gen_batches(self.F.shape[0], BLOCK_ROWS)):
            H = self._kept[i] if i < len(self._kept) else dense(self.F[rows])
            if i == len(self._kept) and (i + 1) * H.nbytes <= KEEP_BYTES:
                self._kept.append(H)
            yield rows, H
