"""Pictures: of the right rows, the right class and the right models; any name, light or dark."""

from collections import Counter

import numpy as np
import pytest

from sklearn_bpfree.bench import Fold, Model, Result, Table, make_scoring
from sklearn_bpfree.bench.importance import Importances
from sklearn_bpfree.bench.leaderboard import Leaderboard
from sklearn_bpfree.tabular import tabular_pipeline

pytest.importorskip("matplotlib")

from matplotlib.axes import Axes

from sklearn_bpfree.bench import pictures

PIPELINE = tabular_pipeline("classifier")
LABELS = np.array(["no", "yes"])[np.arange(20) % 2]
TABLE = Table("t", np.empty((20, 1)), LABELS, "classifier")
VALUES = Table("t", np.empty((20, 1)), np.arange(20.0), "regressor")


def result(name, predicted, score=0.5, from_zoo=True, labels=None, curve=()):
    """A result of two folds that hold out even and odd numbers; `predicted` is in the order of the table."""
    labels = predicted if labels is None else labels
    folds = [
        Fold(score, 0.5, 1.0, 0.1, Counter(), rows, predicted[rows], list(curve), {}, labels[rows])
        for rows in (np.arange(19, -1, -2), np.arange(18, -1, -2))
    ]
    return Result(Model(name, PIPELINE, from_zoo), folds)


@pytest.fixture
def drawn(monkeypatch):
    """What is given to a display of scikit-learn."""
    calls = []

    def watch(display):
        original = display.from_predictions

        def note(*args, **options):
            calls.append((*args, options))
            return original(*args, **options)

        monkeypatch.setattr(display, "from_predictions", note)
        return calls

    return watch


def test_calibration_is_of_the_class_that_the_axis_names(drawn):
    calls = drawn(pictures.CalibrationDisplay)
    sure = np.where(LABELS == "yes", 0.9, 0.2)
    picture = pictures.calibration(TABLE, [result("a", np.column_stack([1 - sure, sure]))])
    hit, confidence, _ = calls[0]
    assert picture is not None and "predicted probability of yes" in picture.svg
    assert (confidence[hit] == 0.9).all() and (confidence[~hit] == 0.2).all() and hit.sum() == 10


def test_calibration_of_several_classes_is_of_the_predicted_one(drawn):
    calls = drawn(pictures.CalibrationDisplay)
    y = np.array(["a", "b", "c", "a", "b"] * 4)
    P = np.full((20, 3), 0.1)
    P[np.arange(20), np.searchsorted(["a", "b", "c"], y)] = 0.8
    P[0] = [0.1, 0.1, 0.8]  # the first row is "a"
    pictures.calibration(Table("t", np.empty((20, 1)), y, "classifier"), [result("a", P)])
    hit, confidence, _ = calls[0]
    assert hit.sum() == 19 and (confidence == 0.8).all()
    assert pictures.calibration(TABLE, [result("without probabilities", LABELS)]) is None


def test_residuals_pair_each_row_with_its_own_prediction(drawn):
    calls = drawn(pictures.PredictionErrorDisplay)
    pictures.residuals(VALUES, result("a", VALUES.y + 0.5))
    y, predicted, _ = calls[0]
    np.testing.assert_array_equal(predicted - y, 0.5)
    assert sorted(y) == list(range(20))


def test_the_confusion_is_of_what_predict_said(drawn):
    calls = drawn(pictures.ConfusionMatrixDisplay)
    said = LABELS.copy()
    said[1] = "no"  # a "yes" that is missed, though its probability is the larger
    P = np.column_stack([LABELS == "no", LABELS == "yes"]).astype(float)
    picture = pictures.confusion(TABLE, result("a", P, labels=said))
    y, predicted, _ = calls[0]
    assert picture is not None and ((y == "yes") & (predicted == "no")).sum() == 1 and (y != predicted).sum() == 1
    many = Table("t", np.empty((20, 1)), np.arange(20), "classifier")
    assert pictures.confusion(many, result("a", np.arange(20))) is None


def test_every_model_better_than_the_dummy_is_a_point_with_its_rank(monkeypatch):
    points = {}
    monkeypatch.setattr(Axes, "annotate", lambda ax, text, place, **options: points.update({text: place}))
    results = [
        result("DummyClassifier", LABELS, 0.5, from_zoo=False),
        result("poor", LABELS, 0.4),
        result("good", LABELS, 0.9),
        result("fair", LABELS, 0.7, from_zoo=False),
    ]
    board = Leaderboard("classifier", make_scoring(TABLE), results, [r.model for r in results])
    picture = pictures.score_against_time(board)
    assert picture.caption.endswith("Not shown, no better than the dummy: DummyClassifier, poor.")
    assert points == {"1": (1.0, 0.9), "2": (1.0, 0.7)}


def test_only_trainers_of_the_zoo_with_steps_have_curves():
    results = [
        result("stepping", LABELS, curve=[3, 2, 1]),
        result("single", LABELS, curve=[1]),
        result("lost", LABELS, curve=[float("nan")] * 4),
        result("peer", LABELS, curve=[3, 2], from_zoo=False),
    ]
    picture = pictures.learning_curves(results)
    assert picture is not None and ">stepping<" in picture.svg
    assert not any(f">{name}<" in picture.svg for name in ("single", "lost", "peer"))
    assert pictures.learning_curves(results[1:]) is None


@pytest.mark.filterwarnings("error")
def test_names_are_text_and_the_ink_is_the_pages():
    names = ["a $x_{", "<b>bold</b>", "\x1b[31mred\n", "a very long name of a column indeed", "größe 大きさ"]
    found = Importances(names, np.arange(5.0), np.ones(5), 9)
    picture = pictures.importance(found, "m", "R2")
    assert "a $x_{" in picture.svg and "&lt;b&gt;bold" in picture.svg and "大きさ" in picture.svg
    assert "\x1b" not in picture.svg and ">red <" in picture.svg and "a very long name of a c…" in picture.svg
    assert "currentColor" in picture.svg and pictures.INK not in picture.svg and "#000000" not in picture.svg
    assert picture.caption == "Of the first 5 of 9 columns, until the time was over."


def test_of_many_columns_those_that_matter_most_are_shown():
    names = [f"column-{j:02d}" for j in range(30)]
    svg = pictures.importance(Importances(names, np.arange(30.0), np.ones(30), 30), "m", "R2").svg
    assert [name for name in names if name in svg] == names[-pictures.MAX_COLUMNS :]
