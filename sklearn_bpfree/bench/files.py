"""Files that the command reads and writes: looked at before the work, and no file is ever half written or lost.

`check_input` and `check_outputs` say in a sentence what cannot be read or written, before any work; `replacing` writes.
"""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sklearn_bpfree.bench.memory import room, too_large
from sklearn_bpfree.bench.reading import BenchError
from sklearn_bpfree.estimators import disk
from sklearn_bpfree.estimators.disk import reason

KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def check_input(path: str) -> None:
    """Refuse what is not a file, and one that there is no room for in the machine's memory.

    Parameters
    ----------
    path : str

    Raises
    ------
    BenchError
        In these cases, and if there is no such file.
    """
    try:
        found = os.stat(path)
    except (OSError, ValueError) as error:
        raise BenchError(f"{path} cannot be read: {reason(error)}.") from error
    if not stat.S_ISREG(found.st_mode):
        raise BenchError(f"{path} cannot be read: it is {_kind(found)}; give a file.")
    if not found.st_size:  # such as /proc/kmsg, too, which would block
        raise BenchError(f"{path} cannot be read: it is empty.")
    if found.st_size > room():
        raise BenchError(too_large(path, f"has {found.st_size / 2**30:.1f} GiB"))


def check_outputs(outputs: dict[str, str | None], inputs: list[str], force: bool = False) -> None:
    """Refuse what cannot be written, would take an input's place, or would replace a file unasked.

    Parameters
    ----------
    outputs : dict of str to str or None
        Option of the command line -> file to write.
    inputs : list of str
        Files that are read.
    force : bool, default=False
        Whether files that exist may be replaced; never the inputs.

    Raises
    ------
    BenchError
        In these cases, and if two outputs are one file.
    """
    earlier = {}
    for option, path in outputs.items():
        if path is None:
            continue
        _check_place(option, path)
        for read in inputs:
            if _same_file(path, read):
                raise BenchError(f"{option} {path} would write over {read}, which is read; give another name.")
        for other, taken in earlier.items():
            if _same_file(path, taken):
                raise BenchError(f"{other} and {option} are both {path}; give two names.")
        if os.path.lexists(path) and not force:
            raise BenchError(f"{option} {path} exists; give another name, or --force to replace it.")
        earlier[option] = path


def _check_place(option, path):
    """See that `path` names a file, there or not, in a folder where files can be made."""
    folder = Path(path).absolute().parent
    try:
        found = os.stat(path)
    except FileNotFoundError:
        found = None
    except (OSError, ValueError) as error:
        raise BenchError(f"{option} {path} cannot be written: {reason(error)}.") from error
    if not folder.is_dir():
        raise BenchError(f"The directory of {option} {path} does not exist; create it first.")
    if found and not stat.S_ISREG(found.st_mode):
        raise BenchError(f"{option} {path} is {_kind(found)}; give the name of a file.")
    if not path or path.endswith(os.sep):
        raise BenchError(f"{option} {path!r} is no name of a file; give one.")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BenchError(f"{option} {path} cannot be written: {reason(error)}.") from error


@contextmanager
def replacing(path: str) -> Iterator[BinaryIO]:
    """A file that takes its place at `path` when all is written; if anything goes wrong, nothing has changed.

    See `sklearn_bpfree.estimators.disk.replacing`.

    Raises
    ------
    BenchError
        If the file cannot be written.
    """
    try:
        with disk.replacing(path) as file:
            yield file
    except OSError as error:
        raise BenchError(f"{path} cannot be written: {reason(error)}.") from error


def _same_file(one, other):
    """Whether two names mean one file, through links of any kind."""
    if "\0" in one + other:
        return False  # neither is the name of a file
    if os.path.realpath(one) == os.path.realpath(other):
        return True
    return os.path.exists(one) and os.path.exists(other) and os.path.samefile(one, other)


def _kind(found):
    return KINDS.get(stat.S_IFMT(found.st_mode), "no regular file")
