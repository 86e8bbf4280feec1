"""What people write into a cell that has no value, and how many other cells a column of one kind may have."""

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

T = TypeVar("T")
MAX_ODD = 0.05  # share of the cells that may be something else, and are then taken for holes
MANY = 20  # different numbers beside which one word of any share is a mark of a hole, too
DASHES = "-−–—‐‑‒"
UNSEEN = {
    **dict.fromkeys(map(ord, "\u00a0\u2002\u2003\u2007\u2008\u2009\u200a\u202f\u3000"), " "),
    **dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060\u200e\u200f"), None),
}
QUOTED = re.compile(r"""=?"(.*)"|=?'(.*)'|'(.*)""", re.DOTALL)  # as spreadsheets keep text, or left by an export

WORDS = frozenset(
    """na nan nat nd none null nil missing empty blank unknown unk tbd tba pdna
    notavailable notapplicable notknown notreported notspecified nodata noanswer noresponse nainna undefined
    dontknow dk refused pending
    ka oa nv nb nn keineangabe ohneangabe keinedaten unbekannt fehlt fehlend entfällt entf nichtverfügbar nichtbekannt
    nichtvorhanden weißnicht nc sd so inconnu inconnue nonrenseigné nondisponible nonconnu sansobjet manquant
    desconocido nodisponible sindatos sininformación noaplica desconhecido nãoinformado semdados nãodisponível
    sconosciuto nondisponibile mancante onbekend nietbekend nietbeschikbaar geendata okänd okänt saknas uppgiftsaknas
    ukendt ukjent eitietoa brak brakdanych nieznany неизвестно нетданных нд нет 不明 无 無 未知 不适用 なし 없음
    inf infinity""".split()
)
LONGEST = 24  # letters of a mark
ERROR = re.compile(r"#[^1-9]*|\\n|\.[a-z_]|[+-]?1\.#\w+|[+-]?∞")  # of spreadsheets, databases, SAS and C
APART = re.compile(r"[\W_]+")


def bare(text: str) -> str:
    """A cell's text without what one does not see: blanks around it, marks of zero width, quotes kept as text."""
    if not text.isascii():
        text = text.translate(UNSEEN)
    text = text.strip()
    if text[:1] in ("'", '"', "=") and (match := QUOTED.fullmatch(text)):
        return next(filter(None, match.groups()), "").strip()
    return text


def is_hole(text: str) -> bool:
    """Whether a text among numbers or dates says that there is no value."""
    if text[-1:].isdecimal() and "#" not in text:
        return False
    text = bare(text).casefold()
    if len(text) > LONGEST:
        return not text.strip("#")
    if ERROR.fullmatch(text) or any(not text.strip(marks) for marks in ("?", "*", ".", "/", DASHES)):
        return True
    return APART.sub("", text) in WORDS


def nearly_all(counts: Mapping[str, int], read: Callable[[str], T | None]) -> dict[str, T]:
    """What `read` makes of each text; empty unless it understands all cells but a few, of few kinds.

    Those few hold not more than a twentieth of the cells, or are one word without a digit beside many numbers.
    """
    understood: dict[str, T] = {}
    odd: dict[str, int] = {}
    for text, count in counts.items():
        value = read(text)
        if value is not None:
            understood[text] = value
            continue
        word = bare(text).casefold()
        odd[word] = odd.get(word, 0) + count
        if len(odd) > max(3, 0.01 * len(counts)):
            return {}
    if sum(odd.values()) <= MAX_ODD * sum(counts.values()):
        return understood
    is_mark = len(odd) == 1 < MANY < len(understood) and not any(map(str.isdigit, next(iter(odd))))
    return understood if is_mark else {}
