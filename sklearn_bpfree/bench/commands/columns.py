"""``bpfree columns FILE``: what each column of a table is taken for."""

from sklearn_bpfree.bench.files import check_input
from sklearn_bpfree.bench.reading import BenchError, first_line, read_rows, read_table
from sklearn_bpfree.bench.terminal import aligned, plain, say
from sklearn_bpfree.tabular import describe_columns
from sklearn_bpfree.tabular.columns import notes_on


def run(args) -> int:
    """Print a line for each column."""
    check_input(args.table)
    y, has_header = None, not args.no_header
    if args.target is None:
        frame, notes = read_rows(args.table, encoding=args.encoding, has_header=has_header)
    else:
        table = read_table(args.table, args.target, cv=1, encoding=args.encoding, has_header=has_header)
        frame, y, notes = table.X, table.y, table.notes
    try:
        columns = describe_columns(frame, y)
    except (TypeError, ValueError) as error:
        raise BenchError(f"{args.table} has a column that cannot be read: {first_line(error).rstrip('.')}.") from error
    told = {*notes_on(columns)}  # by the lines below
    notes = [plain(note) for note in notes if note not in told]
    besides = "" if args.target is None else " besides the target"
    say(f"{plain(args.table)}: {len(frame)} rows, {frame.shape[1]} columns{besides}.", *notes)
    rows = [[str(column.name), column.kind, "" if column.used else "left out", column.note] for column in columns]
    say(aligned(["column", "kind", "", "note"], rows))
    return 0
