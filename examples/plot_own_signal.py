"""
======================================
A trainer of one's own in two methods
======================================

Methods that differ only in the teaching signal of the hidden layers share everything else: forward pass, optimizer,
dropout, schedule, minibatches. So such a method is one small function, ``signal``, and another one that draws the
feedback matrices, if it has any. Here those of direct feedback alignment hold random signs, one bit for a connection.
"""

# %%
# The trainer
# -----------
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from sklearn_bpfree import BPFreeClassifier
from sklearn_bpfree.inspection import AlignmentDisplay, HistoryDisplay
from sklearn_bpfree.plugin import ErrorSignalTrainer


class OneBitDFA(ErrorSignalTrainer):
    """Direct feedback alignment with random signs."""

    def init_feedback(self, network, rng):
        K = network.n_outputs
        return [rng.choice([-1, 1], (K, units)) / np.sqrt(K) for units in network.layer_sizes[1:-1]]

    def signal(self, layer, above, run):
        return run.error @ run.feedback[layer]


# %%
# Used as an instance
# -------------------
# It has hyper-parameters, clones, pickles and records its alignment like the built-in ones. A name to call it by
# (``trainer="one_bit_dfa"``) is one line in the ``pyproject.toml`` of a distribution of yours; see ``bpfree_acme``.
X, y = load_digits(return_X_y=True)
plt.style.use("tableau-colorblind10")
fig, axes = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
for trainer in ["dfa", OneBitDFA(learning_rate=3e-3)]:
    clf = BPFreeClassifier((100, 100), trainer=trainer, early_stopping=True, record_alignment=True, random_state=0)
    HistoryDisplay.from_estimator(clf.fit(X / 16, y), ax=axes[0])
    print(f"{trainer}: validation accuracy {clf.best_validation_score_:.3f}")
AlignmentDisplay.from_estimator(clf, ax=axes[1])
plt.show()
