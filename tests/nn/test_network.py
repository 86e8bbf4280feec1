"""The network against the textbook formula, activations against finite differences, blocks against one piece."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse, special

from sklearn_bpfree.nn import network as module
from sklearn_bpfree.nn.activations import ACTIVATIONS
from sklearn_bpfree.nn.arrays import add_bias, affine, product
from sklearn_bpfree.nn.network import Network

TEXTBOOK = {
    "identity": lambda z: z,
    "logistic": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": lambda z: (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z)),
    "relu": lambda z: np.where(z > 0, z, 0),
    "gelu": lambda z: z * 0.5 * (1 + special.erf(z / np.sqrt(2))),
    "silu": lambda z: z / (1 + np.exp(-z)),
    "softplus": lambda z: np.log(1 + np.exp(z)),
    "step": lambda z: np.where(z > 0, 1.0, 0.0),
    "sign": lambda z: np.where(z >= 0, 1.0, -1.0),
}


def textbook_outputs(network, weights, X):
    """Layer by layer with explicit slices of the flat vector."""
    sizes, f = network.layer_sizes, TEXTBOOK[network.activation]
    n_kernel = sum(a * b for a, b in pairwise(sizes))
    kernels, biases = weights[:n_kernel], weights[n_kernel:]
    H = X
    for layer, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        W, kernels = kernels[: fan_in * fan_out].reshape(fan_in, fan_out), kernels[fan_in * fan_out :]
        b, biases = biases[:fan_out], biases[fan_out:]
        Z = H @ W + b
        H = Z if layer == len(sizes) - 2 else f(Z)
    return H


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_every_activation_has_a_textbook_formula():
    assert set(TEXTBOOK) == set(ACTIVATIONS)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activation_is_the_textbook_formula(activation, rng):
    Z = rng.normal(0, 3, (20, 5))
    np.testing.assert_allclose(ACTIVATIONS[activation].apply(Z.copy()), TEXTBOOK[activation](Z), atol=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_chain_multiplies_by_the_derivative(activation, rng):
    f, Z, step = ACTIVATIONS[activation], rng.normal(0, 3, (20, 5)), 1e-6
    signal = rng.normal(size=Z.shape)
    slope = (TEXTBOOK[activation](Z + step) - TEXTBOOK[activation](Z - step)) / (2 * step)
    chained = signal.copy()
    H = f.apply(Z.copy())
    f.chain(chained, Z if f.needs_input else np.full_like(Z, np.nan), H)
    np.testing.assert_allclose(chained, signal * slope, atol=1e-8)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activation_is_finite_far_from_zero(activation):
    Z = np.array([[-1e4, -100.0, 0.0, 100.0, 1e4]], np.float32)
    f = ACTIVATIONS[activation]
    H = f.apply(Z.copy())
    signal = np.ones_like(Z)
    with np.errstate(under="ignore"):
        f.chain(signal, Z, H)
    assert H.dtype == signal.dtype == np.float32
    assert np.isfinite(H).all() and np.isfinite(signal).all()


@pytest.mark.parametrize("activation", [name for name, f in ACTIVATIONS.items() if f.needs_input])
def test_activation_that_needs_its_input_leaves_it_alone(activation, rng):
    Z = rng.normal(size=(4, 3))
    before = Z.copy()
    ACTIVATIONS[activation].apply(Z)
    np.testing.assert_array_equal(Z, before)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", [(), (5,), (5, 3)])
def test_outputs_are_the_textbook_formula(activation, hidden, rng):
    network = Network((4, *hidden, 2), activation)
    weights = rng.normal(size=network.n_weights)
    X = rng.normal(size=(7, 4))
    np.testing.assert_allclose(network.outputs(weights, X), textbook_outputs(network, weights, X), rtol=1e-10)


def test_all_kernels_come_first_and_all_biases_after_them():
    network = Network((2, 3, 1))
    kernels, biases = network.unpack(np.arange(13.0))
    np.testing.assert_array_equal(kernels[0], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(kernels[1], [[6], [7], [8]])
    np.testing.assert_array_equal(biases[0], [9, 10, 11])
    np.testing.assert_array_equal(biases[1], [12])
    assert (network.n_kernel, network.n_weights, network.n_outputs) == (9, 13, 1)
    assert network.kernel_shapes == ((2, 3), (3, 1))


def test_unpacked_parts_are_views():
    network = Network((2, 3, 1))
    weights = np.zeros(network.n_weights)
    kernels, biases = network.unpack(weights)
    for number, part in enumerate([*kernels, *biases], start=1):
        part[:] = number
    np.testing.assert_array_equal(weights, np.repeat([1, 2, 3, 4], [6, 3, 3, 1]))


def test_first_weights_are_glorot_uniform_with_zero_biases(rng):
    network = Network((200, 100, 50))
    weights = network.initial_weights(rng)
    assert weights.dtype == np.float32
    kernels, biases = network.unpack(weights)
    for W in kernels:
        bound = np.sqrt(6 / sum(W.shape))
        assert 0.99 * bound < np.abs(W).max() <= bound
        np.testing.assert_allclose(W.var(), bound**2 / 3, rtol=0.05)
    assert not any(b.any() for b in biases)


def test_first_weights_are_the_same_in_either_precision():
    one, other = (Network((3, 4, 2)).initial_weights(np.random.default_rng(0), dtype) for dtype in ("f4", "f8"))
    np.testing.assert_array_equal(one, other.astype("f4"))


@pytest.mark.parametrize("hidden", [(), (5,), (5, 3)])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_a_population_gives_what_each_member_gives(hidden, kind, rng):
    network = Network((4, *hidden, 2), "tanh")
    population = rng.normal(size=(6, network.n_weights))
    X = rng.normal(size=(7, 4)) * (rng.random((7, 4)) > 0.5)
    Z = network.outputs(population, kind(X))
    assert Z.shape == (6, 7, 2)
    for weights, member in zip(population, Z, strict=True):
        np.testing.assert_allclose(member, network.outputs(weights, X), rtol=1e-10)


def test_several_leading_axes_are_allowed(rng):
    network = Network((4, 3, 2))
    weights = rng.normal(size=(2, 3, network.n_weights))
    X = rng.normal(size=(5, 4))
    Z = network.outputs(weights, X)
    np.testing.assert_allclose(Z[1, 2], network.outputs(weights[1, 2], X), rtol=1e-10)


@pytest.mark.parametrize("lead", [(), (3,)])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_blocks_of_rows_give_what_one_piece_gives(monkeypatch, lead, kind, rng):
    network = Network((4, 5, 2))
    weights, X = rng.normal(size=(*lead, network.n_weights)), rng.normal(size=(200, 4))
    whole = network.outputs(weights, kind(X))
    monkeypatch.setattr(module, "BLOCK_BYTES", 1)  # blocks of 64 rows
    np.testing.assert_allclose(network.outputs(weights, kind(X)), whole, rtol=1e-10)


def test_outputs_are_in_the_wider_dtype(rng):
    network = Network((4, 5, 2))
    weights, X = rng.normal(size=network.n_weights), rng.normal(size=(3, 4))
    assert network.outputs(weights.astype("f4"), X.astype("f4")).dtype == np.float32
    assert network.outputs(weights.astype("f4"), X).dtype == np.float64
    assert network.outputs(weights, X.astype("f4")).dtype == np.float64


def test_hidden_are_the_activations_below_the_output_layer(rng):
    network = Network((4, 5, 3, 2), "tanh")
    weights, X = rng.normal(size=network.n_weights), rng.normal(size=(7, 4))
    kernels, biases = network.unpack(weights)
    H = network.hidden(weights, X)
    assert H.shape == (7, 3)
    np.testing.assert_allclose(H @ kernels[-1] + biases[-1], network.outputs(weights, X), rtol=1e-10)
    assert Network((4, 2)).hidden(rng.normal(size=10), X) is X


def test_nothing_is_written_into_weights_or_rows(rng):
    for activation in ACTIVATIONS:
        network = Network((4, 5, 3, 2), activation)
        weights, X = rng.normal(size=network.n_weights), rng.normal(size=(7, 4))
        weights.flags.writeable = X.flags.writeable = False
        network.outputs(weights, X)


def test_product_of_a_single_column(rng):
    H, W = rng.normal(size=(6, 1)), rng.normal(size=(1, 3))
    np.testing.assert_allclose(product(H, W), H @ W, rtol=1e-15)
    W = rng.normal(size=(5, 1, 3))
    np.testing.assert_allclose(product(H, W), H @ W, rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(5, 1), (1, 4), (7, 3)])
def test_a_bias_is_added_to_every_row_itself(dtype, shape, rng):
    Z, b = rng.normal(size=shape).astype(dtype), rng.normal(size=shape[1]).astype(dtype)
    expected = Z + b
    add_bias(Z, b)
    np.testing.assert_array_equal(Z, expected)
    assert Z.dtype == dtype


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_a_layer_is_a_product_and_a_bias_for_dense_and_for_sparse_rows(form, rng):
    H, W, b = (rng.normal(size=shape) for shape in [(5, 4), (4, 3), 3])
    given = W.copy(), b.copy()
    np.testing.assert_allclose(affine(form(H), W, b), H @ W + b, atol=1e-14)
    np.testing.assert_array_equal(given[0], W)
    np.testing.assert_array_equal(given[1], b)
