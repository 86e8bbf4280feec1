"""Dates as people write them: ``2020-01-31T10:00Z``, ``31.01.20``, ``1/31/2020 2:30 PM``, ``31-Jan-2020``, ``20200131``

Whether the day or the month comes first is a property of a column. `decide` finds it in all the texts of a column, and
what it returns reads a text at a time. Read `decide` first. What a single text says is found in `moment_texts`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sklearn_bpfree.tabular.holes import bare, nearly_all
from sklearn_bpfree.tabular.moment_texts import Moment, parse

MIN_FIGURES, MIN_DAYS, MIN_MONTHS = 10, 8, 3  # different dates, days and months of figures alone, such as 310120
NO_DATE = re.compile(r"[0/.\-:t ]*|\d{4}-\d\d-00.*|00([./-])\d\d\1\d{4}.*")  # 0000-00-00, as databases have it
UNITS = {"seconds": 1.0, "milliseconds": 1e-3, "microseconds": 1e-6, "nanoseconds": 1e-9, "days": 86400.0, "months": 0}


@dataclass(frozen=True)
class DateFormat:
    """How the dates of one column are written: "dmy", "mdy" or "ymd" where figures alone do not tell.

    Attributes
    ----------
    order : str
    notes : tuple of str
        What was not plain.
    has_year : bool
        Whether the dates have years.
    """

    order: str = "ymd"
    notes: tuple[str, ...] = ()
    has_year: bool = True

    def read(self, text: str) -> tuple[datetime, float] | None:
        """The moment by its wall clock, and its zone's seconds east of Greenwich; None if the text is no date."""
        moment = _parse_date(text)
        if moment is None or (date := moment.date(self.order, self.has_year)) is None:
            return None
        return date, moment.zone or 0.0


@dataclass(frozen=True)
class FiguresFormat:
    """Dates of six or eight figures alone, such as 310120 and 31012020; numbers have lost a zero in front.

    Attributes
    ----------
    order : str
        "dmy", "mdy" or "ymd".
    width : int
        Of figures.
    notes : tuple of str
    """

    order: str
    width: int
    notes: tuple[str, ...] = ()

    def read(self, text: str) -> tuple[datetime, float] | None:
        """The moment by its wall clock, and 0.0; None if the text is no such date."""
        moment = _of_width(text, self.width, self.order)
        date = moment and moment.date(self.order)
        return (date, 0.0) if date else None


@dataclass(frozen=True)
class CountFormat:
    """Numbers that count the time since a day, or years and months: one of `UNITS`."""

    unit: str

    @property
    def notes(self) -> tuple[str, ...]:
        """What was not plain."""
        if self.unit == "months":
            return ("integers such as 202001 are months",)
        return (
            f"numbers are dates, in {self.unit} since {'1970' if self.unit != 'days' else '1900, as spreadsheets'}",
        )

    def read(self, text: str) -> tuple[datetime, float] | None:
        """The moment by its wall clock, and 0.0; None if the text is no such number."""
        try:
            number = float(text)
            if self.unit == "months":
                return datetime(int(number) // 100, int(number) % 100, 1), 0.0
            start = datetime(1899, 12, 30) if self.unit == "days" else datetime(1970, 1, 1)
            return start + timedelta(seconds=number * UNITS[self.unit]), 0.0
        except (ValueError, OverflowError):
            return None


def decide(counts: Mapping[str, int]) -> DateFormat | None:
    """The format of a column's dates; None if it does not hold dates.

    Parameters
    ----------
    counts : mapping of str to int
        How often each text stands in the column, marks of holes left out.
    """
    parsed = nearly_all(counts, _parse_date)
    if not parsed:
        return None
    has_year = any(moment.whole or (moment.figures or ("",))[0] for moment in parsed.values())
    if not has_year and not _vary(parsed.values()):
        return None
    has_year = has_year or any(
        m.mark == "/" and m.figures is not None and int(m.figures[2]) > 31 for m in parsed.values()
    )
    figures = {text: moment for text, moment in parsed.items() if moment.order is None}
    order, notes = _order(figures)
    if not nearly_all(counts, lambda text: parsed[text].date(order, has_year) if text in parsed else None):
        return None
    return DateFormat(order, notes if has_year else (*notes, "dates without years"), has_year)


def _vary(moments) -> bool:
    """Whether dates without years show themselves: several months, no numbers of chapters and no fractions."""
    found = {(moment.mark, *map(int, moment.figures[1:])) for moment in moments}
    months, days = {month for _, month, _ in found}, {day for _, _, day in found}
    marks = {mark for mark, *_ in found}
    if "/" in marks:
        shown = len(found) >= MIN_FIGURES and len(months) >= MIN_MONTHS and 1 <= min(months) and max(months) <= 12
        return shown and (min(days) > 31 or (len(days) >= MIN_DAYS and any(month > day for _, month, day in found)))
    return len(months) > 1 and (max(days) > 12 or "." not in marks)


def decide_figures(counts: Mapping[str, int], *, is_named: bool = False) -> FiguresFormat | None:
    """The format of a column of dates of figures alone, such as 310120; None if it may hold something else.

    Parameters
    ----------
    counts : mapping of str to int
        How often each text stands in the column, marks of holes left out.
    is_named : bool, default=False
        Whether the column's name says that it holds dates, which leaves less to show.
    """
    width = max(map(len, counts), default=0)
    if width not in (6, 8) or len(counts) < 2:
        return None
    moments = nearly_all(counts, lambda text: _of_width(text, width, None))
    order, notes = _order(moments, ["dmy", "mdy", "ymd"] if width == 6 else ["dmy", "mdy"])
    dated = {text: moment.date(order) for text, moment in moments.items()}
    found = nearly_all(counts, dated.get) if dated else {}
    shown = len(found) >= MIN_FIGURES and len({date.day for date in found.values()}) >= MIN_DAYS
    if not found or not (is_named or (shown and len({date.month for date in found.values()}) >= MIN_MONTHS)):
        return None
    return FiguresFormat(order, width, notes)


def _of_width(text, width, order) -> Moment | None:
    text = bare(text)
    if not text.isdecimal() or not text.isascii() or len(text) not in (width - 1, width):
        return None
    text = text.zfill(width)
    ends = [2, 4] if order != "ymd" or width == 6 else [4, 6]
    if width == 8 and not 1900 <= int(text[4:] if order != "ymd" else text[:4]) <= 2100:
        return None
    return Moment((text[: ends[0]], text[ends[0] : ends[1]], text[ends[1] :]), order, None)


def _parse_date(text):
    moment = parse(text)
    return None if moment is None or moment.figures is None else moment


def is_no_date(text: str) -> bool:
    """Whether a text is how databases write that there is no date."""
    return bool(NO_DATE.fullmatch(text.casefold()))


def _order(figures: Mapping[str, Moment], orders=("dmy", "mdy", "ymd")):
    """The order under which most texts are dates, and what to say about it."""
    if not figures:
        return "ymd", ()
    slashes = any(moment.mark == "/" for moment in figures.values())
    preferred = sorted(orders, key=lambda order: order != "mdy") if slashes else orders
    valid = {order: sum(moment.date(order) is not None for moment in figures.values()) for order in preferred}
    best = [order for order in preferred if valid[order] == max(valid.values())]
    first, second, third = map(set, zip(*(moment.figures or () for moment in figures.values()), strict=True))
    if {"dmy", "ymd"} <= {*best} and 2 * len(first) < len(third):
        best = ["ymd"]  # few years, and many days
    if {"dmy", "mdy"} <= {*best} and min(len(first), len(second)) == 1 < max(len(first), len(second)):
        best = ["dmy" if len(first) == 1 else "mdy"]  # the first of each month
    names = {"dmy": "day, month, year", "mdy": "month, day, year", "ymd": "year, month, day"}
    if len(best) == 1 or not slashes:
        return best[0], (f"dates as {names[best[0]]}",)
    some = next(iter(figures))
    date = figures[some].date(best[0])
    return best[0], (f"{some!r} read as {date:%Y-%m-%d}, though no date of the column tells day and month apart",)
