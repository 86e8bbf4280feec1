"""What kind a column is of, decided by all its filled cells, and how its cells become numbers or levels.

This is the one place where a column is understood, wherever it comes from. Read `understand` first.
"""

import re
from collections import Counter
from dataclasses import replace
from datetime import date, time, timedelta
from decimal import Decimal
from numbers import Real

import numpy as np

from sklearn_bpfree.tabular import compound, dates, numbers, spans
from sklearn_bpfree.tabular.cells import (
    TRUTH,
    BooleanFormat,
    Column,
    cell_text,
    count_cells,
    finite,
    moments_of,
    numbers_of,
    read_cell,
)
from sklearn_bpfree.tabular.containers import Levels, Moments
from sklearn_bpfree.tabular.holes import bare, is_hole
from sklearn_bpfree.tabular.integers import LARGEST_INTEGER, MAX_DISTINCT, MAX_ONE_HOT, names_dates, no_quantity
from sklearn_bpfree.tabular.moments import varying_parts

SEVERAL = re.compile(  # 120/80 mmHg, 4:3, 30 x 20 x 5 cm, (48.8, 2.3)
    r"(?!0x)\(?-?\d+([.,]\d+)?(\s?[/:x×;]\s?|,\s)-?\d+([.,]\d+)?(\s?[/:x×;,]\s?-?\d+([.,]\d+)?)?\)?(\s?[^\W\d]+)?"
)
MANY_WORDS = 3  # words of a cell from which on a column of nothing but distinct texts is free text, however short


def understand(name, cells) -> Column:
    """Tell the kind of a column by its filled cells.

    Parameters
    ----------
    name : object
    cells : ndarray, Moments, list or Levels
        As :func:`~sklearn_bpfree.tabular.containers.cells_of` gives them.
    """
    if isinstance(cells, Moments):
        return _dates(Column(name, "date"), cells)
    if isinstance(cells, np.ndarray):
        return _typed(name, cells)
    column = Column(name, "category")
    counts = count_cells(column, cells)
    if not counts:
        return Column(name, "empty", "is empty", used=False)
    if isinstance(cells, Levels):
        return _levels(column, counts, cells)
    return _of_objects(column, counts, cells)


def _typed(name, cells):
    if cells.dtype.kind == "m":
        return Column(name, "duration")
    if cells.dtype.kind == "b":
        return Column(name, "boolean")
    column = Column(name, "number")
    if n_infinite := int((np.isnan(finite(cells)) & ~np.isnan(cells)).sum()):
        column = replace(column, note=f"{n_infinite} infinite cell{'s' if n_infinite > 1 else ''} taken for missing")
    return _number(column, cells)


def _of_objects(column, counts, cells):
    """A column of Python's objects, most often of text."""
    types = {type(cell) for cell in counts}
    if not any(issubclass(kind, (str, bytes)) for kind in types):
        return _without_texts(column, counts, cells, types)
    texts = Counter()
    for cell, count in counts.items():
        texts[cell_text(cell)] += count
    said = Counter({text: count for text, count in texts.items() if not is_hole(text)})
    if not said and len(texts) > 1:  # marks beside other marks are levels
        return _levels(column, counts, cells)
    if (form := dates.decide(_without_zero_dates(said))) is not None:
        return _dates(_with_format(replace(column, kind="date"), form, counts), cells)
    if (form := spans.decide_times(said)) is not None:
        return _with_format(replace(column, kind="time of day"), form, counts)
    form = numbers.decide(said)
    if isinstance(form, numbers.NumberFormat):
        return _number(_with_format(replace(column, kind="number"), form, counts), cells)
    if "zeros" in form and (figures := _figures(column, said, counts, cells)) is not None:
        return figures
    if (compound_form := compound.decide(said)) is not None:
        return _number(_with_format(replace(column, kind="number"), compound_form, counts), cells)
    if (span := spans.decide(said)) is not None:
        return _with_format(replace(column, kind="duration"), span, counts)
    if {text.casefold() for text in said} == {"true", "false"}:
        return _with_format(replace(column, kind="boolean"), BooleanFormat(), counts)
    if _are_truths(said):
        form = BooleanFormat(("yes and no in several words",))
        return _with_format(replace(column, kind="boolean"), form, counts)
    return _levels(replace(column, note=form), counts, cells)


def _figures(column, said, counts, cells):
    """Texts of figures with zeros in front as dates or times of day; None if they are codes."""
    if (form := dates.decide_figures(said, is_named=names_dates(column.name))) is not None:
        return _dates(_with_format(replace(column, kind="date"), form, counts), cells)
    form = spans.decide_figures(said)
    return form and _with_format(replace(column, kind="time of day"), form, counts)


def _are_truths(said) -> bool:
    """Whether the texts are more than two words for yes and no, and letters only beside words that begin so."""
    words = {bare(text).casefold() for text in said}
    letters = {word for word in words if len(word) == 1 and word.isalpha()}
    known = letters <= {word[0] for word in words - letters}
    return len(said) > 2 and known and {TRUTH.get(word) for word in words} == {0.0, 1.0}


def _number(column, cells):
    """A column of numbers, or of integers that are no quantities."""
    read = numbers_of(column, cells)
    filled = read[np.isfinite(read)]
    if not filled.size:
        return replace(column, kind="empty", note="is empty", used=False)
    if np.abs(filled).max() >= LARGEST_INTEGER and (levels := _too_large(column, cells, filled)):
        return levels
    if filled.min() == filled.max():
        return replace(column, kind="constant", note=column.note or "holds one value")
    column = no_quantity(column, filled) or column
    return _dates(column, cells) if column.kind == "date" else column


def _too_large(column, cells, filled):
    """The column as levels, if most of its integers are one and the same as floats."""
    cells = cells.tolist() if isinstance(cells, np.ndarray) else cells
    counts = count_cells(column, cells)
    if len(np.unique(filled)) > MAX_DISTINCT * len({cell_text(cell) for cell in counts}):
        return None
    return _levels(Column(column.name, "category", "has integers too large for numbers"), counts, cells)


def _without_zero_dates(said):
    return Counter({text: count for text, count in said.items() if not dates.is_no_date(text)}) or said


def _without_texts(column, counts, cells, types):
    if all(hasattr(kind, "mid") for kind in types):  # intervals
        return _number(replace(column, kind="number", format=numbers.NumberFormat()), cells)
    if all(issubclass(kind, (bool, np.bool_)) for kind in types):
        return replace(column, kind="boolean")
    if all(issubclass(kind, (Real, Decimal)) for kind in types):
        return _number(replace(column, kind="number", format=numbers.NumberFormat()), cells)
    if all(issubclass(kind, (date, np.datetime64)) or hasattr(kind, "start_time") for kind in types):
        return _dates(replace(column, kind="date", format=dates.DateFormat()), cells)
    if all(issubclass(kind, time) for kind in types):
        return replace(column, kind="time of day", format=spans.TimeFormat())
    if all(issubclass(kind, (timedelta, np.timedelta64)) for kind in types):
        return replace(column, kind="duration", format=spans.DurationFormat())
    return _levels(column, counts, cells)


def _with_format(column, form, counts):
    """The column with the format of its texts, a note on it, and the cells that it does not read."""
    column = replace(column, format=form)
    odd = [cell for cell in counts if read_cell(column, cell) is None]
    marks = sorted({str(cell).strip() for cell in odd} - {""})
    notes = list(form.notes)
    if marks:
        n = sum(counts[cell] for cell in odd if str(cell).strip())
        some = ", ".join(map(repr, marks[:5])) + (", ..." if len(marks) > 5 else "")
        notes.append(f"{n} cell{'s' if n > 1 else ''} ({some}) taken for missing")
    return replace(column, odd=frozenset(odd), note="; ".join(notes))


def _dates(column, cells):
    wall = moments_of(column, cells).wall
    if np.isnat(wall).all():
        return replace(column, kind="empty", note="is empty", used=False)
    parts = varying_parts(wall)
    has_year = getattr(column.format, "has_year", True)
    return replace(column, parts=parts if has_year else tuple(part for part in parts if part != "weekday"))


def _levels(column, counts, cells):
    """A category, free text or an identifier, by how often the texts repeat."""
    levels = {text for cell in counts if (text := cell_text(cell)) is not None}
    n_filled = counts.total()
    if len(levels) == 1 and n_filled == len(cells):
        return replace(column, kind="constant", note="holds one value", used=False)
    if len(levels) > MAX_ONE_HOT and not column.note and all(map(SEVERAL.fullmatch, levels)):
        column = replace(column, note="several numbers stand in each cell, of which columns may be made")
    if isinstance(cells, Levels) or len(levels) <= MAX_DISTINCT * n_filled:
        return column
    n_words = np.mean([sum(any(map(str.isalpha, word)) for word in text.split()) for text in levels])
    if len(levels) <= (2 if n_words >= MANY_WORDS else MAX_ONE_HOT):
        return column
    note = column.note or "nearly every row has a text of its own"
    return replace(column, kind="free text" if n_words > 1.5 else "identifier", note=note, used=False)
