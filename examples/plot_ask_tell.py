"""
==========================
Any optimiser of functions
==========================

A network's loss is a function of its weights, so whatever minimises functions may train it. ``ask_tell`` takes any
object that is asked for candidates and told their losses: those of pycma, cmaes, nevergrad, pymoo and evosax by name,
and yours by a class of two methods. None of these knows that it trains a network.
"""

# %%
# Three optimisers from textbooks
# -------------------------------
# A start, a first step size, a seed and the number of candidates are given; all that is drawn comes from the seed.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons
from sklearn.inspection import DecisionBoundaryDisplay

from sklearn_bpfree import BPFreeClassifier, get_trainer


class HillClimber:
    """Noise around the best so far."""

    def __init__(self, x0, sigma, seed, size):
        self.best, self.loss, self.sigma, self.shape = x0, np.inf, sigma, (size, len(x0))
        self.rng = np.random.default_rng(seed)

    def ask(self):
        return self.best + self.sigma * self.rng.standard_normal(self.shape)

    def tell(self, population, losses):
        if losses.min() < self.loss:
            self.best, self.loss = population[losses.argmin()], losses.min()


class OneFifth(HillClimber):
    """Besides, steps grow when more than one candidate in five is better (Rechenberg 1973)."""

    def tell(self, population, losses):
        self.sigma *= np.exp(np.mean(losses < self.loss) - 0.2)
        super().tell(population, losses)


class Recombination(HillClimber):
    """The mean of the better half is the next centre."""

    def tell(self, population, losses):
        self.best = population[np.argsort(losses)[: len(losses) // 2]].mean(axis=0)


# ``readout="evolved"`` leaves all 193 weights of the net to the optimiser; by default the output layer is solved for.
X, y = make_moons(500, noise=0.2, random_state=0)
fig, axes = plt.subplots(1, 4, figsize=(14, 3.6), layout="constrained")
for ax, optimizer in zip(axes[1:], (HillClimber, OneFifth, Recombination), strict=True):
    trainer = get_trainer("ask_tell", optimizer=optimizer, readout="evolved")
    model = BPFreeClassifier((48,), trainer=trainer, max_iter=200, random_state=0).fit(X, y)
    DecisionBoundaryDisplay.from_estimator(model, X, response_method="predict_proba", ax=ax, cmap="coolwarm", alpha=0.6)
    ax.set(title=f"{optimizer.__name__}: accuracy {model.score(X, y):.3f}", xticks=[], yticks=[])
    ax.scatter(*X.T, c=y, cmap="coolwarm", s=6)
    axes[0].plot(model.loss_curve_, label=optimizer.__name__)
axes[0].set(xlabel="generation of 32 candidates", ylabel="log-loss")
axes[0].legend()
plt.show()
