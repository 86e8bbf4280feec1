"""The command ``bpfree``: list the zoo, show a trainer, compare trainers on a table, fit, save and predict.

Tables and messages that belong to the result go to stdout, progress and errors to stderr. A mistake in what the user
gave is one sentence and exit code 2; Ctrl-C gives what there is so far and exit code 130. The commands are in
`sklearn_bpfree.bench.commands`.
"""

import io
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from sklearn_bpfree.bench.parser import make_parser
from sklearn_bpfree.bench.terminal import plain, say


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character must not stop the work
    parser = make_parser()
    args = parser.parse_args(argv)
    if empty := [name for name, value in vars(args).items() if value == []]:
        parser.error(f"argument --{empty[0]}: -- is no value")  # argparse takes --target=-- for an empty list
    from sklearn_bpfree.bench.reading import BenchError  # which takes a second, and the command line was right

    try:
        return _work(args.run)(args)
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        say("bpfree: interrupted", error=True)
        return 130
    except MemoryError:
        say("bpfree: error: There is not enough memory for this table; give a part of it.", error=True)
        return 2
    except BenchError as error:
        say(f"bpfree: error: {plain(error)}", error=True)
        return 2


def _work(name) -> Callable[[Any], int]:
    """A function of `sklearn_bpfree.bench.commands`."""
    module, _, function = name.partition(".")
    return getattr(import_module(f"sklearn_bpfree.bench.commands.{module}"), function)


if __name__ == "__main__":
    sys.exit(main())
