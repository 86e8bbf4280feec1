"""Checks of what reaches the hidden layers: no transposed weights beyond what is claimed, and the rows' weights.

Whether a signal passes a kernel transposed shows when the kernels above are replaced between the forward pass and the
signal: what a layer learns must not change. A method that only sends noise forward through these kernels changes as
well, but otherwise for every draw; transposed weights change it alike for any.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_bpfree.nn.arrays import product
from sklearn_bpfree.plugin.error_signal import ErrorSignalTrainer
from sklearn_bpfree.plugin.passes import Pass
from sklearn_bpfree.testing.asking import ask
from sklearn_bpfree.testing.setting import make_problem, make_rng, make_table

SAYS = {
    "none": "no weights are passed back transposed",
    "own head": "only a layer's own readout is passed back transposed",
    "signs": "only signs of the kernels above are passed back transposed",
}
COPY = 0.999  # share of a layer's update that back-propagation explains, from which on it is back-propagation's
LAYERS = (0, 1)  # the hidden ones of the kit's network


class _Backprop(ErrorSignalTrainer):
    """What the checks compare with."""

    def signal(self, layer, above, run):
        return product(above, run.kernels[layer + 1].T)


class _Signs(ErrorSignalTrainer):
    """What the checks compare with."""

    def signal(self, layer, above, run):
        return product(above, np.sign(run.kernels[layer + 1]).T)


# --- transposed weights -----------------------------------------------------------------------------------------------


def check_transposes(trainer):
    """The teaching signal passes no other forward weights transposed than `transposes` says of the defaults."""
    trainer = type(trainer)()
    problem = make_problem("three classes", batch_size=90)
    if isinstance(trainer, ErrorSignalTrainer):
        _check_replaced_kernels(trainer, trainer.init(problem, make_rng()), problem)
    if trainer.transposes != "all":
        _check_is_no_copy(trainer, trainer.init(problem, make_rng()), problem)


def _check_replaced_kernels(trainer, state, problem):
    _even_out(state, problem)
    magnitudes = [_uses(trainer, state, problem, layer, _other_magnitudes) for layer in LAYERS]
    anything = [_uses(trainer, state, problem, layer, _other_kernel) for layer in LAYERS]
    allowed = {
        "none": (False, False, False, False),
        "own head": (False, True, False, True),
        "signs": (False, False, True, True),
        "all": (True, True, True, True),
    }[trainer.transposes]
    for layer, used, may in zip(LAYERS * 2, magnitudes + anything, allowed, strict=True):
        ask(
            may or not used,
            f"transposes = {trainer.transposes!r} says that {SAYS.get(trainer.transposes)}, "
            f"but hidden layer {layer} learns something else when the kernels above are replaced during "
            "the signal",
        )
    for word, found in [("all", magnitudes), ("signs", anything)]:
        ask(
            trainer.transposes != word or any(found),
            f"transposes = {word!r}, but what the hidden layers learn does not change when the kernels above are "
            "replaced during the signal; did it mean 'none'?",
        )


def _even_out(state, problem):
    """Kernels whose magnitudes make a chequerboard, so that others can have the same sums and norms all over."""
    for W in problem.network.unpack(state.weights)[0]:
        W[:] = np.where(W < 0, -0.2, 0.2)
        W[_board(W)] *= 3
    rng = np.random.default_rng(2)
    for B in getattr(state, "feedback", ()):
        if isinstance(B, np.ndarray) and B.dtype.kind == "f":
            B[:] = 0.3 * rng.standard_normal(B.shape)


def _board(W):
    return np.add.outer(np.arange(len(W)), np.arange(W.shape[1])) % 2 == 0


def _other_magnitudes(W):
    W[:] = np.where(_board(W), W / 3, W * 3)


def _other_kernel(W):
    W[:] = W.ravel()[::-1].reshape(W.shape) * np.where(np.random.default_rng(W.size).random(W.shape) < 0.5, -1, 1)


def _uses(trainer, state, problem, layer, replacement) -> bool:
    """Whether what a layer learns changes with the kernels above it, alike for two draws of the method's noise."""
    changes = []
    for seed in (0, 1):
        before = _gradients(trainer, state, problem, seed)[layer]
        after = _gradients(trainer, state, problem, seed, layer, replacement)[layer]
        changes.append((after - before) / (np.abs(before).max() + np.finfo(before.dtype).tiny))
    change = np.abs(changes[0]).max()
    return bool(change > 1e-3 and np.abs(changes[0] - changes[1]).max() < 0.05 * change)


def _gradients(trainer, state, problem, seed=0, layer=0, replacement=None):
    """What every kernel learns from all rows, with the kernels above a layer replaced after the forward pass."""

    class Replacing(type(trainer)):
        def forward(self, run, batch, dropout):
            loss = super().forward(run, batch, dropout)
            if replacement is not None:
                for W in run.kernels[layer + 1 :]:
                    replacement(W)
            return loss

    unpack = problem.network.unpack
    feedback: Any = [np.copy(B) for B in state.feedback]
    (kernels, biases), (gW, gb) = unpack(state.weights.copy()), unpack(np.zeros_like(state.weights))
    scratch = [np.zeros_like(B) for B in feedback]
    run = Pass(kernels, biases, gW, gb, feedback, scratch, problem, np.random.default_rng(seed))
    Replacing(**trainer.get_params(deep=False)).batch_gradient(run, problem.all_rows(), dropout=0.0)
    return run.kernel_gradients


def _check_is_no_copy(trainer, state, problem):
    """Neither `gradient` nor a first `step` over all rows is what back-propagation does to the hidden layers."""
    problem.iteration = 1
    following = trainer.step(state, problem, make_rng())
    kernels, moved = (problem.network.unpack(s.weights)[0] for s in (state, following))
    gradients = trainer.gradient(state, problem, problem.all_rows())
    layers = LAYERS if trainer.transposes == "none" else LAYERS[:1]  # a readout of the last layer's own is above it
    references: list = [("back-propagation", _Backprop())]
    references += [("sign-symmetric feedback", _Signs())] if trainer.transposes != "signs" else []
    for name, reference in references:
        start = reference.init(problem, make_rng())
        start.weights[:] = state.weights
        expected = reference.gradient(start, problem, problem.all_rows())
        for layer in layers:
            G, W = expected[layer], kernels[layer]
            same = _explained(moved[layer] - W, [G, np.sign(G), W]) > COPY  # a step of SGD or Adam, with weight decay
            if gradients is not None:
                same = same or _explained(gradients[layer], [G]) > COPY
            ask(
                not same,
                f"transposes = {trainer.transposes!r} says that {SAYS[trainer.transposes]}, "
                f"but what hidden layer {layer} learns is that of {name}",
            )


def _explained(found, references) -> float:
    """Share of an array's squares that a sum of others with any factors explains; 0 when there is nothing."""
    found = np.asarray(found, float).ravel()
    A = np.stack([np.asarray(r, float).ravel() for r in references], axis=1)
    total = np.square(found).sum()
    if not np.isfinite(total) or total < 1e-20:
        return 0.0
    return 1 - np.square(found - A @ np.linalg.lstsq(A, found, rcond=None)[0]).sum() / total


# --- sample weights ---------------------------------------------------------------------------------------------------


def check_hidden_layers_mind_weights(trainer):
    """Rows of next to no weight do not change what a hidden layer learns, and a weight of two counts as two rows."""
    for kind in ("three classes", "values"):
        plain, other = (_nearly_weightless(kind, others) for others in (False, True))
        state = trainer.init(plain, make_rng())
        one, two = (trainer.gradient(state, problem, problem.all_rows()) for problem in (plain, other))
        if one is None:
            _check_steps_mind_weights(trainer, plain, other)
        else:
            for layer in LAYERS:
                gap = _gap(one[layer], two[layer])
                ask(gap < 1e-2, _ignored(layer, f"by {gap:.0%} of the largest number"))
    if isinstance(trainer, ErrorSignalTrainer):
        _check_weight_of_two(trainer)


def _ignored(layer, much):
    return (
        f"rows of a millionth of the others' weight change what hidden layer {layer} learns {much}; mind batch.weight "
        "(run.error and problem.output_error have it in them)"
    )


def _nearly_weightless(kind, others):
    """The table of a kind of which two rows in three have next to no weight, and are themselves or others."""
    X, y = make_table(kind)
    light = slice(30, None)
    weight = np.ones(90)
    weight[light] = 1e-6
    if others:
        X[light], y[light] = -0.9 * X[light][::-1], np.roll(y[light], 1)
    return make_problem(kind, table=(X, y), weight=weight, batch_size=90)


def _check_steps_mind_weights(trainer, plain, other):
    """The same seen by a step: the hidden layers must not follow such rows where the output layer does not."""
    kernels = []
    for problem in (plain, other):
        state = trainer.init(problem, make_rng())
        problem.iteration = 1
        following = trainer.step(state, problem, make_rng())
        kernels.append([problem.network.unpack(s.weights)[0] for s in (state, following)])
    (before, one), (_, two) = kernels
    gaps = []
    for W, A, B in zip(before, one, two, strict=True):
        moved = np.linalg.norm(A - W)
        gaps.append(np.linalg.norm(A - B) / moved if moved > 1e-4 * np.linalg.norm(W) else 0.0)
    for layer in LAYERS:
        ask(gaps[layer] < 0.2 or gaps[-1] > 0.05, _ignored(layer, f"in a step by {gaps[layer]:.0%}"))


def _check_weight_of_two(trainer):
    X, y = make_table("three classes")
    weight = 1 + np.arange(90) % 2
    weighted = make_problem("three classes", weight=weight, batch_size=90)
    twice = np.repeat(X, weight, axis=0), np.repeat(y, weight)
    repeated = make_problem("three classes", table=twice, batch_size=135)
    state: Any = trainer.init(weighted, make_rng())
    one, same, two = (_gradients(trainer, state, p, seed) for p, seed in [(weighted, 0), (weighted, 1), (repeated, 0)])
    for layer in LAYERS:
        drawn = _gap(one[layer], same[layer]) > 1e-4  # noise of the method's own, which differs from row to row
        gap = _gap(one[layer], two[layer])
        ask(
            drawn or gap < 1e-2,
            f"rows of weight two and the same rows twice differ in what hidden layer {layer} learns by {gap:.0%}; a "
            "weight must multiply a row's share of the sums once (run.error has it in it)",
        )


def _gap(a, b) -> float:
    return float(np.abs(a - b).max() / (np.abs(a).max() + np.finfo(a.dtype).tiny))
