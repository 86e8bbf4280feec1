"""Equilibrium propagation: states relax freely, then nudged to either side, and the difference of both is the gradient.

The hidden layers talk in both directions, through one kernel. With s_0 the rows, sigma the activation held in [-1, 1],
E the output error of the readout  s_{L-1} W_L + b_L,  a state at rest obeys

    s_l     = sigma(s_{l-1} W_l + b_l + s_{l+1} W_{l+1}^T)
    s_{L-1} = sigma(s_{L-2} W_{L-1} + b_{L-1} - beta E W_L^T)              the nudge, towards a smaller loss

s* is at rest with beta = 0 (the free phase), s+ and s- with +beta and -beta, both from s*. Then, with an error of the
order of beta^2 (the nudge to both sides: Laborieux et al. 2021),

    dL/dW_l = -(s+_{l-1}^T s+_l - s-_{l-1}^T s-_l) / (2 beta),     dL/dW_L = s*_{L-1}^T E

at the free state, which is what predictions are made of: a network at rest, not a forward pass. The readout stands
outside the states, as there, so that any loss will do. No derivative of sigma is taken. Read `relax`, then
`batch_gradient`.
"""

from typing import ClassVar

import numpy as np
from sklearn.utils import check_scalar

from sklearn_bpfree.plugin import (
    ACTIVATIONS,
    ErrorSignalTrainer,
    affine,
    blocks,
    dropout_mask,
    product,
    write_gradient,
)


class EquilibriumPropagation(ErrorSignalTrainer):
    """Equilibrium propagation: a network of two-way connections at rest, nudged to either side of its output.

    Hidden states are held in [-1, 1], whatever the activation: "relu" becomes the hard sigmoid, "identity" the hard
    tanh; "tanh" and "logistic" are as they are. Predictions are those of the network at rest, so that they are no
    function of `coefs_` in one pass when there are several hidden layers.

    Parameters
    ----------
    beta : float, default=0.2
        Nudging, in units of the output error. The estimate's error grows with its square.
    T_free : int, default=20
        Sweeps over the layers in the free phase; predictions take twice as many.
    T_nudged : int, default=10
        Sweeps in each of the two nudged phases.

    References
    ----------
    Scellier and Bengio (2017), "Equilibrium propagation: bridging the gap between energy-based models and
    backpropagation", Frontiers in Computational Neuroscience 11.
    Laborieux, Ernoult, Scellier, Bengio, Grollier and Querlioz (2021), "Scaling equilibrium propagation to deep
    convnets by drastically reducing its gradient estimator bias", Frontiers in Neuroscience 15.
    Scellier, Ernoult, Kendall and Kumar (2023), "Energy-based learning algorithms for analog computing: a comparative
    study", NeurIPS.
    """

    transposes: ClassVar[str] = "all"

    beta: float = 0.2
    T_free: int = 20
    T_nudged: int = 10

    def param_distributions(self):
        return super().param_distributions() | {"beta": [0.1, 0.2, 0.5]}

    def check_parameters(self):
        super().check_parameters()
        check_scalar(self.beta, "beta", (int, float), min_val=0, include_boundaries="neither")
        for name in ("T_free", "T_nudged"):
            check_scalar(getattr(self, name), name, int, min_val=1)

    def signal(self, layer, above, run):
        """What the nudge of the output says to the last hidden layer."""
        return product(above, run.kernels[layer + 1].T)

    def forward(self, run, batch, dropout):
        """The free phase: `run.hidden` is at rest."""
        f, n_hidden = run.activation.apply, len(run.kernels) - 1
        run.batch = batch
        masks = [None] * n_hidden
        if dropout:
            shapes = [(len(batch.Y), W.shape[1]) for W in run.kernels[:-1]]
            masks = [dropout_mask(shape, dropout, run.rng, run.kernels[0].dtype) for shape in shapes]
        run.trace = [(None, None, mask) for mask in masks]
        run.hidden = at_rest(batch.X, run.kernels, run.biases, f, self.T_free, masks)
        run.outputs = affine([batch.X, *run.hidden][-1], run.kernels[-1], run.biases[-1])
        loss, run.error = run.problem.output_error(run.outputs, batch)
        return loss

    def batch_gradient(self, run, batch, dropout=None):
        loss = self.forward(run, batch, self.dropout if dropout is None else dropout)
        write_gradient([batch.X, *run.hidden][-1], run.error, run.kernel_gradients[-1], run.bias_gradients[-1])
        if not run.hidden:
            return loss
        plus, minus = ([batch.X, *self._nudged(run, beta)] for beta in (self.beta, -self.beta))
        for layer in range(len(run.hidden)):
            here = [-run.share(s[layer + 1]) / (2 * self.beta) for s in (plus, minus)]
            gW, gb = run.kernel_gradients[layer], run.bias_gradients[layer]
            if layer == 0:  # the rows are the same on both sides
                write_gradient(batch.X, here[0] - here[1], gW, gb)
                continue
            write_gradient(plus[layer], here[0], gW, gb)
            gW -= minus[layer].T @ here[1]
            gb -= here[1].sum(axis=0)
        return loss

    def _nudged(self, run, beta):
        """States at rest under a nudge, from the free ones."""
        (V, c), last = run.layers[-1], len(run.hidden) - 1

        def nudge(s):
            return self.signal(last, run.row_errors(affine(s, V, c)) * -beta, run)

        masks = [mask for _, _, mask in run.trace]
        first = affine(run.batch.X, *run.layers[0])
        return relax(run.hidden, first, run.kernels, run.biases, run.activation.apply, self.T_nudged, masks, nudge)

    def outputs(self, state, network, X):
        f, Z = ACTIVATIONS[network.activation].apply, super().outputs(state, network, X)
        kernels, biases = network.unpack(state.weights.astype(Z.dtype, copy=False))
        for rows in blocks(*X.shape) if len(kernels) > 1 else ():
            part = X[rows].astype(Z.dtype, copy=False)
            states = at_rest(part, kernels, biases, f, 2 * self.T_free, [None] * (len(kernels) - 1))
            Z[rows] = affine(states[-1], kernels[-1], biases[-1])
        return Z

    def formula(self, state, network, X):
        """All sweeps to the states at rest, one after the other."""
        f, (kernels, biases) = ACTIVATIONS[network.activation].formula, network.unpack(state.weights)
        if len(kernels) == 1:
            return super().formula(state, network, X)
        last, s = len(kernels) - 2, []
        first = X @ kernels[0] + biases[0]
        for layer in range(last + 1):
            s.append(f(s[-1] @ kernels[layer] + biases[layer] if s else first).clip(-1, 1))
        for layer in 2 * self.T_free * [*range(0, last + 1, 2), *range(1, last + 1, 2)]:
            Z = s[layer - 1] @ kernels[layer] + biases[layer] if layer else first
            s[layer] = f(Z if layer == last else Z + s[layer + 1] @ kernels[layer + 1].T).clip(-1, 1)
        return s[-1] @ kernels[-1] + biases[-1]


def at_rest(X, kernels, biases, f, steps, masks):
    """States of the hidden layers (b, h_l) with no nudge, from one pass forward."""
    states, first = [], affine(X, kernels[0], biases[0])
    for W, b, mask in zip(kernels[:-1], biases, masks, strict=False):
        Z = affine(states[-1], W, b) if states else first.copy()
        states.append(held(f, Z, mask))
    return relax(states, first, kernels, biases, f, steps, masks)


def relax(states, first, kernels, biases, f, steps, masks, nudge=None):
    """Sweeps over the layers, the odd ones and then the even ones, each with what its neighbours have become.

    Parameters
    ----------
    states : list of ndarray of shape (b, h_l)
        Not changed.
    first : ndarray of shape (b, h_1)
        What the rows say to the first layer.
    nudge : callable, default=None
        From the last state to what the output says to it.

    Returns
    -------
    states : list of ndarray
    """
    s, last = list(states), len(states) - 1
    for _ in range(steps):
        for layer in [*range(0, last + 1, 2), *range(1, last + 1, 2)]:
            Z = affine(s[layer - 1], kernels[layer], biases[layer]) if layer else first.copy()
            if layer < last:
                Z += product(s[layer + 1], kernels[layer + 1].T)
            elif nudge is not None:
                Z += nudge(s[layer])
            s[layer] = held(f, Z, masks[layer])
    return s


def held(f, Z, mask):
    """sigma(Z): the activation held in [-1, 1], with silent units at 0."""
    s = np.clip(f(Z), -1, 1)
    return s if mask is None else s * mask
