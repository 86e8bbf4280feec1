"""The sum of readouts against its equations, in float64."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_bpfree import BPFreeClassifier, get_trainer
from sklearn_bpfree.estimators import training
from sklearn_bpfree.nn.losses import BinaryLogLoss, LogLoss, SquaredError
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.plugin.problem import Problem

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


def readouts_and_activations(state, problem):
    """V_l, H_l of all hidden layers, from the state."""
    kernels, biases = problem.network.unpack(state.weights)
    H, activations = problem.X, []
    for W, b in zip(kernels[:-1], biases[:-1], strict=True):
        H = np.tanh(H @ W + b)
        activations.append(H)
    return [*state.feedback, kernels[-1]], activations, biases[-1]


def slopes(function, at):
    """Central differences of a function of one array."""
    steps = 1e-6 * np.eye(at.size).reshape(-1, *at.shape)
    return np.array([function(at + step) - function(at - step) for step in steps]).reshape(at.shape) / 2e-6


@pytest.mark.parametrize("targets", TARGETS)
def test_each_layer_descends_the_loss_through_its_own_readout(targets):
    problem = make_problem(targets)
    trainer = get_trainer("sum_of_readouts")
    state = trainer.init(problem, np.random.default_rng(0))
    V, H, c = readouts_and_activations(state, problem)
    kernels, biases = problem.network.unpack(state.weights)
    Z = sum(h @ v for h, v in zip(H, V, strict=True)) + c
    np.testing.assert_allclose(trainer.outputs(state, problem.network, problem.X), Z)
    weight = problem.sample_weight

    def loss(Z):
        return weight @ problem.objective.loss(Z, problem.Y) / len(Z)

    found = trainer.gradient(state, problem, problem.all_rows())
    for layer, below in enumerate([problem.X, H[0]]):
        rest = Z - H[layer] @ V[layer]  # the layers above stay as they are
        expected = slopes(lambda W: loss(rest + np.tanh(below @ W + biases[layer]) @ V[layer]), kernels[layer])  # noqa: B023
        np.testing.assert_allclose(found[layer], expected, atol=1e-8)
    np.testing.assert_allclose(found[2], slopes(lambda v: loss(Z - H[1] @ V[1] + H[1] @ v), V[1]), atol=1e-8)


def test_lower_readouts_learn_by_gradient_and_decay():
    problem = make_problem(batch_size=24)
    options = {"optimizer": "sgd", "momentum": 0.0, "learning_rate": 0.1, "schedule": "constant", "warmup": 0.0}
    trainer = get_trainer("sum_of_readouts", weight_decay=0.5, **options)
    state = trainer.init(problem, np.random.default_rng(0))
    V, H, c = readouts_and_activations(state, problem)
    Z = sum(h @ v for h, v in zip(H, V, strict=True)) + c
    E = problem.output_error(Z, problem.all_rows())[1]
    after = trainer.step(state, problem, np.random.default_rng(0))
    decay = 1 - 0.1 * 0.5
    found = after.feedback[0] - decay * V[0]
    direction = -H[0].T @ E
    cosine = (found * direction).sum() / np.linalg.norm(found) / np.linalg.norm(direction)
    assert cosine > 0.999
    assert 0.09 < np.linalg.norm(found) / np.linalg.norm(direction) < 0.11


@pytest.mark.parametrize("hidden", [(), (7,)])
def test_up_to_one_hidden_layer_it_is_back_propagation(hidden):
    problem = make_problem(hidden=hidden)
    runs = []
    for name in ("sum_of_readouts", "backprop"):
        progress = training.start(get_trainer(name), problem, 0)
        progress.plan(5)
        runs.append(training.run(get_trainer(name), problem, progress).state.weights)
    np.testing.assert_array_equal(*runs)


def test_sparse_rows_and_blocks_of_rows_give_the_same_outputs(monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 5)) * (rng.random((50, 5)) < 0.5)
    y = (X[:, 0] > 0).astype(int)
    model = BPFreeClassifier((8, 8), trainer="sum_of_readouts", dtype="float64", random_state=0).fit(X, y)
    whole = model.predict_proba(X)
    np.testing.assert_allclose(model.predict_proba(sparse.csr_array(X)), whole, atol=1e-12)
    monkeypatch.setattr("bpfree_local.sum_of_readouts.BLOCK_ROWS", 7)
    np.testing.assert_allclose(model.predict_proba(X), whole, atol=1e-12)
