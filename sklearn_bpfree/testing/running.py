"""How a check is run: whatever goes wrong becomes one sentence that names the trainer and the check."""

from __future__ import annotations

import traceback
from functools import partial
from pathlib import Path
from unittest import SkipTest

from sklearn_bpfree.plugin.registry import get_trainer
from sklearn_bpfree.plugin.trainer import Trainer
from sklearn_bpfree.testing.asking import Failure
from sklearn_bpfree.testing.of_sklearn import sklearn_check


def resolve(trainer) -> Trainer:
    """A Trainer object from a registered name, an object or a class."""
    if isinstance(trainer, str):
        return get_trainer(trainer)
    if isinstance(trainer, type) and issubclass(trainer, Trainer):
        try:
            return trainer()
        except TypeError as error:
            raise AssertionError(
                f"{trainer.__name__} cannot be made without arguments ({error}); define init and step and give every "
                "field a default."
            ) from error
    if isinstance(trainer, Trainer):
        return trainer
    raise AssertionError(f"A trainer must be a registered name, a Trainer or a subclass of it, got {trainer!r}.")


def run_check(check, trainer):
    """Call a check; whatever goes wrong becomes an AssertionError that names the trainer and the check."""
    resolved = resolve(trainer)
    try:
        check(resolved)
    except SkipTest:
        raise
    except Exception as error:
        reason = str(error) if isinstance(error, Failure) else f"{type(error).__name__}: {str(error) or _line(error)}"
        reason = " ".join(reason.split()).rstrip(".")
        raise AssertionError(f"{type(resolved).__name__} fails {title(check)}: {reason}.") from error


def _line(error) -> str:
    """The line of code that raised an error, for those of scikit-learn's assertions that say no more."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{last.line} ({Path(last.filename).name}, line {last.lineno})"


def title(check):
    """Name of a check, with scikit-learn's parameters where it has any."""
    if not isinstance(check, partial):
        return check.__name__
    if check.func is not sklearn_check:
        return f"{check.args[0].__name__}-{check.func.__name__.lstrip('_')}"
    kind_name, _, inner = check.args
    options = ",".join(f"{key}={value}" for key, value in inner.keywords.items())
    return f"{kind_name}-{inner.func.__name__}" + (f"({options})" if options else "")
