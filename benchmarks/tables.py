"""Every table that README.md, docs/ and the families' READMEs draw from results: `python benchmarks/tables.py`.

    python benchmarks/tables.py                  # all tables anew, and the picture of the zoo
    python benchmarks/tables.py --check          # says which are stale, and ends with 1 if any is
    python benchmarks/tables.py --join FILE.csv  # the rows of somebody else's trainer into results/zoo.csv first

A table stands between `<!-- table: NAME WORDS -->` and `<!-- /table -->`, and is what the function of that name in this
file makes of the words, of benchmarks/results/*.csv and of the register. tests/test_tables.py holds them together.
"""

import argparse
import csv
import functools
import re
import sys
from pathlib import Path

import numpy as np
import results

from sklearn_bpfree.bench.terminal import markdown
from sklearn_bpfree.plugin.registry import inspect_trainers

ROOT = Path(__file__).resolve().parent.parent
MARKED = re.compile(r"(<!-- table: (\w+)((?: [\w,+-]+)*) -->\n).*?(<!-- /table -->)", re.S)
OWN = "sklearn-bpfree "
CONTROLS = ("MLP", "backprop", "rvfl")
ASKED = {
    "predictive_coding": 0.98,
    "dual_propagation": 0.98,
    "target_propagation": 0.97,
    "equilibrium_propagation": 0.97,
}
ASKED |= {"pepita": 0.95, "forward_projection": 0.94, "prototypes": 0.97}


def pages():
    """Markdown files that may hold tables."""
    return [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md")), *sorted(ROOT.glob("plugins/*/README.md"))]


def filled(text):
    """A page's text with its tables made anew."""
    return MARKED.sub(lambda m: f"{m[1]}{globals()[m[2]](*m[3].split())}\n{m[4]}", text)


def stale():
    """Pages that would change."""
    texts = {page: page.read_text(encoding="utf-8") for page in pages() if "_build" not in page.parts}
    return {page: new for page, text in texts.items() if (new := filled(text)) != text}


@functools.cache
def trainers():
    """The register."""
    return inspect_trainers()


def ours():
    """The trainers of this distribution."""
    return [info for info in trainers() if info.distribution.startswith(OWN)]


def number(value, digits=3):
    """A figure without its leading zero."""
    return re.sub(r"^(-?)0\.", r"\1.", f"{value:.{digits}f}")


def gm(values):
    """Geometric mean."""
    return float(np.exp(np.mean(np.log(values))))


def measured():
    """Rows of the zoo's benchmark by trainer and table, and the tables on which the MLP was measured, MNIST aside."""
    found = {}
    for row in results.read("zoo"):
        found.setdefault(row["trainer"], {}).setdefault(row["set"], []).append(row)
    return found, sorted(set(found.get("MLP", {})) - {"mnist"})


def score(rows, digits=3):
    """Mean score; a star where the limit of time cut a fit short, a dash where there is none."""
    scores = [float(row["score"]) for row in rows if row["score"]]
    if not scores:
        return "–" if rows else ""
    return number(np.mean(scores), digits) + "*" * any(row["ended"] == "interrupted" for row in rows)


def times(by_set, sets):
    """CPU time over the MLP's, geometric mean."""
    found = [float(r["times_mlp"]) for name in sets for r in by_set.get(name, ()) if r["times_mlp"]]
    return f"{gm(found):.1f}" if found and gm(found) >= 10 else number(gm(found), 2) if found else ""


def errors(own, base, sets):
    """Geometric mean over the tables of (1 - score) / (1 - the MLP's score), and its standard error over the tables.

    None where a table has no score. Splits are paired: the same rows were left out for both.
    """
    ratios = []
    for name in sets:
        pairs = {row["split"]: max(1 - float(row["score"]), 1e-3) for row in base[name]}
        rows = own.get(name, [])
        if not rows or not all(row["score"] for row in rows):
            return None
        ratios.append(gm([max(1 - float(row["score"]), 1e-3) / pairs[row["split"]] for row in rows]))
    spread = np.std(np.log(ratios), ddof=1) / np.sqrt(len(ratios)) if len(ratios) > 1 else np.nan
    return (gm(ratios), gm(ratios) * spread) if ratios else None


def register():
    """As `bpfree list --markdown`."""
    header = ["name", "family", "needs", "offers", "transposes", "distribution", "summary"]
    lines = [[i.name, i.family, i.needs, ", ".join(i.offers), i.transposes, i.distribution, i.summary] for i in ours()]
    return markdown(header, lines)


def overview():
    """The register, a line each, with what the zoo's benchmark measured."""
    found, sets = measured()
    header = ["trainer", "family", "needs", "transposes", "digits", "diabetes", "MNIST", "error", "time"]
    lines = []
    for info in ours():
        by_set = found.get(info.name, {})
        error = errors(by_set, found.get("MLP"), sets)
        scores = [score(by_set.get(name, [])) for name in ("digits", "diabetes", "mnist")]
        figures = [*scores, number(error[0], 2) if error else "", times(by_set, sets)]
        link = f"[{info.family}](plugins/bpfree_{info.family}/README.md)"
        lines.append([info.name, link, info.needs, info.transposes, *figures])
    return markdown(header, lines)


def zoo(*families):
    """What bpfree-bench measured, best first; of some families only, with the controls, if they are named."""
    found, sets = measured()
    family = {info.name: info.family for info in trainers()}
    labels = [name for name in found if not families or name in CONTROLS or family.get(name.split()[0]) in families]
    error = {label: errors(found[label], found["MLP"], sets) for label in labels}
    columns = [*sets, *["mnist"] * any("mnist" in by_set for by_set in found.values())]
    lines = []
    for label in sorted(labels, key=lambda label: (error[label] is None, error[label] or (), label)):
        by_set = found[label]
        scores = [score(by_set.get(name, []), 3 + (name == "mnist")) for name in columns]
        passes = [float(r["passes"]) for name in sets for r in by_set.get(name, ()) if r["passes"]]
        ahead = " ± ".join(number(value, 2) for value in error[label] or () if value > 0)
        lines.append([label, ahead, *scores, times(by_set, sets), f"{gm(passes):,.0f}" if passes else ""])
    return markdown(["trainer", "error", *columns, "time", "passes"], lines)


def asked():
    """On MNIST: what a method should reach by what is published of it, and what its defaults reach."""
    found, _ = measured()
    lines = []
    for label, least in ASKED.items():
        rows = found.get(label, {}).get("mnist", [])
        seconds = f"{float(rows[0]['seconds']):.0f}" if rows and rows[0]["seconds"] else ""
        lines.append([label, number(least), score(rows, 4), seconds])
    return markdown(["trainer", "asked", "reached", "CPU s"], lines)


def recipes():
    """Trainers in the recipe of the tabular default: scores, and errors over the MLP's with their standard error."""
    found = {}
    for row in results.read("tabular"):
        found.setdefault(row["model"], {}).setdefault(row["set"], []).append({**row, "split": row["seed"]})
    labels = [label for label in found if label.startswith("recipe ")]
    sets = sorted(set.intersection(*(set(found[label]) for label in ["MLP*", *labels])))
    lines = []
    for label in ["MLP*", *labels]:
        scores = [number(np.mean([float(row["score"]) for row in found[label][name]])) for name in sets]
        ahead = " ± ".join(number(value) for value in errors(found[label], found["MLP*"], sets) or () if value > 0)
        lines.append([label, ahead, *scores])
    return markdown(["", "error", *sets], lines)


def deployment(table):
    """What models cost in use, in the order of the results."""
    rows = [row for row in results.read("deployment") if row["table"] == table]
    columns = [
        name for name in rows[0] if name not in ("table", "model", *results.ORIGIN) and any(r[name] for r in rows)
    ]
    return markdown([table, *columns], [[row["model"], *(row[name] for name in columns)] for row in rows])


def intervals():
    """Coverage, width and score of intervals, means over the splits; coverage beyond the rows of the fit."""
    rows = [row for row in results.read("intervals") if row["level"] == "0.9"]
    header, lines = ["", "", "coverage", "width", "score", "narrow third", "wide third", "beyond"], []
    for name, method in dict.fromkeys((row["set"], row["method"]) for row in rows):
        mine = [row for row in rows if (row["set"], row["method"]) == (name, method)]
        inside, beyond = ([row for row in mine if (row["split"] == "beyond") == far] for far in (False, True))
        means = [np.mean([float(row[field]) for row in inside]) for field in header[2:-1]]
        digits = [3, 2, 2, 2, 2]
        figures = [number(mean, digit) for mean, digit in zip(means, digits, strict=True)]
        lines.append([name, method, *figures, *(number(float(row["coverage"]), 2) for row in beyond)])
    return markdown(header, lines)


def ensembles():
    """Persistent ensembles of the Kalman family."""
    rows = results.read("kalman_ensembles")
    figures = [[row[field].replace("nan", "").lstrip("0") for field in ("score", "cover 90", "CRPS")] for row in rows]
    lines = [[row["set"], row["trainer"], *cells, row["time"]] for row, cells in zip(rows, figures, strict=True)]
    return markdown(["", "", "score", "cover", "CRPS", "time / MLP's"], lines)


def origin(name):
    """On what the rows of a file were measured."""
    rows = results.read(name)
    parts = [sorted({row[field] for row in rows}) for field in results.ORIGIN]
    drawn = sorted({row[field] for row in rows for field in ("split", "seed") if field in row})
    splits = f"; splits {', '.join(drawn)}" if drawn else ""
    return f"Measured on {'; '.join(parts[2])}, {'; '.join(parts[1])}, commit {', '.join(parts[0])}{splits}."


def join(path):
    """Somebody else's rows into the results, the controls aside, each as it was measured."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["trainer"] not in CONTROLS]
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

        draw(*measured(), {info.name: info.needs for info in trainers()})
    return bool(options.check and changed)


if __name__ == "__main__":
    sys.exit(main())
