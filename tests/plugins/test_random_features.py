"""Random features: the drawn units, and what is fitted on them, in float64."""

import tracemalloc

import numpy as np
import pytest
from bpfree_random_features.residual import Block
from bpfree_random_features.sampling import Inputs, draw_hidden
from scipy import sparse
from sklearn.datasets import make_friedman1

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, get_trainer
from sklearn_bpfree.linear.readout import solve_readout
from sklearn_bpfree.linear.ridge import ridge
from sklearn_bpfree.nn.losses import LogLoss, SquaredError
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.plugin.problem import Problem

# --- the trainer ------------------------------------------------------------------------------------------------------


def make_problem(activation="relu", objective=None, Y=None):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 4))
    Y = np.eye(3)[rng.integers(3, size=40)] if Y is None else Y
    return Problem(X, Y, Network((4, 9, 8, Y.shape[1]), activation), objective or LogLoss())


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_units_drawn_blindly_vary_as_much_as_their_thresholds(scale):
    rng = np.random.default_rng(0)
    X, weight = 50 + 3 * rng.standard_normal((200, 40)) * (rng.uniform(size=40) < 0.5), rng.uniform(0.5, 2, 200)
    network = Network((40, 2000, 1000, 1), "identity")
    problem = Problem(X, X[:, :1], network, SquaredError(), sample_weight=weight)
    (weights,) = draw_hidden(Inputs(problem.X, problem), np.random.default_rng(1), "normal", scale)
    kernels, biases = network.unpack(weights)
    H = X
    for W, b in zip(kernels[:2], biases[:2], strict=True):
        H = H @ W + b
        mean = np.average(H, axis=0, weights=weight)
        assert mean.std() == pytest.approx(scale, rel=0.1)
        assert np.average((H - mean) ** 2, axis=0, weights=weight).mean() == pytest.approx(scale**2, rel=0.1)


@pytest.mark.parametrize("activation, low, high", [("relu", 0.0, 0.7), ("tanh", -0.7, 0.7)])
def test_a_unit_of_a_pair_rises_from_one_row_to_another_of_a_different_class(activation, low, high):
    problem = make_problem(activation)
    (weights,) = draw_hidden(Inputs(problem.X, problem), np.random.default_rng(1), "pairs", 0.7)
    (W, *_), (b, *_) = problem.network.unpack(weights)
    Z = problem.X @ W + b
    for unit in range(9):
        i, j = np.argmin(abs(Z[:, unit] - low)), np.argmin(abs(Z[:, unit] - high))
        np.testing.assert_allclose(Z[[i, j], unit], [low, high], atol=1e-12)
        assert (problem.Y[i] != problem.Y[j]).any()
        step = problem.X[j] - problem.X[i]
        np.testing.assert_allclose(W[:, unit], (high - low) * step / (step @ step), atol=1e-12)


def test_near_rows_of_different_targets_are_preferred():
    X, Y = np.array([[0.0], [1.0], [10.0]]), np.array([[0.0], [1.0], [0.0]])
    problem = Problem(X, Y, Network((1, 1000, 1)), SquaredError())
    (weights,) = draw_hidden(Inputs(problem.X, problem), np.random.default_rng(1), "pairs", 1.0)
    rises = abs(problem.network.unpack(weights)[0][0])
    np.testing.assert_allclose(np.unique(rises.round(12)), [1 / 9, 1], atol=1e-10)
    assert 0.87 < (rises > 0.5).mean() < 0.93  # 9 to 1


@pytest.mark.parametrize("weighted", [True, False])
def test_sparse_units_see_few_columns_each_by_its_own_spread(weighted):
    rng = np.random.default_rng(0)
    X = 5 + 10.0 ** rng.integers(-1, 3, 20) * rng.standard_normal((300, 20))
    X[:, 3] = 7.0  # tells nothing
    weight = rng.uniform(0.5, 2, 300) if weighted else None
    problem = Problem(X, X[:, :1], Network((20, 4000, 1), "identity"), SquaredError(), sample_weight=weight)
    (weights,) = draw_hidden(Inputs(X, problem), np.random.default_rng(1), "sparse", 2.0)
    (W, _), (b, _) = problem.network.unpack(weights)
    assert (np.count_nonzero(W, axis=0) <= 5).all()
    assert np.count_nonzero(W, axis=0).mean() == pytest.approx(5 * 19 / 20, rel=0.02)
    assert not W[3].any()
    mean = np.average(X, axis=0, weights=weight)
    spread = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weight))
    terms = (W * spread[:, None])[W != 0]
    assert terms.std() == pytest.approx(2 / np.sqrt(5), rel=0.03)
    assert (mean @ W + b).std() == pytest.approx(2, rel=0.05)


def test_half_of_the_mixed_units_are_sparse():
    problem = make_problem()
    problem = Problem(np.tile(problem.X, 3), problem.Y, Network((12, 9, 8, 3)), LogLoss())
    (weights,) = draw_hidden(Inputs(problem.X, problem), np.random.default_rng(1), "mixed", 1.0)
    (W, *_), _ = problem.network.unpack(weights)
    assert np.count_nonzero(W, axis=0).tolist() == [5] * 4 + [12] * 5


def test_pairs_of_equal_targets_are_drawn_blindly():
    problem = make_problem(objective=SquaredError(), Y=np.zeros((40, 1)))
    assert np.isfinite(draw_hidden(Inputs(problem.X, problem), np.random.default_rng(1), "pairs", 1.0)).all()


@pytest.mark.parametrize("sampling", ["normal", "pairs"])
def test_hidden_layers_stay_as_drawn_and_a_second_step_changes_nothing(sampling):
    problem, trainer = make_problem(), get_trainer("rvfl", sampling=sampling)
    drawn = trainer.init(problem, np.random.default_rng(1))
    once = trainer.step(drawn, problem, np.random.default_rng(2))
    twice = trainer.step(once, problem, np.random.default_rng(3))
    before, after = problem.network.unpack(drawn.weights)[0], problem.network.unpack(once.weights)[0]
    assert [np.array_equal(a, b) for a, b in zip(before, after, strict=True)] == [True, True, False]
    assert np.array_equal(once.weights, twice.weights)
    assert np.array_equal(once.direct, twice.direct)


@pytest.mark.parametrize("links", [True, False])
def test_prediction_is_the_readout_of_hidden_units_and_inputs(links):
    problem, trainer = make_problem("tanh"), get_trainer("rvfl", direct_links=links)
    state = trainer.step(trainer.init(problem, np.random.default_rng(1)), problem, np.random.default_rng(2))
    (W0, W1, W2), (b0, b1, b2) = problem.network.unpack(state.weights)
    expected = np.tanh(np.tanh(problem.X @ W0 + b0) @ W1 + b1) @ W2 + b2 + problem.X @ state.direct
    assert state.direct.any() == links
    for X in (problem.X, sparse.csr_array(problem.X)):
        np.testing.assert_allclose(trainer.outputs(state, problem.network, X), expected, atol=1e-12)
    assert state.loss == pytest.approx(problem.objective.loss(expected, problem.Y).mean())


@pytest.mark.parametrize("links", [True, False])
def test_copies_of_the_hidden_layers_stand_side_by_side(links):
    problem, trainer = make_problem("tanh"), get_trainer("rvfl", direct_links=links, copies=3, penalties=(0.1,))
    state = trainer.step(trainer.init(problem, np.random.default_rng(1)), problem, np.random.default_rng(2))
    draws = [problem.network.unpack(weights) for weights in (state.weights, *state.more)]
    hidden = [np.tanh(np.tanh(problem.X @ W0 + b0) @ W1 + b1) for (W0, W1, _), (b0, b1, _) in draws]
    expected, bias, _ = solve_readout(np.hstack([*hidden, problem.X] if links else hidden), problem, (0.1,), "auto")
    found = np.vstack([kernels[-1] for kernels, _ in draws] + [state.direct] * links)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert not np.array_equal(hidden[0], hidden[1])
    Z = np.hstack([*hidden, problem.X] if links else hidden) @ expected + bias
    np.testing.assert_allclose(trainer.outputs(state, problem.network, problem.X), Z, atol=1e-12)


@pytest.mark.parametrize("n, width, copies", [(500, 100, 1), (5000, 100, 2), (60_000, 100, 8), (60_000, 2560, 1)])
def test_there_are_more_copies_the_more_rows(n, width, copies):
    X = np.random.default_rng(0).standard_normal((n, 1))
    problem = Problem(X, X, Network((1, width, 1)), SquaredError())
    assert 1 + len(get_trainer("rvfl").init(problem, np.random.default_rng(0)).more) == copies


def test_many_rows_of_exclusive_classes_are_read_by_their_loss():
    trainer = get_trainer("rvfl")
    for n, objective, method in [(5000, LogLoss(), "loss"), (4999, LogLoss(), "auto"), (5000, SquaredError(), "auto")]:
        problem = Problem(np.zeros((n, 1)), np.zeros((n, 3)), Network((1, 3)), objective)
        assert trainer.method(problem) == method
    assert get_trainer("rvfl", readout="ridge").method(problem) == "ridge"


def test_it_learns_what_a_linear_model_cannot():
    X = np.random.default_rng(0).standard_normal((400, 2))
    y = (X**2).sum(axis=1) > 1.4
    clf = BPFreeClassifier(trainer="rvfl", random_state=0).fit(X, y)
    assert clf.n_iter_ == 1
    assert clf.score(X, y) > 0.97
    assert not hasattr(clf, "partial_fit")


@pytest.mark.parametrize("penalties", [(), (0.0,), (1.0, -1.0)])
def test_wrong_penalties_are_named(penalties):
    with pytest.raises(ValueError, match=r"^penalties of RVFL must be numbers > 0, at least one, got \(.*\)\.$"):
        get_trainer("rvfl", penalties=penalties).check_parameters()


# --- ed_rvfl ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("sampling", ["normal", "pairs"])
@pytest.mark.parametrize("hidden", [(), (9,)])
def test_ed_rvfl_with_one_hidden_layer_is_rvfl(hidden, sampling, links):
    X, y = make_friedman1(80, random_state=0)
    one, other = (
        BPFreeRegressor(hidden, trainer=get_trainer(name, sampling=sampling, direct_links=links), random_state=0)
        for name in ("rvfl", "ed_rvfl")
    )
    one, other = one.fit(X, y), other.fit(X, y)
    assert np.array_equal(one.state_.weights, other.state_.weights)
    np.testing.assert_allclose(one.predict(X), other.predict(X), rtol=1e-5)


@pytest.mark.parametrize("links", [True, False])
def test_ed_rvfl_is_the_mean_of_a_readout_on_each_layer(links):
    problem, trainer = make_problem("tanh", SquaredError()), get_trainer("ed_rvfl", direct_links=links)
    drawn = trainer.init(problem, np.random.default_rng(1))
    state = trainer.step(drawn, problem, np.random.default_rng(2))
    X, ((W0, b0), (W1, b1)) = problem.X, state.layers
    assert W1.shape == ((9 + 4 if links else 9), 8)

    def beside_inputs(H):
        return np.hstack([H, X]) if links else H

    first = beside_inputs(np.tanh(X @ W0 + b0))
    second = beside_inputs(np.tanh(first @ W1 + b1))
    fits = [ridge(Phi, problem.Y, None, trainer.penalties) for Phi in (first, second)]
    expected = sum(Phi @ fit.kernel + fit.bias for Phi, fit in zip((first, second), fits, strict=True)) / 2
    assert state.penalties == [fit.penalty for fit in fits]
    for rows in (X, sparse.csr_array(X)):
        np.testing.assert_allclose(trainer.outputs(state, problem.network, rows), expected, atol=1e-10)
    assert state.loss == pytest.approx(problem.objective.loss(expected, problem.Y).mean())
    assert all(a is b for a, b in zip(drawn.layers, state.layers, strict=True))
    kernels, biases = problem.network.unpack(state.weights)
    np.testing.assert_array_equal(kernels[1], W1[:9])
    np.testing.assert_array_equal(biases[1], b1)
    np.testing.assert_allclose(kernels[2], fits[1].kernel[:8], atol=1e-12)


# --- rfr_boost --------------------------------------------------------------------------------------------------------


def boosted(problem, n_blocks, **params):
    """The trainer and its states after each block."""
    plain = {"penalties": (0.01,), "copies": 2, "draws": 1, "learning_rate": 0.5}
    trainer = get_trainer("rfr_boost", **{**plain, **params})
    states = [trainer.init(problem, np.random.default_rng(1))]
    for t in range(n_blocks):
        states.append(trainer.step(states[-1], problem, np.random.default_rng(2 + t)))
    return trainer, states


def features_of(block, problem, Phi):
    """Activations that a block sees, its map B, and what it adds to the representation."""
    network, columns, readers = problem.network, [], []
    for draws, rows in ((block.below, Phi), (block.beside, problem.X)):
        for weights in draws:
            kernels, biases = network.unpack(weights)
            H = rows
            for W, b in zip(kernels[:-1], biases[:-1], strict=True):
                H = np.tanh(H @ W + b)
            columns.append(H)
            readers.append(kernels[-1])
    F, B = np.hstack(columns), np.vstack(readers)
    bias = sum(network.unpack(weights)[1][-1] for weights in block.below + block.beside)
    return F, B, F @ B + bias


def boosting_problem(objective, weighted=True):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 4))
    values = np.stack([np.sin(2 * X[:, 0]) * X[:, 1], np.abs(X[:, 2])], axis=1)
    Y = values if isinstance(objective, SquaredError) else np.eye(3)[np.digitize(values[:, 0], [-0.2, 0.2])]
    weight = rng.uniform(0.5, 2, 60) if weighted else None
    return Problem(X, Y, Network((4, 9, 8, Y.shape[1]), "tanh"), objective, sample_weight=weight)


@pytest.mark.parametrize("objective", [SquaredError(), LogLoss()], ids=["values", "classes"])
def test_a_gradient_block_is_the_ridge_for_the_gradient_by_the_representation(objective):
    problem = boosting_problem(objective)
    _, (_, first, second) = boosted(problem, 2)
    Phi = problem.X + features_of(first.blocks[0], problem, problem.X)[2] @ first.blocks[0].carry
    F, B, _ = features_of(second.blocks[1], problem, Phi)
    G = -objective.error(Phi @ first.kernel + first.bias, problem.Y) @ first.kernel.T  # (n, d), - dL/dPhi
    fit = ridge(F, G, problem.sample_weight, [0.01])
    A, carry = B @ first.kernel.T, second.blocks[1].carry
    np.testing.assert_allclose(A, fit.kernel, atol=1e-9)
    ratio = carry / first.kernel.T
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-9)  # eta a
    assert ratio[0, 0] > 0


def test_a_block_is_the_mean_of_what_its_draws_say():
    problem = boosting_problem(SquaredError())
    trainer, (_, state) = boosted(problem, 1, draws=3, copies=1)
    (block,) = state.blocks
    kernel, bias, _ = solve_readout(problem.X, problem, [0.01], "ridge")
    R = problem.Y - problem.X @ kernel - bias
    said = []
    for below, beside in zip(block.below, block.beside, strict=True):
        F, B, u = features_of(Block([below], [beside], block.carry), problem, problem.X)
        np.testing.assert_allclose(B, ridge(F, R, problem.sample_weight, [0.01]).kernel, atol=1e-9)
        said.append(u)
    assert len(said) == 3
    along, s = np.mean(said, axis=0) @ kernel.T @ kernel, problem.sample_weight[:, None]
    a = (s * R * along).sum() / (s * along * along).sum()
    moved = block(problem.network, problem.X, problem.X) @ block.carry
    np.testing.assert_allclose(moved, trainer.learning_rate * a * np.mean(said, axis=0) @ kernel.T, atol=1e-9)


@pytest.mark.parametrize("objective", [SquaredError(), LogLoss()], ids=["values", "classes"])
def test_a_block_is_as_long_as_the_loss_along_it_is_least(objective):
    problem = boosting_problem(objective)
    trainer, (_, first, second) = boosted(problem, 2)
    Phi = problem.X + features_of(first.blocks[0], problem, problem.X)[2] @ first.blocks[0].carry
    block = second.blocks[1]
    step = features_of(block, problem, Phi)[2] @ block.carry @ first.kernel / trainer.learning_rate
    Z = Phi @ first.kernel + first.bias

    def loss(a):
        return np.average(objective.loss(Z + a * step, problem.Y), weights=problem.sample_weight)

    assert abs(loss(1.01) - loss(0.99)) < 1e-4 * (loss(0.0) - loss(1.0))


def test_a_greedy_block_is_the_least_squares_solution_as_the_readout_sees_it():
    problem = boosting_problem(SquaredError())
    trainer, (_, first, second) = boosted(problem, 2, mode="greedy")
    Phi = problem.X + features_of(first.blocks[0], problem, problem.X)[2] @ first.blocks[0].carry
    block = second.blocks[1]
    F, B, u = features_of(block, problem, Phi)
    A = B @ block.carry / trainer.learning_rate
    s = problem.sample_weight / problem.sample_weight.sum()
    R = problem.Y - Phi @ first.kernel - first.bias
    centred, R = F - s @ F, R - s @ R
    gap = R - centred @ A @ first.kernel  # the residual that is left
    gradient = centred.T @ (s[:, None] * gap) @ first.kernel.T
    penalty = 0.01 * (s @ centred**2).mean() * np.linalg.norm(first.kernel, 2) ** 2
    np.testing.assert_allclose(gradient, penalty * A, atol=1e-10)  # stationary: dL/dA = 0 for all of A, (p, d)
    assert abs(s @ u).max() > 0
    np.testing.assert_allclose(
        s @ (u @ block.carry @ first.kernel),
        trainer.learning_rate * (s @ (problem.Y - Phi @ first.kernel - first.bias)),
        atol=1e-10,
    )


def test_with_one_output_both_modes_go_the_same_way():
    problem = boosting_problem(SquaredError())
    problem = Problem(problem.X, problem.Y[:, :1], Network((4, 9, 8, 1), "tanh"), SquaredError())
    directions = []
    for mode in ("gradient", "greedy"):
        _, (_, state) = boosted(problem, 1, mode=mode)
        added = features_of(state.blocks[0], problem, problem.X)[2] @ state.blocks[0].carry
        directions.append(added / np.linalg.norm(added))
    np.testing.assert_allclose(*directions, atol=1e-10)


@pytest.mark.parametrize("mode", ["gradient", "greedy"])
def test_prediction_is_the_readout_of_the_boosted_representation(mode):
    problem = boosting_problem(LogLoss())
    trainer, (*_, state) = boosted(problem, 3, mode=mode)
    Phi = problem.X
    for block in state.blocks:
        Phi = Phi + features_of(block, problem, Phi)[2] @ block.carry
    expected = Phi @ state.kernel + state.bias
    for X in (problem.X, sparse.csr_array(problem.X)):
        np.testing.assert_allclose(trainer.outputs(state, problem.network, X), expected, atol=1e-9)
    assert len(state.penalties) == 1 + len(state.blocks) == 4
    losses = problem.objective.loss(expected, problem.Y)
    assert state.loss == pytest.approx(np.average(losses, weights=problem.sample_weight))


def test_greedy_blocks_learn_more_classes_than_there_are_columns():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (400, 2))
    y = (np.arctan2(X[:, 1], X[:, 0]) // (np.pi / 4)).astype(int)  # eight sectors
    scores = [
        BPFreeClassifier(trainer=get_trainer("rfr_boost", mode=mode), random_state=0)
        .fit(X[:300], y[:300])
        .score(X[300:], y[300:])
        for mode in ("gradient", "greedy")
    ]
    assert min(scores) > 0.8


def test_full_greedy_steps_never_raise_the_risk():
    """With eta = 1 and next to no penalty each block and each readout is a least squares solution."""
    problem = boosting_problem(SquaredError())
    trainer = get_trainer("rfr_boost", penalties=(1e-9,), mode="greedy", copies=1)
    states = [trainer.init(problem, np.random.default_rng(1))]
    for t in range(4):
        states.append(trainer.step(states[-1], problem, np.random.default_rng(t)))
    losses = [state.loss for state in states[1:]]
    assert (np.diff(losses) <= 1e-9).all()
    assert losses[-1] < 0.5 * losses[0]


def test_the_first_block_chooses_how_units_are_drawn():
    problem = boosting_problem(SquaredError())
    chosen = []
    for seed in range(6):
        trainer = get_trainer("rfr_boost", copies=1, draws=1)
        first = trainer.step(trainer.init(problem, np.random.default_rng(0)), problem, np.random.default_rng(seed))
        second = trainer.step(first, problem, np.random.default_rng(9))
        assert second.sampling == first.sampling
        chosen.append(first.sampling)
    assert set(chosen) == {"normal", "sparse"}


def test_without_hidden_layers_there_are_no_blocks():
    X, y = make_friedman1(80, random_state=0)
    one, other = (BPFreeRegressor((), trainer=name, random_state=0).fit(X, y) for name in ("rvfl", "rfr_boost"))
    assert other.state_.blocks == []
    np.testing.assert_allclose(one.predict(X), other.predict(X), rtol=1e-6)


def test_boosting_learns_what_one_layer_of_random_features_does_not():
    X, y = make_friedman1(500, noise=0.5, random_state=0)
    few = {"copies": 1, "draws": 1}
    scores = [
        BPFreeRegressor((20,), trainer=get_trainer("rfr_boost", **few), max_iter=n, random_state=0)
        .fit(X, y)
        .score(X, y)
        for n in (1, 6)
    ]
    assert scores[1] > scores[0] + 0.03


# --- memory -----------------------------------------------------------------------------------------------------------

TRAINERS = pytest.mark.parametrize("name", ["rvfl", "ed_rvfl", "rfr_boost"])


def peak_of(function) -> int:
    """Bytes that a call holds at most."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@TRAINERS
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_fit_holds_at_most_three_copies_of_the_table_and_predict_none(name, dtype):
    X = np.random.default_rng(0).standard_normal((40_000, 60)).astype(dtype)
    y = X[:, 0] > 0
    clf = BPFreeClassifier((16,), trainer=name, max_iter=1, random_state=0)
    clf.fit(X[:20], y[:20])  # what is imported is no part of it
    assert peak_of(lambda: clf.fit(X, y)) < 2 * X.nbytes, "and the user's own is the third"
    assert peak_of(lambda: clf.predict(X)) < 40_000 * 60 * 4, "blocks of a few MB and the outputs"


@TRAINERS
@pytest.mark.parametrize("sampling", ["normal", "pairs"])
@pytest.mark.parametrize("readout", ["ridge", "loss"])
def test_sparse_rows_are_never_made_dense(name, sampling, readout):
    X = sparse.random_array((400, 100_000), density=1e-4, format="csr", rng=np.random.default_rng(0))
    y = np.random.default_rng(1).random(400) < 0.5
    few = {"rvfl": {"copies": 1}, "ed_rvfl": {}, "rfr_boost": {"copies": 1, "draws": 1}}[name]
    trainer = get_trainer(name, sampling=sampling, readout=readout, **few)
    clf = BPFreeClassifier((2,), trainer=trainer, random_state=0)
    assert peak_of(lambda: clf.fit(X, y).predict(X)) < 0.4 * 400 * 100_000 * 4


@TRAINERS
@pytest.mark.parametrize("d", [20, 300], ids=["tall", "wide"])
@pytest.mark.parametrize("readout", ["ridge", "loss"])
def test_sparse_rows_give_what_dense_rows_give(name, d, readout):
    rng = np.random.default_rng(0)
    X = np.where(rng.random((150, d)) < 0.7, 0, rng.standard_normal((150, d)))
    y, weight = X[:, 0] + X[:, 1] > 0, rng.uniform(0.5, 2, 150)
    trainer = get_trainer(name, readout=readout, penalties=(0.1,))
    clf = BPFreeClassifier((8, 8), trainer=trainer, dtype="float64", random_state=0)
    from_dense = clf.fit(X, y, weight).predict_proba(X)
    rows = sparse.csr_array(X)
    np.testing.assert_allclose(clf.fit(rows, y, weight).predict_proba(rows), from_dense, atol=2e-3)
