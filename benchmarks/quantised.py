"""Sign units and ternary weights trained directly, beside a backprop net that is quantised afterwards.

    python benchmarks/quantised.py [--data ../shared/data] [--sets digits,vehicle,spam] [--hidden 8,16] [--seeds 0,1,2]

Afterwards: a net of one hidden layer by backprop (tanh before sign, relu before ternary kernels), its hidden layer
quantised, its readout refitted by logistic regression on what is left of the training rows. Directly: `open_es` on the
quantised net itself, from one setting; as it comes, and with the same refitted readout. From scratch, and going on from
the backprop net, so that what is learned directly comes on top of what quantising afterwards gives. The refitted
readouts are float; the direct ternary net has a ternary one as well, and so it has the right to a second comparison, in
which the refitted readout of the other is made ternary, too.

The data folder holds loader.py (see evolution.py); digits come with scikit-learn. Scores are accuracies on the held-out
quarter, means over the seeds; a win is a higher mean, of the better of the two readouts. "Train" is the accuracy on the
training rows. Last, bits per weight of the pickled estimator.
"""

import argparse
import pickle
import sys
import time
import warnings

import numpy as np
from bpfree_evolution.open_es import OpenES
from evolution import split
from sklearn.linear_model import LogisticRegression

from sklearn_bpfree import BPFreeClassifier, get_trainer
from sklearn_bpfree.nn.quantisation import WEIGHT_KINDS, quantised
from sklearn_bpfree.plugin import advance

KINDS = {"sign units": {"activation": "sign"}, "ternary weights": {"weights": "ternary"}}


class GoOn(OpenES):
    """`open_es` from given weights, with an output layer that is solved for where it can be."""

    sigma: float = 0.03
    learning_rate: float = 0.005
    weight_decay: float = 0.0
    final_sigma: float | None = 0.3
    population_size: int = 64
    start: np.ndarray | None = None

    def init(self, problem, rng):
        state = super().init(problem, rng)
        assert self.start is not None
        network, weights = problem.network, self.start.astype(problem.dtype)
        if network.activation == "sign":  # which does not see the length of a unit's weights; sigma does
            kernels, biases = network.unpack(weights)
            length = np.linalg.norm(kernels[0], axis=0)
            kernels[0] /= length
            biases[0] /= length
        weights, penalty = self.weight_space(problem).start(weights, rng)
        return advance(state, weights=weights, penalty=penalty)


def hidden(model, X, kind):
    """Activations of the hidden layer, quantised."""
    W, b = model.coefs_[0], model.intercepts_[0]
    if kind == "sign units":
        return np.where(X @ W + b >= 0, 1.0, -1.0)
    return np.maximum(X @ quantised(W, "ternary") + b, 0)


def refitted(model, kind, X, y, X_test, y_test):
    """Accuracy with a float readout by logistic regression, with its kernel made ternary, and on the training rows."""
    H, H_test = hidden(model, X, kind), hidden(model, X_test, kind)
    readout = LogisticRegression(max_iter=2000).fit(H, y)
    score, train = readout.score(H_test, y_test), readout.score(H, y)
    readout.coef_ = quantised(readout.coef_.T, "ternary").T
    return score, readout.score(H_test, y_test), train


def compare(kind, size, parts, seed, trainer, max_iter, more_iter):
    """Accuracies in the order of `COLUMNS`."""
    X, X_test, y, y_test = parts
    smooth = "tanh" if kind == "sign units" else "relu"
    backprop = BPFreeClassifier((size,), smooth, trainer="backprop", random_state=seed).fit(X, y)
    row = [backprop.score(X_test, y_test), *refitted(backprop, kind, X, y, X_test, y_test)]
    on = GoOn(start=backprop.state_.weights)
    for learner, options in ((trainer, {"max_iter": max_iter}), (on, {"max_iter": more_iter, "batch_size": 512})):
        begin = time.process_time()
        direct = BPFreeClassifier((size,), trainer=learner, random_state=seed, **options, **KINDS[kind]).fit(X, y)
        seconds = time.process_time() - begin
        row += [
            direct.score(X_test, y_test),
            refitted(direct, kind, X, y, X_test, y_test)[0],
            direct.score(X, y),
            seconds,
        ]
    return row


COLUMNS = (
    "backprop | afterwards: float readout, ternary readout, train | directly: as it is, refitted, train, seconds | "
    "going on: as it is, refitted, train, seconds"
)


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
    parser.add_argument("--max-iter", type=int, default=800)
    parser.add_argument("--more-iter", type=int, default=300, help="of the fit that goes on from the backprop net")
    parser.add_argument("--learning-rate", type=float, default=0.02)
    parser.add_argument("--weight-decay", type=float, default=0.1)
    parser.add_argument("--sigma", type=float, default=0.08)
    args = parser.parse_args()
    loader = None
    if args.data:
        sys.path.insert(0, args.data)
        import loader  # type: ignore
    warnings.simplefilter("ignore")
    options = {name: getattr(args, name) for name in ("learning_rate", "weight_decay", "sigma")}
    trainer = get_trainer("open_es", **options)
    print(COLUMNS)
    for kind in args.kinds.split(","):
        scratch, on = [], []
        for name in args.sets.split(","):
            for size in map(int, args.hidden.split(",")):
                rows = []
                for seed in map(int, args.seeds.split(",")):
                    (X, X_test, y, y_test), prepare = split(name, seed, loader)
                    X, X_test = (
                        np.asarray(part, np.float32) for part in (prepare.fit_transform(X), prepare.transform(X_test))
                    )
                    parts = X, X_test, y, y_test
                    rows.append(compare(kind, size, parts, seed, trainer, args.max_iter, args.more_iter))
                mean = np.mean(rows, axis=0)
                scratch.append(max(mean[4:6]) > mean[1])
                on.append(max(mean[8:10]) > mean[1])
                print(f"{kind} {name:8} {size:3}", *(f"{m:.4f}" for m in mean), flush=True)
        print(
            f"{kind}: {sum(scratch)} of {len(scratch)} won from scratch, {sum(on)} going on from backprop, against "
            "afterwards with a float readout"
        )
    (X, _, y, _), prepare = split("digits", 0, None)
    bits(prepare.fit_transform(X), y)


if __name__ == "__main__":
    main()
