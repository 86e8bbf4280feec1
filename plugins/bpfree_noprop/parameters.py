"""Which hyper-parameters, objectives and sizes of `noprop` make sense, and how long it trains."""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_scalar

from bpfree_noprop.embedding import EMBEDDINGS
from bpfree_noprop.paths import PATHS
from sklearn_bpfree.plugin import SCHEDULES, Budget, check_choice

N_BLOCKS = 5  # where `hidden_layer_sizes` has a single entry


def check_parameters(trainer) -> None:
    """Raise an error of one sentence for a hyper-parameter that makes no sense."""
    choices = {
        "variant": PATHS,
        "learner": ("fa", "ridge", "backprop"),
        "embedding": EMBEDDINGS,
        "predict_with": ("mean", "last"),
        "schedule": SCHEDULES,
    }
    for name, allowed in choices.items():
        check_choice(trainer, name, allowed)
    for name, least in {"n_blocks": 1, "embedding_dim": 1, "n_chains": 0, "n_steps": 1, "redraws": 1}.items():
        if getattr(trainer, name) is not None:
            check_scalar(getattr(trainer, name), name, int, min_val=least)
    number = (int, float)
    for name in ("learning_rate", "penalty"):
        check_scalar(getattr(trainer, name), name, number, min_val=0, include_boundaries="neither")
    check_scalar(trainer.weight_decay, "weight_decay", number, min_val=0)
    check_scalar(trainer.warmup, "warmup", number, min_val=0, max_val=1)
    for name in ("dropout", "beta_1", "beta_2"):
        check_scalar(getattr(trainer, name), name, number, min_val=0, max_val=1, include_boundaries="left")


def check_objective(trainer, objective) -> None:
    """Raise an error of one sentence for a loss that the learner cannot minimise."""
    if trainer.learner == "ridge" and not (objective.is_classification or objective.is_least_squares):
        raise ValueError(
            "learner='ridge' of NoProp solves for the log-losses and the squared error only, got "
            f"{type(objective).__name__}; use learner='fa'."
        )


def widths_of_blocks(trainer, widths) -> list[int]:
    """Hidden units of each block."""
    if len(widths) == 1:
        return widths * (trainer.n_blocks or N_BLOCKS)
    if not widths:
        raise ValueError("NoProp needs hidden units, got hidden_layer_sizes=(); give the width of each block.")
    if trainer.n_blocks not in (None, len(widths)):
        raise ValueError(
            f"n_blocks={trainer.n_blocks} of NoProp does not go with the {len(widths)} entries of hidden_layer_sizes; "
            "give one entry per block, or a single one."
        )
    return widths


def budget(trainer, n_samples) -> Budget:
    """Batches and updates grow with the rows; see `NoProp.budget`."""
    if trainer.learner == "ridge":
        return Budget(max_iter=2, batch_size=1000)
    updates = np.clip(3 * n_samples, 150, 800) if n_samples < 1500 else min(25 * np.sqrt(n_samples), 4000)
    return Budget.of_updates(updates, n_samples)
