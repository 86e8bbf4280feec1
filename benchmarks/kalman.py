"""The Kalman family beside scikit-learn's MLP and its own random features: score, time, intervals, stream, MNIST.

    python benchmarks/kalman.py scores|intervals|stream|mnist [--data ../shared/data] [--sets digits,mpg] [--seeds 0,1]

The data folder holds loader.py with `split(name, seed)`, `standard(X)` and `load_mnist()`; without it only digits,
breast_cancer and diabetes, which are split 75/25, are run. Numbers are standardised, categories one-hot, and so is a
regression's target for the MLP; all nets have 100 hidden units unless they say otherwise. "control" is `enkf` whose
hidden units stay as they were drawn: random features and the same readout. Seconds are CPU time of a fit in one
process; set OPENBLAS_NUM_THREADS=1.
"""

import argparse
import sys
import time
import warnings

import numpy as np
from bpfree_kalman.candidates import STEPS, accept
from scipy import special
from sklearn import datasets
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import SGDRegressor
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, get_trainer
from sklearn_bpfree.plugin import Budget, advance
from sklearn_bpfree.plugin.registry import get_trainer_class

BUNDLED = {
    "digits": datasets.load_digits,
    "breast_cancer": datasets.load_breast_cancer,
    "diabetes": datasets.load_diabetes,
}
REGRESSION = ("mpg", "diabetes", "concrete", "abalone", "diamonds")
OPEN = "penguins,pima,titanic,vehicle,spam,telco_churn,bank_churn,har_wle,mpg,concrete,abalone,diamonds"
SMALL = ("mpg", "diabetes", "concrete")  # small enough for a Gaussian process


class Control(get_trainer_class("enkf")):
    """`enkf` that never leaves its random hidden units; its steps look for a better ridge."""

    def budget(self, n_samples, n_features):
        return Budget(max_iter=6)

    def step(self, state, problem, rng):
        state = advance(state, best_losses=None, train_loss=np.inf)
        return accept(state, problem, self._candidate(state, problem, state.centre, STEPS))


def split(name, seed, loader):
    """Standardised training and test rows, and their targets."""
    if name in BUNDLED:
        X, y = BUNDLED[name](return_X_y=True)
        stratify = None if name in REGRESSION else y
        X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, random_state=seed, stratify=stratify)
        prepare = StandardScaler()
    else:
        X, X_test, y, y_test = loader.split(name, seed)
        prepare = loader.standard(X)
    return prepare.fit_transform(X).astype(float), prepare.transform(X_test).astype(float), y, y_test


def timed(fit, *args):
    begin = time.process_time()
    return fit(*args), time.process_time() - begin


def ours(name, seed, trainer="enkf", hidden=(100,)):
    return (BPFreeRegressor if name in REGRESSION else BPFreeClassifier)(hidden, trainer=trainer, random_state=seed)


def mlp(name, seed):
    if name not in REGRESSION:
        return MLPClassifier(random_state=seed)
    return TransformedTargetRegressor(MLPRegressor(random_state=seed), transformer=StandardScaler())


def scores(args, loader):
    """Score of each method less the MLP's, and its time as a share of the MLP's."""
    methods = {
        "control": lambda name, seed: ours(name, seed, Control()),
        "enkf": ours,
        "enkf 64": lambda name, seed: ours(name, seed, hidden=(64,)),
        "enkf 64-32": lambda name, seed: ours(name, seed, hidden=(64, 32)),
    }
    print(f"{'':14} {'MLP':>16}" + "".join(f"{method:>18}" for method in methods))
    gains = {method: [] for method in methods}
    shares = {method: [] for method in methods}
    for name in args.sets.split(","):
        rows = {method: [] for method in ["MLP", *methods]}
        for seed in args.seeds:
            X, X_test, y, y_test = split(name, seed, loader)
            for method, make in {"MLP": mlp, **methods}.items():
                model, seconds = timed(make(name, seed).fit, X, y)
                rows[method].append((model.score(X_test, y_test), seconds))
        (reference, base), *_ = [np.mean(rows["MLP"], axis=0)]
        line = f"{name:14} {reference:8.4f} {base:6.2f}s"
        for method in methods:
            score, seconds = np.mean(rows[method], axis=0)
            gains[method] += [one[0] - other[0] for one, other in zip(rows[method], rows["MLP"], strict=True)]
            shares[method].append(seconds / base)
            line += f" {score - reference:+9.4f} {seconds / base:6.2f}x"
        print(line, flush=True)
    for label, reduce in (("mean", np.mean), ("median", np.median)):
        line = f"{label:14} {'':16}"
        for method in methods:
            line += f" {reduce(gains[method]):+9.4f} {reduce(shares[method]):6.2f}x"
        print(line)


def crps(y, mean, std):
    """Continuous ranked probability score of normal distributions, mean over the rows."""
    z = (y - mean) / std
    density = np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    return np.mean(std * (z * (2 * special.ndtr(z) - 1) + 2 * density - 1 / np.sqrt(np.pi)))


def bagged(make, X, y, X_test, seed):
    """Mean and spread of ten nets, with the out-of-bag error as the noise of an observation."""
    bag = BaggingRegressor(make, 10, oob_score=True, random_state=seed).fit(X, y)
    values = np.array([member.predict(X_test) for member in bag.estimators_])
    left_out = bag.oob_prediction_ != 0  # a row in a hundred is in all ten bags
    noise = np.mean((bag.oob_prediction_ - y)[left_out] ** 2)
    return values.mean(axis=0), np.sqrt(values.var(axis=0) + noise)


def several(X, y, X_test, seed):
    """Mean of four `enkf` fits, and their mean variance less the variance of their means, or a quarter of it.

    The squared error of a mean is the mean of the squared errors less the variance about the mean, row by row
    (Krogh and Vedelsby 1995); each one's variance says how large its squared error is.
    """
    bag = BaggingRegressor(BPFreeRegressor(trainer="enkf"), 4, bootstrap=False, random_state=seed).fit(X, y)
    means, stds = np.array([member.predict(X_test, return_std=True) for member in bag.estimators_]).swapaxes(0, 1)
    variance = np.square(stds).mean(axis=0)
    return means.mean(axis=0), np.sqrt(np.maximum(variance - means.var(axis=0), variance / 4))


def intervals(args, loader):
    """CRPS in units of the target's standard deviation, coverage of 90 % intervals, and seconds."""

    def single(trainer):
        def fit(X, y, X_test, seed):
            return BPFreeRegressor(trainer=trainer, random_state=seed).fit(X, y).predict(X_test, return_std=True)

        return fit

    def process(X, y, X_test, seed):
        kernel = ConstantKernel() * RBF(1.0) + WhiteKernel()
        return GaussianProcessRegressor(kernel, normalize_y=True, random_state=0).fit(X, y).predict(X_test, True)

    methods = {
        "10 bagged MLPs": lambda *given: bagged(MLPRegressor(random_state=0), *given),
        "4 enkf": several,
        "one enkf": single("enkf"),
        "control": single(Control()),
        "Gaussian process": process,
    }
    print(
        "CRPS, coverage (all rows; thirds by std, ascending; outside of the training range), CPU seconds with predict"
    )
    for name in args.sets.split(","):
        if name not in REGRESSION:
            continue
        for method, fit in methods.items():
            if method == "Gaussian process" and name not in SMALL:
                continue
            rows = []
            for seed in args.seeds:
                X, X_test, y, y_test = split(name, seed, loader)
                centre, scale = y.mean(), y.std()
                y, y_test = (y - centre) / scale, (y_test - centre) / scale
                (mean, std), seconds = timed(fit, X, y, X_test, seed)
                inside = np.abs(y_test - mean) <= special.ndtri(0.95) * std
                thirds = [inside[part].mean() for part in np.array_split(np.argsort(std), 3)]
                beyond = ((X_test < X.min(axis=0)) | (X_test > X.max(axis=0))).any(axis=1)
                outside = inside[beyond].mean() if beyond.any() else np.nan
                rows.append([crps(y_test, mean, std), inside.mean(), *thirds, outside, seconds])
            found = np.nanmean(rows, axis=0)
            print(f"{name:10} {method:18} {found[0]:.4f}  " + " ".join(f"{x:.3f}" for x in found[1:6]), end="")
            print(f"  {found[6]:7.2f}", flush=True)


def stream(args, loader):
    """Prequential R2 of the first split's diamonds, by batches of 32, without drift and with a jump by 2 deviations."""
    X, _, y, _ = split("diamonds", 0, loader)
    y = (y - y.mean()) / y.std()
    half, window = len(y) // 2, 256
    for drift in (0.0, 2.0):
        target = y + drift * (np.arange(len(y)) >= half)
        models = {
            "MLPRegressor": MLPRegressor(random_state=0),
            "SGDRegressor": SGDRegressor(random_state=0),
            "online_kalman": BPFreeRegressor(trainer="online_kalman", random_state=0),
        }
        for name, model in models.items():
            found, seconds = timed(prequential, model, X, target)
            error = (target - found) ** 2
            score = 1 - error[32:].sum() / ((target[32:] - target[32:].mean()) ** 2).sum()
            line = f"drift {drift:.0f}  {name:14} R2 {score:.4f}  {seconds:5.1f} s"
            if drift:
                moving = np.convolve(np.minimum(error, 4), np.ones(window) / window, "valid")
                usual = 1.5 * moving[half - 2000 : half - window].mean()
                line += f"  as good as before after {np.argmax(moving[half:] <= usual)} rows"
            print(line, flush=True)


def prequential(model, X, y, size=32):
    """Predictions of every batch before the model has seen it; zero for the first."""
    found = np.zeros(len(y))
    for start in range(0, len(y), size):
        rows = slice(start, start + size)
        if start:
            found[rows] = model.predict(X[rows])
        model.partial_fit(X[rows], y[rows])
    return found


def mnist(args, loader):
    """784-128-10 on pixels / 255."""
    X, y, X_test, y_test = loader.load_mnist()
    X, X_test = (part.reshape(len(part), -1).astype(np.float32) / 255 for part in (X, X_test))
    trainers = {"control": Control(), "enkf": get_trainer("enkf"), "eki": get_trainer("eki")}
    for name, trainer in trainers.items():
        model, seconds = timed(BPFreeClassifier((128,), trainer=trainer, random_state=0).fit, X, y)
        print(f"MNIST {name:8} {model.score(X_test, y_test):.4f}  {seconds:6.1f} s  {model.n_iter_} steps", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["scores", "intervals", "stream", "mnist"])
    parser.add_argument("--data")
    parser.add_argument("--sets")
    parser.add_argument("--seeds", default=[0, 1, 2], type=lambda text: [int(part) for part in text.split(",")])
    args = parser.parse_args()
    loader = None
    if args.data:
        sys.path.insert(0, args.data)
        import loader  # type: ignore
    args.sets = args.sets or ",".join(BUNDLED) + ("," + OPEN if args.data else "")
    warnings.simplefilter("ignore")
    globals()[args.what](args, loader)


if __name__ == "__main__":
    main()
