"""A finished fit is closed: parameters that are set afterwards matter to the next fit and to nothing before it."""

import pickle
from dataclasses import dataclass, field

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import make_friedman1
from sklearn.metrics import make_scorer, mean_absolute_error

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, get_trainer
from sklearn_bpfree.estimators.fitted import without_training
from sklearn_bpfree.nn.losses import Loss, PoissonLoss
from sklearn_bpfree.plugin import FOR_TRAINING, State, Trainer

X, values = make_friedman1(60, random_state=0)
X -= 0.5
values = np.abs(values)
labels = np.digitize(values, np.quantile(values, [0.3, 0.6]))
OTHER = {
    "hidden_layer_sizes": (3, 3),
    "activation": "tanh",
    "weights": "binary",
    "trainer": "rvfl",
    "metric_warmup": 0.1,
    "quantile": 0.9,
    "batch_size": 7,
    "max_iter": 1,
    "tol": 0.5,
    "early_stopping": True,
    "validation_fraction": 0.3,
    "n_iter_no_change": 1,
    "scoring": "loss",
    "max_time": 1e-9,
    "warm_start": True,
    "class_weight": {0: 5.0, 1: 1.0, 2: 0.1},
    "record_alignment": True,
    "dtype": "float64",
    "n_jobs": 2,
    "random_state": 7,
    "verbose": True,
}
TRAINERS = ["dfa", "ladder", "enkf", "noprop", "rvfl", "open_es", "forward_forward", "eki", "online_kalman"]


def everything(model):
    """All that a fitted estimator says, as bytes or values."""
    listed = dir(type(model)) + list(vars(model))
    names = [name for name in listed if name.endswith("_") and not name.startswith("_")]
    return predictions(model) | {name: pickle.dumps(getattr(model, name, None)) for name in names}


def predictions(model):
    said = {"predict": model.predict(X)}
    for method in ("predict_proba", "predict_log_proba", "decision_function"):
        if isinstance(model, BPFreeClassifier):
            said[method] = getattr(model, method)(X)
    if isinstance(model, BPFreeRegressor) and "return_std" in model.trainer_.offers:
        said["std"] = model.predict(X, return_std=True)
        said["quantiles"] = model.predict_quantiles(X)
    return {name: pickle.dumps(value) for name, value in said.items()}


def changes(trainer):
    """Another value for every hyper-parameter, nested ones included."""
    for name, value in trainer.get_params().items():
        if isinstance(value, bool):
            yield name, not value
        elif isinstance(value, (int, float)):
            yield name, value * 2 + 1
        elif not isinstance(value, Trainer):
            yield name, "another"


@pytest.mark.parametrize("name", TRAINERS)
@pytest.mark.parametrize("make", [BPFreeClassifier, BPFreeRegressor])
def test_no_parameter_changes_a_finished_fit(make, name):
    trainer = get_trainer(name)
    if name == "ladder":
        trainer.set_params(trainer__dropout=0.0, companion="rvfl", companion__scale=1.0)
    model = make((6,), trainer=trainer, max_iter=3, random_state=0)
    model.fit(X, labels if make is BPFreeClassifier else values)
    before = everything(model)
    for key, value in changes(trainer):
        old = trainer.get_params()[key]
        model.set_params(**{f"trainer__{key}": value})
        assert everything(model) == before, f"trainer__{key}"
        trainer.set_params(**{key: old})
    loss = "poisson" if make is BPFreeRegressor else "f1_macro"
    for key, value in {"loss": loss, **OTHER}.items():
        if key in model.get_params(deep=False):
            old = model.get_params(deep=False)[key]
            assert everything(model.set_params(**{key: value})) == before, key
            assert predictions(pickle.loads(pickle.dumps(model))).items() <= before.items(), f"{key}, pickled"
            model.set_params(**{key: old})


def test_the_link_of_the_loss_is_that_of_the_fit():
    model = BPFreeRegressor((6,), loss="poisson", max_iter=20, random_state=0).fit(X, values)
    before = model.predict(X)
    np.testing.assert_array_equal(model.set_params(loss="auto").predict(X), before)
    assert model.objective_ == PoissonLoss()


class Scaled(Loss):
    """A third party's loss, with a link that its own parameter decides on."""

    def __init__(self, factor):
        self.factor = factor

    def loss(self, Z, Y):
        return 0.5 * np.square(self.factor * Z - Y).sum(-1)

    def error(self, Z, Y):
        return self.factor * (self.factor * Z - Y)

    def link(self, Z):
        return self.factor * Z


def test_a_loss_or_metric_that_is_changed_later_is_not_that_of_the_fit():
    loss = Scaled(2.0)
    model = BPFreeRegressor((6,), loss=loss, max_iter=3, random_state=0).fit(X, values)
    before = model.predict(X)
    loss.factor = 10.0
    np.testing.assert_array_equal(model.predict(X), before)
    scorer = make_scorer(mean_absolute_error, greater_is_better=False)
    model = BPFreeRegressor((6,), loss=scorer, trainer="open_es", max_iter=3, random_state=0).fit(X, values)
    assert model.objective_.scoring is not scorer


def test_what_a_fitted_trainer_offers_stays_offered():
    sure = BPFreeRegressor((6,), trainer="enkf", max_iter=2, random_state=0).fit(X, values)
    quantiles = sure.predict_quantiles(X)
    np.testing.assert_array_equal(sure.set_params(trainer="dfa").predict_quantiles(X), quantiles)
    mean, std = sure.predict(X, return_std=True)
    np.testing.assert_allclose(quantiles[:, 2], mean + std * stats.norm.ppf(0.95), rtol=1e-5)
    unsure = BPFreeRegressor((6,), max_iter=2, random_state=0).fit(X, values).set_params(trainer="enkf")
    assert not hasattr(unsure, "predict_quantiles") and hasattr(unsure, "partial_fit")


# --- what is stored ---------------------------------------------------------------------------------------------------


def stored(model):
    return pickle.loads(pickle.dumps(model))


@pytest.mark.parametrize("trainer", ["ladder", "enkf", "eks", "uki", "rvfl", "ed_rvfl", "rfr_boost"])
@pytest.mark.parametrize("estimator, y", [(BPFreeClassifier, labels), (BPFreeRegressor, values)])
def test_a_finished_fit_is_stored_for_predictions_alone_unless_one_goes_on(estimator, y, trainer):
    model = estimator((6,), trainer=trainer, max_iter=3, random_state=0).fit(X, y)
    again = stored(model)
    assert predictions(again) == predictions(model) and again.history_ == model.history_
    assert hasattr(model, "progress_") and not hasattr(again, "progress_")
    with pytest.raises(ValueError, match="stored after its fit for predictions alone"):
        again.set_params(warm_start=True).fit(X, y)
    goes_on = stored(model.set_params(warm_start=True))
    assert predictions(goes_on.fit(X, y)) == predictions(model.fit(X, y))


@pytest.mark.parametrize("y, smaller", [(labels, 0.5), (values, 0.5)])
def test_the_default_for_tables_is_stored_without_moments_and_held_out_rows(y, smaller):
    kind = BPFreeClassifier if y is labels else BPFreeRegressor
    model = kind((128, 128), trainer="ladder", max_iter=5, random_state=0).fit(X, y)
    state = stored(model).state_
    assert state.held_out is None and state.members[0].state.slots is None
    assert model.state_.held_out is not None and model.state_.members[0].state.slots
    assert len(pickle.dumps(model)) < smaller * len(pickle.dumps(model.set_params(warm_start=True)))


def test_a_fit_that_was_cut_short_is_stored_whole():
    model = BPFreeClassifier((6,), trainer="ladder", max_iter=5, max_time=1e-9, random_state=0).fit(X, labels)
    whole = BPFreeClassifier((6,), trainer="ladder", max_iter=5, random_state=0).fit(X, labels)
    resumed = stored(model).set_params(max_time=None, warm_start=True).fit(X, labels)
    assert predictions(resumed) == predictions(whole)


def test_fields_for_training_go_wherever_a_state_holds_them():
    @dataclass(frozen=True)
    class Part:
        kernel: np.ndarray
        moments: np.ndarray | None = field(default=None, metadata=FOR_TRAINING)

    @dataclass(eq=False, kw_only=True)
    class Parts(State):
        parts: list[Part]
        rows: np.ndarray = field(metadata=FOR_TRAINING)
        note: np.ndarray

    ones = np.ones(3)
    state = Parts(weights=ones, parts=[Part(ones, ones)], rows=ones, note=ones)
    bare = without_training(state)
    assert type(bare) is Parts and bare.rows is None and bare.parts[0].moments is None
    assert all(
        kept is ones for kept in (bare.weights, bare.note, bare.parts[0].kernel, state.rows, state.parts[0].moments)
    )
