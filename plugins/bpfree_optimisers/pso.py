"""Particle swarm optimisation: particles fly on, drawn to the best place of their own and to the best of all.

    v <- w v + c_1 r_1 (p - x) + c_2 r_2 (g - x),   x <- x + v        r_1, r_2 uniform in [0, 1] for every weight

p is where a particle was best, g the best p of all (Kennedy and Eberhart 1995; the inertia w: Shi and Eberhart 1998).
The places p are judged again in every generation, beside the new places x. Read `members` and `update` first.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_scalar

from bpfree_optimisers.swarm import Swarm
from sklearn_bpfree.plugin import keyed


class PSO(Swarm):
    """Particle swarm optimisation: particles drawn to their own best place and to the best of all.

    Parameters
    ----------
    population_size : int, default=64
        Evaluations of a generation: half as many particles, and their best places.
    sigma : float, default=0.3
        Spread of the first particles, in units of ``1 / sqrt(fan_in + 1)``.
    inertia : float, default=0.7
        w.
    own, social : float, default=1.5
        c_1 and c_2.

    References
    ----------
    Kennedy and Eberhart (1995), "Particle swarm optimization", ICNN.
    Shi and Eberhart (1998), "A modified particle swarm optimizer", ICEC.
    """

    positions: ClassVar[tuple[bool, ...]] = (True, False, True)

    inertia: float = 0.7
    own: float = 1.5
    social: float = 1.5

    def param_distributions(self):
        return super().param_distributions() | {"inertia": [0.5, 0.7, 0.8]}

    def check_parameters(self):
        super().check_parameters()
        check_scalar(self.inertia, "inertia", (int, float), min_val=0, max_val=1, include_boundaries="left")
        for name in ("own", "social"):
            check_scalar(getattr(self, name), name, (int, float), min_val=0)

    def members(self, state, network, key):
        x, v, p = state.swarm
        r1, r2 = keyed(key).random((2, *x.shape), x.dtype)
        dtype = x.dtype.type
        v = dtype(self.inertia) * v + dtype(self.own) * r1 * (p - x) + dtype(self.social) * r2 * (state.weights - x)
        x = x + v
        return self.flock(state, network, key, [x, p], [x, v, p])

    def update(self, state, members: Any, losses, problem):
        x, v, p = members.swarm
        of_x, of_p = np.split(losses[0], 2)
        p, best = np.where((of_x < of_p)[:, None], x, p), np.minimum(of_x, of_p)
        return {"weights": p[int(best.argmin())], "loss": float(best.mean()), "swarm": [x, v, p]}
