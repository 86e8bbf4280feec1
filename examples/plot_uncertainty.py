"""
===========================
How sure is the prediction?
===========================

``enkf`` says it with one fit: ``predict(X, return_std=True)`` holds the noise of an observation, which varies with the
row, and what the fit leaves open. For any other trainer scikit-learn's ``BaggingRegressor`` makes an ensemble of
independently trained nets (``n_jobs`` trains them side by side): their mean predicts, their spread says what the fits
leave open, and the out-of-bag error how large the noise is. The spread alone would be far too small.
"""

# %%
# One fit, and an ensemble of any trainer
# ---------------------------------------
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_friedman1
from sklearn.ensemble import BaggingRegressor
from sklearn.model_selection import train_test_split

from sklearn_bpfree import BPFreeRegressor
from sklearn_bpfree.inspection import IntervalDisplay, ReliabilityDisplay

X, y = make_friedman1(800, n_features=6, noise=1, random_state=0)
X_train, X_test, y_train, y_test = train_test_split((X - 0.5) * 12**0.5, y, random_state=0)

model = BPFreeRegressor(trainer="enkf", random_state=0).fit(X_train, y_train)

bag = BaggingRegressor(BPFreeRegressor(trainer="dfa", max_iter=25), 20, oob_score=True, random_state=0)
bag.fit(X_train, y_train)
mean = bag.predict(X_test)
spread = np.std([net.predict(X_test) for net in bag.estimators_], axis=0)
noise = np.mean((bag.oob_prediction_ - y_train) ** 2)

# %%
# Whether the promise is kept
# ---------------------------
# On the diagonal 90 % intervals hold 90 % of the targets. The thin lines are the thirds of the rows with the smallest,
# middle and largest standard deviations.
fig, axes = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
ReliabilityDisplay.from_estimator(model, X_test, y_test, name="enkf", ax=axes[0])
ReliabilityDisplay.from_predictions(y_test, mean, np.sqrt(spread**2 + noise), name="20 x dfa, bagged", ax=axes[1])
IntervalDisplay.from_estimator(model, X_test, y_test, name="enkf", ax=axes[2])
plt.show()
