"""scikit-learn's face: the two estimators, of which each has a module of its own, and the callback that keeps a fit."""

from sklearn_bpfree.estimators.checkpoint import Checkpoint
from sklearn_bpfree.estimators.classifier import BPFreeClassifier
from sklearn_bpfree.estimators.regressor import BPFreeRegressor

__all__ = ["BPFreeClassifier", "BPFreeRegressor", "Checkpoint"]
