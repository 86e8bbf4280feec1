"""A ladder of weight decays: members that differ in their decay learn side by side, and agree on one on the way.

Weight decay is the one hyper-parameter that no function of the table's shape predicts: clean tables want little of it,
noisy ones much. So it is found during the fit. M members of any error-signal trainer start with decays d_1 < ... < d_M,
and some rows are held out:

    search   each member learns from the rows that are not held out
    settle   at a share s of the fit the members are weighed by their losses on the held-out rows,
                 w_i = exp(-(gap_i / se_i)^2 / 2),   log d = log(boost) + sum_i w_i log d_i / sum_i w_i
             gap_i: mean loss of member i minus that of the best; se_i: its standard error, over paired rows
    re-join  all members go on with d, each from all rows but its own 1/M of the held-out ones
    cool     one temperature for the classes, from each member's outputs on the rows that it never saw

Predictions are the mean of the members' raw outputs over the temperature. Read `step` first.
"""

from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
from scipy.optimize import minimize_scalar

from sklearn_bpfree import Budget, State, Trainer, advance, get_trainer
from sklearn_bpfree.objectives import BinaryLogLoss, LogLoss
from sklearn_bpfree.problem import Problem

N_STEPS = 25


@dataclass(eq=False)
class LadderState(State):
    """State of a `Ladder`."""

    members: list = field(default_factory=list)
    held_out: np.ndarray = field(default_factory=lambda: np.empty(0, int))
    decay: float = float("nan")
    temperature: float = 1.0
    seed: int = 0


class Ladder(Trainer):
    """A ladder of weight decays around any error-signal trainer; the fit finds the decay that suits the table."""

    offers = ()

    trainer: str | Trainer = "sum_of_readouts"
    decays: tuple[float, ...] = (0.15, 1.0, 6.0)
    single: bool = False
    search: float = 0.4
    boost: float = 1.6
    effort: float = 1.0

    def budget(self, n_samples, n_features):
        return Budget(max_iter=N_STEPS, batch_size=batch_rows(n_samples))

    def init(self, problem, rng):
        held_rng, member_rng = rng.spawn(2)
        n = problem.n_samples
        held_out = held_rng.permutation(n)[: held_out_rows(n)]
        members = [
            self.member(d).init(problem, r) for d, r in zip(self.decays, member_rng.spawn(len(self.decays)), strict=True)
        ]
        seed = int(held_rng.integers(1 << 31))
        return LadderState(members[0].weights, members=members, held_out=held_out, seed=seed)

    def member(self, decay):
        trainer = by_name(self.trainer) if isinstance(self.trainer, str) else self.trainer
        dropout = float(np.clip(0.18 + 0.15 * np.log10(decay), 0.03, 0.4))
        return type(trainer)(**{**trainer.get_params(deep=False), "weight_decay": decay, "dropout": dropout})

    def step(self, state, problem, rng):
        n, M = problem.n_samples, len(state.members)
        T, t = problem.max_iter, problem.iteration
        settled = not np.isnan(state.decay)
        size = round(self.effort * updates(n) * problem.batch_size / N_STEPS)
        members = []
        loss = 0.0
        for i, (member, r) in enumerate(zip(state.members, rng.spawn(M), strict=True)):
            trainer = self.member(state.decay if settled else self.decays[i])
            left_out = state.held_out[i::M] if settled else state.held_out
            rows = stream(np.delete(np.arange(n), left_out), state.seed + i, t * size, size)
            part = problem_part(problem, rows)
            member = trainer.step(member, part, r)
            problem.n_evaluations += part.n_evaluations
            members.append(member)
            loss += member.loss / M
        decay, temperature = state.decay, state.temperature
        if not settled and (t + 1) >= self.search * T:
            decay = self.settle(members, problem, state.held_out)
            if self.single:
                pass
        if t + 1 == T:
            temperature = self.cool(members, problem, state.held_out)
        return replace(
            state, members=members, weights=members[0].weights, loss=loss, decay=decay, temperature=temperature
        )

    def _outputs(self, member, problem, rows):
        return self.member(1.0).outputs(member, problem.network, problem.X[rows])

    def settle(self, members, problem, held_out):
        losses = np.array(
            [problem.objective.loss(self._outputs(m, problem, held_out), problem.Y[held_out]) for m in members]
        )
        best = losses.mean(1).argmin()
        gaps = losses - losses[best]
        se = gaps.std(1) / np.sqrt(len(held_out))
        with np.errstate(all="ignore"):
            z = np.where(se > 0, gaps.mean(1) / se, 0)
        w = np.exp(-(z**2) / 2)
        boost = self.boost if problem.n_samples >= 1500 else 1.0
        return float(boost * np.exp((w * np.log(self.decays)).sum() / w.sum()))

    def cool(self, members, problem, held_out):
        if not isinstance(problem.objective, LogLoss | BinaryLogLoss):
            return 1.0
        M = len(members)
        Z = np.concatenate([self._outputs(m, problem, held_out[i::M]) for i, m in enumerate(members)])
        Y = np.concatenate([problem.Y[held_out[i::M]] for i in range(M)])

        def cost(log_t):
            return problem.objective.loss(Z / np.exp(log_t), Y).mean() + 5.0 / len(Y) * log_t**2

        return float(np.exp(minimize_scalar(cost, bounds=(-2, 2), method="bounded").x))

    def outputs(self, state, network, X):
        trainer = self.member(1.0)
        return np.mean([trainer.outputs(m, network, X) for m in state.members], axis=0) / state.temperature


by_name = cache(get_trainer)


def batch_rows(n):
    return 64 if n < 1500 else 128 if n < 4000 else 200


def held_out_rows(n):
    return min(1500, round(n * (0.25 if n < 1500 else 0.15 if n < 4000 else 0.1)))


def updates(n):
    return 800 if n < 1500 else 1.1 * np.clip(11.5 * np.sqrt(n), 500, 1800)


def stream(rows, seed, start, size):
    """`size` entries from `start` on of an endless sequence of permutations of `rows`."""
    n = len(rows)
    epochs = range(start // n, -(-(start + size) // n))
    sequence = np.concatenate([np.random.default_rng((seed, e)).permutation(rows) for e in epochs])
    return sequence[start - epochs[0] * n :][:size]


def problem_part(problem, rows):
    part = Problem(
        problem.X[rows],
        problem.Y[rows],
        problem.network,
        problem.objective,
        sample_weight=None if problem.sample_weight is None else problem.sample_weight[rows],
        batch_size=problem.batch_size,
        max_iter=problem.max_iter,
    )
    part.iteration = problem.iteration
    return part
