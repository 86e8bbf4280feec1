"""Evolution beside scikit-learn's MLP: the same net of 64 hidden units, one default setting, accuracy or R2 and time.

    python benchmarks/evolution.py [--data ../shared/data] [--trainers open_es,snes] [--sets digits,pima] [--seeds 0,1]
    python benchmarks/evolution.py --data ../shared/data --mnist    (784-128-10 by open_es with noise of rank 1)

The data folder holds loader.py with `split(name, seed)` and `standard(X)`; digits, breast_cancer and diabetes come with
scikit-learn and are split 75/25. Numbers are standardised, and so is a regression's target for the MLP. Scores are
means over the seeds on the held-out quarter; times are CPU seconds of a fit.
"""

import argparse
import sys
import time
import warnings

import numpy as np
from sklearn import datasets
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, get_trainer

BUNDLED = {
    "digits": datasets.load_digits,
    "breast_cancer": datasets.load_breast_cancer,
    "diabetes": datasets.load_diabetes,
}
REGRESSION = ("diabetes", "concrete", "mpg", "abalone", "diamonds")


def split(name, seed, loader):
    """Training and test rows, and the preprocessing."""
    if name not in BUNDLED:
        parts = loader.split(name, seed)
        return parts, loader.standard(parts[0])
    X, y = BUNDLED[name](return_X_y=True)
    stratify = None if name in REGRESSION else y
    return train_test_split(X, y, test_size=0.25, random_state=seed, stratify=stratify), StandardScaler()


def make(trainer, regression, seed):
    """The MLP for the name "MLP", otherwise ours."""
    if trainer != "MLP":
        return (BPFreeRegressor if regression else BPFreeClassifier)((64,), trainer=trainer, random_state=seed)
    if regression:
        return TransformedTargetRegressor(
            MLPRegressor(hidden_layer_sizes=(64,), random_state=seed), transformer=StandardScaler()
        )
    return MLPClassifier((64,), random_state=seed)


def mnist(folder):
    """Test accuracy and CPU seconds of the README's setting."""
    with np.load(f"{folder}/mnist.npz") as z:
        X, X_test = (z[f"X_{part}"].astype(np.float32) / 255 for part in ("train", "test"))
        y, y_test = z["y_train"], z["y_test"]
    trainer = get_trainer("open_es", population_size=256, weight_decay=0.3)
    model = BPFreeClassifier((128,), trainer=trainer, max_iter=1500, batch_size=512, random_state=0)
    begin = time.process_time()
    model.fit(X, y)
    print(f"MNIST 784-128-10  {trainer}  {model.score(X_test, y_test):.4f}  {time.process_time() - begin:.0f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data")
    parser.add_argument("--trainers", default="open_es,node_perturbation,pgpe,snes")
    parser.add_argument("--sets", default="digits,breast_cancer,diabetes")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--mnist", action="store_true", help="only MNIST, whose mnist.npz is in the data folder")
    args = parser.parse_args()
    if args.mnist:
        mnist(args.data)
        return
    loader = None
    if args.data:
        sys.path.insert(0, args.data)
        import loader  # type: ignore
    warnings.simplefilter("ignore")
    for name in args.sets.split(","):
        for trainer in ["MLP", *args.trainers.split(",")]:
            scores, seconds = [], []
            for seed in map(int, args.seeds.split(",")):
                (X, X_test, y, y_test), prepare = split(name, seed, loader)
                model = make_pipeline(prepare, make(trainer, name in REGRESSION, seed))
                begin = time.process_time()
                model.fit(X, y)
                seconds.append(time.process_time() - begin)
                scores.append(model.score(X_test, y_test))
            print(f"{name:14} {trainer:11} {np.mean(scores):.4f}  {np.mean(seconds):6.2f} s", flush=True)


if __name__ == "__main__":
    main()
