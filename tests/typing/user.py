"""What a user writes, with types: `mypy --strict --follow-imports=silent` finds nothing here (tests/test_stability.py).

Where a line is wrong on purpose, mypy must say so: an ignored error that is none is an error.
"""

import numpy as np

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, get_trainer, list_trainers, search_space, tabular_pipeline
from sklearn_bpfree.inspection import HistoryDisplay, IntervalDisplay
from sklearn_bpfree.plugin import Budget, ErrorSignalTrainer, Pass, Problem, State, Trainer, advance, product
from sklearn_bpfree.tabular import ColumnReader, PiecewiseLinearEncoder, TabularPipeline, describe_columns
from sklearn_bpfree.testing import check_trainer

X, y = np.zeros((8, 2)), np.arange(8)

clf: BPFreeClassifier = BPFreeClassifier((16, 8), trainer="dfa", max_iter=5, random_state=0).fit(X, y)
labels: np.ndarray = clf.predict(X)
probabilities: np.ndarray = clf.predict_proba(X)
curve: list[float] = clf.loss_curve_
kernels: list[np.ndarray] = clf.set_params(trainer__learning_rate=0.01).fit(X, y, sample_weight=y).coefs_

reg = BPFreeRegressor(trainer=get_trainer("enkf"), loss="huber", early_stopping=True).fit(X, y, X_val=X, y_val=y)
mean, std = reg.predict(X, return_std=True)
low, high = reg.predict_quantiles(X, [0.05, 0.95]).T

pipeline: TabularPipeline = tabular_pipeline("classifier", random_state=0, n_jobs=2).fit(X, y)
kinds: list[str] = [column.kind for column in describe_columns(X)]
encoded = PiecewiseLinearEncoder(n_bins=8).fit(ColumnReader().fit_transform(X)).transform(X)
names: list[str] = [name for name in list_trainers() if search_space([name])]
HistoryDisplay.from_estimator(clf).plot(x="seconds")
IntervalDisplay(y_true=y, mean=y, std=y, name="enkf").plot(coverage=0.9)


class Walk(Trainer):
    """A plugin."""

    needs = "values"
    sigma: float = 0.1

    def budget(self, n_samples: int, n_features: int) -> Budget:
        return super().budget(n_samples, n_features)._replace(max_iter=10)

    def init(self, problem: Problem, rng: np.random.Generator) -> State:
        return State(problem.network.initial_weights(rng, problem.dtype))

    def step(self, state: State, problem: Problem, rng: np.random.Generator) -> State:
        weights = state.weights + self.sigma * rng.standard_normal(state.weights.size)
        return advance(state, weights=weights, loss=float(problem.loss(weights[None])[0]))


class Direct(ErrorSignalTrainer):
    """A signal."""

    def signal(self, layer: int, above: np.ndarray, run: Pass) -> np.ndarray:
        return product(above, run.kernels[layer + 1].T)


check_trainer(Walk(sigma=0.2), verbose=False)

BPFreeClassifier(max_iter="ten")  # type: ignore[arg-type]
BPFreeRegressor(learning_rate=0.1)  # type: ignore[call-arg]
Walk(sigma="large")  # type: ignore[arg-type]
clf.fit()  # type: ignore[call-arg]
