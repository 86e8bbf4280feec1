"""The displays: what they draw is what the fit recorded, and what cannot be drawn is said in one sentence."""

import sys

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_bpfree import BPFreeClassifier
from sklearn_bpfree.inspection import AlignmentDisplay, HistoryDisplay

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
    with pytest.raises(TypeError, match="Pipeline; of a pipeline give the last step"):
        Display.from_estimator(make_pipeline(StandardScaler(), fitted))
    with pytest.raises(ValueError, match=r"x must be one of \['step', 'seconds', 'n_evaluations'\], got 'epoch'"):
        Display.from_estimator(fitted, x="epoch")
    with pytest.raises(ValueError, match="is recorded in the history of 0 steps"):
        Display(history=[]).plot()
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="need matplotlib"):
        Display.from_estimator(fitted)


def test_alignment_that_was_not_recorded(unvalidated):
    with pytest.raises(ValueError, match="No alignment is recorded in the history of 5 steps; fit with record"):
        AlignmentDisplay.from_estimator(unvalidated)
