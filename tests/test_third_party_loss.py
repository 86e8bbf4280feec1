"""A third party's loss with the formula of a built-in one gets what the built-in gets, under every trainer."""

from functools import cache

import numpy as np
import pytest
from scipy import special
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.metrics import log_loss, r2_score
from sklearn.preprocessing import scale

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, list_trainers
from sklearn_bpfree.nn.losses import Loss


class BinaryLog(Loss):
    def loss(self, Z, Y):
        return (np.logaddexp(0, Z) - Y * Z).sum(-1)

    def error(self, Z, Y):
        return special.expit(Z) - Y


class BinaryLogInFull(BinaryLog):
    def link(self, Z):
        return special.expit(Z)

    def initial_output(self, Y, weight):
        return special.logit(np.clip(np.average(Y, axis=0, weights=weight), 1e-3, 1 - 1e-3))


class Squared(Loss):
    def loss(self, Z, Y):
        return 0.5 * np.square(Z - Y).sum(-1)

    def error(self, Z, Y):
        return Z - Y


class SquaredInFull(Squared):
    target_scaling = "standard"

    def link(self, Z):
        return Z

    def initial_output(self, Y, weight):
        return np.zeros(Y.shape[1])


class Poisson(Loss):
    def loss(self, Z, Y):
        return (np.exp(Z) - Y * Z + special.xlogy(Y, Y) - Y).sum(-1)

    def error(self, Z, Y):
        return np.exp(Z) - Y


class PoissonInFull(Poisson):
    target_scaling = "positive"

    def link(self, Z):
        return np.exp(Z)

    def initial_output(self, Y, weight):
        return np.log(np.clip(np.average(Y, axis=0, weights=weight), 1e-6, None))


class Softmax(Loss):
    def loss(self, Z, Y):
        return special.logsumexp(Z, axis=-1) - (Z * Y).sum(-1)

    def error(self, Z, Y):
        return special.softmax(Z, axis=-1) - Y


class Absolute(Loss):
    def loss(self, Z, Y):
        return np.abs(Z - Y).sum(-1)

    def error(self, Z, Y):
        return np.sign(Z - Y)


CASES = {  # of what it is the formula, and the targets
    BinaryLog: ("log_loss", "two classes"),
    BinaryLogInFull: ("log_loss", "two classes"),
    Softmax: ("log_loss", "three classes"),
    Squared: ("squared_error", "values"),
    SquaredInFull: ("squared_error", "values"),
    Poisson: ("poisson", "values"),
    PoissonInFull: ("poisson", "values"),
    Absolute: ("absolute_error", "values"),
}


@cache
def table(targets):
    X, y = load_diabetes(return_X_y=True) if targets == "values" else load_breast_cancer(return_X_y=True)
    X, y = scale(X)[::2], y[::2]
    if targets == "three classes":
        y = y + (X[:, 1] > 0.5)
    return X[:150], y[:150], X[150:], y[150:]


@cache
def built_in_score(trainer, loss, targets):
    """None where the trainer refuses the loss."""
    try:
        return score(trainer, loss, targets)
    except ValueError:
        return None


def score(trainer, loss, targets):
    X, y, X_new, y_new = table(targets)
    estimator = BPFreeRegressor if targets == "values" else BPFreeClassifier
    model = estimator((12,), trainer=trainer, loss=loss, max_iter=3, early_stopping=False, random_state=0).fit(X, y)
    if targets == "values":
        return r2_score(y_new, model.predict(X_new))
    return log_loss(y_new, model.predict_proba(X_new))


@pytest.mark.parametrize("trainer", list_trainers())
@pytest.mark.parametrize("own", CASES)
def test_a_copied_formula_gets_the_score_of_the_built_in_loss(own, trainer):
    loss, targets = CASES[own]
    expected = built_in_score(trainer, loss, targets)
    if expected is None:
        with pytest.raises(ValueError, match=own.__name__):
            score(trainer, own(), targets)
        return
    assert score(trainer, own(), targets) == pytest.approx(expected, abs=1e-3)
