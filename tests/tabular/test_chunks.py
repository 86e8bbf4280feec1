"""Tables that come in chunks: from files of any kind, encoded as the first chunk says."""

import io

import numpy as np
import pandas as pd
import pytest

from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, get_trainer, tabular_pipeline

CLASSES = [False, True]


def table(n=1200):
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"size": rng.normal(size=n).round(3), "colour": rng.choice(["red", "green", "blue"], n)})
    rows["count"] = rng.integers(0, 9, n)
    return rows, (rows["size"] > 0) | (rows["colour"] == "red")


def learned(chunks):
    trainer = get_trainer("sum_of_readouts", learning_rate=0.01)
    model = tabular_pipeline(BPFreeClassifier((16, 16), trainer=trainer, random_state=0))
    for X, y in chunks:
        model.partial_fit(X, y, classes=CLASSES)
    return model


def plain_chunks(size=200):
    X, y = table()
    return [(X[i : i + size], y[i : i + size]) for i in range(0, len(X), size)]


def test_chunks_of_a_csv_file_teach_as_those_of_the_frame():
    X, y = table()
    file = io.StringIO(X.assign(y=y).to_csv(index=False))
    chunks = ((chunk.drop(columns="y"), chunk["y"]) for chunk in pd.read_csv(file, chunksize=200))
    model = learned(chunks)
    assert model.score(X, y) > 0.9
    np.testing.assert_allclose(model.predict_proba(X), learned(plain_chunks()).predict_proba(X), atol=1e-5)


def test_row_groups_of_a_parquet_file_teach_as_those_of_the_frame(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    X, y = table()
    X.assign(y=y).to_parquet(tmp_path / "rows.parquet", row_group_size=200)
    with parquet.ParquetFile(tmp_path / "rows.parquet") as file:
        groups = map(file.read_row_group, range(file.num_row_groups))
        model = learned((group.drop_columns(["y"]), group["y"]) for group in groups)
    np.testing.assert_array_equal(model.predict_proba(X), learned(plain_chunks()).predict_proba(X))


def test_partitions_of_a_dask_frame_teach_and_are_predicted():
    dask_frames = pytest.importorskip("dask.dataframe")
    X, y = table()
    frame = dask_frames.from_pandas(X.assign(y=y), npartitions=6)
    parts = (part.compute() for part in frame.partitions)
    model = learned((part.drop(columns="y"), part["y"]) for part in parts)
    np.testing.assert_array_equal(model.predict_proba(X), learned(plain_chunks()).predict_proba(X))
    predicted = frame.drop(columns="y").map_partitions(model.predict, meta=("y", bool)).compute(scheduler="sync")
    np.testing.assert_array_equal(predicted, model.predict(X))


def test_a_note_says_that_the_first_rows_decided_and_is_there_once():
    notes = learned(plain_chunks())[0].notes_
    assert notes == ["The first 200 rows decided what the columns are and how they are encoded."]
    X, y = table()
    assert tabular_pipeline(BPFreeClassifier(max_iter=1)).fit(X, y)[0].notes_ == []


def test_what_the_first_rows_do_not_have_counts_as_a_level_a_hole_or_an_average():
    model = learned(plain_chunks())
    odd = pd.DataFrame({"size": ["1.5", "?", "-1.5"], "colour": ["red", "mauve", None], "count": [None, 2.5, 4]})
    assert np.isfinite(model.predict_proba(odd)).all()
    assert model.partial_fit(odd, [True, False, False]).predict(odd).shape == (3,)
    hole = pd.DataFrame({"size": [np.nan, 0.0], "colour": ["blue", "blue"], "count": [4, 4]})
    assert np.ptp(model.predict_proba(hole)[:, 1]) < 0.5


def test_values_are_learned_in_chunks():
    X, _ = table()
    y = 100 + 10 * X["size"] + X["count"]
    model = tabular_pipeline(BPFreeRegressor((16, 16), trainer="sum_of_readouts", random_state=0))
    for i in [*range(0, len(X), 200)] * 3:
        model.partial_fit(X[i : i + 200], y[i : i + 200])
    assert model.score(X, y) > 0.8


def test_the_default_says_what_learns_in_chunks():
    X, y = table()
    with pytest.raises(AttributeError) as refused:
        tabular_pipeline("classifier").partial_fit(X, y)
    reason = refused.value.__cause__.__cause__  # of the estimator's
    assert "'ladder'" in str(reason) and "partial_fit" in str(reason)
