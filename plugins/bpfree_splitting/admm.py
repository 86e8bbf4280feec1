"""ADMM: activations and pre-activations are variables, one multiplier holds the outputs to what the last layer makes.

With Z_l the pre-activations, A_l the activations (A_0 the rows), M the multiplier, over all rows at once, for l = 1 ...
L-1:

    W_l, b_l  = argmin rho/2 |Z_l - A_{l-1} W_l - b_l|^2 + n lambda/2 |W_l|^2 + alpha/2 |move|^2
    A_l       = argmin rho/2 |Z_{l+1} - A_l W_{l+1} - b_{l+1}|^2 + gamma/2 |A_l - f(Z_l)|^2
    Z_l       = argmin gamma |A_l - f(Z_l)|^2 + rho |Z_l - A_{l-1} W_l - b_l|^2      element by element

then W_L and b_L, and, with T = A_{L-1} W_L + b_L - M / rho, the outputs and the multiplier:

    Z_L  = argmin loss(Z_L, Y) + rho/2 |Z_L - T|^2,      M <- M + rho (Z_L - A_{L-1} W_L - b_L)

(Taylor, Burmeister, Xu, Singh, Patel and Goldstein 2016.) No gradient by a weight, no learning rate. What the variables
say need not hold for the network, so that every sweep is judged by a forward pass. Read `sweep` first.
"""

from __future__ import annotations

import numpy as np

from bpfree_splitting import blocks
from bpfree_splitting.splitting import Splitting
from sklearn_bpfree.plugin import ACTIVATIONS, affine


class ADMM(Splitting):
    """ADMM: layers' inputs and outputs are variables solved for in closed form, a multiplier holds the outputs.

    Parameters
    ----------
    gamma : float, default=1.0
        Price of an activation that is not that of its pre-activation.
    rho : float, default=1.0
        Price of a pre-activation that is not what the layer makes of its inputs; also the step of the multiplier.
    alpha : float, default=1.0
        Price of a move of kernels and biases.

    weight_decay : float, default=0.01
        lambda, of the kernels.

    References
    ----------
    Taylor, Burmeister, Xu, Singh, Patel and Goldstein (2016), "Training neural networks without gradients: a scalable
    ADMM approach", ICML.
    """

    def sweep(self, v, problem):
        for block in self.blocks(v, problem):
            block()
        Z = affine(v.below(len(v.W) - 1, problem.X), v.W[-1], v.b[-1])
        v.multiplier = v.multiplier + self.rho * (v.U[-1] - Z)
        v.V[-1] = v.U[-1]

    def blocks(self, v, problem):
        """The blocks of a sweep in their order, all but the multiplier, as functions that solve for one of them."""
        g, r, a, L = self.gamma, self.rho, self.alpha, len(v.W)
        loss, f = problem.differentiable_loss, problem.network.activation

        def weights(layer):
            U = v.U[layer] + v.multiplier / r if layer == L - 1 else v.U[layer]
            A, W, b = v.below(layer, problem.X), v.W[layer], v.b[layer]
            v.W[layer], v.b[layer] = blocks.layer(A, U, W, b, problem.sample_weight, r, a, self.weight_decay)

        def activations(layer):
            U = v.U[layer + 1] + v.multiplier / r if layer == L - 2 else v.U[layer + 1]
            T = ACTIVATIONS[f].apply(v.U[layer].copy())
            v.V[layer] = blocks.inputs(U, v.W[layer + 1], v.b[layer + 1], T, r, g)

        def pre_activations(layer):
            c = affine(v.below(layer, problem.X), v.W[layer], v.b[layer])
            v.U[layer] = blocks.between(v.V[layer], c, v.U[layer], f, g, r, 0.0)

        def outputs():
            T = affine(v.below(L - 1, problem.X), v.W[-1], v.b[-1]) - v.multiplier / r
            v.U[-1] = blocks.outputs(v.U[-1], problem.Y, loss, T, r, v.U[-1], 0.0)

        for layer in range(L - 1):
            yield lambda layer=layer: weights(layer)
            yield lambda layer=layer: activations(layer)
            yield lambda layer=layer: pre_activations(layer)
        yield lambda: weights(L - 1)
        yield outputs

    def objective(self, v, problem) -> float:
        """The augmented Lagrangian, the weighted mean over rows; every block but the multiplier lowers it."""
        f, total = ACTIVATIONS[problem.network.activation].apply, problem.differentiable_loss.loss(v.U[-1], problem.Y)
        for layer in range(len(v.W)):
            gap = v.U[layer] - affine(v.below(layer, problem.X), v.W[layer], v.b[layer])
            total = total + self.rho / 2 * np.square(gap).sum(axis=1)
            if layer < len(v.W) - 1:
                total = total + self.gamma / 2 * np.square(v.V[layer] - f(v.U[layer].copy())).sum(axis=1)
            else:
                total = total + (v.multiplier * gap).sum(axis=1)
        kernels = sum(np.square(W).sum() for W in v.W)
        return float(np.average(total, weights=problem.sample_weight) + self.weight_decay / 2 * kernels)
