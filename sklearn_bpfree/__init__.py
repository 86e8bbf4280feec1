"""The zoo of backprop-free trainers for scikit-learn."""

from typing import TYPE_CHECKING, Any

from sklearn_bpfree.lazy import lazily

if TYPE_CHECKING:
    from sklearn_bpfree.estimators import BPFreeClassifier, BPFreeRegressor, Checkpoint, compact
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
    "TRUSTED_TYPES",  # pyright: ignore[reportUnsupportedDunderAll]
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
    "compact",
    "get_trainer",
    "list_trainers",
    "search_space",
    "tabular_pipeline",
]
_find, __dir__ = lazily(__name__, __all__, ("estimators", "plugin", "plugin.registry", "plugin.search", "tabular"))


def __getattr__(name: str) -> Any:
    """The names of `__all__`; `TRUSTED_TYPES` is what `skops.io.load` may make of a model, asked of all trainers."""
    if name != "TRUSTED_TYPES":
        return _find(name)
    from sklearn_bpfree.trusted import trusted_types

    return trusted_types()
