"""
==================================
Quantiles and outliers: the losses
==================================

The output error is all that a trainer sees of a loss, so every loss works with every trainer. Here the noise has a
heavy tail upwards and grows to the right. Pinball losses draw a band that holds 80 % of the rows; the squared error
follows the mean, which outliers pull up and about, while Huber's loss stays near the median.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

from sklearn_bpfree import BPFreeRegressor, get_trainer
from sklearn_bpfree.nn.losses import HuberLoss

rng = np.random.default_rng(0)
x = np.sort(rng.uniform(0, 10, 1500))
spread = 0.1 + 0.08 * x
y = np.sin(x) + spread * rng.pareto(1.5, 1500)
X = (x[:, None] - 5) / 3

# %%
# Three quantiles are three fits
# ------------------------------
# A curve in one feature is steep, so the weights decay less than by default.
model = BPFreeRegressor((50, 50), trainer=get_trainer("fa", weight_decay=0.1), random_state=0)
bands = {q: model.set_params(loss="quantile", quantile=q).fit(X, y).predict(X) for q in (0.1, 0.5, 0.9)}
for q, curve in bands.items():
    print(f"below the {q} quantile: {np.mean(y < curve):.3f} of the rows")

# %%
# Huber against squared error
# ---------------------------
# A loss may be an object with parameters of its own. ``delta`` is in units of the target's interquartile scale; a small
# one brings Huber near the absolute error.
losses = {"squared error": "squared_error", "Huber": HuberLoss(delta=0.1)}
curves = {name: model.set_params(loss=loss).fit(X, y).predict(X) for name, loss in losses.items()}

# %%
plt.style.use("tableau-colorblind10")
fig, axes = plt.subplots(1, 2, figsize=(10, 4.5), sharey=True, layout="constrained")
for ax in axes:
    ax.plot(x, y, ".", color="0.75", markersize=3)
    ax.set(ylim=(-2, 6), xlabel="x")
axes[0].set_ylabel("y")
axes[0].fill_between(x, bands[0.1], bands[0.9], alpha=0.3, label="10 % to 90 % quantile")
axes[0].plot(x, bands[0.5], label="median")
for name, curve in curves.items():
    axes[1].plot(x, curve, label=name)
axes[1].plot(x, np.sin(x) + spread * (2 ** (1 / 1.5) - 1), "k:", label="true median")
for ax in axes:
    ax.legend(loc="upper left")
fig.suptitle(f"Heavy-tailed noise ({np.mean(y > 6):.1%} of the rows are above the frame, up to {y.max():.0f})")
plt.show()
