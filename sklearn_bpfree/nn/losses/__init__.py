"""The losses: closed forms of what `Loss` would find out, and their names."""

from sklearn_bpfree.nn.loss import Loss
from sklearn_bpfree.nn.losses.named import REGRESSION_LOSSES, find_loss, named_losses
from sklearn_bpfree.nn.losses.of_classes import BinaryLogLoss, LogLoss
from sklearn_bpfree.nn.losses.of_values import AbsoluteError, HuberLoss, PoissonLoss, QuantileLoss, SquaredError

__all__ = [
    "REGRESSION_LOSSES",
    "AbsoluteError",
    "BinaryLogLoss",
    "HuberLoss",
    "LogLoss",
    "Loss",
    "PoissonLoss",
    "QuantileLoss",
    "SquaredError",
    "find_loss",
    "named_losses",
]
