"""Node perturbation: noise on the pre-activations of a layer, and the change of each row's loss is its teaching signal.

    xi_m = +-1 for every row and unit,   l+-_m = loss of the row with z +- sigma xi_m in the layer,   m = 1 ... M

    y_m = (l+_m - l-_m) / (2 sigma),      signal g = 1/M sum_m y_m xi_m,      dW = H_below^T g

(Widrow and Lehr 1990; Werfel, Xie and Seung 2005.) In expectation g is dL/dz: a row of h units has its own h numbers to
find, not all weights, and what is below the layer runs once for all draws. Units that do not answer to their noise, as
silent rectifiers, get no signal. Layers are shaken one after the other, so that the noise of one is none to another.

The noise of g is h / M times its square. A control variate takes off what is known already (Lansdell, Prakash and
Kording 2020, who learn feedback from node perturbation): with the output error E and a feedback matrix B,

    g0 = (E B) f'(z),   r_m = y_m - <xi_m, g0>,   g = g0 + 1/M sum_m r_m xi_m,   dB = -E^T (f'(z) 1/M sum_m r_m xi_m)

which is as true for any B, and less noisy the better B has learned. No weights are transported. Read `signal` first.
"""

import numpy as np
from sklearn.utils import check_scalar

from sklearn_bpfree.plugin import ACTIVATIONS, ErrorSignalTrainer, random_signs, write_gradient

ROWS_OF_DECAY_1 = 300  # a table of so many rows gets a weight decay of 1


class NodePerturbation(ErrorSignalTrainer):
    """Node perturbation: noise on pre-activations, and the change of each row's loss is the teaching signal.

    Parameters
    ----------
    weight_decay : float or None, default=None
        None: 300 / n for n rows, at least 0.1 and at most 1. The signal is weak beside its noise and bears less decay
        than elsewhere; the fewer rows, the more there is to be forgotten.
    sigma : float, default=0.01
        Size of the noise; larger noise blurs the loss, all units being shaken at once.
    n_draws : int, default=2
        M, antithetic pairs for each row and layer.
    control_variate : bool, default=True
        Whether learned feedback takes off the part of the change that it can foretell; False: plain node perturbation.

    References
    ----------
    Widrow and Lehr (1990), "30 years of adaptive neural networks", Proceedings of the IEEE 78.
    Werfel, Xie and Seung (2005), "Learning curves for stochastic gradient descent in linear feedforward networks",
    Neural Computation 17.
    Lansdell, Prakash and Kording (2020), "Learning to solve the credit assignment problem", ICLR.
    """

    sigma: float = 0.01
    n_draws: int = 2
    control_variate: bool = True

    @property
    def learns_feedback(self):
        return self.control_variate

    def budget(self, n_samples, n_features):
        """Twice the updates of methods whose signal has no noise."""
        budget = super().budget(n_samples, n_features)
        return budget._replace(max_iter=2 * budget.max_iter)

    def default_decay(self, n_samples, n_features):
        return float(np.clip(ROWS_OF_DECAY_1 / n_samples, 0.1, 1.0))

    def param_distributions(self):
        return super().param_distributions() | {"n_draws": [1, 2, 4]}

    def check_parameters(self):
        super().check_parameters()
        check_scalar(self.sigma, "sigma", (int, float), min_val=0, include_boundaries="neither")
        check_scalar(self.n_draws, "n_draws", int, min_val=1)
        check_scalar(self.control_variate, "control_variate", (bool, np.bool_))

    def init_feedback(self, network, rng):
        sizes = network.layer_sizes[1:-1] if self.control_variate else ()
        return [np.zeros((network.n_outputs, units)) for units in sizes]

    def batch_gradient(self, run, batch, dropout=None):
        loss = self.forward(run, batch, self.dropout if dropout is None else dropout)
        inputs = [batch.X, *run.hidden]
        write_gradient(inputs[-1], run.error, run.kernel_gradients[-1], run.bias_gradients[-1])
        for layer in range(len(run.hidden)):
            g = self.signal(layer, run.error, run)
            write_gradient(inputs[layer], g, run.kernel_gradients[layer], run.bias_gradients[layer])
        return loss

    def signal(self, layer, above, run):
        """The signal g at the pre-activations of a layer; `above` has no say in it."""
        M, (b, h) = self.n_draws, run.hidden[layer].shape
        xi = random_signs(run.rng, (M, b, h), run.error.dtype)
        y, answers = self._shake(layer, xi, run)
        if not self.control_variate:
            xi *= answers
            return _mean_product(y, xi)
        g0 = run.chain(layer, run.error @ run.feedback[layer])
        r = y - np.einsum("mbh,bh->mb", xi, g0)
        xi *= answers
        correction = _mean_product(r, xi)
        np.matmul(-run.error.T, run.chain(layer, correction.copy()), out=run.feedback_gradient[layer])
        return g0 + correction

    def _shake(self, layer, xi, run):
        """Changes y (M, b) of the rows' losses, with weights and 1/b, and which units answered (M, b, h)."""
        f, batch = ACTIVATIONS[run.problem.network.activation].apply, run.batch
        M, b, h = xi.shape
        Z = (batch.X if layer == 0 else run.hidden[layer - 1]) @ run.kernels[layer] + run.biases[layer]
        H = np.empty((2, M, b, h), xi.dtype)
        steps = self.sigma * xi
        np.add(Z, steps, out=H[0])
        np.subtract(Z, steps, out=H[1])
        H = f(H)
        answers = H[0] != H[1]
        if (own := run.trace[layer][2]) is not None:  # what dropout silences does not answer
            answers &= own > 0
        for above in range(layer, len(run.hidden)):
            mask = run.trace[above][2]
            if mask is not None:
                H *= mask
            H = H.reshape(2 * M * b, -1) @ run.kernels[above + 1]
            H += run.biases[above + 1]
            H = H.reshape(2, M, b, -1)
            if above + 1 < len(run.hidden):
                H = f(H)
        plus, minus = run.problem.objective.loss(H, batch.Y)
        y = (plus - minus) * xi.dtype.type(0.5 / (self.sigma * b))
        return (y if batch.weight is None else y * batch.weight), answers


def _mean_product(c, xi):
    """``1/M sum_m c_m xi_m``."""
    return np.einsum("mb,mbh->bh", c, xi) / len(c)
