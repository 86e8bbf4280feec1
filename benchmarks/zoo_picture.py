"""docs/images/zoo.png: error against time, a dot for each trainer of the leaderboard; `benchmarks/tables.py` draws it.

Trainers with their defaults only, as the modes would hide each other; a label stands where it covers no other.
"""

from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
from matplotlib.ticker import NullFormatter, StrMethodFormatter
from zoo_tables import CONTROLS, errors, gm

PICTURE = Path(__file__).resolve().parent.parent / "docs/images/zoo.png"
COLOURS = {"output error": "tab:blue", "values": "tab:orange"}
PLACES = [(5, -3, "left"), (-5, -3, "right"), (0, 5, "center"), (0, -11, "center"), (5, 5, "left"), (-5, 5, "right")]
PLACES += [
    (5, -12, "left"),
    (-5, -12, "right"),
    (6, 13, "left"),
    (-6, 13, "right"),
    (6, -21, "left"),
    (-6, -21, "right"),
]
TICKS = {"x": (0.1, 0.3, 1, 3, 10, 30), "y": (0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.5, 2, 3, 5)}


def dots(found, sets, needs):
    """Label, time, error and colour of every trainer that has a score on every table."""
    for label, by_set in found.items():
        error = errors(by_set, found["MLP"], sets)
        spent = [float(r["times_mlp"]) for name in sets for r in by_set.get(name, ()) if r["times_mlp"]]
        if error and spent and (label in needs or label in CONTROLS):
            yield label, gm(spent), error[0], "black" if label in CONTROLS else COLOURS[needs[label]]


def draw(found, sets, needs):
    """The picture, from results by trainer and table."""
    matplotlib.use("Agg")
    figure, axes = plt.subplots(figsize=(11, 7), layout="constrained")
    drawn = list(dots(found, sets, needs))
    axes.scatter(*zip(*[dot[1:3] for dot in drawn], strict=True), c=[dot[3] for dot in drawn], s=22, zorder=2)
    axes.axhline(1, color="0.8", linewidth=0.8, zorder=0)
    axes.axvline(1, color="0.8", linewidth=0.8, zorder=0)
    axes.set(
        xscale="log", yscale="log", xlabel="CPU time over the MLP's", ylabel="error over the MLP's (lower is better)"
    )
    for axis, ticks in ((axes.xaxis, TICKS["x"]), (axes.yaxis, TICKS["y"])):
        axis.set_ticks(ticks)
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_formatter(NullFormatter())
    names = {"controls": "black", "needs an output error": COLOURS["output error"], "needs values": COLOURS["values"]}
    for name, colour in names.items():
        axes.scatter([], [], c=colour, label=name)
    axes.legend(loc="upper left", fontsize=9)
    axes.margins(0.17, 0.06)
    figure.canvas.draw()
    label_all(axes, drawn)
    figure.savefig(PICTURE, dpi=110)
    plt.close(figure)


def label_all(axes, drawn):
    """Write each name at the first place where it covers neither a dot nor another name; else at the last."""
    renderer = axes.figure.canvas.get_renderer()
    points = [axes.transData.transform(dot[1:3]) for dot in drawn]
    taken = []
    for label, x, y, _ in sorted(drawn, key=lambda dot: dot[1:3]):
        for dx, dy, side in PLACES:
            place = {"xytext": (dx, dy), "textcoords": "offset points", "ha": side, "fontsize": 7.5}
            text = axes.annotate(label, (x, y), **place)
            box = text.get_window_extent(renderer)
            if not box.count_overlaps(taken) and not any(box.contains(*point) for point in points):
                break
            if (dx, dy, side) != PLACES[-1]:
                text.remove()
        taken.append(box)
