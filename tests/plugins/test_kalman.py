"""enkf and online_kalman: directions, observation models, readout, noise and filter against their equations."""

import pickle

import joblib
import numpy as np
import pytest
from bpfree_kalman import candidates, observation
from bpfree_kalman import enkf as enkf_module
from bpfree_kalman.clipping import clipped, limits
from bpfree_kalman.directions import UnitDirections, input_root
from bpfree_kalman.held_out import clearly_worse, held_out
from bpfree_kalman.moderation import moderated
from bpfree_kalman.noise import NoiseModel
from bpfree_kalman.observation import block_rows, observe
from bpfree_kalman.readout import Readout, mean_and_error
from scipy import optimize, sparse, special, stats
from sklearn.datasets import make_friedman1

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, get_trainer
from sklearn_bpfree.nn.losses import AbsoluteError, BinaryLogLoss, HuberLoss, LogLoss, PoissonLoss, SquaredError
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.plugin.problem import Problem

KEY = (3, 4)


def table(sizes, objective=None, n=50, weighted=False, n_jobs=None, activation="tanh"):
    """A small problem in float64 with targets that suit the objective."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, sizes[0]))
    Y = rng.normal(size=(n, sizes[-1]))
    if isinstance(objective, LogLoss):
        Y = np.eye(sizes[-1])[rng.integers(sizes[-1], size=n)]
    elif isinstance(objective, BinaryLogLoss):
        Y = np.round(rng.random(Y.shape))
    elif isinstance(objective, PoissonLoss):
        Y = rng.poisson(1.5, Y.shape).astype(float)
    weight = rng.integers(1, 4, n).astype(float) if weighted else None
    network = Network(sizes, activation)
    return Problem(X, Y, network, objective or SquaredError(), sample_weight=weight, batch_size=n, n_jobs=n_jobs)


def ensemble(problem, P=30, seed=0):
    weights = problem.network.initial_weights(np.random.default_rng(seed), np.float64)
    return UnitDirections(problem.network, weights, KEY, P, [input_root(problem.X, None, 0.25)])


def dense(directions):
    """The directions as a matrix (P, n_weights)."""
    return np.array([directions.combine(one) for one in np.eye(directions.n_members)])


# --- directions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu"])
@pytest.mark.parametrize("sizes", [(5, 8, 2), (5, 8, 6, 3), (5, 4, 3, 6, 1)])
def test_differences_of_outputs_are_those_of_the_members(sizes, activation):
    problem = table(sizes, activation=activation)
    directions = ensemble(problem)
    Z, G = directions.outputs(problem.X)
    eps, centre = directions.epsilon, directions.centre
    members = problem.network.outputs(centre + eps * dense(directions), problem.X)
    np.testing.assert_allclose(Z, problem.network.outputs(centre, problem.X))
    np.testing.assert_allclose(G, ((members - Z) / eps).transpose(1, 2, 0), atol=1e-12)


def test_a_direction_moves_one_unit_and_units_take_turns():
    problem = table((5, 8, 6, 3))
    directions = ensemble(problem, P=28)
    kernels, biases = problem.network.unpack(dense(directions))
    moved = np.concatenate([(W != 0).any(axis=1) for W in kernels[:-1]], axis=1)
    np.testing.assert_array_equal(moved.sum(axis=1), 1)
    np.testing.assert_array_equal(moved.sum(axis=0), 2)
    assert not kernels[-1].any() and not biases[-1].any()


def test_roots_take_turns_in_the_first_layer():
    problem = table((5, 8, 6, 3))
    roots = [input_root(problem.X, None, power) for power in (0.25, 0)]
    weights = problem.network.initial_weights(np.random.default_rng(0), np.float64)
    both, one, other = (UnitDirections(problem.network, weights, KEY, 30, r) for r in (roots, roots[:1], roots[1:]))
    assert roots[1].ndim == 1, "the same spread in every direction"
    np.testing.assert_allclose(both.kernels[0][:, ::2], one.kernels[0][:, ::2])
    np.testing.assert_allclose(both.kernels[0][:, 1::2], other.kernels[0][:, 1::2])
    np.testing.assert_array_equal(both.kernels[1], one.kernels[1])


def test_directions_travel_as_a_key():
    problem = table((40, 60, 2))
    directions = ensemble(problem, P=200)
    again = pickle.loads(pickle.dumps(directions))
    np.testing.assert_array_equal(dense(again), dense(directions))
    assert len(pickle.dumps(directions)) < directions.centre.nbytes + directions.roots[0].nbytes + 2000


def test_a_unit_hears_directions_and_features_with_the_same_variance_whatever_their_scale():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3)) @ rng.normal(size=(3, 6)) * [1, 2, 3, 1, 1, 1]
    C = X.T @ X / len(X)
    for power in (0.0, 0.25, 0.5):
        root = input_root(X, None, power)
        root = np.diag(root) if root.ndim == 1 else root
        assert np.trace(root @ C @ root) == pytest.approx(1)
    e = np.linalg.eigvalsh(input_root(X[:, :3], None, 0.5) @ C[:3, :3] @ input_root(X[:, :3], None, 0.5))
    np.testing.assert_allclose(e, 1 / 3)


# --- observation models -----------------------------------------------------------------------------------------------


def derivative(function, z, step=1e-6):
    """Jacobian of a function of a vector by symmetric differences."""
    return np.stack([(function(z + step * one) - function(z - step * one)) / (2 * step) for one in np.eye(len(z))], -1)


OBJECTIVES = [SquaredError(), BinaryLogLoss(), LogLoss(), PoissonLoss()]


@pytest.mark.parametrize("kept", [1, 2, 9])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda one: type(one).__name__)
def test_gram_matrix_and_right_hand_side_follow_their_definition(objective, weighted, kept, monkeypatch):
    monkeypatch.setattr(observation, "BLOCK_BYTES", 1)  # blocks of 16 rows, the last one shorter
    monkeypatch.setattr(observation, "SUM_BYTES", kept * 8 * 30**2)
    problem = table((5, 8, 3), objective, weighted=weighted)
    directions = ensemble(problem)
    Z, G = directions.outputs(problem.X)
    weight = np.ones(len(Z)) if problem.sample_weight is None else problem.sample_weight
    A, g = np.zeros((30, 30)), np.zeros(30)
    for w, z, y, G_n in zip(weight, Z, problem.Y, G, strict=True):
        H = derivative(lambda z, y=y: objective.error(z[None], y[None])[0], z)
        E = derivative(lambda z, y=y: objective.loss(z[None], y[None]), z)[0]
        A += w * G_n.T @ H @ G_n / len(Z)
        g -= w * E @ G_n / len(Z)
    found = observe(directions, problem)
    np.testing.assert_allclose(found[0], A, atol=1e-6)
    np.testing.assert_allclose(found[1], g, atol=1e-6)


@pytest.mark.parametrize("objective", [HuberLoss(0.7), AbsoluteError()], ids=["huber", "absolute"])
def test_losses_with_kinks_are_observed_by_a_curvature_that_is_never_negative(objective):
    problem = table((5, 8, 2), objective)
    A, g = observe(ensemble(problem), problem)
    assert np.linalg.eigvalsh(A).min() > -1e-12 and np.isfinite(g).all()


def test_the_matrices_that_are_kept_are_few_however_many_the_outputs(monkeypatch):
    monkeypatch.setattr(observation, "BLOCK_BYTES", 1)
    monkeypatch.setattr(observation, "SUM_BYTES", 2 * 8 * 30**2)
    problem = table((5, 8, 3), LogLoss())
    calls, call = [], problem.workers.map
    monkeypatch.setattr(problem.workers, "map", lambda *args: calls.append(args[1]) or call(*args))
    observe(ensemble(problem), problem)
    assert calls == [2], "four blocks of rows"


def test_some_rows_are_observed_as_if_there_were_no_others():
    problem = table((5, 8, 3), LogLoss())
    rows = np.arange(0, 50, 3)
    fewer = Problem(problem.X[rows], problem.Y[rows], problem.network, problem.objective)
    for found, expected in zip(
        observe(ensemble(problem), problem, rows), observe(ensemble(problem), fewer), strict=True
    ):
        np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("where", [2, "loky", "dask"])
def test_the_same_bits_from_any_workers(where, always_pays, monkeypatch):
    monkeypatch.setattr(observation, "BLOCK_BYTES", 1)
    X, y = make_friedman1(150, random_state=0)

    def fit(n_jobs):
        return BPFreeRegressor((12,), trainer="enkf", max_iter=2, n_jobs=n_jobs, random_state=0).fit(X, y).state_

    expected = fit(1)
    if where == "dask":
        distributed = pytest.importorskip("distributed")
        with distributed.Client(n_workers=2, threads_per_worker=1, dashboard_address=":0"):
            with joblib.parallel_config("dask"):
                found = fit(2)
    elif where == "loky":
        with joblib.parallel_config("loky"):
            found = fit(2)
    else:
        found = fit(where)
    np.testing.assert_array_equal(found.weights, expected.weights)
    np.testing.assert_array_equal(found.noise.kernel, expected.noise.kernel)
    assert found.loss == expected.loss


@pytest.mark.parametrize("sizes", [(10, 100, 1), (10, 100, 100), (10, 500, 500, 3), (784, 128, 10), (5, 9, 2000)])
def test_a_block_of_outputs_stays_small(sizes):
    class Shape:
        network, n_members = Network(sizes), 400

    rows = block_rows(Shape, 4)
    assert 16 <= rows <= 2048
    assert rows * 400 * max(sizes[-1], *sizes[2:]) * 4 <= 60e6


# --- readout ----------------------------------------------------------------------------------------------------------


def features(n=60, h=6, seed=0):
    rng = np.random.default_rng(seed)
    return np.hstack([rng.normal(1, 2, size=(n, h)), np.ones((n, 1))])


@pytest.mark.parametrize("objective", [*OBJECTIVES, HuberLoss(0.8)], ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("which", ["all", "train"])
def test_the_readout_minimises_the_penalised_loss(objective, which):
    F, held = features(), np.arange(0, 60, 5)
    Y = table((3, 2), objective, n=60).Y
    weight = np.random.default_rng(1).integers(1, 4, 60).astype(float)
    readout = Readout(F, Y, weight, held, objective, 2.0)
    rows = np.setdiff1d(np.arange(60), held) if which == "train" else np.arange(60)
    unit = (weight[:, None] * F[:, :-1] ** 2).sum() / 6 / 60

    def value(v):
        V = v.reshape(7, 2)
        return weight[rows] @ objective.loss(F[rows] @ V, Y[rows]) + unit * np.square(V[:-1]).sum()

    best = optimize.minimize(value, np.zeros(14), method="BFGS", options={"gtol": 1e-7}).fun
    V = readout.solve(which, np.zeros((7, 2)), 1 if isinstance(objective, SquaredError) else 300)
    assert value(V.ravel()) == pytest.approx(best, rel=1e-5)


@pytest.mark.parametrize("objective", [SquaredError(), LogLoss(), PoissonLoss()], ids=lambda one: type(one).__name__)
def test_what_a_readout_remembers_does_not_show(objective):
    F, held = features(), np.arange(0, 60, 5)
    given = F, table((3, 2), objective, n=60).Y, np.arange(1.0, 61), held, objective
    V = 0.1 * np.random.default_rng(0).normal(size=(7, 2))
    used, train = Readout(*given, 2.0), np.delete(np.arange(60), held)
    for W in (V, 2 * V, V):
        losses = objective.loss(F @ W, given[1])
        used.solve("train", W, 2)
        assert used.train_loss(W) == pytest.approx(np.average(losses[train], weights=given[2][train]))
        np.testing.assert_allclose(used.held_losses(W), losses[held])
        for which in ("train", "all"):
            fresh = Readout(*given, 5.0).solve(which, W, 2)
            np.testing.assert_allclose(used.with_ridge(5.0).solve(which, W, 2), fresh)


def test_every_step_of_the_readout_is_downhill():
    Y = table((3, 4), LogLoss(), n=60).Y
    readout = Readout(features(), Y, None, np.arange(0), LogLoss(), 0.1)
    V = np.random.default_rng(0).normal(size=(7, 4))
    values = []
    for _ in range(20):
        values.append(readout._value("all", V))
        V = readout.solve("all", V, 1)
    assert (np.diff(values) < 0).all()


def test_held_out_rows_are_a_fair_share_of_every_class():
    problem = table((3, 4, 3), LogLoss(), n=200)
    held = held_out(problem, KEY, 0.15)
    assert len(held) == len(set(held)) == 30
    np.testing.assert_allclose(problem.Y[held].sum(axis=0), 0.15 * problem.Y.sum(axis=0), atol=1)
    np.testing.assert_array_equal(held, held_out(problem, KEY, 0.15))
    assert len(held_out(problem, KEY, 0.0)) == 0


def test_weights_are_clearly_worse_when_chance_does_not_explain_it():
    rng = np.random.default_rng(0)
    best, weight = rng.random(50), rng.integers(1, 4, 50).astype(float)
    assert not clearly_worse(best, best, weight)
    noise = rng.normal(size=50)
    noise -= np.average(noise, weights=weight)
    error = np.sqrt(np.average(noise**2, weights=weight) / 50)
    np.testing.assert_allclose(mean_and_error(noise, weight), (0, error), atol=1e-15)
    assert not clearly_worse(best + noise + 1.9 * error, best, weight)
    assert clearly_worse(best + noise + 2.1 * error, best, weight)
    assert clearly_worse(best * np.nan, best, weight)
    assert not clearly_worse(best[:0], best[:0], None), "no rows were held out"


@pytest.mark.parametrize("layout", [np.asarray, sparse.csr_array])
def test_a_row_counts_as_at_most_half_the_range_beyond_the_others(layout):
    X = np.array([[1.0, -2, 0], [3, -1, 0], [2, -1.5, 0]])
    far = clipped(layout([[9.0, -9, 9], [0, 0, 0], [3.5, -2.2, 0]]), *limits(layout(X)))
    far = far.toarray() if sparse.issparse(far) else far
    np.testing.assert_array_equal(far, [[4, -2.5, 0], [0, 0, 0], [3.5, -2.2, 0]])


def test_a_slip_of_the_comma_is_not_extrapolated_to():
    X, y = make_friedman1(300, random_state=0)
    model = BPFreeRegressor((20,), trainer="enkf", random_state=0).fit(X, y)
    (near, far), (std_near, std_far) = model.predict([[1.5] * 10, [100.0] * 10], return_std=True)
    assert near == pytest.approx(far, abs=1) and std_near == pytest.approx(std_far, abs=1)


def test_log_odds_of_the_mean_probability():
    Z, variance = np.array([[0.5], [-2.0], [3.0]]), np.array([0.5, 2.0, 4.0])
    draws = np.random.default_rng(0).normal(size=100_000)
    expected = special.expit(Z + np.sqrt(variance)[:, None] * draws).mean(axis=1)
    np.testing.assert_allclose(special.expit(moderated(Z, variance))[:, 0], expected, atol=0.01)


# --- enkf -------------------------------------------------------------------------------------------------------------


def test_a_step_is_the_damped_kalman_update_of_the_hidden_layers():
    problem = table((5, 8, 1), n=80)
    trainer = get_trainer("enkf", ensemble_size=20, hold_out=0.0, decay=0.02)
    before = trainer.init(problem, np.random.default_rng(0))
    after = trainer.step(before, problem, np.random.default_rng(1))
    rng = np.random.default_rng(1)
    key = rng.integers(2**64, size=2, dtype=np.uint64)
    directions = UnitDirections(problem.network, before.centre, (int(key[0]), int(key[1])), 20, before.roots)
    G = directions.outputs(problem.X)[1][:, 0]
    r = (problem.Y - problem.network.outputs(before.centre, problem.X))[:, 0]
    alpha = after.damping * np.square(G).sum() / 20 / 80
    # the Kalman gain of w ~ N(0, I / (alpha + rho)) observed through G with noise variance 80
    gain = G.T @ np.linalg.inv(G @ G.T + 80 * (alpha + 0.02) * np.eye(80))
    hidden = np.arange(problem.network.n_weights) < 5 * 8
    step = (gain @ r) @ dense(directions)
    np.testing.assert_allclose((after.centre - before.centre)[hidden], step[hidden], rtol=1e-6, atol=1e-9)
    assert after.damping in [factor * before.damping for factor in enkf_module.DAMPINGS]
    assert after.train_loss < before.train_loss


@pytest.mark.parametrize(("sizes", "passed"), [((4, 8, 3, 1), [0, 1, 2]), ((4, 3, 5, 1), [0, 1, 2, 0, 1])])
@pytest.mark.parametrize(("activation", "f"), [("relu", lambda Z: np.maximum(Z, 0)), ("tanh", np.tanh)])
def test_upper_layers_start_by_passing_units_of_the_first_one_on(sizes, passed, activation, f):
    problem = table(sizes, n=60, activation=activation)
    state = get_trainer("enkf").init(problem, np.random.default_rng(0))
    kernels, biases = problem.network.unpack(state.weights)
    first = f(problem.X @ kernels[0] + biases[0])
    np.testing.assert_allclose(problem.network.hidden(state.weights, problem.X), f(first[:, passed]))


def test_directions_above_the_first_layer_are_small():
    problem = table((4, 50, 40, 1), n=60)
    directions = UnitDirections(problem.network, np.zeros(problem.network.n_weights), (1, 2), 900, [np.ones(4)])
    assert directions.kernels[1].std() * np.sqrt(50) == pytest.approx(0.25, rel=0.02)
    assert directions.biases[1].std() * np.sqrt(50) == pytest.approx(0.25, rel=0.15)
    assert directions.kernels[0].std() == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize(("per_weight", "every"), [(4, 1), (1, 3)])
def test_the_damping_is_the_one_that_suits_the_rows_of_the_step_best(per_weight, every, monkeypatch):
    judged_by = []

    def tried(block, problem, weights, rows, *given):
        judged_by.append(rows)
        return candidates.tried(block, problem, weights, rows, *given)

    monkeypatch.setattr(enkf_module, "JUDGING_ROWS", per_weight)  # of 9
    monkeypatch.setattr(enkf_module, "tried", tried)
    problem = table((5, 8, 1), n=80)
    problem.batch_size = 30
    trainer = get_trainer("enkf", ensemble_size=20, hold_out=0.0)
    before = trainer.init(problem, np.random.default_rng(0))
    after = trainer.step(before, problem, np.random.default_rng(1))
    rng = np.random.default_rng(1)
    rows = np.sort(rng.choice(np.arange(80), 30, replace=False))
    key = rng.integers(2**64, size=2, dtype=np.uint64)
    directions = UnitDirections(problem.network, before.centre, (int(key[0]), int(key[1])), 20, before.roots)
    A, g = observe(directions, problem, rows)
    losses, judging = [], rows[::every]
    for damping in np.array(enkf_module.DAMPINGS) * before.damping:
        w = np.linalg.solve(A + (damping * np.trace(A) / 20 + trainer.decay) * np.eye(20), g)
        H = problem.network.hidden(before.centre + directions.combine(w), problem.X[judging])
        F = np.hstack([H, np.ones((len(judging), 1))])
        penalty = before.ridge * np.square(H).mean() * np.diag([1.0] * 8 + [0])
        V = np.linalg.solve(F.T @ F + penalty, F.T @ problem.Y[judging])
        losses.append(np.square(F @ V - problem.Y[judging]).mean())
    assert after.damping == enkf_module.DAMPINGS[int(np.argmin(losses))] * before.damping
    for found in judged_by:
        np.testing.assert_array_equal(found, judging)


def test_a_step_that_does_not_improve_is_not_taken():
    problem = table((5, 8, 1), n=80)
    trainer = get_trainer("enkf")
    before = trainer.init(problem, np.random.default_rng(0))
    before.train_loss = 0.0
    after = trainer.step(before, problem, np.random.default_rng(1))
    np.testing.assert_array_equal(after.centre, before.centre)
    assert after.damping == 10 * before.damping


def test_the_weights_are_not_clearly_worse_than_the_best_and_have_a_readout_of_all_rows():
    X, y = make_friedman1(300, noise=1, random_state=0)
    model = BPFreeRegressor((20,), trainer="enkf", random_state=0).fit(X, y)
    state = model.state_
    assert state.best_losses.mean() <= min(model.loss_curve_) + 1e-12
    assert model.stop_reason_ in ("tol", "max_iter")
    F = np.hstack([model.network_.hidden(state.weights, X.astype(np.float32)), np.ones((300, 1))]).astype(np.float64)
    Y = (y - y.mean()) / y.std()
    penalty = state.ridge * np.square(F[:, :-1]).mean()
    V = np.linalg.solve(F.T @ F + penalty * np.diag([1.0] * 20 + [0]), F.T @ Y)
    np.testing.assert_allclose(model.coefs_[-1][:, 0], V[:-1], rtol=0.02, atol=1e-3)


def test_training_beats_the_random_hidden_units():
    X, y = make_friedman1(600, noise=0.3, random_state=0)
    control = BPFreeRegressor((30,), trainer=get_trainer("enkf"), max_iter=1, random_state=0)
    control.fit(X[:400], y[:400])
    trained = BPFreeRegressor((30,), trainer="enkf", random_state=0).fit(X[:400], y[:400])
    assert trained.score(X[400:], y[400:]) > control.score(X[400:], y[400:]) + 0.03


@pytest.mark.parametrize("loss", ["poisson", "huber", "absolute_error", "quantile"])
def test_other_losses_are_trained(loss):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    y = rng.poisson(np.exp(0.5 * X[:, 0] + np.abs(X[:, 1]))).astype(float)
    model = BPFreeRegressor((20,), trainer="enkf", loss=loss, max_iter=8, random_state=0).fit(X, y)
    assert model.state_.best_losses.mean() < model.loss_curve_[0]
    mean, std = model.predict(X, return_std=True)
    assert (std > 0).all() and np.corrcoef(mean, y)[0, 1] > 0.5
    np.testing.assert_allclose(mean, model.predict(X), rtol=1e-6)


@pytest.mark.parametrize("trainer", ["enkf", "online_kalman"])
@pytest.mark.parametrize("level", [3, 30])
def test_intervals_of_counts_are_about_their_mean_and_as_wide_as_counts_vary(trainer, level):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 4))
    expected = level * np.exp(0.6 * np.sin(2 * X[:, 0]) + 0.4 * X[:, 1])
    y = rng.poisson(expected).astype(float)
    model = BPFreeRegressor((20,), trainer=trainer, loss="poisson", random_state=0).fit(X[:1000], y[:1000])
    mean, std = model.predict(X[1000:], return_std=True)
    np.testing.assert_allclose(mean, model.predict(X[1000:]), rtol=1e-6)
    inside = np.abs(y[1000:] - mean) < stats.norm.ppf(0.95) * std
    assert 0.85 < inside.mean() < 0.985
    assert np.corrcoef(std, np.sqrt(expected[1000:]))[0, 1] > 0.5, "the variance of a count grows with its mean"


# --- uncertainty ------------------------------------------------------------------------------------------------------


def wave(n=500, seed=0):
    """A wave with a gap, whose noise is .05 on the left and .4 on the right."""
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.uniform(-2, -0.5, n // 2), rng.uniform(0.5, 2, n // 2)])
    return x[:, None], np.sin(3 * x) + np.where(x < 0, 0.05, 0.4) * rng.normal(size=n)


def test_the_standard_deviation_follows_the_noise_and_grows_where_there_are_no_rows():
    X, y = wave()
    model = BPFreeRegressor((50,), trainer="enkf", random_state=0).fit(X, y)
    left, right, far = (model.predict(np.array([[x]]), return_std=True)[1][0] for x in (-1.2, 1.2, 6.0))
    assert 0.03 < left < 0.15
    assert 0.3 < right < 0.55
    assert far > 1.5 * right
    X_new, y_new = wave(2000, seed=1)
    mean, std = model.predict(X_new, return_std=True)
    inside = np.abs(y_new - mean) < stats.norm.ppf(0.95) * std
    assert 0.86 < inside.mean() < 0.95
    for third in np.array_split(np.argsort(std), 3):
        assert 0.84 < inside[third].mean() < 0.97


def test_noise_is_estimated_by_rows_that_the_fit_has_not_seen():
    """With as many hidden units as rows the training residuals say nothing; the held-out ones do."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 8)), rng.normal(size=120)
    model = BPFreeRegressor((150,), trainer="enkf", random_state=0).fit(X, y)
    _, std = model.predict(rng.normal(size=(500, 8)), return_std=True)
    assert 0.8 < std.mean() < 1.5


def test_tau_scales_the_variances_by_the_held_out_rows():
    rng = np.random.default_rng(0)
    F, held = features(400), np.arange(0, 400, 5)
    Y = F @ rng.normal(size=(7, 1)) + rng.normal(size=(400, 1))
    plain = Readout(F, Y, None, held, SquaredError(), 1e-3)
    V = plain.solve("train", np.zeros((7, 1)), 1)
    calm = NoiseModel.fit(plain, V, plain.solve("all", V, 1)).variance(F).mean()
    assert 0.8 < calm < 1.3
    loud = Readout(F, Y.copy(), None, held, SquaredError(), 1e-3)
    loud.Y[held] += 3 * np.sign(loud.Y[held] - F[held] @ V)
    assert NoiseModel.fit(loud, V, loud.solve("all", V, 1)).variance(F).mean() > 5 * calm


def test_probabilities_are_no_worse_for_the_average_over_the_readout():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 6))
    y = (X[:, 0] + rng.normal(size=300) > 0).astype(int)
    model = BPFreeClassifier((60,), trainer="enkf", random_state=0).fit(X, y)
    open_ = model.decision_function(X)
    model.state_.covariance = None
    closed = model.decision_function(X)
    assert (np.abs(open_) <= np.abs(closed) + 1e-6).all() and (np.sign(open_) == np.sign(closed)).all()


# --- online_kalman ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 7, 40])
def test_without_hidden_layers_the_filter_is_recursive_least_squares(size, monkeypatch):
    trainer = get_trainer("online_kalman", tolerance=np.inf)
    monkeypatch.setattr(type(trainer), "_noise", lambda self, state, *rest: {})
    problem = table((5, 2), n=40)
    problem.batch_size, problem.n_batches = size, -(-40 // size)
    first = trainer.init(problem, np.random.default_rng(0))
    last = trainer.step(first, problem, np.random.default_rng(1))
    F = np.hstack([problem.X, np.ones((40, 1))])
    information = np.diag(1 / first.prior) + F.T @ F
    V0 = np.vstack([np.zeros((5, 2)), problem.network.unpack(first.weights)[1][-1]])
    V = V0 + np.linalg.solve(information, F.T @ (problem.Y - F @ V0))
    kernels, biases = problem.network.unpack(last.weights)
    np.testing.assert_allclose(np.vstack([kernels[-1], biases[-1]]), V, rtol=1e-7)
    np.testing.assert_allclose(last.covariance, np.linalg.inv(information), rtol=1e-6, atol=1e-12)


def test_an_update_of_the_anomalies_is_the_kalman_filter_in_their_span(monkeypatch):
    trainer = get_trainer("online_kalman", fresh=0, ensemble_size=6, tolerance=np.inf)
    problem = table((5, 7, 2), n=9)
    state = trainer.step(trainer.init(problem, np.random.default_rng(0)), problem, np.random.default_rng(1))
    batch = problem.all_rows()
    after, _ = trainer._assimilate(state, problem, batch, np.random.default_rng(2))
    S, C = state.anomalies, state.covariance
    Z = problem.network.outputs(state.weights, problem.X)
    eps = 0.1
    G = (problem.network.outputs(state.weights + eps * S, problem.X) - Z) / eps
    F = np.hstack([problem.network.hidden(state.weights, problem.X), np.ones((9, 1))])
    # all that is unknown, (w, V of each output), in one Kalman filter
    J = np.zeros((18, 6 + 16))
    J[:, :6] = G.transpose(1, 2, 0).reshape(18, 6)
    for k in range(2):
        J[k::2, 6 + 8 * k : 14 + 8 * k] = F
    P = np.zeros((22, 22))
    P[:6, :6] = np.eye(6)
    P[6:14, 6:14] = P[14:, 14:] = C
    gain = P @ J.T @ np.linalg.inv(J @ P @ J.T + np.diag(np.tile(state.noise, 9)))
    x = gain @ (problem.Y - Z).ravel()
    posterior = P - gain @ J @ P
    hidden = slice(0, 35)
    np.testing.assert_allclose((after.weights - state.weights)[hidden], (x[:6] @ S)[hidden], rtol=1e-6, atol=1e-10)
    change = np.vstack([part[-1] for part in problem.network.unpack(after.weights - state.weights)])
    np.testing.assert_allclose(change, x[6:].reshape(2, 8).T, rtol=1e-6, atol=1e-10)
    np.testing.assert_allclose(after.anomalies.T @ after.anomalies, S.T @ posterior[:6, :6] @ S, rtol=1e-6, atol=1e-10)


def stream(n=2000, jump=0.0):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 4))
    y = np.sin(2 * X[:, 0]) + X[:, 1] + 0.2 * rng.normal(size=n)
    y[n // 2 :] += jump
    return X, y


def run(model, X, y, size=20):
    """Squared errors of predictions before learning."""
    errors = []
    for start in range(0, len(y), size):
        rows = slice(start, start + size)
        if start:
            errors += list((model.predict(X[rows]) - y[rows]) ** 2)
        model.partial_fit(X[rows], y[rows])
    return np.array(errors)


def test_a_stream_is_learned_in_constant_memory():
    X, y = stream()
    model = BPFreeRegressor((30,), trainer="online_kalman", random_state=0).partial_fit(X[:20], y[:20])
    size = len(pickle.dumps(model.state_))
    errors = run(model, X[20:], y[20:])
    assert errors[-500:].mean() < 0.15 * y.var()
    assert abs(len(pickle.dumps(model.state_)) - size) < 50
    _, std = model.predict(X[:500], return_std=True)
    assert 0.15 < std.mean() < 0.5
    assert model.predict(20 * X[:500], return_std=True)[1].mean() > 2 * std.mean()


def test_a_jump_is_noticed_and_unlearned():
    X, y = stream(jump=4.0)
    errors = {}
    for tolerance in (2.0, np.inf):
        model = BPFreeRegressor((30,), trainer=get_trainer("online_kalman", tolerance=tolerance), random_state=0)
        errors[tolerance] = run(model, X, y)[1100:1400].mean()
    assert errors[2.0] < 0.3 and errors[2.0] < errors[np.inf] / 2


def test_rows_may_come_one_by_one_in_any_unit():
    X, y = stream(300)
    model = BPFreeRegressor((20,), trainer="online_kalman", random_state=0)
    errors = run(model, X, 5000 + 3000 * y, size=1)
    assert errors[-100:].mean() < 0.3 * 3000**2 * y.var()


def test_classes_are_learned_from_a_stream():
    X, y = stream(1500)
    labels = np.digitize(y, [-0.7, 0.7])
    model = BPFreeClassifier((30,), trainer="online_kalman", random_state=0)
    for start in range(0, 1200, 20):
        model.partial_fit(X[start : start + 20], labels[start : start + 20], classes=[0, 1, 2])
    assert model.score(X[1200:], labels[1200:]) > 0.75


@pytest.mark.parametrize(
    "name, params",
    [
        ("enkf", {"ensemble_size": 0}),
        ("enkf", {"ridge": 0}),
        ("enkf", {"hold_out": 0.9}),
        ("enkf", {"damping": -1.0}),
        ("online_kalman", {"forgetting": 1.5}),
        ("online_kalman", {"fresh": 100}),
        ("online_kalman", {"tolerance": 1.0}),
    ],
)
def test_parameters_that_make_no_sense_are_refused(name, params):
    (parameter,) = params
    with pytest.raises((ValueError, TypeError), match=parameter):
        get_trainer(name, **params).check_parameters()
