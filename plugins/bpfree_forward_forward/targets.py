"""Which targets the modes of `forward_forward` can serve."""

from __future__ import annotations


def kind_of(objective, values) -> str:
    """What the targets are: "classes", of which a row has one, "labels", yes or no each, "values" or "ordinal".

    Parameters
    ----------
    objective : Loss
    values : {"on_off", "ordinal"}
        What becomes of values.
    """
    return "ordinal" if objective.kind == "values" and values == "ordinal" else objective.kind


def check_targets(trainer, problem, kind) -> None:
    """Refuse in one sentence what a mode cannot serve."""
    K, name = problem.network.n_outputs, f"goodness={trainer.goodness!r}"
    if trainer.labels_rows and not (kind == "classes" or (kind == "labels" and K == 1)):
        given = f"{K} labels at once" if kind == "labels" else "values"
        raise ValueError(
            f"{name} with negatives={trainer.negatives!r} writes one class into every row and cannot serve {given}; "
            "use goodness='groups' or negatives='columns'."
        )
    least = K if kind == "classes" else 2 * K
    narrowest = min(problem.network.layer_sizes[1:-1], default=least)
    if trainer.goodness == "groups" and narrowest < least:
        raise ValueError(
            f"{name} needs at least {least} units in every hidden layer for these targets, got {narrowest}; use wider "
            "layers or another goodness."
        )
    if kind == "ordinal" and trainer.predict_with == "goodness" and not problem.differentiable_loss.has_identity_link:
        raise ValueError(
            "predict_with='goodness' of ordinal groups gives values and not raw outputs, such as their logarithms, "
            "which this loss needs; use predict_with='readout' or values='on_off'."
        )
