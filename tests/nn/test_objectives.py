"""Metrics as objectives, and the way from the estimator's `loss` parameter to an objective."""

import numpy as np
import pytest
from sklearn import metrics
from sklearn.metrics import make_scorer

from sklearn_bpfree.nn.losses import (
    REGRESSION_LOSSES,
    BinaryLogLoss,
    HuberLoss,
    LogLoss,
    Loss,
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

# --- metrics ----------------------------------------------------------------------------------------------------------

THREE = Classes(np.array(["a", "b", "c"]))
TWO = Classes(np.array(["no", "yes"]))
SCALED = Values(mean=np.array([100.0]), scale=np.array([20.0]), flat=True)
y_three = THREE.predict(ONE_OF_K)
y_two = TWO.predict(LABELS[:, :1])
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


class Own(Loss):
    """A loss of the user's own."""

    def error(self, Z, Y):
        return np.tanh(Z - Y)


class OfClasses(Own):
    kind = "classes"


def test_a_loss_of_the_users_own_is_bound_to_the_targets_as_a_copy():
    own = Own()
    for targets, kind in [(SCALED, "values"), (TWO, "labels"), (LabelSets(2), "labels"), (THREE, "classes")]:
        bound = make_objective(own, targets)
        assert isinstance(bound, Own) and bound.kind == kind
    assert own.kind is None and not vars(own)


def test_a_loss_that_has_nothing_to_try_out_is_taken_as_it_is():
    class ValuesOnly(Loss):
        """For trainers that only need values."""

    for own, targets in [(ValuesOnly(), SCALED), (LogLoss(), THREE), (HuberLoss(2.0), SCALED)]:
        assert make_objective(own, targets) is own


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


def test_a_loss_that_declares_its_kind_is_refused_for_other_targets():
    assert make_objective(OfClasses(), THREE).kind == "classes"
    for targets in (TWO, SCALED):
        with pytest.raises(ValueError, match="does not suit these targets"):
            make_objective(OfClasses(), targets)


@pytest.mark.parametrize("n", [99, 101, 102, 500, 3000])
def test_a_threshold_is_found_among_few_and_among_many_rows(n):
    """From a hundred rows on the candidates are denser towards both ends, where a rare class has its threshold."""
    targets = Classes(np.array([0, 1]))
    Z = np.arange(n, dtype=float)[:, None]
    y = (np.arange(n) >= n - 3).astype(int)
    metric = make_objective("f1", targets)
    shift = metric.best_shift(Z, targets.encode(y, np.float64), y)
    assert shift.shape == (1,) and metric.score(Z + shift, y) == 1
