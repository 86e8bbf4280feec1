"""Files as people have them, as a pandas DataFrame: kinds of files, encodings, compression and columns' types.

Nothing here decides what a column is, except that a column of a text file whose cells are plain numbers or booleans
gets that type; all other cells stay as they are written, for `tabular` to understand. Read `read_frame` first.
"""

import bz2
import codecs
import gzip
import io
import json
import lzma
import re
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from typing import Any

import numpy as np

from sklearn_bpfree.bench.layout import find_layout, first_lines, last_totals, looks_like_rows
from sklearn_bpfree.bench.memory import room, too_large
from sklearn_bpfree.tabular.cells import numbers_of
from sklearn_bpfree.tabular.integers import LARGEST_INTEGER
from sklearn_bpfree.tabular.kinds import understand
from sklearn_bpfree.tabular.numbers import NumberFormat

BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
PACKED = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
PIECE = 1 << 24  # bytes that are unpacked at a time
TYPED = {b"PAR1": "parquet", b"ARROW1": "feather", b"FEA1": "feather", b"ORC": "orc", b"\xd0\xcf\x11\xe0": "excel"}
ENDINGS = {"dta": "stata", "sas7bdat": "sas", "xpt": "sas", "sav": "spss", "zsav": "spss"}
NO_TABLE = {
    **dict.fromkeys(
        ("<!doctype", "<html", "<head", "<table", "<?xml"), "it is a web page or XML; save the table itself"
    ),
    "%pdf-": "it is a PDF; save the table itself",
    "version https://git-lfs": "it is a pointer that git-lfs left; run git lfs pull",
    "\x28\xb5\x2f\xfd": "it is packed by zstd; unpack it first",
}
BOOLEANS = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}
ESCAPED, DOUBLED = re.compile(r'\\"(?![,;\t|\n]|$)'), re.compile(r'[^\s,;|"\\]""[^\s,;|"]')
SINGLE_QUOTED = re.compile(r"'[^']*'(?:[,;\t|] ?'[^']*')+")  # names
INSTALL = {"excel": "openpyxl (odfpy for .ods, xlrd for .xls)", "spss": "pyreadstat"}


class BenchError(Exception):
    """Something that the user gave makes no sense; told in one sentence."""


def read_frame(
    path: str, encoding: str | None = None, as_text: Collection[str] = (), has_header: bool = True
) -> tuple[Any, list[str]]:
    """The table in a file, and sentences on what was not plain.

    Parameters
    ----------
    path : str
        Parquet, Feather, ORC, Excel, OpenDocument, JSON, Stata, SAS or SPSS, by what is in it; otherwise text whose
        separator, encoding and compression (gz, bz2, xz, zip) are found out.
    encoding : str or None, default=None
        Of a text, as Python names it. None: by the byte order mark, else UTF-8, else Windows-1252.
    as_text : collection of str, default=()
        Columns of a text file that stay as they are written.
    has_header : bool, default=True
        Whether the first line of a text has the columns' names; otherwise they are called 1, 2, ...

    Returns
    -------
    frame : pandas.DataFrame
    notes : list of str
    """
    kind = "text"
    try:
        import pandas  # noqa: F401

        kind = _kind(path)
        if kind != "text":
            return _read_typed(path, kind)
        return _read_text(path, encoding, as_text, has_header)
    except ImportError as error:
        if kind in INSTALL:
            raise BenchError(f"{path} cannot be read without {INSTALL[kind]}; install it by pip.") from error
        message = 'Reading a table needs pandas and pyarrow; run pip install "sklearn-bpfree[table]".'
        raise BenchError(message) from error
    except BenchError:
        raise
    except Exception as error:  # the exceptions of half a dozen parsers
        reason = getattr(error, "strerror", None) or first_line(error) or type(error).__name__
        raise BenchError(f"{path} cannot be read: {reason.rstrip('.')}.") from error


def first_line(error):
    return str(error).strip().partition("\n")[0]


def _kind(path) -> str:
    """The kind of a file by what is in it, or by its ending where nothing tells."""
    with open(path, "rb") as file:
        head = file.read(8)
    if head.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(path) as archive:
            return "excel" if {"[Content_Types].xml", "content.xml"} & {*archive.namelist()} else "text"
    by_ending = ENDINGS.get(path.rpartition(".")[2].casefold(), "text")
    return next((kind for mark, kind in TYPED.items() if head.startswith(mark)), by_ending)


def _read_typed(path, kind) -> tuple[Any, list[str]]:
    import pandas as pd

    if kind == "excel":
        return _read_sheets(path)
    if kind == "parquet":
        _check_parquet(path)
    frame = getattr(pd, f"read_{kind}")(path)
    decimals = [name for name, column in frame.items() if pd.api.types.infer_dtype(column) == "decimal"]
    return frame.astype(dict.fromkeys(decimals, np.float64)), []


def _check_parquet(path):
    """See that there is room for the cells, of which a small file may have many."""
    from pyarrow import parquet

    found = parquet.read_metadata(path)
    size = 8 * found.num_rows * found.num_columns
    if size > room():
        raise BenchError(too_large(path, f"has {found.num_rows} rows and {found.num_columns} columns"))


def _read_sheets(path) -> tuple[Any, list[str]]:
    """The largest sheet of a workbook, its names taken from the first line that is as wide as the table."""
    import pandas as pd

    sheets = pd.read_excel(path, sheet_name=None, header=None, keep_default_na=False, na_values=[""], dtype=object)
    sheets = {name: sheet.dropna(how="all").dropna(axis=1, how="all") for name, sheet in sheets.items()}
    name, sheet = max(sheets.items(), key=lambda item: item[1].size)
    if sheet.empty:
        raise ValueError("it is empty")
    others = [other for other, rows in sheets.items() if other != name and not rows.empty]
    notes = [f"Read the sheet {name!r}, the largest; the others are {', '.join(map(repr, others))}."] if others else []
    filled = sheet.notna().sum(axis=1).to_numpy()
    top = int(np.argmax(filled >= max(sheet.shape[1] - 1, 1)))
    if top:
        notes.append(first_lines(top))
    names = ["" if pd.isna(cell) else str(cell) for cell in sheet.iloc[top]]
    body = sheet.iloc[top + 1 :].reset_index(drop=True)
    rows = [["" if pd.isna(cell) else str(cell) for cell in row] for row in body.tail(3).to_numpy()]
    no_rows = [number for number, _ in last_totals(zip(body.index[-3:], rows, strict=True))]
    if no_rows:
        notes.append(f"Left out {len(no_rows)} lines below the table, which have sums.")
    frame = body.drop(index=no_rows).infer_objects()
    return _named(frame, names, notes), notes


def _named(frame, names, notes):
    """The frame with these names, without columns that have neither a name nor a cell."""
    names = [unicodedata.normalize("NFC", name.strip()) for name in names]
    kept = [j for j, name in enumerate(names) if name or frame.iloc[:, j].notna().any()]
    return frame.iloc[:, kept].set_axis(_unique([names[j] or f"Unnamed: {j}" for j in kept], notes), axis=1)


def _read_text(path, encoding, as_text, has_header):
    import pandas as pd

    notes: list[str] = []
    text, notes = _decode(_unpack(path, notes), path, encoding, notes)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    start = text[:30].lstrip()
    if reason := next((reason for mark, reason in NO_TABLE.items() if start.casefold().startswith(mark)), None):
        raise ValueError(reason)
    if start[:1] in ("{", "[") and (frame := _from_json(text)) is not None:
        return frame, notes
    if start[:1] in ("{", "[") and path.rpartition(".")[2].casefold() in ("json", "jsonl", "ndjson"):
        raise ValueError("it is no whole JSON text")
    layout = find_layout(_with_usual_quotes(text), has_header)
    notes += layout.notes
    numbers = [*range(len(layout.names))]
    frame = pd.read_csv(
        io.StringIO(layout.body), sep=layout.separator, header=None, names=numbers, index_col=False, dtype=str,
        keep_default_na=False, skipinitialspace=True,
    )  # fmt: skip
    frame = frame.apply(lambda cells: cells.str.strip().where(lambda cells: cells != ""))
    frame = _named(frame, layout.names, notes)
    frame = pd.DataFrame(
        {name: cells if name in as_text else _with_type(name, cells) for name, cells in frame.items()}, frame.index
    )
    names = [name for name in layout.names if name]
    if has_header and len(names) == frame.shape[1] and looks_like_rows(names, [t.kind in "if" for t in frame.dtypes]):
        notes.append("The first line looks like a row, not like names; if it is one, say --no-header.")
    return frame, notes


def _with_usual_quotes(text):
    """The text with quotes as CSV has them, of one with backslashes before quotes or with single quotes."""
    if ESCAPED.search(text) and not DOUBLED.search(text):
        return text.replace('\\"', '""')
    if '"' not in text and SINGLE_QUOTED.fullmatch(text.partition("\n")[0].strip()):
        return text.replace("'", '"')
    return text


def _from_json(text):
    """The table that a JSON text holds, in any of the ways of pandas, or as a line each; None if it is no JSON."""
    import pandas as pd

    try:
        data = json.loads(text)
    except ValueError:
        try:
            data = [json.loads(line) for line in text.split("\n") if line.strip()]
        except ValueError:
            return None
    if isinstance(data, dict) and {"columns", "data"} <= data.keys():
        return pd.DataFrame(data["data"], columns=data["columns"])
    if isinstance(data, dict):
        lists = {name: part for name, part in data.items() if isinstance(part, list) and part}
        tables = {name: part for name, part in lists.items() if isinstance(part[0], dict)}
        data = tables.get("data", next(iter(tables.values())) if len(tables) == 1 else data)
    return pd.DataFrame(data).reset_index(drop=True)


def _unpack(path, notes) -> bytes:
    with open(path, "rb") as file:
        head = file.read(6)
        file.seek(0)
        if head.startswith(b"PK\x03\x04"):
            with zipfile.ZipFile(file) as archive, archive.open(_table_of(archive, path, notes)) as packed:
                return _read_bounded(packed, path)
        for mark, unpacking in PACKED.items():
            if head.startswith(mark):
                with unpacking(file) as packed:
                    return _read_bounded(packed, path)
        return file.read()


def _table_of(archive, path, notes) -> str:
    """The name of the one table in an archive."""
    names = [name for name in archive.namelist() if not name.endswith("/") and "__MACOSX" not in name]
    names = [name for name in names if not name.rpartition("/")[2].startswith(".")]
    tables = [name for name in names if name.casefold().endswith((".csv", ".tsv", ".tab"))]
    if len(names) > 1 and len(tables) == 1:
        names = tables
        notes.append(f"Read {names[0]!r}, the one table of the archive.")
    if len(names) != 1:
        raise BenchError(f"{path} cannot be read: it holds {len(names)} files; give an archive of one.")
    return names[0]


def _read_bounded(packed, path) -> bytes:
    """What a packed file holds, unless there is no room for it."""
    limit, size, pieces = room(), 0, []
    while piece := packed.read(PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise BenchError(too_large(path, f"unpacks to more than {limit / 2**30:.1f} GiB"))
    return b"".join(pieces)


def _decode(data, path, encoding, notes):
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
        text = data.decode("utf-8", errors="replace")
        n_bad = text.count("\ufffd")
        if 2 * n_bad < sum(text.count(sign) for sign in {*text} if sign > "\x7f"):
            return text, [
                *notes,
                f"Read in UTF-8, though {n_bad} of its characters are broken (change it with --encoding).",
            ]
        text = data.decode("cp1252", errors="replace")
        notes = [*notes, "Read in Windows-1252, because the file is not in UTF-8 (change it with --encoding)."]
    if "\0" in text[:1000]:
        raise BenchError(f"{path} cannot be read: it holds no text in an encoding that is known; give --encoding.")
    return text, notes


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
    """A column of texts as numbers or booleans, if it holds nothing else; otherwise as it is."""
    import pandas as pd

    cells = cells.where(cells.notna(), None)
    if set(cells.unique()) <= BOOLEANS.keys():
        return cells.map(BOOLEANS).astype(bool)
    column = understand(name, cells.tolist())
    if not _says_nothing_but_numbers(column):
        return cells
    numbers = pd.Series(numbers_of(column, cells.tolist()), cells.index)
    if column.odd:
        numbers = cells.map(_infinite).astype(np.float64).fillna(numbers)
    whole = bool((numbers % 1 == 0).all())
    if whole and numbers.abs().max() >= LARGEST_INTEGER:
        return cells
    return numbers.astype(np.int64) if whole and numbers.notna().all() else numbers


def _says_nothing_but_numbers(column) -> bool:
    """Whether a column's texts are numbers as computers write them, with a decimal point or comma."""
    form = column.format
    if not isinstance(form, NumberFormat) or form.group or form.ending or set(form.scales) != {""}:
        return False
    told = ("read as", "bounds", "fractions", "footnotes", "errors")
    return not any(word in note for note in form.notes for word in told) and all(
        _infinite(cell) is not None for cell in column.odd
    )


def _infinite(text):
    """The infinite number in a text; None if there is none."""
    with suppress(TypeError, ValueError):
        return number if np.isinf(number := float(text)) else None
    return None
