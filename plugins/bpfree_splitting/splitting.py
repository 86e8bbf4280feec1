"""Base of methods that make a layer's inputs and outputs variables of their own, and solve for blocks of them in turn.

A method is one function, `sweep`. The base keeps the books: first variables by a forward pass, the real network's loss
after every sweep, and the weights of the best sweep, which predict. Read `Splitting.step` first.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from scipy.stats import loguniform
from sklearn.utils import check_scalar

from sklearn_bpfree.plugin import ACTIVATIONS, FOR_TRAINING, Budget, State, Trainer, advance, affine

SERVED = ("relu", "identity")  # activations whose blocks have closed forms


@dataclass(eq=False)
class Variables:
    """What is solved for; all rows at once.

    Attributes
    ----------
    W, b : list of ndarray
        Kernels and biases, from the first layer up.
    U : list of ndarray of shape (n, h_l)
        Pre-activations.
    V : list of ndarray of shape (n, h_l)
        Activations; the last ones are the outputs.
    multiplier : ndarray of shape (n, K)
        Of the last constraint, where a method has one.
    """

    W: list[np.ndarray]
    b: list[np.ndarray]
    U: list[np.ndarray]
    V: list[np.ndarray]
    multiplier: np.ndarray

    def copy(self) -> Variables:
        """The same arrays in other lists, so that replacing one changes nothing here."""
        return Variables(list(self.W), list(self.b), list(self.U), list(self.V), self.multiplier)

    def below(self, layer, X) -> Any:
        """What comes into a layer."""
        return self.V[layer - 1] if layer else X


@dataclass(eq=False, kw_only=True)
class SplittingState(State):
    """State of a `Splitting`: its weights are those of the best sweep so far, its variables those of the last one.

    Attributes
    ----------
    variables : Variables
    best : float
        The network's mean loss with `weights`.
    """

    variables: Variables = field(metadata=FOR_TRAINING)
    best: float


class Splitting(Trainer):
    """Base of splitting methods; write `sweep`.

    Parameters
    ----------
    gamma : float, default=1.0
        Price of an activation that is not that of its pre-activation.
    rho : float, default=1.0
        Price of a pre-activation that is not what the layer makes of its inputs.
    alpha : float, default=1.0
        Price of a move: how firmly kernels, biases and pre-activations are held to what they were.
    weight_decay : float, default=0.01
        lambda, of the kernels.
    """

    offers: ClassVar[tuple[str, ...]] = ()
    transposes: ClassVar[str] = "all"
    state_types: ClassVar[tuple[type, ...]] = (SplittingState, Variables)
    adjustable: ClassVar[tuple[str, ...]] = ("gamma", "rho", "alpha", "weight_decay")

    gamma: float = 1.0
    rho: float = 1.0
    alpha: float = 1.0
    weight_decay: float = 0.01

    @abstractmethod
    def sweep(self, v: Variables, problem: Any) -> None:
        """Solve for one block after the other; replaces arrays in the lists of `v`."""

    def budget(self, n_samples, n_features):
        """Sweeps over the whole table."""
        return Budget(max_iter=50)

    def param_distributions(self):
        return {"gamma": [0.3, 1.0, 3.0], "rho": [0.3, 1.0, 3.0], "weight_decay": loguniform(1e-3, 1.0)}

    def check_parameters(self):
        for name in ("gamma", "rho", "alpha"):
            check_scalar(getattr(self, name), name, (int, float), min_val=0, include_boundaries="neither")
        check_scalar(self.weight_decay, "weight_decay", (int, float), min_val=0)

    def init(self, problem, rng):
        network, name, loss = problem.network, type(self).__name__, problem.differentiable_loss
        if network.activation not in SERVED and len(network.layer_sizes) > 2:
            raise ValueError(
                f"{name} has closed forms for activation 'relu' and 'identity', got activation={network.activation!r}; "
                "use one of these."
            )
        if loss.curvature_bound is None:
            raise ValueError(
                f"{name} needs a loss of bounded curvature, which {loss!r} is not; use the squared error or a log-loss."
            )
        weights = network.initial_weights(rng, problem.dtype)
        network.unpack(weights)[1][-1][:] = problem.initial_output()
        variables = forward(network, weights, problem.X)
        return SplittingState(weights, variables=variables, best=real_loss(variables, problem, weights))

    def step(self, state: Any, problem, rng):
        """One sweep over all blocks, judged by a real forward pass."""
        v = state.variables.copy()
        self.sweep(v, problem)
        weights = pack(v, problem.network, problem.dtype)
        loss = real_loss(v, problem, weights)
        changes = {"weights": weights, "best": loss} if loss <= state.best or not np.isfinite(loss) else {}
        return advance(state, variables=v, loss=loss, **changes)


def forward(network, weights, X) -> Variables:
    """Variables of a forward pass, with which every constraint holds."""
    kernels, biases = network.unpack(weights.copy())
    U, V, H = [], [], X
    for layer, (W, b) in enumerate(zip(kernels, biases, strict=True)):
        U.append(affine(H, W, b))
        H = U[-1].copy() if layer == len(kernels) - 1 else ACTIVATIONS[network.activation].apply(U[-1].copy())
        V.append(H)
    return Variables(kernels, biases, U, V, np.zeros_like(V[-1]))


def pack(v, network, dtype) -> np.ndarray:
    """The weights as one vector."""
    weights = np.empty(network.n_weights, dtype)
    for to, part in zip([p for parts in network.unpack(weights) for p in parts], [*v.W, *v.b], strict=True):
        to[:] = part
    return weights


def real_loss(v, problem, weights) -> float:
    """Mean loss of the network itself, whatever the variables say of it."""
    problem.n_evaluations += problem.n_samples
    return problem.output_error(problem.network.outputs(weights, problem.X), problem.all_rows())[0]
