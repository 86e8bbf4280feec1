"""Base of trainers that send a teaching signal to every hidden layer and learn by minibatch gradient steps.

A method of this kind is one function, `signal`: what reaches a hidden layer in the place of the gradient by its
activations. The output layer always learns from the output error itself. Read `batch_gradient` first; what becomes of
the gradients is told in `sklearn_bpfree.plugin.minibatch`.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from sklearn_bpfree.nn.arrays import affine, dropout_mask, write_gradient
from sklearn_bpfree.plugin.batches import Batch
from sklearn_bpfree.plugin.minibatch import MinibatchTrainer
from sklearn_bpfree.plugin.passes import Pass


class ErrorSignalTrainer(MinibatchTrainer):
    """Base for methods that differ only in the teaching signal of the hidden layers.

    Its hyper-parameters are those of `MinibatchTrainer`, and so are the methods to override where there is feedback
    (`init_feedback`, `learns_feedback`, `follow`) or more than one update for a minibatch (`updates`).
    """

    keeps_inputs: ClassVar[bool] = False  # whether `Pass.trace` holds pre-activations that the method needs itself

    def signal(self, layer: int, above: np.ndarray, run: Pass) -> np.ndarray:
        """Teaching signal of a hidden layer's activations, before the activation's derivative.

        Parameters
        ----------
        layer : int
            The hidden layer, from 0; called from the last down to 0.
        above : ndarray of shape (b, d_above)
            Signal at the pre-activations of the layer above (the output error E for the last hidden layer).
        run : Pass
            Kernels, feedback, activations, error and rows of this minibatch.

        Returns
        -------
        signal : ndarray of shape (b, d_layer)
            Stands in for dL/dH; a new array in the dtype of the fit, it will be changed.
        """
        raise NotImplementedError(f"{type(self).__name__} must define signal, or override batch_gradient.")

    def add_readouts(self, Z: np.ndarray, run: Pass) -> None:
        """Add to the raw outputs Z (b, K) in place what other layers than the last contribute; nothing by default."""

    def batch_gradient(self, run: Pass, batch: Batch, dropout: float | None = None) -> float:
        """Each layer's input times its signal; override it for methods that learn in another way."""
        loss = self.forward(run, batch, self.dropout if dropout is None else dropout)
        delta = run.error
        for layer in range(len(run.hidden), 0, -1):
            write_gradient(run.hidden[layer - 1], delta, run.kernel_gradients[layer], run.bias_gradients[layer])
            signal = self.signal(layer - 1, delta, run)
            H = run.hidden[layer - 1]
            if getattr(signal, "shape", None) != H.shape or signal.dtype != H.dtype:
                raise ValueError(self._wrong_signal(signal, layer - 1, H))
            delta = run.chain(layer - 1, signal)
        run.lowest = delta
        write_gradient(batch.X, delta, run.kernel_gradients[0], run.bias_gradients[0])
        return loss

    def _wrong_signal(self, signal, layer, H):
        got = f"{signal.dtype} of shape {signal.shape}" if isinstance(signal, np.ndarray) else repr(signal)
        return (
            f"signal of {type(self).__name__} for hidden layer {layer} must be {H.dtype} of shape {H.shape}, a row for "
            f"each row of the batch and a column for each unit, got {got}."
        )

    def forward(self, run: Pass, batch: Batch, dropout: float) -> float:
        """Send a minibatch up the network, with everything kept in `run`; returns its mean loss."""
        f, H = run.activation, batch.X
        run.batch, run.hidden, run.trace = batch, [], []
        *hidden_layers, (V, c) = run.layers
        for W, b in hidden_layers:
            Z = affine(H, W, b)
            A = f.apply(Z.copy() if self.keeps_inputs else Z)
            mask = None
            H = A
            if dropout:
                mask = dropout_mask(A.shape, dropout, run.rng, A.dtype)
                H = A * mask
            run.trace.append((Z if f.needs_input or self.keeps_inputs else A, A, mask))
            run.hidden.append(H)
        Z = affine(H, V, c)
        self.add_readouts(Z, run)
        run.outputs = Z
        loss, run.error = run.problem.output_error(Z, run.batch)
        return loss
