"""A fit that fails: the estimator stays what it was, and what the trainer could not do is said in one sentence."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import numpy as np

from sklearn_bpfree.estimators.checking import value_trainers
from sklearn_bpfree.estimators.compat import Method
from sklearn_bpfree.estimators.magnitudes import largest_column
from sklearn_bpfree.estimators.parameters import trainer_name
from sklearn_bpfree.nn.objectives import ObjectiveError


def all_or_nothing(method: Method) -> Method:
    """A fit that raises leaves the estimator exactly as it was, the fitted attributes of the last fit included."""

    @functools.wraps(method)
    def whole(self, *args, **kwargs):
        before = dict(vars(self))
        history = before.get("history_", [])
        n_rows = len(history)
        try:
            return method(self, *args, **kwargs)
        except BaseException:
            del history[n_rows:]  # a fit that goes on appends to it
            vars(self).clear()
            vars(self).update(before)
            raise

    return cast(Method, whole)


@contextmanager
def in_sentences(estimator, problem) -> Iterator[None]:
    """What a trainer cannot do with the objective, the rows or the memory becomes one sentence."""
    try:
        yield
    except ObjectiveError as error:
        raise ValueError(
            f"The trainer {trainer_name(estimator.trainer)!r} needs the output error of a loss, but {error}; use a "
            f"loss, such as loss='auto', or a trainer that only needs values (registered: {value_trainers()})."
        ) from error
    except (np.linalg.LinAlgError, ArithmeticError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")
        raise ValueError(too_large(estimator, problem, f"its computation broke down ({reason})")) from error
    except MemoryError as error:
        raise MemoryError(
            f"The trainer {trainer_name(estimator.trainer)!r} needs more memory than there is for {problem.n_samples} "
            f"rows and {problem.network.n_weights} weights; use fewer hidden units, a smaller batch_size or "
            "another trainer."
        ) from error


def too_large(estimator, problem, what) -> str:
    """The sentence about rows that a trainer cannot learn from."""
    return (
        f"The trainer {trainer_name(estimator.trainer)!r} cannot learn from these rows, because {what}: "
        f"{largest_column(estimator, problem.X)}; scale the columns, or check the trainer's hyper-parameters."
    )
