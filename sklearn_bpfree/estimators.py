"""scikit-learn's face: `BPFreeClassifier` and `BPFreeRegressor`.

They check and encode what the user gives, hand a `Problem` to the loop and decode what the network says. scikit-learn's
callback API (experimental in 1.9) is used in this module only.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from numbers import Integral, Real

import numpy as np
from scipy import sparse, special
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array, check_random_state, check_scalar, column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_bpfree import training
from sklearn_bpfree.alignment import alignment
from sklearn_bpfree.network import ACTIVATIONS, Network
from sklearn_bpfree.objectives import Loss, Metric, ObjectiveError, make_objective
from sklearn_bpfree.problem import Problem, merge_repeated_rows
from sklearn_bpfree.quantisation import WEIGHT_KINDS, PackedWeights
from sklearn_bpfree.registry import get_trainer, get_trainer_class, inspect_trainers
from sklearn_bpfree.targets import Classes, LabelSets, Values
from sklearn_bpfree.trainer import State, Trainer

PROBE_ROWS = 1024  # the alignment of an update with the gradient is measured on this many rows
VALIDATION_TOL = 1e-4  # improvement of the validation score that counts when `tol` is left to the trainer


def _offers(estimator, what):
    """Whether the trainer offers something; a name that fit will complain about is taken to offer everything."""
    try:
        kind = get_trainer_class(estimator.trainer) if isinstance(estimator.trainer, str) else estimator.trainer
    except (ValueError, ImportError):
        return True
    return what in getattr(kind, "offers", (what,))


def _offers_partial_fit(estimator):
    """Whether the trainer can take steps on other rows than before."""
    if not _offers(estimator, "partial_fit"):
        raise AttributeError(f"partial_fit is not offered by the trainer {estimator.trainer!r}; use fit.")
    return True


def _offers_return_std(estimator):
    """Whether the trainer can say how sure its predictions are."""
    if not _offers(estimator, "return_std"):
        raise AttributeError(_no_return_std(estimator))
    return True


def _no_return_std(estimator):
    able = [info.name for info in inspect_trainers() if "return_std" in info.offers]
    return (
        f"The trainer {estimator._trainer_name()!r} does not say how sure its predictions are; use one that offers "
        f"return_std (registered: {', '.join(able) or 'none'})."
    )


class _BPFreeEstimator(CallbackSupportMixin, BaseEstimator):
    """What classifier and regressor share."""

    def set_params(self, **params):
        """Set parameters of this estimator and, as ``trainer__<name>``, of its trainer.

        A trainer given by name becomes an object when, and only when, one of its own parameters is set.

        Returns
        -------
        self : object
        """
        if any(name.startswith("trainer__") for name in params):
            trainer = params.get("trainer", self.trainer)
            if isinstance(trainer, str):
                params = {**params, "trainer": get_trainer(trainer)}
        return super().set_params(**params)

    # --- fitting ---------------------------------------------------------------------------------------------------

    @with_callbacks
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features. Scale them: every trainer expects columns of about unit variance.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels, label indicators or values.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row; an integer weight means that many copies of it.
        X_val, y_val : array-like, default=None
            Rows for early stopping, instead of a fraction of X and y held out.
        sample_weight_val : array-like, default=None
            Weights of the validation rows.

        Returns
        -------
        self : object
            Fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data make no sense, or if the trainer cannot serve the objective.
        """
        self._check_parameters()
        continues = self.warm_start and self._was_begun()
        given = {"X": X, "y": y, "metadata": None if sample_weight is None else {"sample_weight": sample_weight}}
        X, y, sample_weight = self._validate(X, y, sample_weight, reset=not continues, min_rows=2)
        self._set_targets(y, sample_weight, reset=not continues)
        X, y, sample_weight = self._merge(X, y, sample_weight)
        seed = self.progress_.seed if continues else self._draw_seed()
        trainer = self._make_trainer()
        budget = trainer.budget(*X.shape)

        warms_up = self.metric_warmup > 0 and trainer.needs == "values" and isinstance(self._objective(), Metric)
        held_out = self._held_out(X_val, y_val, sample_weight_val, budget, warms_up)
        if held_out == "split":
            X, y, sample_weight, held_out = self._split(X, y, sample_weight, seed)
        problem = self._problem(X, y, sample_weight, budget)
        self._check_network(problem.network, trainer)
        problem.warmup = 1 if warms_up else 0  # so that the objective is that of the first step
        if self.max_iter is None:
            problem.max_iter = trainer.horizon(problem, budget)
        if warms_up:
            problem.warmup = round(self.metric_warmup * problem.max_iter)
        if continues:
            self._check_continues(problem.network, trainer)
            progress = self.progress_
            if not progress.unfinished:
                progress.plan(problem.max_iter)
            problem.max_iter, problem.warmup = progress.planned, progress.warmup
        else:
            self._forget()
            self.network_ = problem.network
            progress = self._call(trainer, lambda: training.start(trainer, problem, seed))
            progress.plan(problem.max_iter, problem.warmup)
        self.trainer_ = trainer
        self._run(problem, progress, given, budget, held_out)
        return self

    def _partial_fit(self, X, y, classes=None, sample_weight=None):
        self._check_parameters()
        if self.early_stopping is True:
            raise ValueError("partial_fit does not support early_stopping=True; use fit, or early_stopping=False.")
        first = not self._was_begun()
        X, y, sample_weight = self._validate(X, y, sample_weight, reset=first, min_rows=1)
        self._set_targets(y, sample_weight, reset=first, classes=classes)
        X, y, sample_weight = self._merge(X, y, sample_weight)
        trainer = self._make_trainer() if first else self.trainer_
        problem = self._problem(X, y, sample_weight, trainer.budget(*X.shape))
        self._check_network(problem.network, trainer)
        problem.max_iter = None
        if first:
            self.network_ = problem.network
            seed = self._draw_seed()
            progress = self._call(trainer, lambda: training.start(trainer, problem, seed))
        else:
            progress = self.progress_
        progress.plan(1)
        self.trainer_ = trainer
        probe = self._probe(trainer, problem, progress)
        self._call(trainer, lambda: training.run(trainer, problem, progress, probe=probe))
        progress.stop_reason = "partial_fit"
        self._keep(progress, trainer.finish(progress.state, problem))
        return self

    def _forget(self):
        """Drop the last fit, which does not go with the new network."""
        for name in ("state_", "progress_", "history_"):
            self.__dict__.pop(name, None)

    def _was_begun(self):
        """Whether there is a fit to go on with."""
        if hasattr(self, "state_") and not hasattr(self, "progress_"):
            raise ValueError(
                f"This {type(self).__name__} was stored after its fit for predictions alone, so that it cannot be "
                "trained on; set warm_start=True before storing it, or clone it and fit anew."
            )
        return hasattr(self, "progress_")

    def _draw_seed(self):
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _run(self, problem, progress, given, budget, held_out):
        """Run the loop with validation, callbacks and the alignment record as asked for, and keep what comes out.

        `given` is what callbacks are told: the rows as the user gave them, with their column names.
        """
        trainer = self.trainer_
        context = self._init_callback_context(max_subtasks=progress.planned - progress.iteration)
        context.call_on_fit_task_begin(estimator=self, **given)

        def on_step(progress):
            step = context.subcontext(task_name="step").call_on_fit_task_begin(estimator=self, **given)
            if self.verbose:
                print(_one_line(progress.history[-1]))
            return step.call_on_fit_task_end(estimator=self, reconstruction_attributes=now, **given)

        def now():
            state = trainer.finish(progress.state, problem)
            return {"state_": state, "history_": progress.history, "progress_": progress}

        self._call(
            trainer,
            lambda: training.run(
                trainer,
                problem,
                progress,
                tol=self._tolerance(budget, held_out),
                n_iter_no_change=self.n_iter_no_change,
                validate=None if held_out is None else self._validator(*held_out),
                max_time=self.max_time,
                on_step=on_step,
                probe=self._probe(trainer, problem, progress),
            ),
        )
        use_best = held_out is not None or progress.stop_reason in ("interrupted", "diverged")
        if not use_best and not progress.unfinished:
            progress.best = progress.state  # nobody asks for another one any more
        self._keep(progress, trainer.finish(progress.best if use_best else progress.state, problem))
        context.call_on_fit_task_end(estimator=self, reconstruction_attributes=dict, **given)

    def _probe(self, trainer, problem, progress):
        """What measures the alignment of a step; None when it is not recorded."""
        if not self.record_alignment:
            return None
        batch = problem.sample(training.generator(progress.seed, 2), PROBE_ROWS)
        return lambda before, after: alignment(trainer, problem, batch, before, after)

    def _tolerance(self, budget, held_out):
        if self.tol is not None:
            return self.tol
        return budget.tol if held_out is None else VALIDATION_TOL

    def _keep(self, progress, state):
        self.progress_ = progress
        self.state_ = state
        self.n_iter_ = progress.n_steps
        self.history_ = progress.history

    def _call(self, trainer, function):
        """Call a trainer; an objective that it cannot use becomes one sentence that says which trainers can."""
        try:
            return function()
        except ObjectiveError as error:
            raise ValueError(
                f"The trainer {self._trainer_name()!r} needs the output error of a loss, but {error}; use a loss, "
                f"such as loss='auto', or a trainer that only needs values (registered: {_value_trainers()})."
            ) from error

    # --- checking and encoding --------------------------------------------------------------------------------------

    def _check_parameters(self):
        sizes = self._hidden_sizes()
        if any(not isinstance(size, Integral) or size <= 0 for size in sizes):
            raise ValueError(f"hidden_layer_sizes must be integers > 0, got {self.hidden_layer_sizes!r}.")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {sorted(ACTIVATIONS)}, got {self.activation!r}.")
        if self.weights not in WEIGHT_KINDS:
            raise ValueError(f"weights must be one of {list(WEIGHT_KINDS)}, got {self.weights!r}.")
        check_scalar(self.metric_warmup, "metric_warmup", Real, min_val=0, max_val=1)
        if self.batch_size != "auto":
            check_scalar(self.batch_size, "batch_size", Integral, min_val=1)
        if self.max_iter is not None:
            check_scalar(self.max_iter, "max_iter", Integral, min_val=1)
        if self.tol is not None:
            check_scalar(self.tol, "tol", Real, min_val=0)
        if self.max_time is not None:
            check_scalar(self.max_time, "max_time", Real, min_val=0, include_boundaries="neither")
        if not (self.early_stopping == "auto" or isinstance(self.early_stopping, (bool, np.bool_))):
            raise ValueError(f"early_stopping must be 'auto', True or False, got {self.early_stopping!r}.")
        check_scalar(
            self.validation_fraction, "validation_fraction", Real, min_val=0, max_val=1, include_boundaries="neither"
        )
        check_scalar(self.n_iter_no_change, "n_iter_no_change", Integral, min_val=1)
        if str(self.dtype) not in ("float32", "float64"):
            raise ValueError(f"dtype must be 'float32' or 'float64', got {self.dtype!r}.")

    def _hidden_sizes(self):
        sizes = self.hidden_layer_sizes
        return tuple(sizes) if hasattr(sizes, "__iter__") else (sizes,)

    def _make_trainer(self):
        trainer = get_trainer(self.trainer) if isinstance(self.trainer, str) else self.trainer
        if not isinstance(trainer, Trainer):
            raise TypeError(
                f"trainer must be a registered name or a Trainer instance, got {trainer!r}; "
                "sklearn_bpfree.list_trainers() gives the names."
            )
        trainer = clone(trainer)
        trainer.check_parameters()
        return trainer

    def _check_network(self, network, trainer):
        if network.is_smooth or trainer.needs == "values":
            return
        flat = ACTIVATIONS[self.activation].flat
        asked = f"activation={self.activation!r}" if flat else f"weights={self.weights!r}"
        raise ValueError(
            f"The trainer {self._trainer_name()!r} needs derivatives, which {asked} does not have; use another "
            f"activation or weights='float', or a trainer that only needs values (registered: {_value_trainers()})."
        )

    def _trainer_name(self):
        return self.trainer if isinstance(self.trainer, str) else type(self.trainer).__name__

    def _validate(self, X, y, sample_weight, *, reset, min_rows):
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            multi_output=True,
            y_numeric=not self._classifies,
            reset=reset,
            ensure_min_samples=min_rows,
        )
        y = self._check_y(y)
        sample_weight = self._check_weight(sample_weight, y)
        if sample_weight is not None and not (sample_weight > 0).all():
            rows = np.flatnonzero(sample_weight)
            X, y, sample_weight = X[rows], y[rows], sample_weight[rows]
        return X, y, sample_weight

    def _check_weight(self, sample_weight, y):
        """Weights as float64 (n,), or None; `class_weight` included."""
        if sample_weight is not None:
            if isinstance(sample_weight, Real):
                sample_weight = np.full(len(y), sample_weight)
            weight = check_array(
                sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight", estimator=self
            )
            if weight.shape != (len(y),):
                raise ValueError(f"sample_weight must have shape ({len(y)},), one weight per row, got {weight.shape}.")
            if (weight < 0).any() or weight.sum() == 0:
                raise ValueError("sample_weight must be non-negative and not all zero.")
            sample_weight = weight
        if getattr(self, "class_weight", None) is not None:
            by_class = compute_sample_weight(self.class_weight, y)
            sample_weight = by_class if sample_weight is None else sample_weight * by_class
        return sample_weight

    def _merge(self, X, y, sample_weight):
        """Repeated rows as weights, unless the objective is a metric, which may not take any."""
        if isinstance(self._objective(), Metric):
            equal = sample_weight is None or (sample_weight == sample_weight[0]).all()
            return X, y, None if equal else sample_weight
        return merge_repeated_rows(X, y, sample_weight)

    def _cast(self, X):
        """The rows in the dtype of the computation; no copy where they have it."""
        dtype = np.dtype(str(self.dtype))
        if X.dtype == np.float64 and dtype == np.float32 and X.size:
            values = X.data if sparse.issparse(X) else X
            largest = max(values.max(), -values.min()) if values.size else 0.0
            if largest > np.finfo(np.float32).max:
                raise ValueError(
                    f"Input X contains a value too large for dtype('float32'), {largest:.3g}; scale the columns or use "
                    "dtype='float64'."
                )
        X = X.astype(dtype, copy=False)
        return X if sparse.issparse(X) else np.ascontiguousarray(X)

    def _held_out(self, X_val, y_val, weight_val, budget, warms_up):
        """The user's validation rows, "split" for a fraction of the training rows, or None."""
        if (X_val is None) != (y_val is None):
            raise ValueError(f"X_val and y_val go together, but {'X_val' if X_val is None else 'y_val'} is missing.")
        if X_val is None:
            asked = budget.early_stopping or warms_up if self.early_stopping == "auto" else self.early_stopping
            return "split" if asked else None
        if self.early_stopping is False:
            raise ValueError("X_val is for early stopping, but early_stopping=False; set it to True or 'auto'.")
        X_val, y_val = validate_data(
            self,
            X_val,
            y_val,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            multi_output=True,
            y_numeric=not self._classifies,
            reset=False,
        )
        y_val = self._check_y(y_val)
        return X_val, y_val, self._check_weight(weight_val, y_val)

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
        dtype = np.dtype(str(self.dtype))
        targets = self.targets_
        objective = self._objective()
        if self.record_alignment and isinstance(objective, Metric):
            raise ValueError(
                f"record_alignment=True compares with the gradient of a loss, but loss={self.loss!r} is a metric; "
                "set record_alignment=False, or use a loss such as loss='auto'."
            )
        sizes = (X.shape[1], *map(int, self._hidden_sizes()), targets.n_outputs)
        network = Network(sizes, self.activation, self.weights)
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

    def _check_continues(self, network, trainer):
        if network != self.network_:
            raise ValueError(
                f"warm_start=True cannot go on with another network: fitted {self.network_.layer_sizes} "
                f"({self.network_.activation}, {self.network_.weight_kind}), now {network.layer_sizes} "
                f"({network.activation}, {network.weight_kind}); set warm_start=False."
            )
        if type(trainer) is not type(self.trainer_):
            raise ValueError(
                f"warm_start=True cannot go on with another trainer: fitted {self.trainer_!r}, now {trainer!r}; "
                "set warm_start=False."
            )

    def _validator(self, X_val, y_val, weight_val):
        """Score of a state on the validation rows, by `scoring`; greater is better."""
        objective = self._objective()
        X_val = self._cast(X_val)
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
            return scorer(candidate, X_val, y_val, **weight)

        return score_candidate

    def _objective(self):
        return make_objective(self.loss, self.targets_, getattr(self, "quantile", None))

    # --- predicting -------------------------------------------------------------------------------------------------

    def _outputs(self, X):
        """Raw outputs, in the dtype of X, and by the objective's link probabilities or encoded values."""
        check_is_fitted(self, "state_")
        X = validate_data(self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False)
        Z = self.trainer_.outputs(self.state_, self.network_, X).astype(X.dtype, copy=False)
        return Z, self._objective().link(Z)

    # --- storing ----------------------------------------------------------------------------------------------------

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
        if self.warm_start or not hasattr(self, "progress_") or self.network_.weight_kind == "float":
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
    def coefs_(self):
        """Kernels of the layers, (fan_in, fan_out) each, as `weights` has them; targets are standardised inside."""
        return self.network_.unpack(self.network_.effective(self.state_.weights))[0]

    @property
    def intercepts_(self):
        """Biases of the layers."""
        return self.network_.unpack(self.state_.weights)[1]

    @property
    def n_layers_(self):
        """Number of layers, input and output included."""
        return len(self.network_.layer_sizes)

    @property
    def n_outputs_(self):
        """Number of output units."""
        return self.network_.n_outputs

    @property
    def n_evaluations_(self):
        """Rows sent through the network while training, times weight vectors."""
        return self.history_[-1]["n_evaluations"] if self.history_ else 0

    @property
    def stop_reason_(self):
        """Why the fit ended; see `sklearn_bpfree.training.Progress`."""
        return self.progress_.stop_reason

    @property
    def loss_curve_(self):
        """Training loss of every step."""
        return [row["loss"] for row in self.history_]

    @property
    def loss_(self):
        """Training loss of the last step."""
        return self.history_[-1]["loss"]

    @property
    def validation_scores_(self):
        """Validation score of every step; None without early stopping."""
        return [row["validation_score"] for row in self.history_ if "validation_score" in row] or None

    @property
    def best_validation_score_(self):
        """The highest validation score; None without early stopping."""
        return max(self.validation_scores_, default=None) if self.validation_scores_ else None

    @property
    def alignment_(self):
        """Angles in degrees between update and gradient, (n_steps, n_layers); needs ``record_alignment=True``."""
        rows = [row["alignment"] for row in self.history_ if "alignment" in row]
        if not rows:
            raise AttributeError("alignment_ needs a fit with record_alignment=True.")
        return np.array(rows)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _value_trainers() -> str:
    able = [info.name for info in inspect_trainers() if info.error is None and info.needs == "values"]
    return ", ".join(able) or "none"


def _one_line(row):
    parts = [f"step {row['step']}", f"loss {row['loss']:.6f}"]
    if "validation_score" in row:
        parts.append(f"validation score {row['validation_score']:.6f}")
    return ", ".join(parts)


class BPFreeClassifier(ClassifierMixin, _BPFreeEstimator):
    """Multi-layer perceptron classifier whose trainer is a plugin.

    Binary, multiclass and multilabel targets, dense or CSR features.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int or int, default=(100,)
        Units of each hidden layer; ``()`` for a linear model.
    activation : {"identity", "logistic", "tanh", "relu", "gelu", "silu", "softplus", "step", "sign"}, default="relu"
        Activation of the hidden layers. "step" (0 or 1) and "sign" (-1 or 1) are for trainers that only need values.
    weights : {"float", "int8", "ternary", "binary"}, default="float"
        What the kernels are in use, with one scale per unit; biases stay float (see `sklearn_bpfree.quantisation`).
        For trainers that only need values. A finished fit of quantised weights is pickled without what training would
        go on from and without all but the last row of `history_`, and so is small, unless ``warm_start=True``.
    trainer : str or Trainer, default="dfa"
        A registered name (see `list_trainers`) or an object with hyper-parameters of its own (see `get_trainer`), which
        grids and pipelines reach as ``trainer__<name>``.
    loss : str, Loss or callable, default="auto"
        "auto" or "log_loss"; or, for trainers that only need values, a scorer's name, a scorer, or a function
        ``metric(y_true, y_pred)`` of which greater is better.
    metric_warmup : float, default=0.8
        With a metric as `loss`: fraction of the steps that minimise the smooth loss that matches it (log-loss),
        after which the decision threshold is set (a shift of the output biases) and the metric itself takes over. 0:
        the metric from the first step on.
    batch_size : int or "auto", default="auto"
        Rows in a minibatch; "auto" leaves it to the trainer.
    max_iter : int, default=None
        Number of steps (passes over the rows, or generations); None leaves it to the trainer.
    tol : float, default=None
        Improvement of the training loss, or of the validation score, that counts. None: with validation 1e-4, without
        it the trainer's own.
    early_stopping : bool or "auto", default="auto"
        Whether to stop on the score of held-out rows and keep the best weights; "auto" leaves it to the trainer, and
        means True when `fit` is given `X_val`, and when a metric as `loss` has a warm-up (whose end counts as the first
        step; so the better of threshold and fine-tuning is kept).
    validation_fraction : float, default=0.1
        Fraction of the rows held out for early stopping, stratified by class.
    n_iter_no_change : int, default=10
        Steps without improvement after which the fit stops.
    scoring : str or callable, default=None
        Scorer for early stopping. None: the `score` method, or the metric given as `loss`; "loss": the loss.
    max_time : float, default=None
        Seconds after which no further step is begun.
    warm_start : bool, default=False
        Whether `fit` goes on from the last one: it finishes a fit that was cut short by Ctrl-C or `max_time`, and
        trains another `max_iter` steps after one that was not.
    class_weight : dict or "balanced", default=None
        Weights of the classes, times `sample_weight`.
    record_alignment : bool, default=False
        Whether to record the angle between update and true gradient, per layer and step, in `alignment_`.
    dtype : {"float32", "float64"}, default="float32"
        Precision of the computation, whatever the precision of the input.
    n_jobs : int, default=None
        Jobs for trainers that evaluate in parallel; the result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Source of initial weights, feedback, shuffling and the held-out rows.
    verbose : bool, default=False
        Whether to print a line per step.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels (label numbers for multilabel targets).
    trainer_ : Trainer
        The trainer that was used.
    state_ : State
        What the trainer came to; its `weights` are the network's.
    network_ : Network
        Layer sizes and activation.
    targets_ : Classes or LabelSets
        How labels and outputs translate into each other.
    history_ : list of dict
        One row per step: step, loss, seconds, n_evaluations, and where recorded validation_score and alignment.
    progress_ : Progress
        The checkpoint from which `warm_start` goes on.
    n_iter_ : int
        Steps done.
    coefs_, intercepts_ : list of ndarray
        Kernels (fan_in, fan_out) and biases of the layers.
    loss_curve_, validation_scores_ : list of float
        Columns of `history_`.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)

    See Also
    --------
    BPFreeRegressor : The same for real targets.
    sklearn.neural_network.MLPClassifier : The same network, trained by back-propagation.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from sklearn_bpfree import BPFreeClassifier
    >>> X, y = make_moons(noise=0.1, random_state=0)
    >>> BPFreeClassifier(random_state=0).fit(X, y).score(X, y) > 0.9
    True
    """

    _classifies = True

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation="relu",
        *,
        weights="float",
        trainer: str | Trainer = "dfa",
        loss: str | Loss | Callable = "auto",
        metric_warmup=0.8,
        batch_size: int | str = "auto",
        max_iter=None,
        tol=None,
        early_stopping: bool | str = "auto",
        validation_fraction=0.1,
        n_iter_no_change=10,
        scoring=None,
        max_time=None,
        warm_start=False,
        class_weight=None,
        record_alignment=False,
        dtype="float32",
        n_jobs=None,
        random_state=None,
        verbose=False,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.weights = weights
        self.trainer = trainer
        self.loss = loss
        self.metric_warmup = metric_warmup
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.scoring = scoring
        self.max_time = max_time
        self.warm_start = warm_start
        self.class_weight = class_weight
        self.record_alignment = record_alignment
        self.dtype = dtype
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @available_if(_offers_partial_fit)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Take one step on the given rows, from where the last call left off.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
        classes : array-like of shape (n_classes,), default=None
            All classes there will ever be; needed in the first call, unless y holds them all.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object
        """
        return self._partial_fit(X, y, classes=classes, sample_weight=sample_weight)

    def predict(self, X):
        """Most probable class of each row, or label indicators.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
        """
        P = self._outputs(X)[1]
        return self.targets_.predict(P)

    def predict_proba(self, X):
        """Probability of each class, in the order of `classes_`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        P : ndarray of shape (n_samples, n_classes)
        """
        P = self._outputs(X)[1]
        return self.targets_.probabilities(P)

    def predict_log_proba(self, X):
        """Logarithm of `predict_proba`."""
        return np.log(self.predict_proba(X))

    def decision_function(self, X):
        """Raw outputs of the network (the log-odds for two classes).

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        Z : ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        Z = self._outputs(X)[0]
        return self.targets_.decisions(Z)

    def _check_y(self, y):
        kind = type_of_target(y, input_name="y")
        if kind == "multilabel-indicator":
            return y.toarray() if sparse.issparse(y) else y
        if kind not in ("binary", "multiclass"):
            check_classification_targets(y)
        if y.ndim == 2 and y.shape[1] > 1:
            raise ValueError(
                f"y must be one class per row or a 0/1 indicator per label, got {kind} of shape "
                f"{y.shape}; wrap the classifier in MultiOutputClassifier."
            )
        return column_or_1d(y, warn=True)

    def _set_targets(self, y, sample_weight, *, reset, classes=None):
        if y.ndim == 2:
            if reset:
                self.targets_ = LabelSets(y.shape[1])
            elif not isinstance(self.targets_, LabelSets) or y.shape[1] != self.targets_.n_outputs:
                raise ValueError(f"y has shape {y.shape}, which is not what the classifier was fitted on.")
        else:
            labels = np.unique(y)
            known = None if reset else self.targets_.classes
            if classes is not None:
                classes = np.unique(classes)
                if known is not None and not np.array_equal(known, classes):
                    raise ValueError(f"classes={classes} is not the same as in the first call to partial_fit: {known}.")
            known = known if known is not None else classes if classes is not None else labels
            unknown = np.setdiff1d(labels, known)
            if len(unknown):
                raise ValueError(f"y holds classes that were not there before: {unknown} is not in {known}.")
            if len(known) < 2:
                raise ValueError(
                    f"{type(self).__name__} needs samples of at least 2 classes in the data, but the data contains "
                    f"only one class: {known[0]!r}."
                )
            if reset:
                self.targets_ = Classes(known)
        self.classes_ = self.targets_.classes

    def _stratifies(self, y, n_held):
        if y.ndim == 2:
            return False
        counts = np.unique(y, return_counts=True)[1]
        return counts.min() >= 2 and len(counts) <= min(n_held, len(y) - n_held)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class BPFreeRegressor(RegressorMixin, _BPFreeEstimator):
    """Multi-layer perceptron regressor whose trainer is a plugin.

    One or more real targets, which are standardised inside (so give them in any unit); dense or CSR features.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int or int, default=(100,)
        Units of each hidden layer; ``()`` for a linear model.
    activation : {"identity", "logistic", "tanh", "relu", "gelu", "silu", "softplus", "step", "sign"}, default="relu"
        Activation of the hidden layers. "step" (0 or 1) and "sign" (-1 or 1) are for trainers that only need values.
    weights : {"float", "int8", "ternary", "binary"}, default="float"
        What the kernels are in use, with one scale per unit; biases stay float (see `sklearn_bpfree.quantisation`).
        For trainers that only need values. A finished fit of quantised weights is pickled without what training would
        go on from and without all but the last row of `history_`, and so is small, unless ``warm_start=True``.
    trainer : str or Trainer, default="dfa"
        A registered name (see `list_trainers`) or an object with hyper-parameters of its own (see `get_trainer`), which
        grids and pipelines reach as ``trainer__<name>``.
    loss : str, Loss or callable, default="auto"
        "auto" (squared_error), "squared_error", "absolute_error", "huber", "quantile" or "poisson"; an object such as
        ``HuberLoss(delta=0.5)``; or, for trainers that only need values, a scorer's name, a scorer, or a function
        ``metric(y_true, y_pred)`` of which greater is better.
    metric_warmup : float, default=0.8
        With a metric as `loss`: fraction of the steps that minimise the smooth loss that matches it (squared error,
        absolute error or pinball loss), after which the outputs are shifted as suits the metric best and it takes over
        itself. 0: the metric from the first step on.
    quantile : float, default=None
        For ``loss="quantile"``: in (0, 1); None means 0.5.
    batch_size : int or "auto", default="auto"
        Rows in a minibatch; "auto" leaves it to the trainer.
    max_iter : int, default=None
        Number of steps (passes over the rows, or generations); None leaves it to the trainer.
    tol : float, default=None
        Improvement of the training loss, or of the validation score, that counts. None: with validation 1e-4, without
        it the trainer's own.
    early_stopping : bool or "auto", default="auto"
        Whether to stop on the score of held-out rows and keep the best weights; "auto" leaves it to the trainer, and
        means True when `fit` is given `X_val`, and when a metric as `loss` has a warm-up (whose end counts as the first
        step; so the better of threshold and fine-tuning is kept).
    validation_fraction : float, default=0.1
        Fraction of the rows held out for early stopping.
    n_iter_no_change : int, default=10
        Steps without improvement after which the fit stops.
    scoring : str or callable, default=None
        Scorer for early stopping. None: the `score` method, or the metric given as `loss`; "loss": the loss.
    max_time : float, default=None
        Seconds after which no further step is begun.
    warm_start : bool, default=False
        Whether `fit` goes on from the last one: it finishes a fit that was cut short by Ctrl-C or `max_time`, and
        trains another `max_iter` steps after one that was not.
    record_alignment : bool, default=False
        Whether to record the angle between update and true gradient, per layer and step, in `alignment_`.
    dtype : {"float32", "float64"}, default="float32"
        Precision of the computation, whatever the precision of the input.
    n_jobs : int, default=None
        Jobs for trainers that evaluate in parallel; the result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Source of initial weights, feedback, shuffling and the held-out rows.
    verbose : bool, default=False
        Whether to print a line per step.

    Attributes
    ----------
    trainer_ : Trainer
        The trainer that was used.
    state_ : State
        What the trainer came to; its `weights` are the network's.
    network_ : Network
        Layer sizes and activation.
    targets_ : Values
        Mean and scale of the targets.
    history_ : list of dict
        One row per step: step, loss, seconds, n_evaluations, and where recorded validation_score and alignment.
    progress_ : Progress
        The checkpoint from which `warm_start` goes on.
    n_iter_ : int
        Steps done.
    coefs_, intercepts_ : list of ndarray
        Kernels (fan_in, fan_out) and biases of the layers.
    loss_curve_, validation_scores_ : list of float
        Columns of `history_`.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)

    See Also
    --------
    BPFreeClassifier : The same for classes.
    sklearn.neural_network.MLPRegressor : The same network, trained by back-propagation.

    Examples
    --------
    >>> from sklearn.datasets import make_friedman1
    >>> from sklearn_bpfree import BPFreeRegressor
    >>> X, y = make_friedman1(random_state=0)
    >>> BPFreeRegressor(random_state=0).fit(X, y).score(X, y) > 0.9
    True
    """

    _classifies = False

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation="relu",
        *,
        weights="float",
        trainer: str | Trainer = "dfa",
        loss: str | Loss | Callable = "auto",
        metric_warmup=0.8,
        quantile=None,
        batch_size: int | str = "auto",
        max_iter=None,
        tol=None,
        early_stopping: bool | str = "auto",
        validation_fraction=0.1,
        n_iter_no_change=10,
        scoring=None,
        max_time=None,
        warm_start=False,
        record_alignment=False,
        dtype="float32",
        n_jobs=None,
        random_state=None,
        verbose=False,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.weights = weights
        self.trainer = trainer
        self.loss = loss
        self.metric_warmup = metric_warmup
        self.quantile = quantile
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.scoring = scoring
        self.max_time = max_time
        self.warm_start = warm_start
        self.record_alignment = record_alignment
        self.dtype = dtype
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @available_if(_offers_partial_fit)
    def partial_fit(self, X, y, sample_weight=None):
        """Take one step on the given rows, from where the last call left off.

        The first call's rows settle by which mean and scale the targets are standardised.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object
        """
        return self._partial_fit(X, y, sample_weight=sample_weight)

    def predict(self, X, return_std=False):
        """Predicted values, in the units of the training targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        return_std : bool, default=False
            Whether to return the standard deviation of the target given each row too; for trainers that offer it.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        std : ndarray of the same shape
            Only with ``return_std=True``. It holds the noise of an observation as well as what the fit leaves open.

        Raises
        ------
        ValueError
            If ``return_std=True`` and the trainer does not offer it.
        """
        if return_std:
            mean, std = self._predictive(X)
            return self.targets_.predict(mean), self.targets_.spread(std)
        P = self._outputs(X)[1]
        return self.targets_.predict(P)

    @available_if(_offers_return_std)
    def predict_quantiles(self, X, quantiles=(0.05, 0.5, 0.95)):
        """Quantiles of the target given each row, those of a normal distribution; for trainers that offer return_std.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        quantiles : float or array-like of float, default=(0.05, 0.5, 0.95)
            In (0, 1).

        Returns
        -------
        values : ndarray of shape (n_samples, n_quantiles) or (n_samples, n_outputs, n_quantiles)
            In the units of the training targets; without the last axis when `quantiles` is a number.
        """
        levels = np.asarray(quantiles, dtype=np.float64)
        if levels.ndim > 1 or not ((levels > 0) & (levels < 1)).all():
            raise ValueError(f"quantiles must be numbers between 0 and 1, both excluded, got {quantiles!r}.")
        mean, std = (part[..., None] for part in self.predict(X, return_std=True))
        values = (mean + std * special.ndtri(levels.reshape(-1))).astype(mean.dtype, copy=False)
        return values if levels.ndim else values[..., 0]

    def _predictive(self, X):
        check_is_fitted(self, "state_")
        if "return_std" not in self.trainer_.offers:
            raise ValueError(_no_return_std(self))
        X = validate_data(self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False)
        mean, std = self.trainer_.predictive(self.state_, self.network_, X)
        return mean.astype(X.dtype, copy=False), std.astype(X.dtype, copy=False)

    def _check_y(self, y):
        if self._target_scaling() == "positive" and ((y < 0).any() or y.sum() == 0):
            raise ValueError(f"loss={self.loss!r} needs y to be non-negative and not all zero, got from {y.min()}.")
        return y if y.ndim == 2 and y.shape[1] > 1 else column_or_1d(y, warn=True)

    def _target_scaling(self):
        objective = make_objective(self.loss, Values(np.zeros(1), np.ones(1), True), self.quantile)
        return getattr(objective, "target_scaling", "standard")

    def _set_targets(self, y, sample_weight, *, reset, classes=None):
        if reset:
            self.targets_ = Values.fit(y, sample_weight, self._target_scaling())
        elif (1 if y.ndim == 1 else y.shape[1]) != self.targets_.n_outputs:
            raise ValueError(
                f"y has shape {y.shape}, but the fitted regressor has {self.targets_.n_outputs} outputs; give as many."
            )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
