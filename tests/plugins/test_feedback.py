"""The feedback family against its papers' equations, written out in float64, and the properties that follow from them.

`textbook` is a second, slow implementation of the whole family; everything that is special to a member is in `SIGNALS`.
"""

import numpy as np
import pytest
from bpfree_feedback.backprop import Backprop
from bpfree_feedback.dfa import DFA
from bpfree_feedback.fa import FA
from scipy.special import expit
from scipy.stats import norm

from sklearn_bpfree.estimators.alignment import angle, true_gradient
from sklearn_bpfree.nn.losses import AbsoluteError, BinaryLogLoss, LogLoss, SquaredError
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.plugin import advance
from sklearn_bpfree.plugin.problem import Problem
from sklearn_bpfree.testing import yield_trainer_checks

N, D, K = 24, 5, 3
PLAIN = {"optimizer": "sgd", "momentum": 0.0, "schedule": "constant", "warmup": 0.0, "learning_rate": 0.1}
MEMBERS = {
    "backprop": Backprop,
    "fa-random": lambda **params: FA(feedback="random", **params),
    "fa-sign": lambda **params: FA(feedback="sign", **params),
    "fa-kolen_pollack": lambda **params: FA(feedback="kolen_pollack", **params),
    "dfa-random": lambda **params: DFA(feedback="random", **params),
    "dfa-learned": lambda **params: DFA(feedback="learned", **params),
}
every_member = pytest.mark.parametrize("name", MEMBERS)


class InOrder(Problem):
    """A problem whose minibatches come in the order of the rows."""

    def batches(self, rng):
        for start in range(0, self.n_samples, self.batch_size):
            rows = slice(start, start + self.batch_size)
            yield type(self.all_rows())(
                self.X[rows], self.Y[rows], None if self.sample_weight is None else self.sample_weight[rows]
            )


def make(hidden=(7, 6), activation="tanh", objective=None, batch_size=N, weight=None, max_iter=4, rows=slice(None)):
    rng = np.random.default_rng(0)
    X, codes = rng.normal(size=(N, D)), rng.integers(K, size=N)
    network = Network((D, *hidden, K), activation)
    weight = None if weight is None else weight[rows]
    return InOrder(
        X[rows],
        np.eye(K)[codes][rows],
        network,
        objective or LogLoss(),
        sample_weight=weight,
        batch_size=batch_size,
        max_iter=max_iter,
    )


def rng():
    return np.random.default_rng(7)


def first(trainer, problem):
    """First state, with biases that are not zero, lest a forgotten one goes unnoticed."""
    state = trainer.init(problem, rng())
    weights = state.weights.copy()
    weights[problem.network.n_kernel :] += rng().normal(0, 0.3, problem.network.n_weights - problem.network.n_kernel)
    return advance(state, weights=weights)


def updated(trainer, state, problem):
    return trainer.step(state, problem, rng())


# --- the family, written out ------------------------------------------------------------------------------------------

F = {
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0),
    "identity": (lambda z: z, lambda z: np.ones_like(z)),
    "softplus": (lambda z: np.log1p(np.exp(z)), lambda z: 1 / (1 + np.exp(-z))),
    "silu": (lambda z: z * expit(z), lambda z: expit(z) * (1 + z * (1 - expit(z)))),
    "gelu": (lambda z: z * norm.cdf(z), lambda z: norm.cdf(z) + z * norm.pdf(z)),
    "logistic": (expit, lambda z: expit(z) * (1 - expit(z))),
}
ERRORS = {
    LogLoss: lambda Z, Y: np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True) - Y,
    BinaryLogLoss: lambda Z, Y: 1 / (1 + np.exp(-Z)) - Y,
    SquaredError: lambda Z, Y: Z - Y,
    AbsoluteError: lambda Z, Y: np.sign(Z - Y),
}
# what reaches hidden layer l, given the signal above, the error, the kernels W and the feedback B
SIGNALS = {
    "backprop": lambda layer, above, E, W, B: above @ W[layer + 1].T,  # Rumelhart et al. 1986
    "fa-random": lambda layer, above, E, W, B: above @ B[layer].T,  # Lillicrap et al. 2016, eq. 2
    "fa-sign": lambda layer, above, E, W, B: above @ (np.sqrt(np.mean(W[layer + 1] ** 2)) * np.sign(W[layer + 1])).T,
    "fa-kolen_pollack": lambda layer, above, E, W, B: above @ B[layer].T,
    "dfa-random": lambda layer, above, E, W, B: E @ B[layer],  # Noekland 2016, eq. 7
    "dfa-learned": lambda layer, above, E, W, B: E @ B[layer],
}


def signals(name, problem, rows, W, b, B):
    """Inputs and signals of every layer for some rows."""
    f, slope = F[problem.network.activation]
    H, Z = [problem.X[rows]], []
    for kernel, bias in zip(W, b, strict=True):
        Z.append(H[-1] @ kernel + bias)
        H.append(f(Z[-1]))
    E = ERRORS[type(problem.objective)](Z[-1], problem.Y[rows]) / len(problem.Y[rows])
    if problem.sample_weight is not None:
        E = E * problem.sample_weight[rows][:, None]
    delta = [E]
    for layer in range(len(W) - 2, -1, -1):
        delta.insert(0, SIGNALS[name](layer, delta[0], E, W, B) * slope(Z[layer]))
    return H[:-1], delta


def textbook(name, trainer, state, problem):
    """One pass of gradient descent or Adam, one minibatch and one matrix after the other."""
    W, b = ([part.copy() for part in parts] for parts in problem.network.unpack(state.weights))
    B = [matrix.copy() for matrix in state.feedback]
    moments = {}

    def increment(key, gradient, t, rate):
        if trainer.optimizer == "sgd":
            return -rate * gradient
        m, v = moments.get(key, (0, 0))
        m = trainer.beta_1 * m + (1 - trainer.beta_1) * gradient
        v = trainer.beta_2 * v + (1 - trainer.beta_2) * gradient**2
        moments[key] = m, v
        return -rate * (m / (1 - trainer.beta_1**t)) / (np.sqrt(v / (1 - trainer.beta_2**t)) + 1e-8)

    for i, start in enumerate(range(0, problem.n_samples, problem.batch_size)):
        H, delta = signals(name, problem, slice(start, start + problem.batch_size), W, b, B)
        E, progress, t = delta[-1], (i + 0.5) / problem.n_batches / problem.max_iter, i + 1
        rate = trainer.learning_rate
        if trainer.schedule == "linear":
            rate *= progress / trainer.warmup if progress < trainer.warmup else (1 - progress) / (1 - trainer.warmup)
        given = trainer.weight_decay
        decay = 1 - rate * (trainer.default_decay(*problem.X.shape) if given is None else given)
        for layer, (h, d) in enumerate(zip(H, delta, strict=True)):
            step = increment(("W", layer), h.T @ d, t, rate)
            W[layer] = decay * W[layer] + step
            b[layer] = b[layer] + increment(("b", layer), d.sum(axis=0), t, rate)
            if name == "fa-kolen_pollack" and layer > 0:  # Akrout et al. 2019, eq. 16-17
                B[layer - 1] = decay * B[layer - 1] + step
            if name == "dfa-learned" and layer < len(B):  # Webster et al. 2020
                B[layer] = B[layer] + increment(("B", layer), E.T @ H[layer + 1], t, rate)
                B[layer] *= np.sqrt(B[layer].shape[1] / np.sum(B[layer] ** 2))
    return np.concatenate([part.ravel() for part in W + b]), B


@every_member
@pytest.mark.parametrize("activation", F)
@pytest.mark.parametrize("settings", [PLAIN | {"weight_decay": 0.5}, {"weight_decay": 0.5, "learning_rate": 0.02}])
def test_a_pass_is_the_written_out_algorithm(name, activation, settings):
    trainer = MEMBERS[name](**settings)
    problem = make(activation=activation, batch_size=10)
    state = first(trainer, problem)
    weights, feedback = textbook(name, trainer, state, problem)
    following = updated(trainer, state, problem)
    assert following.weights.dtype == np.float64 and following.t == 3
    np.testing.assert_allclose(following.weights, weights, rtol=1e-9, atol=1e-12)
    for found, expected in zip(following.feedback, feedback, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@every_member
@pytest.mark.parametrize("objective", [kind() for kind in ERRORS])
def test_so_it_is_for_every_loss_and_for_weights(name, objective):
    trainer = MEMBERS[name](**PLAIN)
    problem = make(objective=objective, batch_size=10, weight=np.arange(1.0, N + 1))
    state = first(trainer, problem)
    weights, _ = textbook(name, trainer, state, problem)
    np.testing.assert_allclose(updated(trainer, state, problem).weights, weights, rtol=1e-9, atol=1e-12)


@every_member
@pytest.mark.parametrize("hidden", [(), (7,), (7, 6, 5)])
def test_and_for_any_depth(name, hidden):
    trainer = MEMBERS[name](**PLAIN)
    problem = make(hidden=hidden)
    state = first(trainer, problem)
    weights, _ = textbook(name, trainer, state, problem)
    np.testing.assert_allclose(updated(trainer, state, problem).weights, weights, rtol=1e-9, atol=1e-12)


@every_member
def test_the_first_state_has_glorot_kernels_and_the_mean_target_for_its_output(name):
    problem = make(weight=np.arange(1.0, N + 1))
    weights = MEMBERS[name]().init(problem, rng()).weights
    kernels, biases = problem.network.unpack(weights)
    np.testing.assert_array_equal(biases[-1], problem.initial_output())
    assert biases[-1].any() and not biases[0].any()
    assert all(0.8 < np.abs(W).max() / np.sqrt(6 / sum(W.shape)) <= 1 for W in kernels)


@every_member
def test_the_loss_of_a_step_is_the_mean_over_its_batches_before_their_updates(name):
    trainer = MEMBERS[name](**(PLAIN | {"learning_rate": 1e-12}))
    problem = make(batch_size=10)
    state = first(trainer, problem)
    assert updated(trainer, state, problem).loss == pytest.approx(problem.loss(state.weights))


@every_member
def test_the_gradient_for_the_alignment_record_is_the_one_of_the_step(name):
    trainer = MEMBERS[name](**PLAIN, weight_decay=0.0)
    problem = make()
    state = first(trainer, problem)
    moved = problem.network.unpack(state.weights - updated(trainer, state, problem).weights)[0]
    for gradient, change in zip(trainer.gradient(state, problem, problem.all_rows()), moved, strict=True):
        np.testing.assert_allclose(0.1 * gradient, change, rtol=1e-8, atol=1e-12)


# --- properties -------------------------------------------------------------------------------------------------------


def trajectory(trainer, problem, state, n_steps=4, refresh=None):
    """Weights after each step; `refresh` sets the feedback before each, from the kernels."""
    weights = []
    for iteration in range(n_steps):
        problem.iteration = iteration
        if refresh is not None:
            state = advance(state, feedback=refresh(problem.network.unpack(state.weights)[0]))
        state = updated(trainer, state, problem)
        weights.append(state.weights)
    return np.array(weights)


def test_one_hidden_layer_with_transposed_output_weights_makes_dfa_backprop_to_the_bit():
    problem = make(hidden=(7,))
    state = first(Backprop(), problem)
    exact = trajectory(Backprop(), problem, state)
    direct = trajectory(DFA(), problem, state, refresh=lambda kernels: [kernels[1].T])
    np.testing.assert_array_equal(direct, exact)


def test_feedback_equal_to_the_kernels_makes_fa_backprop_for_any_depth():
    problem = make(hidden=(7, 6, 5))
    state = first(Backprop(), problem)
    exact = trajectory(Backprop(), problem, state)
    for feedback in ("random", "kolen_pollack"):
        through_b = trajectory(FA(feedback=feedback), problem, state, refresh=lambda kernels: kernels[1:])
        np.testing.assert_allclose(through_b, exact, rtol=1e-10)


@pytest.mark.parametrize("activation, same", [("identity", True), ("tanh", False)])
def test_products_of_kernels_make_dfa_backprop_for_linear_units_only(activation, same):
    problem = make(hidden=(7, 6), activation=activation)
    state = first(Backprop(), problem)
    exact = trajectory(Backprop(), problem, state)
    direct = trajectory(DFA(), problem, state, refresh=lambda W: [(W[1] @ W[2]).T, W[2].T])
    assert np.allclose(direct, exact, rtol=1e-9, atol=1e-12) == same


def differences(state, problem):
    """W - B of every layer that has feedback."""
    return [W - B for W, B in zip(problem.network.unpack(state.weights)[0][1:], state.feedback, strict=True)]


@pytest.mark.parametrize("n, d, decay", [(160, 10, 1.0), (160, 11, 1.5), (1499, 100, 1.5), (1500, 100, 1.0)])
def test_short_tables_with_many_columns_decay_more(n, d, decay):
    assert Backprop().default_decay(n, d) == decay
    X, Y = np.random.default_rng(0).normal(size=(n, d)), np.eye(2)[np.arange(n) % 2]
    for max_iter, expected in ((2, decay), (None, 1.0)):  # None: a part of a stream, however short
        problem = Problem(X, Y, Network((d, 3, 2)), LogLoss(), batch_size=200, max_iter=max_iter)
        state = first(Backprop(), problem)
        left, given = updated(Backprop(), state, problem), updated(Backprop(weight_decay=expected), state, problem)
        np.testing.assert_array_equal(left.weights, given.weights)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("weight_decay", [0.0, 2.0])
def test_kolen_pollack_differences_shrink_by_the_decay_and_nothing_else(optimizer, weight_decay):
    settings = PLAIN | {"optimizer": optimizer, "weight_decay": weight_decay, "learning_rate": 0.05}
    trainer = FA(feedback="kolen_pollack", **settings)
    problem = make(hidden=(7, 6, 5), batch_size=10)
    state = first(trainer, problem)
    start = differences(state, problem)
    for n_updates in (3, 6, 9, 12):
        state = updated(trainer, state, problem)
        shrunk = (1 - 0.05 * weight_decay) ** n_updates
        for now, before in zip(differences(state, problem), start, strict=True):
            np.testing.assert_allclose(now, shrunk * before, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("name", ["fa-random", "dfa-random"])
def test_random_feedback_stays_as_drawn(name):
    trainer, problem = MEMBERS[name](), make(batch_size=10)
    state = trainer.init(problem, rng())
    for found, drawn in zip(updated(trainer, state, problem).feedback, state.feedback, strict=True):
        np.testing.assert_array_equal(found, drawn)


def test_feedback_has_the_variance_and_the_shape_of_the_papers_recipe():
    network = Network((4, 300, 200, 10))
    direct = DFA().init_feedback(network, rng())
    assert [B.shape for B in direct] == [(10, 300), (10, 200)]
    np.testing.assert_allclose([B.std() for B in direct], 1 / np.sqrt(10), rtol=0.05)
    layered = FA(feedback="random").init_feedback(network, rng())
    assert [B.shape for B in layered] == [(300, 200), (200, 10)]
    np.testing.assert_allclose([B.std() for B in layered], [np.sqrt(2 / 500), np.sqrt(2 / 210)], rtol=0.05)
    assert FA(feedback="sign").init_feedback(network, rng()) == [] == Backprop().init_feedback(network, rng())


def test_direct_feedback_of_k_outputs_has_rank_k_and_of_a_softmax_one_less():
    trainer = DFA()
    for objective, rank in [(SquaredError(), K), (LogLoss(), K - 1)]:
        problem = make(hidden=(12, 12), activation="identity", objective=objective)
        state = first(trainer, problem)
        gradients = trainer.gradient(state, problem, problem.all_rows())
        assert np.linalg.matrix_rank(gradients[0]) == np.linalg.matrix_rank(gradients[1]) == rank


def test_a_common_row_added_to_direct_feedback_does_nothing_under_a_softmax():
    trainer, problem = DFA(), make()
    state = first(trainer, problem)
    shifted = advance(state, feedback=[B + rng().normal(size=B.shape[1]) for B in state.feedback])
    expected = trainer.gradient(state, problem, problem.all_rows())
    found = trainer.gradient(shifted, problem, problem.all_rows())
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_the_scale_of_direct_feedback_means_nothing_to_adam():
    trainer, problem = DFA(), make(batch_size=10)
    state = first(trainer, problem)
    scaled = advance(state, feedback=[3 * B for B in state.feedback])
    np.testing.assert_allclose(
        trajectory(trainer, problem, scaled), trajectory(trainer, problem, state), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("name", ["fa-random", "fa-kolen_pollack", "dfa-random"])
def test_negative_feedback_is_another_draw_with_a_mirrored_trajectory(name):
    """With tanh a hidden unit with all its weights negated sends the same through negated weights above."""
    trainer, problem = MEMBERS[name](), make(hidden=(7,), batch_size=10)
    state = first(trainer, problem)
    mirror = np.ones(problem.network.n_weights)
    kernels, biases = problem.network.unpack(mirror)
    for part in (*kernels, biases[0]):
        part[:] = -1
    mirrored = advance(state, weights=mirror * state.weights, feedback=[-B for B in state.feedback])
    np.testing.assert_allclose(
        trajectory(trainer, problem, mirrored), mirror * trajectory(trainer, problem, state), rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("draw, cosine", [("normal", np.sqrt(2 / np.pi)), ("uniform", np.sqrt(3) / 2)])
def test_sign_concordant_signals_start_near_the_gradient(draw, cosine):
    W = rng().normal(size=(600, 400)) if draw == "normal" else rng().uniform(-1, 1, (600, 400))
    above = np.random.default_rng(1).normal(size=(50, 400))
    run = type("Run", (), {"kernels": [None, W], "feedback": []})
    signal = FA(feedback="sign").signal(0, above, run)
    exact = Backprop().signal(0, above, run)
    np.testing.assert_allclose(np.cos(np.radians(angle(signal, exact))), cosine, atol=0.01)
    np.testing.assert_allclose(np.linalg.norm(signal), np.linalg.norm(exact), rtol=0.05)


def test_learned_direct_feedback_is_held_at_its_first_norm_and_comes_to_agree_with_the_output_kernel():
    trainer = DFA(feedback="learned", weight_decay=0.0, schedule="constant")
    problem = make(hidden=(40,), max_iter=None)
    state = first(trainer, problem)
    angles = []
    for _ in range(200):
        state = updated(trainer, state, problem)
        assert np.linalg.norm(state.feedback[0]) == pytest.approx(np.sqrt(40))
        angles.append(angle(state.feedback[0], problem.network.unpack(state.weights)[0][1].T))
    assert angles[0] > 70 and angles[-1] < 45


@every_member
@pytest.mark.parametrize("hidden", [(7, 6)])
def test_integer_weights_are_repetitions_and_zero_weights_removals(name, hidden):
    weight = np.random.default_rng(1).integers(0, 4, N)
    rows = np.repeat(np.arange(N), weight)
    trainer = MEMBERS[name]()
    weighted, repeated = make(hidden, weight=weight.astype(float)), make(hidden, batch_size=len(rows), rows=rows)
    state = first(trainer, weighted)
    np.testing.assert_allclose(
        updated(trainer, state, weighted).weights, updated(trainer, state, repeated).weights, rtol=1e-8, atol=1e-11
    )


@every_member
def test_the_output_layer_learns_from_the_true_gradient(name):
    problem = make()
    state = first(MEMBERS[name](), problem)
    gradient = MEMBERS[name]().gradient(state, problem, problem.all_rows())[-1]
    np.testing.assert_allclose(gradient, true_gradient(problem, state.weights, problem.all_rows())[-1], rtol=1e-10)


# --- dropout ----------------------------------------------------------------------------------------------------------


@every_member
def test_the_dropout_mask_multiplies_activation_and_signal(name):
    """With one row the mask can be read from the output kernel's update, and must be in the one of the kernel below."""
    keep = 0.5
    trainer = MEMBERS[name](**PLAIN, weight_decay=0.0, dropout=1 - keep)
    problem = make(hidden=(40,), rows=slice(0, 1), batch_size=1)
    state = first(trainer, problem)
    (W1, W2), (b1, b2) = problem.network.unpack(state.weights)
    (dW1, dW2), (db1, db2) = problem.network.unpack(updated(trainer, state, problem).weights - state.weights)
    x, E = problem.X[0], -db2 / 0.1
    A = np.tanh(x @ W1 + b1)
    mask = -(dW2 @ E) / (E @ E) / 0.1 / A
    assert np.allclose(mask * (mask - 1 / keep), 0) and 5 < np.count_nonzero(mask > 1) < 35
    np.testing.assert_allclose(E, ERRORS[LogLoss](((A * mask) @ W2 + b2)[None], problem.Y)[0])
    delta = SIGNALS[name](0, E, E, [W1, W2], state.feedback) * mask * (1 - A**2)
    np.testing.assert_allclose(dW1, -0.1 * np.outer(x, delta), atol=1e-12)
    np.testing.assert_allclose(db1, -0.1 * delta, atol=1e-12)


@pytest.mark.parametrize("dropout", [0.1, 0.5, 0.9])
def test_as_many_units_are_silent_as_asked_for_and_the_mean_stays(dropout):
    seen = []

    class Look(Backprop):
        def signal(self, layer, above, run):
            seen.append(run.hidden[0].copy())
            return super().signal(layer, above, run)

    problem = make(hidden=(2000,), activation="identity", rows=slice(0, 4), batch_size=4)
    trainer = Look(dropout=dropout)
    state = first(trainer, problem)
    updated(trainer, state, problem)
    W, b = (parts[0] for parts in problem.network.unpack(state.weights))
    mask = seen[0] / (problem.X @ W + b)
    np.testing.assert_allclose((mask == 0).mean(), dropout, atol=0.02)
    np.testing.assert_allclose(mask.mean(), 1, atol=0.1)


def test_prediction_and_gradient_record_are_without_dropout():
    problem = make()
    plain, dropping = Backprop(), Backprop(dropout=0.5)
    state = first(plain, problem)
    for one, other in zip(
        plain.gradient(state, problem, problem.all_rows()),
        dropping.gradient(state, problem, problem.all_rows()),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


# --- hyper-parameters -------------------------------------------------------------------------------------------------

VARIANTS = [
    FA(feedback="random"),
    FA(feedback="kolen_pollack"),
    DFA(feedback="learned"),
    DFA(dropout=0.2),
    Backprop(optimizer="sgd", learning_rate=0.1, weight_decay=1e-3, schedule="cosine"),
]


@pytest.mark.parametrize("check", [*yield_trainer_checks()], ids=lambda check: check.__name__)
@pytest.mark.parametrize("trainer", VARIANTS, ids=repr)
def test_variants_pass_the_kit(trainer, check):
    check(trainer)


@pytest.mark.parametrize(
    "trainer, sentence",
    [
        (DFA(feedback="sign"), "feedback of DFA must be one of ['random', 'learned'], got 'sign'."),
        (FA(feedback=None), "feedback of FA must be one of ['random', 'sign', 'kolen_pollack'], got None."),
        (DFA(schedule="step"), "schedule of DFA must be one of ['constant', 'linear', 'cosine'], got 'step'."),
        (Backprop(optimizer="lbfgs"), "optimizer of Backprop must be one of ['adam', 'sgd'], got 'lbfgs'."),
        (DFA(learning_rate=0), "learning_rate == 0, must be > 0."),
        (DFA(learning_rate=-1.0), "learning_rate == -1.0, must be > 0."),
        (DFA(weight_decay=-0.1), "weight_decay == -0.1, must be >= 0."),
        (DFA(dropout=1.0), "dropout == 1.0, must be < 1."),
        (DFA(warmup=1.5), "warmup == 1.5, must be <= 1."),
        (DFA(beta_2=1), "beta_2 == 1, must be < 1."),
        (DFA(momentum=1.0), "momentum == 1.0, must be < 1."),
    ],
)
def test_hyper_parameters_that_make_no_sense_are_one_sentence(trainer, sentence):
    with pytest.raises(ValueError) as raised:
        trainer.check_parameters()
    assert str(raised.value) == sentence


def test_numbers_must_be_numbers():
    with pytest.raises(TypeError, match="learning_rate must be an instance of"):
        DFA(learning_rate="fast").check_parameters()


# --- errors from elsewhere --------------------------------------------------------------------------------------------


def test_a_delayed_error_is_the_current_one_when_nothing_has_changed_since():
    """Fluegel et al. 2023: with frozen weights the error of the pass before is this one's."""
    frozen = {**PLAIN, "learning_rate": 1e-300, "weight_decay": 0.0}
    weight = np.arange(N) % 3 + 1.0
    problem = Problem(*make().all_rows()[:2], make().network, LogLoss(), sample_weight=weight, batch_size=7, max_iter=4)
    trainer = DFA(error="delayed", **frozen)
    before = first(trainer, problem)
    after = trainer.step(before, problem, rng())
    Z = problem.network.outputs(before.weights, problem.X)
    np.testing.assert_allclose(after.feedback[-1], LogLoss().error(Z, problem.Y), atol=1e-12)
    current = DFA(**frozen).gradient(after, problem, problem.all_rows())
    for g, e in zip(trainer.gradient(after, problem, problem.all_rows()), current, strict=True):
        np.testing.assert_allclose(g, e, atol=1e-12)


def test_a_delayed_error_follows_its_row_through_the_shuffling():
    problem = Problem(*make().all_rows()[:2], make().network, LogLoss(), batch_size=5, max_iter=4)
    trainer = DFA(error="delayed", **PLAIN)
    state = first(trainer, problem)
    for problem.iteration in range(2):
        before, state = state, trainer.step(state, problem, rng())
    changed = np.abs(state.feedback[-1] - before.feedback[-1]).max(axis=1)
    assert (changed > 0).all()
    np.testing.assert_allclose(state.feedback[-1].sum(axis=1), 0, atol=1e-12)
    assert (state.feedback[-1][np.arange(N), problem.Y.argmax(axis=1)] < 0).all()  # P - Y of the row's own class


def test_with_the_target_for_an_error_hidden_layers_do_not_hear_of_the_output_layer():
    problem, trainer = make(), DFA(error="target")
    state = first(trainer, problem)
    changed = state.weights.copy()
    problem.network.unpack(changed)[0][-1][:] = 5.0
    *hidden, output = trainer.gradient(state, problem, problem.all_rows())
    *again, other = trainer.gradient(advance(state, weights=changed), problem, problem.all_rows())
    for g, e in zip(hidden, again, strict=True):
        assert (g == e).all()
    assert np.abs(output - other).max() > 0.01


def test_the_target_teaches_by_the_error_of_one_who_knows_only_the_mean():
    problem, trainer = make((6,)), DFA(error="target")
    state = first(trainer, problem)
    W, b = problem.network.unpack(state.weights)
    H = np.tanh(problem.X @ W[0] + b[0])
    S = problem.Y.mean(axis=0) - problem.Y
    expected = problem.X.T @ ((S @ state.feedback[0]) * (1 - H**2)) / N
    np.testing.assert_allclose(trainer.gradient(state, problem, problem.all_rows())[0], expected, atol=1e-12)


def test_learned_feedback_wants_the_current_error():
    with pytest.raises(ValueError, match="error of DFA must be 'current'"):
        DFA(feedback="learned", error="delayed").check_parameters()


@pytest.mark.parametrize("error", ["current", "delayed", "target"])
def test_what_is_proposed_to_be_searched_goes_with_the_error(error):
    trainer = DFA(error=error)
    for feedback in trainer.param_distributions()["feedback"]:
        DFA(error=error, feedback=feedback).check_parameters()
