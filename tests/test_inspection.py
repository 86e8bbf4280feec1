"""The displays: what they draw is what the fit recorded, and what cannot be drawn is said in one sentence."""

import sys

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor
from sklearn_bpfree.inspection import AlignmentDisplay, HistoryDisplay, IntervalDisplay, ReliabilityDisplay
from sklearn_bpfree.tabular import SkewedTargetRegressor, tabular_pipeline

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def fitted():
    X, y = load_digits(return_X_y=True)
    clf = BPFreeClassifier((20, 10), max_iter=8, early_stopping=True, record_alignment=True, random_state=0)
    return clf.fit(X[:600] / 16, y[:600])


@pytest.fixture(scope="module")
def unvalidated():
    X, y = load_digits(return_X_y=True)
    return BPFreeClassifier(trainer="fa", max_iter=5, random_state=0).fit(X[:300] / 16, y[:300])


def history(losses, scores=None):
    """A made-up history; without scores, of a fit without validation."""
    rows = [{"step": i, "loss": loss, "seconds": i / 2, "n_evaluations": 10 * i} for i, loss in enumerate(losses, 1)]
    return [{**row, "validation_score": s} for row, s in zip(rows, scores, strict=True)] if scores else rows


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


@pytest.mark.parametrize("x", ["step", "seconds", "n_evaluations"])
def test_history_draws_loss_and_score_against_x(fitted, x):
    display = HistoryDisplay.from_estimator(fitted, x=x)
    for line, values in [(display.line_, fitted.loss_curve_), (display.score_line_, fitted.validation_scores_)]:
        assert np.array_equal(line.get_xdata(), [row[x] for row in fitted.history_])
        assert np.array_equal(line.get_ydata(), values)
    assert display.line_.axes is display.ax_
    assert display.score_line_.axes is display.score_ax_ is not display.ax_
    assert display.figure_ is display.ax_.figure


def test_history_marks_the_highest_score_or_else_the_lowest_loss():
    display = HistoryDisplay(history=history([3.0, 2.0, 1.0, 0.5], [0.1, 0.7, 0.7, np.nan])).plot()
    assert display.best_step_ == 2
    assert display.line_.get_markevery() == display.score_line_.get_markevery() == [1]
    assert legend(display.ax_) == ["best: step 2"]
    assert HistoryDisplay(history=history([3.0, 0.5, np.nan, 1.0])).plot().best_step_ == 2


def test_history_without_validation_has_one_axis(unvalidated):
    display = HistoryDisplay.from_estimator(unvalidated)
    assert display.score_ax_ is None and display.score_line_ is None
    assert display.figure_.axes == [display.ax_]
    assert legend(display.ax_) == ["fa (best: step 5)"]


def test_history_without_any_loss_marks_nothing():
    display = HistoryDisplay(history=history([np.nan, np.nan]), name="silent").plot()
    assert display.best_step_ is None
    assert legend(display.ax_) == ["silent"]


def test_histories_share_axes_and_differ_in_colour(fitted, unvalidated):
    _, axes = plt.subplots(1, 2, sharex=True)
    first = HistoryDisplay.from_estimator(fitted, ax=axes[0], name="a")
    second = HistoryDisplay.from_estimator(unvalidated, ax=axes[0], label="b")
    third = HistoryDisplay.from_estimator(fitted, ax=axes[0], name="c", linewidth=3)
    assert first.score_ax_ is third.score_ax_ is not axes[1]
    assert len(first.figure_.axes) == 3
    assert len({display.line_.get_color() for display in (first, second, third)}) == 3
    assert third.score_line_.get_color() == third.line_.get_color()
    assert third.score_line_.get_linewidth() == third.line_.get_linewidth() == 3
    assert [text.split(" ")[0] for text in legend(axes[0])] == ["a", "b", "c"]


def test_alignment_draws_a_line_per_layer_from_input_to_output(fitted):
    display = AlignmentDisplay.from_estimator(fitted, x="n_evaluations")
    assert [line.get_label() for line in display.lines_] == ["layer 1", "layer 2", "output"]
    for line, angles in zip(display.lines_, fitted.alignment_.T, strict=True):
        assert np.array_equal(line.get_ydata(), angles)
        assert np.array_equal(line.get_xdata(), [row["n_evaluations"] for row in fitted.history_])
    brightness = [np.dot(line.get_color()[:3], [0.3, 0.6, 0.1]) for line in display.lines_]
    assert brightness == sorted(brightness)
    assert display.ax_.get_title() == "dfa"


def test_alignment_draws_the_right_angle_and_every_line_is_inside():
    rows = [{**row, "alignment": [170.0, 0.0]} for row in history([1.0, 1.0])]
    display = AlignmentDisplay(history=rows).plot()
    assert any(set(line.get_ydata()) == {90} for line in display.ax_.lines if line not in display.lines_)
    bottom, top = display.ax_.get_ylim()
    assert bottom < 0 and top > 170
    assert 90 in display.ax_.get_yticks()


def test_alignment_skips_steps_without_a_record():
    rows = history([1.0, 1.0, 1.0])
    rows[2]["alignment"] = [80.0, np.nan, 0.0]
    display = AlignmentDisplay(history=rows).plot()
    assert display.lines_[0].get_xdata().tolist() == [3]


def test_plot_draws_on_the_given_axes_with_the_given_colour(fitted):
    _, ax = plt.subplots()
    display = AlignmentDisplay(history=fitted.history_).plot(ax, color="black")
    assert display.ax_ is ax
    assert {line.get_color() for line in display.lines_} == {"black"}


@pytest.mark.parametrize("Display", [HistoryDisplay, AlignmentDisplay])
def test_what_cannot_be_drawn_is_said(Display, fitted, unvalidated, monkeypatch):
    with pytest.raises(NotFittedError, match="not fitted"):
        Display.from_estimator(BPFreeClassifier())
    with pytest.raises(TypeError, match="as what a search found, got StandardScaler; give one"):
        Display.from_estimator(make_pipeline(fitted, StandardScaler())[-1])
    with pytest.raises(ValueError, match=r"x must be one of \['step', 'seconds', 'n_evaluations'\], got 'epoch'"):
        Display.from_estimator(fitted, x="epoch")
    with pytest.raises(ValueError, match="is recorded in the history of 0 steps"):
        Display(history=[]).plot()
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="need matplotlib"):
        Display.from_estimator(fitted)


@pytest.mark.parametrize("Display", [HistoryDisplay, AlignmentDisplay])
def test_the_net_in_a_pipeline_a_search_or_a_skewed_regressor_is_drawn(Display):
    X = np.random.default_rng(0).normal(size=(60, 2))
    y = np.exp(3 * X[:, 0])
    net = BPFreeRegressor((4,), max_iter=3, record_alignment=True, random_state=0)
    pipeline = tabular_pipeline(SkewedTargetRegressor(net))
    search = GridSearchCV(pipeline, {"estimator__regressor__max_iter": [3]}, cv=2)
    for model in (make_pipeline(StandardScaler(), net), pipeline, search):
        display = Display.from_estimator(model.fit(X, y))
        assert len(display.history) == 3 and display.name == "dfa"


def test_alignment_that_was_not_recorded(unvalidated):
    with pytest.raises(ValueError, match="No alignment is recorded in the history of 5 steps; fit with record"):
        AlignmentDisplay.from_estimator(unvalidated)


# --- uncertainty ------------------------------------------------------------------------------------------------------


def normal(n=3000, factor=1.0):
    """Targets with standard deviations from 0.5 to 2, and predictions of them that are off by a factor."""
    rng = np.random.default_rng(0)
    mean, std = rng.normal(size=n), rng.uniform(0.5, 2, n)
    return mean + std * rng.normal(size=n), mean, factor * std


def test_reliability_is_on_the_diagonal_for_true_deviations_and_below_for_too_small_ones():
    display = ReliabilityDisplay.from_predictions(*normal())
    np.testing.assert_allclose(display.observed_, display.nominal_, atol=0.03)
    assert len(display.group_lines_) == 3
    for line in display.group_lines_:
        np.testing.assert_allclose(line.get_ydata(), display.nominal_, atol=0.05)
    below = ReliabilityDisplay.from_predictions(*normal(factor=0.5), n_groups=1)
    assert below.observed_[90] == pytest.approx(0.589, abs=0.03)  # 2 Phi(1.645 / 2) - 1
    assert below.group_lines_ == [] and np.array_equal(below.line_.get_ydata(), below.observed_)


def test_reliability_groups_go_from_small_to_large_deviations():
    y, mean, _ = normal()
    display = ReliabilityDisplay.from_predictions(y, mean, np.where(np.arange(3000) < 1500, 0.1, 5.0), n_groups=2)
    sure, unsure = (line.get_ydata()[50] for line in display.group_lines_)
    assert sure < 0.2 and unsure > 0.9


@pytest.mark.parametrize("coverage", [0.5, 0.9])
def test_intervals_hold_their_share_and_mark_the_targets_outside(coverage):
    y, mean, std = normal()
    display = IntervalDisplay.from_predictions(y, mean, std, coverage=coverage)
    assert display.coverage_ == pytest.approx(coverage, abs=0.02)
    assert len(display.outside_.get_ydata()) == round((1 - display.coverage_) * 3000)
    assert set(display.outside_.get_ydata()) | set(display.inside_.get_ydata()) == set(y)
    assert np.array_equal(display.line_.get_ydata(), np.sort(mean))
    assert display.band_.get_alpha() is None, "thousands of intervals on each other must not hide the prediction"


def test_intervals_run_along_a_feature():
    y, mean, std = normal(200)
    x = np.random.default_rng(1).normal(size=200)
    display = IntervalDisplay.from_predictions(y, mean, std, x=x, ax=plt.subplots()[1])
    assert np.array_equal(display.line_.get_xdata(), np.sort(x))
    assert np.array_equal(display.line_.get_ydata(), mean[np.argsort(x)])


@pytest.mark.parametrize("kind", [ReliabilityDisplay, IntervalDisplay])
def test_uncertainty_is_drawn_from_a_pipeline_and_from_a_gaussian_process(kind):
    X = np.linspace(-2, 2, 80)[:, None]
    y = np.sin(2 * X[:, 0]) + np.random.default_rng(0).normal(0, 0.2, 80)
    ours = make_pipeline(StandardScaler(), BPFreeRegressor((10,), trainer="enkf", max_iter=3, random_state=0))
    for model in (ours, GaussianProcessRegressor(alpha=0.04)):
        display = kind.from_estimator(model.fit(X, y), X, y)
        mean, std = model.predict(X, return_std=True)
        assert np.array_equal(display.mean, mean) and np.array_equal(display.std, std)
        assert display.name == type(model).__name__ and display.figure_ is display.ax_.figure


@pytest.mark.parametrize(
    "columns, message",
    [
        ((np.zeros(3), np.zeros(3), np.array([1.0, 0.0, 1.0])), "positive"),
        ((np.zeros((3, 2)), np.zeros((3, 2)), np.ones((3, 2))), "one output"),
        ((np.zeros(3), np.zeros(4), np.ones(3)), "one number per row"),
    ],
)
def test_deviations_that_cannot_be_drawn_are_refused(columns, message):
    with pytest.raises(ValueError, match=message):
        IntervalDisplay.from_predictions(*columns)


def test_a_coverage_outside_of_0_to_1_is_refused():
    with pytest.raises(ValueError, match="coverage"):
        IntervalDisplay.from_predictions(*normal(20), coverage=90)
