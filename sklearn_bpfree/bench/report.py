"""One self-contained HTML page about a comparison: ``bpfree bench --report report.html``.

The leaderboard, learning curves, calibration or residuals, what the best model relies on, and the code that reproduces
it. Pictures are drawn by matplotlib and put into the page, so the file can be sent as it is. Read `write_report` first.
"""

from __future__ import annotations

import html
import io
import warnings
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import Any

import numpy as np
from sklearn import __version__ as sklearn_version
from sklearn.base import clone
from sklearn.calibration import CalibrationDisplay
from sklearn.inspection import permutation_importance
from sklearn.metrics import PredictionErrorDisplay

from sklearn_bpfree import __version__
from sklearn_bpfree.bench.comparison import METRICS, Model, Result, folds
from sklearn_bpfree.bench.reading import Table
from sklearn_bpfree.estimators import BPFreeClassifier, BPFreeRegressor

MAX_CURVES = 6  # learning curves in one picture
MAX_COLUMNS = 15  # columns whose importance is shown
MAX_ROWS = 2000  # rows of the held-out fold by which importances are measured, and points of a scatter plot

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1f24; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.25rem; margin-top: 2.5rem; } h3 { font-size: 1.05rem; margin-top: 2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .7rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #d8dee4; }
th:nth-child(2), td:nth-child(2), td:last-child { text-align: left; }
tr.zoo td:nth-child(2) { font-weight: 600; }
.row { display: flex; flex-wrap: wrap; gap: 1rem; }
svg { max-width: 100%; height: auto; display: block; }
pre { background: #f4f6f8; padding: .8rem; overflow-x: auto; font-size: .85rem; border-radius: .3rem; }
footer, .note { color: #57606a; font-size: .85rem; }
@media (max-width: 40rem) {
  table { font-size: .8rem; }
  th, td { padding: .3rem; }
  td:nth-child(2) { min-width: 8rem; white-space: normal; overflow-wrap: anywhere; }
}
"""

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>bpfree bench</title>
<style>{style}</style>
</head>
<body>
<h1>Trainers without back-propagation beside scikit-learn's models</h1>
{body}
<footer>{versions}</footer>
</body>
</html>
"""


@dataclass
class Section:
    """What there is to tell about one table; `source` is the expression that reads it again."""

    table: Table
    results: list[Result]
    source: str
    cv: int
    random_state: int

    @property
    def ranked(self) -> list[Result]:
        """The results that have a fold, best first."""
        return sorted((result for result in self.results if result.folds), key=lambda result: -result.score)


def write_report(path: str, sections: list[Section]) -> None:
    """Write the page.

    Parameters
    ----------
    path : str
    sections : list of Section
        One per table.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    page = PAGE.format(
        style=STYLE,
        body="\n".join(_section(section) for section in sections),
        versions=f"sklearn-bpfree {__version__}, scikit-learn {sklearn_version}",
    )
    with open(path, "w", encoding="utf-8") as file:
        file.write(page)


def _section(section: Section) -> str:
    table, ranked = section.table, section.ranked
    what = f"{len(table.y)} rows, {table.X.shape[1]} columns, a {table.task}; {section.cv} folds."
    parts = [
        f"<h2>{html.escape(table.name)}</h2>",
        f"<p>{html.escape(' '.join([what, *table.notes]))}</p>",
        _leaderboard(section),
    ]
    if ranked:
        parts.append(_learning_curves([result for result in ranked if result.model.from_zoo][:MAX_CURVES]))
        shown = _best_of_each_side(ranked)
        parts.append(_calibration(table, shown) if table.task == "classifier" else _residuals(table, shown))
        parts.append(_importance(section))
        parts.append(f"<h3>The best model again</h3>\n<pre><code>{html.escape(reproduce(section))}</code></pre>")
    return "\n".join(parts)


def _leaderboard(section: Section) -> str:
    score, loss = METRICS[section.table.task]
    heads = ["", "model", score, "±", loss, "fit, s", "predict, s", ""]
    lines = ["<tr>" + "".join(f"<th>{head}</th>" for head in heads) + "</tr>"]
    for rank, result in enumerate(section.ranked, start=1):
        numbers = [f"{result.score:.4f}", f"{result.spread:.4f}", f"{result.mean('loss'):#.4g}".rstrip(".")]
        seconds = [f"{result.mean('fit_seconds'):.3f}", f"{result.mean('predict_seconds'):.3f}"]
        lines.append(_row(result, [str(rank), result.model.name, *numbers, *seconds, result.reason]))
    for result in section.results:
        if not result.folds:
            lines.append(_row(result, ["", result.model.name, *[""] * 5, result.reason]))
    return "\n".join(
        [
            '<div class="scroll"><table>',
            *lines,
            "</table></div>",
            '<p class="note">Bold: trainers of the zoo. Means over the folds; ± is their standard deviation.</p>',
        ]
    )


def _row(result, cells):
    cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
    return f'<tr class="{"zoo" if result.model.from_zoo else "peer"}">{cells}</tr>'


# --- pictures ---------------------------------------------------------------------------------------------------------


def _figure(draw) -> str:
    """An inline SVG of what `draw(ax)` draws."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.6, 3.6), layout="constrained")
    FigureCanvasSVG(figure)
    draw(figure.subplots())
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _learning_curves(results: list[Result]) -> str:
    curves = [(result.model.name, result.folds[0].curve) for result in results if len(result.folds[0].curve) > 1]
    if not curves:
        return ""

    def draw(ax):
        for name, curve in curves:
            ax.plot(np.linspace(0, 1, len(curve)), curve, label=name)
        ax.set(xlabel="share of the steps", ylabel="training loss")
        positive = all(np.nanmin(curve) > 0 for _, curve in curves)
        ax.set_yscale("log" if positive else "linear")
        ax.legend()

    return f"<h3>Learning curves, first fold</h3>\n{_figure(draw)}"


def _best_of_each_side(ranked: list[Result]) -> list[Result]:
    """The best of the zoo and the best of scikit-learn, the better one first."""
    first = {result.model.from_zoo: result for result in reversed(ranked)}
    return sorted(first.values(), key=ranked.index)


def _out_of_fold(table: Table, result: Result) -> tuple[np.ndarray, np.ndarray]:
    """Targets and predictions of all rows that were held out once."""
    rows = np.concatenate([fold.rows for fold in result.folds])
    return table.y[rows], np.concatenate([fold.predicted for fold in result.folds])


def _calibration(table: Table, results: list[Result]) -> str:
    results = [result for result in results if result.folds[0].predicted.ndim == 2]
    if not results:
        return ""
    classes = np.unique(table.y)

    def draw(ax):
        for result in results:
            y, P = _out_of_fold(table, result)
            if len(classes) == 2:
                hit, confidence = y == classes[1], P[:, 1]
            else:
                hit, confidence = y == classes[P.argmax(axis=1)], P.max(axis=1)
            CalibrationDisplay.from_predictions(
                hit, np.clip(confidence, 0, 1), n_bins=8, strategy="quantile", ax=ax, name=result.model.name
            )
        what = f"probability of {classes[1]}" if len(classes) == 2 else "probability of the predicted class"
        ax.set(xlabel=f"predicted {what}", ylabel="observed share", aspect="auto")

    return f"<h3>Calibration, rows held out</h3>\n{_figure(draw)}"


def _residuals(table: Table, results: list[Result]) -> str:
    def draw(result, ax):
        y, predicted = _out_of_fold(table, result)
        PredictionErrorDisplay.from_predictions(
            y, predicted, kind="residual_vs_predicted", subsample=MAX_ROWS, random_state=0, ax=ax
        )
        ax.set_title(result.model.name)

    figures = "\n".join(_figure(partial(draw, result)) for result in results)
    return f'<h3>Residuals, rows held out</h3>\n<div class="row">{figures}</div>'


def _importance(section: Section) -> str:
    """How much the score of the best model falls when a column of a held-out fold is shuffled."""
    table, best = section.table, section.ranked[0]
    train, test = folds(table, section.cv, section.random_state)[0]
    rows = getattr(table.X, "iloc", table.X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the leaderboard has told them
        fitted = clone(best.model.pipeline).fit(rows[train], table.y[train])
        test = test[:MAX_ROWS]
        found = permutation_importance(
            fitted, rows[test], table.y[test], n_repeats=5, random_state=section.random_state, max_samples=1.0
        )
    names = [str(name) for name in getattr(table.X, "columns", [f"column {j}" for j in range(table.X.shape[1])])]
    order = np.argsort(found["importances_mean"])[-MAX_COLUMNS:]

    def draw(ax):
        labels = [names[j] if len(names[j]) <= 24 else f"{names[j][:23]}…" for j in order]
        ax.barh(labels, found["importances_mean"][order], xerr=found["importances_std"][order])
        ax.set(xlabel=f"loss of {METRICS[table.task][0]} when the column is shuffled")

    name = html.escape(best.model.name)
    return f"<h3>What {name} relies on, first fold</h3>\n{_figure(draw)}"


# --- the code ---------------------------------------------------------------------------------------------------------


def reproduce(section: Section) -> str:
    """Python code that gives the best model's line of the leaderboard."""
    best = section.ranked[0]
    imports, expression = _expression(best.model, section.random_state)
    kind = "StratifiedKFold" if section.table.task == "classifier" else "KFold"
    reader = section.source.partition("(")[0]
    lines = [
        f"from sklearn.model_selection import {kind}, cross_val_score",
        *sorted({*imports, f"from sklearn_bpfree.bench import {reader}"}),
        "from sklearn_bpfree.tabular import tabular_pipeline",
        "",
        f"table = {section.source}",
        f"model = {expression}",
        f"folds = {kind}({section.cv}, shuffle=True, random_state={section.random_state})",
        "scores = cross_val_score(model, table.X, table.y, cv=folds)",
        "print(scores.mean(), scores.std())",
        "model.fit(table.X, table.y)  # on all rows, for predictions of new ones",
    ]
    return "\n".join(lines)


def _expression(model: Model, random_state) -> tuple[list[str], str]:
    """What must be imported, and the expression that makes the pipeline."""
    if model.word:
        return [], f"tabular_pipeline({model.word!r}, random_state={random_state})"
    estimator: Any = clone(model.pipeline[-1])
    if "random_state" in estimator.get_params():
        estimator.set_params(random_state=None)
    inner = [value for value in estimator.get_params(deep=False).values() if hasattr(value, "get_params")]
    text = " ".join(repr(estimator).split())
    return [_import_of(part) for part in [estimator, *inner]], f"tabular_pipeline({text}, random_state={random_state})"


def _import_of(thing) -> str:
    kind = type(thing)
    module = ".".join(takewhile(lambda part: not part.startswith("_"), kind.__module__.split(".")))
    if kind in (BPFreeClassifier, BPFreeRegressor):
        module = "sklearn_bpfree"
    return f"from {module} import {kind.__name__}"
