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

from sklearn_bpfree.network import ACTIVATIONS, Network, product

MAX_PRECONDITIONED = 1024  # with more columns an input's scale is its own standard deviation, not the covariance's
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
        rng = np.random.Generator(np.random.Philox(key=self.key))
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
            np.add.at(kernels[i].T, self.unit[of_layer], (E * w[of_layer]).T)
            np.add.at(biases[i], self.unit[of_layer], e * w[of_layer])
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
        kernels, biases = self.network.unpack(self.centre)
        f = ACTIVATIONS[self.network.activation].apply
        pre, post = [], [X]
        for W, b in zip(kernels[:-1], biases[:-1], strict=True):
            pre.append(product(post[-1], W) + b)
            post.append(f(pre[-1].copy()))
        G = np.empty((X.shape[0], self.network.n_outputs, self.n_members), self.centre.dtype)
        for i in range(len(pre)):
            members = np.flatnonzero(self.layer == i)
            if len(members):
                self._differences(i, self.unit[members], pre, post, kernels, G[:, :, members[0] : members[-1] + 1])
        G /= self.centre.dtype.type(self.epsilon)
        return product(post[-1], kernels[-1]) + biases[-1], G

    def _differences(self, layer, unit, pre, post, kernels, out):
        """Differences of the outputs of the members that move a unit of this layer, into `out` (n, K, members)."""
        f = ACTIVATIONS[self.network.activation].apply
        moved = product(post[layer], self.kernels[layer])  # (n, members)
        moved += self.biases[layer]
        moved *= self.centre.dtype.type(self.epsilon)
        moved += pre[layer].take(unit, axis=1)  # in the order of the rows, which pre[:, unit] is not
        moved = f(moved)
        moved -= post[layer + 1].take(unit, axis=1)
        W = kernels[layer + 1][unit]  # (members, units above)
        if layer + 1 == len(pre):
            np.multiply(moved[:, None, :], W.T, out=out)
            return
        change = moved.T[:, :, None] * W[:, None, :]  # (members, n, units above)
        for above in range(layer + 1, len(pre)):
            change += pre[above]
            change = f(change)
            change -= post[above + 1]
            change = change @ kernels[above + 1]
        out[:] = change.transpose(1, 2, 0)


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
