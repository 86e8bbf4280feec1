"""What the ladder carries from step to step."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bpfree_ladder.member import Member
from bpfree_ladder.unseen import ValuesUnseen
from sklearn_bpfree.plugin import FOR_TRAINING, Spread, State


@dataclass(eq=False, kw_only=True)
class LadderState(State):
    """State of a `Ladder`.

    Attributes
    ----------
    members : list of Member
    held_out : ndarray of int
        Numbers of the rows by which the members are weighed.
    losses : ndarray of shape (n_members, n_held_out)
        Sums of the members' losses on these rows in the last steps of the search; 0 before and afterwards.
    seed : int
        Source of the order in which the members see the rows.
    decay : float
        The decay that the members settled on; NaN before.
    temperature : float
        By which raw outputs are divided; 1 before it is known.
    companion : State or None
        State of the net of another kind; None before the last step, and where there is none.
    honest : ndarray of shape (n_held_out, K) or None
        Of a single net: its outputs for the held-out rows before it learned from them.
    unseen : ValuesUnseen, Spread or None
        What rows that were not learned say of others; None before the end.
    """

    members: list[Member]
    held_out: np.ndarray = field(metadata=FOR_TRAINING)
    losses: np.ndarray = field(default_factory=lambda: np.zeros(()), metadata=FOR_TRAINING)
    seed: int
    decay: float = float("nan")
    temperature: float = 1.0
    companion: State | None = None
    honest: np.ndarray | None = field(default=None, metadata=FOR_TRAINING)
    unseen: ValuesUnseen | Spread | None = None

    @property
    def searches(self) -> bool:
        """Whether the members have not yet settled on a decay."""
        return bool(np.isnan(self.decay))

    def left_out(self, i: int) -> np.ndarray:
        """Numbers of the rows that member i does not learn from: all held-out ones in the search, then its part."""
        if self.searches:
            return self.held_out
        return self.held_out[i :: len(self.members)] if len(self.members) > 1 else self.held_out[:0]
