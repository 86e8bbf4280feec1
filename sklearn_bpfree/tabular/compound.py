"""Quantities in two or three units, as people write them: ``5'11"``, ``7 lb 3 oz``, ``48°51'30" N``, ``1 m 75 cm``.

Read `decide` first: what it returns turns each text into a number of the largest unit.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from sklearn_bpfree.tabular.holes import bare, nearly_all

MARKS = str.maketrans("′’‘´`″”“º−–", "'''''\"\"\"°--")
SIGNS = {"n": 1.0, "e": 1.0, "s": -1.0, "w": -1.0}  # of latitudes and longitudes
FEET, INCHES = r"(?:'|ft\.?|foot|feet)", r"(?:\"|''|in\.?|inch|inches)?"
POUNDS, OUNCES = r"(?:lbs?\.?|pounds?)", r"(?:oz\.?|ounces?)"
SYSTEMS = {  # the largest unit -> how each is written, and how many make one of the unit before
    "feet": ((FEET, 1), (INCHES, 12)),
    "pounds": ((POUNDS, 1), (OUNCES, 16)),
    "stones": ((r"(?:st\.?|stones?)", 1), (POUNDS + "?", 14)),
    "metres": ((r"(?:m|metres?|meters?)", 1), (r"(?:cm)?", 100)),
    "kilograms": ((r"(?:kgs?)", 1), (r"(?:g|gr)", 1000)),
    "degrees": ((r"(?:°|deg\.?|d)", 1), (r"(?:'|min\.?|m)", 60), (r"(?:\"|''|sec\.?|s)", 60)),
    "minutes": (("'", 1), (r"(?:\"|'')", 60)),  # of a pace
}
NUMBER = r"(\d+(?:[.,]\d+)?(?:\s?\d+/\d+)?)"


def _pattern(system):
    """Of a text in these units, of which the smaller ones may be missing."""
    first, *further = [rf"{NUMBER}\s?{unit}" for unit, _ in SYSTEMS[system]]
    rest = ""
    for part in reversed(further):
        rest = rf"(?:[\s,-]*(?:and\s)?{part}{rest})?"
    return re.compile(rf"(-)?\s?{first}{rest}")


PATTERNS = {system: _pattern(system) for system in SYSTEMS}
HEMISPHERE = re.compile(r"([nsew])?\s*(.*?)\s*([nsew])?", re.DOTALL)
PLAIN = re.compile(r"-?\d+[.,]\d+")


@dataclass(frozen=True)
class CompoundFormat:
    """Quantities in several units, which `read` turns into a number of the largest one.

    Attributes
    ----------
    system : str
        One of `SYSTEMS`.
    """

    system: str

    @property
    def notes(self) -> tuple[str, ...]:
        """What was not plain."""
        return (f"read as {self.system}" + (", south and west below 0" if self.system == "degrees" else ""),)

    def read(self, text: str) -> float | None:
        """The number in a text; None if there is none."""
        found = _read(text, self.system)
        return found and found[0]


@lru_cache(maxsize=1 << 16)
def _read(text, system) -> tuple[float, int] | None:
    """The number, and how many units or letters for a hemisphere the text has; None if it is no such quantity."""
    text, sign, n_letters = bare(text).translate(MARKS).casefold(), 1.0, 0
    if system == "degrees":
        before, text, after = HEMISPHERE.fullmatch(text).groups()  # pyright: ignore[reportOptionalMemberAccess] matches all
        if before and after:
            return None
        if letter := before or after:
            sign, n_letters = SIGNS[letter], 1
            if PLAIN.fullmatch(text):
                text += "°"
    match = PATTERNS[system].fullmatch(text)
    if match is None:
        return None
    minus, *parts = match.groups()
    given = [_number(part) for part in parts if part is not None]
    sizes = [size for _, size in SYSTEMS[system]][: len(given)]
    if any(part >= size for part, size in zip(given[1:], sizes[1:], strict=True)):
        return None
    value, unit = 0.0, 1.0
    for part, size in zip(given, sizes, strict=True):
        unit *= size
        value += part / unit
    return (-sign if minus else sign) * value, len(given) + n_letters


def _number(text) -> float:
    """A number with a decimal point or comma, or with a fraction behind it."""
    whole, _, ratio = text.replace(",", ".").rpartition(" ") if "/" in text else (text.replace(",", "."), "", "")
    above, _, below = ratio.partition("/")
    return float(whole or 0) + (int(above) / max(int(below), 1) if ratio else 0.0)


def decide(counts: Mapping[str, int]) -> CompoundFormat | None:
    """The format of a column of quantities in several units; None if it does not hold such.

    Parameters
    ----------
    counts : mapping of str to int
        How often each text stands in the column, marks of holes left out.
    """
    for system in SYSTEMS:
        found = nearly_all(counts, lambda text, system=system: _read(text, system))
        if found and max(n for _, n in found.values()) > 1:
            return CompoundFormat(system)
    return None
