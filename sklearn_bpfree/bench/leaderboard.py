"""A comparison in order: ranks, distances to the best, and what else must be said; for the terminal and for the page.

Nothing here prints. `Leaderboard` is read by `commands.bench` and by `report`.
"""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sklearn_bpfree.bench.comparison import Model, Result
from sklearn_bpfree.bench.scoring import METRICS, Scoring

DIGITS = 4  # of a score that are shown; scores that look alike share a rank


@dataclass
class Leaderboard:
    """The results of a comparison; `models` are all that were to be compared, `left_out` other trainers."""

    task: str
    scoring: Scoring
    results: list[Result]
    models: list[Model]
    left_out: tuple[str, ...] = ()

    @cached_property
    def ranked(self) -> list[Result]:
        """The results that have a fold, best first; of two that score alike, the one with less loss."""
        judged = [result for result in self.results if result.folds]
        return sorted(judged, key=lambda result: (-_finite(result.score), _finite(result.mean("loss"), math.inf)))

    @cached_property
    def ranks(self) -> list[int]:
        """The rank of each of `ranked`; ties share one."""
        scores = [round(_finite(result.score), DIGITS) for result in self.ranked]
        return [scores.index(score) + 1 for score in scores]

    @property
    def to_keep(self) -> Result:
        """The best that got through every fold, or the best if none did."""
        return next((result for result in self.ranked if not result.reason), self.ranked[0])

    def distance(self, result: Result) -> tuple[float, float]:
        """How far a result is behind the best: the mean over the folds that both have, and its standard error."""
        best = {fold.rows.tobytes(): fold.score for fold in self.ranked[0].folds}
        with np.errstate(invalid="ignore"):
            both = [best[key] - fold.score for fold in result.folds if (key := fold.rows.tobytes()) in best]
        if len(both) < 2:
            return (both[0] if both else math.nan), math.nan
        with np.errstate(invalid="ignore"):
            return float(np.mean(both)), float(np.std(both, ddof=1)) / math.sqrt(len(both))

    def cells(self, result: Result) -> list[str]:
        """What stands in the columns of `header`."""
        if not result.folds:
            return [""] * len(self.header)
        name, *others = self.scoring.scorers
        return [
            f"{result.mean(name):.{DIGITS}f} ± {result.spread:.{DIGITS}f}",
            *(f"{result.mean(other):.{DIGITS}f}" for other in others),
            f"{result.mean('loss'):#.4g}".rstrip("."),
            f"{result.mean('fit_seconds'):.3f}",
            f"{result.mean('predict_seconds'):.3f}",
        ]

    @property
    def header(self) -> list[str]:
        return [*self.scoring.scorers, METRICS[self.task][1], "fit s", "predict s"]

    def note(self, result: Result) -> str:
        """Why a result has not all folds, and which one is the recommended default."""
        part = f"{len(result.folds)} folds; {result.reason}" if result.folds and result.reason else result.reason
        return "; ".join(filter(None, ["the recommended default" if result.model.word else "", part]))

    @property
    def not_run(self) -> Iterator[tuple[Model, str]]:
        """Models that the comparison did not come to, each with the reason."""
        for k, model in enumerate(self.models[len(self.results) :]):
            yield model, "not run" if k else "interrupted"

    @property
    def footnotes(self) -> list[str]:
        """What must be known to read the leaderboard."""
        ours = [model for model in self.models if model.word]
        alike = [f"One and the same with these settings, by their predictions: {', '.join(n)}." for n in self._alike()]
        told = [f"{name} {n} {kind}" for name, counts in self._warnings() for kind, n in counts.items()]
        return [
            f"Ranked by {self.scoring.name}; --scoring chooses another. ± standard deviation and seconds per fold.",
            *(f"{model.name} is the recommended default for tables: {model.about}." for model in ours),
            *alike,
            *([f"Left out: {', '.join(self.left_out)}; name them with --trainers."] if self.left_out else []),
            *([f"Warnings not shown: {', '.join(told)}"] if told else []),
        ]

    def _alike(self) -> list[list[str]]:
        """Names of models, two or more, whose predictions are the same to the last bit."""
        found: dict[bytes, list[str]] = {}
        for result in self.results:
            if result.folds and not result.reason:
                key = b"".join(np.ascontiguousarray(fold.predicted).tobytes() for fold in result.folds)
                found.setdefault(key, []).append(result.model.name)
        return [names for names in found.values() if len(names) > 1]

    def _warnings(self):
        return [(r.model.name, sum((fold.warnings for fold in r.folds), Counter())) for r in self.results]


def _finite(number, otherwise=-math.inf):
    return number if math.isfinite(number) else otherwise
