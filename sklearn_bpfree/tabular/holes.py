"""What people write into a cell that has no value, and how many other cells a column of one kind may have."""

from collections.abc import Callable, Mapping
from typing import TypeVar

T = TypeVar("T")
MAX_ODD = 0.05  # share of the cells that may be something else, and are then taken for holes
SPACES = dict.fromkeys(map(ord, "\u00a0\u2002\u2003\u2007\u2008\u2009\u200a\u202f"), " ")

MARKS = frozenset(
    """? ?? - -- --- . .. ... * \\n # na n.a n.a. n/a n/d n.d. nd nan nat <na> #na
    none null (null) nil missing (missing)
    empty (empty)
    blank (blank) unknown unk tbd tba #n/a #div/0! #ref! #value! #name? #num! #null! #wert! #bezug! k.a. ka
    k.a unbekannt fehlt entfällt s.d. inconnu desconocido inf +inf -inf infinity -infinity +infinity ∞ -∞""".split()
) | {"", "n. a.", "k. a.", "keine angabe", "not available", "not applicable", "not known", "no data", "#n/a n/a"}
LONGEST = max(map(len, MARKS))
DASHES = "-−–—‐‑‒"


def is_hole(text: str) -> bool:
    """Whether a text among numbers or dates says that there is no value."""
    text = text.strip()
    if len(text) > LONGEST:
        return not text.strip("#")
    return text.casefold() in MARKS or not (text.strip("#") and text.strip("?") and text.strip(DASHES))


def nearly_all(counts: Mapping[str, int], read: Callable[[str], T | None]) -> dict[str, T]:
    """What `read` makes of each text; empty unless it understands all cells but a few, of few kinds."""
    understood, n_odd, odd_kinds = {}, 0, 0
    most = MAX_ODD * sum(counts.values())
    for text, count in counts.items():
        value = read(text)
        if value is not None:
            understood[text] = value
            continue
        n_odd, odd_kinds = n_odd + count, odd_kinds + 1
        if n_odd > most or odd_kinds > max(3, 0.01 * len(counts)):
            return {}
    return understood
