import numpy as np
import pytest
from scipy import sparse

from sklearn_bpfree.linear.local_errors import LocalErrors, Spread


def made(n, seed=0):
    """Features, and errors that reach e^x: of a skewed distribution, so that no normal one fits."""
    rng = np.random.default_rng(seed)
    F = rng.normal(size=(n, 3))
    return F, (np.exp(F[:, 0]) * (rng.exponential(size=n) - 0.5))[:, None]


def test_quantiles_of_equal_weights_are_those_of_order_statistics():
    spread = Spread.of(np.array([[3.0], [1.0], [2.0], [4.0]]))
    np.testing.assert_allclose(spread.quantiles([0.2, 0.4, 0.5, 0.8]).ravel(), [1, 2, 2.5, 4])
    np.testing.assert_allclose(spread.quantiles([0.01, 0.99]).ravel(), [1, 4])


def test_a_unit_of_weight_does_not_matter():
    values, weight = np.random.default_rng(0).normal(size=(20, 2)), np.random.default_rng(1).random(20)
    levels = [0.1, 0.5, 0.9]
    once, again = (Spread.of(values, factor * weight).quantiles(levels) for factor in (1, 1000))
    np.testing.assert_allclose(once, again)


@pytest.mark.parametrize("level", [0.05, 0.5, 0.9])
def test_unseen_rows_give_the_share_that_a_quantile_promises(level):
    F, E = made(4000)
    below = []
    for seed in range(1, 6):
        some, errors = made(2000, seed)
        unseen = np.arange(2000) >= 1000
        errors[~unseen] /= 2  # a fit knows its own rows better, which must not matter
        fitted = LocalErrors.fit(some, errors, unseen)
        below.append(np.mean(E[:, 0] < fitted.quantiles(F, np.array([level]))[:, 0, 0]))
    assert np.mean(below) == pytest.approx(level, abs=0.015)


def test_the_scale_follows_the_features():
    F, E = made(2000)
    fitted = LocalErrors.fit(F, E, np.arange(2000) < 500)
    scale = np.log(fitted.scale(F)[:, 0])
    assert np.corrcoef(scale, F[:, 0])[0, 1] > 0.95
    assert np.ptp(scale) <= np.ptp(fitted.ends)
    np.testing.assert_allclose(np.sqrt(np.mean(np.square(E / fitted.deviations(F)))), 1, atol=0.1)


def test_quantiles_do_not_cross_and_each_output_has_its_own():
    F, E = made(600)
    fitted = LocalErrors.fit(sparse.csr_array(F), np.hstack([E, -10 * E]), np.arange(600) < 200)
    quantiles = fitted.quantiles(sparse.csr_array(F), np.linspace(0.01, 0.99, 20))
    assert quantiles.shape == (600, 2, 20)
    assert (np.diff(quantiles, axis=-1) >= 0).all()
    assert (quantiles[:, 1, 0] < quantiles[:, 0, 0]).all()


@pytest.mark.parametrize("n_unseen", [0, 1, 6, 7])
def test_the_smallest_tables_have_finite_quantiles(n_unseen):
    F, E = made(7)
    fitted = LocalErrors.fit(F, 0 * E, np.arange(7) < n_unseen)
    assert np.isfinite(fitted.quantiles(F, np.array([0.05, 0.95]))).all()
    assert (fitted.deviations(F) >= 0).all()
