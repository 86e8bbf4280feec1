"""What stands in for a fitted estimator, so that any scorer can judge given raw outputs."""

from __future__ import annotations

from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin


class Predictions(BaseEstimator):
    """Stands in for a fitted estimator, so that any scorer can judge given raw outputs."""

    def __init__(self, targets, link, Z):
        self.targets, self.link, self.Z = targets, link, Z

    def __sklearn_is_fitted__(self):
        return True

    def predict(self, X):
        return self.targets.predict(self.link(self.Z))


class ClassPredictions(ClassifierMixin, Predictions):
    @property
    def classes_(self):
        return self.targets.classes

    def predict_proba(self, X):
        return self.targets.probabilities(self.link(self.Z))

    def decision_function(self, X):
        return self.targets.decisions(self.Z)


class ValuePredictions(RegressorMixin, Predictions):
    pass
