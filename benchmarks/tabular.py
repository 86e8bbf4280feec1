"""Twelve tables, one default setting, three seeds: our default and the zoo beside scikit-learn's MLP and trees.

    python benchmarks/tabular.py --data FOLDER [--trainers dfa,fa] [--seeds 0,1,2] [--sets mpg,pima] [--peers]
    python benchmarks/tabular.py --data FOLDER --recipes backprop,predictive_coding --only  # and the MLP

"default" is ``tabular_pipeline("classifier" | "regressor")``, a ladder of weight decays; "single net" is its setting
with one net, "backprop" and "single backprop" are both with back-propagation in the same recipe, and `--recipes`
names further ones. Named trainers are measured as they are registered, without a ladder. `--peers` adds those
of LightGBM, XGBoost, CatBoost, RealMLP and TabM that are installed (peers.py); RealMLP takes some thirty times as long
as the MLP.

The data folder is that of `python benchmarks/data.py FOLDER`. Each fit is a row of benchmarks/results/tabular.csv, and
one that is there is not measured again.

Scores are accuracy or R2 on the held-out quarter, means over the seeds. Columns of the summary:

- gm: geometric mean over the sets of (1 - score) / (1 - score of the default MLP*); below 1 is better;
- normalised: mean over the sets of (score - dummy) / (best of the set - dummy);
- log-loss: mean over the classification sets;
- time: CPU seconds of all fits (preprocessing included) / those of the MLP, and the geometric mean of the ratios;
- wins: sets on which the score is above that of HistGradientBoosting* (with `--only`: of the MLP*).

The MLP gets the loader's standard preprocessing and a standardised target, peers the table as it
is; all others go through `tabular_pipeline`.
"""

import argparse
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import peers
import results
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor
from sklearn_bpfree.tabular import tabular_pipeline

KEY = ("set", "model", "seed")
MLP, BOOSTING, FOREST = "MLP*", "HistGradientBoosting*", "RandomForest*"


def models(loader, trainers, others, recipes=(), only=False):
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

    def peer(name):
        return lambda regression, X, seed: peers.PEERS[name](not regression, seed)

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

    in_recipe = {
        "default": recipe(),
        "single net": recipe(single=True),
        "backprop": recipe(trainer="backprop"),
        "single backprop": recipe(trainer="backprop", single=True),
    }
    more = {f"recipe {name}": recipe(trainer=name) for name in recipes}
    if only:
        return {MLP: mlp, **more, **{name: ours(name) for name in trainers}}
    in_recipe |= more | {name: ours(name) for name in trainers}
    return {MLP: mlp, BOOSTING: boosting, FOREST: forest, **in_recipe, **{name: peer(name) for name in others}}


def measure(loader, makers, sets, seeds):
    """Arrays of shape (models + dummy, sets, seeds): score, log-loss, fit seconds."""
    names = [*makers, "dummy"]
    measured = {tuple(row[field] for field in KEY): row for row in results.read("tabular")}
    found = np.full((3, len(names), len(sets), len(seeds)), np.nan)
    for j, name in enumerate(sets):
        regression = loader.load(name)[2] == "regression"
        for k, seed in enumerate(seeds):
            X, X_test, y, y_test = loader.split(name, seed)
            for i, label in enumerate(names):
                row = measured.get((name, label, str(seed)))
                if row is None:
                    make = makers.get(
                        label, lambda regression, *_: DummyRegressor() if regression else DummyClassifier()
                    )
                    model = make(regression, X, seed)
                    begin = time.process_time()
                    model.fit(X, y)
                    seconds = time.process_time() - begin
                    loss = "" if regression else f"{log_loss(y_test, model.predict_proba(X_test)):.5f}"
                    row = dict(zip(KEY, (name, label, seed), strict=True)) | {
                        "score": f"{model.score(X_test, y_test):.5f}"
                    }
                    row |= {"log-loss": loss, "seconds": f"{seconds:.3f}"}
                    results.add("tabular", row, KEY)
                found[:, i, j, k] = [float(row[field] or np.nan) for field in ("score", "log-loss", "seconds")]
        print(name, found[0, :-1, j].mean(1).round(4), file=sys.stderr, flush=True)
    return found[0].mean(2), found[1].mean(2), found[2].sum(2)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="../shared/data")
    parser.add_argument("--trainers", default="", help="names separated by commas; default: none")
    parser.add_argument("--recipes", default="", help="trainers in the place of the recipe's own, separated by commas")
    parser.add_argument("--only", action="store_true", help="only the MLP and what is named")
    parser.add_argument("--peers", action="store_true", help="those of peers.py that are installed, too")
    parser.add_argument("--sets", default="")
    parser.add_argument("--seeds", default="0,1,2")
    options = parser.parse_args()
    sys.path.insert(0, str(Path(options.data)))
    import loader

    trainers, recipes = (text.split(",") if text else [] for text in (options.trainers, options.recipes))
    makers = models(loader, trainers, peers.installed() if options.peers else [], recipes, options.only)
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
    boosting = list(makers).index(MLP if options.only else BOOSTING)
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
