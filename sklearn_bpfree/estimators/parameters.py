"""The estimators' own parameters, checked at the start of a fit: whatever makes no sense is one sentence."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.metrics import check_scoring
from sklearn.utils import check_scalar

from sklearn_bpfree.nn.activations import ACTIVATIONS
from sklearn_bpfree.nn.quantisation import WEIGHT_KINDS
from sklearn_bpfree.plugin.hyperparameters import check_types, is_integer, is_number, shown
from sklearn_bpfree.plugin.registry import get_trainer
from sklearn_bpfree.plugin.trainer import Trainer

LARGEST_SEED = 2**32 - 1
MOST_WEIGHTS = 2**40  # of a network; more than that no memory holds


def check_parameters(model) -> None:
    """Raise a ValueError or TypeError of one sentence for a parameter that makes no sense."""
    hidden_sizes(model.hidden_layer_sizes)
    _check_word(model, "activation", sorted(ACTIVATIONS))
    _check_word(model, "weights", list(WEIGHT_KINDS))
    _check_number(model.metric_warmup, "metric_warmup", min_val=0, max_val=1)
    if not _is(model.batch_size, "auto"):
        _check_integer(model.batch_size, "batch_size")
    if model.max_iter is not None:
        _check_integer(model.max_iter, "max_iter")
    if model.tol is not None:
        _check_number(model.tol, "tol", min_val=0)
    if model.max_time is not None:
        _check_number(model.max_time, "max_time", min_val=0, include_boundaries="neither")
    if not (_is(model.early_stopping, "auto") or isinstance(model.early_stopping, (bool, np.bool_))):
        raise ValueError(f"early_stopping must be 'auto', True or False, got {shown(model.early_stopping)}.")
    _check_number(model.validation_fraction, "validation_fraction", min_val=0, max_val=1, include_boundaries="neither")
    _check_integer(model.n_iter_no_change, "n_iter_no_change")
    if model.scoring is not None and not _is(model.scoring, "loss"):
        check_scoring(model, model.scoring)
    if not (model.n_jobs is None or (is_integer(model.n_jobs) and model.n_jobs != 0)):
        raise ValueError(f"n_jobs must be None or an integer that is not 0, got {shown(model.n_jobs)}.")
    for name in ("warm_start", "record_alignment", "verbose"):
        check_scalar(getattr(model, name), name, (bool, np.bool_, Integral))
    if getattr(model, "quantile", None) is not None:
        _check_number(model.quantile, "quantile", min_val=0, max_val=1, include_boundaries="neither")
    if dtype(model.dtype) is None:
        raise ValueError(f"dtype must be 'float32' or 'float64', got {shown(model.dtype)}.")
    _check_seed(model.random_state)
    _check_class_weight(getattr(model, "class_weight", None))


def hidden_sizes(sizes) -> tuple[int, ...]:
    """Units of each hidden layer, from what the user gave."""
    given = sizes
    if is_integer(sizes):
        sizes = (sizes,)
    is_sequence = isinstance(sizes, (tuple, list)) or (isinstance(sizes, np.ndarray) and sizes.ndim == 1)
    if not is_sequence or not all(is_integer(size) and size > 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be integers > 0, got {shown(given)}.")
    return tuple(map(int, sizes))


def dtype(given):
    """Precision of the computation; None if it is not one that we have."""
    try:
        known = np.dtype(given)
    except (TypeError, ValueError):
        return None
    return known if given is not None and known in (np.float32, np.float64) else None


def make_trainer(given) -> Trainer:
    """The trainer of a fit: a copy that nobody else has, with its hyper-parameters checked."""
    trainer = get_trainer(given) if isinstance(given, str) else given
    if not isinstance(trainer, Trainer):
        raise TypeError(
            f"trainer must be a registered name or a Trainer instance, got {shown(trainer)}; "
            "sklearn_bpfree.list_trainers() gives the names."
        )
    trainer = clone(trainer)
    check_types(trainer)
    trainer.check_parameters()
    return trainer


def trainer_name(trainer) -> str:
    """By which a sentence speaks of a trainer."""
    return trainer if isinstance(trainer, str) else type(trainer).__name__


def check_size(network) -> None:
    """Raise a ValueError for a network that cannot be held in memory."""
    if network.n_weights > MOST_WEIGHTS:
        raise ValueError(
            f"hidden_layer_sizes={network.layer_sizes[1:-1]} makes {network.n_weights:.3g} weights, more than a memory "
            "holds; use fewer hidden units."
        )


def _is(value, word) -> bool:
    return isinstance(value, str) and value == word


def _check_word(model, name, choices):
    value = getattr(model, name)
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {choices}, got {shown(value)}.")


def _check_number(value, name, **limits):
    if not is_number(value):
        raise TypeError(f"{name} must be a number, got {shown(value)}.")
    check_scalar(value, name, Real, **limits)


def _check_integer(value, name):
    if not is_integer(value):
        raise TypeError(f"{name} must be an integer, got {shown(value)}.")
    check_scalar(value, name, Integral, min_val=1)


def _check_seed(seed):
    if seed is None or seed is np.random or isinstance(seed, np.random.RandomState):
        return
    if not is_integer(seed) or not 0 <= seed <= LARGEST_SEED:
        raise ValueError(
            f"random_state must be None, a RandomState or an integer from 0 to 2**32 - 1, got {shown(seed)}."
        )


def _check_class_weight(class_weight):
    if class_weight is None or _is(class_weight, "balanced"):
        return
    parts: Any = class_weight if isinstance(class_weight, list) and class_weight else [class_weight]
    if not all(isinstance(part, dict) for part in parts):
        raise ValueError(f"class_weight must be a dict, 'balanced' or None, got {shown(class_weight)}.")
    if not all(is_number(weight) and 0 <= weight < np.inf for part in parts for weight in part.values()):
        raise ValueError(f"class_weight must hold finite numbers that are not negative, got {shown(class_weight)}.")
