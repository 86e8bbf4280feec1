"""How a task reaches a worker: as one string of bytes, without what all tasks share, which travels once.

Read `run` first: it is what a worker does.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import tempfile
import time
from functools import lru_cache
from typing import Any

import joblib
import numpy as np
from joblib.externals.loky.backend.reduction import dumps  # as loky's processes are sent functions made at a prompt

from sklearn_bpfree.plugin.blas import keep_freed_memory, one_blas_thread

AT_ONCE = 2048  # bytes of results that go through a pipe in one piece on any system, with what loky and joblib add


class Task:
    """A function, blocks and arguments, which leave behind what is shared."""

    def __init__(self, function, blocks, args, shared):
        self.function, self.blocks, self.args, self.shared = function, blocks, args, shared

    def __getstate__(self):
        args = [Task if arg is self.shared else arg for arg in self.args]  # the class marks the place
        return {"function": self.function, "blocks": self.blocks, "args": args, "shared": Task}

    def results(self, sent=None) -> tuple[list, float]:
        """Results of the blocks, and the processor's seconds that they took; `sent` is what was shared elsewhere."""
        begin = time.thread_time()
        args = [sent if arg is Task else arg for arg in self.args]
        with one_blas_thread(), np.errstate(all="ignore"):  # other threads do not inherit the caller's errstate
            results = [self.function(block, *args) for block in self.blocks]
        return results, time.thread_time() - begin


class TaskError(Exception):
    """An error of a task's own function, which another worker would meet as well; all other errors are the workers'."""

    def __init__(self, error: Exception):
        super().__init__(error)
        self.error = error


class Parcel:
    """Something that travels as one string of bytes.

    Dask lays arrays end to end, and from those that then begin within a number's bytes numpy computes other bits.
    joblib's backend for Dask scatters every large array that it sees among the arguments, in a callback whose failure
    leaves the caller waiting for ever; into a parcel it does not look.
    """

    def __init__(self, content):
        self.content = content

    def __reduce__(self):
        return _unpacked, (bytes(dumps(self.content)),)


def _unpacked(data):
    return Parcel(pickle.loads(data))


class Filed:
    """A parcel in a file, for processes on this machine.

    A message of more than some thousand bytes goes through a pipe in pieces. loky waits for the rest of one for ever if
    the worker that sends it is killed; from a file there is nothing to wait for, as its name is sent at once.
    """

    def __init__(self, data, folder):
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            file.write(data)
        self.path = file.name

    @property
    def content(self):
        """What the file holds; it is read once, and gone."""
        with open(self.path, "rb") as file:
            content = pickle.load(file)
        os.unlink(self.path)
        return content


def run(parcel, sent=None, folder=None):
    """What a worker does: from the parcel of a task to that of its results; `sent` as in `Task.results`.

    With a `folder` results that do not go through a pipe at once are left there.
    """
    keep_freed_memory()
    try:
        results = parcel.content.results(sent.content if isinstance(sent, Parcel) else sent)
    except Exception as error:
        raise TaskError(error) from None
    return packed(results, folder)


def packed(content, folder):
    """A parcel of something; with a `folder` what does not go through a pipe at once is left there."""
    if folder is None:
        return Parcel(content)
    data = dumps(content)
    return Parcel(content) if len(data) < AT_ONCE else Filed(data, folder)


class Mapped:
    """An object in a file; it arrives in another process with its arrays mapped into memory, and only once."""

    def __init__(self, shared, path):
        self.path = path
        joblib.dump(shared, path)

    def __reduce__(self):
        return _mapped, (self.path,)


@lru_cache(maxsize=2)
def _mapped(path):
    return joblib.load(path, mmap_mode="r")


def scattered(shared, backend, patience):
    """An object on all workers of a Dask cluster, as a future; as it is for a backend that cannot do that."""
    client: Any = getattr(backend, "client", None)
    if shared is None or not hasattr(client, "scatter"):
        return shared
    sending = client.scatter([Parcel(shared)], broadcast=True, hash=False, asynchronous=True)
    [future] = asyncio.run_coroutine_threadsafe(sending, client.loop.asyncio_loop).result(patience)
    return future
