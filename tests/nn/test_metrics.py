"""Vectorised metrics against scikit-learn's own scorers, members in one call, in float64."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn import metrics as reference
from sklearn.base import clone
from sklearn.metrics import get_scorer_names, make_scorer

from sklearn_bpfree import BPFreeClassifier
from sklearn_bpfree.nn.metrics import CostMetric, PinballMetric, auc, decide
from sklearn_bpfree.nn.objectives import Metric, make_objective
from sklearn_bpfree.nn.targets import Classes, LabelSets, Values

P, N = 5, 90
rng = np.random.default_rng(0)
WEIGHT = rng.uniform(0.2, 3, N)
TARGETS = {
    "binary": (Classes(np.array([0, 1])), rng.integers(2, size=N), 1),
    "plus minus": (Classes(np.array([-1, 1])), 2 * rng.integers(2, size=N) - 1, 1),
    "one two": (Classes(np.array([1, 2])), 1 + rng.integers(2, size=N), 1),
    "strings": (
        Classes(np.array(["a", "b", "d", "x"])),
        rng.choice(["a", "b", "d", "x"], N, p=[0.6, 0.2, 0.1, 0.1]),
        4,
    ),
    "labels": (LabelSets(3), rng.integers(2, size=(N, 3)), 3),
    "value": (Values(np.array([3.0]), np.array([7.0]), True), rng.normal(3, 7, N), 1),
    "values": (Values(np.array([3.0, 0]), np.array([7.0, 1]), False), rng.normal(3, 7, (N, 2)), 2),
}
every_target = pytest.mark.parametrize("kind", TARGETS)
weighted = pytest.mark.parametrize("weight", [None, WEIGHT], ids=["unweighted", "weighted"])


def outputs(K, ties, seed=1):
    """Raw outputs of some members, in which rounding makes ties."""
    Z = np.random.default_rng(seed).normal(0, 2, (P, N, K))
    return np.round(Z) if ties else Z


def by_scikit_learn(metric, Z, y, weight):
    """One member after the other, through the scorer."""
    slow = Metric(metric.scorer, metric.targets, metric.smooth)
    assert slow.vectorised is None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.array([slow.score(member, y, weight) for member in Z])


@every_target
@weighted
@pytest.mark.parametrize("ties", [False, True], ids=["no ties", "ties"])
def test_every_vectorised_scorer_is_scikit_learns(kind, weight, ties):
    targets, y, K = TARGETS[kind]
    compared = []
    for name in get_scorer_names():
        metric = make_objective(name, targets)
        if not isinstance(metric, Metric) or metric.vectorised is None:
            continue
        if "ovo" in name and targets.exclusive and weight is not None:
            with pytest.raises(ValueError, match="roc_auc_ovo does not take sample weights"):
                metric.scores(outputs(K, ties), y, weight)
            continue
        Z = outputs(K, ties)
        found = pickle.loads(pickle.dumps(metric)).scores(Z, y, weight)
        assert found.shape == (P,) and found.dtype == np.float64
        np.testing.assert_allclose(found, by_scikit_learn(metric, Z, y, weight), rtol=0, atol=1e-12, err_msg=name)
        compared.append(name)
    least = {"binary": 22, "plus minus": 22, "one two": 22, "strings": 17, "labels": 13, "value": 4, "values": 4}
    assert len(compared) >= least[kind], compared


@weighted
def test_classes_that_are_absent_count_as_in_scikit_learn(weight):
    """A class that is neither true nor predicted is no part of a macro average; one that is only predicted is."""
    targets = Classes(np.arange(5))
    y = rng.choice([0, 1, 3], N)
    Z = outputs(5, False)
    Z[..., 4] = -50
    Z[1, 0, 4] = 50
    for name in ("f1_macro", "precision_macro", "jaccard_weighted", "recall_macro", "balanced_accuracy"):
        metric = make_objective(name, targets)
        found = metric.scores(Z, y, weight)
        np.testing.assert_allclose(found, by_scikit_learn(metric, Z, y, weight), rtol=0, atol=1e-12, err_msg=name)


@weighted
@pytest.mark.parametrize("kind", ["binary", "strings"])
def test_cost_metric(kind, weight):
    targets, y, K = TARGETS[kind]
    costs = np.round(rng.uniform(0, 9, (len(targets.classes),) * 2), 2) * (1 - np.eye(len(targets.classes)))
    metric = make_objective(CostMetric(costs.tolist()), targets)
    Z = outputs(K, True)
    w = np.ones(N) if weight is None else weight
    for found, member in zip(metric.scores(Z, y, weight), Z, strict=True):
        predicted = targets.classes[decide(member)]
        total = sum(
            w_i * costs[list(targets.classes).index(i), list(targets.classes).index(j)]
            for i, j, w_i in zip(y, predicted, w, strict=True)
        )
        assert found == pytest.approx(-total / w.sum(), abs=1e-12)
        assert CostMetric(costs)(y, predicted, weight) == pytest.approx(found, abs=1e-12)
    assert metric.vectorised is not None
    wrapped = Metric(make_scorer(CostMetric(costs)), targets, metric.smooth)
    np.testing.assert_allclose([wrapped.score(member, y, weight) for member in Z], metric.scores(Z, y, weight))


def test_costs_must_suit_the_classes():
    with pytest.raises(ValueError, match="square matrix"):
        CostMetric([[0, 1]])
    with pytest.raises(ValueError, match="The costs are those of 2 classes, but there are 4"):
        make_objective(CostMetric([[0, 1], [1, 0]]), TARGETS["strings"][0])
    with pytest.raises(ValueError, match="The costs are those of 2 classes, but there are 1"):
        CostMetric([[0, 1], [1, 0]])([0, 0], [0, 0])
    assert CostMetric([[0, 1], [3, 0]], labels=["b", "a"])(["b", "b"], ["a", "b"]) == -1.5
    model = BPFreeClassifier(loss=CostMetric([[0, 1], [1, 0]]))
    assert clone(model).loss.costs == [[0, 1], [1, 0]]


@weighted
@pytest.mark.parametrize("kind", ["value", "values"])
def test_pinball_metric(kind, weight):
    targets, y, K = TARGETS[kind]
    metric = make_objective(PinballMetric(0.8), targets)
    Z = outputs(K, False)
    expected = [
        -reference.mean_pinball_loss(y, targets.predict(member), sample_weight=weight, alpha=0.8) for member in Z
    ]
    np.testing.assert_allclose(metric.scores(Z, y, weight), expected, rtol=0, atol=1e-12)
    assert PinballMetric(0.8)(y, targets.predict(Z[0]), weight) == pytest.approx(expected[0], abs=1e-12)
    with pytest.raises(ValueError, match="quantile"):
        PinballMetric(1.0)


def test_constant_targets_have_an_r2():
    targets = Values(np.zeros(2), np.ones(2), False)
    y = np.column_stack([np.ones(N), rng.normal(size=N)])
    Z = outputs(2, False)
    Z[0, :, 0] = 1
    metric = make_objective("r2", targets)
    np.testing.assert_allclose(metric.scores(Z, y), by_scikit_learn(metric, Z, y, None), atol=1e-12)


def test_auc_counts_pairs():
    S = np.array([[1.0, 2, 3, 3], [4.0, 3, 2, 1], [0.0, 0, 0, 0]])
    positive = np.array([False, True, False, True])
    np.testing.assert_array_equal(auc(S, positive), [(1 + 0 + 1 + 0.5) / 4, 1 / 4, 1 / 2])
    assert np.isnan(auc(S, np.zeros(4, bool))).all()


def test_single_precision_has_the_same_order_and_ties():
    S = np.concatenate([rng.normal(size=40), [0.0, -0.0, 1e-45, -1e-45, 1e38, -1e38], np.repeat([0.5, -0.5], 4)])
    S = np.stack([rng.permutation(S) for _ in range(4)]).astype(np.float32)
    positive = rng.random(S.shape[1]) < 0.4
    for weight in (None, rng.uniform(1, 2, S.shape[1])):
        np.testing.assert_array_equal(auc(S, positive, weight), auc(S.astype(np.float64), positive, weight))


def test_decisions_are_those_of_the_targets():
    for targets, _, K in (TARGETS["binary"], TARGETS["strings"]):
        link = make_objective("auto", targets).link
        for member in outputs(K, True):
            np.testing.assert_array_equal(targets.classes[decide(member)], targets.predict(link(member)))


def test_a_member_whose_outputs_are_not_finite_has_no_score():
    targets, y, K = TARGETS["strings"]
    Z = outputs(K, False)
    Z[2, 7, 1] = np.nan
    Z[3, 1, 0] = np.inf
    for scoring in ("f1_macro", make_scorer(reference.accuracy_score)):
        scores = make_objective(scoring, targets).scores(Z, y)
        np.testing.assert_array_equal(np.isnan(scores), [False, False, True, True, False])


def test_single_precision_is_accepted():
    for kind, name in [("strings", "f1_macro"), ("binary", "roc_auc"), ("value", "r2"), ("strings", "neg_log_loss")]:
        targets, y, K = TARGETS[kind]
        metric = make_objective(name, targets)
        Z = outputs(K, False)
        scores = metric.scores(Z.astype("f4"), y, WEIGHT.astype("f4"))
        assert scores.dtype == np.float64
        np.testing.assert_allclose(scores, metric.scores(Z, y, WEIGHT), rtol=1e-5)


def test_what_has_no_vectorised_form_goes_through_scikit_learn():
    targets, y, _ = TARGETS["strings"]
    for scoring in ("f1", "matthews_corrcoef", "roc_auc", make_scorer(reference.accuracy_score), lambda a, b: 1.0):
        assert make_objective(scoring, targets).vectorised is None
    with pytest.raises(ValueError, match="average='binary'"):
        make_objective("f1", targets).check(targets.encode(y), y)
