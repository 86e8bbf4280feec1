"""Numbers as people write them: ``$1,234.50``, ``1.234,5 EUR``, ``12 %``, ``(5)``, ``<1``, ``1e3``, ``3/4``.

Which marks separate thousands and decimals, and which units there are, is a property of a column. `decide` finds it in
all the texts of a column, and what it returns reads a text at a time. Read `decide` first.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from sklearn_bpfree.tabular.holes import DASHES, bare, nearly_all

CURRENCY_SIGNS = "$€£¥₹₽₩₺₪₫฿₴₦₱₡₲₵₸¢"
CURRENCY_CODES = frozenset(
    """usd eur gbp chf jpy cny rmb inr rs aud cad nzd sek nok dkk kr sfr fr pln zł czk kč huf ft rub brl try tl zar krw
    ils mxn sgd hkd thb vnd idr php myr aed sar ron bgn isk uah""".split()
)
LOOKALIKES = str.maketrans("−–’‘ʼ´`＋，．％＄²³٫٬٪", "--'''''+,.%$23.,%")
CELL = re.compile(
    rf"""
    (?P<bound>[<>]=?|[≤≥~≈±]|(?:ca|approx|about|circa|under|over|up\ to)\b\.?|c\.)?\s*
    (?P<open>\()?\s*(?P<sign>[+-])?\s*
    (?P<before>[^\W\d_]{{0,3}}[{CURRENCY_SIGNS}]|[^\W\d_]{{2,3}}\.?)?\s*(?P<inner>[(+-])?\s*
    (?:(?P<over>(?:\d+\s+)?\d+/\d+)|(?P<digits>\d(?:[\d.,'_\ ]*\d)?|[.,]\d+)(?P<end>[.,]-{{0,2}}|/-)?
      (?:(?:[eE]|[dD](?=[+-])|\s?[×x*·]\s?10\^)(?P<power>[+-]?\d+))?)
    (?P<error>\s*(?:±|\+/-)\s*[\d.,]+)?(?P<more>\+)?\s*(?P<note>[*†‡§]+|\[\w{{1,2}}\]|\((?:approx|est|prov)\.?\))?\s*
    (?P<after>(?:/\s?(?=[^\W\d]))?[^\d\s()<>=+.,:;/?!'"_-](?:[^\d()<>=;:?!\n]{{0,18}}[^\d()<>=;:?!\n\s-])?[23]?|['"′″])?\s*
    (?P<minus>-)?\s*(?P<close>\))?(?P<star>[*†‡§]+)?""",
    re.VERBOSE,
)
NOTHING = re.compile(rf"[{CURRENCY_SIGNS}]\s*[{DASHES}]{{1,2}}|[{DASHES}]{{1,2}}\s*[{CURRENCY_SIGNS}]")  # Excel's 0
SCORE = re.compile(  # points of a test, stars of five, mL/min/1.73m2
    r"\d+(?:[.,]\d+)?(\s*(?:/|out of|of|von|sur|de|su)\s*\d+(?:\s*[^\W\d]+)?|\s?[^\W\d]+/[^\d\s]*/\s?[\d.]+\s?m[2²])"
)
RAISED = re.compile("10([⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)")
LOWERED = str.maketrans("⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "+-0123456789")
POINT = re.compile(r"(?<=\d)·(?=\d+(?!\d|\^))")  # the decimal point of British print
FIVES = str.maketrans("0123456789", "5555555555")
VULGAR = {
    sign: f" {ratio}" for sign, ratio in zip("½¼¾⅓⅔⅛⅜⅝⅞", "1/2 1/4 3/4 1/3 2/3 1/8 3/8 5/8 7/8".split(), strict=True)
}
DENOMINATORS = frozenset({2, 3, 4, 5, 6, 8, 10, 12, 16, 32, 64})  # of fractions as people write amounts
MARKS = [(".", ""), (".", ","), (",", "."), (".", " "), (",", " "), (".", "'"), (",", "'"), (",", ""), (".", "_")]
SI_PREFIXES = dict(
    zip(
        ["", "n", "µ", "u", "m", "c", "d", "k", "K", "M", "G", "T", "Ki", "Mi", "Gi", "Ti"],
        [1, 1e-9, 1e-6, 1e-6, 1e-3, 0.01, 0.1, 1e3, 1e3, 1e6, 1e9, 1e12, 2**10, 2**20, 2**30, 2**40],
        strict=True,
    )
)
SI_UNITS = ["g", "m", "l", "L", "s", "W", "Wh", "Hz", "V", "A", "J", "cal", "Pa", "B", "b", "bit", "bps", "eV", "mol"]
SUFFIX = re.compile(r"\d[^\W\d_]{1,2}\s*$")
MIN_BARE = 4  # numbers without a letter for each with one, from which on the letter is no unit
MAX_UNITS, MAX_UNIT = 5, 6  # units of a column, and letters of one, beyond which these are words
ORDINALS = {"st", "nd", "rd", "th", "."}
WORDS = dict.fromkeys(["k", "K", "tsd", "thousand"], 1e3) | {"lakh": 1e5, "crore": 1e7, "cr": 1e7}
WORDS |= dict.fromkeys(["M", "m", "mn", "mio", "mil", "million", "millionen"], 1e6)
MAY_BE_UNITS = ("m", "b", "B", "G")  # metres, bits, bytes, grams
WORDS |= {"千": 1e3, "천": 1e3, "万": 1e4, "萬": 1e4, "만": 1e4, "亿": 1e8, "億": 1e8, "억": 1e8}
WORDS |= dict.fromkeys(["B", "b", "bn", "G", "mrd", "billion", "milliarden"], 1e9)


@dataclass(frozen=True)
class NumberFormat:
    """How the numbers of one column are written; by default as computers write them.

    Attributes
    ----------
    decimal, group : str
        The marks of decimals and of thousands; no group mark is "".
    scales : mapping of str to float
        What a number with that unit is multiplied by.
    notes : tuple of str
        What was not plain.
    ending : str
        What stands behind every number, such as "/10".
    """

    decimal: str = "."
    group: str = ""
    scales: Mapping[str, float] = field(default_factory=lambda: {"": 1.0})
    notes: tuple[str, ...] = ()
    ending: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether numbers are as Python writes them, with or without a unit."""
        return self.decimal == "." and not self.group

    def read(self, text: str) -> float | None:
        """The number in a text; None if there is none."""
        if self.is_plain:
            with suppress(ValueError):
                number = float(text) * self.scales.get("", 1.0)
                return number if math.isfinite(number) else None
        number, unit = _number_and_unit(text.strip().removesuffix(self.ending), self.decimal, self.group)
        if number is None or (unit and unit not in self.scales):
            return None
        return number * self.scales.get(unit, 1.0)


class _Cell(NamedTuple):
    """A text that holds one number and nothing else but signs and a unit."""

    digits: str
    power: str
    negative: bool
    unit: str
    bound: bool
    note: bool = False
    error: bool = False

    def number(self, decimal, group):
        if "/" in self.digits:
            return _fraction(self.digits, self.negative)
        if not _fits(_shape(self.digits), decimal, group):
            return None
        plain = self.digits.replace(group, "") if group else self.digits
        plain = plain if decimal == "." else plain.replace(decimal, ".")
        return float(("-" if self.negative else "") + plain + ("e" + self.power if self.power else ""))


@lru_cache(maxsize=1 << 16)  # a fit looks at each text several times
def _number_and_unit(text: str, decimal: str, group: str) -> tuple[float | None, str]:
    """The number in a text, written with these marks, and its unit; None if there is none."""
    cell = _parse(text)
    return (None, "") if cell is None else (cell.number(decimal, group), cell.unit)


@lru_cache(maxsize=1 << 16)
def _parse(text: str) -> _Cell | None:
    """Take a text apart; None if it is not a number with a unit."""
    text = bare(text)
    if not text.isascii():
        text = RAISED.sub(lambda power: "10^" + power[1].translate(LOWERED), text)
        text = POINT.sub(".", text.translate(LOOKALIKES).strip())
        for sign, fraction in VULGAR.items():
            text = text.replace(sign, fraction)
    if NOTHING.fullmatch(text):
        return _Cell("0", "", False, text.strip(DASHES + " "), False)
    match = CELL.fullmatch(text)
    if match is None:
        return None
    found: dict[str, str] = match.groupdict(default="")
    before, inner, after, minus, closing = (found[part] for part in ("before", "inner", "after", "minus", "close"))
    opening, inner = (found["open"] + inner, "") if inner == "(" else (found["open"], inner)
    code = before.rstrip(".")
    if found["end"] in (".", ",") and found["end"] in found["digits"]:
        return None  # such as 31.12.
    if (opening != "") != (closing != "") or (code.isalpha() and code.casefold() not in CURRENCY_CODES):
        return None
    signs = found["sign"] + inner + minus
    if len(signs + opening) > 1:
        return None
    unit = " ".join(filter(None, (code, after.rstrip("."))))
    digits, power, bound = found["digits"] or found["over"], found["power"], bool(found["bound"] or found["more"])
    note, error = bool(found["note"] or found["star"]), bool(found["error"])
    return _Cell(digits, power, signs + opening in ("-", "("), unit, bound, note, error)


def decide(counts: Mapping[str, int]) -> NumberFormat | str:
    """The format of a column's numbers, or a sentence on why it has none; "" if it does not look like numbers.

    Parameters
    ----------
    counts : mapping of str to int
        How often each text stands in the column, marks of holes left out.
    """
    if _as_computers_write(counts):
        return NumberFormat()
    if ending := _common_ending(counts):
        form = decide({text.strip().removesuffix(ending): n for text, n in counts.items()})
        return form if isinstance(form, str) else replace(form, ending=ending, notes=(*form.notes, f"of {ending!r}"))
    cells = nearly_all(counts, _parse)
    if not cells:
        return ""
    if {text.strip()[-1:] for text in cells} >= {"+", "-"}:
        return ""  # ends of ranges
    cells = _without_rare_suffixes(cells, counts)
    digits = [cell.digits for cell in cells.values() if "/" not in cell.digits]
    if _are_codes(cells, digits):
        return "has leading zeros, so these are codes"
    euro = any(unit in cell.unit.casefold() for unit in ("€", "eur") for cell in cells.values())
    decimal, group, doubt = _marks(digits, euro)
    if any(cell.power for cell in cells.values()) and group == "":
        doubt = False  # a power is written by computers
    valid = {text: cell for text, cell in cells.items() if _number_and_unit(text, decimal, group)[0] is not None}
    if not nearly_all(counts, valid.get):
        return ""
    scales = _scales(valid.values())
    if scales is None:
        units = sorted({cell.unit or "none" for cell in valid.values()})
        are_units = len(units) <= MAX_UNITS and all(len(unit) <= MAX_UNIT for unit in units)
        return f"has numbers in several units ({', '.join(units)})" if are_units else ""
    return NumberFormat(decimal, group, scales, tuple(_notes(valid, decimal, group, scales, doubt)))


def _without_rare_suffixes(cells, counts):
    """The cells but for numbers such as 136A among many without a letter, which are codes, or names of other things."""
    named = [text for text, cell in cells.items() if SUFFIX.search(text) and not (_is_known(cell.unit))]
    gone = {*named}
    n_named, n_bare = (sum(counts[text] for text in some) for some in (named, [t for t in cells if not cells[t].unit]))
    return cells if MIN_BARE * n_named >= n_bare else {text: cells[text] for text in cells if text not in gone}


def _is_known(unit):
    """Whether a unit is a currency, a word of number, the ending of an ordinal or an SI unit of two letters."""
    known = _is_currency(unit.casefold()) or _word(unit) is not None or unit in ORDINALS
    return known or (len(unit) > 1 and _si({unit}) is not None)


def _common_ending(counts) -> str:
    """What stands behind all numbers, if they are points of as many; empty otherwise."""
    endings = set()
    for text in counts:
        match = SCORE.fullmatch(text.strip())
        endings.add(match[1] if match else "")
        if len(endings) > 1 or "" in endings:
            return ""
    return endings.pop() if endings else ""


def _as_computers_write(counts) -> bool:
    """Whether all texts are such as Python writes numbers, and nothing but these: a quick look."""
    try:
        np.array([*counts], dtype=object).astype(np.float64)
    except (TypeError, ValueError):
        return False
    digits = [text.strip(" +-") for text in counts]
    codes = any(text[0] == "0" and text[1:2].isdecimal() for text in digits)
    points = [text for text in digits if "." in text]
    return not codes and (not points or any(len(text) - text.find(".") != 4 for text in points))


def _are_codes(cells, digits) -> bool:
    padded = any(len(text) > 1 and text[0] == "0" for text in digits)
    return padded and all(cell.digits.isdecimal() and not cell.unit for cell in cells.values())


def _marks(digits: list[str], euro: bool) -> tuple[str, str, bool]:
    """The marks of decimals and of thousands, and whether the column left a doubt."""
    used = {mark for text in digits for mark in set(text) if not mark.isdecimal()}
    if not used:
        return ".", "", False
    shapes = Counter(map(_shape, digits))
    valid = {marks: sum(n for text, n in shapes.items() if _fits(text, *marks)) for marks in MARKS}
    best = [marks for marks in MARKS if valid[marks] == max(valid.values()) and set("".join(marks)) & used]
    if used == {"."} and (",", ".") in best and (".", "") in best:
        grouped = euro or _looks_grouped(digits, ".")
        return (",", ".", True) if grouped else (".", "", True)
    if used == {","}:
        return (".", ",", (",", "") in best) if (".", ",") in best else (",", "", False)
    return *best[0], {(".", ","), (",", ".")} <= {*best}


def _shape(digits) -> str:
    """The digits but for their values; only a zero in front matters."""
    shape = digits.translate(FIVES)
    return "0" + shape[1:] if digits[0] == "0" else shape


def _looks_grouped(digits, mark) -> bool:
    """Whether the mark stands in numbers above 999 only, where all the others are below 1000."""
    marked = [text for text in digits if mark in text]
    others = [text for text in digits if mark not in text]
    return len(marked) > 2 and bool(others) and all(len(text) <= 3 for text in others)


@lru_cache(maxsize=1 << 12)
def _fits(digits, decimal, group) -> bool:
    """Whether the marks stand as they must in digits, which may be their shape."""
    whole, point, rest = digits.partition(decimal)
    if group and group in whole:
        first, *others = whole.split(group)
        western = len(first) <= 3 and all(len(part) == 3 for part in others)
        indian = len(first) <= 2 and all(len(part) == 2 for part in others[:-1]) and len(others[-1]) == 3
        if not (western or indian) or first[:1] == "0":
            return False
        whole = first + "".join(others)
    return (whole + rest).isdecimal() and bool(rest or not point)


def _fraction(text, negative):
    whole, _, ratio = text.rpartition(" ")
    above, below = map(int, ratio.split("/"))
    if below not in DENOMINATORS or above >= below:
        return None
    return (-1 if negative else 1) * (int(whole or 0) + above / below)


def _scales(cells: Iterable[_Cell]) -> dict[str, float] | None:
    """The factor of each unit, so that all numbers of the column are in one; None if that is not known."""
    units = {cell.unit for cell in cells}
    named = units - {""}
    if units > named and named <= {word for word in WORDS if word not in MAY_BE_UNITS}:
        return _words_of_number(units)
    if len(named) <= 1:
        return dict.fromkeys(units | {""}, 1.0)
    if len({_singular(unit) for unit in named}) == 1 or named <= ORDINALS:
        return dict.fromkeys(units | {""}, 1.0)
    if named == {"%", "‰"}:
        return {"": 1.0, "%": 1.0, "‰": 0.1}
    sides = {unit: unit.casefold()[-2:] for unit in units}
    if {*sides.values()} == {"cr", "dr"}:  # of an account
        return {unit: -1.0 if side == "dr" else 1.0 for unit, side in sides.items()}
    return _words_of_number(units) or (None if "" in units else _si(named))


def _singular(unit):
    return unit.casefold().removesuffix("s")


def _word(unit):
    unit = unit.rstrip(".")
    return WORDS.get(unit) or (WORDS.get(unit.casefold()) or WORDS.get(_singular(unit)) if len(unit) > 1 else None)


def _words_of_number(units):
    """Factors of units such as K and M, with one other unit or none beside them."""
    factors, others = {}, set()
    for unit in units:
        words = {part: factor for part in unit.split() if (factor := _word(part))}
        others.add(" ".join(_singular(part) for part in unit.split() if part not in words))
        factors[unit] = float(math.prod(words.values()))
    if len(others) == 1 or (len(others - {""}) == 1 and _is_currency(max(others))):
        return factors
    return None


def _is_currency(unit):
    return not set(unit).isdisjoint(CURRENCY_SIGNS) or unit in CURRENCY_CODES


def _si(units):
    """Factors of units such as g and kg."""
    units = {unit: "B" if unit.casefold() in ("byte", "bytes") else unit for unit in units}
    for base in SI_UNITS:
        prefixes = {unit: short.removesuffix(base) for unit, short in units.items() if short.endswith(base)}
        if len(prefixes) == len(units) and {*prefixes.values()} <= SI_PREFIXES.keys():
            return {unit: float(SI_PREFIXES[prefix]) for unit, prefix in prefixes.items()}
    return None


def _notes(cells, decimal, group, scales, doubt):
    named = sorted(filter(None, {cell.unit for cell in cells.values()}))
    names = {",": "comma", ".": "point", " ": "blank", "'": "apostrophe", "_": "underscore"}
    marks = [f"decimal {names[decimal]}"] if decimal != "." else []
    marks += [f"{names[group]} between thousands"] if group else []
    if marks:
        yield "with " + " and ".join(marks)
    if doubt:
        some = next(text for text in cells if set(text) & {".", ","})
        value = NumberFormat(decimal, group, scales).read(some)
        yield f"{some!r} read as {value:.15g}, though nothing in the column rules out the other way"
    if len({*scales.values()}) > 1:
        yield "converted from " + ", ".join(f"{unit or 'none'} (times {scales[unit]:g})" for unit in sorted(scales))
    elif named:
        yield f"in {' or '.join(named[:3])}"
        if any(not cell.unit and cell.digits.strip("0.,") for cell in cells.values()):
            yield "where no unit is given, too"
    if any(cell.bound for cell in cells.values()):
        yield "signs such as < or + for bounds dropped"
    if any(cell.note for cell in cells.values()):
        yield "marks of footnotes dropped"
    if any(cell.error for cell in cells.values()):
        yield "errors behind ± dropped"
    if any("/" in cell.digits for cell in cells.values()):
        yield "with fractions"
