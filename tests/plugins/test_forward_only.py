"""Forward-only methods against their equations and the properties that follow from them, in float64."""

import numpy as np
import pytest
from bpfree_forward_only.forward_projection import ForwardProjection
from bpfree_forward_only.pepita import Pepita, orthogonalise
from bpfree_forward_only.prototypes import Prototypes
from numpy.testing import assert_allclose

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, get_trainer
from sklearn_bpfree.nn.losses import LogLoss, SquaredError
from sklearn_bpfree.plugin import Network, Problem, advance

N, D, K = 30, 6, 3


def make(hidden=(8, 7), objective=None, activation="relu", weighted=False, max_iter: int | None = 4, rows=slice(None)):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(N, D)), np.eye(K)[rng.integers(K, size=N)]
    weight = rng.uniform(0.5, 2, N)[rows] if weighted else None
    network = Network((D, *hidden, K), activation)
    options = {"sample_weight": weight, "batch_size": N, "max_iter": max_iter}
    return Problem(X[rows], Y[rows], network, objective or LogLoss(), **options)


def start(trainer, problem):
    state = trainer.init(problem, np.random.default_rng(1))
    return advance(state, weights=state.weights + np.random.default_rng(2).normal(0, 0.1, state.weights.size))


def of_trainer(trainer, state, problem):
    return trainer.gradient(state, problem, problem.all_rows())


# --- PEPITA -----------------------------------------------------------------------------------------------------------


def two_passes(problem, state, F):
    W, b = problem.network.unpack(state.weights)
    first, second = [problem.X], []
    for kernel, bias in zip(W[:-1], b, strict=False):
        first.append(np.maximum(first[-1] @ kernel + bias, 0))
    Z = first[-1] @ W[-1] + b[-1]
    E = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True) - problem.Y
    second.append(problem.X - E @ F)
    for kernel, bias in zip(W[:-1], b, strict=False):
        second.append(np.maximum(second[-1] @ kernel + bias, 0))
    return first, second, E


def test_pepita_learns_from_what_the_second_pass_lacks():
    problem, trainer = make(), Pepita(mode="pepita")
    state = start(trainer, problem)
    A, A2, E = two_passes(problem, state, state.feedback[0])
    expected = [A[0].T @ (A[1] - A2[1]) / N, A[1].T @ (A[2] - A2[2]) / N, A[2].T @ E / N]
    for g, e in zip(of_trainer(trainer, state, problem), expected, strict=True):
        assert_allclose(g, e, atol=1e-13)


def test_mempepita_is_a_hebbian_term_in_each_pass():
    problem, trainer = make(), Pepita(mode="mempepita")
    state = start(trainer, problem)
    A, A2, _ = two_passes(problem, state, state.feedback[0])
    for layer, g in enumerate(of_trainer(trainer, state, problem)[:-1]):
        expected = (A[layer].T @ A[layer + 1] - A2[layer].T @ A2[layer + 1]) / N
        assert_allclose(g, expected, atol=1e-13)


def test_biases_learn_alike_in_both_forms_of_pepita():
    problem, biases = make(), []
    for mode in ("pepita", "mempepita"):
        trainer = Pepita(mode=mode)
        state = start(trainer, problem)
        run = trainer._learned(problem.network, state.weights, state.feedback).run(problem, np.random.default_rng(0))
        trainer.batch_gradient(run, problem.all_rows())
        biases.append(np.concatenate(run.bias_gradients))
    assert_allclose(*biases, atol=1e-13)


def test_the_smaller_the_movement_the_nearer_the_signal_is_to_e_f_w():
    problem = make(activation="tanh", hidden=(8,))
    errors = []
    for scale in (0.1, 0.01, 0.001):
        trainer = Pepita(mode="pepita", scale=scale)
        state = start(trainer, problem)
        (W, _), (b, _) = problem.network.unpack(state.weights)
        A = np.tanh(problem.X @ W + b)
        _, E = problem.output_error(problem.network.outputs(state.weights, problem.X), problem.all_rows())
        expected = problem.X.T @ ((E @ state.feedback[0] @ W) * (1 - A**2))
        g = of_trainer(trainer, state, problem)[0]
        errors.append(np.abs(g - expected).max() / np.abs(expected).max())
    assert_allclose(np.diff(np.log10(errors)), -1, atol=0.1)


def test_foton_keeps_its_hidden_kernels_orthogonal():
    problem, trainer = make(hidden=(5, 5, 4)), Pepita(mode="foton", learning_rate=1e-2)
    state = trainer.init(problem, np.random.default_rng(1))
    for _ in range(100):
        state = trainer.step(state, problem, np.random.default_rng(2))
    for W in problem.network.unpack(state.weights)[0][:-1]:
        assert np.abs(W.T @ W - np.eye(W.shape[1])).max() < 1e-2


def test_a_bjoerck_step_goes_towards_an_orthogonal_kernel():
    for shape in ((6, 4), (4, 6)):
        W = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 4)))[0]
        W = (W if shape == (6, 4) else W.T.copy()) + 0.05 * np.random.default_rng(1).normal(size=shape)
        for _ in range(20):
            orthogonalise(W)
        gram = W.T @ W if shape == (6, 4) else W @ W.T
        assert_allclose(gram, np.eye(4), atol=1e-10)


def test_foton_through_narrowing_linear_layers_is_the_gradient_direction():
    problem = make(hidden=(5, 4), activation="identity", objective=SquaredError())
    trainer = Pepita(mode="foton", scale=0.3)
    state = trainer.init(problem, np.random.default_rng(1))
    exact = get_trainer("backprop").gradient(state, problem, problem.all_rows())
    for g, e in zip(of_trainer(trainer, state, problem)[:-1], exact, strict=False):
        assert_allclose(g, 0.3 * e, atol=1e-12)


def test_only_foton_transposes_kernels():
    assert [Pepita(mode=mode).transposes for mode in ("pepita", "mempepita", "foton")] == ["none", "none", "all"]


# --- prototypes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", [LogLoss(), SquaredError()])
def test_prototypes_learn_by_the_gradient_of_each_layers_own_loss(objective):
    problem, trainer = make(objective=objective, activation="tanh", weighted=True), Prototypes()
    state = start(trainer, problem)
    X, Y, w = problem.X, problem.Y, problem.sample_weight
    W, b = problem.network.unpack(state.weights)

    def unit(H, axis):
        return H / np.sqrt(np.square(H).sum(axis=axis, keepdims=True))

    def loss(H, P, c):
        return np.average(problem.objective.loss(unit(H, 1) @ unit(P, 0) / 0.3 + c, Y), weights=w)

    def slope(f, array):
        out = np.empty_like(array)
        for i in np.ndindex(*array.shape):
            step = np.zeros_like(array)
            step[i] = 1e-6
            out[i] = (f(array + step) - f(array - step)) / 2e-6
        return out

    below = np.sqrt(8) * unit(np.tanh(X @ W[0] + b[0]), 1)
    P, c = state.feedback
    g = of_trainer(trainer, state, problem)
    assert_allclose(g[0], slope(lambda V: loss(np.tanh(X @ V + b[0]), P, c), W[0]), atol=1e-7)
    assert_allclose(g[1], slope(lambda V: loss(np.tanh(below @ V + b[1]), W[2], b[2]), W[1]), atol=1e-7)
    assert_allclose(g[2], slope(lambda V: loss(np.tanh(below @ W[1] + b[1]), V, b[2]), W[2]), atol=1e-7)
    assert_allclose((g[2] * W[2]).sum(axis=0), 0, atol=1e-12)  # lengths of prototypes do not count


def test_the_scale_of_a_layer_does_not_count():
    problem, trainer = make(), Prototypes()
    state = start(trainer, problem)
    scaled = advance(state, weights=state.weights.copy())
    W, b = problem.network.unpack(scaled.weights)
    W[0] *= 7
    b[0] *= 7
    Z, other = (trainer.outputs(s, problem.network, problem.X) for s in (state, scaled))
    assert_allclose(Z, other, atol=1e-12)


def test_a_layer_never_hears_of_those_above():
    problem, trainer = make(), Prototypes()
    state = start(trainer, problem)
    changed = advance(state, weights=state.weights.copy())
    problem.network.unpack(changed.weights)[0][1][:] = 3.0
    assert (of_trainer(trainer, state, problem)[0] == of_trainer(trainer, changed, problem)[0]).all()


def test_a_class_that_turns_up_late_gets_the_mean_of_its_rows_and_leaves_the_others_alone():
    problem = make()
    known = problem.Y[:, 2] == 0
    few = make(rows=np.flatnonzero(known), max_iter=None)
    trainer = Prototypes()
    state = trainer.step(trainer.init(few, np.random.default_rng(1)), few, np.random.default_rng(2))
    assert state.met.tolist() == [True, True, False]
    met = trainer._meet(state, make(max_iter=None))
    W, b = problem.network.unpack(state.weights)
    H = np.maximum(problem.X[~known] @ W[0] + b[0], 0)
    mean = (H / np.linalg.norm(H, axis=1, keepdims=True)).mean(axis=0)
    assert_allclose(met.feedback[0][:, 2], np.sqrt(8) * mean, atol=1e-12)
    assert (met.feedback[0][:, :2] == state.feedback[0][:, :2]).all()
    assert met.met.all()


# --- forward projection -----------------------------------------------------------------------------------------------


def test_forward_projection_solves_each_layer_for_its_random_targets():
    problem, trainer = make(weighted=True, activation="relu"), ForwardProjection()
    state = trainer.init(problem, np.random.default_rng(1))
    after = trainer.step(state, problem, np.random.default_rng(2))
    W, b = problem.network.unpack(after.weights)
    S, Y = np.diag(problem.sample_weight), problem.Y - problem.sample_weight @ problem.Y / N
    A = problem.X
    for layer, (q, u) in enumerate(state.projections):
        A1 = np.column_stack([A, np.ones(N)])
        T = np.sign(A1 @ q) + np.sign(Y @ u)
        normal = A1.T @ S @ A1 + 10 * np.eye(A1.shape[1])
        found = np.vstack([W[layer], b[layer]])
        assert_allclose(normal @ found, A1.T @ S @ T, atol=1e-8)
        A = np.maximum(A1 @ found, 0)


def test_rows_in_parts_give_the_first_layer_of_rows_at_once():
    whole, trainer = make(), ForwardProjection()
    state = trainer.init(whole, np.random.default_rng(1))
    at_once = trainer.step(state, whole, np.random.default_rng(2))
    parts = state
    for rows in (slice(12), slice(12, 13), slice(13, None)):
        parts = trainer.step(parts, make(rows=rows, max_iter=None), np.random.default_rng(2))
    assert parts.sums[0].n == N
    for a, c in zip(*(whole.network.unpack(s.weights) for s in (at_once, parts)), strict=True):
        assert_allclose(a[0], c[0], atol=1e-10)


def test_another_step_of_a_fit_finds_the_same_weights():
    problem, trainer = make(), ForwardProjection()
    once = trainer.step(trainer.init(problem, np.random.default_rng(1)), problem, np.random.default_rng(2))
    assert (trainer.step(once, problem, np.random.default_rng(3)).weights == once.weights).all()


def test_the_odds_of_two_gaussian_classes_are_found():
    rng = np.random.default_rng(0)
    y = (rng.uniform(size=20000) < 0.2).astype(int)
    X = rng.normal(size=(20000, 2)) + 1.5 * y[:, None] * [1, -0.5]
    model = BPFreeClassifier((), trainer="forward_projection", dtype="float64").fit(X, y)
    truth = 1.5 * X @ [1, -0.5] - 0.5 * 1.5**2 * 1.25 + np.log(0.2 / 0.8)
    assert np.abs(model.predict_proba(X)[:, 1] - 1 / (1 + np.exp(-truth))).mean() < 0.01


def test_values_want_least_squares():
    X = np.random.default_rng(0).normal(size=(40, 2))
    with pytest.raises(ValueError, match="solves least squares"):
        BPFreeRegressor(trainer="forward_projection", loss="absolute_error").fit(X, X[:, 0])
