"""Difference target propagation: each layer is given a target, by feedback that learns to invert what is above it.

With A_l the activities, A_L the raw outputs, E the output error and D_l = T_l - A_l how far a target is from what was:

    D_L = -eta E                                                    the output's target
    D_l = r((A_{l+1} + D_{l+1}) Q_l + c_l) - r(A_{l+1} Q_l + c_l)   "dtp", "drl", "fixed_weight"
    D_l = D_L Q_l                                                   "ddtp_linear", straight from the output
    G_l = -A_{l-1}^T (D_l * f'(Z_l)) / eta

r is the activation of the network, whose range targets should have. The feedback learns from noise xi ~ sigma N(0, 1),
sent up and down again:

- "dtp": what one layer makes of A_l + xi is brought back: r(u Q_l + c_l) = A_l + xi (Lee et al. 2015).
- "drl": what comes out of the whole network is brought back down to layer l as a target: D_l = xi (Meulemans et al.
  2020, DTP-DRL). Only Q_l and c_l learn from it.
- "ddtp_linear": the same with the one map Q_l. For linear units it ends at (J^T J + damping I)^-1 J^T, J the derivative
  of the outputs by A_l, with which targets are Gauss-Newton steps (Meulemans et al. 2020, DDTP-linear).
- "fixed_weight": it stays as drawn (Shibuya et al. 2023).

No transposed kernel is used. Read `batch_gradient` first.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import loguniform
from sklearn.utils import check_scalar

from sklearn_bpfree.plugin import ErrorSignalTrainer, affine, check_choice, product, write_gradient

MODES = ("ddtp_linear", "drl", "dtp", "fixed_weight")


class TargetPropagation(ErrorSignalTrainer):
    """Target propagation: feedback learns to invert the network, and tells every layer what it should have been.

    Parameters
    ----------
    mode : {"ddtp_linear", "drl", "dtp", "fixed_weight"}, default="ddtp_linear"
        Targets straight from the output by a linear map, or from layer to layer, with feedback that learns to invert
        the rest of the network ("drl"), one layer ("dtp"), or nothing. Those from layer to layer want units that can be
        inverted, "tanh" rather than "relu".
    eta : float, default=0.05
        Step of the output towards its target, in units of the error.
    sigma : float, default=0.08
        Standard deviation of the noise from which the feedback learns.
    damping : float, default=0.1
        Penalty on the feedback of "ddtp_linear", the Gauss-Newton step's damping.

    References
    ----------
    Lee, Zhang, Fischer and Bengio (2015), "Difference target propagation", ECML PKDD.
    Meulemans, Carzaniga, Suykens, Sacramento and Grewe (2020), "A theoretical framework for target propagation",
    NeurIPS.
    Shibuya, Inoue, Kawakami and Sato (2023), "Fixed-weight difference target propagation", AAAI.
    """

    mode: str = "ddtp_linear"
    eta: float = 0.05
    sigma: float = 0.08
    damping: float = 0.1

    def param_distributions(self):
        return super().param_distributions() | {"eta": loguniform(0.01, 0.3), "damping": [0.0, 0.1, 1.0]}

    def check_parameters(self):
        super().check_parameters()
        check_choice(self, "mode", MODES)
        for name in ("eta", "sigma"):
            check_scalar(getattr(self, name), name, (int, float), min_val=0, include_boundaries="neither")
        check_scalar(self.damping, "damping", (int, float), min_val=0)

    @property
    def learns_feedback(self):
        return self.mode != "fixed_weight"

    def init_feedback(self, network, rng):
        """Q_l of every hidden layer, or Q_l, c_l from layer to layer."""
        if self.mode == "ddtp_linear":
            K = network.n_outputs
            return [rng.normal(0, 1 / np.sqrt(K), (K, units)) for units in network.layer_sizes[1:-1]]
        arrays = []
        for units, above in network.kernel_shapes[1:]:
            arrays += [rng.normal(0, np.sqrt(2 / (units + above)), (above, units)), np.zeros(units)]
        return arrays

    def signal(self, layer, above, run):
        """D_l of a hidden layer, from D_L with "ddtp_linear" and else from D of the layer above."""
        if self.mode == "ddtp_linear":
            return product(above, run.feedback[layer])
        return self._back(layer, _activities(run)[layer + 1], above, run)[0]

    def batch_gradient(self, run, batch, dropout=None):
        loss = self.forward(run, batch, self.dropout if dropout is None else dropout)
        write_gradient([batch.X, *run.hidden][-1], run.error, run.kernel_gradients[-1], run.bias_gradients[-1])
        D = D_L = -self.eta * run.row_errors()
        for layer in range(len(run.hidden) - 1, -1, -1):
            D = self.signal(layer, D_L if self.mode == "ddtp_linear" else D, run)
            delta = run.chain(layer, run.share(D / -self.eta))
            below = run.hidden[layer - 1] if layer else batch.X
            write_gradient(below, delta, run.kernel_gradients[layer], run.bias_gradients[layer])
            if self.learns_feedback:
                self._learn(layer, run)
        return loss

    def _learn(self, layer, run):
        """Write the gradients of a layer's feedback: noise is sent up, brought down, and ought to come back."""
        xi = self.sigma * run.rng.standard_normal(run.hidden[layer].shape, run.error.dtype)
        if self.mode == "ddtp_linear":
            dO = _upwards(layer, xi, run) - run.outputs
            Q, gQ = run.feedback[layer], run.feedback_gradient[layer]
            np.matmul(dO.T, run.share(product(dO, Q) - xi) / self.sigma**2, out=gQ)
            gQ += self.damping * Q
            return
        A, (gQ, gc) = _activities(run), run.feedback_gradient[2 * layer : 2 * layer + 2]
        if self.mode == "dtp":
            u = _upwards(layer, xi, run, n_layers=1)
            back, V = self._forth(layer, u, run)
            missed = run.share(back - A[layer] - xi) / self.sigma**2
            run.activation.chain(missed, V, back)
            write_gradient(u, missed, gQ, gc)
            return
        D = _upwards(layer, xi, run) - run.outputs
        for above in range(len(run.hidden) - 1, layer, -1):
            D = self.signal(above, D, run)
        found, (high, V_high), (low, V_low) = self._back(layer, A[layer + 1], D, run)
        missed = run.share(found - xi) / self.sigma**2
        by_low = missed.copy()
        run.activation.chain(missed, V_high, high)
        run.activation.chain(by_low, V_low, low)
        write_gradient(A[layer + 1] + D, missed, gQ, gc)
        gQ -= A[layer + 1].T @ by_low
        gc -= by_low.sum(axis=0)

    def _forth(self, layer, H, run):
        """r(V) and V = H Q_l + c_l."""
        V = affine(H, *run.feedback[2 * layer : 2 * layer + 2])
        return run.activation.apply(V.copy()), V

    def _back(self, layer, A, D, run):
        """D_l from A and D of the layer above, and the two sides of the difference."""
        high, low = self._forth(layer, A + D, run), self._forth(layer, A, run)
        return high[0] - low[0], high, low


def _activities(run):
    """A_l of the hidden layers and of the output."""
    return [*run.hidden, run.outputs]


def _upwards(layer, xi, run, n_layers=None):
    """What the layers above make of A_l + xi, all of them or some."""
    H, last = run.hidden[layer] + xi, len(run.kernels) - 1
    top = last if n_layers is None else layer + n_layers
    for above in range(layer + 1, top + 1):
        H = affine(H, *run.layers[above])
        if above < last:
            mask = run.trace[above][2]
            H = run.activation.apply(H)
            H = H if mask is None else H * mask
    return H
