"""One self-contained HTML page about a comparison: ``bpfree bench --report report.html``.

The leaderboard with distances to the best, pictures, class-wise scores, what the best model relies on, and the code
that reproduces it. jinja2 fills `page.html`, which escapes every cell; matplotlib draws. Read `write_report` first.
"""

import time
from dataclasses import dataclass
from importlib import resources
from importlib.util import find_spec
from typing import Any

import numpy as np
from sklearn import __version__ as sklearn_version
from sklearn.metrics import precision_recall_fscore_support

from sklearn_bpfree import __version__
from sklearn_bpfree.bench import pictures
from sklearn_bpfree.bench.comparison import Result
from sklearn_bpfree.bench.files import replacing
from sklearn_bpfree.bench.importance import importances
from sklearn_bpfree.bench.leaderboard import Leaderboard
from sklearn_bpfree.bench.reading import BenchError, Table
from sklearn_bpfree.bench.reproduce import reproduce
from sklearn_bpfree.bench.terminal import plain
from sklearn_bpfree.tabular import describe_columns


@dataclass
class Section:
    """What there is to tell about one table; `source` is the expression that reads it again."""

    table: Table
    board: Leaderboard
    source: str
    cv: int
    random_state: int
    asked: str | None = None  # what the comparison was asked to rank by


def check_report() -> None:
    """Say what must be installed for a page.

    Raises
    ------
    BenchError
        If matplotlib or jinja2 is not.
    """
    if missing := [name for name in ("matplotlib", "jinja2") if not find_spec(name)]:
        raise BenchError(f'--report needs {" and ".join(missing)}; run pip install "sklearn-bpfree[plot]".')


def write_report(path: str, sections: list[Section], seconds: float | None = None) -> None:
    """Write the page.

    Parameters
    ----------
    path : str
    sections : list of Section
        One per table.
    seconds : float, default=None
        Time for what must be computed for the page.

    Raises
    ------
    BenchError
        If the file cannot be written.
    """
    page = render(sections, seconds)
    with replacing(path) as file:
        file.write(page.encode("utf-8", "replace"))


def render(sections: list[Section], seconds: float | None = None) -> str:
    """The page as text; parameters as in :func:`write_report`."""
    from jinja2 import Environment
    from markupsafe import Markup

    def finalize(value):
        return value if isinstance(value, Markup) else plain(value)

    environment = Environment(autoescape=True, finalize=finalize, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(resources.files("sklearn_bpfree.bench").joinpath("page.html").read_text("utf-8"))
    deadline = None if seconds is None else time.time() + seconds
    told = []
    for k, section in enumerate(sections):
        share = None if deadline is None else (deadline - time.time()) / (len(sections) - k)
        told.append(_told(section, share))
    versions = f"sklearn-bpfree {__version__}, scikit-learn {sklearn_version}"
    return template.render(sections=told, versions=versions, svg=Markup)


def _told(section: Section, seconds) -> dict[str, Any]:
    """What the template is given about a table."""
    table, board = section.table, section.board
    told = {
        "name": table.name,
        "what": f"{len(table.y)} rows, {table.X.shape[1]} columns, a {table.task}; {section.cv} folds.",
        "notes": [*table.notes, *filter(None, [board.scoring.note])],
        "header": board.header,
        "lines": _lines(board),
        "footnotes": board.footnotes,
        "columns": describe_columns(table.X, table.y) if hasattr(table.X, "columns") else [],
    }
    if not board.ranked:
        return told
    best = board.ranked[0]
    classes = _class_scores(table, best) if table.task == "classifier" else []
    code = reproduce(best.model, section.source, section.cv, section.random_state, section.asked)
    return told | {"pictures": _pictures(section, seconds), "best": best.model.name, "classes": classes, "code": code}


def _lines(board: Leaderboard) -> list[dict[str, Any]]:
    """The lines of the leaderboard."""
    lines = []
    for rank, result in zip(board.ranks, board.ranked, strict=True):
        distance, error = board.distance(result)
        behind = "" if result is board.ranked[0] else f"{distance:.4f}" + (f" ± {error:.4f}" if error == error else "")
        lines.append(_line(result.model, rank, board.cells(result), behind, board.note(result)))
    empty = [""] * len(board.header)
    lines += [_line(r.model, "", empty, "", board.note(r)) for r in board.results if not r.folds]
    return lines + [_line(model, "", empty, "", reason) for model, reason in board.not_run]


def _line(model, rank, cells, behind, note):
    side = "zoo" if model.from_zoo else "peer"
    return {"rank": rank, "side": side, "name": model.name, "cells": cells, "behind": behind, "note": note}


def _pictures(section: Section, seconds) -> list[pictures.Picture]:
    table, board = section.table, section.board
    best, sides = board.ranked[0], best_of_each_side(board)
    drawn = [pictures.score_against_time(board), pictures.learning_curves(board.ranked)]
    if table.task == "classifier":
        drawn += [pictures.confusion(table, best), pictures.calibration(table, sides)]
    else:
        drawn += [pictures.residuals(table, result) for result in sides]
    found = importances(best, table, board.scoring, section.cv, section.random_state, seconds)
    if found is not None:
        drawn.append(pictures.importance(found, best.model.name, board.scoring.name))
    return [picture for picture in drawn if picture is not None]


def best_of_each_side(board: Leaderboard) -> list[Result]:
    """The best of the zoo and the best of the peers, the better one first."""
    first = {result.model.from_zoo: result for result in reversed(board.ranked)}
    return sorted(first.values(), key=board.ranked.index)


def _class_scores(table: Table, best: Result) -> list[list[str]]:
    """Rows held out: precision, recall, F1 and number of rows of each class."""
    y, predicted = pictures.out_of_fold(table, best, "labels")
    classes = np.unique(table.y)
    scores = precision_recall_fscore_support(y, predicted, labels=classes, zero_division=0)
    lines = zip(classes, *scores, strict=True)
    return [[str(label), *(f"{share:.3f}" for share in shares), str(n)] for label, *shares, n in lines]
