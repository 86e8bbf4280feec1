"""Twelve tables, one default setting, three seeds: our default and the zoo beside scikit-learn's MLP and trees.

    python benchmarks/tabular.py --data ../shared/data [--trainers dfa,fa] [--seeds 0,1,2] [--sets mpg,pima] [--peers]

"default" is ``tabular_pipeline("classifier" | "regressor")``, a ladder of weight decays; "single net" is its setting
with one net, "backprop" and "single backprop" are both with back-propagation in the same recipe. Named trainers
are measured as they are registered, without a ladder. `--peers` adds RealMLP (``pip install pytabkit``), which takes
some thirty times as long as the MLP.

The data folder holds loader.py with `names()`, `load(name)`, `split(name, seed)` and `standard(X)`.

Scores are accuracy or R2 on the held-out quarter, means over the seeds. Columns of the summary:

- gm: geometric mean over the sets of (1 - score) / (1 - score of the default MLP*); below 1 is better;
- normalised: mean over the sets of (score - dummy) / (best of the set - dummy);
- log-loss: mean over the classification sets;
- time: CPU seconds of all fits (preprocessing included) / those of the MLP, and the geometric mean of the ratios;
- wins: sets on which the score is above that of HistGradientBoosting*.

The MLP gets the loader's standard preprocessing and a standardised target, RealMLP the table with missing numbers
imputed; all others go through `tabular_pipeline`.
"""

import argparse
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.compose import TransformedTargetRegressor, make_column_selector, make_column_transformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor
from sklearn_bpfree.tabular import tabular_pipeline

MLP, BOOSTING, FOREST = "MLP*", "HistGradientBoosting*", "RandomForest*"


def models(loader, trainers, peers):
    """Name -> function(task is regression, training rows, seed) -> unfitted pipeline."""

    def mlp(regression, X, seed):
        if regression:
            net = make_pipeline(loader.standard(X), MLPRegressor(random_state=seed))
            return TransformedTargetRegressor(net, transformer=StandardScaler())
        return make_pipeline(loader.standard(X), MLPClassifier(random_state=seed))

    def boosting(regression, X, seed):
        kind = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
        return tabular_pipeline(kind(random_state=seed))

    def forest(regression, X, seed):
        kind = RandomForestRegressor if regression else RandomForestClassifier
        return tabular_pipeline(kind(random_state=seed))

    def realmlp(regression, X, seed):
        from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

        median = SimpleImputer(strategy="median", keep_empty_features=True)
        numbers = make_column_selector(dtype_include="number")
        imputed = make_column_transformer((median, numbers), remainder="passthrough", verbose_feature_names_out=False)
        kind = RealMLP_TD_Regressor if regression else RealMLP_TD_Classifier
        net = kind(random_state=seed, device="cpu", n_threads=1, verbosity=0)
        return make_pipeline(imputed.set_output(transform="pandas"), net)

    def recipe(**params):
        def make(regression, X, seed):
            model = tabular_pipeline("regressor" if regression else "classifier", random_state=seed)
            where = "estimator__regressor__trainer" if regression else "estimator__trainer"
            return model.set_params(**{f"{where}__{name}": value for name, value in params.items()})

        return make

    def ours(name):
        def make(regression, X, seed):
            kind = BPFreeRegressor if regression else BPFreeClassifier
            return tabular_pipeline(kind(trainer=name, random_state=seed))

        return make

    recipes = {
        "default": recipe(),
        "single net": recipe(single=True),
        "backprop": recipe(trainer="backprop"),
        "single backprop": recipe(trainer="backprop", single=True),
    }
    named = {name: ours(name) for name in trainers}
    return {MLP: mlp, BOOSTING: boosting, FOREST: forest, **recipes, **named, **({"RealMLP": realmlp} if peers else {})}


def measure(loader, makers, sets, seeds):
    """Arrays of shape (models + dummy, sets, seeds): score, log-loss, fit seconds."""
    score = np.full((len(makers) + 1, len(sets), len(seeds)), np.nan)
    loss, seconds = np.full_like(score, np.nan), np.full_like(score, np.nan)
    for j, name in enumerate(sets):
        regression = loader.load(name)[2] == "regression"
        for k, seed in enumerate(seeds):
            X, X_test, y, y_test = loader.split(name, seed)
            dummy = DummyRegressor() if regression else DummyClassifier()
            score[-1, j, k] = dummy.fit(X, y).score(X_test, y_test)
            for i, make in enumerate(makers.values()):
                model = make(regression, X, seed)
                begin = time.process_time()
                model.fit(X, y)
                seconds[i, j, k] = time.process_time() - begin
                score[i, j, k] = model.score(X_test, y_test)
                if not regression:
                    loss[i, j, k] = log_loss(y_test, model.predict_proba(X_test))
        print(name, score[:-1, j].mean(1).round(4), file=sys.stderr, flush=True)
    return score.mean(2), loss.mean(2), seconds.sum(2)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="../shared/data")
    parser.add_argument("--trainers", default="", help="names separated by commas; default: none")
    parser.add_argument("--peers", action="store_true", help="RealMLP, too")
    parser.add_argument("--sets", default="")
    parser.add_argument("--seeds", default="0,1,2")
    options = parser.parse_args()
    sys.path.insert(0, str(Path(options.data)))
    import loader

    makers = models(loader, options.trainers.split(",") if options.trainers else [], options.peers)
    sets = options.sets.split(",") if options.sets else loader.names()
    seeds = [int(seed) for seed in options.seeds.split(",")]
    score, loss, seconds = measure(loader, makers, sets, seeds)

    width = max(map(len, [*makers, *sets])) + 1
    print(f"{'':{width}s}" + "".join(f"{name:>{max(10, len(name) + 2)}s}" for name in makers))
    for j, name in enumerate(sets):
        row = [f"{s:>{max(10, len(m) + 2)}.4f}" for m, s in zip(makers, score[:-1, j], strict=True)]
        print(f"{name:{width}s}" + "".join(row))
    normalised = (score[:-1] - score[-1]) / (score[:-1].max(0) - score[-1])
    ratio = (1 - score[:-1]) / (1 - score[0])
    times = seconds[:-1] / seconds[0]
    boosting = list(makers).index(BOOSTING)
    heads = f"{'mean':>8s}{'gm':>8s}{'normalised':>12s}{'log-loss':>10s}{'time sum':>10s}{'time gm':>9s}{'wins':>6s}"
    print(f"\n{'':{width}s}{heads}")
    for i, name in enumerate(makers):
        print(
            f"{name:{width}s}{score[i].mean():8.4f}{_gm(ratio[i]):8.3f}{normalised[i].mean():12.3f}"
            f"{np.nanmean(loss[i]) if np.isfinite(loss[i]).any() else np.nan:10.4f}"
            f"{seconds[i].sum() / seconds[0].sum():10.2f}{_gm(times[i]):9.2f}"
            f"{(score[i] > score[boosting]).sum():6d}"
        )


def _gm(ratios):
    return np.exp(np.log(ratios).mean())


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
