"""The command line: tables and options that make no sense, and what it does without pandas."""

import re
import subprocess
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from commandline import DEFAULT, PEERS, mixed_frame, ranking, refused, run

from sklearn_bpfree import bench
from sklearn_bpfree.bench import cli
from sklearn_bpfree.bench.commands import bench as bench_command

# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("t.csv", {}),
        ("t.csv.gz", {"sep": ";"}),
        ("t.csv", {"sep": ";", "decimal": ","}),
        ("t.tsv", {"sep": "\t"}),
        ("t.csv", {"encoding": "utf-8-sig"}),
        ("t.parquet", {}),
    ],
)
def test_every_format_gives_the_same_table(table, name, options):
    read = bench.read_table(table(name=name, **options), "kind")
    expected = mixed_frame()
    assert read.y.tolist() == expected.pop("kind").tolist()
    pd.testing.assert_frame_equal(read.X, expected, check_dtype=False)


@pytest.mark.parametrize(
    ("target", "task", "y"),
    [
        (["a", "b"] * 30, "classifier", ["a", "b"] * 30),
        ([True, False] * 30, "classifier", [True, False] * 30),
        ([1, 2, 3] * 20, "classifier", [1, 2, 3] * 20),
        ([1, 2, None] * 20, "classifier", [1, 2] * 20),
        ([True, False, None] * 20, "classifier", [True, False] * 20),
        (pd.Categorical(["x", "y"] * 30), "classifier", ["x", "y"] * 30),
        (np.arange(60), "regressor", np.arange(60.0)),
        (np.arange(60) % 10, "regressor", np.arange(60) % 10),
        ([0.5, 1.5] * 30, "regressor", [0.5, 1.5] * 30),
    ],
)
@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_the_task_follows_the_target(table, name, target, task, y):
    read = bench.read_table(table(pd.DataFrame({"x": range(60), "y": target}), name), "y")
    assert read.task == task
    assert read.y.tolist() == list(y) and read.y.dtype != object
    assert any("Task: " + task in note for note in read.notes)
    assert len(read.X) == len(read.y)


def test_more_than_twenty_integers_are_a_quantity(table):
    for levels, task in ((20, "classifier"), (21, "regressor")):
        assert bench.read_table(table(pd.DataFrame({"x": range(400), "y": np.arange(400) % levels})), "y").task == task


def test_the_task_can_be_given(table):
    path = table(pd.DataFrame({"x": np.repeat(range(20), 3), "y": [1, 2, 3] * 20}))
    read = bench.read_table(path, "y", "regressor")
    assert read.task == "regressor" and read.y.dtype == np.float64 and read.notes == []
    assert bench.read_table(path, "x", "classifier", cv=1).task == "classifier"


def test_rows_without_target_and_rare_classes_are_left_out_and_told(table):
    frame = pd.DataFrame({"x": range(23), "y": ["a", "b"] * 10 + ["rare", None, "a"]})
    read = bench.read_table(table(frame), "y", cv=5)
    assert read.X["x"].tolist() == [*range(20), 22] and len(read.y) == 21
    assert read.notes[0] == "Left out 1 row without a target."
    assert read.notes[-1] == "Left out 1 row of 1 class (rare) with fewer rows than folds."


def test_columns_of_free_text_are_told_once_and_dates_are_none(capsys, table):
    days = pd.date_range("2020-01-01", periods=40).astype(str)
    frame = pd.DataFrame({"x": range(40), "note": [f"row {i}" for i in range(40)], "day": days, "y": ["a", "b"] * 20})
    code, out, _ = run(capsys, "bench", table(frame), "--target", "y", "--trainers", "rvfl", "--cv", "2")
    assert code == 0 and out.count("Left out column 'note': nearly every row has a text") == 1
    assert "'day'" not in out and "LeftOutWarning" not in out


BAD_TABLES = [
    ({"x": range(60), "y": ["same"] * 60}, ["--target", "y"], "has one class, same; a classifier needs two"),
    ({"x": range(60), "y": range(60)}, ["--target", "y", "--task", "classifier"], "has a class of its own in nearly"),
    (
        {"x": range(60), "y": np.arange(60) // 3},
        ["--target", "y", "--task", "classifier"],
        "has no class of at least 5 rows",
    ),
    ({"x": range(60), "y": [2.5] * 60}, ["--target", "y"], "has one value, 2.5"),
    ({"x": range(60), "y": [np.inf, 0.5] * 30}, ["--target", "y"], "has infinite values"),
    ({"x": range(60), "y": ["a", "b"] * 30}, ["--target", "y", "--task", "regressor"], "but a regressor needs numbers"),
    ({"x": [1, 2], "y": [1.5, 2.5]}, ["--target", "y"], "has 2 usable rows, but 5 folds need 10"),
    ({"x": [], "y": []}, ["--target", "y"], "has no row with a value of 'y'"),
    ({"x": [1, 2], "y": [None, None]}, ["--target", "y"], "has no row with a value of 'y'"),
    ({"y": [1, 2]}, ["--target", "y"], "has no column besides the target 'y'"),
    ({"Cost": [1], "size": [2]}, ["--target", "coost"], "no column 'coost' (did you mean 'Cost'?); its columns are C"),
    ({"x": range(20), "y": [1, 2] * 10}, [], "Say which column of"),
    ({"Y": range(20), "x": [1, 2] * 10}, ["--target", "y"], "has no column 'y' (did you mean 'Y'?)"),
    (
        {"a": [1] * 20, "b": ["u"] * 20, "y": [1, 2] * 10},
        ["--target", "y"],
        "but the target holds two different values",
    ),
    ({"x": range(20), "y": [1, 2] * 10}, ["--target", "y", "--save", "."], "--save . is a directory"),
    ({"x": range(20), "y": [1, 2] * 10}, ["--target", "y", "--save", "no/such/dir/m"], "no/such/dir/m does not exist"),
]


@pytest.mark.parametrize(("columns", "options", "message"), BAD_TABLES)
def test_tables_that_make_no_sense(capsys, table, columns, options, message):
    assert message in refused(capsys, "bench", table(pd.DataFrame(columns)), *options)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.csv", None, "cannot be read: No such file or directory."),
        ("empty.csv", b"", "cannot be read: it is empty."),
        ("binary.csv", b"\xff\xfe\x00\x01,\x80\n", "cannot be read: it is not in utf-16; give another encoding."),
        ("nul.csv", b"a,b\n" + bytes(range(256)), "cannot be read: it holds no text in an encoding that is known"),
        ("twice.csv", b"b,a,b\n1,2,3\n", "has more than one column 'b'; rename all but the target."),
        (
            "ragged.csv",
            b"a,b\n1,2\n1,2,3,4\n",
            "cannot be read: line 3 has 4 cells, but the header 2; put cells that hold commas in q",
        ),
        ("cut.parquet", b"PAR1\n1,2\n", "cannot be read: "),
    ],
)
def test_files_that_cannot_be_read(capsys, tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert message in refused(capsys, "bench", tmp_path / name, "--target", "b")


def test_cells_that_hold_lists_are_refused(capsys, table):
    path = table(pd.DataFrame({"x": range(20), "l": [[1, 2]] * 20, "y": [1, 2] * 10}), "t.parquet")
    for target in ("y", "l"):
        assert "Column 'l' of" in refused(capsys, "bench", path, "--target", target)


def test_decimals_are_numbers(table):
    frame = pd.DataFrame({"x": [Decimal("1.5"), None] * 20, "y": [Decimal("0.5"), Decimal("2.5")] * 20})
    read = bench.read_table(table(frame, "t.parquet"), "y")
    assert read.task == "regressor" and read.X["x"].dtype == np.float64


def test_infinite_values_are_taken_for_missing_and_told(table):
    frame = pd.DataFrame({"x": [np.inf, -np.inf, *range(18)], "text": ["a", "b"] * 10, "y": [1, 2] * 10})
    read = bench.read_table(table(frame), "y")
    assert "Took 2 infinite values for missing." in read.notes
    assert read.X["x"].isna().sum() == 2


def test_dates_are_no_target(capsys, table):
    path = table(pd.DataFrame({"x": range(20), "day": pd.Timestamp("2020-01-01")}), "t.parquet")
    assert "give one with classes or numbers" in refused(capsys, "bench", path, "--target", "day")


def test_table_options_need_a_table(capsys):
    assert "need a TABLE" in refused(capsys, "bench", "--target", "y")


@pytest.mark.parametrize(
    "argv",
    [
        *(["--cv", "1"], ["--cv", "x"], ["--time-limit", "0"], ["--time-limit", "x"]),
        *(["--n-jobs", "0"], ["--random-state", "-1"], ["--random-state", "99999999999"]),
    ],
)
def test_numbers_that_make_no_sense(capsys, argv):
    with pytest.raises(SystemExit) as exit:
        cli.main(["bench", *argv])
    assert exit.value.code == 2
    assert f"argument {argv[0]}: must be a" in capsys.readouterr().err


def test_two_dashes_are_no_value(capsys):
    with pytest.raises(SystemExit) as exit:
        cli.main(["bench", "t.csv", "--target=--"])
    assert exit.value.code == 2 and "argument --target: -- is no value" in capsys.readouterr().err


def test_ctrl_c_and_a_lack_of_memory_are_no_tracebacks(capsys, monkeypatch):
    for error, code, said in ((KeyboardInterrupt, 130, "interrupted"), (MemoryError, 2, "error: There is not enough")):

        def fail(*args, error=error):
            raise error

        monkeypatch.setattr(bench_command, "_tables", fail)
        found, _, err = run(capsys, "bench", "t.csv", "--target", "y")
        assert found == code and err.startswith(f"bpfree: {said}")


def test_a_reader_that_has_seen_enough_is_no_error():
    command = f"{sys.executable} -m sklearn_bpfree list | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr


WITHOUT_PANDAS = """
import sys
from importlib.machinery import PathFinder

class WithoutPandas(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] == "pandas" else super().find_spec(name, path, target)

sys.meta_path[:] = [WithoutPandas if finder is PathFinder else finder for finder in sys.meta_path]
from sklearn_bpfree.bench import cli
from sklearn_bpfree.bench.commands import bench as bench_command
from sklearn_bpfree.bench.commands import bench as bench_command
from sklearn_bpfree.bench.commands import zoo
print(cli.main(["bench", "t.csv", "--target", "y"]), cli.main(["bench", "--trainers", "dfa", "--cv", "2"]))
"""


def test_a_file_needs_pandas_and_the_bundled_tables_do_not(tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n1,2\n")
    command = [sys.executable, "-c", WITHOUT_PANDAS]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True, cwd=tmp_path)
    message = 'Reading a table needs pandas and pyarrow; run pip install "sklearn-bpfree[table]".'
    assert done.stderr.splitlines()[0] == f"bpfree: error: {message}"
    assert done.stdout.startswith("breast_cancer: 569 rows, 30 columns, 2 folds.\n")
    assert "\ndiabetes: 442 rows, 10 columns, 2 folds.\n" in done.stdout
    needs_pandas = {"CatBoostClassifier", "CatBoostRegressor"}  # it is left out where it is installed
    expected = {*PEERS["classifier"], *PEERS["regressor"], DEFAULT, "dfa"} - needs_pandas
    assert set(ranking(done.stdout)) - needs_pandas == expected
    assert len(re.findall(r"^Best: (dfa|tabular_pipeline) 0\.", done.stdout, re.M)) == 2
    assert done.stdout.splitlines()[-1] == "2 0"
