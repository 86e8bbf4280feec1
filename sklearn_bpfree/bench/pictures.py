"""The pictures of the page, as SVG: drawn by matplotlib in the page's own colour, so that they are right in the dark.

Each function gives a `Picture`, or None where there is nothing to draw.
"""

import io
import re
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sklearn.calibration import CalibrationDisplay
from sklearn.metrics import ConfusionMatrixDisplay, PredictionErrorDisplay

from sklearn_bpfree.bench.comparison import Result
from sklearn_bpfree.bench.importance import Importances
from sklearn_bpfree.bench.leaderboard import Leaderboard
from sklearn_bpfree.bench.reading import Table
from sklearn_bpfree.bench.terminal import plain

MAX_CURVES = 6  # learning curves in one picture
MAX_COLUMNS = 15  # columns whose importance is shown
MAX_CLASSES = 12  # classes of a confusion matrix
MAX_POINTS = 2000  # of a scatter plot
INK = "#010203"  # stands for the colour of the page's text
STYLE: dict[Any, Any] = {
    **dict.fromkeys(["text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"], INK),
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "legend.framealpha": 0.0,
    "text.parse_math": False,  # a dollar in a name is a dollar
    "svg.fonttype": "none",
    "svg.hashsalt": "bpfree",
}


class Picture(NamedTuple):
    """A drawing, and what it shows in words."""

    title: str
    svg: str
    caption: str = ""


def _picture(title: str, draw: Callable, caption: str = "", size=(5.6, 3.6)) -> Picture:
    """What `draw(ax)` draws."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # glyphs that matplotlib's font lacks; the browser has others
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure.subplots())
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
    svg = buffer.getvalue()
    svg = re.sub(f"{INK}|#000000", "currentColor", svg[svg.index("<svg") :])
    return Picture(title, "\n".join(map(plain, svg.split("\n"))), caption)


def score_against_time(board: Leaderboard) -> Picture:
    """Every model's score and fit time, with the spread over the folds, numbered by rank."""
    floor = min((r.score for r in board.ranked if r.model.name.startswith("Dummy")), default=-np.inf)
    shown = [(rank, r) for rank, r in zip(board.ranks, board.ranked, strict=True) if r.score > floor]
    below = [r.model.name for r in board.ranked if r.score <= floor]

    def draw(ax):
        for from_zoo, colour, label in ((True, "tab:blue", "zoo"), (False, "tab:orange", "peers")):
            side = [(rank, r) for rank, r in shown if r.model.from_zoo == from_zoo]
            if not side:
                continue
            x = [r.mean("fit_seconds") for _, r in side]
            y, spread = [r.score for _, r in side], [r.spread for _, r in side]
            ax.errorbar(x, y, spread, fmt="o", color=colour, label=label, elinewidth=0.8, alpha=0.8)
            for (rank, _), a, b in zip(side, x, y, strict=True):
                ax.annotate(str(rank), (a, b), xytext=(4, 4), textcoords="offset points", fontsize=8)
        ax.set(xscale="log", xlabel="fit time, s", ylabel=board.scoring.name)
        _plain_numbers(ax.xaxis)
        if shown:
            ax.legend()

    caption = "Numbers are ranks; bars are the standard deviation over the folds."
    if below:
        caption += f" Not shown, no better than the dummy: {', '.join(below)}."
    return _picture("Score against fit time", draw, caption)


def learning_curves(results: list[Result]) -> Picture | None:
    """The training loss of trainers of the zoo over the steps of the first fold."""
    curves = [(r.model.name, np.asarray(r.folds[0].curve, dtype=float)) for r in results if r.model.from_zoo]
    curves = [(name, curve) for name, curve in curves if np.isfinite(curve).sum() > 1][:MAX_CURVES]
    if not curves:
        return None

    def draw(ax):
        for name, curve in curves:
            ax.plot(np.linspace(0, 1, len(curve)), curve, label=name)
        positive = all(np.nanmin(curve) > 0 for _, curve in curves)
        ax.set(xlabel="share of the steps", ylabel="training loss", yscale="log" if positive else "linear")
        _plain_numbers(ax.yaxis)
        ax.legend()

    return _picture("Learning curves, first fold", draw)


def out_of_fold(table: Table, result: Result, name: str = "predicted") -> tuple[np.ndarray, np.ndarray]:
    """Targets of all rows that were held out once, and what was predicted for them."""
    rows = np.concatenate([fold.rows for fold in result.folds])
    return table.y[rows], np.concatenate([getattr(fold, name) for fold in result.folds])


def confusion(table: Table, result: Result) -> Picture | None:
    """Which class is taken for which, in shares of the true class."""
    y, predicted = out_of_fold(table, result, "labels")
    classes = np.unique(table.y)
    if len(classes) > MAX_CLASSES:
        return None

    def draw(ax):
        labels = [_short(label, 12) for label in classes]
        ConfusionMatrixDisplay.from_predictions(
            y, predicted, labels=classes, display_labels=labels, normalize="true", values_format=".2f", ax=ax,
            cmap="Blues", colorbar=False, xticks_rotation="vertical" if max(map(len, labels)) > 3 else "horizontal",
        )  # fmt: skip
        ax.set(xlabel="predicted", ylabel="true")

    return _picture(f"Confusion matrix of {result.model.name}, rows held out", draw, "Shares of the true class.")


def calibration(table: Table, results: list[Result]) -> Picture | None:
    """How often what is predicted with some probability comes true."""
    results = [result for result in results if result.folds[0].predicted.ndim == 2]
    if not results:
        return None
    classes = np.unique(table.y)

    def draw(ax):
        for result in results:
            y, P = out_of_fold(table, result)
            if len(classes) == 2:
                hit, confidence = y == classes[1], P[:, 1]
            else:
                hit, confidence = y == classes[P.argmax(axis=1)], P.max(axis=1)
            CalibrationDisplay.from_predictions(
                hit, np.clip(confidence, 0, 1), n_bins=8, strategy="quantile", ax=ax, name=result.model.name
            )
        what = f"probability of {_short(classes[1])}" if len(classes) == 2 else "probability of the predicted class"
        ax.set(xlabel=f"predicted {what}", ylabel="observed share", aspect="auto")

    return _picture("Calibration, rows held out", draw)


def residuals(table: Table, result: Result) -> Picture:
    """Predicted values and how far the true ones are from them."""

    def draw(ax):
        y, predicted = out_of_fold(table, result)
        PredictionErrorDisplay.from_predictions(
            y, predicted, kind="residual_vs_predicted", subsample=MAX_POINTS, random_state=0, ax=ax
        )

    return _picture(f"Residuals of {result.model.name}, rows held out", draw)


def importance(found: Importances, name: str, score: str) -> Picture:
    """The columns that matter most."""
    order = np.argsort(found.means)[-MAX_COLUMNS:]

    def draw(ax):
        ax.barh(range(len(order)), found.means[order], xerr=found.stds[order], error_kw={"ecolor": INK})
        ax.set_yticks(range(len(order)), [_short(found.names[j]) for j in order])
        ax.set(xlabel=f"loss of {score} when the column is shuffled")

    part = len(found.names) < found.n_columns
    caption = f"Of the first {len(found.names)} of {found.n_columns} columns, until the time was over." if part else ""
    return _picture(f"What {name} relies on, first fold", draw, caption)


def _plain_numbers(axis):
    """0.1 in the place of a power of ten, which is written in mathematics."""
    from matplotlib.ticker import LogLocator, NullFormatter

    if axis.get_scale() == "log":
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=8))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(NullFormatter())


def _short(name, length=24):
    name = plain(name)
    return name if len(name) <= length else f"{name[: length - 1]}…"
