"""The zoo of backprop-free trainers for scikit-learn."""

from typing import Any

from sklearn_bpfree.estimators import BPFreeClassifier, BPFreeRegressor, Checkpoint
from sklearn_bpfree.plugin import (
    Budget,
    ErrorSignalState,
    ErrorSignalTrainer,
    Members,
    Pass,
    PopulationState,
    PopulationTrainer,
    State,
    Trainer,
    advance,
    centred_ranks,
)
from sklearn_bpfree.plugin.registry import get_trainer, list_trainers
from sklearn_bpfree.plugin.search import search_space
from sklearn_bpfree.tabular import tabular_pipeline

__version__ = "0.1.0"
__all__ = [
    "TRUSTED_TYPES",
    "BPFreeClassifier",
    "BPFreeRegressor",
    "Budget",
    "Checkpoint",
    "ErrorSignalState",
    "ErrorSignalTrainer",
    "Members",
    "Pass",
    "PopulationState",
    "PopulationTrainer",
    "State",
    "Trainer",
    "advance",
    "centred_ranks",
    "get_trainer",
    "list_trainers",
    "search_space",
    "tabular_pipeline",
]


def __getattr__(name: str) -> Any:
    """`TRUSTED_TYPES`, what `skops.io.load` may make of a model; found when it is asked for, by all trainers."""
    if name != "TRUSTED_TYPES":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sklearn_bpfree.trusted import trusted_types

    return trusted_types()
