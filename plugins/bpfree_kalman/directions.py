"""Ensembles of directions each of which moves the incoming weights of a single hidden unit.

A member ``theta + epsilon E_j`` differs from the centre in one unit of one layer, so that its outputs cost a column of
that layer and the layers above it, not a pass through the whole network; with one hidden layer a hundred such members
cost as much as a dense one. Directions come from a counter-based generator of a key: a task that is sent the key, the
centre and some rows draws them itself. Read `UnitDirections.outputs` first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse
from sklearn.utils import gen_batches

from sklearn_bpfree.plugin import ACTIVATIONS, Network, keyed, product

MAX_PRECONDITIONED = 1024  # with more columns an input's scale is its own standard deviation, not the covariance's
CACHE_BYTES = 1 << 19  # of the members' units for the rows that are taken at a time, so that they stay in cache
UPPER_SCALE = 0.25  # of directions above the first layer; as large ones as below generalise worse
SPREAD_FLOOR = 1e-3  # eigenvalues of the inputs' covariance below this fraction of their mean count as that


@dataclass(eq=False)
class UnitDirections:
    """Directions E_1 ... E_P in weight space, a hidden unit each, as even as can be.

    Parameters
    ----------
    network : Network
        With at least one hidden layer.
    centre : ndarray of shape (n_weights,)
    key : tuple of two int
        What is drawn depends on these 128 bits, the shapes and `roots` only.
    n_members : int
        P.
    roots : sequence of ndarray of shape (d_0, d_0) or (d_0,)
        Square roots of the covariance of a unit's direction in the first layer, which takes them in turn; a vector
        stands for a diagonal matrix.
    epsilon : float, default=0.05
        Length of the step to a member.

    Attributes
    ----------
    layer, unit : ndarray of int of shape (P,)
        Which unit a direction moves.
    kernels : list of ndarray of shape (d_l, members of layer l)
        The directions' kernels, layer by layer.
    biases : list of ndarray of shape (members of layer l,)
    """

    network: Network
    centre: np.ndarray
    key: tuple[int, int]
    n_members: int
    roots: Sequence[np.ndarray]
    epsilon: float = 0.05
    layer: np.ndarray = field(init=False, repr=False)
    unit: np.ndarray = field(init=False, repr=False)
    kernels: list[np.ndarray] = field(init=False, repr=False)
    biases: list[np.ndarray] = field(init=False, repr=False)

    def __post_init__(self):
        self._draw()

    def __getstate__(self):
        drawn = ("layer", "unit", "kernels", "biases")
        return {name: value for name, value in self.__dict__.items() if name not in drawn}  # they do not travel

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._draw()

    def _draw(self):
        rng = keyed(self.key)
        sizes = self.network.layer_sizes[1:-1]
        layer = np.repeat(np.arange(len(sizes)), sizes)
        unit = np.concatenate([np.arange(size) for size in sizes])
        rounds = -(-self.n_members // len(unit))
        order = np.concatenate([rng.permutation(len(unit)) for _ in range(rounds)])[: self.n_members]
        order = order[np.argsort(layer[order], kind="stable")]  # the members of a layer side by side
        self.layer, self.unit = layer[order], unit[order]
        dtype = self.centre.dtype
        self.kernels, self.biases = [], []
        for i, fan_in in enumerate(self.network.layer_sizes[:-2]):
            n = int((self.layer == i).sum())
            draws = rng.standard_normal((fan_in, n), dtype=dtype)
            bias = rng.standard_normal(n, dtype=dtype) / dtype.type(np.sqrt(fan_in))
            if i == 0:
                for turn, root in enumerate(self.roots):
                    draws[:, turn :: len(self.roots)] = spread(root, draws[:, turn :: len(self.roots)])
            else:
                draws *= dtype.type(UPPER_SCALE / np.sqrt(fan_in))
                bias *= dtype.type(UPPER_SCALE)
            self.kernels.append(draws)
            self.biases.append(bias)

    def combine(self, w) -> np.ndarray:
        """The sum of ``w_j E_j`` (n_weights,)."""
        total = np.zeros_like(self.centre)
        kernels, biases = self.network.unpack(total)
        w = w.astype(total.dtype)
        for i, (E, e) in enumerate(zip(self.kernels, self.biases, strict=True)):
            of_layer = self.layer == i
            share = np.zeros((len(e), len(biases[i])), total.dtype)  # of member j in unit u
            share[np.arange(len(e)), self.unit[of_layer]] = w[of_layer]
            kernels[i][:] = E @ share
            biases[i][:] = e @ share
        return total

    def outputs(self, X) -> tuple[np.ndarray, np.ndarray]:
        """Raw outputs of the centre and one-sided differences of the members' outputs from them.

        Parameters
        ----------
        X : ndarray or sparse array of shape (n, n_features)

        Returns
        -------
        Z : ndarray of shape (n, K)
        G : ndarray of shape (n, K, P)
            ``G[:, :, j] = (f(theta + epsilon E_j) - f(theta)) / epsilon``.
        """
        n, dtype = X.shape[0], self.centre.dtype
        G = np.empty((n, self.network.n_outputs, self.n_members), dtype)
        Z = np.empty((n, self.network.n_outputs), dtype)
        moved = [self._moved(i) for i in range(len(self.kernels))]
        for rows in gen_batches(n, max(CACHE_BYTES // (self.n_members * dtype.itemsize), 16)):
            self._fill(X[rows], moved, Z[rows], G[rows])
        return Z, G

    def _moved(self, layer):
        """The members of a layer: who they are, their unit, its weights and bias there, and its weights above."""
        members = np.flatnonzero(self.layer == layer)
        unit, epsilon = self.unit[members], self.centre.dtype.type(self.epsilon)
        kernels, biases = self.network.unpack(self.centre)
        W = kernels[layer].take(unit, axis=1) + epsilon * self.kernels[layer]
        b = biases[layer].take(unit) + epsilon * self.biases[layer]
        return slice(members[0], members[-1] + 1) if len(members) else None, unit, W, b, kernels[layer + 1][unit]

    def _fill(self, X, moved, Z, G):
        """Outputs Z and differences G for rows that are so few that all stays in the processor's cache."""
        kernels, biases = self.network.unpack(self.centre)
        f = ACTIVATIONS[self.network.activation].apply
        pre, post = [], [X]
        for W, b in zip(kernels[:-1], biases[:-1], strict=True):
            pre.append(product(post[-1], W) + b)
            post.append(f(pre[-1].copy()))
        np.add(product(post[-1], kernels[-1]), biases[-1], out=Z)
        epsilon = self.centre.dtype.type(self.epsilon)
        for layer, (members, unit, W, b, above) in enumerate(moved):
            if members is None:
                continue
            change = product(post[layer], W)  # (n, members)
            change += b
            change = f(change)
            change -= post[layer + 1].take(unit, axis=1)  # in the order of the rows, which post[:, unit] is not
            if layer + 2 == len(kernels):
                np.multiply(change[:, None, :], above.T / epsilon, out=G[:, :, members])
            else:
                np.divide(self._through(change, above, layer + 1, pre, post, kernels), epsilon, out=G[:, :, members])

    def _through(self, change, above, layer, pre, post, kernels):
        """Differences of the outputs (n, K, members) from those of a unit below `layer` (n, members)."""
        f = ACTIVATIONS[self.network.activation].apply
        change = change.T[:, :, None] * above[:, None, :]  # (members, n, units above)
        for i in range(layer, len(pre)):
            change += pre[i]
            change = f(change)
            change -= post[i + 1]
            change = change @ kernels[i + 1]
        return change.transpose(1, 2, 0)


def input_root(X, weight, power) -> np.ndarray:
    """``C^-power`` for the covariance C of the rows about zero, scaled so that a unit's input has variance 1.

    Parameters
    ----------
    X : ndarray or sparse array of shape (n, d)
    weight : ndarray of shape (n,) or None
    power : float
        0: the same spread in every direction; 0.5: the same influence on a unit's input.

    Returns
    -------
    root : ndarray of shape (d, d), or (d,) for a diagonal matrix when there are many columns or `power` is 0
    """
    n, d = X.shape
    weight = np.ones(n, X.dtype) if weight is None else weight
    if d > MAX_PRECONDITIONED or power == 0:
        C = np.asarray(weight @ (X.multiply(X) if sparse.issparse(X) else X * X), np.float64) / n
        e = np.maximum(C, SPREAD_FLOOR * C.mean() + np.finfo(np.float32).tiny) ** -power
        return (e / np.sqrt((e * C * e).sum() or 1.0)).astype(X.dtype)
    C = X.T @ (sparse.diags_array(weight) @ X if sparse.issparse(X) else X * weight[:, None])
    C = np.asarray(C.toarray() if sparse.issparse(C) else C, np.float64) / n
    e, U = np.linalg.eigh(C)
    e = np.maximum(e, SPREAD_FLOOR * e.mean() + np.finfo(np.float32).tiny)
    root = (U * e**-power) @ U.T
    return (root / np.sqrt((root @ C * root).sum() or 1.0)).astype(X.dtype)


def spread(root, draws) -> np.ndarray:
    """Draws (d, n) with the covariance that `root` is the square root of."""
    return root[:, None] * draws if root.ndim == 1 else root @ draws
