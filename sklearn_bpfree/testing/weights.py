"""Checks of sample weights: they count, whole numbers of them repeat rows, and none removes a row."""

from __future__ import annotations

import numpy as np

from sklearn_bpfree.testing.asking import ask, ask_same
from sklearn_bpfree.testing.setting import make_classifier, make_regressor, make_table


def check_sample_weights_count(trainer):
    """Of two copies of the rows with opposite labels the network learns the one that weighs more."""
    X, y = make_table("two classes")
    heavy = np.repeat([4.5, 0.5], len(y))  # not whole: they stay weights
    for weight, labels in [(heavy, y), (heavy[::-1], 1 - y)]:
        model = make_classifier(trainer, max_iter=None)
        model.fit(np.concatenate([X, X]), np.concatenate([y, 1 - y]), sample_weight=weight)
        accuracy = model.score(X, labels)
        ask(
            accuracy > 0.8,
            f"of two copies of the rows with opposite labels, of weight 4.5 and .5, the heavy labels were predicted "
            f"for {accuracy:.0%} of the rows only; mind batch.weight (problem.output_error and problem.loss do)",
        )


def check_integer_weights_repeat_rows(trainer):
    """A whole weight means that many copies of the row, to the last bit."""
    for make, kind in [(make_classifier, "three classes"), (make_regressor, "values")]:
        X, y = make_table(kind)
        weight = np.random.default_rng(0).integers(1, 4, len(y))
        weighted = make(trainer, batch_size=len(y) * 3).fit(X, y, sample_weight=weight)
        repeated = make(trainer, batch_size=len(y) * 3).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
        ask_same(weighted.state_, repeated.state_, "integer weights give other bits than repeated rows, in", "state")


def check_zero_weights_remove_rows(trainer):
    """Rows of weight zero might as well not be there."""
    for make, kind in [(make_classifier, "three classes"), (make_regressor, "values")]:
        X, y = make_table(kind)
        weight = np.arange(len(y)) % 3 / 4
        weighted = make(trainer).fit(X, y, sample_weight=weight)
        removed = make(trainer).fit(X[weight > 0], y[weight > 0], sample_weight=weight[weight > 0])
        ask_same(weighted.state_, removed.state_, "rows of weight zero leave a trace in", "state")
