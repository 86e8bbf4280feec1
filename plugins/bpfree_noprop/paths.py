"""From noise to label: how much of each a latent holds at a time, and how a guess of the label moves it on.

At time t in [0, 1] a latent is z_t = m(t) u + s(t) eps, with u the label's embedding and eps standard normal. A guess û
takes it to a later time r by z_r = a û + b z_t + sqrt(c) eps.

- `Diffusion` ("dt", "ct"): m = sqrt(A), s = sqrt(1 - A), A the cosine schedule. With alpha = A(t) / A(r) the law of z_r
  given z_t and u = û has (Li, Teh & Pascanu 2025, eq. 2-4)

    a = sqrt(A(r)) (1 - alpha) / (1 - A(t))
    b = sqrt(alpha) (1 - A(r)) / (1 - A(t))
    c = (1 - A(r)) (1 - alpha) / (1 - A(t))

- `Flow` ("fm"): m = t, s = 1 - t, and a step along the straight line to û, a = (r - t) / (1 - t), b = 1 - a, c = 0.
"""

import numpy as np

OFFSET = 0.008  # keeps the first levels of the cosine schedule apart
CLIP = 1e-3  # the least share of signal, and of noise


def signal_level(t) -> np.ndarray:
    """The cosine schedule A(t), from `CLIP` at t = 0 to 1 - `CLIP` at t = 1; times of any shape."""
    unit = np.pi / 2 / (1 + OFFSET)
    level = np.cos((1 - np.asarray(t, np.float64) + OFFSET) * unit) / np.cos(OFFSET * unit)
    return np.clip(np.square(level), CLIP, 1 - CLIP)


class Diffusion:
    """The path of the diffusion variants."""

    def mix(self, t):
        """Shares m(t) of the label and s(t) of the noise."""
        A = signal_level(t)
        return np.sqrt(A), np.sqrt(1 - A)

    def move(self, t, r):
        """Coefficients a, b, c of the way from time t to time r."""
        A, A_r = signal_level(t), signal_level(r)
        alpha = A / A_r
        a = np.sqrt(A_r) * (1 - alpha) / (1 - A)
        b = np.sqrt(alpha) * (1 - A_r) / (1 - A)
        return a, b, (1 - A_r) * (1 - alpha) / (1 - A)


class Flow:
    """The straight path of flow matching."""

    def mix(self, t):
        """Shares m(t) of the label and s(t) of the noise."""
        t = np.asarray(t, np.float64)
        return t, 1 - t

    def move(self, t, r):
        """Coefficients a, b, c of the way from time t to time r."""
        a = (r - t) / (1 - t)
        return a, 1 - a, 0.0


PATHS = {"dt": Diffusion(), "ct": Diffusion(), "fm": Flow()}
