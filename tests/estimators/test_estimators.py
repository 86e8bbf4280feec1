"""What users see: targets and containers of every kind, weights, stopping, resuming, parameters, callbacks, memory."""

import copy
import pickle
import tracemalloc
import warnings
from itertools import pairwise
from typing import ClassVar

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import make_classification, make_friedman1, make_multilabel_classification, make_regression
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, mean_absolute_error, r2_score, roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, get_trainer
from sklearn_bpfree.estimators import training
from sklearn_bpfree.nn.activations import ACTIVATIONS
from sklearn_bpfree.nn.losses import HuberLoss, QuantileLoss
from sklearn_bpfree.plugin import advance
from sklearn_bpfree.plugin.registry import get_trainer_class
from sklearn_bpfree.testing import RandomSearch

X, y = make_classification(n_samples=200, n_informative=4, class_sep=1.5, random_state=0)
X3, y3 = make_classification(n_samples=240, n_classes=3, n_informative=6, class_sep=1.5, random_state=0)
XR, yR = make_friedman1(n_samples=200, random_state=0)
XR = StandardScaler().fit_transform(XR)
XM, yM = make_multilabel_classification(n_samples=200, n_classes=4, random_state=0)
XM = StandardScaler().fit_transform(XM)


def classifier(*args, **params):
    return BPFreeClassifier(*args, **{"max_iter": 5, "random_state": 0, **params})


def regressor(*args, **params):
    return BPFreeRegressor(*args, **{"max_iter": 5, "random_state": 0, **params})


def same_bits(one, other):
    return np.array_equal(one.state_.weights, other.state_.weights)


# --- targets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", [np.array([0, 1]), np.array(["no", "yes"]), np.array([-7, 40]), [False, True]])
def test_two_classes(labels):
    target = np.asarray(labels)[y]
    clf = classifier(max_iter=100).fit(X, target)
    assert clf.score(X, target) > 0.95
    assert list(clf.classes_) == list(labels) and clf.predict(X).dtype == target.dtype
    P, Z = clf.predict_proba(X), clf.decision_function(X)
    assert P.shape == (200, 2) and Z.shape == (200,) and clf.n_outputs_ == 1
    np.testing.assert_allclose(P.sum(axis=1), 1)
    np.testing.assert_allclose(P[:, 1], 1 / (1 + np.exp(-Z)))
    np.testing.assert_array_equal(clf.predict(X) == clf.classes_[1], Z > 0)
    np.testing.assert_array_equal(clf.predict_log_proba(X), np.log(P))


@pytest.mark.parametrize("labels", [np.arange(3), np.array(["a", "b", "c"]), np.array([-7, 0, 40])])
def test_three_classes(labels):
    target = labels[y3]
    clf = classifier(max_iter=100).fit(X3, target)
    assert clf.score(X3, target) > 0.9
    P, Z = clf.predict_proba(X3), clf.decision_function(X3)
    assert P.shape == Z.shape == (240, 3) and clf.n_outputs_ == 3
    np.testing.assert_allclose(P.sum(axis=1), 1)
    np.testing.assert_array_equal(clf.predict(X3), labels[Z.argmax(axis=1)])


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
def test_label_sets(container):
    clf = classifier(max_iter=100).fit(XM, container(yM))
    P = clf.predict_proba(XM)
    assert P.shape == clf.decision_function(XM).shape == yM.shape and list(clf.classes_) == [0, 1, 2, 3]
    np.testing.assert_array_equal(clf.predict(XM), P > 0.5)
    assert (clf.predict(XM) == yM).mean() > 0.9


def test_values_of_several_columns():
    targets = np.column_stack([yR, -1e6 * XR[:, 0], 1e-6 * XR[:, 1]])
    reg = regressor(max_iter=200).fit(XR, targets)
    assert reg.predict(XR).shape == targets.shape
    assert r2_score(targets, reg.predict(XR), multioutput="raw_values").min() > 0.9


def test_a_column_of_targets_is_flattened_with_a_warning():
    for model, rows, target in [(classifier(), X, y), (regressor(), XR, yR)]:
        with pytest.warns(DataConversionWarning):
            model.fit(rows, target[:, None])
        assert model.predict(rows).shape == (200,)


def test_a_target_in_dollars_needs_no_scaling():
    dollars = 250_000 + 80_000 * (yR - yR.mean()) / yR.std()
    plain, scaled = regressor(max_iter=100).fit(XR, dollars), regressor(max_iter=100).fit(XR, yR)
    assert plain.score(XR, dollars) > 0.95
    np.testing.assert_allclose(plain.score(XR, dollars), scaled.score(XR, yR), atol=0.01)


def test_a_constant_target_is_learned():
    np.testing.assert_allclose(regressor(max_iter=100).fit(XR, np.full(200, 7.0)).predict(XR), 7, atol=0.1)


# --- losses -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["auto", "squared_error", "absolute_error", "huber", "quantile", HuberLoss(0.5)])
def test_every_loss_learns_values(loss):
    assert regressor(loss=loss, max_iter=100).fit(XR, yR).score(XR, yR) > 0.85


@pytest.mark.parametrize("loss", ["absolute_error", "huber"])
def test_robust_losses_ignore_outliers(loss):
    spoiled = yR.copy()
    spoiled[::20] += 1000
    clean = np.arange(200) % 20 > 0
    robust = regressor(loss=loss, max_iter=100).fit(XR, spoiled)
    squared = regressor(max_iter=100).fit(XR, spoiled)
    error, squared_error = (mean_absolute_error(yR[clean], m.predict(XR[clean])) for m in (robust, squared))
    assert error < 0.5 * squared_error


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_quantiles_cover_their_share(quantile):
    rng = np.random.default_rng(0)
    rows = rng.uniform(-1, 1, (3000, 1))
    target = 1e4 * (rows[:, 0] + (1.5 + rows[:, 0]) * rng.standard_normal(3000))
    reg = BPFreeRegressor(loss="quantile", quantile=quantile, max_iter=30, random_state=0).fit(
        rows[:2000], target[:2000]
    )
    below = target[2000:] < reg.predict(rows[2000:])
    assert below.mean() == pytest.approx(quantile, abs=0.04)
    assert below[rows[2000:, 0] > 0].mean() == pytest.approx(quantile, abs=0.06), "also where the spread is large"


def test_loss_objects_carry_their_own_parameters():
    by_name = regressor(loss="quantile", quantile=0.8).fit(XR, yR)
    assert same_bits(by_name, regressor(loss=QuantileLoss(0.8)).fit(XR, yR))
    assert same_bits(regressor(loss="quantile").fit(XR, yR), regressor(loss=QuantileLoss(0.5)).fit(XR, yR))


def test_poisson_learns_rates():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(2000, 2))
    rate = np.exp(1 + 0.7 * rows[:, 0])
    reg = regressor(loss="poisson", max_iter=30).fit(rows, rng.poisson(rate))
    assert (reg.predict(rows) > 0).all()
    assert np.median(np.abs(reg.predict(rows) / rate - 1)) < 0.1


def test_a_metric_is_an_objective_for_a_trainer_that_needs_values():
    options = {"trainer": RandomSearch(sigma=0.1), "metric_warmup": 0.0, "early_stopping": False}
    by_name = classifier((8,), loss="roc_auc", max_iter=30, **options).fit(X, y)
    assert by_name.loss_curve_ == sorted(by_name.loss_curve_, reverse=True)
    assert by_name.loss_ == pytest.approx(-roc_auc_score(y, by_name.decision_function(X))) and by_name.loss_ < -0.8
    by_function = classifier((8,), loss=accuracy_score, max_iter=60, **options).fit(X, y)
    assert by_function.loss_ == -by_function.score(X, y)


def test_a_metric_is_also_what_early_stopping_looks_at():
    clf = classifier((8,), trainer=RandomSearch(), loss="roc_auc", early_stopping=True, max_iter=10).fit(X, y)
    assert all(0 <= score <= 1 for score in clf.validation_scores_)
    assert clf.best_validation_score_ == max(clf.validation_scores_)


# --- weights ----------------------------------------------------------------------------------------------------------


def test_the_scale_of_sample_weights_means_nothing():
    weight = np.random.default_rng(0).uniform(0.5, 2, 200)
    one, other = classifier().fit(X, y, sample_weight=weight), classifier().fit(X, y, sample_weight=4 * weight)
    assert same_bits(one, other)
    assert same_bits(classifier().fit(X, y), classifier().fit(X, y, sample_weight=3.0))


def test_class_weights_are_sample_weights():
    by_class = classifier(class_weight={0: 1, 1: 4.5}).fit(X, y)
    assert same_bits(by_class, classifier().fit(X, y, sample_weight=np.where(y, 4.5, 1.0)))
    both = classifier(class_weight={0: 1, 1: 4.5}).fit(X, y, sample_weight=1 + y)
    assert same_bits(both, classifier().fit(X, y, sample_weight=np.where(y, 9.0, 1.0) / 4))


def test_class_weights_repeat_no_row():
    by_class = classifier(class_weight={0: 1, 1: 3}).fit(X[:90], y[:90])
    assert by_class.n_evaluations_ == by_class.n_iter_ * 90


@pytest.mark.parametrize("options", [{}, {"early_stopping": True}, {"trainer": "ladder"}, {"trainer": "rfm"}])
def test_rows_that_are_there_many_times_are_as_many_observations(options):
    rows = np.repeat(np.eye(2), 150, axis=0)
    target = np.arange(300) % 10 == 0
    target[150:] = ~target[150:]
    assert classifier(max_iter=None, **options).fit(rows, target).score(rows, target) == 0.9


def test_balanced_class_weights_help_the_rare_class():
    rows, target = make_classification(n_samples=600, weights=[0.93], flip_y=0.05, class_sep=0.7, random_state=0)
    plain, balanced = (classifier(class_weight=weight).fit(rows, target) for weight in (None, "balanced"))
    assert balanced.predict(rows).sum() > 1.5 * plain.predict(rows).sum()


def test_a_large_table_counts_weights_as_well():
    rows = np.random.default_rng(0).normal(size=(1500, 3))
    target = rows[:, 0] > 0
    weight = np.repeat([1.0, 20.0], 750)
    target[:750] = ~target[:750]
    clf = classifier().fit(rows, target, sample_weight=weight)
    assert clf.score(rows[750:], target[750:]) > 0.9


# --- containers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("container", [sparse.csr_array, sparse.csr_matrix, sparse.csc_array, sparse.coo_array])
def test_sparse_rows_give_what_dense_rows_give(container):
    rows = np.where(np.abs(X) < 0.5, 0, X)
    dense, from_sparse = classifier().fit(rows, y), classifier().fit(container(rows), y)
    np.testing.assert_allclose(from_sparse.predict_proba(container(rows)), dense.predict_proba(rows), atol=1e-4)
    np.testing.assert_allclose(from_sparse.predict_proba(rows), dense.predict_proba(rows), atol=1e-4)


def test_sparse_rows_are_never_made_dense():
    rows = sparse.random_array((200, 1_000_000), density=1e-5, format="csr", rng=np.random.default_rng(0))
    tracemalloc.start()
    clf = classifier((2,), max_iter=1, early_stopping=True, record_alignment=True).fit(rows, y)
    assert clf.predict_proba(rows).shape == (200, 2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.25 * 200 * 1_000_000 * 4


def frames(rows):
    names = [f"column {i}" for i in range(rows.shape[1])]
    yield pd.DataFrame(rows, columns=names)
    yield pl.DataFrame({name: rows[:, i] for i, name in enumerate(names)})


@pytest.mark.parametrize("number", [0, 1], ids=["pandas", "polars"])
def test_frames(number):
    frame, series = [*frames(X)][number], [pd.Series, pl.Series][number]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clf = classifier().set_callbacks(ScoringMonitor(scoring="accuracy"))
        clf.fit(frame, series(y), sample_weight=series(1.0 + y), X_val=frame, y_val=series(y))
        P = clf.predict_proba(frame)
    plain = classifier().fit(X, y, sample_weight=1.0 + y, X_val=X, y_val=y)
    assert same_bits(clf, plain)
    np.testing.assert_allclose(P, plain.predict_proba(X), rtol=1e-12)
    assert list(clf.feature_names_in_) == [f"column {i}" for i in range(20)] and not hasattr(plain, "feature_names_in_")
    with pytest.raises(ValueError, match="feature names should match"):
        clf.predict(frame[list(frame.columns)[::-1]])


def test_string_labels_in_a_frame():
    labels = pd.Series(np.array(["no", "yes"])[y], dtype="category")
    clf = classifier(max_iter=50).fit(pd.DataFrame(X).rename(columns=str), labels)
    assert clf.score(pd.DataFrame(X).rename(columns=str), labels) > 0.9


def test_input_of_either_precision_gives_the_same_fit():
    rows = X.astype(np.float32)
    one, other = classifier().fit(rows, y), classifier().fit(rows.astype(np.float64), y)
    assert same_bits(one, other) and one.state_.weights.dtype == np.float32
    assert one.predict_proba(rows).dtype == np.float32 and one.predict_proba(rows.astype(float)).dtype == np.float64
    np.testing.assert_allclose(one.predict_proba(rows), one.predict_proba(rows.astype(float)), atol=1e-5)


def test_double_precision_when_asked_for():
    clf = classifier(dtype="float64").fit(X.astype(np.float32), y)
    assert {part.dtype for part in clf.coefs_ + clf.intercepts_ + clf.state_.slots} == {np.dtype(np.float64)}
    single = classifier().fit(X.astype(np.float32), y)
    np.testing.assert_allclose(clf.predict_proba(X), single.predict_proba(X), atol=1e-3)
    assert not np.array_equal(clf.coefs_[0], single.coefs_[0])
    for dtype in (np.float64, np.dtype("float64"), float):
        assert same_bits(classifier(dtype=dtype).fit(X.astype(np.float32), y), clf)


def test_any_memory_order_and_lists_give_the_same_fit():
    wide = np.repeat(X, 2, axis=1)
    for rows in (np.asfortranarray(X), wide[:, ::2], X.tolist()):
        assert same_bits(classifier().fit(rows, list(y)), classifier().fit(X, y))


def test_the_users_arrays_are_left_alone():
    for rows in (X.copy(), X.astype(np.float32), sparse.csr_array(X)):
        before, weight = copy.deepcopy(rows), 1.0 + y
        values = rows.data if sparse.issparse(rows) else rows
        values.flags.writeable = weight.flags.writeable = False
        target = y.copy()
        target.flags.writeable = False
        classifier(early_stopping=True).fit(rows, target, sample_weight=weight).predict(rows)
        assert abs(rows - before).max() == 0


# --- networks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", [name for name, f in ACTIVATIONS.items() if not f.flat])
@pytest.mark.parametrize("hidden", [(), (20,), (20, 10)])
def test_every_activation_and_depth_learns(activation, hidden):
    clf = classifier(hidden, activation, max_iter=100).fit(X3, y3)
    assert clf.score(X3, y3) > 0.8
    sizes = [20, *hidden, 3]
    assert [W.shape for W in clf.coefs_] == [*pairwise(sizes)]
    assert [b.shape for b in clf.intercepts_] == [(size,) for size in sizes[1:]]
    assert clf.n_layers_ == len(sizes)


def test_no_hidden_layer_is_a_linear_model():
    trainer = get_trainer("dfa", weight_decay=0.0)
    rows, target = make_regression(200, 5, noise=10, random_state=0)
    reg = BPFreeRegressor((), trainer=trainer, random_state=0).fit(rows, target)
    np.testing.assert_allclose(reg.predict(rows), LinearRegression().fit(rows, target).predict(rows), atol=5)
    clf = BPFreeClassifier((), trainer=trainer, random_state=0).fit(X, y)
    linear = LogisticRegression(C=np.inf).fit(X, y)
    assert abs(clf.score(X, y) - linear.score(X, y)) < 0.03


def test_one_hidden_layer_may_be_given_as_a_number():
    assert same_bits(classifier(7).fit(X, y), classifier((7,)).fit(X, y))
    assert same_bits(classifier([7, 5]).fit(X, y), classifier(np.array([7, 5])).fit(X, y))


# --- stopping ---------------------------------------------------------------------------------------------------------


def test_the_trainers_own_budget_is_the_default():
    budget = get_trainer("dfa").budget(200, 20)
    clf = BPFreeClassifier(random_state=0).fit(X, y)
    assert clf.n_iter_ == budget.max_iter and clf.stop_reason_ == "max_iter"
    assert same_bits(clf, classifier(max_iter=budget.max_iter, batch_size=budget.batch_size).fit(X, y))


def test_tol_stops_a_fit_that_has_learned_everything():
    clf = classifier(max_iter=500, tol=1e-3, n_iter_no_change=5).fit(X, y)
    assert clf.stop_reason_ == "tol" and 5 < clf.n_iter_ < 500


def test_early_stopping_holds_out_a_fraction_and_keeps_the_best_weights():
    clf = classifier(max_iter=200, early_stopping=True, validation_fraction=0.25, n_iter_no_change=4, tol=0.0).fit(X, y)
    assert clf.stop_reason_ == "early_stopping" and clf.n_iter_ == len(clf.validation_scores_) < 200
    assert clf.n_evaluations_ == clf.n_iter_ * 150
    best = int(np.argmax(clf.validation_scores_))
    assert clf.n_iter_ == best + 1 + 4
    assert clf.best_validation_score_ == clf.validation_scores_[best]
    shorter = classifier(max_iter=200, early_stopping=True, validation_fraction=0.25, n_iter_no_change=4, tol=0.0)
    shorter.set_callbacks(StopAfter(best + 1)).fit(X, y)
    assert shorter.n_iter_ == best + 1 and same_bits(clf, shorter)


class StopAfter:
    """A callback that ends the fit after so many steps."""

    def __init__(self, n_steps):
        self.n_steps, self.heard = n_steps, 0

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        self.heard += context.task_name == "step"
        return self.heard >= self.n_steps


def test_a_callback_can_end_the_fit():
    clf = classifier(max_iter=50).set_callbacks(StopAfter(3)).fit(X, y)
    assert clf.n_iter_ == 3 and clf.stop_reason_ == "callback"


def test_early_stopping_has_a_tolerance_of_its_own():
    clf = classifier(max_iter=200, early_stopping=True, n_iter_no_change=3).fit(X, y)
    assert clf.stop_reason_ == "early_stopping" and clf.n_iter_ < 200
    assert classifier(max_iter=20, early_stopping=True, n_iter_no_change=3, tol=10.0).fit(X, y).n_iter_ == 4


def test_held_out_rows_are_stratified():
    seen = []

    def look(estimator, rows, target):
        seen.append(np.bincount(target))
        return 0.0

    classifier(early_stopping=True, validation_fraction=0.1, scoring=look, max_iter=1).fit(X3, y3)
    np.testing.assert_array_equal(seen[0], [8, 8, 8])


def test_validation_rows_of_the_user():
    scores = []

    def score(estimator, rows, target, sample_weight=None):
        scores.append((len(rows), sample_weight))
        return estimator.score(rows, target, sample_weight)

    clf = classifier(scoring=score).fit(X[:150], y[:150], X_val=X[150:], y_val=y[150:])
    assert scores == [(50, None)] * 5 and clf.n_evaluations_ == 5 * 150
    assert clf.validation_scores_[-1] == accuracy_score(y[150:], classifier().fit(X[:150], y[:150]).predict(X[150:]))


def test_weights_of_the_validation_rows():
    right = classifier(max_iter=1).fit(X[:100], y[:100]).predict(X[100:]) == y[100:]
    fit = {"X": X[:100], "y": y[:100], "X_val": X[100:], "y_val": y[100:]}
    for weight, score in [(np.where(right, 1.0, 0.0), 1), (np.where(right, 1.0, 3.0), None)]:
        clf = classifier(max_iter=1).fit(**fit, sample_weight_val=weight)
        assert clf.validation_scores_ == [score or pytest.approx(np.average(right, weights=weight))]
        by_loss = classifier(max_iter=1, scoring="loss").fit(**fit, sample_weight_val=weight)
        expected = -log_loss(y[100:], clf.predict_proba(X[100:]), sample_weight=weight)
        assert by_loss.validation_scores_ == [pytest.approx(expected, rel=1e-4)]


@pytest.mark.parametrize("scoring", ["neg_log_loss", "roc_auc", "loss", None, "accuracy"])
def test_any_scorer_can_stop(scoring):
    clf = classifier(scoring=scoring, max_iter=3).fit(X, y, X_val=X, y_val=y)
    assert len(clf.validation_scores_) == 3 and clf.validation_scores_[0] < clf.validation_scores_[-1]
    if scoring in ("loss", "neg_log_loss"):
        stopped = [classifier(max_iter=3).set_callbacks(StopAfter(n)).fit(X, y) for n in (1, 2, 3)]
        expected = [-log_loss(y, model.predict_proba(X)) for model in stopped]
        np.testing.assert_allclose(clf.validation_scores_, expected, rtol=1e-4)


def test_repeated_rows_are_no_weights_to_a_scorer():
    """They are merged for training, but a scorer of the user's need not take weights that nobody gave."""
    seen = []

    def scorer(model, X, y):
        seen.append((X.tobytes(), len(y)))
        return model.score(X, y)

    rows, target = np.concatenate([X, X[:30], X[:1]]), np.concatenate([y, y[:30], y[:1]])
    clf = classifier(max_iter=1, early_stopping=True, scoring=scorer).fit(rows, target)
    assert len(seen) == 1 and seen[0][1] > 20
    weighted = classifier(max_iter=1, early_stopping=True).fit(rows, target)
    assert clf.validation_scores_ == pytest.approx(weighted.validation_scores_)


def test_validation_of_values():
    reg = regressor(max_iter=3).fit(XR, yR, X_val=XR, y_val=yR)
    assert reg.best_validation_score_ == pytest.approx(reg.score(XR, yR))
    assert regressor(max_iter=3).fit(XR, yR).validation_scores_ is None


def test_validation_rows_through_a_pipeline():
    with sklearn.config_context(enable_metadata_routing=True):
        clf = classifier().set_fit_request(X_val=True, y_val=True, sample_weight=True, sample_weight_val=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipe = make_pipeline(scaler, clf, transform_input=["X_val"])
        raw, weight = 100 + 50 * X, 1.0 + y
        weights = {"sample_weight": weight[:150], "sample_weight_val": weight[150:]}
        pipe.fit(raw[:150], y[:150], X_val=raw[150:], y_val=y[150:], **weights)
    scaler = StandardScaler().fit(raw[:150])
    parts = {"X": scaler.transform(raw[:150]), "X_val": scaler.transform(raw[150:])}
    plain = classifier().fit(**parts, y=y[:150], y_val=y[150:], **weights)
    assert pipe[-1].validation_scores_ == plain.validation_scores_ and same_bits(pipe[-1], plain)


# --- time, Ctrl-C, divergence, warm starts ----------------------------------------------------------------------------


class Clock:
    """Stands in for `time`: every look takes a second."""

    now = 0.0

    def perf_counter(self):
        self.now += 1
        return self.now


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("seed", [0, None, np.random.RandomState(0)], ids=["int", "None", "RandomState"])
def test_a_fit_cut_short_by_max_time_is_finished_by_a_warm_start(monkeypatch, early_stopping, seed):
    settings = {"max_iter": 8, "early_stopping": early_stopping, "warm_start": True, "random_state": seed}
    monkeypatch.setattr(training, "time", Clock())
    part = classifier(max_time=6, **settings).fit(X, y)
    assert part.stop_reason_ == "max_time" and 0 < part.n_iter_ < 8
    part = pickle.loads(pickle.dumps(part)).set_params(max_time=None).fit(X, y)
    assert part.stop_reason_ == "max_iter" and part.n_iter_ == 8
    whole = classifier(**{**settings, "random_state": 0})
    whole._draw_seed = lambda: part.progress_.seed
    assert same_bits(part, whole.fit(X, y))
    assert part.loss_curve_ == whole.loss_curve_ and part.validation_scores_ == whole.validation_scores_


def test_ctrl_c_keeps_the_best_weights_and_a_warm_start_goes_on():
    class CtrlC(StopAfter):
        def on_fit_task_end(self, estimator, context):
            if super().on_fit_task_end(estimator, context) and self.n_steps:
                self.n_steps = 1000
                raise KeyboardInterrupt

    clf = regressor(max_iter=8, warm_start=True).set_callbacks(CtrlC(3))
    with pytest.warns(ConvergenceWarning, match="interrupted after 3 steps") as caught:
        clf.fit(XR, yR)
    assert len(caught) == 1 and clf.n_iter_ == 3
    assert clf.state_ is clf.progress_.best and np.isfinite(clf.predict(XR)).all()
    assert same_bits(clf.fit(XR, yR), regressor(max_iter=8).fit(XR, yR)) and clf.n_iter_ == 8


class Wanders(RandomSearch):
    """Gets worse with every step after the first."""

    def step(self, state, problem, rng):
        following = advance(state, weights=state.weights + 0.1, loss=float(problem.iteration))
        if problem.iteration == 3:
            raise KeyboardInterrupt
        return following


class WandersOff(Wanders):
    """And then to infinity."""

    def step(self, state, problem, rng):
        return advance(super().step(state, problem, rng), loss=np.inf if problem.iteration == 2 else 0.5)


@pytest.mark.parametrize("trainer, word", [(Wanders(), "interrupted"), (WandersOff(), "diverged")])
def test_after_an_accident_the_best_weights_are_kept_and_not_the_last(trainer, word):
    clf = classifier(trainer=trainer, max_iter=9)
    with pytest.warns(ConvergenceWarning, match=word):
        clf.fit(X, y)
    first = classifier(trainer=trainer, max_iter=1).fit(X, y)
    assert same_bits(clf, first) and not np.array_equal(clf.progress_.state.weights, first.state_.weights)


def test_a_fit_is_finished_as_it_was_planned(monkeypatch):
    class Look(StopAfter):
        def on_fit_task_end(self, estimator, context):
            if context.task_name == "fit":
                self.planned = context.max_subtasks

    monkeypatch.setattr(training, "time", Clock())
    part = classifier(max_time=6, max_iter=8, warm_start=True).fit(X, y)
    done, look = part.n_iter_, Look(0)
    part.set_params(max_time=None, max_iter=50).set_callbacks(look).fit(X, y)
    assert part.n_iter_ == 8 and same_bits(part, classifier(max_iter=8).fit(X, y))
    assert look.planned == 8 - done, "a progress bar must count the steps that are left"


def test_a_finished_fit_is_trained_for_as_many_steps_again():
    clf = classifier(max_iter=4, warm_start=True).fit(X, y)
    first = clf.state_.weights
    clf.fit(X, y)
    assert clf.n_iter_ == 8 and [row["step"] for row in clf.history_] == [*range(1, 9)]
    assert not np.array_equal(first, clf.state_.weights) and clf.loss_curve_[4] < clf.loss_curve_[0]


def test_without_warm_start_every_fit_is_a_first_one():
    clf = classifier().fit(X, y)
    before = clf.state_.weights
    assert np.array_equal(clf.fit(X, y).state_.weights, before) and clf.n_iter_ == 5


@pytest.mark.parametrize("scale", [1e10, 1e15, 1e17])
def test_huge_features_diverge_or_not_but_weights_stay_finite(scale):
    for model, rows, target in [(classifier(), X, y), (regressor(loss="poisson"), XR, yR), (regressor(), XR, yR)]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(rows / np.abs(rows).max() * scale, target)
        assert np.isfinite(model.state_.weights).all()


def test_divergence_warns_once():
    trainer = get_trainer("backprop", optimizer="sgd", learning_rate=1e30, schedule="constant", warmup=0.0)
    reg = regressor(trainer=trainer)
    with pytest.warns(ConvergenceWarning, match=r"diverged in step \d+: .* lower the learning rate\.$") as caught:
        reg.fit(XR, yR)
    assert len(caught) == 1 and reg.stop_reason_ == "diverged"
    assert caught[0].filename == __file__, "where fit was called, so that the next one's warning is shown as well"
    assert np.isfinite(reg.state_.weights).all() and np.isfinite(reg.predict(XR)).all()


# --- streams ----------------------------------------------------------------------------------------------------------


def test_partial_fit_takes_the_steps_of_the_trainer_one_by_one():
    stream = [(X[i : i + 40], y[i : i + 40]) for i in range(0, 200, 40)]
    clf = classifier(batch_size=1000)
    for rows, target in stream:
        clf.partial_fit(rows, target, classes=[0, 1])
    trainer, progress = get_trainer("dfa"), None
    for rows, target in stream:
        problem = clf._problem(*clf._repeat(rows, target, None), trainer.budget(40, 20))
        problem.max_iter = None
        progress = progress or training.start(trainer, problem, clf.progress_.seed)
        progress.plan(1)
        training.run(trainer, problem, progress)
    np.testing.assert_array_equal(clf.state_.weights, progress.state.weights)
    assert clf.n_iter_ == 5 and len(clf.loss_curve_) == 5 and clf.n_evaluations_ == 200


@pytest.mark.parametrize("make, rows, target", [(classifier, X, y), (regressor, XR, yR), (classifier, XM, yM)])
def test_partial_fit_learns_from_a_stream(make, rows, target):
    model = make()
    for step in range(150):
        part = np.arange(200) % 4 == step % 4
        model.partial_fit(rows[part], target[part])
    assert model.score(rows, target) > 0.8


def test_partial_fit_goes_on_after_fit_and_after_pickling():
    clf = classifier().fit(X, y)
    again = pickle.loads(pickle.dumps(clf))
    assert same_bits(clf.partial_fit(X, y), again.partial_fit(X, y)) and clf.n_iter_ == 6


def test_partial_fit_takes_single_rows_and_classes_that_come_later():
    clf = classifier().partial_fit(X3[:1], y3[:1], classes=[0, 1, 2]).partial_fit(X3[1:], y3[1:])
    assert list(clf.classes_) == [0, 1, 2] and clf.predict_proba(X3).shape == (240, 3)
    assert np.isfinite(regressor().partial_fit(XR[:1], yR[:1]).partial_fit(XR[1:2], yR[1:2]).predict(XR)).all()


class Counting(RandomSearch):
    """Remembers how many rows it was given at a time."""

    seen: ClassVar[list[int]] = []

    def outputs(self, state, network, X):
        self.seen.append(X.shape[0])
        return super().outputs(state, network, X)


def test_no_trainer_is_given_more_than_a_block_of_rows_to_predict():
    reg = regressor(trainer=Counting()).fit(XR, yR)
    many = np.random.default_rng(0).normal(size=(20_000, XR.shape[1]))
    Counting.seen.clear()
    whole = reg.predict(many)
    assert Counting.seen == [4096] * 4 + [3616]
    np.testing.assert_allclose(whole[9000:9010], reg.predict(many[9000:9010]), rtol=1e-12)


class OneSolve(RandomSearch):
    """Cannot go on with other rows."""

    offers = ()


def test_partial_fit_is_offered_or_not():
    assert hasattr(classifier(), "partial_fit") and hasattr(classifier(trainer=RandomSearch()), "partial_fit")
    assert not hasattr(classifier(trainer=OneSolve()), "partial_fit")
    assert hasattr(classifier(trainer="unknown"), "partial_fit"), "fit says what is wrong with the name"
    with pytest.raises(AttributeError):
        classifier(trainer=OneSolve()).partial_fit(X, y)


# --- parameters -------------------------------------------------------------------------------------------------------


def test_a_name_becomes_an_object_when_one_of_its_parameters_is_set():
    clf = classifier(trainer="fa")
    assert clf.set_params(max_iter=3).trainer == "fa"
    assert clf.set_params(trainer__learning_rate=0.5).trainer.get_params()["learning_rate"] == 0.5
    assert type(clf.trainer).__name__ == "FA" and clf.get_params()["trainer__learning_rate"] == 0.5
    clf.set_params(trainer="dfa", trainer__dropout=0.1)
    assert type(clf.trainer).__name__ == "DFA" and clf.trainer.dropout == 0.1
    assert clf.set_params(trainer="fa").trainer == "fa"
    with pytest.raises(ValueError, match="Invalid parameter 'sigma' for estimator DFA"):
        classifier().set_params(trainer__sigma=1)


def test_the_trainer_is_stored_as_given_and_cloned_at_fit():
    trainer = get_trainer("dfa", dropout=0.1)
    clf = classifier(trainer=trainer).fit(X, y)
    assert clf.trainer is trainer and clf.trainer_ is not trainer and clf.trainer_.dropout == 0.1
    assert classifier(trainer="dfa").fit(X, y).trainer == "dfa"


def test_a_grid_over_trainers_and_their_parameters():
    grid = [
        {"trainer": ["backprop", "fa"]},
        {"trainer": ["dfa"], "trainer__learning_rate": [1e-9, 1e-2], "trainer__feedback": ["random", "learned"]},
    ]
    search = GridSearchCV(classifier(trainer="fa", max_iter=20), grid, cv=2).fit(X, y)
    results = zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True)
    learned = [score for params, score in results if params.get("trainer__learning_rate") != 1e-9]
    assert len(learned) == 4 and min(learned) > max(set(search.cv_results_["mean_test_score"]) - set(learned))
    assert search.estimator.trainer == "fa"
    assert search.best_score_ > 0.75


def test_clone_and_repr():
    clf = classifier(trainer=get_trainer("dfa", dropout=0.1)).fit(X, y)
    copied = clone(clf)
    assert repr(copied) == repr(clf) and "dropout=0.1" in repr(clf)
    assert copied.trainer is not clf.trainer and not hasattr(copied, "state_")


def test_pickle_keeps_predictions_and_history():
    clf = classifier(early_stopping=True, record_alignment=True).fit(X, y)
    again = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))
    assert again.history_ == clf.history_ and repr(again.trainer_) == repr(clf.trainer_)


def test_a_finished_fit_holds_no_second_state():
    steep = {"trainer__learning_rate": 10.0, "trainer__schedule": "constant", "trainer__weight_decay": 0.0}
    clf = classifier(max_iter=20, warm_start=True).set_params(**steep).fit(X, y)
    assert clf.history_[-1]["loss"] > min(row["loss"] for row in clf.history_)
    assert clf.progress_.best is clf.state_


def test_random_state():
    assert same_bits(classifier(random_state=3).fit(X, y), classifier(random_state=3).fit(X, y))
    assert not same_bits(classifier(random_state=3).fit(X, y), classifier(random_state=4).fit(X, y))
    assert not same_bits(classifier(random_state=None).fit(X, y), classifier(random_state=None).fit(X, y))
    draws = np.random.RandomState(3)
    first = classifier(random_state=draws).fit(X, y)
    assert same_bits(first, classifier(random_state=np.random.RandomState(3)).fit(X, y))
    assert not same_bits(first, classifier(random_state=draws).fit(X, y))


def test_the_order_of_the_rows_of_a_small_table_means_nothing():
    order = np.random.default_rng(0).permutation(200)
    assert same_bits(classifier().fit(X[order], y[order]), classifier().fit(X, y))


def test_verbose_prints_a_line_per_step(capsys):
    classifier(verbose=True, max_iter=2).fit(X, y, X_val=X, y_val=y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and lines[1].startswith("step 2, loss 0.") and "validation score 0." in lines[1]
    classifier(max_iter=2).fit(X, y)
    assert capsys.readouterr().out == ""


def test_what_is_there_after_a_fit():
    clf = classifier().fit(X, y)
    assert clf.n_iter_ == len(clf.history_) == len(clf.loss_curve_) == 5 and clf.loss_ == clf.loss_curve_[-1]
    assert clf.n_features_in_ == 20 and clf.n_evaluations_ == 5 * 200
    assert clf.validation_scores_ is None and clf.best_validation_score_ is None
    assert type(clf.trainer_).__name__ == "DFA" and clf.network_.layer_sizes == (20, 100, 1)
    assert np.shares_memory(clf.coefs_[0], clf.state_.weights)
    with pytest.raises(AttributeError, match="alignment_ needs a fit with record_alignment=True"):
        clf.alignment_  # noqa: B018


def test_nothing_is_there_before():
    for name in (
        "coefs_",
        "intercepts_",
        "loss_curve_",
        "n_layers_",
        "validation_scores_",
        "stop_reason_",
        "alignment_",
    ):
        assert not hasattr(classifier(), name)
    with pytest.raises(NotFittedError):
        classifier().predict(X)


def test_cross_validation_in_parallel_gives_the_same_scores():
    one, two = (cross_val_score(classifier(), X, y, cv=3, n_jobs=n_jobs) for n_jobs in (None, 2))
    np.testing.assert_array_equal(one, two)


# --- callbacks --------------------------------------------------------------------------------------------------------


def scores(monitor):
    return [row for row in monitor.get_logs().data if row["task_name"] == "step"]


def test_a_scoring_monitor_sees_every_step():
    monitor = ScoringMonitor(scoring="neg_log_loss")
    clf = classifier(dtype="float64").set_callbacks(monitor).fit(X, y, sample_weight=1.0 + y)
    curve = [row["neg_log_loss"] for row in scores(monitor)]
    assert len(curve) == 5 and curve == sorted(curve)
    assert curve[-1] == -log_loss(y, clf.predict_proba(X), sample_weight=1.0 + y)


def test_a_progress_bar_counts_the_steps(capsys):
    classifier().set_callbacks(ProgressBar()).fit(X, y)
    out = capsys.readouterr().out
    assert "BPFreeClassifier - fit" in out and "100%" in out


def test_callbacks_inside_a_pipeline(capsys):
    monitor = ScoringMonitor(scoring="accuracy")
    pipe = make_pipeline(StandardScaler(), classifier().set_callbacks(monitor))
    pipe.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, y)
    assert [row["accuracy"] for row in scores(monitor)][-1] == pipe.score(X, y)
    out = capsys.readouterr().out
    assert "Pipeline - fit" in out and "BPFreeClassifier - fit" in out


def test_callbacks_inside_a_parallel_search(capsys):
    monitor = ScoringMonitor(scoring="accuracy")
    pipe = make_pipeline(StandardScaler(), classifier(max_iter=3).set_callbacks(monitor))
    search = GridSearchCV(pipe, {"bpfreeclassifier__trainer": ["dfa", "fa"]}, cv=2, n_jobs=2)
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, y)
    assert len(scores(monitor)) == (2 * 2 + 1) * 3, "three steps for each fold and candidate and for the refit"
    assert "GridSearchCV - fit" in capsys.readouterr().out
    quiet = GridSearchCV(clone(pipe), {"bpfreeclassifier__trainer": ["dfa", "fa"]}, cv=2).fit(X, y)
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], quiet.cv_results_["mean_test_score"])


# --- memory -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("convert", [np.asarray, np.float32, np.asfortranarray, sparse.csr_array, pd.DataFrame])
def test_a_fit_holds_at_most_three_copies_of_the_table_and_predict_none(convert, early_stopping):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(40_000, 60))
    target = values[:, 0] > 0
    rows = convert(values)
    del values
    size = rows.data.nbytes * 1.5 if sparse.issparse(rows) else np.asarray(rows).nbytes
    clf = classifier((20,), max_iter=1, early_stopping=early_stopping, record_alignment=True)
    tracemalloc.start()
    clf.fit(rows, target)
    assert tracemalloc.get_traced_memory()[1] < 2 * size, "and the user's own is the third"
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    clf.predict(rows)
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    if convert is not pd.DataFrame:  # scikit-learn makes an array of a frame
        assert peak < 40_000 * 60 * 4, "blocks of a few MB and the outputs"


def test_a_state_is_no_larger_than_its_weights_and_moments():
    clf = classifier().fit(X, y)
    assert len(pickle.dumps(clf.state_)) < 3.5 * clf.state_.weights.nbytes
    assert advance(clf.state_).weights is clf.state_.weights


# --- uncertainty ------------------------------------------------------------------------------------------------------


class NoiseAware(get_trainer_class("backprop")):
    """Says that every target is its prediction, give or take half a standard deviation of the targets."""

    offers = ("return_std",)

    def predictive(self, state, network, X):
        Z = self.outputs(state, network, X)
        return Z, np.full_like(Z, 0.5)


def test_standard_deviations_and_quantiles_are_in_the_units_of_the_target():
    X = np.random.default_rng(0).normal(size=(200, 3))
    y = 1000 * X[:, 0] + 5000
    model = BPFreeRegressor((8,), trainer=NoiseAware(), max_iter=3, random_state=0).fit(X, y)
    mean, std = model.predict(X, return_std=True)
    np.testing.assert_array_equal(mean, model.predict(X))
    np.testing.assert_allclose(std, 0.5 * y.std())
    quantiles = model.predict_quantiles(X, [0.05, 0.5, 0.95])
    np.testing.assert_allclose(quantiles[:, 1], mean)
    np.testing.assert_allclose(quantiles[:, 2] - mean, 1.6448536 * std)
    np.testing.assert_array_equal(model.predict_quantiles(X, 0.05), quantiles[:, 0])


def test_quantiles_of_several_outputs_have_an_axis_of_their_own():
    X = np.random.default_rng(0).normal(size=(60, 3))
    Y = X[:, :2] * [1, 100]
    model = BPFreeRegressor((8,), trainer=NoiseAware(), max_iter=3, random_state=0).fit(X, Y)
    assert model.predict(X, return_std=True)[1].shape == (60, 2)
    assert model.predict_quantiles(X, [0.1, 0.9]).shape == (60, 2, 2)


@pytest.mark.parametrize("quantiles", [0.0, [0.5, 1.0], [[0.5]], [np.nan]])
def test_quantiles_outside_of_0_to_1_are_refused(quantiles):
    X = np.random.default_rng(0).normal(size=(60, 3))
    model = BPFreeRegressor((8,), trainer=NoiseAware(), max_iter=1, random_state=0).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="between 0 and 1"):
        model.predict_quantiles(X, quantiles)


def test_trainers_without_standard_deviations_say_so():
    X = np.random.default_rng(0).normal(size=(60, 3))
    model = BPFreeRegressor((8,), max_iter=1, random_state=0).fit(X, X[:, 0])
    assert not hasattr(model, "predict_quantiles")
    with pytest.raises(ValueError, match="'DFA' does not say how sure its predictions are"):
        model.predict(X, return_std=True)
