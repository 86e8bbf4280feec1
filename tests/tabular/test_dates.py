"""Dates, times and durations in many spellings against what they mean."""

from collections import Counter
from datetime import datetime, timedelta

import numpy as np
import pytest

from sklearn_bpfree.tabular import dates, spans

RNG = np.random.default_rng(0)
MOMENTS = [datetime(2018, 1, 1) + timedelta(minutes=int(m)) for m in RNG.integers(0, 3 * 365 * 24 * 60, 200)]
GERMAN = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()
FRENCH = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()
POLISH = "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia".split()
RUSSIAN = "января февраля марта апреля мая июня июля августа сентября октября ноября декабря".split()

OF_DAYS = [
    "%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d-%b-%Y",
    "%B %d, %Y", "%Y%m%d", "%d.%m.%y", "%m/%d/%y", "%d-%m-%Y", "%Y.%m.%d",
    "%d %b %y", "%a, %d %b %Y", "%A, %B %d, %Y", "%d. %B %Y", "%Y-%b-%d", "%b-%d-%Y",
    "%y-%m-%d", "%Y.%m.%d.", "%Y-%j", "Mi, %d.%m.%Y", "quarta-feira, %d/%m/%Y", "mar %d/%m/%Y", "%y.%m.%d",
    "%Y年%m月%d日", "%Y_%m_%d", "%d %m %Y", "%Y %m %d", "den %d. %B %Y",
]  # fmt: skip
OF_MINUTES = [
    "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S.%f", "%d.%m.%Y %H:%M", "%d.%m.%Y, %H:%M Uhr", "%m/%d/%Y %I:%M %p",
    "%m/%d/%y %I:%M%p", "%Y%m%d%H%M%S", "%a %b %d %H:%M:%S %Y", "%d/%b/%Y:%H:%M:%S +0000", "%Y-%m-%dT%H:%M:%SZ",
    "%a, %d %b %Y %H:%M:%S GMT", "%Y/%m/%d %H:%M:%S",
    "%Y%m%dT%H%M", "%Y%m%dT%H%M%SZ", "%d/%m/%Y à %Hh%M", "%Y-%m-%d %H:%M:%S [Europe/Berlin]",
    "%Y-%m-%dT%H:%M:%S+00:00[UTC/UTC]", "%Y:%m:%d %H:%M:%S", "%Y%m%d_%H%M", "%Y-%m-%d_%H-%M-%S",
    "%Y-%m-%d-%H.%M.%S.000000", "%Y-%m-%d-%H-%M", "%d.%m.%Y %H.%M",
    "%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)",
]  # fmt: skip


def read(texts):
    form = dates.decide(Counter(texts))
    assert form is not None
    return [form.read(text) for text in texts]


@pytest.mark.parametrize("spelling", OF_DAYS)
def test_days_in_any_spelling(spelling):
    expected = [datetime(m.year, m.month, m.day) for m in MOMENTS]
    texts = [m.strftime(spelling) for m in MOMENTS]
    for case in (str, str.upper, str.lower):
        assert [moment for moment, _ in read([*map(case, texts)])] == expected


@pytest.mark.parametrize("spelling", OF_MINUTES)
def test_minutes_in_any_spelling(spelling):
    assert read([m.strftime(spelling) for m in MOMENTS]) == [(m, 0.0) for m in MOMENTS]


def test_halves_of_the_day_with_blanks_and_hours_alone():
    assert read(["14/06/2022 1:12 p. m.", "14/06/2022 11 Uhr"]) == [
        (datetime(2022, 6, 14, 13, 12), 0.0),
        (datetime(2022, 6, 14, 11), 0.0),
    ]


NAMES = {
    "German": GERMAN,
    "French": FRENCH,
    "Polish": POLISH,
    "Russian": RUSSIAN,
    "Turkish": "Ocak Şubat Mart Nisan Mayıs Haziran Temmuz Ağustos Eylül Ekim Kasım Aralık".split(),
    "Czech": "ledna února března dubna května června července srpna září října listopadu prosince".split(),
    "Greek": """Ιανουαρίου Φεβρουαρίου Μαρτίου Απριλίου Μαΐου Ιουνίου Ιουλίου Αυγούστου Σεπτεμβρίου Οκτωβρίου
        Νοεμβρίου Δεκεμβρίου""".split(),
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_months_of_other_languages(names):
    texts = [f"{m.day} {names[m.month - 1]} {m.year}" for m in MOMENTS]
    assert [(moment.month, moment.day) for moment, _ in read(texts)] == [(m.month, m.day) for m in MOMENTS]


@pytest.mark.parametrize("spelling", ["%Y-%m", "%m/%Y", "%b %Y", "%B %Y", "%m.%Y", "%b-%y", "%b '%y"])
def test_months_are_their_first_day(spelling):
    assert [moment for moment, _ in read([m.strftime(spelling) for m in MOMENTS])] == [
        datetime(m.year, m.month, 1) for m in MOMENTS
    ]


@pytest.mark.parametrize(
    "spelling", ["{y}Q{q}", "Q{q} {y}", "{y}-Q{q}", "Q{q}/{y}", "{q}Q{s}", "Q{q} '{s}", "{q}. Quartal {y}"]
)
def test_quarters_are_their_first_day(spelling):
    given = [(m.year, (m.month + 2) // 3) for m in MOMENTS]
    texts = [spelling.format(y=y, q=q, s=y % 100) for y, q in given]
    assert [moment for moment, _ in read(texts)] == [datetime(y, 3 * q - 2, 1) for y, q in given]


@pytest.mark.parametrize(
    ("text", "month"), [("2020M05", 5), ("2020年5月", 5), ("2T2020", 4), ("T3 2020", 7), ("H2 2020", 7), ("S1/2020", 1)]
)
def test_periods_of_other_lengths_are_their_first_day(text, month):
    assert read([text, text.replace("2020", "2021")])[0] == (datetime(2020, month, 1), 0.0)


def test_years_of_an_emperor():
    assert read(["令和4年6月29日", "平成元年1月8日"]) == [(datetime(2022, 6, 29), 0.0), (datetime(1989, 1, 8), 0.0)]


@pytest.mark.parametrize("spelling", ["%d.%m.", "%d %b", "%B %d", "%d-%b", "%m/%d"])
def test_dates_without_years_are_days_of_one_year(spelling):
    texts = [m.strftime(spelling) for m in MOMENTS]
    assert [moment for moment, _ in read(texts)] == [datetime(2000, m.month, m.day) for m in MOMENTS]
    assert "dates without years" in dates.decide(Counter(texts)).notes


def test_two_figures_beside_a_month_are_years_where_one_is_no_day():
    assert read(["20-Jan", "85-Feb"]) == [(datetime(2020, 1, 1), 0.0), (datetime(1985, 2, 1), 0.0)]
    texts = [f"{month}/{year}" for month in range(1, 13) for year in (86, 87)]
    assert read(texts)[:2] == [(datetime(1986, 1, 1), 0.0), (datetime(1987, 1, 1), 0.0)]


@pytest.mark.parametrize("spelling", ["%d%m%y", "%m%d%y", "%y%m%d", "%d%m%Y", "%m%d%Y"])
def test_figures_alone_are_dates_where_nothing_else_would_look_so(spelling):
    texts = [m.strftime(spelling) for m in MOMENTS]
    form = dates.decide_figures(Counter(texts))
    assert dates.decide_figures(Counter([*texts, "soon"])) == form
    for given in (texts, [text.removeprefix("0") for text in texts]):
        assert [form.read(text)[0] for text in given] == [datetime(m.year, m.month, m.day) for m in MOMENTS]


@pytest.mark.parametrize(
    "texts",
    [
        [f"{n}" for n in range(110_001, 110_040)],
        ["010120", "310120"],
        [f"01{month:02}{year:02}" for month in range(1, 13) for year in range(40)],
        [f"{n:06}" for n in range(0, 990_000, 7919)],
    ],
    ids=["post codes", "too few", "always the first", "any numbers"],
)
def test_figures_that_are_no_dates(texts):
    assert dates.decide_figures(Counter(texts)) is None


@pytest.mark.parametrize("spelling", ["{y}-W{w:02d}", "{y}W{w:02d}", "W{w} {y}", "KW {w}/{y}", "{y}-W{w:02d}-1"])
def test_weeks_are_their_Monday(spelling):
    given = [m.isocalendar()[:2] for m in MOMENTS]
    assert [moment for moment, _ in read([spelling.format(y=y, w=w) for y, w in given])] == [
        datetime.fromisocalendar(y, w, 1) for y, w in given
    ]


@pytest.mark.parametrize(
    ("text", "hours"),
    [("+02:00", 2), ("+0200", 2), ("-05:30", -5.5), ("Z", 0), (" UTC", 0), (" EST", -5), (" GMT+1", 1), (" CEST", 2)],
)
def test_zones(text, hours):
    for start in ("2020-01-31T10:00:00", "31.01.2020 10:00"):
        assert read([start + text]) == [(datetime(2020, 1, 31, 10), 3600 * hours)]


@pytest.mark.parametrize(
    ("texts", "first", "note"),
    [
        (["01/02/2020", "13/02/2020"], (2, 1), "day, month, year"),
        (["01/02/2020", "02/13/2020"], (1, 2), "month, day, year"),
        (["01/02/2020", "03/04/2020"], (1, 2), "no date of the column tells day and month apart"),
        (["01/02/2020", "01/03/2020"], (2, 1), "day, month, year"),
        (["02/01/2020", "03/01/2020"], (2, 1), "month, day, year"),
        (["01.02.2020", "03.04.2020"], (2, 1), "day, month, year"),
        (["31-01-20", "01-02-20"], (1, 31), "day, month, year"),
        (["99-12-31", "98-01-02"], (12, 31), "year, month, day"),
    ],
)
def test_the_column_tells_day_and_month_apart_or_a_sentence_says_that_it_cannot(texts, first, note):
    form = dates.decide(Counter(texts))
    moment, _ = form.read(texts[0])
    assert (moment.month, moment.day) == first
    assert note in form.notes[0]


@pytest.mark.parametrize(
    "texts",
    [
        ["2020-13-01", "2020-01-02"],
        ["1.2.3", "2.0.1"],
        ["May", "June"],
        ["town 5", "town 7"],
        ["12", "13"],
        ["20201399", "20200101"],
        ["12:30", "13:45"],
        ["1970", "2020"],
        ["5/2", "3/4"],
        [f"{made}/{tried}" for made in range(1, 12) for tried in range(made, 20)],
        ["1.2.", "3.4.", "11.2."],
        ["2 set", "3 set"],
        ["S1 1234", "S2 1300"],
        ["Mark 5 2020", "Mark 6 2020"],
    ],
)
def test_what_is_no_date(texts):
    assert dates.decide(Counter(texts)) is None


def test_one_other_cell_does_not_change_the_column():
    texts = [m.strftime("%d.%m.%Y") for m in MOMENTS]
    assert dates.decide(Counter([*texts, "soon"])) == dates.decide(Counter(texts))


@pytest.mark.parametrize(
    ("texts", "hours"),
    [
        (["14:30", "7:05"], [14.5, 7 + 5 / 60]),
        (["2:30 PM", "12:00 am"], [14.5, 0]),
        (["2pm", "11 a.m."], [14, 11]),
        (["23:59:30.5"], [23 + 59 / 60 + 30.5 / 3600]),
        (["14:30 Uhr", "7.05 Uhr"], [14.5, 7 + 5 / 60]),
        (["14h30", "7h05"], [14.5, 7 + 5 / 60]),
    ],
)
def test_times_of_day_are_hours(texts, hours):
    form = spans.decide(Counter(texts))
    assert isinstance(form, spans.TimeFormat)
    assert [form.read(text) for text in texts] == pytest.approx(hours)


@pytest.mark.parametrize(
    ("texts", "hours"),
    [
        (["26:15", "1:00"], [26.25, 1]),
        (["100:00:36", "0:30:00"], [100.01, 0.5]),
        (["1 day 02:00:00", "3 days 00:00:00"], [26, 72]),
        (["-1 days +02:00:00", "0 days 01:00:00"], [-22, 1]),
        (["2 days, 3:00:00", "-1:30:00"], [51, -1.5]),
        (["1h 30m", "45 min", "1 hour, 5 minutes"], [1.5, 0.75, 1 + 5 / 60]),
        (["PT1H30M", "P1D", "P1DT12H"], [1.5, 24, 36]),
        (["2 Stunden", "30 Minuten"], [2, 0.5]),
        (["1 year", "2 weeks", "3 months", "4 days"], [8766, 336, 2191.5, 96]),
        (["1 Jahr und 6 Monate", "2 ans"], [8766 + 4383, 2 * 8766]),
        (["P1Y2M", "P3D"], [8766 + 1461, 72]),
        (["3:45.5", "4:02.25"], [0.0625 + 0.5 / 3600, 4 / 60 + 2.25 / 3600]),
    ],
)
def test_durations_are_days(texts, hours):
    form = spans.decide(Counter(texts))
    assert isinstance(form, spans.DurationFormat)
    assert [24 * form.read(text) for text in texts] == pytest.approx(hours)


@pytest.mark.parametrize("texts", [["5 mm", "3 m"], ["abc"], ["5 moths"], ["12"], ["P"], ["PT"]])
def test_what_is_no_duration(texts):
    assert spans.decide(Counter(texts)) is None


def test_four_figures_are_times_of_day_where_nothing_else_would_look_so():
    texts = [m.strftime("%H%M") for m in MOMENTS]
    form = spans.decide_figures(Counter(texts))
    assert [form.read(text) for text in texts] == pytest.approx([m.hour + m.minute / 60 for m in MOMENTS])
    assert spans.decide_figures(Counter(["0067", *texts[:5]])) is None
    assert spans.decide_figures(Counter([f"{n:04}" for n in range(0, 2000, 37)])) is None
