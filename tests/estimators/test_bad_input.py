"""What cannot be fitted or predicted: each mistake is one sentence on what was wrong, what came and what to do."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import make_classification

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, get_trainer
from sklearn_bpfree.nn.losses import LogLoss
from sklearn_bpfree.testing import RandomSearch

X, y = make_classification(n_samples=40, random_state=0)
VALUES = X[:, 0] * 3 + 7


def spoiled(rows, value):
    rows = np.array(rows, dtype=float)
    rows.flat[3] = value
    return rows


def classify(rows=X, target=y, weight=None, **params):
    fit = {name: params.pop(name) for name in ("X_val", "y_val", "sample_weight_val") if name in params}
    return BPFreeClassifier(**{"max_iter": 2, "random_state": 0, **params}).fit(rows, target, weight, **fit)


def regress(rows=X, target=VALUES, weight=None, **params):
    return BPFreeRegressor(**{"max_iter": 2, "random_state": 0, **params}).fit(rows, target, weight)


PARAMETERS = {
    "unknown trainer": (
        lambda: classify(trainer="dffa"),
        "There is no trainer 'dffa' (did you mean 'dfa'?); use one of",
    ),
    "no trainer": (
        lambda: classify(trainer=3),
        "trainer must be a registered name or a Trainer instance, got 3; "
        "sklearn_bpfree.list_trainers() gives the names.",
    ),
    "trainer class": (
        lambda: classify(trainer=RandomSearch),
        "trainer must be a registered name or a Trainer instance, got "
        "<class 'sklearn_bpfree.testing.reference.RandomSearch'>; sklearn_bpfree.list_trainers() gives the names.",
    ),
    "trainer's parameter": (
        lambda: classify(trainer=get_trainer("dfa", learning_rate=-1.0)),
        "learning_rate == -1.0, must be > 0.",
    ),
    "unknown loss": (
        lambda: classify(loss="logloss"),
        "loss='logloss' is unknown; give one of ['auto', 'log_loss'], a Loss object, the name of a scorer "
        "(sklearn.metrics.get_scorer_names()), a scorer or a metric(y_true, y_pred).",
    ),
    "loss of other targets": (
        lambda: regress(loss=LogLoss()),
        "loss=LogLoss() does not suit these targets; give one of ['auto', 'squared_error', 'absolute_error', 'huber', "
        "'quantile', 'poisson'].",
    ),
    "no loss": (
        lambda: regress(loss=1.5),
        "loss must be a name, a Loss object, a scorer or a metric(y_true, y_pred), got 1.5 of type float.",
    ),
    "metric for a trainer that needs the error": (
        lambda: classify(loss="roc_auc", trainer="fa"),
        "The trainer 'fa' needs the output error of a loss, but the metric 'roc_auc' has no output error; use a loss, "
        "such as loss='auto', or a trainer that only needs values (registered: ",
    ),
    "quantile": (lambda: regress(loss="quantile", quantile=1.5), "quantile == 1.5, must be < 1."),
    "unknown activation": (
        lambda: classify(activation="swish"),
        "activation must be one of ['gelu', 'identity', 'logistic', 'relu', 'sign', 'silu', 'softplus', 'step', "
        "'tanh'], got 'swish'.",
    ),
    "negative size": (
        lambda: classify(hidden_layer_sizes=(5, -1)),
        "hidden_layer_sizes must be integers > 0, got (5, -1).",
    ),
    "zero size": (lambda: classify(hidden_layer_sizes=0), "hidden_layer_sizes must be integers > 0, got 0."),
    "broken size": (lambda: classify(hidden_layer_sizes=[2.5]), "hidden_layer_sizes must be integers > 0, got [2.5]."),
    "size of text": (lambda: classify(hidden_layer_sizes="10"), "hidden_layer_sizes must be integers > 0, got '10'."),
    "list of activations": (lambda: classify(activation=["relu"]), "activation must be one of ['gelu', "),
    "metric_warmup": (lambda: classify(metric_warmup=np.nan), "metric_warmup must be a number, got nan."),
    "n_jobs": (lambda: classify(n_jobs=0), "n_jobs must be None or an integer that is not 0, got 0."),
    "n_jobs of text": (lambda: classify(n_jobs="all"), "n_jobs must be None or an integer that is not 0, got 'all'."),
    "warm_start": (lambda: classify(warm_start="yes"), "warm_start must be an instance of "),
    "verbose": (lambda: classify(verbose="yes"), "verbose must be an instance of "),
    "metric of other targets": (
        lambda: classify(loss="roc_auc", trainer=RandomSearch(), target=np.arange(40) % 3),
        "The metric 'roc_auc' cannot judge these targets (ValueError: multi_class must be in ('ovo', 'ovr')); use one "
        "that can, or loss='auto'.",
    ),
    "metric of classes": (
        lambda: regress(loss="roc_auc", trainer=RandomSearch()),
        "The metric 'roc_auc' cannot judge these targets (AttributeError: ",
    ),
    "batch_size": (lambda: classify(batch_size=0), "batch_size == 0, must be >= 1."),
    "batch_size of text": (lambda: classify(batch_size="all"), "batch_size must be an integer, got 'all'."),
    "max_iter": (lambda: classify(max_iter=0), "max_iter == 0, must be >= 1."),
    "max_iter of float": (lambda: classify(max_iter=1.5), "max_iter must be an integer, got 1.5."),
    "tol": (lambda: classify(tol=-1e-3), "tol == -0.001, must be >= 0."),
    "max_time": (lambda: classify(max_time=0), "max_time == 0, must be > 0."),
    "n_iter_no_change": (lambda: classify(n_iter_no_change=0), "n_iter_no_change == 0, must be >= 1."),
    "validation_fraction": (lambda: classify(validation_fraction=1.0), "validation_fraction == 1.0, must be < 1."),
    "early_stopping": (
        lambda: classify(early_stopping="yes"),
        "early_stopping must be 'auto', True or False, got 'yes'.",
    ),
    "dtype": (lambda: classify(dtype="float16"), "dtype must be 'float32' or 'float64', got 'float16'."),
    "no dtype": (lambda: classify(dtype="single precision"), "dtype must be 'float32' or 'float64', got 'single prec"),
    "random_state": (
        lambda: classify(random_state="x"),
        "random_state must be None, a RandomState or an integer from 0 to 2**32 - 1, got 'x'.",
    ),
    "scoring": (
        lambda: classify(scoring="accuracyy"),
        "The 'scoring' parameter of check_scoring must be a str among",
    ),
    "scoring without weights": (
        lambda: classify(weight=0.5 + y, scoring=lambda model, X, y: 0.0, early_stopping=True),
        "scoring=<function <lambda>",
    ),
    "scoring that takes something else": (
        lambda: classify(scoring=len, early_stopping=True),
        "scoring=<built-in function len> cannot judge the validation rows (TypeError: len() takes exactly one argument "
        "(3 given)); give the name of a scorer, or a function of an estimator, X and y.",
    ),
    "scoring without a number": (
        lambda: classify(scoring=print, early_stopping=True),
        "scoring=<built-in function print> must give a number, got None.",
    ),
    "negative class_weight": (
        lambda: classify(class_weight={0: -2}),
        "class_weight must hold finite numbers that are not negative, got {0: -2}.",
    ),
    "class_weight of zero": (
        lambda: classify(class_weight={0: 0, 1: 0}),
        "class_weight must be non-negative and not zero for all rows, got {0: 0, 1: 0}.",
    ),
    "class_weight": (
        lambda: classify(class_weight="even"),
        "class_weight must be a dict, 'balanced' or None, got 'even'.",
    ),
    "partial_fit and early stopping": (
        lambda: BPFreeClassifier(early_stopping=True).partial_fit(X, y),
        "partial_fit does not support early_stopping=True; use fit, or early_stopping=False.",
    ),
}

DATA = {
    "rows and targets": (
        lambda: classify(X, y[:-1]),
        "Found input variables with inconsistent numbers of samples: [40, 39]",
    ),
    "one dimension": (lambda: classify(X[:, 0]), "Expected 2D array, got 1D array instead"),
    "three dimensions": (lambda: classify(X.reshape(40, 10, 2)), "Found array with dim 3"),
    "one row": (
        lambda: classify(X[:1], y[:1]),
        "Found array with 1 sample(s) (shape=(1, 20)) while a minimum of 2 is req",
    ),
    "one row of values": (
        lambda: regress(X[:1], VALUES[:1]),
        "Found array with 1 sample(s) (shape=(1, 20)) while a mini",
    ),
    "no rows": (
        lambda: regress(X[:0], VALUES[:0]),
        "Found array with 0 sample(s) (shape=(0, 20)) while a minimum of 2",
    ),
    "no columns": (
        lambda: classify(X[:, :0]),
        "Found array with 0 feature(s) (shape=(40, 0)) while a minimum of 1 is req",
    ),
    "NaN": (lambda: classify(spoiled(X, np.nan)), "Input X contains NaN."),
    "NaN in sparse rows": (lambda: classify(sparse.csr_array(spoiled(X, np.nan))), "Input X contains NaN."),
    "infinity": (
        lambda: classify(spoiled(X, np.inf)),
        "Input X contains infinity or a value too large for dtype('float64').",
    ),
    "too large": (
        lambda: classify(spoiled(X, 1e39)),
        "Input X contains a value too large for dtype('float32'): column 3 reaches 1e+39; scale the columns or use "
        "dtype='float64'.",
    ),
    "too large and negative": (
        lambda: regress(spoiled(X, -1e39)),
        "Input X contains a value too large for dtype('float32')",
    ),
    "too large and sparse": (
        lambda: classify(sparse.csr_array(spoiled(X, 1e39))),
        "Input X contains a value too large for dtype('float32'): column 3 reaches 1e+39; scale the columns or use "
        "dtype='float64'.",
    ),
    "complex numbers": (lambda: classify(X + 1j), "Complex data not supported"),
    "text": (lambda: classify([["a", "b"]] * 40), "could not convert string to float: 'a'"),
    "NaN in y": (lambda: regress(X, spoiled(VALUES, np.nan)), "Input y contains NaN."),
    "infinity in y": (lambda: regress(X, spoiled(VALUES, np.inf)), "Input y contains infinity or a value too large"),
    "no y": (
        lambda: classify(X, None),
        "This BPFreeClassifier estimator requires y to be passed, but the target y is None.",
    ),
    "values as classes": (lambda: classify(X, VALUES), "Unknown label type: continuous."),
    "text as values": (
        lambda: regress(X, ["a"] * 40),
        "y must hold numbers, got 'a' of type str in row 0; convert it to numbers.",
    ),
    "numbers as text": (lambda: regress(X, VALUES.astype(str)), "y must hold numbers, got '15."),
    "values beyond all bounds": (
        lambda: regress(X, VALUES * 1e300),
        "y holds values too large to be standardised, up to ",
    ),
    "one class": (
        lambda: classify(X, np.full(40, "yes")),
        "BPFreeClassifier needs samples of at least 2 classes in the data, but the data contains only one class: ",
    ),
    "one class of positive weight": (
        lambda: classify(weight=y),
        "BPFreeClassifier needs samples of at least 2 classes in",
    ),
    "classes in columns": (
        lambda: classify(X, np.column_stack([y, y + 1])),
        "y must be one class per row or a 0/1 indicator per label, got multiclass-multioutput of shape (40, 2); wrap "
        "the classifier in MultiOutputClassifier.",
    ),
    "negative counts": (
        lambda: regress(X, VALUES - 100, loss="poisson"),
        "loss='poisson' needs y to be non-negative and not all zero, got from ",
    ),
    "weights of another length": (
        lambda: classify(weight=np.ones(39)),
        "sample_weight must have shape (40,), one weight per row, got (39,).",
    ),
    "weights in columns": (
        lambda: classify(weight=np.ones((40, 1))),
        "sample_weight must have shape (40,), one weight per row, got (40, 1).",
    ),
    "negative weights": (lambda: classify(weight=-np.ones(40)), "sample_weight must be non-negative and not all zero."),
    "no weight": (lambda: classify(weight=np.zeros(40)), "sample_weight must be non-negative and not all zero."),
    "NaN in weights": (lambda: classify(weight=spoiled(np.ones(40), np.nan)), "Input sample_weight contains NaN."),
    "X_val alone": (lambda: classify(X_val=X), "X_val and y_val go together, but y_val is missing."),
    "y_val alone": (lambda: classify(y_val=y), "X_val and y_val go together, but X_val is missing."),
    "X_val without early stopping": (
        lambda: classify(X_val=X, y_val=y, early_stopping=False),
        "X_val is for early stopping, but early_stopping=False; set it to True or 'auto'.",
    ),
    "X_val of other columns": (
        lambda: classify(X_val=X[:, :3], y_val=y),
        "X has 3 features, but BPFreeClassifier is expecting",
    ),
    "X_val and y_val": (
        lambda: classify(X_val=X, y_val=y[:3]),
        "Found input variables with inconsistent numbers of samples",
    ),
    "weights of validation rows": (
        lambda: classify(X_val=X, y_val=y, sample_weight_val=[1.0]),
        "sample_weight_val must have shape (40,), one weight per row, got (1,).",
    ),
    "weights of no validation rows": (
        lambda: classify(sample_weight_val=np.ones(40)),
        "sample_weight_val goes with X_val and y_val, but these are missing.",
    ),
    "new classes in y_val": (
        lambda: classify(X_val=X, y_val=y + 1, scoring="loss"),
        "y_val holds classes that were not there before: [2] is not in [0 1].",
    ),
    "labels in y_val": (
        lambda: classify(X_val=X, y_val=np.column_stack([y, y])),
        "y_val has shape (40, 2), which is not what the classifier was fitted on.",
    ),
    "other outputs in y_val": (
        lambda: BPFreeRegressor().fit(X, VALUES, X_val=X, y_val=np.column_stack([VALUES, VALUES])),
        "y_val has shape (40, 2), but the fitted regressor has 1 outputs; give as many.",
    ),
    "label sets of -1 and 1": (
        lambda: classify(X, 2 * np.column_stack([y, 1 - y]) - 1),
        "y must hold 0 and 1 to say which labels a row has, got [-1, 1].",
    ),
    "nothing to hold out": (
        lambda: classify(X[:5], y[:5], early_stopping=True),
        "Early stopping needs at least 2 rows on either side of the split, but validation_fraction=0.1 of 5 rows gives "
        "1; change it or set early_stopping=False.",
    ),
    "metric without weights": (
        lambda: regress(weight=1.0 + y, trainer=RandomSearch(), loss="neg_max_error"),
        "The metric 'neg_max_error' does not take sample weights; fit without weights or use another metric.",
    ),
    "new classes in a warm start": (
        lambda: classify(warm_start=True).fit(X, y + 1),
        "y holds classes that were not there before: [2] is not in [0 1].",
    ),
    "other columns in a warm start": (
        lambda: classify(warm_start=True).fit(X[:, :3], y),
        "X has 3 features, but BPFree",
    ),
    "other outputs in a warm start": (
        lambda: regress(warm_start=True).fit(X, np.column_stack([VALUES, VALUES])),
        "y has shape (40, 2), but the fitted regressor has 1 outputs; give as many.",
    ),
    "other labels in a warm start": (
        lambda: classify(target=np.column_stack([y, 1 - y]), warm_start=True).fit(X, np.column_stack([y, y, y])),
        "y has shape (40, 3), which is not what the classifier was fitted on.",
    ),
    "classes after label sets": (
        lambda: classify(target=np.column_stack([y, 1 - y]), warm_start=True).fit(X, y),
        "y has shape (40,), which is not what the classifier was fitted on.",
    ),
    "new classes in a stream": (
        lambda: BPFreeClassifier().partial_fit(X, y, classes=[0, 1]).partial_fit(X, y + 1),
        "y holds classes that were not there before: [2] is not in [0 1].",
    ),
    "classes changed in a stream": (
        lambda: BPFreeClassifier().partial_fit(X, y, classes=[0, 1]).partial_fit(X, y, classes=[0, 1, 2]),
        "classes=[0 1 2] is not the same as in the first call to partial_fit: [0 1].",
    ),
    "predict on other columns": (
        lambda: classify().predict(X[:, :3]),
        "X has 3 features, but BPFreeClassifier is expecting",
    ),
    "predict on NaN": (lambda: classify().predict(spoiled(X, np.nan)), "Input X contains NaN."),
}


@pytest.mark.parametrize("call, sentence", PARAMETERS.values(), ids=PARAMETERS)
def test_parameters_that_make_no_sense_are_one_sentence(call, sentence):
    with pytest.raises((ValueError, TypeError)) as raised:
        call()
    message = str(raised.value)
    assert message.startswith(sentence) and "\n" not in message


@pytest.mark.parametrize("call, sentence", DATA.values(), ids=DATA)
def test_data_that_make_no_sense_are_a_clear_sentence(call, sentence):
    with pytest.raises((ValueError, TypeError)) as raised:
        call()
    assert str(raised.value).startswith(sentence)


@pytest.mark.parametrize("column", [["a"] * 40, pd.Categorical(["a"] * 40), [None] * 40, [pd.Timestamp(0)] * 40])
def test_a_frame_that_is_not_all_numbers_is_sent_to_the_pipeline(column):
    for call in (
        lambda frame: classify(frame),
        lambda frame: regress(frame),
        lambda frame: classify(pd.DataFrame(X[:, :2], columns=["number", "other"])).predict(frame),
    ):
        with pytest.raises((ValueError, TypeError)) as raised:
            call(pd.DataFrame({"number": X[:, 0], "other": column}))
        assert "tabular_pipeline" in raised.value.__notes__[0]


def test_equal_weights_need_no_metric_that_takes_them():
    for weight in (3.0, np.full(40, 3.0)):
        assert regress(weight=weight, trainer=RandomSearch(), loss="neg_max_error").n_iter_ == 2


def test_double_precision_takes_what_single_precision_cannot():
    assert np.isfinite(classify(spoiled(X, 1e39), dtype="float64").state_.weights).all()


@pytest.mark.parametrize("make", [classify, regress])
def test_a_failed_fit_leaves_the_parameters_alone(make):
    with pytest.raises(ValueError):
        make(weight=-np.ones(40))
    model = BPFreeClassifier(trainer="dfa", max_iter=2)
    before = model.get_params()
    with pytest.raises(ValueError):
        model.fit(X, np.zeros(40))
    assert model.get_params() == before
    assert model.fit(X, y).n_iter_ == 2


def test_validation_rows_on_another_scale_are_noticed():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 3)) * [1, 10, 100] + [0, 40, 5000]
    y = X[:, 0] > 0
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    model = BPFreeClassifier((4,), max_iter=2, random_state=0)
    with pytest.warns(UserWarning, match="another scale than X: in column 2 its rows lie .* standard") as caught:
        model.fit(scaled[:80], y[:80], X_val=X[80:], y_val=y[80:])
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(scaled[:80], y[:80], X_val=scaled[80:], y_val=y[80:])
        model.fit(sparse.csr_array(scaled[:80]), y[:80], X_val=sparse.csr_array(scaled[80:]), y_val=y[80:])
        one_hot = np.eye(40)[rng.integers(40, size=120)]  # a level that is rare in training and frequent here
        model.fit(one_hot[:80], y[:80], X_val=one_hot[80:], y_val=y[80:])
        flat = np.hstack([scaled, np.ones((120, 1))])
        model.fit(flat[:80], y[:80], X_val=flat[80:] * [1, 1, 1, 99], y_val=y[80:])
