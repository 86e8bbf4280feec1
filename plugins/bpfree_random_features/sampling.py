"""How hidden layers are drawn: blindly, or through pairs of rows (SWIM).

- "normal": z = scale (w (x - mean) / spread + b) with w and b standard normal and spread^2 the mean of |x - mean|^2, so
  that a unit's input varies as much as its threshold, whatever the units of x.
- "pairs": a unit rises from one row to another, x_i -> x_j, where the targets differ and the rows do not:
  w = k (x_j - x_i) / |x_j - x_i|^2, b = -w x_i - shift; pairs are drawn with probability proportional to
  |y_j - y_i| / |x_j - x_i|. A relu goes from 0 to scale between the two, any other activation's input from -scale to
  scale (Bolager et al. 2023, with candidates drawn at random).
"""

import numpy as np
from scipy import sparse

from sklearn_bpfree.network import ACTIVATIONS, product

CANDIDATES = 5  # pairs to choose from, per unit
NEAREST = 0.01  # rows nearer than this fraction of the mean distance count as that far apart


def draw_hidden(problem, rng, sampling, scale, rows=None):
    """Weights of the problem's network with all hidden layers drawn, on top of other `rows` than its own if given, and
    an output layer of zeros.
    """
    network = problem.network
    weights = np.zeros(network.n_weights, problem.dtype)
    kernels, biases = network.unpack(weights)
    H = problem.X if rows is None else rows
    for W, b in zip(kernels[:-1], biases[:-1], strict=True):
        W[:], b[:] = draw_layer(H, problem, rng, len(b), sampling, scale)
        H = ACTIVATIONS[network.activation].apply(product(H, W) + b)
    return weights


def draw_layer(H, problem, rng, units, sampling, scale):
    """Kernel and bias of one layer on top of H, float64."""
    draw = _normal if sampling == "normal" else _from_pairs
    return draw(H, problem, rng, units, scale)


def _normal(H, problem, rng, units, scale):
    """A layer that is drawn blindly."""
    weight = np.ones(H.shape[0]) if problem.sample_weight is None else problem.sample_weight.astype(np.float64)
    squares = H.multiply(H) if sparse.issparse(H) else np.square(H)
    mean, variance = weight @ H / weight.sum(), (weight @ squares).sum() / weight.sum()
    variance -= mean @ mean
    W = rng.normal(0, scale, (H.shape[1], units)) / np.sqrt(variance if variance > 0 else 1.0)
    return W, rng.normal(0, scale, units) - mean @ W


def _from_pairs(H, problem, rng, units, scale):
    """A layer whose units are drawn through pairs of rows."""
    weight = problem.sample_weight
    chance = None if weight is None else weight / weight.sum(dtype=np.float64)
    i, j = rng.choice(H.shape[0], (2, CANDIDATES * units), p=chance)
    start, end = dense(H[i], np.float64), dense(H[j], np.float64)
    step = end - start
    distance = np.linalg.norm(step, axis=1)
    distance = np.maximum(distance, NEAREST * distance.mean() + np.finfo(np.float64).tiny)
    chance = np.linalg.norm((problem.Y[j] - problem.Y[i]).astype(np.float64), axis=1) / distance
    chance = chance / chance.sum() if chance.any() else None
    chosen = rng.choice(len(distance), units, p=chance)
    relu = problem.network.activation == "relu"
    rise, shift = (scale, 0) if relu else (2 * scale, scale)
    W = rise * step[chosen] / np.square(distance[chosen])[:, None]
    return W.T, -(W * start[chosen]).sum(axis=1) - shift


def dense(rows, dtype=None):
    """Rows as an ndarray."""
    return np.asarray(rows.toarray() if sparse.issparse(rows) else rows, dtype)
