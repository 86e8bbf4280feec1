"""Evolution: each update against its equation in float64, the same bits from any workers, and resumption."""

import pickle
import sys
import warnings

import joblib
import numpy as np
import pytest
from bpfree_evolution.cma_es import Normals
from bpfree_evolution.genetic import Genetic, Offspring
from bpfree_evolution.pgpe import clip_up
from bpfree_evolution.sep_cma_es import constants
from bpfree_evolution.snes import utilities
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.preprocessing import scale

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, get_trainer
from sklearn_bpfree.estimators import training
from sklearn_bpfree.nn.losses import LogLoss, Loss, SquaredError
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.nn.optimizers import Adam
from sklearn_bpfree.plugin import Members, Pass, advance
from sklearn_bpfree.plugin.problem import Problem

STEPS = {"spsa": 600}  # of methods that need more than 60
NAMES = ["cma_es", "genetic", "open_es", "pgpe", "sep_cma_es", "snes", "spsa"]


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
    trainer.set_params(readout="evolved")
    state = trainer.init(p, np.random.default_rng(seed))
    for t in range(3):
        state = trainer.step(state, p, np.random.default_rng(t))
    members = trainer.members(state, p.network, (11, 12))
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
        seen["weights"], state.weights + Adam().increment(expected.copy(), slots, state.t + 1, 0.02), rtol=1e-9
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
    np.testing.assert_allclose(difference[:n], -0.04 * state.weights[:n], rtol=1e-9)
    np.testing.assert_array_equal(difference[n:], 0)


@pytest.mark.parametrize(
    "activation, params, left", [("relu", {}, 0.4), ("sign", {}, 0.1), ("relu", {"final_sigma": 0.3}, 0.3)]
)
def test_open_es_ends_with_the_noise_that_is_asked_for(activation, params, left):
    X = np.random.default_rng(0).normal(size=(40, 5))
    p = Problem(X, np.eye(2)[np.arange(40) % 2], Network((5, 4, 2), activation), LogLoss(), batch_size=40, max_iter=5)
    progress = training.start(get_trainer("open_es", **params), p, seed=0)
    first = progress.state.sigma
    progress.plan(5)
    training.run(get_trainer("open_es", **params), p, progress)
    np.testing.assert_allclose(progress.state.sigma, left * first, rtol=1e-12)


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


def test_pgpe_follows_its_equations():
    p = problem(sizes=(5, 4, 3))
    trainer = get_trainer("pgpe", population_size=12, max_step=0.03, sigma_learning_rate=0.4, schedule="constant")
    state, members, E, losses = generation(trainer, p)
    r = (np.argsort(np.argsort(losses.ravel())) / 11 - 0.5).reshape(2, -1)
    unit = p.network.fan_in_scale(np.float64)
    eps, sigma = E * state.sigma, state.sigma
    g_mu = (r[0] - r[1]) @ eps / 12 / unit
    g_sigma = sum((a + b) / 2 * (e**2 - sigma**2) / sigma for a, b, e in zip(*r, eps, strict=True)) / 6
    changes = trainer.update(state, members, losses, p)
    v = clip_up(state.slots[0], g_mu, 0.03 * np.sqrt(sigma.size), 0.9)
    np.testing.assert_allclose(changes["weights"], state.weights + unit * v, rtol=1e-10)
    np.testing.assert_allclose(changes["sigma"], np.clip(sigma - 0.4 * g_sigma, 0.8 * sigma, 1.2 * sigma), rtol=1e-10)


def test_clip_up_steps_downhill_and_never_too_far():
    g = np.array([3.0, 4.0])
    v = clip_up(np.zeros(2), g, 1.0, 0.9)
    np.testing.assert_allclose(v, [-0.3, -0.4])
    for _ in range(9):
        v = clip_up(v, g, 1.0, 0.9)
    np.testing.assert_allclose(v, [-0.6, -0.8])
    np.testing.assert_allclose(clip_up(v, 0 * g, 1.0, 0.9), 0.9 * v)


def test_spsa_follows_its_equations():
    p = problem(sizes=(5, 4, 3), max_iter=50)
    trainer = get_trainer("spsa", population_size=6, sigma=0.2, learning_rate=0.1)
    state, members, delta, losses = generation(trainer, p)
    assert set(np.unique(delta)) == {-1, 1}
    unit = p.network.fan_in_scale(np.float64)
    k, A = 3, 5
    c_k = 0.2 / (k + 1) ** 0.101
    np.testing.assert_allclose(members.scale, c_k * unit)
    a = 0.1 * (A + 1) ** 0.602
    g = np.mean([(f - b) / (2 * c_k) / d for f, b, d in zip(*losses, delta, strict=True)], axis=0)
    expected = state.weights - a / (A + k + 1) ** 0.602 * unit * g
    np.testing.assert_allclose(trainer.update(state, members, losses, p)["weights"], expected, rtol=1e-10)


def test_sep_cma_es_follows_its_equations():
    p = problem(sizes=(5, 4, 3))
    trainer = get_trainer("sep_cma_es", population_size=10, sigma=0.3)
    state, members, z, losses = generation(trainer, p)
    unit, D, g = p.network.fan_in_scale(np.float64), state.weights.size, state.t
    s, p_s, p_c, C = state.slots
    np.testing.assert_allclose(state.sigma, unit * s * np.sqrt(C))
    w = np.log(5.5) - np.log(np.arange(1, 6))
    w /= w.sum()
    mu_eff = 1 / (w**2).sum()
    z = z[np.argsort(losses[0])[:5]]
    y = z * np.sqrt(C)
    c_s, c_c = (mu_eff + 2) / (D + mu_eff + 5), 4 / (D + 4)
    c_1 = (D + 2) / 3 * 2 / ((D + 1.3) ** 2 + mu_eff)
    c_mu = (D + 2) / 3 * 2 * (mu_eff - 2 + 1 / mu_eff) / ((D + 2) ** 2 + mu_eff)
    chi = np.sqrt(D) * (1 - 1 / (4 * D) + 1 / (21 * D**2))
    p_s = (1 - c_s) * p_s + np.sqrt(c_s * (2 - c_s) * mu_eff) * (w @ z)
    h = np.linalg.norm(p_s) / np.sqrt(1 - (1 - c_s) ** (2 * (g + 1))) < (1.4 + 2 / (D + 1)) * chi
    p_c = (1 - c_c) * p_c + h * np.sqrt(c_c * (2 - c_c) * mu_eff) * (w @ y)
    C_next = (1 - c_1 - c_mu) * C + c_1 * p_c**2 + c_mu * (w @ y**2)
    s_next = s * np.exp(c_s / (1 + c_s) * (np.linalg.norm(p_s) / chi - 1))  # d_s = 1 + c_s for so few parents

    assert constants(D, 10)["d_s"] == pytest.approx(1 + c_s)
    changes = trainer.update(state, members, losses, p)
    np.testing.assert_allclose(changes["weights"], state.weights + unit * s * (w @ y), rtol=1e-10)
    for seen, expected in zip(changes["slots"], [s_next, p_s, p_c, C_next], strict=True):
        np.testing.assert_allclose(seen, expected, rtol=1e-9)
    np.testing.assert_allclose(changes["sigma"], unit * s_next * np.sqrt(C_next), rtol=1e-9)


def offspring(crossover, parents=3, sigma=0.0):
    network = Network((5, 4, 3))
    theta = np.random.default_rng(0).normal(size=(parents, network.n_weights))
    scale = np.full(network.n_weights, sigma)
    return Offspring(network, theta[0], scale, (5, 6), 40, (1.0,), parents=theta, crossover=crossover)


def test_children_are_mutated_copies_and_the_best_lives_on():
    members = offspring(False, sigma=0.01)
    children = np.concatenate([members.weights(b) for b in range(members.n_blocks)])
    np.testing.assert_array_equal(children[0], members.parents[0])
    steps = children[:, None] - members.parents
    nearest = np.abs(steps).max(-1).argmin(1)
    assert set(nearest) == {0, 1, 2}
    mutations = steps[np.arange(40), nearest][1:]
    assert 0.009 < mutations.std() < 0.011


def test_a_child_of_two_parents_has_each_weight_from_one_of_them():
    members = offspring(True)
    children = np.concatenate([members.weights(b) for b in range(members.n_blocks)])
    origin = children[:, None] == members.parents
    assert origin.any(1).all()
    shares = origin.mean(-1)
    assert (np.sum(shares > 0, axis=1) == 2).any() and (np.sum(shares > 0, axis=1) <= 2).all()
    assert 0.3 < np.sort(shares[np.sum(shares > 0, axis=1) == 2], axis=1)[:, 1].mean() < 0.6


def test_the_fittest_become_parents_in_order():
    p = problem(sizes=(5, 4, 3))
    trainer = get_trainer("genetic", population_size=30, n_parents=4, readout="evolved")
    assert isinstance(trainer, Genetic)
    state = trainer.init(p, np.random.default_rng(0))
    assert len(np.unique(state.parents[:, 0])) == 4
    losses = []
    for t in range(5):
        state = trainer.step(state, p, np.random.default_rng(t))
        own = p.loss(state.parents)
        assert (np.diff(own) >= 0).all()
        np.testing.assert_array_equal(state.weights, state.parents[0])
        losses.append(own[0])
    assert (np.diff(losses) <= 1e-12).all() and losses[-1] < losses[0]  # all rows: the elite never gets worse


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_goes_down(name):
    p = problem(SquaredError(), sizes=(5, 4, 3), max_iter=STEPS.get(name, 60))
    trainer = get_trainer(name, readout="evolved")
    progress = training.start(trainer, p, seed=0)
    progress.plan(p.max_iter)
    first = p.loss(progress.state.weights)
    training.run(trainer, p, progress)
    assert p.loss(progress.state.weights) < 0.8 * first


@pytest.mark.parametrize("name", NAMES)
def test_same_bits_from_any_workers(name, always_pays, monkeypatch):
    X, y = load_wine(return_X_y=True)
    X = scale(X)

    def fit(n_jobs):
        model = BPFreeClassifier((7,), trainer=name, max_iter=3, n_jobs=n_jobs, random_state=0, batch_size=50)
        return model.fit(X, y).state_

    monkeypatch.setattr("sklearn_bpfree.plugin.judging.BLOCK_BYTES", 0)  # many small blocks
    expected = fit(1)
    found = [fit(2), fit(3)]
    with joblib.parallel_config("loky"):
        found.append(fit(2))
    for state in found:
        np.testing.assert_array_equal(state.weights, expected.weights)
        assert state.loss == expected.loss


@pytest.mark.parametrize(
    "name, params",
    [(name, {"readout": readout}) for name in NAMES for readout in ("solved", "evolved")]
    + [("node_perturbation", {"control_variate": learns}) for learns in (True, False)],
)
def test_a_fit_cut_at_any_generation_and_resumed_from_its_pickle_gives_the_bits_of_a_whole_one(name, params):
    def fresh():
        return problem(sizes=(5, 4, 3), max_iter=7)

    def start(p):
        progress = training.start(get_trainer(name, **params), p, seed=0)
        progress.plan(7)
        return progress

    def run(progress, stop=None):
        on_step = None if stop is None else lambda progress: progress.iteration == stop
        return training.run(get_trainer(name, **params), fresh(), progress, on_step=on_step)

    whole = run(start(fresh()))
    for generation in range(1, 7):
        cut = run(start(fresh()), stop=generation)
        assert cut.iteration == generation
        resumed = run(pickle.loads(pickle.dumps(cut)))
        assert resumed.iteration == 7
        for field, value in vars(whole.state).items():
            found = getattr(resumed.state, field)
            pairs = zip(found, value, strict=True) if isinstance(value, list) else [(found, value)]
            for a, b in pairs:
                np.testing.assert_array_equal(a, b, err_msg=field)


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
        ("genetic", {"n_parents": 300}),
        ("pgpe", {"momentum": 1.0}),
        ("snes", {"sigma_learning_rate": -1.0}),
        ("spsa", {"learning_rate": 0.0}),
    ],
)
def test_senseless_parameters_are_refused(name, params):
    with pytest.raises(ValueError, match=next(iter(params))):
        get_trainer(name, **params).check_parameters()


def test_members_of_rank_one_are_the_default():
    p = problem(sizes=(5, 4, 3))
    trainer = get_trainer("open_es", population_size=8, readout="evolved")
    members = trainer.members(trainer.init(p, np.random.default_rng(0)), p.network, (1, 2))
    assert isinstance(members, Members)
    for kernel in p.network.unpack(members.directions(0).dense())[0]:
        assert (np.linalg.matrix_rank(kernel) == 1).all()


def shaken(objective, activation, n_draws, control_variate=False, weighted=False):
    """A pass of node perturbation over two hidden layers, and dL/dz of each layer by differences."""
    rng = np.random.default_rng(0)
    network = Network((5, 6, 4, 3), activation)
    X, weight = rng.normal(size=(30, 5)), rng.integers(1, 4, 30) if weighted else None
    p = Problem(X, np.eye(3)[rng.integers(3, size=30)], network, objective, sample_weight=weight, batch_size=30)
    trainer = get_trainer("node_perturbation", sigma=1e-4, n_draws=n_draws, control_variate=control_variate)
    state = trainer.init(p, rng)
    batch = p.all_rows()
    feedback = [rng.normal(size=B.shape) for B in state.feedback]
    gradients = network.unpack(np.empty_like(state.weights))
    run = Pass(*network.unpack(state.weights), *gradients, feedback, [np.zeros_like(B) for B in feedback], p, rng)
    trainer.forward(run, batch, 0.0)
    back = get_trainer("backprop")
    kernels = back.gradient(advance(back.init(p, rng), weights=state.weights), p, batch)
    return trainer, run, kernels


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
@pytest.mark.parametrize("control_variate", [False, True])
def test_the_mean_signal_of_node_perturbation_is_the_gradient(activation, control_variate):
    """Whatever the feedback is: with many draws the kernels' gradient is that of back-propagation."""
    trainer, run, expected = shaken(LogLoss(), activation, 4000, control_variate, weighted=True)
    for layer, below in enumerate([run.batch.X, run.hidden[0]]):
        found = below.T @ trainer.signal(layer, run.error, run)
        assert np.abs(found - expected[layer]).max() < 0.12 * np.abs(expected[layer]).max()


def test_a_draw_of_node_perturbation_is_the_change_of_the_loss_times_the_noise():
    trainer, run, _ = shaken(LogLoss(), "tanh", 1)
    noise = run.rng.bit_generator.state
    g = trainer.signal(1, run.error, run)
    run.rng.bit_generator.state = noise
    xi = 2.0 * np.unpackbits(np.frombuffer(run.rng.bytes(15), np.uint8), count=120).reshape(30, 4) - 1
    Z = run.hidden[0] @ run.kernels[1] + run.biases[1]
    plus, minus = (
        run.problem.objective.loss(np.tanh(Z + s * 1e-4 * xi) @ run.kernels[2] + run.biases[2], run.batch.Y)
        for s in (1, -1)
    )
    np.testing.assert_allclose(g, ((plus - minus) / 2e-4 / 30)[:, None] * xi, rtol=1e-6)


@pytest.mark.parametrize("n, decay", [(100, 1.0), (600, 0.5), (6000, 0.1)])
def test_node_perturbation_decays_less_the_more_rows_there_are(n, decay):
    p = problem(n=n)
    given = get_trainer("node_perturbation", weight_decay=decay)
    start = given.init(p, np.random.default_rng(0))
    expected = given.step(start, p, np.random.default_rng(1))
    found = get_trainer("node_perturbation").step(start, p, np.random.default_rng(1))
    np.testing.assert_array_equal(found.weights, expected.weights)


def test_silent_units_get_no_signal():
    trainer, run, _ = shaken(LogLoss(), "relu", 3)
    silent = run.hidden[1] == 0
    assert silent.any() and (trainer.signal(1, run.error, run)[silent] == 0).all()


def test_perfect_feedback_leaves_no_noise_and_wrong_feedback_learns():
    trainer, run, expected = shaken(LogLoss(), "tanh", 2, control_variate=True)
    run.feedback[1][:] = run.kernels[2].T
    np.testing.assert_allclose(run.hidden[0].T @ trainer.signal(1, run.error, run), expected[1], rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(run.feedback_gradient[1], 0, atol=1e-7)
    run.feedback[1][:] = 0
    trainer.set_params(n_draws=4000)
    trainer.signal(1, run.error, run)
    step = -run.feedback_gradient[1]
    assert (step * run.kernels[2].T).sum() > 0.5 * np.linalg.norm(step) * np.linalg.norm(run.kernels[2])


def test_cma_es_is_the_package_on_the_same_losses():
    cma = pytest.importorskip("cma")
    p = problem(sizes=(5, 4, 3))
    trainer = get_trainer("cma_es", population_size=8, readout="evolved")
    state = trainer.init(p, np.random.default_rng(0))
    unit = p.network.fan_in_scale(np.float64)
    own = cma.CMAEvolutionStrategy(
        state.weights / unit, 0.3, {"popsize": 8, "randn": Normals(), "seed": np.nan, "verbose": -9, "verb_log": 0}
    )
    for t in range(4):
        key = np.random.default_rng(t).integers(2**64, size=2, dtype=np.uint64)
        own.opts["randn"].rng = np.random.Generator(np.random.Philox(key=(int(key[0]), int(key[1]))))
        asked = own.ask()
        own.tell(asked, [p.loss(x * unit) for x in asked])
        state = trainer.step(state, p, np.random.default_rng(t))
        np.testing.assert_allclose(state.weights, own.mean * unit, rtol=1e-8)


def test_cma_es_passes_on_no_warnings_about_rounded_members():
    X = np.random.default_rng(0).standard_normal((60, 10))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        BPFreeClassifier((40,), trainer="cma_es", max_iter=20, random_state=0).fit(X, X[:, 0] > 0)


def test_cma_es_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cma", None)
    with pytest.raises(ImportError, match=r"pip install 'sklearn-bpfree\[cma\]'"):
        BPFreeClassifier(trainer="cma_es").fit([[0.0], [1.0]], [0, 1])


def test_spsa_stores_no_direction():
    p = problem(sizes=(5, 4, 3))
    trainer = get_trainer("spsa", readout="evolved")
    members = trainer.members(trainer.init(p, np.random.default_rng(0)), p.network, (1, 2))
    first = members.directions(0).dense()
    np.testing.assert_array_equal(members.directions(0).dense(), first)
    assert members.n_members == 2 and not members._kept
