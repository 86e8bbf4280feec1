"""A metric as the objective: warm-up on the smooth loss, the decision threshold, fine-tuning, the better of the two."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris, make_classification, make_regression
from sklearn.metrics import f1_score, get_scorer, make_scorer, max_error

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, get_trainer
from sklearn_bpfree.estimators import training
from sklearn_bpfree.nn.losses import AbsoluteError, LogLoss, QuantileLoss, SquaredError
from sklearn_bpfree.nn.metrics import CostMetric, PinballMetric
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.nn.objectives import Metric, make_objective
from sklearn_bpfree.nn.targets import Classes, LabelSets, Values
from sklearn_bpfree.plugin.problem import Problem
from sklearn_bpfree.testing import RandomSearch

X, y = make_classification(400, 6, n_informative=4, weights=[0.85], flip_y=0.05, random_state=0)
LONG, y_long = (np.concatenate([part] * 3) for part in (X, y))  # too long to be looked through for repeated rows
TWO = Classes(np.array([0, 1]))
rng = np.random.default_rng(0)


def classifier(**params):
    trainer = get_trainer("open_es", population_size=16, learning_rate=0.05)
    return BPFreeClassifier((4,), trainer=trainer, loss="f1", max_iter=20, random_state=0).set_params(**params)


def make_problem(objective, warmup, n=60, K=3):
    codes = np.arange(n) % K
    rows = rng.normal(size=(n, 4)) + codes[:, None]
    return Problem(rows, np.eye(K)[codes], Network((4, 3, K)), objective, y=codes, max_iter=10, warmup=warmup)


# --- what is minimised ------------------------------------------------------------------------------------------------


def test_the_objective_is_the_smooth_loss_until_the_warm_up_ends():
    metric = make_objective("f1_macro", Classes(np.arange(3)))
    problem = make_problem(metric, warmup=3)
    assert isinstance(metric.smooth, LogLoss)
    for iteration in range(6):
        problem.iteration = iteration
        assert problem.objective is (metric.smooth if iteration < 3 else metric)
    assert make_problem(LogLoss(), warmup=3).objective == LogLoss()


def test_the_matching_loss():
    values = Values(np.zeros(1), np.ones(1), True)
    for scoring, kind in [
        ("r2", SquaredError()),
        ("neg_mean_absolute_error", AbsoluteError()),
        (PinballMetric(0.9), QuantileLoss(0.9)),
        (make_scorer(max_error, greater_is_better=False), SquaredError()),
    ]:
        metric = make_objective(scoring, values)
        assert isinstance(metric, Metric) and metric.smooth == kind


def test_the_loss_curve_passes_from_one_to_the_other_at_the_fraction_asked_for():
    model = classifier(metric_warmup=0.6, early_stopping=False).fit(X, y)
    curve = np.array(model.loss_curve_)
    assert len(curve) == 20
    assert (curve[:12] > 0).all() and (curve[12:] <= 0).all()
    curve = classifier(metric_warmup=0.6, early_stopping=False).fit(LONG, y_long).loss_curve_
    twin = classifier(loss="log_loss").fit(LONG, y_long)
    np.testing.assert_array_equal(curve[:12], twin.loss_curve_[:12])
    direct = classifier(metric_warmup=0, early_stopping=False).fit(X, y)
    assert max(direct.loss_curve_) <= 0


@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_the_fraction_is_a_fraction(value):
    with pytest.raises(ValueError, match="metric_warmup"):
        classifier(metric_warmup=value).fit(X, y)


def test_a_loss_has_no_warm_up():
    plain, other = (classifier(loss="log_loss", metric_warmup=w).fit(X, y) for w in (0.8, 0.1))
    np.testing.assert_array_equal(plain.state_.weights, other.state_.weights)
    assert plain.validation_scores_ is None


def test_any_trainer_that_needs_values_has_it_for_free():
    model = classifier(trainer=RandomSearch(), max_iter=60).fit(X, y)
    curve = np.array(model.loss_curve_)
    assert (curve[:48] > 0).all() and (curve[48:] <= 0).all()
    assert f1_score(y, model.predict(X)) > 0.4


def test_a_trainer_that_needs_the_output_error_is_still_refused():
    with pytest.raises(ValueError, match="'dfa' needs the output error of a loss, but the metric 'f1'"):
        classifier(trainer="dfa").fit(X, y)


# --- the decision threshold -------------------------------------------------------------------------------------------


def best_of_all_thresholds(score, z):
    """By trying every cut between the values of a single output."""
    values = np.unique(z)
    cuts = np.concatenate([[values[0] - 1], (values[1:] + values[:-1]) / 2, [values[-1] + 1]])
    return max(score((z > cut).astype(int)) for cut in cuts)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("scoring", ["f1", "balanced_accuracy", CostMetric([[0, 1], [9, 0]])], ids=str)
def test_the_threshold_is_the_best_there_is(scoring, weighted):
    n = 80
    target = (rng.random(n) < 0.2).astype(int)
    Z = (rng.normal(size=n) + 1.5 * target - 3)[:, None]
    weight = rng.uniform(0.5, 2, n) if weighted else None
    metric = make_objective(scoring, TWO)
    shift = metric.best_shift(Z, TWO.encode(target), target, weight)
    assert shift.shape == (1,)
    scorer = get_scorer(scoring) if isinstance(scoring, str) else make_scorer(scoring)
    best = best_of_all_thresholds(lambda chosen: scorer._score_func(target, chosen, sample_weight=weight), Z[:, 0])
    assert metric.score(Z + shift, target, weight) >= best - 1e-12
    assert metric.score(Z + shift, target, weight) > metric.score(Z, target, weight)


def test_every_class_and_every_label_gets_a_bias():
    n = 300
    codes = rng.choice(3, n, p=[0.8, 0.15, 0.05])
    classes = Classes(np.array(["a", "b", "c"]))
    Z = np.eye(3)[codes] + rng.normal(size=(n, 3)) + [3, 0, -2]
    metric = make_objective("balanced_accuracy", classes)
    shift = metric.best_shift(Z, classes.encode(classes.classes[codes]), classes.classes[codes])
    before, after = (metric.score(z, classes.classes[codes]) for z in (Z, Z + shift))
    assert after > 0.5 > before
    labels = (rng.random((n, 2)) < [0.1, 0.5]).astype(int)
    Z = labels + rng.normal(size=(n, 2)) - [4, 4]
    metric = make_objective("f1_macro", LabelSets(2))
    shift = metric.best_shift(Z, labels, labels)
    assert (shift > 1).all()
    assert metric.score(Z + shift, labels) > metric.score(Z, labels) + 0.2


def test_values_move_to_the_metric_optimum():
    values = Values(np.array([5.0]), np.array([2.0]), True)
    Z = rng.normal(size=(4000, 1))
    target = values.predict(Z + rng.exponential(size=(4000, 1)))
    for scoring, expected in [(PinballMetric(0.9), np.log(10)), ("neg_mean_absolute_error", np.log(2)), ("r2", 1.0)]:
        metric = make_objective(scoring, values)
        shift = metric.best_shift(Z, values.encode(target, float), target)
        assert shift[0] == pytest.approx(expected, abs=0.15)


def test_no_shift_where_none_is_better():
    target = np.array([0, 1] * 20)
    metric = make_objective("roc_auc", TWO)
    np.testing.assert_array_equal(metric.best_shift(rng.normal(size=(40, 1)), target[:, None], target), 0)
    right = make_objective("accuracy", TWO)
    np.testing.assert_array_equal(right.best_shift((2.0 * target - 1)[:, None], target[:, None], target), 0)


def test_the_step_that_ends_the_warm_up_sets_the_threshold_and_forgets_the_best_member():
    metric = make_objective("balanced_accuracy", Classes(np.arange(3)))
    problem = make_problem(metric, warmup=4)
    problem.Y[:], problem.y[:] = np.eye(3)[0], 0
    problem.Y[:5], problem.y[:5] = np.eye(3)[2], 2
    trainer = get_trainer("open_es", population_size=8)
    states = []
    progress = training.start(trainer, problem, seed=0)
    progress.plan(10, problem.warmup)
    training.run(trainer, problem, progress, on_step=lambda now: states.append(now.state))
    before = trainer.step(states[2], problem_at(problem, 3), training.generator(0, 1, 3))
    problem.iteration = 4
    Z = problem.network.outputs(before.weights, problem.X)
    shift = problem.objective.best_shift(Z, problem.Y, problem.y, problem.sample_weight)
    assert shift.any()
    moved = states[3].weights - before.weights
    np.testing.assert_allclose(moved[-3:], shift, atol=1e-12)
    np.testing.assert_array_equal(moved[:-3], 0)
    assert -1 <= states[4].loss <= 0


def problem_at(problem, iteration):
    problem.iteration = iteration
    return problem


# --- validation, and the better of the two ----------------------------------------------------------------------------


def test_the_end_of_the_warm_up_is_the_first_state_that_counts():
    model = classifier(n_iter_no_change=30).fit(X, y)
    scores = np.array(model.validation_scores_)
    assert len(scores) == 20
    best = model.progress_.best_score
    assert best == scores[15:].max()
    assert model.progress_.watched <= best


def test_no_rule_stops_the_warm_up():
    model = classifier(max_iter=40, n_iter_no_change=2, tol=10.0).fit(X, y)
    assert model.stop_reason_ == "early_stopping"
    assert model.n_iter_ == 32 + 2  # the threshold is the first to count, and two steps without improvement
    np.testing.assert_array_equal(model.state_.weights, model.progress_.best.weights)


def test_fine_tuning_that_does_worse_is_dropped():
    """With a wild learning rate the fit ends with the state that the threshold was set in."""
    states = []

    class Wild(type(get_trainer("open_es"))):
        """Loses its way when the metric is the objective."""

        def step(self, state, problem, rng):
            state = super().step(state, problem, rng)
            if isinstance(problem.objective, Metric):
                state.weights[:] = rng.normal(size=state.weights.shape)
                state.weights[-1] = -1e3  # the output's bias: no row is positive
                states.append(state.weights)
            return state

    model = classifier(trainer=Wild(population_size=16, learning_rate=0.05), max_iter=200, n_iter_no_change=5).fit(X, y)
    held = np.array(model.validation_scores_)
    assert held[159] == held[159:].max() and len(states) >= 5
    assert not any(np.array_equal(model.state_.weights, wild) for wild in states)
    twin = classifier(
        trainer=get_trainer("open_es", population_size=16, learning_rate=0.05), max_iter=200, n_iter_no_change=5
    ).fit(X, y)
    kernels = slice(0, model.network_.n_kernel)
    assert np.isfinite(twin.state_.weights[kernels]).all()
    assert model.progress_.best_score == held[159]


def test_warm_up_alone_is_the_loss_with_a_threshold():
    plain = classifier(loss="log_loss", early_stopping=False).fit(LONG, y_long)
    tuned = classifier(metric_warmup=1.0, early_stopping=False).fit(LONG, y_long)
    np.testing.assert_array_equal(plain.coefs_[0], tuned.coefs_[0])
    assert plain.intercepts_[-1][0] < tuned.intercepts_[-1][0]
    assert f1_score(y_long, plain.predict(LONG)) < f1_score(y_long, tuned.predict(LONG))


# --- going on ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("params", [{}, {"loss": "roc_auc", "early_stopping": False}, {"trainer": RandomSearch()}])
def test_a_fit_cut_in_any_generation_goes_on_with_the_same_bits(params):
    params = {"max_iter": 10, "metric_warmup": 0.5, **params}
    expected = classifier(**params).fit(X, y)
    cut = classifier(**params, warm_start=True, max_time=1e-9)
    for n in range(1, expected.n_iter_ + 1):
        cut = pickle.loads(pickle.dumps(cut.fit(X, y)))
        assert cut.n_iter_ == n
    np.testing.assert_array_equal(cut.state_.weights, expected.state_.weights)
    assert cut.loss_curve_ == expected.loss_curve_
    assert cut.validation_scores_ == expected.validation_scores_


def test_a_finished_fit_goes_on_with_the_metric():
    model = classifier(warm_start=True, early_stopping=False).fit(X, y)
    model.fit(X, y)
    assert model.n_iter_ == 40
    assert max(model.loss_curve_[16:]) <= 0


def test_workers_do_not_change_the_result():
    one, two = (classifier(n_jobs=n_jobs).fit(X, y) for n_jobs in (1, 2))
    np.testing.assert_array_equal(one.state_.weights, two.state_.weights)


# --- the whole --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "scoring", ["f1", "roc_auc", "balanced_accuracy", "neg_log_loss", CostMetric([[0, 1], [9, 0]])]
)
def test_classifier_on_metrics_with_weights(scoring):
    weight = rng.uniform(0.5, 2, len(y))
    model = classifier(loss=scoring, max_iter=60).fit(X, y, sample_weight=weight)
    assert np.isfinite(model.loss_curve_).all()
    scorer = make_scorer(scoring) if isinstance(scoring, CostMetric) else get_scorer(scoring)
    constant = {"f1": 0.3, "roc_auc": 0.6, "balanced_accuracy": 0.55, "neg_log_loss": -0.6}
    assert scorer(model, X, y) > constant.get(scoring if isinstance(scoring, str) else "", -0.85)


def test_many_classes_strings_and_values():
    rows, codes = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[codes]
    model = classifier(loss="roc_auc_ovr_weighted", max_iter=120).fit((rows - rows.mean(0)) / rows.std(0), names)
    assert model.best_validation_score_ > 0.9
    rows, target = make_regression(200, 4, noise=3, random_state=0)
    for scoring in ("r2", PinballMetric(0.9)):
        fit = BPFreeRegressor((8,), trainer="open_es", loss=scoring, random_state=0).fit(rows, target)
        assert fit.score(rows, target) > 0.7
    assert np.mean(target <= fit.predict(rows)) > 0.75


def test_a_table_with_a_real_metric_is_no_worse_than_its_loss():
    rows, target = load_breast_cancer(return_X_y=True)
    rows = (rows - rows.mean(0)) / rows.std(0)
    model = BPFreeClassifier((8,), trainer="open_es", loss="roc_auc", max_iter=150, random_state=0).fit(rows, target)
    assert get_scorer("roc_auc")(model, rows, target) > 0.99
