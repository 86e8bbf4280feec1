"""The ridge in float64 against brute force and scikit-learn."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from sklearn_bpfree.linear.ridge import ridge

PENALTIES = (1e-3, 1e-1, 1e1)
SHAPES = pytest.mark.parametrize("p", [6, 50], ids=["fewer columns than rows", "more"])


def table(p, n=30, K=2, weighted=True):
    rng = np.random.default_rng(0)
    H = rng.standard_normal((n, p)) + 3
    Y = H[:, :1] + rng.standard_normal((n, K))
    return H, Y, rng.uniform(0.5, 2, n) if weighted else None


def strength(H, weight, penalty):
    """A penalty in scikit-learn's units."""
    mean = np.average(H, axis=0, weights=weight)
    variance = np.average((H - mean) ** 2, axis=0, weights=weight).mean()
    return penalty * variance * (len(H) if weight is None else weight.sum())


@SHAPES
@pytest.mark.parametrize("weighted", [True, False])
def test_leave_one_out_is_that_of_brute_force(p, weighted):
    H, Y, weight = table(p, weighted=weighted)
    errors, left_out = [], []
    for penalty in PENALTIES:
        alpha = strength(H, weight, penalty)
        predictions = np.empty_like(Y)
        for i in range(len(H)):
            others = np.arange(len(H)) != i
            model = Ridge(alpha).fit(H[others], Y[others], None if weight is None else weight[others])
            predictions[i] = model.predict(H[[i]])[0]
        left_out.append(predictions)
        errors.append(np.average(((Y - predictions) ** 2).sum(axis=1), weights=weight))
    fit = ridge(H, Y, weight, PENALTIES)
    np.testing.assert_allclose(fit.errors, errors, rtol=1e-9)
    best = int(np.argmin(errors))
    assert fit.penalty == PENALTIES[best]
    np.testing.assert_allclose(fit.left_out, left_out[best], rtol=1e-9)


@SHAPES
@pytest.mark.parametrize("penalty", PENALTIES)
def test_solution_is_scikit_learns(p, penalty):
    H, Y, weight = table(p)
    fit = ridge(H, Y, weight, [penalty])
    alpha = strength(H, weight, penalty)
    model = Ridge(alpha).fit(H, Y, weight)
    np.testing.assert_allclose(fit.kernel, model.coef_.T, atol=1e-10)
    np.testing.assert_allclose(fit.bias, model.intercept_, atol=1e-9)
    assert fit.strength == pytest.approx(alpha / weight.sum())


@SHAPES
def test_limits_of_the_penalty(p):
    H, Y, weight = table(p)
    root = np.sqrt(weight)[:, None]
    centred = root * (H - np.average(H, axis=0, weights=weight))
    least_squares = np.linalg.pinv(centred) @ (root * (Y - np.average(Y, axis=0, weights=weight)))
    fit = ridge(H, Y, weight, [1e-13])
    np.testing.assert_allclose(fit.kernel, least_squares, atol=1e-8)
    if p > len(H):
        np.testing.assert_allclose(H @ fit.kernel + fit.bias, Y, atol=1e-8)
    fit = ridge(H, Y, weight, [1e13])
    np.testing.assert_allclose(H @ fit.kernel + fit.bias, np.tile(weight @ Y / weight.sum(), (30, 1)), atol=1e-8)


@SHAPES
def test_integer_weights_repeat_rows(p):
    H, Y, _ = table(p)
    weight = np.random.default_rng(1).integers(1, 4, 30)
    fit, repeated = ridge(H, Y, weight, [0.1]), ridge(np.repeat(H, weight, 0), np.repeat(Y, weight, 0), None, [0.1])
    np.testing.assert_allclose(fit.kernel, repeated.kernel, atol=1e-10)
    np.testing.assert_allclose(fit.bias, repeated.bias, atol=1e-9)


def test_constant_features_and_a_single_row():
    fit = ridge(np.ones((5, 3)), np.arange(5.0)[:, None], None, PENALTIES)
    assert np.array_equal(fit.kernel, np.zeros((3, 1)))
    assert fit.bias == 2
    fit = ridge(np.ones((1, 3)), np.ones((1, 1)), None, PENALTIES)
    assert fit.bias == 1
    assert np.isfinite(fit.left_out).all()
