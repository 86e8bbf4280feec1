"""What classifier and regressor share: `fit`, and how outputs come about. Read `_BPFreeEstimator.fit` first.

A fit checks and encodes what the user gives (`checking`), hands a `Problem` to the loop (`training`) and keeps what
comes out (`fitted`), by which it predicts (`predicting`). scikit-learn's callback API (experimental in 1.9; see
`compat`) is used in this module only.
"""

from __future__ import annotations

import copy
from contextlib import nullcontext
from typing import Any, Self

import numpy as np
from sklearn.utils import check_random_state

from sklearn_bpfree.estimators import training
from sklearn_bpfree.estimators.alignment import alignment
from sklearn_bpfree.estimators.checking import _Checks
from sklearn_bpfree.estimators.checkpoint import checkpoint_of
from sklearn_bpfree.estimators.compat import CallbackSupportMixin, with_callbacks
from sklearn_bpfree.estimators.continuing import basis_of, check_goes_on
from sklearn_bpfree.estimators.describing import told
from sklearn_bpfree.estimators.failing import all_or_nothing, in_sentences, too_large
from sklearn_bpfree.estimators.fitted import _Fitted
from sklearn_bpfree.estimators.magnitudes import warn_of_another_scale
from sklearn_bpfree.estimators.parameters import check_parameters, make_trainer
from sklearn_bpfree.estimators.predicting import _Predicts
from sklearn_bpfree.nn.objectives import Metric
from sklearn_bpfree.plugin.naming import HoldsTrainers

PROBE_ROWS = 1024  # the alignment of an update with the gradient is measured on this many rows
TRIED_ROWS = 16  # of the training rows, which a fit must have finite predictions for
VALIDATION_TOL = 1e-4  # improvement of the validation score that counts when `tol` is left to the trainer


class _BPFreeEstimator(CallbackSupportMixin, HoldsTrainers, _Checks, _Predicts, _Fitted):
    """What classifier and regressor share."""

    def set_callbacks(self, *callbacks: Any) -> Self:
        """Set scikit-learn's callbacks, such as `Checkpoint`, for the fits of this estimator and of its clones.

        Returns
        -------
        self : object
        """
        super().set_callbacks(*callbacks)
        if not hasattr(self, "_parent_callback_ctx"):  # otherwise another estimator hands its own down
            self._own_callbacks = True
        return self

    @all_or_nothing
    @np.errstate(all="ignore")
    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features. Scale them: every trainer expects columns of about unit variance.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels, label indicators or values.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row; an integer weight means that many copies of it, of which some may be held out.
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
            If a parameter or the data make no sense, or if the trainer cannot serve the objective. After any exception
            the estimator is what it was before.
        """
        check_parameters(self)
        trainer = make_trainer(self.trainer)
        continues = self.warm_start and self._was_begun()
        checkpoint = checkpoint_of(self)
        given = {"X": X, "y": y, "metadata": None if sample_weight is None else {"sample_weight": sample_weight}}
        X, y, sample_weight = self._validate(X, y, sample_weight, reset=not continues, min_rows=2)
        self._set_targets(y, sample_weight, reset=not continues)
        X, y, sample_weight = self._repeat(X, y, sample_weight)
        seed = self.progress_.seed if continues else self._draw_seed()
        if checkpoint is not None and self.random_state is None and not continues:
            seed = checkpoint.stored_seed(self, seed)
        budget = trainer.budget(*X.shape)

        warms_up = self.metric_warmup > 0 and trainer.needs == "values" and isinstance(self.objective_, Metric)
        held_out = self._held_out(X_val, y_val, sample_weight_val, budget, warms_up)
        if isinstance(held_out, tuple):
            warn_of_another_scale(self, X, held_out[0])
        if held_out == "split":
            X, y, sample_weight, held_out = self._split(X, y, sample_weight, seed)
        problem = self._problem(X, y, sample_weight, budget)
        self._check_network(problem.network, trainer)
        basis = self._basis(problem, trainer, held_out)
        problem.warmup = 1 if warms_up else 0  # so that the objective is that of the first step
        if self.max_iter is None:
            problem.max_iter = trainer.horizon(problem, budget)
        if warms_up:
            problem.warmup = round(self.metric_warmup * problem.max_iter)
        if continues:
            progress = self._taken_up(basis, "warm_start=True")
            if not progress.unfinished:
                progress.plan(problem.max_iter)
                progress.begun = f"after step {progress.n_steps} ({told(progress.state)})"
            problem.max_iter, problem.warmup = progress.planned, progress.warmup
        else:
            self._forget()
            progress = self._start(trainer, problem, seed)
            progress.basis = basis
            progress.plan(problem.max_iter, problem.warmup)
        self.trainer_, self.network_ = trainer, problem.network
        if checkpoint is not None:
            progress = checkpoint.take_up(self, problem, progress, held_out)
        with nullcontext() if checkpoint is None else checkpoint.keeping(self):
            self._run(problem, progress, given, budget, held_out)
        return self

    @all_or_nothing
    @np.errstate(all="ignore")
    def _partial_fit(self, X, y, classes=None, sample_weight=None):
        check_parameters(self)
        if self.early_stopping is True:
            raise ValueError("partial_fit does not support early_stopping=True; use fit, or early_stopping=False.")
        trainer = make_trainer(self.trainer)
        first = not self._was_begun()
        X, y, sample_weight = self._validate(X, y, sample_weight, reset=first, min_rows=1)
        self._set_targets(y, sample_weight, reset=first, classes=classes)
        X, y, sample_weight = self._repeat(X, y, sample_weight)
        problem = self._problem(X, y, sample_weight, trainer.budget(*X.shape))
        self._check_network(problem.network, trainer)
        basis = self._basis(problem, trainer, None)
        problem.max_iter = None
        if first:
            seed = self._draw_seed()
            progress = self._start(trainer, problem, seed)
            progress.basis = basis
        else:
            progress = self._taken_up(basis, "partial_fit")
        progress.plan(1)
        self.trainer_, self.network_ = trainer, problem.network
        probe = self._probe(trainer, problem, progress)
        with in_sentences(self, problem):
            training.run(trainer, problem, progress, probe=probe)
        progress.stop_reason = "partial_fit"
        self._keep(progress, problem, progress.state)
        return self

    def _basis(self, problem, trainer, held_out):
        """What the state of this fit rests on; the loss is the one that is asked for now."""
        asked = self._make_objective(self.targets_)
        return basis_of(self, problem, asked, trainer, held_out)

    def _taken_up(self, basis, call):
        """The progress of the last fit, to go on from; that fit's own books stay as they are."""
        unfinished = self.progress_.unfinished and call != "partial_fit"
        check_goes_on(self.progress_.basis, basis, unfinished=unfinished, call=call)
        progress = copy.copy(self.progress_)
        progress.basis = basis
        return progress

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
            state = training.finish(trainer, problem, progress.state)
            return {"state_": state, "history_": progress.history, "progress_": progress}

        if not progress.stop_reason or progress.unfinished:  # a checkpoint may hold a fit that has ended
            with in_sentences(self, problem):
                training.run(
                    trainer,
                    problem,
                    progress,
                    tol=self._tolerance(budget, held_out),
                    n_iter_no_change=self.n_iter_no_change,
                    validate=None if held_out is None else self._validator(*held_out),
                    max_time=self.max_time,
                    on_step=on_step,
                    probe=self._probe(trainer, problem, progress),
                )
        use_best = held_out is not None or progress.stop_reason in ("interrupted", "diverged")
        if not use_best and not progress.unfinished:
            progress.best = progress.state  # nobody asks for another one any more
        self._keep(progress, problem, progress.best if use_best else progress.state)
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

    def _keep(self, progress, problem, state):
        trainer = self.trainer_
        with in_sentences(self, problem):
            state = training.finish(trainer, problem, state)
        if not np.isfinite(trainer.outputs(state, problem.network, problem.X[:TRIED_ROWS])).all():
            raise ValueError(too_large(self, problem, "its predictions are not finite"))
        self.progress_ = progress
        self.state_ = state
        self.n_iter_ = progress.n_steps
        self.history_ = progress.history
        self.stop_reason_ = progress.stop_reason

    def _start(self, trainer, problem, seed):
        with in_sentences(self, problem):
            progress = training.start(trainer, problem, seed)
        if not np.isfinite(progress.state.weights).all():
            raise ValueError(too_large(self, problem, "its first weights are not finite"))
        return progress

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _one_line(row):
    parts = [f"step {row['step']}", f"loss {row['loss']:.6f}"]
    if "validation_score" in row:
        parts.append(f"validation score {row['validation_score']:.6f}")
    return ", ".join(parts)
