"""What the commands ask for alike: numbers that make sense, a table and its target, files to write."""

import argparse
import time

from sklearn_bpfree.bench.files import check_input
from sklearn_bpfree.bench.reading import BenchError, Table, read_table
from sklearn_bpfree.bench.splitting import set_aside
from sklearn_bpfree.plugin.registry import get_trainer_class


def number(kind, what, is_right):
    """A type for argparse: a number of some kind, or what it must be."""

    def parse(text):
        try:
            value = kind(text)
        except (ValueError, OverflowError):
            value = None
        if value is None or not is_right(value):
            raise argparse.ArgumentTypeError(f"must be {what}, got {text}")
        return value

    return parse


SECONDS = number(float, "a number above 0", lambda s: 0 < s < float("inf"))
FOLDS = number(int, "an integer of at least 2", lambda n: n >= 2)
SEED = number(int, "an integer from 0 to 4294967295", lambda n: 0 <= n < 2**32)
JOBS = number(int, "an integer that is not 0", bool)


def add_table(command, *, needed: bool) -> None:
    """The table, its target and what the task is."""
    command.add_argument(
        "table",
        metavar="TABLE",
        nargs=None if needed else "?",
        help="a CSV (also compressed), Parquet, Excel or JSON file, or the like",
    )
    add_reading(command)
    command.add_argument("--target", metavar="COLUMN", required=needed, help="the column to predict")
    command.add_argument("--task", choices=["auto", "classifier", "regressor"], default="auto", help="default: auto")
    command.add_argument("--id", metavar="COLUMN", help="a column that names the rows, and is no feature")


def add_reading(command) -> None:
    """What a text file does not tell of itself."""
    command.add_argument("--encoding", metavar="NAME", help="of a text file; default: found out")
    command.add_argument("--no-header", action="store_true", help="the first line has no names: they are 1, 2, ...")


def add_fit(command) -> None:
    """Seed, time and parallel jobs."""
    command.add_argument("--time-limit", type=SECONDS, metavar="S", help="seconds for all of the work")
    command.add_argument("--random-state", type=SEED, default=0, metavar="SEED", help="default: 0")


def add_force(command) -> None:
    command.add_argument("--force", action="store_true", help="replace files that exist")


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
