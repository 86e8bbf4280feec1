"""scikit-learn's face: the two estimators, of which each has a module of its own."""

from sklearn_bpfree.estimators.classifier import BPFreeClassifier
from sklearn_bpfree.estimators.regressor import BPFreeRegressor

__all__ = ["BPFreeClassifier", "BPFreeRegressor"]
