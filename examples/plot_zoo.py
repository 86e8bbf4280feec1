"""
=====================================
The whole zoo on the moons, in one go
=====================================

Every registered trainer, a third party's included, draws its decision boundary on two interleaved moons: same rows,
same network, everything else the trainer's own default. Below each is its learning curve, the training loss against
the share of the fit that is done. A dot means that one step, a closed form, is the whole fit.
"""

# %%
# Fit them all
# ------------
# ``tabular_pipeline`` standardises the columns and adds piecewise-linear ones; ``list_trainers`` knows who is there.
import warnings
from importlib.util import find_spec

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.model_selection import train_test_split

from sklearn_bpfree import BPFreeClassifier, get_trainer, list_trainers
from sklearn_bpfree.tabular import tabular_pipeline

X, X_test, y, y_test = train_test_split(*make_moons(600, noise=0.25, random_state=0), test_size=400, random_state=0)
names = [name for name in list_trainers() if all(map(find_spec, get_trainer(name).packages))]  # which can be run here
zoo = {name: BPFreeClassifier((32,), trainer=name, random_state=0) for name in names}
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # cma, if it is installed, remarks on its own step sizes
    fitted = {name: tabular_pipeline(clf).fit(X, y) for name, clf in zoo.items()}

# %%
# Draw them all
# -------------
# Colours are probabilities, from one class (blue) by doubt (white) to the other (red); dots are training rows. Titles
# give the accuracy on 400 other rows.
COLUMNS = 5
COLOURS = {"cmap": "RdBu_r", "vmin": -0.25, "vmax": 1.25}
n_rows = -(-len(fitted) // COLUMNS)
fig, grid = plt.subplots(
    2 * n_rows, COLUMNS, figsize=(2.3 * COLUMNS, 3.0 * n_rows), height_ratios=[3, 1] * n_rows, layout="constrained"
)
for place, (name, model) in enumerate(fitted.items()):
    row, column = divmod(place, COLUMNS)
    ax, curve = grid[2 * row : 2 * row + 2, column]
    DecisionBoundaryDisplay.from_estimator(
        model, X, response_method="predict_proba", plot_method="pcolormesh", ax=ax, eps=0.4, **COLOURS
    )
    ax.scatter(*X.T, c=np.array(["#08306b", "#67000d"])[y], s=11, edgecolors="white", linewidths=0.4)
    ax.set(title=f"{name}  {model.score(X_test, y_test):.3f}", xlabel="", ylabel="", xticks=[], yticks=[])
    loss = np.array([step["loss"] for step in model[-1].history_])
    curve.plot(np.linspace(0, 1, len(loss)), loss, marker="o" if len(loss) == 1 else "", color="0.2")
    curve.set(xlim=(-0.05, 1.05), xticks=[], yticks=[])
for ax in grid[-2:].flat:
    if not ax.has_data():
        ax.remove()
plt.show()
