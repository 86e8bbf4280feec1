"""Checks of what the class says of itself: hyper-parameters, docstring, words for listings, budget."""

from __future__ import annotations

import dataclasses
import inspect

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import ParameterSampler

from sklearn_bpfree.plugin.budget import Budget
from sklearn_bpfree.plugin.trainer import Trainer
from sklearn_bpfree.testing.asking import ask, ask_same

NEEDS = ("output error", "values")
OFFERS = ("partial_fit", "return_std", "sets", "monotone")
MAX_STEPS = 10_000  # on a table as small as the kit's
TRANSPOSES = ("none", "own head", "signs", "all")


def check_hyper_parameters(trainer):
    """Hyper-parameters are annotated fields with defaults; get_params, clone, set_params and repr know them."""
    kind = type(trainer)
    fields = [field.name for field in dataclasses.fields(kind)]
    for name in ("needs", "offers", "transposes"):
        ask(name not in fields, f"{name} of {kind.__name__} became a hyper-parameter; annotate it as a ClassVar")
    for name in _forgotten_annotations(kind):
        ask(False, f"{kind.__name__}.{name} is no hyper-parameter; annotate it, as in '{name}: float = 0.1'")
    ask(sorted(trainer.get_params(deep=False)) == sorted(fields), "get_params does not give the annotated fields")
    for name, value in trainer.get_params(deep=False).items():
        ask(getattr(trainer, name) is value, f"get_params gives another {name} than the attribute")
    copied = clone(trainer)
    ask_same(vars(trainer), vars(copied), "clone changes the trainer", "trainer")
    ask(repr(copied) == repr(trainer), "a clone has another repr than the original")
    copied.set_params(**trainer.get_params(deep=False))
    ask_same(vars(trainer), vars(copied), "set_params does not restore what get_params gave", "trainer")
    trainer.check_parameters()


def _forgotten_annotations(kind):
    """Public plain values in the classes below Trainer that are not annotated, and so are no hyper-parameters."""
    below = kind.__mro__[: kind.__mro__.index(Trainer)]
    known = {name for base in kind.__mro__ for name in inspect.get_annotations(base)}
    return [
        name
        for base in below
        for name, value in vars(base).items()
        if not name.startswith("_") and name not in known and isinstance(value, (bool, int, float, str, type(None)))
    ]


def check_docstring(trainer):
    """The first line of the docstring is what listings show."""
    kind = type(trainer)
    first = (inspect.getdoc(kind) or "").partition("\n")[0]
    written = bool(first) and not first.startswith(f"{kind.__name__}(")
    ask(written, f"{kind.__name__} has no docstring; listings show its first line")
    ask(first.endswith("."), f"the docstring of {kind.__name__} must open with a sentence in one line, got {first!r}")


def check_needs_offers_and_transposes(trainer):
    """`needs`, `offers` and `transposes` use the words that listings and estimators understand."""
    ask(trainer.needs in NEEDS, f"needs must be one of {NEEDS}, got {trainer.needs!r}")
    known = isinstance(trainer.offers, tuple) and set(trainer.offers) <= set(OFFERS)
    ask(known, f"offers must be a tuple of some of {OFFERS}, got {trainer.offers!r}")
    ask(trainer.slow in (True, False), f"slow must be True or False, got {trainer.slow!r}")
    ask(trainer.transposes in TRANSPOSES, f"transposes must be one of {TRANSPOSES}, got {trainer.transposes!r}")


def check_budget(trainer):
    """The trainer's own number of steps and batch size make sense for any table."""
    for shape in [(1, 1), (90, 4), (5_000, 1_000), (1_000_000, 30)]:
        budget = trainer.budget(*shape)
        ask(isinstance(budget, Budget), f"budget{shape} must return a Budget, got {budget!r}")
        again = trainer.budget(*shape)
        ask(budget == again, f"budget{shape} gives {budget} and, asked again, {again}")
        for name in ("max_iter", "batch_size"):
            value = getattr(budget, name)
            whole = isinstance(value, (int, np.integer)) and value >= 1
            ask(whole, f"{name} of budget{shape} must be an integer of at least 1, got {value!r}")
        ask(
            budget.max_iter <= MAX_STEPS or shape[0] > 90,
            f"budget{shape} asks for {budget.max_iter} steps, more than {MAX_STEPS}; a step is a pass over the rows",
        )
        flag = isinstance(budget.early_stopping, (bool, np.bool_))
        ask(flag, f"early_stopping of budget{shape} must be True or False, got {budget.early_stopping!r}")
        ask(budget.tol is None or budget.tol >= 0, f"tol of budget{shape} must be None or >= 0, got {budget.tol!r}")


def check_param_distributions(trainer):
    """What it proposes to search are hyper-parameters of its own with values that it takes."""
    distributions = trainer.param_distributions()
    unknown = set(distributions) - set(trainer.get_params(deep=False))
    ask(not unknown, f"param_distributions names {sorted(unknown)}, which are no hyper-parameters")
    for draw in ParameterSampler(distributions, 8, random_state=0) if distributions else ():
        try:
            clone(trainer).set_params(**draw).check_parameters()
        except (TypeError, ValueError) as error:
            ask(False, f"param_distributions proposes {draw}, which check_parameters refuses: {error}")
