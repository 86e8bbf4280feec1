"""``bpfree bench``: cross-validate trainers and their peers on a table; print, save the best, write a page."""

import warnings

from sklearn_bpfree.bench.comparison import Model, Result, compare, limited, make_models
from sklearn_bpfree.bench.files import check_outputs
from sklearn_bpfree.bench.leaderboard import Leaderboard
from sklearn_bpfree.bench.model_file import ModelCard, write_model
from sklearn_bpfree.bench.options import Clock, check_trainer, read
from sklearn_bpfree.bench.peers import choose_peers
from sklearn_bpfree.bench.reading import BenchError, Table, bundled_tables
from sklearn_bpfree.bench.report import Section, check_report, write_report
from sklearn_bpfree.bench.scoring import Scoring, make_scoring
from sklearn_bpfree.bench.splitting import by_group, by_time, folds
from sklearn_bpfree.bench.terminal import aligned, interruptible, plain, progress, say
from sklearn_bpfree.plugin.registry import inspect_trainers

AFTER = 0.15  # share of the time limit that is kept for saving, and again for the page


def run(args) -> int:
    """Do what the command line says; returns the exit code."""
    clock = Clock(args.time_limit)
    trainers, left_out = choose_trainers(args.trainers)
    peers = choose_peers(None if args.peers is None else _names(args.peers))
    check_outputs({"--save": args.save, "--report": args.report}, [args.table] if args.table else [], args.force)
    if args.report:
        check_report()
    tables = _tables(args, clock)
    scorings = [make_scoring(table, args.scoring) for table in tables]
    for table in tables:
        folds(table, args.cv, args.random_state)

    sections = []
    for k, (table, scoring) in enumerate(zip(tables, scorings, strict=True)):
        say(f"{plain(table.name)}: {len(table.y)} rows, {table.X.shape[1]} columns, {args.cv} folds.")
        say(*map(plain, [*table.notes, *filter(None, [scoring.note])]), "")
        models = make_models(table.task, trainers, args.random_state, peers)
        share = (1 - AFTER * bool(args.save) - AFTER * bool(args.report)) / (len(tables) - k)
        results, interrupted = _results(table, models, scoring, clock.left(share), args)
        board = Leaderboard(table.task, scoring, results, models, tuple(left_out))
        say(_text(board), "")
        sections.append(Section(table, board, _source(table, args), args.cv, args.random_state, args.scoring))
        if interrupted:
            _report(sections, args, clock)
            raise KeyboardInterrupt
        if not board.ranked:
            reason = results[0].reason.rstrip(".") if results else "there is none"
            raise BenchError(f"No model got through a fold of {table.name}; the first one {reason}.")
        say(_conclusion(board), "")
        if args.save:
            _save(board.to_keep, table, args, clock)
    _report(sections, args, clock)
    return 0


def choose_trainers(names: str | None) -> tuple[list[str], list[str]]:
    """The trainers to compare, and those that are only left out because nobody asked for them."""
    if names is None:
        usable = [info for info in inspect_trainers() if info.error is None and not info.missing]
        chosen = [info.name for info in usable if info.needs == "output error" and not info.slow]
        return chosen, [info.name for info in usable if info.name not in chosen]
    chosen = _names(names)
    for name in chosen:
        check_trainer(name)
    return chosen, []


def _names(text):
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _tables(args, clock: Clock) -> list[Table]:
    if args.table is None:
        given = [args.target, args.save, args.group, args.time, args.id, args.task != "auto"]
        if any(given):
            raise BenchError(
                "--target, --task, --id, --group, --time and --save need a TABLE, as in bpfree bench TABLE --target "
                "COLUMN."
            )
        return bundled_tables()
    if args.target is None:
        raise BenchError(f"Say which column of {args.table} to predict, with --target COLUMN.")
    table = read(args, args.cv, clock)
    if args.group:
        return [by_group(table, args.group)]
    return [by_time(table, args.time) if args.time else table]


def _results(table, models: list[Model], scoring: Scoring, seconds, args) -> tuple[list[Result], bool]:
    """The results up to the end or to Ctrl-C, and whether it was Ctrl-C."""
    options = {"cv": args.cv, "random_state": args.random_state, "n_jobs": args.n_jobs, "scoring": scoring}
    limit = None if args.time_limit is None else seconds
    results = []
    try:
        with interruptible() as check, progress(len(models) * args.cv) as advance:
            for result in compare(
                table, models, **options, time_limit=limit, on_fold=lambda *fold: (advance(*fold), check())
            ):
                results.append(result)
    except KeyboardInterrupt:
        return results, True
    return results, False


def _text(board: Leaderboard) -> str:
    """The leaderboard as a table of text with its footnotes."""
    rows = [
        [str(rank), _marked(result.model), *board.cells(result), board.note(result)]
        for rank, result in zip(board.ranks, board.ranked, strict=True)
    ]
    rows += [["", _marked(r.model), *board.cells(r), board.note(r)] for r in board.results if not r.folds]
    rows += [["", _marked(model), *[""] * len(board.header), reason] for model, reason in board.not_run]
    lines = [aligned(["rank", "model", *board.header, "note"], rows), "* trainer of the zoo"]
    return "\n".join([*lines, *map(plain, board.footnotes)])


def _marked(model):
    return f"{model.name} *" if model.from_zoo else model.name


def _conclusion(board: Leaderboard) -> str:
    """One line: the best of either side."""
    sides = []
    for from_zoo, side in ((True, "of the zoo"), (False, "of the peers")):
        places = [(rank, r) for rank, r in zip(board.ranks, board.ranked, strict=True) if r.model.from_zoo == from_zoo]
        if places:
            rank, best = places[0]
            sides.append(f"{best.model.name} {best.score:.4f} (rank {rank} of {len(board.ranked)}) {side}")
    return f"Best: {', '.join(sides)}."


def _save(best: Result, table: Table, args, clock: Clock) -> None:
    # under a time limit the fit has twice the time that the fits on a part of the rows took
    seconds = min(2 * best.mean("fit_seconds"), clock.left()) if args.time_limit else float("inf")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the leaderboard has told them
        pipeline = limited(best.model, seconds).fit(table.X, table.y)
    write_model(args.save, pipeline, ModelCard.of(best.model.name, table, args.target, args.id))
    say(
        f"Saved {best.model.name}, fitted on all {len(table.y)} rows. To predict {plain(args.target)!r} of others:",
        f"  bpfree predict {plain(args.save)} TABLE --out PREDICTIONS.csv",
        f"  or in Python: import joblib; joblib.load({plain(args.save)!r}).predict(table)",
    )


def _source(table, args) -> str:
    """The expression that reads the table again."""
    if args.table is None:
        return f"bundled_tables()[{[known.name for known in bundled_tables()].index(table.name)}]"
    encoding = f", {args.encoding!r}" if args.encoding else ""
    encoding += ", has_header=False" if args.no_header else ""
    source = f"read_table({args.table!r}, {args.target!r}, {args.task!r}, {args.cv}{encoding})"
    source = f"set_aside({source}, {args.id!r})[0]" if args.id else source
    source = f"by_group({source}, {args.group!r})" if args.group else source
    return f"by_time({source}, {args.time!r})" if args.time else source


def _report(sections: list[Section], args, clock: Clock) -> None:
    if args.report is not None:
        write_report(args.report, sections, clock.left() if args.time_limit else None)
        say(f"Wrote {plain(args.report)}.")
