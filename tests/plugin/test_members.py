"""Members of a population: drawn from a key, run features first, never all at once."""

import pickle

import numpy as np
import pytest
from scipy import sparse

from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.plugin.members import Members

NOISES = ["gaussian", "rademacher", 1, 3]


def members(noise, sizes=(5, 7, 4, 3), n_directions=10, key=(1, 2), activation="tanh", signs=(1.0, -1.0), seed=0):
    network = Network(sizes, activation)
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=network.n_weights)
    scale = 0.3 * network.fan_in_scale(np.float64)
    return Members(network, centre, scale, key, n_directions, signs, noise)


def all_weights(population):
    """Members as (signs, directions, n_weights)."""
    S = len(population.signs)
    blocks = [population.weights(b).reshape(S, -1, population.centre.size) for b in range(population.n_blocks)]
    return np.concatenate(blocks, axis=1)


@pytest.mark.parametrize("noise", NOISES)
def test_antithetic_members_lie_on_both_sides_of_the_centre(noise):
    population = members(noise)
    plus, minus = all_weights(population)
    assert plus.shape == (10, population.centre.size)
    np.testing.assert_allclose((plus + minus) / 2, np.tile(population.centre, (10, 1)))
    assert (plus != minus).all()


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("first", [5, 60], ids=["narrow", "wide"])
@pytest.mark.parametrize("hidden", [(), (7,), (7, 4)])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_outputs_are_those_of_the_network(noise, first, hidden, container):
    """Members share a product for the centre and one for each direction, and must agree with the materialised ones."""
    population = members(noise, (first, *hidden, 3))
    X = np.random.default_rng(1).normal(size=(11, first))
    for block in range(population.n_blocks):
        expected = population.network.outputs(population.weights(block), X)
        np.testing.assert_allclose(population.outputs(block, container(X)), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("noise", ["gaussian", 1])
@pytest.mark.parametrize("chunk", [6000, 20_000])
def test_rows_may_come_in_chunks(noise, chunk, monkeypatch):
    X, Y = np.random.default_rng(1).normal(size=(2, 201, 5))
    expected = [members(noise).outputs(block, rows) for rows in (X, Y) for block in (0, 1)]
    monkeypatch.setattr("sklearn_bpfree.plugin.members.CHUNK_BYTES", chunk)
    population = members(noise)
    found = [population.outputs(block, rows) for rows in (X, Y) for block in (0, 1)]
    for part, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(part, other, rtol=1e-12)


@pytest.mark.parametrize("noise", NOISES)
def test_combine_is_the_weighted_sum_of_the_directions(noise):
    population = members(noise)
    E = (all_weights(population)[0] - population.centre) / population.scale
    c = np.random.default_rng(3).normal(size=10)
    np.testing.assert_allclose(population.combine(c), c @ E, atol=1e-12)
    np.testing.assert_allclose(population.combine_squares(c), c @ E**2, atol=1e-12)


@pytest.mark.parametrize("noise", NOISES)
def test_directions_have_unit_variance_and_no_mean(noise):
    population = members(noise, n_directions=4000)
    E = (all_weights(population)[0] - population.centre) / population.scale
    np.testing.assert_allclose(E.mean(0), 0, atol=0.09)
    np.testing.assert_allclose(E.var(0), 1, atol=0.25)
    correlation = np.corrcoef(E.T) - np.eye(E.shape[1])
    assert np.abs(correlation).max() < 0.1


@pytest.mark.parametrize("noise", ["gaussian", 1])
def test_a_block_depends_on_key_and_number_only(noise):
    population = members(noise)
    expected = [population.weights(block) for block in range(3)]
    travelled = pickle.loads(pickle.dumps(population))
    for block in (2, 0, 1):
        np.testing.assert_array_equal(travelled.weights(block), expected[block])
    for other in (members(noise, key=(1, 3)), members(noise, key=(2, 2))):
        assert (other.directions(0).dense() != population.directions(0).dense()).all()
    assert (expected[0] != expected[1]).all()


def test_a_block_draws_from_its_own_generator_whatever_was_drawn_before():
    population = members("gaussian")
    for block in (2, 0, 1):
        size = population.span(block).stop - population.span(block).start
        expected = np.random.Generator(np.random.Philox(key=population.key, counter=[0, 0, 0, block])).standard_normal(
            (size, population.centre.size)
        )
        np.testing.assert_array_equal(population.directions(block).dense(), expected)


def test_what_travels_is_the_centre_and_the_key_not_the_population():
    population = members("gaussian", n_directions=1000)
    population.combine(np.ones(1000))
    assert len(pickle.dumps(population)) < population.centre.nbytes + 1000


@pytest.mark.parametrize("change", [0, 1, -1])
def test_a_scale_arrives_as_it_was_whether_it_is_one_number_per_layer_or_not(change):
    population = members("gaussian")
    population.scale[3] += change  # one weight differs
    population.scale[-1] += change
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(population)).scale, population.scale)


@pytest.mark.parametrize("signs", [(1.0, -1.0), (1.0,)])
def test_a_member_by_its_place(signs):
    population = members("gaussian", signs=signs)
    everyone = all_weights(population)
    for place in np.ndindex(everyone.shape[:2]):
        np.testing.assert_array_equal(population.member(*place), everyone[place])


def test_large_populations_are_drawn_again(monkeypatch):
    population = members("gaussian")
    kept = population.combine(np.arange(10.0))
    monkeypatch.setattr("sklearn_bpfree.plugin.members.KEEP_BYTES", 0)
    again = members("gaussian")
    np.testing.assert_array_equal(again.combine(np.arange(10.0)), kept)
    assert not again._kept
