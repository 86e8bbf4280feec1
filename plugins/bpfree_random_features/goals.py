"""What a block of `rfr_boost` is fitted to, given what is missing at the outputs, R, and the readout's kernel, W.

"gradient"  R                                       carried into the representation by C = W^T
"greedy"    R Q, penalties in proportion to 1 / S   carried by C = S^(-1/2) P^T, with W = P S^(1/2) Q^T
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import linalg

LEAST = 1e-6  # singular values of W below this fraction of the largest one count as that


class Goal(NamedTuple):
    """What a block is fitted to.

    Attributes
    ----------
    targets : ndarray of shape (n, K)
        Of the ridge whose kernel is B.
    factors : ndarray of shape (K,) or float
        On the penalty of each of them.
    C : ndarray of shape (K, d)
        Carries them into the representation.
    """

    targets: np.ndarray
    factors: np.ndarray | float
    C: np.ndarray


def gradient_goal(R, W) -> Goal:
    """The loss's gradient by the representation, R W^T."""
    return Goal(R, 1.0, W.T)


def greedy_goal(R, W) -> Goal:
    """What is missing at the outputs, R, as the readout sees the block."""
    P, root, Qt = linalg.svd(W.astype(np.float64), full_matrices=False)
    root = np.maximum(root, LEAST * root.max() or 1.0)
    fill = R.shape[1] - len(root)  # outputs that fewer columns cannot move
    return Goal(
        np.pad(R @ Qt.T, ((0, 0), (0, fill))),
        np.pad(np.square(root.max() / root), (0, fill), constant_values=1),
        np.pad(P.T / root[:, None], ((0, fill), (0, 0))),
    )


GOALS = {"gradient": gradient_goal, "greedy": greedy_goal}
