"""The ladder's numbers, and its schedule as functions of n, the number of training rows, and of a weight decay."""

import numpy as np

N_STEPS = 25  # steps of a fit by default
WEIGHED_STEPS = 4  # last ones of the search, whose losses on the held-out rows count
LONG_STEP = 16  # updates from which on a step may be shared out in two parts
LEARNING_RATE = 0.012  # of members that are given by name; the short fits and the averaging ask for much
MAIN_SPREAD = 0.55  # of the largest deviation of a column, from which on another one is a main column
LEAST_WEIGHT = 0.05  # of the best of the members with main columns, below which others take their places
COMPANION_UNITS, COMPANION_SHARE = 800, 0.5
COMPANION_CELLS = 10_000_000  # rows by columns up to which a table has a companion, as it may fill sparse rows up
PRIOR_ROWS = 5  # the temperature is held near the next number as if by this many rows
PRIOR_TEMPERATURE = 0.7  # below 1, because members that learned smoothed classes are less sure than they may be
LONG = 1500  # rows from which on a table is long: three members of every column, and no companion
MAX_HELD_OUT = 1500  # rows; more would tell the decays apart no better than they need be


def rungs(n, single) -> tuple[tuple[float, bool], ...]:
    """First weight decay of each member, and whether it sees main columns only, of n training rows."""
    if single or n < LONG:
        return (0.1, False), (2.0, n < LONG)
    return (0.05, False), (0.5, False), (5.0, False)


def n_updates(n, accompanied=False) -> float:
    """Updates of each member in a whole fit, of n training rows; fewer with a companion."""
    return (11 if accompanied else 15.5) * np.sqrt(n)


def search_share(n) -> float:
    """Share of the steps after which the members settle, of n training rows: .32 below 1500 and .4 from there on."""
    return 0.32 if n < LONG else 0.4


def n_held_out(n) -> int:
    """Rows held out, of n training rows: 25 % below 1500, 15 % below 4000, 10 % from there on, 1500 at most."""
    return min(round((0.25 if n < 1500 else 0.15 if n < 4000 else 0.1) * n), MAX_HELD_OUT)


def for_all_steps(decay, n) -> float:
    """Decay of several members after the search, from the boosted common one; from 1500 rows on a middling one grows.

    A long table is seen but a few times during the search, so that a member with too little decay looks better than it
    will be at the end. The decay of a clean table stays next to nothing, and a large one that looks good stays, too.
    """
    return decay if n < LONG else max(decay, min(2.2 * decay**1.3, 2 * decay**0.5))


def dropout_of(decay) -> float:
    """Dropout that goes with a weight decay: none below .1, .10 with .5, .25 with 5."""
    return float(np.clip(0.15 + 0.15 * np.log10(decay), 0.0, 0.4))
