"""The short way of a table through a fitted default pipeline, to the same bits as the long one.

Between a `ColumnReader` and our estimators, a frame of what was read is made, taken apart by a `ColumnTransformer`,
checked by every encoder and put together again: for one row that takes ten times what reading and encoding do. A plan
hands what was read to the encoders directly. Read `Plan.encode` first.
"""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
from scipy import sparse
from sklearn import get_config
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_bpfree.tabular.columns import ColumnReader
from sklearn_bpfree.tabular.containers import as_table
from sklearn_bpfree.tabular.groups import as_numbers
from sklearn_bpfree.tabular.levels import LevelNumbers


class Plan:
    """How a table is encoded.

    Parameters
    ----------
    reader : ColumnReader
    parts : list of (steps, columns)
        Encoders one after the other, and the numbers of the columns that they get of what was read.
    stays_sparse : bool
        Whether what comes out is a CSR array.
    """

    def __init__(self, reader, parts, stays_sparse):
        self.reader, self.parts, self.stays_sparse = reader, parts, stays_sparse

    @classmethod
    def of(cls, steps) -> Plan | None:
        """The plan of a pipeline's fitted steps but the last; None where the long way may do something else."""
        if [type(step) for _, step in steps] != [ColumnReader, ColumnTransformer]:
            return None
        (_, reader), (_, preprocessor) = steps
        if not getattr(reader, "columns_", None) or not hasattr(preprocessor, "transformers_"):
            return None
        asked = {getattr(step, "_sklearn_output_config", {}).get("transform", "default") for _, step in steps}
        plain = asked | {get_config()["transform_output"]} == {"default"} and not preprocessor.transformer_weights
        kept = [part for part in preprocessor.transformers_ if part[1] != "drop" and len(part[2])]
        parts = [(_steps_of(transformer), columns) for _, transformer, columns in kept]
        known = all(chain is not None and isinstance(columns, list) for chain, columns in parts)
        return cls(reader, parts, preprocessor.sparse_output_) if plain and parts and known else None

    def encode(self, X) -> Any:
        """What the steps make of a frame, ours or its library's, or of an array."""
        read = self.reader.read_parts(X if isinstance(X, nw.DataFrame) else as_table(X))
        encoded = [_encoded(chain, [read[j] for j in columns]) for chain, columns in self.parts]
        if self.stays_sparse:
            return sparse.hstack(encoded).tocsr()
        if len(encoded) == 1 and isinstance(encoded[0], np.ndarray):
            return encoded[0]
        return np.hstack([part.toarray() if sparse.issparse(part) else part for part in encoded])


def _steps_of(transformer) -> list | None:
    """The encoders of one part of the table; None if there is another than ours."""
    chain = [step for _, step in transformer.steps] if type(transformer) is Pipeline else [transformer]
    if type(chain[0]) is FunctionTransformer and chain[0].func is as_numbers:
        chain = chain[1:]
    elif not isinstance(chain[0], LevelNumbers):
        return None
    ours = all(type(step).__module__.startswith("sklearn_bpfree.") and hasattr(step, "encode") for step in chain)
    return chain if chain and ours and not any(getattr(step, "fitted_sparse_", False) for step in chain) else None


def _encoded(chain, columns):
    """What encoders make of columns that were read, arrays of numbers or lists of texts."""
    first, *further = chain
    if isinstance(first, LevelNumbers):
        encoded = first.encode({f"number {j}": cells for j, cells in enumerate(columns)})
    else:
        encoded = first.encode(np.column_stack(columns).astype(np.float64, copy=False))
    for step in further:
        encoded = step.encode(encoded)
    return encoded
