"""NoProp: the schedule, the coefficients, each learner's update and the blocks' independence, in float64."""

from dataclasses import replace

import numpy as np
import pytest
from bpfree_noprop.embedding import embed
from bpfree_noprop.noprop import NoProp
from bpfree_noprop.paths import PATHS, signal_level
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits, make_friedman1
from sklearn.model_selection import train_test_split

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor
from sklearn_bpfree.nn.losses import BinaryLogLoss, LogLoss, SquaredError
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.plugin.problem import Problem


def make_problem(objective=None, *, widths=(6,), K=3, n=40, weighted=False, dtype=np.float64, seed=0, **options):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 4)).astype(dtype)
    objective = objective or LogLoss()
    if isinstance(objective, LogLoss):
        Y = np.eye(K)[np.arange(n) % K].astype(dtype)
    elif isinstance(objective, BinaryLogLoss):
        Y = (rng.random((n, K)) < 0.4).astype(dtype)
    else:
        Y = rng.standard_normal((n, K)).astype(dtype)
    weight = 1.0 + np.arange(n) % 3 if weighted else None
    network = Network((4, *widths, K), "tanh")
    return Problem(X, Y, network, objective, sample_weight=weight, batch_size=n, max_iter=5, **options)


def rng(seed=1):
    return np.random.default_rng(seed)


def same_parameters(one, other):
    return [a.parameters.tobytes() == b.parameters.tobytes() for a, b in zip(one.groups, other.groups, strict=True)]


# --- paths ------------------------------------------------------------------------------------------------------------


def test_levels_and_coefficients_are_those_of_the_published_schedule():
    # Ten steps, offset .008, clipped at .001: levels, then rows t = 1..10 of a, b, c to the digits printed.
    levels = [0.0010, 0.0241, 0.0940, 0.2031, 0.3408, 0.4938, 0.6475, 0.7869, 0.8987, 0.9721, 0.9990]
    table = [
        (0.1489, 0.1990, 0.9363),
        (0.2337, 0.4699, 0.6905),
        (0.2671, 0.5985, 0.4723),
        (0.2960, 0.6386, 0.3342),
        (0.3304, 0.6379, 0.2379),
        (0.3772, 0.6083, 0.1653),
        (0.4459, 0.5483, 0.1071),
        (0.5534, 0.4448, 0.0591),
        (0.7348, 0.2649, 0.0208),
        (0.9646, 0.0353, 0.0010),
    ]
    assert_allclose(signal_level(np.arange(11) / 10), levels, atol=5e-5)
    found = [PATHS["dt"].move((t - 1) / 10, t / 10) for t in range(1, 11)]
    assert_allclose(found, table, atol=6e-5)


@pytest.mark.parametrize("t, r", [(0.0, 0.1), (0.3, 0.5), (0.9, 1.0)])
def test_diffusion_moves_by_the_product_of_the_two_gaussians(t, r):
    A, A_r = signal_level(t), signal_level(r)
    alpha = A / A_r
    # q(z_r | u) = N(sqrt(A_r) u, 1 - A_r) times q(z_t | z_r) = N(sqrt(alpha) z_r, 1 - alpha), as a function of z_r
    precision = 1 / (1 - A_r) + alpha / (1 - alpha)
    a, b, c = PATHS["dt"].move(t, r)
    assert_allclose([a, b], [np.sqrt(A_r) / (1 - A_r) / precision, np.sqrt(alpha) / (1 - alpha) / precision])
    assert_allclose(c, 1 / precision)


@pytest.mark.parametrize("variant, noise_kept", [("ct", 1.0), ("fm", 0.0)])
def test_the_true_label_as_the_guess_keeps_a_latent_on_its_path(variant, noise_kept):
    path = PATHS[variant]
    for t, r in [(0.0, 0.2), (0.35, 0.4), (0.8, 1.0)]:
        a, b, c = path.move(t, r)
        (m, s), (m_r, s_r) = path.mix(t), path.mix(r)
        assert_allclose(a + b * m, m_r)
        assert_allclose(b**2 * s**2 + c, s_r**2)
        assert (c > 0) == bool(noise_kept)


# --- learning ---------------------------------------------------------------------------------------------------------


def reference_step(trainer, state, problem, generator):
    """Blocks one by one, in the letters of `blocks`; one batch, Adam's first update."""
    found = []
    for group, seed in zip(state.groups, generator.spawn(len(state.groups)), strict=True):
        _, noise_rng, _ = seed.spawn(3)
        z = trainer.noisy(state, group, problem.Y, noise_rng)
        W, V, C, b, c = (part.copy() for part in group.unpack(group.parameters))
        weight = np.ones(problem.n_samples) if problem.sample_weight is None else problem.sample_weight
        for i in range(len(W)):
            h = np.tanh(problem.X @ W[i] + z[i] @ V[i] + b[i])
            q = h @ C[i] + c[i]
            E = weight[:, None] * (problem.objective.link(q) - problem.Y) / problem.n_samples
            if trainer.variant == "dt" and isinstance(problem.objective, SquaredError) and group.first + i == 0:
                E[4::5] = 0  # the very first block leaves every fifth row out
            signal = E @ (group.feedback[i] if trainer.learner == "fa" else C[i].T) * (1 - h**2)
            gradients = [problem.X.T @ signal, z[i].T @ signal, h.T @ E, signal.sum(0), E.sum(0)]
            rate = trainer.learning_rate
            for j, (p, g) in enumerate(zip([W[i], V[i], C[i], b[i], c[i]], gradients, strict=True)):
                p *= 1 - rate * trainer.weight_decay if j < 3 else 1
                p -= rate * g / (np.abs(g) + 1e-8)
        found.append([W, V, C, b, c])
    return found


@pytest.mark.parametrize("learner", ["fa", "backprop"])
@pytest.mark.parametrize("objective", [LogLoss(), BinaryLogLoss(), SquaredError()], ids=lambda o: type(o).__name__)
@pytest.mark.parametrize("widths", [(6,), (6, 6, 5)])
def test_update_follows_the_equations(learner, objective, widths):
    trainer = NoProp(learner=learner, schedule="constant", warmup=0.0)
    problem = make_problem(objective, widths=widths, weighted=True)
    state = trainer.init(problem, rng(0))
    assert [group.sizes[0] for group in state.groups] == ([5] if widths == (6,) else [2, 1])
    expected = reference_step(trainer, state, problem, rng())
    after = trainer.step(state, problem, rng())
    for group, parts in zip(after.groups, expected, strict=True):
        for found, part in zip(group.unpack(group.parameters), parts, strict=True):
            assert_allclose(found, part, atol=1e-7)


@pytest.mark.parametrize("learner, exact", [("backprop", True), ("fa", False)])
def test_alignment_is_that_of_the_first_block(learner, exact):
    X, y = make_friedman1(100, random_state=0)
    model = BPFreeRegressor((8,), trainer=NoProp(learner=learner), max_iter=150, record_alignment=True, random_state=0)
    angles = np.array([row["alignment"] for row in model.fit(X, y).history_])
    assert_allclose(angles[:, 1], 0, atol=0.1)
    assert (angles[:, 0] < 0.1).all() == exact
    assert angles[-1, 0] < 80  # below chance, which the first ones are about
    model.set_params(hidden_layer_sizes=(8, 8)).fit(X, y)
    assert np.isnan(model.history_[-1]["alignment"]).tolist() == [True] * 3


@pytest.mark.parametrize("weighted", [False, True])
def test_ridge_solves_over_all_draws_of_all_steps(weighted):
    trainer = NoProp(learner="ridge", redraws=3, penalty=0.1, n_blocks=2)
    problem = make_problem(weighted=weighted)
    first = trainer.init(problem, rng(0))
    second = trainer.step(first, problem, rng(1))
    third = trainer.step(second, problem, rng(2))
    (group,) = third.groups
    W, V, C, b, c = group.unpack(group.parameters)
    weight = np.ones(40) if problem.sample_weight is None else problem.sample_weight
    for i in range(2):
        A, B = np.zeros((7, 7)), np.zeros((7, 3))
        for seed in (1, 2):
            _, noise_rng = rng(seed).spawn(1)[0].spawn(2)
            for _ in range(3):
                z = trainer.noisy(first, first.groups[0], problem.Y, noise_rng)[i]
                Phi = np.column_stack([np.tanh(problem.X @ W[i] + z @ V[i] + b[i]), np.ones(40)])
                A += Phi.T @ (weight[:, None] * Phi)
                B += Phi.T @ (weight[:, None] * problem.Y)
        A[:6, :6] += 0.1 * np.trace(A) / 7 * np.eye(6)
        assert_allclose(np.vstack([C[i], c[i]]), np.linalg.solve(A, B), rtol=1e-8, atol=1e-10)
    assert_array_equal(W, first.groups[0].unpack(first.groups[0].parameters)[0])


@pytest.mark.parametrize("learner", ["fa", "ridge", "backprop"])
@pytest.mark.parametrize("variant", ["dt", "ct", "fm"])
def test_a_block_learns_the_same_whatever_the_other_blocks_are(learner, variant):
    trainer = NoProp(learner=learner, variant=variant)
    problem = make_problem(widths=(6, 6, 5))
    state = trainer.init(problem, rng(0))
    groups = [replace(group, parameters=group.parameters.copy()) for group in state.groups]
    for part in groups[0].unpack(groups[0].parameters):
        part[1] += 1  # the second block, in the same stack as the first
    changed = trainer.step(replace(state, groups=groups), problem, rng())
    plain = trainer.step(state, problem, rng())
    assert same_parameters(plain, changed) == [False, True]
    for found, part in zip(*(s.groups[0].unpack(s.groups[0].parameters) for s in (plain, changed)), strict=True):
        assert_array_equal(found[0], part[0])
        assert learner == "ridge" or (found[1] != part[1]).any()


def test_no_weight_of_the_readout_reaches_the_hidden_layer_by_feedback_alignment():
    # Where all of C's columns are the same, the softmax cannot tell them from zero: E is the same, and so is all below.
    trainer, problem = NoProp(), make_problem()
    state = trainer.init(problem, rng(0))
    moved = replace(state.groups[0], parameters=state.groups[0].parameters.copy())
    moved.unpack(moved.parameters)[2][:] += np.linspace(-1, 1, 6)[:, None]
    one, other = (trainer.step(s, problem, rng()) for s in (state, replace(state, groups=[moved])))
    for part in (0, 1, 3):
        first, second = (s.groups[0].unpack(s.groups[0].parameters)[part] for s in (one, other))
        assert_allclose(first, second, atol=1e-9)


@pytest.mark.parametrize("learner", ["fa", "ridge"])
def test_the_first_block_never_learns_from_the_rows_left_out(learner):
    trainer, problem = NoProp(learner=learner), make_problem(SquaredError(), widths=(6, 5))
    other = make_problem(SquaredError(), widths=(6, 5))
    other.Y[4::5] += 10
    state = trainer.init(problem, rng(0))
    one, two = trainer.step(state, problem, rng()), trainer.step(state, other, rng())
    assert same_parameters(one, two) == [True, False]
    assert_array_equal(two.left_out[1], other.Y[4::5])


@pytest.mark.parametrize("learner", ["fa", "ridge"])
def test_same_bits_for_any_number_of_jobs_when_every_block_is_a_task(learner, monkeypatch):
    monkeypatch.setattr("bpfree_noprop.blocks.STACK", 1)
    X, y = load_digits(return_X_y=True)
    models = [
        BPFreeClassifier((128,) * 3, trainer=NoProp(learner=learner), max_iter=2, n_jobs=n_jobs, random_state=0)
        for n_jobs in (None, 2)
    ]
    one, two = (model.fit(X[:600] / 16, y[:600]).state_ for model in models)
    assert [group.sizes[0] for group in one.groups] == [1, 1, 1]
    assert same_parameters(one, two) == [True] * 3


# --- embeddings -------------------------------------------------------------------------------------------------------


def test_labels_are_embedded_as_the_targets_ask():
    problem = make_problem(LogLoss())
    assert_array_equal(embed(problem, "one_hot", None)(problem.Y), problem.Y)
    for K in (1, 3):
        problem = make_problem(BinaryLogLoss(), K=K)
        assert_array_equal(embed(problem, "one_hot", None)(problem.Y), 2 * problem.Y - 1)
    problem = make_problem(SquaredError(), weighted=True)
    problem.Y[:] = 3 * problem.Y + 2
    u = embed(problem, "one_hot", None)(problem.Y)
    assert_allclose(np.average(u, axis=0, weights=problem.sample_weight), 0, atol=1e-12)
    assert_allclose(np.average(u**2, axis=0, weights=problem.sample_weight), 1)


@pytest.mark.parametrize("objective, K", [(LogLoss(), 3), (BinaryLogLoss(), 1)])
def test_prototypes_are_rows_and_learned_coordinates_keep_the_distances_of_the_means(objective, K):
    problem = make_problem(objective, K=K)
    labels = problem.Y.argmax(axis=1) if K > 1 else problem.Y[:, 0].astype(int)
    targets = np.eye(K) if K > 1 else np.array([[0.0], [1.0]])
    means = np.array([problem.X[labels == y].mean(axis=0) for y in range(len(targets))])
    rows = [problem.X[labels == y] for y in range(len(targets))]
    nearest = np.array([r[np.square(r - m).sum(axis=1).argmin()] for r, m in zip(rows, means, strict=True)])
    for kind, points in [("prototypes", nearest), ("learned", means)]:
        u = embed(problem, kind, None)(targets)
        distances, expected = (np.square(p[:, None] - p[None]).sum(axis=2) for p in (u, points))
        assert_allclose(distances / distances.max(), expected / expected.max(), atol=1e-10)
        assert_allclose(distances.sum() / (len(u) * (len(u) - 1)), 2)  # as far apart as unit vectors
    assert embed(problem, "learned", 1).U.shape == (K, 1)


@pytest.mark.parametrize("kind", ["prototypes", "learned"])
def test_embeddings_by_rows_are_refused_without_classes(kind):
    X, y = make_friedman1(50, random_state=0)
    with pytest.raises(ValueError, match=f"embedding='{kind}' of NoProp needs classes"):
        BPFreeRegressor(trainer=NoProp(embedding=kind)).fit(X, y)


# --- prediction -------------------------------------------------------------------------------------------------------


def test_the_chain_is_the_recursion_and_the_outputs_are_means_of_its_guesses():
    trainer = NoProp(n_blocks=3, n_chains=0)
    problem = make_problem()
    state = trainer.step(trainer.init(problem, rng(0)), problem, rng())
    (group,) = state.groups
    z, guesses = np.zeros((40, 3)), []
    for i, (W, V, C, b, c) in enumerate(zip(*group.unpack(group.parameters), strict=True)):
        guesses.append(problem.objective.link(np.tanh(problem.X @ W + z @ V + b) @ C + c))
        to_guess, stay, _ = PATHS["dt"].move(i / 3, (i + 1) / 3)
        z = to_guess * guesses[-1] + stay * z
    *_, (_, last, latents) = trainer.chain(state, problem.network, problem.X)
    assert_allclose(latents[0], z)
    assert_allclose(last[0], guesses[-1])
    for predict_with, expected in [("mean", np.mean(guesses, axis=0)), ("last", guesses[-1])]:
        trainer.set_params(predict_with=predict_with)
        assert_allclose(np.exp(trainer.outputs(state, problem.network, problem.X)), expected)


def test_values_come_from_a_chain_without_noise_and_probabilities_from_the_mean_of_noisy_ones():
    for objective, default in [(SquaredError(), 0), (LogLoss(), 8)]:
        problem = make_problem(objective)
        trainer = NoProp()
        state = trainer.step(trainer.init(problem, rng(0)), problem, rng())
        Z = [NoProp(n_chains=n).outputs(state, problem.network, problem.X) for n in (0, 8, None)]
        assert (Z[0] != Z[1]).any()
        assert_array_equal(Z[2], Z[0] if default == 0 else Z[1])


@pytest.mark.parametrize("params", [{}, {"variant": "ct"}, {"variant": "fm"}, {"variant": "fm", "n_blocks": 1}])
@pytest.mark.parametrize("learner", ["fa", "ridge"])
def test_every_variant_tells_digits_apart(params, learner):
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, random_state=0, stratify=y)
    trainer = NoProp(learner=learner, **params)
    assert BPFreeClassifier((64,), trainer=trainer, max_iter=20, random_state=0).fit(X, y).score(X_test, y_test) > 0.9


@pytest.mark.parametrize("embedding", ["learned", "prototypes"])
def test_every_embedding_tells_digits_apart(embedding):
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, random_state=0, stratify=y)
    trainer = NoProp(embedding=embedding)
    assert BPFreeClassifier((64,), trainer=trainer, max_iter=20, random_state=0).fit(X, y).score(X_test, y_test) > 0.95


@pytest.mark.parametrize("learner", ["fa", "ridge"])
def test_nine_in_ten_new_values_lie_in_the_nine_in_ten_interval(learner):
    X, y = make_friedman1(1500, noise=2.0, random_state=0)
    model = BPFreeRegressor(trainer=NoProp(learner=learner), random_state=0).fit(X[:500], y[:500])
    mean, std = model.predict(X[500:], return_std=True)
    assert_array_equal(mean, model.predict(X[500:]))
    assert 0.84 < np.mean(np.abs(y[500:] - mean) < 1.645 * std) < 0.96


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layers, params, fit, match",
    [
        ((8, 8), {"n_blocks": 3}, {}, "n_blocks=3 of NoProp does not go with the 2 entries"),
        ((), {}, {}, "NoProp needs hidden units"),
        ((8,), {"learner": "ridge"}, {"loss": "absolute_error"}, "solves for the log-losses and the squared error"),
        ((8,), {"variant": "sde"}, {}, "variant of NoProp must be one of"),
        ((8,), {"n_steps": 0}, {}, "n_steps"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(layers, params, fit, match):
    X, y = make_friedman1(30, random_state=0)
    with pytest.raises(ValueError, match=match):
        BPFreeRegressor(layers, trainer=NoProp(**params), **fit).fit(X, y)
