"""NoProp: every block learns, on its own, to guess the label from the row and a noisy label; a chain of them predicts.

    z_t = m(t) u + s(t) eps                  what a block is given in training: no other block has a part in it
    û = origin + link(q(x, z_t)) U           its guess of u; what it minimises is the estimator's loss of q
    z_r = a û + b z_t + sqrt(c) eps          prediction: from noise at time 0 to the label at time 1, block by block

Of T blocks each owns the times from i / T to (i + 1) / T. Nothing passes between blocks in training, up or down, and
no signal comes down through transposed weights inside of one. The letters m, s, a, b, c are explained in `paths`, q and
its learning in `blocks`, u in `embedding`. Read `step` first, then `chain`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, ClassVar

import numpy as np
from scipy import special
from scipy.stats import loguniform
from sklearn.utils import check_scalar, gen_batches

from bpfree_noprop.blocks import Group, as_network, draw, learn, solve
from bpfree_noprop.embedding import EMBEDDINGS, embed
from bpfree_noprop.paths import PATHS
from sklearn_bpfree import Budget, State, Trainer, advance
from sklearn_bpfree.error_signal import check_choice
from sklearn_bpfree.network import ACTIVATIONS
from sklearn_bpfree.objectives import BinaryLogLoss, LogLoss, SquaredError
from sklearn_bpfree.optimizers import SCHEDULES
from sklearn_bpfree.parallel import Workers

N_BLOCKS = 5  # where `hidden_layer_sizes` has a single entry
STACK = 1 << 16  # blocks with up to so many weights of the inputs, together, are trained as one stack
CHAINS, STD_CHAINS = 8, 32  # for probabilities, and for standard deviations
LEFT_OUT = 200  # about so many rows, at most every fifth, are left out by the first block to measure the noise
CHUNK_BYTES = 1 << 22  # rows are predicted in chunks whose hidden activations take about this much memory
P_MIN = 1e-6  # probabilities stay so far away from 0 and 1


@dataclass(eq=False)
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

    groups: list[Group] = field(default_factory=list)
    embedding: Any = None
    objective: Any = None
    key: int = 0
    left_out: Any = None
    t: int = 0

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return sum(group.sizes[0] for group in self.groups)

    @property
    def is_classifier(self) -> bool:
        """Whether the blocks guess probabilities."""
        return isinstance(self.objective, (LogLoss, BinaryLogLoss))


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
        choices = {
            "variant": PATHS,
            "learner": ("fa", "ridge", "backprop"),
            "embedding": EMBEDDINGS,
            "predict_with": ("mean", "last"),
            "schedule": SCHEDULES,
        }
        for name, allowed in choices.items():
            check_choice(self, name, allowed)
        for name, least in {"n_blocks": 1, "embedding_dim": 1, "n_chains": 0, "n_steps": 1, "redraws": 1}.items():
            if getattr(self, name) is not None:
                check_scalar(getattr(self, name), name, int, min_val=least)
        number = (int, float)
        for name in ("learning_rate", "penalty"):
            check_scalar(getattr(self, name), name, number, min_val=0, include_boundaries="neither")
        check_scalar(self.weight_decay, "weight_decay", number, min_val=0)
        check_scalar(self.warmup, "warmup", number, min_val=0, max_val=1)
        for name in ("dropout", "beta_1", "beta_2"):
            check_scalar(getattr(self, name), name, number, min_val=0, max_val=1, include_boundaries="left")

    def budget(self, n_samples, n_features):
        """Three updates per row, 150 to 800, below 1500 rows; 25 times their square root, at most 4000, from there on.

        Batches have 64 rows below 1500 rows, 128 below 4000, and 200 from there on. Two steps for "ridge".
        """
        if self.learner == "ridge":
            return Budget(max_iter=2, batch_size=1000)
        batch_size = 64 if n_samples < 1500 else 128 if n_samples < 4000 else 200
        updates = np.clip(3 * n_samples, 150, 800) if n_samples < 1500 else min(25 * np.sqrt(n_samples), 4000)
        batches = -(-n_samples // batch_size)
        return Budget(max_iter=max(1, round(updates / batches)), batch_size=batch_size)

    def init(self, problem, rng):
        if self.learner == "ridge" and not isinstance(problem.objective, (LogLoss, BinaryLogLoss, SquaredError)):
            raise ValueError(
                "learner='ridge' of NoProp solves for the log-losses and the squared error only, got "
                f"{type(problem.objective).__name__}; use learner='fa'."
            )
        embedding = embed(problem, self.embedding, self.embedding_dim)
        k, (d, *widths, K) = len(embedding.origin) + (self.variant != "dt"), problem.network.layer_sizes
        groups, first = [], 0
        for h, same in groupby(self._widths(widths)):
            left = len(list(same))
            while left:
                g = min(left, max(1, STACK // (d * h)))
                groups.append(draw(first, (g, d, k, h, K), problem, rng, self.learner))
                first, left = first + g, left - g
        key = int(rng.integers(2**32))
        weights = as_network(groups, problem.network)
        return NoPropState(weights, groups=groups, embedding=embedding, objective=problem.objective, key=key)

    def _widths(self, widths):
        """Hidden units of each block."""
        if len(widths) == 1:
            return widths * (self.n_blocks or N_BLOCKS)
        if not widths:
            raise ValueError("NoProp needs hidden units, got hidden_layer_sizes=(); give the width of each block.")
        if self.n_blocks not in (None, len(widths)):
            raise ValueError(
                f"n_blocks={self.n_blocks} of NoProp does not go with the {len(widths)} entries of hidden_layer_sizes; "
                "give one entry per block, or a single one."
            )
        return widths

    def step(self, state, problem, rng):
        """One pass of every block over the rows; groups of blocks in parallel."""
        rows = copy.copy(problem)
        rows.workers = Workers()  # a problem travels without its workers
        flag = self._left_out(state, len(problem.Y))
        rows.Y = np.hstack([problem.Y, flag.astype(problem.dtype)[:, None]])
        n = len(state.groups)
        learner = solve if self.learner == "ridge" else learn
        groups = problem.workers.map(learner, n, self, state, rows, rng.spawn(n))
        problem.n_evaluations += problem.n_samples
        kept = flag if flag.any() else slice(None)
        return advance(
            state,
            weights=as_network(groups, problem.network),
            loss=float(np.average([group.loss for group in groups], weights=[group.sizes[0] for group in groups])),
            groups=groups,
            left_out=None if state.is_classifier else (problem.X[kept], problem.Y[kept]),
            t=state.t + problem.n_batches,
        )

    def gradient(self, state, problem, batch):
        """What the first block learns from at z = 0; zero, so of no angle, where `weights` do not hold it."""
        kernels, biases = problem.network.unpack(state.weights)
        if len(kernels) != 2 or self.learner == "ridge":
            return [np.zeros_like(W) for W in kernels]
        f, F = ACTIVATIONS[problem.network.activation], state.groups[0].feedback[0]
        Z = batch.X @ kernels[0] + biases[0]
        H = f.apply(Z.copy())
        _, E = problem.output_error(H @ kernels[1] + biases[1], batch)
        signal = E @ (F if self.learner == "fa" else kernels[1].T)
        f.chain(signal, Z, H)
        return [batch.X.T @ signal, H.T @ E]

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
        T, per_block, k = state.n_blocks, self._steps_per_block(state), len(U_origin)
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
        n_chains = self.n_chains if self.n_chains is not None else CHAINS if state.is_classifier else 0
        noise = self._noise(state, n_chains) if n_chains else None

        def mean(X):
            steps = self.chain(state, network, X, noise)
            guesses = [(P if state.is_classifier else q).mean(axis=0) for q, P, _ in steps]
            return guesses[-1] if self.predict_with == "last" else np.mean(guesses, axis=0)

        P = _by_chunks(mean, X, max(n_chains, 1) * network.layer_sizes[1])
        if isinstance(state.objective, LogLoss):
            return np.log(np.maximum(P, P_MIN))
        if isinstance(state.objective, BinaryLogLoss):
            return special.logit(np.clip(P, P_MIN, 1 - P_MIN))
        return P

    def predictive(self, state, network, X):
        """Mean guess, and the spread of noisy chains in the scale of left-out rows' errors.

        A tenth of the variance is spread over all rows alike, lest chains agree for no good reason.
        """
        X_left, Y_left = state.left_out
        _, first, _ = next(self.chain(state, network, X_left))
        noise = np.maximum(np.square(first[0] - Y_left).mean(axis=0), P_MIN**2)
        typical = np.maximum(self._chain_variance(state, network, X_left).mean(axis=0), P_MIN**2)
        variance = noise * (0.1 + 0.9 * self._chain_variance(state, network, X) / typical)
        return state.objective.link(self.outputs(state, network, X)), np.sqrt(variance)

    def _chain_variance(self, state, network, X):
        noise = self._noise(state, STD_CHAINS)

        def variance(X):
            *_, (_, _, z) = self.chain(state, network, X, noise)
            return z.var(axis=0)

        return _by_chunks(variance, X, STD_CHAINS * network.layer_sizes[1])

    def _left_out(self, state, n):
        """Which of n rows the first block leaves out."""
        every = max(5, n // LEFT_OUT)
        return (np.arange(n) % every == every - 1) & (not state.is_classifier)

    def _steps_per_block(self, state):
        return 1 if self.variant == "dt" else -(-self.n_steps // state.n_blocks)

    def _noise(self, state, n_chains):
        """Noise of pairs of chains, one the other's opposite."""
        shape = (-(-n_chains // 2), 1 + state.n_blocks * self._steps_per_block(state), len(state.embedding.origin))
        half = np.random.default_rng(state.key).standard_normal(shape)
        return np.concatenate([half, -half])


def _by_chunks(function, X, units):
    """Results of a function of rows, for so few rows at a time that the activations of `units` units stay small."""
    size = max(64, CHUNK_BYTES // (units * X.dtype.itemsize))
    return np.concatenate([function(X[rows]) for rows in gen_batches(X.shape[0], size)])
