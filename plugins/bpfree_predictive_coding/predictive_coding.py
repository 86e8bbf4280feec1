"""Predictive coding: each layer predicts the next one, activities settle where the errors are least, weights follow.

With x_l the latent pre-activations of layer l (x_0 the rows), E the output error at mu_L, and

    mu_l  = f(x_{l-1}) W_l + b_l             what layer l is predicted to be
    eps_l = x_l - mu_l,   eps_L = -E         errors of prediction; the output is held at the target

T steps of inference lower the energy  sum_l |eps_l|^2 / 2 + loss(mu_L),  all layers at once and from the forward pass:

    x_l <- x_l + gamma (-eps_l + (eps_{l+1} W_{l+1}^T) * f'(x_l))

and the step down the energy by W_l is  -f(x_{l-1})^T eps_l. When that is taken:

- "strict": once, after inference (Whittington and Bogacz 2017).
- "incremental": after every step of inference, which goes on with the new weights (Salvatori et al. 2024).
- "zil": layer L - t after step t, with gamma = 1: the gradient to the last bit but rounding (Song et al. 2020).
- "fixed_prediction": as "strict", but mu_l and f'(x_l) stay as in the forward pass; from gamma = 1 and as many steps as
  there are hidden layers on it is the gradient, too (Millidge et al. 2022).

Predictions are those of an ordinary forward pass. Read `batch_gradient` first, then `_infer` and `_errors`.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from sklearn.utils import check_scalar

from sklearn_bpfree.plugin import FeedbackTrainer, affine, check_choice, write_gradient

MODES = ("strict", "incremental", "zil", "fixed_prediction")
EXACT = ("zil", "fixed_prediction")  # modes that give the gradient
STEPS, GAMMA = 8, 0.1  # of inference in "strict" and "incremental", where they are not given


class PredictiveCoding(FeedbackTrainer):
    """Predictive coding: activities settle between the row and its target, and each layer learns from its own error.

    Parameters
    ----------
    mode : {"strict", "incremental", "zil", "fixed_prediction"}, default="strict"
        When the weights learn, and whether predictions change during inference. The last two give the gradient; with
        "incremental" the `T` updates of a minibatch share its learning rate.
    T : int or None, default=None
        Steps of inference, in each of which errors come down by one layer. None: 8, or in the modes that give the
        gradient the number of hidden layers.
    gamma : float or None, default=None
        Size of a step of inference. None: 0.1, or 1 in the modes that give the gradient.

    References
    ----------
    Whittington and Bogacz (2017), "An approximation of the error backpropagation algorithm in a predictive coding
    network with local Hebbian synaptic plasticity", Neural Computation 29.
    Song, Lukasiewicz, Xu and Bogacz (2020), "Can the brain do backpropagation? Exact implementation of backpropagation
    in predictive coding networks", NeurIPS.
    Millidge, Tschantz and Buckley (2022), "Predictive coding approximates backprop along arbitrary computation graphs",
    Neural Computation 34.
    Salvatori, Song, Yordanov, Millidge, Sha, Emde, Xu, Bogacz and Lukasiewicz (2024), "A stable, fast, and fully
    automatic learning algorithm for predictive coding networks", ICLR.
    """

    mode: str = "strict"
    T: int | None = None
    gamma: float | None = None

    keeps_inputs: ClassVar[bool] = True

    def param_distributions(self):
        return super().param_distributions() | {"mode": ["strict", "incremental"], "gamma": [0.05, 0.1, 0.2]}

    def check_parameters(self):
        super().check_parameters()
        check_choice(self, "mode", MODES)
        if self.T is not None:
            check_scalar(self.T, "T", int, min_val=0)
        if self.gamma is not None:
            check_scalar(self.gamma, "gamma", (int, float), min_val=0, include_boundaries="neither")
        for name in ("T", "gamma"):
            if self.mode == "zil" and getattr(self, name) is not None:
                raise ValueError(
                    f"{name} of PredictiveCoding with mode='zil' follows from the number of layers, got "
                    f"{getattr(self, name)!r}; leave it at None, or use mode='strict'."
                )

    def steps(self, n_hidden: int) -> int:
        """T, steps of inference for a network with some hidden layers."""
        if self.T is not None:
            return self.T
        return n_hidden if self.mode in EXACT else STEPS

    def size(self) -> float:
        """gamma, the size of a step of inference."""
        if self.gamma is not None:
            return self.gamma
        return 1.0 if self.mode in EXACT else GAMMA

    @property
    def updates_per_batch(self):
        return max(1, self.steps(0)) if self.mode == "incremental" else 1

    def updates(self, run, batch):
        """One for a minibatch, or one beside every step of inference."""
        if self.mode != "incremental":
            yield self.batch_gradient(run, batch)
            return
        loss = self.forward(run, batch, self.dropout)
        for _ in range(self.updates_per_batch):
            eps = self._errors(run)
            self._write(range(len(eps)), eps, run)
            self._infer(run, eps)
            yield loss

    def batch_gradient(self, run, batch, dropout=None):
        loss = self.forward(run, batch, self.dropout if dropout is None else dropout)
        L, fixed, zil = len(run.kernels), self.mode == "fixed_prediction", self.mode == "zil"
        first = run.trace[0][0].copy() if run.trace else None  # mu_1, which does not depend on the latents
        eps = [*(np.zeros_like(H) for H in run.hidden), -run.row_errors()]
        if zil:
            self._write([L - 1], eps, run)
        for t in range(1, self.steps(L - 1) + 1):
            self._infer(run, eps)
            if not fixed:
                eps = self._errors(run, first)
            if zil:
                self._write([L - 1 - t], eps, run)
        if not zil:
            self._write(range(L), eps, run)
        return loss

    def _infer(self, run, eps):
        """One step of inference: moves the latents of `run`, or with fixed predictions the errors, in place."""
        for layer, (x, _, mask) in enumerate(run.trace):
            step = run.chain(layer, self.signal(layer, eps[layer + 1], run))
            step -= eps[layer]
            step *= self.size()
            if self.mode == "fixed_prediction":
                eps[layer] += step
                continue
            x += step
            A = run.activation.apply(x.copy())
            run.trace[layer] = (x, A, mask)
            run.hidden[layer] = A if mask is None else A * mask

    def _errors(self, run, first=None):
        """eps of every layer at the present latents; `first` is the first layer's prediction, if it is known."""
        inputs = [run.batch.X, *run.hidden]
        predicted = [
            affine(H, W, b) if layer or first is None else first
            for layer, (H, (W, b)) in enumerate(zip(inputs, run.layers, strict=True))
        ]
        latents = [x for x, _, _ in run.trace]
        return [*(x - mu for x, mu in zip(latents, predicted, strict=False)), -run.row_errors(predicted[-1])]

    def _write(self, layers, eps, run):
        """Write the gradients of the energy by the weights that lead into some layers."""
        inputs = [run.batch.X, *run.hidden]
        for layer in layers:
            delta = -run.share(eps[layer])
            write_gradient(inputs[layer], delta, run.kernel_gradients[layer], run.bias_gradients[layer])
