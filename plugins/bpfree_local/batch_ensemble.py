"""Members that share all weights: one net, and for each member a scale of its own on every input.

    z_i(x)  = Z(r_i * x)           Z a sum of readouts, the same for all members; r_i signs at first, then learned
    loss    = mean over the members of theirs, each on its own part of a minibatch
    dL/dr_i = sum_x x * (W_1 delta_1(x))           over the part of member i
    output  = mean_i z_i(x)

The rows of a minibatch are dealt out to the members at random, so that an update costs hardly more than a single
net's, however many there are; predictions cost a net for each. What is shared has to suit all members, which see the
inputs with different signs: that keeps a net from learning by heart, as much as the mean of the members' outputs does.
Read `batch_gradient` first.
"""

from dataclasses import replace
from typing import ClassVar

import numpy as np
from sklearn.utils import check_scalar

from bpfree_local.sum_of_readouts import SumOfReadouts
from sklearn_bpfree.plugin import dense


class BatchEnsemble(SumOfReadouts):
    """An ensemble in one net: members share all weights and scale the inputs, each in its own way.

    Hidden layers learn as in `SumOfReadouts`, and the scales by the signal of the first one.

    Parameters
    ----------
    members : int, default=4
        Number of members. More make predictions dearer, not the fit; each sees fewer rows, and clean tables suffer.

    References
    ----------
    Wen, Tran and Ba (2020), "BatchEnsemble: an alternative approach to efficient ensemble and lifelong learning", ICLR
    (rank-one factors on shared weights; here those on the inputs of the first layer alone).

    Gorishniy, Kotelnikov and Babenko (2025), "TabM: advancing tabular deep learning with parameter-efficient
    ensembling", ICLR (the variant TabM-mini, which shares everything but such scales and the heads).
    """

    offers: ClassVar[tuple[str, ...]] = ("partial_fit",)

    members: int = 4

    def param_distributions(self):
        return super().param_distributions() | {"members": [2, 4, 8]}

    def check_parameters(self):
        super().check_parameters()
        check_scalar(self.members, "members", int, min_val=1)

    def init_feedback(self, network, rng):
        """The readouts of the hidden layers below the last, and then the scales: random signs."""
        signs = rng.integers(2, size=(self.members, network.layer_sizes[0])) * 2.0 - 1
        return [*super().init_feedback(network, rng), signs]

    def batch_gradient(self, run, batch, dropout=None):
        scales, X = run.feedback[-1], dense(batch.X)
        member = deal(run.rng, len(X), self.members)
        loss = super().batch_gradient(run, batch._replace(X=X * scales[member]), dropout)
        X = X * run.lowest.dot(run.kernels[0].T)
        dealt = np.equal.outer(np.arange(self.members), member).astype(X.dtype)
        dealt.dot(X, run.feedback_gradient[-1])
        return loss

    def follow(self, feedback, increments, decay):
        """The readouts decay as kernels do, the scales do not."""
        super().follow(feedback[:-1], increments, decay)

    def outputs(self, state, network, X):
        nets = _nets(state, network)
        Z = super().outputs(next(nets), network, X)
        for net in nets:
            Z += super().outputs(net, network, X)
        return Z / len(state.feedback[-1])

    def formula(self, state, network, X):
        first, *others = (super(BatchEnsemble, self).formula(net, network, X) for net in _nets(state, network))
        return sum(others, first) / len(state.feedback[-1])


def deal(rng, n, members) -> np.ndarray:
    """The member (n,) that sees each row of a minibatch, drawn; all members see as many, give or take one."""
    return rng.permutation(n) % members


def _nets(state, network):
    """The members as nets of their own: their scales are factors of the first kernel's rows."""
    *readouts, scales = state.feedback
    for scale in scales:
        weights = state.weights.copy()
        network.unpack(weights)[0][0][:] *= scale[:, None]
        yield replace(state, weights=weights, feedback=readouts)
