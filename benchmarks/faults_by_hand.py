"""Plant faults of the kind that a reviewer would call a bug, one at a time, and see whether their tests notice.

    python benchmarks/faults_by_hand.py [--list first] [--only WORD] [--every 1] [--check]

A list (faults_by_hand/first.txt) names a module and its tests in a line `@ MODULE : TESTS`, and below it one fault
after another: `- ` and a part of a line that the module has once, `+ ` and what stands there instead. The tests are
collected once, in a copy of the checkout; for every fault a forked process writes the changed module there, puts the
code of its functions in the place of the old one, and runs the tests up to the first that fails. What is no code of a
function is imported anew. Prints who survived; all tests that failed must pass without a fault. `--check` only looks
whether a list still fits the sources.
"""

import argparse
import gc
import os
import signal
import sys
import tempfile
import time
import types
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import pytest
from mutation import ARGUMENTS, ROOT, copy_of_checkout, warm_up

LISTS = Path(__file__).parent / "faults_by_hand"


class Fault(NamedTuple):
    """A part of a module's line, and what stands there instead."""

    module: str
    tests: tuple[str, ...]
    old: str
    new: str


def read_list(name) -> list[Fault]:
    """The faults of a list, each of which must fit its module."""
    faults, module, tests, old = [], "", (), ""
    for line in (LISTS / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("@ "):
            module, _, given = line[2:].partition(" : ")
            tests = tuple(given.split())
        elif line.startswith("- "):
            old = line[2:]
        elif line.startswith("+ "):
            faults.append(Fault(module, tests, old, line[2:]))
    for fault in faults:
        found = (ROOT / fault.module).read_text(encoding="utf-8").count(fault.old)
        missing = [test for test in fault.tests if not (ROOT / test.partition("::")[0]).exists()]
        if found != 1 or missing:
            raise SystemExit(f"{fault.module} has {fault.old!r} {found} times, and there is no {missing}; mend {name}")
    return faults


def functions(code) -> list:
    """Code of all functions inside another one, in the order of the source."""
    inner = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return [part for one in inner for part in (one, *functions(one))]


def swap(path: Path, old: str, new: str) -> bool:
    """Give all living functions of a module the code of another source; whether there were any to change."""
    codes = [compile(source, str(path), "exec") for source in (old, new)]
    pairs = [*zip(*map(functions, codes), strict=False)]
    changed = {place(one): other for one, other in pairs if content(one) != content(other)}
    n_swapped = 0
    for thing in gc.get_objects():
        if type(thing) is types.FunctionType and thing.__code__.co_filename == str(path):
            code = changed.get(place(thing.__code__))
            if code is not None:
                thing.__code__ = code
                n_swapped += 1
    return n_swapped > 0


def place(code):
    """Where code stands; lambdas may share a line."""
    return code.co_qualname, *next(code.co_positions()), code.co_firstlineno


def content(code):
    """What code does, that of inner functions included, but not where it stands."""
    inner = [content(part) if isinstance(part, types.CodeType) else repr(part) for part in code.co_consts]
    return code.co_code, code.co_names, code.co_varnames, code.co_freevars, inner


def forked(work, seconds) -> str | None:
    """What a forked process returns as a word, or None if it takes too long."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.setsid()
        word = "crashed"
        try:
            word = work()
        finally:
            os.write(writing, word.encode())
            os._exit(0)
    os.close(writing)
    end, done = time.monotonic() + seconds, 0
    while time.monotonic() < end and not done:
        done, _ = os.waitpid(child, os.WNOHANG)
        time.sleep(0.02)
    if not done:
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
    said = os.read(reading, 1 << 16).decode() if done else None
    os.close(reading)
    return said


class Plants:
    """Runs the collected tests once for each fault."""

    def __init__(self, folder, faults, seconds, told):
        self.folder, self.faults, self.seconds, self.told = folder, faults, seconds, told

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        failed = set()
        for fault in self.faults:
            failure = self._try(session, session.items, fault)
            failed.add(failure)
            self.told(fault, failure)
        for item in session.items:
            if item.nodeid in failed and self._try(session, [item], None):
                self.told(None, item.nodeid)
        return True

    def _try(self, session, items, fault):
        if fault is None:
            return forked(lambda: self._run(session, items), self.seconds)
        module = self.folder / fault.module
        source = module.read_text(encoding="utf-8")
        module.write_text(source.replace(fault.old, fault.new), encoding="utf-8")

        def work():
            new = module.read_text(encoding="utf-8")
            return self._run(session, items) if swap(module, source, new) else "import"

        said = forked(work, self.seconds)
        module.write_text(source, encoding="utf-8")
        return said

    def _run(self, session, items):
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.testsfailed:
                return item.nodeid
        return ""


class First:
    """Notes the first test that fails, or the file that cannot be collected."""

    name = ""

    def pytest_runtest_logreport(self, report):
        self.name = self.name or (report.nodeid if report.failed else "")

    pytest_collectreport = pytest_runtest_logreport


def run(folder, tests, plugin):
    """Run pytest in the copy, in a process that may be thrown away."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):
        os.dup2(null, stream)
    os.chdir(folder)
    sys.path[:0] = [str(folder), str(folder / "plugins")]
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[:2])
    sys.dont_write_bytecode = True
    return pytest.main([*ARGUMENTS, *tests], plugins=[plugin])


def main():
    """Plant, run, print the survivors."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--list", default="first", choices=sorted(path.stem for path in LISTS.glob("*.txt")))
    parser.add_argument("--only", default="", metavar="WORD", help="faults with this in their module or line")
    parser.add_argument("--every", type=int, default=1, help="try every n-th fault only")
    parser.add_argument("--start", type=int, default=0, help="from this one on")
    parser.add_argument("--seconds", type=float, default=900, help="longest run of the tests that is no hang")
    parser.add_argument("--verbose", action="store_true", help="print who was caught, and by which test")
    parser.add_argument("--check", action="store_true", help="only look whether the list fits the sources")
    args = parser.parse_args()
    faults = [fault for fault in read_list(args.list) if args.only in f"{fault.module} {fault.old}"][
        args.start :: args.every
    ]
    if args.check:
        print(f"{len(faults)} faults fit")
        return
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    warm_up()
    out = os.fdopen(os.dup(1), "w")  # which pytest does not capture
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryFile("w+") as book:
        folder = Path(name)
        copy_of_checkout(folder)

        def told(fault, failure):
            if fault is None:
                print(f"{failure} fails without any fault", file=out, flush=True)
                return
            if failure == "import":
                module, first = folder / fault.module, First()
                source = module.read_text(encoding="utf-8")
                module.write_text(source.replace(fault.old, fault.new), encoding="utf-8")
                failure = forked(lambda: anew(fault, first), args.seconds)
                module.write_text(source, encoding="utf-8")
            word = "too long" if failure is None else "caught" if failure else "survived"
            print(word, file=book, flush=True)
            if word != "caught" or args.verbose:
                line = f"{fault.module} {word} {failure or ''}\n  - {fault.old}\n  + {fault.new}"
                print(line, file=out, flush=True)

        def anew(fault, first):
            for loaded in [
                loaded for loaded in sys.modules if loaded.startswith(("sklearn_bpfree", "bpfree_", "test_"))
            ]:
                del sys.modules[loaded]
            run(folder, fault.tests, first)
            return first.name

        for tests, some in groupby(sorted(faults, key=lambda fault: fault.tests), key=lambda fault: fault.tests):
            plants = Plants(folder, list(some), args.seconds, told)
            forked(lambda tests=tests, plants=plants: str(run(folder, tests, plants)), 100 * args.seconds)
        book.seek(0)
        words = book.read().split("\n")
        print(", ".join(f"{words.count(word)} {word}" for word in ("caught", "survived", "too long")))


if __name__ == "__main__":
    main()
