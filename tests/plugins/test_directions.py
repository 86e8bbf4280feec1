"""Derivatives by directions: reused forward passes against whole ones, estimates against the gradient, in float64."""

import numpy as np
import pytest
from bpfree_directions.coordinate_gradient import CoordinateGradient
from bpfree_directions.coordinates import Coordinates, place
from bpfree_directions.forward_gauss_newton import ForwardGaussNewton, curvature, parts, subspace, tangents
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sklearn_bpfree import BPFreeRegressor, get_trainer
from sklearn_bpfree.nn.losses import BinaryLogLoss, LogLoss, SquaredError
from sklearn_bpfree.plugin import Network, Problem, advance, member_outputs

RNG = np.random.default_rng


def make(hidden=(6, 5), objective=None, weighted=False, activation="tanh", K=3, n=30, max_iter: int | None = 5):
    rng = RNG(0)
    X, Y = rng.normal(size=(n, 4)), np.eye(K)[rng.integers(K, size=n)]
    weight = rng.uniform(0.5, 2, n) if weighted else None
    network, objective = Network((4, *hidden, K), activation), objective or LogLoss()
    return Problem(X, Y, network, objective, sample_weight=weight, max_iter=max_iter, batch_size=n)


def weights_of(problem, seed=1):
    return RNG(seed).normal(0, 0.5, problem.network.n_weights)


def backprop(problem, weights):
    """Gradients of all kernels."""
    trainer = get_trainer("backprop")
    state = advance(trainer.init(problem, RNG(0)), weights=weights)
    return trainer.gradient(state, problem, problem.all_rows())


# --- coordinates ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hidden", [(), (6,), (6, 5), (6, 5, 4)])
@pytest.mark.parametrize("activation", ["relu", "gelu", "step"])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_a_reused_pass_gives_what_a_whole_one_gives(hidden, activation, kind):
    network = Network((4, *hidden, 3), activation)
    rng = RNG(0)
    centre, scale = rng.normal(size=network.n_weights), rng.uniform(0.1, 1, network.n_weights)
    chosen = np.sort(rng.permutation(network.n_weights)[: network.n_weights - 2])
    members = Coordinates(network, centre, scale, (1, 2), len(chosen), chosen=chosen)
    X = rng.normal(size=(7, 4))
    X[X < -0.5] = 0
    for block in range(members.n_blocks):
        found = members.outputs(block, kind(X))
        assert_allclose(found, member_outputs(network, members.weights(block), X).transpose(0, 2, 1), atol=1e-12)


def test_every_weight_has_its_place():
    network = Network((4, 6, 3))
    layer, unit, source = place(network, np.arange(network.n_weights))
    for at, (W, b) in enumerate(zip(*network.unpack(np.arange(network.n_weights)), strict=True)):
        i, j = np.divmod(np.arange(W.size), W.shape[1])
        assert_array_equal(layer[W.ravel()], at)
        assert_array_equal(source[W.ravel()], i)
        assert_array_equal(unit[W.ravel()], j)
        assert_array_equal(source[b], -1)
        assert_array_equal(unit[b], np.arange(len(b)))
        assert_array_equal(layer[b], at)


def estimate(problem, weights, mu):
    """The estimate of all weights, as Adam's first moment has it."""
    trainer = CoordinateGradient(sigma=mu, readout="evolved", population_size=2 * weights.size)
    state = advance(trainer.init(problem, RNG(0)), weights=weights)
    generation = trainer.generation(state, problem, RNG(3))
    members = trainer.members(generation.searched, problem.network, generation.key)
    changes = trainer.update(state, members, generation.judge(members), problem)
    return changes["slots"][0] / 0.1


def test_the_estimate_is_the_gradient_but_for_the_square_of_the_step():
    problem = make(weighted=True)
    weights = weights_of(problem)
    expected, errors = np.concatenate([g.ravel() for g in backprop(problem, weights)]), []
    for mu in (1.0, 0.1, 0.01):
        found = estimate(problem, weights, mu)[: problem.network.n_kernel]
        errors.append(np.abs(found - expected).max() / np.abs(expected).max())
    assert errors[2] < 1e-4
    assert_allclose(np.diff(np.log10(errors)), -2, atol=0.2)


def test_moments_are_corrected_by_how_often_a_weight_was_moved():
    problem, trainer = make(max_iter=None), CoordinateGradient(population_size=4, readout="evolved", weight_decay=0)
    state = trainer.init(problem, RNG(1))
    seldom, often = chosen = np.array([3, 8])
    network, n = problem.network, problem.network.n_weights
    for slot, value in zip(state.slots, (0.5, 0.5, 9), strict=True):
        slot[often] = value
    members = Coordinates(network, state.weights, state.sigma, (1, 2), 2, chosen=chosen)
    moved = trainer.update(state, members, np.array([[2.0, 2.0], [1.0, 1.0]]), problem)["weights"] - state.weights
    g = 1 / (2 * state.sigma[chosen])
    m, v = np.array([[0, 0.5], [0, 0.5]]) * [[0.9], [0.999]] + [0.1 * g, 0.001 * g**2]
    m, v = m / (1 - 0.9 ** np.array([1, 10])), v / (1 - 0.999 ** np.array([1, 10]))
    expected = -trainer.learning_rate * m / (np.sqrt(v) + 0.3 * np.sqrt(v.mean()))
    assert_allclose(moved[chosen], expected, rtol=1e-6)
    assert not np.delete(moved, chosen).any() and n > 10 and seldom < often


def test_only_the_weights_of_a_step_move():
    problem, trainer = make(max_iter=None), CoordinateGradient(population_size=20, readout="evolved")
    first = trainer.init(problem, RNG(1))
    second = trainer.step(first, problem, RNG(2))
    moved = second.weights != first.weights
    assert moved.sum() == 10
    assert_array_equal(second.slots[2], moved)
    third = trainer.step(second, problem, RNG(3))
    assert third.slots[2].sum() == 20 and (third.weights != second.weights).sum() == 10


def test_quantised_kernels_are_judged_by_whole_passes():
    network = Network((4, 5, 3), "relu", "ternary")
    rng = RNG(0)
    centre = rng.normal(size=network.n_weights)
    members = Coordinates(network, centre, np.ones_like(centre), (1, 2), 6, chosen=np.arange(6))
    X = rng.normal(size=(7, 4))
    assert_allclose(members.outputs(0, X), network.outputs(members.weights(0), X), atol=1e-12)


def test_coordinates_learn_a_metric_of_step_units():
    from sklearn_bpfree import BPFreeClassifier

    X = RNG(0).normal(size=(80, 3))
    y = (X[:, 0] + X[:, 1] > 0).astype(int)
    trainer = CoordinateGradient(sigma=0.3)
    model = BPFreeClassifier((8,), trainer=trainer, activation="step", loss="balanced_accuracy", random_state=0)
    assert model.fit(X, y).score(X, y) > 0.75


# --- Gauss-Newton -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hidden", [(), (6,), (6, 5, 4)])
@pytest.mark.parametrize("activation", ["tanh", "relu", "silu"])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_tangents_are_the_outputs_derivatives_along_directions(hidden, activation, kind):
    problem = make(hidden, activation=activation)
    theta, V = weights_of(problem), RNG(2).normal(size=(4, problem.network.n_weights))
    Z, J = tangents(problem.network, theta, V, kind(problem.X))
    assert_allclose(Z, problem.network.outputs(theta, problem.X), atol=1e-12)
    for v, along in zip(V, J, strict=True):
        up, down = (problem.network.outputs(theta + step * v, problem.X) for step in (1e-6, -1e-6))
        assert_allclose(along, (up - down) / 2e-6, atol=1e-7)


def test_the_directional_derivative_is_that_of_back_propagation():
    problem = make(weighted=True)
    theta, V = weights_of(problem), RNG(2).normal(size=(4, problem.network.n_weights))
    V[:, problem.network.n_kernel :] = 0
    _, g, _ = curvature(*next(parts(problem.all_rows())), problem.network, theta, V, problem.objective)
    expected = np.concatenate([part.ravel() for part in backprop(problem, theta)])
    assert_allclose(g / problem.n_samples, V[:, : problem.network.n_kernel] @ expected, rtol=1e-10)


@pytest.mark.parametrize("objective", [SquaredError(), LogLoss(), BinaryLogLoss()])
def test_the_curvature_is_that_of_the_loss_through_the_jacobian(objective):
    problem = make(objective=objective, weighted=True)
    theta, V = weights_of(problem), RNG(2).normal(size=(4, problem.network.n_weights))
    loss, _, G = curvature(*next(parts(problem.all_rows())), problem.network, theta, V, objective)
    Z, J = tangents(problem.network, theta, V, problem.X)
    eye, expected = 1e-5 * np.eye(3), 0.0
    for i, w in enumerate(problem.sample_weight):
        errors = [objective.error(Z[i : i + 1] + s * e, problem.Y[i : i + 1])[0] for s in (1, -1) for e in eye]
        H = (np.array(errors[:3]) - np.array(errors[3:])) / 2e-5
        expected = expected + w * J[:, i] @ H @ J[:, i].T
    assert_allclose(G, expected, rtol=1e-6)
    assert loss / problem.n_samples == pytest.approx(problem.loss(theta))


def test_rows_are_added_up_part_by_part(monkeypatch):
    problem = make(weighted=True)
    theta, V = weights_of(problem), RNG(2).normal(size=(4, problem.network.n_weights))

    def sums():
        terms = [curvature(*p, problem.network, theta, V, problem.objective) for p in parts(problem.all_rows())]
        return [sum(term) for term in zip(*terms, strict=True)]

    whole = sums()
    monkeypatch.setattr("bpfree_directions.forward_gauss_newton.BLOCK_ROWS", 7)
    for one, other in zip(whole, sums(), strict=True):
        assert_allclose(one, other)


def test_a_linear_network_is_at_the_bottom_after_one_step():
    problem = make((), SquaredError(), max_iter=None)
    trainer = ForwardGaussNewton(directions=1000, damping=1e-9, weight_decay=0.0)
    state = trainer.step(trainer.init(problem, RNG(0)), problem, RNG(1))
    A = np.column_stack([problem.X, np.ones(problem.n_samples)])
    assert_allclose(state.weights, np.linalg.lstsq(A, problem.Y)[0].ravel(), atol=1e-6)


def test_much_damping_is_steepest_descent_in_the_subspace():
    problem = make(max_iter=None)
    trainer = ForwardGaussNewton(directions=7, damping=1e7, weight_decay=0.0)
    state = trainer.init(problem, RNG(0))
    V = subspace(problem.network, 7, RNG(1))
    slope = np.array([(problem.loss(state.weights + h * V) - problem.loss(state.weights - h * V)) for h in [1e-6]])[0]
    step = trainer.step(state, problem, RNG(1)).weights - state.weights
    assert_allclose(step, -(slope / 2e-6) @ V / 1e7, rtol=1e-4, atol=1e-15)


def test_directions_are_orthonormal_in_units_of_the_layers():
    network = Network((4, 6, 3))
    V = subspace(network, 9, RNG(0)) / network.fan_in_scale(np.float64)
    assert_allclose(V @ V.T, np.eye(9), atol=1e-12)
    assert_allclose(subspace(network, 10_000, RNG(0)), np.diag(network.fan_in_scale(np.float64)))


def test_the_loss_never_rises_and_a_bad_step_damps_the_next_one():
    problem = make(activation="relu", max_iter=None)
    trainer = ForwardGaussNewton(directions=20, damping=1e-6, weight_decay=0.0)
    state = trainer.init(problem, RNG(0))
    refused = 0
    for t in range(30):
        before, state = state, trainer.step(state, problem, RNG(t))
        assert problem.loss(state.weights) <= problem.loss(before.weights) + 1e-12
        assert state.damping / before.damping == pytest.approx(0.5) or state.damping >= before.damping
        if np.array_equal(state.weights, before.weights):
            refused += 1
            assert state.damping == pytest.approx(3 * before.damping)
    assert refused
    assert problem.loss(state.weights) < 0.5 * problem.loss(trainer.init(problem, RNG(0)).weights)


def test_a_step_whose_loss_is_no_number_is_not_taken():
    problem = make(objective=SquaredError(), max_iter=None)
    trainer = ForwardGaussNewton(directions=1000, damping=1e-9)
    state = trainer.init(problem, RNG(0))
    problem.Y[0] = 1e200  # its square, and whatever goes towards it, overflows
    with np.errstate(all="ignore"):
        after = trainer.step(state, problem, RNG(1))
    assert_array_equal(after.weights, state.weights)


def test_the_decay_is_in_the_loss():
    problem = make((), SquaredError(), max_iter=None)
    norms = []
    for decay in (0.0, 10.0):
        trainer = ForwardGaussNewton(directions=1000, damping=1e-9, weight_decay=decay)
        state = trainer.step(trainer.init(problem, RNG(0)), problem, RNG(1))
        norms.append(np.square(state.weights[: problem.network.n_kernel]).sum())
    assert norms[1] < 0.5 * norms[0]


def test_a_small_smooth_regression_is_fitted_closely():
    X = RNG(0).uniform(-1, 1, (150, 2))
    y = np.sin(3 * X[:, 0]) * X[:, 1]
    trainer = ForwardGaussNewton(directions=100, weight_decay=0.0)
    model = BPFreeRegressor((12,), "tanh", trainer=trainer, random_state=0, dtype="float64").fit(X[:100], y[:100])
    assert model.score(X[100:], y[100:]) > 0.99
