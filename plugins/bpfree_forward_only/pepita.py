"""PEPITA: the rows go up twice, the second time moved by their own error, and what that changes is the signal.

With E the output error of each row after the first pass, F (K, d) fixed, and A'_l the activities of

    X' = X - E F

hidden layers learn by what the second pass lacks, the output layer by its error:

    G_l = A_{l-1}^T (A_l - A'_l),      G_L = A_{L-1}^T E

- "pepita": as above (Dellaferrera and Kreiman 2022, who take the inputs A'_{l-1} of the second pass. Those hold E F, so
  that F W_1 feeds itself and grows without end under Adam: of the two this is the one that stays).
- "mempepita": G_l = A_{l-1}^T A_l - A'_{l-1}^T A'_l, a Hebbian term in each pass, so that the first one need not be
  remembered (Pau and Aymone 2023).
- "foton": hidden kernels are kept orthogonal, W^T W = I, by a Bjoerck step after each update, and F is the transposed
  product of all kernels. Through linear layers that narrow, what comes up is then what would have come down.

To first order A_1 - A'_1 is f' * (E F W_1), and the layers above hear of it through their own kernels: feedback that
follows them. Only "foton" transposes kernels. Read `batch_gradient` first.
"""

from __future__ import annotations

from functools import reduce

import numpy as np
from scipy.stats import loguniform
from sklearn.utils import check_scalar

from sklearn_bpfree.plugin import ErrorSignalTrainer, advance, affine, check_choice, dense, write_gradient


class Pepita(ErrorSignalTrainer):
    """PEPITA: a second forward pass on rows moved by their error takes the place of the backward pass.

    Parameters
    ----------
    learning_rate : float, default=2e-3
    weight_decay : float or None, default=None
        None: 0.1; what comes up is weak beside a stronger decay.
    mode : {"foton", "pepita", "mempepita"}, default="foton"
        Orthogonal kernels and an F that follows them; or an F that stays as drawn, with the difference of the two
        passes or a product of the activities of each. These two want hundreds of columns: in few, F alone says in
        which direction rows move, and may say the wrong one.
    scale : float, default=0.05
        Size of the movement: that of F's entries in units of sqrt(6 / d), or with "foton" a factor on the product of
        the kernels.

    References
    ----------
    Dellaferrera and Kreiman (2022), "Error-driven input modulation: solving the credit assignment problem without a
    backward pass", ICML.
    Pau and Aymone (2023), "Suitability of Forward-Forward and PEPITA learning to MLCommons-Tiny benchmarks", COINS.
    """

    learning_rate: float = 2e-3
    mode: str = "foton"
    scale: float = 0.05

    @property
    def transposes(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """All kernels with "foton", which multiplies them; none otherwise."""
        return "all" if self.mode == "foton" else "none"

    def param_distributions(self):
        return super().param_distributions() | {"scale": loguniform(0.01, 1)}

    def check_parameters(self):
        super().check_parameters()
        check_choice(self, "mode", ("foton", "pepita", "mempepita"))
        check_scalar(self.scale, "scale", (int, float), min_val=0, include_boundaries="neither")

    def default_decay(self, n_samples, n_features):
        return 0.1

    def init_feedback(self, network, rng):
        """F, unless it follows the kernels."""
        if self.mode == "foton":
            return []
        d, K = network.layer_sizes[0], network.n_outputs
        return [rng.uniform(-1, 1, (K, d)) * self.scale * np.sqrt(6 / d)]

    def init(self, problem, rng):
        """With "foton" the hidden kernels start orthogonal."""
        state = super().init(problem, rng)
        if self.mode != "foton":
            return state
        weights = state.weights.copy()
        for W in problem.network.unpack(weights)[0][:-1]:
            U, _, Vt = np.linalg.svd(W, full_matrices=False)
            W[:] = U @ Vt
        return advance(state, weights=weights)

    def updates(self, run, batch):
        """One for a minibatch; with "foton" a step back to orthogonal kernels follows it."""
        yield self.batch_gradient(run, batch)
        if self.mode == "foton":
            for W in run.kernels[:-1]:
                orthogonalise(W)

    def batch_gradient(self, run, batch, dropout=None):
        loss = self.forward(run, batch, self.dropout if dropout is None else dropout)
        first, second = [batch.X, *run.hidden], self._second_pass(run)
        write_gradient(first[-1], run.error, run.kernel_gradients[-1], run.bias_gradients[-1])
        for layer in range(len(run.hidden)):
            gW, gb = run.kernel_gradients[layer], run.bias_gradients[layer]
            if self.mode != "mempepita":
                write_gradient(first[layer], run.share(first[layer + 1] - second[layer + 1]), gW, gb)
                continue
            again = run.share(second[layer + 1])
            write_gradient(first[layer], run.share(first[layer + 1]), gW, gb)
            gW -= second[layer].T @ again
            gb -= again.sum(axis=0)
        return loss

    def signal(self, layer, above, run):
        """Not called: what a hidden layer learns from is no signal at its activities."""
        raise NotImplementedError

    def _second_pass(self, run):
        """Rows moved by their error, and the hidden activities that they bring about, with the same units silent."""
        F = self.scale * reduce(np.matmul, run.kernels).T if self.mode == "foton" else run.feedback[0]
        activities = [dense(run.batch.X) - run.row_errors() @ F]
        for (W, b), (_, _, mask) in zip(run.layers, run.trace, strict=False):
            A = run.activation.apply(affine(activities[-1], W, b))
            activities.append(A if mask is None else A * mask)
        return activities


def orthogonalise(W) -> None:
    """One Bjoerck step towards W^T W = I, or W W^T = I for a kernel that widens, in place."""
    if W.shape[0] >= W.shape[1]:
        W[:] = 1.5 * W - 0.5 * W @ (W.T @ W)
    else:
        W[:] = 1.5 * W - 0.5 * (W @ W.T) @ W
