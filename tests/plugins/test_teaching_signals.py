"""What holds for the updates of every method with a teaching signal, in float64: one table, and one test a property."""

import numpy as np
import pytest

from sklearn_bpfree import get_trainer
from sklearn_bpfree.estimators.alignment import true_gradient
from sklearn_bpfree.nn.losses import LogLoss, SquaredError
from sklearn_bpfree.plugin import Batch, Network, Problem, advance

N, D, K = 24, 5, 3
MEMBERS = [
    ("backprop", {}),
    ("fa", {}),
    ("dfa", {}),
    ("predictive_coding", {}),
    ("predictive_coding", {"mode": "incremental"}),
    ("predictive_coding", {"mode": "zil"}),
    ("predictive_coding", {"mode": "fixed_prediction"}),
    ("predictive_coding", {"feedback": "kolen_pollack"}),
    ("dual_propagation", {}),
    ("dual_propagation", {"feedback": "kolen_pollack"}),
    ("equilibrium_propagation", {"T_free": 100}),
    ("target_propagation", {}),
    ("target_propagation", {"mode": "drl"}),
    ("target_propagation", {"mode": "dtp"}),
    ("target_propagation", {"mode": "fixed_weight"}),
    ("pepita", {}),
    ("pepita", {"mode": "pepita"}),
    ("pepita", {"mode": "mempepita"}),
]
OTHERS = [("node_perturbation", {}), ("node_perturbation", {"control_variate": False}), ("forward_gradient", {})]
OTHERS += [("forward_gradient", {"scope": "global"}), ("local_loss", {}), ("sum_of_readouts", {}), ("prototypes", {})]
GRADIENTS = [  # the settings that give the true gradient, and how far off they may be
    ("backprop", {}, 1e-12),
    ("predictive_coding", {"mode": "zil"}, 1e-12),
    ("predictive_coding", {"mode": "fixed_prediction"}, 1e-12),
    ("dual_propagation", {"beta": 1e-3}, 1e-5),
]


def label(value):
    return value if isinstance(value, str) else " ".join(map(str, value.values())) if isinstance(value, dict) else None


every_member = pytest.mark.parametrize("name, params", MEMBERS, ids=label)


def make(activation="tanh", objective=None, targets=None, weighted=True, hidden=(7, 6)):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(N, D)), np.eye(K)[rng.integers(K, size=N)]
    weight = rng.uniform(0.5, 2, N) if weighted else None
    network = Network((D, *hidden, K), activation)
    Y = Y if targets is None else targets
    return Problem(X, Y, network, objective or LogLoss(), sample_weight=weight, batch_size=N, max_iter=4)


def first(trainer, problem):
    """A first state whose biases are not zero, lest a forgotten one goes unnoticed."""
    state = trainer.init(problem, np.random.default_rng(1))
    return advance(state, weights=state.weights + np.random.default_rng(2).normal(0, 0.1, state.weights.size))


def gradients(trainer, state, problem, rows=None):
    """Gradient of each kernel as one vector per layer, on some rows."""
    batch = problem.all_rows() if rows is None else problem.take(rows)
    return trainer.gradient(state, problem, batch)


@every_member
def test_without_an_error_hidden_layers_learn_nothing(name, params):
    trainer = get_trainer(name, **params)
    state = first(trainer, make())
    targets = trainer.outputs(state, make().network, make().X)
    problem = make(objective=SquaredError(), targets=targets)
    for g in gradients(trainer, state, problem):
        np.testing.assert_allclose(g, 0, atol=1e-9)


@every_member
def test_a_row_learns_from_itself_only(name, params):
    trainer, problem = get_trainer(name, **params), make()
    state = first(trainer, problem)
    whole = gradients(trainer, state, problem)
    parts = [gradients(trainer, state, problem, [i]) for i in range(N)]
    for layer, g in enumerate(whole):
        np.testing.assert_allclose(g, np.mean([part[layer] for part in parts], axis=0), atol=1e-12)


@every_member
def test_rows_that_come_twice_change_nothing(name, params):
    trainer, problem = get_trainer(name, **params), make()
    state = first(trainer, problem)
    X, Y, weight = problem.all_rows()[:3]
    twice = Batch(np.concatenate([X, X]), np.concatenate([Y, Y]), np.concatenate([weight, weight]))
    for g, again in zip(gradients(trainer, state, problem), trainer.gradient(state, problem, twice), strict=True):
        np.testing.assert_allclose(again, g, atol=1e-12)


@every_member
def test_a_weight_counts_as_so_many_rows(name, params):
    trainer, problem = get_trainer(name, **params), make(weighted=False)
    state = first(trainer, problem)
    X, Y, _ = problem.all_rows()[:3]
    counts = np.arange(N) % 3 + 1
    repeated = Batch(np.repeat(X, counts, axis=0), np.repeat(Y, counts, axis=0), None)
    weighted = Batch(X, Y, counts / counts.mean())
    for g, again in zip(
        trainer.gradient(state, problem, weighted), trainer.gradient(state, problem, repeated), strict=True
    ):
        np.testing.assert_allclose(again, g, atol=1e-12)


@pytest.mark.parametrize("objective", [LogLoss(), SquaredError()])
@pytest.mark.parametrize("activation", ["tanh", "gelu"])
@pytest.mark.parametrize("name, params, tolerance", GRADIENTS, ids=label)
def test_some_settings_give_the_gradient(name, params, tolerance, activation, objective):
    trainer, problem = get_trainer(name, **params), make(activation, objective)
    state = first(trainer, problem)
    expected = true_gradient(problem, state.weights, problem.all_rows())
    for g, exact in zip(gradients(trainer, state, problem), expected, strict=True):
        np.testing.assert_allclose(g, exact, atol=tolerance * np.abs(exact).max())


IN_TWO_PASSES = [("pepita", {"mode": "mempepita"})]  # whose second inputs have no column of ones


@pytest.mark.parametrize("name, params", [pair for pair in MEMBERS + OTHERS if pair not in IN_TWO_PASSES], ids=label)
def test_a_bias_learns_as_the_weight_of_a_column_of_ones(name, params):
    problem, trainer = make(), get_trainer(name, **params)
    problem.X[:, 0] = 1
    state = first(trainer, problem)
    run = trainer._learned(problem.network, state.weights, state.feedback).run(problem, np.random.default_rng(3))
    trainer.batch_gradient(run, problem.all_rows(), dropout=0.0)
    np.testing.assert_allclose(run.bias_gradients[0], run.kernel_gradients[0][0], atol=1e-13)
    assert run.bias_gradients[0].any()


RELAXED = [pair for pair in MEMBERS if pair[0] == "predictive_coding" and pair[1].get("mode") in (None, "incremental")]


@pytest.mark.parametrize("name, params", [pair for pair in MEMBERS + OTHERS if pair not in RELAXED], ids=label)
def test_a_unit_that_dropout_silences_learns_nothing(name, params):
    problem, trainer = make(), get_trainer(name, **params)
    state = first(trainer, problem)
    run = trainer._learned(problem.network, state.weights, state.feedback).run(problem, np.random.default_rng(3))
    trainer.batch_gradient(run, problem.take([0]), dropout=0.5)
    silent = [mask[0] == 0 for _, _, mask in run.trace]
    assert len(silent) == 2 and all(0 < units.mean() < 1 for units in silent)
    for units, gW, gb in zip(silent, run.kernel_gradients, run.bias_gradients, strict=False):
        assert not gW[:, units].any() and not gb[units].any()
        assert gW[:, ~units].any()
