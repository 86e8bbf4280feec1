"""Random vector functional link: the hidden layers stay as drawn, and one ridge is solved for the rest.

    Phi = [H, X]                             activations of the last hidden layer beside the inputs themselves
    beta = (Phi^T S Phi + lambda I)^-1 Phi^T S Y      lambda by exact leave-one-out, S the row weights, centred

There is no teaching signal, no iteration and no learning rate: one step is the whole fit. Read `step` first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_scalar

from bpfree_random_features.base import RandomFeatures, hidden_layers, set_readouts
from bpfree_random_features.sampling import Inputs, draw_hidden
from sklearn_bpfree.plugin import Beside, State, advance, formed, read, solve_readout

ROWS_PER_UNIT, MAX_UNITS = 20, 800  # where the number of copies is left open


@dataclass(eq=False, kw_only=True)
class RVFLState(State):
    """State of `RVFL`.

    Attributes
    ----------
    more : list of ndarray of shape (n_weights,)
        Further draws of the hidden layers, each with its part of the readout; the outputs add up.
    direct : ndarray of shape (d_0, K)
        Kernel of the direct links from the inputs to the outputs; zero without them.
    penalty : float
        The penalty that was chosen.
    """

    more: list[np.ndarray]
    direct: np.ndarray
    penalty: float = float("nan")


class RVFL(RandomFeatures):
    """Random vector functional link: random hidden layers, a readout in closed form, penalty by leave-one-out.

    Parameters
    ----------
    sampling : {"normal", "sparse", "mixed", "pairs"}, default="normal"
        Hidden units drawn blindly, from all columns, from five of them or half and half; or each through a pair of rows
        with different targets (SWIM).
    scale : float, default=1.0
        Spread of the hidden units' inputs, whatever the scale of the features.
    readout : {"auto", "ridge", "loss"}, default="auto"
        Solve a ridge and fit a slope and an intercept for the estimator's loss, or minimise the loss itself, which
        takes longer and gives better probabilities; "auto": "ridge" for the squared error and the log-losses, but
        "loss" for exclusive classes in 5,000 rows or more.
    penalties : tuple of float, default=(1e-6, 1e-5, ..., 1e2)
        What leave-one-out chooses from, in units of the number of rows times the mean variance of the features.
    direct_links : bool, default=True
        Whether the outputs see the inputs, too. They are then no longer a function of `coefs_` alone.
    copies : int or None, default=None
        How many times the hidden layers are drawn, side by side, of which `coefs_` holds the first. None: once, or so
        often that there is a unit for every 20 rows, up to 800 units.

    References
    ----------
    Pao, Park and Sobajic (1994), "Learning and generalization characteristics of the random vector functional-link
    net", Neurocomputing 6.
    Bolager, Burak, Datar, Sun and Dietrich (2023), "Sampling weights of deep neural networks", NeurIPS.
    """

    state_types: ClassVar[tuple[type, ...]] = (RVFLState,)

    direct_links: bool = True
    copies: int | None = None

    def check_parameters(self):
        super().check_parameters()
        if self.copies is not None:
            check_scalar(self.copies, "copies", int, min_val=1)

    def init(self, problem, rng) -> State:
        network = problem.network
        direct = np.zeros((problem.X.shape[1], network.n_outputs), problem.dtype)
        weights, *more = draw_hidden(Inputs(problem.X, problem), rng, self.sampling, self.scale, self._copies(problem))
        return RVFLState(weights, more=more, direct=direct)

    def step(self, state: Any, problem, rng) -> State:
        """Solve for the readout; another step would find the same one."""
        network, X = problem.network, problem.X
        weights, *more = (draw.copy() for draw in (state.weights, *state.more))
        hidden, direct = formed(hidden_layers(network, [weights, *more], X)), state.direct.copy()
        links = self._has_direct_links(network)
        Phi = Beside([hidden, X]) if links else hidden
        kernel, bias, fit = solve_readout(Phi, problem, self.penalties, self.method(problem))
        problem.n_evaluations += problem.n_samples
        kernel, bias, n_hidden = kernel.astype(problem.dtype), bias.astype(problem.dtype), hidden.shape[1]
        set_readouts(network, [weights, *more], kernel[:n_hidden], bias)
        if links:
            direct[:] = kernel[n_hidden:]
        return advance(
            state,
            weights=weights,
            loss=problem.output_error(read(Phi, kernel, bias), problem.all_rows())[0],
            more=more,
            direct=direct,
            penalty=fit.penalty,
        )

    def outputs(self, state: Any, network, X):
        Z = network.outputs(state.weights, X)
        for weights in state.more:
            Z += network.outputs(weights, X)
        if self._has_direct_links(network):
            Z += X @ state.direct.astype(Z.dtype, copy=False)
        return Z

    def formula(self, state: Any, network, X):
        draws = np.stack([state.weights, *state.more]) if state.more else state.weights
        Z = network.formulas(draws, X)[-1]
        Z = Z.sum(0) if state.more else Z
        return Z + X @ state.direct if self._has_direct_links(network) else Z

    def _copies(self, problem):
        sizes, width = problem.network.layer_sizes, problem.network.layer_sizes[-2]
        if len(sizes) == 2:  # nothing to draw
            return 1
        return self.copies or max(1, min(problem.n_samples // (ROWS_PER_UNIT * width), MAX_UNITS // width))

    def _has_direct_links(self, network):
        """Without hidden layers the network is nothing but direct links."""
        return self.direct_links and len(network.layer_sizes) > 2
