"""Inject a fault into every line of the loop and of writing a checkpoint: nothing is lost, and resumed bits are equal.

    OMP_NUM_THREADS=1 python benchmarks/reliability/faults.py [--every 1] [--trainer dfa]

A fit of three steps writes its file after each one. Then it is repeated once for every line that the loop (`training`)
and the checkpoint (`checkpoint`, `fit_file`, `records`, `disk`) run through, in the order in which they run, and an
exception is raised there: Ctrl-C in the loop; Ctrl-C, a full disk or no memory while the file is written. After it the
same fit in a new estimator must end with the bits of one that nobody disturbed, and take no step again whose file was
written. A full disk and no memory must not even end the first fit. Prints a line per kind.
"""

import argparse
import collections
import errno
import os
import sys
import tempfile
import warnings
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from sklearn_bpfree import BPFreeClassifier, Checkpoint
from sklearn_bpfree.estimators import checkpoint, disk, fit_file, records, training
from sklearn_bpfree.plugin.registry import get_trainer_class
from sklearn_bpfree.testing.setting import make_table

STEPS = 3
WRITING = {module.__file__ for module in (checkpoint, fit_file, records, disk)}
KINDS = {
    "Ctrl-C in the loop": KeyboardInterrupt,
    "Ctrl-C while writing": KeyboardInterrupt,
    "a full disk": lambda: OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
    "no memory": MemoryError,
}


class Fault:
    """Raises at the n-th line of what is watched; counts them."""

    def __init__(self, kind, number):
        self.number, self.error, self.count = number, KINDS[kind], 0
        self.in_loop = kind == "Ctrl-C in the loop"

    def __enter__(self):
        sys.settrace(self.call)
        return self

    def __exit__(self, *exc):
        sys.settrace(None)

    def call(self, frame, event, arg):
        name = frame.f_code.co_filename
        if self.in_loop:
            return self.line if name == training.__file__ and frame.f_code.co_name != "_warn" else None
        return self.line if name in WRITING and self._writes(frame) else None

    def _writes(self, frame):
        while frame is not None:
            if frame.f_code.co_name == "_write" and frame.f_code.co_filename == checkpoint.__file__:
                return True
            frame = frame.f_back
        return False

    def line(self, frame, event, arg):
        if event == "line":
            self.count += 1
            if self.count == self.number:
                raise self.error()
        return self.line


class Steps:
    """Counts the steps of a trainer."""

    def __init__(self, trainer):
        self.count, kind = 0, get_trainer_class(trainer)
        step = kind.step

        def counted(*args):
            following = step(*args)
            self.count += 1
            return following

        kind.step = counted


def main():
    """Count lines, try them all, print what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--every", type=int, default=1, help="try every n-th line only")
    parser.add_argument("--trainer", default="dfa")
    args = parser.parse_args()
    X, y = make_table("three classes")
    total = 0

    def model(*callbacks):
        made = BPFreeClassifier((4,), trainer=args.trainer, max_iter=STEPS, random_state=0)
        return made.set_callbacks(*callbacks)

    steps = Steps(args.trainer)
    expected = model().fit(X, y).predict_proba(X)
    for kind in KINDS:
        wrong, tried = collections.Counter(), 0
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path = Path(folder) / "run.ckpt"
            with Fault(kind, -1) as fault:
                model(Checkpoint(path, 0)).fit(X, y)
            for number in range(1, fault.count + 1, args.every):
                fitted, tried, steps.count = model(Checkpoint(path, 0)), tried + 1, 0
                try:
                    with Fault(kind, number):
                        fitted.fit(X, y)
                except BaseException as error:
                    if KINDS[kind] is not KeyboardInterrupt:
                        wrong[f"the fit ended by {type(error).__name__}: {error}"] += 1
                else:
                    whole = KINDS[kind] is not KeyboardInterrupt
                    if whole and not np.array_equal(fitted.predict_proba(X), expected):
                        wrong["other bits in spite of the fault"] += 1
                done = STEPS if not path.exists() and hasattr(fitted, "n_iter_") else 0
                try:
                    resumed = model(Checkpoint(path, 0)).fit(X, y)
                except Exception as error:
                    wrong[f"not resumed, {type(error).__name__}: {error}"] += 1
                    path.unlink(missing_ok=True)
                    continue
                if not np.array_equal(resumed.predict_proba(X), expected):
                    wrong["other bits after resuming"] += 1
                if steps.count < STEPS:
                    wrong["steps left out"] += 1
                if not done and steps.count > STEPS + 1:
                    wrong["more than the step in flight lost"] += 1
                if any(Path(folder).iterdir()):
                    wrong["a file is left"] += 1
                    [left.unlink() for left in Path(folder).iterdir()]
        total += sum(wrong.values())
        print(
            f"{kind:22} {tried:5} of {fault.count} lines, {sum(wrong.values())} wrong {dict(wrong) or ''}", flush=True
        )
    return total > 0


if __name__ == "__main__":
    raise SystemExit(main())
