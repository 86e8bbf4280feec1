"""Models are loaded safely: skops makes nothing of them but what `TRUSTED_TYPES` names."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge

import sklearn_bpfree
from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, Trainer, list_trainers
from sklearn_bpfree.tabular import tabular_pipeline
from sklearn_bpfree.testing import RandomSearch

skops = pytest.importorskip("skops.io")

X = np.random.default_rng(0).normal(size=(90, 4))
HOLDS_A_PICKLE = {"cma_es": "bpfree_evolution.cma_es.CMAState"}  # of the cma package's strategy, to go on from


def again(model):
    return skops.loads(skops.dumps(model), trusted=sklearn_bpfree.TRUSTED_TYPES)


@pytest.mark.parametrize("trainer", list_trainers())
def test_every_trainer_s_models_load_with_the_published_types_alone(trainer):
    classes = np.arange(90) % 3
    targets = [(BPFreeClassifier, classes), (BPFreeClassifier, classes > 0), (BPFreeRegressor, X[:, :2])]
    targets += [(BPFreeClassifier, np.eye(3, dtype=int)[classes])]
    for kind, y in targets:
        model = kind((9,), trainer=trainer, max_iter=2, random_state=0).fit(X, y)
        if trainer in HOLDS_A_PICKLE:
            with pytest.raises(TypeError, match="Untrusted types found"):
                again(model)
            assert HOLDS_A_PICKLE[trainer] in skops.get_untrusted_types(data=skops.dumps(model))
            continue
        np.testing.assert_array_equal(model.predict(X), again(model).predict(X))


@pytest.mark.parametrize("params", [{"loss": "poisson"}, {"loss": "huber"}, {"loss": "quantile"}], ids=str)
def test_every_loss_is_trusted(params):
    model = BPFreeRegressor((9,), max_iter=2, random_state=0, **params).fit(X, np.abs(X[:, 0]))
    np.testing.assert_array_equal(model.predict(X), again(model).predict(X))


def test_quantised_weights_come_back_from_their_few_bits():
    model = BPFreeClassifier((9,), trainer="open_es", weights="ternary", max_iter=2, random_state=0).fit(X, X[:, 0] > 0)
    np.testing.assert_array_equal(model.predict_proba(X), again(model).predict_proba(X))


@pytest.mark.parametrize(
    "estimator", ["classifier", LogisticRegression(), "regressor", Ridge(), HistGradientBoostingRegressor()], ids=str
)
def test_pipelines_of_mixed_tables_load_with_columns_of_every_kind(estimator):
    n = 90
    table = pd.DataFrame(
        {
            "number": X[:, 0],
            "money": [f"${1000 + 7 * i:,}.50" for i in range(n)],
            "colour": np.array(["red", "green", None], dtype=object)[np.arange(n) % 3],
            "town": [f"town {i % 30}" for i in range(n)],
            "flag": np.arange(n) % 2 == 0,
            "when": pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(n), unit="D"),
            "written": [f"{1 + i % 28:02d}.{1 + i % 12:02d}.2020" for i in range(n)],
            "clock": [f"{1 + i % 11}:30 PM" for i in range(n)],
            "took": [f"{1 + i % 9} days" for i in range(n)],
        }
    )
    y = (
        np.arange(n) % 2
        if estimator == "classifier" or isinstance(estimator, LogisticRegression)
        else np.exp(3 * X[:, 1])
    )
    model = tabular_pipeline(estimator, random_state=0).fit(table, y)
    stored = skops.dumps(model)
    others = [name for name in skops.get_untrusted_types(data=stored) if name not in sklearn_bpfree.TRUSTED_TYPES]
    assert all(name.split(".")[0] in ("sklearn", "numpy", "functools") for name in others)  # of another's estimator
    assert not others or not isinstance(estimator, str)
    loaded = skops.loads(stored, trusted=[*sklearn_bpfree.TRUSTED_TYPES, *others])
    np.testing.assert_array_equal(model.predict(table), loaded.predict(table))


def test_the_list_names_what_is_there_once_and_is_known_by_the_package():
    names = sklearn_bpfree.TRUSTED_TYPES
    assert names == sorted(set(names)) and "TRUSTED_TYPES" in sklearn_bpfree.__all__
    assert "bpfree_ladder.state.LadderState" in names and not [name for name in names if "<locals>" in name]
    assert not {"builtins.eval", "bpfree_evolution.cma_es.CMAState"} & set(names)


def test_a_trainer_that_is_not_registered_is_not_trusted():
    model = BPFreeClassifier((4,), trainer=RandomSearch(), max_iter=1, random_state=0).fit(X, X[:, 0] > 0)
    with pytest.raises(TypeError, match="RandomSearch"):
        again(model)


def test_a_trainer_that_names_nothing_is_trusted_with_plain_states():
    assert Trainer.state_types == ()


def test_another_attribute_of_the_package_is_missing_as_usual():
    with pytest.raises(AttributeError, match="has no attribute 'TRUSTED'"):
        sklearn_bpfree.TRUSTED  # noqa: B018
