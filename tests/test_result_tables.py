"""Tables that stand in the README, the site and the families' READMEs are those that the results files give."""

import math
import re
import runpy
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def tables(monkeypatch):
    """benchmarks/tables.py, as it is when it runs."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    tables = runpy.run_path(str(BENCHMARKS / "tables.py"))
    yield tables | vars(sys.modules["zoo_tables"])
    for name in ("results", "zoo_tables", "other_tables"):
        sys.modules.pop(name, None)


@pytest.fixture
def measured(tables, monkeypatch, tmp_path):
    """A function that makes the given rows the results of the zoo."""

    def measured(*rows):
        names = ("set", "trainer", "split", "score", "times_mlp", "ended", "passes", "commit", "versions", "machine")
        made = [dict(zip(names, [*row, *[""] * (len(names) - len(row))], strict=True)) for row in rows]
        sys.modules["results"].write("zoo", made, names[:3])

    monkeypatch.setattr(sys.modules["results"], "FOLDER", tmp_path)
    return measured


def test_no_table_is_stale(tables):
    names = [str(page.relative_to(BENCHMARKS.parent)) for page in tables["stale"]()]
    assert not names, f"run: python benchmarks/tables.py, which writes {', '.join(names)} anew"


def test_every_begun_table_is_ended(tables):
    for page in tables["pages"]():
        text = page.read_text(encoding="utf-8")
        assert len(re.findall("<!-- table:", text)) == len(tables["MARKED"].findall(text)), page


def test_a_table_is_filled_between_its_marks_and_nothing_else_moves(tables, measured):
    measured(("digits", "MLP", "0", "0.9", "1.00"), ("digits", "dfa", "0", "0.95", "0.50", "interrupted", "7"))
    text = tables["filled"]("before\n<!-- table: zoo -->\nold\n<!-- /table -->\nafter")
    lines = text.splitlines()
    assert lines[0] == "before" and lines[-1] == "after" and "old" not in text
    assert "| dfa | .50 | .950* | .50 |" in lines
    assert "| MLP | 1.00 | .900 | 1.00 |" in lines


def test_an_error_is_compared_on_the_same_splits_and_only_where_every_table_has_a_score(tables, measured):
    measured(
        ("digits", "MLP", "0", "0.9", "1"),
        ("digits", "MLP", "1", "0.8", "1"),
        ("pima", "MLP", "0", "0.7", "1"),
        ("digits", "dfa", "1", "0.9", "1"),
        ("pima", "dfa", "0", "0.4", "1"),
        ("digits", "fa", "0", "0.9", "1"),
    )
    found, sets = tables["measured"]()
    assert sets == ["digits", "pima"]
    mean, error = tables["errors"](found["dfa"], found["MLP"], sets)
    assert mean == pytest.approx(1)  # of .5 and 2
    assert error == pytest.approx(math.log(2))  # of log .5 and log 2: their deviation over the root of two
    assert tables["errors"](found["fa"], found["MLP"], sets) is None


def test_rows_of_somebody_else_join_without_their_controls(tables, measured, tmp_path):
    measured(("digits", "MLP", "0", "0.9", "1"), ("digits", "walk", "0", "0.1", "1"))
    theirs = tmp_path / "walk.csv"
    theirs.write_text("set,trainer,split,score,commit\ndigits,MLP,0,0.5,them\ndigits,walk,0,0.6,them\n")
    tables["join"](theirs)
    found = {row["trainer"]: (row["score"], row["commit"]) for row in sys.modules["results"].read("zoo")}
    assert found == {"MLP": ("0.9", ""), "walk": ("0.6", "them")}
