"""What `noprop` carries from step to step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bpfree_noprop.blocks import Group
from bpfree_noprop.embedding import Embedding
from sklearn_bpfree.plugin import Loss, State


@dataclass(eq=False, kw_only=True)
class NoPropState(State):
    """State of `NoProp`; `weights` hold what fits into the network, with one hidden layer all but V of the first block.

    Attributes
    ----------
    groups : list of Group
        The blocks, in order.
    embedding : Embedding
    objective : Loss
    key : int
        Seed of the chains' noise.
    left_out : tuple of (rows, targets) or None
        For values: what the first block left out in the last pass.
    t : int
        Number of updates so far.
    """

    groups: list[Group]
    embedding: Embedding
    objective: Loss
    key: int
    left_out: Any = None
    t: int = 0

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return sum(group.sizes[0] for group in self.groups)

    @property
    def is_classifier(self) -> bool:
        """Whether the blocks guess probabilities."""
        return self.objective.is_classification
