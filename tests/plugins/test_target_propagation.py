"""Target propagation against its equations and against Gauss-Newton, in float64."""

import numpy as np
import pytest
from bpfree_target_propagation.target_propagation import MODES, TargetPropagation
from numpy.testing import assert_allclose

from sklearn_bpfree.estimators.alignment import angle, true_gradient
from sklearn_bpfree.nn.losses import LogLoss, SquaredError
from sklearn_bpfree.plugin import Network, Pass, Problem, advance

N, D, K = 30, 5, 3


def make(hidden=(8, 6), objective=None, activation="tanh", seed=0):
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(N, D)), np.eye(K)[rng.integers(K, size=N)]
    network = Network((D, *hidden, K), activation)
    return Problem(X, Y, network, objective or LogLoss(), batch_size=N, max_iter=4)


def start(trainer, problem):
    state = trainer.init(problem, np.random.default_rng(1))
    return advance(state, weights=state.weights + np.random.default_rng(2).normal(0, 0.1, state.weights.size))


def a_pass(trainer, state, problem, seed=0):
    """A minibatch that has been up the network, with the feedback of the state."""
    gradients = problem.network.unpack(np.zeros_like(state.weights))
    scratch = [np.zeros_like(B) for B in state.feedback]
    parts = problem.network.unpack(state.weights)
    run = Pass(*parts, *gradients, state.feedback, scratch, problem, np.random.default_rng(seed))
    trainer.batch_gradient(run, problem.all_rows())
    return run


def learn_feedback(trainer, state, problem, updates, rate):
    """Gradient descent on the feedback alone, the network's weights held; averages the last half."""
    run = a_pass(trainer, state, problem)
    total = [np.zeros_like(B) for B in state.feedback]
    for t in range(updates):
        trainer.batch_gradient(run, problem.all_rows())
        for B, g, s in zip(state.feedback, run.feedback_gradient, total, strict=True):
            B -= rate * g
            if t >= updates // 2:
                s += B / (updates - updates // 2)
    return total


@pytest.mark.parametrize("damping", [0.0, 0.3])
def test_linear_feedback_becomes_the_damped_pseudo_inverse(damping):
    """Meulemans et al. 2020, theorem 2: Q_l -> (J^T J + damping I)^-1 J^T, in rows of outputs here."""
    problem = make(activation="identity", objective=SquaredError())
    trainer = TargetPropagation(damping=damping)
    state = start(trainer, problem)
    Qs = learn_feedback(trainer, state, problem, 4000, 0.05)
    W, _ = problem.network.unpack(state.weights)
    for Q, J in zip(Qs, (W[1] @ W[2], W[2]), strict=True):  # A_L changes by dA_l J
        expected = J.T @ np.linalg.inv(J @ J.T + damping * np.eye(len(J))) if damping else np.linalg.pinv(J)
        assert np.linalg.norm(Q - expected) < 0.03 * np.linalg.norm(expected)


def test_with_the_pseudo_inverse_the_targets_move_the_output_by_minus_eta_e():
    problem = make(activation="identity", objective=SquaredError())
    trainer = TargetPropagation(eta=0.1)
    state = start(trainer, problem)
    W, _ = problem.network.unpack(state.weights)
    Js = (W[1] @ W[2], W[2])
    state.feedback[:] = [np.linalg.pinv(J) for J in Js]
    run = a_pass(trainer, state, problem)
    D_L = -0.1 * run.row_errors()
    for layer, J in enumerate(Js):
        assert_allclose(trainer.signal(layer, D_L, run) @ J, D_L, atol=1e-12)


@pytest.mark.parametrize("mode", ["dtp", "drl", "fixed_weight"])
def test_targets_come_down_by_differences(mode):
    """Lee et al. 2015, eq. 15, and the update of Meulemans et al. 2020."""
    problem, trainer = make(), TargetPropagation(mode=mode, eta=0.2)
    state = start(trainer, problem)
    state.feedback[1][:], state.feedback[3][:] = 0.1, -0.2
    W, b = problem.network.unpack(state.weights)
    Q1, c1, Q2, c2 = state.feedback
    A1 = np.tanh(problem.X @ W[0] + b[0])
    A2 = np.tanh(A1 @ W[1] + b[1])
    A3 = A2 @ W[2] + b[2]
    E = np.exp(A3) / np.exp(A3).sum(axis=1, keepdims=True) - problem.Y
    T2 = A2 + np.tanh((A3 - 0.2 * E) @ Q2 + c2) - np.tanh(A3 @ Q2 + c2)
    T1 = A1 + np.tanh(T2 @ Q1 + c1) - np.tanh(A2 @ Q1 + c1)
    expected = [
        problem.X.T @ ((A1 - T1) * (1 - A1**2)) / (0.2 * N),
        A1.T @ ((A2 - T2) * (1 - A2**2)) / (0.2 * N),
        A2.T @ E / N,
    ]
    for g, e in zip(trainer.gradient(state, problem, problem.all_rows()), expected, strict=True):
        assert_allclose(g, e, atol=1e-13)


def reconstruction(mode, problem, state, xi, sigma):
    """What the feedback of the first hidden layer minimises, for noise xi, written out for tanh units."""
    W, b = problem.network.unpack(state.weights)
    A1 = np.tanh(problem.X @ W[0] + b[0])

    def up(H1):
        H2 = np.tanh(H1 @ W[1] + b[1])
        return H2, H2 @ W[2] + b[2]

    def value(flat):
        if mode == "ddtp_linear":
            back = (up(A1 + xi)[1] - up(A1)[1]) @ flat.reshape(K, -1)
            return np.square(back - xi).sum() / (2 * sigma**2 * N)
        n = state.feedback[0].size
        Q1, c1 = flat[:n].reshape(state.feedback[0].shape), flat[n:]
        if mode == "dtp":
            back = np.tanh(up(A1 + xi)[0] @ Q1 + c1) - A1
        else:
            (A2, A3), (_, out) = up(A1), up(A1 + xi)
            Q2, c2 = state.feedback[2:]
            T2 = A2 + np.tanh(out @ Q2 + c2) - np.tanh(A3 @ Q2 + c2)
            back = np.tanh(T2 @ Q1 + c1) - np.tanh(A2 @ Q1 + c1)
        return np.square(back - xi).sum() / (2 * sigma**2 * N)

    return value


@pytest.mark.parametrize("mode", ["ddtp_linear", "drl", "dtp"])
def test_feedback_learns_by_the_gradient_of_its_reconstruction(mode):
    problem, trainer = make(), TargetPropagation(mode=mode, damping=0.0, sigma=0.3)
    state = start(trainer, problem)
    run = a_pass(trainer, state, problem)
    run.rng = np.random.default_rng(5)
    xi = 0.3 * np.random.default_rng(5).standard_normal(run.hidden[0].shape)
    trainer._learn(0, run)
    n_arrays = 1 if mode == "ddtp_linear" else 2
    flat = np.concatenate([B.ravel() for B in state.feedback[:n_arrays]])
    found = np.concatenate([g.ravel() for g in run.feedback_gradient[:n_arrays]])
    value = reconstruction(mode, problem, state, xi, 0.3)
    steps = 1e-6 * np.eye(len(flat))
    expected = [(value(flat + step) - value(flat - step)) / 2e-6 for step in steps]
    assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("mode", ["ddtp_linear", "drl", "dtp"])
def test_feedback_comes_to_reconstruct(mode):
    problem, trainer = make(), TargetPropagation(mode=mode)
    state = start(trainer, problem)
    xi = 0.08 * np.random.default_rng(9).standard_normal((N, 8))
    n_arrays = 1 if mode == "ddtp_linear" else 2
    value = reconstruction(mode, problem, state, xi, 0.08)
    before = value(np.concatenate([B.ravel() for B in state.feedback[:n_arrays]]))
    learned = learn_feedback(trainer, state, problem, 400, 0.02 if mode == "ddtp_linear" else 1e-4)
    assert value(np.concatenate([B.ravel() for B in learned[:n_arrays]])) < before


def test_after_learning_the_feedback_the_update_goes_down_hill():
    problem, trainer = make(), TargetPropagation(damping=1.0)
    state = start(trainer, problem)
    learn_feedback(trainer, state, problem, 2000, 0.02)
    exact = true_gradient(problem, state.weights, problem.all_rows())
    for g, e in zip(trainer.gradient(state, problem, problem.all_rows()), exact, strict=True):
        assert angle(g, e) < 60


def test_fixed_feedback_stays_as_drawn():
    problem, trainer = make(), TargetPropagation(mode="fixed_weight")
    state = start(trainer, problem)
    after = trainer.step(state, problem, np.random.default_rng(0))
    for B, B_after in zip(state.feedback, after.feedback, strict=True):
        assert (B == B_after).all()


@pytest.mark.parametrize("mode", MODES)
def test_no_setting_looks_at_a_kernel_from_above(mode):
    """The hidden layers' gradients, given activities, error and feedback, do not change with the kernels above them."""
    problem, trainer = make(), TargetPropagation(mode=mode)
    state = start(trainer, problem)
    run = a_pass(trainer, state, problem)
    D_L = -trainer.eta * run.row_errors()
    before = trainer.signal(1, D_L, run)
    run.kernels[2][:] = 0
    assert_allclose(trainer.signal(1, D_L, run), before)
