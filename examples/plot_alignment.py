"""
======================================
Do updates learn to follow a gradient?
======================================

Feedback alignment sends the error down through matrices that have nothing to do with the kernels above, so that its
first updates are about orthogonal to the gradient: they are no better than chance. Yet it learns, because the kernels
come to agree with the feedback, and the angle falls well below 90 degrees. This is the figure of Lillicrap et al.
(2016, Nature Communications 7) and Refinetti et al. (2021, ICML).

With sign-concordant feedback the angle is small from the first step, Kolen-Pollack feedback comes to be the kernels
themselves, and back-propagation is the gradient. Every output layer learns from its own error, at 0 degrees.
"""

# %%
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklearn_bpfree import BPFreeClassifier, get_trainer
from sklearn_bpfree.inspection import AlignmentDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)

trainers = {
    "fa, random": get_trainer("fa", feedback="random"),
    "fa, sign": get_trainer("fa", feedback="sign"),
    "fa, Kolen-Pollack": get_trainer("fa", feedback="kolen_pollack"),
    "dfa, random": get_trainer("dfa", feedback="random"),
    "dfa, learned": get_trainer("dfa", feedback="learned"),
    "backprop": get_trainer("backprop"),
}

# %%
# The trainers' own settings decay the weights, which helps the kernels to forget where they began. With
# ``learning_rate=1e-3, weight_decay=0.0`` random feedback ends between 55 and 70 degrees, Kolen-Pollack above 30.
fig, axes = plt.subplots(2, 3, figsize=(11, 7), sharex=True, sharey=True, layout="constrained")
for ax, (name, trainer) in zip(axes.flat, trainers.items(), strict=True):
    clf = BPFreeClassifier((100, 100), trainer=trainer, max_iter=60, record_alignment=True, random_state=0)
    clf.fit(X_train, y_train)
    AlignmentDisplay.from_estimator(clf, ax=ax, name=f"{name}: accuracy {clf.score(X_test, y_test):.3f}")
    ax.label_outer()
fig.suptitle("Angle between update and gradient, two hidden layers, digits")
plt.show()
