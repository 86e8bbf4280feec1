"""
===================
Tuning with Optuna
===================

A study of `Optuna <https://optuna.org>`_ (``pip install optuna``) chooses the trainer and its hyper-parameters, each
trainer having its own: ``set_params`` takes them under the names that a grid would use. A trial that is behind after
the first folds is pruned.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
import optuna
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold

from sklearn_bpfree import BPFreeClassifier
from sklearn_bpfree.tabular import tabular_pipeline

X, y = load_breast_cancer(return_X_y=True)
folds = list(StratifiedKFold(3, shuffle=True, random_state=0).split(X, y))


def parameters(trial):
    trainer = trial.suggest_categorical("trainer", ["dfa", "local_loss", "rvfl"])
    ranges = {"weight_decay": (0.01, 10), "learning_rate": (2e-3, 2e-2)} if trainer != "rvfl" else {"scale": (0.1, 3)}
    own = {name: trial.suggest_float(name, *ends, log=True) for name, ends in ranges.items()}
    return {"trainer": trainer} | {f"trainer__{name}": value for name, value in own.items()}


def objective(trial):
    net = BPFreeClassifier((30,), random_state=0).set_params(**parameters(trial))
    losses = []
    for fold, (train, test) in enumerate(folds):
        model = tabular_pipeline(net).fit(X[train], y[train])
        losses.append(log_loss(y[test], model.predict_proba(X[test])))
        trial.report(float(np.mean(losses)), fold)
        if trial.should_prune():
            raise optuna.TrialPruned
    return float(np.mean(losses))


# %%
optuna.logging.set_verbosity(optuna.logging.ERROR)
study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
study.optimize(objective, n_trials=20)
print(study.best_params, round(study.best_value, 4))

# %%
# Each point is a trial:
fig, ax = plt.subplots(layout="constrained")
for i, trainer in enumerate(["dfa", "local_loss", "rvfl"]):
    trials = [trial for trial in study.get_trials() if trial.params.get("trainer") == trainer]
    values = [trial.intermediate_values[max(trial.intermediate_values)] for trial in trials]
    ax.plot([trial.number for trial in trials], values, "o", color=f"C{i}", label=trainer)
ax.legend()
ax.set(xlabel="trial", ylabel="log-loss of the folds so far", yscale="log")
plt.show()
