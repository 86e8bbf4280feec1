"""NoProp: every block learns, on its own, to guess the label from the row and a noisy label; a chain of them predicts.

    z_t = m(t) u + s(t) eps                  what a block is given in training: no other block has a part in it
    û = origin + link(q(x, z_t)) U           its guess of u; what it minimises is the estimator's loss of q
    z_r = a û + b z_t + sqrt(c) eps          prediction: from noise at time 0 to the label at time 1, block by block

Of T blocks each owns the times from i / T to (i + 1) / T. Nothing passes between blocks in training, up or down, and
no signal comes down through transposed weights inside of one. The letters m, s, a, b, c are explained in `paths`, q and
its learning in `blocks`, u in `embedding`. Read `step` first, then `chain`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from scipy.stats import loguniform

from bpfree_noprop.blocks import Group, as_network, draw_groups, first_gradient, learn, solve_ridges
from bpfree_noprop.chains import left_out_rows, mean_guess, mean_guess_formula, standard_deviation, steps_per_block
from bpfree_noprop.embedding import Embedding, embed
from bpfree_noprop.parameters import budget, check_objective, check_parameters, widths_of_blocks
from bpfree_noprop.paths import PATHS
from bpfree_noprop.state import NoPropState
from sklearn_bpfree.plugin import ACTIVATIONS, Trainer, advance

P_MIN = 1e-6  # probabilities stay so far away from 0 and 1


class NoProp(Trainer):
    """NoProp: independent blocks learn to denoise a label embedding; a chain of them predicts.

    Each entry of `hidden_layer_sizes` is the hidden layer of one block, all of which see the row; a single entry stands
    for `n_blocks` blocks of that width.

    Parameters
    ----------
    variant : {"dt", "ct", "fm"}, default="dt"
        Discrete-time diffusion, where a block knows one level of noise; continuous-time diffusion and flow matching,
        where it is given the time, too, and takes several steps at prediction. ``n_blocks=1`` is the papers' "ct" and
        "fm", one net for all times.
    learner : {"fa", "ridge", "backprop"}, default="fa"
        How a block learns: by feedback alignment; by a closed-form readout of random hidden units, of which it takes
        many, for the log-losses and the squared error; or by the block's exact gradient, for comparison only.
    n_blocks : int, default=None
        None: one for each entry of `hidden_layer_sizes`, or 5 where there is only one.
    embedding : {"one_hot", "learned", "prototypes"}, default="one_hot"
        Where the labels lie: at unit vectors (yes/no outputs at -1 and 1, values standardised), at the classes' means
        in their leading principal directions, or at the row nearest to the mean of its class.
    embedding_dim : int, default=None
        Dimensions of "learned"; None: the number of classes, at most 20.
    predict_with : {"mean", "last"}, default="mean"
        Predict by the mean of what the blocks guess along the chain, or by the guess of the last one.
    n_chains : int, default=None
        Number of noisy chains, rounded up to pairs of opposite noise, whose guesses are averaged; 0: one chain without
        noise. None: 0 for values, 8 for probabilities.
    n_steps : int, default=20
        Steps of the chain for "ct" and "fm", rounded up to a multiple of the number of blocks.
    learning_rate : float, default=6e-3
        Peak learning rate of Adam.
    schedule : {"linear", "cosine", "constant"}, default="linear"
        How the learning rate falls to the end of the fit, after a warm-up.
    warmup : float, default=0.05
        Fraction of the fit over which the learning rate rises from zero.
    weight_decay : float, default=1.0
        Decoupled weight decay: kernels shrink by ``learning_rate * weight_decay`` in every update; biases do not.
    dropout : float, default=0.0
        Probability of a hidden unit being silent in an update.
    beta_1, beta_2 : float, default=0.9, 0.97
        Decay rates of Adam's moments.
    penalty : float, default=1e-3
        Penalty of "ridge", in units of the mean square of the features.
    redraws : int, default=4
        Latents drawn for each row in a step of "ridge"; further steps add to them.

    References
    ----------
    Li, Teh and Pascanu (2025), "NoProp: Training neural networks without full back-propagation or full
    forward-propagation", arXiv:2503.24322.
    """

    offers: ClassVar[tuple[str, ...]] = ("partial_fit", "return_std")
    state_types: ClassVar[tuple[type, ...]] = (NoPropState, Group, Embedding)

    variant: str = "dt"
    learner: str = "fa"
    n_blocks: int | None = None
    embedding: str = "one_hot"
    embedding_dim: int | None = None
    predict_with: str = "mean"
    n_chains: int | None = None
    n_steps: int = 20
    learning_rate: float = 6e-3
    schedule: str = "linear"
    warmup: float = 0.05
    weight_decay: float = 1.0
    dropout: float = 0.0
    beta_1: float = 0.9
    beta_2: float = 0.97
    penalty: float = 1e-3
    redraws: int = 4

    def param_distributions(self):
        return {
            "learning_rate": loguniform(2e-3, 2e-2),
            "weight_decay": loguniform(0.1, 10),
            "dropout": [0.0, 0.1, 0.3],
        }

    def check_parameters(self):
        check_parameters(self)

    def budget(self, n_samples, n_features):
        """Three updates per row, 150 to 800, below 1500 rows; 25 times their square root, at most 4000, from there on.

        Batches have 64 rows below 1500 rows, 128 below 4000, and 200 from there on. Two steps for "ridge".
        """
        return budget(self, n_samples)

    def init(self, problem, rng):
        check_objective(self, problem.differentiable_loss)
        embedding = embed(problem, self.embedding, self.embedding_dim)
        k, (d, *widths, K) = len(embedding.origin) + (self.variant != "dt"), problem.network.layer_sizes
        groups = draw_groups(widths_of_blocks(self, widths), (d, k, K), problem, rng, self.learner)
        key = int(rng.integers(2**32))
        weights = as_network(groups, problem.network)
        return NoPropState(weights, groups=groups, embedding=embedding, objective=problem.differentiable_loss, key=key)

    def step(self, state, problem, rng):
        """One pass of every block over the rows; groups of blocks in parallel."""
        n, left_out = len(state.groups), left_out_rows(state, problem.n_samples)
        learner = solve_ridges if self.learner == "ridge" else learn
        groups = problem.map(learner, n, self, state, left_out, rng.spawn(n))
        problem.n_evaluations += problem.n_samples
        kept = left_out if left_out.any() else slice(None)
        return advance(
            state,
            weights=as_network(groups, problem.network),
            loss=float(np.average([group.loss for group in groups], weights=[group.sizes[0] for group in groups])),
            groups=groups,
            left_out=None if state.is_classifier else (problem.X[kept], problem.Y[kept]),
            t=state.t + problem.n_batches,
        )

    def noisy(self, state, group, Y, rng) -> np.ndarray:
        """Latents z_t (g, n, k) of a group's blocks for targets (n, K); with t as a further one where it varies."""
        u = state.embedding(Y)
        g, dtype = group.sizes[0], u.dtype
        t = (group.first + np.arange(g)[:, None, None]) / state.n_blocks
        if self.variant != "dt":
            t = t + rng.random((g, len(u), 1)) / state.n_blocks
        m, s = (share.astype(dtype) for share in PATHS[self.variant].mix(t))
        z = rng.standard_normal((g, *u.shape), dtype=dtype)
        z *= s
        z += m * u
        return z if self.variant == "dt" else np.concatenate([z, t.astype(dtype)], axis=2)

    def chain(self, state, network, X, noise=None) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """The steps of denoising, from the first to the last.

        Parameters
        ----------
        state : NoPropState
        network : Network
        X : ndarray or sparse array of shape (n, n_features)
        noise : ndarray of shape (S, 1 + n_steps, k), default=None
            Where S chains start and what is added in each step, the same for all rows; None: one chain without noise.

        Yields
        ------
        q : ndarray of shape (S, n, K)
            Raw outputs of the block.
        P : ndarray of shape (S, n, K)
            Its guess: probabilities or values.
        z : ndarray of shape (S, n, k)
            The latents that the guess leads to.
        """
        f, path, dtype = ACTIVATIONS[network.activation], PATHS[self.variant], np.result_type(state.weights, X.dtype)
        X, (U_origin, U) = X.astype(dtype, copy=False), (part.astype(dtype) for part in state.embedding)
        T, per_block, k = state.n_blocks, steps_per_block(self, state), len(U_origin)
        noise = np.zeros((1, 1 + T * per_block, k)) if noise is None else noise
        begin, *added = noise.astype(dtype).transpose(1, 0, 2)[:, :, None]
        z = np.repeat(begin, X.shape[0], axis=1)
        for group in state.groups:
            for i, (W, V, C, b, c) in enumerate(zip(*group.unpack(group.parameters.astype(dtype)), strict=True)):
                Z_x = X @ W + b
                for j in range(per_block):
                    step = (group.first + i) * per_block + j
                    t, r = step / (T * per_block), (step + 1) / (T * per_block)
                    Z = Z_x + z @ V[:k]
                    if self.variant != "dt":
                        Z += dtype.type(t) * V[k]
                    q = f.apply(Z) @ C + c
                    P = q if self.learner == "ridge" else state.objective.link(q)
                    to_guess, stay, spread = (dtype.type(x) for x in path.move(t, r))
                    z = to_guess * (U_origin + P @ U) + stay * z + np.sqrt(spread) * added[step]
                    yield q, P, z

    def outputs(self, state, network, X):
        """Raw outputs of the mean guess over chains and steps, or over the chains' last guesses."""
        P = mean_guess(self, state, network, X)
        if not state.is_classifier:
            return P  # they are raw outputs already
        return state.objective.inverse_link(np.clip(P, P_MIN, 1 - P_MIN if state.objective.kind == "labels" else None))

    def formula(self, state, network, X):
        P = mean_guess_formula(self, state, network, X)
        if not state.is_classifier:
            return P
        P = P.clip(P_MIN, 1 - P_MIN if state.objective.kind == "labels" else 1)
        return state.objective.inverse_link_formula(P)

    def predictive(self, state, network, X):
        """Mean guess, and the spread of noisy chains in the scale of left-out rows' errors."""
        if state.left_out is None:
            raise ValueError(
                "The trainer NoProp does not say how sure its predictions are, because the fit ended before its first "
                "step; scale the features or lower the learning rate."
            )
        mean = state.objective.link(self.outputs(state, network, X))
        return mean, standard_deviation(self, state, network, X)

    def gradient(self, state, problem, batch):
        """What the first block learns from at z = 0; zero, so of no angle, where `weights` do not hold it."""
        if len(problem.network.layer_sizes) != 3 or self.learner == "ridge":
            return [np.zeros(shape, problem.dtype) for shape in problem.network.kernel_shapes]
        return first_gradient(state, self.learner, problem, batch)
