"""How hidden layers are drawn: blindly, from all columns or from few, or through pairs of rows (SWIM).

- "normal": z = scale (w (x - mean) / spread + b) with w and b standard normal and spread^2 the mean of |x - mean|^2, so
  that a unit's input varies as much as its threshold, whatever the units of x.
- "sparse": the same with w zero but for a few columns, each of which counts by its own spread.
- "mixed": half of the units "sparse", half "normal".
- "pairs": a unit rises from one row to another, x_i -> x_j, where the targets differ and the rows do not:
  w = k (x_j - x_i) / |x_j - x_i|^2, b = -w x_i - shift; pairs are drawn with probability proportional to
  |y_j - y_i| / |x_j - x_i|. A relu goes from 0 to scale between the two, any other activation's input from -scale to
  scale (Bolager et al. 2023, with candidates drawn at random).
"""

from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from sklearn_bpfree.plugin import ACTIVATIONS, Mapped, blocks, dense, product

SAMPLINGS = ("normal", "sparse", "mixed", "pairs")
FEW = 5  # columns of a sparse unit
CANDIDATES = 5  # pairs to choose from, per unit
NEGLIGIBLE = 1e-6  # a variance below this fraction of the squared mean is rounding
NEAREST = 0.01  # rows nearer than this fraction of the mean distance count as that far apart


class Inputs:
    """Rows H (n, d) that a layer is drawn on top of, with the problem's targets and weights.

    What is drawn on top of the same rows several times asks for their moments once.
    """

    def __init__(self, H, problem):
        self.H, self.problem = H, problem

    @cached_property
    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of each column, float64."""
        n, weight = self.H.shape[0], self.problem.sample_weight
        weight = np.ones(n) if weight is None else weight.astype(np.float64)
        mean = squares = np.zeros(self.H.shape[1])
        for block in blocks(*self.H.shape):
            H: Any = self.H[block]
            H = H.astype(np.float64) if sparse.issparse(H) else np.array(dense(H), np.float64)
            mean = mean + weight[block] @ H
            squares = squares + weight[block] @ (H.multiply(H) if sparse.issparse(H) else np.square(H, out=H))
        mean = mean / weight.sum()
        return mean, np.maximum(squares / weight.sum() - mean * mean, 0)


def draw_hidden(inputs, rng, sampling, scale, copies=1) -> list[np.ndarray]:
    """Weights of some copies of the problem's network with all hidden layers drawn and an output layer of zeros."""
    problem, draws = inputs.problem, []
    for _ in range(copies):
        weights = np.zeros(problem.network.n_weights, problem.dtype)
        below = inputs
        for W, b in list(zip(*problem.network.unpack(weights), strict=True))[:-1]:
            W[:], b[:] = draw_layer(below, rng, len(b), sampling, scale)
            below = Inputs(layer(below.H, W, b, problem.network), problem)
        draws.append(weights)
    return draws


def layer(H, W, b, network) -> Mapped:
    """A hidden layer f(H W + b) on top of some features."""

    def function(rows):
        Z = product(rows, W)
        Z += b
        return ACTIVATIONS[network.activation].apply(Z)

    return Mapped(H, function, len(b))


def draw_layer(inputs, rng, units, sampling, scale):
    """Kernel and bias of one layer on top of some inputs, float64."""
    if sampling == "mixed":
        few = draw_layer(inputs, rng, units // 2, "sparse", scale)
        rest = draw_layer(inputs, rng, units - units // 2, "normal", scale)
        return tuple(np.concatenate(parts, axis=-1) for parts in zip(few, rest, strict=True))
    return {"normal": _normal, "sparse": _sparse, "pairs": _from_pairs}[sampling](inputs, rng, units, scale)


def _normal(inputs, rng, units, scale):
    """A layer that is drawn blindly."""
    mean, variance = inputs.moments
    total = variance.sum()
    W = rng.normal(0, scale, (len(mean), units)) / np.sqrt(total if total > 0 else 1.0)
    return W, rng.normal(0, scale, units) - mean @ W


def _sparse(inputs, rng, units, scale):
    """A layer of which each unit sees a few columns."""
    mean, variance = inputs.moments
    spread = np.sqrt(np.where(variance > NEGLIGIBLE * mean * mean, variance, np.inf))
    d = len(mean)
    few = min(FEW, d)
    columns = np.argsort(rng.random((units, d)), axis=1)[:, :few].T
    W = np.zeros((d, units))
    np.put_along_axis(W, columns, rng.normal(0, scale / np.sqrt(few), columns.shape) / spread[columns], axis=0)
    return W, rng.normal(0, scale, units) - mean @ W


def _from_pairs(inputs, rng, units, scale):
    """A layer whose units are drawn through pairs of rows."""
    H, problem = inputs.H, inputs.problem
    weight = problem.sample_weight
    chance = None if weight is None else weight / weight.sum(dtype=np.float64)
    i, j = rng.choice(H.shape[0], (2, CANDIDATES * units), p=chance)
    steps = (dense(H[j[some]], np.float64) - dense(H[i[some]]) for some in blocks(len(i), H.shape[1]))
    distance = np.concatenate([np.linalg.norm(step, axis=1) for step in steps])
    distance = np.maximum(distance, NEAREST * (distance.mean() or 1.0))
    chance = np.linalg.norm((problem.Y[j] - problem.Y[i]).astype(np.float64), axis=1) / distance
    chance = chance / chance.sum() if chance.any() else None
    chosen = rng.choice(len(distance), units, p=chance)
    relu = problem.network.activation == "relu"
    rise, shift = (scale, 0) if relu else (2 * scale, scale)
    start, end = dense(H[i[chosen]], np.float64), dense(H[j[chosen]], np.float64)
    W = rise * (end - start) / np.square(distance[chosen])[:, None]
    return W.T, -(W * start).sum(axis=1) - shift
