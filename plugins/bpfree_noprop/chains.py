"""What many chains of `noprop` say together: their mean guess, and how far apart they end.

A chain starts from noise and is given noise on its way, the same for all rows. Chains come in pairs, one the other's
opposite. Read `NoProp.chain` first.
"""

from __future__ import annotations

import numpy as np
from sklearn.utils import gen_batches

from bpfree_noprop.paths import PATHS
from sklearn_bpfree.plugin import ACTIVATIONS, Formula

CHAINS, STD_CHAINS = 8, 32  # for probabilities, and for standard deviations
LEFT_OUT = 200  # about so many rows, at most every fifth, are left out by the first block to measure the noise
CHUNK_BYTES = 1 << 22  # rows are predicted in chunks whose hidden activations take about this much memory
FLOOR = 1e-6  # least standard deviation of errors and of chains


def steps_per_block(trainer, state) -> int:
    """Steps of denoising that one block takes."""
    return 1 if trainer.variant == "dt" else -(-trainer.n_steps // state.n_blocks)


def mean_guess(trainer, state, network, X) -> np.ndarray:
    """Mean over chains and steps, or over the chains' last guesses: probabilities, or raw outputs for values (n, K)."""
    n_chains = trainer.n_chains if trainer.n_chains is not None else CHAINS if state.is_classifier else 0
    noise = _noise(trainer, state, n_chains) if n_chains else None

    def mean(X):
        steps = trainer.chain(state, network, X, noise)
        guesses = [(P if state.is_classifier else q).mean(axis=0) for q, P, _ in steps]
        return guesses[-1] if trainer.predict_with == "last" else np.mean(guesses, axis=0)

    return _by_chunks(mean, X, max(n_chains, 1) * network.layer_sizes[1])


def mean_guess_formula(trainer, state, network, X) -> Formula:
    """The same as a formula of the rows, in which chains broadcast over them; see `NoProp.chain`."""
    f, path, (origin, U) = ACTIVATIONS[network.activation].formula, PATHS[trainer.variant], state.embedding
    n_chains = trainer.n_chains if trainer.n_chains is not None else CHAINS if state.is_classifier else 0
    per_block, k = steps_per_block(trainer, state), len(origin)
    n_steps = state.n_blocks * per_block
    noise = _noise(trainer, state, n_chains) if n_chains else np.zeros((1, 1 + n_steps, k))
    z, *added = noise.transpose(1, 0, 2)[:, :, None]
    guesses = []
    for group in state.groups:
        for W, V, C, b, c in zip(*group.unpack(group.parameters), strict=True):
            Z_x = X @ W + b
            for _ in range(per_block):
                step = len(guesses)
                t, r = step / n_steps, (step + 1) / n_steps
                Z = Z_x + z @ V[:k]
                q = f(Z if trainer.variant == "dt" else Z + t * V[k]) @ C + c
                P = q if trainer.learner == "ridge" else state.objective.link_formula(q)
                to_guess, stay, spread = path.move(t, r)
                z = to_guess * (origin + P @ U) + stay * z + np.sqrt(spread) * added[step]
                guesses.append(P if state.is_classifier else q)
    guesses = guesses[-1:] if trainer.predict_with == "last" else guesses
    return sum(guesses[1:], guesses[0]).sum(0) / (len(noise) * len(guesses))


def left_out_rows(state, n) -> np.ndarray:
    """Which of n rows the first block leaves out, (n,) of bool; none for classes."""
    every = max(5, n // LEFT_OUT)
    return (np.arange(n) % every == every - 1) & (not state.is_classifier)


def standard_deviation(trainer, state, network, X) -> np.ndarray:
    """The spread of noisy chains (n, K), in the scale of the first block's errors on the rows that it left out.

    A tenth of the variance is spread over all rows alike, lest chains agree for no good reason.
    """
    X_left, Y_left = state.left_out
    _, first, _ = next(trainer.chain(state, network, X_left))
    noise = np.maximum(np.square(first[0] - Y_left).mean(axis=0), FLOOR**2)
    typical = np.maximum(_variance(trainer, state, network, X_left).mean(axis=0), FLOOR**2)
    return np.sqrt(noise * (0.1 + 0.9 * _variance(trainer, state, network, X) / typical))


def _variance(trainer, state, network, X):
    """Variance of where chains end."""
    noise = _noise(trainer, state, STD_CHAINS)

    def variance(X):
        *_, (_, _, z) = trainer.chain(state, network, X, noise)
        return z.var(axis=0)

    return _by_chunks(variance, X, STD_CHAINS * network.layer_sizes[1])


def _noise(trainer, state, n_chains):
    """Noise of pairs of chains, (S, 1 + n_steps, k)."""
    shape = (-(-n_chains // 2), 1 + state.n_blocks * steps_per_block(trainer, state), len(state.embedding.origin))
    half = np.random.default_rng(state.key).standard_normal(shape)
    return np.concatenate([half, -half])


def _by_chunks(function, X, units):
    """Results of a function of rows, for so few rows at a time that the activations of `units` units stay small."""
    size = max(64, CHUNK_BYTES // (units * X.dtype.itemsize))
    return np.concatenate([function(X[rows]) for rows in gen_batches(X.shape[0], size)])
