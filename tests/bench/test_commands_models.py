"""`bpfree fit` and `bpfree predict`: from a file to a model, and from there to a file of predictions."""

import numpy as np
import pandas as pd
import pytest
from commandline import mixed_frame, refused, run


@pytest.fixture
def fitted(capsys, table, tmp_path):
    """Fit on the mixed table and return what `predict` needs to be told."""

    def fit(target, *options, frame=None):
        frame = mixed_frame() if frame is None else frame
        path, model = table(frame), str(tmp_path / "m.joblib")
        code, out, _ = run(capsys, "fit", path, "--target", target, "--save", model, "--trainer", "dfa", *options)
        assert code == 0 and f"of '{target}' trained on {len(frame)} rows" in out
        return model, path

    return fit


def with_ids(n=60):
    frame = mixed_frame(n)
    frame.insert(0, "key", [f"{i:05d}" for i in range(n)])
    return frame


def test_classes_come_with_probabilities_and_ids_as_they_are_written(capsys, fitted, tmp_path):
    model, path = fitted("kind", "--id", "key", frame=with_ids())
    out = tmp_path / "out.csv"
    code, said, _ = run(capsys, "predict", model, path, "--out", out)
    assert code == 0 and f"Wrote 60 rows to {out}." in said and "trained on 60 rows and 4 columns" in said
    found = pd.read_csv(out, dtype={"key": str})
    assert list(found) == ["key", "prediction", "probability of cheap", "probability of dear"]
    assert found["key"].tolist() == with_ids()["key"].tolist()
    assert (found["prediction"] == mixed_frame()["kind"]).mean() > 0.8
    odds = found[["probability of cheap", "probability of dear"]]
    assert (found["prediction"] == np.where(odds.iloc[:, 1] > odds.iloc[:, 0], "dear", "cheap")).all()


def test_another_column_can_name_the_rows_and_the_target_may_be_missing(capsys, fitted, table, tmp_path):
    model, _ = fitted("kind")
    rows = with_ids(7).drop(columns="kind")[["price", "key", "bought", "colour", "size"]]  # in another order
    out = tmp_path / "out.csv"
    assert run(capsys, "predict", model, table(rows, "new.csv"), "--out", out, "--id", "key")[0] == 0
    found = pd.read_csv(out, dtype={"key": str})
    assert found["key"].tolist() == rows["key"].tolist() and len(found) == 7


def test_values_come_with_quantiles_where_the_trainer_has_them(capsys, fitted, tmp_path):
    out = tmp_path / "out.csv"
    model, path = fitted("price")
    assert run(capsys, "predict", model, path, "--out", out)[0] == 0
    assert list(pd.read_csv(out)) == ["prediction"]
    model, path = fitted("price", "--trainer", "enkf", "--force")
    assert run(capsys, "predict", model, path, "--out", out, "--force")[0] == 0
    found = pd.read_csv(out)
    assert list(found) == ["prediction", "quantile 0.05", "quantile 0.5", "quantile 0.95"]
    assert (found["quantile 0.05"] < found["prediction"]).all() and (found["prediction"] < found["quantile 0.95"]).all()


def test_without_a_name_the_recommended_default_is_fitted(capsys, table, tmp_path):
    code, out, _ = run(capsys, "fit", table(), "--target", "kind", "--save", tmp_path / "m", "--time-limit", "1")
    assert code == 0 and "Saved tabular_pipeline, a classifier of 'kind'" in out


def test_another_table_is_refused(capsys, fitted, table, tmp_path):
    model, path = fitted("kind")
    out = tmp_path / "out.csv"
    other = table(mixed_frame().drop(columns=["size", "colour"]), "other.csv")
    assert "it lacks 'size', 'colour', which" in refused(capsys, "predict", model, other, "--out", out)
    assert "has no column 'key' to copy" in refused(capsys, "predict", model, path, "--out", out, "--id", "key")
    assert "is no model" in refused(capsys, "predict", path, path, "--out", out)
    assert not out.exists()


def test_inputs_are_safe_and_files_are_replaced_by_force_only(capsys, fitted, tmp_path):
    model, path = fitted("kind")
    for taken in (model, path):
        said = refused(capsys, "predict", model, path, "--out", taken, "--force")
        assert "would write over" in said
    assert "would write over" in refused(capsys, "fit", path, "--target", "kind", "--save", path, "--force")
    assert "--force to replace" in refused(capsys, "fit", path, "--target", "kind", "--save", model)
    out = tmp_path / "out.csv"
    out.write_text("mine")
    assert "--force to replace" in refused(capsys, "predict", model, path, "--out", out)
    assert out.read_text() == "mine"


def test_a_model_of_somebody_else_needs_trust(capsys, fitted, tmp_path, monkeypatch):
    model, path = fitted("kind")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "another home"))
    out = tmp_path / "out.csv"
    assert "add --trust" in refused(capsys, "predict", model, path, "--out", out)
    assert run(capsys, "predict", model, path, "--out", out, "--trust")[0] == 0


def test_a_file_without_names_is_fitted_and_predicted_by_numbers(capsys, table, tmp_path):
    frame = mixed_frame().drop(columns="price")
    path, model, out = table(frame, "bare.csv", header=False), tmp_path / "m", tmp_path / "out.csv"
    argv = ["--target", "4", "--no-header", "--trainer", "dfa", "--save", model]
    assert run(capsys, "fit", path, *argv)[0] == 0
    assert run(capsys, "predict", model, path, "--no-header", "--out", out)[0] == 0
    assert (pd.read_csv(out)["prediction"] == frame["kind"]).mean() > 0.8


def test_what_is_left_out_is_told_once_and_what_cannot_be_read_when_it_is_met(capsys, table, tmp_path):
    frame = mixed_frame().assign(note=[f"remark number {i}" for i in range(60)])
    argv = ["--target", "kind", "--trainer", "dfa", "--save", tmp_path / "m"]
    _, out, err = run(capsys, "fit", table(frame), *argv)
    assert out.count("'note'") == 1 and "'note'" not in err
    odd = table(frame.astype({"size": object}).assign(size=["large", *frame["size"][1:]]), "odd.csv")
    _, _, err = run(capsys, "predict", tmp_path / "m", odd, "--out", tmp_path / "out.csv")
    assert "Warning: Column 'size' has cells that hold no number, such as 'large'; they are taken for missing." in err


def test_a_fit_that_fails_is_one_sentence(capsys, table, tmp_path):
    path = table(pd.DataFrame({"x": [f"text number {i}" for i in range(60)], "y": [1, 2] * 30}))
    said = refused(capsys, "fit", path, "--target", "y", "--save", tmp_path / "m")
    assert "tabular_pipeline cannot be fitted: " in said and not (tmp_path / "m").exists()
