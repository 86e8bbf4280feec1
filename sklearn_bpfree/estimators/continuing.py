"""Whether training can go on: all that the state rests on must be as it was. Read `check_goes_on` first.

A fit notes what it was begun with, its *basis*. When `warm_start` or `partial_fit` goes on, the basis of the call is
compared with that note by one rule for all parameters, for rows and for anybody's trainers: what the state rests on
must be the same, and what may change simply takes effect.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy import sparse

from sklearn_bpfree.nn.objectives import Metric
from sklearn_bpfree.plugin.trainer import Trainer

ALWAYS = ("hidden_layer_sizes", "activation", "weights", "monotonic_cst", "loss", "dtype", "random_state", "trainer")
TRAINING_ROWS = "the training rows (X, y, weights, and what early_stopping holds out of them)"
WHILE_UNFINISHED = ("the validation rows (X_val, or what early_stopping holds out)", "scoring", "metric_warmup")


@dataclass(frozen=True)
class Rows:
    """Some rows with their targets and weights, told from others by their number and a checksum."""

    n: int
    checksum: str

    def __repr__(self):
        return f"{self.n} rows (checksum {self.checksum})"

    @classmethod
    def of(cls, X, y, weight) -> Rows:
        arrays = [X.indptr, X.indices, X.data, y] if sparse.issparse(X) else [X, y]
        checksum = hashlib.blake2b(digest_size=8)
        for array in arrays if weight is None else [*arrays, weight]:
            content = array.tolist() if array.dtype.kind == "O" else None
            data = raw(array) if content is None else repr(content).encode("utf-8", "surrogatepass")
            checksum.update(f"{array.dtype} {array.shape}".encode())
            checksum.update(data)
        return cls(len(y), checksum.hexdigest())


def raw(array) -> memoryview:
    """The bytes of an array of any dtype but object, in the order of its axes."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def basis_of(estimator, problem, objective, trainer, held_out) -> dict[str, Any]:
    """What a state rests on, by the names under which a sentence speaks of it."""
    network = problem.network
    metric = objective if isinstance(objective, Metric) else None
    seed = estimator.random_state
    return {
        "hidden_layer_sizes": network.layer_sizes[1:-1],
        "activation": network.activation,
        "weights": network.weight_kind,
        "monotonic_cst": network.directions,
        "loss": objective if metric is None else metric.scoring,
        "dtype": str(problem.dtype),
        "random_state": seed if seed is None or isinstance(seed, Integral) else type(seed),
        "trainer": trainer,
        TRAINING_ROWS: None
        if "partial_fit" in trainer.offers
        else Rows.of(problem.X, problem.Y, problem.sample_weight),
        WHILE_UNFINISHED[0]: None if held_out is None else Rows.of(*held_out),
        "scoring": estimator.scoring if held_out is not None else None,
        "metric_warmup": None if metric is None else estimator.metric_warmup,
    }


def check_goes_on(before: dict[str, Any], now: dict[str, Any], *, unfinished: bool, call: str) -> None:
    """Raise a ValueError if something changed on which the state rests.

    Parameters
    ----------
    before, now : dict
        From `basis_of`.
    unfinished : bool
        Whether a fit is taken up that was cut short, so that the scores before and after must compare.
    call : str
        "warm_start=True" or "partial_fit".
    """
    for name in (*ALWAYS, TRAINING_ROWS, *(WHILE_UNFINISHED if unfinished else ())):
        if (change := _change(name, before.get(name), now[name])) is not None:
            name, *values = change
            old, new = (" ".join(repr(value).split()) for value in values)
            anew = "clone the estimator" if call == "partial_fit" else "set warm_start=False"
            raise ValueError(
                f"{call} cannot go on after a change of {name}: fitted with {old}, now {new}; set it back, or "
                f"{anew} to begin anew."
            )


def _change(name, old, new, owner: Trainer | None = None) -> tuple[str, Any, Any] | None:
    """The innermost name that tells two values apart, with both of them; None where they are the same."""
    if owner is not None and isinstance(old, Trainer) != isinstance(new, Trainer):
        old, new = (_as_trainer(owner, name.rpartition("__")[2], value) for value in (old, new))
    if not isinstance(old, Trainer) or not isinstance(new, type(old)) or not isinstance(old, type(new)):
        return None if same(old, new) else (name, old, new)
    before, now = old.get_params(deep=False), new.get_params(deep=False)
    fixed = (field for field in before if field not in new.adjustable)
    changes = (_change(f"{name}__{field}", before[field], now[field], new) for field in fixed)
    return next((change for change in changes if change is not None), None)


def _as_trainer(owner, parameter, value) -> Any:
    """What a name stands for, so that it can be compared with an object."""
    try:
        return owner.named_trainer(parameter, value) if isinstance(value, str) else value
    except ValueError:  # a word such as "auto"
        return value


def same(a: Any, b: Any) -> bool:
    """Whether two values are the same by what they hold; arrays, containers and objects are looked into."""
    if a is b:
        return True
    if isinstance(a, Real) and isinstance(b, Real):
        return bool(a == b or (a != a and b != b))  # NaN is itself
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return (a.shape, a.dtype) == (b.shape, b.dtype) and same(a.tolist(), b.tolist())
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (str, bytes, type)):
        return a == b
    try:
        return same(a.__reduce_ex__(4), b.__reduce_ex__(4))  # what a pickle would hold
    except TypeError:  # a function, a lock, ...
        return False
