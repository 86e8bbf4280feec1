"""What a fitted estimator keeps, how it is pickled, and what it shows of its fit as attributes."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_bpfree.nn.quantisation import PackedWeights
from sklearn_bpfree.plugin.trainer import State, Trainer


class _Fitted(BaseEstimator):
    """The part of an estimator that is there after a fit."""

    def __getstate__(self):
        """What is pickled; of a finished fit with quantised weights that is what predicts, in few bits."""
        stored = super().__getstate__()
        if not self._predicts_by_weights_alone():
            return stored
        kernels, biases = self.network_.unpack(self.state_.weights)
        packed = PackedWeights.pack(kernels, biases, self.network_.weight_kind)
        stored = {**stored, "state_": packed, "history_": self.history_[-1:]}
        del stored["progress_"]
        return stored

    def _predicts_by_weights_alone(self):
        """Whether nobody will ask for more than predictions by the quantised weights."""
        if self.warm_start is not False or not hasattr(self, "progress_") or self.network_.weight_kind == "float":
            return False
        goes_on = self.progress_.unfinished or self.progress_.stop_reason == "partial_fit"
        kind = type(self.trainer_)
        return not goes_on and kind.outputs is Trainer.outputs and kind.predictive is Trainer.predictive

    def __setstate__(self, stored):
        super().__setstate__(stored)
        packed = stored.get("state_")
        if isinstance(packed, PackedWeights):
            self.state_ = State(packed.unpack(self.network_.kernel_shapes))

    @property
    def coefs_(self) -> list[np.ndarray]:
        """Kernels of the layers, (fan_in, fan_out) each, as `weights` has them; targets are standardised inside."""
        return self.network_.unpack(self.network_.effective(self.state_.weights))[0]

    @property
    def intercepts_(self) -> list[np.ndarray]:
        """Biases of the layers."""
        return self.network_.unpack(self.state_.weights)[1]

    @property
    def n_layers_(self) -> int:
        """Number of layers, input and output included."""
        return len(self.network_.layer_sizes)

    @property
    def n_outputs_(self) -> int:
        """Number of output units."""
        return self.network_.n_outputs

    @property
    def n_evaluations_(self) -> int:
        """Rows sent through the network while training, times weight vectors."""
        return self.history_[-1]["n_evaluations"] if self.history_ else 0

    @property
    def loss_curve_(self) -> list[float]:
        """Training loss of every step."""
        return [row["loss"] for row in self.history_]

    @property
    def loss_(self) -> float:
        """Training loss of the last step; NaN when the first one diverged."""
        return self.history_[-1]["loss"] if self.history_ else float("nan")

    @property
    def validation_scores_(self) -> list[float] | None:
        """Validation score of every step; None without early stopping."""
        return [row["validation_score"] for row in self.history_ if "validation_score" in row] or None

    @property
    def best_validation_score_(self) -> float | None:
        """The highest validation score; None without early stopping."""
        return max(self.validation_scores_, default=None) if self.validation_scores_ else None

    @property
    def alignment_(self) -> np.ndarray:
        """Angles in degrees between update and gradient, (n_steps, n_layers); needs ``record_alignment=True``."""
        rows = [row["alignment"] for row in self.history_ if "alignment" in row]
        if not rows:
            raise AttributeError("alignment_ needs a fit with record_alignment=True.")
        return np.array(rows)
