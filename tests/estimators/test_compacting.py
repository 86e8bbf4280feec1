"""Small copies: how small, how near, what they hold, and what they refuse."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, compact, get_trainer, tabular_pipeline

X, LABELS = load_digits(return_X_y=True)
X, LABELS = X[:600] / 16, LABELS[:600]
VALUES = np.exp(X[:, 20] * 3 + X[:, 30])
QUICK = get_trainer("ladder", effort=0.2, companion=None)


def size(model):
    return len(pickle.dumps(model))


@pytest.mark.parametrize("trainer", [QUICK, "dfa", "local_loss", get_trainer("local_loss", predict_with="mean"), "fa"])
def test_half_of_the_room_and_nearly_the_same_probabilities(trainer):
    model = BPFreeClassifier((64, 64), trainer=trainer, max_iter=8, random_state=0).fit(X, LABELS)
    before = model.predict_proba(X)
    small = compact(model)
    after = small.predict_proba(X)
    assert after.dtype == before.dtype and 0 < np.abs(after - before).max() < 0.01
    assert size(small) < 0.62 * size(model)
    np.testing.assert_array_equal(model.predict_proba(X), before)  # which stays what it was
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(small)).predict_proba(X), after)


def test_pipelines_with_skewed_targets_and_searches_are_looked_into():
    pipeline = tabular_pipeline("regressor", random_state=0).set_params(estimator__regressor__trainer=QUICK)
    search = GridSearchCV(pipeline, {"estimator__regressor__activation": ["relu"]}, cv=2).fit(X, VALUES)
    small = compact(search)
    assert small.best_estimator_[-1].regressor_.state_.members[0].state.weights.dtype == np.float16
    np.testing.assert_allclose(small.predict(X), search.predict(X), rtol=0.02, atol=0.01)
    assert small.best_estimator_.predict_quantiles(X[:5]).shape == (5, 3)


def test_what_is_held_twice_is_stored_once_and_training_fields_are_gone():
    model = BPFreeClassifier((64,), trainer=get_trainer("ladder", decays=(0.5, 1.0)), max_iter=4, random_state=0)
    state = compact(model.fit(X, LABELS)).state_
    assert state.weights is state.members[0].state.weights and state.members[0].state.slots is None


def test_signs_of_monotone_nets_survive():
    model = BPFreeRegressor(monotonic_cst=[1] + [0] * 63, max_iter=5, random_state=0).fit(X, VALUES)
    small, further = compact(model), X + np.eye(64)[0]
    assert (small.predict(further) >= small.predict(X) - 1e-5 * VALUES.std()).all()


def test_weights_too_large_for_half_precision_stay_as_they_are():
    model = BPFreeRegressor(max_iter=2, random_state=0).fit(X, VALUES)
    model.state_.weights[0] = 1e6
    assert compact(model).state_.weights.dtype == np.float32


def test_training_does_not_go_on_with_a_small_copy():
    small = compact(BPFreeRegressor(max_iter=2, random_state=0).fit(X, VALUES))
    with pytest.raises(ValueError, match="stored after its fit for predictions alone"):
        small.partial_fit(X, VALUES)
    assert len(small.fit(X, VALUES).history_) == 2


@pytest.mark.parametrize("model", [LogisticRegression(), tabular_pipeline(LogisticRegression()), 3])
def test_other_models_are_refused(model):
    with pytest.raises(TypeError, match="compact is for a fitted estimator of this library"):
        compact(model)
    with pytest.raises(ValueError, match="not fitted"):
        compact(BPFreeClassifier())
