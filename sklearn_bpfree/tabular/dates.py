"""Dates as people write them: ``2020-01-31T10:00Z``, ``31.01.20``, ``1/31/2020 2:30 PM``, ``31-Jan-2020``, ``20200131``

Whether the day or the month comes first is a property of a column. `decide` finds it in all the texts of a column, and
what it returns reads a text at a time. Read `decide` first.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from sklearn_bpfree.tabular.holes import bare, nearly_all

MONTH_NAMES = """january february march april may june july august september october november december
    januar februar märz april mai juni juli august september oktober november dezember
    janvier février mars avril mai juin juillet août septembre octobre novembre décembre
    enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
    gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre
    janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro
    januari februari maart april mei juni juli augustus september oktober november december
    januari februari mars april maj juni juli augusti september oktober november december
    stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia
    января февраля марта апреля мая июня июля августа сентября октября ноября декабря""".split()
MONTHS = {name[:n]: i % 12 + 1 for i, name in enumerate(MONTH_NAMES) for n in range(3, 13)} | {"mrz": 3}
DAY_NAMES = """
    monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch donnerstag freitag samstag
    sonntag lundi mardi mercredi jeudi vendredi samedi dimanche
    lunes martes miércoles jueves viernes sábado domingo""".split()
IGNORED = {name[:n] for name in DAY_NAMES for n in range(2, 12)} - MONTHS.keys()
IGNORED |= set("st nd rd th of de at um uhr t the à a le du den el ore kl г года".split())
FAR_EAST = str.maketrans("年月日년월일", "-- -- ")
PLACE = re.compile(r"\s?\[?[a-z]+/[a-z_]+\]?$")  # of a zone: Europe/Berlin
PERIOD = re.compile(  # a year of two or four figures, and which quarter or week
    r"""(?P<year>\d{4}|\d\d)?\W{0,2}(?:(?P<early>[1-4])(?:\.\s?)?(?=q))?
    (?P<unit>q|quarter|quartal|trimestre|w|wk|week|kw)\.?\s?(?(early)|(?P<number>\d\d?)?)\W{0,2}(?P<late>\d{4}|\d\d)?""",
    re.VERBOSE,
)
HOURS = {"utc": 0, "gmt": 0, "z": 0, "bst": 1, "cet": 1, "mez": 1, "cest": 2, "mesz": 2, "eet": 2, "msk": 3, "jst": 9}
HOURS |= {"est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7}  # east of Greenwich
CLOCK = re.compile(
    rf"""(?<!\d)(?P<hour>\d\d?)
    (?: (?::|h|\.(?=\d\d\suhr))(?P<minute>[0-5]\d)
        (?: :(?P<second>[0-5]\d)(?:[.,](?P<part>\d{{1,9}}))?)?\s?(?P<half>[ap]\.?m\b\.?)?
      | \s?(?P<only>[ap]\.?m\b\.?))
    (?:\s?(?P<zone>(?:{"|".join(HOURS)})\b(?![+-])|(?:utc|gmt)?[+-]\d\d?(?::?\d\d)?(?!\d)))?(?!:?\d)""",
    re.VERBOSE,
)
WORD = re.compile(r"\d+|[^\W\d_]+")
COMPACT = re.compile(r"((?:1[89]|20|21)\d\d)(0[1-9]|1[0-2])([0-3]\d)(?:t?([0-2]\d)([0-5]\d)([0-5]\d)?)?")
NO_DATE = re.compile(r"[0/.\-:t ]*|\d{4}-\d\d-00.*|00([./-])\d\d\1\d{4}.*")  # 0000-00-00, as databases have it
UNITS = {"seconds": 1.0, "milliseconds": 1e-3, "microseconds": 1e-6, "nanoseconds": 1e-9, "days": 86400.0, "months": 0}
ORDERS = {"dmy": (2, 1, 0), "mdy": (2, 0, 1), "ymd": (0, 1, 2)}  # where year, month and day stand


class Moment(NamedTuple):
    """What a text says: the figures of a date, the time of day, and its zone's seconds east of Greenwich, or None."""

    figures: tuple[str, ...] | None
    order: str | None  # None where the column must tell it
    clock: timedelta | None
    zone: float | None = None
    mark: str = ""
    whole: datetime | None = None  # where nothing is left to find out

    def date(self, order) -> datetime | None:
        """The moment as the wall clock has it; None if there is no such day."""
        if self.whole is not None:
            return self.whole
        if self.figures is None:
            return None
        figures = self.figures
        year, month, day = (figures[place] for place in ORDERS[self.order or order])
        if len(year) == 3 or (len(year) == 1) or max(len(month), len(day)) > 2:
            return None
        years = int(year) + (0 if len(year) == 4 else 2000 if int(year) < 69 else 1900)
        try:
            return datetime(years, int(month), int(day)) + (self.clock or timedelta())
        except (ValueError, OverflowError):
            return None


@dataclass(frozen=True)
class DateFormat:
    """How the dates of one column are written: "dmy", "mdy" or "ymd" where figures alone do not tell.

    Attributes
    ----------
    order : str
    notes : tuple of str
        What was not plain.
    """

    order: str = "ymd"
    notes: tuple[str, ...] = ()

    def read(self, text: str) -> tuple[datetime, float] | None:
        """The moment by its wall clock, and its zone's seconds east of Greenwich; None if the text is no date."""
        moment = _parse_date(text)
        if moment is None or (date := moment.date(self.order)) is None:
            return None
        return date, moment.zone or 0.0


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
    figures = {text: moment for text, moment in parsed.items() if moment.order is None}
    order, notes = _order(figures)
    if not nearly_all(counts, lambda text: text in parsed and parsed[text].date(order)):
        return None
    return DateFormat(order, notes)


def _parse_date(text):
    moment = parse(text)
    return None if moment is None or moment.figures is None else moment


def is_no_date(text: str) -> bool:
    """Whether a text is how databases write that there is no date."""
    return bool(NO_DATE.fullmatch(text.casefold()))


def _order(figures: Mapping[str, Moment]):
    """The order under which most texts are dates, and what to say about it."""
    if not figures:
        return "ymd", ()
    slashes = any(moment.mark == "/" for moment in figures.values())
    preferred = ["mdy", "dmy", "ymd"] if slashes else ["dmy", "mdy", "ymd"]
    valid = {order: sum(moment.date(order) is not None for moment in figures.values()) for order in preferred}
    best = [order for order in preferred if valid[order] == max(valid.values())]
    first, second, _ = map(set, zip(*(moment.figures or () for moment in figures.values()), strict=True))
    if {"dmy", "mdy"} <= {*best} and min(len(first), len(second)) == 1 < max(len(first), len(second)):
        best = ["dmy" if len(first) == 1 else "mdy"]  # the first of each month
    names = {"dmy": "day, month, year", "mdy": "month, day, year", "ymd": "year, month, day"}
    if len(best) == 1 or not slashes:
        return best[0], (f"dates as {names[best[0]]}",)
    some = next(iter(figures))
    date = figures[some].date(best[0])
    return best[0], (f"{some!r} read as {date:%Y-%m-%d}, though no date of the column tells day and month apart",)


@lru_cache(maxsize=1 << 16)  # a fit looks at each text several times
def parse(text: str) -> Moment | None:
    """Take a text apart; None if it is neither a date nor a time of day."""
    text = bare(text).casefold()
    text = text if text.isascii() else text.translate(FAR_EAST).strip()
    text = PLACE.sub("", text) if "/" in text and len(text) > 12 else text
    if (text[4:5] in ("-", "w") and len(text) > 6) or text[8:9] == "t":
        try:
            return _from_iso(datetime.fromisoformat(text.upper()))
        except ValueError:
            pass
    if not text[:1].isalnum() or len(text) > 60:
        return None
    clock, zone = None, None
    if match := CLOCK.search(text):
        clock, zone = _clock(match), _zone(match["zone"])
        if clock is None:
            return None
        text = (text[: match.start()].rstrip(" ,t:-") + " " + text[match.end() :]).strip()
        if not text or text in ("uhr", "h"):
            return Moment(None, None, clock, zone)
    return _date_moment(text, clock, zone)


def _from_iso(moment):
    zone = None if moment.tzinfo is None else moment.utcoffset().total_seconds()
    return Moment((), "ymd", None, zone, whole=moment.replace(tzinfo=None))


def _clock(match):
    half = match["half"] or match["only"]
    hour = int(match["hour"])
    if hour > (12 if half else 24) or (half and hour == 0):
        return None
    if half:
        hour = hour % 12 + (12 if half[0] == "p" else 0)
    seconds = float(f"{match['second'] or 0}.{match['part'] or 0}")
    return timedelta(hours=hour, minutes=int(match["minute"] or 0), seconds=seconds)


def _zone(text):
    if not text:
        return None
    if text in HOURS:
        return HOURS[text] * 3600.0
    sign, digits = (-1 if "-" in text else 1), re.sub(r"\D", "", text)
    hours, minutes = (digits[:-2], digits[-2:]) if len(digits) > 2 else (digits, "0")
    return sign * (int(hours) * 3600.0 + int(minutes) * 60.0)


def _date_moment(text, clock, zone):
    words = [word for word in WORD.findall(text) if word not in IGNORED]
    marks = "".join(WORD.split(text))
    if not words or len(words) > 3 or marks.strip(" -/.,'_"):
        return None
    numbers = [word for word in words if word.isdecimal()]
    if len(numbers) == len(words):
        return _of_figures(words, marks.replace(" ", ""), clock, zone)
    name = next(word for word in words if not word.isdecimal())
    if name in MONTHS and 0 < len(numbers) == len(words) - 1:
        return _of_named_month(numbers, MONTHS[name], marks, clock, zone)
    if match := PERIOD.fullmatch(text):
        return _of_period(match)
    return None


def _of_period(match):
    """The first day of a quarter or of a week."""
    year, number = match["year"] or match["late"], match["number"] or match["early"]
    if year is None or number is None or (match["year"] and match["late"]):
        return None
    year, number = int(year) + (2000 if len(year) == 2 else 0), int(number)
    try:
        if match["unit"][0] in "qt":
            return Moment((), "ymd", None, whole=datetime(year, 3 * number - 2, 1))
        return Moment((), "ymd", None, whole=datetime.fromisocalendar(year, number, 1))
    except ValueError:
        return None


def _of_figures(words, marks, clock, zone):
    if len(words) == 1 and (match := COMPACT.fullmatch(words[0])):
        year, month, day, hour, minute, second = match.groups()
        if hour:
            clock = timedelta(hours=int(hour), minutes=int(minute), seconds=int(second or 0))
        return Moment((year, month, day), "ymd", clock, zone)
    if len(words) == 2 and marks in ("-", "/", ".") and sorted(map(len, words)) in ([1, 4], [2, 4]):
        month, year = sorted(words, key=len)
        if 1800 <= int(year) < 2200 and (len(words[0]) < 4 or marks != "."):
            return Moment((year, month, "1"), "ymd", clock, zone)
    if len(words) == 3 and (marks in ("--", "//", "..", "__") or (not marks and max(map(len, words)) == 4)):
        if len(words[0]) == 4:
            return Moment(tuple(words), "ymd", clock, zone, marks[:1])
        if len(words[2]) in (2, 4):
            return Moment(tuple(words), None, clock, zone, marks[:1])
    return None


def _of_named_month(numbers, month, marks, clock, zone):
    """The day before or after a month's name, and the year, which comes last unless it has four figures."""
    if len(numbers) == 1:
        day, year = "1", numbers[0]
        if len(year) != 4 and not (len(year) == 2 and marks.strip() in ("-", "'")):  # Jan-20, as Excel has it
            return None
    else:
        day, year = numbers if len(numbers[1]) in (2, 4) else numbers[::-1]
        if len(day) == 4:
            day, year = year, day
    return Moment((year, str(month), day), "ymd", clock, zone)
