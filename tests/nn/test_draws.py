"""What a key stands for is the same everywhere, and signs are fair."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sklearn_bpfree.nn.draws import draw_key, keyed, random_bits, random_signs, rewound


def test_a_key_is_128_bits_that_the_generator_decides():
    keys = [draw_key(np.random.default_rng(0)) for _ in range(2)]
    assert keys[0] == keys[1] != draw_key(np.random.default_rng(1))
    assert all(type(part) is int and 0 <= part < 1 << 64 for part in keys[0])


def test_a_key_and_a_place_decide_all_numbers():
    key = draw_key(np.random.default_rng(0))
    numbers = [keyed(*where).random(1000) for where in [(key,), (key,), (key, 0, 0, 1, 0), (key, 0, 0, 0, 1)]]
    np.testing.assert_array_equal(numbers[0], numbers[1])
    assert not np.intersect1d(numbers[0], numbers[2]).size
    assert not np.intersect1d(numbers[0], numbers[3]).size
    assert not np.array_equal(numbers[0], keyed((key[0], key[1] ^ 1 << 40)).random(1000))


def test_blocks_are_drawn_alike_in_any_order_and_any_thread():
    key = draw_key(np.random.default_rng(0))

    def draw(block):
        return rewound(key, block).standard_normal(101, dtype=np.float32)

    here = [draw(block) for block in range(6)]
    with ThreadPoolExecutor(2) as pool:
        there = list(pool.map(draw, reversed(range(6))))
    np.testing.assert_array_equal(here, there[::-1])
    assert len({block.tobytes() for block in here}) == 6


def test_a_block_begins_with_the_first_numbers_of_its_place():
    key = (3, 5)
    rewound(key, 0).random(3)  # what another block has left of its numbers is forgotten
    np.testing.assert_array_equal(rewound(key, 5).random(7), keyed(key, 0, 0, 0, 5).random(7))


@pytest.mark.parametrize("shape", [7, (3, 5), (2, 3, 1001)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_signs_have_a_shape_and_a_dtype(shape, dtype):
    signs = random_signs(np.random.default_rng(0), shape, dtype)
    assert signs.shape == np.empty(shape).shape
    assert signs.dtype == dtype
    np.testing.assert_array_equal(np.abs(signs), 1)
    bits = random_bits(np.random.default_rng(0), shape)
    np.testing.assert_array_equal(signs > 0, bits == 1)


def test_signs_are_fair_and_independent_of_their_neighbours():
    signs = random_signs(np.random.default_rng(0), (400, 1000), np.float64)
    assert abs(signs.mean()) < 4 / np.sqrt(signs.size)
    assert np.abs(signs.mean(axis=0)).max() < 5 / np.sqrt(400)
    assert abs((signs[:, 1:] * signs[:, :-1]).mean()) < 4 / np.sqrt(signs.size)
