"""ONNX graphs of the default pipeline on the open tables: do they predict the same, and how quick are they?

    python benchmarks/graphs.py --data ../shared/data [--trainers ladder,dfa] [--sets mpg,concrete] [--threads 1]

For each table and trainer a `tabular_pipeline` (with "ladder" the recommended default, with another name one net of 100
units) is fitted on three quarters of the rows and exported. "gap" is the largest difference of probabilities on the
other rows, for values in units of the target's standard deviation; "other labels" counts those that differ. One row:
ms for one row, as a frame to `predict`, as arrays to onnxruntime; "net" is the last step's own graph on encoded rows.
Rows: thousand rows per second.
"""

import argparse
import sys
import timeit
import warnings

import numpy as np
import onnxruntime
from scipy import sparse
from sklearn.base import is_regressor
from sklearn.utils.validation import _num_samples

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor
from sklearn_bpfree.onnx import feeds, to_onnx
from sklearn_bpfree.tabular import SkewedTargetRegressor, tabular_pipeline

TRAINERS = "ladder,dfa,rvfl,enkf,noprop,forward_forward"


def made(trainer, task):
    """The pipeline of a trainer, for classes or values."""
    if trainer == "ladder":
        return tabular_pipeline("regressor" if task == "regression" else "classifier", random_state=0)
    if task == "regression":
        return tabular_pipeline(SkewedTargetRegressor(BPFreeRegressor(trainer=trainer)), random_state=0)
    return tabular_pipeline(BPFreeClassifier(trainer=trainer, random_state=0))


def session_of(model, X, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(to_onnx(model, X).SerializeToString(), options)


def milliseconds(call):
    """The least of some repetitions, for about half a second."""
    once = timeit.timeit(call, number=1)
    number = int(np.clip(0.1 / once, 1, 1000))
    return 1e3 * min(timeit.repeat(call, number=number, repeat=5)) / number


def difference(model, outputs, X, y):
    """The gap and the number of other labels."""
    if is_regressor(model):
        return np.abs(outputs[0][:, 0] - model.predict(X)).max() / y.std(), 0
    return np.abs(outputs[1] - model.predict_proba(X)).max(), int((outputs[0] != model.predict(X)).sum())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--trainers", default=TRAINERS)
    parser.add_argument("--sets")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    sys.path.insert(0, args.data)
    from loader import load, names, split

    warnings.simplefilter("ignore")
    print(f"{'table':12} {'trainer':16} {'gap':>8} other labels  one row: ours  onnx   net   rows: ours   onnx    KB")
    for name in args.sets.split(",") if args.sets else names():
        X, X_test, y, y_test = split(name, 0)
        for trainer in args.trainers.split(","):
            model = made(trainer, load(name)[2]).fit(X, y)
            session, rows = session_of(model, X, args.threads), feeds(model, X_test)
            gap, other = difference(model, session.run(None, rows), X_test, y_test)
            one_frame, one = X_test.iloc[:1], {key: cells[:1] for key, cells in rows.items()}
            encoded = model[:-1].transform(one_frame)
            encoded = {"X": encoded.toarray() if sparse.issparse(encoded) else np.asarray(encoded)}
            net = session_of(model[-1], encoded["X"], args.threads)
            ask = model.predict if is_regressor(model) else model.predict_proba
            times = [
                milliseconds(lambda ask=ask, one_frame=one_frame: ask(one_frame)),
                milliseconds(lambda session=session, one=one: session.run(None, one)),
                milliseconds(lambda net=net, encoded=encoded: net.run(None, encoded)),
            ]
            n = _num_samples(X_test)
            speeds = [
                n / milliseconds(lambda ask=ask, X_test=X_test: ask(X_test)),
                n / milliseconds(lambda session=session, rows=rows: session.run(None, rows)),
            ]
            size = len(to_onnx(model, X).SerializeToString()) / 1024
            print(
                f"{name:12} {trainer:16} {gap:8.1e} {other:12} {times[0]:14.2f} {times[1]:5.3f} {times[2]:5.3f} "
                f"{speeds[0]:12.0f} {speeds[1]:6.0f} {size:5.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
