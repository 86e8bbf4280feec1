"""The readout of given features: against scikit-learn's linear models, by a net without hidden layers."""

import numpy as np
import pytest
from sklearn.datasets import make_classification, make_friedman1
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, get_trainer
from sklearn_bpfree.linear.readout import VARIANCE_FLOOR
from sklearn_bpfree.linear.ridge import ridge


def strength(H, weight, penalty):
    """A penalty in scikit-learn's units."""
    mean = np.average(H, axis=0, weights=weight)
    variance = np.average((H - mean) ** 2, axis=0, weights=weight).mean()
    return penalty * variance * (len(H) if weight is None else weight.sum())


def linear_fit(readout, X, y):
    """Without hidden layers, so that only the readout is at work."""
    trainer = get_trainer("rvfl", readout=readout, penalties=(0.01,))
    return BPFreeClassifier((), trainer=trainer, dtype="float64", random_state=0).fit(X, y)


def test_ridge_without_hidden_units_is_scikit_learns():
    X, y = make_friedman1(60, random_state=0)
    reg = BPFreeRegressor((), trainer=get_trainer("rvfl", penalties=(0.01,)), dtype="float64").fit(X, y)
    expected = Ridge(strength(X, None, 0.01)).fit(X, y).predict(X)
    np.testing.assert_allclose(reg.predict(X), expected, rtol=1e-10)


def test_slope_and_intercept_minimise_the_loss_of_left_out_rows():
    X, y = make_classification(80, flip_y=0.2, random_state=0)
    fit = ridge(X, y[:, None].astype(float), None, [0.01])
    line = LogisticRegression(C=100, tol=1e-10).fit(fit.left_out, y)  # C: the square of SLOPE_SCALE
    expected = line.decision_function(X @ fit.kernel + fit.bias)
    np.testing.assert_allclose(linear_fit("ridge", X, y).decision_function(X), expected, atol=1e-2)


@pytest.mark.parametrize("mean, d", [(0, 20), (20, 20), (0, 120)])
def test_loss_readout_is_penalised_logistic_regression(mean, d):
    X, y = make_classification(80, d, flip_y=0.2, shift=mean, random_state=0)
    fit = ridge(X, y[:, None].astype(float), None, [0.01])
    slope = LogisticRegression(C=100, tol=1e-10).fit(fit.left_out, y).coef_.item()
    variance = max(slope**2 * fit.errors[0], VARIANCE_FLOOR)
    model = LogisticRegression(C=variance / (80 * fit.strength), tol=1e-10, max_iter=1000).fit(X - mean, y)
    found = linear_fit("loss", X, y)
    np.testing.assert_allclose(found.coefs_[0], model.coef_.T, atol=2e-3)
    np.testing.assert_allclose(found.intercepts_[0] + mean * found.coefs_[0].sum(), model.intercept_, atol=2e-3)


def test_features_that_are_formed_anew_give_the_same_bits(monkeypatch):
    X, y = make_classification(3000, 400, n_informative=5, n_classes=3, random_state=0)  # more than are held at once
    kept = linear_fit("loss", X, y)
    monkeypatch.setattr("sklearn_bpfree.linear.readout.KEEP_BYTES", 2_000_000)
    np.testing.assert_array_equal(linear_fit("loss", X, y).coefs_[0], kept.coefs_[0])


def test_other_losses_are_minimised_themselves():
    X, y = make_friedman1(400, noise=2, random_state=0)
    reg = BPFreeRegressor(trainer="rvfl", loss="quantile", quantile=0.9, random_state=0).fit(X, y)
    assert 0.87 < (y < reg.predict(X)).mean() < 0.93
    y = np.exp(y / 10)
    trainer = get_trainer("rvfl", penalties=(0.01,))
    reg = BPFreeRegressor((), trainer=trainer, loss="poisson", dtype="float64").fit(X, y)
    expected = PoissonRegressor(alpha=strength(X, None, 0.01) / 400, tol=1e-8).fit(X, y / y.mean())
    np.testing.assert_allclose(reg.coefs_[0][:, 0], expected.coef_, atol=2e-3)
