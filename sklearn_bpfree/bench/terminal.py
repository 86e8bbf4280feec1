"""What the command prints: tables of text, progress, and nothing of a file that could steer the terminal.

Everything goes out through `say`, and every cell and name through `plain`, so that a label, a column or a file's name
cannot move the cursor, colour the screen, or pass for a line of ours.
"""

import re
import signal
import sys
import threading
import unicodedata
from contextlib import contextmanager
from importlib.util import find_spec

# the control sequences of ECMA-48: CSI ... final byte; OSC, DCS and their like up to the terminator; two-byte ones
ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
BAR = "\\|"  # a bar inside a cell of a Markdown table
SPACES = "\t\n\v\f\r\x85\u2028\u2029"
BIDIRECTIONAL = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def plain(text) -> str:
    """One line of text without escape sequences, control characters and changes of direction."""
    return "".join(map(_plain_character, ESCAPES.sub("", str(text))))


def _plain_character(character):
    if character in SPACES:
        return " "
    hidden = character in BIDIRECTIONAL or unicodedata.category(character) in ("Cc", "Cs")
    return "" if hidden else character


def say(*lines, error: bool = False) -> None:
    """Print lines that hold nothing but text; to stderr if it is no part of the result."""
    for line in lines:
        text = "\n".join(map(plain, str(line).split("\n")))
        print(text, file=sys.stderr if error else sys.stdout, flush=True)


def aligned(header: list[str], rows: list[list[str]]) -> str:
    """A table of text in columns."""
    header, *rows = [[plain(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[j]) for row in [header, *rows]) for j in range(len(header))]
    ruled = [header, ["-" * width for width in widths], *rows]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in ruled)


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    ruled = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(plain(cell).replace('|', BAR) for cell in row)} |" for row in ruled)


@contextmanager
def progress(total: int):
    """Yield a function to call after each fold: a bar if there is a terminal and rich, or a line with the total."""
    if sys.stderr.isatty() and find_spec("rich"):
        with _bar(total) as advance:
            yield advance
        return
    done = []

    def tell(name, fold):
        done.append(name)
        say(f"{name}: fold {fold} ({len(done)} of {total})", error=True)

    yield tell


@contextmanager
def _bar(total):
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda name, fold: bar.update(task, advance=1, description=escape(plain(name)))


@contextmanager
def interruptible():
    """Yield a function that raises KeyboardInterrupt after Ctrl-C, which a fit may have swallowed to keep its state."""
    pressed = []

    def note(number, frame):
        pressed.append(number)
        signal.default_int_handler(number, frame)

    def check():
        if pressed:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # where there is no Ctrl-C
        yield check
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)
