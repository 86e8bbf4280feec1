"""Gram matrices and leave-one-out from blocks of features, in float64 against the whole table at once."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_bpfree.linear.features import Beside, Gram, LowRank, Mapped, dense, read
from sklearn_bpfree.linear.readout import solve_readout
from sklearn_bpfree.linear.ridge import ridge
from sklearn_bpfree.linear.spectrum import EXACT_CELLS, Tall, Wide, spectrum
from sklearn_bpfree.nn.losses import BinaryLogLoss, PoissonLoss
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.plugin.problem import Problem

SHAPES = pytest.mark.parametrize("n, d", [(3000, 350), (200, 350)], ids=["tall, in blocks", "wide"])
KINDS = pytest.mark.parametrize("kind", ["array", "sparse", "low rank", "beside"])
WEIGHTED = pytest.mark.parametrize("weighted", [True, False])


def features_of(kind, n, d):
    """Features of some kind and the array that they stand for, far from zero."""
    rng = np.random.default_rng(0)
    X = np.where(rng.random((n, d)) < 0.8, 0.0, 5 + rng.standard_normal((n, d)))
    rows, U, C, W = sparse.csr_array(X), rng.standard_normal((n, 2)), rng.standard_normal((2, d)), X[:4].T / 500
    if kind == "array":
        return X, X
    if kind == "sparse":
        return rows, X
    if kind == "low rank":
        return LowRank(rows, U, C), X + U @ C
    hidden = Mapped(rows, lambda some: np.tanh(some.dot(W)), 4)
    return Beside([hidden, LowRank(rows, U, C)]), np.hstack([np.tanh(X @ W), X + U @ C])


def whole(H, Y, weight, penalty):
    """Kernel, bias and leave-one-out predictions of a ridge by the textbook, all at once."""
    s = np.ones(len(H)) if weight is None else weight
    root, mean, mean_Y = np.sqrt(s)[:, None], s @ H / s.sum(), s @ Y / s.sum()
    A, T = root * (H - mean), root * (Y - mean_Y)
    inverse = np.linalg.inv(A.T @ A + penalty * np.square(A).mean(axis=1).sum() * np.eye(H.shape[1]))
    kernel = inverse @ (A.T @ T)
    leverage = ((A @ inverse) * A).sum(axis=1) + s / s.sum()
    bias = mean_Y - mean @ kernel
    return kernel, bias, Y - (Y - H @ kernel - bias) / (1 - leverage)[:, None]


@SHAPES
@KINDS
@WEIGHTED
def test_a_ridge_from_blocks_is_that_of_the_whole_table(kind, n, d, weighted):
    F, H = features_of(kind, n, d)
    rng = np.random.default_rng(1)
    Y, weight = rng.standard_normal((n, 2)) + H[:, -2:], rng.uniform(0.5, 2, n) if weighted else None
    kernel, bias, left_out = whole(H, Y, weight, 0.1)
    fit = ridge(F, Y, weight, [0.1])
    assert isinstance(fit.spectrum, Tall if n > d else Wide) and (n < d or n * d > EXACT_CELLS)
    np.testing.assert_allclose(fit.kernel, kernel, atol=1e-10)
    np.testing.assert_allclose(fit.bias, bias, atol=1e-9)
    np.testing.assert_allclose(fit.left_out, left_out[fit.rows], atol=1e-9)


@SHAPES
@KINDS
def test_rows_in_the_basis_are_the_centred_features(kind, n, d):
    F, H = features_of(kind, n, d)
    weight = np.random.default_rng(1).uniform(0.5, 2, n)
    basis = spectrum(F, np.zeros((n, 1)), np.sqrt(weight)[:, None])
    np.testing.assert_allclose(basis.mean, weight @ H / weight.sum(), atol=1e-12)
    theta = np.random.default_rng(2).standard_normal((len(basis.e), 1))
    rows = dense(basis.rows[:])
    by_rows = (rows - basis.centre) @ basis.turn(theta)
    np.testing.assert_allclose(by_rows, (H - basis.mean) @ basis.lift(theta), atol=1e-9)
    by_U = basis.U(slice(None)) @ (np.sqrt(basis.e)[:, None] * theta) / np.sqrt(weight)[:, None]
    np.testing.assert_allclose(by_rows, by_U, atol=1e-9)


def test_single_precision_far_from_zero_loses_nothing():
    """Sums of squares in single precision about zero would have no correct digit."""
    rng = np.random.default_rng(0)
    H = (1e4 + rng.standard_normal((5000, 250))).astype(np.float32)
    Y = H[:, :1].astype(np.float64) - 1e4 + rng.standard_normal((5000, 1))
    kernel, _, left_out = whole(H.astype(np.float64), Y, None, 1e-3)
    fit = ridge(H, Y, None, [1e-3])
    np.testing.assert_allclose(fit.kernel, kernel, atol=1e-4)
    np.testing.assert_allclose(fit.left_out, left_out[fit.rows], atol=1e-2)


@WEIGHTED
def test_a_ridge_of_inner_products_is_that_of_the_rows_that_have_them(weighted):
    H = np.random.default_rng(0).standard_normal((40, 60)) + 3
    Y, weight = H[:, :2] ** 2, np.random.default_rng(1).uniform(0.5, 2, 40) if weighted else None
    penalties = np.array([0.01, 1.0])
    # the unit of a penalty is a mean over the features, of which inner products have one for each row
    known = ridge(H, Y, weight, penalties, np.array([1.0, 2.0]))
    alpha = ridge(Gram(H @ H.T), Y, weight, penalties * 40 / 60, np.array([1.0, 2.0]))
    new = np.random.default_rng(2).standard_normal((5, 60)) + 3
    np.testing.assert_allclose(new @ H.T @ alpha.kernel + alpha.bias, new @ known.kernel + known.bias, atol=1e-8)
    np.testing.assert_allclose(alpha.left_out, known.left_out, atol=1e-8)
    np.testing.assert_allclose(alpha.kernel.sum(axis=0), 0, atol=1e-9)


@pytest.mark.parametrize("method", ["ridge", "loss"])
def test_a_readout_of_inner_products_is_that_of_the_rows_that_have_them(method):
    H = np.random.default_rng(0).standard_normal((30, 50))
    problem = Problem(H, (H[:, :1] > 0).astype(float), Network((50, 1)), BinaryLogLoss())
    both = [(H, 0.1), (Gram(H @ H.T), 0.1 * 30 / 50)]
    Z = [read(F, *solve_readout(F, problem, [penalty], method)[:2]) for F, penalty in both]
    np.testing.assert_allclose(Z[1], Z[0], atol=1e-4)


@pytest.mark.parametrize("weighted", [False, True])
def test_rows_that_are_the_same_to_a_kernel_are_told_apart_by_nothing(weighted):
    rng = np.random.default_rng(0)
    X, group = rng.normal(size=(7, 2)), rng.integers(7, size=600)
    Y = X[group, :1] + rng.normal(size=(600, 1))
    weight = rng.uniform(0.5, 2, 600) if weighted else None
    K = np.exp(-np.sqrt(np.square(X[group][:, None] - X[group]).sum(axis=2)))
    single, double = (ridge(Gram(K.astype(dtype)), Y, weight, [1e-6, 1e-3]) for dtype in ("f", "d"))
    at_once = ridge(np.linalg.cholesky(K + 1e-12 * np.eye(600)), Y, weight, [1e-6, 1e-3])
    for fit in (single, double):
        np.testing.assert_allclose(fit.left_out, at_once.left_out, rtol=0, atol=1e-4)
    np.testing.assert_allclose(K @ single.kernel + single.bias, K @ double.kernel + double.bias, rtol=0, atol=1e-4)


def test_a_kernel_of_a_line_of_close_points_is_solved_in_single_precision():
    x = np.sort(np.random.default_rng(0).normal(size=600))
    K = np.exp(-np.abs(x[:, None] - x) / 4)
    y = 13.0 * np.random.default_rng(1).poisson(np.exp(x - 3))
    problem = Problem(x[:, None], y[:, None], Network((1, 1)), PoissonLoss())
    fits = [solve_readout(Gram(K.astype(dtype)), problem, [1.0], "loss") for dtype in ("f", "d")]
    one, other = (K @ alpha + bias for alpha, bias, _ in fits)
    np.testing.assert_allclose(one, other, rtol=0, atol=0.2)
    np.testing.assert_allclose(fits[0][0].sum(axis=0), 0, atol=1e-3)
