"""How predictions come about: rows go through the trainer in blocks, and what is not finite is refused."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sklearn_bpfree.estimators.magnitudes import check_finite
from sklearn_bpfree.estimators.offering import no_return_std
from sklearn_bpfree.nn.arrays import row_blocks

PREDICTED_ROWS = 4096  # at a time: whatever a trainer makes of its rows never exists for a large table as a whole


class _Predicts(BaseEstimator):
    """The part of an estimator that predicts."""

    @np.errstate(all="ignore")
    def _outputs(self, X):
        """Raw outputs, in the dtype of X, and by the objective's link probabilities or encoded values."""
        check_is_fitted(self, "state_")
        if not self._are_rows(X):
            X = self._check_rows(X, reset=False)
        parts = [
            self.trainer_.outputs(self.state_, self.network_, X[rows])
            for rows in row_blocks(X.shape[0], PREDICTED_ROWS)
        ]
        Z = np.concatenate(parts).astype(X.dtype, copy=False)
        P = self.objective_.link(Z)
        check_finite(self, X, Z, P, *([] if self._classifies else [self.targets_.predict(P)]))
        return Z, P

    def _are_rows(self, X) -> bool:
        """Whether rows are such that `_check_rows` would give them back; False where this is not seen at once."""
        plain = type(X) is np.ndarray and X.dtype in (np.float32, np.float64) and X.ndim == 2 and len(X) > 0
        known = plain and X.shape[1] == self.n_features_in_ and not hasattr(self, "feature_names_in_")
        return bool(known and np.isfinite(X.sum()))

    @np.errstate(all="ignore")
    def _predictive(self, X, levels=None):
        """Means and standard deviations of the encoded values, or their quantiles, in the dtype of X."""
        check_is_fitted(self, "state_")
        if "return_std" not in self.trainer_.offers:
            raise ValueError(no_return_std(self.trainer_))
        X = self._check_rows(X, reset=False)
        trainer, given = self.trainer_, (self.state_, self.network_)
        parts = [
            trainer.predictive(*given, X[rows]) if levels is None else (trainer.quantiles(*given, X[rows], levels),)
            for rows in row_blocks(X.shape[0], PREDICTED_ROWS)
        ]
        whole = [np.concatenate(part).astype(X.dtype, copy=False) for part in zip(*parts, strict=True)]
        check_finite(self, X, *whole, *([] if levels is not None else map(self.targets_.predict, whole)))
        return whole
