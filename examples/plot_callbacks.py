"""
=====================================
Progress bars and scores during a fit
=====================================

The estimators support scikit-learn's callbacks (new and experimental in scikit-learn 1.9): a ``ProgressBar`` shows how
far a fit has come, a ``ScoringMonitor`` scores every step on the training rows. Neither changes what is learned, and
a plugin need not know of either.
"""

# %%
# Alone
# -----
import matplotlib.pyplot as plt
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import load_breast_cancer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_bpfree import BPFreeClassifier

X, y = load_breast_cancer(return_X_y=True)
monitor = ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
clf = BPFreeClassifier(max_iter=40, random_state=0).set_callbacks(ProgressBar(), monitor)
clf.fit(StandardScaler().fit_transform(X), y)

log = monitor.get_logs().data_as_pandas
print(log.loc[log["task_name"] == "step", ["task_id", "accuracy", "neg_log_loss"]].tail(3).to_string(index=False))

# %%
# In a pipeline
# -------------
# A monitor belongs to the step that it watches; a progress bar set on the pipeline shows the steps' progress too.
in_pipeline = ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
clf = BPFreeClassifier(trainer="fa", max_iter=40, random_state=0).set_callbacks(in_pipeline)
make_pipeline(StandardScaler(), clf).set_callbacks(ProgressBar()).fit(X, y)

# %%
plt.style.use("tableau-colorblind10")
fig, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
for trainer, scores in {"dfa": monitor, "fa, in a pipeline": in_pipeline}.items():
    log = scores.get_logs().data_as_pandas.query("task_name == 'step'")
    for ax, metric in zip(axes, ["accuracy", "neg_log_loss"], strict=True):
        ax.plot(log["task_id"] + 1, log[metric], label=trainer)
        ax.set(xlabel="step", ylabel=metric)
axes[0].legend()
fig.suptitle("Scores on the training rows, step by step")
plt.show()
