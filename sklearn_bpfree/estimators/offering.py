"""What the trainer of an estimator offers beyond `fit`, and what is said where it does not."""

from __future__ import annotations

from sklearn_bpfree.estimators.parameters import trainer_name
from sklearn_bpfree.plugin.registry import get_trainer_class, inspect_trainers


def _offers(trainer, what):
    """Whether a trainer offers something; a name that fit will complain about is taken to offer everything."""
    try:
        kind = get_trainer_class(trainer) if isinstance(trainer, str) else trainer
    except (ValueError, ImportError):
        return True
    return what in getattr(kind, "offers", (what,))


def offers_partial_fit(estimator):
    """Whether the trainer, after a fit the one that was used, can take steps on other rows than before."""
    trainer = getattr(estimator, "trainer_", estimator.trainer)
    if not _offers(trainer, "partial_fit"):
        raise AttributeError(f"partial_fit is not offered by the trainer {trainer!r}; use fit.")
    return True


def offers_return_std(estimator):
    """Whether the trainer, after a fit the one that was used, can say how sure its predictions are."""
    trainer = getattr(estimator, "trainer_", estimator.trainer)
    if not _offers(trainer, "return_std"):
        raise AttributeError(no_return_std(trainer))
    return True


def offers_sets(estimator):
    """Whether the trainer, after a fit the one that was used, can say which classes a row may be of."""
    trainer = getattr(estimator, "trainer_", estimator.trainer)
    if not _offers(trainer, "sets"):
        able = [info.name for info in inspect_trainers() if "sets" in info.offers]
        raise AttributeError(
            f"The trainer {trainer_name(trainer)!r} has no prediction sets; use one that offers sets (registered: "
            f"{', '.join(able) or 'none'})."
        )
    return True


def no_return_std(trainer):
    able = [info.name for info in inspect_trainers() if "return_std" in info.offers]
    return (
        f"The trainer {trainer_name(trainer)!r} does not say how sure its predictions are; use one that offers "
        f"return_std (registered: {', '.join(able) or 'none'})."
    )
