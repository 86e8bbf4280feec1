"""Importances of a table's columns for any model: what its score loses on rows that it did not learn."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_classifier
from sklearn.model_selection import train_test_split
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklearn_bpfree.estimators.common import OfThisLibrary


def _has(method):
    return available_if(lambda self: hasattr(getattr(self, "estimator_", self.estimator), method))


class HeldOutImportances(OfThisLibrary, MetaEstimatorMixin, BaseEstimator):
    """A model with `feature_importances_`, for selectors that ask for them, such as `RFE`.

    Neither the weights of a net nor the bins of a column say how much the column matters, so nothing of ours has
    `feature_importances_` by itself. Here some rows are held out, the model learns from the others, and a column is as
    important as the mean loss in score when its cells are shuffled among the held-out rows, or zero where nothing is
    lost. Columns that say the same share their importance or hide each other's.

    Parameters
    ----------
    estimator : estimator
        Such as a `tabular_pipeline`.
    held_out : float, default=0.25
        Share of the rows that are held out, and not learned; of each class alike.
    n_repeats : int, default=5
        How often each column is shuffled.
    scoring : str or callable, default=None
        None: the estimator's own score.
    random_state : int, RandomState instance or None, default=None
        Source of the held-out rows and the shuffling.

    Attributes
    ----------
    estimator_ : estimator
        Fitted to the rows that are not held out.
    feature_importances_ : ndarray of shape (`n_features_in_`,)

    References
    ----------
    Breiman (2001), "Random forests", Machine Learning 45, section 10.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_bpfree.tabular import HeldOutImportances, tabular_pipeline
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> model = HeldOutImportances(tabular_pipeline(LogisticRegression()), random_state=0)
    >>> int(model.fit(X, X[:, 1] > 0).feature_importances_.argmax())
    1
    """

    def __init__(
        self,
        estimator: Any,
        *,
        held_out: float = 0.25,
        n_repeats: int = 5,
        scoring: Any = None,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.held_out = held_out
        self.n_repeats = n_repeats
        self.scoring = scoring
        self.random_state = random_state

    def fit(self, X: Any, y: Any, **params: Any) -> Self:
        """Fit the estimator to a part of the rows, and measure importances on the others.

        Parameters
        ----------
        X : DataFrame or array of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        **params : dict
            For the estimator's `fit`; nothing that has a value per row.

        Returns
        -------
        self : object
        """
        options = {"test_size": self.held_out, "random_state": self.random_state}
        options["stratify"] = y if is_classifier(self.estimator) else None
        X, X_held, y, y_held = train_test_split(X, y, **options)
        self.estimator_ = clone(self.estimator).fit(X, y, **params)
        from sklearn.inspection import permutation_importance  # which imports scikit-learn's forests

        shuffled: Any = permutation_importance(
            self.estimator_,
            X_held,
            y_held,
            scoring=self.scoring,
            n_repeats=self.n_repeats,
            random_state=self.random_state,
        )
        self.feature_importances_ = np.maximum(shuffled.importances_mean, 0)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """What the estimator predicts."""
        check_is_fitted(self)
        return self.estimator_.predict(X)

    @_has("predict_proba")
    def predict_proba(self, X: Any) -> np.ndarray:
        """The estimator's probabilities."""
        check_is_fitted(self)
        return self.estimator_.predict_proba(X)

    def score(self, X: Any, y: Any) -> float:
        """The estimator's score."""
        check_is_fitted(self)
        return self.estimator_.score(X, y)

    @property
    def classes_(self) -> np.ndarray:
        """Labels of the classes."""
        return self.estimator_.classes_

    @property
    def n_features_in_(self) -> int:
        """Number of columns."""
        return self.estimator_.n_features_in_

    def __sklearn_tags__(self):
        tags, own = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.estimator_type, tags.input_tags, tags.target_tags = own.estimator_type, own.input_tags, own.target_tags
        tags.classifier_tags, tags.regressor_tags = own.classifier_tags, own.regressor_tags
        return tags
