"""How well a trainer's update agrees with the true gradient: one angle per layer.

This is the only place where the core computes a gradient by the chain rule; nothing is trained with it.
"""

from __future__ import annotations

import numpy as np

from sklearn_bpfree.nn.activations import ACTIVATIONS


def true_gradient(problem, weights, batch) -> list[np.ndarray]:
    """Exact gradient of a batch's mean loss by each kernel.

    Parameters
    ----------
    problem : Problem
        Its objective must be a loss.
    weights : ndarray of shape (n_weights,)
    batch : Batch

    Returns
    -------
    gradients : list of ndarray of shape (fan_in, fan_out)
    """
    f = ACTIVATIONS[problem.network.activation]
    kernels, biases = problem.network.unpack(weights)
    hidden, trace = [batch.X], []
    for W, b in zip(kernels[:-1], biases[:-1], strict=True):
        Z = hidden[-1] @ W + b
        hidden.append(f.apply(Z.copy()))
        trace.append(Z)
    _, delta = problem.output_error(hidden[-1] @ kernels[-1] + biases[-1], batch)
    gradients = [hidden[-1].T @ delta]
    for layer in range(len(trace) - 1, -1, -1):
        delta = delta @ kernels[layer + 1].T
        f.chain(delta, trace[layer], hidden[layer + 1])
        gradients.append(hidden[layer].T @ delta)
    return gradients[::-1]


def alignment(trainer, problem, batch, before, after) -> list[float]:
    """Angle between a trainer's update and the step down the true gradient, per layer.

    A trainer that knows what it takes for the gradient (`Trainer.gradient`) is judged by it, on the given batch; any
    other by how far the step moved the weights.

    Parameters
    ----------
    trainer : Trainer
    problem : Problem
    batch : Batch
        The rows on which the gradients are taken.
    before, after : State
        Before and after a step.

    Returns
    -------
    angles : list of float
        In degrees, 0 to 180; below 90 the update goes downhill. NaN where one of the two is zero (a dead layer).
    """
    update = trainer.gradient(before, problem, batch)
    if update is None:
        update = problem.network.unpack(before.weights - after.weights)[0]
    return [angle(u, g) for u, g in zip(update, true_gradient(problem, before.weights, batch), strict=True)]


def angle(a, b) -> float:
    """Angle between two arrays seen as vectors, in degrees; NaN if one of them is zero."""
    a, b = np.ravel(a).astype(np.float64), np.ravel(b).astype(np.float64)
    norms = np.linalg.norm(a) * np.linalg.norm(b)
    if norms == 0:
        return float("nan")
    return float(np.degrees(np.arccos(np.clip(a @ b / norms, -1, 1))))
