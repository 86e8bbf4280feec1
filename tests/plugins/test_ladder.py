"""The ladder: who learns from which rows, what decay the members settle on, and what their outputs become."""

import joblib
import numpy as np
import pytest
from bpfree_ladder import companion as companion_module
from bpfree_ladder.ladder import Ladder, LadderState
from bpfree_ladder.member import Member, endless_permutations, main_columns, own_problem, parts_of, waves
from bpfree_ladder.schedule import dropout_of, for_all_steps, n_held_out, n_updates, rungs
from scipy import sparse
from scipy.special import expit
from sklearn.datasets import make_classification, make_friedman1

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, get_trainer
from sklearn_bpfree.estimators import training
from sklearn_bpfree.nn.losses import BinaryLogLoss, LogLoss, SquaredError
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.plugin import Budget, State, Trainer, advance
from sklearn_bpfree.plugin.problem import Problem


class Fixed(Trainer):
    """A member that learns nothing: its one output is its bias, whatever the row."""

    weight_decay: float = 1.0
    dropout: float = 0.0

    def init(self, problem, rng):
        return State(np.zeros(problem.network.n_weights, problem.dtype))

    def step(self, state, problem, rng):
        return advance(state, loss=self.weight_decay)


class Memory(Fixed):
    """A member that notes the rows it was given in its loss: the sum of the first column's powers of two."""

    def step(self, state, problem, rng):
        return advance(state, loss=float(np.exp2(np.unique(problem.X[:, 0])).sum()))


def made(objective, Y, *, n=None, max_iter=10, sample_weight=None):
    n = len(Y) if n is None else n
    X = np.arange(n, dtype=np.float64)[:, None]
    return Problem(X, Y, Network((1, 1)), objective, sample_weight=sample_weight, batch_size=8, max_iter=max_iter)


def fixed_members(biases, decays=(1.0, 2.0, 3.0), columns=(None, None, None)):
    states = (State(np.array([0.0, bias])) for bias in biases)
    return [Member(*parts) for parts in zip(states, decays, columns, strict=False)]


def settled(biases, Y, *, decays=(0.1, 1.0, 10.0), boost=1.0, single=False, sample_weight=None, columns=None):
    """State after the step in which members with these outputs settle, on the rows Y, all held out but the last."""
    Y = np.asarray(Y, dtype=np.float64)[:, None]
    problem = made(SquaredError(), Y, sample_weight=sample_weight)
    ladder = Ladder(Fixed(), decays, boost=boost, single=single, search=0.0)
    members = fixed_members(biases, decays, columns or [None] * len(decays))
    state = LadderState(members[0].state.weights, members=members, held_out=np.arange(len(Y) - 1), seed=0)
    return ladder.step(state, problem, np.random.default_rng(0))


# --- settle -----------------------------------------------------------------------------------------------------------


def test_members_settle_on_the_weighted_mean_of_the_log_decays():
    rng = np.random.default_rng(0)
    Y, biases, decays = rng.normal(size=41), np.array([0.05, 0.0, 0.3]), np.array([0.1, 1.0, 10.0])
    losses = 0.5 * (biases[:, None] - Y[:-1]) ** 2
    gaps = losses - losses[losses.mean(axis=1).argmin()]
    z = np.divide(gaps.mean(axis=1), gaps.std(axis=1) / np.sqrt(40), where=gaps.any(axis=1), out=np.zeros(3))
    w = np.exp(-(z**2) / 2)
    expected = np.exp((w * np.log(decays)).sum() / w.sum())
    assert 0.1 < expected < 10 and (w > 0.05).sum() > 1
    assert settled(biases, Y).decay == pytest.approx(expected)
    assert settled(biases, Y, boost=1.6).decay == pytest.approx(1.6 * expected)


class Moving(Fixed):
    """A member whose output is as far from 0 as the step's number is from one that depends on its decay."""

    def step(self, state, problem, rng):
        best = {0.1: 8, 1.0: 4, 10.0: 6.6}[self.weight_decay]
        return advance(state, weights=np.array([0.0, abs(problem.iteration + 1 - best)]))


def test_the_last_four_steps_of_the_search_count():
    Y = np.random.default_rng(0).normal(0, 0.01, size=(40, 1))
    problem, ladder = made(SquaredError(), Y, max_iter=20), Ladder(Moving(), (0.1, 1.0, 10.0), boost=1.0, search=0.4)
    state = ladder.init(problem, np.random.default_rng(0))
    for problem.iteration in range(8):  # in the last one of which the member of decay .1 is best
        assert np.isnan(state.decay) and state.losses.any() == (problem.iteration > 4)
        state = ladder.step(state, problem, np.random.default_rng(0))
    assert state.decay == pytest.approx(10.0, rel=1e-3) and state.losses.shape == ()


@pytest.mark.parametrize(("n", "steps"), [(1499, 8), (1500, 10)])
def test_a_shorter_table_is_searched_for_fewer_steps(n, steps):
    problem, ladder = made(SquaredError(), np.zeros((n, 1)), max_iter=25), Ladder(Fixed())
    state = ladder.init(problem, np.random.default_rng(0))
    for problem.iteration in range(steps):
        assert np.isnan(state.decay)
        state = ladder.step(state, problem, np.random.default_rng(0))
    assert state.decay > 0


@pytest.mark.parametrize(("best", "decay"), [(0, 0.1), (1, 1.0), (2, 10.0)])
def test_a_clear_winner_decides(best, decay):
    biases = [5.0, 5.0, 5.0]
    biases[best] = 0.0
    state = settled(biases, np.random.default_rng(0).normal(size=50))
    assert state.decay == pytest.approx(decay, rel=1e-6)
    assert len(state.members) == 3


def test_long_tables_raise_decays_that_are_neither_small_nor_large():
    assert for_all_steps(5.0, 2000) == 5 and for_all_steps(1.0, 2000) == 2 and for_all_steps(1.0, 1499) == 1
    assert for_all_steps(0.05, 2000) == 0.05 and for_all_steps(0.5, 2000) == pytest.approx(2.2 * 0.5**1.3)


@pytest.mark.parametrize("n, factor", [(1400, 1), (1600, 2.2 * 0.32**0.3)])
def test_several_members_go_on_with_more_decay_on_a_long_table(n, factor):
    Y = np.zeros(n)
    Y[::2] = 1
    assert settled([0.5, 5.0, 5.0], Y, decays=(0.2, 1.0, 10.0), boost=1.6).decay == pytest.approx(
        0.32 * factor, rel=1e-3
    )
    assert settled([0.5, 5.0, 5.0], Y, decays=(0.2, 1.0, 10.0), single=True).decay == pytest.approx(0.2, rel=1e-3)


def test_only_the_best_member_goes_on_in_the_single_setting():
    state = settled([5.0, 0.0, 5.0], np.random.default_rng(0).normal(size=50), single=True)
    assert [member.state.weights[-1] for member in state.members] == [0.0]
    assert state.weights is state.members[0].state.weights


def test_a_single_net_is_chosen_from_fewer_rungs_unless_they_are_given():
    problem = made(SquaredError(), np.zeros((1500, 1)))
    for params, decays in [
        ({}, [0.05, 0.5, 5.0]),
        ({"single": True}, [0.1, 2.0]),
        ({"single": True, "decays": (1.0, 3.0, 9.0)}, [1.0, 3.0, 9.0]),
    ]:
        ladder = Ladder(Fixed(), **params)
        state = ladder.step(ladder.init(problem, np.random.default_rng(0)), problem, np.random.default_rng(0))
        assert [member.state.loss for member in state.members] == decays


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("n", [1499, 1500])
def test_members_have_the_rungs_of_their_table_and_below_1500_rows_one_sees_main_columns(n, single):
    X = np.random.default_rng(0).normal(size=(n, 2)) * [1, 0.1]
    problem = Problem(X, np.zeros((n, 1)), Network((2, 1)), SquaredError(), max_iter=25)
    state = Ladder(Fixed(), single=single).init(problem, np.random.default_rng(0))
    found = tuple((member.decay, member.columns is not None) for member in state.members)
    assert found == rungs(n, single)
    assert sum(main_only for _, main_only in found) == (n < 1500)
    assert len(state.members) == (2 if single or n == 1499 else 3)
    given = Ladder(Fixed(), (1.0, 2.0), single=single).init(problem, np.random.default_rng(0))
    assert [(member.decay, member.columns) for member in given.members] == [(1.0, None), (2.0, None)]


def test_main_columns_are_those_of_two_values_or_of_much_spread():
    rng = np.random.default_rng(0)
    raw, rare = rng.normal(size=400), (rng.random(400) < 0.02).astype(float)
    part = np.clip(rng.normal(size=400), -0.5, 0.5)
    X = np.column_stack([raw, part, rare, np.zeros(400), 0.6 * raw])
    for store in (np.asarray, sparse.csr_array):
        assert main_columns(store(X)).tolist() == [0, 2, 3, 4]
        assert main_columns(store(X[:, [0, 2]])) is None


def test_some_members_of_a_short_table_see_main_columns_only():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=200), 0.1 * rng.normal(size=200)])
    problem = Problem(X, X[:, :1], Network((2, 4, 1)), SquaredError(), batch_size=64, max_iter=25)
    ladder = Ladder()
    state = ladder.init(problem, rng)
    assert [m.columns if m.columns is None else m.columns.tolist() for m in state.members] == [None, [0]]
    state = ladder.step(state, problem, rng)
    own = [Network((2, 4, 1)), Network((1, 4, 1))]
    assert [member.state.weights.size for member in state.members] == [network.n_weights for network in own]
    trainer, rows = get_trainer("sum_of_readouts"), X[:9]
    expected = [
        trainer.outputs(m.state, net, rows[:, :d]) for m, net, d in zip(state.members, own, (2, 1), strict=True)
    ]
    np.testing.assert_allclose(ladder.outputs(state, problem.network, rows), sum(expected) / 2)


@pytest.mark.parametrize("store", [np.asarray, sparse.csr_array])
def test_a_single_net_of_main_columns_has_the_weights_of_one_that_sees_nothing_else(store):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 6)) * [1, 0.1, 1, 0.1, 0.1, 1]
    y = (X[:, 0] + 3 * rng.normal(size=300) > 0).astype(int)  # noise, so that the member with more decay is chosen
    model = BPFreeClassifier((64,), trainer=get_trainer("ladder", single=True, trainer="backprop"), random_state=0)
    model.fit(store(X), y)
    assert model.state_.members[0].columns.tolist() == [0, 2, 5]
    assert model.coefs_[0].shape == (6, 64)
    assert model.coefs_[0].any(axis=1).tolist() == [True, False, True, False, False, True]
    other = store(X * [1, -3, 1, 5, 7, 1])
    np.testing.assert_array_equal(model.predict_proba(other), model.predict_proba(store(X)))
    raw = model.network_.outputs(model.state_.weights, X.astype(np.float32)) / model.state_.temperature
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], expit(raw[:, 0]), rtol=1e-5)


def test_the_single_member_of_a_short_table_keeps_to_the_columns_that_it_was_chosen_with():
    Y, main = np.random.default_rng(0).normal(size=50), np.array([0])
    for biases, chosen in [([0.0, 5.0], None), ([5.0, 0.0], main)]:
        state = settled(biases, Y, decays=(0.1, 2.0), single=True, columns=[None, main])
        assert [member.columns for member in state.members] == [chosen]
        assert [member.state.weights[-1] for member in state.members] == [0.0]


@pytest.mark.parametrize(("bias", "stays"), [(0.05, True), (5.0, False)])
def test_members_with_main_columns_give_way_to_a_copy_of_the_best_other_one_when_they_are_clearly_worse(bias, stays):
    Y, main = np.random.default_rng(0).normal(size=50), np.array([0])
    state = settled([4.0, 0.0, bias, 5.0], Y, decays=(0.1, 0.3, 1.0, 10.0), columns=[None, None, main, main])
    assert [member.columns for member in state.members] == ([None, None, main, main] if stays else [None] * 4)
    biases = [4.0, 0.0, bias, 5.0] if stays else [4.0, 0.0, 0.0, 0.0]
    assert [member.state.weights[-1] for member in state.members] == biases


@pytest.mark.parametrize("columns", [None, np.array([0, 2])])
@pytest.mark.parametrize("store", [np.asarray, sparse.csr_array])
def test_a_part_has_its_rows_in_the_given_order_with_its_columns_and_smoothed_classes(store, columns):
    X, Y, weight = np.arange(12.0).reshape(4, 3), np.eye(2)[[0, 1, 1, 0]], np.array([1.0, 2.0, 1.0, 4.0])
    rows = np.array([2, 0, 3])
    problem = Problem(store(X), Y, Network((3, 2)), LogLoss(), sample_weight=weight, batch_size=2, max_iter=5)
    problem.iteration = 3
    own = own_problem(problem, rows, columns, smoothing=0.1)
    expected = X[rows] if columns is None else X[rows][:, columns]
    assert own.network.layer_sizes == (expected.shape[1], 2)
    batches = list(own.batches(np.random.default_rng(0)))
    assert [len(batch.Y) for batch in batches] == [2, 1] and own.progress() == (3 + 0.25) / 5
    for found in ([batch.X for batch in batches], [own.X]):
        np.testing.assert_array_equal(np.vstack([x.toarray() if sparse.issparse(x) else x for x in found]), expected)
    np.testing.assert_allclose(np.vstack([batch.Y for batch in batches]), 0.9 * Y[rows] + 0.05)
    np.testing.assert_allclose(np.concatenate([batch.weight for batch in batches]), weight[rows] / 2)


def test_row_weights_count_when_members_settle():
    Y, weight = np.r_[np.zeros(20), np.full(20, 4.0), 0.0], np.r_[np.full(20, 1e-6), np.ones(21)]
    assert settled([0.0, 4.0], Y, decays=(0.1, 10.0), sample_weight=weight).decay == pytest.approx(10, rel=0.01)
    assert settled([0.0, 4.0], Y, decays=(0.1, 10.0), sample_weight=weight[::-1]).decay < 10


def test_without_held_out_rows_the_decay_is_the_middle_of_the_ladder():
    problem = made(SquaredError(), np.zeros((1, 1)), max_iter=2)
    ladder = Ladder(Fixed(), (0.5, 8.0), boost=1.0, search=0.5)
    state = ladder.step(ladder.init(problem, np.random.default_rng(0)), problem, np.random.default_rng(0))
    assert state.decay == pytest.approx(2.0)


# --- rows -------------------------------------------------------------------------------------------------------------


def rows_of(loss):
    """The rows noted by `Memory`."""
    return {row for row in range(24) if int(loss) >> row & 1}


def test_members_search_without_the_held_out_rows_and_rejoin_all_but_their_own():
    problem = made(SquaredError(), np.zeros((24, 1)), max_iter=10)
    ladder = Ladder(Memory(), search=0.5, effort=20.0)
    progress = training.start(ladder, problem, 0)
    held_out = progress.state.held_out
    assert len(held_out) == 6
    progress.plan(10)
    seen = []

    def note(progress):
        seen.append([rows_of(member.state.loss) for member in progress.state.members])
        return False

    training.run(ladder, problem, progress, on_step=note)
    everything = set(range(24))
    for step, members in enumerate(seen):
        for i, rows in enumerate(members):
            assert rows == everything - set(held_out if step < 5 else held_out[i::2])
    single = training.start(ladder.set_params(single=True), problem, 0)
    single.plan(10)
    training.run(ladder, problem, single)
    assert [rows_of(member.state.loss) for member in single.state.members] == [everything]


def test_permutations_go_on_where_they_left_off():
    n, without = 10, [2, 7]
    whole = endless_permutations(n, without, (3, 1), 0, 40)
    assert [sorted(whole[i : i + 8].tolist()) for i in range(0, 40, 8)] == [[0, 1, 3, 4, 5, 6, 8, 9]] * 5
    pieces = [endless_permutations(n, without, (3, 1), start, 5) for start in range(0, 40, 5)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    assert (endless_permutations(n, without, (3, 2), 0, 40) != whole).any()


def test_members_differ_in_decay_and_dropout_and_go_on_with_one():
    ladder = Ladder(get_trainer("dfa", learning_rate=0.123), (0.15, 6.0))
    for decay in (0.15, 6.0, 2.5):
        member = ladder._trainer(decay)
        assert (member.weight_decay, member.dropout, member.learning_rate) == (decay, dropout_of(decay), 0.123)
    problem = made(SquaredError(), np.zeros((24, 1)), max_iter=4)
    losses = []
    ladder = Ladder(Fixed(), (1.0, 4.0), boost=1.0, search=0.5)
    progress = training.start(ladder, problem, 0)
    progress.plan(4)
    training.run(ladder, problem, progress, on_step=lambda p: losses.append([m.state.loss for m in p.state.members]))
    assert losses == [[1.0, 4.0]] * 2 + [[progress.state.decay] * 2] * 2
    assert progress.state.decay == pytest.approx(2.0)


class Echo(Fixed):
    """A member whose loss is the first row's largest target."""

    def step(self, state, problem, rng):
        return advance(state, loss=float(problem.Y.max()))


@pytest.mark.parametrize(
    ("objective", "K", "top"), [(LogLoss(), 4, 0.9 + 0.1 / 4), (BinaryLogLoss(), 1, 0.95), (SquaredError(), 1, 1.0)]
)
def test_members_learn_smoothed_classes_and_values_as_they_are(objective, K, top):
    problem = made(objective, np.eye(K)[np.arange(24) % K])
    given = problem.Y.copy()
    ladder = Ladder(Echo(), smoothing=0.1)
    state = ladder.step(ladder.init(problem, np.random.default_rng(0)), problem, np.random.default_rng(0))
    assert state.loss == pytest.approx(top)
    np.testing.assert_array_equal(problem.Y, given)


# --- outputs ----------------------------------------------------------------------------------------------------------


def test_outputs_are_the_mean_over_the_temperature():
    state = LadderState(
        np.zeros(2), members=fixed_members([1.0, 2.0, 6.0]), held_out=np.arange(0), seed=0, temperature=2.0
    )
    np.testing.assert_allclose(Ladder(Fixed()).outputs(state, Network((1, 1)), np.zeros((4, 1))), 1.5)


class Constant(Fixed):
    """A companion whose one output is the number of its steps, times the units of its hidden layer."""

    def step(self, state, problem, rng):
        weights = state.weights.copy()
        weights[-1] += problem.network.layer_sizes[1]
        return advance(state, weights=weights)

    def budget(self, n_samples, n_features):
        return Budget(max_iter=3)


def with_companion(n=20, **params):
    """State of a ladder after its only step, with two members that say 1, of one feature and four hidden units."""
    network = Network((1, 4, 1))
    problem = Problem(np.ones((n, 1)), np.ones((n, 1)), network, SquaredError(), batch_size=8, max_iter=1)
    ladder = Ladder(Fixed(), (1.0, 2.0), companion=Constant(), search=0.0, **params)
    state = ladder.init(problem, np.random.default_rng(0))
    assert state.companion is None
    for member in state.members:
        member.state.weights[-1] = 1.0
    state = ladder.step(state, problem, np.random.default_rng(0))
    return state, ladder.outputs(state, network, np.ones((5, 1)))


def test_the_companion_has_a_wide_layer_a_whole_fit_of_its_own_and_a_share_of_the_mean():
    _, outputs = with_companion()
    np.testing.assert_allclose(outputs, 0.5 * 1 + 0.5 * 3 * 800)


@pytest.mark.parametrize("params", [{"n": 1500}, {"single": True}])
def test_longer_tables_and_single_members_have_no_companion(params):
    state, outputs = with_companion(**params)
    assert state.companion is None
    np.testing.assert_array_equal(outputs, 1)


@pytest.mark.parametrize("loss, joins", [("squared_error", True), ("poisson", False), ("absolute_error", False)])
def test_a_kernel_joins_where_its_closed_form_is_that_of_the_loss(loss, joins):
    X, y = make_friedman1(80, random_state=0)
    model = BPFreeRegressor(trainer="ladder", loss=loss, random_state=0).fit(X, np.abs(y))
    assert (model.state_.companion is not None) == joins


def test_a_table_of_too_many_cells_has_no_companion(monkeypatch):
    monkeypatch.setattr(companion_module, "COMPANION_CELLS", 20)
    assert with_companion(20)[0].companion is not None
    assert with_companion(21)[0].companion is None


def test_the_companion_changes_nothing_but_the_mean_and_the_number_of_updates():
    X, y = make_friedman1(150, random_state=0)
    alone, both = (
        BPFreeRegressor(trainer=get_trainer("ladder", companion=companion, effort=effort), random_state=0).fit(X, y)
        for companion, effort in [(None, 11 / 15.5), ("auto", 1.0)]
    )
    np.testing.assert_array_equal(alone.coefs_[0], both.coefs_[0])
    assert alone.state_.companion is None
    assert np.abs(alone.predict(X) - both.predict(X)).max() > 0.1


def test_the_default_companion_is_a_kernel_and_any_trainer_can_be_one():
    auto = companion_module.companion_of("auto")
    assert (auto.matrix, auto.exponent) == ("diagonal", 1.0)
    X, y = make_classification(150, random_state=0)
    for companion in ["rvfl", get_trainer("dfa", dropout=0.1)]:
        model = BPFreeClassifier(trainer=get_trainer("ladder", companion=companion), random_state=0).fit(X, y)
        assert model.score(X, y) > 0.9


def test_the_temperature_minimises_the_loss_on_rows_that_a_member_has_not_seen():
    rng = np.random.default_rng(0)
    Y = (rng.random((4000, 1)) < 0.7).astype(np.float64)
    problem = made(BinaryLogLoss(), Y, max_iter=1)
    ladder = Ladder(Fixed(), (1.0, 2.0))
    overconfident = 3 * np.log(0.7 / 0.3)
    state = LadderState(
        np.zeros(2),
        members=fixed_members([overconfident] * 2),
        held_out=np.arange(3000),
        seed=0,
        decay=1.0,
    )
    state = ladder.step(state, problem, rng)
    assert state.temperature == pytest.approx(3, rel=0.15)
    outputs = ladder.outputs(state, problem.network, problem.X)
    np.testing.assert_allclose(expit(outputs), Y[:3000].mean(), atol=0.01)


def test_rows_without_a_say_leave_the_temperature_below_one():
    problem = made(BinaryLogLoss(), np.array([[0.0], [1.0]] * 20), max_iter=1)
    state = LadderState(
        np.zeros(2),
        members=fixed_members([0.0, 0.0]),
        held_out=np.arange(10),
        seed=0,
        decay=1.0,
    )
    state = Ladder(Fixed(), (1.0, 2.0)).step(state, problem, np.random.default_rng(0))
    assert state.temperature == pytest.approx(0.7, rel=1e-3)


def test_the_single_member_has_the_temperature_that_suited_it_when_it_was_chosen():
    Y = (np.random.default_rng(0).random((2000, 1)) < 0.7).astype(np.float64)
    problem = made(BinaryLogLoss(), Y, max_iter=10)
    ladder = Ladder(Fixed(), (1.0, 2.0), single=True, search=0.0)
    members = fixed_members([2 * np.log(0.7 / 0.3), 9.0])
    state = ladder.step(
        LadderState(np.zeros(2), members=members, held_out=np.arange(1500), seed=0),
        problem,
        np.random.default_rng(0),
    )
    assert len(state.members) == 1
    assert state.temperature == pytest.approx(2, rel=0.1)


def test_a_member_given_by_name_learns_quickly_and_an_object_as_it_says():
    assert Ladder("dfa")._trainer(1.0).learning_rate == 0.012
    assert Ladder(get_trainer("dfa"))._trainer(1.0).learning_rate == get_trainer("dfa").learning_rate


def test_values_have_no_temperature():
    X, y = make_friedman1(120, random_state=0)
    assert BPFreeRegressor(trainer="ladder", random_state=0).fit(X, y).state_.temperature == 1
    assert BPFreeClassifier(trainer="ladder", random_state=0).fit(X, y > y.mean()).state_.temperature != 1


# --- with any error-signal trainer ------------------------------------------------------------------------------------


@pytest.mark.parametrize("trainer", ["dfa", "fa", "local_loss", "backprop", get_trainer("dfa", feedback="learned")])
def test_any_error_signal_trainer_can_climb(trainer):
    X, y = make_classification(300, random_state=0)
    model = BPFreeClassifier((16, 16), trainer=Ladder(trainer), random_state=0).fit(X[:200], y[:200])
    assert model.score(X[200:], y[200:]) > 0.75
    assert model.n_iter_ == 25


@pytest.mark.parametrize("params", [{}, {"single": True}, {"decays": (0.1, 1.0, 5.0), "effort": 8.0}])
def test_same_bits_for_any_number_and_kind_of_jobs(params, always_pays):
    X, y = make_classification(200, n_classes=3, n_informative=5, random_state=0)

    def fitted(n_jobs):
        model = BPFreeClassifier((8, 8), trainer=Ladder(**params), max_iter=5, n_jobs=n_jobs, random_state=0)
        return model.fit(X, y).predict_proba(X).tobytes()

    alone = fitted(None)
    assert fitted(2) == alone
    for backend in ("loky", "threading"):
        with joblib.parallel_config(backend, n_jobs=2):
            assert fitted(None) == alone


@pytest.mark.parametrize(
    ("M", "n_workers", "n_waves"), [(3, 1, 1), (3, 2, 3), (3, 3, 1), (5, 2, 5), (5, 4, 3), (2, 2, 1)]
)
def test_members_share_workers_evenly_and_do_their_parts_in_order(M, n_workers, n_waves):
    plan, n_parts = waves(M, parts_of(M, 20), n_workers), parts_of(M, 20)
    assert len(plan) == n_waves
    assert all(len({i for i, _ in wave}) == len(wave) for wave in plan)  # no member is at two places at a time
    assert [sum(parts for wave in plan for j, parts in wave if j == i) for i in range(M)] == [n_parts] * M
    assert n_waves == 1 or max(map(len, plan)) <= n_workers


def test_noisy_labels_ask_for_more_decay_than_clean_ones():
    X, y = make_classification(1500, 20, n_informative=10, random_state=0)
    flipped = np.where(np.random.default_rng(0).random(1500) < 0.3, 1 - y, y)
    clean, noisy = (
        BPFreeClassifier((64,), trainer="ladder", random_state=0).fit(X, target).state_.decay for target in (y, flipped)
    )
    assert noisy > 1.5 * clean


def test_rules_by_the_number_of_rows():
    assert [n_held_out(n) for n in (2, 100, 2000, 10_000, 10**6)] == [0, 25, 300, 1000, 1500]
    assert n_updates(10_000) == 1550
    np.testing.assert_allclose(
        [dropout_of(d) for d in (0.1, 0.5, 5, 1e-9, 1e9)], [0.0, 0.105, 0.255, 0.0, 0.4], atol=1e-3
    )


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"trainer": "rvfl"}, "must have the hyper-parameters weight_decay and dropout, but 'rvfl' has no"),
        ({"decays": ()}, "at least one weight decay"),
        ({"decays": (1.0, -1.0)}, "decays == -1.0"),
        ({"search": 1.5}, "search == 1.5"),
        ({"companion": get_trainer("rvfl", scale=-1.0)}, "scale == -1.0"),
        ({"companion": "nobody"}, "nobody"),
        ({"boost": 0}, "boost == 0"),
        ({"trainer": get_trainer("dfa", learning_rate=-1.0)}, "learning_rate == -1.0"),
    ],
)
def test_parameters_that_make_no_sense(params, message):
    with pytest.raises(ValueError, match=message) as caught:
        Ladder(**params).check_parameters()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("params", [{"trainer": None}, {"trainer": 3}, {"companion": 3}, {"companion": Ladder}])
def test_what_is_no_trainer_is_refused(params):
    with pytest.raises(TypeError, match="of Ladder must be a registered name or a Trainer instance"):
        Ladder(**params).check_parameters()


# --- how sure -------------------------------------------------------------------------------------------------------


def noisy(n, seed):
    """Values whose noise grows with the first column."""
    X, f = make_friedman1(n, n_features=6, noise=0, random_state=seed)
    noise = np.random.default_rng(seed).normal(size=n)
    return 3.5 * (X - 0.5), f + 4 * X[:, 0] * noise


@pytest.mark.parametrize("params", [{}, {"single": True}, {"decays": (1.0,)}], ids=str)
def test_intervals_hold_what_they_promise_and_are_wider_where_the_noise_is(params):
    X, y = noisy(900, 0)
    X_test, y_test = noisy(2000, 1)
    trainer = get_trainer("ladder", trainer="backprop", **params)
    model = BPFreeRegressor((20,), trainer=trainer, random_state=0).fit(X, y)
    low, middle, high = model.predict_quantiles(X_test, [0.05, 0.5, 0.95]).T
    assert 0.84 < np.mean((low <= y_test) & (y_test <= high)) < 0.97
    assert ((low <= middle) & (middle <= high)).all()
    mean, std = model.predict(X_test, return_std=True)
    np.testing.assert_array_equal(mean, model.predict(X_test))
    assert std[X_test[:, 0] > 1].mean() > 1.3 * std[X_test[:, 0] < -1].mean()
    assert 0.7 < np.std((y_test - mean) / std) < 1.3


def test_sets_hold_the_true_class_as_often_as_they_promise():
    X, y = make_classification(2700, 6, n_informative=4, n_classes=3, n_clusters_per_class=2, random_state=0)
    y = np.array(["a", "b", "c"])[y]
    model = BPFreeClassifier((20,), trainer="ladder", random_state=0).fit(X[:700], y[:700])
    for confidence in (0.7, 0.9):
        sets = model.predict_set(X[700:], confidence)
        assert np.mean(sets[np.arange(2000), np.searchsorted(model.classes_, y[700:])]) > confidence - 0.05
        assert sets.any(axis=1).all()
    assert sets.sum(axis=1).mean() < 2.5
    assert not hasattr(BPFreeClassifier(trainer="dfa"), "predict_set")
    with pytest.raises(ValueError, match="confidence == 1"):
        model.predict_set(X, 1.0)
    labels = BPFreeClassifier((5,), trainer="ladder", max_iter=3).fit(X[:50], X[:50, :2] > 0)
    with pytest.raises(ValueError, match="one class per row"):
        labels.predict_set(X)


def test_a_fit_cut_short_says_how_sure_it_is():
    X, y = noisy(200, 0)
    model = BPFreeRegressor((5,), trainer="ladder", max_time=1e-9, random_state=0)
    assert model.fit(X, y).stop_reason_ == "max_time"
    assert (model.predict(X, return_std=True)[1] > 0).all()


@pytest.mark.parametrize("n", [2, 3, 5])
def test_the_smallest_tables_have_finite_intervals_and_sets(n):
    X, y = noisy(n, 0)
    assert np.isfinite(BPFreeRegressor((5,), trainer="ladder").fit(X, y).predict_quantiles(X)).all()
    assert BPFreeClassifier((5,), trainer="ladder").fit(X, y > y.mean()).predict_set(X).any(axis=1).all()


def test_quantiles_of_counts_are_not_negative():
    X, f = noisy(300, 0)
    y = np.random.default_rng(0).poisson(np.exp((f - f.mean()) / f.std()))
    model = BPFreeRegressor((20,), trainer="ladder", loss="poisson", random_state=0).fit(X, y)
    quantiles = model.predict_quantiles(X, [0.01, 0.5, 0.99])
    assert quantiles.min() >= 0
    assert 0.9 < np.mean(y <= quantiles[:, 2])
