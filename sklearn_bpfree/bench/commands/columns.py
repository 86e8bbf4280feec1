"""``bpfree columns FILE``: what each column of a table is taken for."""

from sklearn_bpfree.bench.files import check_input
from sklearn_bpfree.bench.reading import BenchError, first_line, read_rows
from sklearn_bpfree.bench.terminal import aligned, plain, say
from sklearn_bpfree.tabular import describe_columns


def run(args) -> int:
    """Print a line for each column."""
    check_input(args.table)
    frame, notes = read_rows(args.table, encoding=args.encoding, has_header=not args.no_header)
    try:
        columns = describe_columns(frame)
    except (TypeError, ValueError) as error:
        raise BenchError(f"{args.table} has a column that cannot be read: {first_line(error).rstrip('.')}.") from error
    say(f"{plain(args.table)}: {len(frame)} rows, {frame.shape[1]} columns.", *map(plain, notes))
    rows = [[str(column.name), column.kind, "" if column.used else "left out", column.note] for column in columns]
    say(aligned(["column", "kind", "", "note"], rows))
    return 0
