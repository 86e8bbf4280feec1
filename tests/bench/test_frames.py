"""Files in many forms against the one table that they hold."""

import bz2
import gzip
import lzma
import zipfile

import numpy as np
import pandas as pd
import pytest

from sklearn_bpfree.bench import BenchError, read_table
from sklearn_bpfree.bench.frames import read_frame

TABLE = pd.DataFrame({"size (l, w, h)": [1.5, 2.5, -3.0], "Ort": ["Köln, am Rhein", "Ulm", "Rom"], "out": [1, 2, 3]})
COMMAS, SEMICOLONS = TABLE.to_csv(index=False), TABLE.to_csv(index=False, sep=";")

TEXTS = {
    "commas": COMMAS,
    "semicolons, commas in the header and in cells": SEMICOLONS,
    "tabs": TABLE.to_csv(index=False, sep="\t"),
    "bars": TABLE.to_csv(index=False, sep="|"),
    "decimal commas": TABLE.to_csv(index=False, sep=";", decimal=","),
    "a blank after each comma, before a quote, too": '"size (l, w, h)", Ort, out\n1.5, "Köln, am Rhein", 1\n'
    "2.5, Ulm, 2\n-3, Rom, 3\n",
    "what separates is said in the first line": "sep=;\n" + SEMICOLONS,
    "lines end as on Windows": COMMAS.replace("\n", "\r\n"),
    "lines end as on old Macs": COMMAS.replace("\n", "\r"),
    "no end of the last line": COMMAS.rstrip("\n"),
    "empty lines": COMMAS.replace("\n", "\n\n"),
    "separators at the ends of all lines": SEMICOLONS.replace("\n", ";\n"),
    "separators at the ends of the rows": SEMICOLONS.replace("\n", ";\n").replace(";\n", "\n", 1),
    "comments above": "# made by hand\n# on Monday\n" + COMMAS,
    "a title above": "Our table\n\n" + SEMICOLONS,
    "everything in quotes": TABLE.to_csv(index=False, quoting=1),
}  # fmt: skip


def read(tmp_path, content, name="table.csv", encoding=None):
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return read_frame(str(tmp_path / name), encoding)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_text_in_any_form_is_the_table(tmp_path, text):
    frame, _ = read(tmp_path, text)
    pd.testing.assert_frame_equal(frame, TABLE, check_dtype=False)
    assert [dtype.kind for dtype in frame.dtypes if dtype.kind in "if"] == ["f", "i"]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"]
)
def test_encodings_are_found_out(tmp_path, encoding):
    frame, notes = read(tmp_path, COMMAS.encode(encoding))
    pd.testing.assert_frame_equal(frame, TABLE, check_dtype=False)
    assert len(notes) == (encoding in ("cp1252", "latin-1"))


def test_an_encoding_can_be_given(tmp_path):
    text = "ключ;out\nда;1\nнет;2\n"
    frame, _ = read(tmp_path, text.encode("cp1251"), encoding="cp1251")
    assert frame.columns.tolist() == ["ключ", "out"] and frame["ключ"].tolist() == ["да", "нет"]
    with pytest.raises(BenchError, match="'klingon' is no encoding"):
        read(tmp_path, text, encoding="klingon")
    with pytest.raises(BenchError, match="it is not in ascii"):
        read(tmp_path, text, encoding="ascii")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress], ids=["gz", "bz2", "xz"])
def test_packed_texts(tmp_path, pack):
    for name in ("table.csv.packed", "table.csv"):
        pd.testing.assert_frame_equal(read(tmp_path, pack(COMMAS.encode()), name)[0], TABLE, check_dtype=False)


def test_archives(tmp_path):
    path = tmp_path / "table.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("folder/table.csv", SEMICOLONS)
    pd.testing.assert_frame_equal(read_frame(str(path))[0], TABLE, check_dtype=False)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("other.csv", SEMICOLONS)
    with pytest.raises(BenchError, match="it holds 2 files"):
        read_frame(str(path))


@pytest.mark.parametrize("ending", ["parquet", "feather", "json", "jsonl"])
def test_typed_files(tmp_path, ending):
    path = tmp_path / f"table.{ending}"
    {
        "parquet": TABLE.to_parquet,
        "feather": TABLE.to_feather,
        "json": TABLE.to_json,
        "jsonl": lambda path: TABLE.to_json(path, orient="records", lines=True),
    }[ending](path)
    pd.testing.assert_frame_equal(read_frame(str(path))[0], TABLE, check_dtype=False, check_index_type=False)


def test_row_names_of_r_and_row_numbers_of_pandas_have_no_name(tmp_path):
    frame, notes = read(tmp_path, '"x","out"\n"Mazda",2,3\n"Datsun",4,5\n')
    assert frame.columns.tolist() == ["Unnamed: 0", "x", "out"] and "names of the rows" in notes[0]
    assert read(tmp_path, TABLE.to_csv())[0].columns.tolist() == ["Unnamed: 0", *TABLE.columns]


def test_lines_that_are_too_long_are_refused_and_short_ones_told(tmp_path):
    with pytest.raises(BenchError, match="line 3 has 3 cells, but the header 2; put cells that hold commas in quotes"):
        read(tmp_path, "a,b\n1,2\n1,2,3\n3,4\n5,6\n")
    frame, notes = read(tmp_path, 'a,b,c\n"1\n",2,3\n4,5\n6,7,8\n')
    assert frame["c"].isna().tolist() == [False, True, False] and "1 short lines lack (line 4)" in notes[0]


def test_names_that_stand_twice_are_told(tmp_path):
    frame, notes = read(tmp_path, "a,b,a\n1,2,3\n4,5,6\n")
    assert frame.columns.tolist() == ["a", "b", "a.1"] and "'a'" in notes[0]


def test_cells_stay_as_they_are_written_where_they_are_more_than_numbers(tmp_path):
    frame, _ = read(tmp_path, "a;b;c;d;e;f\n$1;007;?;1.234;10%;TRUE\n$2;012;5;2.500;20%;false\n$3;100;6;950;5%;true\n")
    assert [*map(str, frame.loc[0, list("abcde")])] == ["$1", "007", "?", "1.234", "10%"]
    assert frame["f"].tolist() == [True, False, True]


def test_integers_that_floats_do_not_tell_apart_stay_text(tmp_path):
    frame, _ = read(tmp_path, f"a,b\n{2**64 + 1},1\n{2**64 + 2},2\n")
    assert frame["a"].nunique() == 2


@pytest.mark.parametrize("name", ["None", "NA", "null", "n/a"])
def test_a_class_may_be_called_like_a_missing_value(tmp_path, name):
    rows = [f"{i},{[name, 'mild', 'severe'][i % 3]}" for i in range(60)]
    (tmp_path / "t.csv").write_text("x,y\n" + "\n".join(rows))
    table = read_table(str(tmp_path / "t.csv"), "y")
    assert sorted(set(table.y)) == sorted([name, "mild", "severe"]) and len(table.y) == 60
    rows = [f"{i if i % 7 else name},{[name, 'mild', 'severe'][i % 3]}" for i in range(60)]
    (tmp_path / "t.csv").write_text("x,y\n" + "\n".join(rows))
    assert len(read_table(str(tmp_path / "t.csv"), "y").y) == 40, "where it is no number among numbers it is a hole"


@pytest.mark.parametrize(
    "spelling", ["{:,}", "{} kg", "${:,}.00", "{:,} €", "{}%", "(-{})", "{}.5"], ids=lambda spelling: spelling
)
def test_amounts_are_a_quantity_to_predict(tmp_path, spelling):
    values = np.arange(1000, 1080)
    rows = [f'{i},"{spelling.format(v).replace("(-", "(")}"' for i, v in enumerate(values.tolist())]
    (tmp_path / "t.csv").write_text("x,y\n" + "\n".join(rows), encoding="utf-8")
    table = read_table(str(tmp_path / "t.csv"), "y")
    sign = -1 if "(" in spelling else 1
    assert table.task == "regressor"
    np.testing.assert_array_equal(table.y, sign * values + (0.5 if ".5" in spelling else 0))


def test_dates_are_no_target(tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n" + "\n".join(f"{i},{i % 28 + 1}.01.2020" for i in range(60)))
    with pytest.raises(BenchError, match="The target 'y' holds dates"):
        read_table(str(tmp_path / "t.csv"), "y")
