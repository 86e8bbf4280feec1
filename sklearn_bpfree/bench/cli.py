"""The command ``bpfree``: list the zoo, show a trainer, compare trainers with scikit-learn's models on a table.

Tables and messages that belong to the result go to stdout, progress and errors to stderr. A mistake in what the user
gave is one sentence and exit code 2; Ctrl-C gives what there is so far and exit code 130.
"""

import argparse
import dataclasses
import inspect
import math
import os
import re
import signal
import sys
import threading
import warnings
from collections import Counter
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import joblib

from sklearn_bpfree import __version__
from sklearn_bpfree.bench.comparison import METRICS, compare, limited, make_models
from sklearn_bpfree.bench.reading import BenchError, bundled_tables, read_table
from sklearn_bpfree.bench.report import Section, write_report
from sklearn_bpfree.plugin.registry import get_trainer_class, inspect_trainers


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    args = _parser().parse_args(argv)
    try:
        return args.run(args)
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except BenchError as error:
        print(f"bpfree: error: {error}", file=sys.stderr)
        return 2


def _parser():
    parser = argparse.ArgumentParser(prog="bpfree", description="The zoo of backprop-free trainers for scikit-learn.")
    parser.add_argument("--version", action="version", version=f"sklearn-bpfree {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("list", help="the trainers that are installed, the broken ones included")
    command.add_argument("--markdown", action="store_true", help="as a Markdown table")
    command.set_defaults(run=_list)

    command = commands.add_parser("show", help="a trainer's paper and parameters")
    command.add_argument("name", metavar="NAME")
    command.set_defaults(run=_show)

    command = commands.add_parser(
        "bench",
        help="compare trainers with scikit-learn's own models on a table",
        description="Cross-validate the trainers beside scikit-learn's own models and print a leaderboard. Without "
        "TABLE, on two small tables that come with scikit-learn.",
    )
    command.add_argument("table", metavar="TABLE", nargs="?", help="a CSV (also compressed) or Parquet file")
    command.add_argument("--target", metavar="COLUMN", help="the column to predict")
    command.add_argument("--task", choices=["auto", "classifier", "regressor"], default="auto", help="default: auto")
    command.add_argument(
        "--trainers", metavar="A,B", help="default: those that learn from an output error and are not slow"
    )
    command.add_argument(
        "--cv",
        type=_number(int, "an integer of at least 2", lambda n: n >= 2),
        default=5,
        metavar="N",
        help="number of folds, default: 5",
    )
    command.add_argument(
        "--time-limit",
        type=_number(float, "a number above 0", lambda s: s > 0),
        metavar="S",
        help="seconds for the whole comparison",
    )
    command.add_argument("--save", metavar="MODEL", help="fit the best on all rows and write it to this file")
    command.add_argument("--report", metavar="HTML", help="write a page with curves, importances and code to this file")
    command.add_argument(
        "--random-state",
        type=_number(int, "an integer from 0 to 4294967295", lambda n: 0 <= n < 2**32),
        default=0,
        metavar="SEED",
        help="default: 0",
    )
    command.add_argument(
        "--n-jobs", type=_number(int, "an integer that is not 0", bool), metavar="N", help="folds at a time, default: 1"
    )
    command.set_defaults(run=_bench)
    return parser


def _number(kind, what, is_right):
    """A type for argparse: a number of some kind, or what it must be."""

    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not is_right(value):
            raise argparse.ArgumentTypeError(f"must be {what}, got {text}")
        return value

    return parse


# --- list and show ----------------------------------------------------------------------------------------------------


def _list(args):
    header = ["name", "family", "needs", "offers", "transposes", "distribution", "summary"]
    rows = [
        [
            *(t.name, t.family, t.needs, ", ".join(t.offers), t.transposes, t.distribution),
            f"broken: {t.error}" if t.error else t.summary,
        ]
        for t in inspect_trainers()
    ]
    print(_markdown(header, rows) if args.markdown else _aligned(header, rows))
    return 0


def _show(args):
    trainer_class = _trainer_class(args.name)
    info = next(info for info in inspect_trainers() if info.name == args.name)
    print(f"{info.name}: {info.summary}\n")
    print(f"family: {info.family}, from {info.distribution}")
    print(f"needs:  {info.needs}\noffers: {', '.join(info.offers) or 'nothing beyond fit'}")
    print(f"transposed weights: {info.transposes}\n")
    rows = [[f.name, _type(f.type), _default(f)] for f in dataclasses.fields(trainer_class)]
    print(_aligned(["parameter", "type", "default"], rows) if rows else "It has no parameters.")
    print(f"\nPaper:\n{_references(inspect.getdoc(trainer_class) or '')}")
    return 0


def _references(docstring):
    """The section "References" of a numpydoc docstring."""
    section = re.search(r"^References\n-+\n(.+?)(?=\n\n\S[^\n]*\n-+\n|\Z)", docstring, re.M | re.S)
    return section[1].strip() if section else "none given"


def _trainer_class(name):
    try:
        return get_trainer_class(name)
    except (ValueError, TypeError, ImportError) as error:
        raise BenchError(str(error)) from error


def _type(annotation):
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _default(field):
    if field.default_factory is not dataclasses.MISSING:
        return repr(field.default_factory())
    return "required" if field.default is dataclasses.MISSING else repr(field.default)


# --- bench ------------------------------------------------------------------------------------------------------------


def _bench(args):
    trainers = _chosen_trainers(args.trainers)
    _check_outputs(args)
    if args.table is None:
        if args.target or args.save or args.task != "auto":
            raise BenchError("--target, --task and --save need a TABLE, as in bpfree bench TABLE --target COLUMN.")
        tables = bundled_tables()
    else:
        if args.target is None:
            raise BenchError(f"Say which column of {args.table} to predict, with --target COLUMN.")
        tables = [read_table(args.table, args.target, args.task, args.cv)]

    limit = args.time_limit and args.time_limit / len(tables)
    sections = []
    for table in tables:
        print(f"{table.name}: {len(table.y)} rows, {table.X.shape[1]} columns, {args.cv} folds.")
        print(*table.notes, sep="\n", end="\n\n" if table.notes else "\n", flush=True)
        models = make_models(table.task, trainers, args.random_state)
        results, interrupted = _results(table, models, limit, args)
        ranked = sorted((r for r in results if r.folds), key=lambda r: -r.score)
        print(_leaderboard(table.task, ranked, results, models) + "\n")
        sections.append(Section(table, results, _source(table, args), args.cv, args.random_state))
        if interrupted:
            _report(sections, args)
            print("bpfree: interrupted", file=sys.stderr)
            return 130
        if not ranked:
            raise BenchError(
                f"No model got through a fold of {table.name}; the first one {results[0].reason.rstrip('.')}."
            )
        print(_conclusion(ranked) + "\n")
        if args.save:
            _save(next((r for r in ranked if not r.reason), ranked[0]), table, args)
    _report(sections, args)
    return 0


def _check_outputs(args):
    """See to it before the work that its results can be written after it."""
    for option, path in (("--save", args.save), ("--report", args.report)):
        if path and not Path(path).absolute().parent.is_dir():
            raise BenchError(f"The directory of {option} {path} does not exist; create it first.")
        if path and Path(path).is_dir():
            raise BenchError(f"{option} {path} is a directory; give the name of a file.")
    if args.report and not find_spec("matplotlib"):
        raise BenchError('--report draws with matplotlib; run pip install "sklearn-bpfree[plot]".')


def _source(table, args):
    """The expression that reads the table again."""
    if args.table is None:
        return f"bundled_tables()[{[known.name for known in bundled_tables()].index(table.name)}]"
    return f"read_table({args.table!r}, {args.target!r}, {args.task!r}, {args.cv})"


def _report(sections, args):
    if args.report is None:
        return
    try:
        write_report(args.report, sections)
    except OSError as error:
        raise BenchError(f"{args.report} cannot be written: {error.strerror}.") from error
    print(f"Wrote {args.report}.")


def _results(table, models, time_limit, args):
    """The results up to the end or to Ctrl-C, and whether it was Ctrl-C."""
    options = {"cv": args.cv, "random_state": args.random_state, "n_jobs": args.n_jobs, "time_limit": time_limit}
    results = []
    try:
        with _interruptible() as check, _progress(len(models) * args.cv) as advance:
            for result in compare(table, models, **options, on_fold=lambda *fold: (advance(*fold), check())):
                results.append(result)
    except KeyboardInterrupt:
        return results, True
    return results, False


def _chosen_trainers(names):
    if names is None:
        known = [info for info in inspect_trainers() if info.error is None]
        return [info.name for info in known if info.needs == "output error" and not info.slow]
    chosen = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    for name in chosen:
        _trainer_class(name)
    return chosen


@contextmanager
def _interruptible():
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


@contextmanager
def _progress(total):
    """Yield a function to call after each fold: a bar if there is a terminal and rich, otherwise a line."""
    if not (sys.stderr.isatty() and find_spec("rich")):
        yield lambda name, fold: print(f"{name}: fold {fold}", file=sys.stderr)
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda name, fold: bar.update(task, advance=1, description=name)


def _leaderboard(task, ranked, results, models):
    score, loss = METRICS[task]
    rows = []
    for rank, r in enumerate(ranked, start=1):
        numbers = f"{r.score:.4f} ± {r.spread:.4f}", f"{r.mean('loss'):#.4g}".rstrip(".")
        seconds = f"{r.mean('fit_seconds'):.3f}", f"{r.mean('predict_seconds'):.3f}"
        part = f"{len(r.folds)} folds; {r.reason}" if r.reason else ""
        rows.append([str(rank), _marked(r.model), *numbers, *seconds, part])
    rows += [["", _marked(r.model), "", "", "", "", r.reason] for r in results if not r.folds]
    for k, model in enumerate(models[len(results) :]):
        rows.append(["", _marked(model), "", "", "", "", "not run" if k else "interrupted"])
    note = "note" if any(row[-1] for row in rows) else ""
    lines = [_aligned(["rank", "model", score, loss, "fit s", "predict s", note], rows)]
    lines.append("* trainer of the zoo; ± standard deviation and seconds per fold")
    held = {r.model.name: sum((fold.warnings for fold in r.folds), Counter()) for r in results}
    told = [f"{name} {n} {kind}" for name, counts in held.items() for kind, n in counts.items()]
    return "\n".join(lines + (["Warnings not shown: " + ", ".join(told)] if told else []))


def _marked(model):
    return f"{model.name} *" if model.from_zoo else model.name


def _conclusion(ranked):
    """One line: the best of either side."""
    sides = []
    for from_zoo, side in ((True, "of the zoo"), (False, "of scikit-learn")):
        if side_ranks := [rank for rank, r in enumerate(ranked) if r.model.from_zoo == from_zoo]:
            best = ranked[side_ranks[0]]
            sides.append(f"{best.model.name} {best.score:.4f} (rank {side_ranks[0] + 1} of {len(ranked)}) {side}")
    return f"Best: {', '.join(sides)}."


def _save(best, table, args):
    # under a time limit the fit has twice the time that the fits on a part of the rows took
    pipeline = limited(best.model, 2 * best.mean("fit_seconds") if args.time_limit else math.inf)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the leaderboard has told them
        pipeline.fit(table.X, table.y)
    try:
        joblib.dump(pipeline, args.save)
    except OSError as error:
        raise BenchError(f"{args.save} cannot be written: {error.strerror}.") from error
    print(f"Saved {best.model.name}, fitted on all {len(table.y)} rows. To use it on a table without {args.target!r}:")
    print(f"  import joblib; joblib.load({args.save!r}).predict(table)")


# --- tables of text ---------------------------------------------------------------------------------------------------


def _aligned(header, rows):
    widths = [max(len(row[j]) for row in [header, *rows]) for j in range(len(header))]
    ruled = [header, ["-" * width for width in widths], *rows]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in ruled)


def _markdown(header, rows):
    cells = [[cell.replace("|", "\\|") for cell in row] for row in [header, ["---"] * len(header), *rows]]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


if __name__ == "__main__":
    sys.exit(main())
