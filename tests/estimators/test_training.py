"""The loop with made-up trainers: when it stops, what it keeps, how it resumes, and that time is only read."""

import pickle
import warnings
from typing import ClassVar

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_info, threadpool_limits

from sklearn_bpfree import BPFreeClassifier
from sklearn_bpfree.estimators import training
from sklearn_bpfree.nn.losses import SquaredError
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.plugin import State, Trainer
from sklearn_bpfree.plugin.problem import Problem
from sklearn_bpfree.testing import RandomSearch

NAN = float("nan")


class Script(Trainer):
    """Plays a list of losses; its weight is the number of the step, so that one sees which state was kept."""

    losses: tuple = ()

    def init(self, problem, rng):
        return State(np.zeros(2))

    def step(self, state, problem, rng):
        what = self.losses[int(state.weights[0])]
        if isinstance(what, BaseException):
            raise what
        if what == "weights":
            return State(np.array([np.nan, 0]), 0.0)
        problem.n_evaluations += 10
        return State(state.weights + np.array([1, 0]), float(what))


class Noise(Trainer):
    """Adds what the generator gives and what the problem knows of the progress."""

    def init(self, problem, rng):
        return State(rng.normal(size=2))

    def step(self, state, problem, rng):
        return State(state.weights + rng.normal(size=2) * (1 + problem.progress()), 1.0)


def problem(max_iter=None):
    return Problem(np.zeros((3, 1)), np.zeros((3, 1)), Network((1, 1)), SquaredError(), max_iter=max_iter)


def play(*losses, planned=None, **options):
    """Run a script from its start."""
    trainer, planned = Script(losses), planned or len(losses)
    progress = training.start(trainer, problem(), seed=0)
    progress.plan(planned)
    return training.run(trainer, problem(planned), progress, **options)


def kept(state):
    """Number of the step after which a state was."""
    return int(state.weights[0])


class Clock:
    """Stands in for `time`: every look takes a second."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        self.now += 1
        return self.now


# --- stopping ---------------------------------------------------------------------------------------------------------


def test_all_planned_steps_are_taken():
    progress = play(3, 2, 1)
    assert (progress.n_steps, progress.iteration, progress.stop_reason) == (3, 3, "max_iter")
    assert kept(progress.state) == 3 and not progress.unfinished


def test_a_plateau_of_the_loss_stops_after_so_many_steps():
    progress = play(5, 4, 4, 4, 4, 4, tol=0.1, n_iter_no_change=3)
    assert (progress.n_steps, progress.stop_reason) == (5, "tol")


def test_improvements_smaller_than_tol_add_up_to_one_that_counts():
    progress = play(*np.arange(5, 4, -0.06), tol=0.1, n_iter_no_change=3)
    assert progress.stop_reason == "max_iter"


def test_a_late_improvement_resets_the_waiting():
    progress = play(5, 5, 5, 4, 4, 4, 4, 4, tol=0.1, n_iter_no_change=3)
    assert (progress.n_steps, progress.stop_reason) == (7, "tol")


def test_tol_zero_asks_for_any_improvement_and_none_for_none():
    assert play(2, 2, 2, 2, tol=0.0, n_iter_no_change=2).n_steps == 3
    assert play(2, 2, 2, 2, tol=None, n_iter_no_change=2).n_steps == 4


def test_losses_that_were_not_computed_do_not_stop():
    progress = play(NAN, NAN, NAN, NAN, tol=0.1, n_iter_no_change=2)
    assert progress.n_steps == 4 and kept(progress.best) == 4


def test_best_is_by_training_loss():
    progress = play(3, 1, 2, 4)
    assert kept(progress.best) == 2 and kept(progress.state) == 4


def test_a_nan_loss_is_never_the_best_after_a_number():
    assert kept(play(3, 1, NAN, NAN).best) == 2
    assert kept(play(NAN, 3, NAN).best) == 2


def validator(*scores):
    return lambda state: scores[kept(state) - 1]


def test_early_stopping_keeps_the_best_by_validation_score():
    scores = validator(0.1, 0.5, 0.9, 0.8, 0.7, 0.6, 1.0)
    progress = play(7, 6, 5, 4, 3, 2, 1, validate=scores, tol=0.0, n_iter_no_change=3)
    assert (progress.n_steps, progress.stop_reason, progress.best_score) == (6, "early_stopping", 0.9)
    assert kept(progress.best) == 3
    assert [row["validation_score"] for row in progress.history] == [0.1, 0.5, 0.9, 0.8, 0.7, 0.6]


def test_small_improvements_of_the_score_are_kept_though_they_do_not_count():
    scores = validator(0.90, 0.91, 0.92, 0.93)
    progress = play(4, 3, 2, 1, validate=scores, tol=0.5, n_iter_no_change=3)
    assert progress.stop_reason == "early_stopping" and kept(progress.best) == 4


def test_a_score_that_is_nan_is_never_the_best_after_a_number():
    progress = play(4, 3, 2, validate=validator(NAN, 0.5, NAN), tol=0.0)
    assert kept(progress.best) == 2
    progress = play(4, 3, 2, validate=validator(NAN, NAN, NAN), tol=0.0)
    assert kept(progress.best) == 3, "without any score the first weights must not be taken for the best"


def test_a_callback_can_stop():
    heard = []

    def on_step(progress):
        heard.append((progress.n_steps, kept(progress.state)))
        return progress.n_steps == 2

    progress = play(3, 2, 1, on_step=on_step)
    assert progress.stop_reason == "callback" and heard == [(1, 1), (2, 2)]


def test_a_callback_hears_of_the_last_step_as_well():
    heard = []
    play(2, 2, 2, tol=0.0, n_iter_no_change=1, on_step=lambda progress: heard.append(progress.stop_reason))
    assert heard == ["", "tol"]


def test_max_time_begins_no_further_step(monkeypatch):
    monkeypatch.setattr(training, "time", Clock())
    progress = play(*range(9, 0, -1), max_time=3.5)
    assert progress.stop_reason == "max_time" and progress.unfinished
    # each step looks at the clock twice, for its record and for the limit, so a third one would end at 6
    assert progress.n_steps == 1 and [row["seconds"] for row in progress.history] == [1]


@pytest.mark.parametrize(("max_time", "n_steps"), [(0.1, 1), (1.9, 1), (3.7, 1), (3.9, 2), (5.7, 2), (5.8, 3)])
def test_a_step_is_begun_if_it_is_to_end_within_a_twentieth_after_max_time(monkeypatch, max_time, n_steps):
    monkeypatch.setattr(training, "time", Clock())
    assert play(*range(9, 0, -1), max_time=max_time).n_steps == n_steps  # which end at 2, 4, 6 and so on


def test_max_time_after_the_last_step_is_no_reason(monkeypatch):
    monkeypatch.setattr(training, "time", Clock())
    assert play(3, 2, max_time=4).stop_reason == "max_iter"


# --- accidents --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("accident", [np.inf, -np.inf, "weights"])
def test_divergence_keeps_the_last_finite_state(accident):
    with pytest.warns(ConvergenceWarning, match=r"^Training diverged in step 3: .*Scale the features .*\.$") as caught:
        progress = play(2, 1, accident, 0)
    assert len(caught) == 1
    assert (progress.stop_reason, progress.n_steps, kept(progress.best), kept(progress.state)) == ("diverged", 2, 2, 2)
    assert not progress.unfinished


def test_numpy_does_not_warn_of_overflows_on_the_way():
    class Overflow(Script):
        def step(self, state, problem, rng):
            return State(state.weights + np.float32(1e38) * np.float32(1e38))

    trainer = Overflow()
    progress = training.start(trainer, problem(), 0)
    progress.plan(1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        training.run(trainer, problem(), progress)
    assert [w.category for w in caught] == [ConvergenceWarning]


def test_ctrl_c_keeps_the_steps_before_it():
    with pytest.warns(ConvergenceWarning, match=r"^Training was interrupted after 2 steps; .* goes on from here\.$"):
        progress = play(1, 2, KeyboardInterrupt(), 0)
    assert (progress.stop_reason, progress.n_steps) == ("interrupted", 2) and progress.unfinished
    assert kept(progress.best) == 1 and kept(progress.state) == 2 and len(progress.history) == 2


def test_ctrl_c_in_a_callback_keeps_its_step():
    def on_step(progress):
        raise KeyboardInterrupt

    with pytest.warns(ConvergenceWarning):
        progress = play(3, 2, 1, on_step=on_step)
    assert progress.n_steps == len(progress.history) == kept(progress.state) == 1


def test_other_errors_are_not_swallowed():
    with pytest.raises(RuntimeError, match="boom"):
        play(1, RuntimeError("boom"))


# --- books ------------------------------------------------------------------------------------------------------------


def test_history_has_a_row_per_step(monkeypatch):
    monkeypatch.setattr(training, "time", Clock())
    progress = play(3, 2, 1, probe=lambda before, after: [kept(before), kept(after)])
    assert progress.history == [
        {"step": 1, "loss": 3.0, "seconds": 1.0, "n_evaluations": 10, "alignment": [0, 1]},
        {"step": 2, "loss": 2.0, "seconds": 2.0, "n_evaluations": 20, "alignment": [1, 2]},
        {"step": 3, "loss": 1.0, "seconds": 3.0, "n_evaluations": 30, "alignment": [2, 3]},
    ]


def test_books_go_on_in_a_second_run(monkeypatch):
    monkeypatch.setattr(training, "time", Clock())
    trainer = Script((5, 4, 3, 2))
    progress = training.start(trainer, problem(), 0)
    for _ in range(2):
        progress.plan(2)
        training.run(trainer, problem(2), progress)
    assert [row["step"] for row in progress.history] == [1, 2, 3, 4]
    assert [row["n_evaluations"] for row in progress.history] == [10, 20, 30, 40]
    assert [row["seconds"] for row in progress.history] == [1, 2, 3, 4]


def test_a_new_plan_forgets_the_best_of_the_old_one():
    progress = play(1, 5, 4, 3, 2, planned=2, tol=0.1, n_iter_no_change=2)
    assert kept(progress.best) == 1
    progress.plan(3)
    training.run(Script((1, 5, 4, 3, 2)), problem(3), progress, tol=0.1, n_iter_no_change=2)
    assert kept(progress.best) == 5 and progress.stop_reason == "max_iter"


# --- randomness and resuming ------------------------------------------------------------------------------------------


def noise(seed=0, stop_at=None, planned=6):
    trainer = Noise()
    progress = training.start(trainer, problem(planned), seed)
    progress.plan(planned)
    on_step = None if stop_at is None else lambda progress: progress.n_steps == stop_at
    return training.run(trainer, problem(planned), progress, on_step=on_step)


def test_the_seed_decides_everything():
    assert np.array_equal(noise(3).state.weights, noise(3).state.weights)
    assert not np.array_equal(noise(3).state.weights, noise(4).state.weights)


def test_steps_draw_from_generators_of_their_own():
    draws = [training.generator(0, 1, step).normal() for step in range(5)] + [training.generator(0, 0).normal()]
    assert len(set(draws)) == 6
    assert training.generator(0, 1, 3).normal() == draws[3]


def test_steps_of_a_second_plan_draw_anew():
    progress, weights = noise(), []
    for planned in (1, 1):
        weights.append(progress.state.weights)
        progress.plan(planned)
        training.run(Noise(), problem(planned), progress)
    moves = np.diff([*weights, progress.state.weights], axis=0)
    first_move = noise(planned=1).state.weights - training.start(Noise(), problem(1), 0).state.weights
    assert not np.allclose(moves[0], moves[1]) and not np.allclose(moves[0], first_move)


@pytest.mark.parametrize("stop_at", [1, 3, 5])
def test_a_resumed_run_has_the_bits_of_a_whole_one(stop_at):
    part = pickle.loads(pickle.dumps(noise(stop_at=stop_at)))
    assert part.n_steps == stop_at
    resumed = training.run(Noise(), problem(6), part)
    assert np.array_equal(resumed.state.weights, noise().state.weights)
    assert resumed.stop_reason == "max_iter" and resumed.n_steps == 6


def test_resuming_remembers_the_best_and_the_waiting():
    losses, options = (5, 1, 2, 2, 2, 2, 2), {"tol": 0.1, "n_iter_no_change": 4}
    whole = play(*losses, **options)
    part = play(*losses, **options, on_step=lambda progress: progress.n_steps == 3)
    resumed = training.run(Script(losses), problem(7), part, **options)
    assert (resumed.n_steps, resumed.stop_reason) == (whole.n_steps, whole.stop_reason) == (6, "tol")
    assert kept(resumed.best) == kept(whole.best) == 2


def test_the_problem_knows_how_far_the_run_has_come():
    seen = []

    class Look(Script):
        def step(self, state, problem, rng):
            seen.append(problem.iteration)
            return super().step(state, problem, rng)

    trainer = Look((1, 1, 1, 1))
    progress = training.start(trainer, problem(), 0)
    for _ in range(2):
        progress.plan(2)
        training.run(trainer, problem(2), progress)
    assert seen == [0, 1, 0, 1]


def test_the_loop_keeps_to_one_blas_thread_and_gives_the_others_back():
    class Spy(RandomSearch):
        seen: ClassVar[list] = []

        def step(self, state, problem, rng):
            self.seen.append(blas_threads())
            return super().step(state, problem, rng)

        def finish(self, state, problem):
            self.seen.append(blas_threads())
            return super().finish(state, problem)

    with threadpool_limits(2, user_api="blas"):
        BPFreeClassifier((4,), trainer=Spy(), max_iter=1).fit([[0.0], [1.0], [2.0]], [0, 1, 1])
        after = blas_threads()
    assert Spy.seen == [{1}, {1}]
    assert after == {2}


def blas_threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
