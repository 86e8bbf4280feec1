"""Both estimators under every trainer, as graphs: the same labels, probabilities and values."""

import numpy as np
import pytest
from graphs import check_classes, check_values, run, session_of
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, Trainer, get_trainer, list_trainers
from sklearn_bpfree.nn.formulas import Formula, FormulaError
from sklearn_bpfree.nn.losses import BinaryLogLoss
from sklearn_bpfree.onnx import feeds, to_onnx
from sklearn_bpfree.testing import RandomSearch

X, CODES = make_classification(150, 8, n_informative=6, n_classes=3, random_state=0)
X = X.astype(np.float32)
Y = make_regression(150, 8, n_targets=2, noise=10, random_state=0)[1]
TARGETS = {
    "text": np.array(["red", "green", "blue"])[CODES],
    "numbers": 10 * CODES,
    "booleans": CODES > 0,
    "two texts": np.where(CODES > 0, "yes", "no"),
    "label sets": (CODES[:, None] == [0, 1, 2]).astype(int),
}


def classifier(trainer="dfa", **params):
    return BPFreeClassifier((12, 8), trainer=trainer, max_iter=2, random_state=0).set_params(**params)


def regressor(trainer="dfa", **params):
    return BPFreeRegressor((12, 8), trainer=trainer, max_iter=2, random_state=0).set_params(**params)


@pytest.mark.parametrize("trainer", list_trainers())
def test_every_trainer_s_classifier_and_regressor_predict_the_same_as_graphs(trainer):
    model = classifier(trainer).fit(X, TARGETS["text"])
    check_classes(model, run(model, X), X)
    model = regressor(trainer).fit(X, Y)
    check_values(model, run(model, X), X)


@pytest.mark.parametrize("kind", TARGETS)
def test_labels_of_every_type_come_out_as_they_were(kind):
    model = classifier().fit(X, TARGETS[kind])
    check_classes(model, run(model, X), X)


@pytest.mark.parametrize("params", [{"loss": "poisson"}, {"loss": "huber"}, {"dtype": "float64"}], ids=str)
def test_values_come_out_in_their_own_units_under_any_loss_and_precision(params):
    y = np.exp(Y[:, 0] / 100)
    model = regressor(**params).fit(X, y)
    check_values(model, run(model, X), X)


@pytest.mark.parametrize("weights", ["int8", "ternary", "binary"])
@pytest.mark.parametrize("activation", ["step", "sign"])
def test_quantised_networks_of_step_units_are_exported_as_they_compute(weights, activation):
    model = classifier("open_es", weights=weights, activation=activation).fit(X, TARGETS["numbers"])
    check_classes(model, run(model, X), X)


def test_a_metric_as_the_objective_is_exported_by_the_link_of_its_smooth_loss():
    model = classifier("open_es", loss="balanced_accuracy").fit(X, TARGETS["text"])
    check_classes(model, run(model, X), X)


def test_a_fit_in_double_precision_is_a_graph_in_double_precision():
    wide = X.astype(np.float64)
    for activation, tolerance in [("tanh", 1e-12), ("softplus", 1e-12), ("gelu", 1e-6)]:
        model = classifier(dtype="float64", activation=activation).fit(wide, CODES)
        outputs = run(model, wide)
        assert outputs[1].dtype == np.float64
        check_classes(model, outputs, wide, tolerance)


def test_any_number_of_rows_is_predicted():
    model = classifier().fit(X, CODES)
    for rows in (X[:1], X[:7]):
        check_classes(model, run(model, X, rows), rows)


VARIANTS = {
    "noprop": [{"variant": "ct"}, {"variant": "fm", "predict_with": "last"}, {"learner": "ridge"}, {"n_chains": 0}],
    "forward_forward": [
        {"goodness": "symba"},
        {"goodness": "threshold", "predict_with": "goodness"},
        {"goodness": "symba", "negatives": "columns"},
        {"predict_with": "goodness"},
        {"readout": "ridge"},
    ],
    "local_loss": [{"predict_with": "mean"}],
    "eki": [{"predict_with": "mean"}, {"predict_with": "ensemble"}],
    "ed_rvfl": [{"direct_links": False}],
    "rvfl": [{"copies": 3}, {"direct_links": False}],
    "rfr_boost": [{"mode": "greedy"}],
    "ladder": [{"single": True}, {"trainer": "dfa", "companion": None}],
}


@pytest.mark.parametrize("name, params", [(name, given) for name in VARIANTS for given in VARIANTS[name]], ids=str)
def test_variants_of_a_trainer_have_formulas_of_their_own(name, params):
    model = classifier(get_trainer(name, **params)).fit(X, CODES > 0)
    check_classes(model, run(model, X), X)


@pytest.mark.parametrize("params", [{"values": "ordinal"}, {"values": "ordinal", "predict_with": "goodness"}], ids=str)
def test_ordered_groups_of_values_are_exported(params):
    model = regressor(get_trainer("forward_forward", **params), hidden_layer_sizes=(24, 12)).fit(X, Y)
    check_values(model, run(model, X), X)


@pytest.mark.parametrize("trainer", ["dfa", "ladder", "forward_forward", "prototypes", "ed_rvfl", "enkf", "rvfl"])
@pytest.mark.parametrize("hidden", [(), (9,), (9, 7, 5)], ids=str)
def test_networks_of_any_depth_are_exported(trainer, hidden):
    model = classifier(trainer, hidden_layer_sizes=hidden).fit(X, CODES)
    check_classes(model, run(model, X), X)


def test_narrow_members_of_the_ladder_see_their_own_columns():
    rows = np.hstack([X, 0.01 * X])
    model = classifier("ladder").fit(rows, CODES)
    assert any(member.columns is not None for member in model.state_.members)
    check_classes(model, run(model, rows), rows)


class Halved(RandomSearch):
    """Predicts by half of what the network says, which it does not say as a formula."""

    def outputs(self, state, network, X):
        return super().outputs(state, network, X) / 2


class HalvedAndTold(Halved):
    """Says it."""

    def formula(self, state, network, X):
        return network.formulas(state.weights, X)[-1] / 2


def test_a_third_party_s_trainer_is_exported_by_its_formula_and_refused_without_one():
    with pytest.raises(FormulaError, match="Halved has its own outputs and does not say it as a formula"):
        to_onnx(classifier(Halved()).fit(X, CODES), X)
    model = classifier(HalvedAndTold()).fit(X, CODES)
    check_classes(model, run(model, X), X)
    assert Trainer.formula is not Halved.formula


def test_a_loss_without_a_formula_of_its_link_is_refused_in_one_sentence():
    class Steep(BinaryLogLoss):
        def link(self, Z):
            return super().link(3 * Z)

    with pytest.raises(FormulaError, match="Steep has its own link"):
        to_onnx(classifier(loss=Steep()).fit(X, CODES > 0), X)


def test_a_graph_has_skl2onnx_s_names_and_a_free_number_of_rows():
    graph = to_onnx(classifier().fit(X, CODES), X).graph
    assert [each.name for each in graph.input] == ["X"]
    assert [each.name for each in graph.output] == ["label", "probabilities"]
    assert not graph.input[0].type.tensor_type.shape.dim[0].dim_value
    assert [each.name for each in to_onnx(regressor().fit(X, Y), X).graph.output] == ["variable"]


def test_an_old_opset_and_labels_that_onnx_lacks_are_one_sentence():
    with pytest.raises(ValueError, match="target_opset must be at least 13, got 12"):
        to_onnx(classifier().fit(X, CODES), X, target_opset=12)
    with pytest.raises(ValueError, match="must be text or 64-bit integers, got"):
        to_onnx(classifier().fit(X, [2**70 + int(code) for code in CODES]), X)


def test_skl2onnx_itself_knows_our_estimators_in_pipelines_searches_and_ensembles():
    import skl2onnx

    model = make_pipeline(StandardScaler(), classifier()).fit(X, TARGETS["text"])
    label, P = session_of(skl2onnx.to_onnx(model, X[:1])).run(None, {"X": X})
    np.testing.assert_allclose([[row[name] for name in model.classes_] for row in P], model.predict_proba(X), atol=1e-6)
    assert label.tolist() == model.predict(X).tolist()

    search = GridSearchCV(model, {"bpfreeclassifier__trainer": ["dfa", "rvfl"]}, cv=2).fit(X, CODES)
    check_classes(search, session_of(to_onnx(search, X)).run(None, feeds(search, X)), X)

    voting = VotingClassifier(
        [("net", classifier()), ("linear", LogisticRegression())], voting="soft", flatten_transform=False
    ).fit(X, CODES)
    check_classes(voting, session_of(to_onnx(voting, X)).run(None, feeds(voting, X)), X)


def test_a_model_that_is_not_fitted_is_refused():
    with pytest.raises(Exception, match="not fitted"):
        to_onnx(clone(classifier()), X)


def test_a_formula_of_single_precision_stays_so_whatever_the_constants():
    rows = Formula.input(np.float32)
    assert (rows * np.float64(2) + np.ones(8)).dtype == np.float32
