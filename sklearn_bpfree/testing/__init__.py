"""The conformance kit: what every trainer must pass, built-in or a third party's.

For a script `check_trainer`; for pytest, one test per check::

    from sklearn_bpfree.testing import parametrize_with_trainer_checks

    @parametrize_with_trainer_checks(["my_trainer"])
    def test_my_trainer(trainer, check):
        check(trainer)

Read `yield_trainer_checks`, the table of contents, first. `RandomSearch` is the smallest example of the contract.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from sklearn_bpfree.estimators.compat import IS_1_9
from sklearn_bpfree.plugin.trainer import Trainer
from sklearn_bpfree.testing.asking import ask
from sklearn_bpfree.testing.claims import (
    check_budget,
    check_docstring,
    check_hyper_parameters,
    check_needs_offers_and_transposes,
    check_param_distributions,
)
from sklearn_bpfree.testing.fits import (
    check_learns_three_classes,
    check_learns_two_classes,
    check_learns_values,
    check_resumes_from_a_pickle,
    check_resumes_from_disk,
    check_same_seed_same_bits,
)
from sklearn_bpfree.testing.models import (
    check_activations_and_depths,
    check_callbacks,
    check_divergence,
    check_float64,
    check_interruption,
    check_pickled_estimator,
    check_sparse_rows,
)
from sklearn_bpfree.testing.of_sklearn import MINIMUM, check_number_of_sklearn_checks, yield_sklearn_checks
from sklearn_bpfree.testing.offers import (
    check_metric_as_objective,
    check_monotone,
    check_partial_fit,
    check_prediction_sets,
    check_standard_deviations,
)
from sklearn_bpfree.testing.reference import RandomSearch
from sklearn_bpfree.testing.running import Report, run_check, title
from sklearn_bpfree.testing.signals import check_hidden_layers_mind_weights, check_transposes
from sklearn_bpfree.testing.steps import (
    check_draws_from_its_generator,
    check_finish_keeps_the_outputs,
    check_formula,
    check_gradient,
    check_outputs,
    check_state_types,
    check_states,
    check_step_changes_nothing,
    check_step_repeats_itself,
)
from sklearn_bpfree.testing.weights import (
    check_integer_weights_repeat_rows,
    check_sample_weights_count,
    check_zero_weights_remove_rows,
)

__all__ = ["RandomSearch", "check_trainer", "parametrize_with_trainer_checks", "yield_trainer_checks"]


def check_trainer(trainer: str | Trainer | type[Trainer], *, verbose: bool | None = None) -> None:
    """Run every check on a trainer; scikit-learn's own on both estimators come last.

    Parameters
    ----------
    trainer : str, Trainer or subclass of Trainer
        A registered name, an object, or a class to be made with its defaults.
    verbose : bool, default=None
        Whether to print each check's name and its seconds, and in the end how many passed. None: unless pytest runs.

    Raises
    ------
    AssertionError
        At the first failure, with one sentence that says what is wrong.

    Examples
    --------
    >>> from sklearn_bpfree.testing import RandomSearch, check_trainer
    >>> check_trainer(RandomSearch(population_size=8), verbose=False)
    """
    report = Report(verbose)
    for check in yield_trainer_checks():
        report.run(check, trainer)
    for kind, least in MINIMUM.items():
        before = report.n_passed
        for check in yield_sklearn_checks(kind, trainer):
            report.run(check, trainer)
        passed = report.n_passed - before
        ask(passed >= least, f"only {passed} of scikit-learn's checks ran on {kind.__name__}, at least {least} must")
    report.end(trainer)


def parametrize_with_trainer_checks(trainers: Iterable[str | Trainer | type[Trainer]]) -> Any:
    """Decorate a pytest function ``test(trainer, check)`` that calls ``check(trainer)``.

    There is one test per trainer and check, scikit-learn's own checks of both estimators included.

    Parameters
    ----------
    trainers : iterable of str, Trainer or subclass of Trainer
        Registered names, objects, or classes to be made with their defaults.

    Returns
    -------
    decorator : pytest.MarkDecorator
    """
    import pytest

    cases = []
    for trainer in trainers:
        checks = [*yield_trainer_checks()]
        for kind in MINIMUM:
            checks += [partial(check_number_of_sklearn_checks, kind), *yield_sklearn_checks(kind, trainer)]
        label = trainer if isinstance(trainer, str) else getattr(trainer, "__name__", repr(trainer))
        cases += [pytest.param(trainer, partial(run_check, check), id=f"{label}-{title(check)}") for check in checks]
    return pytest.mark.parametrize("trainer, check", cases)


def yield_trainer_checks() -> Iterator[Callable[[Trainer], None]]:
    """Table of contents: the kit's own checks, in the order in which they are run.

    Yields
    ------
    check : callable
        A function of a `Trainer` that raises an AssertionError where something is wrong.
    """
    # what the class says of itself
    yield check_hyper_parameters
    yield check_docstring
    yield check_needs_offers_and_transposes
    yield check_budget
    yield check_param_distributions
    # one step
    yield check_states
    yield check_outputs
    yield check_formula
    yield check_state_types
    yield check_gradient
    yield check_step_changes_nothing
    yield check_step_repeats_itself
    yield check_draws_from_its_generator
    yield check_finish_keeps_the_outputs
    # what reaches the hidden layers
    yield check_transposes
    yield check_hidden_layers_mind_weights
    # a run of the loop
    yield check_same_seed_same_bits
    yield check_resumes_from_a_pickle
    yield check_resumes_from_disk
    yield check_learns_two_classes
    yield check_learns_three_classes
    yield check_learns_values
    # an estimator
    yield check_sample_weights_count
    yield check_integer_weights_repeat_rows
    yield check_zero_weights_remove_rows
    yield check_pickled_estimator
    yield check_activations_and_depths
    yield check_float64
    yield check_sparse_rows
    if IS_1_9:
        yield check_callbacks
    yield check_interruption
    yield check_divergence
    yield check_partial_fit
    yield check_standard_deviations
    yield check_prediction_sets
    yield check_monotone
    yield check_metric_as_objective
