"""`bpfree columns`: a line for each column of a file."""

import numpy as np
import pandas as pd
from commandline import refused, run

N = 40
FRAME = pd.DataFrame(
    {
        "amount": [f"${1000 + 7 * i:,}" for i in range(N)],
        "day": pd.date_range("2020-01-20", periods=N).strftime("%d.%m.%Y"),
        "colour\x1b[31m": ["red", "green"] * (N // 2),
        "note": [f"a remark of its own, number {i * i % 97} of {i}" for i in range(N)],
    }
)


def test_each_column_has_its_kind_and_why(capsys, table):
    path = table(FRAME)
    code, out, _ = run(capsys, "columns", path)
    title, header, _, *lines = out.splitlines()
    assert code == 0 and title == f"{path}: 40 rows, 4 columns." and header.split() == ["column", "kind", "note"]
    assert [line.split()[:2] for line in lines[:3]] == [["amount", "number"], ["day", "date"], ["colour", "category"]]
    assert lines[3].startswith("note") and "left out" in lines[3] and "\x1b" not in out


def test_a_file_that_is_none_is_refused(capsys):
    assert "it is a device; give a file" in refused(capsys, "columns", "/dev/zero")


def test_a_file_without_names_has_its_columns_numbered(capsys, table):
    path = table(FRAME, "bare.csv", header=False)
    _, out, _ = run(capsys, "columns", path, "--no-header")
    assert [line.split()[0] for line in out.splitlines()[3:]] == ["1", "2", "3", "4"] and "40 rows" in out


def test_the_target_shows_which_integers_are_codes(capsys, table):
    shops = np.repeat(np.arange(30), 40)
    sales = np.random.default_rng(0).permutation(30)[shops] + np.arange(len(shops)) / 1e4
    path = table(pd.DataFrame({"shop": shops, "week": np.tile(np.arange(40), 30), "sales": sales}))
    _, out, _ = run(capsys, "columns", path)
    assert "shop    number" in out
    _, out, _ = run(capsys, "columns", path, "--target", "sales")
    title, task, _, _, shop, week = out.splitlines()
    assert title.endswith("1200 rows, 2 columns besides the target.") and "Task: regressor" in task
    assert shop.split()[:2] == ["shop", "category"] and "so each is a level" in shop and week.split()[1] == "number"
    assert "has no column 'sale' (did you mean 'sales'?)" in refused(capsys, "columns", path, "--target", "sale")
