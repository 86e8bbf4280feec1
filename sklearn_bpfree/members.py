"""Members of a population, ``centre + sign * scale * direction``, which exist only as a key until a block needs them.

The directions of a block come from a counter-based generator of (key, block), so any block can be made anywhere, in any
order, with the same bits; and what travels is the centre and the key. Activations are kept features first, (members,
units, rows), and the first layer of all members of a block is one product. Read `Members.outputs` first.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from sklearn_bpfree.network import ACTIVATIONS, Network

BLOCK_MEMBERS = 8  # a block's activations stay in cache, with some hundred rows
CHUNK_BYTES = 1 << 20  # rows are taken in chunks whose widest layer, in a block, takes about this much memory
KEEP_BYTES = 1 << 26  # directions are kept for the update up to this size, and drawn again beyond it
FACTORED_FAN_IN = 48  # with so many features low-rank members are cheaper to run from their factors than to make


@dataclass(eq=False)
class Directions:
    """Directions E of a block as a matrix.

    Attributes
    ----------
    E : ndarray of shape (n, n_weights)
    """

    E: np.ndarray

    def dense(self) -> np.ndarray:
        """The matrix E."""
        return self.E

    def combine(self, c) -> np.ndarray:
        """The sum of ``c_i E_i``."""
        return c @ self.E


@dataclass(eq=False)
class LowRankDirections:
    """Directions whose kernels are ``A B^T / sqrt(r)``, with A (fan_in, r) and B (fan_out, r); their biases are full.

    Attributes
    ----------
    network : Network
    A : list of ndarray of shape (n, r, fan_in)
    B : list of ndarray of shape (n, r, fan_out)
        Divided by sqrt(r).
    biases : ndarray of shape (n, number of biases)
    """

    network: Network
    A: list[np.ndarray]
    B: list[np.ndarray]
    biases: np.ndarray

    def dense(self) -> np.ndarray:
        """The directions as one matrix (n, n_weights)."""
        n, rank = self.A[0].shape[:2]
        E = np.empty((n, self.network.n_weights), self.biases.dtype)
        for kernel, A, B in zip(self.network.unpack(E)[0], self.A, self.B, strict=True):
            if rank == 1:
                np.multiply(A[:, 0, :, None], B, out=kernel)
            else:
                np.matmul(A.transpose(0, 2, 1), B, out=kernel)
        E[:, self.network.n_kernel :] = self.biases
        return E

    def combine(self, c) -> np.ndarray:
        """The sum of ``c_i E_i``, which is one product per layer."""
        parts = [
            (A * c[:, None, None]).reshape(-1, A.shape[2]).T @ B.reshape(-1, B.shape[2])
            for A, B in zip(self.A, self.B, strict=True)
        ]
        return np.concatenate([part.ravel() for part in parts] + [c @ self.biases])


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

    def __getstate__(self):
        return {**self.__dict__, "_kept": {}}  # drawn directions do not travel

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

    def generator(self, block: int) -> np.random.Generator:
        """The generator of a block."""
        return np.random.Generator(np.random.Philox(key=self.key, counter=[0, 0, 0, block]))

    def directions(self, block: int) -> Directions | LowRankDirections:
        """Directions of a block, drawn or remembered."""
        drawn = self._kept.get(block)
        if drawn is None:
            span = self.span(block)
            drawn = self._draw(self.generator(block), span.stop - span.start)
            if isinstance(self.noise, int) or self.n_directions * self.centre.nbytes <= KEEP_BYTES:
                self._kept[block] = drawn
        return drawn

    def weights(self, block: int) -> np.ndarray:
        """The members of a block, (signs * directions, n_weights): first those of the first sign, and so on."""
        steps = self.directions(block).dense() * self.scale
        return np.concatenate([self.centre + sign * steps for sign in self.signs])

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
        directions = self.directions(block)
        factored = self.network.weight_kind == "float" and self.network.layer_sizes[0] >= FACTORED_FAN_IN
        if factored and isinstance(directions, LowRankDirections):

            def run(rows):
                return factored_outputs(self.network, self.centre, self.scale, directions, self.signs, rows)
        else:
            members = self.network.effective(self.weights(block))
            W = stacked_kernels(self.network, members)

            def run(rows):
                return member_outputs(self.network, members, rows, W)

        widest = max(self.network.layer_sizes[1:]) * self.block_members * self.centre.itemsize
        chunk = max(CHUNK_BYTES // widest, 64)
        parts = [run(X[start : start + chunk]) for start in range(0, n, chunk)]
        Z = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)
        return Z.transpose(0, 2, 1)

    def _draw(self, rng, n):
        dtype = self.centre.dtype
        D = self.network.n_weights
        if self.noise == "rademacher":
            bits = np.unpackbits(np.frombuffer(rng.bytes(-(-n * D // 8)), np.uint8), count=n * D)
            return Directions((2 * bits.astype(dtype) - 1).reshape(n, D))
        if isinstance(self.noise, str):
            return Directions(rng.standard_normal((n, D), dtype=dtype))
        rank, shapes = self.noise, self.network.kernel_shapes
        A = [rng.standard_normal((n, rank, fan_in), dtype=dtype) for fan_in, _ in shapes]
        B = [rng.standard_normal((n, rank, fan_out), dtype=dtype) / dtype.type(np.sqrt(rank)) for _, fan_out in shapes]
        biases = rng.standard_normal((n, D - self.network.n_kernel), dtype=dtype)
        return LowRankDirections(self.network, A, B, biases)


def stacked_kernels(network: Network, weights) -> np.ndarray:
    """The first layer's kernels of all members as one matrix (members * units, features)."""
    W = network.unpack(weights)[0][0]
    return np.ascontiguousarray(W.transpose(0, 2, 1)).reshape(-1, W.shape[1])


def member_outputs(network: Network, weights, X, W=None) -> np.ndarray:
    """Raw outputs of many members, features first.

    Parameters
    ----------
    network : Network
    weights : ndarray of shape (P, n_weights)
    X : ndarray or sparse array of shape (n, n_features)
    W : ndarray, default=None
        `stacked_kernels`, if they are at hand.

    Returns
    -------
    Z : ndarray of shape (P, K, n)
    """
    kernels, biases = network.unpack(weights)
    f = ACTIVATIONS[network.activation].apply
    W = stacked_kernels(network, weights) if W is None else W
    Z = _from_rows(W, X).reshape(len(weights), -1, X.shape[0])
    Z += biases[0][:, :, None]
    for W, b in zip(kernels[1:], biases[1:], strict=True):
        Z = np.matmul(W.transpose(0, 2, 1), f(Z))
        Z += b[:, :, None]
    return Z


def factored_outputs(network: Network, centre, scale, directions: LowRankDirections, signs, X) -> np.ndarray:
    """Raw outputs of low-rank members without making their kernels: ``W^T x + s B (A^T x)``.

    Returns
    -------
    Z : ndarray of shape (signs * directions, K, n)
    """
    kernels, biases = network.unpack(centre)
    layer_scales = [s.flat[0] for s in network.unpack(scale)[0]]
    bias_steps = np.split(directions.biases * scale[network.n_kernel :], np.cumsum(network.layer_sizes[1:-1]), axis=1)
    f = ACTIVATIONS[network.activation].apply
    signs = np.asarray(signs, centre.dtype)[:, None, None, None]
    H = X
    layers = zip(kernels, biases, layer_scales, directions.A, directions.B, strict=True)
    for layer, (W, b, s, A, B) in enumerate(layers):
        if layer == 0:
            inner = _from_rows(A.reshape(-1, A.shape[2]), X).reshape(*A.shape[:2], -1)  # the same for every sign
            base = _from_rows(W.T, X)
        else:
            inner, base = np.matmul(A, H), np.matmul(W.T, H)
        outer = (s * signs) * B.transpose(0, 2, 1)
        Z = outer * inner if B.shape[1] == 1 else np.matmul(outer, inner)
        Z += base
        Z += b[:, None] + signs * bias_steps[layer][:, :, None]
        H = f(Z) if layer < len(kernels) - 1 else Z
    return H.reshape(-1, *H.shape[2:])


def _from_rows(W, X):
    """``W @ X.T`` for rows that may be sparse."""
    if sparse.issparse(X):
        return np.ascontiguousarray((X @ W.T).T)
    return W @ X.T
