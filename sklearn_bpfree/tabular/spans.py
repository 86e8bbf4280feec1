"""Times of day and durations as people write them: ``2:30 PM``, ``26:15:00``, ``1 day 02:00:00``, ``PT1H30M``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sklearn_bpfree.tabular.holes import bare, nearly_all
from sklearn_bpfree.tabular.moment_texts import parse

HOURS_PER_DAY = 24
MIN_FIGURES, MIN_HOURS = 10, 5  # different times, and hours, of four figures alone
LENGTHS = {"w": 168, "week": 168, "d": 24, "day": 24, "tag": 24, "h": 1, "hr": 1, "hour": 1, "std": 1, "stunde": 1}
LENGTHS |= dict.fromkeys(["m", "min", "minute"], 1 / 60) | dict.fromkeys(["s", "sec", "second", "sek"], 1 / 3600)
LENGTHS |= dict.fromkeys(["y", "yr", "year", "jahr", "an", "année", "año"], 8766)  # 365.25 days
LENGTHS |= dict.fromkeys(["mo", "mon", "mth", "month", "monat", "mois", "mes", "mese"], 730.5) | {"jour": 24, "día": 24}
LENGTHS |= {"ms": 1 / 3.6e6, "woche": 168, "semaine": 168, "semana": 168, "heure": 1, "hora": 1}
PART = re.compile(r"(\d+(?:[.,]\d+)?)\s*([^\W\d_]+)\.?(?:,?\s*(?:(?:and|und|et|y)\s+)?(?=\d)|$)")
CLOCK = re.compile(r"(-)?(?:(\d+)\s*d[a-z]*,?\s*)?([+-])?(\d+):([0-5]\d)(?::([0-5]\d(?:[.,]\d+)?))?")
SPLIT = re.compile(r"(\d+):([0-5]\d[.,]\d+)")  # minutes and seconds with a fraction, as in races
ISO = re.compile(r"p(?=.)(?:(\d+)y)?(?:(\d+)m)?((?:\d+(?:\.\d+)?[wd])*)(?:t((?:\d+(?:\.\d+)?[hms])+))?")


@dataclass(frozen=True)
class TimeFormat:
    """Times of day, which `read` turns into hours since midnight."""

    notes: tuple[str, ...] = ()

    def read(self, text: str) -> float | None:
        moment = parse(text)
        if moment is None or moment.figures is not None or moment.clock is None:
            return None
        return moment.clock.total_seconds() / 3600


@dataclass(frozen=True)
class DurationFormat:
    """Durations, which `read` turns into days."""

    notes: tuple[str, ...] = ()

    def read(self, text: str) -> float | None:
        text = bare(text).casefold()
        if match := CLOCK.fullmatch(text):
            before, days, between, *clock = match.groups()
            hours, minutes, seconds = (float((group or "0").replace(",", ".")) for group in clock)
            hours += minutes / 60 + seconds / 3600
            negative = "-" in (between or ("" if days and between else before) or "")
            return (_sign(before) * float(days or 0)) + (-hours if negative else hours) / HOURS_PER_DAY
        sign, text = _sign(text[:1]), text.removeprefix("-").strip()
        if match := SPLIT.fullmatch(text):
            text = f"{match[1]}m{match[2]}s"
        elif match := ISO.fullmatch(text):
            text = f"{match[1] or 0}y{match[2] or 0}mo{match[3]}{match[4] or ''}"
        parts = [(float(number.replace(",", ".")), _length(unit)) for number, unit in PART.findall(text)]
        hours = [number * length for number, length in parts if length]
        if not hours or len(hours) < len(parts) or PART.sub("", text).strip():
            return None
        return sign * sum(hours) / HOURS_PER_DAY


def _sign(text):
    return -1 if text == "-" else 1


def _length(unit):
    """Hours of a unit in the singular or plural; None if it is not known."""
    return next(
        (LENGTHS[unit.removesuffix(end)] for end in ("", "s", "e", "n", "en") if unit.removesuffix(end) in LENGTHS),
        None,
    )


@dataclass(frozen=True)
class FiguresFormat:
    """Times of day such as 0930, which `read` turns into hours since midnight."""

    notes: tuple[str, ...] = ("times of day such as 0930",)

    def read(self, text: str) -> float | None:
        text = bare(text)
        if len(text) != 4 or not text.isdecimal() or int(text) > 2400 or int(text[2:]) > 59:
            return None
        return int(text[:2]) + int(text[2:]) / 60


def decide_figures(counts: Mapping[str, int]) -> FiguresFormat | None:
    """The format of a column of times of day of four figures; None if it may hold something else; as `decide_times`."""
    hours = nearly_all(counts, FiguresFormat().read)
    shown = len(hours) >= MIN_FIGURES and len({int(hour) for hour in hours.values()}) >= MIN_HOURS
    return FiguresFormat() if shown else None


def decide_times(counts: Mapping[str, int]) -> TimeFormat | None:
    """The format of a column of times of day; None if it does not hold such.

    Parameters
    ----------
    counts : mapping of str to int
        How often each text stands in the column, marks of holes left out.
    """
    times = nearly_all(counts, TimeFormat().read)
    return TimeFormat() if times and max(times.values()) <= HOURS_PER_DAY else None


def decide(counts: Mapping[str, int]) -> TimeFormat | DurationFormat | None:
    """The format of a column of times of day or of durations; None if it holds neither; as in `decide_times`."""
    return decide_times(counts) or (DurationFormat() if nearly_all(counts, DurationFormat().read) else None)
