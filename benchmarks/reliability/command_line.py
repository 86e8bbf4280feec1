"""Feed the command line corrupted files and odd options, and count what is not a result or one sentence.

    python benchmarks/reliability/command_line.py --cases 500 --seed 0 [--report]

A case is a command over a random table, of which the file, the options or the model are damaged in a random way. It
passes if the command ends with exit code 0, or with 2 and one sentence; prints no traceback, no warning and no control
character; leaves no temporary file; and has changed no file that it was not asked to write. With `--report` every
comparison writes a page, too, in which nothing of the table may be markup or steer a terminal.
"""

import argparse
import contextlib
import gzip
import hashlib
import io
import os
import re
import string
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from sklearn_bpfree.bench import cli

STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
NASTY = [
    "\x1b[31mred",
    "a\x00b",
    "",
    " ",
    "$x_{",
    "<script>",
    "größe",
    "大きさ",
    "x" * 300,
    "\u202etxt",
    "a|b",
    "'",
    '"',
    "-",
    "--",
    "%s",
]
SCORERS = [
    "accuracy",
    "r2",
    "f1",
    "roc_auc",
    "f1_macro",
    "neg_log_loss",
    "max_error",
    "neg_mean_poisson_deviance",
    "nope",
    "",
]


def random_table(rng):
    """A small frame of columns of many kinds; the target is one of its last two columns."""
    n = int(rng.choice([0, 1, 5, 12, 40, 60, 90, 120]))
    kinds = {
        "number": lambda: rng.normal(size=n) * 10.0 ** rng.integers(-5, 6),
        "integer": lambda: rng.integers(0, 5, n),
        "level": lambda: rng.choice(["red", "green", "blue, pale"], n),
        "text": lambda: ["".join(rng.choice(list(string.printable), 12)) for _ in range(n)],
        "date": lambda: pd.Series(pd.date_range("2020-01-01", periods=n)).astype(str),
        "flag": lambda: rng.random(n) < 0.5,
        "constant": lambda: ["same"] * n,
        "empty": lambda: [None] * n,
        "infinite": lambda: rng.choice([np.inf, -np.inf, 1.0, 2.0], n),
        "huge": lambda: rng.choice([1e300, -1e308, 1e-300, 5.0], n),
        "steering": lambda: rng.choice(["\x1b[2Ja", "b\x07", "c"], n),
    }
    chosen = rng.choice(list(kinds), int(rng.integers(1, 7)))
    frame = pd.DataFrame({f"{kind} {j}": kinds[kind]() for j, kind in enumerate(chosen)}, index=range(n))
    for column in frame:
        if rng.random() < 0.3:
            frame[column] = frame[column].where(rng.random(n) < 0.8)
    frame["value"] = rng.normal(size=n) + frame.select_dtypes("number").fillna(0).clip(-1, 1).sum(axis=1)
    frame["kind"] = np.where(frame["value"] > rng.choice([0, 0, 2]), rng.choice(["yes", "\x1b[31myes"]), "no")
    if rng.random() < 0.2:
        frame = frame.rename(columns={frame.columns[0]: str(rng.choice(NASTY))})
    return frame


def write_table(frame, folder, rng):
    """The frame in a file of a random format."""
    kind = str(rng.choice(["csv", "csv", "csv", "semicolon", "tsv", "gz", "parquet", "latin"]))
    path = folder / f"table.{'parquet' if kind == 'parquet' else 'csv.gz' if kind == 'gz' else 'csv'}"
    if kind == "parquet":
        frame.to_parquet(path)
    else:
        options = {"semicolon": {"sep": ";", "decimal": ","}, "tsv": {"sep": "\t"}}.get(kind, {})
        text = frame.to_csv(index=bool(rng.random() < 0.1), **options)
        data = text.encode("latin-1" if kind == "latin" else "utf-8", "replace")
        path.write_bytes(gzip.compress(data) if kind == "gz" else data)
    return path


def damage(data: bytes, rng) -> bytes:
    """The content of a file with something wrong in it."""
    place, length = (int(rng.integers(0, max(len(data), 1))) for _ in range(2))
    noise = rng.integers(0, 256, int(rng.integers(1, 40)), dtype=np.uint8).tobytes()
    lines = data.split(b"\n")
    return [
        lambda: data[:place],
        lambda: data[place:],
        lambda: data[:place] + noise + data[place:],
        lambda: data[:place] + bytes(length % 50) + data[place:],
        lambda: noise,
        lambda: b"",
        lambda: b"\xff\xfe" + data,
        lambda: b"\xef\xbb\xbf" + data,
        lambda: data.replace(b",", b"", 3),
        lambda: data.replace(b"\n", b"\r"),
        lambda: data.replace(b"\n", b"\n\n"),
        lambda: data.replace(b",", b',"', 1),
        lambda: data * 2,
        lambda: b"\n".join(lines[:1] + lines[:1] + lines[1:]),
        lambda: b"\n".join(lines[::-1]),
        lambda: data.decode("utf-8", "replace").encode("utf-16"),
        lambda: b"[" * 5000 + data,
    ][int(rng.integers(17))]()


def odd_file(folder, rng):
    """Something that is no table."""
    name = str(
        rng.choice(
            [
                "/dev/zero",
                "/dev/null",
                ".",
                "",
                "no.csv",
                "nul\0.csv",
                "x" * 400,
                "pipe",
                "huge",
                "http://localhost/t.csv",
            ]
        )
    )
    if name == "pipe":
        os.mkfifo(folder / name)
    if name == "huge":
        with open(folder / name, "wb") as file:
            file.truncate(2**43)
    return str(folder / name) if name in ("pipe", "huge", "no.csv") else name


def options(columns, folder, rng, command, report=False):
    """Options, some of which make no sense."""
    some_columns = [*map(str, columns), *NASTY, "\ud800"]
    numbers = ["2", "2", "3", "3", "4", "5", "0", "-1", "1000", "1e9", "nan", "inf", "x", "", "9" * 30]
    new = str(folder / "new")
    places = [new, new, "/dev/null", str(folder), str(folder / "no" / "m"), "nul\0", "", *map(str, folder.iterdir())]
    values = {
        "bench": {
            "--cv": numbers,
            "--group": some_columns,
            "--time": some_columns,
            "--id": some_columns,
            "--scoring": SCORERS,
            "--random-state": numbers,
            "--n-jobs": ["1", "0", "x"],
            "--time-limit": ["1", "0.001", "0", "nan", "-3"],
            "--save": places,
            "--task": ["auto", "classifier", "regressor", "x"],
            "--trainers": ["rvfl", "dfaa", ",", "rvfl,rvfl"],
            "--peers": ["dummy", "", "x", "linear,dummy"],
        },
        "fit": {
            "--id": some_columns,
            "--save": places,
            "--trainer": ["rvfl", "x", "dfa"],
            "--time-limit": ["0.1"],
            "--random-state": numbers,
            "--task": ["classifier", "regressor"],
        },
        "predict": {"--id": some_columns, "--out": places, "--trust": []},
    }[command]
    chosen = rng.choice(list(values), int(rng.choice([0, 0, 0, 1, 1, 2, 3])), replace=False)
    if report and command == "bench":
        place = folder / "page.html" if rng.random() < 0.8 else places[int(rng.integers(len(places)))]
        chosen = [*chosen, "--report"]
        values = {**values, "--report": [str(place)]}
    made = [f"{name}={values[name][int(rng.integers(len(values[name])))]}" if values[name] else name for name in chosen]
    return [*made, *(["--force"] if rng.random() < 0.3 else [])]


def command_of(rng, folder, report=False):
    """A command line, with its files made; with a report, comparisons only."""
    frame = random_table(rng)
    path = write_table(frame, folder, rng)
    (folder / "taken").write_text("taken")
    if rng.random() < 0.35:
        path.write_bytes(damage(path.read_bytes(), rng))
    table = str(path) if rng.random() < 0.94 else odd_file(folder, rng)
    target = str(rng.choice(["value", "kind"])) if rng.random() < 0.9 else str(rng.choice([*frame.columns, *NASTY]))
    command = "bench" if report else str(rng.choice(["bench", "bench", "fit", "predict", "columns"]))
    if command == "columns":
        return ["columns", table]
    if command == "bench":
        quick = ["--trainers", "rvfl", "--peers", "dummy,linear", "--cv", "2", "--target=" + target]
        return ["bench", table, *quick, *options(frame.columns, folder, rng, command, report)]
    if command == "fit":
        return [
            "fit",
            table,
            "--trainer=rvfl",
            "--target=" + target,
            f"--save={folder / 'new'}",
            *options(frame.columns, folder, rng, command),
        ]
    model = folder / "model"
    good = folder / "good.csv"
    random_table(np.random.default_rng(1)).to_csv(good, index=False)
    quiet(
        [
            "fit",
            str(good if rng.random() < 0.2 else path),
            "--trainer",
            "rvfl",
            "--target",
            "kind",
            "--save",
            str(model),
        ]
    )
    if not model.exists():
        model.write_bytes(b"no model")
    elif rng.random() < 0.3:
        model.write_bytes(damage(model.read_bytes(), rng))
    return ["predict", str(model), table, f"--out={folder / 'new'}", *options(frame.columns, folder, rng, command)]


def quiet(argv):
    """Exit code, stdout and stderr of a command, and the exception that it ended with, if any."""
    out, err = io.StringIO(), io.StringIO()
    error = None
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always")
        try:
            code = cli.main(argv)
        except SystemExit as exit:
            code = exit.code
        except BaseException as raised:
            code, error = None, raised
    return code, out.getvalue(), err.getvalue(), error, [str(w.message) for w in caught]


def digest(folder):
    """What is in a folder."""
    return {
        p.name: hashlib.sha256(p.read_bytes()).hexdigest()
        for p in folder.iterdir()
        if p.is_file() and p.stat().st_size < 1e9
    }


def faults(argv, folder):
    """What is wrong with how a command went."""
    before = digest(folder)
    begin = time.monotonic()
    code, out, err, error, warned = quiet(argv)
    found = []
    if error is not None:
        found.append(f"{type(error).__name__}: {error}")
    elif code not in (0, 2):
        found.append(f"exit code {code}")
    last = err.splitlines()[-1] if err else ""
    if code == 2 and not re.match(r"(bpfree: error: .*\.|bpfree.*: error: .*)$", last):
        found.append(f"no sentence: {last!r}")
    if "Traceback" in out + err:
        found.append("a traceback")
    if warned:
        found.append(f"a warning: {warned[0]}")
    if steering := STEERING.search(out + err):
        found.append(f"a control character: {steering[0]!r}")
    after = digest(folder)
    written = {
        Path(part.partition("=")[2]).name for part in argv if part.startswith(("--save=", "--out=", "--report="))
    }
    inputs = {Path(part).name for part in argv[1:3] if not part.startswith("-")}
    changed = {name for name in after if before.get(name) != after[name]}
    if changed - written or changed & inputs & set(before) or set(before) - set(after):
        found.append(f"changed {changed}")
    if any(name.startswith(".bpfree") for name in after):
        found.append("a temporary file is left")
    page = folder / "page.html"
    if "page.html" in changed:
        text = page.read_text("utf-8")
        if steering := STEERING.search(text):
            found.append(f"a control character in the page: {steering[0]!r}")
        if "<script>" in text:
            found.append("markup of the table in the page")
    if changed & set(before) and "--force" not in argv:
        found.append("a file was replaced unasked")
    if time.monotonic() - begin > 120:
        found.append("a hang")
    return code, last, found


def main():
    """Run the cases and print what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--report", action="store_true", help="comparisons only, each with a page")
    parser.add_argument("--verbose", action="store_true", help="print every case")
    args = parser.parse_args()
    counts = {0: 0, 2: 0}
    wrong = 0
    with tempfile.TemporaryDirectory() as home:
        os.environ["XDG_CONFIG_HOME"] = home
        for case in range(args.cases):
            rng = np.random.default_rng([args.seed, case])
            with tempfile.TemporaryDirectory() as name:
                argv = command_of(rng, Path(name), args.report)
                code, last, found = faults(argv, Path(name))
            counts[code] = counts.get(code, 0) + 1
            wrong += bool(found)
            if found or args.verbose:
                print(
                    f"case {case}: {ascii(argv)[:400]}\n  -> {code}, {ascii(last)[:300]} {ascii(found)[:600]}",
                    flush=True,
                )
    print(f"{args.cases} cases, seed {args.seed}: {counts.get(0)} results, {counts.get(2)} sentences, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
