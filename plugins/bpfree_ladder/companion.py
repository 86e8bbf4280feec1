"""The ladder's companion: a net of another kind that learns a whole short table in the last step."""

from dataclasses import replace
from functools import cache

from bpfree_ladder.schedule import COMPANION_CELLS, COMPANION_UNITS, LONG
from sklearn_bpfree.plugin import Network, Problem, State, Trainer, get_trainer


def wide(network) -> Network:
    """The network of a companion: one hidden layer, or none where the network has none."""
    inputs, *hidden, outputs = network.layer_sizes
    return replace(network, layer_sizes=(inputs, *[COMPANION_UNITS for _ in hidden[:1]], outputs))


@cache
def kernel() -> Trainer:
    """The usual companion: a kernel that learns which columns count."""
    return get_trainer("rfm", exponent=1.0)


def companion_of(companion: str | Trainer | None) -> Trainer | None:
    """The trainer that is meant."""
    if companion == "auto":
        return kernel()
    return get_trainer(companion) if isinstance(companion, str) else companion


def companion_for(companion: str | Trainer | None, problem: Problem) -> Trainer | None:
    """The companion's trainer, if a table of this size has one that suits the loss and the network.

    The kernel's closed form is for squared errors and classes. Where only the network's predictions are monotone, no
    others may be added to them.
    """
    (n, d), loss = problem.X.shape, problem.differentiable_loss
    trainer = None if n >= LONG or n * d > COMPANION_CELLS else companion_of(companion)
    suits = companion != "auto" or loss.is_least_squares or loss.is_classification
    monotone = problem.network.directions is None or (trainer is not None and "monotone" in trainer.offers)
    return trainer if suits and monotone else None


def whole_fit(trainer: Trainer, problem: Problem, rng) -> State:
    """A whole fit of the companion's trainer, with its own budget."""
    budget = trainer.budget(*problem.X.shape)
    own = problem.derive(network=wide(problem.network), batch_size=budget.batch_size, max_iter=budget.max_iter)
    state = trainer.init(own, rng.spawn(1)[0])
    for own.iteration in range(budget.max_iter):
        state = trainer.step(state, own, rng.spawn(1)[0])
    problem.n_evaluations += own.n_evaluations
    return state
