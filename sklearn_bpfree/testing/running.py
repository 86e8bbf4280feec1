"""How a check is run: whatever goes wrong becomes one sentence that names the trainer and the check."""

from __future__ import annotations

import os
import time
from functools import partial
from unittest import SkipTest

from sklearn_bpfree.plugin.registry import get_trainer
from sklearn_bpfree.plugin.trainer import Trainer
from sklearn_bpfree.testing.asking import Failure, reason
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
        cause = error.__cause__ if isinstance(error, Failure) and error.__cause__ else error
        raise AssertionError(f"{type(resolved).__name__} fails {title(check)}: {reason(error)}.") from cause


class Report:
    """Runs checks and says which, how long each took, and how many passed."""

    def __init__(self, verbose=None):
        self.verbose = "PYTEST_CURRENT_TEST" not in os.environ if verbose is None else verbose
        self.n_passed, self.start = 0, time.perf_counter()

    def run(self, check, trainer):
        before = time.perf_counter()
        self._say(f"{title(check)} ", end="")
        try:
            run_check(check, trainer)
        except SkipTest as skipped:
            self._say(f"skipped: {skipped}")
        except AssertionError:
            self._say("failed")
            raise
        else:
            self.n_passed += 1
            self._say(f"{time.perf_counter() - before:.2f} s")

    def end(self, trainer):
        name, seconds = type(resolve(trainer)).__name__, time.perf_counter() - self.start
        self._say(f"{name} passes {self.n_passed} checks in {seconds:.1f} s.")

    def _say(self, text, end="\n"):
        if self.verbose:
            print(text, end=end, flush=True)


def title(check) -> str:
    """Name of a check, with scikit-learn's parameters where it has any."""
    if not isinstance(check, partial):
        return check.__name__
    if check.func is not sklearn_check:
        return f"{check.args[0].__name__}-{check.func.__name__.lstrip('_')}"
    kind_name, _, inner = check.args
    options = ",".join(f"{key}={value}" for key, value in inner.keywords.items())
    return f"{kind_name}-{inner.func.__name__}" + (f"({options})" if options else "")
