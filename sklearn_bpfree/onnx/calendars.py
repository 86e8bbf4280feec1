"""Days and parts of dates, as formulas of microseconds since 1970 by the wall clock; see `tabular.moments`."""

from __future__ import annotations

import numpy as np

from sklearn_bpfree.nn.formulas import Formula, FormulaError
from sklearn_bpfree.tabular.moments import MICROSECONDS_PER_DAY, PERIODS

NO_DATE = np.iinfo(np.int64).min  # what numpy has for a missing one
CYCLE = 146_097  # days of 400 years, after which the calendar repeats itself
MARCH = 719_468  # days from the first of March of year 0 to 1970


def days_and_parts(column, moments: Formula, how: str) -> list[Formula]:
    """Columns (n, 1) of a date: its days, then its parts as "numbers" or on "circles"."""
    if how == "levels":
        raise FormulaError(
            f"The parts of the dates of {column} are texts, which is not exported; use other date_parts."
        )
    missing = moments.equals(NO_DATE)
    columns = [moments.cast(np.float64) / MICROSECONDS_PER_DAY]
    for part in column.parts:
        number, largest = _part(part, moments), PERIODS[part]
        if how == "numbers":
            columns.append(number.cast(np.float64))
        elif part == "hour":
            turns = number * (2 * np.pi / largest)
            columns += [Formula("Sin", turns), Formula("Sin", turns + np.pi / 2)]
        else:
            turns = 2 * np.pi / largest * np.arange(largest + 1)
            columns += [Formula.looked_up(table, number) for table in (np.sin(turns), np.cos(turns))]
    return [Formula.where(missing, np.nan, values) for values in columns]


def _part(part, moments):
    """Month 1 to 12, day from 1, weekday 0 (Monday) to 6, or hour with its fraction."""
    day, clock = _divided(moments, MICROSECONDS_PER_DAY)
    if part == "hour":
        return clock.cast(np.float64) / (MICROSECONDS_PER_DAY / 24)
    if part == "weekday":
        return Formula("Mod", day + 3, 7)
    in_cycle = Formula("Mod", day + MARCH, CYCLE)
    # years that begin in March end with the day that leap years have more, which are every 4th, but of every 25th one
    # of these only each 4th
    year = (in_cycle - in_cycle / 1460 + in_cycle / 36524 - in_cycle / 146096) / 365
    in_year = in_cycle - (year * 365 + year / 4 - year / 100)
    month = (in_year * 5 + 2) / 153  # from March on there are 153 days in every five months
    if part == "day":
        return in_year - (month * 153 + 2) / 5 + 1
    return Formula("Mod", month + 2, 12) + 1


def _divided(number, by):
    """Whole quotient and remainder, which is not negative."""
    rest = Formula("Mod", number, by)
    return (number - rest) / by, rest
