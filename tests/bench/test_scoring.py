"""Scores: those of scikit-learn, whatever the labels are called, and others than accuracy where a class is rare."""

import math

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import average_precision_score, f1_score, get_scorer, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split

from sklearn_bpfree.bench import BenchError, Table, make_scoring


def table_of(y, task="classifier"):
    y = np.asarray(y)
    return Table("t", np.arange(len(y), dtype=float)[:, None], y, task)


def test_accuracy_and_r2_are_the_defaults():
    assert list(make_scoring(table_of([0, 1] * 20)).scorers) == ["accuracy"]
    assert list(make_scoring(table_of(np.arange(20.0), "regressor")).scorers) == ["R2"]


@pytest.mark.parametrize("y", [[0] * 90 + [1] * 10, ["b"] * 10 + ["a"] * 90, ["a"] * 60 + ["b"] * 60 + ["c"] * 10])
def test_a_rare_class_changes_what_ranks_and_is_told(y):
    scoring = make_scoring(table_of(y))
    assert list(scoring.scorers) == ["ROC AUC", "average precision", "balanced accuracy", "accuracy"]
    assert "has 10 of" in scoring.note and "accuracy tells nothing" in scoring.note


@pytest.mark.parametrize("y", [[0] * 80 + [1] * 20, [0, 1, 2] * 30 + [0] * 20])
def test_no_class_is_rare_that_has_a_third_of_its_share(y):
    scoring = make_scoring(table_of(y))
    assert scoring.name == "accuracy" and scoring.note == ""


@pytest.mark.parametrize("names", [("no", "yes"), ("yes", "no")])
def test_the_rarer_of_two_classes_is_the_positive_one(names):
    X, y = load_breast_cancer(return_X_y=True)  # 1 is the more frequent
    rare = y == 0
    labels = np.where(rare, *names)
    model = LogisticRegression(max_iter=5000).fit(X / X.std(axis=0), labels)
    X = X / X.std(axis=0)
    P = model.predict_proba(X)[:, list(model.classes_).index(names[0])]
    expected = {
        "f1": f1_score(rare, model.predict(X) == names[0]),
        "average_precision": average_precision_score(rare, P),
        "roc_auc": roc_auc_score(rare, P),
    }
    for name, score in expected.items():
        assert make_scoring(table_of(labels), name)(model, X, labels) == pytest.approx(score)


@pytest.mark.parametrize("name", ["accuracy", "roc_auc_ovr", "f1_macro", "neg_log_loss", "balanced_accuracy"])
def test_scores_of_three_classes_are_those_of_scikit_learn(name):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 2))
    y = np.array(["x", "y", "z"])[(X[:, 0] > 0).astype(int) + (X[:, 1] > 0)]
    train, test = train_test_split(np.arange(90), random_state=0, stratify=y)
    model = LogisticRegression().fit(X[train], y[train])
    expected = get_scorer(name)(model, X[test], y[test])
    assert make_scoring(table_of(y), name)(model, X[test], y[test]) == pytest.approx(expected)


def test_a_scorer_of_values_sees_them_as_they_are():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), rng.normal(size=60)
    model = Ridge().fit(X, y)
    scoring = make_scoring(table_of(y, "regressor"), "neg_root_mean_squared_error")
    assert scoring.name == "neg_root_mean_squared_error" and list(scoring.scorers)[1:] == ["R2"]
    assert scoring(model, X, y) == pytest.approx(-np.sqrt(np.mean((y - model.predict(X)) ** 2)))


def test_a_class_without_a_training_row_has_no_probability():
    X = np.arange(12.0)[:, None]
    y = np.repeat(["a", "b", "c"], 4)
    scoring = make_scoring(table_of(y))
    model = LogisticRegression().fit(X[:8], y[:8])
    P = scoring.probabilities(model, X)
    assert P is not None and P.shape == (12, 3) and (P[:, 2] == 0).all()
    for rows in (slice(None), slice(8), slice(4, 12)):  # some lack a class
        expected = log_loss(y[rows], P[rows], labels=["a", "b", "c"])
        assert scoring.loss(y[rows], model.predict(X[rows]), P[rows]) == pytest.approx(expected)


def test_what_cannot_be_scored_on_some_rows_is_not_a_number_unless_it_ranks():
    y = np.array([0] * 90 + [1] * 10)
    scoring = make_scoring(table_of(y), "accuracy")
    P = np.full((5, 2), 0.5)
    scores = scoring.scores(np.empty((5, 1)), y[:5], y[:5], P)
    assert scores["accuracy"] == 1 and math.isnan(scores["ROC AUC"])
    assert math.isnan(scoring.loss(y[:5], y[:5], None))


@pytest.mark.filterwarnings("error")
def test_values_whose_mean_overflows_are_refused_without_a_warning():
    with pytest.raises(BenchError, match="R2 cannot score t: "):
        make_scoring(table_of([1e308, -1e308, 1e308, 1.7e308] * 5, "regressor"))


@pytest.mark.parametrize(
    ("scoring", "y", "task", "message"),
    [
        ("f1_makro", [0, 1] * 20, "classifier", r"no scorer 'f1_makro' \(did you mean 'f1_macro'\?\)"),
        ("f1", [0, 1, 2] * 20, "classifier", "f1 cannot score t: "),
        ("accuracy", np.linspace(0, 1, 20), "regressor", "accuracy cannot score t: "),
        ("neg_mean_squared_log_error", -np.arange(20.0), "regressor", "cannot score t: "),
    ],
)
def test_a_scorer_that_is_not_made_for_the_table_is_refused_before_the_work(scoring, y, task, message):
    with pytest.raises(BenchError, match=message):
        make_scoring(table_of(y, task), scoring)
