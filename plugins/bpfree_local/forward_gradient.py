"""Forward gradient: guess a direction, measure how steeply the loss falls along it, and go that far along it.

    u         random signs or normal numbers
    D         = dL/du, the exact derivative along u, carried up beside the activities (forward mode)
    estimate  = D u                                                     its mean over u is the gradient

What is perturbed, and which loss is measured:

    perturb="weights"     u in the shape of the kernels and biases, one D for the whole minibatch
    perturb="activities"  u in the shape of the hidden activities, one D per row
    scope="global"        D of the network's loss, through the layers above
    scope="local"         D_g of the layer's own head, one for each group of units; the last one's is the output layer

"weights" and "global" are Baydin et al. 2022; "activities" and "local" are the LG-FG-A of Ren et al. 2022. No weight is
transposed in any of them. Read `signal` first, then `batch_gradient`.
"""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_scalar

from bpfree_local.heads import draw_heads, head_and_error, start_heads
from sklearn_bpfree.plugin import ErrorSignalTrainer, check_choice, product, random_signs, write_gradient


class ForwardGradient(ErrorSignalTrainer):
    """Forward gradient: exact derivatives along random directions stand in for the gradient, with nothing sent back.

    Parameters
    ----------
    perturb : {"activities", "weights"}, default="activities"
        What the random directions move.
    scope : {"local", "global"}, default="local"
        Whose loss is measured: each hidden layer's own readout's, or the network's. With "local" the output layer and
        the readouts learn from their own error, exactly; so does the output layer when activities are perturbed.
    group_size : int or None, default=4
        Units that share a derivative in a local scope; the noise grows with it. None: the whole layer.
    n_directions : int, default=1
        Directions that are averaged.
    noise : {"sign", "normal"}, default="sign"
        Distribution of the directions. Signs have the least variance: one unit a group and signs are the exact gradient
        of the local loss.

    References
    ----------
    Baydin, Pearlmutter, Syme, Wood and Torr (2022), "Gradients without backpropagation", arXiv 2202.08587.
    Ren, Kornblith, Liao and Hinton (2022), "Scaling forward gradient with local losses", arXiv 2210.03310.
    """

    perturb: str = "activities"
    scope: str = "local"
    group_size: int | None = 4
    n_directions: int = 1
    noise: str = "sign"

    def check_parameters(self):
        super().check_parameters()
        check_choice(self, "perturb", ("activities", "weights"))
        check_choice(self, "scope", ("local", "global"))
        check_choice(self, "noise", ("sign", "normal"))
        check_scalar(self.n_directions, "n_directions", int, min_val=1)
        if self.group_size is not None:
            check_scalar(self.group_size, "group_size", int, min_val=1)

    @property
    def learns_feedback(self):
        return self.scope == "local"

    def init_feedback(self, network, rng):
        """A_l, c_l of each hidden layer but the last in a local scope."""
        return draw_heads(network, rng) if self.scope == "local" else []

    def init(self, problem, rng):
        """The heads' biases start where the output layer's does."""
        state = super().init(problem, rng)
        if self.scope == "local":
            start_heads(state.feedback, problem)
        return state

    def signal(self, layer, above, run):
        """Activities perturbed, local scope: D_g u_g of each row and group of units; what is above has no say in it."""
        H, (A, q) = run.hidden[layer], head_and_error(layer, run)
        signal = np.zeros_like(H)
        for _ in range(self.n_directions):
            u = self._activity_noise(H, run)
            signal += u * self._along(u, A, q)
        return signal / self.n_directions if self.n_directions > 1 else signal

    def batch_gradient(self, run, batch, dropout=None):
        if (self.perturb, self.scope) == ("activities", "local"):
            return super().batch_gradient(run, batch, dropout)
        loss = self.forward(run, batch, self.dropout if dropout is None else dropout)
        inputs = [batch.X, *run.hidden]
        write_gradient(inputs[-1], run.error, run.kernel_gradients[-1], run.bias_gradients[-1])
        if self.perturb == "weights":
            self._perturb_weights(run, inputs)
        elif run.hidden:
            self._perturb_activities(run, inputs)
        return loss

    def follow(self, feedback, increments, decay):
        """Heads decay as kernels do."""
        for B in feedback[::2]:
            B *= decay

    def _perturb_activities(self, run, inputs):
        """Global scope: D u with one D per row."""
        signals = [np.zeros_like(H) for H in run.hidden]
        for _ in range(self.n_directions):
            noise = [self._activity_noise(H, run) for H in run.hidden]
            D = output_slope(run, noise, 0.0)[:, None] / self.n_directions
            for signal, u in zip(signals, noise, strict=True):
                signal += D * u
        for layer, signal in enumerate(signals):
            delta = run.chain(layer, signal)
            write_gradient(inputs[layer], delta, run.kernel_gradients[layer], run.bias_gradients[layer])

    def _perturb_weights(self, run, inputs):
        """D u with one D for the minibatch (global), or one for each group of units (local, hidden layers only)."""
        n_layers = len(run.kernels) - (self.scope == "local")
        gradients = [*run.kernel_gradients[:n_layers], *run.bias_gradients[:n_layers]]
        heads = [head_and_error(layer, run) for layer in range(n_layers)] if self.scope == "local" else []
        for g in gradients:
            g[:] = 0
        for _ in range(self.n_directions):
            noise = [self._draw(g.shape, g.dtype, run.rng) for g in gradients]
            own = [product(H, U) + u for H, U, u in zip(inputs, noise, noise[n_layers:], strict=False)]
            hidden = [run.chain(layer, dZ) for layer, dZ in enumerate(own[: len(run.hidden)])]
            if self.scope == "global":
                slopes = [output_slope(run, hidden, own[-1]).sum()] * n_layers
            else:
                slopes = [self._along(dH, A, q).sum(0) for dH, (A, q) in zip(hidden, heads, strict=True)]
            for g, u, D in zip(gradients, noise, slopes * 2, strict=True):
                g += u * (D / self.n_directions)

    def _activity_noise(self, H, run):
        """Noise for a hidden layer; none for silent units, which no signal could pass."""
        return self._draw(H.shape, H.dtype, run.rng) * (H != 0)

    def _draw(self, shape, dtype, rng):
        if self.noise == "normal":
            return rng.standard_normal(shape, dtype)
        return random_signs(rng, shape, dtype)

    def _along(self, T, A, q):
        """Derivative (b, d) of a head's loss along the tangents T (b, d) of each unit's group."""
        (b, d), K = T.shape, A.shape[1]
        size = min(self.group_size or d, d)
        n_groups = -(-d // size)
        if n_groups * size > d:  # the last group is filled up
            spare = n_groups * size - d
            T, A = np.pad(T, ((0, 0), (0, spare))), np.pad(A, ((0, spare), (0, 0)))
        by_output = T.reshape(b, n_groups, size).transpose(1, 0, 2) @ A.reshape(n_groups, size, K)
        return np.repeat(np.einsum("gbk,bk->bg", by_output, q), size, axis=1)[:, :d]


def output_slope(run, own, own_output) -> np.ndarray:
    """Derivative of each row's loss, (b,), when a layer's activities move by what comes from below and by its own."""
    T = None
    for layer, dH in enumerate(own):
        T = dH if T is None else dH + run.chain(layer, T @ run.kernels[layer])
    dZ = own_output if T is None else T @ run.kernels[-1] + own_output
    return np.einsum("bk,bk->b", dZ, run.error)
