"""Files that are whole or not there: what is written takes a file's place when all of it is on the disk."""

import os
import stat
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: str) -> Iterator[BinaryIO]:
    """A file that takes its place at `path` when all is written; if anything goes wrong, nothing has changed.

    A symbolic link is replaced, and what it points to stays as it is.

    Parameters
    ----------
    path : str

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    temporary = None
    folder = Path(path).absolute().parent
    try:
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=_prefix(path))
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(handle)
        os.chmod(temporary, _mode(path))
        os.replace(temporary, path)
    except BaseException:
        if temporary:
            with suppress(OSError):
                os.unlink(temporary)
        raise
    _sync_folder(folder)


def remove_leftovers(path: str) -> None:
    """Remove what a process that was killed while it wrote `path` has left beside it."""
    for left in Path(path).absolute().parent.glob(f"{_prefix(path)}*"):
        with suppress(OSError):
            left.unlink()


def reason(error: BaseException) -> str:
    """Why something went wrong with a file, as a part of a sentence."""
    why = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return why.strip().partition("\n")[0].rstrip(".")


def _prefix(path):
    """How the name of a temporary file for `path` begins; short, however long the path is."""
    return f".bpfree-{zlib.crc32(os.fsencode(Path(path).name)):08x}-"


def _mode(path):
    """Permissions of the file that is replaced, otherwise what a new file has."""
    if os.path.exists(path) and not os.path.islink(path):
        return stat.S_IMODE(os.stat(path).st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _sync_folder(folder):
    """See that the new name outlives a loss of power, where the system can do that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
