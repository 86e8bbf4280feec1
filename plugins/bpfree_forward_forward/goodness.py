"""What a layer of `forward_forward` learns from: its own activities A (rows, units), their squares, and nothing else.

The signals are gradients by A of a mean over the rows, whose weights s (they sum to 1) are included.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import special


def mean_squares(A) -> np.ndarray:
    """Goodness of a whole layer: the mean of the squared activities of each row."""
    return np.einsum("ij,ij->i", A, A) / A.shape[1]


def pair_signal(A, s, slope, symmetric) -> np.ndarray:
    """Signal at n good rows and, below them, the n bad ones that belong to them.

    Parameters
    ----------
    A : ndarray of shape (2 n, d)
    s : ndarray of shape (n,)
    slope : float
    symmetric : bool
        SymBa's softplus(-slope (G+ - G-)); otherwise Hinton's softplus(-slope (G+ - 1)) + softplus(slope (G- - 1)).
    """
    good, bad = np.split(mean_squares(A), 2)
    if symmetric:
        raise_good = lower_bad = special.expit(-slope * (good - bad))
    else:
        raise_good, lower_bad = special.expit(-slope * (good - 1)), special.expit(slope * (bad - 1))
    by_goodness = slope * np.concatenate([-raise_good * s, lower_bad * s])
    return A * (by_goodness * (2 / A.shape[1])).astype(A.dtype)[:, None]


def pattern_of(A, kind, K, n_groups) -> np.ndarray:
    """`group_pattern` for activities A and K outputs of a kind (see `targets.kind_of`), `n_groups` for ordinal ones."""
    d, opposed = A.shape[1], kind in ("labels", "values")
    n_groups = 2 * K if opposed else K if kind == "classes" else K * min(n_groups, d // K)
    return group_pattern(d, n_groups, opposed, A.dtype.char)


@lru_cache(maxsize=64)
def group_pattern(n_units, n_groups, opposed, dtype) -> np.ndarray:
    """Fixed matrix M that takes squared activities to the goodness of groups of neighbouring units.

    Parameters
    ----------
    n_units, n_groups : int
    opposed : bool
        Whether groups come in pairs, on and off, of which the difference counts.
    dtype : str

    Returns
    -------
    M : ndarray of shape (n_units, n_groups) or (n_units, n_groups / 2)
    """
    group = np.arange(n_units) * n_groups // n_units
    M = (group[:, None] == np.arange(n_groups)) / np.bincount(group, minlength=n_groups)
    if opposed:
        M = M[:, ::2] - M[:, 1::2]
    M = M.astype(dtype)
    M.flags.writeable = False
    return M


def soft_steps(Y, centres, n_steps, spread) -> np.ndarray:
    """Soft target over ordered groups: a Gaussian around each value's place among the centres.

    Parameters
    ----------
    Y : ndarray of shape (n, K)
    centres : ndarray of shape (K, C)
        Ascending; C even steps of the ordinal scale.
    n_steps : int
        Groups, at most C.
    spread : float
        Standard deviation in groups.

    Returns
    -------
    T : ndarray of shape (n, K, n_steps)
        Sums to 1 over the groups.
    """
    C = centres.shape[1]
    place = np.stack([np.interp(y, c, np.arange(C)) for y, c in zip(Y.T, centres, strict=True)], axis=1)
    gaps = place[:, :, None] * ((n_steps - 1) / (C - 1)) - np.arange(n_steps)
    return special.softmax(-0.5 * np.square(gaps / spread), axis=-1).astype(Y.dtype)
