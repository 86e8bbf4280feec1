"""What `RandomizedSearchCV` and its like can draw from: trainers together with what each proposes to search."""

from __future__ import annotations

from typing import Any

from sklearn_bpfree.plugin.registry import get_trainer, list_trainers
from sklearn_bpfree.plugin.trainer import Trainer


def search_space(trainers: list[str | Trainer] | None = None, prefix: str = "") -> list[dict[str, Any]]:
    """What `RandomizedSearchCV` and `HalvingRandomSearchCV` can draw from: trainers together with their parameters.

    Parameters
    ----------
    trainers : list of str or Trainer, default=None
        Registered names, or objects whose other parameters are to stay as they are; None: the whole zoo.
    prefix : str, default=""
        What leads to the estimator in a pipeline, such as `"bpfreeclassifier__"` or `"estimator__"`.

    Returns
    -------
    distributions : list of dict
        One per trainer: itself under "trainer", and its `Trainer.param_distributions` under "trainer__<name>".

    Examples
    --------
    >>> from sklearn_bpfree import search_space
    >>> sorted(search_space(["dfa"])[0])  # doctest: +NORMALIZE_WHITESPACE
    ['trainer', 'trainer__dropout', 'trainer__feedback', 'trainer__learning_rate', 'trainer__weight_decay']
    """
    spaces = []
    for trainer in list_trainers() if trainers is None else trainers:
        known = get_trainer(trainer) if isinstance(trainer, str) else trainer
        distributions = {f"{prefix}trainer__{name}": values for name, values in known.param_distributions().items()}
        spaces.append({f"{prefix}trainer": [trainer], **distributions})
    return spaces
