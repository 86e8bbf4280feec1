"""The zoo of backprop-free trainers for scikit-learn."""

from sklearn_bpfree.error_signal import ErrorSignalState, ErrorSignalTrainer, Pass
from sklearn_bpfree.estimators import BPFreeClassifier, BPFreeRegressor
from sklearn_bpfree.members import Members
from sklearn_bpfree.population import PopulationState, PopulationTrainer, centred_ranks
from sklearn_bpfree.registry import get_trainer, list_trainers
from sklearn_bpfree.search import search_space
from sklearn_bpfree.trainer import Budget, State, Trainer, advance

__version__ = "0.1.0"
__all__ = [
    "BPFreeClassifier",
    "BPFreeRegressor",
    "Budget",
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
]
