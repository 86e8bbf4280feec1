"""Persistent ensembles beside scikit-learn's MLP and the control: accuracy, calibration, the span, and MNIST.

    python benchmarks/kalman_ensembles.py small|span|mnist [--data ../shared/data] [--seeds 0,1]

- small: digits, breast_cancer, wine (accuracy) and diabetes, Friedman 1 (R2, coverage of the 90 % interval, CRPS),
  70/30 splits, hidden (32,) tanh for all, standardised columns; time is CPU seconds of the fit over those of the MLP;
  into benchmarks/results/kalman_ensembles.csv.
- span: digits, `eki` with each option alone: what leaves the span of the first members, and what does not.
- mnist: 784-128-10 relu, pixels / 255, test accuracy and seconds after some passes; the data folder holds mnist.npz.

The control is a random hidden layer of the same size with a closed-form readout, `rvfl`.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import results
from scipy.stats import norm
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine, make_friedman1
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, get_trainer

HIDDEN = (32,)
CLASSES = {"digits": load_digits, "breast_cancer": load_breast_cancer, "wine": load_wine}
VALUES = {
    "diabetes": lambda return_X_y: load_diabetes(return_X_y=return_X_y),
    "friedman1": lambda return_X_y: make_friedman1(1500, noise=1.0, random_state=0),
}
SPAN = [
    {},
    {"inflation": 0.05},
    {"momentum": True},
    {"tikhonov": 1e-4},
    {"update": "perturbed"},
    {"update": "explicit"},
    {"end_time": 1.0},
    {"update": "perturbed", "localization": 1.0},
    {"dropout": 0.8},
    {"additive_inflation": 0.1},
]


def split(loader, seed, regression):
    """Standardised training and test rows; real targets standardised by the training rows."""
    X, y = loader(return_X_y=True)
    stratify = None if regression else y
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, random_state=seed, stratify=stratify)
    scaler = StandardScaler().fit(X)
    if regression:
        y, y_test = (y - y.mean()) / y.std(), (y_test - y.mean()) / y.std()
    return scaler.transform(X), scaler.transform(X_test), y, y_test


def fit(model, X, y):
    begin = time.process_time()
    model.fit(X, y)
    return time.process_time() - begin


def crps(y, mean, std):
    """Continuous ranked probability score of normal predictions, mean over the rows."""
    z = (y - mean) / std
    return float((std * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))).mean())


def small(options):
    names = ["eki", "eks", "uki", "rvfl"]
    for label, loader in {**CLASSES, **VALUES}.items():
        regression = label in VALUES
        rows = {name: [] for name in ["MLP*", *names]}
        for seed in options.seeds:
            X, X_test, y, y_test = split(loader, seed, regression)
            kind = MLPRegressor if regression else MLPClassifier
            peer = kind(hidden_layer_sizes=HIDDEN, activation="tanh", random_state=seed)
            base = fit(peer, X, y)
            rows["MLP*"].append([peer.score(X_test, y_test), np.nan, np.nan, np.nan, 1.0])
            for name in names:
                kind = BPFreeRegressor if regression else BPFreeClassifier
                model = kind(HIDDEN, "tanh", trainer=name, random_state=seed)
                seconds = fit(model, X, y)
                row = [model.score(X_test, y_test), np.nan, np.nan, np.nan, seconds / base]
                if hasattr(model, "predict_quantiles"):
                    mean, std = model.predict(X_test, return_std=True)
                    raw = model.network_.outputs(model.state_.members, X_test.astype(np.float32))[:, :, 0].std(axis=0)
                    inside = np.abs(y_test - mean) < 1.645 * np.stack([std, raw * model.targets_.scale])
                    row[1:4] = *inside.mean(axis=1), crps(y_test, mean, std)
                rows[name].append(row)
        print(f"\n{label:14s}{'score':>9s}{'cover 90':>10s}{'raw':>7s}{'CRPS':>8s}{'time':>8s}")
        for name, values in rows.items():
            score, cover, raw, error, ratio = np.mean(values, axis=0)
            row = {"set": label, "trainer": name, "seeds": " ".join(map(str, options.seeds)), "score": f"{score:.4f}"}
            row |= {"cover 90": f"{cover:.3f}", "CRPS": f"{error:.3f}", "time": f"{ratio:.2f}"}
            results.add("kalman_ensembles", row, ("set", "trainer"))
            print(f"{name:14s}{score:9.4f}{cover:10.3f}{raw:7.3f}{error:8.3f}{ratio:8.2f}", flush=True)


def span(options):
    print("digits, 100 members, additive_inflation=0 where it is not named")
    for parameters in SPAN:
        scores, seconds = [], []
        for seed in options.seeds:
            X, X_test, y, y_test = split(load_digits, seed, False)
            trainer = get_trainer("eki", **{"additive_inflation": 0.0, **parameters})
            model = BPFreeClassifier(HIDDEN, "tanh", trainer=trainer, random_state=seed)
            seconds.append(fit(model, X, y))
            scores.append(model.score(X_test, y_test))
        print(f"{parameters!s:55s}{np.mean(scores):9.4f}{np.mean(seconds):8.1f} s", flush=True)


def mnist(options):
    with np.load(Path(options.data) / "mnist.npz") as z:
        X, X_test = (z[f"X_{part}"].astype(np.float32) / 255 for part in ("train", "test"))
        y, y_test = z["y_train"], z["y_test"]
    for parameters in ({}, {"dropout": 0.8, "additive_inflation": 0.0}):
        trainer = get_trainer("eki", **parameters)
        model = BPFreeClassifier((128,), trainer=trainer, max_iter=1, warm_start=True, batch_size=1000, random_state=0)
        total = 0.0
        for number in range(1, options.passes + 1):
            total += fit(model, X, y)
            print(f"{parameters} pass {number}: {model.score(X_test, y_test):.4f}, {total:.0f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["small", "span", "mnist"])
    parser.add_argument("--data", default="../shared/data")
    parser.add_argument("--seeds", default="0,1", type=lambda text: [int(seed) for seed in text.split(",")])
    parser.add_argument("--passes", type=int, default=3)
    options = parser.parse_args()
    {"small": small, "span": span, "mnist": mnist}[options.what](options)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
