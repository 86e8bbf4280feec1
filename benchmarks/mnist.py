"""MNIST with a 784-256-256-10 network: test accuracy and fit time of each trainer, nothing tuned per method.

    python benchmarks/mnist.py --data ../shared/data [--epochs 10] [--trainers fa,dfa] [--seeds 0,1,2] [--curve]

The data folder holds mnist.npz (`python benchmarks/data.py FOLDER`). Pixels are divided by 255. All trainers share
one setting, printed below; scikit-learn's MLPClassifier with the same layers and batches stands beside.
`forward_projection`, which has no epochs, is measured with wider layers, too. Each fit is a row of
benchmarks/results/mnist.csv.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import results
from sklearn.neural_network import MLPClassifier

from sklearn_bpfree import BPFreeClassifier, get_trainer

SETTING = {"learning_rate": 4e-3, "weight_decay": 0.1, "beta_2": 0.99}
ROWS = [
    ("backprop", {}),
    ("fa", {"feedback": "sign"}),
    ("fa", {"feedback": "kolen_pollack"}),
    ("fa", {"feedback": "random"}),
    ("dfa", {"feedback": "random"}),
    ("dfa", {"feedback": "learned"}),
    ("dfa", {"error": "delayed"}),
    ("dfa", {"error": "target"}),
    ("predictive_coding", {"mode": "strict"}),
    ("predictive_coding", {"mode": "incremental"}),
    ("predictive_coding", {"mode": "strict", "feedback": "kolen_pollack"}),
    ("dual_propagation", {}),
    ("dual_propagation", {"feedback": "kolen_pollack"}),
    ("equilibrium_propagation", {}),
    ("target_propagation", {"mode": "ddtp_linear"}),
    ("target_propagation", {"mode": "drl"}),
    ("target_propagation", {"mode": "dtp"}),
    ("pepita", {"mode": "foton"}),
    ("pepita", {"mode": "pepita"}),
    ("prototypes", {}),
    ("forward_projection", {}),
    ("forward_projection", {"layers": (700, 700)}),
    ("forward_projection", {"layers": (1000, 1000)}),
    ("local_loss", {"layer_loss": "pred"}),
    ("local_loss", {"layer_loss": "pred", "predict_with": "mean"}),
    ("local_loss", {"layer_loss": "pred", "feedback": "random"}),
    ("local_loss", {"layer_loss": "predsim"}),
    ("forward_gradient", {"perturb": "activities", "scope": "local"}),
    ("forward_gradient", {"perturb": "weights", "scope": "local"}),
    ("forward_gradient", {"perturb": "activities", "scope": "global"}),
    ("forward_gradient", {"perturb": "weights", "scope": "global"}),
    ("forward_forward", {"goodness": "groups", "predict_with": "readout", "slope": 16.0}),
    ("forward_forward", {"goodness": "groups", "predict_with": "goodness", "slope": 16.0}),
    ("forward_forward", {"goodness": "symba", "predict_with": "readout", "slope": 16.0}),
    ("forward_forward", {"goodness": "symba", "predict_with": "goodness", "slope": 16.0}),
    ("forward_forward", {"goodness": "threshold", "predict_with": "readout", "slope": 16.0}),
    ("forward_forward", {"goodness": "symba", "negatives": "columns", "slope": 16.0}),
    ("noprop", {"variant": "dt"}),
    ("noprop", {"variant": "ct"}),
    ("noprop", {"variant": "fm"}),
    ("noprop", {"variant": "dt", "learner": "backprop"}),
    ("noprop", {"variant": "dt", "learner": "ridge"}),
]
CURVE = (1, 2, 3, 5, 10, 15, 20, 30, 50, 100)  # epochs after which --curve prints the accuracy


def load(folder):
    """Training and test rows as float32 in [0, 1], and their labels."""
    with np.load(Path(folder) / "mnist.npz") as z:
        return [z[f"X_{part}"].astype(np.float32) / 255 for part in ("train", "test")], [z["y_train"], z["y_test"]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="../shared/data")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--trainers", default="", help="only these names, separated by commas")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--modes", default="", help="only rows whose label holds one of these words")
    parser.add_argument("--activation", default="relu")
    parser.add_argument("--curve", action="store_true", help="test accuracy along the way, of our trainers' first seed")
    parser.add_argument("--no-peer", action="store_true", help="leave scikit-learn's MLP out")
    options = parser.parse_args()
    (X, X_test), (y, y_test) = load(options.data)
    seeds = [int(seed) for seed in options.seeds.split(",")]
    only = options.trainers.split(",") if options.trainers else None

    models = []
    for name, parameters in ROWS:
        label = " ".join([name, *map(str, parameters.values())])
        chosen = not options.modes or any(word in label for word in options.modes.split(","))
        if chosen and (only is None or name in only):
            models.append((label, _ours(name, dict(parameters), options)))
    if not options.no_peer:
        models.append(("MLPClassifier", _peer(options)))
    print(f"784-256-256-10 {options.activation}, {options.epochs} epochs, batch 200, {SETTING}, seeds {seeds}")
    print(f"{'trainer':40s} {'test accuracy':>14s} {'± std':>7s} {'fit s':>7s}")
    for label, make in models:
        scores, seconds = [], []
        for seed in seeds:
            begin = time.process_time()
            model = make(seed).fit(X, y)
            seconds.append(time.process_time() - begin)
            scores.append(model.score(X_test, y_test))
            row = {"trainer": label, "epochs": options.epochs, "activation": options.activation, "seed": seed}
            row |= {"score": round(scores[-1], 4), "seconds": round(seconds[-1], 1)}
            results.add("mnist", row, ("trainer", "epochs", "activation", "seed"))
        print(f"{label:40s} {np.mean(scores):14.4f} {np.std(scores):7.4f} {np.mean(seconds):7.1f}", flush=True)
        if options.curve and label != "MLPClassifier":
            watched = make(seeds[0]).set_params(n_iter_no_change=options.epochs)
            curve = watched.fit(X, y, X_val=X_test, y_val=y_test).validation_scores_
            points = [f"{epoch}: {curve[epoch - 1]:.4f}" for epoch in CURVE if epoch <= options.epochs]
            print("    after epochs " + ", ".join(points), flush=True)


def _ours(name, parameters, options):
    layers = parameters.pop("layers", (256, 256))
    own = set(get_trainer(name).get_params())
    trainer = get_trainer(name, **{key: value for key, value in SETTING.items() if key in own}, **parameters)
    epochs = options.epochs if name != "forward_projection" else None
    return lambda seed: BPFreeClassifier(
        layers, options.activation, trainer=trainer, max_iter=epochs, batch_size=200, random_state=seed
    )


def _peer(options):
    return lambda seed: MLPClassifier(
        (256, 256), options.activation, max_iter=options.epochs, batch_size=200, tol=0, random_state=seed
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
