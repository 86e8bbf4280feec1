"""Where in a text the table is: what separates its cells, which line has the names, and which lines are no rows of it.

Nothing here reads a cell. Read `find_layout` first.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", "^": "carets", "~": "tildes", " ": "blanks"}
HEAD_ROWS = 200  # rows by which a file's layout is found out
MOST_LISTED = 5  # lines that a note names
MOST_TITLES = 6  # rows by which the names are found
LONGEST_CELL = 2**31 - 1  # characters, where Python's reader of CSV would stop at 131,072
RULE = re.compile(r"[-=+:_ ]{2,}")
NUMBER = re.compile(r"[\d.,+-]*")
COMMENTS = ("#", "//", "--")
TOTALS = set(
    """total totals sum summe gesamt gesamtsumme insgesamt somme suma totale totaal average mean mittelwert durchschnitt
    moyenne promedio media""".split()
) | {"grand total", "total général"}


@dataclass
class Layout:
    """What separates the cells, the columns' names, and the text from the first row on."""

    separator: str
    names: list[str]
    body: str
    n_lines: int  # before the first row
    notes: list[str] = field(default_factory=list)
    share: float = 1.0  # of the lines that have as many cells as the table has columns


def find_layout(text: str, has_header: bool = True) -> Layout:
    """The layout of a text, whose lines end in newlines.

    Parameters
    ----------
    text : str
    has_header : bool, default=True
        Otherwise the columns are called 1, 2, ...

    Raises
    ------
    ValueError
        If there is nothing in it, or a line has more cells than the header.
    """
    layout = _separated(text)
    if layout is None:
        raise ValueError("it is empty")
    if not has_header:
        above = text.split("\n")[: layout.n_lines]
        first = 0 if len(above) == 1 else layout.n_lines - 1
        layout.body = "\n".join([*above[first:], layout.body])
        layout.names = [str(j + 1) for j in range(len(layout.names))]
        layout.n_lines = first
    _leave_out(layout)
    return layout


def _separated(text) -> Layout | None:
    """The layout by the separator with which most lines have as many cells as a header above them."""
    told, _, rest = text.partition("\n")
    told = told.strip('"').casefold()
    if told[:4] == "sep=" and len(told) == 5 and (layout := _with_separator(rest, told[4])):  # as Excel takes it
        layout.n_lines += 1
        return layout
    found = [layout for separator in SEPARATORS if (layout := _with_separator(text, separator))]
    several = [layout for layout in found if len(layout.names) > 1]
    if not several:
        aligned = "\n".join(re.sub(" {2,}", " ", line.strip()) for line in text.split("\n"))
        padded = _with_separator(aligned, " ")
        several = [padded] if padded and padded.share == 1 and len(padded.names) > 1 else []
    return max(
        several or found[:1],
        key=lambda layout: (round(layout.share, 1), layout.separator != " ", len(layout.names)),
        default=None,
    )


def _rows(text, separator):
    csv.field_size_limit(LONGEST_CELL)
    return csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True)


def _with_separator(text, separator) -> Layout | None:
    """The layout with this separator; None if it does not make a table."""
    reader = _rows(text, separator)
    rows, lines = [], []
    for row in islice(reader, HEAD_ROWS):
        if any(cell.strip() for cell in row):
            rows.append([cell.strip() for cell in row])
            lines.append(reader.line_num)
    if not rows:
        return None
    widths = [*map(len, rows)]
    width = Counter(widths[1:] or widths).most_common(1)[0][0]
    # the header may lack the name of the rows' names, or a separator at its end
    top = next((i for i, n in enumerate(widths) if 0 <= width - n <= 1 and n > (width > 1)), None)
    if separator != "," and (width == 1 or top is None or (separator == " " and top > 0)):
        return None
    top = _below_titles(rows, top or 0)
    below = widths[top + 1 :]
    share = below.count(width) / len(below) if below else 1.0
    if separator != "," and share < (0.5 if separator != " " else 0.95):
        return None
    names, notes = rows[top], []
    if len(names) < width and all(row[-1] == "" for row in rows[top + 1 :] if len(row) == width):
        names = [*names, ""]
    elif len(names) < width and top + 1 < len(rows):
        names, notes = ["", *names], ["Took the first column, which has no name, for the names of the rows."]
    if top:
        notes.append(first_lines(lines[top - 1]))
    body = text.split("\n", lines[top])[-1] if text.count("\n") >= lines[top] else ""
    return Layout(separator, names, body, lines[top], notes, share)


def first_lines(n: int) -> str:
    """A note on the lines above a table."""
    return f"Left out the first {f'{n} lines, which are' if n > 1 else 'line, which is'} no part of the table."


def _below_titles(rows, top) -> int:
    """The number of the row with the names, where titles with the table's separators stand above it, as Excel has them.

    It has a text in each cell, numbers below one of them, and above it no row with more than half of its cells.
    """
    for place, row in enumerate(rows[top : top + MOST_TITLES], top):
        if len(row) > 1 and all(cell and not NUMBER.fullmatch(cell) for cell in row):
            below = [*zip(*(cells for cells in rows[place + 1 :] if len(cells) == len(row)), strict=True)]
            has_numbers = any(any(cells) and all(map(NUMBER.fullmatch, cells)) for cells in below)
            return place if has_numbers else top
        if 2 * sum(map(bool, row)) > len(row):
            break
    return top


def _leave_out(layout: Layout) -> None:
    """Take the lines out of the body that are no rows, with a note; an error for a line that is too long."""
    reader, width = _rows(layout.body, layout.separator), len(layout.names)
    start, odd, other, ends, words = 0, [], [], [], Counter()
    for row in reader:
        line, start = (start, reader.line_num), reader.line_num
        if not row:
            continue
        if is_no_row(row, layout.names, is_first=not ends):
            other.append(line)
        elif len(row) > width:
            separated = SEPARATORS.get(layout.separator, repr(layout.separator))
            advice = f"put cells that hold {separated} in quotes"
            if width == 1:
                advice += f", or separate all cells by one of {', '.join(SEPARATORS.values())}"
            raise ValueError(f"line {layout.n_lines + line[1]} has {len(row)} cells, but the header {width}; {advice}")
        elif len(row) < width:
            odd.append(layout.n_lines + line[1])
        ends = [*ends[-2:], (line, row)]
        words.update({_first_word(row)} & TOTALS)
    other += [line for line, row in last_totals(ends) if words[_first_word(row)] == 1]
    if odd := [line for line in odd if line - layout.n_lines not in {end for _, end in other}]:
        which = f"{len(odd)} short lines lack" if len(odd) > 1 else "a short line lacks"
        layout.notes.append(f"Took for missing what {which} (line {_some(odd)}).")
    if other:
        gone = {number for first, last in other for number in range(first, last)}
        lines = layout.body.split("\n")
        layout.body = "\n".join(text for number, text in enumerate(lines) if number not in gone)
        numbers = [layout.n_lines + last for _, last in sorted(other)]
        layout.notes.append(f"Left out what is no row of the table (line {_some(numbers)}).")


def is_no_row(row: list[str], names: list[str], is_first: bool) -> bool:
    """Whether a line is a comment, a rule, a remark below the table or its header once more."""
    cells = [cell.strip() for cell in row]
    filled = [*filter(None, cells)]
    if is_first and filled and all(map(RULE.fullmatch, filled)):
        return True
    if len(row) < len(names):
        alone = len(row) == 1 and len(names) > 2 and bool(RULE.fullmatch(cells[0]) or not NUMBER.fullmatch(cells[0]))
        return alone or cells[0].startswith(COMMENTS)
    return len(names) > 1 and cells == [name.strip() for name in names]


def last_totals(ends: Iterable[tuple]) -> list[tuple]:
    """Of the last rows, as pairs of anything and the cells, those that are sums of the others."""
    found = []
    for what, row in reversed([*ends]):
        if _first_word(row) not in TOTALS:
            break
        found.append((what, row))
    return found


def _first_word(row) -> str:
    return next((cell for cell in map(str.strip, row) if cell), "").casefold().rstrip(": ")


def looks_like_rows(names: list[str], is_number: list[bool]) -> bool:
    """Whether what stands for the names is data: numbers above each column of numbers, but not all of them years."""
    above = [name.replace(",", ".") for name, number in zip(names, is_number, strict=True) if number]
    values = []
    for text in above:
        try:
            values.append(float(text))
        except ValueError:
            return False
    return any(value % 1 or not 1900 <= value <= 2100 for value in values)


def _some(numbers):
    listed = ", ".join(map(str, numbers[:MOST_LISTED]))
    return listed + (", ..." if len(numbers) > MOST_LISTED else "")
