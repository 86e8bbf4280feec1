"""Members that differ from the centre in one weight each, and what of the centre's forward pass they need not repeat.

Moving W_l[i, j] by s changes the input of unit j of layer l by s times the activity i below it, and nothing else in
that layer; in the layer above it adds one row of its kernel times the change of unit j. So a member's pass begins two
layers up, with the centre's pre-activations plus something of rank one. Read `Coordinates.outputs` first.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from sklearn_bpfree.plugin import ACTIVATIONS, Members, Network, dense


@dataclass(eq=False, kw_only=True)
class Coordinates(Members):
    """Members ``centre + sign * scale`` in one weight each.

    Parameters
    ----------
    chosen : ndarray of int of shape (n_directions,)
        Which weights.
    """

    chosen: np.ndarray
    _passes: list = field(default_factory=list, init=False, repr=False)

    def __getstate__(self):
        return {**super().__getstate__(), "_passes": []}

    def weights(self, block):
        chosen = self.chosen[self.span(block)]
        weights = np.repeat(self.centre[None], len(self.signs) * len(chosen), axis=0)
        for s, sign in enumerate(self.signs):
            rows = s * len(chosen) + np.arange(len(chosen))
            weights[rows, chosen] += self.centre.dtype.type(sign) * self.scale[chosen]
        return weights

    def outputs(self, block, X):
        if self.network.weight_kind != "float":  # quantised kernels are no small steps from the centre's
            return super().outputs(block, X)
        chosen = self.chosen[self.span(block)]
        centre = self._centre(X)
        m, dtype = len(chosen), self.centre.dtype.type
        Z = np.empty((len(self.signs), m, self.network.n_outputs, X.shape[0]), self.centre.dtype)
        layer, unit, source = place(self.network, chosen)
        for at in np.unique(layer):
            mine = np.flatnonzero(layer == at)
            moves = self.scale[chosen[mine], None] * below(centre, X, at, source[mine])
            for s, sign in enumerate(self.signs):
                Z[s, mine] = from_layer(self.network, self.centre, centre, at, unit[mine], dtype(sign) * moves)
        return Z.reshape(-1, *Z.shape[2:]).transpose(0, 2, 1)

    def _centre(self, X):
        """Pre-activations and activities of all layers at the centre; remembered for the next block."""
        for rows, pass_ in self._passes:
            if rows is X:
                return pass_
        pass_ = forward(self.network, self.centre, X)
        self._passes = [(X, pass_)]
        return pass_


def place(network: Network, chosen):
    """Layer, unit and source of some weights; the source of a bias is -1."""
    layer, unit, source = (np.empty(len(chosen), int) for _ in range(3))
    start = 0
    shapes = [*network.kernel_shapes, *((1, h) for h in network.layer_sizes[1:])]
    for number, (fan_in, fan_out) in enumerate(shapes):
        mine = (chosen >= start) & (chosen < start + fan_in * fan_out)
        is_bias = number >= len(network.kernel_shapes)
        layer[mine] = number % len(network.kernel_shapes)
        row, unit[mine] = np.divmod(chosen[mine] - start, fan_out)
        source[mine] = -1 if is_bias else row
        start += fan_in * fan_out
    return layer, unit, source


def forward(network, weights, X) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Pre-activations of all layers and activities of the hidden ones, each (units, rows)."""
    f, (kernels, biases) = ACTIVATIONS[network.activation].apply, network.unpack(weights)
    Z, H = [np.ascontiguousarray((X @ kernels[0]).T) + biases[0][:, None]], []
    for W, b in zip(kernels[1:], biases[1:], strict=True):
        H.append(f(Z[-1].copy()))
        Z.append(W.T @ H[-1] + b[:, None])
    return Z, H


def below(centre, X, layer, source) -> np.ndarray:
    """What weights multiply, (weights, rows): the activities or columns that they come from, or ones for biases."""
    if layer:
        H = centre[1][layer - 1]
    else:
        columns, where = np.unique(np.maximum(source, 0), return_inverse=True)
        H = dense(X[:, columns]).T if sparse.issparse(X) else X[:, columns].T
        source = np.where(source < 0, -1, where)
    return np.where((source < 0)[:, None], H.dtype.type(1), H[np.maximum(source, 0)])


def from_layer(network, weights, centre, layer, unit, moves) -> np.ndarray:
    """Raw outputs (members, K, rows) of members whose unit of a layer is moved by so much before its activation."""
    (Z, H), f, (kernels, biases) = centre, ACTIVATIONS[network.activation].apply, network.unpack(weights)
    if layer == len(kernels) - 1:
        out = np.repeat(Z[-1][None], len(unit), axis=0)
        out[np.arange(len(unit)), unit] += moves
        return out
    change = f(Z[layer][unit] + moves) - H[layer][unit]
    above = kernels[layer + 1][unit][:, :, None] * change[:, None, :]
    above += Z[layer + 1]
    for W, b in zip(kernels[layer + 2 :], biases[layer + 2 :], strict=True):
        above = np.matmul(W.T, f(above)) + b[:, None]
    return above
