"""A saved model: opened without asking by who saved it only, and never half understood."""

import json
import os
import pickle
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest

from sklearn_bpfree.bench import BenchError, Table
from sklearn_bpfree.bench.model_file import MAGIC, ModelCard, open_model, write_model


def card(**changes):
    table = Table("t.csv", pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}), np.array([0, 1]), "classifier")
    return ModelCard(**{**vars(ModelCard.of("dfa", table, "out", "key")), **changes})


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "m.joblib"
    write_model(str(path), {"weights": np.arange(1000.0)}, card())
    return path


def stranger(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "elsewhere"))


def test_what_was_saved_is_opened_with_its_card(model):
    content, found = open_model(str(model))
    assert content["weights"].tolist() == list(range(1000))
    assert found == card(made_at=found.made_at)
    assert list(found.columns) == ["a", "b"] and (found.rows, found.target, found.id) == (2, "out", "key")
    assert {"scikit-learn", "numpy", "sklearn-bpfree", "python"} == set(found.versions)
    assert found.differences() == []
    assert joblib.load(model)["weights"][999] == 999


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_code_of_somebody_else_does_not_run_unasked(tmp_path, monkeypatch):
    path, trace = tmp_path / "m.joblib", tmp_path / "trace"
    stranger(monkeypatch, tmp_path)
    write_model(str(path), Bomb(trace), card(made_by="mallory on \x1b[31mmars"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "mine"))
    write_model(str(tmp_path / "own.joblib"), 1, card())
    with pytest.raises(BenchError, match=r"not saved by you .* saved by mallory .* add --trust"):
        open_model(str(path))
    assert not trace.exists()
    open_model(str(path), trust=True)
    assert trace.exists()


def test_without_a_key_nothing_is_ones_own(model, monkeypatch, tmp_path):
    """Neither a seal of zeros nor that of an empty key opens a file."""
    content = model.read_bytes()
    end = len(content) - len(MAGIC) - 8
    model.write_bytes(content[: end - 32] + bytes(32) + content[end:])
    stranger(monkeypatch, tmp_path)
    with pytest.raises(BenchError, match="not saved by you"):
        open_model(str(model))
    (tmp_path / "elsewhere" / "bpfree").mkdir(parents=True)
    (tmp_path / "elsewhere" / "bpfree" / "key").write_bytes(b"")
    write_model(str(model), 1, card())
    with pytest.raises(BenchError, match="not saved by you"):
        open_model(str(model))


def test_a_key_that_cannot_be_kept_does_not_stop_saving(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    write_model(str(tmp_path / "m"), [1, 2], card())
    assert open_model(str(tmp_path / "m"), trust=True)[0] == [1, 2]


def test_the_key_is_the_users_alone(model, tmp_path):
    key = Path(os.environ["XDG_CONFIG_HOME"]) / "bpfree" / "key"
    assert key.stat().st_mode & 0o077 == 0 and len(key.read_bytes()) == 32


@pytest.mark.parametrize("place", [0, 500, -200, -60])
def test_a_changed_byte_breaks_the_seal(model, place):
    content = bytearray(model.read_bytes())
    content[place] ^= 1
    model.write_bytes(content)
    with pytest.raises(BenchError, match=r"not saved by you|is damaged"):
        open_model(str(model))


def test_other_files_are_no_models(model, tmp_path):
    plain = tmp_path / "plain.joblib"
    joblib.dump([1], plain)
    whole = model.read_bytes()
    for content in (plain.read_bytes(), b"", MAGIC, b"x" * 8 + MAGIC, whole[:-1], whole[:300], b"\xff" * 100 + MAGIC):
        plain.write_bytes(content)
        for trust in (False, True):
            with pytest.raises(BenchError, match="is no model that bpfree"):
                open_model(str(plain), trust)


@pytest.mark.parametrize("text", [b"{", b"[]", b"{}", b'{"columns": 3}', b"[" * 100_000, b"\xff", b"null"])
def test_a_card_that_says_nothing_is_told(tmp_path, text):
    path = tmp_path / "m"
    path.write_bytes(pickle.dumps(1) + text + bytes(32) + len(text).to_bytes(8, "big") + MAGIC)
    with pytest.raises(BenchError, match="is damaged"):
        open_model(str(path), trust=True)


def test_a_pickle_that_cannot_be_opened_is_told_with_its_versions(tmp_path):
    text = json.dumps(vars(card(versions={"scikit-learn": "0.1"}))).encode()
    path = tmp_path / "m"
    path.write_bytes(b"cnowhere\nthing\n." + text + bytes(32) + len(text).to_bytes(8, "big") + MAGIC)
    with pytest.raises(BenchError, match=r"cannot be opened \(.*\); it was saved with scikit-learn 0\.1"):
        open_model(str(path), trust=True)


def test_other_versions_are_told():
    old = card(versions={"scikit-learn": "0.1"})
    assert old.differences() == ["It was saved with scikit-learn 0.1; predictions may differ."]
