"""The page about a comparison: it stands on its own, says what the leaderboard says, and its code gives the same."""

import html
import re
from collections import Counter
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from sklearn_bpfree.bench import Fold, Model, Result, Table, cli, make_scoring, report
from sklearn_bpfree.bench.leaderboard import Leaderboard
from sklearn_bpfree.bench.report import Section, best_of_each_side, render
from sklearn_bpfree.tabular import tabular_pipeline

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")


@pytest.fixture(scope="module")
def csv(tmp_path_factory):
    rng = np.random.default_rng(0)
    n = 90
    size, colour = rng.normal(size=n), rng.choice(["red & <b>blue</b>", "green"], n)
    frame = pd.DataFrame({"size": size, "colour": colour, "noise": rng.normal(size=n), "who": np.arange(n) % 9})
    frame.loc[::10, "size"] = np.nan
    frame["sold"] = np.where(size + (colour == "green") + 0.3 * rng.normal(size=n) > 0.5, "<i>yes", "no")
    frame["price"] = 1000 * size + 100 * (colour == "green")
    frame["price"] = frame["price"].round(2)
    frame["id"] = [f"{i:03d}" for i in range(n)]
    path = tmp_path_factory.mktemp("table") / "sales.csv"
    frame.to_csv(path, index=False)
    return path


def bench(csv, target, tmp_path, *options):
    page = tmp_path / "report.html"
    arguments = ["bench", str(csv), "--target", target, "--cv", "2", "--trainers", "dfa,rvfl", "--report", str(page)]
    assert cli.main([*arguments, "--id", "id", *options]) == 0
    return page.read_text(encoding="utf-8")


class WellFormed(HTMLParser):
    """Fails on a tag that is closed but was not open, or left open."""

    VOID = ("meta", "br")

    def __init__(self):
        super().__init__()
        self.open = []
        self.seen = Counter()

    def handle_starttag(self, tag, attrs):
        self.seen[tag] += 1
        if tag == "figure":
            assert dict(attrs)["role"] == "img" and dict(attrs)["aria-label"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("target", ["sold", "price"])
def test_the_page_stands_on_its_own_and_repeats_the_leaderboard(csv, target, tmp_path, capsys):
    page = bench(csv, target, tmp_path)
    told = capsys.readouterr().out
    parser = WellFormed()
    parser.feed(page)
    assert not parser.open
    assert (
        not re.search(r"(src|href)=\"(?!#|data:image/png;base64,)", page.replace("xlink:href", "href"))
        and "url(http" not in page
    )
    assert "<script" not in page and "<b>blue" not in page and "<i>yes" not in page
    score = re.search(r"dfa \* +(-?[\d.]+ ± [\d.]+)", told)[1]
    assert f'<td class="text name">dfa</td><td>{score}</td>' in page
    assert parser.seen["figure"] == 5 and "prefers-color-scheme: dark" in page
    assert ("Calibration" in page, "Confusion matrix" in page) == (target == "sold", target == "sold")
    assert page.count("Residuals of") == (0 if target == "sold" else 4)
    classes = re.findall(r'<tr><td class="text">(.*?)</td><td>[\d.]+</td><td>[\d.]+</td><td>[\d.]+</td><td>(\d+)', page)
    assert [label for label, _ in classes] == (["&lt;i&gt;yes", "no"] if target == "sold" else [])
    assert sum(int(n) for _, n in classes) == (90 if target == "sold" else 0)


@pytest.mark.parametrize(
    ("target", "options"),
    [
        ("sold", []),
        ("price", []),
        ("sold", ["--group", "who", "--scoring", "f1", "--peers", "linear"]),
        ("price", ["--time", "noise", "--scoring", "neg_mean_absolute_error", "--peers", "mlp,dummy"]),
        ("price", ["--peers", "mlp", "--trainers", "open_es"]),
    ],
)
def test_the_code_of_the_page_gives_the_line_of_the_leaderboard(csv, target, options, tmp_path, capsys):
    page = bench(csv, target, tmp_path, *options)
    capsys.readouterr()
    code = html.unescape(re.search(r"<pre><code>(.*?)</code></pre>", page, re.S)[1])
    assert "set_aside(" in code and "'id')" in code  # the column that names the rows is no feature there either
    exec(compile(code, "report.html", "exec"), {})
    *_, mean, std = capsys.readouterr().out.split()
    first = re.search(r'<td>1</td><td class="text name">.*?</td><td>(-?[\d.]+) ± ([\d.]+)</td>', page)
    assert (f"{float(mean):.4f}", f"{float(std):.4f}") == first.groups()


EVIL = '</td><script>alert("x")</script>\x1b[31m\x9b2J&amp;'


def section(**changes):
    """A section whose every name is hostile; of two models, the better one is a peer."""
    y = np.array([EVIL + "a", EVIL + "b"])[np.arange(20) % 2]
    X = pd.DataFrame({EVIL: np.arange(20.0), "w": np.arange(20.0)[::-1]})
    table = Table(EVIL, X, y, "classifier", [EVIL])
    results = []
    for name, score, from_zoo in (
        ("worse", 0.4, True),
        ("better", 0.6, True),
        ("best", 0.8, False),
        ("poor", 0.2, False),
    ):
        rows = np.arange(20)
        P = np.full((20, 2), 0.5)
        fold = Fold(score, 0.5, 1, 0.1, Counter(), rows, P, [], {"accuracy": score}, y)
        results.append(Result(Model(name + EVIL, tabular_pipeline("classifier"), from_zoo), [fold]))
    results.append(Result(Model("failed", tabular_pipeline("classifier"), False), [], "failed: " + EVIL))
    board = Leaderboard("classifier", make_scoring(table), results, [r.model for r in results], (EVIL,))
    return Section(table, board, f"read_table({EVIL!r}, 'y', 'auto', 2)", 2, 0, **changes)


def test_no_name_reaches_the_page_as_anything_but_text():
    page = render([section()])
    parser = WellFormed()
    parser.feed(page)
    assert not parser.open and parser.seen["script"] == 0 and not set("\x1b\x9b") & set(page)
    assert page.count("&lt;script&gt;") > 8
    assert html.escape(html.escape("&")) in page  # an ampersand of a name is no escape of ours


def test_the_lines_are_in_the_order_of_the_scores_with_the_distance_to_the_best():
    page = render([section()])
    lines = re.findall(r"<td>(\d*)</td><td class=\"text name\">(\w+).*?</td><td>(.*?)</td><td>(.*?)</td>", page)
    assert [line[:2] for line in lines] == [
        ("1", "best"),
        ("2", "better"),
        ("3", "worse"),
        ("4", "poor"),
        ("", "failed"),
    ]
    assert [line[3] for line in lines] == ["", "0.2000", "0.4000", "0.6000", ""]


def test_pictures_show_the_best_of_each_side():
    assert [r.model.name.removesuffix(EVIL) for r in best_of_each_side(section().board)] == ["best", "better"]


def test_a_comparison_without_a_fold_has_a_page_too():
    given = section()
    given.board = Leaderboard("classifier", given.board.scoring, [], [r.model for r in given.board.results])
    page = render([given])
    assert "interrupted" in page and "<figure" not in page


@pytest.mark.parametrize("missing", ["matplotlib", "jinja2"])
def test_what_must_be_installed_is_said_before_the_work(csv, tmp_path, monkeypatch, capsys, missing):
    monkeypatch.setattr(report, "find_spec", lambda name: None if name == missing else True)
    page = tmp_path / "report.html"
    assert cli.main(["bench", str(csv), "--target", "sold", "--report", str(page)]) == 2
    out, err = capsys.readouterr()
    assert f'--report needs {missing}; run pip install "sklearn-bpfree[plot]"' in err and not out and not page.exists()
