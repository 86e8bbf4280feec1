"""What the command line takes: everything that ``bpfree --help`` and a wrong option need, and nothing that works.

A subcommand's `run` names what does its work, a function of `sklearn_bpfree.bench.commands`.
"""

import argparse
from typing import NoReturn

from sklearn_bpfree import __version__
from sklearn_bpfree.bench.terminal import plain

PEERS = ("dummy", "linear", "boosting", "mlp", "lightgbm", "xgboost", "catboost")  # of `sklearn_bpfree.bench.peers`


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


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors repeat nothing of the command line that could steer the terminal."""

    def error(self, message) -> NoReturn:
        super().error(plain(message))


def make_parser() -> argparse.ArgumentParser:
    """The parser of the command ``bpfree``."""
    parser = _Parser(prog="bpfree", description="The zoo of backprop-free trainers for scikit-learn.")
    parser.add_argument("--version", action="version", version=f"sklearn-bpfree {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (add_list, add_show, add_columns, add_bench, add_fit, add_predict):
        add(commands)
    return parser


def add_list(commands) -> None:
    command = commands.add_parser("list", help="the trainers that are installed, the broken ones included")
    command.add_argument("--markdown", action="store_true", help="as a Markdown table, with all that is known of each")
    command.set_defaults(run="zoo.run_list")


def add_show(commands) -> None:
    command = commands.add_parser("show", help="a trainer's paper and parameters")
    command.add_argument("name", metavar="NAME")
    command.set_defaults(run="zoo.run_show")


def add_columns(commands) -> None:
    command = commands.add_parser("columns", help="what each column of a table is taken for")
    command.add_argument("table", metavar="TABLE", help="a CSV, Parquet, Excel or JSON file, or the like")
    command.add_argument("--target", metavar="COLUMN", help="a column to predict, which shows which integers are codes")
    add_reading_options(command)
    command.set_defaults(run="columns.run")


def add_bench(commands) -> None:
    command = commands.add_parser(
        "bench",
        help="compare trainers with scikit-learn's own models on a table",
        description="Cross-validate the trainers beside scikit-learn's own models, and LightGBM, XGBoost and CatBoost "
        "where they are installed, and print a leaderboard. Without TABLE, on two small tables that come with "
        "scikit-learn.",
    )
    add_table_options(command, needed=False)
    command.add_argument(
        "--trainers", metavar="A,B", help="default: those that learn from an output error and are not slow"
    )
    command.add_argument(
        "--peers", metavar="A,B", help=f"of {', '.join(PEERS)}; default: all of these that are installed"
    )
    command.add_argument(
        "--scoring",
        metavar="SCORER",
        help="a scorer of scikit-learn to rank by; default: accuracy, ROC AUC where a class is rare, or R2",
    )
    command.add_argument("--cv", type=FOLDS, default=5, metavar="N", help="number of folds, default: 5")
    order = command.add_mutually_exclusive_group()
    order.add_argument(
        "--group", metavar="COLUMN", help="rows of the same value are held out together; the column is no feature"
    )
    order.add_argument(
        "--time", metavar="COLUMN", help="learn from earlier rows and hold out later ones, by this column"
    )
    add_fit_options(command)
    command.add_argument("--n-jobs", type=JOBS, metavar="N", help="folds at a time, default: 1")
    command.add_argument("--save", metavar="MODEL", help="fit the best on all rows and write it to this file")
    command.add_argument("--report", metavar="HTML", help="write a page with curves, importances and code to this file")
    add_force(command)
    command.set_defaults(run="bench.run")


def add_fit(commands) -> None:
    command = commands.add_parser("fit", help="fit a model on a table and save it, without a comparison")
    add_table_options(command, needed=True)
    command.add_argument("--trainer", metavar="NAME", help="default: the recommended default for tables")
    add_fit_options(command)
    command.add_argument("--save", metavar="MODEL", required=True, help="the file to write the model to")
    add_force(command)
    command.set_defaults(run="models.run_fit")


def add_predict(commands) -> None:
    command = commands.add_parser(
        "predict",
        help="predict the rows of a table with a saved model",
        description="Write the predictions for the rows of a table to a CSV file: classes with their probabilities, or "
        "values with quantiles where the model has them.",
    )
    command.add_argument("model", metavar="MODEL", help="what bpfree fit or bpfree bench --save has written")
    command.add_argument("table", metavar="TABLE", help="a file such as the model was made from")
    add_reading_options(command)
    command.add_argument("--out", metavar="CSV", required=True, help="the file to write the predictions to")
    command.add_argument(
        "--id", metavar="COLUMN", help="a column to copy beside the predictions; default: the one named at the fit"
    )
    command.add_argument("--trust", action="store_true", help="open a model that somebody else has saved")
    add_force(command)
    command.set_defaults(run="models.run_predict")


def add_table_options(command, *, needed: bool) -> None:
    """The table, its target and what the task is."""
    command.add_argument(
        "table",
        metavar="TABLE",
        nargs=None if needed else "?",
        help="a CSV (also compressed), Parquet, Excel or JSON file, or the like",
    )
    add_reading_options(command)
    command.add_argument("--target", metavar="COLUMN", required=needed, help="the column to predict")
    command.add_argument("--task", choices=["auto", "classifier", "regressor"], default="auto", help="default: auto")
    command.add_argument("--id", metavar="COLUMN", help="a column that names the rows, and is no feature")


def add_reading_options(command) -> None:
    """What a text file does not tell of itself."""
    command.add_argument("--encoding", metavar="NAME", help="of a text file; default: found out")
    command.add_argument("--no-header", action="store_true", help="the first line has no names: they are 1, 2, ...")


def add_fit_options(command) -> None:
    """Seed, time and parallel jobs."""
    command.add_argument("--time-limit", type=SECONDS, metavar="S", help="seconds for all of the work")
    command.add_argument("--random-state", type=SEED, default=0, metavar="SEED", help="default: 0")


def add_force(command) -> None:
    """Leave to write over files."""
    command.add_argument("--force", action="store_true", help="replace files that exist")
