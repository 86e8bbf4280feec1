"""What a fitted estimator keeps, how it is pickled, and what it shows of its fit as attributes."""

from __future__ import annotations

import copy
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_bpfree.estimators.common import OfThisLibrary
from sklearn_bpfree.nn.quantisation import PackedWeights
from sklearn_bpfree.plugin.trainer import FOR_TRAINING, State, Trainer


def without_training(value: Any) -> Any:
    """A state, and the dataclasses that it holds, with None in the fields that are there for training only."""
    if isinstance(value, list):
        return [without_training(item) for item in value]
    if not is_dataclass(value) or isinstance(value, type):
        return value
    bare = copy.copy(value)
    for field in fields(value):
        kept = None if field.metadata == FOR_TRAINING else without_training(getattr(value, field.name))
        object.__setattr__(bare, field.name, kept)  # it may be frozen
    return bare


class _Fitted(OfThisLibrary, BaseEstimator):
    """The part of an estimator that is there after a fit."""

    def __getstate__(self):
        """What is pickled: of a finished fit that nobody goes on with, what predicts."""
        stored = super().__getstate__()
        if not self._is_finished():
            return stored
        kind, quantised = type(self.trainer_), self.network_.weight_kind != "float"
        by_weights_alone = kind.outputs is Trainer.outputs and kind.predictive is Trainer.predictive
        if quantised and by_weights_alone:
            kernels, biases = self.network_.unpack(self.state_.weights)
            packed = PackedWeights.pack(kernels, biases, self.network_.weight_kind)
            stored = {**stored, "state_": packed, "history_": self.history_[-1:]}
        elif "partial_fit" in self.trainer_.offers:
            return stored
        elif by_weights_alone:
            stored = {**stored, "state_": State(self.state_.weights, self.state_.loss)}
        else:
            stored = {**stored, "state_": without_training(self.state_)}
        del stored["progress_"]
        return stored

    def _is_finished(self):
        """Whether the fit was not cut short, and is none of many."""
        if self.warm_start is not False or not hasattr(self, "progress_"):
            return False
        return not self.progress_.unfinished and self.progress_.stop_reason != "partial_fit"

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
