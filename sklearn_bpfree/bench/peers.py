"""The models that trainers are compared with, each given what ours are given as well.

scikit-learn's own are always there; LightGBM, XGBoost and CatBoost join where they are installed. The network gets a
standardised target, as ours do, and boosting gets categories as categories. Read `PEERS` first.
"""

import inspect
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.preprocessing import LabelEncoder, StandardScaler

from sklearn_bpfree.bench.reading import BenchError, first_line


class Peer(NamedTuple):
    """Where the two estimators are; `options` keep a library silent, on one core, and from refusing categories."""

    module: str
    classifier: str
    regressor: str
    options: dict[str, Any]

    @property
    def package(self) -> str:
        return self.module.partition(".")[0]

    @property
    def is_installed(self) -> bool:
        return find_spec(self.package) is not None

    @property
    def fault(self) -> str:
        """Why the module cannot be imported though it is installed; "" if it can."""
        try:
            import_module(self.module)
        except Exception as error:  # a foreign library may fail in any way, for want of pandas or of a shared library
            return f"{type(error).__name__}: {first_line(error)}"
        return ""


PEERS = {
    "dummy": Peer("sklearn.dummy", "DummyClassifier", "DummyRegressor", {}),
    "linear": Peer("sklearn.linear_model", "LogisticRegression", "Ridge", {}),
    "boosting": Peer("sklearn.ensemble", "HistGradientBoostingClassifier", "HistGradientBoostingRegressor", {}),
    "mlp": Peer("sklearn.neural_network", "MLPClassifier", "MLPRegressor", {}),
    "lightgbm": Peer("lightgbm", "LGBMClassifier", "LGBMRegressor", {"verbose": -1, "n_jobs": 1}),
    "xgboost": Peer("xgboost", "XGBClassifier", "XGBRegressor", {"enable_categorical": True, "n_jobs": 1}),
    "catboost": Peer(
        "catboost",
        "CatBoostClassifier",
        "CatBoostRegressor",
        {"verbose": 0, "allow_writing_files": False, "thread_count": 1},
    ),
}


def choose_peers(names: list[str] | None = None) -> list[str]:
    """The peers to compare with, in the order of `PEERS`.

    Parameters
    ----------
    names : list of str, default=None
        None: all that are installed and can be imported.

    Returns
    -------
    list of str

    Raises
    ------
    BenchError
        If there is no such peer, it is not installed, or it cannot be imported.
    """
    if names is None:
        return [name for name, peer in PEERS.items() if peer.is_installed and not peer.fault]
    for name in names:
        if name not in PEERS:
            raise BenchError(f"There is no peer {name!r}; the peers are {', '.join(PEERS)}.")
        if not PEERS[name].is_installed:
            raise BenchError(f"The peer {name!r} is not installed; run pip install {PEERS[name].package}.")
        if fault := PEERS[name].fault:
            raise BenchError(f"The peer {name!r} cannot be imported ({fault}); reinstall {PEERS[name].package}.")
    return [name for name in PEERS if name in names]


def make_peer(name: str, task: str) -> tuple[str, BaseEstimator]:
    """A peer's name in the leaderboard, and the estimator.

    Parameters
    ----------
    name : str
        One of `PEERS`.
    task : {"classifier", "regressor"}

    Returns
    -------
    name : str
    estimator : estimator instance
    """
    peer = PEERS[name]
    title = peer.classifier if task == "classifier" else peer.regressor
    estimator = getattr(import_module(peer.module), title)(**peer.options)
    if peer.package != "sklearn":
        estimator = (BoostingClassifier if task == "classifier" else BoostingRegressor)(estimator)
    elif title == "MLPRegressor":
        estimator = TransformedTargetRegressor(estimator, transformer=StandardScaler())
    return title, estimator


class _Boosting(BaseEstimator):
    """A foreign boosting library behind the interface of HistGradientBoosting*.

    The libraries take a column of pandas' dtype "category" for a category, each in a way of its own; some refuse labels
    that are not 0, 1, ..., or odd names of columns.

    Parameters
    ----------
    model : estimator instance
    categorical_features : {"from_dtype"}, default="from_dtype"
        As in HistGradientBoosting*; so :func:`~sklearn_bpfree.tabular.tabular_pipeline` marks categories.
    random_state : int or None, default=None
        The model's seed.
    """

    def __init__(self, model=None, categorical_features="from_dtype", random_state=None):
        self.model = model
        self.categorical_features = categorical_features
        self.random_state = random_state

    def fit(self, X, y):
        self.model_ = clone(self.model).set_params(random_state=self.random_state)
        X, categories = self._columns(X)
        self.model_.fit(X, y, **({"cat_features": categories} if categories and self._must_be_told() else {}))
        return self

    def _must_be_told(self):
        """Whether the library, as CatBoost, wants categories as text and the names of their columns."""
        return "cat_features" in inspect.signature(self.model_.fit).parameters

    def _columns(self, X):
        """The columns under plain names, and the names of those of categories."""
        if not hasattr(X, "columns"):
            return X, []
        X = X.set_axis([f"x{j}" for j in range(X.shape[1])], axis=1)
        categories = [name for name, dtype in X.dtypes.items() if dtype == "category"]
        for name in categories:
            levels = X[name].cat.rename_categories(str)
            X[name] = levels.astype(object).map(str) if self._must_be_told() else levels
        return X, categories

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


class BoostingClassifier(ClassifierMixin, _Boosting):
    __doc__ = _Boosting.__doc__

    def fit(self, X, y):
        self._labels = LabelEncoder().fit(y)
        self.classes_ = self._labels.classes_
        return super().fit(X, self._labels.transform(y))

    def predict_proba(self, X):
        """Probabilities of the classes (n_samples, n_classes)."""
        return self.model_.predict_proba(self._columns(X)[0])

    def predict(self, X):
        """The most probable class of each row."""
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]


class BoostingRegressor(RegressorMixin, _Boosting):
    __doc__ = _Boosting.__doc__

    def predict(self, X):
        """A value for each row."""
        return self.model_.predict(self._columns(X)[0])
