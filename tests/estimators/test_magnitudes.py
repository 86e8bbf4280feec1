"""Finite or refused: rows that a computation cannot hold, first states and predictions."""

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, get_trainer, list_trainers
from sklearn_bpfree.plugin import State, Trainer, advance

rng = np.random.default_rng(0)
X = rng.normal(size=(30, 3))
y = (X[:, 0] > 0).astype(int)
NAMES = ["a", "b", "c"]


def with_cell(value):
    rows = X.copy()
    rows[4, 1] = value
    return rows


@pytest.mark.parametrize("name", list_trainers())
@pytest.mark.parametrize("value", [1e10, -1e17, 1e19, 1e20, -3e38, 1e39, 1e300])
def test_one_huge_cell_is_a_result_or_a_sentence(name, value):
    for make, dtype in ((BPFreeClassifier, "float32"), (BPFreeRegressor, "float64")):
        model = make((4,), trainer=name, max_iter=3, dtype=dtype, random_state=0)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                predicted = model.fit(pd.DataFrame(with_cell(value), columns=NAMES), y).predict(X[:3])
            except ValueError as error:
                assert "column 'b' reaches" in str(error) and "scale the columns" in str(error)
            else:
                assert np.isfinite(predicted).all() and np.isfinite(model.state_.weights).all()
        assert not [w.message for w in told if issubclass(w.category, RuntimeWarning)]


def test_the_largest_column_is_named():
    for rows in (with_cell(1e25), sparse.csr_array(with_cell(-1e25))):
        with pytest.raises(ValueError, match=r"column 1 reaches 1e\+25; scale the columns or use dtype='float64'"):
            BPFreeClassifier().fit(rows, y)
    assert BPFreeClassifier((4,), dtype="float64", max_iter=1).fit(with_cell(1e25), y).n_iter_ == 1


def test_predictions_that_overflow_are_refused():
    model = BPFreeRegressor((4,), max_iter=3, random_state=0).fit(pd.DataFrame(X, columns=NAMES), y)
    corners = np.array(list(itertools.product([-1, 1], repeat=3)), np.float32) * np.float32(3e38)
    huge = pd.DataFrame(corners, columns=NAMES)
    with pytest.raises(
        ValueError, match=r"^The predictions of the fitted BPFreeRegressor are not finite for these rows"
    ):
        model.predict(huge)
    poisson = BPFreeRegressor((4,), loss="poisson", max_iter=30, random_state=0).fit(X, np.exp(X[:, 0]))
    with pytest.raises(ValueError, match="column 0 reaches"):
        poisson.predict(np.array([[1e6, 0, 0], [-1e6, 0, 0]]))


class Spoilt(Trainer):
    """First weights that are not finite, or a step that breaks down."""

    first: float = 1.0
    breaks_in: int = 99

    def init(self, problem, rng):
        return State(np.full(problem.network.n_weights, self.first, problem.dtype))

    def step(self, state, problem, rng):
        if problem.iteration == self.breaks_in:
            raise np.linalg.LinAlgError("Singular matrix")
        return advance(state, weights=state.weights + 1, loss=1.0)


def test_first_weights_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="'Spoilt' cannot learn from these rows, because its first weights"):
        BPFreeClassifier(trainer=Spoilt(first=np.inf)).fit(X, y)


def test_linear_algebra_that_breaks_down_is_refused_at_first_and_divergence_later():
    with pytest.raises(ValueError, match=r"broke down \(LinAlgError: Singular matrix\): column \d reaches .*; scale"):
        BPFreeClassifier(trainer=Spoilt(breaks_in=0)).fit(X, y)
    with pytest.warns(UserWarning, match="diverged in step 3"):
        clf = BPFreeClassifier(trainer=Spoilt(breaks_in=2), max_iter=9).fit(X, y)
    assert clf.stop_reason_ == "diverged" and clf.n_iter_ == 2


def test_a_fit_that_diverges_at_once_has_no_loss_and_says_so():
    class AtOnce(Spoilt):
        def step(self, state, problem, rng):
            return advance(state, loss=np.inf)

    with pytest.warns(UserWarning, match="diverged in step 1"):
        clf = BPFreeClassifier(trainer=AtOnce()).fit(X, y)
    assert np.isnan(clf.loss_) and clf.loss_curve_ == [] and clf.validation_scores_ is None


@pytest.mark.parametrize("weight", [1e-300, 1e300, 5e-324, 1e308])
@pytest.mark.parametrize("name", ["dfa", "ladder", "enkf", "open_es"])
def test_the_unit_of_the_weights_means_nothing_however_extreme(weight, name):
    trainer = get_trainer(name, **({"single": True} if name == "ladder" else {}))
    model = BPFreeRegressor((4,), trainer=trainer, max_iter=2, random_state=0)
    plain = model.fit(X, X[:, 0]).state_.weights
    np.testing.assert_array_equal(model.fit(X, X[:, 0], np.full(30, weight)).state_.weights, plain)


def test_targets_in_a_tiny_unit_or_a_huge_one_come_back_in_it():
    model = BPFreeRegressor((4,), max_iter=20, random_state=0)
    plain = model.fit(X, X[:, 0]).predict(X)
    for unit in (1e-200, 1e30, 1e100):
        predicted = model.fit(X.astype(np.float32), X[:, 0] * unit).predict(X.astype(np.float32))
        np.testing.assert_allclose(predicted / unit, plain, atol=1e-5)


@pytest.mark.parametrize("name", list_trainers())
def test_tables_of_one_distinct_row_are_fitted(name):
    model = BPFreeRegressor((4,), trainer=name, max_iter=2, random_state=0).fit(np.ones((10, 2)), np.ones(10))
    assert np.isfinite(model.predict(np.ones((2, 2)))).all() and model.n_iter_ >= 1


@pytest.mark.parametrize("name", ["rvfl", "ed_rvfl", "rfr_boost"])
def test_units_are_drawn_through_pairs_of_rows_that_are_all_the_same(name):
    trainer = get_trainer(name, sampling="pairs")
    clf = BPFreeClassifier((4,), trainer=trainer, random_state=0).fit(np.ones((10, 2)), np.arange(10) % 2)
    np.testing.assert_allclose(clf.predict_proba(np.ones((1, 2))), 0.5, atol=0.05)
