"""
=======================================
Nets without derivatives, in a few bits
=======================================

Units that only say yes or no, and kernels of -1, 0 and 1: back-propagation has nothing to follow there, but a
population learns from values alone. Predictions use the quantised weights, and a finished fit is stored in as few bits.
"""

# %%
import pickle

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.model_selection import train_test_split

from sklearn_bpfree import BPFreeClassifier

X, y = make_moons(400, noise=0.25, random_state=0)
X = (X - X.mean(axis=0)) / X.std(axis=0)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, random_state=0)

# %%
# The same net four times
# -----------------------
kinds = {
    "float weights, relu": {},
    "step units": {"activation": "step"},
    "ternary weights": {"weights": "ternary"},
    "binary weights, sign units": {"weights": "binary", "activation": "sign"},
}
net = BPFreeClassifier((24, 24), trainer="open_es", max_iter=150, random_state=0)
models = {name: BPFreeClassifier(**{**net.get_params(), **kind}).fit(X, y) for name, kind in kinds.items()}
for name, model in models.items():
    size, values = len(pickle.dumps(model)), np.unique(np.abs(model.coefs_[1][:, 0]))
    print(f"{name:27} accuracy {model.score(X_test, y_test):.3f}, {size:6} bytes stored, a unit's kernel has "
          f"{'the sizes ' + str(values.round(2)) if len(values) < 5 else 'any size'}")  # fmt: skip

# %%
# What they have learned
# ----------------------
plt.style.use("tableau-colorblind10")
fig, axes = plt.subplots(1, 4, figsize=(13, 3.4), layout="constrained")
for ax, (name, model) in zip(axes, models.items(), strict=True):
    DecisionBoundaryDisplay.from_estimator(model, X, response_method="predict_proba", ax=ax, cmap="coolwarm", alpha=0.6)
    ax.scatter(*X_test.T, c=y_test, cmap="coolwarm", s=6)
    ax.set(title=f"{name}\naccuracy {model.score(X_test, y_test):.3f}", xticks=[], yticks=[])
plt.show()
