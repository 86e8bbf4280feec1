"""Persistent ensembles in float64: each update against its equation in the space of the data, and exact posteriors."""

import numpy as np
import pytest
from bpfree_kalman import outputs
from bpfree_kalman.coefficients import inverse_root, noise_coordinates
from bpfree_kalman.ensemble import EnsembleState
from bpfree_kalman.moments import moments, whiten
from bpfree_kalman.uki import cubature
from scipy import special
from sklearn.datasets import load_iris, make_friedman1
from sklearn.preprocessing import scale

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, get_trainer
from sklearn_bpfree.estimators import training
from sklearn_bpfree.nn.losses import (
    AbsoluteError,
    BinaryLogLoss,
    HuberLoss,
    LogLoss,
    PoissonLoss,
    QuantileLoss,
    SquaredError,
)
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.plugin.problem import Problem

LOSSES = [SquaredError(), LogLoss(), BinaryLogLoss(), PoissonLoss()]
NAMES = ["eki", "eks", "uki"]


def make_problem(objective=None, sizes=(3, 5, 2), n=12, weighted=True, batch_size=None, n_jobs=None):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, sizes[0]))
    Y = np.eye(sizes[-1])[rng.integers(sizes[-1], size=n)]
    if isinstance(objective or SquaredError(), (SquaredError, PoissonLoss)):
        Y = Y + rng.uniform(size=Y.shape)
    weight = rng.uniform(0.5, 2, n) if weighted else None
    network = Network(sizes, "tanh")
    return Problem(
        X,
        Y,
        network,
        objective or SquaredError(),
        sample_weight=weight,
        batch_size=batch_size or n,
        n_jobs=n_jobs,
    )


def ensemble_of(problem, P=7, spread=0.3):
    rng = np.random.default_rng(1)
    centre = problem.network.initial_weights(rng, np.float64)
    return centre + spread * rng.standard_normal((P, len(centre)))


def flat_outputs(problem, members):
    """Members' outputs on all rows as vectors (P, n K), rows first, and the rows' weights repeated for the outputs."""
    G = np.stack([problem.network.outputs(member, problem.X).ravel() for member in members])
    weight = np.ones(problem.n_samples) if problem.sample_weight is None else problem.sample_weight
    return G, np.repeat(weight, problem.network.n_outputs)


def hessian(problem, Z):
    """Weighted second derivative (n K, n K) of the loss at outputs Z, by differences of the output error."""
    n, K = Z.shape
    weight = np.ones(n) if problem.sample_weight is None else problem.sample_weight
    H, eps = np.zeros((n, K, n, K)), 1e-6
    for k in range(K):
        step = np.zeros(K)
        step[k] = eps
        change = problem.objective.error(Z + step, problem.Y) - problem.objective.error(Z - step, problem.Y)
        for i in range(n):
            H[i, :, i, k] = weight[i] * change[i] / (2 * eps)
    return H.reshape(n * K, n * K)


# --- the base ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [1, 2, 9])
@pytest.mark.parametrize("objective", LOSSES, ids=lambda loss: type(loss).__name__)
def test_moments_are_sums_over_the_data(objective, kept, monkeypatch):
    monkeypatch.setattr(outputs, "OUTPUT_BYTES", 7 * 2 * 3 * 8)  # blocks of 3 rows
    monkeypatch.setattr(outputs, "SUM_BYTES", kept * 2 * 8 * 7**2)
    problem = make_problem(objective)
    members = ensemble_of(problem)
    G, weight = flat_outputs(problem, members)
    Z = G.reshape(len(G), -1, 2)
    Y = G - G.mean(axis=0)
    r = -np.stack([objective.error(z, problem.Y).ravel() for z in Z]) * weight
    found = moments(problem, members, problem.all_rows(), np.array([2.0, 2.0]))
    np.testing.assert_allclose(found.gram, 2 * Y @ hessian(problem, Z.mean(axis=0)) @ Y.T, atol=1e-7)
    np.testing.assert_allclose(found.cross, 2 * Y @ r.T, atol=1e-12)
    at_mean = -objective.error(Z.mean(axis=0), problem.Y).ravel() * weight
    np.testing.assert_allclose(found.innovation, 2 * Y @ at_mean, atol=1e-12)
    expected = [2 * objective.loss(z, problem.Y) @ problem.sample_weight for z in Z]
    np.testing.assert_allclose(found.losses, expected)
    assert found.rows == pytest.approx(problem.n_samples)
    values = objective.link(Z)
    gap = (values - objective.link(Z.mean(axis=0))) ** 2
    np.testing.assert_allclose(found.spread, np.einsum("n,pnk->k", problem.sample_weight, gap))


def test_anomalies_about_the_first_member():
    problem = make_problem()
    members = ensemble_of(problem)
    G, weight = flat_outputs(problem, members)
    Y = G[1:] - G[0]
    found = moments(problem, members, problem.all_rows(), np.ones(2), about_first=True)
    np.testing.assert_allclose(found.gram, (Y * weight) @ Y.T, atol=1e-12)
    np.testing.assert_allclose(found.innovation, Y @ (weight * (problem.Y.ravel() - G[0])), atol=1e-12)


def test_each_output_has_its_own_variance():
    problem = make_problem()
    members = ensemble_of(problem)
    G, weight = flat_outputs(problem, members)
    gamma = np.tile([0.5, 3.0], problem.n_samples)
    Y = G - G.mean(axis=0)
    found = moments(problem, members, problem.all_rows(), 1 / gamma[:2])
    np.testing.assert_allclose(found.gram, (Y * weight / gamma) @ Y.T, atol=1e-12)
    expected = 0.5 * ((G - problem.Y.ravel()) ** 2 * weight / gamma).sum(axis=1)
    np.testing.assert_allclose(found.losses, expected)


@pytest.mark.parametrize("objective", [HuberLoss(0.5), AbsoluteError(), QuantileLoss(0.8)])
def test_losses_with_kinks_are_taken_for_parabolas_that_touch_them_from_above(objective):
    rng = np.random.default_rng(0)
    Z, Y = rng.standard_normal((2, 50, 1))
    root = whiten(objective, np.zeros((1, 1, 50)), Z, Y, np.ones(1))[1].T
    far = np.abs(Z - Y) > 0.1
    for step in (-2.0, -0.3, 0.1, 1.0):
        bound = objective.loss(Z, Y) + (step * objective.error(Z, Y) + 0.5 * root**2 * step**2)[:, 0]
        assert (bound - objective.loss(Z + step, Y) > -1e-12)[far[:, 0]].all()


def test_predictive_variance_is_that_of_members_and_of_observations():
    problem = make_problem()
    members = ensemble_of(problem)
    mean, noise = members.mean(axis=0), np.array([0.1, 2.0])
    state = EnsembleState(mean, members=members, noise=noise, objective=SquaredError(), prior_mean=mean)
    Z = problem.network.outputs(members, problem.X)
    mean, std = get_trainer("eks").predictive(state, problem.network, problem.X)
    np.testing.assert_allclose(mean, Z.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(std**2, Z.var(axis=0) + np.array([0.1, 2.0]), atol=1e-12)


@pytest.mark.parametrize("rank", [3, 7])
def test_noise_in_the_coordinates_of_the_anomalies(rank):
    rng = np.random.default_rng(0)
    root = rng.standard_normal((7, rank))
    gram = root @ root.T
    seen = np.concatenate([gram @ noise_coordinates(gram, rng) for _ in range(3000)], axis=1)
    np.testing.assert_allclose(np.cov(seen), gram, atol=0.06 * np.abs(gram).max())
    T = inverse_root(gram)
    np.testing.assert_allclose(T @ T @ (np.eye(7) + gram), np.eye(7), atol=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_same_bits_from_any_workers_and_blocks_of_bounded_size(name, always_pays, monkeypatch):
    monkeypatch.setattr(outputs, "GROUP_BYTES", 1 << 13)
    X, y = load_iris(return_X_y=True)

    def fit(n_jobs):
        model = BPFreeClassifier((6,), trainer=name, max_iter=3, batch_size=120, n_jobs=n_jobs, random_state=0)
        return model.fit(scale(X), y).state_.members

    expected = fit(1)
    assert np.array_equal(fit(2), expected)
    assert np.array_equal(fit(3), expected)


@pytest.mark.parametrize(("n_outputs", "P"), [(1, 2), (10, 500), (1000, 500)])
def test_outputs_and_sums_that_are_kept_are_bounded(n_outputs, P):
    sum_bytes = 2 * 8 * P**2
    groups = outputs.row_groups(30_000, Network((5, 4, n_outputs)), P, 8, sum_bytes)
    blocks = [rows for group in groups for rows in group]
    np.testing.assert_array_equal(np.concatenate([np.r_[rows] for rows in blocks]), np.arange(30_000))
    assert all((rows.stop - rows.start) * P * n_outputs * 8 <= outputs.OUTPUT_BYTES for rows in blocks)
    assert all(groups) and len(groups) * sum_bytes <= outputs.SUM_BYTES


# --- eki --------------------------------------------------------------------------------------------------------------


def eki(**parameters):
    plain = {"additive_inflation": 0.0, "ensemble_size": 7, "step_size": 0.7, "noise": 0.4}
    return get_trainer("eki", **{**plain, **parameters})


def one_step(trainer, problem, state=None):
    state = state or trainer.init(problem, np.random.default_rng(2))
    return state, trainer.step(state, problem, np.random.default_rng(3))


def kalman(problem, members, noise, h):
    """Gain (D, n K) of the ensemble Kalman filter in the space of the data, the outputs and the data's covariance."""
    G, weight = flat_outputs(problem, members)
    Theta, Y = members - members.mean(axis=0), G - G.mean(axis=0)
    R = np.diag(noise / weight) / h
    return Theta.T @ Y / len(G) @ np.linalg.inv(Y.T @ Y / len(G) + R), G, R


def test_transform_is_the_kalman_filter_of_the_ensembles_moments():
    problem = make_problem(sizes=(3, 2))
    before, after = one_step(eki(), problem)
    K, G, _ = kalman(problem, before.members, 0.4, 0.7)
    mean = before.weights + K @ (problem.Y.ravel() - G.mean(axis=0))
    np.testing.assert_allclose(after.weights, mean, atol=1e-11)
    C = np.cov(before.members.T, bias=True)
    cross = (before.members - before.weights).T @ (G - G.mean(axis=0)) / 7
    np.testing.assert_allclose(np.cov(after.members.T, bias=True), C - K @ cross.T, atol=1e-11)


def test_perturbed_observations_move_each_member_by_the_gain_towards_its_own_data(monkeypatch):
    problem = make_problem()
    monkeypatch.setattr("bpfree_kalman.eki.noise_coordinates", lambda gram, rng: np.zeros_like(gram))
    before, after = one_step(eki(update="perturbed"), problem)
    K, G, _ = kalman(problem, before.members, 0.4, 0.7)
    np.testing.assert_allclose(after.members, before.members + (problem.Y.ravel() - G) @ K.T, atol=1e-11)


def test_perturbations_have_the_covariance_of_the_data_over_the_step():
    problem = make_problem(n=5)
    trainer = eki(update="perturbed")
    state = trainer.init(problem, np.random.default_rng(2))
    moved = np.stack([trainer.step(state, problem, np.random.default_rng(i)).members for i in range(500)])
    K, G, R = kalman(problem, state.members, 0.4, 0.7)
    centred = moved - (state.members + (problem.Y.ravel() - G) @ K.T)
    seen = np.einsum("spd,spe->de", centred, centred) / (500 * 7)
    expected = K @ R @ K.T
    np.testing.assert_allclose(seen, expected, atol=0.08 * np.abs(expected).max())


@pytest.mark.parametrize("objective", LOSSES, ids=lambda loss: type(loss).__name__)
def test_explicit_update_is_kovachki_and_stuarts_for_any_loss(objective):
    problem = make_problem(objective)
    before, after = one_step(eki(update="explicit", noise=1.0), problem)
    G, weight = flat_outputs(problem, before.members)
    gradients = [objective.error(g.reshape(-1, 2), problem.Y).ravel() * weight for g in G]
    D = (G - G.mean(axis=0)) @ np.array(gradients).T / 7
    h = 0.7 / (np.linalg.norm(D) + 1e-8)
    np.testing.assert_allclose(after.members, before.members - h * D.T @ (before.members - before.weights), atol=1e-10)


@pytest.mark.parametrize("objective", LOSSES[1:], ids=lambda loss: type(loss).__name__)
def test_transform_with_a_log_loss_is_a_gauss_newton_step_in_the_span(objective):
    problem = make_problem(objective)
    before, after = one_step(eki(), problem)
    G, weight = flat_outputs(problem, before.members)
    Theta, Y = before.members - before.weights, G - G.mean(axis=0)
    Z = G.mean(axis=0).reshape(-1, 2)
    r = -objective.error(Z, problem.Y).ravel() * weight
    H = hessian(problem, Z)
    w = np.linalg.solve(np.eye(7) * 7 / 0.7 + Y @ H @ Y.T, Y @ r)
    np.testing.assert_allclose(after.weights, before.weights + w @ Theta, atol=1e-6)


@pytest.mark.parametrize("update", ["transform", "perturbed", "explicit"])
def test_members_never_leave_the_span_of_the_first_ones_unless_something_new_comes_in(update):
    problem = make_problem()
    trainer = eki(update=update, step_size=None)
    first = trainer.init(problem, np.random.default_rng(2))
    basis = np.linalg.qr((first.members - first.weights)[:-1].T)[0]

    def outside(trainer):
        state = first
        for i in range(3):
            state = trainer.step(state, problem, np.random.default_rng(i))
        moved = state.members - first.weights
        return np.abs(moved - moved @ basis @ basis.T).max()

    assert outside(trainer) < 1e-9
    assert outside(eki(update=update, step_size=None, inflation=0.1)) < 1e-9
    assert outside(eki(update=update, step_size=None, additive_inflation=0.1)) > 1e-3
    assert outside(eki(update=update, step_size=None, dropout=0.5)) > 1e-3
    if update != "transform":
        assert outside(eki(update=update, step_size=None, localization=1.0)) > 1e-3


def test_steps_by_data_misfit():
    problem = make_problem()
    trainer = eki(step_size=None)
    before, after = one_step(trainer, problem)
    G, weight = flat_outputs(problem, before.members)
    misfit = 0.5 * ((G - problem.Y.ravel()) ** 2 * weight / 0.4).sum(axis=1)
    M = problem.Y.size
    h = max(M / (2 * misfit.mean()), np.sqrt(M / (2 * misfit.var())))
    assert after.time == pytest.approx(h)
    np.testing.assert_allclose(after.members, one_step(eki(step_size=h), problem)[1].members, atol=1e-9)


def test_steps_by_data_misfit_do_not_see_the_noise_and_end_in_time():
    problem = make_problem()
    one, other = (one_step(eki(step_size=None, noise=noise), problem)[1] for noise in (0.01, 1.0))
    np.testing.assert_allclose(one.members, other.members, atol=1e-9)
    trainer = eki(step_size=None, end_time=1.0, noise=0.01)
    state = trainer.init(problem, np.random.default_rng(2))
    for i in range(200):
        state = trainer.step(state, problem, np.random.default_rng(i))
    assert state.time == pytest.approx(1.0)
    at_rest = trainer.step(state, problem, np.random.default_rng(0))
    assert np.array_equal(at_rest.members, state.members)


def test_tempered_steps_to_time_one_are_one_step_of_a_linear_network():
    """Inflating the noise by the inverse of each step gives the same posterior, whatever the steps."""
    problem = make_problem(sizes=(3, 2))
    whole = one_step(eki(step_size=1.0), problem)[1]
    trainer = eki(step_size=0.25, end_time=1.0)
    state = trainer.init(problem, np.random.default_rng(2))
    for i in range(6):
        state = trainer.step(state, problem, np.random.default_rng(i))
    assert state.t == 4
    np.testing.assert_allclose(state.weights, whole.weights, atol=1e-9)
    np.testing.assert_allclose(np.cov(state.members.T), np.cov(whole.members.T), atol=1e-9)


@pytest.mark.parametrize("update", ["transform", "perturbed", "explicit"])
def test_tikhonov_is_an_observation_of_the_weights(update, monkeypatch):
    problem = make_problem(sizes=(3, 2))
    monkeypatch.setattr("bpfree_kalman.eki.noise_coordinates", lambda gram, rng: np.zeros_like(gram))
    before, after = one_step(eki(update=update, tikhonov=0.5), problem)
    G, weight = flat_outputs(problem, before.members)
    C_0 = problem.network.fan_in_scale(np.float64) ** 2 / (0.5 * problem.n_samples)
    outputs = np.hstack([G, before.members])
    data = np.concatenate([problem.Y.ravel(), before.prior_mean])
    variance = np.concatenate([0.4 / weight, C_0])
    Theta, A = before.members - before.weights, outputs - outputs.mean(axis=0)
    if update == "explicit":
        D = A @ ((data - outputs) / variance).T / 7
        expected = before.members + 0.7 / (np.linalg.norm(D) + 1e-8) * D.T @ Theta
        np.testing.assert_allclose(after.members, expected, atol=1e-10)
        return
    K = Theta.T @ A / 7 @ np.linalg.inv(A.T @ A / 7 + np.diag(variance) / 0.7)
    if update == "perturbed":
        np.testing.assert_allclose(after.members, before.members + (data - outputs) @ K.T, atol=1e-9)
    np.testing.assert_allclose(after.weights, before.weights + K @ (data - outputs.mean(axis=0)), atol=1e-9)


@pytest.mark.parametrize("objective", LOSSES[:3], ids=lambda loss: type(loss).__name__)
@pytest.mark.parametrize("update", ["perturbed", "explicit"])
def test_localisation_with_exponent_zero_is_none(update, objective, monkeypatch):
    problem = make_problem(objective)
    monkeypatch.setattr(outputs, "GROUP_BYTES", 1 << 10)
    monkeypatch.setattr(outputs, "OUTPUT_BYTES", 7 * 2 * 3 * 8)
    monkeypatch.setattr(outputs, "SUM_BYTES", 1)
    parameters = {"update": update, "tikhonov": 0.3, "noise": 1.0}
    plain = one_step(eki(**parameters), problem)[1]
    damped = one_step(eki(localization=1e-9, **parameters), problem)[1]
    np.testing.assert_allclose(damped.members, plain.members, atol=1e-6)


def test_localisation_damps_each_covariance_by_a_power_of_the_correlation():
    problem = make_problem()
    before, after = one_step(eki(update="explicit", localization=1.5), problem)
    G, weight = flat_outputs(problem, before.members)
    Theta, Y = before.members - before.weights, G - G.mean(axis=0)
    r = (problem.Y.ravel() - G) * weight / 0.4
    C = Theta.T @ Y / 7
    L = np.abs(C / np.outer(Theta.std(axis=0), Y.std(axis=0))) ** 1.5
    h = 0.7 / (np.linalg.norm(Y @ r.T) / 7 + 1e-8)
    np.testing.assert_allclose(after.members, before.members + h * r @ (L * C).T, atol=1e-9)


def test_dropout_leaves_out_the_same_weights_for_all_members():
    problem = make_problem()
    before, after = one_step(eki(dropout=0.5, step_size=1.0), problem)
    moved = np.abs(after.members - before.members).max(axis=0) > 1e-12
    assert 0 < moved.sum() < len(moved)
    kept = before.members.copy()
    kept[:, ~moved] = before.weights[~moved]
    K, G, _ = kalman(problem, kept, 0.4, 1.0)
    np.testing.assert_allclose(after.weights, before.weights + K @ (problem.Y.ravel() - G.mean(axis=0)), atol=1e-11)
    np.testing.assert_allclose(after.members[:, ~moved], before.members[:, ~moved], atol=1e-14)


def test_momentum_extrapolates_the_members_before_the_update():
    problem = make_problem()
    trainer = eki(momentum=True)
    first, second = one_step(trainer, problem)
    third = trainer.step(second, problem, np.random.default_rng(4))
    ahead = second.members + (1 - 3 / 4) * (second.members - first.members)
    plain = eki().init(problem, np.random.default_rng(2))
    plain.members, plain.weights = ahead, ahead.mean(axis=0)
    np.testing.assert_allclose(third.members, eki().step(plain, problem, np.random.default_rng(4)).members, atol=1e-11)
    np.testing.assert_array_equal(third.previous, second.members)


def test_inflation_scales_the_anomalies_and_additive_inflation_adds_to_their_variance():
    problem = make_problem(sizes=(3, 2))
    plain = one_step(eki(), problem)[1]
    inflated = one_step(eki(inflation=0.25), problem)[1]
    np.testing.assert_allclose(inflated.weights, plain.weights, atol=1e-12)
    np.testing.assert_allclose(inflated.members - plain.weights, 1.25 * (plain.members - plain.weights), atol=1e-11)
    sized = {"ensemble_size": 300}
    plain, noisy = (one_step(eki(additive_inflation=a, **sized), problem)[1] for a in (0.0, 0.5))
    expected = (0.5 * problem.network.fan_in_scale(np.float64)) ** 2
    np.testing.assert_allclose((noisy.members - plain.members).var(axis=0), expected, rtol=0.35)


def test_a_pass_is_an_update_per_minibatch():
    problem = make_problem(batch_size=5)
    state = one_step(eki(), problem)[1]
    assert state.t == 3
    assert state.time == pytest.approx(0.7)
    last = one_step(eki(step_size=5.0, end_time=1.0), problem)[1]
    assert last.t == 1 and last.time == pytest.approx(1.0), "5 of 12 rows may be used 12 / 5 times"


def test_first_members_are_as_far_apart_as_sigma_says():
    problem = make_problem()
    members = eki(ensemble_size=4000, sigma=0.2).init(problem, np.random.default_rng(0)).members
    np.testing.assert_allclose(members.std(axis=0), 0.2 * problem.network.fan_in_scale(np.float64), rtol=0.06)


def test_predictions_are_those_of_the_mean_or_the_mean_of_those_of_the_members():
    problem = make_problem(LogLoss())
    state = eki().init(problem, np.random.default_rng(0))
    by_mean, by_all = (
        special.softmax(eki(predict_with=which).outputs(state, problem.network, problem.X), axis=1)
        for which in ("mean", "ensemble")
    )
    np.testing.assert_allclose(by_mean, special.softmax(problem.network.outputs(state.weights, problem.X), axis=1))
    each = special.softmax(problem.network.outputs(state.members, problem.X), axis=2)
    np.testing.assert_allclose(by_all, each.mean(axis=0), atol=1e-12)


def test_localisation_needs_a_gain():
    with pytest.raises(ValueError, match=r"^localization=1.0 of EKI needs a gain.*update='perturbed' or 'explicit'\.$"):
        get_trainer("eki", localization=1.0).check_parameters()


# --- posteriors -------------------------------------------------------------------------------------------------------


def posterior(problem, mean, noise):
    """Exact posterior of the weights of a linear network, whose prior is N(mean, fan_in_scale^2)."""
    J = np.stack([problem.network.outputs(e, problem.X).ravel() for e in np.eye(len(mean))], axis=1)
    weight = np.repeat(problem.sample_weight, problem.network.n_outputs) / noise
    precision = (J.T * weight) @ J + np.diag(problem.network.fan_in_scale(np.float64) ** -2.0)
    C = np.linalg.inv(precision)
    return mean + C @ J.T @ (weight * (problem.Y.ravel() - J @ mean)), C


def run(trainer, problem, steps):
    progress = training.start(trainer, problem, 0)
    progress.plan(steps)
    return training.run(trainer, problem, progress)


def test_eks_samples_the_exact_posterior_of_a_linear_network():
    problem = make_problem(sizes=(3, 2), n=20)
    trainer = get_trainer("eks", ensemble_size=60, noise=0.3)
    progress = training.start(trainer, problem, 0)
    mean, C = posterior(problem, progress.state.prior_mean, 0.3)
    means, covariances = [], []

    def record(progress):
        if progress.n_steps > 60:
            means.append(progress.state.weights)
            covariances.append(np.cov(progress.state.members.T, bias=True))
        return False

    progress.plan(300)
    training.run(trainer, problem, progress, on_step=record)
    std = np.sqrt(np.diag(C))
    np.testing.assert_allclose(np.mean(means, axis=0) / std, mean / std, atol=0.05)
    np.testing.assert_allclose(np.mean(covariances, axis=0) / np.outer(std, std), C / np.outer(std, std), atol=0.06)


def test_eks_without_correction_collapses_a_little_and_less_so_with_more_members():
    problem = make_problem(sizes=(3, 2), n=20)

    def size(P, correction):
        state = run(get_trainer("eks", ensemble_size=P, noise=0.3, correction=correction), problem, 80).state
        C = posterior(problem, state.prior_mean, 0.3)[1]
        return np.trace(np.linalg.solve(C, np.cov(state.members.T, bias=True))) / len(C)

    assert size(12, False) < 0.6 * size(12, True)
    assert size(100, False) > 0.75


@pytest.mark.parametrize("scheme", ["trapezoid", "split"])
def test_eks_step_is_its_equation(scheme):
    problem = make_problem()
    trainer = get_trainer("eks", ensemble_size=7, noise=0.4, step_size=0.3, scheme=scheme, correction=scheme != "split")
    state = trainer.init(problem, np.random.default_rng(2))
    after = trainer.step(state, problem, np.random.default_rng(3))
    theta, C_0 = state.members, problem.network.fan_in_scale(np.float64) ** 2
    G, weight = flat_outputs(problem, theta)
    Theta, Y = theta - state.weights, G - G.mean(axis=0)
    C, D = Theta.T @ Theta / 7, theta.shape[1]
    r = (problem.Y.ravel() - G) * weight / 0.4
    h = 0.3 / (np.linalg.norm(Y @ r.T) / 7 + 1e-8)
    noise = np.sqrt(2 * h / 7) * np.random.default_rng(3).standard_normal((7, 7)).T @ Theta
    data = r @ (Theta.T @ Y / 7).T
    if scheme == "split":  # (I + h C C_0^-1) theta* = theta + h (data + C C_0^-1 m_0)
        right = theta + h * (data + (C @ (state.prior_mean / C_0)))
        expected = np.linalg.solve(np.eye(D) + h * C / C_0, right.T).T + noise
    else:
        drift = data + (state.prior_mean - theta) / C_0 @ C + 7 / 7 * Theta
        J = np.linalg.lstsq(Theta, Y, rcond=None)[0]  # outputs as a linear function of the anomalies
        rate = C @ (J * weight / 0.4 @ J.T + np.diag(1 / C_0))
        expected = theta + np.linalg.solve(np.eye(D) + h / 2 * rate, (h * drift + noise).T).T
    np.testing.assert_allclose(after.members, expected, atol=1e-10)


def test_uki_is_exact_for_a_linear_network():
    problem = make_problem(sizes=(3, 2), n=20)
    trainer = get_trainer("uki", noise=0.3, tau=0.4, prior_scale=1.0)
    state = trainer.init(problem, np.random.default_rng(0))
    mean, C = posterior(problem, state.prior_mean, 0.3)
    s = problem.network.fan_in_scale(np.float64)
    for _ in range(3):
        before, state = state, trainer.step(state, problem, np.random.default_rng(1))
        precision = 0.6 * np.linalg.inv(before.covariance) + 0.4 * np.linalg.inv(C / np.outer(s, s))
        np.testing.assert_allclose(np.linalg.inv(state.covariance), precision, rtol=1e-8, atol=1e-6)
    state = run(trainer, problem, 60).state
    mean, C = posterior(problem, state.prior_mean, 0.3)
    np.testing.assert_allclose(state.weights, mean, atol=1e-9)
    np.testing.assert_allclose(np.cov(state.members.T, bias=True), C, atol=1e-9)
    np.testing.assert_allclose(state.members.mean(axis=0), mean, atol=1e-9)
    J = np.stack([problem.network.outputs(e, problem.X) for e in np.eye(len(mean))], axis=-1)
    std = np.sqrt(np.einsum("nkd,de,nke->nk", J, C, J) + 0.3)
    np.testing.assert_allclose(trainer.predictive(state, problem.network, problem.X)[1], std, atol=1e-9)


def test_uki_step_is_the_unscented_filter_in_the_space_of_the_data():
    problem = make_problem(n=6)
    trainer = get_trainer("uki", noise=0.4, tau=0.3, prior_scale=0.5)
    state = trainer.init(problem, np.random.default_rng(0))
    state = trainer.step(state, problem, np.random.default_rng(1))
    after = trainer.step(state, problem, np.random.default_rng(1))
    m, N = state.mean, len(state.mean)
    C = state.covariance / 0.7
    steps = 2 * np.linalg.cholesky(C).T
    points = np.vstack([m, m + steps, m - steps])
    G, weight = flat_outputs(problem, state.prior_mean + points @ state.basis)
    F, W = np.hstack([G, points]), 1 / 8
    data = np.concatenate([problem.Y.ravel(), np.zeros(N)])
    R = np.diag(np.concatenate([0.4 / weight, np.full(N, 0.25)])) / 0.3
    y, x = F[1:] - F[0], points[1:] - m
    K = W * x.T @ y @ np.linalg.inv(W * y.T @ y + R)
    np.testing.assert_allclose(after.mean, m + K @ (data - F[0]), atol=1e-8)
    np.testing.assert_allclose(after.covariance, C - W * K @ y.T @ x, atol=1e-8)


def test_uki_of_a_larger_network_moves_in_random_directions():
    problem = make_problem(sizes=(3, 9, 2))
    state = run(get_trainer("uki", n_directions=5), problem, 4).state
    assert state.basis.shape == (5, problem.network.n_weights)
    assert state.members.shape == (10, problem.network.n_weights)
    np.testing.assert_allclose(state.prior_mean + state.mean @ state.basis, state.weights, atol=1e-12)


def test_cubature_points_have_the_moments_asked_for():
    rng = np.random.default_rng(0)
    m, root = rng.standard_normal(4), rng.standard_normal((4, 4))
    points = cubature(m, root @ root.T, rng)
    np.testing.assert_allclose(points.mean(axis=0), m, atol=1e-12)
    np.testing.assert_allclose(np.cov(points.T, bias=True), root @ root.T, atol=1e-12)


@pytest.mark.parametrize("name", ["eks", "uki"])
def test_noise_is_estimated_and_intervals_cover(name):
    X, y = make_friedman1(600, noise=2, random_state=0)
    X = scale(X)
    model = BPFreeRegressor((8,), "tanh", trainer=name, random_state=0).fit(X[:400], y[:400])
    mean, std = model.predict(X[400:], return_std=True)
    assert 0.84 < (np.abs(y[400:] - mean) < 1.645 * std).mean() < 0.985
    assert model.score(X[400:], y[400:]) > 0.5
    inside, outside = (model.predict(X[400:] * factor, return_std=True)[1].mean() for factor in (1, 4))
    assert outside > 1.1 * inside


def test_classes_of_the_ensemble_are_averaged_probabilities():
    X, y = load_iris(return_X_y=True)
    model = BPFreeClassifier((5,), trainer="eks", max_iter=10, random_state=0).fit(scale(X), y)
    Z = model.network_.outputs(model.state_.members.astype(np.float64), scale(X))
    np.testing.assert_allclose(model.predict_proba(scale(X)), special.softmax(Z, axis=2).mean(axis=0), atol=1e-6)
    one = get_trainer("eki", predict_with="mean")
    model = BPFreeClassifier((5,), trainer=one, random_state=0).fit(scale(X), y)
    expected = model.network_.outputs(model.state_.weights.astype(np.float64), scale(X))
    np.testing.assert_allclose(model.predict_proba(scale(X)), special.softmax(expected, axis=1), atol=1e-6)
    assert model.score(scale(X), y) > 0.9
