"""
==================================
Swapping MLPClassifier by one line
==================================

``BPFreeClassifier`` takes the parameters of scikit-learn's ``MLPClassifier``, so that another way of training the same
network is one line: here direct feedback alignment, whose error reaches every hidden layer through a random matrix of
its own and never through a transposed kernel. Both models are left as they come.
"""

# %%
# One line differs
# ----------------
import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_validate
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_bpfree import BPFreeClassifier

models = {
    "MLPClassifier": MLPClassifier(hidden_layer_sizes=(100,), random_state=0),
    "BPFreeClassifier": BPFreeClassifier(hidden_layer_sizes=(100,), random_state=0),
}
X, y = load_digits(return_X_y=True)
folds = {name: cross_validate(make_pipeline(StandardScaler(), model), X, y, cv=5) for name, model in models.items()}

# %%
# Scores and fit times
# --------------------
print(pd.DataFrame({name: pd.DataFrame(fold).mean() for name, fold in folds.items()}).T.round(3))

# %%
# A point is one fold of the cross-validation.
plt.style.use("tableau-colorblind10")
fig, ax = plt.subplots(layout="constrained")
for (name, fold), marker in zip(folds.items(), "so", strict=True):
    ax.plot(fold["fit_time"], fold["test_score"], marker, label=name)
ax.set(xlabel="fit time (seconds)", ylabel="accuracy on the held-out fold", title="Digits, 100 hidden units")
ax.set_xlim(left=0)
ax.legend()
plt.show()
