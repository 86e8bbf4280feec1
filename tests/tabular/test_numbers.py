"""Numbers in many spellings against the numbers themselves."""

from collections import Counter

import numpy as np
import pytest

from sklearn_bpfree.tabular.numbers import NumberFormat, decide

AMOUNTS = np.random.default_rng(0).integers(-900_000_00, 900_000_00, 300) / 100


def swapped(text, marks):
    return text.translate(str.maketrans(",.", marks))


def indian(value):
    whole, rest = f"{abs(value):.2f}".split(".")
    head, tail = whole[:-3], whole[-3:]
    pairs = [head[max(0, end - 2) : end] for end in range(len(head), 0, -2)][::-1]
    return ("-" if value < 0 else "") + ",".join([*pairs, tail]) + "." + rest


SPELLINGS = {
    "as computers write": repr,
    "English": lambda v: f"{v:,.2f}",
    "German": lambda v: swapped(f"{v:,.2f}", ".,"),
    "decimal comma alone": lambda v: swapped(f"{v:.2f}", " ,"),
    "French, with a narrow blank": lambda v: swapped(f"{v:,.2f}", "\u202f,") + " €",
    "no-break blank": lambda v: swapped(f"{v:,.2f}", "\u00a0."),
    "Swiss": lambda v: "CHF " + swapped(f"{v:,.2f}", "’."),
    "Indian": lambda v: "₹ " + indian(v).replace("₹ -", "-"),
    "dollars": lambda v: ("-" if v < 0 else "") + f"${abs(v):,.2f}",
    "Brazilian": lambda v: "R$ " + swapped(f"{v:,.2f}", ".,"),
    "code behind": lambda v: f"{v:,.2f} USD",
    "per cent": lambda v: f"{v:.2f} %",
    "per cent without blank": lambda v: f"{v:.2f}%",
    "unit": lambda v: f"{v:.2f} km/h",
    "degrees": lambda v: f"{v:.2f} °C",
    "accountant": lambda v: f"({-v:,.2f})" if v < 0 else f"{v:,.2f}",
    "accountant with currency": lambda v: f"$({-v:,.2f})".replace("$(", "($") if v < 0 else f"${v:,.2f}",
    "minus behind": lambda v: f"{abs(v):,.2f}" + ("-" if v < 0 else ""),
    "true minus": lambda v: f"{v:.2f}".replace("-", "−"),
    "plus": lambda v: f"{v:+.2f}",
    "powers": lambda v: f"{v:.9e}",
    "dollars in parentheses": lambda v: f"$({-v:,.2f})" if v < 0 else f"${v:,.2f}",
    "debit and credit": lambda v: f"{abs(v):,.2f} {'Dr' if v < 0 else 'Cr'}",
    "text of a spreadsheet": lambda v: f"'{v:.2f}",
    "formula of a spreadsheet": lambda v: f'="{v:.2f}"',
    "quotes that an export left": lambda v: f'"{v:.2f}"',
    "marks that one does not see": lambda v: f"\ufeff{v:.2f}\u200b",
    "Fortran": lambda v: f"{v:.9e}".replace("e", "D"),
    "powers of ten": lambda v: f"{v / 1e3:.5f}×10^3",
    "stars of significance": lambda v: f"{v:.2f}" + "*" * (int(abs(v)) % 4),
    "footnotes": lambda v: f"{v:.2f}" + ("[a]" if int(abs(v)) % 3 else ""),
    "Arabic digits": lambda v: f"{v:.2f}".translate(str.maketrans("0123456789.", "٠١٢٣٤٥٦٧٨٩٫")),
    "rupees": lambda v: ("-" if v < 0 else "") + f"₹{abs(v):.2f}/-",
    "for each hour": lambda v: f"${v:.2f}/hr".replace("$-", "-$"),
    "German words": lambda v: f"{v / 1e3:.5f} Tsd. €" if abs(v) < 1e5 else f"{v / 1e6:.8f} Mio. €",
    "lakhs and crores": lambda v: f"{v / 1e5:.7f} lakhs" if abs(v) < 1e5 else f"{v / 1e7:.9f} crores",
    "underscores": lambda v: f"{v:_.2f}",
    "blanks around": lambda v: f"  {v:.2f} ",
    "kilo and mega": lambda v: f"{v / 1e3:.5f}k" if abs(v) < 1e5 else f"{v / 1e6:.8f}M",
    "kg and g": lambda v: f"{v / 1e3:.5f} kg" if abs(v) < 1e5 else f"{v:.2f} g",
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_a_column_in_any_spelling_is_the_numbers_themselves(spelling):
    texts = [spelling(value) for value in AMOUNTS.tolist()]
    form = decide(Counter(texts))
    assert isinstance(form, NumberFormat)
    np.testing.assert_allclose([form.read(text) for text in texts], AMOUNTS, rtol=1e-6)
    assert decide(Counter(texts[::-1])).decimal == form.decimal
    assert decide(Counter(texts[::5])) == decide(Counter(texts[::5][::-1]))


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["1,234", "987,654"], [1234, 987654]),
        (["1,234", "12,5"], [1.234, 12.5]),
        (["0,123", "0,456"], [0.123, 0.456]),
        (["1.234", "5.5"], [1.234, 5.5]),
        (["1.234.567", "1.234"], [1234567, 1234]),
        (["1.234", "2.000", "3.500", "950"], [1234, 2000, 3500, 950]),
        (["1.234 €", "2.000 €"], [1234, 2000]),
        ([".5", "1.25"], [0.5, 1.25]),
        (["<1", "5", ">100", "≥ 10", "7+"], [1, 5, 100, 10, 7]),
        (["< 1 year", "1 year", "10+ years"], [1, 1, 10]),
        (["1/2", "3 3/4", "2", "1½"], [0.5, 3.75, 2, 1.5]),
        (["1st", "2nd", "3rd", "4th"], [1, 2, 3, 4]),
        (["CHF 1'000.-", "CHF 50.--"], [1000, 50]),
        (["€1.2M", "€500K", "€0"], [1.2e6, 5e5, 0]),
        (["5 MB", "120 kB"], [5e6, 1.2e5]),
        (["12 m²", "7 m2"], [12, 7]),
        (["１２", "７"], [12, 7]),
        (["EUR 5", "7 EUR"], [5, 7]),
        (["12", "13 kg"], [12, 13]),
        (["12", "14", "15", "16", "17", "18", "13kg"], [12, 14, 15, 16, 17, 18, 13]),
        (["$ 1,200.00", "$ -", " -   $"], [1200, 0, 0]),
        (["4.5/5", "3/5"], [4.5, 3]),
        (["7 out of 10 stars", "10 out of 10 stars"], [7, 10]),
        (["1.2K views", "3M views", "950 views"], [1200, 3e6, 950]),
        (["1.5万", "2万", "9000"], [15000, 20000, 9000]),
        (["1.2k", "900", "15k"], [1200, 900, 15000]),
        (["5 m", "7"], [5, 7]),
        (["7.8 ± 0.2", "8.1±0.3", "9 +/- 1"], [7.8, 8.1, 9]),
        (["3.1×10⁻²", "2 × 10³"], [0.031, 2000]),
        (["5 KiB", "2 MiB"], [5 * 2**10, 2 * 2**20]),
        (["900 bytes", "2 KB", "1 byte"], [900, 2000, 1]),
        (["60 mL/min/1.73m2", "75 mL/min/1.73m2"], [60, 75]),
        (["78·5", "3·25"], [78.5, 3.25]),
        (["c. 78", "circa 90"], [78, 90]),
    ],
)
def test_the_column_as_a_whole_decides(texts, numbers):
    form = decide(Counter(texts))
    assert [form.read(text) for text in texts] == pytest.approx(numbers)


@pytest.mark.parametrize(
    "texts",
    [
        ["Q1", "Q2"],
        ["A12", "B7"],
        ["1.2.3", "1.2.4"],
        ["192.168.1.1", "10.0.0.1"],
        ["+49 170 1234567", "030 123456"],
        ["120/80", "135/85"],
        ["12-15", "16-20"],
        ["5'11\"", "6'2\""],
        ["12:30", "14:15"],
        ["06.07.", "31.12."],
        ["1", "2", "A"],
        ["(5", "6"],
        ["--5", "6"],
        ["lev1", "lev2"],
        ["24-", "25+"],
        [*"12345" * 9, *["1A", "2B", "2C"] * 3],
        ["1. Never Married", "2. Married", "3. Widowed"],
        ["yes", "no"],
    ],
)
def test_what_is_no_number_is_none(texts):
    assert decide(Counter(texts)) == ""


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        (["5 kg", "7 lb"], "several units (kg, lb)"),
        (["$5", "7 €"], r"several units ($, €)"),
        (["5 min", "7 in"], "several units (in, min)"),
        (["01067", "80331"], "leading zeros"),
        (["007", "123"], "leading zeros"),
        ([*(f"{i:03}" for i in range(200)), "136A"], "leading zeros"),
    ],
)
def test_figures_that_are_no_quantity_of_one_unit_are_told(texts, why):
    assert why in decide(Counter(texts))


def test_one_other_cell_among_many_does_not_change_the_column():
    texts = [f"{v:.1f} %" for v in np.linspace(0, 50, 99)]
    assert decide(Counter([*texts, "see below"])) == decide(Counter(texts))
    assert decide(Counter(texts + ["low", "high"] * 5)) == ""


@pytest.mark.parametrize("word", ["<LOD", "Varies with device", "trace", "gratis", "X"])
def test_one_word_beside_many_numbers_is_a_mark_of_a_hole_at_any_share(word):
    texts = [f"{v:.1f}" for v in np.linspace(0, 50, 99)]
    form = decide(Counter(texts + [word] * 200))
    assert form.read(word) is None and form.read("12.5") == 12.5
    assert decide(Counter(["1", "2", "3"] * 33 + [word] * 20)) == "", "a grade among few others is a grade"
    assert decide(Counter([*texts, *["B 12"] * 20])) == "", "what has a digit may be a number of another kind"


def test_what_was_not_plain_is_said():
    assert decide(Counter(["7/10", "9/10"])).notes == ("of '/10'",)
    assert decide(Counter(["7*", "9"])).notes == ("marks of footnotes dropped",)
    notes = decide(Counter(["$1,234", "<5"])).notes
    assert [*notes] == [
        "with comma between thousands",
        "'$1,234' read as 1234, though nothing in the column rules out the other way",
        "in $",
        "where no unit is given, too",
        "signs such as < or + for bounds dropped",
    ]
    assert decide(Counter(["1", "2.5"])).notes == ()
