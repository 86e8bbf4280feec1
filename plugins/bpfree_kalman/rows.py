"""Which rows `enkf` holds out, when their losses say that weights are worse, and how far off a row may count as."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
from scipy import sparse

from bpfree_kalman.readout import mean_and_error

_known: WeakKeyDictionary = WeakKeyDictionary()  # the held-out rows of each problem
MIN_HELD_OUT = 3
WORSE = 2.0  # standard errors by which the held-out loss must exceed the lowest one for weights not to be kept
MARGIN = 0.5  # of a feature's range in the fit, by which a row may lie beyond it and not count as nearer


def held_out(problem, key, fraction) -> np.ndarray:
    """Numbers of the held-out rows, ascending: a systematic sample of the rows ordered by their targets.

    They are remembered as long as the problem lives, because every step asks for them.
    """
    if fraction is None:
        fraction = 0.1 if problem.differentiable_loss.is_classification else 0.15
    known = _known.setdefault(problem, {})
    asked = (*map(int, key), fraction)
    if asked not in known:
        known[asked] = _sample(problem, key, fraction)
    return known[asked]


def _sample(problem, key, fraction):
    n = problem.n_samples
    n_held = int(fraction * n)
    if n_held < MIN_HELD_OUT:
        return np.empty(0, int)
    rng = np.random.Generator(np.random.Philox(key=key))
    code = problem.Y @ np.arange(1, problem.Y.shape[1] + 1)
    order = rng.permutation(n)
    order = order[np.argsort(code[order], kind="stable")]
    return np.sort(order[((np.arange(n_held) + rng.random()) * (n / n_held)).astype(int)])


def clearly_worse(losses, best, weight) -> bool:
    """Whether losses of the held-out rows exceed the best ones by more than chance."""
    if best is None or not len(best):
        return False
    mean, error = mean_and_error(losses - best, weight)
    return not mean <= WORSE * error


def limits(X) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest value (d,) that a feature is taken to have in a prediction; zero lies between them."""
    ends = X.min(axis=0), X.max(axis=0)
    low, high = (np.ravel(end.toarray() if sparse.issparse(end) else end) for end in ends)
    margin = X.dtype.type(MARGIN) * (high - low)
    return np.minimum(low - margin, 0), np.maximum(high + margin, 0)


def clipped(X, low, high):
    """The rows with every feature between its limits, lest a slip of the comma is extrapolated to."""
    if not sparse.issparse(X):
        return np.clip(X, low, high)
    X = X.copy()
    X.data = np.clip(X.data, low[X.indices], high[X.indices])
    return X
