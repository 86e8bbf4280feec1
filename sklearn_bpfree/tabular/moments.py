"""Dates as a model can use them: days since 1970, and the month, day, weekday and hour by the wall clock.

Which of three ways suits which model was measured: numbers suit trees, circles networks, levels linear models.
"""

from typing import Any

import numpy as np

MICROSECONDS_PER_DAY = 86_400_000_000
PERIODS = {"month": 12, "day": 31, "weekday": 7, "hour": 24}


def days_since_1970(moments: np.ndarray) -> np.ndarray:
    """Days with their fractions, from an array of datetime64; missing ones are NaN."""
    days = moments.astype("datetime64[us]").astype(np.int64) / MICROSECONDS_PER_DAY
    return np.where(np.isnat(moments), np.nan, days)


def days_of_durations(durations: np.ndarray) -> np.ndarray:
    """Days with their fractions, from an array of timedelta64; missing ones are NaN."""
    days = durations.astype("timedelta64[us]").astype(np.int64) / MICROSECONDS_PER_DAY
    return np.where(np.isnat(durations), np.nan, days)


def part_of(wall: np.ndarray, part: str) -> np.ndarray:
    """Month 1 to 12, day of the month from 1, weekday 0 (Monday) to 6, or hour with its fraction; holes are NaN."""
    days = wall.astype("datetime64[D]")
    months = wall.astype("datetime64[M]")
    if part == "month":
        numbers = months.astype(np.int64) % 12 + 1
    elif part == "day":
        numbers = (days - months.astype("datetime64[D]")).astype(np.int64) + 1
    elif part == "weekday":
        numbers = (days.astype(np.int64) + 3) % 7  # 1970 began on a Thursday
    else:
        numbers = (wall.astype("datetime64[us]") - days).astype(np.int64) / (MICROSECONDS_PER_DAY / 24)
    return np.where(np.isnat(wall), np.nan, numbers.astype(np.float64))


def varying_parts(wall: np.ndarray) -> tuple[str, ...]:
    """Those parts of the dates in which they differ."""
    given = wall[~np.isnat(wall)]
    parts = tuple(part for part in PERIODS if len(given) and np.ptp(part_of(given, part)) > 0)
    return parts if "day" in parts or "hour" in parts else tuple(part for part in parts if part != "weekday")


def encoded_parts(wall: np.ndarray, parts: tuple[str, ...], how: str) -> dict[str, Any]:
    """Parts of dates by the ends of their names: "numbers", "circles" (sines and cosines) or "levels" (texts)."""
    encoded: dict[str, Any] = {}
    for part in parts:
        numbers = part_of(wall, part)
        if how == "circles":
            turns = 2 * np.pi / PERIODS[part] * numbers
            encoded |= {f"_{part}_sin": np.sin(turns), f"_{part}_cos": np.cos(turns)}
        elif how == "levels":
            encoded[f"_{part}"] = [None if np.isnan(number) else str(int(number)) for number in numbers.tolist()]
        else:
            encoded[f"_{part}"] = numbers
    return encoded
