"""Between the user's y and the network's outputs: encoding for training, decoding for prediction.

One class per kind of target. Each has `encode(y)` -> Y (n, K), `decode(Y)` -> y, `predict(P)` -> y from the linked
outputs P (probabilities or values), and for classes `probabilities(P)` and `decisions(Z)`. Its `kind` is what a loss is
told of it (see `Loss.kind`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

WIDE = 1e30  # units beyond 1e30 or below 1e-30 are too much for predictions in single precision
LARGEST = 1e150  # of real targets; their squares are finite


@dataclass(frozen=True, eq=False)
class Classes:
    """One class per row: one output for two classes, one per class beyond.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The sorted labels.
    """

    classes: np.ndarray
    is_classification = True

    @property
    def exclusive(self):
        """Whether the outputs exclude each other (softmax) or are yes/no answers of their own (sigmoid)."""
        return len(self.classes) > 2

    @property
    def kind(self):
        return "classes" if self.exclusive else "labels"

    @property
    def n_outputs(self):
        return len(self.classes) if self.exclusive else 1

    def encode(self, y, dtype=np.float32):
        codes = np.searchsorted(self.classes, y)
        if not self.exclusive:
            return codes.astype(dtype)[:, None]
        Y = np.zeros((len(codes), len(self.classes)), dtype=dtype)
        Y[np.arange(len(codes)), codes] = 1
        return Y

    def predict(self, P):
        return self.classes[P.argmax(axis=1) if self.exclusive else (P[:, 0] > 0.5).astype(int)]

    def probabilities(self, P):
        return P if self.exclusive else np.concatenate([1 - P, P], axis=1)

    def decisions(self, Z):
        return Z if self.exclusive else Z[:, 0]


@dataclass(frozen=True, eq=False)
class LabelSets:
    """Any number of labels per row (multilabel): y and Y are indicator matrices of shape (n, n_labels)."""

    n_outputs: int
    is_classification = True
    exclusive = False
    kind = "labels"

    @property
    def classes(self):
        return np.arange(self.n_outputs)

    def encode(self, y, dtype=np.float32):
        return np.asarray(y, dtype=dtype)

    def predict(self, P):
        return (P > 0.5).astype(int)

    def probabilities(self, P):
        return P

    def decisions(self, Z):
        return Z


@dataclass(frozen=True, eq=False)
class Values:
    """Real targets, standardised inside: Y = (y - mean) / scale, per output.

    Parameters
    ----------
    mean, scale : ndarray of shape (K,)
        In the units of y.
    flat : bool
        Whether y has one dimension.
    """

    mean: np.ndarray
    scale: np.ndarray
    flat: bool
    is_classification = False
    exclusive = False
    kind = "values"

    @classmethod
    def unscaled(cls, y):
        """Targets as they are."""
        n_outputs = 1 if y.ndim == 1 else y.shape[1]
        return cls(np.zeros(n_outputs), np.ones(n_outputs), y.ndim == 1)

    @classmethod
    def fit(cls, y, sample_weight=None, scaling="standard"):
        """Centre and scale of the training targets.

        Parameters
        ----------
        y : ndarray of shape (n,) or (n, K)
        sample_weight : ndarray of shape (n,), default=None
        scaling : {"standard", "robust", "positive"}, default="standard"
            Mean and standard deviation; median and distance of the quartiles / 1.349, unless these coincide; or zero
            and mean. See `Loss.target_scaling`.
        """
        columns = y.reshape(len(y), -1).astype(np.float64).T
        largest = np.abs(columns).max()
        if largest > LARGEST:
            raise ValueError(f"y holds values too large to be standardised, up to {largest:.3g}; use another unit.")
        mean, scale = np.array([_moments(column, sample_weight, scaling) for column in columns]).T
        tiny = 10 * np.finfo(np.float64).eps * np.abs(columns).max(axis=1)
        return cls(mean, np.where(scale > tiny, scale, 1.0), y.ndim == 1)

    @property
    def n_outputs(self):
        return len(self.mean)

    def encode(self, y, dtype=np.float32):
        return ((y.reshape(len(y), -1) - self.mean) / self.scale).astype(dtype)

    def predict(self, P):
        y = (P * self.scale + self.mean).astype(self._dtype(P), copy=False)
        return y[:, 0] if self.flat else y

    def _dtype(self, P):
        """That of the outputs, unless it is too narrow for the unit of the targets."""
        fits = self.scale.min() > 1 / WIDE and max(np.abs(self.mean).max(), self.scale.max()) < WIDE
        return P.dtype if fits else np.float64

    def spread(self, S):
        """Standard deviations in the units of y."""
        std = (S * self.scale).astype(self._dtype(S), copy=False)
        return std[:, 0] if self.flat else std


def _moments(values, weight, scaling):
    """Centre and scale of one target; the same bits for a weight and for that many copies."""
    exponent = np.frexp(np.abs(values).max())[1]
    # a power of two loses no bit, and squares neither vanish nor overflow
    centre, scale = _moments_near_one(np.ldexp(values, -exponent), weight, scaling)
    return np.ldexp(centre, exponent), np.ldexp(scale, exponent)


def _moments_near_one(values, weight, scaling):
    values, where = np.unique(values, return_inverse=True)
    weight = np.bincount(where, weights=weight)
    mean = np.average(values, weights=weight)
    if scaling == "positive":
        return 0.0, mean
    if scaling == "robust":
        share = np.cumsum(weight) / weight.sum()
        low, median, high = values[np.searchsorted(share, [0.25, 0.5, 0.75])]
        if high > low:
            return median, (high - low) / 1.349
    return mean, np.sqrt(np.average((values - mean) ** 2, weights=weight))
