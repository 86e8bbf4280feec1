"""Members of a population, ``centre + sign * scale * direction``, which exist only as a key until a block needs them.

The directions of a block come from a counter-based generator of (key, block), so any block can be made anywhere, in any
order, with the same bits; and what travels is the centre and the key. Activations are kept features first, (members,
units, rows), and the first layer of all members of a block is one product. Read `Members.outputs` first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate, pairwise

import numpy as np

from sklearn_bpfree.nn.activations import ACTIVATIONS
from sklearn_bpfree.nn.draws import random_signs, rewound
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.plugin.directions import Directions, LowRankDirections, from_rows

BLOCK_MEMBERS = 8  # a block's activations stay in cache, with some hundred rows
CHUNK_BYTES = 1 << 21  # rows are taken in chunks of equal size whose widest layer takes at most so much in a block
KEEP_BYTES = 1 << 26  # directions are kept for the update up to this size, and drawn again beyond it


@dataclass(eq=False)
class Members:
    """A population around a centre.

    Parameters
    ----------
    network : Network
    centre : ndarray of shape (n_weights,)
    scale : ndarray of shape (n_weights,)
        Standard deviation of each weight; with low-rank noise the same throughout a layer.
    key : tuple of two int
        Whatever is drawn depends on these 128 bits and on the number of the block.
    n_directions : int
    signs : tuple of float, default=(1.0, -1.0)
        Each direction is taken with each sign; the default gives antithetic pairs.
    noise : {"gaussian", "rademacher"} or int, default="gaussian"
        Distribution of the directions; an integer r means Gaussian factors of rank r.
    block_members : int, default=8
        Members in a block. What is drawn depends on it, so it must not depend on the number of workers.
    """

    network: Network
    centre: np.ndarray
    scale: np.ndarray
    key: tuple[int, int]
    n_directions: int
    signs: tuple[float, ...] = (1.0, -1.0)
    noise: str | int = "gaussian"
    block_members: int = BLOCK_MEMBERS
    _kept: dict = field(default_factory=dict, init=False, repr=False)
    _first: list = field(default_factory=list, init=False, repr=False)
    _rows: tuple = field(default=(None, []), init=False, repr=False)

    def __getstate__(self):
        """What travels: nothing that was drawn, and a scale that is the same throughout a layer as one number."""
        layers = list(zip(*self.network.unpack(self.scale), strict=True))
        plain = all((W == b[0]).all() and (b == b[0]).all() for W, b in layers)
        scale = [float(b[0]) for _, b in layers] if plain else self.scale
        return {**self.__dict__, "scale": scale, "_kept": {}, "_first": [], "_rows": (None, [])}

    def __setstate__(self, state):
        self.__dict__.update(state)
        if isinstance(self.scale, list):
            values, self.scale = self.scale, np.empty_like(self.centre)
            for value, W, b in zip(values, *self.network.unpack(self.scale), strict=True):
                W[:] = b[:] = value

    @property
    def n_members(self) -> int:
        """Size of the population."""
        return self.n_directions * len(self.signs)

    @property
    def block_directions(self) -> int:
        """Number of directions in a block."""
        return self.block_members // len(self.signs)

    @property
    def n_blocks(self) -> int:
        """Number of blocks, the last of which may be shorter."""
        return -(-self.n_directions // self.block_directions)

    def span(self, block: int) -> slice:
        """Which directions a block holds."""
        start = block * self.block_directions
        return slice(start, min(start + self.block_directions, self.n_directions))

    def directions(self, block: int) -> Directions | LowRankDirections:
        """Directions of a block, drawn or remembered."""
        drawn = self._kept.get(block)
        if drawn is None:
            span = self.span(block)
            drawn = self._draw(rewound(self.key, block), span.stop - span.start)
            if isinstance(self.noise, int) or self.n_directions * self.centre.nbytes <= KEEP_BYTES:
                self._kept[block] = drawn
        return drawn

    def weights(self, block: int) -> np.ndarray:
        """The members of a block, (signs * directions, n_weights): first those of the first sign, and so on."""
        return self._both_ways(self.centre, self.directions(block).dense() * self.scale).reshape(-1, len(self.centre))

    def member(self, sign: int, direction: int) -> np.ndarray:
        """One member, by its place in the array of losses."""
        block, at = divmod(direction, self.block_directions)
        span = self.span(block)
        return self.weights(block)[sign * (span.stop - span.start) + at].copy()

    def combine(self, c) -> np.ndarray:
        """The sum of ``c_i E_i`` over all directions, block by block in a fixed order."""
        c = c.astype(self.centre.dtype)
        return sum(
            (self.directions(block).combine(c[self.span(block)]) for block in range(self.n_blocks)),
            start=np.zeros_like(self.centre),
        )

    def combine_squares(self, c) -> np.ndarray:
        """The sum of ``c_i E_i^2`` over all directions."""
        c = c.astype(self.centre.dtype)
        return sum(
            (c[self.span(block)] @ np.square(self.directions(block).dense()) for block in range(self.n_blocks)),
            start=np.zeros_like(self.centre),
        )

    def outputs(self, block: int, X) -> np.ndarray:
        """Raw outputs of a block's members.

        Parameters
        ----------
        block : int
        X : ndarray or sparse array of shape (n, n_features)

        Returns
        -------
        Z : ndarray of shape (members, n, K)
            A view of an array (members, K, n).
        """
        n = X.shape[0]
        widest = max(self.network.layer_sizes[1:]) * self.block_members * self.centre.itemsize
        n_chunks = -(-n * widest // CHUNK_BYTES)
        if type(self).weights is Members.weights and self.network.weight_kind == "float":
            run = self._around_centre(block)
        else:  # somebody else's members, or quantised ones, which are no small steps from a centre
            run = partial(member_outputs, self.network, self.network.effective(self.weights(block)))
        if n_chunks <= 1:
            return run(X).transpose(0, 2, 1)
        if X is not self._rows[0]:
            self._rows = X, [X[n * i // n_chunks : n * (i + 1) // n_chunks] for i in range(n_chunks)]
        return np.concatenate([run(rows) for rows in self._rows[1]], axis=2).transpose(0, 2, 1)

    def _around_centre(self, block):
        """The function from rows to outputs of a block.

        The first layer is linear, ``(W + s E)^T x = W^T x + s E^T x``: one product for the centre does for all members
        of a generation, and one for a direction does for both of its signs.
        """
        directions = self.directions(block)
        n, D, head = len(directions.biases), self.network.n_weights, self.network.n_first
        steps = np.empty((n, D), self.centre.dtype)  # of the first layer's kernels, nobody needs them
        directions.upper(self.scale, steps)
        weights = np.empty((len(self.signs), n, D), self.centre.dtype)
        self._both_ways(self.centre[head:], steps[:, head:], weights[:, :, head:])
        kernels, biases = self.network.unpack(weights.reshape(-1, D))

        def run(X):
            first = directions.first(self.scale, X)
            Z = self._both_ways(self._centre_in(X), first).reshape(-1, *first.shape[1:])
            return upper_outputs(self.network, Z, zip(kernels[1:], biases[1:], strict=True))

        return run

    def _both_ways(self, centre, steps, out=None):
        """``centre + sign * step`` for all signs and steps, (signs, n, ...)."""
        out = np.empty((len(self.signs), *steps.shape), steps.dtype) if out is None else out
        for i, sign in enumerate(self.signs):
            add = np.add if sign > 0 else np.subtract
            add(centre, steps if abs(sign) == 1 else abs(sign) * steps, out=out[i])
        return out

    def _centre_in(self, X):
        """What comes into the first layer at the centre, (units, rows); remembered for the next block."""
        for rows, Z in self._first:
            if rows is X:
                return Z
        kernels, biases = self.network.unpack(self.centre)
        Z = from_rows(kernels[0].T, X)
        Z += biases[0][:, None]
        if (len(self._first) + 1) * Z.nbytes <= KEEP_BYTES:
            self._first = [*self._first, (X, Z)]
        return Z

    def _draw(self, rng, n):
        dtype = self.centre.dtype
        D = self.network.n_weights
        if self.noise == "rademacher":
            return Directions(self.network, random_signs(rng, (n, D), dtype))
        if isinstance(self.noise, str):
            return Directions(self.network, rng.standard_normal((n, D), dtype=dtype))
        rank = self.noise
        sizes = [n * rank * fan for layer in self.network.kernel_shapes for fan in layer]
        ends = list(accumulate(sizes, initial=0))
        draws = rng.standard_normal(ends[-1] + n * (D - self.network.n_kernel), dtype=dtype)
        factors = [draws[start:end].reshape(n, rank, -1) for start, end in pairwise(ends)]
        A, B = factors[::2], factors[1::2]
        if rank > 1:
            for part in B:
                part /= dtype.type(np.sqrt(rank))
        return LowRankDirections(self.network, A, B, draws[ends[-1] :].reshape(n, -1))


@dataclass(eq=False, kw_only=True)
class GivenMembers(Members):
    """Members that somebody else made, one in each direction; sums over directions make no sense for them.

    Parameters
    ----------
    population : ndarray of shape (n_directions, n_weights)
        In the dtype of the centre.
    """

    signs: tuple[float, ...] = (1.0,)
    population: np.ndarray

    def weights(self, block: int) -> np.ndarray:
        """The members of a block as they were given, a row each."""
        return self.population[self.span(block)]


def member_outputs(network: Network, weights, X) -> np.ndarray:
    """Raw outputs of any members, features first.

    Parameters
    ----------
    network : Network
    weights : ndarray of shape (P, n_weights)
    X : ndarray or sparse array of shape (n, n_features)

    Returns
    -------
    Z : ndarray of shape (P, K, n)
    """
    kernels, biases = network.unpack(weights)
    P, fan_in, fan_out = kernels[0].shape
    side_by_side = np.ascontiguousarray(kernels[0].transpose(1, 0, 2)).reshape(fan_in, -1)
    Z = from_rows(side_by_side.T, X).reshape(P, fan_out, -1)
    Z += biases[0][:, :, None]
    return upper_outputs(network, Z, zip(kernels[1:], biases[1:], strict=True))


def upper_outputs(network: Network, Z, layers) -> np.ndarray:
    """Raw outputs from what comes into the first hidden layer, (P, units, rows) -> (P, K, rows).

    Parameters
    ----------
    network : Network
    Z : ndarray of shape (P, units, rows)
        May be overwritten.
    layers : iterable of (ndarray of shape (P, fan_in, fan_out), ndarray of shape (P, fan_out))
        Kernels and biases of the members from the second layer on.
    """
    f = ACTIVATIONS[network.activation].apply
    for W, b in layers:
        Z = np.matmul(W.transpose(0, 2, 1), f(Z))
        Z += b[:, :, None]
    return Z
