"""A fit as a file: written whole or not at all, and read with the suspicion that a file from elsewhere deserves.

Layout of the file: a zip file as `numpy.savez` writes it, for `numpy.load(path, allow_pickle=False)`. The array "about"
holds JSON: the format, the versions, what the bits depend on (`describing`), and the fit's books as a tree (`records`),
which speaks of the other arrays by number. Nothing in it can run code. Read `write_fit` and `read_fit`.
"""

from __future__ import annotations

import dataclasses
import json
import os
import stat
import zipfile
from contextlib import contextmanager
from typing import Any

import numpy as np

from sklearn_bpfree.estimators import disk
from sklearn_bpfree.estimators.records import unpack
from sklearn_bpfree.estimators.training import Progress

FORMAT = 1
REASONS = ("", "max_iter", "tol", "early_stopping", "max_time", "interrupted", "diverged", "callback")
ROW = {"step", "loss", "seconds", "n_evaluations"}  # of the history
TRIED_ROWS = 16  # which a state from a file must have finite outputs for


def write_fit(path: str, about: dict[str, Any], arrays: list[np.ndarray]) -> None:
    """Write what JSON holds and arrays, whole or not at all; an OSError if that cannot be done."""
    about = {"format": FORMAT, "arrays": len(arrays), **about}
    text = np.frombuffer(json.dumps(about, allow_nan=False).encode(), np.uint8)
    with disk.replacing(path) as file:
        np.savez(file, allow_pickle=False, about=text, **{str(number): array for number, array in enumerate(arrays)})


@dataclasses.dataclass
class Saved:
    """What a file says."""

    path: str
    about: dict[str, Any]
    arrays: list[np.ndarray]

    def seed(self) -> int:
        with _sentence(self.path):
            seed = dict(map(tuple, self.about["progress"][1]))["seed"]
            if type(seed) is not int:
                raise TypeError("its seed is no integer")
            return seed

    def check(self, identity, versions):
        """Raise a ValueError of one sentence if it is the file of another fit."""
        with _sentence(self.path):
            before = {**self.about["versions"], **self.about["identity"]}
            before = {str(name): str(value) for name, value in before.items()}
        now = {**versions, **identity}
        for name in dict.fromkeys([*now, *before]):
            old, new = before.get(name, "nothing"), now.get(name, "nothing")
            if old != new:
                name, old = (words if words.isprintable() and len(words) <= 150 else "..." for words in (name, old))
                raise ValueError(
                    f"The checkpoint {self.path} is of another fit, with {name} {old} there and {new} here; set it "
                    "back, give another path, or delete the file to begin anew."
                )

    def progress(self, given, fresh: Progress, trainer, problem) -> Progress:
        """The fit's books, which must be of the kind of `fresh`."""
        with _sentence(self.path):
            books = unpack(self.about["progress"], self.arrays, given)
            names = {field.name for field in dataclasses.fields(Progress)} - {"basis"}
            if type(books) is not dict or set(books) != names:
                raise TypeError("its books are not those of a fit")
            found = Progress(**books)
            for name in names - {"state", "best", "history"}:
                kind = float if name in ("best_score", "watched") else type(getattr(fresh, name))
                value = books[name].item() if isinstance(books[name], np.floating) else books[name]
                _ask(type(value) is kind, f"{name} is no {kind.__name__}")
            for name in ("seed", "planned", "warmup", "begun"):
                _ask(getattr(found, name) == getattr(fresh, name), f"its {name} is another one")
            _ask(0 <= found.iteration <= found.planned and found.n_waiting >= 0, "its steps are miscounted")
            _ask(found.n_steps - found.iteration == fresh.n_steps - fresh.iteration, "its steps are miscounted")
            _ask(found.stop_reason in REASONS, "its reason to stop is none")
            rows = found.history
            _ask(
                type(rows) is list and all(type(row) is dict and set(row) >= ROW for row in rows), "its history is none"
            )
            _ask(rows[-1]["step"] == found.n_steps if rows else not found.n_steps, "its history is of other steps")
            for state in (found.state, found.best):
                _ask(type(state) is type(fresh.state), f"its state is no {type(fresh.state).__name__}")
                W, like = state.weights, fresh.state.weights
                _ask(type(W) is np.ndarray and (W.shape, W.dtype) == (like.shape, like.dtype), "its weights do not fit")
                _ask(bool(np.isfinite(W).all()), "its weights are not finite")
            Z = trainer.outputs(found.state, problem.network, problem.X[:TRIED_ROWS])
            _ask(bool(np.isfinite(Z).all()), "its outputs are not finite")
        return found


def read_fit(path) -> Saved | None:
    """What is in a checkpoint's file; None where there is no file."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ValueError(f"The checkpoint {path} cannot be read: {disk.reason(error)}.") from error
    if not stat.S_ISREG(found.st_mode):
        raise ValueError(f"The checkpoint {path} is no file; give another path.")
    with _sentence(path), open(path, "rb") as file:
        with zipfile.ZipFile(file) as members:
            infos = members.infolist()
            _ask(all(info.compress_type == zipfile.ZIP_STORED for info in infos), "it is compressed")
            _ask(sum(info.file_size for info in infos) <= found.st_size, "it promises more than it has")
        file.seek(0)
        with np.load(file, allow_pickle=False) as members:
            about = json.loads(members["about"].tobytes())
            _ask(type(about) is dict and about.get("format") == FORMAT, "its format is another one")
            _ask(about.get("arrays") == len(members.files) - 1, "it has lost a part")
            arrays = [members[str(number)] for number in range(len(members.files) - 1)]
    return Saved(path, about, arrays)


@contextmanager
def _sentence(path):
    """Whatever a damaged or forged file may cause is one sentence."""
    try:
        yield
    except Exception as error:  # MemoryError and RecursionError among them
        why = disk.reason(error) if isinstance(error, (OSError, _Damaged)) else f"{type(error).__name__}"
        raise ValueError(
            f"The checkpoint {path} is damaged, or is none ({why}); give another path, or delete it to begin anew."
        ) from error


class _Damaged(ValueError):
    """Something is wrong with what a file says; the message goes on after "because"."""


def _ask(condition, otherwise):
    if not condition:
        raise _Damaged(otherwise)
