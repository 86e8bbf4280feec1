"""Formulas say what the functions beside them compute."""

import numpy as np
import pytest

from sklearn_bpfree.nn.activations import ACTIVATIONS
from sklearn_bpfree.nn.formulas import Formula, FormulaError
from sklearn_bpfree.nn.loss import Loss
from sklearn_bpfree.nn.losses import BinaryLogLoss, LogLoss, PoissonLoss, SquaredError
from sklearn_bpfree.nn.network import Network

Z = np.linspace(-4, 4, 33).reshape(11, 3)


def value_of(make, given):
    rows = Formula.input(given.dtype)
    return make(rows).value({rows: given})


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_and_its_formula_agree_in_both_precisions(name, dtype):
    given = Z.astype(dtype)
    told = value_of(ACTIVATIONS[name].formula, given)
    assert told.dtype == dtype
    tolerance = 3e-7 if name == "gelu" else 4 * np.finfo(dtype).eps
    np.testing.assert_allclose(told, ACTIVATIONS[name].apply(given.copy()), atol=tolerance)


@pytest.mark.parametrize("loss", [BinaryLogLoss(), LogLoss(), SquaredError(), PoissonLoss()], ids=repr)
def test_links_their_inverses_and_the_mean_of_members_agree_with_their_formulas(loss):
    P = loss.link(Z)
    np.testing.assert_allclose(value_of(loss.link_formula, Z), P)
    np.testing.assert_allclose(value_of(loss.inverse_link_formula, P), loss.inverse_link(P))
    members = np.stack([Z, -Z, Z + 1])
    told = value_of(lambda Z: loss.link_formula(loss.mean_output_formula(Z, 3)), members)
    np.testing.assert_allclose(told, loss.link(loss.mean_output(members)))


@pytest.mark.parametrize("kind", ["float", "int8", "ternary", "binary"])
def test_the_layers_of_a_network_and_of_a_population_agree_with_its_outputs(kind):
    rng = np.random.default_rng(0)
    network = Network((3, 5, 4, 2), "tanh", kind)
    members = rng.normal(size=(6, network.n_weights))
    for weights in (members, members[0]):
        told = value_of(lambda rows, w=weights: network.formulas(w, rows)[-1], Z)
        np.testing.assert_allclose(told, network.outputs(weights, Z))
    hidden = value_of(lambda rows: network.formulas(members[0], rows)[-2], Z)
    np.testing.assert_allclose(hidden, network.hidden(members[0], Z))


def test_arithmetic_is_that_of_arrays_from_either_side_and_keeps_single_precision():
    X = Z.astype(np.float32)
    told = value_of(lambda X: (2.0 - X) / (X * X + np.ones(3)) - np.arange(3.0) * X + 1 / (X + 9), X)
    assert told.dtype == np.float32
    np.testing.assert_allclose(told, (2 - X) / (X * X + 1) - np.arange(3) * X + 1 / (X + 9), rtol=1e-5, atol=1e-6)


def test_columns_sums_shapes_and_choices_are_those_of_arrays():
    np.testing.assert_array_equal(value_of(lambda X: X.columns([2, 0, 0]), Z), Z[:, [2, 0, 0]])
    np.testing.assert_allclose(value_of(lambda X: X.sum(-1, keepdims=True), Z), Z.sum(-1, keepdims=True))
    np.testing.assert_array_equal(value_of(lambda X: X.reshape(0, 3, 1), Z), Z[:, :, None])
    np.testing.assert_array_equal(value_of(lambda X: Formula.where(X > 0, X, 7), Z), np.where(Z > 0, Z, 7))
    np.testing.assert_array_equal(value_of(lambda X: X.clip(-1, 2), Z), np.clip(Z, -1, 2))
    np.testing.assert_array_equal(value_of(lambda X: Formula.concatenated([X, -1 * X]), Z), np.hstack([Z, -Z]))


def test_a_table_is_looked_up_in_its_own_precision_by_whole_numbers():
    table = np.array([[0.1], [0.2]])
    told = value_of(lambda number: Formula.looked_up(table, number), np.array([1, 0, 1]))
    assert told.dtype == np.float64
    np.testing.assert_array_equal(told, table[[1, 0, 1]])


def test_a_formula_may_be_deeper_than_the_stack():
    def deep(X):
        for _ in range(5000):
            X = X + 1
        return X

    assert value_of(deep, np.zeros(1)) == 5000


class Cloglog(Loss):
    """Has a link of its own, and no formula for it."""

    kind = "labels"
    has_identity_link = False

    def link(self, Z):
        return -np.expm1(-np.exp(Z))


class SharpLog(LogLoss):
    """Changes the link that its base has a formula for."""

    def link(self, Z):
        return super().link(2 * Z)


@pytest.mark.parametrize("loss", [Cloglog(), SharpLog()], ids=lambda loss: type(loss).__name__)
def test_a_link_without_a_formula_is_one_sentence(loss):
    with pytest.raises(
        FormulaError, match=f"{type(loss).__name__} has its own link .* give it the method link_formula"
    ):
        loss.link_formula(Formula.input())


def test_a_loss_that_leaves_its_link_to_be_found_out_says_that_it_has_no_formula():
    class Found(Loss):
        kind = "labels"
        has_identity_link = False

    with pytest.raises(FormulaError, match="The link of Found is not said as a formula"):
        Found().link_formula(Formula.input())
