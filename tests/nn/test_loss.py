"""What a loss finds out of itself from its error alone, against the closed forms of the built-in losses."""

import ast
import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy import special

from sklearn_bpfree.nn import losses
from sklearn_bpfree.nn.loss import TRIED_OUT, Loss
from sklearn_bpfree.nn.losses import (
    REGRESSION_LOSSES,
    AbsoluteError,
    BinaryLogLoss,
    HuberLoss,
    LogLoss,
    PoissonLoss,
    QuantileLoss,
    SquaredError,
)

N = 50
rng = np.random.default_rng(0)


class Copy(Loss):
    """The values and the error of another loss, and nothing else."""

    def __init__(self, of):
        self.of = of

    def loss(self, Z, Y):
        return self.of.loss(Z, Y)

    def error(self, Z, Y):
        return self.of.error(Z, Y)


def one_of(K):
    return np.eye(K)[rng.integers(K, size=N)]


CASES = {  # name: loss, kind, targets
    "binary": (BinaryLogLoss(), "labels", rng.integers(2, size=(N, 1)).astype(float)),
    "labels": (BinaryLogLoss(), "labels", rng.integers(2, size=(N, 3)).astype(float)),
    "classes": (LogLoss(), "classes", one_of(3)),
    "many classes": (LogLoss(), "classes", one_of(12)),
    "squared": (SquaredError(), "values", rng.normal(size=(N, 2))),
    "poisson": (PoissonLoss(), "values", rng.poisson(2, (N, 2)).astype(float)),
    "huber": (HuberLoss(0.7), "values", rng.normal(size=(N, 1))),
    "absolute": (AbsoluteError(), "values", rng.normal(size=(N, 1))),
    "quantile": (QuantileLoss(0.8), "values", rng.normal(size=(N, 1))),
}
every_case = pytest.mark.parametrize("loss, kind, Y", CASES.values(), ids=CASES)


def both(loss, kind, Y):
    return loss, Copy(loss).bind(kind, Y.shape[1]), rng.normal(0, 3, Y.shape)


@every_case
def test_a_copied_formula_finds_out_what_the_built_in_declares(loss, kind, Y):
    copied = Copy(loss).bind(kind, Y.shape[1])
    assert copied.kind == loss.kind == kind
    for name in TRIED_OUT:
        expected = getattr(loss, name)
        assert getattr(copied, name) == (pytest.approx(expected) if isinstance(expected, float) else expected), name


@every_case
def test_a_copied_formula_links_as_the_built_in_does(loss, kind, Y):
    loss, copied, Z = both(loss, kind, Y)
    np.testing.assert_allclose(copied.link(Z), loss.link(Z), rtol=1e-8, atol=1e-300)
    np.testing.assert_allclose(copied.link(Z.astype("f4")), loss.link(Z.astype("f4")), rtol=1e-5)
    members = np.stack([Z, -Z, Z + 1])
    np.testing.assert_allclose(copied.link(members), loss.link(members), rtol=1e-8)
    np.testing.assert_allclose(copied.mean_output(members), loss.mean_output(members), rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(copied.link_slope(Z), loss.link_slope(Z), rtol=1e-5, atol=1e-8)
    P = loss.link(Z)
    np.testing.assert_allclose(copied.inverse_link(P), loss.inverse_link(P), rtol=1e-6)


@every_case
def test_a_copied_formula_starts_where_the_built_in_does(loss, kind, Y):
    loss, copied, _ = both(loss, kind, Y)
    rare = np.concatenate([Y[:1], np.roll(np.repeat(Y[:1], 2000, axis=0), 1, axis=1)])
    for targets, weight in [(Y, None), (Y, rng.uniform(0.5, 2, N)), (rare, None)]:
        first = copied.initial_output(targets, weight)
        np.testing.assert_allclose(first, loss.initial_output(targets, weight), rtol=1e-10, atol=1e-12)


@every_case
def test_a_copied_formula_bends_as_the_built_in_does(loss, kind, Y):
    loss, copied, Z = both(loss, kind, Y)
    np.testing.assert_allclose(copied.curvature(Z, Y), loss.curvature(Z, Y), rtol=1e-5, atol=1e-10)
    for found, expected in zip(
        (*copied.hessian(Z, Y), *copied.working_weights(Z, Y)),
        (*loss.hessian(Z, Y), *loss.working_weights(Z, Y)),
        strict=True,
    ):
        assert (found is None) == (expected is None)
        if found is not None:
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-10)


@every_case
def test_what_is_found_out_keeps_the_dtype(loss, kind, Y):
    copied, Y = Copy(loss).bind(kind, Y.shape[1]), Y.astype("f4")
    Z = rng.normal(size=Y.shape).astype("f4")
    for found in (copied.link(Z), copied.curvature(Z, Y), copied.hessian(Z, Y)[0], copied.working_weights(Z, Y)[0]):
        assert found.dtype == np.float32
    assert copied.mean_output(np.stack([Z, Z])).dtype == copied.link_slope(Z).dtype == np.float32


@pytest.mark.parametrize("name", ["binary", "classes", "squared", "poisson", "huber"])
def test_dispersion_of_a_copied_formula(name):
    loss, kind, Y = CASES[name]
    noise, copied = np.full(Y.shape[1], 0.3), Copy(loss).bind(kind, Y.shape[1])
    np.testing.assert_allclose(copied.dispersion(noise, 0.4), loss.dispersion(noise, 0.4))


# --- other losses than the built-in ones ------------------------------------------------------------------------------


class Probit(Loss):
    """Two classes by the normal distribution: a link that is not the canonical one."""

    def loss(self, Z, Y):
        return -(Y * special.log_ndtr(Z) + (1 - Y) * special.log_ndtr(-Z)).sum(-1)

    def error(self, Z, Y):
        density = -0.5 * Z**2 - 0.5 * np.log(2 * np.pi)
        return (1 - Y) * np.exp(density - special.log_ndtr(-Z)) - Y * np.exp(density - special.log_ndtr(Z))


class SquaredHinge(Loss):
    """The support vector machine's: it says little of probabilities."""

    def loss(self, Z, Y):
        return (np.maximum(0, 1 - (2 * Y - 1) * Z) ** 2 / 2).sum(-1)

    def error(self, Z, Y):
        return -(2 * Y - 1) * np.maximum(0, 1 - (2 * Y - 1) * Z)


class Gamma(Loss):
    """The gamma deviance with a log link."""

    def error(self, Z, Y):
        return 1 - Y * np.exp(-Z)


class LogCosh(Loss):
    def error(self, Z, Y):
        return np.tanh(Z - Y)


class Expectile(Loss):
    def error(self, Z, Y):
        return np.where(Z > Y, 0.4, 1.6) * (Z - Y)


class Sharper(Loss):
    """The log-loss of three classes of twice the outputs."""

    def error(self, Z, Y):
        return 2 * (special.softmax(2 * Z, axis=-1) - Y)


class OneAgainstTheRest(Loss):
    """A yes/no question for each of three exclusive classes."""

    def error(self, Z, Y):
        return special.expit(Z) - Y


def test_the_link_of_labels_is_their_share_for_which_an_output_is_best():
    Z = np.linspace(-3, 3, 13)[:, None]
    probit = Probit().bind("labels", 1)
    np.testing.assert_allclose(probit.link(Z), special.ndtr(Z), rtol=1e-8)
    np.testing.assert_allclose(probit.inverse_link(special.ndtr(Z)), Z, atol=1e-6)
    np.testing.assert_allclose(probit.initial_output(np.array([[0.0], [1], [1], [1]]), None), special.ndtri(0.75))
    hinge = SquaredHinge().bind("labels", 1)
    np.testing.assert_allclose(hinge.link(Z), np.clip((1 + Z) / 2, 0, 1))
    assert hinge.curvature_bound == pytest.approx(1)


def test_the_link_of_exclusive_classes_may_be_sharper_than_the_softmax():
    Z = rng.normal(size=(20, 3))
    sharper = Sharper().bind("classes", 3)
    P = special.softmax(2 * Z, axis=1)
    np.testing.assert_allclose(sharper.link(Z), P, rtol=1e-8)
    assert sharper.curvature_bound == pytest.approx(2, rel=1e-6)
    h, shares = sharper.hessian(Z, P)
    np.testing.assert_allclose(h, 4 * P, rtol=1e-6)
    np.testing.assert_allclose(shares, P, rtol=1e-8)
    Z_mean = sharper.mean_output(np.stack([Z, -Z]))
    np.testing.assert_allclose(sharper.link(Z_mean), (sharper.link(Z) + sharper.link(-Z)) / 2, rtol=1e-6)


def test_a_question_for_each_class_leaves_the_outputs_independent():
    loss, Z = OneAgainstTheRest().bind("classes", 3), rng.normal(size=(20, 3))
    assert not loss.couples_outputs
    h, shares = loss.hessian(Z, np.zeros((20, 3)))
    np.testing.assert_allclose(h, special.expit(Z) * special.expit(-Z), rtol=1e-6)
    assert shares is None
    P = loss.link(Z)
    np.testing.assert_allclose(P.sum(axis=1), 1)


def test_losses_of_values_tell_their_scaling_and_their_link():
    Z = np.linspace(-2, 2, 9)[:, None]
    gamma, log_cosh, expectile = (cls().bind("values", 1) for cls in (Gamma, LogCosh, Expectile))
    np.testing.assert_allclose(gamma.link(Z), np.exp(Z))
    assert [loss.target_scaling for loss in (gamma, log_cosh, expectile)] == ["positive", "robust", "standard"]
    assert log_cosh.is_robust and log_cosh.link(Z) is Z and expectile.link(Z) is Z
    assert expectile.curvature_bound == pytest.approx(1.6)
    assert gamma.curvature_bound is None and log_cosh.curvature_bound is None
    np.testing.assert_allclose(log_cosh.working_weights(Z, 0 * Z)[0][Z != 0], (np.tanh(Z) / np.where(Z, Z, 1))[Z != 0])


# --- binding ----------------------------------------------------------------------------------------------------------


def test_what_a_loss_declares_is_not_tried_out():
    class Declared(LogCosh):
        target_scaling = "standard"

        def __init__(self):
            self.curvature_bound = 1.0

    bound = Declared().bind("values", 1)
    assert bound.target_scaling == "standard" and bound.curvature_bound == 1.0 and bound.is_robust


def test_a_frozen_dataclass_can_be_bound_and_pickled():
    bound = Frozen(2.0).bind("values", 1)
    again = pickle.loads(pickle.dumps(bound))
    assert again.scale == 2.0 and again.kind == "values" and again.has_identity_link
    assert bound.bind("values", 1) is bound


@dataclass(frozen=True)
class Frozen(Loss):
    scale: float

    def error(self, Z, Y):
        return np.tanh((Z - Y) / self.scale)


def test_before_it_is_bound_a_loss_is_taken_for_one_of_raw_values():
    own, Z = LogCosh(), np.zeros((2, 1))
    assert not own.is_classification and own.link(Z) is Z and own.curvature_bound is None


def test_an_error_in_double_precision_does_not_leave_a_minibatch_in_single_precision():
    Z = np.ones((2, 1), np.float32)

    class Weighted(SquaredError):
        def total_and_error(self, Z, Y, weight=None):
            return Loss.total_and_error(self, Z, Y, weight)

        def error(self, Z, Y):
            return np.array([2.0]) * (Z - Y)

    assert Weighted().total_and_error(Z, 0 * Z)[1].dtype == np.float32


# --- nobody asks for a class ------------------------------------------------------------------------------------------

ROOT = Path(__file__).parents[2]
SOURCES = [*(ROOT / "sklearn_bpfree").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]
CLASSES = {name for name, value in vars(losses).items() if isinstance(value, type) and issubclass(value, Loss)}


def test_no_source_but_that_of_the_losses_asks_for_the_class_of_a_loss():
    assert {cls.__name__ for cls in REGRESSION_LOSSES.values()} < CLASSES
    for path in SOURCES:
        if path.parent.parts[-2:] == ("nn", "losses"):
            continue
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        for_messages = {id(node.value) for node in nodes if isinstance(node, ast.Attribute) and node.attr == "__name__"}
        for node in nodes:
            if not isinstance(node, ast.Call) or id(node) in for_messages:
                continue
            function, names = ast.unparse(node.func), {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            asks = function in ("isinstance", "issubclass") and names & CLASSES
            asks = asks or (function == "type" and "objective" in ast.unparse(node))
            assert not asks, f"{path}: {ast.unparse(node)}; ask the loss itself"
