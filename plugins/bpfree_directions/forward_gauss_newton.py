"""Gauss-Newton by forward mode: the outputs' derivatives along some directions are enough for a damped Newton step.

With r directions, the rows of V (r, D), orthonormal in units of 1 / sqrt(fan_in + 1), carried up beside the activities:

    dZ_l = dA_{l-1} W_l + A_{l-1} V_l + v_l,   dA_l = dZ_l * f'(Z_l),   J = dZ_L          (rows, K) for each direction

    c    = -(J^T H J + decay V V^T + lambda I)^-1 (J^T E + decay V theta)                H the loss's curvature by row
    theta <- theta + c V  if that lowers the loss;   lambda / 2 if it fell by 3/4 of what was foretold, * 3 if by less
                          than 1/4 or if it rose (Levenberg 1944; Marquardt 1963)

J^T E / n is the exact gradient along each direction: nothing is sent back and nothing transposed. With as many
directions as weights it is the Levenberg-Marquardt training of small nets (Hagan and Menhaj 1994); with fewer, new ones
are drawn in every step (Cartis, Fowkes and Shao 2022). Read `step` first, then `tangents`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.linalg import qr
from scipy.stats import loguniform
from sklearn.utils import check_scalar

from sklearn_bpfree.plugin import ACTIVATIONS, Budget, State, Trainer, advance, affine, product

BLOCK_ROWS = 256  # rows whose tangents are held at once
LEAST, MOST = 1e-9, 1e9  # damping stays between these


@dataclass(eq=False, kw_only=True)
class ForwardGaussNewtonState(State):
    """State of `ForwardGaussNewton`.

    Attributes
    ----------
    damping : float
        lambda.
    """

    damping: float


class ForwardGaussNewton(Trainer):
    """Gauss-Newton in forward mode: damped Newton steps within some random directions, with nothing sent back.

    Parameters
    ----------
    directions : int, default=128
        r. As many as there are weights or more: all of them, which is Levenberg-Marquardt.
    damping : float, default=1e-2
        First lambda.
    weight_decay : float, default=0.3
        Of the kernels, in the loss: its half times their squares, in units of ``1 / sqrt(fan_in + 1)``.

    References
    ----------
    Marquardt (1963), "An algorithm for least-squares estimation of nonlinear parameters", SIAM Journal 11.
    Hagan and Menhaj (1994), "Training feedforward networks with the Marquardt algorithm", IEEE Transactions on Neural
    Networks 5.
    Cartis, Fowkes and Shao (2022), "Randomised subspace methods for non-convex optimization, with applications to
    nonlinear least-squares", arXiv 2211.09873.
    """

    adjustable: ClassVar[tuple[str, ...]] = ("directions", "weight_decay")
    state_types: ClassVar[tuple[type, ...]] = (ForwardGaussNewtonState,)
    slow: ClassVar[bool] = True

    directions: int = 128
    damping: float = 1e-2
    weight_decay: float = 0.3

    def budget(self, n_samples, n_features):
        """Steps on all rows, or on 4,096 of them."""
        return Budget(max_iter=100, batch_size=4096)

    def param_distributions(self):
        return {"directions": [64, 128, 256], "weight_decay": loguniform(1e-2, 3)}

    def check_parameters(self):
        check_scalar(self.directions, "directions", int, min_val=1)
        check_scalar(self.damping, "damping", (int, float), min_val=0, include_boundaries="neither")
        check_scalar(self.weight_decay, "weight_decay", (int, float), min_val=0)

    def init(self, problem, rng):
        weights = problem.network.initial_weights(rng, problem.dtype)
        problem.network.unpack(weights)[1][-1][:] = problem.initial_output()
        return ForwardGaussNewtonState(weights, damping=self.damping)

    def step(self, state: Any, problem, rng):
        """One Levenberg-Marquardt step; a step that would raise the loss is not taken, and damps the next one."""
        network, theta = problem.network, state.weights
        batch = problem.sample(rng, problem.batch_size)
        V = subspace(network, self.directions, rng).astype(problem.dtype)
        decay = np.zeros(network.n_weights, problem.dtype)
        decay[: network.n_kernel] = self.weight_decay / network.fan_in_scale(problem.dtype)[: network.n_kernel] ** 2
        decay /= network.n_kernel

        sums = [curvature(*part, network, theta, V, problem.differentiable_loss) for part in parts(batch)]
        n = len(batch.Y)
        loss, g, G = (sum(terms) / n for terms in zip(*sums, strict=True))
        loss += 0.5 * decay @ theta**2
        g, G = g + V @ (decay * theta), G + (V * decay) @ V.T
        problem.n_evaluations += n * (len(V) + 2)
        c = -np.linalg.solve(G + state.damping * np.eye(len(V)), g)
        foretold = -(g @ c + 0.5 * c @ G @ c)
        moved = theta + (c @ V).astype(problem.dtype)
        after = problem.output_error(network.outputs(moved, batch.X), batch)[0] + 0.5 * decay @ moved**2
        ratio = (loss - after) / max(foretold, np.finfo(np.float64).tiny)
        factor = 0.5 if ratio > 0.75 else 1.0 if ratio > 0.25 else 3.0  # NaN damps, too
        damping = float(np.clip(state.damping * factor, LEAST, MOST))
        if not after < loss:
            return advance(state, loss=float(loss), damping=damping)
        return advance(state, weights=moved, loss=float(after), damping=damping)


def subspace(network, r, rng) -> np.ndarray:
    """Rows (r, D) that are orthonormal in units of the layers; all weights by themselves where r is as many."""
    unit, D = network.fan_in_scale(np.float64), network.n_weights
    if r >= D:
        return np.diag(unit)
    Q = qr(rng.standard_normal((D, r)), mode="economic")[0]
    return Q.T * unit


def parts(batch):
    """Rows, targets and weights of a batch, some at a time."""
    for start in range(0, len(batch.Y), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        yield batch.X[rows], batch.Y[rows], None if batch.weight is None else batch.weight[rows]


def tangents(network, theta, V, X) -> tuple[np.ndarray, np.ndarray]:
    """Raw outputs (n, K) and their derivatives along the rows of V, (r, n, K)."""
    activation, (kernels, biases) = ACTIVATIONS[network.activation], network.unpack(theta)
    along, of_biases = network.unpack(V)
    Z, dZ = affine(X, kernels[0], biases[0]), product(X, along[0]) + of_biases[0][:, None, :]
    for W, b, to_W, to_b in zip(kernels[1:], biases[1:], along[1:], of_biases[1:], strict=True):
        A = activation.apply(Z.copy())
        activation.chain(dZ, Z, A)
        dZ = product(A, to_W) + to_b[:, None, :] + dZ @ W
        Z = affine(A, W, b)
    return Z, dZ


def curvature(X, Y, weight, network, theta, V, loss) -> tuple[float, np.ndarray, np.ndarray]:
    """Sums over rows: the loss, J^T E and J^T H J, in double precision."""
    Z, J = tangents(network, theta, V, X)
    w = np.ones(len(Y)) if weight is None else weight.astype(np.float64)
    J = J.astype(np.float64)
    E, (h, s) = loss.error(Z, Y), loss.working_weights(Z, Y)
    g = np.einsum("rnk,nk->r", J, w[:, None] * E)
    if s is not None:  # g^T H g is the sum of h (g - s . g)^2
        J = J - np.einsum("rnk,nk->rn", J, s)[:, :, None]
    flat = (J * np.sqrt(w[:, None] * np.maximum(h, 0))).reshape(len(J), -1)
    return float(w @ loss.loss(Z, Y)), g, flat @ flat.T
