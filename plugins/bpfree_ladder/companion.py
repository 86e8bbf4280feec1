"""The ladder's companion: a net of another kind that learns a whole short table in the last step."""

from dataclasses import replace

from bpfree_ladder.schedule import COMPANION_UNITS
from sklearn_bpfree.plugin import Network, Problem, State, Trainer


def wide(network) -> Network:
    """The network of a companion: one hidden layer, or none where the network has none."""
    inputs, *hidden, outputs = network.layer_sizes
    return replace(network, layer_sizes=(inputs, *[COMPANION_UNITS for _ in hidden[:1]], outputs))


def joins(trainer: Trainer, network: Network) -> bool:
    """Whether a companion's predictions may be added to a network's: not where only the network's are monotone."""
    return network.directions is None or "monotone" in trainer.offers


def whole_fit(trainer: Trainer, problem: Problem, rng) -> State:
    """A whole fit of the companion's trainer, with its own budget."""
    budget = trainer.budget(*problem.X.shape)
    own = problem.derive(network=wide(problem.network), batch_size=budget.batch_size, max_iter=budget.max_iter)
    state = trainer.init(own, rng.spawn(1)[0])
    for own.iteration in range(budget.max_iter):
        state = trainer.step(state, own, rng.spawn(1)[0])
    problem.n_evaluations += own.n_evaluations
    return state
