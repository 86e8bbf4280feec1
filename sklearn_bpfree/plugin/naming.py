"""Trainers as parameters, by name: a name becomes an object when, and only when, one of its own parameters is set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from sklearn.base import BaseEstimator

if TYPE_CHECKING:
    from sklearn_bpfree.plugin.trainer import Trainer


class HoldsTrainers(BaseEstimator):
    """Base of what has trainers among its parameters: the estimators, and trainers around other trainers."""

    def set_params(self, **params: Any) -> Self:
        """Set parameters, and as ``<parameter>__<name>`` those of a trainer that is one of them.

        A trainer given by name becomes an object when, and only when, one of its own parameters is set.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If there is no such parameter, or if a parameter of what is no trainer is set.
        """
        own = self.get_params(deep=False)
        for key in list(params):
            name, nested, _ = key.partition("__")
            value = params.get(name, own.get(name))
            if not nested or name not in own or hasattr(value, "set_params"):
                continue
            params[name] = self._made_object(key, name, value)
        return super().set_params(**params)

    def _made_object(self, key, name, value):
        if not isinstance(value, str):
            raise ValueError(f"{key} cannot be set while {name} of {type(self).__name__} is {value!r}; set it first.")
        try:
            return self.named_trainer(name, value)
        except ValueError as error:
            raise ValueError(
                f"{key} cannot be set while {name} of {type(self).__name__} is {value!r}, which is the name of no "
                f"trainer: {error}"
            ) from error

    def named_trainer(self, parameter: str, name: str) -> Trainer:
        """The trainer that a registered name stands for as the value of a parameter.

        Override it where a name stands for a trainer with other hyper-parameters than its defaults.
        """
        from sklearn_bpfree.plugin.registry import get_trainer  # which imports Trainer, and that this module

        return get_trainer(name)
