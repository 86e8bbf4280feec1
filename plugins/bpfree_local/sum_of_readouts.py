"""Sum of readouts: every hidden layer adds to the output, and the one output error comes back through its own readout.

    Z       = sum_l H_l V_l + c        V_L is the output kernel
    E       = dL/dZ                    one error, shared by all layers
    delta_l = (E V_l^T) * f'(z_l)      and V_l learns by H_l^T E

No signal crosses a layer, as with local losses; but the layers divide one task instead of repeating it, so that the
output layers of all of them together cost one output error. What a hidden layer learns by is the part of the gradient
that does not go through the layers above it, as in symmetric e-prop, where every unit of a recurrent network has a
readout. With one hidden layer it is the gradient. Read `signal` first.
"""

from typing import ClassVar

import numpy as np

from sklearn_bpfree.plugin import ACTIVATIONS, ErrorSignalTrainer, Network, product, unit_directions

BLOCK_ROWS = 1024  # rows predicted at a time, so that the activations stay in the processor's cache


class SumOfReadouts(ErrorSignalTrainer):
    """Sum of readouts: all hidden layers add to the output and learn by its error through their own readouts.

    References
    ----------
    Bellec, Scherr, Subramoney, Hajek, Salaj, Legenstein and Maass (2020), "A solution to the learning dilemma for
    recurrent networks of spiking neurons", Nature Communications 11, eq. 4 (symmetric e-prop).
    """

    offers: ClassVar[tuple[str, ...]] = ("partial_fit", "monotone")
    transposes: ClassVar[str] = "own head"

    @property
    def learns_feedback(self):
        return True

    def init_feedback(self, network, rng):
        """V_l of the hidden layers below the last, Glorot-uniform."""
        K = network.n_outputs
        kernels = (Network((units, K)) for units in network.layer_sizes[1:-2])
        return [V.initial_weights(rng, np.float64)[: V.n_kernel].reshape(-1, K) for V in kernels]

    def feedback_directions(self, network):
        *hidden, outputs = unit_directions(network)[1:]
        return [(units, outputs) for units in hidden[:-1]]

    def add_readouts(self, Z, run):
        for H, V in zip(run.hidden[:-1], run.feedback, strict=False):
            Z += H.dot(V)

    def signal(self, layer, above, run):
        if layer == len(run.hidden) - 1:
            return product(run.error, run.kernels[-1].T)
        run.hidden[layer].T.dot(run.error, run.feedback_gradient[layer])
        return product(run.error, run.feedback[layer].T)

    def follow(self, feedback, increments, decay):
        """V_l decay as kernels do."""
        for V in feedback:
            V *= decay

    def outputs(self, state, network, X):
        dtype = np.result_type(state.weights, X.dtype)
        kernels, biases = network.unpack(state.weights.astype(dtype, copy=False))
        if len(kernels) == 1:
            return super().outputs(state, network, X)
        readouts = [*(V.astype(dtype, copy=False) for V in state.feedback), kernels[-1]]
        f = ACTIVATIONS[network.activation].apply
        out = np.empty((X.shape[0], network.n_outputs), dtype)
        for start in range(0, len(out), BLOCK_ROWS):
            rows = slice(start, start + BLOCK_ROWS)
            H = X[rows].astype(dtype, copy=False)
            out[rows] = biases[-1]
            for W, b, V in zip(kernels, biases, readouts, strict=False):
                Z = H.dot(W)
                Z += b
                H = f(Z)
                out[rows] += H.dot(V)
        return out

    def formula(self, state, network, X):
        *hidden, Z = network.formulas(state.weights, X)
        return sum((H @ V for H, V in zip(hidden, state.feedback, strict=False)), Z)
