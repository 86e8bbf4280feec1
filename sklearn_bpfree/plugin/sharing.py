"""How a problem's rows come to its workers once, and not with every call."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sklearn_bpfree.plugin.workers import Workers

if TYPE_CHECKING:
    from sklearn_bpfree.plugin.problem import Problem


@dataclass(eq=False)
class Store:
    """The rows of a problem as every worker has them, and what functions of them are remembered.

    Parameters
    ----------
    X : ndarray or CSR array of shape (n, n_features)
    Y : ndarray of shape (n, n_outputs)
    sample_weight : ndarray of shape (n,) or None
    y : ndarray or None
    """

    X: Any
    Y: np.ndarray
    sample_weight: np.ndarray | None
    y: Any
    _results: dict = field(default_factory=dict, init=False, repr=False)

    def __getstate__(self):
        return {**self.__dict__, "_results": {}}

    def remembered(self, function: Callable, problem: Problem, *args: Any) -> Any:
        """``function(problem, *args)``, remembered until it is asked for with other objects than `args`."""
        known = self._results.get(function)
        if known is None or any(old is not new for old, new in zip(known[0], args, strict=True)):
            known = self._results[function] = args, function(problem, *args)
        return known[1]


def without_rows(problem) -> Problem:
    """The problem as it travels, without what the workers have already."""
    bare = copy.copy(problem)
    bare.__dict__.pop("workers", None)
    bare.X = None
    bare.Y = bare.sample_weight = bare.y = None  # pyright: ignore[reportAttributeAccessIssue]
    return bare


@dataclass(frozen=True)
class ProblemFunction:
    """A function of a problem as one of the store and the problem without rows."""

    function: Callable

    def __call__(self, block, store, bare, *args):
        problem = copy.copy(bare)
        problem.X, problem.Y, problem.sample_weight, problem.y = store.X, store.Y, store.sample_weight, store.y
        problem.workers = Workers(1, store)
        return self.function(block, problem, *args)


@dataclass(frozen=True)
class RowsFunction:
    """A function of a batch as one of a block's number and a problem."""

    function: Callable
    size: int

    def __call__(self, block, problem, *args):
        return self.function(problem.take(slice(block * self.size, (block + 1) * self.size)), *args)
