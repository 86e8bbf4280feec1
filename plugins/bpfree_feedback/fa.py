"""Feedback alignment: the error comes down through other matrices than the transposed kernels.

    delta_l = (delta_{l+1} B_{l+1}^T) * f'(z_l)

- "random": B is random and fixed; the kernels come to agree with it (Lillicrap et al. 2016, eq. 2).
- "sign": B = c sign(W), taken anew in every update, c the root mean square of W (Liao et al. 2016, "uSF").
- "kolen_pollack": B is random at first and then receives the same increments and the same decay as W, so that
  W - B shrinks by the decay alone (Akrout et al. 2019, eq. 16-17). One step: (W - B) <- (1 - lambda) (W - B).

Read `signal` first.
"""

from typing import ClassVar

import numpy as np

from sklearn_bpfree.plugin import ErrorSignalTrainer, check_choice, product


class FA(ErrorSignalTrainer):
    """Feedback alignment: the error comes down through random, sign-concordant or Kolen-Pollack feedback.

    Parameters
    ----------
    feedback : {"random", "sign", "kolen_pollack"}, default="sign"
        What stands in for the transposed kernel. Only "sign" looks at the kernel above, at its signs.

    References
    ----------
    Lillicrap, Cownden, Tweed and Akerman (2016), "Random synaptic feedback weights support error backpropagation for
    deep learning", Nature Communications 7.
    Liao, Leibo and Poggio (2016), "How important is weight symmetry in backpropagation?", AAAI.
    Akrout, Wilson, Humphreys, Lillicrap and Tweed (2019), "Deep learning without weight transport", NeurIPS.
    """

    transposes: ClassVar[str] = "signs"

    feedback: str = "sign"

    def param_distributions(self):
        return super().param_distributions() | {"feedback": ["random", "sign", "kolen_pollack"]}

    def check_parameters(self):
        super().check_parameters()
        check_choice(self, "feedback", ("random", "sign", "kolen_pollack"))

    def init_feedback(self, network, rng):
        if self.feedback == "sign":
            return []
        return [rng.normal(0, np.sqrt(2 / sum(shape)), shape) for shape in network.kernel_shapes[1:]]

    def signal(self, layer, above, run):
        if self.feedback == "sign":
            W = run.kernels[layer + 1]
            c = np.sqrt(np.vdot(W, W) / W.size)
            return product(c * above, np.sign(W).T)
        return product(above, run.feedback[layer].T)

    def follow(self, feedback, increments, decay):
        if self.feedback == "kolen_pollack":
            for B, increment in zip(feedback, increments[1:], strict=True):
                B *= decay
                B += increment
