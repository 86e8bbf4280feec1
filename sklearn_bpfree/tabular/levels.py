"""Levels of categories as numbers, and as columns of zeros and ones."""

from collections import Counter
from typing import Any, Self

import narwhals as nw
import numpy as np
from scipy import sparse
from sklearn import get_config
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import validate_data

from sklearn_bpfree.estimators.common import OfThisLibrary
from sklearn_bpfree.tabular.cells import cell_text
from sklearn_bpfree.tabular.integers import MAX_ONE_HOT


def as_text(X):
    """Every cell as a string, and a missing one as NaN, so that 1, 1.0 and "1" are the same level in any library."""
    text = np.empty(X.shape, dtype=object)
    for j, (name, cells) in enumerate(_lists(X).items()):
        texts = {value: np.nan if text is None else text for value, text in _texts(name, cells).items()}
        text[:, j] = [*map(texts.__getitem__, cells)]
    return text


def _texts(name, cells) -> dict:
    try:
        return {value: cell_text(value) for value in set(cells)}
    except TypeError as error:
        raise TypeError(f"Column {name} must hold single values such as strings, got lists or the like.") from error


def _lists(X) -> dict[str, list]:
    """The cells of each column, by its name as it stands in a message."""
    if isinstance(X, np.ndarray):
        return {f"number {j}": X[:, j].tolist() for j in range(X.shape[1])}
    return {repr(column.name): column.to_list() for column in nw.from_native(X, eager_only=True).iter_columns()}


class LevelNumbers(OfThisLibrary, OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Number the levels of each column from the most frequent one down; -1 stands for one that is new.

    A level is known by its text, so that 1, 1.0 and "1" are the same in any library; a missing cell is a level, too.

    Attributes
    ----------
    levels_ : list of list
        Of each column the texts by their number, None for missing cells.
    """

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find the levels of a DataFrame or array X (n_samples, n_features)."""
        validate_data(self, X, skip_check_array=True)
        self.levels_ = []
        for name, cells in _lists(X).items():
            count = Counter(map(_texts(name, cells).__getitem__, cells))
            self.levels_.append(sorted(count, key=lambda level: (-count[level], str(level))))
        return self

    def transform(self, X: Any) -> Any:
        """Number each cell: ndarray of int (n_samples, n_features)."""
        return self.encode(_lists(X))

    def encode(self, lists: dict[str, list]) -> Any:
        """What `transform` makes of a table, of its columns' cells by their names."""
        return self._numbers(lists)

    def _numbers(self, lists):
        numbers = np.empty((len(next(iter(lists.values()), [])), len(lists)), dtype=np.int32)
        for j, (name, cells) in enumerate(lists.items()):
            numbered = {level: number for number, level in enumerate(self.levels_[j])}
            known = {value: numbered.get(text, -1) for value, text in _texts(name, cells).items()}
            numbers[:, j] = [*map(known.__getitem__, cells)]
        return numbers


class OneHotLevels(LevelNumbers):
    """A column of zeros and ones for each level of each column.

    Of more than 20 levels the 19 most frequent have a column of their own and the others share one with the levels that
    were not seen in training. Does what scikit-learn's `OneHotEncoder` does at a fraction of the time for text.
    """

    def transform(self, X: Any) -> Any:
        """Encode: float32 (n_samples, n_features_out), a CSR array unless `set_output` asks for a frame."""
        encoded = self.encode(_lists(X))
        asked = getattr(self, "_sklearn_output_config", {}).get("transform", get_config()["transform_output"])
        return encoded if asked == "default" else encoded.toarray()

    def encode(self, lists: dict[str, list]) -> Any:
        """What `transform` makes of a table, of its columns' cells by their names: a CSR array."""
        numbers = self._numbers(lists)
        widths = np.array([min(len(levels), MAX_ONE_HOT) for levels in self.levels_])
        shared = np.array([len(levels) > MAX_ONE_HOT for levels in self.levels_])
        numbers = np.where((numbers < 0) & shared, MAX_ONE_HOT, numbers)
        known = numbers >= 0
        columns = np.minimum(numbers, widths - 1) + np.cumsum(widths) - widths
        ends = np.append(0, np.cumsum(known.sum(axis=1)))
        ones = np.ones(ends[-1], dtype=np.float32)
        return sparse.csr_array((ones, columns[known], ends), shape=(len(numbers), widths.sum()))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the encoded columns: ``city_Rome``, ``city_nan``, ..., ``city_(others)``."""
        names = []
        for name, levels in zip(super().get_feature_names_out(input_features), self.levels_, strict=True):
            texts = ["nan" if level is None else level for level in levels]
            if len(texts) > MAX_ONE_HOT:
                texts[MAX_ONE_HOT - 1 :] = ["(others)"]
            names += [f"{name}_{text}" for text in texts]
        return np.array(names, dtype=object)
