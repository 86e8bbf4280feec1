"""Numbers that are no quantities: row numbers, identifiers, codes, and dates such as 20200131 or 1580428800.

Of figures alone nobody could tell most of them, so names count here, and nowhere else.
"""

import re
from collections import Counter
from dataclasses import replace

import numpy as np

from sklearn_bpfree.tabular import dates
from sklearn_bpfree.tabular.cells import Column

LARGEST_INTEGER = 2.0**53  # above which floats do not tell integers apart
MAX_ONE_HOT = 20  # levels of a category that get a column of their own; the rarer ones share one
MAX_DISTINCT = 0.9  # share of distinct values above which a column of more than MAX_ONE_HOT levels names its rows
MIN_DATES = 4  # different numbers that all have the look of dates, for whom the look is enough
WORD = re.compile(r"[^\W\d_a-z]+(?![a-z])|[^\W\d_a-z]?[^\W\d_A-Z]+")
COUNTING = set("index row rows rowname rownames rownum rowid rownumber unnamed id".split())
MAY_COUNT = set("name names number no num nr nummer seq sequence serial obs observation rec record rn pk key".split())
ROW_NAMES = COUNTING | MAY_COUNT | set("s sr sl lfd laufende".split())
DENSE, SPARSE = 4, 20  # how many times their count numbers of rows may reach, of which some may have been taken out
CODE_NAMES = set(
    """id ids code codes codigo código cod key zip zipcode postcode postal plz postleitzahl pincode cep fips uuid guid
    sku isbn ean kennung userid customerid clientid orderid productid sessionid transactionid passengerid""".split()
)
CODE_FIRST = set("id ids code codigo código cod uuid guid".split())  # id_client, code_insee
NUMBERED = ("nummer", "number", "numero", "número", "nr")  # Kundennummer, order_number
DATE_NAMES = set("date dates datum datetime timestamp fecha".split())
FIRST_DATE, LAST_DATE = 18000101, 21991231
FIRST_SERIAL, LAST_SERIAL = 20_000, 60_000  # of a spreadsheet: 1954 to 2064
FIRST_SECOND, LAST_SECOND = 946_684_800, 2_208_988_800  # 2000 to 2040


def no_quantity(column: Column, filled: np.ndarray) -> Column | None:
    """The column as what its numbers are; None if they are quantities.

    Parameters
    ----------
    column : Column
    filled : ndarray
        Its numbers without the missing ones.
    """
    words = _words(column.name)
    named = _by_name(column, words, filled)
    if named is not None:
        return named
    form, note = _dates(filled, is_named=not DATE_NAMES.isdisjoint(words))
    return form and replace(column, kind="date", note=note, format=form)


def names_dates(name) -> bool:
    """Whether a column's name says that it holds dates."""
    return not DATE_NAMES.isdisjoint(_words(name))


def _words(name):
    return [word.casefold() for word in WORD.findall(name)] if isinstance(name, str) else ["x"]


def _by_name(column, words, filled):
    """Row numbers, identifiers and codes."""
    counting = COUNTING.intersection(words) or column.name == "level_0"
    counts_rows = counting or not words or not MAY_COUNT.isdisjoint(words)
    counts_rows = counts_rows and (ROW_NAMES.issuperset(words) or column.name == "level_0")
    is_code = words[-1:] and (words[-1] in CODE_NAMES or words[0] in CODE_FIRST)
    is_number = words[-1:] and (words[-1].endswith(NUMBERED) or words[-1] in ("no", "num", "nro"))
    may_name = is_code or (is_number and (len(words) > 1 or words[0] not in ROW_NAMES))
    if not (counts_rows or may_name) or (filled % 1).any():
        return None
    n_values = len(np.unique(filled))
    if counts_rows and n_values == len(filled) > 9 and np.ptp(filled) < (SPARSE if counting else DENSE) * n_values:
        return replace(column, kind="row number", note="counts the rows", used=False)
    if may_name and n_values > max(MAX_ONE_HOT, MAX_DISTINCT * len(filled)):
        return replace(column, kind="identifier", note="nearly every row has a number of its own", used=False)
    if is_code:
        return replace(column, kind="category", note="integers that by their name are codes, so each is a level")
    return None


def _dates(filled, is_named):
    """The format of numbers that are dates, and a note; None if they are not."""
    low, high = filled.min(), filled.max()
    whole = bool(low >= 0) and not (filled[:1000] % 1).any() and not (filled % 1).any()
    if whole and FIRST_DATE <= low and high <= LAST_DATE:
        form = dates.decide(Counter(str(int(value)) for value in np.unique(filled)))
        return form, "integers such as 20200131 are dates"
    if whole and (form := _figures(filled, is_named)) is not None:
        return form, f"integers such as {filled[0]:.0f} are dates"
    for unit, n_seconds in dates.UNITS.items():
        if unit == "days":
            fits = is_named and FIRST_SERIAL <= low and high < LAST_SERIAL
        elif unit == "months":
            fits = whole and 190001 <= low and high <= 210012 and (abs(filled % 100 - 6.5) < 6).all()
        else:
            fits = (
                FIRST_SECOND <= low * n_seconds and high * n_seconds < LAST_SECOND and (filled * n_seconds % 1000).any()
            )
        if fits and (is_named or len(np.unique(filled)) >= MIN_DATES):
            return dates.CountFormat(unit), dates.CountFormat(unit).notes[0]
    return None, ""


def _figures(filled, is_named):
    """The format of integers such as 310120 or 31012020; None if they may be something else."""
    low, high = filled.min(), filled.max()
    if 10_101 <= low and high <= 991_231:
        width, first, second, third = 6, filled // 10_000, filled // 100 % 100, filled % 100
    elif 1_011_900 <= low and high <= 31_122_100:
        width, first, second, third = 8, filled // 1_000_000, filled // 10_000 % 100, np.zeros(1)
    else:
        return None
    is_month = [_all_within(part, 12) for part in (first, second)]
    is_day = [_all_within(part, 31) for part in (first, second, third)]
    if not ((is_day[0] and is_month[1]) or (is_month[0] and is_day[1]) or (is_month[1] and is_day[2])):
        return None
    return dates.decide_figures(Counter(f"{value:0{width}.0f}" for value in np.unique(filled)), is_named=is_named)


def _all_within(part, most):
    return bool(part.min() >= 1 and part.max() <= most)
