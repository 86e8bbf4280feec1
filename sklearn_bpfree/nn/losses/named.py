"""The losses by name."""

from __future__ import annotations

from sklearn_bpfree.nn.loss import Loss
from sklearn_bpfree.nn.losses.of_classes import BinaryLogLoss, LogLoss
from sklearn_bpfree.nn.losses.of_values import AbsoluteError, HuberLoss, PoissonLoss, QuantileLoss, SquaredError

REGRESSION_LOSSES = {
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "huber": HuberLoss,
    "quantile": QuantileLoss,
    "poisson": PoissonLoss,
}


def find_loss(loss, kind, n_outputs, quantile=None) -> Loss | None:
    """The loss that the estimator's `loss` parameter means, bound to the targets; None if it means no loss.

    Parameters
    ----------
    loss : object
        "auto", a loss's name, a `Loss`, or anything else.
    kind : {"values", "labels", "classes"}
        Of the targets.
    n_outputs : int
    quantile : float, default=None
        For ``loss="quantile"``.

    Raises
    ------
    ValueError
        If the loss does not suit the targets.
    """
    named = named_losses(kind, quantile)
    if isinstance(loss, str):
        return next(iter(named.values())) if loss == "auto" else named.get(loss)
    if not isinstance(loss, Loss):
        return None
    if loss.kind not in (None, kind):
        raise ValueError(f"loss={loss!r} does not suit these targets; give one of {['auto', *named]}.")
    return loss.bind(kind, n_outputs)


def named_losses(kind, quantile=None) -> dict[str, Loss]:
    """The losses for targets of a kind by name, the default first."""
    if kind != "values":
        return {"log_loss": LogLoss() if kind == "classes" else BinaryLogLoss()}
    named: dict[str, Loss] = {name: cls() for name, cls in REGRESSION_LOSSES.items()}
    return named if quantile is None else named | {"quantile": QuantileLoss(quantile)}
