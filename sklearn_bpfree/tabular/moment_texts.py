"""A text as the figures of a date, a time of day and a zone, in many spellings. Read `parse` first."""

import re
import unicodedata
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from sklearn_bpfree.tabular.holes import bare
from sklearn_bpfree.tabular.month_names import DAYS, MONTHS

IGNORED = DAYS - MONTHS.keys()
IGNORED |= set("st nd rd th of de at um uhr t the à a le du den el ore kl г года".split())
FAR_EAST = str.maketrans("年月日년월일", "-- -- ")
PLACE = re.compile(r"\s?\[?[a-z]+/[a-z_]+\]?$")  # of a zone: Europe/Berlin
PERIOD = re.compile(  # a year of two or four figures, and which quarter or week; or of four, and which half or month
    r"""(?P<year>\d{4}|\d\d)?\W{0,2}(?:(?P<early>[1-4])(?:\.\s?)?(?=[qths]))?
    (?P<unit>q|quarter|quartal|trimestre|t|w|wk|week|kw|h|hj|halbjahr|s|semestre|m)\.?\s?(?(early)|(?P<number>\d\d?)?)
    \W{0,2}(?P<late>\d{4}|\d\d)?""",
    re.VERBOSE,
)
MONTHS_OF = {"q": 3, "t": 3, "h": 6, "s": 6, "m": 1}  # by the first letter of a period's name
SAME = [  # what is read as what
    (re.compile(r"\s*\([a-z ]+\)$"), ""),  # a zone's name, as browsers have it
    (re.compile(r"\b([ap])\.\s?m\b\.?"), r"\1m"),
    (re.compile(r"^(\d{4}):(\d\d):(\d\d)(?=\s)"), r"\1-\2-\3"),  # of cameras
    (re.compile(r"^(\d{4}-\d\d-\d\d)[-_ t](\d\d)[-.](\d\d)(?:[-.](?=\d\d))?"), r"\1t\2:\3:"),
    (re.compile(r"(t\d\d:\d\d):$"), r"\1"),
    (re.compile(r"^(\d{8})[_ -](\d{4}(?:\d\d)?)$"), r"\1t\2"),
    (re.compile(r"(?<=\d{4}) (\d\d?)\.([0-5]\d)$"), r" \1:\2"),
    (re.compile(r"(?<![\d.:])(\d\d?)(?= uhr)"), r"\1:00"),
]
ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925}  # of Japan
ERA = re.compile(f"({'|'.join(ERAS)})(\\d+|元)年")
LEAP_YEAR = "2000"  # of dates without years
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
DIGIT = re.compile(r"\d")
WEEKDAY = re.compile(r"\D+(?=\d\d?[-./]\d\d?[-./]\d)")  # what stands before a date of figures
COMPACT = re.compile(r"((?:1[89]|20|21)\d\d)(0[1-9]|1[0-2])([0-3]\d)(?:t?([0-2]\d)([0-5]\d)([0-5]\d)?)?")
ORDERS = {"dmy": (2, 1, 0), "mdy": (2, 0, 1), "ymd": (0, 1, 2)}  # where year, month and day stand


class Moment(NamedTuple):
    """What a text says: the figures of a date, the time of day, and its zone's seconds east of Greenwich, or None."""

    figures: tuple[str, ...] | None
    order: str | None  # None where the column must tell it
    clock: timedelta | None
    zone: float | None = None
    mark: str = ""
    whole: datetime | None = None  # where nothing is left to find out

    def date(self, order, has_year=True) -> datetime | None:
        """The moment as the wall clock has it; None if there is no such day."""
        if self.whole is not None:
            return self.whole
        if self.figures is None or (not has_year and self.figures[0]):
            return None
        figures = self.figures
        year, month, day = (figures[place] for place in ORDERS[self.order or order])
        if not year and has_year:  # 20-Jan may be the 20th, or 2020, and so may be 1/20
            year, day = (day, "1") if self.mark in ("-", "/") else ("", "")
        elif not year:
            year = LEAP_YEAR
        if len(year) not in (2, 4) or max(len(month), len(day)) > 2:
            return None
        years = int(year) + (0 if len(year) == 4 else 2000 if int(year) < 69 else 1900)
        try:
            return datetime(years, int(month), int(day)) + (self.clock or timedelta())
        except (ValueError, OverflowError):
            return None


@lru_cache(maxsize=1 << 16)  # a fit looks at each text several times
def parse(text: str) -> Moment | None:
    """Take a text apart; None if it is neither a date nor a time of day."""
    text = bare(text).casefold()
    if not DIGIT.search(text):
        return None
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
        text = ERA.sub(lambda era: f"{ERAS[era[1]] + int(era[2].replace('元', '1'))}年", text)
        text = text.translate(FAR_EAST).strip(" -")
    text = PLACE.sub("", text) if "/" in text and len(text) > 12 else text
    for way, other in SAME:
        text = way.sub(other, text)
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
    if match := PERIOD.fullmatch(text):
        return _of_period(match)
    if (match := WEEKDAY.match(text)) and DAYS.issuperset(WORD.findall(match[0])):
        text = text[match.end() :]
    words = [word for word in WORD.findall(text) if word not in IGNORED]
    marks = "".join(WORD.split(text))
    if not words or len(words) > 3 or marks.strip(" -/.,'_"):
        return None
    numbers = [word for word in words if word.isdecimal()]
    if len(numbers) == len(words):
        return _of_figures(words, marks.replace(" ", ""), clock, zone)
    name = next(word for word in words if not word.isdecimal())
    if name in MONTHS and 0 < len(numbers) == len(words) - 1:
        return _of_named_month(words, numbers, MONTHS[name], marks, clock, zone)
    return None


def _of_period(match):
    """The first day of a week, month, quarter or half of a year."""
    year, number = match["year"] or match["late"], match["number"] or match["early"]
    if year is None or number is None or (match["year"] and match["late"]):
        return None
    unit = match["unit"][0]
    if unit not in "qwk" and not (len(year) == 4 and 1900 <= int(year) < 2200):
        return None
    year, number = int(year) + (2000 if len(year) == 2 else 0), int(number)
    try:
        if n_months := MONTHS_OF.get(unit):
            return Moment((), "ymd", None, whole=datetime(year, n_months * (number - 1) + 1, 1))
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
    if len(words) == 2 and marks == ".." and max(map(len, words)) <= 2:  # 31.01.
        return Moment(("", words[1], words[0]), "ymd", clock, zone, ".")
    if len(words) == 2 and marks == "/" and max(map(len, words)) <= 2 and clock is None:  # 1/31, or 1/86
        return Moment(("", *words), "ymd", clock, zone, "/")
    if len(words) == 2 and marks == "-" and [*map(len, words)] == [4, 3] and 1800 <= int(words[0]) < 2200:
        if 0 < int(words[1]) <= 366:  # 2020-031
            return Moment((), "ymd", None, whole=datetime(int(words[0]), 1, 1) + timedelta(days=int(words[1]) - 1))
    if len(words) == 3 and (marks in ("--", "//", "..", "...", "__") or (not marks and max(map(len, words)) == 4)):
        if len(words[0]) == 4:
            return Moment(tuple(words), "ymd", clock, zone, marks[:1])
        if len(words[2]) in (2, 4):
            return Moment(tuple(words), None, clock, zone, marks[:1])
    return None


def _of_named_month(words, numbers, month, marks, clock, zone):
    """The day before or after a month's name, and the year, which comes last unless it has four figures."""
    if len(numbers) == 1:
        day, year = "1", numbers[0]
        is_year = words[-1] == year and marks.strip() in ("-", "'")  # Jan-20, as Excel has it
        if len(year) < 3 and not (len(year) == 2 and (is_year or marks.strip() == "'" or int(year) > 31)):
            return Moment(("", str(month), year), "ymd", clock, zone, marks.strip())
    else:
        day, year = numbers if len(numbers[1]) in (2, 4) else numbers[::-1]
        if len(day) == 4:
            day, year = year, day
    return Moment((year, str(month), day), "ymd", clock, zone)
