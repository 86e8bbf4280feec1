"""A column as it was understood in training, and how its cells are read by that.

Read `Column.read` first. What a column is taken for is decided in `kinds`.
"""

import warnings
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np

from sklearn_bpfree.tabular import dates, numbers, spans
from sklearn_bpfree.tabular.containers import Moments
from sklearn_bpfree.tabular.holes import bare, is_hole
from sklearn_bpfree.tabular.moments import days_of_durations, days_since_1970, encoded_parts

LARGEST = np.float64(1e150)  # numbers beyond are how programs write infinity, and have no square
TRUTH: dict[str, float] = dict.fromkeys(
    "true t yes y 1 1.0 on ja j wahr oui vrai sí si vero sim да tak ✓ ✔".split(), 1.0
)
TRUTH |= dict.fromkeys("false f no n 0 0.0 off nein falsch non faux falso não нет nie ✗ ✘".split(), 0.0)


@dataclass(frozen=True)
class BooleanFormat:
    """Texts of truth values, in several words, or where a column of booleans comes as text after training."""

    notes: tuple[str, ...] = ()

    def read(self, text: str) -> float | None:
        return TRUTH.get(bare(text).casefold())


FORMATS = {
    "number": numbers.NumberFormat(), "boolean": BooleanFormat(), "constant": numbers.NumberFormat(),
    "date": dates.DateFormat(), "time of day": spans.TimeFormat(), "duration": spans.DurationFormat(),
}  # fmt: skip
DECIDE = {
    "number": numbers.decide, "date": dates.decide, "time of day": spans.decide_times, "duration": spans.decide,
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """What a column was taken for.

    Attributes
    ----------
    name : object
        As the table has it; the number of the column in an array.
    kind : str
        "number", "boolean", "date", "time of day", "duration", "category", "free text", "identifier", "row number",
        "constant" or "empty".
    note : str
        What was not plain, as a part of a sentence; empty where it was.
    used : bool
        Whether a model gets it.
    """

    name: Any
    kind: str
    note: str = ""
    used: bool = True
    format: Any = None  # of its texts
    parts: tuple[str, ...] = ()  # of its dates, besides the days
    odd: frozenset = frozenset()  # cells seen in training that say nothing

    def __str__(self):
        return f"column {self.name!r}" if isinstance(self.name, str) else f"column {self.name}"

    def read(self, cells, date_parts="numbers") -> dict[str, Any]:
        """What a model gets, by the ends of the names: arrays of numbers, or a list of texts with None for holes."""
        if self.kind in ("category", "free text"):
            return {"": texts_of(self, cells)}
        if self.kind == "date":
            moments = moments_of(self, cells)
            parts = encoded_parts(moments.wall, self.parts, date_parts)
            return {"": days_since_1970(moments.utc)} | parts
        return {"": numbers_of(self, cells)}


def texts_of(column, cells) -> list[str | None]:
    if isinstance(cells, Moments):
        cells = cells.wall
    cells = cells.tolist() if isinstance(cells, np.ndarray) else cells
    try:
        texts = {cell: cell_text(cell) for cell in set(cells)}
    except TypeError as error:
        raise TypeError(f"{title(column)} must hold single values such as strings, got lists or the like.") from error
    return [*map(texts.__getitem__, cells)]


def cell_text(cell) -> str | None:
    """A cell as text, so that 1, 1.0 and "1" are the same level in any library; None if it is missing."""
    if cell is None or type(cell).__name__ == "NAType" or cell != cell:
        return None
    if isinstance(cell, str):
        return cell.strip() or None
    if isinstance(cell, bytes):
        return cell.decode(errors="replace")
    if isinstance(cell, (float, np.floating)) and cell.is_integer():
        cell = int(cell)
    return str(cell)


def count_cells(column, cells) -> Counter:
    """How often each filled cell stands in the column."""
    try:
        counts = Counter(cells)
    except TypeError as error:
        raise TypeError(f"{title(column)} must hold single values such as strings, got lists or the like.") from error
    return Counter({cell: count for cell, count in counts.items() if cell_text(cell) is not None})


def title(column):
    return str(column).capitalize() if not isinstance(column.name, str) else f"Column {column.name!r}"


def numbers_of(column, cells) -> np.ndarray:
    """The numbers of a column of numbers, booleans, times of day or durations; holes are NaN."""
    if isinstance(cells, np.ndarray) and cells.dtype.kind != "m":
        return finite(cells)
    if isinstance(cells, np.ndarray) and column.kind == "duration":
        return days_of_durations(cells)
    if isinstance(cells, (np.ndarray, Moments)):
        raise _unlike(column, "dates or durations")
    values = _plain_floats(column.format, cells)
    if values is None:
        values = np.array(_read_all(column, cells, np.nan), dtype=np.float64)
    return finite(values)


def finite(numbers: np.ndarray) -> np.ndarray:
    """The numbers, with NaN for those that are infinite or as good as that."""
    return np.where(np.abs(numbers) < LARGEST, numbers, np.nan)


def moments_of(column, cells) -> Moments:
    if isinstance(cells, Moments):
        return cells
    if isinstance(cells, np.ndarray):
        if cells.dtype.kind == "m" or (column.format is None and not np.isnan(cells).all()):
            raise _unlike(column, "numbers")
        cells = [None if np.isnan(cell) else f"{cell:.17g}" for cell in cells.tolist()]
    read = _read_all(column, cells, (None, 0.0))
    wall = np.array([moment for moment, _ in read], dtype="datetime64[us]")
    zone = np.array([1e6 * seconds for _, seconds in read]).astype("timedelta64[us]")
    return Moments(wall, wall - zone)


def _read_all(column, cells, hole) -> list:
    """What each cell says, by the column's format; a hole where it says nothing."""
    read = {}
    odd = []
    counts = count_cells(column, cells)
    column = replace(column, format=column.format or _format_of_new(column, counts))
    for cell in counts:
        value = read_cell(column, cell)
        if value is None and cell not in column.odd and not is_hole(str(cell)):
            odd.append(cell)
        read[cell] = hole if value is None else value
    if odd and len(odd) == len(read):
        raise _unlike(column, repr(odd[0]))
    if odd:
        warnings.warn(
            f"{title(column)} has cells that hold no {column.kind}, such as {odd[0]!r}; they are taken for missing.",
            UserWarning,
            stacklevel=2,
        )
    return [read.get(cell, hole) for cell in cells]


def _format_of_new(column, counts):
    """How texts are written in a column that had a type in training, where they leave no doubt and have no unit."""
    said = {cell: count for cell, count in counts.items() if isinstance(cell, str) and not is_hole(cell)}
    form = DECIDE[column.kind](said) if said and column.kind in DECIDE else None
    doubtful = any("rules out" in note or "tells day" in note for note in getattr(form, "notes", ("rules out",)))
    return None if doubtful or set(getattr(form, "scales", "")) > {""} else form


def _plain_floats(form, cells) -> np.ndarray | None:
    """The numbers of cells that Python takes for numbers; None if there are others."""
    if isinstance(form, numbers.NumberFormat) and form.is_plain:
        with suppress(TypeError, ValueError, OverflowError):
            return np.array(cells, dtype=object).astype(np.float64)
    return None


def _unlike(column, got):
    return ValueError(f"{title(column)} must hold {column.kind}s as in training, got {got}; convert it.")


def read_cell(column, cell):
    """A cell's value by the column's format; None if it has none."""
    if isinstance(cell, (str, bytes)):
        return (column.format or FORMATS[column.kind]).read(
            cell if isinstance(cell, str) else cell.decode(errors="replace")
        )
    if column.kind == "date":
        return _read_date(column, cell)
    if isinstance(cell, time):
        return cell.hour + cell.minute / 60 + (cell.second + cell.microsecond / 1e6) / 3600
    if hasattr(cell, "mid"):  # of an interval
        cell = cell.mid
    if isinstance(cell, timedelta):
        return cell.total_seconds() / 86400
    if isinstance(cell, np.timedelta64):
        return cell / np.timedelta64(1, "D")
    try:
        return float(cell)
    except (TypeError, ValueError, OverflowError):
        return None


def _read_date(column, cell):
    cell = getattr(cell, "start_time", cell)
    if isinstance(cell, np.datetime64):
        cell = cell.astype("datetime64[us]").item()
    if isinstance(cell, datetime):
        offset = cell.utcoffset()
        return cell.replace(tzinfo=None), offset.total_seconds() if offset else 0.0
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day), 0.0
    return column.format.read(str(cell)) if column.format else None
