"""Block-coordinate descent with three copies a layer: every block is solved for exactly, and the objective only falls.

With U_l the pre-activations, V_l the activations (V_0 the rows, f_L the identity), over all rows at once:

    F = loss(V_L, Y) + sum_l gamma/2 |V_l - f_l(U_l)|^2 + rho/2 |U_l - V_{l-1} W_l - b_l|^2 + n lambda/2 |W_l|^2

and a sweep from the top layer down, each block by its minimiser plus alpha/2 |move|^2 where alpha stands:

    V_L (alpha),  then for l = L ... 1:   U_l (alpha),   W_l and b_l (alpha),   V_{l-1}

(Zeng, Lau, Lin and Yao 2019; Lau, Zeng, Wu and Yao 2018.) There is no learning rate and no gradient by a weight. What F
says of the copies need not hold for the network, so that every sweep is judged by a forward pass. Read `sweep` first.
"""

from __future__ import annotations

import numpy as np

from bpfree_splitting import blocks
from bpfree_splitting.splitting import Splitting
from sklearn_bpfree.plugin import ACTIVATIONS, affine


class BCD(Splitting):
    """Block-coordinate descent: activities and pre-activations are variables, solved for layer by layer from the top.

    Parameters
    ----------
    gamma : float, default=1.0
        Price of an activation that is not that of its pre-activation.
    rho : float, default=1.0
        Price of a pre-activation that is not what the layer makes of its inputs.
    alpha : float, default=1.0
        Price of a move: how firmly kernels, biases and pre-activations are held to what they were.

    weight_decay : float, default=0.01
        lambda, of the kernels.

    References
    ----------
    Zeng, Lau, Lin and Yao (2019), "Global convergence of block coordinate descent in deep learning", ICML.
    Lau, Zeng, Wu and Yao (2018), "A proximal block coordinate descent algorithm for deep neural network training",
    arXiv 1803.09082.
    """

    def sweep(self, v, problem):
        for block in self.blocks(v, problem):
            block()

    def blocks(self, v, problem):
        """The blocks of a sweep in their order, as functions that solve for one of them."""
        g, r, a, L = self.gamma, self.rho, self.alpha, len(v.W)
        loss, f = problem.differentiable_loss, problem.network.activation

        def outputs():
            v.V[-1] = blocks.outputs(v.V[-1], problem.Y, loss, v.U[-1], g, v.V[-1], a)

        def pre_activations(layer):
            c = affine(v.below(layer, problem.X), v.W[layer], v.b[layer])
            kind = f if layer < L - 1 else "identity"
            v.U[layer] = blocks.between(v.V[layer], c, v.U[layer], kind, g, r, a)

        def weights(layer):
            A, W, b = v.below(layer, problem.X), v.W[layer], v.b[layer]
            v.W[layer], v.b[layer] = blocks.layer(A, v.U[layer], W, b, problem.sample_weight, r, a, self.weight_decay)

        def activations(layer):
            T = ACTIVATIONS[f].apply(v.U[layer - 1].copy())
            v.V[layer - 1] = blocks.inputs(v.U[layer], v.W[layer], v.b[layer], T, r, g)

        yield outputs
        for layer in range(L - 1, -1, -1):
            yield lambda layer=layer: pre_activations(layer)
            yield lambda layer=layer: weights(layer)
            if layer:
                yield lambda layer=layer: activations(layer)

    def objective(self, v, problem) -> float:
        """F, the weighted mean over rows."""
        f, total = ACTIVATIONS[problem.network.activation].apply, problem.differentiable_loss.loss(v.V[-1], problem.Y)
        for layer in range(len(v.W)):
            H = f(v.U[layer].copy()) if layer < len(v.W) - 1 else v.U[layer]
            gap = v.U[layer] - affine(v.below(layer, problem.X), v.W[layer], v.b[layer])
            total = total + self.gamma / 2 * np.square(v.V[layer] - H).sum(axis=1)
            total = total + self.rho / 2 * np.square(gap).sum(axis=1)
        kernels = sum(np.square(W).sum() for W in v.W)
        return float(np.average(total, weights=problem.sample_weight) + self.weight_decay / 2 * kernels)
