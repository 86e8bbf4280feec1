"""Networks whose outputs rise or fall with some of their inputs, at every point and not on average.

Every unit has a direction: 1 if it rises with every constrained input (one that is to fall counts upside down), -1 if
it falls, 0 if it does not depend on any; the outputs' is 1. A weight w from a unit of direction s to one of direction t
is held to

    s t w >= 0    where both are not 0        w = 0    where t = 0 and s is not        any w    where s = 0

Since activations do not fall, a unit of direction t is, by induction over the layers, a sum of terms that go in the
direction t, and so does what the activation makes of it. With relu the units that rise bend upwards on their way to the
output and those that fall bend downwards, so that the network is neither convex nor concave. Biases are free, and so
are all weights from inputs without a constraint. The set of such weights is a box, and the nearest point in it is had
by one `clip` after each update. Read `limits` first.

Runje and Shankaranarayana (2023), "Constrained monotonic neural networks", ICML (units of both curvatures); Sartor,
Sinigaglia and Susto (2025), "Advancing constrained monotonic neural networks", ICML (alternating signs do the same).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sklearn_bpfree.nn.network import Network

HIDDEN = (1, 0, -1, 0)  # directions of the hidden units, in turn


def unit_directions(network: Network) -> list[np.ndarray]:
    """Direction of every unit of each layer, from the inputs up."""
    inputs = np.array(network.directions)
    turns = HIDDEN[:: 1 if 0 in inputs else 2]  # without a free input, units without a direction would be constants
    hidden = [np.resize(turns, size) for size in network.layer_sizes[1:-1]]
    return [inputs, *hidden, np.ones(network.n_outputs, int)]


def limits(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest weights (n_source, n_target) between units of two sets of directions."""
    sign = np.outer(source, target)
    held = np.broadcast_to(source[:, None] != 0, sign.shape)
    return np.where(held & (sign >= 0), 0, -np.inf), np.where(held & (sign <= 0), 0, np.inf)


def box(network: Network, further: Sequence[tuple[np.ndarray, np.ndarray] | None], like: Sequence[np.ndarray]):
    """Limits of all parameters as flat vectors: of the network's weights, then of further arrays.

    Parameters
    ----------
    network : Network
        One with `directions`.
    further : sequence of (source, target) or None
        Directions of the units that an array leads from and to; None: it is free.
    like : sequence of ndarray
        The further arrays.
    """
    units = unit_directions(network)
    parts = [limits(*pair) for pair in pairwise(units)]
    free = np.full(sum(network.layer_sizes[1:]), np.inf)
    parts.append((-free, free))
    for array, pair in zip(like, further, strict=True):
        free = np.full(array.shape, np.inf)
        parts.append((-free, free) if pair is None else limits(*pair))
    return tuple(np.concatenate([part[i].ravel() for part in parts]) for i in (0, 1))


def mirrored(B: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """An array between units of two sets of directions, what lies on the wrong side of zero brought to the other."""
    return np.where(np.outer(source, target) * B < 0, -B, B)
