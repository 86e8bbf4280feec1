"""From a trainer's name to the trainer: the entry points of the group ``sklearn_bpfree.trainers``.

Built-in trainers and those of third parties are found in the same way. Listing names reads the metadata of the
installed distributions and imports no plugin; a broken plugin raises when its own name is asked for and never before.
"""

import difflib
import inspect
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.util import find_spec

from sklearn_bpfree.plugin.trainer import Trainer

GROUP = "sklearn_bpfree.trainers"


@dataclass(frozen=True)
class TrainerInfo:
    """What a listing shows of one registered trainer.

    ``missing`` are the packages that it needs and that are not installed, ``installation`` the command that installs
    them, ``error`` is the reason why it is broken.
    """

    name: str
    family: str
    distribution: str
    summary: str = ""
    needs: str = ""
    offers: tuple[str, ...] = ()
    transposes: str = ""
    slow: bool = False
    missing: tuple[str, ...] = ()
    installation: str = ""
    error: str | None = None


def list_trainers() -> list[str]:
    """Names of the registered trainers, sorted, without importing any of them.

    A name that several distributions claim is left out.

    Returns
    -------
    list of str
    """
    return sorted(name for name, claims in _claims().items() if len(claims) == 1)


def get_trainer(name: str, **params) -> Trainer:
    """Make the trainer registered under a name.

    Parameters
    ----------
    name : str
        One of :func:`list_trainers`.
    **params
        Hyper-parameters of the trainer; the others keep their defaults.

    Returns
    -------
    Trainer
    """
    trainer_class = get_trainer_class(name)
    valid = list(inspect.signature(trainer_class).parameters)
    unknown = [param for param in params if param not in valid]
    if unknown:
        raise ValueError(f"Trainer {name!r} has no parameter {_quoted(unknown)}; it takes {_quoted(valid) or 'none'}.")
    return trainer_class(**params)


def get_trainer_class(name: str) -> type[Trainer]:
    """Import the class of the trainer registered under a name.

    Parameters
    ----------
    name : str
        One of :func:`list_trainers`.

    Returns
    -------
    type
        A subclass of Trainer.
    """
    if not isinstance(name, str):
        raise TypeError(f"A trainer's name must be a str, got {name!r}; use one of {_quoted(list_trainers())}.")
    claims = _claims().get(name)
    if claims is None:
        raise ValueError(_unknown(name))
    if len(claims) > 1:
        owners = " and ".join(f"{_distribution(claim)} ({claim.value})" for claim in claims)
        raise ValueError(f"Trainer {name!r} is registered more than once, by {owners}; uninstall all but one of them.")
    return _load(claims[0])


def inspect_trainers() -> list[TrainerInfo]:
    """Describe every registered trainer, the broken ones included.

    This imports all plugins. One that cannot be used is described by its ``error`` and does not stop the others; a name
    that several distributions claim has one entry for each of them.

    Returns
    -------
    list of TrainerInfo
        Sorted by name.
    """
    return [_describe(claim) for _, claims in sorted(_claims().items()) for claim in claims]


def load_package(package: str) -> None:
    """Import the registered trainers of a package, so that its classes are known; a broken one is left alone."""
    for name, claims in _claims().items():
        if any(claim.value.partition(":")[0].partition(".")[0].strip() == package for claim in claims):
            with suppress(Exception):
                get_trainer_class(name)


@cache
def _claims() -> dict[str, list[metadata.EntryPoint]]:
    """Entry points by trainer name, read once per process; a usable name has exactly one.

    The same distribution may be met twice (an editable installation beside the checkout's egg-info): that counts once.
    """
    distinct = {(point.name, _owner(point), point.value): point for point in metadata.entry_points(group=GROUP)}
    claims: dict[str, list[metadata.EntryPoint]] = {}
    for point in distinct.values():
        claims.setdefault(point.name, []).append(point)
    return claims


def _load(point: metadata.EntryPoint) -> type[Trainer]:
    try:
        trainer_class = point.load()
    except (Exception, SystemExit) as error:  # a plugin that exits on import must not take the caller along
        reason = f"{type(error).__name__}: {str(error).strip()}".partition("\n")[0].rstrip(".: ")
        raise ImportError(
            f"{_plugin(point)} cannot be imported because of {reason}; repair or uninstall it."
        ) from error
    if not (isinstance(trainer_class, type) and issubclass(trainer_class, Trainer)):
        raise TypeError(
            f"{_plugin(point)} must be a subclass of sklearn_bpfree.Trainer, got {trainer_class!r}; correct its entry "
            "point."
        )
    if inspect.isabstract(trainer_class):
        missing = _quoted(sorted(trainer_class.__abstractmethods__))
        raise TypeError(f"{_plugin(point)} is an abstract class; define {missing} in it.")
    return trainer_class


def _describe(point: metadata.EntryPoint) -> TrainerInfo:
    family = point.value.partition(":")[0].partition(".")[0].strip().removeprefix("bpfree_")
    try:
        trainer = get_trainer(point.name)
        summary = inspect.cleandoc(trainer.__doc__ or "").partition("\n")[0]
        words = trainer.needs, tuple(trainer.offers), trainer.transposes, trainer.slow
        missing = tuple(name for name in trainer.packages if find_spec(name.partition(".")[0]) is None)
        installation = (trainer.installation or f"pip install {' '.join(missing)}") if missing else ""
    except Exception as error:
        return TrainerInfo(point.name, family, _distribution(point), error=str(error))
    return TrainerInfo(point.name, family, _distribution(point), summary, *words, missing, installation)


def _unknown(name: str) -> str:
    names = list_trainers()
    close = difflib.get_close_matches(name.lower(), names, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    return (
        f"There is no trainer {name!r}{hint}; use one of those registered, {_quoted(names) or 'at present none'}, "
        f"or install the distribution that brings {name!r}."
    )


def _owner(point: metadata.EntryPoint) -> str:
    return point.dist.name if point.dist else "an unknown distribution"


def _distribution(point: metadata.EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else _owner(point)


def _plugin(point: metadata.EntryPoint) -> str:
    return f"Trainer {point.name!r} ({point.value}) of the distribution {_distribution(point)}"


def _quoted(names: list[str]) -> str:
    return ", ".join(map(repr, names))
