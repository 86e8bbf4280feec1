"""Peers with their own defaults: LightGBM, XGBoost, CatBoost, RealMLP and TabM, each on one thread.

    pip install lightgbm catboost xgboost pytabkit

`PEERS` has a function (whether the target is a class, seed) -> unfitted model for each name. They take a table as it
is: boosting has texts as its native categories and dates as four numbers; nets have missing numbers imputed by the
median.
"""

from importlib.util import find_spec

import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.metrics import accuracy_score, r2_score
from sklearn.pipeline import make_pipeline


class Boosting:
    """LightGBM or XGBoost with text columns as their own native categories, and dates as four numbers."""

    def __init__(self, model):
        self.model = model

    def fit(self, X, y):
        X = dates_as_numbers(X)
        self.levels = {c: X[c].astype("str").dropna().unique() for c in X if not _numeric(X[c])}
        self.model.fit(self._typed(X), y)
        return self

    def predict(self, X):
        return self.model.predict(self._typed(dates_as_numbers(X)))

    def score(self, X, y):
        """Accuracy or R2."""
        return (accuracy_score if hasattr(self.model, "predict_proba") else r2_score)(y, self.predict(X))

    def predict_proba(self, X):
        return self.model.predict_proba(self._typed(dates_as_numbers(X)))

    def _typed(self, X):
        X = X.assign(**{c: pd.Categorical(X[c].astype("str"), levels) for c, levels in self.levels.items()})
        return X.set_axis([f"x{j}" for j in range(X.shape[1])], axis=1)


class CatBoost(Boosting):
    """CatBoost's defaults with text columns as its native categories, and dates as four numbers."""

    def __init__(self, classes, seed):
        from catboost import CatBoostClassifier, CatBoostRegressor

        kind = CatBoostClassifier if classes else CatBoostRegressor
        super().__init__(kind(random_seed=seed, thread_count=1, verbose=False, allow_writing_files=False))

    def fit(self, X, y):
        X = dates_as_numbers(X)
        self.texts = [c for c in X if not _numeric(X[c])]
        self.model.fit(self._typed(X), y, cat_features=self.texts)
        return self

    def predict(self, X):
        return super().predict(X).reshape(-1)

    def _typed(self, X):
        return X.assign(**{c: X[c].astype("str").fillna("") for c in self.texts})


def dates_as_numbers(X):
    """Text columns of ISO dates as year, month, day and weekday: what a person gives boosting."""
    for c in X:
        if not _numeric(X[c]) and X[c].dropna().astype("str").str.match(r"\d{4}-\d\d-\d\d").all():
            day = pd.to_datetime(X[c], format="ISO8601", utc=True)
            parts = {"year": day.dt.year, "month": day.dt.month, "day": day.dt.day, "weekday": day.dt.weekday}
            X = X.drop(columns=c).assign(**{f"{c} {name}": part.astype(float) for name, part in parts.items()})
    return X


def _numeric(column):
    return getattr(column.dtype, "kind", "O") in "iufb"


def lightgbm(classes, seed):
    """LightGBM."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    return Boosting((LGBMClassifier if classes else LGBMRegressor)(random_state=seed, n_jobs=1, verbose=-1))


def xgboost(classes, seed):
    """XGBoost."""
    from xgboost import XGBClassifier, XGBRegressor

    return Boosting((XGBClassifier if classes else XGBRegressor)(random_state=seed, n_jobs=1, enable_categorical=True))


def realmlp(classes, seed):
    """RealMLP with its tuned defaults."""
    from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

    return _net(RealMLP_TD_Classifier if classes else RealMLP_TD_Regressor, seed)


def tabm(classes, seed):
    """TabM."""
    from pytabkit import TabM_D_Classifier, TabM_D_Regressor

    return _net(TabM_D_Classifier if classes else TabM_D_Regressor, seed)


def _net(kind, seed):
    median = SimpleImputer(strategy="median", keep_empty_features=True)
    numbers = make_column_selector(dtype_include="number")
    imputed = make_column_transformer((median, numbers), remainder="passthrough", verbose_feature_names_out=False)
    net = kind(random_state=seed, device="cpu", n_threads=1, verbosity=0)
    return make_pipeline(imputed.set_output(transform="pandas"), net)


PEERS = {"lightgbm": lightgbm, "xgboost": xgboost, "catboost": CatBoost, "realmlp": realmlp, "tabm": tabm}
PACKAGES = {"realmlp": "pytabkit", "tabm": "pytabkit"}


def installed():
    """Names of the peers that are installed."""
    return [name for name in PEERS if find_spec(PACKAGES.get(name, name))]
