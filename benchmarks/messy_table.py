"""What a table loses when it is taken as people have it instead of parsed by hand.

A churn table made here has dates, amounts, per cent, identifiers, notes and holes. Its class depends on the values
behind them. Prints the AUC of the table as it is and parsed by hand (five folds), and then, for each spelling of a
date or an amount that is the only signal of a table, the score beside that of its plain form.

    python benchmarks/messy_table.py
"""

import warnings

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from sklearn_bpfree.tabular import describe_columns, tabular_pipeline

MARKS = ["", "?", "n.a.", "-", "k.A."]
DATES = [
    "%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d-%b-%Y", "%B %d, %Y", "%Y%m%d", "%Y-%m-%dT%H:%M:%SZ",
]  # fmt: skip
AMOUNTS = {
    "1,234.50": lambda v: f"{v:,.2f}",
    "$1,234.50": lambda v: f"${v:,.2f}",
    "1.234,50 EUR": lambda v: f"{v:,.2f} EUR".translate(str.maketrans(",.", ".,")),
    "1 234,50": lambda v: f"{v:,.2f}".translate(str.maketrans(",.", " ,")),
    "12.5 %": lambda v: f"{v:.2f} %",
    "12.5 kg": lambda v: f"{v:.2f} kg",
}


def churn(n=3000, seed=0):
    """The table as people have it, the same parsed by hand, and whether the customer left."""
    rng = np.random.default_rng(seed)
    since = pd.Series(pd.Timestamp("2015-01-01") + pd.to_timedelta(rng.integers(0, 8 * 365, n), unit="D"))
    last = pd.Series(pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 365 * 24 * 60, n), unit="min"))
    income, discount = rng.lognormal(10, 0.5, n).round(2), rng.beta(2, 5, n).round(3)
    weight, plan = rng.gamma(4, 5, n).round(1), rng.choice(["basic", "plus", "pro"], n, p=[0.5, 0.3, 0.2])
    years = (pd.Timestamp("2024-01-01") - since).dt.days / 365
    odds = (
        1.2 * (years < 2)
        - 0.8 * np.log(income / 22026)
        - 3 * discount
        + 0.8 * (last.dt.month > 9)
        + 0.4 * (weight > 25)
    )
    left = rng.random(n) < 1 / (1 + np.exp(-(odds - 0.2 + 0.6 * (plan == "basic"))))
    holes = rng.random((3, n)) < 0.08
    hole = rng.choice(MARKS, n)
    as_it_is = pd.DataFrame(
        {
            "customer": [f"C-{i:06d}" for i in rng.permutation(n)],
            "Unnamed: 0": np.arange(n),
            "since": since.dt.strftime("%d.%m.%Y"),
            "last contact": last.dt.strftime("%m/%d/%Y %I:%M %p"),
            "income": np.where(holes[0], hole, [AMOUNTS["1.234,50 EUR"](v) for v in income]),
            "discount": np.where(holes[1], hole, [f"{100 * v:.1f} %" for v in discount]),
            "weight": np.where(holes[2], hole, [f"{v} kg" for v in weight]),
            "plan": plan,
            "note": np.where(rng.random(n) < 0.4, None, [f"called on day {i} about the bill" for i in range(n)]),
        }
    )
    by_hand = pd.DataFrame(
        {
            "since": since,
            "last contact": last,
            "income": np.where(holes[0], np.nan, income),
            "discount": np.where(holes[1], np.nan, discount),
            "weight": np.where(holes[2], np.nan, weight),
            "plan": plan,
        }
    )
    return as_it_is, by_hand, left


def only_signals(n=600, seed=0):
    """Pairs of tables of one column, plain and spelt, with a class that the column decides."""
    rng = np.random.default_rng(seed)
    moments = pd.Series(pd.Timestamp("2018-01-01") + pd.to_timedelta(rng.integers(0, 1500, n), unit="D"))
    values = rng.lognormal(7, 1, n).round(2)
    for spelling in DATES:
        yield (
            spelling,
            pd.DataFrame({"c": moments}),
            pd.DataFrame({"c": moments.dt.strftime(spelling)}),
            moments > "2020",
        )
    for name, spelling in AMOUNTS.items():
        yield (
            name,
            pd.DataFrame({"c": values}),
            pd.DataFrame({"c": [*map(spelling, values)]}),
            values > np.median(values),
        )


def main():
    warnings.simplefilter("ignore")
    as_it_is, by_hand, left = churn()
    for column in describe_columns(as_it_is):
        print(f"{column.name:14} {column.kind:12} {column.note}")
    for model in ("classifier", LogisticRegression(max_iter=1000)):
        auc = [
            cross_val_score(tabular_pipeline(model, random_state=0), X, left, scoring="roc_auc").mean()
            for X in (as_it_is, by_hand)
        ]
        print(
            f"churn, {model if isinstance(model, str) else 'logistic'}: AUC {auc[0]:.4f} as it is, {auc[1]:.4f} by hand"
        )
    for spelling, plain, spelt, y in only_signals():
        scores = [
            cross_val_score(tabular_pipeline("classifier", random_state=0), X, y, cv=3).mean() for X in (plain, spelt)
        ]
        print(f"{spelling:22} {scores[1]:.4f}, plain {scores[0]:.4f}")


if __name__ == "__main__":
    main()
