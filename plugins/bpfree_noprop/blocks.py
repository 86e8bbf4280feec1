"""Blocks of equal width, stacked along the first axis of every array: how they guess and how they learn.

A block is one hidden layer that sees the row x and the latent z (and the time, where that varies within the block):

    h = f(x W + z V + b)        q = h C + c        P = link(q)        û = origin + P U

- "fa": with E = dL/dq, C learns by h^T E, and W and V by [x, z]^T ((E F) * f'), F random and fixed; all by Adam.
- "backprop": the same with C^T in the place of F: the exact gradient, for comparison only.
- "ridge": W, V and b stay as drawn, and [C; c] solves a ridge for the targets, over many draws of z; P = q.

Read `learn` first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate, groupby, pairwise
from math import prod

import numpy as np
from scipy import linalg, sparse

from sklearn_bpfree.plugin import ACTIVATIONS, Adam, Batch, product, schedule_factor

STACK = 1 << 16  # blocks with up to so many weights of the inputs, together, are trained as one stack
BIAS_SPREAD = 0.3  # of random hidden units, where their inputs have a spread of 1


@dataclass(eq=False)
class Group:
    """Some neighbouring blocks of equal width.

    Attributes
    ----------
    first : int
        Number of the first of them, from 0.
    sizes : tuple of int
        How many blocks, features, latents (the time among them), hidden units and outputs: g, d, k, h, K.
    parameters : ndarray of shape (n_parameters,)
        All kernels, W (g, d, h), V (g, k, h) and C (g, h, K), and after them the biases b (g, 1, h) and c (g, 1, K).
    feedback : ndarray of shape (g, K, h)
        The matrices F of "fa".
    slots : list of ndarray
        Adam's moving averages; for "ridge" the sums of [h, 1]^T [h, 1] and of [h, 1]^T y over all passes.
    loss : float
        Mean over blocks and rows during the last pass; NaN for "ridge".
    """

    first: int
    sizes: tuple[int, int, int, int, int]
    parameters: np.ndarray
    feedback: np.ndarray
    slots: list[np.ndarray]
    loss: float = float("nan")

    def unpack(self, vector) -> list[np.ndarray]:
        """Views W, V, C, b, c of a vector of parameters."""
        g, d, k, h, K = self.sizes
        shapes = [(g, d, h), (g, k, h), (g, h, K), (g, 1, h), (g, 1, K)]
        ends = accumulate(map(prod, shapes), initial=0)
        return [vector[i:j].reshape(shape) for (i, j), shape in zip(pairwise(ends), shapes, strict=True)]


def draw(first, sizes, problem, rng, learner) -> Group:
    """A group's first state: Glorot-uniform kernels, or for "ridge" hidden units of the scale of the rows."""
    g, d, k, h, K = sizes
    group = Group(first, sizes, np.zeros(g * (h * (d + k + K + 1) + K), problem.dtype), np.empty(0), [])
    W, V, C, b, c = group.unpack(group.parameters)
    if learner == "ridge":
        W[:] = rng.normal(0, 1 / _root_mean_square_norm(problem.X), W.shape)
        V[:] = rng.normal(0, 1 / np.sqrt(k), V.shape)
        b[:] = rng.normal(0, BIAS_SPREAD, b.shape)
        group.slots = [np.zeros((g, h + 1, h + 1), problem.dtype), np.zeros((g, h + 1, K), problem.dtype)]
        return group
    for kernel, fans in [(W, d + k + h), (V, d + k + h), (C, h + K)]:
        kernel[:] = rng.uniform(-np.sqrt(6 / fans), np.sqrt(6 / fans), kernel.shape)
    c[:] = problem.initial_output()
    group.feedback = rng.normal(0, np.sqrt(2 / (h + K)), (g, K, h)).astype(problem.dtype)
    group.slots = Adam().slots(group.parameters)
    return group


def draw_groups(widths, sizes, problem, rng, learner) -> list[Group]:
    """First states of blocks of some widths; `sizes` are the numbers of features, latents and outputs: d, k, K."""
    d, k, K = sizes
    groups, first = [], 0
    for h, same in groupby(widths):
        left = len(list(same))
        while left:
            g = min(left, max(1, STACK // (d * h)))
            groups.append(draw(first, (g, d, k, h, K), problem, rng, learner))
            first, left = first + g, left - g
    return groups


def learn(number, problem, trainer, state, left_out, rngs) -> Group:
    """One pass of a group over the rows, every block with latents of its own; other groups have no part in it.

    Parameters
    ----------
    number : int
        Which of the groups.
    problem : Problem
    trainer : NoProp
    state : NoPropState
    left_out : ndarray of bool of shape (n,)
        Which rows the very first block leaves out.
    rngs : list of Generator
        One per group.
    """
    group, (rows_rng, noise_rng, dropout_rng) = state.groups[number], rngs[number].spawn(3)
    f, adam = ACTIVATIONS[problem.network.activation], Adam(trainer.beta_1, trainer.beta_2)
    parameters, slots = group.parameters.copy(), [slot.copy() for slot in group.slots]
    gradient = np.empty_like(parameters)
    W, V, C, b, c = group.unpack(parameters)
    gW, gV, gC, gb, gc = group.unpack(gradient)
    kernels = parameters[: W.size + V.size + C.size]
    mask, total, t = None, 0.0, state.t
    for i, batch in enumerate(problem.batches(rows_rng)):
        z = trainer.noisy(state, group, batch.Y, noise_rng)
        Z, H = _hidden(batch.X, z, W, V, b, f)
        A = H
        if trainer.dropout:
            mask = _dropout_mask(H, trainer.dropout, dropout_rng)
            A = H * mask
        q = A @ C
        q += c
        loss, E = problem.output_error(q.reshape(-1, C.shape[2]), _repeat(batch, len(q)))
        E = E.reshape(q.shape) * np.asarray(len(q), q.dtype)
        if group.first == 0:
            E[0][left_out[batch.rows]] = 0
        total += loss * len(batch.Y)

        np.matmul(A.transpose(0, 2, 1), E, out=gC)
        E.sum(axis=1, keepdims=True, out=gc)
        D = E @ (group.feedback if trainer.learner == "fa" else C.transpose(0, 2, 1))
        if mask is not None:
            D *= mask
        f.chain(D, Z, H)
        gW[:] = product(batch.X.T, D)
        np.matmul(z.transpose(0, 2, 1), D, out=gV)
        D.sum(axis=1, keepdims=True, out=gb)

        rate = trainer.learning_rate * schedule_factor(trainer.schedule, trainer.warmup, problem.progress(i))
        t += 1
        increment = adam.increment(gradient, slots, t, rate)
        if trainer.weight_decay:
            kernels *= 1 - rate * trainer.weight_decay
        parameters += increment
    return replace(group, parameters=parameters, slots=slots, loss=total / problem.n_samples)


def solve_ridges(number, problem, trainer, state, left_out, rngs) -> Group:
    """Add `redraws` latents for every row to the sums of all passes, and solve each block's ridge; see `learn`."""
    group, (rows_rng, noise_rng) = state.groups[number], rngs[number].spawn(2)
    f = ACTIVATIONS[problem.network.activation]
    parameters, (S, R) = group.parameters.copy(), [sums.copy() for sums in group.slots]
    W, V, C, b, c = group.unpack(parameters)
    for batch in problem.batches(rows_rng):
        weight = (
            np.ones((len(W), len(batch.Y), 1), W.dtype)
            if batch.weight is None
            else np.tile(batch.weight[:, None], (len(W), 1, 1))
        )
        if group.first == 0:
            weight[0][left_out[batch.rows]] = 0
        for _ in range(trainer.redraws):
            _, H = _hidden(batch.X, trainer.noisy(state, group, batch.Y, noise_rng), W, V, b, f)
            Phi = np.concatenate([H, np.ones_like(H[..., :1])], axis=2)
            weighted = (Phi * weight).transpose(0, 2, 1)
            S += weighted @ Phi
            R += weighted @ batch.Y
    for i, (A, B) in enumerate(zip(S.astype(np.float64), R, strict=True)):
        A[np.diag_indices(len(A) - 1)] += trainer.penalty * np.trace(A) / len(A)
        beta = linalg.lstsq(A, B)[0]
        C[i], c[i] = beta[:-1], beta[-1]
    return replace(group, parameters=parameters, slots=[S, R])


def first_gradient(state, learner, problem, batch) -> list[np.ndarray]:
    """What the first block learns from at z = 0, where `weights` hold it: the gradient of its W and C."""
    kernels, biases = problem.network.unpack(state.weights)
    f, F = ACTIVATIONS[problem.network.activation], state.groups[0].feedback[0]
    Z = batch.X @ kernels[0] + biases[0]
    H = f.apply(Z.copy())
    _, E = problem.output_error(H @ kernels[1] + biases[1], batch)
    signal = E @ (F if learner == "fa" else kernels[1].T)
    f.chain(signal, Z, H)
    return [batch.X.T @ signal, H.T @ E]


def as_network(groups, network) -> np.ndarray:
    """What of the blocks fits: all but V of the first, or below several hidden layers its W and the last one's C."""
    weights = np.zeros(network.n_weights, groups[0].parameters.dtype)
    kernels, biases = network.unpack(weights)
    W, _, C, b, c = (part[0] for part in groups[0].unpack(groups[0].parameters))
    kernels[0][:], biases[0][:] = W, b
    if len(kernels) > 2:
        _, _, C, _, c = (part[-1] for part in groups[-1].unpack(groups[-1].parameters))
    kernels[-1][:], biases[-1][:] = C, c
    return weights


def _hidden(X, z, W, V, b, f):
    """Inputs and activations (g, n, h) of the hidden layers."""
    Z = product(X, W)
    Z += z @ V
    Z += b
    return Z, f.apply(Z)


def _repeat(batch, times):
    weight = None if batch.weight is None else np.tile(batch.weight, times)
    return Batch(batch.X, np.tile(batch.Y, (times, 1)), weight)


def _dropout_mask(H, probability, rng):
    keep = 1 - probability
    return (rng.random(H.shape, dtype=np.float32) < keep) * np.asarray(1 / keep, H.dtype)


def _root_mean_square_norm(X):
    squares = X.multiply(X).sum() if sparse.issparse(X) else np.vdot(X, X)
    return np.sqrt(squares / X.shape[0]) or 1.0
