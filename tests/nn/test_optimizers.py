"""Adam and Nesterov's SGD against their papers' algorithms written out, and the schedules' shapes."""

import numpy as np
import pytest

from sklearn_bpfree.nn.arrays import shrink
from sklearn_bpfree.nn.optimizers import SCHEDULES, SGD, Adam, schedule_factor


def gradients(n_updates=30, n_weights=6):
    """Gradients of very different sizes, some of them zero."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(n_updates, n_weights)) * np.array([1e-6, 1e-3, 1.0, 10.0, 1e3, 0.0])


def run(optimizer, rates):
    """All increments of an optimizer."""
    slots = optimizer.slots(np.zeros(6))
    pairs = zip(gradients(), rates, strict=True)
    return np.array([optimizer.increment(g.copy(), slots, t, rate) for t, (g, rate) in enumerate(pairs, start=1)])


RATES = np.linspace(1e-2, 1e-3, 30)


@pytest.mark.parametrize("beta_1, beta_2, epsilon", [(0.9, 0.999, 1e-8), (0.8, 0.97, 1e-3), (0.0, 0.0, 1e-8)])
def test_adam_is_algorithm_1_of_kingma_and_ba(beta_1, beta_2, epsilon):
    m, v, expected = np.zeros(6), np.zeros(6), []
    for t, (g, alpha) in enumerate(zip(gradients(), RATES, strict=True), start=1):
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        m_hat = m / (1 - beta_1**t)
        v_hat = v / (1 - beta_2**t)
        expected.append(-alpha * m_hat / (np.sqrt(v_hat) + epsilon))
    np.testing.assert_allclose(run(Adam(beta_1, beta_2, epsilon), RATES), expected, rtol=1e-10)


def test_sgd_is_nesterovs_momentum():
    """In the form of Sutskever et al. 2013, eq. 3-4, whose iterates are the points where the gradient is taken."""
    mu, v, expected = 0.9, np.zeros(6), []
    for g, rate in zip(gradients(), RATES, strict=True):
        v_next = mu * v - rate * g
        expected.append(v_next + mu * (v_next - v))
        v = v_next
    # the look-ahead point moves by v' + mu v' - mu v = -rate g + mu v', the form of the code
    ahead = run(SGD(mu, nesterov=True), RATES)
    np.testing.assert_allclose(ahead, expected, rtol=1e-10, atol=1e-12)


def test_sgd_without_nesterov_is_heavy_ball():
    v, expected = np.zeros(6), []
    for g, rate in zip(gradients(), RATES, strict=True):
        v = 0.9 * v - rate * g
        expected.append(v)
    np.testing.assert_allclose(run(SGD(0.9, nesterov=False), RATES), expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("optimizer", [Adam(0.9, 0.97), SGD(0.9)])
def test_moving_averages_without_a_gradient_never_become_subnormal(optimizer, dtype):
    """A processor takes many times as long for a subnormal number as for any other."""
    tiny, slots, lost = np.finfo(dtype).tiny, optimizer.slots(np.zeros(3, dtype)), 0
    for t in range(1, 1200 if dtype == np.float32 else 8000):
        gradient = np.array([1e-3, t < 3, 0], dtype)
        optimizer.increment(gradient, slots, t, 0.01)
        lost += sum(np.count_nonzero((slot != 0) & (np.abs(slot) < tiny)) for slot in slots)
    assert lost == 0
    assert slots[0][0] != 0 and slots[0][1] == 0


@pytest.mark.parametrize("nesterov", [True, False])
def test_sgd_without_momentum_is_gradient_descent(nesterov):
    np.testing.assert_allclose(run(SGD(0.0, nesterov), RATES), -RATES[:, None] * gradients())


@pytest.mark.parametrize("optimizer", [Adam(), SGD(), SGD(nesterov=False)])
def test_the_increment_overwrites_the_gradient_and_keeps_its_dtype(optimizer):
    gradient = np.ones(4, np.float32)
    slots = optimizer.slots(gradient)
    increment = optimizer.increment(gradient, slots, 1, 0.1)
    assert increment is gradient and increment.dtype == np.float32
    assert all(slot.dtype == np.float32 for slot in slots)
    np.testing.assert_allclose(increment, -0.1 * (1 + (getattr(optimizer, "nesterov", False)) * 0.9), rtol=1e-6)


@pytest.mark.parametrize("optimizer, n_updates", [(Adam(), 4000), (SGD(), 300)])
def test_a_quadratic_bowl_is_descended(optimizer, n_updates):
    w, slots = np.array([3.0, -2.0]), optimizer.slots(np.zeros(2))
    for t in range(1, n_updates + 1):
        w += optimizer.increment(w * [1.0, 10.0], slots, t, 0.01)
    np.testing.assert_allclose(w, 0, atol=1e-3)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_rate_rises_linearly_and_then_follows_the_schedule(schedule):
    warm = [schedule_factor(schedule, 0.2, p) for p in (0.0, 0.05, 0.1, 0.2)]
    np.testing.assert_allclose(warm, [0, 0.25, 0.5, 1])
    middle, end = schedule_factor(schedule, 0.2, 0.6), schedule_factor(schedule, 0.2, 1.0)
    expected = {"constant": (1, 1), "linear": (0.5, 0), "cosine": (0.5, 0)}[schedule]
    np.testing.assert_allclose((middle, end), expected, atol=1e-12)


def test_cosine_is_half_a_wave():
    for p in (0.1, 0.25, 0.75):
        np.testing.assert_allclose(schedule_factor("cosine", 0, p), (1 + np.cos(np.pi * p)) / 2)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("warmup", [0.0, 0.05, 1.0])
def test_no_schedule_leaves_the_unit_interval(schedule, warmup):
    for p in np.linspace(0, 1, 21):
        assert 0 <= schedule_factor(schedule, warmup, p) <= 1
    assert schedule_factor(schedule, warmup, None) == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", [lambda a: a, np.asfortranarray, lambda a: a[1], lambda a: a[1:]])
def test_shrink_changes_the_array_itself_in_any_layout_without_gaps(dtype, layout):
    whole = np.arange(1, 13, dtype=dtype).reshape(3, 4)
    array = layout(whole)
    expected = array * dtype(0.75)
    shrink(array, 0.75)
    np.testing.assert_array_equal(array, expected)
    assert array.dtype == dtype
