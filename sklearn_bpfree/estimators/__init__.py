"""scikit-learn's face: the two estimators, each in a module of its own, what keeps a fit on disk, and small copies."""

from sklearn_bpfree.estimators.checkpoint import Checkpoint
from sklearn_bpfree.estimators.classifier import BPFreeClassifier
from sklearn_bpfree.estimators.compacting import compact
from sklearn_bpfree.estimators.regressor import BPFreeRegressor

__all__ = ["BPFreeClassifier", "BPFreeRegressor", "Checkpoint", "compact"]
