"""Files in many forms against the one table that they hold."""

import bz2
import gzip
import lzma
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest

from sklearn_bpfree.bench import BenchError, frames, memory, read_table
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
    "what separates is said in quotes": '"sep=;"\n' + SEMICOLONS,
    "comments below": COMMAS + "# checked by hand, twice\n",
    "remarks below": COMMAS + "\nSource: Office of Statistics\n3 rows affected\n",
    "sums below": COMMAS + "Total,,6\n",
    "German sums below": SEMICOLONS + "Summe:;;6\n\n",
    "the header once more, as of files put together": COMMAS.replace("2.5,Ulm", '"size (l, w, h)",Ort,out\n2.5,Ulm'),
    "a table of Markdown": "| size (l, w, h) | Ort | out |\n|---|---|---|\n| 1.5 | Köln, am Rhein | 1 |\n"
    "| 2.5 | Ulm | 2 |\n| -3.0 | Rom | 3 |\n",
    "a table of psql": " size (l, w, h) | Ort | out\n------+-----+-----\n 1.5 | Köln, am Rhein | 1\n"
    " 2.5 | Ulm | 2\n -3.0 | Rom | 3\n(3 rows)\n",
    "a table of MySQL": "+---+---+---+\n| size (l, w, h) | Ort | out |\n+---+---+---+\n| 1.5 | Köln, am Rhein | 1 |\n"
    "| 2.5 | Ulm | 2 |\n| -3.0 | Rom | 3 |\n+---+---+---+\n",
    "carets": TABLE.to_csv(index=False, sep="^"),
    "titles with separators, as of Excel": "Our table;;\n;;\n" + SEMICOLONS,
    "names of groups above the names": "sizes;places;\n".replace("places", "") + SEMICOLONS,
    "single quotes": "'size (l, w, h)','Ort','out'\n1.5,'Köln, am Rhein',1\n2.5,'Ulm',2\n-3,'Rom',3\n",
    "blanks, names in quotes": '"size (l, w, h)" "Ort" "out"\n1.5 "Köln, am Rhein" 1\n2.5 "Ulm" 2\n-3 "Rom" 3\n',
    "JSON of records": TABLE.to_json(orient="records"),
    "JSON of lines": TABLE.to_json(orient="records", lines=True),
    "JSON of columns": TABLE.to_json(),
    "JSON in parts": TABLE.to_json(orient="split"),
    "JSON with the table inside": '{"status": "ok", "data": ' + TABLE.to_json(orient="records") + "}",
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


def test_a_broken_character_does_not_change_the_encoding(tmp_path):
    frame, notes = read(tmp_path, COMMAS.replace("Rom", "Orléans").encode() + b"7,\xff,4\n")
    assert frame["Ort"].tolist() == ["Köln, am Rhein", "Ulm", "Orléans", "\ufffd"]
    assert notes == ["Read in UTF-8, though 1 of its characters are broken (change it with --encoding)."]


def test_backslashes_before_quotes_are_no_part_of_the_text(tmp_path):
    frame, _ = read(tmp_path, 'size,said\n1,"\\"yes\\", twice"\n2,"no"\n')
    assert frame["said"].tolist() == ['"yes", twice', "no"]
    frame, _ = read(tmp_path, 'size,path\n1,"C:\\dir\\",\n2,"D:\\"\n')
    assert frame["path"].tolist() == ["C:\\dir\\", "D:\\"]


def test_names_may_be_missing_above_numbers(tmp_path):
    frame, notes = read(tmp_path, ",,kind\n1,a,x\n2,b,y\n")
    assert [*frame] == ["Unnamed: 0", "Unnamed: 1", "kind"] and len(frame) == 2 and not notes


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


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "zip", "parquet"])
def test_a_small_file_that_would_fill_the_memory_is_refused_before_it_does(tmp_path, monkeypatch, kind):
    path = tmp_path / f"table.{kind}"
    text = "a,b\n" + "1,2\n" * 300_000
    if kind == "parquet":
        pd.DataFrame({"a": np.ones(200_000), "b": np.ones(200_000)}).to_parquet(path)
    elif kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("table.csv", text)
    else:
        path.write_bytes({"gz": gzip, "bz2": bz2, "xz": lzma}[kind].compress(text.encode()))
    assert path.stat().st_size < 2**16 and len(read_frame(str(path))[0]) >= 200_000
    monkeypatch.setattr(memory, "memory", lambda: 2**22)
    monkeypatch.setattr(frames, "PIECE", 2**16)
    with pytest.raises(BenchError, match=r"cannot be read: it (unpacks to more than|has 200000 rows and 2 columns)"):
        read_frame(str(path))


def test_archives(tmp_path):
    path = tmp_path / "table.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("folder/table.csv", SEMICOLONS)
    pd.testing.assert_frame_equal(read_frame(str(path))[0], TABLE, check_dtype=False)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("README.txt", "Read me.")
        archive.writestr("folder/.hidden.csv", "x")
    assert read_frame(str(path))[1] == ["Read 'folder/table.csv', the one table of the archive."]
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("other.csv", SEMICOLONS)
    with pytest.raises(BenchError, match="it holds 3 files"):
        read_frame(str(path))


@pytest.mark.parametrize("kind", ["parquet", "feather", "json", "jsonl"])
@pytest.mark.parametrize("ending", ["csv", "own"])
def test_typed_files_are_known_by_what_is_in_them(tmp_path, kind, ending):
    path = tmp_path / f"table.{kind if ending == 'own' else ending}"
    {
        "parquet": TABLE.to_parquet,
        "feather": TABLE.to_feather,
        "json": TABLE.to_json,
        "jsonl": lambda path: TABLE.to_json(path, orient="records", lines=True),
    }[kind](path)
    pd.testing.assert_frame_equal(read_frame(str(path))[0], TABLE, check_dtype=False, check_index_type=False)


def test_stata(tmp_path):
    TABLE.rename(columns={"size (l, w, h)": "size"}).to_stata(tmp_path / "t.dta", write_index=False)
    assert read_frame(str(tmp_path / "t.dta"))[0]["Ort"].tolist() == TABLE["Ort"].tolist()


@pytest.mark.parametrize("ending", ["xlsx", "ods"])
def test_workbooks(tmp_path, ending):
    pytest.importorskip("openpyxl" if ending == "xlsx" else "odf")
    path = tmp_path / f"table.{ending}"
    TABLE.to_excel(path, index=False)
    frame, notes = read_frame(str(path))
    pd.testing.assert_frame_equal(frame, TABLE, check_dtype=False)
    assert notes == [] and [dtype.kind for dtype in frame.dtypes if dtype.kind in "if"] == ["f", "i"]
    with pd.ExcelWriter(path) as writer:
        pd.DataFrame({"Read me": ["by hand"]}).to_excel(writer, sheet_name="about", index=False)
        below = pd.concat([TABLE, pd.DataFrame([["Total", None, 6]], columns=TABLE.columns)])
        below.to_excel(writer, sheet_name="data", index=False, startrow=3, startcol=2)
        pd.DataFrame([["Our table"]]).to_excel(writer, sheet_name="data", index=False, header=False)
    frame, notes = read_frame(str(path))
    pd.testing.assert_frame_equal(frame, TABLE, check_dtype=False)
    assert (
        "the sheet 'data', the largest; the others are 'about'" in notes[0]
        and "the first line, which is no" in notes[1]
    )


def test_what_a_workbook_needs_is_said(tmp_path, monkeypatch):
    pytest.importorskip("openpyxl")
    TABLE.to_excel(tmp_path / "t.xlsx", index=False)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(BenchError, match=r"t\.xlsx cannot be read without openpyxl .*; install it by pip\.$"):
        read_frame(str(tmp_path / "t.xlsx"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<!DOCTYPE html>\n<html><body>Log in</body></html>", "it is a web page"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "it is a pointer .* run git lfs pull"),
        ("a:b\n1:2\n1:x,y\n", "line 3 has 2 cells, but the header 1; put .* or separate all cells by one of commas"),
        ("", "it is empty"),
        ("%PDF-1.4 x", "it is a PDF"),
    ],
)
def test_what_is_no_table_is_said(tmp_path, content, message):
    with pytest.raises(BenchError, match=f"cannot be read: {message}"):
        read(tmp_path, content)


def test_half_of_a_json_text_is_refused(tmp_path):
    with pytest.raises(BenchError, match="it is no whole JSON text"):
        read(tmp_path, TABLE.to_json()[:-9], "table.json")


def test_a_file_without_names_is_noticed_and_can_be_read(tmp_path):
    rows = COMMAS.split("\n", 1)[1]
    _, notes = read(tmp_path, rows)
    assert notes == ["The first line looks like a row, not like names; if it is one, say --no-header."]
    with pytest.raises(BenchError, match=r"has no column 'out'; .* say --no-header"):
        read_table(str(tmp_path / "table.csv"), "out")
    for text in (rows, "# by hand\n" + rows, "sep=,\n" + rows):
        (tmp_path / "table.csv").write_text(text)
        frame, notes = read_frame(str(tmp_path / "table.csv"), has_header=False)
        pd.testing.assert_frame_equal(frame, TABLE.set_axis(["1", "2", "3"], axis=1), check_dtype=False)
    assert read(tmp_path, "country,2019,2020\nItaly,1,2\nFrance,3,4\n")[1] == []


def test_a_cell_may_be_as_long_as_it_likes(tmp_path):
    frame, _ = read(tmp_path, COMMAS.replace("Ulm", "U" * 200_000))
    assert len(frame["Ort"][1]) == 200_000


def test_names_are_the_same_in_any_normal_form(tmp_path):
    (tmp_path / "t.csv").write_text("x,gro\u0308ße\n" + "\n".join(f"{i},{i * i}" for i in range(40)), encoding="utf-8")
    assert len(read_table(str(tmp_path / "t.csv"), "gr\u00f6ße").y) == 40


def test_row_names_of_r_and_row_numbers_of_pandas_have_no_name(tmp_path):
    frame, notes = read(tmp_path, '"x","out"\n"Mazda",2,3\n"Datsun",4,5\n')
    assert frame.columns.tolist() == ["Unnamed: 0", "x", "out"] and "names of the rows" in notes[0]
    assert read(tmp_path, TABLE.to_csv())[0].columns.tolist() == ["Unnamed: 0", *TABLE.columns]
    table = '"x" "town"\n"1" 2.5 "Köln, am Rhein"\n"2" 3.5 "Ulm"\n'  # of write.table
    assert read(tmp_path, table)[0].columns.tolist() == ["Unnamed: 0", "x", "town"]


def test_lines_that_are_too_long_are_refused_and_short_ones_told(tmp_path):
    with pytest.raises(BenchError, match="line 3 has 3 cells, but the header 2; put cells that hold commas in quotes"):
        read(tmp_path, "a,b\n1,2\n1,2,3\n3,4\n5,6\n")
    frame, notes = read(tmp_path, 'a,b,c\n"1\n",2,3\n4,5\n6,7,8\n')
    assert frame["c"].isna().tolist() == [False, True, False] and "a short line lacks (line 4)" in notes[0]


def test_rows_that_look_like_rules_sums_or_tags_are_rows_where_they_may_be(tmp_path):
    frame, notes = read(tmp_path, "<NAME>,<V>\n--,1\nx,2\n--,--\n")
    assert frame.columns.tolist() == ["<NAME>", "<V>"] and len(frame) == 3 and notes == []
    frame, notes = read(tmp_path, "size,v\ntotal,1\naverage,2\nx,3\ntotal,4\n")
    assert len(frame) == 4 and notes == []
    frame, notes = read(tmp_path, "town,v\nUlm,1\nRom,2\nTotal,3\n")
    assert len(frame) == 2 and "line 4" in notes[0]


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


def target(tmp_path, cells, task="auto"):
    (tmp_path / "t.csv").write_text("x,y\n" + "\n".join(f"{i},{cell}" for i, cell in enumerate(cells)))
    return read_table(str(tmp_path / "t.csv"), "y", task)


def test_dates_are_no_target_but_may_be_classes(tmp_path):
    days = [f"{i % 3 + 1}.01.2020" for i in range(60)]
    with pytest.raises(BenchError, match=r"The target 'y' holds dates; .* say --task classifier"):
        target(tmp_path, days)
    assert sorted(set(target(tmp_path, days, "classifier").y)) == ["1.01.2020", "2.01.2020", "3.01.2020"]


def test_durations_and_several_words_for_yes_are_targets(tmp_path):
    table = target(tmp_path, [f"{i}:30:00" for i in range(60)])
    assert table.task == "regressor" and "durations, in days" in table.notes[0]
    np.testing.assert_allclose(table.y, (np.arange(60) + 0.5) / 24)
    table = target(tmp_path, [["yes", "NO", "y", "no", ""][i % 5] for i in range(60)])
    assert table.y.tolist() == [bool(i % 2 == 0) for i in range(60) for i in [i % 5] if i < 4]
    assert "yes and no in several words" in table.notes[0]


def test_a_class_for_each_row_is_refused(tmp_path):
    with pytest.raises(BenchError, match="has a class of its own in nearly every row"):
        target(tmp_path, [f"town {i}" for i in range(60)])
