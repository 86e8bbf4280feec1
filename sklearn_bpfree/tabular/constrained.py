"""Monotone constraints of a table's columns as directions of the encoded ones. Read `encoded_directions` first."""

from __future__ import annotations

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from sklearn_bpfree.estimators.constraints import column_directions
from sklearn_bpfree.tabular.cells import Column
from sklearn_bpfree.tabular.columns import ColumnReader
from sklearn_bpfree.tabular.moments import encoded_parts

NUMBERS = "numeric"  # the part of the preprocessor whose encoded columns never fall with a number


def encoded_directions(steps, cst, n_encoded: int) -> tuple[int, ...]:
    """Direction of every encoded column: that of the number whose value or bin it is, and 0 elsewhere.

    Parameters
    ----------
    steps : list of (name, transformer)
        The fitted steps of a `TabularPipeline` but the last.
    cst : dict or array-like
        `monotonic_cst`, of the columns of the table.
    n_encoded : int
    """
    if [type(step) for _, step in steps] != [ColumnReader, ColumnTransformer]:
        raise ValueError(
            "monotonic_cst in a TabularPipeline needs the steps that tabular_pipeline makes, got "
            f"{[name for name, _ in steps]}; make others into a Pipeline of scikit-learn's."
        )
    (_, reader), (_, preprocessor) = steps
    encoded = np.zeros(n_encoded, int)
    asked = column_directions(cst, reader.n_features_in_, getattr(reader, "feature_names_in_", None))
    parts = {name: (encoder, columns) for name, encoder, columns in preprocessor.transformers_ if len(columns)}
    encoder, numbers = parts.get(NUMBERS, (None, []))
    of_table, directions = _read(reader, asked or [0] * reader.n_features_in_)
    for column, direction, place in zip(of_table, directions, range(len(directions)), strict=True):
        if direction and (place not in numbers or column.parts):
            raise ValueError(
                f"monotonic_cst asks for {column}, which has no single order, since it is taken for "
                f"{'an angle' if column.kind == 'number' else 'a ' + column.kind}; make a number of it, or leave it "
                "out of monotonic_cst."
            )
    if encoder is not None:
        last, own = encoder.steps[-1][1] if isinstance(encoder, Pipeline) else encoder, np.array(directions)[numbers]
        values = own[np.concatenate([last.raw_features_, last.bin_features_])]
        encoded[preprocessor.output_indices_[NUMBERS]] = [*values, *np.zeros(len(last.indicator_features_), int)]
    return tuple(encoded.tolist())


def _read(reader, asked) -> tuple[list[Column], list[int]]:
    """Of each column that was read the one of the table that it comes from, and its direction."""
    columns = reader.columns_ or [Column(j, "number") for j in range(len(asked))]  # those of a sparse table
    no_rows = np.empty(0, "datetime64[us]")
    of_table, directions = [], []
    for column, direction in zip(columns, asked, strict=True):
        if column.used:
            n_further = len(encoded_parts(no_rows, column.parts, reader.date_parts))
            of_table += [column] * (1 + n_further)
            directions += [direction] + [0] * n_further
    return of_table, directions
