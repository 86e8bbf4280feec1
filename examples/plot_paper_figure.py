"""
==========================================
A paper's figure, and a question beyond it
==========================================

Radhakrishnan, Beaglehole, Pandit and Belkin (2024, Science 383) find that the first layer of a trained network holds
what the network is sensitive to: its Gram matrix W W' looks like a power of the average outer product of the network's
own gradients with respect to its inputs. Their networks were trained by back-propagation. Here is their figure for the
digits, and beside it nets that were trained without: are their features of the same kind? A random layer, under a
solved output layer, is the control.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklearn_bpfree import BPFreeClassifier

X, X_test, y, y_test = train_test_split(*load_digits(return_X_y=True), random_state=0)
X, X_test = X / 16, X_test / 16

# %%
# Two matrices of each net
# ------------------------
# With relu the gradient of all outputs at a row is W diag(active) V, so that the mean of its outer products is short.
# The power is a half.


def features_and_gradients(net):
    """W W', and the root of the average gradient outer product."""
    W, V = net.coefs_
    active = (X @ W + net.intercepts_[0] > 0).astype(float)
    outer = W @ (active.T @ active / len(X) * (V @ V.T)) @ W.T
    values, vectors = np.linalg.eigh(outer)
    return W @ W.T, vectors * np.sqrt(values.clip(0)) @ vectors.T


NAMES = ["backprop", "dfa", "target_propagation", "rvfl"]
nets = {name: BPFreeClassifier((128,), trainer=name, random_state=0).fit(X, y) for name in NAMES}

# %%
# Side by side
# ------------
# The digits' 64 pixels, row by row, with each other; colours of a panel reach to its largest entry off the diagonal.
# Correlations are those off the diagonal, which any two such matrices share.
off = ~np.eye(X.shape[1], dtype=bool)
fig, axes = plt.subplots(2, len(nets), figsize=(11, 5.9), layout="constrained")
for column, (name, net) in zip(axes.T, nets.items(), strict=True):
    pair = features_and_gradients(net)
    alike = np.corrcoef([matrix[off] for matrix in pair])[0, 1]
    print(f"{name:20} accuracy {net.score(X_test, y_test):.3f}, correlation of the two matrices {alike:.2f}")
    for ax, matrix in zip(column, pair, strict=True):
        largest = np.abs(matrix[off]).max()
        ax.imshow(matrix, cmap="RdBu_r", vmin=-largest, vmax=largest)
        ax.set(xticks=[], yticks=[])
    column[0].set_title(f"{name}\ncorrelation {alike:.2f}")
axes[0, 0].set_ylabel("W W'")
axes[1, 0].set_ylabel("root of the mean\ngradient outer product")
plt.show()
