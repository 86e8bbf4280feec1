"""What stands in for scikit-learn 1.9 on older versions does what 1.9 does; seen under any version."""

import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator
from sklearn.model_selection import KFold
from sklearn.preprocessing import TargetEncoder

from sklearn_bpfree.estimators import compat


def old_encoder(**params):
    return compat.CrossFittingTargetEncoder(cv=5, shuffle=True, random_state=0, **params)


@pytest.mark.skipif(not compat.IS_1_9, reason="scikit-learn's encoder is given its folds from 1.9 on")
@pytest.mark.filterwarnings("ignore:`TargetEncoder.shuffle`")
@pytest.mark.parametrize("kind", ["binary", "multiclass", "continuous"])
def test_the_encoder_before_1_9_cross_fits_as_that_of_1_9(kind):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 25, (120, 2)).astype(float)
    y = {
        "binary": np.array(["no", "yes"])[rng.integers(0, 2, 120)],
        "multiclass": np.arange(120) % 40,  # three rows of each class: some folds lack one
        "continuous": rng.normal(size=120),
    }[kind]
    of_1_9 = TargetEncoder(target_type=kind, cv=KFold(5, shuffle=True, random_state=0))
    old = old_encoder(target_type=kind)
    np.testing.assert_array_equal(old.fit_transform(X, y), of_1_9.fit_transform(X, y))
    np.testing.assert_array_equal(old.transform(X), of_1_9.transform(X))


def test_the_same_folds_are_those_of_the_encoder_at_hand():
    params = compat.same_folds(3, random_state=7)
    X, y = np.arange(9.0)[:, None] % 2, np.sqrt(np.arange(9.0))
    one, two = (compat.TargetEncoder(**params).fit_transform(X, y) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert set(params) == ({"cv"} if compat.IS_1_9 else {"cv", "shuffle", "random_state"})


def test_an_estimator_without_callbacks_fits_and_says_what_they_need():
    class Estimator(compat.WithoutCallbacks, BaseEstimator):
        pass

    context = Estimator()._init_callback_context(max_subtasks=3)
    step = context.call_on_fit_task_begin(estimator=None).subcontext(task_name="step")
    assert step.call_on_fit_task_begin(estimator=None).call_on_fit_task_end(estimator=None) is False
    with pytest.raises(NotImplementedError, match=rf"1\.9 or newer, and this is {sklearn.__version__}; install"):
        Estimator().set_callbacks(object())
