"""Files of results: benchmarks/results/<name>.csv, a row for each measurement, with what it was measured on.

Every row ends with the last commit that changed the library ("+" after it: with changes that were not committed), the
versions of Python and of the packages that decide figures, and the processor. `benchmarks/tables.py` makes tables of
these files.
"""

import csv
import functools
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "results"
ORIGIN = ("commit", "versions", "machine")
CODE = (":(glob)sklearn_bpfree/**/*.py", ":(glob)plugins/**/*.py")


@functools.cache
def origin():
    """What every row measured by this process says of the code and the machine."""

    def git(*command):
        done = subprocess.run(("git", *command), cwd=FOLDER.parent.parent, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = "+" if git("status", "--porcelain", "--", *CODE) else ""
    versions = [f"{name} {version(name)}" for name in ("numpy", "scipy", "scikit-learn")]
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = models[0] if models else cpu
    return {
        "commit": (git("log", "-1", "--abbrev=10", "--format=%h", "--", *CODE) or "unknown") + changed,
        "versions": ", ".join([f"Python {platform.python_version()}", *versions]),
        "machine": f"{cpu}, {os.cpu_count()} cores",
    }


def path_of(name):
    """The file of a benchmark's name, or the one that ends in .csv itself."""
    return Path(name) if name.endswith(".csv") else FOLDER / f"{name}.csv"


def read(name):
    """Rows measured so far, as dicts of text; none if there is no file."""
    path = path_of(name)
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(name, rows, order):
    """All rows, sorted by the fields `order`; fields are those of the longest row, the origin last."""
    fields = [field for field in max(rows, key=len) if field not in ORIGIN]
    path = path_of(name)
    path.parent.mkdir(exist_ok=True)
    half = path.with_suffix(".part")
    with half.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, [*fields, *ORIGIN], restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(sorted(rows, key=lambda row: [str(row[field]) for field in order]))
    half.replace(path)


def add(name, row, order):
    """One more row, in the place of any that has the same fields `order`."""
    kept = [old for old in read(name) if any(str(row[field]) != old[field] for field in order)]
    write(name, [*kept, {**row, **origin()}], order)
