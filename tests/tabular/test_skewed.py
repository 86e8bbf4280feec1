import numpy as np
import pytest
from sklearn.datasets import make_friedman1
from sklearn.linear_model import Ridge

from sklearn_bpfree import BPFreeRegressor
from sklearn_bpfree.plugin.registry import get_trainer_class
from sklearn_bpfree.tabular import SkewedTarget, SkewedTargetRegressor

RNG = np.random.default_rng(0)
X, F = make_friedman1(400, n_features=6, noise=0, random_state=0)
X, F = 3.5 * (X - 0.5), (F - F.mean()) / F.std()
SKEWED = np.exp(1.2 * F + 0.3 * RNG.normal(size=len(F)))
TARGETS = {
    "income": SKEWED,
    "rare counts": RNG.poisson(0.05, 400).astype(float),
    "claims": np.where(RNG.random(400) < 0.08, np.exp(7 + RNG.normal(size=400)), 0),
    "one large": np.r_[np.zeros(399), 1e6],
    "tail below": -1e9 * SKEWED,
    "far from zero": 1e6 + SKEWED,
    "huge": 1e140 * SKEWED,
    "tiny": 1e-140 * SKEWED,
    "plain": F,
}


class NoiseAware(get_trainer_class("backprop")):
    """Every target has its prediction, give or take half of it."""

    offers = ("return_std",)

    def predictive(self, state, network, X):
        P = np.exp(np.minimum(self.outputs(state, network, X), 3))
        return P, P / 2


def regressor(**params):
    net = {"hidden_layer_sizes": (30,), "trainer": "backprop", "max_iter": 60, "random_state": 0, **params}
    return SkewedTargetRegressor(BPFreeRegressor(**net))


@pytest.mark.parametrize("name", TARGETS)
def test_the_way_back_is_exact_finite_and_monotone(name):
    y = TARGETS[name][:, None]
    target = SkewedTarget().fit(y)
    assert target.skewed_ == (name != "plain")
    np.testing.assert_allclose(target.inverse_transform(target.transform(y)), y, rtol=1e-12, atol=1e-12 * np.ptp(y))
    far = target.inverse_transform(np.array([[-1e30], [-50], [-1], [0], [1], [50], [1e30]]))[:, 0]
    assert np.isfinite(far).all()
    assert (np.diff(far) >= 0).all()
    if target.skewed_:
        assert far.min() >= y.min() - 0.5001 * np.ptp(y)
        assert far.max() <= y.max() + 0.5001 * np.ptp(y)


@pytest.mark.parametrize(("unit", "offset"), [(1024, 0), (2.0**-10, 0), (1, 1000), (1e-9, -1e-5), (-3, 0)])
@pytest.mark.parametrize("y", [SKEWED, F], ids=["skewed", "plain"])
def test_predictions_follow_unit_and_offset_and_a_skewed_targets_sign(y, unit, offset):
    unit = unit if y is SKEWED else abs(unit)
    expected = unit * regressor().fit(X, y).predict(X) + offset
    predicted = regressor().fit(X, unit * y + offset).predict(X)
    np.testing.assert_allclose(predicted, expected, atol=1e-2 * np.std(unit * y))


@pytest.mark.parametrize("name", ["income", "rare counts", "claims", "tail below"])
def test_a_skewed_target_keeps_its_mean(name):
    y = TARGETS[name]
    model = regressor().fit(X, y)
    assert model.regressor_.loss == "poisson"
    assert model.predict(X).mean() == pytest.approx(y.mean(), rel=0.1)


def test_a_long_tail_is_learned_better_than_as_it_is():
    train, test = slice(0, 300), slice(300, None)
    scores = [
        model.fit(X[train], SKEWED[train]).score(X[test], SKEWED[test])
        for model in (regressor(), regressor().regressor)
    ]
    assert scores[0] > scores[1]


def test_several_outputs_have_their_tails_on_their_own_sides():
    Y = np.stack([SKEWED, 5 - SKEWED, F], axis=1)
    model = regressor().fit(X, Y)
    assert model.transformer_.tail_[:2].tolist() == [1, -1]
    assert model.predict(X).shape == Y.shape
    assert model.score(X, Y) > 0.8


def test_another_loss_is_kept():
    model = regressor(loss="huber").fit(X, SKEWED)
    assert model.regressor_.loss == "huber"
    assert not model.transformer_.skewed_


@pytest.mark.parametrize("y", [1000 + 50 * F, SKEWED, -SKEWED], ids=["plain", "skewed", "tail below"])
def test_validation_targets_are_on_the_scale_of_the_others(y):
    model = regressor().fit(X[:300], y[:300], X_val=X[300:], y_val=y[300:])
    assert model.regressor_.best_validation_score_ == pytest.approx(model.score(X[300:], y[300:]), abs=1e-3)


def test_deviations_and_quantiles_are_in_the_units_of_the_target():
    up = regressor(trainer=NoiseAware()).fit(X, SKEWED)
    down = regressor(trainer=NoiseAware()).fit(X, 7 - 2 * SKEWED)
    (mean, std), (other_mean, other_std) = up.predict(X, return_std=True), down.predict(X, return_std=True)
    np.testing.assert_array_equal(mean, up.predict(X))
    np.testing.assert_allclose(other_mean, 7 - 2 * mean, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(other_std, 2 * std, rtol=1e-3)
    levels = np.array([0.1, 0.5, 0.8])
    np.testing.assert_allclose(
        down.predict_quantiles(X, levels), 7 - 2 * up.predict_quantiles(X, 1 - levels), rtol=1e-3, atol=1e-3
    )
    np.testing.assert_array_equal(up.predict_quantiles(X, 0.8), up.predict_quantiles(X, levels)[:, 2])
    both = regressor(trainer=NoiseAware()).fit(X, np.stack([SKEWED, -SKEWED], axis=1))
    low, high = np.moveaxis(both.predict_quantiles(X, [0.1, 0.9]), -1, 0)
    assert (low <= high).all()
    assert not hasattr(regressor(), "predict_quantiles")


def test_a_regressor_of_another_library_learns_the_standardised_target():
    model = SkewedTargetRegressor(Ridge()).fit(X, SKEWED)
    np.testing.assert_allclose(model.predict(X), Ridge().fit(X, SKEWED).predict(X))
