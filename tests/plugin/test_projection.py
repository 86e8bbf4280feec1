"""Variable projection: each step against its equation in float64, and the same through a population."""

import numpy as np
import pytest
from scipy import optimize, special

from sklearn_bpfree.nn.losses import BinaryLogLoss, HuberLoss, LogLoss, SquaredError
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.plugin import PopulationTrainer, output_layers, projection
from sklearn_bpfree.plugin.judging import block_members
from sklearn_bpfree.plugin.members import member_outputs
from sklearn_bpfree.plugin.problem import Problem


class Stay(PopulationTrainer):
    """Goes nowhere, and remembers what it saw."""

    def update(self, state, members, losses, problem):
        return {"slots": [losses]}


def problem(objective=None, n=60, weighted=False, max_iter=10, batch_size=60, sizes=(5, 7, 4, 3)):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, sizes[0]))
    objective = objective or LogLoss()
    Y = np.eye(sizes[-1])[rng.integers(sizes[-1], size=n)]
    if isinstance(objective, SquaredError):
        Y = X[:, : sizes[-1]] + rng.normal(size=Y.shape)
    weight = rng.integers(1, 4, n) if weighted else None
    network = Network(sizes, "tanh")
    return Problem(X, Y, network, objective, sample_weight=weight, batch_size=batch_size, max_iter=max_iter)


def features(p, weights):
    """Activations of the last hidden layer and a column of ones, (n, h + 1)."""
    return np.column_stack([p.network.hidden(weights, p.X), np.ones(p.n_samples)])


def penalised(p, H, penalty, V):
    """The loss L(V) by its definition."""
    rows = np.average(p.objective.loss(H @ V, p.Y), weights=p.sample_weight)
    weight = np.ones(len(H)) if p.sample_weight is None else p.sample_weight
    s = (weight[:, None] * H[:, :-1] ** 2).mean()
    return rows + penalty * s / 2 * (V[:-1] ** 2).sum()


@pytest.mark.parametrize("weighted", [False, True])
def test_one_step_solves_the_squared_error(weighted):
    p = problem(SquaredError(), weighted=weighted)
    weights = p.network.initial_weights(np.random.default_rng(1), np.float64)
    H = features(p, weights)
    M = output_layers.curvature(p.objective, H.T[None], p.sample_weight, 0.1)
    start = np.random.default_rng(2).normal(size=(1, 5, 3))
    V, Z = output_layers.descend(p.objective, H.T[None], p.Y, p.sample_weight, start, M, 1)
    w = np.ones(60) if p.sample_weight is None else p.sample_weight
    ridge = 0.1 * (w[:, None] * H[:, :-1] ** 2).mean() * np.diag([1, 1, 1, 1, 0])
    expected = np.linalg.solve((H.T * w) @ H / 60 + ridge, (H.T * w) @ p.Y / 60)
    np.testing.assert_allclose(V[0], expected, rtol=1e-8)
    np.testing.assert_allclose(Z[0].T, H @ V[0], rtol=1e-8)


@pytest.mark.parametrize("objective, K", [(BinaryLogLoss(), 1), (BinaryLogLoss(), 3), (LogLoss(), 3)])
def test_steps_for_a_log_loss_never_overshoot_and_end_at_the_minimum(objective, K):
    p = problem(objective, weighted=True, sizes=(5, 7, 4, K))
    p.Y = p.Y if K > 1 else (p.X[:, :1] + p.X[:, 1:2] > 0).astype(float)
    H = features(p, p.network.initial_weights(np.random.default_rng(1), np.float64))
    M = output_layers.curvature(objective, H.T[None], p.sample_weight, 0.01)
    V = np.random.default_rng(2).normal(size=(1, 5, K))
    losses = [penalised(p, H, 0.01, V[0])]
    for _ in range(300):
        V, _ = output_layers.descend(objective, H.T[None], p.Y, p.sample_weight, V, M, 1)
        losses.append(penalised(p, H, 0.01, V[0]))
    assert (np.diff(losses) <= 1e-12).all()
    best = optimize.minimize(lambda v: penalised(p, H, 0.01, v.reshape(5, K)), np.zeros(5 * K), tol=1e-10).fun
    np.testing.assert_allclose(losses[-1], best, rtol=1e-5)


def test_steps_with_the_curvature_of_others_do_not_overshoot():
    rng = np.random.default_rng(0)
    H, other = rng.normal(size=(2, 1, 5, 60))
    H *= 10
    H[:, -1] = other[:, -1] = 1
    Y = rng.normal(size=(60, 2))
    M = output_layers.curvature(SquaredError(), other, None, 1e-3)
    V = np.zeros((1, 5, 2))
    errors = []
    for _ in range(4):
        errors.append(np.square(np.matmul(V.transpose(0, 2, 1), H)[0].T - Y).sum())
        V, _ = output_layers.descend(SquaredError(), H, Y, None, V, M, 1)
    assert (np.diff(errors) < 0).all()


def test_split_and_join_are_inverse_and_the_hidden_network_gives_pre_activations():
    p = problem()
    weights = np.random.default_rng(1).normal(size=p.network.n_weights)
    hidden, V = projection.split(p.network, weights)
    np.testing.assert_array_equal(projection.join(p.network, hidden, V), weights)
    body = projection.hidden_network(p.network)
    np.testing.assert_allclose(np.tanh(body.outputs(hidden, p.X)), p.network.hidden(weights, p.X), rtol=1e-12)
    kernels, biases = p.network.unpack(weights)
    np.testing.assert_array_equal(V, np.vstack([kernels[-1], biases[-1]]))


@pytest.mark.parametrize("objective", [LogLoss(), SquaredError()])
def test_every_member_is_judged_with_an_output_layer_of_its_own(objective):
    p = problem(objective, weighted=True)
    trainer = Stay(population_size=10, sigma=0.3)
    start = trainer.init(p, np.random.default_rng(1))
    state = trainer.step(start, p, np.random.default_rng(2))
    hidden, V = projection.split(p.network, start.weights)
    rng = np.random.default_rng(2)
    key = rng.integers(2**64, size=2, dtype=np.uint64)
    body = projection.hidden_network(p.network)
    inner = trainer.init(p, np.random.default_rng(1))
    inner.weights = hidden
    members = trainer.members(inner, body, (int(key[0]), int(key[1])))
    members.block_members = block_members(p)
    centre = np.vstack([np.tanh(member_outputs(body, hidden[None], p.X)[0]), np.ones(60)])[None]
    M = output_layers.curvature(objective, centre, p.sample_weight, start.penalty)
    expected = []
    for member in members.weights(0):
        H = np.vstack([np.tanh(body.outputs(member, p.X)).T, np.ones(60)])[None]
        Z = output_layers.descend(objective, H, p.Y, p.sample_weight, V[None], M, 1)[1]
        expected.append(np.average(objective.loss(Z[0].T, p.Y), weights=p.sample_weight))
        fixed = np.average(objective.loss(H[0].T @ V, p.Y), weights=p.sample_weight)
        assert expected[-1] < fixed + 0.01  # better than with the centre's own, but for the penalty
    np.testing.assert_allclose(state.slots[0].ravel(), expected, rtol=1e-9)


def test_the_centre_ends_with_the_output_layer_of_all_rows():
    p = problem(SquaredError(), n=200, batch_size=20, max_iter=3)
    trainer = Stay(population_size=4)
    state = trainer.init(p, np.random.default_rng(1))
    for t in range(3):
        p.iteration = t
        state = trainer.step(state, p, np.random.default_rng(t))
    H = features(p, state.weights)
    V = projection.split(p.network, state.weights)[1]
    s = (H[:, :-1] ** 2).mean()
    expected = np.linalg.solve(H.T @ H / 200 + state.penalty * s * np.diag([1, 1, 1, 1, 0]), H.T @ p.Y / 200)
    np.testing.assert_allclose(V, expected, rtol=1e-7)


def test_rows_of_a_partial_fit_count_by_their_number():
    p = problem(SquaredError(), n=20, max_iter=None)
    trainer = Stay(population_size=4)
    start = trainer.init(p, np.random.default_rng(1))
    start.weights = start.weights + 1.0
    state = trainer.step(start, p, np.random.default_rng(2))
    before, after = (projection.split(p.network, s.weights)[1] for s in (start, state))
    solved = projection.split(
        p.network,
        projection.refit(
            p, projection.split(p.network, start.weights)[0], before, start.penalty, 20, 1, np.random.default_rng(0)
        ),
    )[1]
    np.testing.assert_allclose(after, before + (solved - before) * 20 / (20 + 4 * 5), rtol=1e-6)


def test_a_noisy_target_gets_a_larger_penalty():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 5))
    network = Network((5, 40, 1), "tanh")
    hidden = projection.split(network, network.initial_weights(rng, np.float64))[0]
    clean = np.tanh(X @ rng.normal(size=(5, 1)))
    penalties = [
        projection.choose_penalty(Problem(X, Y, network, SquaredError(), batch_size=150), hidden, rng)
        for Y in (clean, clean + 2 * rng.normal(size=clean.shape))
    ]
    assert penalties[0] < penalties[1]


def test_what_cannot_be_solved_evolves_or_is_refused():
    for p in (problem(HuberLoss()), problem(sizes=(5, 3))):
        state = Stay(population_size=4).init(p, np.random.default_rng(0))
        assert state.sigma.size == p.network.n_weights
        with pytest.raises(ValueError, match='readout="solved"'):
            Stay(readout="solved").init(p, np.random.default_rng(0))
    p = problem()
    assert Stay(readout="evolved").init(p, np.random.default_rng(0)).sigma.size == p.network.n_weights
    assert Stay().init(p, np.random.default_rng(0)).sigma.size == projection.hidden_network(p.network).n_weights
    with pytest.raises(ValueError, match="readout"):
        Stay(readout="best").check_parameters()


def test_features_end_with_ones():
    Z = np.random.default_rng(0).normal(size=(3, 6, 4))
    H = output_layers.features(Z.copy(), "logistic")
    np.testing.assert_allclose(H[:, :-1], special.expit(Z).transpose(0, 2, 1))
    np.testing.assert_array_equal(H[:, -1], 1)
