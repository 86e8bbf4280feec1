"""Every built-in loss against sklearn.metrics, and its output error against finite differences."""

import numpy as np
import pytest
from sklearn import metrics

from sklearn_bpfree.nn.losses import (
    REGRESSION_LOSSES,
    AbsoluteError,
    BinaryLogLoss,
    HuberLoss,
    LogLoss,
    PoissonLoss,
    QuantileLoss,
    SquaredError,
)

N, K = 40, 3
rng = np.random.default_rng(0)
Z = rng.normal(0, 2, (N, K))
ONE_OF_K = np.eye(K)[rng.integers(K, size=N)]
LABELS = rng.integers(2, size=(N, K)).astype(float)
VALUES = rng.normal(size=(N, K))
COUNTS = rng.poisson(2, (N, K)).astype(float)

# loss, targets, and its mean by an independent formula
LOSSES = {
    "log": (LogLoss(), ONE_OF_K, lambda Z, Y: metrics.log_loss(Y, LogLoss().link(Z))),
    "binary": (BinaryLogLoss(), LABELS[:, :1], lambda Z, Y: metrics.log_loss(Y[:, 0], 1 / (1 + np.exp(-Z[:, 0])))),
    "labels": (
        BinaryLogLoss(),
        LABELS,
        lambda Z, Y: sum(metrics.log_loss(Y[:, k], 1 / (1 + np.exp(-Z[:, k]))) for k in range(K)),
    ),
    "squared": (SquaredError(), VALUES, lambda Z, Y: K * metrics.mean_squared_error(Y, Z) / 2),
    "absolute": (AbsoluteError(), VALUES, lambda Z, Y: K * metrics.mean_absolute_error(Y, Z)),
    "huber": (
        HuberLoss(0.7),
        VALUES,
        lambda Z, Y: np.mean(
            [sum(r**2 / 2 if abs(r) < 0.7 else 0.7 * (abs(r) - 0.35) for r in row) for row in np.asarray(Z - Y)]
        ),
    ),
    "quantile": (QuantileLoss(0.9), VALUES, lambda Z, Y: K * metrics.mean_pinball_loss(Y, Z, alpha=0.9)),
    "median": (QuantileLoss(), VALUES, lambda Z, Y: K * metrics.mean_absolute_error(Y, Z) / 2),
    "poisson": (
        PoissonLoss(),
        COUNTS,
        lambda Z, Y: K * metrics.mean_poisson_deviance(Y.ravel(), np.exp(Z).ravel()) / 2,
    ),
}
every_loss = pytest.mark.parametrize("loss, Y, mean", LOSSES.values(), ids=LOSSES)


def test_no_loss_is_left_out_here():
    assert {type(loss) for loss, _, _ in LOSSES.values()} == {LogLoss, BinaryLogLoss, *REGRESSION_LOSSES.values()}


@every_loss
def test_mean_loss_is_that_of_an_independent_formula(loss, Y, mean):
    z = Z[:, : Y.shape[1]]
    assert loss.loss(z, Y).shape == (N,)
    np.testing.assert_allclose(loss.loss(z, Y).mean(), mean(z, Y), rtol=1e-10)


@every_loss
def test_output_error_is_the_slope_of_the_loss(loss, Y, mean):
    z, step = Z[:, : Y.shape[1]], 1e-6
    slopes = np.empty_like(z)
    for k in range(z.shape[1]):
        moved = step * np.eye(z.shape[1])[k]
        slopes[:, k] = (loss.loss(z + moved, Y) - loss.loss(z - moved, Y)) / (2 * step)
    np.testing.assert_allclose(loss.error(z, Y), slopes, atol=1e-8)


@every_loss
@pytest.mark.parametrize("weight", [None, rng.uniform(0.5, 2, N)], ids=["unweighted", "weighted"])
def test_total_and_error_are_the_weighted_sum_and_the_unweighted_error(loss, Y, mean, weight):
    z = Z[:, : Y.shape[1]].copy()
    total, E = loss.total_and_error(z, Y, weight)
    assert isinstance(total, float)
    np.testing.assert_array_equal(z, Z[:, : Y.shape[1]])
    assert E.flags.forc  # which `Problem.output_error` relies on
    np.testing.assert_allclose(total, (loss.loss(z, Y) * (1 if weight is None else weight)).sum(), rtol=1e-12)
    np.testing.assert_allclose(E, loss.error(z, Y), rtol=1e-12, atol=1e-12)


@every_loss
@pytest.mark.parametrize("weight", [None, rng.uniform(0.5, 2, N)], ids=["unweighted", "weighted"])
def test_means_are_the_members_weighted_mean_losses(loss, Y, mean, weight):
    Z = rng.normal(size=(4, *Y.shape))
    expected = [np.average(loss.loss(z, Y), weights=weight) for z in Z]
    np.testing.assert_allclose(loss.means(Z.copy(), Y, weight), expected, rtol=1e-12)


@every_loss
def test_a_population_has_a_loss_per_member_and_row(loss, Y, mean):
    population = np.stack([Z[:, : Y.shape[1]], -Z[:, : Y.shape[1]]])
    losses = loss.loss(population, Y)
    assert losses.shape == (2, N)
    np.testing.assert_allclose(losses[1], loss.loss(population[1], Y), rtol=1e-12)


@every_loss
def test_single_precision_stays_single(loss, Y, mean):
    z, Y = Z[:, : Y.shape[1]].astype("f4"), Y.astype("f4")
    E = loss.total_and_error(z, Y)[1]
    assert E.dtype == loss.loss(z, Y).dtype == loss.error(z, Y).dtype == loss.link(z).dtype == np.float32


@pytest.mark.parametrize("name", ["log", "binary", "labels"])
def test_log_losses_are_finite_for_any_logit(name):
    loss, Y, _ = LOSSES[name]
    z = np.where(Y > 0, -1e4, 1e4).astype(np.float32)
    losses = loss.loss(z, Y)
    total, E = loss.total_and_error(z, Y.astype(np.float32))
    assert np.isfinite(losses).all() and np.isfinite(E).all() and np.isfinite(loss.link(z)).all()
    assert losses.min() >= 1e4
    assert np.abs(total / losses.sum() - 1) < 1e-5


@pytest.mark.parametrize("gap", [30, 60, 1e3])
@pytest.mark.parametrize("weight", [None, rng.uniform(0.5, 2, N).astype("f4")], ids=["unweighted", "weighted"])
def test_a_row_far_below_the_highest_one_keeps_its_digits(gap, weight):
    loss, Y, _ = LOSSES["log"]
    z = Z[:, : Y.shape[1]].astype(np.float32)
    z[1:] -= np.float32(gap)
    total, E = loss.total_and_error(z, Y.astype(np.float32), weight)
    z = z.astype(np.float64)
    np.testing.assert_allclose(E, loss.error(z, Y), atol=1e-6)
    np.testing.assert_allclose(total, (loss.loss(z, Y) * (1 if weight is None else weight)).sum(), rtol=1e-4)


@pytest.mark.parametrize("loss", [LogLoss(), BinaryLogLoss()])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_output_error_is_so_small_that_products_with_it_take_longer(loss, dtype):
    logits = np.linspace(0, 800 if dtype == np.float64 else 110, 400)
    Z, Y = np.column_stack([-logits, np.zeros(400)]).astype(dtype), np.tile([0, 1], (400, 1)).astype(dtype)
    size = np.abs(loss.total_and_error(Z, Y)[1])
    assert (size[size > 0] > 1e6 * np.finfo(dtype).tiny).all()
    assert size[0].min() > 0.4


def test_links():
    P = LogLoss().link(Z)
    np.testing.assert_allclose(P, np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(BinaryLogLoss().link(Z), 1 / (1 + np.exp(-Z)))
    np.testing.assert_allclose(PoissonLoss().link(Z), np.exp(Z))
    for kind in (SquaredError, AbsoluteError, HuberLoss, QuantileLoss):
        assert kind().link(Z) is Z


@pytest.mark.parametrize("name", ["log", "binary", "labels", "poisson"])
@pytest.mark.parametrize("weighted", [False, True])
def test_first_outputs_predict_the_mean_target(name, weighted):
    loss, Y, _ = LOSSES[name]
    weight = rng.uniform(0.5, 3, N) if weighted else None
    first = loss.initial_output(Y, weight)
    assert first.shape == (Y.shape[1],)
    np.testing.assert_allclose(loss.link(first[None])[0], np.average(Y, axis=0, weights=weight))


@pytest.mark.parametrize("name", ["squared", "absolute", "huber", "quantile"])
def test_first_outputs_of_standardised_values_are_zero(name):
    assert not LOSSES[name][0].initial_output(VALUES, None).any()


@pytest.mark.parametrize("name", ["log", "labels", "poisson"])
def test_first_outputs_are_finite_when_a_target_never_occurs(name):
    loss, Y, _ = LOSSES[name]
    Y = Y.copy()
    Y[:, 1] = 0
    assert np.isfinite(loss.initial_output(Y, None)).all()


@pytest.mark.parametrize("delta", [0, -1.0])
def test_huber_needs_a_positive_delta(delta):
    with pytest.raises(ValueError, match=f"delta == {delta}, must be > 0"):
        HuberLoss(delta)


@pytest.mark.parametrize("quantile", [0, 1.0, -0.1, 2])
def test_a_quantile_lies_between_0_and_1(quantile):
    with pytest.raises(ValueError, match=f"quantile == {quantile}, must be"):
        QuantileLoss(quantile)


def test_error_of_a_quantile_at_the_kink_is_zero():
    assert QuantileLoss(0.3).error(np.ones((1, 1)), np.ones((1, 1))) == 0


# --- curvature and predictions ----------------------------------------------------------------------------------------

SMOOTH = {name: LOSSES[name][:2] for name in ("log", "binary", "labels", "squared", "poisson")}
smooth_loss = pytest.mark.parametrize("loss, Y", SMOOTH.values(), ids=SMOOTH)
robust_loss = pytest.mark.parametrize("loss", [HuberLoss(0.7), AbsoluteError(), QuantileLoss(0.8)])


def second_derivatives(loss, z, Y, step=1e-5):
    """Of every row by its outputs, (n, K, K)."""
    moves = step * np.eye(z.shape[1])
    return np.stack([(loss.error(z + move, Y) - loss.error(z - move, Y)) / (2 * step) for move in moves], axis=2)


@smooth_loss
def test_curvature_is_the_second_derivative_of_the_loss(loss, Y):
    z = Z[:, : Y.shape[1]]
    H = second_derivatives(loss, z, Y)
    np.testing.assert_allclose(loss.curvature(z, Y), np.einsum("nkk->nk", H), atol=1e-8)
    for h, shares in (loss.hessian(z, Y), loss.working_weights(z, Y)):
        full = h[:, :, None] * np.eye(z.shape[1])
        np.testing.assert_allclose(full if shares is None else full - h[:, :, None] * shares[:, None, :], H, atol=1e-8)


@smooth_loss
def test_no_curvature_exceeds_the_bound_and_one_reaches_it(loss, Y):
    z = np.concatenate([Z, 5 * Z, np.zeros_like(Z), Z - [0, 50, 50]])[:, : Y.shape[1]]
    z[-N:, : min(2, Y.shape[1])] = 0
    largest = np.linalg.eigvalsh(second_derivatives(loss, z, np.tile(Y, (4, 1)))).max()
    if loss.curvature_bound is None:
        assert largest > 1e3
    else:
        assert largest == pytest.approx(loss.curvature_bound, abs=1e-8)


@robust_loss
def test_a_robust_loss_has_a_curvature_over_some_distance_that_is_never_negative(loss):
    z = np.linspace(-3, 3, 61)[:, None]
    h = loss.curvature(z, np.zeros((61, 1)))
    assert (h >= 0).all() and h[30] >= 0.5 and h[0] == h[-1] == 0
    assert loss.curvature_bound is None


@pytest.mark.parametrize("name", LOSSES)
def test_the_mean_output_of_members_has_the_mean_of_their_links(name):
    loss = LOSSES[name][0]
    members = np.random.default_rng(0).normal(0, 3, (6, 10, 3))
    np.testing.assert_allclose(loss.link(loss.mean_output(members)), loss.link(members).mean(axis=0))
    assert np.isfinite(loss.mean_output(np.where(members > 0, 300.0, -300.0))).all()


@every_loss
def test_the_inverse_link_leads_back(loss, Y, mean):
    z = Z[:, : Y.shape[1]]
    np.testing.assert_allclose(loss.link(loss.inverse_link(loss.link(z))), loss.link(z))


@every_loss
def test_the_slope_of_the_link_is_its_derivative(loss, Y, mean):
    z, step = Z[:, :1], 1e-6
    expected = (loss.link(z + step) - loss.link(z - step)) / (2 * step)
    np.testing.assert_allclose(loss.link_slope(z), expected, atol=1e-8)


def test_only_classes_are_smoothed():
    np.testing.assert_allclose(LogLoss().smoothed(np.eye(4), 0.2)[0], [0.85, 0.05, 0.05, 0.05])
    np.testing.assert_allclose(BinaryLogLoss().smoothed(np.array([[0.0], [1.0]]), 0.2), [[0.1], [0.9]])
    assert SquaredError().smoothed(VALUES, 0.2) is VALUES


def test_dispersion_makes_a_likelihood_of_a_loss():
    noise = np.array([0.5, 2.0])
    np.testing.assert_array_equal(SquaredError().dispersion(noise, 7.0), noise)
    for loss in (LogLoss(), BinaryLogLoss(), PoissonLoss()):
        np.testing.assert_array_equal(loss.dispersion(noise, 7.0), [1, 1])
    for loss in (HuberLoss(), AbsoluteError(), QuantileLoss()):
        np.testing.assert_array_equal(loss.dispersion(noise, 7.0), [3.5, 3.5])
    half = SquaredError()
    vars(half)["curvature_bound"] = 0.5  # of half the squared error, a row's variance is half as much
    np.testing.assert_array_equal(half.dispersion(noise, 7.0), noise / 2)
