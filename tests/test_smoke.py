"""A minute's walk through all that a user touches: every trainer, the pipelines, the search, the displays, the command.

It runs on the installed distribution, with the oldest versions that the metadata allows and with the newest. What it
needs beyond the dependencies (pandas, polars, pyarrow, matplotlib, rich, jinja2, cma, distributed) may be missing.
"""

import pickle
import re
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

import joblib
import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

import sklearn_bpfree
from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, get_trainer, list_trainers, search_space, tabular_pipeline
from sklearn_bpfree.testing import RandomSearch, check_trainer

SCRIPT = Path(sysconfig.get_path("scripts"), "bpfree")
TRAINERS = list_trainers()


def of_trainer(name):
    """A registered trainer; the test is skipped where a package that it wraps is missing."""
    trainer = get_trainer(name)
    for needed in trainer.packages:
        pytest.importorskip(needed)
    return trainer


def offers(name, what):
    return what in get_trainer(name).offers


# --- the estimators under every trainer -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TRAINERS)
def test_a_classifier_learns_and_is_pickled(name):
    X, y = load_iris(return_X_y=True)
    X, y = scale(X), np.array(["setosa", "versicolor", "virginica"])[y]
    model = BPFreeClassifier((16,), trainer=of_trainer(name), random_state=0).fit(X, y)
    assert model.score(X, y) > 0.8
    P = model.predict_proba(X)
    assert P.shape == (150, 3) and np.allclose(P.sum(axis=1), 1)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), P)


@pytest.mark.parametrize("name", TRAINERS)
def test_a_regressor_learns_and_goes_on_where_it_can(name):
    X, y = load_diabetes(return_X_y=True)
    X = scale(X)
    model = BPFreeRegressor((16,), trainer=of_trainer(name), random_state=0).fit(X[:350], y[:350])
    assert model.score(X[350:], y[350:]) > 0.25
    if offers(name, "return_std"):
        mean, std = model.predict(X, return_std=True)
        assert mean.shape == std.shape == y.shape and (std > 0).all()
        assert (np.diff(model.predict_quantiles(X, [0.1, 0.9])) > 0).all()
    if offers(name, "partial_fit"):
        model.partial_fit(X[350:], y[350:])
        assert np.isfinite(model.predict(X)).all()


def test_sparse_rows_weights_and_early_stopping():
    X, y = load_breast_cancer(return_X_y=True)
    X = sparse.csr_array(np.maximum(scale(X), 0))
    model = BPFreeClassifier(early_stopping=True, scoring="roc_auc", class_weight="balanced", random_state=0)
    assert model.fit(X, y, sample_weight=np.linspace(0.5, 1, len(y))).score(X, y) > 0.85


def test_a_metric_is_trained():
    X, y = load_breast_cancer(return_X_y=True)
    options = {"loss": "f1", "activation": "step", "weights": "ternary", "max_iter": 30, "random_state": 0}
    assert BPFreeClassifier((16,), trainer="open_es", **options).fit(scale(X), y).score(scale(X), y) > 0.85


def test_the_kit_passes_a_trainer():
    check_trainer(RandomSearch(population_size=8), verbose=False)


# --- scikit-learn around it -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_searches_over_trainers_in_parallel(backend):
    X, y = load_iris(return_X_y=True)
    pipe = make_pipeline(StandardScaler(), BPFreeClassifier((8,), max_iter=5, random_state=0))
    grid = {"bpfreeclassifier__trainer": ["dfa", "fa"], "bpfreeclassifier__trainer__learning_rate": [0.003, 0.01]}
    with joblib.parallel_config(backend, n_jobs=2):
        assert GridSearchCV(pipe, grid, cv=3).fit(X, y).best_score_ > 0.5
    space = search_space(["dfa", "rvfl"], prefix="bpfreeclassifier__")
    RandomizedSearchCV(pipe, space, n_iter=3, cv=2, random_state=0).fit(X, y)


@pytest.mark.parametrize("backend", ["threading", "loky", "dask"])
def test_members_are_spread_with_the_same_bits(backend):
    X, y = load_iris(return_X_y=True)
    model = BPFreeClassifier((8,), trainer="open_es", max_iter=3, random_state=0)
    alone = model.fit(X, y).predict_proba(X)
    if backend == "dask":
        distributed = pytest.importorskip("distributed")
        with (
            distributed.LocalCluster(1, processes=False, dashboard_address=None) as cluster,
            distributed.Client(cluster),
            joblib.parallel_config("dask"),
        ):
            together = clone(model).fit(X, y).predict_proba(X)
    else:
        with joblib.parallel_config(backend):
            together = clone(model).set_params(n_jobs=2).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(together, alone)


def test_callbacks_hear_of_every_step_or_say_what_they_need():
    X, y = load_iris(return_X_y=True)
    model = BPFreeClassifier((8,), max_iter=3, random_state=0)
    if int(sklearn.__version__.split(".")[1]) < 9:
        with pytest.raises(NotImplementedError, match=r"Callbacks need scikit-learn 1\.9 or newer"):
            model.set_callbacks(object())
        return
    from sklearn.callback import ScoringMonitor

    monitor = ScoringMonitor(scoring="accuracy")
    model.set_callbacks(monitor).fit(X, y)
    assert sum(row["task_name"] == "step" for row in monitor.get_logs().data) == 3


def test_displays_draw():
    pytest.importorskip("matplotlib").use("Agg")
    from sklearn_bpfree.inspection import HistoryDisplay, IntervalDisplay, ReliabilityDisplay

    X, y = load_diabetes(return_X_y=True)
    model = BPFreeRegressor((8,), trainer="enkf", random_state=0).fit(X, y)
    HistoryDisplay.from_estimator(model)
    ReliabilityDisplay.from_estimator(model, X, y)
    IntervalDisplay.from_estimator(model, X, y)


# --- tables -----------------------------------------------------------------------------------------------------------


def mixed_columns(n=240):
    """Columns of every kind as lists, and a target that depends on three of them."""
    rng = np.random.default_rng(0)
    size, month = rng.normal(size=n), rng.integers(1, 13, n)
    colour = rng.choice(["red", "green", "blue"], n)
    price = 100 * size + 200 * (colour == "red") + 30 * month + rng.normal(size=n)
    columns = {
        "size": [None if gap else float(s) for s, gap in zip(size, rng.random(n) < 0.1, strict=True)],
        "price": [f"{value:,.2f} EUR" for value in 1000 * rng.random(n)],
        "colour": [None if gap else str(c) for c, gap in zip(colour, rng.random(n) < 0.1, strict=True)],
        "day": [f"{day:02d}.{m:02d}.2024" for day, m in zip(rng.integers(1, 28, n), month, strict=True)],
        "town": [f"town {i}" for i in rng.integers(0, 40, n)],
        "flag": [bool(flag) for flag in rng.random(n) < 0.5],
    }
    return columns, price


def as_container(columns, library):
    if library == "array":
        return np.array([*zip(*columns.values(), strict=True)], dtype=object)
    module = pytest.importorskip(library)
    return module.table(columns) if library == "pyarrow" else module.DataFrame(columns)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow", "array"])
@pytest.mark.parametrize(
    "estimator", ["classifier", "regressor", LogisticRegression(), HistGradientBoostingClassifier()]
)
def test_a_pipeline_takes_a_table_as_it_is(estimator, library):
    columns, price = mixed_columns()
    table = as_container(columns, library)
    values = estimator == "regressor"
    y = price if values else np.where(price > 200, "dear", "cheap")
    if values or estimator == "classifier":
        model = tabular_pipeline(estimator, random_state=0)
        last = model[-1].regressor if values else model[-1]
        last.set_params(hidden_layer_sizes=(16,))
    else:
        model = tabular_pipeline(estimator)
    model.fit(table, y)
    assert model.score(table, y) > 0.8
    restored = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(restored.predict(table), model.predict(table))
    assert len(model[:-1].get_feature_names_out()) == model[-1].n_features_in_
    if values:
        assert (np.diff(model.predict_quantiles(table, [0.1, 0.9])) >= 0).all()
    elif estimator == "classifier":
        assert model.predict_set(table).shape == (240, 2)


# --- the command ------------------------------------------------------------------------------------------------------


def bpfree(folder, *argv):
    """Run the installed command; returns what it prints."""
    env = {"XDG_CONFIG_HOME": str(folder), "PATH": str(SCRIPT.parent), "COLUMNS": "200"}
    command = [sys.executable, str(SCRIPT), *map(str, argv)]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_lists_the_zoo(tmp_path):
    listing = bpfree(tmp_path, "list")
    assert all(re.search(rf"\b{name}\b", listing) for name in TRAINERS)
    assert "Direct feedback alignment" in bpfree(tmp_path, "show", "dfa")
    assert metadata.version("sklearn-bpfree") == sklearn_bpfree.__version__ in bpfree(tmp_path, "--version")


def test_the_command_goes_from_a_file_to_predictions(tmp_path):
    pandas = pytest.importorskip("pandas")
    columns, price = mixed_columns()
    table = pandas.DataFrame(columns).assign(label=np.where(price > 200, "dear", "cheap"))
    table.to_csv(tmp_path / "table.csv", index=False)
    assert "price" in bpfree(tmp_path, "columns", "table.csv")
    bpfree(tmp_path, "fit", "table.csv", "--target", "label", "--trainer", "rvfl", "--save", "model")
    bpfree(tmp_path, "predict", "model", "table.csv", "--out", "predictions.csv")
    predictions = pandas.read_csv(tmp_path / "predictions.csv")
    assert (predictions["prediction"] == table["label"]).mean() > 0.8


def test_the_command_compares_and_writes_a_page(tmp_path):
    pandas = pytest.importorskip("pandas")
    for needed in ("matplotlib", "jinja2"):
        pytest.importorskip(needed)
    X, y = load_iris(return_X_y=True, as_frame=True)
    pandas.concat([X, y], axis=1).to_csv(tmp_path / "iris.csv", index=False)
    options = ["--target", "target", "--cv", 2, "--trainers", "rvfl,dfa", "--report", "page.html"]
    printed = bpfree(tmp_path, "bench", "iris.csv", *options, "--peers", "linear,dummy")
    assert "Best:" in printed and "</html>" in (tmp_path / "page.html").read_text(encoding="utf-8")
