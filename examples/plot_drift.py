"""
=======================================
A Kalman filter on a stream that drifts
=======================================

Rows come in batches, and each is predicted before it is learned from. Until the first line the world stands still; then
a coefficient slides, and at the second everything changes at once. ``online_kalman``, the family's filter for streams,
learns from every row once and believes it as far as it is new. When its residuals are larger than it promised, it
concludes that the world has changed and trusts what it knows less. Nobody tells it when that is.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sklearn_bpfree import BPFreeRegressor, get_trainer

BATCHES, ROWS, SLIDES, JUMPS = 240, 25, 80, 160
rng = np.random.default_rng(0)


def world(batch):
    """Rows of a batch and their targets, with noise of standard deviation .3."""
    X = rng.normal(size=(ROWS, 4))
    slope = np.clip((batch - SLIDES) / (JUMPS - SLIDES), 0, 1)
    y = np.sin(2 * X[:, 0]) + X[:, 1] * (1 - 2 * slope)
    return X, (y if batch < JUMPS else 1 - y) + 0.3 * rng.normal(size=ROWS)


# %%
# Predict, score, learn
# ---------------------
# ``tolerance=inf`` never concludes that the world has changed; a net of ``dfa`` takes a few updates a batch.
stubborn = get_trainer("online_kalman", tolerance=np.inf)
trainers = {"online_kalman": "online_kalman", "the same, tolerance=inf": stubborn, "dfa": "dfa"}
models = {name: BPFreeRegressor((32,), trainer=trainer, random_state=0) for name, trainer in trainers.items()}
errors, inside = {name: [] for name in models}, []
for batch in range(BATCHES):
    X, y = world(batch)
    if batch:
        for name, model in models.items():
            errors[name].append(np.mean((model.predict(X) - y) ** 2))
        mean, deviation = models["online_kalman"].predict(X, return_std=True)
        inside.append(np.mean(np.abs(y - mean) < 1.645 * deviation))
    for model in models.values():
        model.partial_fit(X, y)
errors = pd.DataFrame(errors, index=range(1, BATCHES))
parts = pd.cut(errors.index, [0, SLIDES, JUMPS, BATCHES], right=False, labels=["still", "slides", "after the jump"])
print(errors.groupby(parts, observed=True).mean().round(3).to_string())

# %%
# Errors, and promises
# --------------------
# 90 % intervals hold fewer targets for some batches after the jump, since no row had told of it, and keep what they
# promise soon after.
plt.style.use("tableau-colorblind10")
fig, (top, bottom) = plt.subplots(2, 1, figsize=(9, 6), sharex=True, height_ratios=[2, 1], layout="constrained")
errors.rolling(8, min_periods=1).mean().plot(ax=top, logy=True, ylabel="squared error, mean of 8 batches")
bottom.plot(pd.Series(inside, errors.index).rolling(8, min_periods=1).mean())
bottom.set(xlabel="batch of 25 rows", ylabel="inside of 90 %", ylim=(0, 1.05))
for ax, level in ((top, 0.09), (bottom, 0.9)):
    ax.axhline(level, color="0.6", linestyle=":")
    ax.vlines([SLIDES, JUMPS], 0, 1, transform=ax.get_xaxis_transform(), color="0.6", zorder=0)
plt.show()
