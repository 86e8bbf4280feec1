"""A fit that outlives its process: a callback that writes the fit to disk, from where the next process takes it up.

The file is the affair of `fit_file`. Read `Checkpoint.take_up` and `_Run`.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from numbers import Real
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import sklearn

from sklearn_bpfree.estimators import disk
from sklearn_bpfree.estimators.describing import described_fit, digest, versions
from sklearn_bpfree.estimators.fit_file import read_fit, write_fit
from sklearn_bpfree.estimators.records import CannotKeep, pack
from sklearn_bpfree.estimators.training import Progress
from sklearn_bpfree.plugin.problem import Problem

OURS = ("sklearn", "sklearn_bpfree", "contextlib", "numpy")  # packages between the user's call of `fit` and a warning


class Checkpoint:
    """A callback that keeps a fit on disk, so that the same fit in another process goes on with the same bits.

    Set it on a `BPFreeClassifier` or `BPFreeRegressor`, also one inside of a pipeline or of a search. Run the same
    script again after its process has died: `fit` with the same rows and parameters takes the file up by itself. A file
    of another table, other parameters or other versions is refused in one sentence; `n_jobs`, `max_time`, `verbose` and
    `warm_start` may differ.

    Parameters
    ----------
    path : str or path-like
        The file. It is removed when the fit has ended, and stays when Ctrl-C, `max_time` or an exception cut the fit
        short. A clone, such as those that a search or a cross-validation fits, has a file of its own beside it, whose
        name tells rows and parameters apart; it stays when its fit has ended, so that a search that died does not fit
        again what it had fitted. `clear` removes these.
    seconds : float, default=60
        The file is written after a step once so many seconds have gone by; 0: after every step.

    Notes
    -----
    The file is written beside its place and put there when all of it is on the disk. If that fails, say because the
    disk is full, the last file stays as it was, and the fit goes on with a warning.

    The file holds arrays and plain values, and opening it runs no code, wherever it comes from. A trainer whose state
    holds anything else is refused before the first step.

    `random_state=None` is fine for a fit of its own, whose seed is in the file; clones need a number.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_bpfree import BPFreeClassifier, Checkpoint
    >>> model = BPFreeClassifier(max_iter=30, random_state=0).set_callbacks(Checkpoint("run.ckpt", seconds=60))
    >>> model.fit(*load_iris(return_X_y=True)).n_iter_
    30
    """

    def __init__(self, path: str | os.PathLike[str], seconds: float = 60) -> None:
        if find_spec("sklearn.callback") is None:
            raise ImportError(
                "Checkpoint is a callback of scikit-learn's, which has them from 1.9 on, but this is "
                f"{sklearn.__version__}; update scikit-learn, or keep a fit by max_time, warm_start=True and a pickle."
            )
        if isinstance(seconds, bool) or not isinstance(seconds, Real) or not 0 <= seconds < np.inf:
            raise ValueError(f"seconds of a Checkpoint must be a finite number >= 0, got {seconds!r}.")
        try:
            self.path = os.path.abspath(os.fspath(path))
        except TypeError as error:
            raise TypeError(f"path of a Checkpoint must be the name of a file, got {path!r}.") from error
        if not isinstance(self.path, str) or "\0" in self.path or not os.fspath(path) or str(path).endswith(os.sep):
            raise ValueError(f"path of a Checkpoint must be the name of a file, got {path!r}.")
        self.seconds = seconds
        self._runs: WeakKeyDictionary[Any, _Run] = WeakKeyDictionary()

    def __repr__(self):
        return f"Checkpoint({self.path!r}, seconds={self.seconds})"

    def __getstate__(self):
        return {"path": self.path, "seconds": self.seconds}  # other processes have fits of their own

    def __setstate__(self, stored):
        self.path, self.seconds, self._runs = stored["path"], stored["seconds"], WeakKeyDictionary()

    def clear(self) -> None:
        """Remove the file, and those of clones."""
        path = Path(self.path)
        stem, suffix = re.escape(path.stem), re.escape(path.suffix)
        for found in path.parent.iterdir() if path.parent.is_dir() else ():
            if found == path or re.fullmatch(f"{stem}-[0-9a-f]{{16}}{suffix}", found.name):
                found.unlink()
                disk.remove_leftovers(str(found))

    # --- what the estimators call ---

    def stored_seed(self, estimator: Any, drawn: int) -> int:
        """The seed of the fit on disk, if there is one, for an estimator that leaves its own to chance."""
        if not _is_own(estimator):
            raise ValueError(
                f"A Checkpoint tells the clones of {type(estimator).__name__} apart by their rows and parameters, but "
                "random_state=None gives equal ones different bits; set random_state to an integer."
            )
        saved = read_fit(self.path)
        return drawn if saved is None else saved.seed()

    def take_up(self, estimator: Any, problem: Problem, progress: Progress, held_out: Any) -> Progress:
        """The progress to go on from: that on disk, if there is one that has come further than `progress`.

        Raises
        ------
        TypeError
            If the trainer's state is not to be kept without code.
        ValueError
            If the file is of another fit, or none.
        """
        trainer = estimator.trainer_
        identity = described_fit(estimator, trainer, problem, held_out, progress)
        path, given = self._path_of(estimator, identity), _given(estimator)
        run = _Run(path, self.seconds, identity, versions(trainer), given, keeps=not _is_own(estimator))
        run.check_state(progress, trainer)
        saved = read_fit(path)
        if saved is not None:
            saved.check(identity, run.versions)
            found = saved.progress(given, progress, trainer, problem)
            if found.n_steps > progress.n_steps or (found.stop_reason and not found.unfinished):
                found.basis = progress.basis
                problem.n_evaluations = 0  # those for the first weights are in the history
                progress = found
                run.taken_up = True
        run.begin(progress)
        self._runs[estimator] = run
        return progress

    @contextmanager
    def keeping(self, estimator: Any) -> Iterator[None]:
        """Around the steps: when all has gone well, the file is removed, or is that of a fit that has ended.

        Whatever goes wrong with a state from a file before the first step from there is done is one sentence.

        Yields
        ------
        None
        """
        run = self._runs[estimator]
        try:
            yield
        except (MemoryError, OSError):
            raise
        except Exception as error:
            if not run.taken_up or (run.progress.n_steps > run.first and not run.progress.stop_reason):
                raise
            raise ValueError(
                f"The fit in {run.path} cannot be taken up ({type(error).__name__}: "
                f"{' '.join(str(error).split()).rstrip('.')}); delete the file to begin anew."
            ) from error
        run.end()

    def _path_of(self, estimator, identity):
        path = Path(self.path)
        if _is_own(estimator):
            return str(path)
        return str(path.with_name(f"{path.stem}-{digest(json.dumps(identity))}{path.suffix}"))

    # --- scikit-learn's protocol of callbacks ---

    def setup(self, estimator: Any, context: Any) -> None:
        """See that it is set on one of our estimators."""
        if estimator not in self._runs:
            raise TypeError(
                "A Checkpoint keeps the fit of a BPFreeClassifier or BPFreeRegressor, but is set on "
                f"{type(estimator).__name__}; set it on the estimator inside."
            )

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Nothing is to be done."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """Write after a step when it is time."""
        if context.task_name == "step":
            self._runs[estimator].step()

    def teardown(self, estimator: Any, context: Any) -> None:
        """Write the last step of a fit that an exception ends."""
        run = self._runs.pop(estimator, None)
        if run is not None:
            run.close()


class _Run:
    """A fit under way and its file."""

    progress: Progress

    def __init__(self, path, seconds, identity, versions, given, *, keeps):
        self.path, self.seconds, self.given, self.keeps = path, seconds, given, keeps
        self.identity, self.versions = identity, versions
        self.taken_up = self.ended = self.told = False

    def begin(self, progress):
        self.progress, self.first, self.written = progress, progress.n_steps, progress.n_steps
        self.clock = time.monotonic()
        disk.remove_leftovers(self.path)

    def check_state(self, progress, trainer):
        try:
            pack(progress.state, "state", self.given)
        except CannotKeep as error:
            raise TypeError(
                f"A Checkpoint keeps arrays and plain values, but what {type(trainer).__name__} carries from step to "
                f"step holds more: {error}; train without the Checkpoint, or with another trainer."
            ) from error

    def step(self):
        if time.monotonic() - self.clock >= self.seconds:
            self.write()

    def end(self):
        """The fit is over or cut short."""
        self.ended = True
        if self.progress.unfinished or self.keeps:
            self.write()
        else:
            self._try(_remove, "removed")

    def close(self):
        if not self.ended and self.progress.n_steps > self.written:
            self.write()

    def write(self):
        """Write the file; if that fails, the last one stays, and the user is told once."""
        self._try(self._write, "written")
        self.clock = time.monotonic()  # the time that writing takes does not count

    def _try(self, function, done):
        try:
            function(self.path)
        except (OSError, MemoryError, CannotKeep) as error:
            if not self.told:
                self.told = True
                warnings.warn(
                    f"The checkpoint {self.path} could not be {done} after step {self.progress.n_steps} "
                    f"({disk.reason(error)}); the fit goes on, and what was written before stays as it is.",
                    RuntimeWarning,
                    stacklevel=_calls_above(),
                )

    def _write(self, path):
        books = {name: value for name, value in vars(self.progress).items() if name != "basis"}
        tree, arrays = pack(books, "progress", self.given)
        about = {"versions": self.versions, "identity": self.identity, "progress": tree}
        write_fit(path, about, arrays)
        self.written = self.progress.n_steps


def _remove(path):
    with suppress(FileNotFoundError):
        os.unlink(path)


def _calls_above() -> int:
    """How far above the caller the user's call of `fit` stands."""
    frame, level = sys._getframe(1), 1
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in OURS:
        frame, level = frame.f_back, level + 1
    return level


def _is_own(estimator):
    """Whether the callbacks were set on this very estimator, and not on one that it is a clone of."""
    return "_own_callbacks" in vars(estimator)


def _given(estimator):
    """What a state may speak of that every fit has: the objective, and the smooth loss of a metric."""
    objective = estimator.objective_
    return [objective, *([objective.smooth] if hasattr(objective, "smooth") else [])]


def checkpoint_of(estimator) -> Checkpoint | None:
    """The Checkpoint among an estimator's callbacks, if there is one."""
    found = [callback for callback in getattr(estimator, "_skl_callbacks", ()) if isinstance(callback, Checkpoint)]
    if len(found) > 1:
        raise ValueError(f"A fit has one Checkpoint at most, got {found}; set one of them.")
    return found[0] if found else None
