"""Quantised kernels against their papers' formulas, packing, and estimators whose network is not differentiable."""

import copy
import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_wine, make_regression
from sklearn.preprocessing import scale

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.nn.quantisation import SCALE_BITS, PackedWeights, codes_and_scale, quantised
from sklearn_bpfree.plugin import Members

KINDS = ["int8", "ternary", "binary"]
BITS = {"int8": 8, "ternary": 1.6, "binary": 1}
every_kind = pytest.mark.parametrize("kind", KINDS)

X, y = load_wine(return_X_y=True)
X = scale(X)


def textbook(w, kind):
    """One column, entry by entry."""
    if kind == "binary":
        return [np.mean(np.abs(w)) * (1 if v >= 0 else -1) for v in w]
    if kind == "ternary":
        threshold = 0.7 * np.mean(np.abs(w))
        size = np.mean([abs(v) for v in w if abs(v) > threshold])
        return [0 if abs(v) <= threshold else size * np.sign(v) for v in w]
    unit = max(abs(v) for v in w) / 127
    return [unit * round(v / unit) for v in w]


@every_kind
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_quantised_kernels_are_those_of_the_papers(kind, dtype):
    W = np.random.default_rng(0).normal(size=(2, 30, 5)).astype(dtype)
    found = quantised(W, kind)
    assert found.dtype == dtype
    expected = np.array([[textbook(w, kind) for w in member.T] for member in W.astype(np.float64)]).transpose(0, 2, 1)
    step = np.abs(W).max() / 127 if kind == "int8" else 0  # a code may fall on either side of a half
    assert np.abs(found - expected).max() <= 2.0**-SCALE_BITS * np.abs(expected).max() + step
    assert np.mean(np.abs(found - expected) > 2.0**-SCALE_BITS * np.abs(expected).max()) < 0.05


@pytest.mark.parametrize("kind", ["ternary", "binary"])
def test_the_scale_has_the_least_squared_error_for_its_codes(kind):
    W = np.random.default_rng(0).normal(size=(40, 3))
    codes, found = codes_and_scale(W, kind)
    best = (codes * W).sum(axis=0) / np.square(codes).sum(axis=0)
    np.testing.assert_allclose(found[0], best, rtol=2.0**-SCALE_BITS)


@every_kind
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_quantising_again_changes_no_bit(kind, dtype):
    rng = np.random.default_rng(0)
    for fan_in, size in [(1, 1), (2, 1e-30), (784, 0.03), (64, 1e20), (5, 0)]:
        once = quantised((size * rng.standard_t(2, (fan_in, 40))).astype(dtype), kind)
        assert np.isfinite(once).all()
        np.testing.assert_array_equal(quantised(once, kind), once)


@every_kind
@pytest.mark.parametrize("sizes", [(7, 1), (13, 6, 3), (1, 1, 2)])
def test_packed_weights_come_back_quantised(kind, sizes):
    network = Network(sizes, weight_kind=kind)
    weights = np.random.default_rng(0).normal(size=network.n_weights).astype(np.float32)
    packed = PackedWeights.pack(*network.unpack(weights), kind)
    np.testing.assert_array_equal(packed.unpack(network.kernel_shapes), network.effective(weights))
    for codes, (fan_in, fan_out) in zip(packed.codes, network.kernel_shapes, strict=True):
        assert codes.nbytes == np.ceil(fan_in * fan_out * BITS[kind] / 8)


@every_kind
def test_outputs_are_those_of_the_float_network_with_quantised_kernels(kind):
    rng = np.random.default_rng(0)
    network, plain = Network((6, 5, 4, 2), "tanh", kind), Network((6, 5, 4, 2), "tanh")
    weights, rows = rng.normal(size=(3, network.n_weights)), rng.normal(size=(9, 6))
    kernels, biases = plain.unpack(weights)
    by_hand = np.concatenate([quantised(W, kind).reshape(3, -1) for W in kernels] + biases, axis=1)
    np.testing.assert_array_equal(network.effective(weights), by_hand)
    for table in (rows, sparse.csr_array(rows)):
        np.testing.assert_array_equal(network.outputs(weights, table), plain.outputs(by_hand, table))
        np.testing.assert_array_equal(network.hidden(weights, table), plain.hidden(by_hand, table))
    assert plain.effective(weights) is weights


@every_kind
@pytest.mark.parametrize("noise", ["gaussian", 1])
@pytest.mark.parametrize("n_features", [6, 60])
def test_every_member_of_a_population_is_quantised(kind, noise, n_features):
    rng = np.random.default_rng(0)
    network = Network((n_features, 5, 2), "sign", kind)
    centre, rows = rng.normal(size=network.n_weights), rng.normal(size=(9, n_features))
    members = Members(network, centre, np.full_like(centre, 0.5), (1, 2), 8, noise=noise)
    for block in range(members.n_blocks):
        expected = [network.outputs(w, rows) for w in members.weights(block)]
        np.testing.assert_allclose(members.outputs(block, rows), expected, rtol=1e-12, atol=1e-12)


def test_step_and_sign_of_zero():
    Z = np.array([-2, -0.0, 0.0, 3], np.float32)
    step, sign = (Network((1, 1, 1), name) for name in ("step", "sign"))
    for network, expected in [(step, [0, 0, 0, 1]), (sign, [-1, 1, 1, 1])]:
        weights = np.array([1, 1, 0, 0], np.float32)
        np.testing.assert_array_equal(network.outputs(weights, Z[:, None])[:, 0], expected)
        assert not network.is_smooth


# --- estimators -------------------------------------------------------------------------------------------------------


def classifier(**params):
    return BPFreeClassifier((9,), trainer="open_es", max_iter=30, random_state=0).set_params(**params)


@every_kind
@pytest.mark.parametrize("activation", ["relu", "sign"])
def test_predictions_and_coefs_are_quantised(kind, activation):
    model = classifier(activation=activation, weights=kind).fit(X, y)
    for W in model.coefs_:
        np.testing.assert_array_equal(quantised(W, kind), W)
        assert {"binary": 2, "ternary": 3, "int8": 255}[kind] >= max(len(np.unique(w)) for w in W.T)
    latent = model.network_.unpack(model.state_.weights)[0]
    assert not np.array_equal(latent[0], model.coefs_[0])
    f = {"relu": lambda Z: np.maximum(Z, 0), "sign": lambda Z: np.where(Z >= 0, 1, -1)}[activation]
    Z = f(X.astype("f4") @ model.coefs_[0] + model.intercepts_[0]) @ model.coefs_[1] + model.intercepts_[1]
    np.testing.assert_array_equal(model.predict(X), Z.argmax(axis=1))


@pytest.mark.parametrize("params", [{"activation": "step"}, {"activation": "sign"}, *({"weights": k} for k in KINDS)])
def test_a_network_without_derivatives_learns(params):
    model = classifier(max_iter=150, **params).fit(X, y)
    assert model.score(X, y) > 0.88
    rows, target = make_regression(150, 5, noise=5, random_state=0)
    values = BPFreeRegressor((9,), trainer="snes", max_iter=150, random_state=0, **params).fit(rows, target)
    assert values.score(rows, target) > 0.6


@pytest.mark.parametrize("params", [{"activation": "step"}, {"activation": "sign"}, *({"weights": k} for k in KINDS)])
def test_a_trainer_that_needs_derivatives_refuses_in_one_sentence(params):
    (name, value), *_ = params.items()
    for method in ("fit", "partial_fit"):
        with pytest.raises(ValueError, match=f"^The trainer 'dfa' needs derivatives, which {name}='{value}' .*open_es"):
            getattr(BPFreeClassifier(trainer="dfa", **params), method)(X, y)


def test_unknown_weights_are_refused():
    with pytest.raises(ValueError, match=r"^weights must be one of .*'ternary', .* got 'int4'\.$"):
        classifier(weights="int4").fit(X, y)


@every_kind
def test_a_finished_fit_is_stored_small_and_predicts_the_same(kind):
    model = classifier(weights=kind, hidden_layer_sizes=(200,)).fit(X, y)
    stored = pickle.dumps(model)
    assert len(stored) < model.network_.n_weights * BITS[kind] / 8 + 4 * 2 * 203 + 5000
    again = pickle.loads(stored)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(again.coefs_[0], model.coefs_[0])
    assert (again.loss_, again.n_iter_, again.n_evaluations_) == (model.loss_, 30, model.n_evaluations_)
    assert pickle.loads(pickle.dumps(again)).score(X, y) == model.score(X, y)
    np.testing.assert_array_equal(clone(again).fit(X, y).predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(again.fit(X, y).predict_proba(X), model.predict_proba(X))
    again = copy.deepcopy(model)
    for go_on in (again.partial_fit, again.set_params(warm_start=True).fit):
        with pytest.raises(ValueError, match=r"stored after its fit for predictions alone.*warm_start=True"):
            go_on(X, y)


def test_what_is_to_go_on_is_stored_whole():
    begun = classifier(weights="ternary").partial_fit(X, y)
    expected = begun.partial_fit(X, y).state_.weights
    begun = classifier(weights="ternary").partial_fit(X, y)
    np.testing.assert_array_equal(copy.deepcopy(begun).partial_fit(X, y).state_.weights, expected)
    whole = classifier(weights="ternary", warm_start=True).fit(X, y)
    expected = whole.fit(X, y).state_.weights
    assert whole.n_iter_ == 60
    whole = classifier(weights="ternary", warm_start=True).fit(X, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(whole)).fit(X, y).state_.weights, expected)


@pytest.mark.parametrize("params", [{"weights": "ternary"}, {"weights": "binary", "activation": "sign"}])
def test_an_interrupted_fit_goes_on_with_the_same_bits(params):
    expected = classifier(**params).fit(X, y)
    cut = classifier(warm_start=True, max_time=1e-9, **params)
    for _ in range(3):
        cut = pickle.loads(pickle.dumps(cut.fit(X, y)))
    cut.set_params(max_time=None).fit(X, y)
    np.testing.assert_array_equal(cut.state_.weights, expected.state_.weights)


def test_validation_and_second_fits_use_the_quantised_network():
    model = classifier(weights="ternary", early_stopping=True).fit(X, y)
    model.set_params(hidden_layer_sizes=(4,)).fit(X, y)
    assert model.coefs_[0].shape == (13, 4)
    assert len(model.validation_scores_) == model.n_iter_
