"""An optimiser of somebody else's as a value: where it started, and all that it was told since.

Such an object changes with every call, may hold what cannot be pickled, and knows no way back. But what it asks follows
from its start and from the losses that it was told. So these are the state of a fit; the living object goes along from
step to step, and where it is not at hand, after unpickling or for a step that is repeated, it is made anew and told the
same losses again, which takes its own arithmetic and no evaluation. Read `Search` first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

_LIVING: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()  # optimisers, by the record of what they were told


def keep(record: Any, optimizer: Any) -> None:
    """Have an optimiser at hand for whoever goes on from a record; pickled and copied records have none."""
    _LIVING[record] = optimizer


def take(record: Any) -> Any:
    """The optimiser of a record, if it is at hand; it will change, so that nobody else may have it."""
    return _LIVING.pop(record, None)


@dataclass(eq=False)
class Search:
    """An optimiser after some generations.

    Attributes
    ----------
    x0 : ndarray of shape (D,)
        Where the search starts.
    sigma : float
        First standard deviation of each coordinate.
    seed : int
    size : int
        Members of a generation, for optimisers that can be told.
    told : list of ndarray
        Losses of the generations so far.
    """

    x0: np.ndarray
    sigma: float
    seed: int
    size: int
    told: list[np.ndarray] = field(default_factory=list)

    def optimizer(self, make: Callable) -> Any:
        """The optimiser, alive or made anew; it is the caller's from now on."""
        optimizer = take(self)
        if optimizer is None:
            optimizer = made(make, self.x0, self.sigma, self.seed, self.size)
            for losses in self.told:
                optimizer.tell(optimizer.ask(), losses)
        return optimizer

    def after(self, optimizer: Any, asked: Any, losses: np.ndarray) -> Search:
        """The search one generation later; tells the optimiser."""
        optimizer.tell(asked, losses)
        following = replace(self, told=[*self.told, losses])
        keep(following, optimizer)
        return following


def made(make, x0, sigma, seed, size) -> Any:
    """What a factory makes, if that can ask and tell; otherwise a sentence."""
    optimizer = make(x0.astype(np.float64), sigma, seed, size)
    if not all(callable(getattr(optimizer, name, None)) for name in ("ask", "tell")):
        raise TypeError(
            f"optimizer of AskTell must make an object with the methods ask() and tell(population, losses), but "
            f"{make!r} made {type(optimizer).__name__}; wrap it, as bpfree_optimisers.adapters does."
        )
    return optimizer


def population(asked, n_weights) -> np.ndarray:
    """What an optimiser asks for as an array (P, n_weights), or a sentence."""
    array = np.asarray(asked, np.float64)
    if array.ndim != 2 or array.shape[1] != n_weights or not len(array):
        raise ValueError(
            f"ask() of the optimizer of AskTell must give some vectors of {n_weights} numbers, got an array of shape "
            f"{array.shape}; wrap it, as bpfree_optimisers.adapters does."
        )
    return array
