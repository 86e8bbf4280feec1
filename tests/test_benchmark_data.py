"""benchmarks/data.py writes tables that its loader reads, and only files that are the measured ones."""

import hashlib
import runpy
import sys
from pathlib import Path

import pytest

pytest.importorskip("pandas")
BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
ROWS = "".join(f"{i % 3},{100 + i},0,{i},0,30.5,0.{i},{20 + i},{i % 2}\n" for i in range(1, 41))


@pytest.fixture
def data(monkeypatch, tmp_path):
    """A function that writes a folder of given tables from a file of pima's kind; the exit code."""
    script = runpy.run_path(str(BENCHMARKS / "data.py"))
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "pima.csv").write_text(ROWS)

    def data(sets, known=True):
        source = script["SOURCES"]["pima"]
        if known:
            script["SOURCES"]["pima"] = source._replace(sha256=hashlib.sha256(ROWS.encode()).hexdigest())
        monkeypatch.setattr(sys, "argv", ["data.py", str(tmp_path / "out"), "--sets", sets, "--raw", str(raw)])
        return script["main"]()

    return data


def test_the_loader_reads_what_was_written(data, tmp_path):
    assert not data("pima")
    loader = runpy.run_path(str(tmp_path / "out" / "loader.py"))
    X, y, task = loader["load"]("pima")
    assert loader["names"]() == ["pima"] and task == "binary" and X.shape == (40, 8) and set(y) == {0, 1}
    assert X["pressure"].isna().all() and X["insulin"].isna().all()  # zeros that cannot be
    assert X["pregnant"].eq(0).any()  # and one that can
    X, X_test, y, y_test = loader["split"]("pima", 0)
    assert len(X) == len(y) == 30 and y_test.mean() == 0.5
    assert loader["standard"](X).fit(X).transform(X_test).shape == (10, 8)


def test_a_file_with_another_sum_is_named_and_not_written(data, tmp_path, capsys):
    assert data("pima", known=False)
    err = capsys.readouterr().err
    assert err.startswith("pima cannot be had: its sha256 sum is ") and err.count("\n") == 1
    assert not (tmp_path / "out" / "pima.csv.gz").exists()


def test_what_is_missing_keeps_nothing_else_from_being_written(data, tmp_path, capsys):
    assert data("mnist,pima")
    assert capsys.readouterr().err.startswith("mnist cannot be had: ")
    assert (tmp_path / "out" / "pima.csv.gz").exists()
