"""Tables of the zoo: the register, and what bpfree-bench measured of it (`zoo.py`, docs/leaderboard.md)."""

import functools
import re

import numpy as np
import results

from sklearn_bpfree.bench.terminal import markdown
from sklearn_bpfree.plugin.registry import inspect_trainers

OWN = "sklearn-bpfree "
CONTROLS = ("MLP", "backprop", "rvfl")
ASKED = {
    "predictive_coding": 0.98,
    "dual_propagation": 0.98,
    "target_propagation": 0.97,
    "equilibrium_propagation": 0.97,
    "pepita": 0.95,
    "forward_projection": 0.94,
    "prototypes": 0.97,
}


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
        ahead = " ± ".join(number(value, 2) for value in error[label] or () if value > 0)
        lines.append([label, ahead, *scores, times(by_set, sets)])
    return markdown(["trainer", "error", *columns, "time"], lines)


def asked():
    """On MNIST: what a method should reach by what is published of it, and what its defaults reach."""
    found, _ = measured()
    lines = []
    for label, least in ASKED.items():
        rows = found.get(label, {}).get("mnist", [])
        seconds = f"{float(rows[0]['seconds']):.0f}" if rows and rows[0]["seconds"] else ""
        lines.append([label, number(least), score(rows, 4), seconds])
    return markdown(["trainer", "asked", "reached", "CPU s"], lines)


def effort():
    """What a fit cost besides time, and what it sent where: means over the tables, MNIST aside."""
    found, sets = measured()
    lines = []
    for label, by_set in sorted(found.items()):
        rows = [row for name in sets for row in by_set.get(name, ()) if row["score"]]
        passes, memory, cosine = ([float(row[key]) for row in rows if row[key]] for key in ("passes", "mb", "cosine"))
        if label != "MLP" and rows:
            figures = [f"{gm(passes):,.0f}", f"{np.mean(memory):.0f}", number(np.mean(cosine), 2) if cosine else ""]
            lines.append([label, figures[0], figures[1], rows[0]["transposes"], figures[2]])
    return markdown(["trainer", "passes", "MB", "transposes", "cosine"], lines)
