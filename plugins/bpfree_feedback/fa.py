"""Feedback alignment: the error comes down through other matrices than the transposed kernels.

    delta_l = (delta_{l+1} B_{l+1}^T) * f'(z_l)

- "random": B is random and fixed; the kernels come to agree with it (Lillicrap et al. 2016, eq. 2).
- "sign": B = c sign(W), taken anew in every update, c the root mean square of W (Liao et al. 2016, "uSF").
- "kolen_pollack": B is random at first and then receives the same increments and the same decay as W, so that
  W - B shrinks by the decay alone (Akrout et al. 2019, eq. 16-17). One step: (W - B) <- (1 - lambda) (W - B).

Read `signal` of the base first, `sklearn_bpfree.plugin.FeedbackTrainer`.
"""

from typing import ClassVar

from sklearn_bpfree.plugin import FeedbackTrainer


class FA(FeedbackTrainer):
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

    offers: ClassVar[tuple[str, ...]] = ("partial_fit", "monotone")

    feedback: str = "sign"

    feedbacks: ClassVar[tuple[str, ...]] = ("random", "sign", "kolen_pollack")
