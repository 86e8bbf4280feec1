"""What the trainers of this family have in common: how units are drawn, and how readouts and penalties are chosen."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy.stats import loguniform
from sklearn.utils import check_scalar

from bpfree_random_features.sampling import SAMPLINGS, layer
from sklearn_bpfree.plugin import Beside, Budget, Trainer, check_choice

MANY_ROWS = 5000  # from so many on a ridge tells more than two exclusive classes apart less well than their log-loss


class RandomFeatures(Trainer):
    """Base of the trainers whose hidden layers stay as drawn; its hyper-parameters are told in `RVFL`."""

    offers: ClassVar[tuple[str, ...]] = ()

    sampling: str = "normal"
    scale: float = 1.0
    readout: str = "auto"
    penalties: tuple[float, ...] = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2)

    samplings: ClassVar[tuple[str, ...]] = SAMPLINGS

    def param_distributions(self):
        return {"sampling": ["normal", "mixed", "pairs"], "scale": loguniform(0.1, 3)}

    def check_parameters(self):
        check_choice(self, "sampling", self.samplings)
        check_choice(self, "readout", ("auto", "ridge", "loss"))
        check_scalar(self.scale, "scale", (int, float), min_val=0, include_boundaries="neither")
        if not len(self.penalties) or not all(penalty > 0 for penalty in self.penalties):
            raise ValueError(
                f"penalties of {type(self).__name__} must be numbers > 0, at least one, got {self.penalties!r}."
            )

    def method(self, problem) -> str:
        """The method of `sklearn_bpfree.linear.readout.solve_readout`."""
        many = problem.differentiable_loss.kind == "classes" and problem.n_samples >= MANY_ROWS
        return "loss" if self.readout == "auto" and many else self.readout

    def budget(self, n_samples, n_features):
        """One step is the whole fit."""
        return Budget(max_iter=1)


def hidden_layers(network, draws, X):
    """The last hidden layers of some weight vectors of the network, side by side: features (n, draws x h).

    Units that see X itself are one wide layer, whichever draw they are of.
    """
    unpacked = [network.unpack(weights) for weights in draws]
    if len(network.layer_sizes) == 3:
        W, b = (np.concatenate([parts[i][0] for parts in unpacked], axis=-1) for i in (0, 1))
        return layer(X, W, b, network)
    features = []
    for kernels, biases in unpacked:
        H = X
        for W, b in zip(kernels[:-1], biases[:-1], strict=True):
            H = layer(H, W, b, network)
        features.append(H)
    return Beside(features)


def set_readouts(network, draws, kernel, bias) -> None:
    """Write a kernel (p, K) that reads `hidden_layers` into the output layers of the draws, in place.

    The bias is the first one's, so that the sum of their outputs is what the kernel and the bias say.
    """
    for i, (weights, part) in enumerate(zip(draws, np.split(kernel, len(draws)), strict=True)):
        kernels, biases = network.unpack(weights)
        kernels[-1][:], biases[-1][:] = part, 0 if i else bias
