"""Base of trainers whose signals come down from layer to layer: through transposed kernels, or what stands in for them.

- "transpose": W^T itself, as in back-propagation.
- "sign": c sign(W)^T, taken anew in every update, c the root mean square of W (Liao et al. 2016, "uSF").
- "kolen_pollack": B^T, random at first; B then receives the same increments and the same decay as W, so that W - B
  shrinks by the decay alone (Akrout et al. 2019, eq. 16-17). One step: (W - B) <- (1 - lambda) (W - B).
- "random": B^T, random and fixed (Lillicrap et al. 2016, eq. 2).

Read `signal` first.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from sklearn_bpfree.nn.arrays import product
from sklearn_bpfree.nn.monotone import unit_directions
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.plugin.error_signal import ErrorSignalTrainer
from sklearn_bpfree.plugin.passes import Pass
from sklearn_bpfree.plugin.trainer import check_choice

TRANSPOSES = {"transpose": "all", "sign": "signs", "kolen_pollack": "none", "random": "none"}


class FeedbackTrainer(ErrorSignalTrainer):
    """Base for methods that send a signal from each layer to the one below it.

    Parameters
    ----------
    feedback : {"transpose", "sign", "kolen_pollack", "random"}, default="transpose"
        What carries a signal down: the transposed kernel, its signs, a matrix of its own that receives the kernel's
        increments and decay, or a random one that stays as drawn.
    """

    feedback: str = "transpose"

    feedbacks: ClassVar[tuple[str, ...]] = tuple(TRANSPOSES)

    @property
    def transposes(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Which forward weights the signal passes transposed, with this feedback."""
        return TRANSPOSES[self.feedback]

    def param_distributions(self) -> dict[str, Any]:
        """What a random search can draw from, the kind of feedback among it."""
        return super().param_distributions() | {"feedback": list(self.feedbacks)}

    def check_parameters(self) -> None:
        """Refuse hyper-parameters that make no sense, in one sentence."""
        super().check_parameters()
        check_choice(self, "feedback", self.feedbacks)

    def init_feedback(self, network: Network, rng: np.random.Generator) -> list[np.ndarray]:
        """B in the shape of every kernel above the first, where the feedback has matrices of its own."""
        if self.feedback in ("transpose", "sign"):
            return []
        return [rng.normal(0, np.sqrt(2 / sum(shape)), shape) for shape in network.kernel_shapes[1:]]

    def feedback_directions(self, network: Network) -> list[Any]:
        """None where the feedback is the kernel itself or its signs, else the ways between all layers but the first."""
        ways = [*pairwise(unit_directions(network))][1:]
        return [] if self.feedback in ("transpose", "sign") else ways

    def signal(self, layer: int, above: np.ndarray, run: Pass) -> np.ndarray:
        """What a signal at the pre-activations of the layer above says at a hidden layer's activations."""
        W = run.kernels[layer + 1]
        if self.feedback == "transpose":
            return product(above, W.T)
        if self.feedback == "sign":
            c = np.sqrt(np.vdot(W, W) / W.size)
            return product(c * above, np.sign(W).T)
        return product(above, run.feedback[layer].T)

    def follow(self, feedback: list[np.ndarray], increments: list[np.ndarray], decay: float) -> None:
        """Give the feedback the increments and the decay of the kernels, where it learns."""
        if self.feedback == "kolen_pollack":
            for B, increment in zip(feedback, increments[1:], strict=True):
                B *= decay
                B += increment
