"""Integers that are no quantities: row numbers, identifiers, codes, and dates such as 20200131.

Of figures alone nobody could tell them, so names count here, and nowhere else.
"""

import re
from collections import Counter
from dataclasses import replace

import numpy as np

from sklearn_bpfree.tabular import dates
from sklearn_bpfree.tabular.cells import Column

MAX_ONE_HOT = 20  # levels of a category that get a column of their own; the rarer ones share one
MAX_DISTINCT = 0.9  # share of distinct values above which a column of more than MAX_ONE_HOT levels names its rows
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
ROW_NAMES = set("index row rows rowname rownames rownum rowid rownumber name names number unnamed id nr no num".split())
CODE_NAMES = set(
    "id ids code codes key zip zipcode postcode postal plz fips uuid guid sku isbn ean userid customerid".split()
)
FIRST_DATE, LAST_DATE = 18000101, 21991231


def no_quantity(column: Column, filled: np.ndarray) -> Column | None:
    """The column as what its integers are; None if they are quantities.

    Parameters
    ----------
    column : Column
    filled : ndarray
        Its numbers without the missing ones.
    """
    words = [word.casefold() for word in WORD.findall(column.name)] if isinstance(column.name, str) else ["x"]
    counts_rows, is_code = ROW_NAMES.issuperset(words), words[-1:] and words[-1] in CODE_NAMES
    may_be_dates = FIRST_DATE <= filled.min() and filled.max() <= LAST_DATE
    if not (counts_rows or is_code or may_be_dates) or (filled % 1).any():
        return None
    values = np.unique(filled)
    if counts_rows and len(values) == len(filled) > 9 and np.ptp(values) < 20 * len(values):
        return replace(column, kind="row number", note="counts the rows", used=False)
    if is_code:
        if len(values) > max(MAX_ONE_HOT, MAX_DISTINCT * len(filled)):
            return replace(column, kind="identifier", note="nearly every row has a number of its own", used=False)
        return replace(column, kind="category", note="integers that by their name are codes, so each is a level")
    form = dates.decide(Counter(str(int(value)) for value in values)) if may_be_dates else None
    return form and replace(column, kind="date", note="integers such as 20200131 are dates", format=form)
