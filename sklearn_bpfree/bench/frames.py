"""Files as people have them, as a pandas DataFrame: separators, encodings, compression and what stands around a table.

Nothing here decides what a column is, except that a column of a text file whose cells are plain numbers or booleans
gets that type; all other cells stay as they are written, for `tabular` to understand. Read `read_frame` first.
"""

import bz2
import codecs
import csv
import gzip
import io
import lzma
import zipfile
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from sklearn_bpfree.tabular.cells import numbers_of
from sklearn_bpfree.tabular.kinds import understand
from sklearn_bpfree.tabular.numbers import NumberFormat

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "blanks"}
HEAD_ROWS = 200  # rows by which a file's layout is found out
BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
PACKED = {b"\x1f\x8b": gzip.decompress, b"BZh": bz2.decompress, b"\xfd7zXZ": lzma.decompress}
TYPED = {"parquet": "parquet", "pq": "parquet", "feather": "feather", "arrow": "feather", "json": "json"}
TYPED |= {"jsonl": "json", "ndjson": "json", "xlsx": "excel", "xlsm": "excel", "xls": "excel", "ods": "excel"}
BOOLEANS = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}
LARGEST_INTEGER = 2.0**53  # above which floats do not tell integers apart


class BenchError(Exception):
    """Something that the user gave makes no sense; told in one sentence."""


@dataclass
class _Layout:
    """Where in a text the table begins, what separates its cells, and its columns' names."""

    separator: str
    names: list[str]
    n_lines: int  # before the first row
    notes: list[str]


def read_frame(path: str, encoding: str | None = None, as_text: Collection[str] = ()) -> tuple[Any, list[str]]:
    """The table in a file, and sentences on what was not plain.

    Parameters
    ----------
    path : str
        By its ending Parquet, Feather, JSON or Excel, otherwise text whose separator, encoding and compression (gz,
        bz2, xz, zip) are found out.
    encoding : str or None, default=None
        Of a text, as Python names it. None: by the byte order mark, else UTF-8, else Windows-1252.
    as_text : collection of str, default=()
        Columns of a text file that stay as they are written.

    Returns
    -------
    frame : pandas.DataFrame
    notes : list of str
    """
    try:
        import pandas  # noqa: F401

        ending = path.rpartition(".")[2].casefold()
        if ending in TYPED:
            return _read_typed(path, TYPED[ending], ending), []
        return _read_text(path, encoding, as_text)
    except ImportError as error:
        if "pandas" not in str(error) and "pyarrow" not in str(error):
            raise BenchError(f"{path} cannot be read: {first_line(error).rstrip('.')}.") from error
        message = 'Reading a table needs pandas and pyarrow; run pip install "sklearn-bpfree[table]".'
        raise BenchError(message) from error
    except BenchError:
        raise
    except Exception as error:  # the exceptions of half a dozen parsers
        reason = getattr(error, "strerror", None) or first_line(error) or type(error).__name__
        raise BenchError(f"{path} cannot be read: {reason.rstrip('.')}.") from error


def first_line(error):
    return str(error).strip().partition("\n")[0]


def _read_typed(path, kind, ending):
    import pandas as pd

    if kind == "excel":
        return pd.read_excel(path, keep_default_na=False, na_values=[""])
    if kind == "json":
        return pd.read_json(path, lines=ending != "json")
    frame = pd.read_parquet(path) if kind == "parquet" else pd.read_feather(path)
    decimals = [name for name, column in frame.items() if pd.api.types.infer_dtype(column) == "decimal"]
    return frame.astype(dict.fromkeys(decimals, np.float64))


def _read_text(path, encoding, as_text):
    import pandas as pd

    text, notes = _decode(_unpack(path), path, encoding)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    layout = _layout(text)
    body = text.split("\n", layout.n_lines)[-1] if layout.n_lines else text
    notes += layout.notes + _check_lengths(body, layout, path)
    numbers = [*range(len(layout.names))]
    frame = pd.read_csv(
        io.StringIO(body), sep=layout.separator, header=None, names=numbers, index_col=False, dtype=str,
        keep_default_na=False, skipinitialspace=True,
    )  # fmt: skip
    empty = [j for j in numbers if not layout.names[j] and frame[j].fillna("").str.strip().eq("").all()]
    frame = frame.drop(columns=empty)  # which separators at the ends of the lines make
    names = _unique([layout.names[j] or f"Unnamed: {j}" for j in frame.columns], notes)
    columns = {
        name: frame[j] if name in as_text else _with_type(name, frame[j])
        for name, j in zip(names, frame.columns, strict=True)
    }
    return pd.DataFrame(columns), notes


def _unpack(path) -> bytes:
    with open(path, "rb") as file:
        data = file.read()
    if data.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/") and "__MACOSX" not in name]
            if len(names) != 1:
                raise BenchError(f"{path} cannot be read: it holds {len(names)} files; give an archive of one.")
            return archive.read(names[0])
    return next((unpack(data) for mark, unpack in PACKED.items() if data.startswith(mark)), data)


def _decode(data, path, encoding):
    notes = []
    if encoding is None:
        encoding = next((name for mark, name in BOMS.items() if data.startswith(mark)), None)
    if encoding is None:
        even, odd = (data[start:1000:2].count(0) / (len(data[start:1000:2]) or 1) for start in (0, 1))
        encoding = "utf-16-le" if odd > 0.4 > even else "utf-16-be" if even > 0.4 > odd else None
    try:
        text = data.decode(encoding or "utf-8")
    except LookupError as error:
        raise BenchError(f"{encoding!r} is no encoding; give one such as utf-8, cp1252 or utf-16.") from error
    except UnicodeError as error:
        if encoding is not None:
            raise BenchError(f"{path} cannot be read: it is not in {encoding}; give another encoding.") from error
        text = data.decode("cp1252", errors="replace")
        notes = ["Read in Windows-1252, because the file is not in UTF-8 (change it with --encoding)."]
    if "\0" in text[:1000]:
        raise BenchError(f"{path} cannot be read: it holds no text in an encoding that is known; give --encoding.")
    return text, notes


def _layout(text) -> _Layout:
    """Find out the separator by which most lines have as many cells as a header above them."""
    told = text[:6].casefold()
    if told.startswith("sep=") and text[5:6] in ("\n", ""):  # as Excel takes it
        layout = _with_separator(text.partition("\n")[2], text[4])
        if layout is not None:
            return _Layout(text[4], layout.names, layout.n_lines + 1, layout.notes)
    found = [layout for separator in SEPARATORS if (layout := _with_separator(text, separator))]
    return max(found, key=lambda layout: len(layout.names) * (layout.separator != " ") + (len(layout.names) > 1))


def _with_separator(text, separator):
    """The layout with this separator; None if it does not make a table."""
    reader = csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True)
    rows, lines = [], []
    for row in islice((row for row in reader), HEAD_ROWS):
        if any(cell.strip() for cell in row):
            rows.append([cell.strip() for cell in row])
            lines.append(reader.line_num)
    if not rows:
        raise ValueError("it is empty")
    widths = [*map(len, rows)]
    width = Counter(widths[1:] or widths).most_common(1)[0][0]
    slack = 0 if separator == " " else 1  # names of rows or a separator at the end, which the header may lack
    top = next((i for i, n in enumerate(widths) if 0 <= width - n <= slack and n > (width > 1)), None)
    if separator != "," and (width == 1 or top is None):
        return None
    top = top or 0
    names, notes = rows[top], []
    if len(names) < width and all(row[-1] == "" for row in rows[top + 1 :] if len(row) == width):
        names = [*names, ""]
    elif len(names) < width and top + 1 < len(rows):
        names, notes = ["", *names], ["Took the first column, which has no name, for the names of the rows."]
    if top:
        notes.append(f"Left out the first {lines[top - 1]} lines, which are no part of the table.")
    if separator != "," and widths[top + 1 :].count(width) < 0.5 * len(widths[top + 1 :]):
        return None
    return _Layout(separator, names, lines[top], notes)


def _check_lengths(body, layout, path) -> list[str]:
    """An error for a line that is too long, a note on those that are too short."""
    reader = csv.reader(io.StringIO(body), delimiter=layout.separator, skipinitialspace=True)
    width, first = len(layout.names), layout.n_lines
    odd = [(first + reader.line_num, len(row)) for row in reader if row and len(row) != width]
    for line, n_cells in odd:
        if n_cells > width:
            raise BenchError(
                f"{path} cannot be read: line {line} has {n_cells} cells, but the header {width}; put cells that hold "
                f"{SEPARATORS.get(layout.separator, layout.separator)} in quotes."
            )
    if odd:
        some = ", ".join(str(line) for line, _ in odd[:5]) + (", ..." if len(odd) > 5 else "")
        return [f"Took for missing what {len(odd)} short lines lack (line {some})."]
    return []


def _unique(names, notes):
    """The names, with .1, .2, ... behind those that stand there already, as pandas has it."""
    counts, unique = Counter(), []
    for name in names:
        unique.append(f"{name}.{counts[name]}" if counts[name] else name)
        counts[name] += 1
    if twice := [name for name, count in counts.items() if count > 1]:
        notes.append(
            f"More than one column is called {', '.join(map(repr, twice))}; the further ones end in .1, .2, ..."
        )
    return unique


def _with_type(name, cells):
    """A column of texts as numbers or booleans, if it holds nothing else; otherwise as it is, but for empty cells."""
    cells = cells.where(cells.notna() & (cells.str.strip() != ""), None)
    import pandas as pd

    if set(cells.unique()) <= BOOLEANS.keys():
        return cells.map(BOOLEANS).astype(bool)
    column = understand(name, cells.tolist())
    if not _says_nothing_but_numbers(column):
        return cells
    numbers = cells.map(_infinite).astype(np.float64).fillna(pd.Series(numbers_of(column, cells.tolist()), cells.index))
    whole = bool((numbers % 1 == 0).all())
    if whole and numbers.abs().max() >= LARGEST_INTEGER:
        return cells
    return numbers.astype(np.int64) if whole and numbers.notna().all() else numbers


def _says_nothing_but_numbers(column) -> bool:
    """Whether a column's texts are numbers as computers write them, with a decimal point or comma."""
    form = column.format
    if not isinstance(form, NumberFormat) or form.group or set(form.scales) != {""}:
        return False
    return not any("read as" in note or "bounds" in note or "fractions" in note for note in form.notes) and all(
        _infinite(cell) is not None for cell in column.odd
    )


def _infinite(text):
    """The infinite number in a text; None if there is none."""
    with suppress(TypeError, ValueError):
        return number if np.isinf(number := float(text)) else None
    return None
