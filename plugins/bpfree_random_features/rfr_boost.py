"""Boosting of random-feature blocks: each block moves the representation of the rows to where the loss is lower.

    Phi_0 = X,  Z_t = Phi_t W_t + c_t        W_t, c_t: the closed-form readout of the present representation
    R   = -dL/dZ                             what is missing at the outputs, row by row
    F   = [f(Phi_t), f(X)]                   activations of hidden layers that stay as drawn
    Phi_{t+1} = Phi_t + eta a F A

    "gradient"  A = argmin sum_i s_i |F_i A - R_i W_t^T|^2 + lambda |A|^2      R W_t^T is -dL/dPhi
    "greedy"    A = argmin sum_i s_i |F_i A W_t - R_i|^2 + lambda |A|^2        what the readout makes of the block

lambda by exact leave-one-out, a by a line search (1 where "greedy" minimises the squared error itself), s the row
weights. F A is the mean over some draws of F, each with an A of its own: what a single draw makes of a small table
depends much on its luck. Both A have the rank of W_t: A = B C with B of K columns, so that a block is a network with K
outputs and a matrix C (K, d) that carries them into the representation:

    "gradient"  B = ridge(F, R),    C = W_t^T
    "greedy"    B = ridge(F, R Q),  C = S^(-1/2) P^T,  W_t = P S^(1/2) Q^T, with penalty lambda / S_jj for output j

With one output the two differ only in what lambda means. One step is one block. Read `step` first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np
from scipy import optimize
from scipy.stats import loguniform
from sklearn.utils import check_scalar

from bpfree_random_features.base import MANY_ROWS, RandomFeatures, set_readouts
from bpfree_random_features.goals import GOALS
from bpfree_random_features.residual import Block, features, plus, represent
from bpfree_random_features.sampling import SAMPLINGS, Inputs, draw_hidden
from sklearn_bpfree.plugin import (
    Budget,
    State,
    advance,
    check_choice,
    read,
    ridge,
    solve_readout,
)

AUTO = ("normal", "sparse")  # what sampling="auto" chooses from
UNITS, ROWS_PER_UNIT = (200, 400), 25  # of each kind that a draw has, about, where `copies` is left open


class Draw(NamedTuple):
    """Hidden layers as drawn for a block, and the ridge that reads them.

    Attributes
    ----------
    below, beside : list of ndarray of shape (n_weights,)
        See `Block`.
    u : ndarray of shape (n, K)
        What they make of the problem's rows.
    error : float
        The ridge's leave-one-out error.
    """

    below: list[np.ndarray]
    beside: list[np.ndarray]
    u: np.ndarray
    error: float


@dataclass(eq=False, kw_only=True)
class RFRBoostState(State):
    """State of `RFRBoost`; `weights` hold what the newest block says of the rows, as far as it fits into the network.

    Attributes
    ----------
    blocks : list of Block
    kernel : ndarray of shape (d, K)
        Kernel W_t of the readout.
    bias : ndarray of shape (K,)
    penalties : list of float
        What leave-one-out chose for each readout.
    sampling : str
        How hidden units are drawn, once the first block has chosen.
    """

    blocks: list[Block] = field(default_factory=list)
    kernel: np.ndarray
    bias: np.ndarray
    penalties: list[float] = field(default_factory=list)
    sampling: str = ""


class RFRBoost(RandomFeatures):
    """Random feature representation boosting: a residual network whose blocks are solved for one after the other.

    Each step draws the network's hidden layers anew, twice: on top of the representation, and on top of the rows.

    Parameters
    ----------
    mode : {"gradient", "greedy"}, default="gradient"
        What a block is fitted to: the loss's gradient by the representation, or what is missing at the outputs, as
        the present readout sees it. In closed form for the squared error; for other losses what is missing is the
        gradient by the outputs.
    learning_rate : float, default=1.0
        How much of its best length a block is given, eta.
    copies : int or None, default=None
        How many copies of the hidden layers a draw has for each of the two. None: for about 200 units, or where there
        are many rows a unit for every 25 of them, up to 400.
    draws : int or None, default=None
        How many draws a block is the mean of, each with a ridge of its own. None: 4, or 2 of 5,000 rows or more.
    sampling : {"auto", "normal", "sparse", "mixed", "pairs"}, default="auto"
        As in `RVFL`; "auto": "normal" or "sparse", whichever predicts left-out rows better in the first block.
    scale, penalties
        As in `RVFL`.
    readout : {"auto", "ridge", "loss"}, default="loss"
        How the readout of the representation is solved for; see `RVFL`.

    References
    ----------
    Zozoulenko, Cass and Gonon (2025), "Random feature representation boosting", ICML, PMLR 267: algorithms 1 and 2.
    """

    transposes: ClassVar[str] = "own head"
    samplings: ClassVar[tuple[str, ...]] = ("auto", *SAMPLINGS)
    state_types: ClassVar[tuple[type, ...]] = (RFRBoostState, Block)

    sampling: str = "auto"
    readout: str = "loss"
    mode: str = "gradient"
    learning_rate: float = 1.0
    copies: int | None = None
    draws: int | None = None

    def param_distributions(self):
        return {"sampling": [*AUTO, "mixed"], "learning_rate": loguniform(0.3, 1), "copies": [1, 2, 4, 8]}

    def check_parameters(self):
        super().check_parameters()
        check_choice(self, "mode", tuple(GOALS))
        check_scalar(self.learning_rate, "learning_rate", (int, float), min_val=0, include_boundaries="neither")
        for name in ("copies", "draws"):
            if getattr(self, name) is not None:
                check_scalar(getattr(self, name), name, int, min_val=1)

    def budget(self, n_samples, n_features):
        """Two blocks, or five of 5,000 rows or more; more, if asked for, as long as the training loss falls."""
        return Budget(max_iter=2 if n_samples < MANY_ROWS else 5, tol=1e-3)

    def init(self, problem, rng):
        """No block, and a readout of nothing but the mean target."""
        network, dtype = problem.network, problem.dtype
        kernel, bias = np.zeros((problem.X.shape[1], network.n_outputs), dtype), problem.initial_output().astype(dtype)
        return RFRBoostState(np.zeros(network.n_weights, dtype), kernel=kernel, bias=bias)

    def step(self, state, problem, rng) -> State:
        """One more block, and the readout of where it leads; before the first one the readout of the rows."""
        problem.n_evaluations += problem.n_samples
        network, X = problem.network, problem.X
        if not state.penalties:
            state = self._with_readout(state, X, problem)
        if len(network.layer_sizes) == 2:  # nothing to draw
            return advance(state)
        Phi, W = represent(state.blocks, network, X), state.kernel
        Z = read(Phi, W, state.bias)
        R = -problem.output_error(Z, problem.all_rows()._replace(weight=None))[1] * len(Z)

        goal = GOALS[self.mode](R, W)
        kind, draws = self._draws(state.sampling or self.sampling, Inputs(Phi, problem), Inputs(X, problem), goal, rng)
        u = np.mean([draw.u for draw in draws], axis=0)
        exact = self.mode == "greedy" and problem.differentiable_loss.is_least_squares
        a = 1.0 if exact else _best_length(u @ (goal.C @ W).astype(u.dtype), Z, R, problem)
        carry = (self.learning_rate * a * goal.C).astype(problem.dtype)

        below = [weights for draw in draws for weights in draw.below]
        beside = [weights for draw in draws for weights in draw.beside]
        block = Block(below, beside, carry / len(draws))
        state = advance(state, blocks=[*state.blocks, block], sampling=kind)
        state = self._with_readout(state, plus(Phi, u, carry), problem)
        weights = beside[0].copy()
        kernels, biases = network.unpack(weights)
        kernels[-1][:], biases[-1][:] = kernels[-1] @ (block.carry @ state.kernel), state.bias
        return advance(state, weights=weights)

    def outputs(self, state: Any, network, X):
        return read(represent(state.blocks, network, X), state.kernel, state.bias)

    def _draws(self, sampling, below, beside, goal, rng) -> tuple[str, list[Draw]]:
        """A block's draws and how they were made: of "auto" what predicts left-out rows better, by one draw each."""
        kinds = AUTO if sampling == "auto" else (sampling,)
        first = [self._draw(kind, below, beside, goal, rng) for kind in kinds]
        best = int(np.argmin([draw.error for draw in first]))
        n_draws = self.draws or (4 if beside.problem.n_samples < MANY_ROWS else 2)
        more = [self._draw(kinds[best], below, beside, goal, rng) for _ in range(n_draws - 1)]
        return kinds[best], [first[best], *more]

    def _draw(self, sampling, below, beside, goal, rng) -> Draw:
        """Hidden layers on top of the representation and of the rows, with a ridge that reads them."""
        problem = beside.problem
        network, units = problem.network, np.clip(problem.n_samples / ROWS_PER_UNIT, *UNITS)
        copies = self.copies or max(1, round(units / network.layer_sizes[-2]))
        on_Phi, on_X = (draw_hidden(inputs, rng, sampling, self.scale, copies) for inputs in (below, beside))
        F = features(network, on_Phi, on_X, below.H, beside.H)
        fit = ridge(F, goal.targets, problem.sample_weight, self.penalties, goal.factors)
        B = fit.kernel.astype(problem.dtype)
        set_readouts(network, on_Phi + on_X, B, fit.bias)
        return Draw(on_Phi, on_X, read(F, B, fit.bias.astype(B.dtype)), float(fit.errors.min()))

    def formula(self, state: Any, network, X):
        Phi = X
        for block in state.blocks:
            below = network.formulas(np.stack(block.below), Phi)[-1].sum(0)
            beside = network.formulas(np.stack(block.beside), X)[-1].sum(0)
            Phi = Phi + (below + beside) @ block.carry
        return Phi @ state.kernel + state.bias

    def _with_readout(self, state, Phi, problem):
        kernel, bias, fit = solve_readout(Phi, problem, self.penalties, self.method(problem))
        kernel, bias = kernel.astype(problem.dtype), bias.astype(problem.dtype)
        loss = problem.output_error(read(Phi, kernel, bias), problem.all_rows())[0]
        return advance(state, loss=loss, kernel=kernel, bias=bias, penalties=[*state.penalties, fit.penalty])


def _best_length(direction, Z, R, problem) -> float:
    """The a that minimises the loss of Z + a direction; for the squared error in closed form."""
    s = 1.0 if problem.sample_weight is None else problem.sample_weight[:, None]
    curvature = float(np.sum(s * direction * direction))
    a = float(np.sum(s * R * direction)) / curvature if curvature > 0 else 0.0
    if problem.differentiable_loss.is_least_squares or a <= 0:
        return max(a, 0.0)
    rows = problem.all_rows()

    def loss(log_a):
        return problem.output_error(Z + np.asarray(np.exp(log_a), Z.dtype) * direction, rows)[0]

    bounds = np.log(a) - 4, np.log(a) + 4
    return float(np.exp(optimize.minimize_scalar(loss, bounds=bounds, method="bounded").x))
