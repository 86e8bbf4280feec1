"""Peers: each gets what ours get, those that are installed join, and boosting libraries see categories as such."""

import importlib.util

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, clone, is_classifier, is_regressor

from sklearn_bpfree.bench import BenchError, Table, compare, make_models, peers
from sklearn_bpfree.bench.peers import BoostingClassifier, BoostingRegressor, choose_peers, make_peer
from sklearn_bpfree.tabular import tabular_pipeline

LIBRARIES = ["lightgbm", "xgboost", "catboost"]


def test_libraries_join_where_they_are_installed(monkeypatch):
    own = ["dummy", "linear", "boosting", "mlp"]
    monkeypatch.setattr(peers, "find_spec", lambda name: name in ("sklearn", "xgboost") or None)
    monkeypatch.setattr(peers, "import_module", lambda name: None)
    assert choose_peers() == [*own, "xgboost"]
    assert choose_peers(["xgboost", "mlp"]) == ["mlp", "xgboost"]
    assert choose_peers([]) == []
    with pytest.raises(BenchError, match="'catboost' is not installed; run pip install catboost"):
        choose_peers(["catboost"])
    with pytest.raises(BenchError, match="There is no peer 'forest'; the peers are dummy, linear"):
        choose_peers(["forest"])


def test_a_library_that_cannot_be_imported_is_left_out_or_refused_where_it_is_named(monkeypatch):
    def broken(name):
        if name == "lightgbm":
            raise OSError("libgomp.so.1: cannot open shared object file\nand more")

    monkeypatch.setattr(peers, "find_spec", lambda name: name in ("sklearn", "lightgbm") or None)
    monkeypatch.setattr(peers, "import_module", broken)
    assert choose_peers() == ["dummy", "linear", "boosting", "mlp"]
    with pytest.raises(BenchError, match=r"cannot be imported \(OSError: libgomp.so.1: cannot .* file\); reinstall l"):
        choose_peers(["lightgbm"])


def test_chosen_peers_are_the_ones_compared():
    models = make_models("classifier", ["dfa"], peers=["mlp", "dummy"])
    assert [m.name for m in models] == ["DummyClassifier", "tabular_pipeline", "dfa", "MLPClassifier"]


def test_a_network_learns_a_target_of_any_unit():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 3))
    y = X @ [1.0, 2.0, 3.0]
    scores = []
    for unit in (1.0, 1e4):
        table = Table("t", X, 1e3 + unit * y, "regressor")
        model = make_models("regressor", [], peers=["mlp"])[1]
        (result,) = compare(table, [model], cv=2)
        scores.append(result.score)
    assert min(scores) > 0.8 and scores[0] == pytest.approx(scores[1], abs=0.02)


class Foreign(BaseEstimator):
    """Stands for a boosting library: takes labels 0, 1, ... and pandas' categories of text, and keeps what it saw."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y):
        self.seen_, self.y_ = X, np.asarray(y)
        return self

    def predict(self, X):
        return np.full(len(X), 2.5)

    def predict_proba(self, X):
        return np.tile([0.2, 0.8], (len(X), 1))


class Choosy(Foreign):
    """Stands for CatBoost."""

    def fit(self, X, y, cat_features=None):
        self.told_ = cat_features
        return super().fit(X, y)


FRAME = pd.DataFrame({"num [x]": [1.0, None, 3.0, 4.0] * 5, "{c}": ["u", "v", None, "u"] * 5})


@pytest.mark.parametrize("kind", [Foreign, Choosy])
def test_categories_reach_the_library_as_categories(kind):
    y = np.array(["yes", "no"] * 10)
    fitted = tabular_pipeline(BoostingClassifier(kind()), random_state=3).fit(FRAME, y)
    model = fitted[-1].model_
    assert model.y_.tolist() == [1, 0] * 10 and model.random_state == 3
    assert list(model.seen_) == ["x0", "x1"] and model.seen_["x0"].isna().sum() == 5
    if kind is Choosy:
        assert model.told_ == ["x1"] and set(map(type, model.seen_["x1"])) == {str}
    else:
        assert model.seen_["x1"].dtype == "category" and model.seen_["x1"].isna().sum() == 5
    assert fitted.predict(FRAME).tolist() == ["yes"] * 20 and fitted.predict_proba(FRAME).shape == (20, 2)


def test_values_reach_the_library_as_they_are():
    fitted = tabular_pipeline(BoostingRegressor(Foreign())).fit(FRAME, np.arange(20.0))
    assert fitted[-1].model_.y_.tolist() == list(range(20)) and fitted.predict(FRAME).tolist() == [2.5] * 20
    assert is_regressor(fitted) and is_classifier(BoostingClassifier(Foreign()))
    assert (
        BoostingRegressor(Foreign()).fit(np.ones((4, 2)), [1, 2, 3, 4]).predict(np.ones((2, 2))).tolist() == [2.5] * 2
    )


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("task", ["classifier", "regressor"])
def test_libraries_that_are_installed_learn_categories(library, task, tmp_path, monkeypatch):
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    n = 2200  # LightGBM tells a level apart from 100 rows on
    letters = rng.choice(list("abcdefgh"), n)
    X = pd.DataFrame({"{c}": np.where(rng.random(n) < 0.1, None, letters), "num [x]": rng.normal(size=n)})
    signal = np.isin(letters, list("aceg")) + 0.1 * X["num [x]"].to_numpy()
    y = np.where(signal > 0.5, "yes", "no") if task == "classifier" else signal
    _, estimator = make_peer(library, task)
    fitted = tabular_pipeline(clone(estimator), random_state=0).fit(X[:2000], y[:2000])
    assert fitted.score(X[2000:], y[2000:]) > 0.7
    assert list(tmp_path.iterdir()) == []
