"""The page about a comparison: it stands on its own, says what the leaderboard says, and its code gives the same."""

import html
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from sklearn_bpfree.bench import cli


@pytest.fixture(scope="module")
def csv(tmp_path_factory):
    rng = np.random.default_rng(0)
    n = 90
    size, colour = rng.normal(size=n), rng.choice(["red & <b>blue</b>", "green"], n)
    frame = pd.DataFrame({"size": size, "colour": colour, "noise": rng.normal(size=n)})
    frame.loc[::10, "size"] = np.nan
    frame["sold"] = np.where(size + (colour == "green") + 0.3 * rng.normal(size=n) > 0.5, "yes", "no")
    frame["price"] = 1000 * size + 100 * (colour == "green")
    frame["price"] = frame["price"].round(2)
    path = tmp_path_factory.mktemp("table") / "sales.csv"
    frame.to_csv(path, index=False)
    return path


def bench(csv, target, tmp_path, *options):
    page = tmp_path / "report.html"
    arguments = ["bench", str(csv), "--target", target, "--cv", "2", "--trainers", "dfa,rvfl", "--report", str(page)]
    assert cli.main([*arguments, *options]) == 0
    return page.read_text(encoding="utf-8")


class WellFormed(HTMLParser):
    """Fails on a tag that is closed but was not open, or left open."""

    VOID = ("meta", "br")

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
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
    assert not re.search(r"(src|href)=\"(?!#)", page.replace("xlink:href", "href"))
    assert "<script" not in page and "red & <b>" not in page
    score = re.search(r"dfa \* +(-?[\d.]+) ±", told)[1]
    assert f"<td>dfa</td><td>{score}</td>" in page
    assert page.count("<svg") == (3 if target == "sold" else 4)
    assert ("Calibration" in page) == (target == "sold")


@pytest.mark.parametrize("target", ["sold", "price"])
def test_the_code_of_the_page_gives_the_line_of_the_leaderboard(csv, target, tmp_path, capsys):
    page = bench(csv, target, tmp_path)
    capsys.readouterr()
    code = html.unescape(re.search(r"<pre><code>(.*?)</code></pre>", page, re.S)[1])
    exec(compile(code, "report.html", "exec"), {})
    mean = float(capsys.readouterr().out.split()[0])
    first = re.search(r"<td>1</td><td>[^<]+</td><td>(-?[\d.]+)</td>", page)[1]
    assert f"{mean:.4f}" == first


def test_what_cannot_be_written_is_said_before_the_work(csv, tmp_path, monkeypatch, capsys):
    arguments = ["bench", str(csv), "--target", "sold", "--report"]
    assert cli.main([*arguments, str(tmp_path / "nowhere" / "report.html")]) == 2
    assert "directory of --report" in capsys.readouterr().err
    monkeypatch.setattr(cli, "find_spec", lambda name: None)
    assert cli.main([*arguments, str(tmp_path / "report.html")]) == 2
    assert 'pip install "sklearn-bpfree[plot]"' in capsys.readouterr().err
