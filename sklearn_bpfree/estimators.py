"""scikit-learn's face: the two estimators, of which each has a module of its own."""

from sklearn_bpfree.base_estimator import _BPFreeEstimator
from sklearn_bpfree.classifier import BPFreeClassifier
from sklearn_bpfree.regressor import BPFreeRegressor

__all__ = ["BPFreeClassifier", "BPFreeRegressor", "_BPFreeEstimator"]
