"""Every table that README.md, docs/ and the families' READMEs draw from results: `python benchmarks/tables.py`.

    python benchmarks/tables.py                  # all tables anew, and the picture of the zoo
    python benchmarks/tables.py --check          # says which are stale, and ends with 1 if any is
    python benchmarks/tables.py --join FILE.csv  # the rows of somebody else's trainer into results/zoo.csv first

A table stands between `<!-- table: NAME WORDS -->` and `<!-- /table -->`, and is what the function of that name in
zoo_tables.py or other_tables.py makes of the words, of benchmarks/results/*.csv and of the register.
tests/test_result_tables.py holds them together.
"""

import argparse
import csv
import re
import sys
from pathlib import Path

import other_tables
import results
import zoo_tables

ROOT = Path(__file__).resolve().parent.parent
MARKED = re.compile(r"(<!-- table: (\w+)((?: [\w,+-]+)*) -->\n).*?(<!-- /table -->)", re.S)


def pages():
    """Markdown files that may hold tables."""
    return [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md")), *sorted(ROOT.glob("plugins/*/README.md"))]


def function(name):
    """What makes the tables of a name."""
    return getattr(zoo_tables, name, None) or getattr(other_tables, name)


def filled(text):
    """A page's text with its tables made anew."""
    return MARKED.sub(lambda m: f"{m[1]}{function(m[2])(*m[3].split())}\n{m[4]}", text)


def stale():
    """Pages that would change."""
    texts = {page: page.read_text(encoding="utf-8") for page in pages() if "_build" not in page.parts}
    return {page: new for page, text in texts.items() if (new := filled(text)) != text}


def join(path):
    """Somebody else's rows into the results, the controls aside, each as it was measured."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["trainer"] not in zoo_tables.CONTROLS]
    key = ("set", "trainer", "split")
    new = {tuple(row[field] for field in key) for row in rows}
    kept = [row for row in results.read("zoo") if tuple(row[field] for field in key) not in new]
    results.write("zoo", [*kept, *rows], key)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--join", metavar="FILE.csv")
    options = parser.parse_args()
    if options.join:
        join(options.join)
    changed = stale()
    for page, text in changed.items():
        print("stale:" if options.check else "written:", page.relative_to(ROOT))
        if not options.check:
            page.write_text(text, encoding="utf-8")
    if not options.check:
        from zoo_picture import draw

        draw(*zoo_tables.measured(), {info.name: info.needs for info in zoo_tables.trainers()})
    return bool(options.check and changed)


if __name__ == "__main__":
    sys.exit(main())
