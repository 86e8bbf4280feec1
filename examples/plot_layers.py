"""
=============================================
Three looks inside of nets without a way back
=============================================

How does a layer know what it should do, when no gradient comes down to it? Three methods, three answers, on the digits.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklearn_bpfree import BPFreeClassifier, get_trainer, list_trainers
from sklearn_bpfree.inspection import AlignmentDisplay

X, X_test, y, y_test = train_test_split(load_digits().data / 16, load_digits().target, random_state=0)


def draw_goodness(ax):
    """Forward-forward: each layer has a group of units per class; the right one's activity is its own objective."""
    clf = BPFreeClassifier((100, 100, 100), trainer="forward_forward", random_state=0).fit(X, y)
    layers = clf.trainer_.layer_goodness(clf.state_, clf.network_, X_test.astype(np.float32))
    right = np.eye(10, dtype=bool)[y_test]
    for which, name, color, shift in [(right, "right class", "C0", -0.15), (~right, "other classes", "C1", 0.15)]:
        at = np.arange(len(layers)) + shift
        boxes = ax.boxplot([G[which] for G in layers], positions=at, widths=0.25, patch_artist=True, showfliers=False)
        plt.setp(boxes["boxes"], facecolor=color)
        plt.setp(boxes["medians"], color="black")
        ax.plot([], [], "s", color=color, label=name)
    ax.set(xticks=range(len(layers)), xticklabels=[f"layer {layer + 1}" for layer in range(len(layers))])
    ax.set(title=f"forward_forward: {clf.score(X_test, y_test):.3f}", ylabel="goodness of a class's units")
    ax.legend(frameon=False)


def draw_chain(ax):
    """NoProp: a chain of ten blocks, each of which has learned on its own to guess the label from a noisy one."""
    trainer = get_trainer("noprop", n_blocks=10, embedding="learned", embedding_dim=2)
    clf = BPFreeClassifier((100,), trainer=trainer, random_state=0).fit(X, y)
    chain = clf.trainer_.chain(clf.state_, clf.network_, X_test.astype(np.float32))
    paths = np.array([np.zeros((len(X_test), 2)), *(z[0] for _, _, z in chain)])
    colors = plt.get_cmap("tab10")(np.arange(10))
    for label, color in enumerate(colors):
        ax.plot(*np.moveaxis(paths[:, y_test == label], 2, 0), color=color, linewidth=0.5, alpha=0.6)
        ax.text(*clf.state_.embedding.U[label], str(label), color="white", ha="center", va="center", zorder=4)
    ax.scatter(*clf.state_.embedding.U.T, s=170, c=colors, edgecolors="black", zorder=3)
    ax.set(title=f"noprop: {clf.score(X_test, y_test):.3f}", xlabel="latents on their way", ylabel="to the labels")


def draw_alignment(ax):
    """Feedback alignment: a random matrix brings the error down, and the layers come to agree with it."""
    trainer = get_trainer("fa", feedback="random")
    clf = BPFreeClassifier((100, 100), trainer=trainer, record_alignment=True, random_state=0).fit(X, y)
    AlignmentDisplay.from_estimator(clf, ax=ax, name=f"fa: {clf.score(X_test, y_test):.3f}")


# %%
panels = [draw_chain, draw_alignment]
if "forward_forward" in list_trainers():
    panels.insert(0, draw_goodness)
fig, axes = plt.subplots(1, len(panels), figsize=(5 * len(panels), 4.5), layout="constrained")
for draw, ax in zip(panels, axes, strict=True):
    draw(ax)
plt.show()
