"""What the user gives an estimator, checked and encoded: rows, targets, weights and held-out rows.

Read `_Checks._problem`, where all of it comes together, first.
"""

from __future__ import annotations

import copy
from numbers import Real

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, clone
from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import validate_data

from sklearn_bpfree.estimators import parameters
from sklearn_bpfree.estimators.constraints import check_constrained, directions_of
from sklearn_bpfree.estimators.magnitudes import check_range
from sklearn_bpfree.estimators.parameters import trainer_name
from sklearn_bpfree.estimators.repeats import repeat_by_weight
from sklearn_bpfree.estimators.target_values import plain
from sklearn_bpfree.nn.activations import ACTIVATIONS
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.nn.objectives import Metric, make_objective
from sklearn_bpfree.plugin.hyperparameters import shown
from sklearn_bpfree.plugin.problem import Problem
from sklearn_bpfree.plugin.registry import inspect_trainers

FRAME_NOTE = (
    "A frame with text, categories, dates or missing values is for sklearn_bpfree.tabular.tabular_pipeline, which "
    "encodes them: tabular_pipeline(estimator).fit(X, y)."
)
EXPONENT = 300  # of two; sums of weights beyond 2^300 or their squares may not be finite


class _Checks(BaseEstimator):
    """The part of an estimator that checks and encodes."""

    def _check_network(self, network, trainer):
        check_constrained(self, network, trainer)
        flat = ACTIVATIONS[self.activation].flat
        learns = trainer.learns_flat and network.weight_kind == "float"
        if network.is_smooth or learns or trainer.needs == "values":
            return
        asked = f"activation={self.activation!r}" if flat else f"weights={self.weights!r}"
        raise ValueError(
            f"The trainer {trainer_name(self.trainer)!r} needs derivatives, which {asked} does not have; use another "
            f"activation or weights='float', or a trainer that only needs values (registered: {value_trainers()})."
        )

    def _make_objective(self, targets):
        """What `loss` asks for, with nothing in it that the user could change later."""
        return make_objective(clone(self.loss, safe=False), targets, getattr(self, "quantile", None))

    def _validate(self, X, y, sample_weight, *, reset, min_rows):
        X, y = self._check_rows(X, y, reset=reset, ensure_min_samples=min_rows)
        y = self._check_y(y)
        sample_weight = self._check_weight(sample_weight, y)
        if sample_weight is not None and not (sample_weight > 0).all():
            rows = np.flatnonzero(sample_weight)
            X, y, sample_weight = X[rows], y[rows], sample_weight[rows]
        return X, y, sample_weight

    def _check_rows(self, X, *y, **checks):
        """Rows, and targets if given, as arrays; a frame that is not all numbers is told what it is for."""
        if y:
            y = (plain(y[0], numbers=not self._classifies),)
            checks |= {"multi_output": True, "y_numeric": not self._classifies}
        try:
            return validate_data(self, X, *y, accept_sparse="csr", dtype=[np.float64, np.float32], **checks)
        except (TypeError, ValueError) as error:
            if hasattr(X, "columns"):
                error.add_note(FRAME_NOTE)
            raise

    def _check_weight(self, sample_weight, y, name="sample_weight"):
        """Weights as float64 (n,), or None; `class_weight` included."""
        if sample_weight is not None:
            if isinstance(sample_weight, Real):
                sample_weight = np.full(len(y), sample_weight)
            weight = check_array(sample_weight, ensure_2d=False, dtype=np.float64, input_name=name, estimator=self)
            if weight.shape != (len(y),):
                raise ValueError(f"{name} must have shape ({len(y)},), one weight per row, got {weight.shape}.")
            if (weight < 0).any() or not weight.any():
                raise ValueError(f"{name} must be non-negative and not all zero.")
            sample_weight = _near_one(weight)
        if getattr(self, "class_weight", None) is not None:
            by_class = compute_sample_weight(self.class_weight, y)
            sample_weight = by_class if sample_weight is None else sample_weight * by_class
            if (sample_weight < 0).any() or sample_weight.sum() == 0:
                raise ValueError(
                    f"class_weight must be non-negative and not zero for all rows, got {self.class_weight!r}."
                )
        return sample_weight

    def _repeat(self, X, y, sample_weight):
        """Whole weights as repeated rows; a metric gets the rows as they are."""
        if isinstance(self.objective_, Metric):
            equal = sample_weight is None or (sample_weight == sample_weight[0]).all()
            return X, y, None if equal else sample_weight
        return repeat_by_weight(X, y, sample_weight, whole=getattr(self, "class_weight", None) is None)

    def _cast(self, X):
        """The rows in the dtype of the computation; no copy where they have it."""
        dtype = parameters.dtype(self.dtype)
        check_range(self, X, dtype)
        X = X.astype(dtype, copy=False)
        return X if sparse.issparse(X) else np.ascontiguousarray(X)

    def _held_out(self, X_val, y_val, weight_val, budget, warms_up):
        """The user's validation rows, "split" for a fraction of the training rows, or None."""
        if (X_val is None) != (y_val is None):
            raise ValueError(f"X_val and y_val go together, but {'X_val' if X_val is None else 'y_val'} is missing.")
        if X_val is None:
            if weight_val is not None:
                raise ValueError("sample_weight_val goes with X_val and y_val, but these are missing.")
            asked = budget.early_stopping or warms_up if self.early_stopping == "auto" else self.early_stopping
            return "split" if asked else None
        if self.early_stopping is False:
            raise ValueError("X_val is for early stopping, but early_stopping=False; set it to True or 'auto'.")
        X_val, y_val = self._check_rows(X_val, y_val, reset=False)
        y_val = self._check_y(y_val)
        self._set_targets(y_val, weight_val, reset=False, name="y_val")
        return X_val, y_val, self._check_weight(weight_val, y_val, "sample_weight_val")

    def _split(self, X, y, sample_weight, seed):
        n_held = int(np.ceil(self.validation_fraction * len(y)))
        if n_held < 2 or len(y) - n_held < 2:
            raise ValueError(
                f"Early stopping needs at least 2 rows on either side of the split, but validation_fraction="
                f"{self.validation_fraction} of {len(y)} rows gives {n_held}; change it or set early_stopping=False."
            )
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        stratify = y if self._stratifies(y, n_held) else None
        X, X_val, y, y_val, weight, weight_val = train_test_split(
            X, y, weight, test_size=n_held, random_state=seed, stratify=stratify
        )
        if sample_weight is None:
            weight = weight_val = None
        return X, y, weight, (X_val, y_val, weight_val)

    def _stratifies(self, y, n_held):
        return False

    def _problem(self, X, y, sample_weight, budget):
        dtype = parameters.dtype(self.dtype)
        targets, objective = self.targets_, self.objective_
        if isinstance(objective, Metric):
            objective.check(targets.encode(y, dtype), y, sample_weight)
        if self.record_alignment and isinstance(objective, Metric):
            raise ValueError(
                f"record_alignment=True compares with the gradient of a loss, but loss={self.loss!r} is a metric; "
                "set record_alignment=False, or use a loss such as loss='auto'."
            )
        sizes = (X.shape[1], *parameters.hidden_sizes(self.hidden_layer_sizes), targets.n_outputs)
        network = Network(sizes, self.activation, self.weights, directions_of(self, X.shape[1]))
        parameters.check_size(network)
        return Problem(
            self._cast(X),
            targets.encode(y, dtype),
            network,
            objective,
            sample_weight=sample_weight,
            y=y if isinstance(objective, Metric) else None,
            batch_size=budget.batch_size if self.batch_size == "auto" else int(self.batch_size),
            max_iter=budget.max_iter if self.max_iter is None else int(self.max_iter),
            n_jobs=self.n_jobs,
        )

    def _validator(self, X_val, y_val, weight_val):
        """Score of a state on the validation rows, by `scoring`; greater is better."""
        objective, X_val = self.objective_, self._cast(X_val)
        if self.scoring == "loss" or (self.scoring is None and isinstance(objective, Metric)):
            Y_val = self.targets_.encode(y_val, X_val.dtype)

            def score(state):
                Z = self.trainer_.outputs(state, self.network_, X_val)
                if isinstance(objective, Metric):
                    return objective.score(Z, y_val, weight_val)
                return -float(np.average(objective.loss(Z, Y_val), weights=weight_val))

            return score
        candidate = copy.copy(self)
        candidate.__dict__.pop("feature_names_in_", None)  # X_val is an array by now
        scorer = check_scoring(candidate, self.scoring)
        weight = {} if weight_val is None else {"sample_weight": weight_val}

        def score_candidate(state):
            candidate.state_ = state
            try:
                value = scorer(candidate, X_val, y_val, **weight)
            except (MemoryError, ValueError):  # they say what is wrong
                raise
            except Exception as error:  # whatever a scorer may raise
                raise ValueError(self._cannot_score(error)) from error
            value = value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value
            if not isinstance(value, Real):
                raise ValueError(f"scoring={shown(self.scoring)} must give a number, got {shown(value)}.")
            return float(value)

        return score_candidate

    def _cannot_score(self, error):
        """Why `scoring` failed, in a sentence."""
        if isinstance(error, TypeError) and "sample_weight" in str(error):
            return (
                f"scoring={shown(self.scoring)} does not take sample weights, which the validation rows have; fit "
                "without weights or use another scorer."
            )
        reason = f"{type(error).__name__}: {error}".partition("\n")[0].rstrip(". ")
        return (
            f"scoring={shown(self.scoring)} cannot judge the validation rows ({reason}); give the name of a scorer, or "
            "a function of an estimator, X and y."
        )


def _near_one(weight):
    """Weights whose sums can be formed; those that need it are multiplied by a power of two, which loses nothing."""
    exponent = np.frexp(weight.max())[1]
    return weight if abs(exponent) < EXPONENT else np.ldexp(weight, -exponent)


def value_trainers() -> str:
    able = [info.name for info in inspect_trainers() if info.error is None and info.needs == "values"]
    return ", ".join(able) or "none"
