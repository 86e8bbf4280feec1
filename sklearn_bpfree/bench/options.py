"""What the commands do alike: read the table of the command line, refuse a trainer, look at the clock."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sklearn_bpfree.bench.files import check_input
from sklearn_bpfree.bench.reading import BenchError, Table, read_table
from sklearn_bpfree.bench.splitting import set_aside
from sklearn_bpfree.plugin.registry import get_trainer_class


def read(args, cv: int, clock: "Clock") -> Table:
    """The table of the command line, without the column that names its rows."""
    check_input(args.table)
    with clock.limiting(f"Reading {args.table}"):
        table = read_table(args.table, args.target, args.task, cv, args.encoding, not args.no_header)
    return table if args.id is None else set_aside(table, args.id)[0]


def check_trainer(name: str) -> None:
    """Refuse a trainer that is not there or broken."""
    try:
        get_trainer_class(name)
    except (ValueError, TypeError, ImportError) as error:
        raise BenchError(str(error)) from error


class Clock:
    """The seconds that are left of a limit, if there is one."""

    def __init__(self, limit: float | None):
        self.limit = limit
        self.end = None if limit is None else time.time() + limit

    def left(self, share: float = 1.0) -> float:
        """A share of what is left; infinity without a limit."""
        return float("inf") if self.end is None else share * (self.end - time.time())

    @contextmanager
    def limiting(self, what: str) -> Iterator[None]:
        """End what is done within by a BenchError when no time is left; at its end where there are no alarms."""

        def stop(*_):
            raise BenchError(f"{what} took longer than --time-limit {self.limit:g}; give more seconds or fewer rows.")

        alarm = self.end is not None and hasattr(signal, "setitimer")
        if not alarm or threading.current_thread() is not threading.main_thread():
            yield
        else:
            before = signal.signal(signal.SIGALRM, stop)
            try:
                signal.setitimer(signal.ITIMER_REAL, max(self.left(), 1e-6))
                yield
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, before)
        if self.left() <= 0:
            stop()
