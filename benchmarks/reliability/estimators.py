"""Random fits: data, parameters and call orders of every kind. Counts what is neither a result nor a sentence.

    python benchmarks/reliability/estimators.py --cases 1000 --seed 0

A case is an estimator with a trainer, some of whose parameters may make no sense, a table that may be badly scaled,
tiny or constant, and a few calls in random order. An exception counts as a sentence when it was raised on purpose: its
innermost frame is a `raise` statement of ours or of scikit-learn's. Counted are raw errors, leaked warnings,
predictions that are not finite, and cases that took more than 20 seconds
of the processor.
"""

import argparse
import collections
import linecache
import os
import pickle
import signal
import sys
import traceback
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, get_trainer, list_trainers

SECONDS = 20  # of the processor, as the machine may be busy with other things
STANDSTILL = 600  # seconds of the clock after which a case that used less waits for something
ODD = [
    *(np.array([1, 2]), np.array(3), np.array(["relu"]), np.array([]), pd.Series([1, 2]), pd.NA, pd.NaT),
    *(np.nan, np.inf, -1, 0, 10**30, -(10**30), 2.0, 0.999999999, 1e-320, 1e300, 1j, True, False, None),
    *("", "text", "auto", "1", b"relu", [], [1], (2, 3), (1, np.nan), [10**30], {}, {0: 1.0}, {0: np.nan}),
    *(object(), len, float, np.float32(0.5), np.int64(3), np.bool_(True)),
]
CALLS = [
    *("fit", "fit", "predict", "predict", "predict on others", "partial_fit", "other rows", "fewer rows"),
    *("set", "warm", "trainer", "change", "pickle", "clone"),
]
EXTREMES = [1e5, 1e10, 1e15, 1e18, 1e19, 1e20, 3e38, 1e39, 1e150, 1e300, 1e-30, 1e-300]


def pick(rng, values):
    return values[rng.integers(len(values))]


def table(rng, classify):
    """Rows, targets and weights."""
    n, d = pick(rng, [2, 3, 5, 12, 30, 60]), pick(rng, [1, 2, 3, 6])
    X = rng.normal(size=(n, d))
    kind = rng.integers(12)
    if kind == 0:
        X *= 10.0 ** rng.uniform(-5, 8, size=d)
    elif kind == 1:
        X[rng.integers(n), rng.integers(d)] = pick(rng, EXTREMES) * pick(rng, [-1, 1])
    elif kind == 2:
        X[:, rng.integers(d)] *= pick(rng, EXTREMES)
    elif kind == 3:
        X[:] = pick(rng, [0.0, 1.0, 1e10])
    elif kind == 4:
        X = np.round(X)
    elif kind == 5:
        X[:, rng.integers(d)] = 7.0
    if classify:
        y = rng.integers(pick(rng, [2, 2, 3, 5]), size=n)
        y[: min(n, 2)] = [0, 1]
        if rng.random() < 0.1:
            y = np.eye(5, dtype=int)[y][:, :3]
        elif rng.random() < 0.1:
            y = np.array(["a", "bb", "ccc", "d", "e"])[y]
    else:
        y = rng.normal(size=n) * pick(rng, [1.0, 1.0, 1e-5, 1e5, 1e30, 1e-200]) + pick(rng, [0.0, 0.0, 1e6])
        if rng.random() < 0.2:
            y = np.column_stack([y, rng.normal(size=n)])
        if rng.random() < 0.2:
            y = np.abs(y)
        if rng.random() < 0.05:
            y[:] = y.flat[0]
    weight = None
    if rng.random() < 0.2:
        weight = rng.random(n) * pick(rng, [1.0, 1e-300, 1e300, 1e10]) * (rng.random(n) < 0.8)
        if rng.random() < 0.3:
            weight = np.full(n, pick(rng, [1e-300, 1e300, 5.0, 5e-324, 1e308]))
    if rng.random() < 0.15:
        X = np.clip(X, -3e38, 3e38).astype(np.float32)
    elif rng.random() < 0.1:
        X = sparse.csr_array(X)
    return X, y, weight


def settings(rng, classify):
    """Parameters of an estimator, of which at most two are odd."""
    hidden = pick(rng, [(4,), (4,), (5, 3), (), (1,)])
    params = {"hidden_layer_sizes": hidden, "max_iter": int(rng.integers(1, 4)), "random_state": 0}
    if rng.random() < 0.3:
        params["dtype"] = "float64"
    if rng.random() < 0.2:
        params["early_stopping"] = True
    if rng.random() < 0.2:
        params["activation"] = pick(rng, ["tanh", "logistic", "gelu", "identity", "softplus", "step", "silu"])
    if rng.random() < 0.3:
        losses = ["log_loss", "f1_macro", "roc_auc"]
        params["loss"] = pick(rng, losses if classify else ["poisson", "huber", "quantile", "absolute_error", "r2"])
    if rng.random() < 0.2:
        params["warm_start"] = True
    if rng.random() < 0.1:
        params["batch_size"] = int(rng.integers(1, 9))
    if rng.random() < 0.05:
        params["weights"] = pick(rng, ["int8", "ternary", "binary"])
    return params


def odd_parameters(rng, model):
    names = sorted(model.get_params(deep=False)) if rng.random() < 0.4 else None
    if names is None:
        own = sorted(get_trainer(model.trainer).get_params(deep=False)) if isinstance(model.trainer, str) else []
        names = [f"trainer__{name}" for name in own] or ["tol"]
    name = pick(rng, [name for name in names if name not in ("n_jobs", "verbose")])
    if rng.random() < 0.4 and name.startswith("trainer__"):
        old = get_trainer(model.trainer).get_params()[name[9:]]
        if isinstance(old, (int, float)) and not isinstance(old, bool):
            return {name: old * pick(rng, [0, 0.5, 1000, 1e10, -1, 1e-10]) if isinstance(old, float) else int(old * 2)}
    return {name: pick(rng, ODD)}


def predictions(model, X):
    """Whatever the model says of rows; all of it must be finite."""
    said = [model.predict(X)]
    if isinstance(model, BPFreeClassifier):
        P, log_P = model.predict_proba(X), model.predict_log_proba(X)
        said += [P, log_P[P > 0], model.decision_function(X)]
    elif "return_std" in model.trainer_.offers:
        said += [*model.predict(X, return_std=True), model.predict_quantiles(X)]
    said += [model.loss_curve_, model.validation_scores_, *model.coefs_, *model.intercepts_]
    said += [model.n_iter_, model.stop_reason_, model.n_evaluations_, model.best_validation_score_]
    if model.n_iter_:
        said.append(model.loss_)
    return said[: 4 if isinstance(model, BPFreeClassifier) else 1 + 3 * ("return_std" in model.trainer_.offers)]


def case(rng, calls):
    """One case; returns how many predictions were not finite, and appends every call before it is made."""

    def note(*words):
        calls.append(words)

    classify = rng.random() < 0.6
    make = BPFreeClassifier if classify else BPFreeRegressor
    X, y, weight = table(rng, classify)
    model = make(trainer=pick(rng, list_trainers()), **settings(rng, classify))
    if rng.random() < 0.4:
        model.set_params(**odd_parameters(rng, model))
    note(model, X, y, weight)
    n_bad = 0
    fitted = False
    for call in ["fit", *(pick(rng, CALLS) for _ in range(4))]:
        note(call)
        try:
            if call == "fit":
                model.fit(X, y, weight)
                fitted = True
            elif call == "partial_fit" and hasattr(model, "partial_fit"):
                rows = rng.permutation(X.shape[0])[: max(1, X.shape[0] // 2)]
                model.partial_fit(X[rows], y[rows])
                fitted = True
            elif call == "predict" and fitted:
                for part in predictions(model, X):
                    part = np.asarray(part)
                    n_bad += not (part.dtype.kind not in "fc" or np.isfinite(part).all())
            elif call == "predict on others" and fitted:
                rows = X.toarray() if sparse.issparse(X) else X
                with np.errstate(all="ignore"):
                    rows = rows * rows.dtype.type(pick(rng, [1.0, 1e3, 1e20, 1e35]))
                for part in predictions(model, rows):
                    part = np.asarray(part)
                    n_bad += not (part.dtype.kind not in "fc" or np.isfinite(part).all())
            elif call == "other rows":
                X, y, weight = table(rng, classify)
            elif call == "fewer rows":
                X, y, weight = X[: X.shape[0] // 2], y[: X.shape[0] // 2], None
            elif call == "set":
                change = odd_parameters(rng, model)
                note(change)
                model.set_params(**change)
            elif call == "warm":
                model.set_params(warm_start=True, max_iter=2)
            elif call == "trainer":
                model.set_params(trainer=pick(rng, list_trainers()))
            elif call == "change":
                change = pick(rng, list(settings(rng, classify).items()))
                note(change)
                model.set_params(**dict([change]))
            elif call == "pickle":
                model = pickle.loads(pickle.dumps(model))
            elif call == "clone":
                model, fitted = clone(model), False
        except Exception as error:
            if not on_purpose(error):
                raise
            if isinstance(error, AttributeError) and "_" in str(error) and call not in ("partial_fit", "predict"):
                raise
            note(f"   {type(error).__name__}: {error}")
    return n_bad


def on_purpose(error):
    """Whether an exception was raised by a `raise` of ours or of scikit-learn's."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    ours = any(part in frame.filename for part in ("sklearn_bpfree", "bpfree_", f"{os.sep}sklearn{os.sep}"))
    line = linecache.getline(frame.filename, frame.lineno).strip()
    told = "\n" not in str(error) or f"{os.sep}sklearn{os.sep}" in frame.filename
    return ours and line.startswith("raise") and told


def late(signum, frame):
    raise TimeoutError(f"no end after {SECONDS if signum == signal.SIGPROF else STANDSTILL} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, default=None, help="run this case alone and print its calls")
    args = parser.parse_args()
    signal.signal(signal.SIGPROF, late)
    signal.signal(signal.SIGALRM, late)
    found = collections.defaultdict(list)
    numbers = range(args.cases) if args.only is None else [args.only]
    for number in numbers:
        rng = np.random.default_rng((args.seed, number))
        calls = []
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.alarm(STANDSTILL)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                if case(rng, calls):
                    found["predictions that are not finite"].append((number, repr(calls[0][0])))
            except Exception as error:
                kind = "hangs" if isinstance(error, TimeoutError) else "raw errors"
                frame = traceback.extract_tb(error.__traceback__)[-1]
                place = f"{os.path.basename(frame.filename)}:{frame.lineno}"
                found[kind].append((number, f"{type(error).__name__}: {error} at {place} in {calls[0][0]!r}"))
                if args.only is not None:
                    traceback.print_exc()
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
                signal.alarm(0)
        for warning in told:
            if not issubclass(warning.category, (ConvergenceWarning, DataConversionWarning)):
                place = f"{os.path.basename(warning.filename)}:{warning.lineno}"
                found["leaked warnings"].append((number, f"{warning.category.__name__}: {warning.message} at {place}"))
        if args.only is not None:
            print(*calls, sep="\n")
    for kind in ("raw errors", "leaked warnings", "predictions that are not finite", "hangs"):
        print(f"{kind}: {len(found[kind])}")
        for number, words in found[kind][:400]:
            print(f"  case {number}: {' '.join(words.split())[:260]}")
    sys.exit(any(found.values()))


if __name__ == "__main__":
    main()
