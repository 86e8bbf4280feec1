"""Evolution: each update against its equation in float64, the same bits from any workers, and resumption."""

import pickle

import joblib
import numpy as np
import pytest
from bpfree_evolution.snes import utilities
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.preprocessing import scale

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, Members, get_trainer, parallel, training
from sklearn_bpfree.network import Network
from sklearn_bpfree.objectives import LogLoss, Loss, SquaredError
from sklearn_bpfree.optimizers import Adam
from sklearn_bpfree.problem import Problem

NAMES = ["open_es", "snes"]


class MeanOutput(Loss):
    """F = mean output; with a linear network, a linear function of the weights."""

    def loss(self, Z, Y):
        return Z.sum(-1)


def problem(objective=None, sizes=(5, 3), n=40, max_iter=20, n_jobs=None):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, sizes[0]))
    Y = np.eye(sizes[-1])[rng.integers(sizes[-1], size=n)]
    network = Network(sizes, "tanh")
    return Problem(X, Y, network, objective or LogLoss(), batch_size=n, max_iter=max_iter, n_jobs=n_jobs)


def generation(trainer, p, seed=3):
    """A state after some steps, the population drawn from it, E as a matrix, and the losses by the definition."""
    state = trainer.init(p, np.random.default_rng(seed))
    for t in range(3):
        state = trainer.step(state, p, np.random.default_rng(t))
    members = trainer.members(state, p, (11, 12))
    E = np.concatenate([members.directions(b).dense() for b in range(members.n_blocks)])
    losses = np.array([p.loss(state.weights + sign * members.scale * E) for sign in members.signs])
    return state, members, E, losses


@pytest.mark.parametrize("rank", [None, 1, 2])
def test_open_es_projects_the_gradient_of_a_linear_function(rank):
    """On a linear F, g = (1/H) E^T E grad F, whatever sigma is."""
    p = problem(MeanOutput())
    trainer = get_trainer("open_es", rank=rank, shaping="raw", population_size=20, schedule="constant")
    trainer.set_params(weight_decay=0.0)
    state, members, E, losses = generation(trainer, p)
    D = state.weights.size
    gradient = np.array([p.loss(unit) for unit in np.eye(D)]) - p.loss(np.zeros(D))
    in_units = members.scale * gradient  # E is in units of sigma, which differ between layers
    expected = (E.T @ E @ in_units) / len(E) / members.scale

    seen = trainer.update(state, members, losses, p)
    slots = [slot.copy() for slot in state.slots]
    np.testing.assert_allclose(
        seen["weights"], state.weights + Adam().increment(expected.copy(), slots, state.t + 1, 0.01), rtol=1e-9
    )
    np.testing.assert_allclose(seen["slots"][0], slots[0], rtol=1e-8, atol=1e-12)


def test_open_es_with_ranks_does_not_care_for_the_scale_of_the_loss():
    p = problem(sizes=(5, 4, 3))
    trainer = get_trainer("open_es", population_size=20)
    state, members, _, losses = generation(trainer, p)
    expected = trainer.update(state, members, losses, p)["weights"]
    np.testing.assert_array_equal(trainer.update(state, members, np.exp(5 * losses), p)["weights"], expected)
    raw = get_trainer("open_es", population_size=20, shaping="raw")
    plain, bent = (raw.update(state, members, F, p)["weights"] for F in (losses, np.exp(5 * losses)))
    assert not np.allclose(plain, bent, rtol=1e-6)


def test_open_es_decays_kernels_and_not_biases():
    p = problem(sizes=(5, 4, 3))
    free = get_trainer("open_es", population_size=20, schedule="constant", weight_decay=0.0)
    state, members, _, losses = generation(free, p)
    decaying = get_trainer("open_es", population_size=20, schedule="constant", weight_decay=2.0)
    with_decay, without = (trainer.update(state, members, losses, p)["weights"] for trainer in (decaying, free))
    difference = with_decay - without
    n = p.network.n_kernel
    np.testing.assert_allclose(difference[:n], -0.02 * state.weights[:n], rtol=1e-9)
    np.testing.assert_array_equal(difference[n:], 0)


def test_snes_follows_its_equations():
    p = problem(sizes=(5, 4, 3))
    trainer = get_trainer("snes", population_size=12, learning_rate=0.7, sigma_learning_rate=0.3)
    state, members, E, losses = generation(trainer, p)
    z = np.vstack([E, -E])
    u = np.empty(12)
    best_first = np.argsort(losses.ravel())
    weight = [max(0, np.log(12 / 2 + 1) - np.log(i)) for i in range(1, 13)]
    u[best_first] = np.array(weight) / sum(weight) - 1 / 12
    np.testing.assert_allclose(utilities(losses).ravel(), u)
    changes = trainer.update(state, members, losses, p)
    np.testing.assert_allclose(changes["weights"], state.weights + 0.7 * state.sigma * (u @ z), rtol=1e-10)
    np.testing.assert_allclose(changes["sigma"], state.sigma * np.exp(0.15 * (u @ (z**2 - 1))), rtol=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_goes_down(name):
    p = problem(SquaredError(), sizes=(5, 4, 3), max_iter=60)
    trainer = get_trainer(name)
    progress = training.start(trainer, p, seed=0)
    progress.plan(60)
    first = p.loss(progress.state.weights)
    training.run(trainer, p, progress)
    assert p.loss(progress.state.weights) < 0.8 * first


@pytest.mark.parametrize("name", NAMES)
def test_same_bits_from_any_workers(name, monkeypatch):
    X, y = load_wine(return_X_y=True)
    X = scale(X)

    def fit(n_jobs):
        model = BPFreeClassifier((7,), trainer=name, max_iter=3, n_jobs=n_jobs, random_state=0, batch_size=50)
        return model.fit(X, y).state_

    monkeypatch.setattr("sklearn_bpfree.problem.BLOCK_BYTES", 0)  # many small blocks
    expected = fit(1)
    monkeypatch.setattr(parallel, "CALL_SECONDS", {True: -1.0, False: -1.0})
    found = [fit(2), fit(3)]
    with joblib.parallel_config("loky"):
        found.append(fit(2))
    for state in found:
        np.testing.assert_array_equal(state.weights, expected.weights)
        np.testing.assert_array_equal(state.sigma, expected.sigma)
        assert state.loss == expected.loss


@pytest.mark.parametrize("name", NAMES)
def test_a_fit_resumed_from_its_pickle_gives_the_bits_of_the_uninterrupted_one(name):
    X, y = load_wine(return_X_y=True)
    X = scale(X)
    model = BPFreeClassifier((7,), trainer=name, max_iter=12, random_state=0, batch_size=50)
    expected = model.fit(X, y).state_.weights
    cut = BPFreeClassifier((7,), trainer=name, max_iter=12, random_state=0, batch_size=50, warm_start=True)
    cut.set_params(max_time=1e-9).fit(X, y)
    assert cut.n_iter_ == 1
    cut = pickle.loads(pickle.dumps(cut)).set_params(max_time=None).fit(X, y)
    assert cut.n_iter_ == 12
    np.testing.assert_array_equal(cut.state_.weights, expected)


@pytest.mark.parametrize("name", NAMES)
def test_trains_on_a_metric_and_in_steps(name):
    X, y = load_breast_cancer(return_X_y=True)
    X = scale(X)
    model = BPFreeClassifier((5,), trainer=name, loss="roc_auc", metric_warmup=0, max_iter=5, random_state=0)
    model.set_params(trainer__population_size=8, **({"trainer__n_parents": 3} if name == "genetic" else {}))
    model.fit(X, y)
    losses = model.loss_curve_
    assert all(-1 <= loss <= 0 for loss in losses)
    assert losses[-1] < losses[0]
    values = BPFreeRegressor((5,), trainer=name, random_state=0)
    for _ in range(2):
        values.partial_fit(X, y)
    assert values.n_iter_ == 2


@pytest.mark.parametrize(
    "name, params",
    [
        ("open_es", {"rank": 0}),
        ("open_es", {"shaping": "best"}),
        ("open_es", {"learning_rate": 0}),
        ("open_es", {"population_size": 9}),
        ("snes", {"sigma_learning_rate": -1.0}),
    ],
)
def test_senseless_parameters_are_refused(name, params):
    with pytest.raises(ValueError, match=next(iter(params))):
        get_trainer(name, **params).check_parameters()


def test_members_of_rank_one_are_the_default():
    p = problem(sizes=(5, 4, 3))
    trainer = get_trainer("open_es", population_size=8)
    members = trainer.members(trainer.init(p, np.random.default_rng(0)), p, (1, 2))
    assert isinstance(members, Members)
    for kernel in p.network.unpack(members.directions(0).dense())[0]:
        assert (np.linalg.matrix_rank(kernel) == 1).all()
