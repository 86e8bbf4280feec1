"""How large a table may be: what a file says is looked at before it fills the memory."""

import os
from contextlib import suppress
from pathlib import Path

COPIES = 4  # at least so many times the size of a file are needed to read it


def room() -> float:
    """The largest number of bytes that a table's file may have, packed or not."""
    return memory() / COPIES


def too_large(path: str, size: str) -> str:
    """The sentence that refuses a file; `size` goes on after "it"."""
    return (
        f"{path} cannot be read: it {size}, of which reading takes several times that, and this machine's memory is "
        f"{memory() / 2**30:.1f} GiB; give a part of it."
    )


def memory() -> float:
    """Bytes of memory that this process can have."""
    limits = [float("inf")]
    with suppress(AttributeError, ValueError, OSError):  # not on every system
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with suppress(OSError, ValueError):  # of the container
        limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    with suppress(ImportError):
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        limits += [] if soft == resource.RLIM_INFINITY else [soft]
    return min(limits)
