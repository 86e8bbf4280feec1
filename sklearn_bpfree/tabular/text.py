"""Free text as numbers: which letters stand together, weighed by how rare that is, in a few directions.

What scikit-learn has for it in a row, as skrub's `StringEncoder` does it.
"""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

from sklearn_bpfree.tabular.levels import as_text

N_HASHED = 2**18


class TextEncoder(TransformerMixin, BaseEstimator):
    """Encode each column of texts: groups of three and four letters, hashed, tf-idf, and a truncated SVD.

    Parameters
    ----------
    n_components : int, default=30
        Numbers that a text becomes, at most.

    Attributes
    ----------
    encoders_ : list of Pipeline
        One for each column.
    """

    def __init__(self, n_components: int = 30) -> None:
        self.n_components = n_components

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find the directions of the texts in a DataFrame or array X (n_samples, n_features)."""
        self.fit_transform(X)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> np.ndarray:
        """Find the directions, and encode: ndarray (n_samples, n_features_out)."""
        validate_data(self, X, skip_check_array=True)
        from sklearn.decomposition import TruncatedSVD  # here, since few tables have free text
        from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

        letters = HashingVectorizer(analyzer="char_wb", ngram_range=(3, 4), n_features=N_HASHED, alternate_sign=False)
        directions = TruncatedSVD(min(self.n_components, len(X)), random_state=0)
        encoder = make_pipeline(letters, TfidfTransformer(sublinear_tf=True), directions)
        columns = _texts(X)
        self.encoders_ = [clone(encoder) for _ in columns]
        encoded = [each.fit_transform(texts) for each, texts in zip(self.encoders_, columns, strict=True)]
        return np.hstack(encoded)

    def transform(self, X: Any) -> np.ndarray:
        """Encode: ndarray (n_samples, n_features_out)."""
        check_is_fitted(self)
        validate_data(self, X, reset=False, skip_check_array=True)
        return np.hstack([each.transform(texts) for each, texts in zip(self.encoders_, _texts(X), strict=True)])

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the encoded columns: ``note_0``, ``note_1``, ..."""
        names = zip(_check_feature_names_in(self, input_features), self.encoders_, strict=True)
        return np.array([f"{name}_{j}" for name, each in names for j in range(each[-1].n_components)], dtype=object)


def _texts(X) -> list[list[str]]:
    """The texts of each column; a missing one is empty."""
    return [[text if isinstance(text, str) else "" for text in column] for column in as_text(X).T]
