"""The zoo of backprop-free trainers for scikit-learn."""

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
