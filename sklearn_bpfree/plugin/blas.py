"""How a process computes blocks soonest: one BLAS thread, threads that take short turns, and memory that it keeps."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import contextmanager
from functools import cache, partial

import numpy as np
from threadpoolctl import OpenBLASController, ThreadpoolController

TURN_SECONDS = 1e-4  # after which a thread that computes gives way to one that waits
LARGEST_LESSON = (1 << 25) - (1 << 13)  # bytes of the largest array from whose release glibc learns


class WhileNeeded:
    """A setting of the whole process that holds while anybody needs it; threads may come and go in any order.

    Parameters
    ----------
    change : callable
        Makes the change and returns the function that takes it back.
    """

    def __init__(self, change: Callable[[], Callable[[], object]]):
        self._change = change
        self._lock = threading.Lock()
        self._users = 0
        self._take_back: Callable[[], object] | None = None

    @contextmanager
    def __call__(self):
        with self._lock:
            if self._users == 0:
                self._take_back = self._change()
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0 and self._take_back is not None:
                    self._take_back()


def _limit_blas():
    _give_up_control()
    limit = _blas().limit(limits=1)

    def restore():
        _give_up_control()
        limit.restore_original_limits()
        _give_up_control()

    return restore


def _give_up_control():
    """Let any thread change OpenBLAS: threadpoolctl since 3.8 ignores all but the first one until that gives it up."""
    give_up = getattr(OpenBLASController, "clear_controlling_thread", None)
    if give_up is not None:
        give_up(force=True)


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")


def _shorten_turns():
    """Have threads change places more often.

    Of two threads that call one numpy function after the other, one waits for the interpreter while the other prepares
    a call; by the time it wakes up, the other is often back, and goes first again until Python makes it give way: by
    default after 5 ms, as much as some dozens of calls take.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, TURN_SECONDS))
    return partial(sys.setswitchinterval, before)


one_blas_thread = WhileNeeded(_limit_blas)
short_turns = WhileNeeded(_shorten_turns)


@cache
def keep_freed_memory() -> None:
    """Let this process keep up to 64 MB that it freed, instead of asking the system for them again and again.

    A block's activations take some MB. By its defaults the C library of Linux returns them to the system after each
    block, and the next one gets new pages, zeroed one by one under a lock that all threads share: half of the time of a
    block, and most of what a second thread could gain. The library keeps twice the size of the largest mapped array
    that was ever freed, so one is made and freed here, which costs no memory as nobody writes to it.
    """
    np.empty(LARGEST_LESSON, np.uint8)
