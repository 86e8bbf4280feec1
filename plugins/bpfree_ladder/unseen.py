"""What rows that a member has not seen say of others: how far values lie from predictions, how sure classes are.

When the members go on with one decay, each leaves out a part of the held-out rows to the end: its predictions of these
are honest ones. A single net learns from all rows in the end, so that its outputs for the held-out ones are kept from
the moment when it was chosen.
"""

from dataclasses import dataclass

import numpy as np

from sklearn_bpfree.plugin import Beside, LocalErrors, Loss, Spread

LEARNED_ROWS = 2000  # at most so many say where errors are large
ROWS_PER_COLUMN = 10  # learned rows from which on errors are scaled by the columns, too, and not by the outputs alone


@dataclass(eq=False)
class ValuesUnseen:
    """How far values lie from predictions.

    Attributes
    ----------
    errors : LocalErrors
        On the scale of the encoded targets.
    link : Loss
        Whose link makes predictions of raw outputs.
    by_columns : bool
        Whether the columns scale the errors.
    """

    errors: LocalErrors
    link: Loss
    by_columns: bool

    @classmethod
    def of(cls, problem, rows, Z, outputs):
        """From unseen rows, raw outputs Z (m, K) for them, and the function that gives outputs for the learned ones."""
        learned = np.delete(np.arange(problem.n_samples), rows)
        learned = learned[:: -(-len(learned) // LEARNED_ROWS) or 1]
        Z, rows = np.concatenate([Z, outputs(problem.X[learned])]), np.concatenate([rows, learned])
        by_columns = ROWS_PER_COLUMN * problem.X.shape[1] <= len(learned)
        errors = LocalErrors.fit(
            _features(problem.X[rows], Z, by_columns),
            problem.Y[rows] - problem.objective.link(Z),
            np.arange(len(rows)) < len(rows) - len(learned),
            None if problem.sample_weight is None else problem.sample_weight[rows],
        )
        return cls(errors, problem.objective, by_columns)

    def deviations(self, X, Z):
        """Standard deviations (n, K) of the targets of rows X with raw outputs Z."""
        return self.errors.deviations(_features(X, Z, self.by_columns))

    def quantiles(self, X, Z, levels):
        """Quantiles (n, K, L) of the targets of rows X with raw outputs Z, none below what the link can give."""
        missed = self.errors.quantiles(_features(X, Z, self.by_columns), levels)
        return np.maximum(self.link.link(Z)[..., None] + missed, self.link.link(np.float64(-np.inf)))


def _features(X, Z, by_columns):
    """What errors are scaled by: the columns, the raw outputs and their squares."""
    own = np.concatenate([Z, np.square(Z)], axis=1)
    return Beside([X, own]) if by_columns else own


def true_class(problem, rows, Z) -> Spread:
    """Spread of the probabilities that unseen rows' own classes have by raw outputs Z (m, K)."""
    P, Y = problem.objective.link(Z), problem.Y[rows]
    likely = np.where(Y > 0.5, P, 1 - P) if Y.shape[1] == 1 else (P * Y).sum(axis=1, keepdims=True)
    return Spread.of(likely, None if problem.sample_weight is None else problem.sample_weight[rows])
