"""Which rows `enkf` holds out, and when their losses say that weights are worse."""

from __future__ import annotations

import numpy as np

from bpfree_kalman.readout import mean_and_error
from sklearn_bpfree.plugin import keyed

MIN_HELD_OUT = 3
WORSE = 2.0  # standard errors by which the held-out loss must exceed the lowest one for weights not to be kept


def held_out(problem, key, fraction) -> np.ndarray:
    """Numbers of the held-out rows, ascending: a systematic sample of the rows ordered by their targets.

    Parameters
    ----------
    problem : Problem
    key : tuple of two int
        The sample depends on these 128 bits, the targets and the fraction only.
    fraction : float or None
        None: 0.1 for classes, 0.15 for values.
    """
    if fraction is None:
        fraction = 0.1 if problem.differentiable_loss.is_classification else 0.15
    n = problem.n_samples
    n_held = int(fraction * n)
    if n_held < MIN_HELD_OUT:
        return np.empty(0, int)
    rng = keyed(key)
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
