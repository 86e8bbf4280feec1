"""What this library uses of scikit-learn 1.9 and makes do without under 1.7 and 1.8. Nothing else asks for a version.

- Callbacks (`sklearn.callback`, experimental in 1.9): before, `set_callbacks` says in one sentence what it needs.
- A `TargetEncoder` that is given its folds: before, it stratifies by class, and fails where all classes are rare.

When 1.9 is the oldest version, this file goes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import sklearn
from sklearn.model_selection import KFold
from sklearn.preprocessing import TargetEncoder as SklearnTargetEncoder

Method = TypeVar("Method", bound=Callable)

IS_1_9 = tuple(int(part) for part in sklearn.__version__.split(".")[:2]) >= (1, 9)


class Nobody:
    """The context of a fit that no callback listens to."""

    def subcontext(self, **about):
        return self

    def call_on_fit_task_begin(self, **about):
        return self

    def call_on_fit_task_end(self, **about):
        return False


class WithoutCallbacks:
    """An estimator under a scikit-learn that has no callbacks."""

    def set_callbacks(self, *callbacks):
        """Refuse callbacks, which scikit-learn has from 1.9 on.

        Parameters
        ----------
        *callbacks : callback instances
            Refused.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError(
            f"Callbacks need scikit-learn 1.9 or newer, and this is {sklearn.__version__}; install a newer one, or fit "
            "without callbacks."
        )

    def _init_callback_context(self, **about):
        return Nobody()


class CrossFittingTargetEncoder(SklearnTargetEncoder):
    """A TargetEncoder that cross-fits in unstratified folds, as one of scikit-learn 1.9 does with ``cv=KFold(...)``."""

    def fit_transform(self, X, y):
        """Encode each fold of the rows by what the others say.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
        y : ndarray of shape (n_samples,)

        Returns
        -------
        ndarray of shape (n_samples, n_features) or (n_samples, n_features * n_classes)
        """
        self.fit(X, y)
        labels = [] if self.target_type_ == "continuous" else self.classes_
        targets = [y == label for label in labels[len(labels) == 2 :]] or [y]
        encoded = np.empty((*X.shape, len(targets)))
        for train, test in KFold(self.cv, shuffle=self.shuffle, random_state=self.random_state).split(X):
            for k, target in enumerate(targets):
                others = SklearnTargetEncoder(target_type="continuous", smooth=self.smooth)
                encoded[test, :, k] = others.fit(X[train], target[train].astype(float)).transform(X[test])
        return encoded.reshape(len(X), -1)


def same_folds(n: int, random_state: int) -> dict[str, Any]:
    """Parameters of a `TargetEncoder` that cross-fits in the same `n` folds whenever it is fitted."""
    if IS_1_9:
        return {"cv": KFold(n, shuffle=True, random_state=random_state)}
    return {"cv": n, "shuffle": True, "random_state": random_state}


if IS_1_9:
    from sklearn import callback

    CallbackSupportMixin, TargetEncoder = callback.CallbackSupportMixin, SklearnTargetEncoder
else:
    callback = None
    CallbackSupportMixin, TargetEncoder = WithoutCallbacks, CrossFittingTargetEncoder


def with_callbacks(fit: Method) -> Method:
    """Decorate a `fit` that tells callbacks how it goes."""
    return callback.with_callbacks(fit) if callback else fit
