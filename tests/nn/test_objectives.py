"""Every loss against sklearn.metrics, its output error against finite differences, and metrics as objectives."""

import numpy as np
import pytest
from sklearn import metrics
from sklearn.metrics import make_scorer

from sklearn_bpfree.nn.losses import (
    REGRESSION_LOSSES,
    AbsoluteError,
    BinaryLogLoss,
    HuberLoss,
    LogLoss,
    Loss,
    PoissonLoss,
    QuantileLoss,
    SquaredError,
)
from sklearn_bpfree.nn.objectives import Metric, make_objective
from sklearn_bpfree.nn.targets import Classes, LabelSets, Values

N, K = 40, 3
rng = np.random.default_rng(0)
Z = rng.normal(0, 2, (N, K))
ONE_OF_K = np.eye(K)[rng.integers(K, size=N)]
LABELS = rng.integers(2, size=(N, K)).astype(float)
VALUES = rng.normal(size=(N, K))
COUNTS = rng.poisson(2, (N, K)).astype(float)

# loss, targets, and its mean by an independent formula
LOSSES = {
    "log": (LogLoss(), ONE_OF_K, lambda Z, Y: metrics.log_loss(Y, LogLoss().link(Z))),
    "binary": (BinaryLogLoss(), LABELS[:, :1], lambda Z, Y: metrics.log_loss(Y[:, 0], 1 / (1 + np.exp(-Z[:, 0])))),
    "labels": (
        BinaryLogLoss(),
        LABELS,
        lambda Z, Y: sum(metrics.log_loss(Y[:, k], 1 / (1 + np.exp(-Z[:, k]))) for k in range(K)),
    ),
    "squared": (SquaredError(), VALUES, lambda Z, Y: K * metrics.mean_squared_error(Y, Z) / 2),
    "absolute": (AbsoluteError(), VALUES, lambda Z, Y: K * metrics.mean_absolute_error(Y, Z)),
    "huber": (
        HuberLoss(0.7),
        VALUES,
        lambda Z, Y: np.mean(
            [sum(r**2 / 2 if abs(r) < 0.7 else 0.7 * (abs(r) - 0.35) for r in row) for row in np.asarray(Z - Y)]
        ),
    ),
    "quantile": (QuantileLoss(0.9), VALUES, lambda Z, Y: K * metrics.mean_pinball_loss(Y, Z, alpha=0.9)),
    "median": (QuantileLoss(), VALUES, lambda Z, Y: K * metrics.mean_absolute_error(Y, Z) / 2),
    "poisson": (
        PoissonLoss(),
        COUNTS,
        lambda Z, Y: K * metrics.mean_poisson_deviance(Y.ravel(), np.exp(Z).ravel()) / 2,
    ),
}
every_loss = pytest.mark.parametrize("loss, Y, mean", LOSSES.values(), ids=LOSSES)


def test_no_loss_is_left_out_here():
    assert {type(loss) for loss, _, _ in LOSSES.values()} == {LogLoss, BinaryLogLoss, *REGRESSION_LOSSES.values()}


@every_loss
def test_mean_loss_is_that_of_an_independent_formula(loss, Y, mean):
    z = Z[:, : Y.shape[1]]
    assert loss.loss(z, Y).shape == (N,)
    np.testing.assert_allclose(loss.loss(z, Y).mean(), mean(z, Y), rtol=1e-10)


@every_loss
def test_output_error_is_the_slope_of_the_loss(loss, Y, mean):
    z, step = Z[:, : Y.shape[1]], 1e-6
    slopes = np.empty_like(z)
    for k in range(z.shape[1]):
        moved = step * np.eye(z.shape[1])[k]
        slopes[:, k] = (loss.loss(z + moved, Y) - loss.loss(z - moved, Y)) / (2 * step)
    np.testing.assert_allclose(loss.error(z, Y), slopes, atol=1e-8)


@every_loss
@pytest.mark.parametrize("weight", [None, rng.uniform(0.5, 2, N)], ids=["unweighted", "weighted"])
def test_total_and_error_are_the_weighted_sum_and_the_unweighted_error(loss, Y, mean, weight):
    z = Z[:, : Y.shape[1]].copy()
    total, E = loss.total_and_error(z, Y, weight)
    assert isinstance(total, float)
    np.testing.assert_array_equal(z, Z[:, : Y.shape[1]])
    assert E.flags.forc  # which `Problem.output_error` relies on
    np.testing.assert_allclose(total, (loss.loss(z, Y) * (1 if weight is None else weight)).sum(), rtol=1e-12)
    np.testing.assert_allclose(E, loss.error(z, Y), rtol=1e-12, atol=1e-12)


@every_loss
@pytest.mark.parametrize("weight", [None, rng.uniform(0.5, 2, N)], ids=["unweighted", "weighted"])
def test_means_are_the_members_weighted_mean_losses(loss, Y, mean, weight):
    Z = rng.normal(size=(4, *Y.shape))
    expected = [np.average(loss.loss(z, Y), weights=weight) for z in Z]
    np.testing.assert_allclose(loss.means(Z.copy(), Y, weight), expected, rtol=1e-12)


@every_loss
def test_a_population_has_a_loss_per_member_and_row(loss, Y, mean):
    population = np.stack([Z[:, : Y.shape[1]], -Z[:, : Y.shape[1]]])
    losses = loss.loss(population, Y)
    assert losses.shape == (2, N)
    np.testing.assert_allclose(losses[1], loss.loss(population[1], Y), rtol=1e-12)


@every_loss
def test_single_precision_stays_single(loss, Y, mean):
    z, Y = Z[:, : Y.shape[1]].astype("f4"), Y.astype("f4")
    E = loss.total_and_error(z, Y)[1]
    assert E.dtype == loss.loss(z, Y).dtype == loss.error(z, Y).dtype == loss.link(z).dtype == np.float32


@pytest.mark.parametrize("name", ["log", "binary", "labels"])
def test_log_losses_are_finite_for_any_logit(name):
    loss, Y, _ = LOSSES[name]
    z = np.where(Y > 0, -1e4, 1e4).astype(np.float32)
    losses = loss.loss(z, Y)
    total, E = loss.total_and_error(z, Y.astype(np.float32))
    assert np.isfinite(losses).all() and np.isfinite(E).all() and np.isfinite(loss.link(z)).all()
    assert losses.min() >= 1e4
    assert np.abs(total / losses.sum() - 1) < 1e-5


@pytest.mark.parametrize("gap", [30, 60, 1e3])
@pytest.mark.parametrize("weight", [None, rng.uniform(0.5, 2, N).astype("f4")], ids=["unweighted", "weighted"])
def test_a_row_far_below_the_highest_one_keeps_its_digits(gap, weight):
    loss, Y, _ = LOSSES["log"]
    z = Z[:, : Y.shape[1]].astype(np.float32)
    z[1:] -= np.float32(gap)
    total, E = loss.total_and_error(z, Y.astype(np.float32), weight)
    z = z.astype(np.float64)
    np.testing.assert_allclose(E, loss.error(z, Y), atol=1e-6)
    np.testing.assert_allclose(total, (loss.loss(z, Y) * (1 if weight is None else weight)).sum(), rtol=1e-4)


@pytest.mark.parametrize("loss", [LogLoss(), BinaryLogLoss()])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_output_error_is_so_small_that_products_with_it_take_longer(loss, dtype):
    logits = np.linspace(0, 800 if dtype == np.float64 else 110, 400)
    Z, Y = np.column_stack([-logits, np.zeros(400)]).astype(dtype), np.tile([0, 1], (400, 1)).astype(dtype)
    size = np.abs(loss.total_and_error(Z, Y)[1])
    assert (size[size > 0] > 1e6 * np.finfo(dtype).tiny).all()
    assert size[0].min() > 0.4


def test_links():
    P = LogLoss().link(Z)
    np.testing.assert_allclose(P, np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(BinaryLogLoss().link(Z), 1 / (1 + np.exp(-Z)))
    np.testing.assert_allclose(PoissonLoss().link(Z), np.exp(Z))
    for kind in (SquaredError, AbsoluteError, HuberLoss, QuantileLoss):
        assert kind().link(Z) is Z


@pytest.mark.parametrize("name", ["log", "binary", "labels", "poisson"])
@pytest.mark.parametrize("weighted", [False, True])
def test_first_outputs_predict_the_mean_target(name, weighted):
    loss, Y, _ = LOSSES[name]
    weight = rng.uniform(0.5, 3, N) if weighted else None
    first = loss.initial_output(Y, weight)
    assert first.shape == (Y.shape[1],)
    np.testing.assert_allclose(loss.link(first[None])[0], np.average(Y, axis=0, weights=weight))


@pytest.mark.parametrize("name", ["squared", "absolute", "huber", "quantile"])
def test_first_outputs_of_standardised_values_are_zero(name):
    assert not LOSSES[name][0].initial_output(VALUES, None).any()


@pytest.mark.parametrize("name", ["log", "labels", "poisson"])
def test_first_outputs_are_finite_when_a_target_never_occurs(name):
    loss, Y, _ = LOSSES[name]
    Y = Y.copy()
    Y[:, 1] = 0
    assert np.isfinite(loss.initial_output(Y, None)).all()


@pytest.mark.parametrize("delta", [0, -1.0])
def test_huber_needs_a_positive_delta(delta):
    with pytest.raises(ValueError, match=f"delta == {delta}, must be > 0"):
        HuberLoss(delta)


@pytest.mark.parametrize("quantile", [0, 1.0, -0.1, 2])
def test_a_quantile_lies_between_0_and_1(quantile):
    with pytest.raises(ValueError, match=f"quantile == {quantile}, must be"):
        QuantileLoss(quantile)


def test_error_of_a_quantile_at_the_kink_is_zero():
    assert QuantileLoss(0.3).error(np.ones((1, 1)), np.ones((1, 1))) == 0


# --- metrics ----------------------------------------------------------------------------------------------------------

THREE = Classes(np.array(["a", "b", "c"]))
TWO = Classes(np.array(["no", "yes"]))
SCALED = Values(mean=np.array([100.0]), scale=np.array([20.0]), flat=True)
y_three = THREE.decode(ONE_OF_K)
y_two = TWO.decode(LABELS[:, :1])
y_values = SCALED.predict(VALUES[:, :1])


def softmax(Z):
    return np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)


def weighted_accuracy(y_true, y_pred, sample_weight=None):
    return np.average(y_true == y_pred, weights=sample_weight)


def test_a_metric_by_name_sees_classes():
    metric = Metric("accuracy", THREE, LogLoss())
    assert metric.score(Z, y_three) == metrics.accuracy_score(y_three, THREE.classes[Z.argmax(axis=1)])
    assert metric.name == "accuracy"


def test_a_metric_by_name_sees_probabilities():
    expected = metrics.roc_auc_score(y_three, softmax(Z), multi_class="ovr")
    assert Metric("roc_auc_ovr", THREE, LogLoss()).score(Z, y_three) == pytest.approx(expected)
    expected = -metrics.log_loss(y_three, softmax(Z))
    assert Metric("neg_log_loss", THREE, LogLoss()).score(Z, y_three) == pytest.approx(expected)


def test_a_metric_by_name_sees_two_classes():
    z = Z[:, :1]
    metric = Metric("roc_auc", TWO, BinaryLogLoss())
    assert metric.score(z, y_two) == pytest.approx(metrics.roc_auc_score(y_two == "yes", z[:, 0]))
    metric = Metric(make_scorer(metrics.f1_score, pos_label="yes"), TWO, BinaryLogLoss())
    expected = metrics.f1_score(y_two, np.where(z[:, 0] > 0, "yes", "no"), pos_label="yes")
    assert metric.score(z, y_two) == pytest.approx(expected)


def test_a_metric_by_name_sees_label_sets():
    targets = LabelSets(K)
    metric = Metric("f1_macro", targets, BinaryLogLoss())
    assert metric.score(Z, LABELS) == pytest.approx(metrics.f1_score(LABELS, Z > 0, average="macro"))
    metric = Metric("average_precision", targets, BinaryLogLoss())
    assert metric.score(Z, LABELS) == pytest.approx(metrics.average_precision_score(LABELS, Z))


def test_a_metric_of_values_is_in_the_units_of_the_user():
    metric = Metric("neg_mean_absolute_error", SCALED, SquaredError())
    expected = -20 * np.abs(Z[:, 0] - VALUES[:, 0]).mean()
    assert metric.score(Z[:, :1], y_values) == pytest.approx(expected)


@pytest.mark.parametrize(
    "scoring",
    [
        metrics.accuracy_score,
        weighted_accuracy,
        lambda y_true, y_pred, sample_weight=None: weighted_accuracy(y_true, y_pred, sample_weight),
        make_scorer(metrics.accuracy_score),
        lambda estimator, X, y, sample_weight=None: metrics.accuracy_score(
            y, estimator.predict(X), sample_weight=sample_weight
        ),
        lambda model, X, y, sample_weight=None: model.score(X, y, sample_weight),
    ],
    ids=["sklearn metric", "metric", "lambda", "scorer", "callable scorer", "scorer of other names"],
)
def test_scorers_and_metric_functions_mean_the_same(scoring):
    metric = Metric(scoring, THREE, LogLoss())
    weight = rng.uniform(0.1, 5, N)
    right = y_three == THREE.classes[Z.argmax(axis=1)]
    assert metric.score(Z, y_three) == pytest.approx(right.mean())
    assert metric.score(Z, y_three, weight) == pytest.approx(np.average(right, weights=weight))


@pytest.mark.parametrize("scoring", [lambda y_true, y_pred: 0.0, "neg_max_error"], ids=["function", "name"])
def test_a_metric_that_takes_no_weights_says_so(scoring):
    metric = Metric(scoring, SCALED, SquaredError())
    metric.check(Z[:, :1], y_values)
    with pytest.raises(ValueError, match=r"does not take sample weights; .*\.$"):
        metric.check(Z[:, :1], y_values, np.ones(N))


@pytest.mark.parametrize(
    "scoring, reason",
    [
        ("roc_auc", "ValueError: multi_class must be in ('ovo', 'ovr')"),
        ("f1", "ValueError: Target is multiclass but average='binary'. Please choose another average setting, one of"),
        (lambda y_true, y_pred: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda y_true, y_pred: None, "TypeError: float() argument must be a string or a real number, not 'NoneType'"),
        (lambda y_pred: 0.0, "TypeError: "),
    ],
)
def test_a_metric_that_cannot_judge_the_targets_says_so_before_training(scoring, reason):
    metric = Metric(scoring, THREE, LogLoss())
    with pytest.raises(ValueError, match=r"^The metric .* cannot judge these targets \(") as raised:
        metric.check(THREE.encode(y_three), y_three)
    assert reason in str(raised.value) and "\n" not in str(raised.value) and raised.value.__cause__ is not None


def test_a_member_that_a_metric_refuses_has_no_score():
    y = np.array([1.0, 2.0, 3.0, 4.0])
    metric = Metric("neg_mean_gamma_deviance", Values.fit(y), SquaredError())
    Y = metric.targets.encode(y, np.float64)
    with pytest.raises(ValueError, match="cannot judge these targets"):
        metric.check(Y, y - 1)
    metric.check(Y, y)
    scores = metric.scores(np.array([Y, Y - 5]), y)
    assert scores[0] == pytest.approx(0) and np.isnan(scores[1])


def test_names_of_metrics():
    assert Metric(metrics.accuracy_score, THREE, LogLoss()).name == "accuracy_score"
    assert "accuracy_score" in Metric(make_scorer(metrics.accuracy_score), THREE, LogLoss()).name


# --- from the parameter to the objective ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "targets, natural", [(THREE, LogLoss()), (TWO, BinaryLogLoss()), (LabelSets(3), BinaryLogLoss())]
)
def test_auto_and_log_loss_suit_the_classes(targets, natural):
    assert make_objective("auto", targets) == make_objective("log_loss", targets) == natural


def test_auto_and_names_for_values():
    assert make_objective("auto", SCALED) == SquaredError()
    for name, kind in REGRESSION_LOSSES.items():
        assert make_objective(name, SCALED) == kind()
    assert make_objective("quantile", SCALED, quantile=0.9) == QuantileLoss(0.9)
    assert make_objective(HuberLoss(2.0), SCALED) == HuberLoss(2.0)


class Cubic(Loss):
    """A loss of the user's own."""


def test_a_loss_of_the_users_own_is_taken_as_it_is():
    own = Cubic()
    assert make_objective(own, SCALED) is own and make_objective(own, THREE) is own


@pytest.mark.parametrize("loss", ["roc_auc", metrics.accuracy_score, make_scorer(metrics.accuracy_score)])
def test_anything_that_scores_is_a_metric(loss):
    assert isinstance(make_objective(loss, TWO), Metric)


@pytest.mark.parametrize(
    "loss, targets, sentence",
    [
        ("squared_eror", SCALED, "loss='squared_eror' is unknown; give one of ['auto', 'squared_error',"),
        ("squared_error", TWO, "loss='squared_error' is unknown; give one of ['auto', 'log_loss'],"),
        ("log_loss", SCALED, "loss='log_loss' is unknown; give one of ['auto', 'squared_error',"),
        (3, TWO, "loss must be a name, a Loss object, a scorer or a metric(y_true, y_pred), got 3 of type int."),
        (None, TWO, "loss must be a name, a Loss object, a scorer or a metric(y_true, y_pred), got None of type"),
        (LogLoss(), TWO, "loss=LogLoss() does not suit these targets; give one of ['auto', 'log_loss']"),
        (LogLoss(), SCALED, "loss=LogLoss() does not suit these targets; give one of ['auto', 'squared_error',"),
        (SquaredError(), THREE, "loss=SquaredError() does not suit these targets; give one of ['auto', 'log_loss']"),
    ],
)
def test_what_is_no_objective_is_one_sentence(loss, targets, sentence):
    with pytest.raises(ValueError) as raised:
        make_objective(loss, targets)
    message = str(raised.value)
    assert message.startswith(sentence) and message.endswith(".") and "\n" not in message
