"""Helpers of arrays do what their names say."""

import numpy as np
import pytest

from sklearn_bpfree.nn.activations import ACTIVATIONS
from sklearn_bpfree.nn.arrays import dropout_mask


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_dropout_silences_a_share_of_the_units_and_keeps_their_mean(probability):
    mask = dropout_mask((500, 400), probability, np.random.default_rng(0), np.float32)
    assert mask.dtype == np.float32 and len(np.unique(mask)) == 2
    assert (mask == 0).mean() == pytest.approx(probability, abs=0.005)
    assert mask.mean() == pytest.approx(1, abs=0.02)


def test_the_sign_of_zero_is_one_and_its_step_is_zero():
    Z = np.array([-2.0, -0.0, 0.0, 3.0])
    np.testing.assert_array_equal(ACTIVATIONS["sign"].apply(Z.copy()), [-1, 1, 1, 1])
    np.testing.assert_array_equal(ACTIVATIONS["step"].apply(Z.copy()), [0, 0, 0, 1])
