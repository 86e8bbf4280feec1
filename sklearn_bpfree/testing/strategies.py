"""Strategies of hypothesis for tables, parameters and call orders, and what must hold for all of them.

For a plugin's own tests, with ``pip install "sklearn-bpfree[test]"``::

    from hypothesis import given
    from sklearn_bpfree.testing.strategies import cases, check_case

    @given(cases(["my_trainer"]))
    def test_my_trainer_gives_a_result_or_a_sentence(case):
        check_case(case)

Read `cases` and `check_case`, which says what is asked of a case.
"""

from __future__ import annotations

import copy
import linecache
import os
import pickle
import traceback
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning

from sklearn_bpfree.estimators import BPFreeClassifier, BPFreeRegressor
from sklearn_bpfree.plugin.registry import get_trainer, list_trainers
from sklearn_bpfree.testing.asking import Failure, ask, first_difference

try:
    from hypothesis import strategies as st
except ImportError as error:
    raise ImportError(
        'sklearn_bpfree.testing.strategies needs the package hypothesis; run pip install "sklearn-bpfree[test]".'
    ) from error

# values that make no sense for most parameters
ODD: list[Any] = [
    *(np.array([1, 2]), np.array(3), np.array(["relu"]), np.array([]), np.nan, np.inf, -1, 0, 10**30, -(10**30), 2.0),
    *(
        0.999999999,
        1e-320,
        1e300,
        1j,
        True,
        False,
        None,
        "",
        "text",
        "auto",
        "1",
        b"relu",
        [],
        [1],
        (2, 3),
        (1, np.nan),
    ),
    *([10**30], {}, {0: 1.0}, {0: np.nan}, len, float, np.float32(0.5), np.int64(3), np.bool_(True)),
]
EXTREMES = [1e5, 1e10, 1e15, 1e18, 1e19, 1e20, 3e38, 1e39, 1e150, 1e300, 1e-30, 1e-300]
ACTIVATIONS = ["relu", "tanh", "logistic", "gelu", "identity", "softplus", "silu", "step"]
LOSSES = {
    True: ["auto", "log_loss", "f1_macro", "roc_auc"],
    False: ["auto", "poisson", "huber", "quantile", "absolute_error", "r2"],
}
EXPECTED_WARNINGS = (ConvergenceWarning, DataConversionWarning)


class Table(NamedTuple):
    """Rows, targets and weights."""

    X: Any
    y: np.ndarray
    sample_weight: np.ndarray | None


class Case(NamedTuple):
    """An estimator, a table for its first fit, and the calls that come afterwards."""

    model: Any
    table: Table
    calls: list[tuple]


@st.composite
def tables(draw, classify: bool = True) -> Table:
    """Small tables, some of them badly scaled, constant, sparse, weighted, in single precision, of several outputs."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, d = draw(st.sampled_from([2, 3, 5, 12, 30])), draw(st.sampled_from([1, 2, 3, 6]))
    X = rng.standard_normal((n, d))
    row, column = draw(st.integers(0, n - 1)), draw(st.integers(0, d - 1))
    extreme = draw(st.sampled_from(EXTREMES))
    kind = draw(st.sampled_from(["plain", "plain", "plain", "scales", "cell", "column", "constant", "whole", "flat"]))
    if kind == "scales":
        X *= 10.0 ** rng.uniform(-5, 8, size=d)
    elif kind == "cell":
        X[row, column] = extreme
    elif kind == "column":
        X[:, column] *= extreme
    elif kind == "constant":
        X[:] = draw(st.sampled_from([0.0, 1.0, 1e10]))
    elif kind == "whole":
        X = np.round(X)
    elif kind == "flat":
        X[:, column] = 7.0
    y = _classes(draw, rng, n) if classify else _values(draw, rng, n)
    form = draw(st.sampled_from(["double", "double", "single", "sparse"]))
    if form == "single":
        X = np.clip(X, -3e38, 3e38).astype(np.float32)
    elif form == "sparse":
        X = sparse.csr_array(X)
    weight = None
    if draw(st.integers(0, 4)) == 4:
        weight = rng.random(n) * draw(st.sampled_from([1.0, 1e-300, 1e300, 1e10])) * (rng.random(n) < 0.8)
    return Table(X, y, weight)


def _classes(draw, rng, n):
    y = rng.integers(draw(st.sampled_from([2, 2, 3, 5])), size=n)
    y[:2] = [0, 1]
    form = draw(st.sampled_from(["numbers", "numbers", "words", "labels"]))
    if form == "labels":
        return np.eye(5, dtype=int)[y, :3]
    return np.array(["a", "bb", "c", "d", "e"])[y] if form == "words" else y


def _values(draw, rng, n):
    y = rng.standard_normal(n) * draw(st.sampled_from([1.0, 1.0, 1e-5, 1e5, 1e30, 1e-200]))
    y = y + draw(st.sampled_from([0.0, 0.0, 1e6]))
    form = draw(st.sampled_from(["values", "values", "two outputs", "not negative", "constant"]))
    if form == "two outputs":
        y = np.column_stack([y, rng.standard_normal(n)])
    return np.abs(y) if form == "not negative" else np.full_like(y, y.flat[0]) if form == "constant" else y


def parameters(classify: bool = True) -> st.SearchStrategy[dict[str, Any]]:
    """Parameters of an estimator that make sense, for a fit of a few steps."""
    return st.fixed_dictionaries(
        {
            "hidden_layer_sizes": st.sampled_from([(4,), (4,), (5, 3), (), (1,)]),
            "max_iter": st.integers(1, 3),
            "random_state": st.just(0),
        },
        optional={
            "dtype": st.just("float64"),
            "early_stopping": st.just(True),
            "activation": st.sampled_from(ACTIVATIONS),
            "loss": st.sampled_from(LOSSES[classify]),
            "warm_start": st.just(True),
            "batch_size": st.integers(1, 8),
            "weights": st.sampled_from(["int8", "ternary", "binary"]),
        },
    )


@st.composite
def odd_parameters(draw, trainer: Any, classify: bool = True) -> dict[str, Any]:
    """One parameter, the estimator's or the trainer's, with a value that may make no sense."""
    made = get_trainer(trainer) if isinstance(trainer, str) else trainer
    own = sorted(made.get_params(deep=False))
    if own and draw(st.booleans()):
        name = draw(st.sampled_from(own))
        value = getattr(made, name)
        if type(value) in (int, float) and draw(st.booleans()):
            return {f"trainer__{name}": type(value)(value * draw(st.sampled_from([0, 0.5, 2, 1000, -1, 1e-10])))}
        return {f"trainer__{name}": draw(st.sampled_from(ODD))}
    make = BPFreeClassifier if classify else BPFreeRegressor
    names = sorted(set(make().get_params(deep=False)) - {"n_jobs", "verbose", "trainer"})
    return {draw(st.sampled_from(names)): draw(st.sampled_from(ODD))}


@st.composite
def calls(draw, trainers: Sequence[Any], classify: bool = True) -> tuple:
    """A call after the first fit: its name, and what it takes."""
    name = draw(
        st.sampled_from(["fit", "fit", "predict", "partial_fit", "rows", "set", "odd", "trainer", "pickle", "clone"])
    )
    if name == "predict":
        return name, draw(st.sampled_from([1.0, 1.0, 1e3, 1e20, 1e35]))
    if name == "rows":
        return name, draw(tables(classify))
    if name == "set":
        return name, draw(parameters(classify))
    if name in ("odd", "trainer"):
        trainer = draw(st.sampled_from(trainers))
        return ("set", {"trainer": trainer, **(draw(odd_parameters(trainer, classify)) if name == "odd" else {})})
    return (name,)


@st.composite
def cases(draw, trainers: Sequence[Any] | None = None, *, odd: bool = True) -> Case:
    """Estimators with tables and calls, of some registered names or Trainer objects; None: of all registered ones."""
    trainers = list_trainers() if trainers is None else list(trainers)
    classify, trainer = draw(st.booleans()), draw(st.sampled_from(trainers))
    make = BPFreeClassifier if classify else BPFreeRegressor
    model = make(trainer=trainer, **draw(parameters(classify)))
    if odd and draw(st.integers(0, 3)) == 3:
        model.set_params(**draw(odd_parameters(trainer, classify)))
    return Case(model, draw(tables(classify)), draw(st.lists(calls(trainers, classify), max_size=4)))


# --- what must hold ---------------------------------------------------------------------------------------------------


def check_case(case: Case) -> None:
    """Make all calls of a case, and raise an AssertionError if one gives neither a result nor a sentence.

    A result is finite. A sentence is an exception that was raised on purpose, after which the estimator is what it was.
    No call changes what it is given, and none lets a warning out but those of scikit-learn that say something.
    """
    model, table, fitted = copy.deepcopy(case.model), case.table, False
    for name, *given in [("fit",), ("predict", 1.0), *case.calls]:
        before = copy.deepcopy((table, given)), _said(model, table) if fitted else None
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                model, table, fitted = _made(name, given, model, table, fitted)
            except Exception as error:
                ask(told(error), f"{name} of {model!r} raises {type(error).__name__}: {error}")
                if before[1] is not None and name in ("fit", "partial_fit"):
                    trace = first_difference(before[1], _said(model, table), "it")
                    ask(trace is None, f"{name} of {model!r} failed and left a trace")
        leaked = [str(one.message) for one in caught if not issubclass(one.category, EXPECTED_WARNINGS)]
        ask(not leaked, f"{name} of {model!r} lets a warning out: {leaked[:1]}")
        if name in ("fit", "partial_fit", "predict"):
            unchanged = all(map(_same, _arrays(before[0]), _arrays((table, given))))
            ask(unchanged, f"{name} of {model!r} changes what it is given")


def _made(name, given, model, table, fitted):
    """The estimator and table after a call, and whether the estimator is fitted."""
    X, y, weight = table
    if name == "fit":
        return model.fit(X, y, weight), table, True
    if name == "partial_fit" and hasattr(model, "partial_fit"):
        rows = np.arange(0, X.shape[0], 2)
        return model.partial_fit(X[rows], y[rows]), table, True
    if name == "predict" and fitted:
        factor = X.dtype.type(given[0])
        with np.errstate(all="ignore"):
            rows = X * factor
        for said in predictions(model, rows):
            ask(said.dtype.kind not in "fc" or np.isfinite(said).all(), f"{model!r} predicts what is not finite")
    elif name == "rows":
        return model, given[0], fitted
    elif name == "set":
        model.set_params(**given[0])
    elif name == "pickle":
        return pickle.loads(pickle.dumps(model)), table, fitted
    elif name == "clone":
        return clone(model), table, False
    return model, table, fitted


def predictions(model, X) -> list[np.ndarray]:
    """All that a fitted model says of rows."""
    said = [model.predict(X)]
    if isinstance(model, BPFreeClassifier):
        P, log_P = model.predict_proba(X), model.predict_log_proba(X)
        said += [P, log_P[P > 0], model.decision_function(X)]
    elif "return_std" in model.trainer_.offers:
        said += [*model.predict(X, return_std=True), model.predict_quantiles(X)]
    return list(map(np.asarray, said))


def _said(model, table):
    """What a fitted model says of rows, or why it does not."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return predictions(model, table.X)
    except Exception as error:
        return str(error)


def told(error: BaseException) -> bool:
    """Whether an exception is a sentence: raised on purpose, by scikit-learn or by a plugin's or our own `raise`."""
    if isinstance(error, Failure):
        raise error
    frame = traceback.extract_tb(error.__traceback__)[-1]
    foreign = any(f"{os.sep}{name}{os.sep}" in frame.filename for name in ("numpy", "scipy", "joblib", "pandas"))
    on_purpose = linecache.getline(frame.filename, frame.lineno or 0).strip().startswith("raise")
    of_sklearn = f"{os.sep}sklearn{os.sep}" in frame.filename
    return on_purpose and not foreign and (of_sklearn or "\n" not in str(error))


def _arrays(parts):
    for part in parts:
        if isinstance(part, (tuple, list)):
            yield from _arrays(part)
        elif sparse.issparse(part):
            yield part.data
        elif isinstance(part, np.ndarray):
            yield part


def _same(one, other):
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
