"""The multi-layer perceptron as pure functions of one flat weight vector.

All kernels come first and all biases after them, so that weight decay, which spares the biases, is one slice::

    [ W_1 | W_2 | ... | W_L | b_1 | b_2 | ... | b_L ]

A leading population axis is allowed wherever weights are: weights of shape (P, n_weights) give outputs (P, n, K).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from sklearn_bpfree.nn.activations import ACTIVATIONS
from sklearn_bpfree.nn.arrays import product
from sklearn_bpfree.nn.formulas import Formula
from sklearn_bpfree.nn.quantisation import quantised

BLOCK_BYTES = 1 << 22  # rows are predicted in blocks whose widest layer takes about this much memory


@dataclass(frozen=True)
class Network:
    """Shape of a multi-layer perceptron; its outputs are a pure function of weights and rows.

    Parameters
    ----------
    layer_sizes : tuple of int
        Features, hidden units of each layer, outputs: ``(d_0, d_1, ..., d_L)``.
    activation : str, default="relu"
        Activation of the hidden layers, a key of `ACTIVATIONS`. The output layer is linear.
    weight_kind : {"float", "int8", "ternary", "binary"}, default="float"
        What the kernels are in use; see `sklearn_bpfree.nn.quantisation`. Weight vectors are always float: outputs are
        those of `effective(weights)`.
    directions : tuple of int, default=None
        1, -1 or 0 for each input: whether outputs are to rise with it, to fall, or either; for the trainer to see to
        (see `sklearn_bpfree.nn.monotone`). None: no input is constrained.
    """

    layer_sizes: tuple[int, ...]
    activation: str = "relu"
    weight_kind: str = "float"
    directions: tuple[int, ...] | None = None

    @property
    def is_smooth(self) -> bool:
        """Whether outputs have a useful derivative by the weights."""
        return self.weight_kind == "float" and not ACTIVATIONS[self.activation].flat

    @cached_property
    def kernel_shapes(self) -> tuple[tuple[int, int], ...]:
        """Shapes (fan_in, fan_out) of the kernels, from the input up."""
        return tuple(pairwise(self.layer_sizes))

    @cached_property
    def n_kernel(self) -> int:
        """Number of weights that are not biases; they come first in the flat vector."""
        return sum(fan_in * fan_out for fan_in, fan_out in self.kernel_shapes)

    @cached_property
    def n_weights(self) -> int:
        """Length of the flat weight vector."""
        return self.n_kernel + sum(self.layer_sizes[1:])

    @cached_property
    def n_first(self) -> int:
        """Number of weights in the first layer's kernel."""
        return self.layer_sizes[0] * self.layer_sizes[1]

    @cached_property
    def _bounds(self):
        sizes = [fan_in * fan_out for fan_in, fan_out in self.kernel_shapes]
        return list(pairwise(accumulate([*sizes, *self.layer_sizes[1:]], initial=0)))

    @property
    def n_outputs(self) -> int:
        """Number of output units."""
        return self.layer_sizes[-1]

    def narrowed(self, columns) -> Network:
        """The network of those that see some of the inputs only, by their numbers."""
        directions = None if self.directions is None else tuple(self.directions[j] for j in columns)
        if directions is not None and not any(directions):
            directions = None
        return replace(self, layer_sizes=(len(columns), *self.layer_sizes[1:]), directions=directions)

    def unpack(self, weights) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Views of the flat vector as matrices.

        Parameters
        ----------
        weights : ndarray of shape (..., n_weights)

        Returns
        -------
        kernels : list of ndarray of shape (..., fan_in, fan_out)
        biases : list of ndarray of shape (..., fan_out)
        """
        lead = weights.shape[:-1]
        parts = [weights[..., start:end] for start, end in self._bounds]
        n_layers = len(self.kernel_shapes)
        kernels = [part.reshape(lead + shape) for part, shape in zip(parts, self.kernel_shapes, strict=False)]
        return kernels, parts[n_layers:]

    def initial_weights(self, rng, dtype: Any = np.float32) -> np.ndarray:
        """Glorot-uniform kernels and zero biases.

        Parameters
        ----------
        rng : numpy.random.Generator
        dtype : dtype, default=float32

        Returns
        -------
        weights : ndarray of shape (n_weights,)
        """
        weights = np.zeros(self.n_weights, dtype=dtype)
        for kernel in self.unpack(weights)[0]:
            bound = np.sqrt(6.0 / sum(kernel.shape))
            kernel[:] = rng.uniform(-bound, bound, kernel.shape)
        return weights

    def fan_in_scale(self, dtype: Any = np.float32) -> np.ndarray:
        """``1 / sqrt(fan_in + 1)`` of the layer of each weight (n_weights,), the unit of steps in weight space."""
        scale = np.empty(self.n_weights, dtype=dtype)
        kernels, biases = self.unpack(scale)
        for W, b in zip(kernels, biases, strict=True):
            W[:] = b[:] = 1 / np.sqrt(len(W) + 1)
        return scale

    def effective(self, weights) -> np.ndarray:
        """The weights that the network computes with: kernels quantised, biases as they are.

        Parameters
        ----------
        weights : ndarray of shape (..., n_weights)

        Returns
        -------
        weights : ndarray of shape (..., n_weights)
            The same array if the weights are float.
        """
        if self.weight_kind == "float":
            return weights
        weights = weights.copy()
        for W in self.unpack(weights)[0]:
            W[:] = quantised(W, self.weight_kind)
        return weights

    def hidden(self, weights, X) -> np.ndarray:
        """Activations of the last hidden layer (the rows themselves when there is none).

        Parameters
        ----------
        weights : ndarray of shape (..., n_weights)
        X : ndarray or sparse matrix of shape (n, d_0)

        Returns
        -------
        H : ndarray of shape (..., n, d_{L-1})
        """
        kernels, biases = self.unpack(self.effective(weights))
        return self._hidden(kernels[:-1], biases[:-1], X)

    def _hidden(self, kernels, biases, X):
        f = ACTIVATIONS[self.activation].apply
        H = X
        for W, b in zip(kernels, biases, strict=True):
            Z = product(H, W)
            Z += b[..., None, :]
            H = f(Z)
        return H

    def formulas(self, weights, X) -> list[Formula]:
        """What the layers make of the rows, as formulas: the activations of each hidden one, then the raw outputs.

        Parameters
        ----------
        weights : ndarray of shape (..., n_weights)
        X : Formula
            The rows (n, d_0).
        """
        kernels, biases = self.unpack(self.effective(weights.astype(X.dtype, copy=False)))
        layers = [X]
        for W, b in zip(kernels[:-1], biases, strict=False):
            layers.append(ACTIVATIONS[self.activation].formula(layers[-1] @ W + b[..., None, :]))
        return [*layers[1:], layers[-1] @ kernels[-1] + biases[-1][..., None, :]]

    def outputs(self, weights, X) -> np.ndarray:
        """Raw outputs, before the objective's link; computed in blocks of rows, in the wider dtype of weights and rows.

        Parameters
        ----------
        weights : ndarray of shape (..., n_weights)
        X : ndarray or sparse matrix of shape (n, d_0)

        Returns
        -------
        Z : ndarray of shape (..., n, K)
        """
        n = X.shape[0]
        weights = weights.astype(np.result_type(weights, X.dtype), copy=False)
        out = np.empty((*weights.shape[:-1], n, self.n_outputs), dtype=weights.dtype)
        kernels, biases = self.unpack(self.effective(weights))
        widest = max(self.layer_sizes) * weights.itemsize * int(np.prod(weights.shape[:-1]))
        block = max(BLOCK_BYTES // widest, 64)
        for start in range(0, n, block):
            rows = slice(start, start + block)
            H = self._hidden(kernels[:-1], biases[:-1], X[rows].astype(weights.dtype, copy=False))
            out[..., rows, :] = product(H, kernels[-1])
            out[..., rows, :] += biases[-1][..., None, :]
        return out
