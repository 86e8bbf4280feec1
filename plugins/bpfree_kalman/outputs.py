"""Raw outputs of an ensemble, in blocks of rows that workers have no say in."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from sklearn_bpfree.plugin import BLOCK_MEMBERS, Network, member_outputs

GROUP_BYTES = 1 << 20  # a group of members and a block of rows are such that the widest layer takes about this much
OUTPUT_BYTES = 1 << 23  # outputs of all members for a block of rows take at most this; a block's peak is six times that
SUM_BYTES = 1 << 26  # the sums that are kept until they are added up take at most this much


def row_blocks(n: int, network: Network, n_members: int, itemsize: int) -> list[slice]:
    """Blocks of about equal size that workers have no say in: in cache, and with outputs of bounded size."""
    in_cache = max(GROUP_BYTES // (BLOCK_MEMBERS * max(network.layer_sizes[1:]) * itemsize), 32)
    bounded = max(OUTPUT_BYTES // (n_members * network.n_outputs * itemsize), 1)
    n_blocks = max(-(-n // min(in_cache, bounded, 2048)), 1)
    ends = [n * i // n_blocks for i in range(n_blocks + 1)]
    return [slice(*pair) for pair in pairwise(ends)]


def row_groups(n: int, network: Network, n_members: int, itemsize: int, sum_bytes: int) -> list[list[slice]]:
    """The blocks in runs, one for each task, which are so few that all their sums of `sum_bytes` may be kept."""
    blocks = row_blocks(n, network, n_members, itemsize)
    n_groups = max(min(len(blocks), SUM_BYTES // sum_bytes), 1)
    return [blocks[slice(*pair)] for pair in pairwise(len(blocks) * i // n_groups for i in range(n_groups + 1))]


def outputs_of(network: Network, members, X) -> np.ndarray:
    """Raw outputs of all members for some rows, features first: (P, K, n)."""
    Z = np.empty((len(members), network.n_outputs, X.shape[0]), members.dtype)
    for start in range(0, len(members), BLOCK_MEMBERS):
        group = slice(start, start + BLOCK_MEMBERS)
        Z[group] = member_outputs(network, members[group], X)
    return Z


def take_rows(rows, X, Y, weight):
    """Some rows of a batch, with weights of one where there are none."""
    return X[rows], Y[rows], np.ones(len(Y[rows]), Y.dtype) if weight is None else weight[rows]
