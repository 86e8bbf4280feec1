"""The local-loss family against the equations, in float64: gradients, locality, and where it is back-propagation."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_bpfree import BPFreeClassifier, get_trainer
from sklearn_bpfree.estimators import training
from sklearn_bpfree.nn.activations import ACTIVATIONS
from sklearn_bpfree.nn.losses import BinaryLogLoss, LogLoss, SquaredError
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.plugin.problem import Problem

LOSSES = ["pred", "sim", "predsim"]
TARGETS = {
    "classes": (LogLoss(), lambda rng: np.eye(3)[rng.integers(3, size=24)]),
    "labels": (BinaryLogLoss(), lambda rng: rng.integers(2, size=(24, 3)).astype(float)),
    "one value": (SquaredError(), lambda rng: rng.standard_normal((24, 1))),
}


def make_problem(targets="classes", hidden=(7, 6), **options):
    """24 weighted rows of 4 columns."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((24, 4))
    objective, draw = TARGETS[targets]
    Y = draw(rng)
    network = Network((4, *hidden, Y.shape[1]), "tanh")
    return Problem(X, Y, network, objective, sample_weight=rng.uniform(0.5, 2, 24), **options)


def similarity(Y, targets):
    """Cosines of centred one-hot rows, or of +-1 label rows; a Gaussian kernel of values, from -1 to 1."""
    if targets == "classes":
        return np.corrcoef(Y)
    if targets == "labels":
        return (2 * Y - 1) @ (2 * Y - 1).T / Y.shape[1]
    return 2 * np.exp(-((Y - Y.T) ** 2) / 2) - 1


def layer_objective(trainer, problem, layer, H_below, W, b, head, targets):
    """What a hidden layer minimises, written down from the papers."""
    H = np.tanh(H_below @ W + b)
    A, c, *V = head
    s = problem.sample_weight / len(H)
    pred = s @ problem.objective.loss(H @ A + c, problem.Y)
    M = H @ V[0] if V else H
    gap = np.corrcoef(M) - similarity(problem.Y, targets)
    sim = np.einsum("i,j,ij->", s, s, gap**2)
    beta = {"pred": 0, "sim": 1, "predsim": 0.99}[trainer.layer_loss]
    return (1 - beta) * pred + beta * sim


def slopes(function, at):
    """Central differences of a function of one array."""
    steps = 1e-6 * np.eye(at.size).reshape(-1, *at.shape)
    return np.array([function(at + step) - function(at - step) for step in steps]).reshape(at.shape) / 2e-6


@pytest.mark.parametrize("layer_loss", LOSSES)
@pytest.mark.parametrize("targets", TARGETS)
def test_each_layer_descends_its_own_loss(layer_loss, targets):
    problem = make_problem(targets)
    trainer = get_trainer("local_loss", layer_loss=layer_loss)
    state = trainer.init(problem, np.random.default_rng(1))
    found = trainer.gradient(state, problem, problem.all_rows())
    (W0, W1, W2), (b0, b1, b2) = problem.network.unpack(state.weights)
    A, c, *V = state.feedback
    heads = [A, c, *V[:1]], [W2, b2, *V[1:]]
    inputs = problem.X, np.tanh(problem.X @ W0 + b0)
    for layer, (W, b) in enumerate([(W0, b0), (W1, b1)]):
        arguments = trainer, problem, layer, inputs[layer]
        expected = slopes(lambda W: layer_objective(*arguments, W, b, heads[layer], targets), W)  # noqa: B023
        np.testing.assert_allclose(found[layer], expected, atol=1e-8)


@pytest.mark.parametrize("layer_loss", LOSSES)
def test_heads_learn_from_their_own_error(layer_loss):
    # One step of plain SGD with rate 1 moves an array by minus its gradient.
    problem = make_problem(batch_size=24)
    plain = {"optimizer": "sgd", "momentum": 0.0, "learning_rate": 1.0, "weight_decay": 0.0}
    trainer = get_trainer("local_loss", layer_loss=layer_loss, schedule="constant", **plain)
    state = trainer.init(problem, np.random.default_rng(1))
    after = trainer.step(state, problem, np.random.default_rng(2))
    (W, *_), (b, *_) = problem.network.unpack(state.weights)
    H, s = np.tanh(problem.X @ W + b), problem.sample_weight / 24
    A, c, *V = state.feedback
    moved = [old - new for old, new in zip(state.feedback, after.feedback, strict=True)]

    def pred(A, c):
        return s @ problem.objective.loss(H @ A + c, problem.Y)

    def sim(V):
        return np.einsum("i,j,ij->", s, s, (np.corrcoef(H @ V) - similarity(problem.Y, "classes")) ** 2)

    np.testing.assert_allclose(moved[0], slopes(lambda A: pred(A, c), A), atol=1e-8)
    np.testing.assert_allclose(moved[1], slopes(lambda c: pred(A, c), c), atol=1e-8)
    assert len(V) == 2 * (layer_loss != "pred")
    if V:
        np.testing.assert_allclose(moved[2], slopes(sim, V[0]), atol=1e-8)


@pytest.mark.parametrize("feedback", ["head", "random"])
@pytest.mark.parametrize("layer_loss", LOSSES)
def test_a_layer_hears_of_no_weights_above_but_its_head(layer_loss, feedback):
    problem = make_problem(hidden=(7, 6, 5), batch_size=8)
    trainer = get_trainer("local_loss", layer_loss=layer_loss, feedback=feedback)
    state = trainer.init(problem, np.random.default_rng(1))
    after = trainer.step(state, problem, np.random.default_rng(2))
    for above in (1, 2):
        other = trainer.init(problem, np.random.default_rng(1))
        kernels, biases = problem.network.unpack(other.weights)
        heads, matrices = other.feedback[:4], other.feedback[4:]
        for array in [*kernels[above:], *biases[above:], *heads[2 * above :], *matrices[above:]]:
            array += 1
        other = trainer.step(other, problem, np.random.default_rng(2))
        for layer, (mine, theirs) in enumerate(_layers(problem, after, other)):
            assert np.array_equal(mine, theirs) == (layer < above)


def _layers(problem, *states):
    """Pairs of kernels, layer by layer."""
    return zip(*(problem.network.unpack(state.weights)[0] for state in states), strict=True)


def test_one_hidden_layer_is_backprop():
    def fit(name):
        problem = make_problem(hidden=(7,), batch_size=8, max_iter=5)
        trainer = get_trainer(name, weight_decay=0.1, dropout=0.2)
        progress = training.start(trainer, problem, 0)
        progress.plan(5)
        return training.run(trainer, problem, progress).state.weights

    assert np.array_equal(fit("local_loss"), fit("backprop"))


def test_random_feedback_stays_as_drawn_and_replaces_the_transpose():
    problem = make_problem(batch_size=8)
    trainer = get_trainer("local_loss", feedback="random")
    state = trainer.init(problem, np.random.default_rng(1))
    after = trainer.step(state, problem, np.random.default_rng(2))
    for i, (old, new) in enumerate(zip(state.feedback, after.feedback, strict=True)):
        assert np.array_equal(old, new) == (i >= 2)
    (W, *_), (b, *_) = problem.network.unpack(state.weights)
    A, c, B, _ = state.feedback
    H = np.tanh(problem.X @ W + b)
    q = problem.output_error(H @ A + c, problem.all_rows())[1]
    expected = problem.X.T @ ((q @ B) * (1 - H**2))
    np.testing.assert_allclose(trainer.gradient(state, problem, problem.all_rows())[0], expected, atol=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_mean_of_heads(activation):
    problem = make_problem()
    network = Network(problem.network.layer_sizes, activation)
    trainer = get_trainer("local_loss", predict_with="mean")
    state = trainer.init(problem, np.random.default_rng(1))
    state.weights += np.random.default_rng(2).normal(0, 0.3, state.weights.shape)
    (W0, W1, A1), (b0, b1, c1) = network.unpack(state.weights)
    f = ACTIVATIONS[activation].apply
    H0 = f(problem.X @ W0 + b0)
    H1 = f(H0 @ W1 + b1)
    A0, c0 = state.feedback
    expected = (H0 @ A0 + c0 + H1 @ A1 + c1) / 2
    for X in (problem.X, sparse.csr_array(problem.X)):
        np.testing.assert_allclose(trainer.outputs(state, network, X), expected, atol=1e-12)


def test_the_mean_of_the_heads_predicts_as_well_as_the_output_layer():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((600, 2))
    y = (X**2).sum(axis=1) > 1.4
    last, mean = (
        BPFreeClassifier((32, 16), trainer=get_trainer("local_loss", predict_with=by), random_state=0).fit(X, y)
        for by in ("last", "mean")
    )
    assert np.array_equal(last.coefs_[0], mean.coefs_[0])
    assert last.score(X, y) > 0.97
    assert mean.score(X, y) > 0.97


def test_without_hidden_layers_there_are_no_heads():
    X = np.random.default_rng(0).standard_normal((60, 3))
    clf = BPFreeClassifier((), trainer=get_trainer("local_loss", predict_with="mean"), random_state=0)
    assert clf.fit(X, X[:, 0] > 0).score(X, X[:, 0] > 0) > 0.9
    assert clf.state_.feedback == []


@pytest.mark.parametrize("name, value", [("layer_loss", "mse"), ("feedback", "sign"), ("predict_with", "best")])
def test_wrong_choices_are_named(name, value):
    with pytest.raises(ValueError, match=rf"^{name} of LocalLoss must be one of \[.*\], got '{value}'\.$"):
        get_trainer("local_loss", **{name: value}).check_parameters()


# --- forward gradient -------------------------------------------------------------------------------------------------

SCOPES = [(perturb, scope) for perturb in ("activities", "weights") for scope in ("local", "global")]


def reference_gradient(scope, state, problem):
    """The gradient that a forward gradient estimates: that of the layers' own heads, or back-propagation's."""
    return get_trainer("local_loss" if scope == "local" else "backprop").gradient(state, problem, problem.all_rows())


@pytest.mark.parametrize("noise", ["sign", "normal"])
@pytest.mark.parametrize("perturb, scope", SCOPES)
def test_the_mean_forward_gradient_is_the_gradient(perturb, scope, noise):
    # Seven and six units in groups of four: the last group of each layer is not full.
    problem = make_problem()
    trainer = get_trainer("forward_gradient", perturb=perturb, scope=scope, noise=noise, n_directions=25)
    state = trainer.init(problem, np.random.default_rng(1))
    expected = reference_gradient(scope, state, problem)
    draws = []
    for state.t in range(40):  # which seeds the noise of `gradient`
        draws.append(np.concatenate([g.ravel() for g in trainer.gradient(state, problem, problem.all_rows())]))
    mean, error = np.mean(draws, axis=0), np.std(draws, axis=0) / np.sqrt(len(draws))
    gap = np.abs(mean - np.concatenate([g.ravel() for g in expected]))
    assert (gap <= 4.5 * error + 1e-12).all()
    assert error.max() < 0.5 * np.abs(np.concatenate([g.ravel() for g in expected])).max()


@pytest.mark.parametrize("targets", TARGETS)
def test_one_unit_a_group_and_signs_are_the_local_loss(targets):
    problem = make_problem(targets)
    trainer = get_trainer("forward_gradient", group_size=1)
    state = trainer.init(problem, np.random.default_rng(1))
    found = trainer.gradient(state, problem, problem.all_rows())
    for estimate, exact in zip(found, reference_gradient("local", state, problem), strict=True):
        np.testing.assert_allclose(estimate, exact, atol=1e-14)


def test_weights_move_along_one_direction_as_far_as_the_loss_falls():
    # One step of plain SGD with rate 1 moves the weights by -D u; with signs for u every entry has the size of D.
    problem = make_problem(batch_size=24)
    plain = {"optimizer": "sgd", "momentum": 0.0, "learning_rate": 1.0, "weight_decay": 0.0, "schedule": "constant"}
    trainer = get_trainer("forward_gradient", perturb="weights", scope="global", **plain)
    state = trainer.init(problem, np.random.default_rng(1))
    moved = trainer.step(state, problem, np.random.default_rng(2)).weights - state.weights
    D = np.abs(moved).mean()
    np.testing.assert_allclose(np.abs(moved), D, rtol=1e-9)
    u, h = moved / D, 1e-5
    slope = (problem.loss(state.weights + h * u) - problem.loss(state.weights - h * u)) / (2 * h)
    np.testing.assert_allclose(slope, -D, rtol=1e-6)


@pytest.mark.parametrize("perturb", ["activities", "weights"])
def test_a_local_forward_gradient_hears_of_no_weights_above_but_its_head(perturb):
    problem = make_problem(hidden=(7, 6, 5), batch_size=8)
    trainer = get_trainer("forward_gradient", perturb=perturb)
    state = trainer.init(problem, np.random.default_rng(1))
    after = trainer.step(state, problem, np.random.default_rng(2))
    for above in (1, 2):
        other = trainer.init(problem, np.random.default_rng(1))
        kernels, biases = problem.network.unpack(other.weights)
        for array in [*kernels[above:], *biases[above:], *other.feedback[2 * above :]]:
            array += 1
        other = trainer.step(other, problem, np.random.default_rng(2))
        for layer, (mine, theirs) in enumerate(_layers(problem, after, other)):
            assert np.array_equal(mine, theirs) == (layer < above)


def test_more_directions_and_smaller_groups_mean_less_noise():
    problem = make_problem(hidden=(16,))

    def error(**params):
        trainer = get_trainer("forward_gradient", **params)
        state = trainer.init(problem, np.random.default_rng(1))
        exact, errors = reference_gradient("local", state, problem)[0], []
        for state.t in range(30):
            errors.append(np.square(trainer.gradient(state, problem, problem.all_rows())[0] - exact).sum())
        return np.mean(errors)

    whole, eight, two = error(group_size=None), error(group_size=8), error(group_size=2)
    assert whole / eight == pytest.approx(15 / 7, rel=0.4)  # the other units of a group are the noise of a sign
    assert eight / two == pytest.approx(7, rel=0.5)
    assert error(group_size=8, n_directions=10) == pytest.approx(eight / 10, rel=0.4)


@pytest.mark.parametrize("perturb, scope", SCOPES)
def test_forward_gradient_learns_without_hidden_layers_and_with(perturb, scope):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 2))
    y = X[:, 0] > 0
    trainer = get_trainer("forward_gradient", perturb=perturb, scope=scope)
    for hidden in ((), (16,)):
        assert BPFreeClassifier(hidden, trainer=trainer, random_state=0).fit(X, y).score(X, y) > 0.8


def test_silent_units_add_no_noise():
    # Only the first unit is ever active, so that the sign of its own noise is all that its group sees.
    problem = make_problem(hidden=(5,))
    problem.network = Network(problem.network.layer_sizes, "relu")
    trainer = get_trainer("forward_gradient", group_size=None)
    state = trainer.init(problem, np.random.default_rng(1))
    problem.network.unpack(state.weights)[1][0][:] = [50, -50, -50, -50, -50]
    found = trainer.gradient(state, problem, problem.all_rows())
    np.testing.assert_allclose(found[0], reference_gradient("local", state, problem)[0], atol=1e-14)
    assert not found[0][:, 1:].any()
