"""What the held-out rows say of the members: how much for each, which of them go on, and how sure they may be."""

import numpy as np
from scipy.optimize import minimize_scalar

from bpfree_ladder.member import Member
from bpfree_ladder.schedule import LEAST_WEIGHT, PRIOR_ROWS, PRIOR_TEMPERATURE
from sklearn_bpfree.plugin import Problem, Trainer


def losses_of(members: list[Member], trainer: Trainer, problem: Problem, rows) -> np.ndarray:
    """Loss of every member on some rows, (M, n)."""
    X, Y = problem.X[rows], problem.Y[rows]
    outputs = (member.outputs(trainer, problem.network, X) for member in members)
    return np.array([problem.differentiable_loss.loss(Z, Y) for Z in outputs], np.float64)


def honest_outputs(members: list[Member], trainer: Trainer, problem: Problem, held_out):
    """The held-out rows and raw outputs for them, each by a member that has not learned from it."""
    parts = [held_out[i :: len(members)] for i in range(len(members))]
    network, X = problem.network, problem.X
    Z = [member.outputs(trainer, network, X[rows]) for member, rows in zip(members, parts, strict=True)]
    return np.concatenate(parts), np.concatenate(Z)


def evidence(losses, row_weight) -> np.ndarray:
    """How much the held-out rows say for each member: losses (M, n) and weights (n,) or None -> w (M,).

    With the gap of a member's mean loss from the best one's, and its standard error over the paired rows,
    w = exp(-(gap / se)^2 / 2).
    """
    gaps = losses - losses[np.average(losses, axis=1, weights=row_weight).argmin()]
    gap, se = np.average(gaps, axis=1, weights=row_weight), gaps.std(axis=1) / np.sqrt(losses.shape[1])
    return np.exp(-np.square(gap / np.maximum(se, 1e-12)) / 2)


def common_decay(members: list[Member], weight) -> float:
    """The geometric mean of the members' decays by what is said for each."""
    return float(np.exp(np.average(np.log([member.decay for member in members]), weights=weight)))


def successors(members: list[Member], weight) -> list[Member]:
    """The members, with copies of the best other one in the place of those that see too little, if the rows say so."""
    narrowed = np.array([member.columns is not None for member in members])
    if max(weight[narrowed], default=1) >= LEAST_WEIGHT:
        return members
    best = members[int(np.where(narrowed, -1, weight).argmax())]
    return [best.with_decay(member.decay) if member.columns is not None else member for member in members]


def temperature(problem: Problem, rows, Z) -> float:
    """The temperature that suits raw outputs Z for rows that were not learned; 1 for values, and without any row."""
    objective = problem.differentiable_loss
    if not objective.is_classification or not len(rows):
        return 1.0
    weight = None if problem.sample_weight is None else problem.sample_weight[rows]
    prior = PRIOR_ROWS / len(rows)

    def cost(log_temperature):
        losses = objective.loss(Z / np.exp(log_temperature), problem.Y[rows])
        return np.average(losses, weights=weight) + prior * (log_temperature - np.log(PRIOR_TEMPERATURE)) ** 2

    return float(np.exp(minimize_scalar(cost, bounds=(-2, 2), method="bounded").x))  # pyright: ignore
