"""Forward-forward against its equations, in float64: objectives of the layers, locality, negatives, predictions."""

import numpy as np
import pytest
from bpfree_forward_forward.goodness import group_pattern, mean_squares, soft_steps
from bpfree_forward_forward.negatives import mix_columns, stack_rows, wrong_labels
from scipy import sparse, special

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, get_trainer
from sklearn_bpfree.nn.losses import BinaryLogLoss, LogLoss, PoissonLoss, SquaredError
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.plugin.problem import Problem

TARGETS = {
    "classes": (LogLoss(), lambda rng: np.eye(3)[rng.integers(3, size=24)]),
    "two classes": (BinaryLogLoss(), lambda rng: rng.integers(2, size=(24, 1)).astype(float)),
    "labels": (BinaryLogLoss(), lambda rng: rng.integers(2, size=(24, 3)).astype(float)),
    "values": (SquaredError(), lambda rng: rng.standard_normal((24, 2))),
}
SLOPE = 3.0
PLAIN = {"optimizer": "sgd", "momentum": 0.0, "learning_rate": 1.0, "weight_decay": 0.0, "schedule": "constant"}


def make_problem(targets="classes", hidden=(9, 8), activation="tanh", **options):
    """24 weighted rows of 4 columns."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((24, 4))
    objective, draw = TARGETS[targets]
    Y = draw(rng)
    network = Network((4, *hidden, Y.shape[1]), activation)
    return Problem(X, Y, network, objective, sample_weight=rng.uniform(0.5, 2, 24), **options)


def make(problem, **params):
    """A trainer and its first state, with readouts that are not zero."""
    trainer = get_trainer("forward_forward", slope=SLOPE, **params)
    trainer.check_parameters()
    state = trainer.init(problem, np.random.default_rng(1))
    rng = np.random.default_rng(2)
    for R in [*state.feedback[: len(problem.network.layer_sizes) - 3], problem.network.unpack(state.weights)[0][-1]]:
        R += rng.normal(0, 0.3, R.shape)
    return trainer, state


def over_norm(A):
    return A / np.sqrt(np.square(A).mean(axis=1, keepdims=True) + 1e-6)


def slopes(function, at):
    """Central differences of a function of one array."""
    steps = 1e-6 * np.eye(at.size).reshape(-1, *at.shape)
    return np.array([function(at + step) - function(at - step) for step in steps]).reshape(at.shape) / 2e-6


def groups_loss(A, problem, trainer):
    """Mean loss of one layer's groups, by hand: units cut into groups of neighbours."""
    s, Y = problem.sample_weight / len(A), problem.Y
    K = Y.shape[1]
    ordinal = trainer.values == "ordinal"
    n_groups = (
        K
        if isinstance(problem.objective, LogLoss)
        else K * min(trainer.n_groups, A.shape[1] // K)
        if ordinal
        else 2 * K
    )
    group = np.arange(A.shape[1]) * n_groups // A.shape[1]
    G = SLOPE * np.stack([np.square(A[:, group == g]).mean(axis=1) for g in range(n_groups)], axis=1)
    if ordinal:
        log_P = special.log_softmax(G.reshape(len(A), K, -1), axis=-1)
        shares = (np.arange(trainer.n_groups) + 0.5) / trainer.n_groups
        T = soft_steps(Y, np.quantile(Y, shares, axis=0).T, n_groups // K, trainer.spread)
        return -s @ (T * log_P).sum(axis=(1, 2))
    if n_groups == 2 * K:
        G = G[:, ::2] - G[:, 1::2]
    return s @ problem.objective.loss(G, Y)


def pairs_loss(good, bad, problem, trainer):
    s = problem.sample_weight / len(good)
    good, bad = (SLOPE * np.square(A).mean(axis=1) for A in (good, bad))
    if trainer.goodness == "symba":
        return s @ np.log1p(np.exp(bad - good))
    return s @ (np.log1p(np.exp(SLOPE - good)) + np.log1p(np.exp(bad - SLOPE)))


@pytest.mark.parametrize("values", ["on_off", "ordinal"])
@pytest.mark.parametrize("targets", TARGETS)
def test_the_groups_of_each_layer_descend_their_own_loss(targets, values):
    problem = make_problem(targets)
    values = values if targets == "values" else "on_off"
    trainer, state = make(problem, values=values, n_groups=4)
    found = trainer.gradient(state, problem, problem.all_rows())
    (W0, W1, _), (b0, b1, _) = problem.network.unpack(state.weights)
    inputs = problem.X, over_norm(np.tanh(problem.X @ W0 + b0))
    for layer, (W, b) in enumerate([(W0, b0), (W1, b1)]):
        expected = slopes(lambda W: groups_loss(np.tanh(inputs[layer] @ W + b), problem, trainer), W)  # noqa: B023
        np.testing.assert_allclose(found[layer], expected, atol=1e-8)


@pytest.mark.parametrize("goodness", ["symba", "threshold"])
def test_pairs_with_labels_descend_their_own_loss(goodness):
    # With two classes there is only one wrong label.
    problem = make_problem("two classes", batch_size=24)
    trainer, state = make(problem, goodness=goodness, **PLAIN)
    after = trainer.step(state, problem, np.random.default_rng(3))
    (W0, W1, _), (b0, b1, _) = problem.network.unpack(state.weights)
    L, y = state.feedback[-2], problem.Y[:, 0].astype(int)

    def first(W, b, L):
        return [np.tanh(problem.X @ W + b + L[labels]) for labels in (y, 1 - y)]

    def second(W):
        return pairs_loss(*(np.tanh(over_norm(A) @ W + b1) for A in first(W0, b0, L)), problem, trainer)

    arrays = [(W0, lambda W: pairs_loss(*first(W, b0, L), problem, trainer)), (W1, second)]
    for (W, loss), new in zip(arrays, problem.network.unpack(after.weights)[0], strict=False):
        np.testing.assert_allclose(W - new, slopes(loss, W), atol=1e-8)
    moved = state.feedback[-2] - after.feedback[-2]
    np.testing.assert_allclose(moved, slopes(lambda L: pairs_loss(*first(W0, b0, L), problem, trainer), L), atol=1e-8)
    moved = b0 - problem.network.unpack(after.weights)[1][0]
    np.testing.assert_allclose(moved, slopes(lambda b: pairs_loss(*first(W0, b, L), problem, trainer), b0), atol=1e-8)


@pytest.mark.parametrize("targets", TARGETS)
def test_pairs_with_mixed_columns_descend_their_own_loss(targets):
    problem = make_problem(targets)
    trainer, state = make(problem, goodness="symba", negatives="columns")
    found = trainer.gradient(state, problem, problem.all_rows())
    (W0, W1, _), (b0, b1, _) = problem.network.unpack(state.weights)
    rows = problem.X, mix_columns(problem.X, np.random.default_rng(state.t))
    inputs = [over_norm(np.tanh(X @ W0 + b0)) for X in rows]
    expected = slopes(lambda W: pairs_loss(*(np.tanh(X @ W + b0) for X in rows), problem, trainer), W0)
    np.testing.assert_allclose(found[0], expected, atol=1e-8)
    expected = slopes(lambda W: pairs_loss(*(np.tanh(N @ W + b1) for N in inputs), problem, trainer), W1)
    np.testing.assert_allclose(found[1], expected, atol=1e-8)


@pytest.mark.parametrize("params", [{}, {"goodness": "symba"}, {"goodness": "symba", "negatives": "columns"}])
def test_the_readout_learns_from_its_own_error(params):
    problem = make_problem("classes", batch_size=24)
    trainer, state = make(problem, **params, **PLAIN)
    after = trainer.step(state, problem, np.random.default_rng(3))
    (W0, W1, R1), (b0, b1, c) = problem.network.unpack(state.weights)
    R0 = state.feedback[0]
    label = state.feedback[-2].mean(axis=0) if params == {"goodness": "symba"} else 0
    A0 = np.tanh(problem.X @ W0 + b0 + label)
    A1 = np.tanh(over_norm(A0) @ W1 + b1)
    s = problem.sample_weight / 24

    def loss(R0, R1, c):
        return s @ problem.objective.loss(A0 @ R0 + A1 @ R1 + c, problem.Y)

    kernels, biases = problem.network.unpack(after.weights)
    np.testing.assert_allclose(R0 - after.feedback[0], slopes(lambda R: loss(R, R1, c), R0), atol=1e-8)
    np.testing.assert_allclose(R1 - kernels[-1], slopes(lambda R: loss(R0, R, c), R1), atol=1e-8)
    np.testing.assert_allclose(c - biases[-1], slopes(lambda c: loss(R0, R1, c), c), atol=1e-8)
    assert after.loss == pytest.approx(loss(R0, R1, c))
    np.testing.assert_allclose(trainer.outputs(state, problem.network, problem.X), A0 @ R0 + A1 @ R1 + c)


@pytest.mark.parametrize(
    "params", [{}, {"goodness": "symba", "negatives": "random"}, {"goodness": "threshold", "negatives": "columns"}]
)
def test_a_layer_does_not_hear_of_the_weights_above_nor_of_the_readout(params):
    # Hard negatives are drawn by what the readout says, and promise this for two classes only.
    problem = make_problem(batch_size=8)
    trainer, state = make(problem, dropout=0.2, **params)
    after = trainer.step(state, problem, np.random.default_rng(2))
    for above in (1, 2):
        _, other = make(problem, dropout=0.2, **params)
        kernels, biases = problem.network.unpack(other.weights)
        for array in [*kernels[above:], *biases[above:], other.feedback[0]]:
            array += 1
        other = trainer.step(other, problem, np.random.default_rng(2))
        layers = zip(*(problem.network.unpack(s.weights)[0] for s in (after, other)), strict=True)
        for layer, (mine, theirs) in enumerate(layers):
            assert np.array_equal(mine, theirs) == (layer < above)


def test_a_layer_cannot_read_the_goodness_of_the_one_below():
    problem = make_problem(activation="relu")
    trainer, state = make(problem)
    before = trainer.layer_goodness(state, problem.network, problem.X)
    kernels, biases = problem.network.unpack(state.weights)
    kernels[0][:] *= 10
    biases[0][:] *= 10
    after = trainer.layer_goodness(state, problem.network, problem.X)
    np.testing.assert_allclose(after[0], 100 * before[0])
    np.testing.assert_allclose(after[1], before[1], rtol=1e-4)


def test_goodness_of_layers_is_what_predictions_accumulate():
    problem = make_problem("classes")
    trainer, state = make(problem, predict_with="goodness")
    W0, b0 = (parts[0] for parts in problem.network.unpack(state.weights))
    A = np.tanh(problem.X @ W0 + b0)
    goodness = trainer.layer_goodness(state, problem.network, problem.X)
    np.testing.assert_allclose(goodness[0], np.square(A).reshape(24, 3, 3).mean(axis=2))
    assert [G.shape for G in goodness] == [(24, 3), (24, 3)]
    np.testing.assert_allclose(trainer.outputs(state, problem.network, problem.X), SLOPE * np.mean(goodness, axis=0))

    trainer, state = make(problem, predict_with="goodness", goodness="symba")
    goodness = trainer.layer_goodness(state, problem.network, problem.X)
    for k, label in enumerate(state.feedback[-2]):
        np.testing.assert_allclose(goodness[0][:, k], mean_squares(np.tanh(problem.X @ W0 + b0 + label)))

    problem = make_problem("two classes")
    trainer, state = make(problem, predict_with="goodness", goodness="symba")
    G = np.mean(trainer.layer_goodness(state, problem.network, problem.X), axis=0)
    np.testing.assert_allclose(trainer.outputs(state, problem.network, problem.X)[:, 0], SLOPE * (G[:, 1] - G[:, 0]))


def test_prediction_by_ordered_groups_is_the_mean_of_their_centres():
    problem = make_problem("values", hidden=(9, 4))
    trainer, state = make(problem, values="ordinal", n_groups=4, predict_with="goodness")
    fine, coarse = trainer.layer_goodness(state, problem.network, problem.X)
    assert (fine.shape, coarse.shape) == ((24, 8), (24, 4))  # the second layer has room for two groups a value
    c = state.feedback[-1][:, :, None]
    np.testing.assert_allclose(c[..., 0], np.quantile(problem.Y, [0.125, 0.375, 0.625, 0.875], axis=0).T)
    P = special.softmax(SLOPE * fine.reshape(24, 2, 4), axis=-1)
    Q = special.softmax(SLOPE * coarse.reshape(24, 2, 2), axis=-1)
    expected = (np.einsum("nkc,kcx->nk", P, c) + np.einsum("nkc,kcx->nk", Q, c[:, ::3])) / 2
    np.testing.assert_allclose(trainer.outputs(state, problem.network, problem.X), expected)


@pytest.mark.parametrize("params", [{}, {"goodness": "symba"}, {"predict_with": "goodness"}])
def test_sparse_rows_and_many_blocks_predict_the_same(params):
    problem = make_problem()
    trainer, state = make(problem, **params)
    X = np.random.default_rng(0).standard_normal((2100, 4)) * (np.random.default_rng(1).random((2100, 4)) < 0.5)
    whole = trainer.outputs(state, problem.network, X)
    parts = [trainer.outputs(state, problem.network, X[i::7]) for i in range(7)]
    for i in range(7):
        np.testing.assert_allclose(whole[i::7], parts[i])
    np.testing.assert_allclose(trainer.outputs(state, problem.network, sparse.csr_array(X)), whole)


# --- groups, soft targets and negatives -------------------------------------------------------------------------------


def test_group_patterns_average_over_neighbours():
    squares = np.arange(14.0).reshape(2, 7)
    sums = squares @ group_pattern(7, 3, False, "d")  # groups of 3, 2 and 2
    np.testing.assert_allclose(sums, [[1, 3.5, 5.5], [8, 10.5, 12.5]])
    np.testing.assert_allclose(squares[:, :6] @ group_pattern(6, 4, True, "d"), [[-1.5, -1.5], [-1.5, -1.5]])


def test_soft_steps_follow_the_value():
    centres = np.array([[0.0, 1, 10, 11]])
    T = soft_steps(np.array([[-5.0], [0.0], [5.5], [11.0], [20.0]]), centres, 4, 0.5)[:, 0]
    np.testing.assert_allclose(T.sum(axis=1), 1)
    np.testing.assert_allclose(T @ np.arange(4), [0.12, 0.12, 1.5, 2.88, 2.88], atol=0.01)
    np.testing.assert_allclose(T[2], T[2][::-1])
    np.testing.assert_allclose(T[1], T[3][::-1])
    coarse = soft_steps(np.array([[0.0], [5.5], [11.0]]), centres, 2, 0.5)[:, 0]
    np.testing.assert_allclose(coarse, coarse[::-1, ::-1])
    np.testing.assert_allclose(coarse[1], 0.5)


@pytest.mark.parametrize("n_labels", [2, 5])
@pytest.mark.parametrize("with_odds", [False, True])
def test_wrong_labels_are_wrong_and_follow_the_odds(n_labels, with_odds):
    rng = np.random.default_rng(0)
    y = rng.integers(n_labels, size=20_000)
    odds = np.tile(np.arange(n_labels) / 10, (len(y), 1)) if with_odds else None
    before = None if odds is None else odds.copy()
    wrong = wrong_labels(y, n_labels, odds, rng)
    assert (wrong != y).all()
    assert wrong.min() >= 0 and wrong.max() < n_labels
    if odds is not None:
        assert np.array_equal(odds, before)
    if n_labels == 5:
        share = np.bincount(wrong[y == 4], minlength=5)[:4] / (y == 4).sum()
        np.testing.assert_allclose(share, [0, 1 / 6, 1 / 3, 1 / 2] if with_odds else [0.25] * 4, atol=0.03)


def test_wrong_labels_exist_where_the_readout_is_sure():
    odds = np.eye(3)[[0, 1, 2]].astype(np.float32)
    assert (wrong_labels(np.arange(3), 3, odds, np.random.default_rng(0)) != np.arange(3)).all()


def test_mixed_columns_come_from_two_rows():
    X = np.arange(40.0).reshape(10, 4) + 1
    mixed = mix_columns(X, np.random.default_rng(0))
    assert ((mixed - X) % 4 == 0).all()  # a column keeps its place
    own = mixed == X
    assert 0.2 < own.mean() < 0.9
    assert len({*((mixed - X)[~own] // 4 + np.where(~own)[0])}) > 1
    for row, kept in zip((mixed - X) // 4, own, strict=True):
        assert len(set(row[~kept])) <= 1  # one other row
    from_sparse = mix_columns(sparse.csr_array(X), np.random.default_rng(0))
    assert np.array_equal(from_sparse.toarray(), mixed)
    assert np.array_equal(stack_rows(sparse.csr_array(X), from_sparse).toarray(), stack_rows(X, mixed))


# --- whole fits -------------------------------------------------------------------------------------------------------


def rings(n=300):
    """Two columns; the class is which of three rings a row lies in."""
    X = np.random.default_rng(0).standard_normal((n, 2))
    return X, np.digitize(np.square(X).sum(axis=1), [0.8, 2.0])


@pytest.mark.parametrize(
    "goodness, negatives, least",
    [("groups", "hard", 0.9), ("symba", "hard", 0.9), ("threshold", "random", 0.85), ("symba", "columns", 0.65)],
)
def test_rings_are_told_apart(goodness, negatives, least):
    X, y = rings()
    trainer = get_trainer("forward_forward", goodness=goodness, negatives=negatives, weight_decay=0.1)
    assert BPFreeClassifier((48,), trainer=trainer, random_state=0).fit(X, y).score(X, y) > least


@pytest.mark.parametrize("goodness", ["groups", "symba"])
def test_goodness_alone_tells_two_classes_apart(goodness):
    X, _ = rings()
    y = X[:, 0] * X[:, 1] > 0
    trainer = get_trainer("forward_forward", goodness=goodness, predict_with="goodness", weight_decay=0.1)
    assert BPFreeClassifier((48,), trainer=trainer, random_state=0).fit(X, y).score(X, y) > 0.9


def test_several_labels_at_once():
    X, _ = rings()
    Y = np.stack([X[:, 0] * X[:, 1] > 0, X[:, 0] > 0], axis=1).astype(int)
    for predict_with in ("readout", "goodness"):
        trainer = get_trainer("forward_forward", predict_with=predict_with, weight_decay=0.1)
        model = BPFreeClassifier((48,), trainer=trainer, random_state=0).fit(X, Y)
        assert model.score(X, Y) > 0.8
        assert model.predict_proba(X).shape == (300, 2)


@pytest.mark.parametrize(
    "values, predict_with, least", [("on_off", "auto", 0.8), ("ordinal", "auto", 0.7), ("ordinal", "goodness", 0.45)]
)
def test_values_and_several_of_them(values, predict_with, least):
    X, _ = rings()
    y = 100 + 5 * np.stack([np.sin(2 * X[:, 0]), X[:, 1] ** 2], axis=1)
    trainer = get_trainer("forward_forward", values=values, predict_with=predict_with, weight_decay=0.1)
    assert BPFreeRegressor((64,), trainer=trainer, random_state=0).fit(X, y).score(X, y) > least


def test_a_ridge_ends_the_last_step_and_only_that():
    X, _ = rings()
    y = np.sin(2 * X[:, 0])
    fits = []
    for readout in ("delta", "ridge"):
        trainer = get_trainer("forward_forward", readout=readout, values="ordinal", goodness="groups")
        fits.append(BPFreeRegressor((64, 32), trainer=trainer, random_state=0, max_iter=20).fit(X, y))
    delta, ridge = fits
    assert np.array_equal(delta.loss_curve_, ridge.loss_curve_)
    assert np.array_equal(delta.coefs_[0], ridge.coefs_[0])
    assert not np.array_equal(delta.coefs_[-1], ridge.coefs_[-1])
    assert 1 - ridge.score(X, y) < 0.8 * (1 - delta.score(X, y))


def test_without_hidden_layers_it_is_a_linear_model():
    X, _ = rings()
    for params in ({}, {"predict_with": "goodness"}):
        trainer = get_trainer("forward_forward", **params)
        assert BPFreeClassifier((), trainer=trainer, random_state=0).fit(X, X[:, 0] > 0).score(X, X[:, 0] > 0) > 0.9


@pytest.mark.parametrize(
    "targets, params, hidden, message",
    [
        ("labels", {"goodness": "symba"}, (9,), "cannot serve 3 labels at once; use goodness='groups' or"),
        (
            "values",
            {"goodness": "threshold", "negatives": "random"},
            (9,),
            "cannot serve values; use goodness='groups'",
        ),
        ("classes", {}, (9, 2), "at least 3 units in every hidden layer for these targets, got 2; use wider layers"),
        ("labels", {}, (5,), "at least 6 units in every hidden layer for these targets, got 5; use wider layers"),
        ("values", {"values": "ordinal"}, (3,), "at least 4 units in every hidden layer for these targets, got 3; use"),
    ],
)
def test_what_a_mode_cannot_do_is_refused_in_one_sentence(targets, params, hidden, message):
    with pytest.raises(ValueError, match=message) as error:
        get_trainer("forward_forward", **params).init(make_problem(targets, hidden), np.random.default_rng(0))
    assert "\n" not in str(error.value)


def test_ordered_groups_have_no_logarithm_for_poisson():
    problem = make_problem("values")
    problem._objective = PoissonLoss()
    trainer = get_trainer("forward_forward", values="ordinal", predict_with="goodness")
    with pytest.raises(ValueError, match="use predict_with='readout' or values='on_off'"):
        trainer.init(problem, np.random.default_rng(0))


@pytest.mark.parametrize("name", ["goodness", "negatives", "values", "predict_with", "readout"])
def test_wrong_choices_are_named(name):
    with pytest.raises(ValueError, match=rf"^{name} of ForwardForward must be one of \[.*\], got 'best'\.$"):
        get_trainer("forward_forward", **{name: "best"}).check_parameters()


def test_unlabelled_rows_cannot_predict_by_goodness():
    trainer = get_trainer("forward_forward", goodness="symba", negatives="columns", predict_with="goodness")
    with pytest.raises(ValueError, match="compares labels, of which negatives='columns' has none; use 'readout'"):
        trainer.check_parameters()


def test_the_centres_of_ordinal_groups_stay_whatever_decays():
    problem = make_problem("values", max_iter=3)
    trainer, state = make(problem, values="ordinal", n_groups=4, weight_decay=10.0)
    after = trainer.step(state, problem, np.random.default_rng(3))
    np.testing.assert_array_equal(after.feedback[-1], state.feedback[-1])
    assert not np.array_equal(after.feedback[0], state.feedback[0])
