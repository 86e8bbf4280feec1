"""A ladder of weight decays: members that differ in their decay learn side by side, and agree on one on the way.

Weight decay is the hyper-parameter that no function of a table's shape predicts: clean tables want little of it, noisy
ones much. So it is found during the fit. M members of any error-signal trainer start with the decays d_1 < ... < d_M
(and the more dropout the more decay), some rows are held out, and a fit goes through

    search   each member learns from the rows that are not held out
    settle   after a share of the steps the members are weighed by their losses on the held-out rows, the means of the
             last few steps, because the weights of one moment are a draw around what has been learned:
                 gap_i = mean loss of member i - that of the best,   se_i = its standard error over the paired rows
                 w_i = exp(-(gap_i / se_i)^2 / 2),   log d = log boost + sum_i w_i log d_i / sum_i w_i
             which long tables raise if it is middling (`for_all_steps`)
    re-join  all members go on with d, each from all rows but an M-th of the held-out ones, another one for each
    cool     one temperature for the classes, from what each member says of the rows that it has never seen

Below 1500 rows one of the members sees only the main columns (`main_columns`), in tables of the project the raw
numbers and the categories but not the bins: which of the two suits a table cannot be told from so few rows, and their
mean is ahead of both. If the held-out rows speak clearly against such a member, a copy of the best other one goes on in
its place, with rows and dropout of its own. There are two members then and a companion of another kind, in closed form:
a kernel that learns which columns count (`rfm`).

Members learn smoothed classes, (1 - s) y + s / K: a member that cannot be sure of any row does not spend its weights on
the few that are mislabelled, and the temperature makes the ensemble as sure as it may be. Predictions are the mean of
the members' raw outputs over the temperature; a companion's raw outputs count half of that mean. With ``single=True``
only the best member goes on, from all rows, with the temperature that suited it when it was chosen, and without a
companion. Read `step` first.
"""

from dataclasses import replace
from functools import partial
from typing import ClassVar

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_scalar

from bpfree_ladder import schedule
from bpfree_ladder.companion import companion_for, companion_of, whole_fit, wide
from bpfree_ladder.member import Member, endless_permutations, known_trainer, learn_all, main_columns
from bpfree_ladder.schedule import COMPANION_SHARE, N_STEPS, WEIGHED_STEPS, rungs
from bpfree_ladder.settling import common_decay, evidence, honest_outputs, losses_of, successors, temperature
from bpfree_ladder.state import LadderState
from bpfree_ladder.unseen import ValuesUnseen, true_class
from sklearn_bpfree.plugin import Budget, Trainer, minibatch_rows


class Ladder(Trainer):
    """A ladder of weight decays around any error-signal trainer: finds the decay during the fit, and ensembles.

    Parameters
    ----------
    trainer : str or Trainer, default="sum_of_readouts"
        Registered name or object of the members' trainer. It must have the hyper-parameters `weight_decay` and
        `dropout`, which the ladder sets; all others are its own, but that one given by name has the learning rate .012.
    decays : tuple of float, default=None
        The members' first weight decays, so one per member, all of which see every column. None: .05, .5 and 5; below
        1500 rows .1, and 2 with the main columns; with ``single=True`` from 1500 rows on .1 and 2. Two cost less and
        leave hardly less to choose from, because the members settle between them.
    single : bool, default=False
        Whether only one member goes on once the decay is found.
    companion : str, Trainer or None, default="auto"
        Registered name or object of a trainer that learns the whole table in the last step, with a hidden layer of 800
        units, below 1500 rows (and 10 million cells), unless ``single=True`` or predictions are to be monotone and its
        own are not. "auto": `RFM` with ``exponent=1`` for squared errors and classes, of which its closed form is; for
        other losses, such as those of counts and skewed amounts, none.
    search : float, default=None
        Share of the steps after which the members settle on a decay. None: .32 below 1500 rows, .4 from there on.
    boost : float, default=1.6
        Factor on the decay that they settle on: what is best after the search is too little for the whole fit.
    effort : float, default=1.0
        Factor on the number of updates in a step, see `n_updates`.
    smoothing : float, default=0.05
        Share of a class that is spread over all classes while learning; values are learned as they are.

    References
    ----------
    Szegedy, Vanhoucke, Ioffe, Shlens and Wojna (2016), "Rethinking the inception architecture for computer vision",
    CVPR, section 7 (label smoothing).

    Guo, Pleiss, Sun and Weinberger (2017), "On calibration of modern neural networks", ICML (temperature).

    Krogh and Vedelsby (1995), "Neural network ensembles, cross validation, and active learning", NeurIPS 7 (nets that
    err in different ways gain most by their mean).
    """

    offers: ClassVar[tuple[str, ...]] = ("return_std", "sets", "monotone")
    transposes: ClassVar[str] = "own head"
    state_types: ClassVar[tuple[type, ...]] = (LadderState, Member, ValuesUnseen)

    trainer: str | Trainer = "sum_of_readouts"
    decays: tuple[float, ...] | None = None
    single: bool = False
    companion: str | Trainer | None = "auto"
    search: float | None = None
    boost: float = 1.6
    effort: float = 1.0
    smoothing: float = 0.05

    def budget(self, n_samples, n_features):
        """25 steps of `n_updates` / 25 updates for each member, of batches of `minibatch_rows` rows."""
        return Budget(max_iter=N_STEPS, batch_size=minibatch_rows(n_samples))

    def param_distributions(self):
        return {"trainer": ["sum_of_readouts", "local_loss", "dfa"], "single": [False, True], "effort": [1.0, 2.0]}

    def check_parameters(self):
        for name in ("trainer", "companion"):
            value = getattr(self, name)
            if not isinstance(value, (str, Trainer)) and (name == "trainer" or value is not None):
                raise TypeError(f"{name} of Ladder must be a registered name or a Trainer instance, got {value!r}.")
        number, unknown = (int, float), {"weight_decay", "dropout"} - set(self._inner().get_params(deep=False))
        if unknown:
            raise ValueError(
                f"trainer of Ladder must have the hyper-parameters weight_decay and dropout, but {self.trainer!r} has "
                f"no {' and no '.join(sorted(unknown))}; give an error-signal trainer such as 'dfa'."
            )
        if self.decays is not None and not self.decays:
            raise ValueError(f"decays of Ladder must hold at least one weight decay, got {self.decays!r}.")
        for decay in self.decays or [decay for decay, _ in rungs(0, self.single)]:
            check_scalar(decay, "decays", number, min_val=0, include_boundaries="neither")
            self._trainer(decay).check_parameters()
        if (companion := companion_of(self.companion)) is not None:
            companion.check_parameters()
        if self.search is not None:
            check_scalar(self.search, "search", number, min_val=0, max_val=1)
        check_scalar(self.boost, "boost", number, min_val=0, include_boundaries="neither")
        check_scalar(self.effort, "effort", number, min_val=0, max_val=1000, include_boundaries="right")
        check_scalar(self.smoothing, "smoothing", number, min_val=0, max_val=1, include_boundaries="left")

    def init(self, problem, rng):
        n = problem.n_samples
        if problem.network.directions is not None and "monotone" not in self._inner().offers:
            raise ValueError(
                f"monotonic_cst asks for a trainer of Ladder that offers monotone, but {self.trainer!r} does not; use "
                "its default."
            )
        first = rungs(n, self.single) if self.decays is None else [(decay, False) for decay in self.decays]
        main = main_columns(problem.X) if any(main_only for _, main_only in first) else None
        held_rng, *member_rngs = rng.spawn(1 + len(first))
        members = []
        for (decay, main_only), member_rng in zip(first, member_rngs, strict=True):
            columns = main if main_only else None
            own = problem if columns is None else problem.derive(columns=columns)
            members.append(Member(self._trainer(decay).init(own, member_rng), decay, columns))
        held_out = held_rng.permutation(n)[: schedule.n_held_out(n)]
        seed = int(held_rng.integers(np.iinfo(np.int32).max))
        return LadderState(members[0].state.weights, members=members, held_out=held_out, seed=seed)

    def step(self, state, problem, rng):
        """Some updates of every member, on rows of its own; then settle or cool when it is time."""
        t, end = problem.iteration, problem.max_iter or np.inf
        M, searches = len(state.members), state.searches
        settles = (schedule.search_share(problem.n_samples) if self.search is None else self.search) * end
        companion = None if self.single else companion_for(self.companion, problem)
        updates = self.effort * schedule.n_updates(problem.n_samples, companion is not None)
        size = max(1, round(updates / N_STEPS * problem.batch_size))
        trainers = [self._trainer(member.decay if searches else state.decay) for member in state.members]
        rows = [
            endless_permutations(problem.n_samples, state.left_out(i), (state.seed, i), t * size, size)
            for i in range(M)
        ]
        members = learn_all(problem, self.smoothing, trainers, state.members, rows, rng.spawn(M))
        problem.n_evaluations += M * size
        loss = float(np.mean([member.state.loss for member in members]))
        state = replace(state, members=members, weights=members[0].weights(problem.network), loss=loss)
        if searches and t + 1 > settles - WEIGHED_STEPS:
            state = replace(state, losses=state.losses + losses_of(members, self._inner(), problem, state.held_out))
        if searches and t + 1 >= settles:
            state = self._settle(state, problem)
            if len(state.members) == 1:
                state = replace(state, honest=self.outputs(state, problem.network, problem.X[state.held_out]))
        if t + 1 >= end and M > 1:
            state = self._cool(state, problem)
        if t + 1 >= end and companion is not None:
            state = replace(state, companion=whole_fit(companion, problem, rng))
        return state

    def outputs(self, state, network, X):
        total = sum(member.outputs(self._inner(), network, X) for member in state.members)
        Z = total / (len(state.members) * state.temperature)
        companion = companion_of(self.companion)
        if state.companion is None or companion is None:
            return Z
        Z *= 1 - COMPANION_SHARE
        return Z + COMPANION_SHARE * companion.outputs(state.companion, wide(network), X)

    def formula(self, state, network, X):
        first, *others = [member.formula(self._inner(), network, X) for member in state.members]
        Z = sum(others, first) / (len(state.members) * state.temperature)
        companion = companion_of(self.companion)
        if state.companion is None or companion is None:
            return Z
        return Z * (1 - COMPANION_SHARE) + companion.formula(state.companion, wide(network), X) * COMPANION_SHARE

    def finish(self, state, problem):
        """The state with what the rows that a member has not learned say of others."""
        outputs = partial(self.outputs, state, problem.network)
        rows, Z = state.held_out, state.honest
        if state.searches:
            Z = outputs(problem.X[rows])
        elif Z is None:
            rows, Z = honest_outputs(state.members, self._inner(), problem, rows)
            Z /= state.temperature
        if not problem.differentiable_loss.is_classification:
            return replace(state, unseen=ValuesUnseen.of(problem, rows, Z, outputs))
        if not len(rows):  # of the smallest tables
            rows, Z = np.arange(problem.n_samples), outputs(problem.X)
        return replace(state, unseen=true_class(problem, rows, Z))

    def predictive(self, state, network, X):
        Z = self.outputs(state, network, X)
        return state.unseen.link.link(Z), state.unseen.deviations(X, Z)

    def quantiles(self, state, network, X, levels):
        return state.unseen.quantiles(X, self.outputs(state, network, X), levels)

    def least_probability(self, state, confidence):
        return float(state.unseen.quantiles([1 - confidence])[0, 0])

    def named_trainer(self, parameter, name):
        """The members' trainer has the learning rate .012 here, also once it is an object."""
        return clone(known_trainer(name)) if parameter == "trainer" else super().named_trainer(parameter, name)

    def _inner(self) -> Trainer:
        return known_trainer(self.trainer) if isinstance(self.trainer, str) else self.trainer

    def _trainer(self, decay) -> Trainer:
        """The members' trainer with a weight decay, and the dropout that goes with it."""
        return replace(self._inner(), weight_decay=decay, dropout=schedule.dropout_of(decay))

    def _settle(self, state, problem):
        """One decay for all, and the members that go on with it, from the losses on the held-out rows."""
        members, rows, weight = state.members, state.held_out, np.ones(len(state.members))
        if len(rows):
            weight = evidence(state.losses, None if problem.sample_weight is None else problem.sample_weight[rows])
        decay = self.boost * common_decay(members, weight)
        state = replace(state, losses=np.zeros(()))
        if self.single:
            best = members[int(weight.argmax())]
            state = replace(state, decay=decay, members=[best], weights=best.weights(problem.network))
            return self._cool(state, problem)
        decay = schedule.for_all_steps(decay, problem.n_samples)
        return replace(state, decay=decay, members=successors(members, weight))

    def _cool(self, state, problem):
        """The temperature that suits what each member says of the rows that it has never seen."""
        honest = honest_outputs(state.members, self._inner(), problem, state.held_out)
        return replace(state, temperature=temperature(problem, *honest))
