"""Random vector functional link: the hidden layers stay as drawn, and one ridge is solved for the rest.

    Phi = [H, X]                             activations of the last hidden layer beside the inputs themselves
    beta = (Phi^T S Phi + lambda I)^-1 Phi^T S Y      lambda by exact leave-one-out, S the row weights, centred

There is no teaching signal, no iteration and no learning rate: one step is the whole fit. Read `step` first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bpfree_random_features.base import RandomFeatures
from bpfree_random_features.sampling import dense, draw_hidden
from sklearn_bpfree import State, advance
from sklearn_bpfree.readout import solve_readout


@dataclass(eq=False)
class RVFLState(State):
    """State of `RVFL`.

    Attributes
    ----------
    direct : ndarray of shape (d_0, K)
        Kernel of the direct links from the inputs to the outputs; zero without them.
    penalty : float
        The penalty that was chosen.
    left_out_error : float
        Mean squared leave-one-out error of the ridge, in units of the encoded targets.
    """

    direct: np.ndarray = field(default_factory=lambda: np.empty(0))
    penalty: float = float("nan")
    left_out_error: float = float("nan")


class RVFL(RandomFeatures):
    """Random vector functional link: random hidden layers, a readout in closed form, penalty by leave-one-out.

    Parameters
    ----------
    sampling : {"normal", "pairs"}, default="normal"
        Hidden units drawn blindly, or each through a pair of rows with different targets (SWIM).
    scale : float, default=1.0
        Spread of the hidden units' inputs, whatever the scale of the features.
    readout : {"auto", "ridge", "loss"}, default="auto"
        Solve a ridge and fit a slope and an intercept for the estimator's loss, or minimise the loss itself, which
        takes longer and gives better probabilities; "auto": "ridge" for the squared error and the log-losses.
    penalties : tuple of float, default=(1e-6, 1e-5, ..., 1e2)
        What leave-one-out chooses from, in units of the number of rows times the mean variance of the features.
    direct_links : bool, default=True
        Whether the outputs see the inputs, too. They are then no longer a function of `coefs_` alone, and sparse rows
        are made dense.

    References
    ----------
    Pao, Park and Sobajic (1994), "Learning and generalization characteristics of the random vector functional-link
    net", Neurocomputing 6.
    Bolager, Burak, Datar, Sun and Dietrich (2023), "Sampling weights of deep neural networks", NeurIPS.
    """

    direct_links: bool = True

    def init(self, problem, rng) -> State:
        direct = np.zeros((problem.X.shape[1], problem.network.n_outputs), problem.dtype)
        return RVFLState(draw_hidden(problem, rng, self.sampling, self.scale), direct=direct)

    def step(self, state: Any, problem, rng) -> State:
        """Solve for the readout; another step would find the same one."""
        H = dense(problem.network.hidden(state.weights, problem.X))
        links = self._has_direct_links(problem.network)
        Phi = np.hstack([H, dense(problem.X)]) if links else H
        beta, bias, fit = solve_readout(Phi, problem, self.penalties, self.readout)
        problem.n_evaluations += problem.n_samples
        weights, direct = state.weights.copy(), state.direct.copy()
        kernels, biases = problem.network.unpack(weights)
        kernels[-1][:], biases[-1][:] = beta[: H.shape[1]], bias
        if links:
            direct[:] = beta[H.shape[1] :]
        return advance(
            state,
            weights=weights,
            loss=problem.output_error(Phi @ beta.astype(problem.dtype) + bias, problem.all_rows())[0],
            direct=direct,
            penalty=fit.penalty,
            left_out_error=float(fit.errors.min()),
        )

    def outputs(self, state: Any, network, X):
        Z = network.outputs(state.weights, X)
        if self._has_direct_links(network):
            Z += X @ state.direct.astype(Z.dtype, copy=False)
        return Z

    def _has_direct_links(self, network):
        """Without hidden layers the network is nothing but direct links."""
        return self.direct_links and len(network.layer_sizes) > 2
