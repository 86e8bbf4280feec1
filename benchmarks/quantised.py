"""Sign units and ternary weights trained directly, beside a backprop net that is quantised afterwards.

    python benchmarks/quantised.py [--data ../shared/data] [--sets digits,vehicle,spam] [--hidden 8,16] [--seeds 0,1,2]

Afterwards: a net of one hidden layer by backprop (tanh before sign, relu before ternary kernels), its hidden layer
quantised, its readout refitted by logistic regression on what is left of the training rows. Directly: `open_es` on the
quantised net itself, from one setting; as it comes, and with the same refitted readout. The refitted readouts are
float; the direct ternary net has a ternary one as well, and so it has the right to a second comparison, in which the
refitted readout of the other is made ternary, too.

The data folder holds loader.py (see evolution.py); digits come with scikit-learn. Scores are accuracies on the held-out
quarter, means over the seeds; a win is a higher mean. Last, bits per weight of the pickled estimator.
"""

import argparse
import pickle
import sys
import time
import warnings

import numpy as np
from evolution import split
from sklearn.linear_model import LogisticRegression

from sklearn_bpfree import BPFreeClassifier, get_trainer
from sklearn_bpfree.quantisation import WEIGHT_KINDS, quantised

KINDS = {"sign units": {"activation": "sign"}, "ternary weights": {"weights": "ternary"}}


def hidden(model, X, kind):
    """Activations of the hidden layer, quantised."""
    W, b = model.coefs_[0], model.intercepts_[0]
    if kind == "sign units":
        return np.where(X @ W + b >= 0, 1.0, -1.0)
    return np.maximum(X @ quantised(W, "ternary") + b, 0)


def refitted(model, kind, X, y, X_test, y_test):
    """Accuracy with a float readout by logistic regression, and with its kernel made ternary."""
    H, H_test = hidden(model, X, kind), hidden(model, X_test, kind)
    readout = LogisticRegression(max_iter=2000).fit(H, y)
    score = readout.score(H_test, y_test)
    readout.coef_ = quantised(readout.coef_.T, "ternary").T
    return score, readout.score(H_test, y_test)


def compare(kind, size, parts, seed, trainer, max_iter):
    """Accuracies: float backprop, afterwards (float and ternary readout), directly (as it is, refitted); seconds."""
    X, X_test, y, y_test = parts
    smooth = "tanh" if kind == "sign units" else "relu"
    backprop = BPFreeClassifier((size,), smooth, trainer="backprop", random_state=seed).fit(X, y)
    begin = time.process_time()
    direct = BPFreeClassifier((size,), trainer=trainer, max_iter=max_iter, random_state=seed, **KINDS[kind]).fit(X, y)
    seconds = time.process_time() - begin
    after, after_ternary = refitted(backprop, kind, X, y, X_test, y_test)
    own = refitted(direct, kind, X, y, X_test, y_test)[0]
    return backprop.score(X_test, y_test), after, after_ternary, direct.score(X_test, y_test), own, seconds


def bits(X, y):
    """Bits per weight of a pickled fit with 128 hidden units, by kind of weights."""
    for kind in WEIGHT_KINDS:
        model = BPFreeClassifier((128,), trainer="open_es", weights=kind, max_iter=20, random_state=0).fit(X, y)
        stored, n = len(pickle.dumps(model)), model.network_.n_weights
        weights = len(pickle.dumps(model.__getstate__()["state_"]))
        print(
            f"{kind:8} {n} weights, {stored} bytes: {8 * stored / n:.1f} bits each; weights alone {8 * weights / n:.2f}"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data")
    parser.add_argument("--sets", default="digits,vehicle,spam")
    parser.add_argument("--hidden", default="8,16")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--max-iter", type=int, default=1500)
    parser.add_argument("--learning-rate", type=float, default=0.02)
    parser.add_argument("--weight-decay", type=float, default=0.3)
    args = parser.parse_args()
    loader = None
    if args.data:
        sys.path.insert(0, args.data)
        import loader  # type: ignore
    warnings.simplefilter("ignore")
    trainer = get_trainer("open_es", learning_rate=args.learning_rate, weight_decay=args.weight_decay)
    print("backprop | afterwards, float readout | ternary readout | directly | refitted | seconds")
    for kind in args.kinds.split(","):
        wins = []
        for name in args.sets.split(","):
            for size in map(int, args.hidden.split(",")):
                rows = []
                for seed in map(int, args.seeds.split(",")):
                    (X, X_test, y, y_test), prepare = split(name, seed, loader)
                    X, X_test = (
                        np.asarray(part, np.float32) for part in (prepare.fit_transform(X), prepare.transform(X_test))
                    )
                    rows.append(compare(kind, size, (X, X_test, y, y_test), seed, trainer, args.max_iter))
                mean = np.mean(rows, axis=0)
                wins.append(max(mean[3:5]) > mean[1])
                print(f"{kind} {name:8} {size:3}", *(f"{m:.4f}" for m in mean[:5]), f"{mean[5]:.1f} s", flush=True)
        print(f"{kind}: {sum(wins)} of {len(wins)} won against afterwards with a float readout")
    (X, _, y, _), prepare = split("digits", 0, None)
    bits(prepare.fit_transform(X), y)


if __name__ == "__main__":
    main()
