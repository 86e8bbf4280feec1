"""Pickles carry the version of this library, and displays link to it."""

import copy
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import InconsistentVersionWarning

import sklearn_bpfree
from sklearn_bpfree import BPFreeClassifier
from sklearn_bpfree.estimators.common import ENTRY
from sklearn_bpfree.tabular import ColumnReader, PiecewiseLinearEncoder, tabular_pipeline
from sklearn_bpfree.tabular.circles import CircleEncoder
from sklearn_bpfree.tabular.levels import LevelNumbers, OneHotLevels
from sklearn_bpfree.tabular.skewed import SkewedTarget, SkewedTargetRegressor

X = np.random.default_rng(0).normal(size=(40, 3))
MODELS = [
    BPFreeClassifier((4,), max_iter=1, random_state=0).fit(X, X[:, 0] > 0),
    tabular_pipeline(BPFreeClassifier((4,), max_iter=1, random_state=0)).fit(X, X[:, 0] > 0),
    ColumnReader().fit(X),
    PiecewiseLinearEncoder().fit(X),
    LevelNumbers().fit(X.astype(str)),
    OneHotLevels().fit(X.astype(str)),
    CircleEncoder().fit(X[:, :2]),
    SkewedTarget().fit(X),
    SkewedTargetRegressor(BPFreeClassifier()),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_a_pickle_of_this_version_is_silent_and_one_of_another_warns_as_scikit_learn_does(model, monkeypatch):
    stored = pickle.dumps(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = pickle.loads(stored)
        copy.deepcopy(model)
    assert not hasattr(loaded, ENTRY) and vars(loaded).keys() == vars(model).keys()
    monkeypatch.setattr(sklearn_bpfree, "__version__", "99.0")
    with pytest.warns(InconsistentVersionWarning, match=r"from version 0\..* when using version 99.0") as caught:
        pickle.loads(stored)
    assert f"{type(model).__name__} of sklearn-bpfree" in [warning.message.estimator_name for warning in caught]


def test_a_state_without_a_version_warns_that_it_is_unknown():
    stored = MODELS[0].__getstate__()
    del stored[ENTRY]
    with pytest.warns(InconsistentVersionWarning, match="from version unknown"):
        BPFreeClassifier().__setstate__(stored)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_the_display_links_to_the_file_that_has_the_docstring(model):
    link = model._get_doc_link()
    path = link.partition("/blob/main/")[2]
    assert f"class {type(model).__name__}(" in (Path(__file__).parents[2] / path).read_text(encoding="utf-8")
    assert link in model._repr_html_()


def test_a_subclass_of_another_s_has_no_link_of_ours():
    class Mine(BPFreeClassifier):
        pass

    assert Mine()._get_doc_link() == ""
