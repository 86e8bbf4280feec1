"""The contract of a trainer, which is the plugin: hyper-parameters, `init` and `step`.

A trainer is a class with annotated fields, its hyper-parameters, and two methods::

    class RandomSearch(Trainer):
        '''Keep the best of some Gaussian steps.'''

        sigma: float = 0.1

        def init(self, problem, rng): ...
        def step(self, state, problem, rng): ...

Subclasses become dataclasses and scikit-learn parameter holders on their own. The core owns everything else: the loop,
random states, stopping, the best weights, history, callbacks and interruption.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar, dataclass_transform

import numpy as np
from scipy import special

from sklearn_bpfree.nn.formulas import Formula, forget_untold
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.plugin.batches import Batch
from sklearn_bpfree.plugin.budget import Budget
from sklearn_bpfree.plugin.hyperparameters import shown
from sklearn_bpfree.plugin.naming import HoldsTrainers
from sklearn_bpfree.plugin.problem import Problem

FOR_TRAINING = MappingProxyType({"for": "training"})


@dataclass(eq=False)
class State:
    """What a trainer carries from step to step; a picklable record, and so the checkpoint.

    Subclass it, as a dataclass with ``kw_only=True`` so that fields need no default, for an algorithm's own state. What
    steps need and predictions do not, here and in the dataclasses that a state holds, is a
    ``field(metadata=FOR_TRAINING)``: a finished fit is stored without it, and finds None there.

    Attributes
    ----------
    weights : ndarray of shape (n_weights,)
        The network's weights to predict with.
    loss : float
        Training loss seen during the last step (lower is better); NaN when the step did not compute one.
    """

    weights: np.ndarray
    loss: float = float("nan")


AnyState = TypeVar("AnyState", bound=State)


def advance(state: AnyState, **changes) -> AnyState:
    """A new state of the same type with some fields changed, for the end of a `step`."""
    return replace(state, **changes)


@dataclass_transform(eq_default=False)
class Trainer(HoldsTrainers, ABC):
    """Base of all trainers.

    Attributes
    ----------
    needs : str
        "output error" when `step` calls ``problem.output_error``, so that the objective must be a loss; "values" when
        ``problem.loss`` is enough, so that any metric will do.
    offers : tuple of str
        What the trainer can do beyond `fit`; "partial_fit" when a step on other rows than before makes sense,
        "return_std" when `predictive` says how sure a prediction is, "sets" when `least_probability` does for classes,
        "monotone" when predictions go with each input as `Network.directions` asks, at every point (with a
        `MinibatchTrainer`, which projects its weights, where they predict alone).
    transposes : str
        Which forward weights the teaching signal passes transposed: "none"; "own head", a layer's own readout; "signs",
        those of all kernels above; "all". A property where it depends on the hyper-parameters.
    learns_flat : bool
        Whether hidden units without a useful derivative, "step" and "sign", can learn although ``needs`` is "output
        error".
    adjustable : tuple of str
        Hyper-parameters that may change while `warm_start` or `partial_fit` goes on with a state: those that a step
        reads and that no state rests on. A change of any other one is refused.
    slow : bool
        Whether a fit takes many times as long as one of back-propagation even on a small table, so that a comparison
        of many trainers leaves this one out unless it is asked for.
    state_types : tuple of type
        Classes that the trainer's states are made of, beside arrays, plain values, losses and networks. They are made
        when a model is loaded safely (`sklearn_bpfree.TRUSTED_TYPES`), so none of them may run what a file says.
    packages : tuple of str
        Packages beside the library's own dependencies that a fit needs, by the names under which they are imported.
    installation : str
        The command that installs them; empty means ``pip install`` and their names.
    """

    needs: ClassVar[str] = "output error"
    offers: ClassVar[tuple[str, ...]] = ("partial_fit",)
    transposes: ClassVar[str] = "none"
    adjustable: ClassVar[tuple[str, ...]] = ("learning_rate",)
    learns_flat: ClassVar[bool] = False
    slow: ClassVar[bool] = False
    state_types: ClassVar[tuple[type, ...]] = ()
    packages: ClassVar[tuple[str, ...]] = ()
    installation: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclass(eq=False, repr=False)(cls)
        forget_untold(cls, [("outputs", "formula")])

    @abstractmethod
    def init(self, problem: Problem, rng: np.random.Generator) -> State:
        """First weights and the algorithm's own state; called once, at the start of a fit.

        Parameters
        ----------
        problem : Problem
        rng : numpy.random.Generator
            The only source of randomness; so is the one of `step`.
        """

    @abstractmethod
    def step(self, state: Any, problem: Problem, rng: np.random.Generator) -> State:
        """One pass over the data, or one generation; called until the loop stops.

        Parameters
        ----------
        state : State
            What the last call returned; must not be changed.
        problem : Problem
        rng : numpy.random.Generator
            Depends on the fit's seed and the number of the step only, so that a resumed fit gives the same bits.

        Returns
        -------
        state : State
            A new one, with `loss` set if the step saw a training loss.
        """

    def outputs(self, state: Any, network: Network, X) -> np.ndarray:
        """Raw outputs (n, K) for prediction; override for methods that predict in another way than by the network."""
        return network.outputs(state.weights, X)

    def formula(self, state: Any, network: Network, X: Formula) -> Formula:
        """`outputs` as a formula of the rows, for exports such as `sklearn_bpfree.onnx`.

        A trainer that overrides `outputs` overrides this, too, or cannot be exported.
        """
        return network.formulas(state.weights, X)[-1]

    def predictive(self, state: Any, network: Network, X) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the target given each row; for trainers that offer "return_std".

        Returns
        -------
        mean, std : ndarray of shape (n, K)
            In the units of the encoded (standardised) targets, after the loss's link; the standard deviation holds both
            the spread of what the weights may be and the noise of an observation.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how sure its predictions are.")

    def quantiles(self, state: Any, network: Network, X, levels: np.ndarray) -> np.ndarray:
        """Quantiles of the target given each row; those of a normal distribution, unless a trainer knows better.

        Parameters
        ----------
        state : State
        network : Network
        X : {ndarray, CSR array} of shape (n, d)
        levels : ndarray of shape (L,)
            In (0, 1).

        Returns
        -------
        values : ndarray of shape (n, K, L)
            In the units of the encoded targets, after the loss's link; they must not fall where the levels rise.
        """
        mean, std = self.predictive(state, network, X)
        return mean[..., None] + std[..., None] * special.ndtri(levels)

    def least_probability(self, state: Any, confidence: float) -> float:
        """The probability that a class needs to be in a prediction set; for trainers that offer "sets".

        Returns
        -------
        probability : float
            That which the true class of a row that was not learned reaches in a share `confidence` of all cases.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how sure its classes are.")

    def finish(self, state: Any, problem: Problem) -> Any:
        """The state with what only `predictive`, `quantiles` and `least_probability` need.

        Called once with the one that is kept, not between the steps.

        Parameters
        ----------
        state : State
            The last one or the best; `outputs` must say of the finished one what it says of this.
        problem : Problem
        """
        return state

    def shift_outputs(self, state: Any, problem: Problem, shift) -> Any:
        """The state with another decision threshold: every raw output moved by `shift` (K,).

        Called once, after the step that ends the warm-up of a fit whose objective is a metric; ``problem.objective`` is
        the metric already. Override it if the state holds more than `weights` that has to follow, or losses that do not
        compare with those of the metric.
        """
        weights = state.weights.copy()
        problem.network.unpack(weights)[1][-1][:] += shift
        return advance(state, weights=weights)

    def gradient(self, state: Any, problem: Problem, batch: Batch) -> list[np.ndarray] | None:
        """What the method takes for the gradient of each kernel on a batch, for alignment records; None: nothing."""
        return None

    def budget(self, n_samples: int, n_features: int) -> Budget:
        """The number of steps, batch size and stopping that suit this trainer on a table of this size."""
        return Budget()

    def param_distributions(self) -> dict[str, Any]:
        """What is worth searching, for `RandomizedSearchCV` and its like.

        Returns
        -------
        distributions : dict
            From names of hyper-parameters to lists or scipy distributions. `sklearn_bpfree.search_space` puts those of
            several trainers together.
        """
        return {}

    def horizon(self, problem: Problem, budget: Budget) -> int:
        """Number of steps where the user left it to the trainer: the budget's, unless the problem asks for another."""
        return budget.max_iter

    def check_parameters(self) -> None:
        """Raise a ValueError or TypeError of one sentence for a hyper-parameter that makes no sense."""


def check_choice(trainer, name, choices) -> None:
    """Raise a ValueError if a hyper-parameter is not one of the choices."""
    value = getattr(trainer, name)
    if not any(isinstance(value, type(choice)) and value == choice for choice in choices):
        raise ValueError(f"{name} of {type(trainer).__name__} must be one of {list(choices)}, got {shown(value)}.")
