"""Everybody's optimiser: updates against their equations, other packages' objects, and fits that can be taken up."""

import pickle
import warnings
from functools import partial

import numpy as np
import pytest
from bpfree_optimisers import replay
from bpfree_optimisers.adapters import ADAPTERS, chosen, factory
from bpfree_optimisers.ask_tell import AskTell
from bpfree_optimisers.cbo import CBO, merits
from bpfree_optimisers.cem import CEM
from bpfree_optimisers.differential_evolution import DifferentialEvolution
from bpfree_optimisers.pso import PSO
from bpfree_optimisers.scipy_optimize import METHODS, ScipyOptimize, Spent, Values, loss_and_gradient, run
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, get_trainer
from sklearn_bpfree.estimators import training
from sklearn_bpfree.nn.losses import LogLoss, SquaredError
from sklearn_bpfree.plugin import Network, Problem, advance

EXTERNAL = {"pycma": "cma", "cmaes": "cmaes", "nevergrad": "nevergrad", "nevergrad:DE": "nevergrad", "pymoo": "pymoo"}
EXTERNAL |= {"pymoo:PSO": "pymoo", "evosax": "evosax", "evosax:PSO": "evosax"}


def make(sizes=(5, 4, 3), objective=None, n=40, max_iter: int | None = 6, **options):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, sizes[0]))
    Y = np.eye(sizes[-1])[rng.integers(sizes[-1], size=n)]
    return Problem(X, Y, Network(sizes, "tanh"), objective or LogLoss(), batch_size=n, max_iter=max_iter, **options)


def after(trainer, problem, steps=3, seed=1):
    state = trainer.init(problem, np.random.default_rng(seed))
    for t in range(steps):
        state = trainer.step(state, problem, np.random.default_rng(t))
    return state


def judged(trainer, state, problem):
    """The next generation, and the losses of its members by the definition."""
    generation = trainer.generation(state, problem, np.random.default_rng(9))
    members = trainer.members(generation.searched, generation.space.network, generation.key)
    return members, problem.loss(members.population)


# --- swarms -----------------------------------------------------------------------------------------------------------


def test_particles_are_drawn_to_their_own_best_place_and_to_the_best_of_all():
    problem, trainer = make(), PSO(population_size=12, readout="evolved", inertia=0.6, own=1.1, social=1.3)
    state = after(trainer, problem)
    x, v, p = state.swarm
    members, _ = judged(trainer, state, problem)
    losses = np.random.default_rng(5).normal(size=12)
    new_x, new_v, _ = members.swarm
    assert_allclose(new_x, x + new_v)
    pulls = new_v - 0.6 * v  # 1.1 r1 (p - x) + 1.3 r2 (g - x), which bounds every coordinate
    own, social = 1.1 * (p - x), 1.3 * (state.weights - x)
    assert (pulls >= np.minimum(own, 0) + np.minimum(social, 0) - 1e-12).all()
    assert (pulls <= np.maximum(own, 0) + np.maximum(social, 0) + 1e-12).all()
    changes = trainer.update(state, members, losses[None], problem)
    better = losses[:6] < losses[6:]
    assert better.any() and not better.all()
    assert_array_equal(changes["swarm"][2], np.where(better[:, None], new_x, p))
    assert_array_equal(changes["weights"], members.population[losses.argmin()])


def test_a_trial_replaces_its_own_parent_and_nobody_else():
    problem, trainer = make(), DifferentialEvolution(population_size=12, readout="evolved", crossover=0.5)
    state = after(trainer, problem)
    (x,) = state.swarm
    members, losses = judged(trainer, state, problem)
    trial = members.swarm[0]
    taken = trial != x
    assert taken.any(axis=1).all() and 0.3 < taken.mean() < 0.7
    steps = (trial - state.weights)[taken[:, 0], 0]  # F (x_a - x_b) of one weight, F in [.5, 1]
    differences = np.abs(x[:, None, 0] - x[None, :, 0])
    assert np.abs(steps).max() <= differences.max() + 1e-12
    changes = trainer.update(state, members, losses[None], problem)
    wins = losses[:6] <= losses[6:]
    assert_array_equal(changes["swarm"][0], np.where(wins[:, None], trial, x))


def test_the_swarms_loss_does_not_rise_where_all_rows_judge():
    problem = make(max_iter=None)
    for trainer in (PSO(readout="evolved"), DifferentialEvolution(readout="evolved")):
        state, losses = after(trainer, problem, 0), []
        for t in range(8):
            state = trainer.step(state, problem, np.random.default_rng(t))
            losses.append(problem.loss(state.weights))
        assert (np.diff(losses) <= 1e-12).all()


def test_cem_fits_a_gaussian_to_the_elite():
    problem, trainer = make(), CEM(population_size=20, readout="evolved", elite=0.3, smoothing=1.0, extra_noise=0.0)
    state = after(trainer, problem)
    members = trainer.members(state, problem.network, (3, 4))
    drawn = np.concatenate([members.weights(b) for b in range(members.n_blocks)])
    losses = problem.loss(drawn)
    elite = drawn[np.argsort(losses)[:6]]
    changes = trainer.update(state, members, losses[None], problem)
    assert_allclose(changes["weights"], elite.mean(axis=0), rtol=1e-10)
    assert_allclose(changes["sigma"], elite.std(axis=0), rtol=1e-8)


def test_extra_noise_adds_to_the_variance_and_ends_with_the_fit():
    problem = make(max_iter=10)
    state = after(CEM(readout="evolved"), problem, 1)
    members = CEM().members(state, problem.network, (3, 4))
    losses = np.arange(64.0)[None]
    unit = problem.network.fan_in_scale(np.float64)
    for iteration, left in [(0, 1 - 0.05), (9, 1 - 0.95)]:
        problem.iteration = iteration
        plain, noisy = (CEM(extra_noise=e).update(state, members, losses, problem)["sigma"] for e in (0.0, 0.2))
        assert_allclose(noisy**2 - plain**2, (0.2 * left * unit) ** 2, rtol=1e-6)


def test_cbo_moves_particles_to_the_consensus():
    problem, trainer = make(), CBO(population_size=16, readout="evolved", diffusion=0.0, dt=0.2, drift=1.5)
    state = after(trainer, problem, 1)
    members, losses = judged(trainer, state, problem)
    changes = trainer.update(state, members, losses[None], problem)
    x, c = members.swarm[0], merits(losses, 0.1) @ members.swarm[0]
    assert_allclose(changes["weights"], c)
    assert_allclose(changes["swarm"][0], x - 0.3 * (x - c))


def test_particles_that_agree_stay_together():
    problem, trainer = make(), CBO(population_size=8, readout="evolved")
    state = after(trainer, problem, 0)
    state = advance(state, swarm=[np.repeat(state.weights[None], 8, axis=0)])
    state = trainer.step(state, problem, np.random.default_rng(0))
    assert_allclose(state.swarm[0], np.repeat(state.weights[None], 8, axis=0), atol=1e-12)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_merits_are_those_of_a_share_of_the_particles_in_any_unit(scale):
    losses = np.random.default_rng(0).normal(size=50)
    w = merits(scale * losses, 0.2)
    assert w.sum() == pytest.approx(1) and 1 / np.square(w).sum() == pytest.approx(10, rel=1e-3)
    assert (np.diff(w[np.argsort(losses)]) <= 0).all()
    assert_allclose(merits(np.ones(5), 0.2), np.full(5, 0.2))


def test_particles_that_would_never_agree_are_refused():
    with pytest.raises(ValueError, match="diffusion of CBO must be less than"):
        CBO(diffusion=1.5).check_parameters()


@pytest.mark.parametrize("name", ["pso", "differential_evolution", "cbo"])
@pytest.mark.parametrize("readout", ["evolved", "auto"])
def test_a_swarm_follows_a_shift_of_the_outputs(name, readout):
    problem, trainer, shift = make(), get_trainer(name, readout=readout, population_size=8), np.array([0.5, -1.0, 2.0])
    state = after(trainer, problem)
    moved = trainer.shift_outputs(state, problem, shift)
    for array, is_place in zip(moved.swarm, trainer.positions, strict=True):
        assert array.shape[1] == problem.network.n_weights
        if readout == "evolved":
            before = state.swarm[trainer.positions.index(is_place)] if is_place else array
            assert not is_place or array is not before
    if readout == "evolved":
        gap = moved.swarm[0] - state.swarm[0]
        assert_allclose(problem.network.unpack(gap)[1][-1], np.repeat(shift[None], len(gap), axis=0))
        assert_allclose(gap[:, : problem.network.n_kernel], 0)


# --- ask and tell -----------------------------------------------------------------------------------------------------


class Ours:
    """An optimiser of the simplest kind: noise around the best so far. Its generator cannot be pickled."""

    def __init__(self, x0, sigma, seed, size):
        self.best, self.loss, self.sigma, self.size = x0, np.inf, sigma, size
        self.draw = (lambda rng: lambda: rng.standard_normal((size, len(x0))))(np.random.default_rng(seed))
        self.heard = []

    def ask(self):
        return self.best + self.sigma * self.draw()

    def tell(self, population, losses):
        self.heard.append(losses)
        if losses.min() < self.loss:
            self.best, self.loss = population[losses.argmin()], losses.min()


def test_the_optimiser_is_told_the_losses_of_what_it_asked_for():
    problem, trainer = make(max_iter=None), AskTell(optimizer=Ours, population_size=7, readout="evolved")
    state = after(trainer, problem, 2)
    optimizer = replay.take(state.search)
    assert len(optimizer.heard) == 2
    unit = problem.network.fan_in_scale(np.float64)
    again = Ours(state.search.x0, trainer.sigma, state.search.seed, 7)
    for losses in optimizer.heard:
        asked = again.ask()
        assert_allclose(problem.loss(asked * unit), losses, rtol=1e-10)
        again.tell(asked, losses)
    assert problem.loss(state.weights) <= again.loss + 1e-12


def test_without_a_recommendation_the_best_member_so_far_predicts():
    problem, trainer = make(max_iter=None), AskTell(optimizer=Ours, readout="evolved")
    state, losses = after(trainer, problem, 0), []
    for t in range(10):
        state = trainer.step(state, problem, np.random.default_rng(t))
        losses.append(problem.loss(state.weights))
    assert (np.diff(losses) <= 1e-12).all() and losses[-1] < losses[0]


def test_a_step_is_repeated_by_telling_the_optimiser_again_and_costs_no_evaluation():
    problem, trainer = make(max_iter=None), AskTell(optimizer=Ours)
    old = after(trainer, problem, 3)
    new = trainer.step(old, problem, np.random.default_rng(7))
    before = problem.n_evaluations
    again = trainer.step(pickle.loads(pickle.dumps(old)), problem, np.random.default_rng(7))
    assert_array_equal(new.weights, again.weights)
    once = problem.n_evaluations - before
    trainer.step(new, problem, np.random.default_rng(8))
    assert problem.n_evaluations - before == 2 * once


@pytest.mark.parametrize("optimizer", EXTERNAL)
def test_optimisers_of_other_packages_learn_and_give_the_same_bits(optimizer):
    pytest.importorskip(EXTERNAL[optimizer])
    problem = make(max_iter=4)
    trainer = AskTell(optimizer=optimizer, population_size=10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole, part = (after(trainer, problem, steps, seed=2) for steps in (12, 5))
        rest = pickle.loads(pickle.dumps(part))
        for t in range(5, 12):
            rest = trainer.step(rest, problem, np.random.default_rng(t))
    assert_array_equal(whole.weights, rest.weights)
    assert problem.loss(whole.weights) < problem.loss(trainer.init(problem, np.random.default_rng(2)).weights)


@pytest.mark.parametrize("optimizer", EXTERNAL)
def test_adapters_find_the_bottom_of_a_bowl(optimizer):
    pytest.importorskip(EXTERNAL[optimizer])
    x0 = np.full(4, 2.0)
    strategy, last = factory(optimizer)(x0, 0.5, 3, 12), np.inf
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(60):
            asked = np.asarray(strategy.ask())
            assert asked.shape == (12, 4)
            losses = np.square(asked - 1).sum(axis=1)
            last = losses.min()
            strategy.tell(list(asked) if optimizer == "pycma" else asked, losses)
    assert last < 0.2


def test_an_optimiser_that_is_missing_is_named(monkeypatch):
    def absent(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr("bpfree_optimisers.adapters.import_module", absent)
    for name, adapter in ADAPTERS.items():
        with pytest.raises(ImportError, match="run pip install"):
            adapter(np.zeros(2), 0.1, 0, 4)
        assert get_trainer("ask_tell", optimizer=name).packages


class Forgetful(Ours):
    """Draws from the clock, so to say."""

    seeds = iter(range(1000))

    def __init__(self, x0, sigma, seed, size):
        super().__init__(x0, sigma, next(self.seeds), size)


class Flat(Ours):
    def ask(self):
        return super().ask()[0]


@pytest.mark.parametrize(
    "optimizer, error, words",
    [
        (Forgetful, ValueError, "asks for other members when it is made twice"),
        (lambda x0, sigma, seed, size: object(), TypeError, "methods ask\\(\\) and tell"),
        (Flat, ValueError, "some vectors of 27 numbers"),
        ("bfgs", ValueError, "must be one of"),
        ("pycma:DE", ValueError, "must be one of"),
        (object(), TypeError, "a name or a factory"),
    ],
)
def test_what_is_no_optimiser_is_one_sentence(optimizer, error, words):
    X, y = np.random.default_rng(0).normal(size=(30, 3)), np.arange(30) % 3
    model = BPFreeClassifier((4,), trainer=AskTell(optimizer=optimizer, readout="evolved"), max_iter=2)
    words = words.replace("27", str(Network((3, 4, 3)).n_weights))
    with pytest.raises(error, match=words) as caught:
        model.fit(X, y)
    assert "\n" not in str(caught.value)


def test_an_interrupted_step_leaves_the_optimiser_to_be_made_anew():
    """Who is interrupted between ask and tell must not be told of another population later."""
    problem, trainer = make(max_iter=None), AskTell(optimizer=Ours)
    state = after(trainer, problem, 2)
    expected = trainer.step(pickle.loads(pickle.dumps(state)), problem, np.random.default_rng(3))
    state.search.optimizer(factory(Ours)).ask()
    assert_array_equal(trainer.step(state, problem, np.random.default_rng(3)).weights, expected.weights)


def test_a_living_optimiser_is_given_to_one_caller_only():
    search = replay.Search(np.zeros(2), 0.1, 0, 4)
    assert replay.take(search) is None
    replay.keep(search, "optimiser")
    assert replay.take(pickle.loads(pickle.dumps(search))) is None
    assert replay.take(search) == "optimiser" and replay.take(search) is None


def test_options_of_an_adapter_are_given_by_a_partial():
    pytest.importorskip("pymoo")
    by_name, by_hand = factory("pymoo:GA"), partial(ADAPTERS["pymoo"], algorithm="GA")
    x0 = np.zeros(3)
    assert_array_equal(by_name(x0, 0.1, 0, 6).ask(), by_hand(x0, 0.1, 0, 6).ask())


# --- scipy ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS[:-1])
def test_a_run_of_scipy_finds_lower_values_and_keeps_to_its_evaluations(method):
    problem = make(max_iter=None)
    trainer = ScipyOptimize(method=method, population_size=60, dimensions=4, readout="evolved")
    state = trainer.init(problem, np.random.default_rng(0))
    before = problem.n_evaluations
    after = trainer.step(state, problem, np.random.default_rng(1))
    assert problem.loss(after.weights) < problem.loss(state.weights)
    assert after.loss == pytest.approx(problem.loss(after.weights))
    spent = (problem.n_evaluations - before) / problem.n_samples - 3  # those of this test
    assert 1 < spent <= 60


def test_a_run_searches_a_few_directions_around_the_weights():
    problem, trainer = make(max_iter=None), ScipyOptimize(dimensions=3, readout="evolved")
    state = trainer.init(problem, np.random.default_rng(0))
    generation = trainer.generation(state, problem, np.random.default_rng(1))
    P = np.random.default_rng(2).normal(size=(3, problem.network.n_weights))
    values = Values(generation, P, 10)
    Z = np.random.default_rng(3).uniform(-1, 1, (4, 3))
    assert_allclose(values.weights(Z), state.weights + state.sigma * (Z @ P) / np.sqrt(3))
    assert_allclose(values.many(Z), problem.loss(values.weights(Z)))
    assert values.left == 5 and values.loss == min(problem.loss(values.weights(np.vstack([np.zeros(3), Z]))))
    with pytest.raises(Spent):
        values.many(np.zeros((6, 3)))


def test_all_weights_are_searched_where_there_are_as_many_directions():
    problem = make(sizes=(2, 2), objective=SquaredError(), max_iter=None)
    trainer = ScipyOptimize(method="powell", dimensions=50, population_size=400, sigma=3.0)
    state = after(trainer, problem, 4)
    A = np.column_stack([problem.X, np.ones(problem.n_samples)])
    best = np.linalg.lstsq(A, problem.Y)[0]
    assert_allclose(state.weights, best.ravel(), atol=2e-3)


def test_the_search_narrows_where_nothing_better_is_found(monkeypatch):
    problem, trainer = make(max_iter=None), ScipyOptimize(population_size=20)
    state = trainer.init(problem, np.random.default_rng(0))
    for found, factor in [(False, 0.8), (True, 1.25)]:

        def one(method, F, d, rng, found=found):
            F.best = np.full(d, 0.01 * found)

        monkeypatch.setattr("bpfree_optimisers.scipy_optimize.run", one)
        assert_allclose(trainer.step(state, problem, np.random.default_rng(1)).sigma, factor * state.sigma)


def test_the_yardstick_has_the_gradient_of_all_weights():
    problem = make(objective=LogLoss())
    weights = problem.network.initial_weights(np.random.default_rng(0), np.float64)
    loss, gradient = loss_and_gradient(problem)(weights)
    assert loss == pytest.approx(problem.loss(weights))
    steps = 1e-6 * np.eye(weights.size)
    assert_allclose(gradient, (problem.loss(weights + steps) - problem.loss(weights - steps)) / 2e-6, atol=1e-8)


def test_l_bfgs_says_that_it_back_propagates_and_learns_best():
    problem = make(max_iter=3)
    yardstick = ScipyOptimize(method="l-bfgs-b")
    assert (yardstick.needs, yardstick.transposes) == ("output error", "all")
    assert (ScipyOptimize().needs, ScipyOptimize().transposes) == ("values", "none")
    losses = [problem.loss(after(t, problem, 3).weights) for t in (yardstick, ScipyOptimize(readout="evolved"))]
    assert losses[0] < losses[1]


def test_a_run_stops_where_the_method_has_ended_by_itself():
    calls = []

    class Bowl:
        left = 1000

        def __call__(self, z):
            calls.append(z)
            return float(np.square(z).sum())

    run("nelder-mead", Bowl(), 2, np.random.default_rng(0))
    assert len(calls) < 1000


# --- mealpy -----------------------------------------------------------------------------------------------------------

ALGORITHMS = ["OriginalGWO", "BaseGA", "OriginalPSO"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_mealpy_learns_and_a_pickled_fit_goes_on_with_the_same_bits(algorithm):
    pytest.importorskip("mealpy")
    problem, trainer = make(), get_trainer("mealpy", algorithm=algorithm, population_size=10)
    whole = after(trainer, problem, 6)
    rest = pickle.loads(pickle.dumps(after(trainer, problem, 3)))
    evaluations = problem.n_evaluations
    for t in range(3, 6):
        rest = trainer.step(rest, problem, np.random.default_rng(t))
    assert_array_equal(whole.weights, rest.weights)
    assert problem.n_evaluations - evaluations <= 3 * 3 * 10 * problem.n_samples
    assert problem.loss(whole.weights) < problem.loss(trainer.init(problem, np.random.default_rng(1)).weights)


def test_mealpy_does_what_its_own_solve_does():
    mealpy = pytest.importorskip("mealpy")
    from bpfree_optimisers.mealpy import Model

    x0, kind = np.ones(3), mealpy.get_all_optimizers(verbose=False)["OriginalGWO"]
    ours = Model(kind, {}, x0, 0.5, 7, 8, 5)
    found = [ours.run(lambda X: np.square(X).sum(axis=1)) for _ in range(6)][-1]
    first = x0 + 0.5 * np.random.default_rng(7).standard_normal((8, 3))
    first[0] = x0
    problem = {"obj_func": lambda x: float(np.square(x).sum()), "minmax": "min", "log_to": None}
    problem["bounds"] = mealpy.FloatVar(lb=x0 - 2.5, ub=x0 + 2.5)
    theirs = kind(epoch=5, pop_size=8).solve(problem, mode="swarm", starting_solutions=list(first), seed=7)
    assert_allclose(found, theirs.solution)


def test_what_cannot_be_repeated_in_mealpy_is_refused():
    pytest.importorskip("mealpy")
    X, y = np.random.default_rng(0).normal(size=(30, 3)), np.random.default_rng(1).normal(size=30)
    for algorithm, words in [("JADE", "global generator"), ("PSO", "one of mealpy's")]:
        model = BPFreeRegressor((4,), trainer=get_trainer("mealpy", algorithm=algorithm), max_iter=3)
        with pytest.raises(ValueError, match=words):
            model.fit(X, y)


# --- all --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "trainer", ["ask_tell", "pso", "differential_evolution", "cem", "cbo", "scipy_optimize", "mealpy"]
)
def test_a_metric_step_units_and_threads(trainer):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    y = (X[:, 0] + X[:, 1] > 0).astype(int)
    made = get_trainer(trainer, population_size=16)
    options = {"trainer": made, "loss": "balanced_accuracy", "activation": "step", "random_state": 0, "max_iter": 10}
    one, two = (BPFreeClassifier((8,), n_jobs=n_jobs, **options).fit(X, y) for n_jobs in (None, 2))
    assert one.score(X, y) > 0.75
    assert_array_equal(one.state_.weights, two.state_.weights)


def test_a_fit_that_was_cut_short_goes_on():
    problem = make(max_iter=6)
    for name in ("pso", "cem", "cbo", "differential_evolution", "scipy_optimize"):
        trainer = get_trainer(name, population_size=20)
        progress = training.start(trainer, problem, 0)
        progress.plan(6)
        whole = training.run(trainer, make(max_iter=6), progress).state
        progress = training.start(trainer, problem, 0)
        progress.plan(6)
        training.run(trainer, make(max_iter=6), progress, on_step=lambda p: p.iteration == 2)
        rest = pickle.loads(pickle.dumps(progress))
        assert_array_equal(training.run(trainer, make(max_iter=6), rest).state.weights, whole.weights)


def test_an_algorithm_that_a_package_lacks_is_one_sentence():
    with pytest.raises(ValueError, match=r"evosax has no algorithm 'OpenES'; .* takes Open_ES, PSO"):
        chosen("evosax", "OpenES", {"PSO": None, "Open_ES": None})
