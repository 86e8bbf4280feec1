"""A pipeline for tables inside of scikit-learn's meta-estimators and displays, on frames with holes."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV, CalibrationDisplay
from sklearn.ensemble import BaggingClassifier, BaggingRegressor, StackingClassifier
from sklearn.feature_selection import RFE, SequentialFeatureSelector
from sklearn.inspection import PartialDependenceDisplay, permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    ConfusionMatrixDisplay,
    DetCurveDisplay,
    PrecisionRecallDisplay,
    PredictionErrorDisplay,
    RocCurveDisplay,
)
from sklearn.model_selection import LearningCurveDisplay, TunedThresholdClassifierCV, ValidationCurveDisplay

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor
from sklearn_bpfree.tabular import HeldOutImportances, tabular_pipeline

N = 160
RNG = np.random.default_rng(0)
NUMBERS = pd.DataFrame(RNG.normal(size=(N, 4)), columns=["noise", "tells", "also", "little"])
NUMBERS.loc[::9, "tells"] = np.nan
MIXED = NUMBERS.assign(colour=RNG.choice(["red", "green", None], N))
Y = np.where(NUMBERS["tells"].fillna(0) + NUMBERS["also"] > 0, "yes", "no")
VALUES = NUMBERS["also"].to_numpy() * 5 + 3


def classifier():
    return tabular_pipeline(BPFreeClassifier((30,), trainer="rvfl", random_state=0))


def regressor():
    return tabular_pipeline(BPFreeRegressor((30,), trainer="rvfl", random_state=0))


@pytest.fixture(autouse=True)
def no_windows():
    plt.switch_backend("Agg")
    yield
    plt.close("all")


def test_features_are_selected_forwards_on_a_frame_with_holes():
    selector = SequentialFeatureSelector(classifier(), n_features_to_select=2, cv=2).fit(NUMBERS, Y)
    assert set(selector.get_feature_names_out()) == {"tells", "also"}


def test_features_are_eliminated_by_importances_on_held_out_rows():
    selector = RFE(HeldOutImportances(classifier(), random_state=0), n_features_to_select=2).fit(NUMBERS, Y)
    assert set(selector.get_feature_names_out()) == {"tells", "also"}
    assert selector.score(NUMBERS, Y) > 0.8


def test_bags_of_pipelines_take_mixed_frames():
    bag = BaggingClassifier(classifier(), n_estimators=3, random_state=0).fit(MIXED, Y)
    assert bag.score(MIXED, Y) > 0.8 and bag.predict_proba(MIXED).shape == (N, 2)
    assert BaggingRegressor(regressor(), n_estimators=3, random_state=0).fit(MIXED, VALUES).score(MIXED, VALUES) > 0.5


@pytest.mark.parametrize(
    "model",
    [
        CalibratedClassifierCV(classifier(), cv=2),
        TunedThresholdClassifierCV(classifier(), cv=2),
        StackingClassifier([("net", classifier())], LogisticRegression(), cv=2),
    ],
    ids=lambda model: type(model).__name__,
)
def test_meta_estimators_take_mixed_frames(model):
    assert model.fit(MIXED, Y).score(MIXED, Y) > 0.8


@pytest.mark.parametrize(
    "Display", [ConfusionMatrixDisplay, RocCurveDisplay, PrecisionRecallDisplay, DetCurveDisplay, CalibrationDisplay]
)
def test_scikit_learn_s_displays_of_classes_draw_a_pipeline(Display):
    options = {} if Display is ConfusionMatrixDisplay else {"pos_label": "yes"}
    Display.from_estimator(classifier().fit(MIXED, Y), MIXED, Y, **options)
    assert plt.gcf().axes[0].has_data()


def test_scikit_learn_s_other_displays_draw_a_pipeline():
    model = regressor().fit(MIXED, VALUES)
    for draw in (
        lambda: PredictionErrorDisplay.from_estimator(model, MIXED, VALUES),
        lambda: PartialDependenceDisplay.from_estimator(model, MIXED, ["also"]),
        lambda: LearningCurveDisplay.from_estimator(regressor(), MIXED, VALUES, cv=2, train_sizes=[0.5, 1.0]),
        lambda: ValidationCurveDisplay.from_estimator(
            regressor(), MIXED, VALUES, param_name="estimator__max_iter", param_range=[1, 5], cv=2
        ),
    ):
        draw()
        assert plt.gcf().axes[-1].has_data()
    importance = permutation_importance(model, MIXED, VALUES, n_repeats=2, random_state=0).importances_mean
    assert MIXED.columns[importance.argmax()] == "also"


@pytest.mark.parametrize("of", [NUMBERS, NUMBERS[["also"]], MIXED.assign(when=pd.Timestamp("2020-01-01"))])
def test_a_fitted_pipeline_shows_itself_in_a_notebook(of):
    assert "columns" in classifier().fit(of, Y)._repr_html_()
