"""Consensus-based optimisation: particles drift to their weighted mean, and wander in proportion to their way there.

    c  = sum_i w_i x_i,   w_i ~ exp(-alpha F(x_i))                      the consensus, the better ones counting more
    x <- x - lambda dt (x - c) - s sqrt(dt) (x - c) * xi,  xi ~ N(0, I)  every coordinate with noise of its own

(Pinnau et al. 2017; the noise by coordinates, which makes it fit for many of them: Carrillo, Jin, Li and Zhu 2021.) It
contracts while 2 lambda > s^2. alpha is such that the weights are those of a share of the particles, as the effective
sample size counts them, whatever the unit of F (Carrillo, Hoffmann, Stuart and Vaes 2022). Predictions are those of c.
Read `members` and `update` first.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy import optimize, special
from sklearn.utils import check_scalar

from bpfree_optimisers.swarm import Swarm
from sklearn_bpfree.plugin import keyed


class CBO(Swarm):
    """Consensus-based optimisation: particles drift to a mean weighted by merit, and wander less the nearer they are.

    Parameters
    ----------
    population_size : int, default=64
        Particles.
    sigma : float, default=0.6
        Spread of the first particles, in units of ``1 / sqrt(fan_in + 1)``.
    drift : float, default=1.0
        lambda.
    diffusion : float, default=1.0
        s; less than the root of 2 lambda, or the particles disperse.
    dt : float, default=0.1
        Size of a step.
    effective : float, default=0.1
        Share of the particles that the weights amount to.

    References
    ----------
    Pinnau, Totzeck, Tse and Martin (2017), "A consensus-based model for global optimization and its mean-field limit",
    Mathematical Models and Methods in Applied Sciences 27.
    Carrillo, Jin, Li and Zhu (2021), "A consensus-based global optimization method for high dimensional machine
    learning problems", ESAIM: COCV 27.
    Carrillo, Hoffmann, Stuart and Vaes (2022), "Consensus-based sampling", Studies in Applied Mathematics 148.
    """

    share: ClassVar[float] = 1.0

    sigma: float = 0.6
    drift: float = 1.0
    diffusion: float = 1.0
    dt: float = 0.1
    effective: float = 0.1

    def param_distributions(self):
        return super().param_distributions() | {"dt": [0.05, 0.1, 0.2], "effective": [0.05, 0.1, 0.3]}

    def check_parameters(self):
        super().check_parameters()
        for name in ("drift", "dt"):
            check_scalar(getattr(self, name), name, (int, float), min_val=0, include_boundaries="neither")
        check_scalar(self.effective, "effective", (int, float), min_val=0, max_val=1, include_boundaries="neither")
        check_scalar(self.diffusion, "diffusion", (int, float), min_val=0)
        if self.diffusion**2 >= 2 * self.drift:
            raise ValueError(
                f"diffusion of CBO must be less than the root of 2 drift, or the particles never agree, got "
                f"{self.diffusion!r} with drift={self.drift!r}."
            )

    def members(self, state, network, key):
        (x,) = state.swarm
        return self.flock(state, network, key, [x], [x])

    def update(self, state, members: Any, losses, problem):
        (x,) = members.swarm
        c = (merits(losses[0], self.effective) @ x).astype(x.dtype)
        away, xi = x - c, keyed(members.key).standard_normal(x.shape, x.dtype)
        x = x - x.dtype.type(self.drift * self.dt) * away - x.dtype.type(self.diffusion * self.dt**0.5) * away * xi
        return {"weights": c, "swarm": [x]}


def merits(losses, effective) -> np.ndarray:
    """Weights ~ exp(-alpha F) that sum to one, with the alpha whose effective sample size is a share of all."""
    f = losses - losses.min()
    f = f / (f.max() or 1.0)
    n = len(f)

    def surplus(logarithm):
        w = special.softmax(-np.exp(logarithm) * f)
        return 1 / np.square(w).sum() - max(1.0, effective * n)

    low, high = -5.0, 15.0
    if surplus(low) <= 0 or surplus(high) >= 0:  # many that are equal
        return special.softmax(-np.exp(high if surplus(high) >= 0 else low) * f)
    return special.softmax(-np.exp(optimize.brentq(surplus, low, high)) * f)
