"""Dual propagation: every unit has two states, nudged apart by what is above; their difference is the signal.

With Z_l, A_l those of the forward pass and E the output error, one sweep down:

    s+_L = A_L - beta E / 2,          s-_L = A_L + beta E / 2
    fb   = (s+_{l+1} - s-_{l+1}) W_{l+1}^T / 2
    s+_l = f(Z_l + fb),               s-_l = f(Z_l - fb)
    G_l  = -(s+_{l-1} + s-_{l-1})^T (s+_l - s-_l) / (2 beta)

The derivative of f is never taken: f itself is asked at two points, so that units that step learn as well. As beta goes
to 0 the G_l become the gradient, with an error of the order of beta^2. Read `batch_gradient` first.
"""

from typing import ClassVar

from sklearn.utils import check_scalar

from sklearn_bpfree.plugin import FeedbackTrainer, write_gradient


class DualPropagation(FeedbackTrainer):
    """Dual propagation: two states a unit, nudged apart from above; the error is their difference, for any activation.

    Parameters
    ----------
    beta : float, default=0.1
        Nudging: how far the two states of the output are apart, in units of the error. Below 0.001 single precision
        loses the difference; units that step want 1 or more.

    References
    ----------
    Hoier, Staudt and Zach (2023), "Dual propagation: accelerating contrastive Hebbian learning with dyadic neurons",
    ICML.
    """

    learns_flat: ClassVar[bool] = True
    keeps_inputs: ClassVar[bool] = True

    beta: float = 0.1

    def param_distributions(self):
        return super().param_distributions() | {"beta": [0.1, 0.3, 1.0]}

    def check_parameters(self):
        super().check_parameters()
        check_scalar(self.beta, "beta", (int, float), min_val=0, include_boundaries="neither")

    def batch_gradient(self, run, batch, dropout=None):
        loss = self.forward(run, batch, self.dropout if dropout is None else dropout)
        difference = -self.beta * run.row_errors()  # s+ - s-
        for layer in range(len(run.hidden), 0, -1):
            fb = 0.5 * self.signal(layer - 1, difference, run)
            mean, below = self._states(layer - 1, fb, run)
            self._write(layer, mean, difference, run)
            difference = below
        self._write(0, batch.X, difference, run)
        return loss

    def _states(self, layer, fb, run):
        """Mean and difference of the two states of a hidden layer."""
        (Z, _, mask), f = run.trace[layer], run.activation.apply
        plus, minus = f(Z + fb), f(Z - fb)
        mean, difference = 0.5 * (plus + minus), plus - minus
        if mask is not None:
            mean *= mask
            difference *= mask
        return mean, difference

    def _write(self, layer, below, difference, run):
        delta = run.share(difference / -self.beta)
        write_gradient(below, delta, run.kernel_gradients[layer], run.bias_gradients[layer])
