"""CMA-ES with a diagonal covariance, for as many weights as a network has.

    x_i = m + s sqrt(C) z_i,   y_i = sqrt(C) z_i,   the P/2 best weigh w_i ~ ln((P+1)/2) - ln i,   mu_eff = 1/sum w_i^2

    m   <- m + s sum w_i y_i
    p_s <- (1 - c_s) p_s + sqrt(c_s (2 - c_s) mu_eff) sum w_i z_i
    s   <- s exp(c_s / d_s (|p_s| / chi - 1)),                        chi = sqrt(D) (1 - 1/(4D) + 1/(21 D^2))
    p_c <- (1 - c_c) p_c + h sqrt(c_c (2 - c_c) mu_eff) sum w_i y_i
    C   <- (1 - c_1 - c_mu) C + c_1 p_c^2 + c_mu sum w_i y_i^2

(Ros and Hansen 2008, who enlarge c_1 and c_mu by (D + 2)/3 because a diagonal is quickly learned.) Weights are measured
in units of ``1 / sqrt(fan_in + 1)`` of their layer. Read `update` first.
"""

import math

import numpy as np

from sklearn_bpfree.plugin import Budget, PopulationTrainer


class SepCMAES(PopulationTrainer):
    """CMA-ES with a diagonal covariance: a step size and a variance for every weight, learned along the way.

    Parameters
    ----------
    population_size : int, default=64
        Members of a generation.
    sigma : float, default=0.4
        First step size.

    References
    ----------
    Ros and Hansen (2008), "A simple modification in CMA-ES achieving linear time and space complexity", PPSN.
    Hansen (2016), "The CMA evolution strategy: a tutorial".
    """

    signs = (1.0,)

    sigma: float = 0.4

    def budget(self, n_samples, n_features):
        """Batches of 1024 rows, because the step size mistakes the noise of minibatches for distance."""
        return Budget(super().budget(n_samples, n_features).max_iter, batch_size=1024)

    def slots(self, weights):
        s = np.full(1, self.sigma, weights.dtype)
        p_s, p_c, C = np.zeros_like(weights), np.zeros_like(weights), np.ones_like(weights)
        return [s, p_s, p_c, C]

    def update(self, state, members, losses, problem):
        s, p_s, p_c, C = state.slots
        D, k = p_s.size, constants(p_s.size, losses.size)
        w = np.zeros(losses.size)
        w[np.argsort(losses[0], kind="stable")[: len(k["w"])]] = k["w"]
        wz, wzz = members.combine(w), members.combine_squares(w)
        wy, wyy = np.sqrt(C) * wz, C * wzz

        p_s = (1 - k["c_s"]) * p_s + (k["c_s"] * (2 - k["c_s"]) * k["mu_eff"]) ** 0.5 * wz
        length = float(np.linalg.norm(p_s))
        settled = length / math.sqrt(1 - (1 - k["c_s"]) ** (2 * (state.t + 1))) < (1.4 + 2 / (D + 1)) * k["chi"]
        p_c = (1 - k["c_c"]) * p_c + settled * (k["c_c"] * (2 - k["c_c"]) * k["mu_eff"]) ** 0.5 * wy
        C = (1 - k["c_1"] - k["c_mu"]) * C + k["c_1"] * p_c**2 + k["c_mu"] * wyy

        unit = members.network.fan_in_scale(p_s.dtype)
        weights = state.weights + unit * s * wy
        s = s * math.exp(k["c_s"] / k["d_s"] * (length / k["chi"] - 1))
        return {"weights": weights, "sigma": unit * s * np.sqrt(C), "slots": [s, p_s, p_c, C]}


def constants(D, P):
    """The strategy's constants for D weights and P members, as Python floats."""
    w = np.log((P + 1) / 2) - np.log(np.arange(1, P // 2 + 1))
    w /= w.sum()
    mu_eff = float(1 / np.sum(w**2))
    c_s = (mu_eff + 2) / (D + mu_eff + 5)
    d_s = 1 + c_s + 2 * max(0.0, ((mu_eff - 1) / (D + 1)) ** 0.5 - 1)
    c_1 = (D + 2) / 3 * 2 / ((D + 1.3) ** 2 + mu_eff)
    c_mu = (D + 2) / 3 * 2 * (mu_eff - 2 + 1 / mu_eff) / ((D + 2) ** 2 + mu_eff)
    c_1 = min(1.0, c_1)
    return {
        "w": w,
        "mu_eff": mu_eff,
        "c_s": c_s,
        "d_s": d_s,
        "c_c": 4 / (D + 4),
        "c_1": c_1,
        "c_mu": min(1 - c_1, c_mu),
        "chi": D**0.5 * (1 - 1 / (4 * D) + 1 / (21 * D**2)),
    }
