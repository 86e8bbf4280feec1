"""
============================
A class that is hardly there
============================

One row in fifty is positive. Accuracy says then that a model is good which never finds one. Four ways to heed the rare
class, the net and its trainer being the same: the fit left alone, its threshold tuned afterwards, rows weighed, and
training on balanced accuracy itself, which needs a trainer that asks for values only.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn import metrics
from sklearn.datasets import make_classification
from sklearn.model_selection import TunedThresholdClassifierCV, train_test_split

from sklearn_bpfree import BPFreeClassifier

X, y = make_classification(
    6000, 10, n_informative=6, n_clusters_per_class=2, weights=[0.98], flip_y=0.005, class_sep=1, random_state=0
)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)

# %%
# Four fits
# ---------
net = BPFreeClassifier((16,), trainer="open_es", max_iter=100, random_state=0)
models = {
    "left alone": net,
    "threshold tuned": TunedThresholdClassifierCV(net, scoring="balanced_accuracy", cv=3),
    "rows weighed": BPFreeClassifier(**{**net.get_params(), "class_weight": "balanced"}),
    "trained on the metric": BPFreeClassifier(**{**net.get_params(), "loss": "balanced_accuracy"}),
}
rows = {}
for name, model in models.items():
    predicted, probability = model.fit(X, y).predict(X_test), model.predict_proba(X_test)[:, 1]
    (_, false_alarms), (missed, found) = metrics.confusion_matrix(y_test, predicted)
    rows[name] = {
        "accuracy": np.mean(predicted == y_test),
        "balanced": metrics.balanced_accuracy_score(y_test, predicted),
        "Brier": metrics.brier_score_loss(y_test, probability),
        "found": found,
        "missed": missed,
        "false alarms": false_alarms,
    }
print(pd.DataFrame(rows).T.round(3).to_string())

# %%
# The order of the rows, and the place of the cut
# -----------------------------------------------
# Curves are what the order of the probabilities allows, dots where each model cuts. Moving the cut leaves the
# probabilities alone (the Brier score above stays); weights and the metric bend them, and here weights cost order, too.
plt.style.use("tableau-colorblind10")
fig, ax = plt.subplots(figsize=(7, 5), layout="constrained")
for place, (name, model) in enumerate(models.items()):
    if name != "threshold tuned":  # has the order of the first
        precision, recall, _ = metrics.precision_recall_curve(y_test, model.predict_proba(X_test)[:, 1])
        ax.step(recall, precision, where="post", color=f"C{place}", alpha=0.6, label=name)
    cut = [score(y_test, model.predict(X_test)) for score in (metrics.recall_score, metrics.precision_score)]
    ax.plot(*cut, "o", markersize=10, color=f"C{place}", label=name if name == "threshold tuned" else None)
ax.set(xlabel="recall: share of the positive rows that are found", ylabel="precision: share of alarms that are true")
ax.legend()
plt.show()
