"""What a fit depends on, in words that can be stored and compared: its rows, its parameters, the versions.

Two fits of the same description give the same bits, as far as versions and machine are the same. Read `described_fit`.
"""

from __future__ import annotations

import hashlib
import sys
from typing import Any

import numpy as np
import scipy
import sklearn
from scipy import sparse

from sklearn_bpfree.estimators.continuing import Rows, raw
from sklearn_bpfree.plugin.trainer import Trainer

FREE = ("n_jobs", "verbose", "max_time", "warm_start", "random_state", "trainer")  # the last two are told otherwise
LONGEST = 100  # letters of a value that is told as it is


def described_fit(estimator, trainer, problem, held_out, progress) -> dict[str, str]:
    """What the bits of a fit depend on, by the names under which a sentence speaks of it.

    Parameters
    ----------
    estimator : BPFreeClassifier or BPFreeRegressor
    trainer : Trainer
        That of the fit.
    problem : Problem
    held_out : tuple or None
        Validation rows, their targets and weights.
    progress : Progress
        Before the first step of this fit.
    """
    parameters = {name: value for name, value in estimator.get_params(deep=False).items() if name not in FREE}
    seed = {} if estimator.random_state is None else {"random_state": told(progress.seed)}
    return {
        "the estimator": type(estimator).__name__,
        "the training rows": repr(Rows.of(problem.X, problem.Y, problem.sample_weight)),
        "the validation rows": "none" if held_out is None else repr(Rows.of(*held_out)),
        "the state that the fit begins with": progress.begun,
        "the number of steps": told(progress.planned),
        **{name: told(value) for name, value in parameters.items()},
        **seed,
        **_of_trainer("trainer", trainer),
    }


def versions(trainer) -> dict[str, str]:
    """Versions of what computes the bits."""
    from sklearn_bpfree import __version__

    package = type(trainer).__module__.partition(".")[0]
    own = getattr(sys.modules.get(package), "__version__", None)
    own = {package: str(own)} if own and package != "sklearn_bpfree" else {}
    known = {"numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__}
    return {"sklearn-bpfree": __version__, **known, **own}


def told(value: Any) -> str:
    """A value in words: as it is written, where it is short, otherwise a digest of all that it holds."""
    words = _words(value, ())
    line = " ".join(words.split())
    return line if len(line) <= LONGEST and line.isprintable() else f"{type(value).__name__} ({digest(words)})"


def digest(words: str) -> str:
    """Sixteen letters that stand for a text."""
    return hashlib.blake2b(words.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _of_trainer(name, trainer) -> dict[str, str]:
    """A trainer and its hyper-parameters, those of trainers inside of it with them."""
    found = {name: _name(type(trainer))}
    for parameter, value in trainer.get_params(deep=False).items():
        inner = f"{name}__{parameter}"
        found |= _of_trainer(inner, value) if isinstance(value, Trainer) else {inner: told(value)}
    return found


def _words(value, within) -> str:
    if any(value is outer for outer in within):
        return "itself"
    within = (*within, value)
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        return repr(value)
    if isinstance(value, np.ndarray) and value.dtype != object:
        content = hashlib.blake2b(raw(value), digest_size=8).hexdigest()
        return f"array of {value.dtype} of shape {value.shape} ({content})"
    if isinstance(value, np.ndarray) or sparse.issparse(value):
        return _words(value.tolist() if isinstance(value, np.ndarray) else [value.shape, value.tocsr().data], within)
    if type(value) in (tuple, list):
        return f"({', '.join(_words(item, within) for item in value)})"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_words(key, within)}: {_words(item, within)}' for key, item in value.items())}}}"
    if isinstance(value, (set, frozenset)):
        return f"{{{', '.join(sorted(_words(item, within) for item in value))}}}"
    if isinstance(value, type):
        return _name(value)
    if code := getattr(value, "__code__", None):
        return f"{_name(value)} {digest(repr((code.co_code, code.co_names, _constants(code))))}"
    try:
        parts = value.__reduce_ex__(4)  # what a pickle would hold
    except Exception:
        return _name(type(value))
    return parts if isinstance(parts, str) else f"{_name(type(value))}{_words(parts[1:3], within)}"


def _constants(code):
    return [constant for constant in code.co_consts if isinstance(constant, (int, float, str, bytes, tuple))]


def _name(kind) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
