"""How a table is read and encoded, as formulas of its columns.

Texts of categories are strings in a graph, in which "" stands for a missing cell; numbers keep their type until they
are encoded; dates are microseconds since 1970 by the wall clock. Read `Table`, then `of_pipeline`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_bpfree.nn.formulas import Formula, FormulaError
from sklearn_bpfree.onnx.calendars import days_and_parts
from sklearn_bpfree.tabular.circles import CircleEncoder
from sklearn_bpfree.tabular.columns import ColumnReader
from sklearn_bpfree.tabular.encoding import PiecewiseLinearEncoder
from sklearn_bpfree.tabular.groups import as_numbers
from sklearn_bpfree.tabular.integers import MAX_ONE_HOT
from sklearn_bpfree.tabular.levels import LevelNumbers, OneHotLevels
from sklearn_bpfree.tabular.pipeline import _LevelMeans

FARTHEST = 1e9  # standard deviations, as in `PiecewiseLinearEncoder`


class Table:
    """Columns of several types: one formula (n, d) of all of them, or a list of formulas (n, 1)."""

    def __init__(self, parts):
        self.parts = list(parts)

    @property
    def _is_matrix(self):
        return len(self.parts) == 1

    def some(self, numbers) -> Table:
        """Some columns, by their numbers."""
        return Table([self.parts[0].columns(numbers)] if self._is_matrix else [self.parts[j] for j in numbers])

    def columns(self, n) -> list[Formula]:
        """Each of the n columns for itself."""
        if self._is_matrix and n > 1:
            return [self.parts[0].columns([j]) for j in range(n)]
        return self.parts

    def matrix(self) -> Formula:
        """All columns as one matrix, in double precision unless they are of one type."""
        kinds = sorted({part.dtype.name for part in self.parts})
        if "object" in kinds:
            raise FormulaError("A column that was numbers in training must be numbers, got text.")
        if len(kinds) == 1:
            return Formula.concatenated(self.parts)
        by_kind = [[j for j, part in enumerate(self.parts) if part.dtype.name == kind] for kind in kinds]
        wide = [Formula.concatenated(self.parts[j] for j in of_kind).cast(np.float64) for of_kind in by_kind]
        order = np.concatenate(by_kind)
        whole = Formula.concatenated(wide)
        return whole if (np.diff(order) > 0).all() else whole.columns(np.argsort(order))


def of_reader(reader, table: Table) -> Table:
    """What a `ColumnReader` passes on."""
    used = [j for j, column in enumerate(reader.columns_) if column.used]
    d, inputs = reader.n_features_in_, table.parts
    if len(inputs) == 1 < d and inputs[0].attributes["width"] == d:
        _check_numbers(reader, table)
        return table if not reader.columns_ or len(used) == d else table.some(used)
    if len(inputs) not in (len(used), d):
        raise FormulaError(f"The graph needs an input for each of {d} columns, or of the {len(used)} that are used.")
    inputs = inputs if len(inputs) == len(used) else [inputs[j] for j in used]
    out = []
    for column, part in zip((reader.columns_[j] for j in used), inputs, strict=True):
        if (column.kind == "category") != (part.dtype == object):
            wanted = "text" if column.kind == "category" else "numbers"
            raise FormulaError(f"The graph's input for {column} must hold {wanted}, got {part.dtype}.")
        out += days_and_parts(column, part, reader.date_parts) if column.kind == "date" else [part]
    return Table(out)


def _check_numbers(reader, table):
    other = next((column for column in reader.columns_ if column.used and column.kind in ("category", "date")), None)
    if other is not None or table.parts[0].dtype == object:
        raise FormulaError(
            f"A table with {other or 'text'} cannot be one matrix in an ONNX graph; give X as a DataFrame."
        )


def of_bins(encoder, table: Table) -> Formula:
    """A `PiecewiseLinearEncoder`'s columns; see its `transform`."""
    X = table.matrix().cast(np.float64)
    X = X + (X - X)  # infinite values are missing, too
    missing = Formula("IsNaN", X)
    empty = missing.columns(encoder.indicator_features_).cast(np.float32)
    raw, scales = encoder.raw_features_, encoder.scales_
    if encoder.fitted_sparse_:
        z = Formula.where(missing, 0.0 * scales, X / scales).columns(raw)
    else:
        filled = Formula.where(missing, encoder.medians_, X).columns(raw)
        z = (filled - encoder.means_[raw]) / scales[raw]
    z = z.clip(-FARTHEST, FARTHEST).cast(np.float32)
    parts = [z / Formula("Sqrt", z * z / 9 + 1)]
    if len(encoder.bin_features_):
        low, width = np.concatenate([[knots[:-1], np.diff(knots)] for knots in encoder.knots_.values()], axis=1)
        rise = (X.columns(encoder.bin_features_) - low).cast(np.float32) * (encoder.height / width)
        bins = rise.clip(0, encoder.height) - encoder.bin_means_
        parts.append(Formula.where(Formula("IsNaN", rise), np.zeros(1), bins))
    return Formula.concatenated([*parts, *([empty] if len(encoder.indicator_features_) else [])])


def of_circles(encoder, table: Table) -> Formula:
    """A `CircleEncoder`'s columns."""
    X = table.matrix().cast(np.float64)
    others = X.columns(encoder.others_)
    parts = [Formula.where(Formula("IsNaN", others), 0.0, others).cast(np.float32)] if len(encoder.others_) else []
    if encoder.encoder_ is not None:
        parts.insert(0, of_bins(encoder.encoder_, Table([X.columns(encoder.telling_)])))
    return Formula.concatenated(parts)


def of_level_numbers(encoder, table: Table, values=None, unknown=None) -> Formula:
    """The number of each level (n, d); other `values` of the levels, and of those that are new, may be given."""
    out = []
    for j, (part, levels) in enumerate(zip(table.columns(len(encoder.levels_)), encoder.levels_, strict=True)):
        if part.dtype != object:
            raise FormulaError(f"Levels are told by their text, but the graph's input has {part.dtype}; give strings.")
        numbers = list(range(len(levels))) if values is None else values[j]
        keys = ["" if level is None else level for level in levels]
        new = -1 if unknown is None else unknown[j]
        out.append(
            Formula("LabelEncoder", part, dtype=np.int64, keys_strings=keys, values_int64s=numbers, default_int64=new)
        )
    return Formula.concatenated(out)


def of_one_hot(encoder, table: Table) -> Formula:
    """A `OneHotLevels`' columns."""
    n_levels = [len(levels) for levels in encoder.levels_]
    widths = np.minimum(n_levels, MAX_ONE_HOT)
    starts = np.cumsum(widths) - widths
    values = [
        (start + np.minimum(np.arange(n), MAX_ONE_HOT - 1)).tolist() for start, n in zip(starts, n_levels, strict=True)
    ]
    unknown = [
        int(start + MAX_ONE_HOT - 1) if n > MAX_ONE_HOT else -1 for start, n in zip(starts, n_levels, strict=True)
    ]
    column = of_level_numbers(encoder, table, values, unknown).columns(np.repeat(np.arange(len(widths)), widths))
    return column.equals(np.arange(widths.sum())).cast(np.float32)


def of_level_means(encoder, table: Table) -> Formula:
    """The mean target of each level, by its number in what a `LevelNumbers` gives."""
    mean = np.atleast_1d(encoder.target_mean_)
    d, C = len(encoder.categories_), len(mean)
    rows, starts = [], []
    for i, levels in enumerate(encoder.categories_):
        if not np.array_equal(levels, np.arange(len(levels))):
            raise FormulaError("Level means can be exported only where a LevelNumbers has numbered the levels.")
        starts.append(sum(map(len, rows)) + 1)
        rows.append(np.vstack([mean, np.transpose(encoder.encodings_[C * i : C * (i + 1)])]))
    number = table.matrix() + np.array(starts)
    return Formula.looked_up(np.concatenate(rows).astype(np.float64), number).reshape(0, d * C)


def of_imputer(imputer, table: Table) -> Formula:
    """A `SimpleImputer` of numbers."""
    X = table.matrix().cast(np.float64)
    if np.isnan(imputer.statistics_).any() or imputer.add_indicator:
        raise FormulaError("A SimpleImputer with empty columns or indicators is not exported here.")
    return Formula.where(Formula("IsNaN", X - X), imputer.statistics_, X)


def of_scaler(scaler, table: Table) -> Formula:
    """A `StandardScaler` in single precision."""
    X = table.matrix().cast(np.float64)
    X = X if scaler.mean_ is None or not scaler.with_mean else X - scaler.mean_
    return (X if scaler.scale_ is None else X / scaler.scale_).cast(np.float32)


def of_function(transformer, table: Table) -> Formula:
    """A `FunctionTransformer` of `as_numbers`."""
    if transformer.func is not as_numbers:
        raise FormulaError(f"The function {transformer.func!r} is not known to ONNX.")
    return table.matrix()


def of_columns(transformer, table: Table) -> Formula:
    """A `ColumnTransformer` of encoders, whose columns are told by numbers."""
    parts = [
        encoded(encoder, table.some(numbers))
        for _, encoder, numbers in transformer.transformers_
        if encoder != "drop" and len(numbers)
    ]
    return Formula.concatenated(part.cast(np.float32) for part in parts)


def of_steps(pipeline, table: Table) -> Formula:
    """A `Pipeline` of encoders."""
    for _, step in pipeline.steps:
        table = Table([encoded(step, table)])
    return table.matrix()


ENCODERS: dict[type, Any] = {
    PiecewiseLinearEncoder: of_bins,
    CircleEncoder: of_circles,
    OneHotLevels: of_one_hot,
    LevelNumbers: of_level_numbers,
    _LevelMeans: of_level_means,
    SimpleImputer: of_imputer,
    StandardScaler: of_scaler,
    FunctionTransformer: of_function,
    ColumnTransformer: of_columns,
    Pipeline: of_steps,
}


def encoded(encoder, table: Table) -> Formula:
    """What a fitted encoder makes of a table."""
    told = ENCODERS.get(type(encoder))
    if told is None:
        raise FormulaError(f"{type(encoder).__name__} is not exported to ONNX as a step of a tabular_pipeline.")
    return told(encoder, table)


def of_pipeline(pipeline, inputs: list[Formula]) -> Formula:
    """What a `TabularPipeline` gives its last step."""
    table = Table(inputs)
    for _, step in pipeline.steps[:-1]:
        table = of_reader(step, table) if isinstance(step, ColumnReader) else Table([encoded(step, table)])
    return table.matrix()
