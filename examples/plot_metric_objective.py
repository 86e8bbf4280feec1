"""
===================================================
What a mistake costs: a metric as the training loss
===================================================

A trainer that only needs values can minimise anything that can be computed. Here a miss costs ten times as much as a
false alarm, and one row in ten is positive. The fit warms up on the log-loss, sets the decision threshold by the costs,
fine-tunes on them, and keeps what does best on held-out rows. The usual way stands beside it: a net trained on the
log-loss whose threshold is tuned afterwards, by cross-validation.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.metrics import make_scorer
from sklearn.model_selection import ShuffleSplit, TunedThresholdClassifierCV, cross_val_score

from sklearn_bpfree import BPFreeClassifier
from sklearn_bpfree.nn.metrics import CostMetric

X, y = make_classification(2000, 12, n_informative=6, weights=[0.9], class_sep=0.8, flip_y=0.03, random_state=0)
costs = CostMetric([[0, 1], [10, 0]])  # rows: the true class, columns: the predicted one
scorer = make_scorer(costs)

# %%
# Four ways to heed the costs
# ---------------------------
# ``metric_warmup=0`` searches the metric from the first generation on.
net = BPFreeClassifier((16,), trainer="open_es", max_iter=120, random_state=0)
models = {
    "log-loss": net,
    "log-loss, threshold tuned": TunedThresholdClassifierCV(net, scoring=scorer, cv=3),
    "costs from scratch": BPFreeClassifier(**{**net.get_params(), "loss": costs, "metric_warmup": 0}),
    "costs after a warm-up": BPFreeClassifier(**{**net.get_params(), "loss": costs}),
}
splits = ShuffleSplit(3, test_size=0.5, random_state=0)
results = {name: -cross_val_score(model, X, y, scoring=scorer, cv=splits) for name, model in models.items()}
for name, cost in results.items():
    print(f"{name:26} mean cost {cost.mean():.3f} on held-out rows ({', '.join(f'{c:.3f}' for c in cost)})")

# %%
# One fit, generation by generation
# ---------------------------------
# Until the threshold is set the held-out costs are those of a net that does not know of them.
model = models["costs after a warm-up"].fit(X, y)
generations = np.arange(1, model.n_iter_ + 1)

plt.style.use("tableau-colorblind10")
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for place, cost in enumerate(results.values()):
    left.plot(cost, [place] * len(cost), "o", color="C0", alpha=0.6)
    left.plot(cost.mean(), place, "|", color="black", markersize=25)
left.set_yticks(range(len(results)), list(results))
left.set(xlabel="mean cost of a decision (three splits)", ylim=(len(results) - 0.5, -0.5))
right.plot(generations, -np.array(model.validation_scores_))
right.axvline(model.progress_.warmup, color="0.6", linestyle=":", label="threshold set")
right.set(xlabel="generation", ylabel="mean cost, held-out rows")
right.legend()
plt.show()
