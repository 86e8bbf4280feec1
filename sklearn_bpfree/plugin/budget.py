"""How long a fit is where the user left it to the trainer: steps, rows in a minibatch, stopping."""

from __future__ import annotations

from typing import NamedTuple


class Budget(NamedTuple):
    """A trainer's own answer where the user left the choice to it.

    Attributes
    ----------
    max_iter : int
        Number of steps.
    batch_size : int
        Rows in a minibatch.
    early_stopping : bool
        Whether to hold out rows and stop on their score.
    tol : float or None
        Improvement of the training loss that counts; None: never stop on a plateau.
    """

    max_iter: int = 200
    batch_size: int = 200
    early_stopping: bool = False
    tol: float | None = None

    @classmethod
    def of_updates(cls, n_updates: float, n_samples: int) -> Budget:
        """About so many updates by minibatches of `minibatch_rows` rows; at least one pass over the rows."""
        size = minibatch_rows(n_samples)
        return cls(max_iter=max(1, round(n_updates / -(-n_samples // size))), batch_size=size)


def minibatch_rows(n_samples: int) -> int:
    """Rows in a minibatch that suit a table: 64 below 1500 rows, 128 below 4000, 200 from there on."""
    return 64 if n_samples < 1500 else 128 if n_samples < 4000 else 200
