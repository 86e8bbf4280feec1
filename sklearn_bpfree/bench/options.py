"""What the commands do alike: read the table of the command line, refuse a trainer, look at the clock."""

import time

from sklearn_bpfree.bench.files import check_input
from sklearn_bpfree.bench.reading import BenchError, Table, read_table
from sklearn_bpfree.bench.splitting import set_aside
from sklearn_bpfree.plugin.registry import get_trainer_class


def read(args, cv: int) -> Table:
    """The table of the command line, without the column that names its rows."""
    check_input(args.table)
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
        self.end = None if limit is None else time.time() + limit

    def left(self, share: float = 1.0) -> float:
        """A share of what is left; infinity without a limit."""
        return float("inf") if self.end is None else share * (self.end - time.time())
