"""What can be learned of a loss by trying its output error out, for losses that say nothing else of themselves.

Everything follows from `error`, e(Z, Y) = d loss / d Z, in double precision:

    link         the mean target mu for which Z is best, E e(Z, Y) = 0: for labels mu = e(Z, 0) / (e(Z, 0) - e(Z, 1))
    curvature    (e(Z + h, Y) - e(Z - h, Y)) / 2h, output by output
    bound        the largest eigenvalue of this matrix over a wide range of outputs, if it has stopped growing there
    robust       whether e stays bounded as Z - Y grows: a bounded influence function (Hampel 1974)

For the formulas of the built-in losses the results are the closed forms up to rounding, which the tests hold.
"""

from __future__ import annotations

import numpy as np
from scipy import special

STEP = 1e-4  # of differences in double precision
WINDOW = 0.5  # half the distance over which the curvature of a robust loss, which may have kinks, is measured
NEAR = 0.1  # residuals below this count as this large in the weights of a robust loss
RANGE = 10.0  # raw outputs over which a loss's curvature is searched for its largest value, and twice as far
MANY = 3  # so many outputs stand for all, where there are more
TINY = 1e-14  # probabilities stay so far away from 0 and 1
MAX_STEPS = 60  # of a search for the raw outputs that go with given probabilities


def points(n_outputs) -> np.ndarray:
    """Some raw outputs (6, K), which are also targets of a kind "values"."""
    line = np.array([-3.1, -1.3, -0.2, 0.4, 1.1, 2.6])
    return np.stack([np.roll(line, k) * (1 + k / 7) for k in range(n_outputs)], axis=1)


def some_targets(kind, n_rows, n_outputs) -> list[np.ndarray]:
    """Targets (n_rows, K) that a loss of a kind must be able to take."""
    if kind == "classes":
        return [np.eye(n_outputs)[(np.arange(n_rows) + k) % n_outputs] for k in range(min(n_outputs, MANY))]
    if kind == "labels":
        return [np.full((n_rows, n_outputs), y) for y in (0.0, 1.0)]
    return [np.full((n_rows, n_outputs), y) for y in (0.0, 1.0, 1e3)]


# --- one question each ------------------------------------------------------------------------------------------------


def is_identity(error, n_outputs) -> bool:
    """Whether values suit themselves best as raw outputs; also where it cannot be said which do."""
    Z = points(n_outputs)
    return bool(np.allclose(error(Z, Z), 0, atol=1e-6)) or not _is_affine(error, Z)


def _is_affine(error, Z):
    """Whether the error falls along a straight line as the target grows, so that only the mean target counts."""
    e = [error(Z, np.full_like(Z, y)) for y in (0.0, 1.0, 2.0)]
    return bool(np.allclose(e[0] - e[1], e[1] - e[2], rtol=1e-6) and (e[0] > e[1]).all())


def is_least_squares(error, kind, n_outputs) -> bool:
    """Whether the error is Z - Y."""
    Z = points(n_outputs)
    return all(np.allclose(error(Z, Y), Z - Y, rtol=1e-6, atol=1e-6) for Y in some_targets(kind, len(Z), n_outputs))


def is_robust(error, n_outputs) -> bool:
    """Whether the error stays bounded."""
    near, far = (np.abs(error(*_apart(distance, n_outputs))).max() for distance in (1e3, 1e6))
    return bool(near > 0 and far <= 1.1 * near)


def _apart(distance, n_outputs):
    Y = np.full((2, n_outputs), distance)
    Y[0] *= -1
    return np.zeros_like(Y), Y


def couples_outputs(error, kind, n_outputs) -> bool:
    """Whether the outputs of exclusive classes only count relative to each other, so that the errors sum to zero."""
    Z = points(n_outputs)
    errors = [error(Z, Y) for Y in some_targets(kind, len(Z), n_outputs)]
    return kind == "classes" and all(np.allclose(E.sum(axis=1), 0, atol=1e-6) for E in errors)


def is_positive(link, n_outputs) -> bool:
    """Whether a link goes to positive values only."""
    return bool((link(np.linspace(-30, 30, 61)[:, None] * np.ones(n_outputs)) > 0).all())


def curvature_bound(error, kind, n_outputs) -> float | None:
    """Largest curvature in any direction of the outputs of a row; None if it grows without end."""
    near, far = (_largest_curvature(error, kind, n_outputs, size) for size in (RANGE, 2 * RANGE))
    return float(far) if 0 < far <= 1.01 * near else None


def _largest_curvature(error, kind, n_outputs, size):
    Z = np.linspace(-size, size, 41)[:, None] * np.ones(n_outputs)
    if kind == "classes":  # along a line between two of them, the others far below, and close to it
        pairs = [np.full((1, n_outputs), -size) for _ in range(min(n_outputs, MANY))]
        for k, pair in enumerate(pairs):
            pair[:, [k, (k + 1) % n_outputs]] = 0
        Z = np.concatenate([*pairs, points(n_outputs), np.zeros((1, n_outputs))])
    return max(np.linalg.eigvalsh(_hessian(error, Z, Y)).max() for Y in some_targets(kind, len(Z), n_outputs))


def _hessian(error, Z, Y):
    """Second derivatives (n, K, K)."""
    H = np.stack([difference(lambda Z: error(Z, Y), Z, k) for k in range(Z.shape[1])], axis=2)
    return (H + H.transpose(0, 2, 1)) / 2


# --- functions of the outputs -----------------------------------------------------------------------------------------


def difference(function, Z, k, step=STEP) -> np.ndarray:
    """Derivative of a function of Z (..., K) by output k, by central differences."""
    shift = np.zeros(Z.shape[-1], Z.dtype)
    shift[k] = step
    return (function(Z + shift) - function(Z - shift)) / (2 * step)


def slopes(function, Z) -> np.ndarray:
    """Derivatives (..., K) of each output of a function of Z by that output itself, in the dtype of Z."""
    D = np.empty(Z.shape)
    for k in range(Z.shape[-1]):
        D[..., k] = difference(function, Z.astype(np.float64), k)[..., k]
    return D.astype(Z.dtype)


def mean_target(error, kind, Z) -> np.ndarray:
    """The mean target for which Z (..., K) is best, in the dtype of Z; probabilities for labels and classes."""
    if kind == "classes":
        return _class_shares(error, Z)
    e = error(Z, np.zeros_like(Z))
    if kind == "labels":
        fall, best = e - error(Z, np.ones_like(Z)), np.full_like(Z, 0.5)
        return np.clip(np.divide(e, fall, out=best, where=fall != 0), 0, 1)
    fall, best = e - error(Z, e), np.zeros_like(Z)  # e, the other target, is already the answer for canonical links
    return np.divide(e, fall, out=best, where=fall != 0) * e


def _class_shares(error, Z):
    """Shares mu of the classes with sum_k mu_k e(Z, k) = 0 and sum_k mu_k = 1."""
    wide, K = Z.astype(np.float64), Z.shape[-1]
    E = np.stack([error(wide, np.broadcast_to(unit, Z.shape)) for unit in np.eye(K)], axis=-1)
    mu = np.linalg.solve(E + 1, np.ones((*Z.shape, 1)))[..., 0]
    mu = np.clip(mu, 0, None)
    return (mu / mu.sum(axis=-1, keepdims=True)).astype(Z.dtype)


def robust_weights(error, Z, Y) -> np.ndarray:
    """Curvature (n, K) of the parabola about the target that touches a robust loss at Z: its error over the residual.

    The mean of both sides' errors, as the part of the loss that is the same on both (Hunter and Lange 2000).
    """
    R = np.maximum(np.abs(Z - Y), Z.dtype.type(NEAR))
    return (error(Y + R, Y) - error(Y - R, Y)) / (2 * R)


def inverse_link(link, kind, P) -> np.ndarray:
    """Raw outputs Z (..., K) with ``link(Z) = P``, in double precision.

    From the log-odds of labels, the logarithms of classes' shares and of positive values, which are already right where
    the link is the canonical one; otherwise by steps of what is missing in these units, of the length that the last one
    suggests (Barzilai and Borwein 1988), halved where they overshoot.
    """
    log, ceiling = (special.logit, 1 - TINY) if kind == "labels" else (np.log, None)
    over = -1 if kind == "classes" else ()  # whose shares depend on each other
    P = np.clip(P.astype(np.float64), TINY, ceiling)
    rounding = 1e-9 + (1e-15 / (1 - P) if kind == "labels" else 0)

    def missing_at(Z):
        gap = log(P) - log(np.clip(link(Z), TINY, ceiling))
        return gap - gap.mean(axis=-1, keepdims=True) if kind == "classes" else gap

    def total(values):
        return values.sum(axis=over, keepdims=True)

    Z = log(P)
    missing, length = missing_at(Z), np.ones_like(total(Z))
    for _ in range(MAX_STEPS):
        if (np.abs(missing) < rounding).all():
            break
        moved = Z + length * missing
        still = missing_at(moved)
        gone, better = missing - still, total(still**2) < total(missing**2)
        square = total(gone**2)
        secant = np.divide(total(missing * gone), square, out=np.ones_like(square), where=square > 0).clip(0.1, 10)
        Z, missing = np.where(better, moved, Z), np.where(better, still, missing)
        length = np.where(better, length * secant, length / 2)
    return Z
