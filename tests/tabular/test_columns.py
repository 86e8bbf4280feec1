"""Columns of any container, told apart and read alike at fit and at predict."""

import pickle
import warnings
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.utils import get_tags

from sklearn_bpfree import BPFreeClassifier
from sklearn_bpfree.tabular import ColumnReader, LeftOutWarning, describe_columns, tabular_pipeline

NAN = float("nan")
N = 120
RNG = np.random.default_rng(0)
VALUES = RNG.integers(1, 900, N).astype(float)


def described(cells, name="c"):
    (column,) = describe_columns(pd.DataFrame({name: cells}))
    return column


def read(cells, library=pd):
    frame = library.DataFrame({"c": cells})
    return np.asarray(ColumnReader().fit_transform(frame)["c"], dtype=float)


HELD = {
    "int": lambda v: int(v),
    "float": lambda v: v,
    "Decimal": lambda v: Decimal(str(v)),
    "Fraction": lambda v: Fraction(str(v)),
    "numpy scalars": np.float32,
    "text": str,
    "text and numbers": lambda v: str(v) if v % 2 else v,
    "bytes": lambda v: str(v).encode(),
}


@pytest.mark.parametrize("hold", HELD.values(), ids=HELD)
def test_objects_are_the_numbers_that_they_hold(hold):
    cells = np.array([None, *map(hold, VALUES.tolist())], dtype=object)
    np.testing.assert_array_equal(read(cells), [NAN, *VALUES])
    array = ColumnReader().fit_transform(cells[:, None])
    assert array.dtype == np.float64
    np.testing.assert_array_equal(array[:, 0], [NAN, *VALUES])


def test_objects_of_time_are_what_they_hold():
    spans = [timedelta(hours=v) for v in VALUES.tolist()]
    np.testing.assert_allclose(read(np.array(spans, dtype=object)), VALUES / 24)
    times = [time(int(v) % 24, 30) for v in VALUES]
    np.testing.assert_allclose(read(times), VALUES % 24 + 0.5)
    np.testing.assert_allclose(read(times, pl), VALUES % 24 + 0.5)
    truth = np.array([bool(v % 2) for v in VALUES] + [None], dtype=object)
    np.testing.assert_array_equal(read(truth), [*(VALUES % 2), NAN])
    days = [date(1970, 1, 1) + timedelta(days=v) for v in VALUES.tolist()]
    moments = [datetime(1970, 1, 1) + timedelta(days=v) for v in VALUES.tolist()]
    for cells in (days, moments, np.array(days, dtype=object), [str(d) for d in days]):
        np.testing.assert_array_equal(read(cells), VALUES)


FRAMES = {
    "polars Object": pl.DataFrame({"c": pl.Series(VALUES.tolist(), dtype=pl.Object)}),
    "polars Decimal": pl.DataFrame({"c": VALUES}).with_columns(pl.col("c").cast(pl.Decimal(10, 2))),
    "polars Int128": pl.DataFrame({"c": VALUES.astype(int)}).with_columns(pl.col("c").cast(pl.Int128)),
    "pandas Sparse": pd.DataFrame({"c": pd.arrays.SparseArray(VALUES)}),
    "pandas Interval": pd.DataFrame({"c": pd.arrays.IntervalArray.from_arrays(VALUES - 1, VALUES + 1)}),
    "pandas Period": pd.DataFrame({"c": pd.PeriodIndex([pd.Period(ordinal=int(v), freq="D") for v in VALUES])}),
    "pandas on Arrow": pd.DataFrame({"c": pd.array(VALUES, dtype="float64[pyarrow]")}),
    "Arrow": pa.table({"c": VALUES, "nulls": pa.nulls(N)}),
    "Arrow dates of 64 bits": pa.table({"c": pa.array(VALUES.astype("datetime64[D]"), pa.date64())}),
    "floats of 16 bits": pd.DataFrame({"c": VALUES.astype(np.float16)}),
    "matrix of floats of 16 bits": VALUES.astype(np.float16)[:, None],
    "long doubles": pd.DataFrame({"c": VALUES.astype(np.longdouble)}),
    "numbers beside infinity of other programs": np.c_[VALUES, np.where(VALUES > 400, 1.8e308, -1e300)],
    "Arrow dates": pa.table({"c": pa.array(VALUES.astype("datetime64[D]"))}),
    "an index of its own": pd.DataFrame({"c": VALUES.astype(str)}, index=np.arange(N)[::-1]),
    "number as name": pd.DataFrame({0: VALUES.astype(str)}),
    "no name": pl.DataFrame({"": VALUES, "nothing": [None] * N}),
    "matrix of text": VALUES.astype(str)[:, None],
    "matrix of bytes": VALUES.astype("S")[:, None],
    "days": VALUES.astype("datetime64[D]")[:, None],
    "spans": VALUES.astype("timedelta64[D]")[:, None],
    "lists": [[v] for v in VALUES.tolist()],
}


@pytest.mark.parametrize("X", FRAMES.values(), ids=FRAMES)
@pytest.mark.filterwarnings("error")
def test_any_container_is_read(X):
    found = ColumnReader().fit_transform(X)
    found = (
        found.to_numpy()
        if hasattr(found, "to_numpy")
        else found.to_pandas().to_numpy()
        if hasattr(found, "to_pandas")
        else found
    )
    np.testing.assert_array_equal(np.asarray(found)[:, 0].astype(float), VALUES)


@pytest.mark.parametrize("protocol", ["__array__", "__dataframe__", "__arrow_c_stream__"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_protocols_of_foreign_tables(protocol):
    table = VALUES[:, None] if protocol == "__array__" else pa.table({"c": VALUES})
    foreign = type("Foreign", (), {protocol: lambda self, *given, **more: getattr(table, protocol)(*given, **more)})()
    assert [column.kind for column in describe_columns(foreign)] == ["number"]
    y = VALUES > 400
    assert tabular_pipeline(LogisticRegression()).fit(foreign, y).predict(foreign).shape == (N,)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (VALUES, "Expected 2D array .* a single row is X.reshape"),
        (pd.Series(VALUES), r"got a Series .* a row of a table is table.iloc\[\[i\]\]"),
        (pl.Series(VALUES), "got a Series"),
        (pl.DataFrame({"c": VALUES}).lazy(), "X is a lazy table"),
        ([{"c": 1.0}], "X is made of dicts"),
        ({"c": [1.0]}, "X is made of dicts"),
        (3.0, "got a float"),
        ([[1.0], [1.0, 2.0]], "rows of X must be equally long"),
        (pd.DataFrame(np.c_[VALUES, VALUES], columns=["a", "a"]), "more than one column 'a'"),
        (
            pd.DataFrame(np.c_[VALUES, VALUES], columns=["a", 1]),
            "names of X's columns must be strings, got int and str",
        ),
        (pa.table({}), "X has no rows"),
        (np.zeros(3, dtype=[("a", float)]), "X is an array of records; make it a table"),
        (pl.DataFrame({"c": [b"1", b"2"]}), "Column 'c' must hold .* Binary"),
        (pd.DataFrame({"c": [np.zeros(2)] * 3}), "Column 'c' must hold single values"),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(X, message):
    with pytest.raises((TypeError, ValueError), match=message) as caught:
        ColumnReader().fit(X)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("Unnamed: 0", np.arange(N), "row number"),
        ("index", RNG.permutation(N), "row number"),
        ("row_id", np.arange(1, N + 1), "row number"),
        ("x", np.arange(N), "number"),
        ("age", np.arange(N), "number"),
        ("lfd. Nr.", np.arange(1, N + 1), "row number"),
        ("S.No.", np.arange(1, N + 1), "row number"),
        ("#", np.arange(1, N + 1), "row number"),
        ("level_0", np.arange(N), "row number"),
        ("number", 1000 - RNG.permutation(np.arange(0, 8 * N, 8)), "number"),
        ("s3", np.arange(1, N + 1), "number"),
        ("Kundennummer", 17 * RNG.permutation(N), "identifier"),
        ("Order Number", 17 * RNG.permutation(N), "identifier"),
        ("invoice_no", 17 * RNG.permutation(N), "identifier"),
        ("id_client", 17 * RNG.permutation(N), "identifier"),
        ("paid", 17 * RNG.permutation(N), "number"),
        ("number of rooms", 17 * RNG.permutation(N), "number"),
        ("house_no", np.arange(N) % 30, "number"),
        ("Postleitzahl", 10_000 + np.arange(N) % 30, "category"),
        ("code_postal", 10_000 + np.arange(N) % 30, "category"),
        ("amount", 10**25 + np.array([*range(N)], dtype=object), "identifier"),
        ("key of a table", 2**63 + np.arange(N, dtype=np.uint64), "identifier"),
        ("large", 10**25 * np.arange(1, N + 1, dtype=object), "number"),
        ("phone", [f"+49 170 {7 * i + 1000000}" for i in range(N)], "identifier"),
        ("weights", [f"{i} kg" if i % 2 else f"{i} lb" for i in range(N)], "identifier"),
        ("at", 1577836800 + 3600 * np.arange(N), "date"),
        ("at", (1577836800 + 86400 * np.arange(N)) * 1000, "date"),
        ("at", 1577836800.5 + 86400 * np.arange(N), "date"),
        ("at", [str(1577836800 + 86400 * i) for i in range(N)], "date"),
        ("budget", 1_000_000_000 + 5_000_000 * np.arange(N), "number"),
        ("Datum", 43831 + np.arange(N), "date"),
        ("price", 43831 + np.arange(N), "number"),
        ("month", 201900 + np.arange(N) % 12 + 1, "date"),
        ("price", 201900 + np.arange(N), "number"),
        ("year", 1990 + np.arange(N) % 30, "number"),
        ("customer_id", 17 * RNG.permutation(N), "identifier"),
        ("StoreID", np.arange(N) % 30, "category"),
        ("zip", 10_000 + np.arange(N) % 30, "category"),
        ("paid", np.arange(N) % 30, "number"),
        ("plz", [f"0{i % 30 + 1000}" for i in range(N)], "category"),
        ("code", [f"C{i:04}" for i in range(N)], "identifier"),
        ("note", [f"called on day {i}" for i in range(N)], "free text"),
        ("note", [f"called on day {i}" if i % 10 == 0 else None for i in range(N)], "free text"),
        ("city", [["Ulm", "Rom", "Bonn"][i % 3] for i in range(N)], "category"),
        ("level", [f"shop {i % 60}" for i in range(N)], "category"),
        ("grade", [["1", "2", "3", "A"][i % 4] for i in range(N)], "category"),
        ("when", 20200101 + np.arange(N) % 28, "date"),
        ("empty", [None] * N, "empty"),
        ("marks", ["-"] * N, "empty"),
        ("one", ["same"] * N, "constant"),
        ("level", pd.Categorical(VALUES), "category"),
        ("state", [["NC", "SD", "ND"][i % 3] for i in range(N)], "category"),
        ("done", [["yes", "No", "Y", "n", "TRUE", "ja"][i % 6] for i in range(N)], "boolean"),
        ("done", [[True, "no", "yes", False][i % 4] for i in range(N)], "boolean"),
        ("done", [["yes", "no"][i % 2] for i in range(N)], "category"),
        ("code", [["F", "N", "T"][i % 3] for i in range(N)], "category"),
    ],
)
def test_kinds_are_those_that_a_person_would_name_in_every_order_and_fold(name, cells, kind):
    frame = pd.DataFrame({name: cells})
    rows = [frame, frame[::-1], frame.sample(frac=0.8, random_state=0), frame.sample(frac=0.67, random_state=1)]
    assert {describe_columns(part)[0].kind for part in rows} == {kind}


MARKS = (
    "?",
    "n.a.",
    "-",
    "k.A.",
    "#DIV/0!",
    "#NV",
    "#¡VALOR!",
    ".A",
    "1.#QNAN",
    "ohne Angabe",
    "s/d",
    "[NULL]",
    "<NA>",
)
MARKS += ("non renseigné", "не известно", "不明", "n / a", "....", "/")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_the_share_of_holes_does_not_change_the_kind(share):
    holes = RNG.random(N) < share
    columns = {
        "number": [f"{v} kg" for v in VALUES],
        "date": [f"{int(v) % 28 + 1}.{int(v) % 12 + 1}.2020" for v in VALUES],
        "free text": [f"customer {i} said so" for i in range(N)],
        "category": [["red", "blue"][int(v) % 2] for v in VALUES],
    }
    for kind, cells in columns.items():
        for mark in (None, "", NAN) + (MARKS if kind in ("number", "date") else ()):
            assert described([mark if hole else cell for hole, cell in zip(holes, cells, strict=True)]).kind == kind


def test_numbers_that_are_dates_say_when_as_the_dates_themselves():
    moments = pd.Series(pd.date_range("2020-01-31 06:30", periods=N, freq="37h"))
    since = (moments - pd.Timestamp("1970-01-01")) / pd.Timedelta(seconds=1)
    expected = ColumnReader().fit_transform(pd.DataFrame({"t": moments}))
    for counted in (since, since * 1e3, since.astype(int), since.astype(int).astype(str)):
        pd.testing.assert_frame_equal(ColumnReader().fit_transform(pd.DataFrame({"t": counted})), expected)
    array = ColumnReader().fit_transform(np.c_[since, VALUES])
    np.testing.assert_array_equal(array, np.c_[expected.to_numpy(), VALUES])
    serial = pd.DataFrame({"date": (moments - pd.Timestamp("1899-12-30")) / pd.Timedelta(days=1)})
    found = ColumnReader().fit_transform(serial).to_numpy()
    np.testing.assert_allclose(found, expected.to_numpy(), rtol=1e-6)
    assert described(since.tolist(), "t").note == "numbers are dates, in seconds since 1970"


def test_levels_are_the_same_with_blanks_around_them():
    X = pd.DataFrame({"c": ["red", "red ", " blue", "blue"]})
    encoder = tabular_pipeline("classifier").fit(X, [0, 1, 0, 1])[:-1]
    assert encoder.get_feature_names_out().tolist() == ["categorical__c_blue", "categorical__c_red"]


LIBRARIES = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "Arrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "array": lambda frame: frame.to_numpy(dtype=object),
}


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        BPFreeClassifier(trainer="rvfl", random_state=0),
        HistGradientBoostingClassifier(max_iter=3),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_a_pipeline_fitted_on_one_library_predicts_on_another(estimator):
    frame = pd.DataFrame(
        {
            "amount": [f"{v:,.2f} €".translate(str.maketrans(",.", ".,")) for v in 10 * VALUES],
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(VALUES, unit="h"),
            "text": [f"{int(v) % 28 + 1}.{int(v) % 12 + 1}.2020" for v in VALUES],
            "kind": [["red", "blue", None][int(v) % 3] for v in VALUES],
        }
    )
    tables, y = {name: to(frame) for name, to in LIBRARIES.items()}, VALUES > 400
    expected = tabular_pipeline(estimator).fit(frame, y).predict_proba(frame)
    for X in tables.values():
        model = pickle.loads(pickle.dumps(tabular_pipeline(estimator).fit(X, y)))
        for Z in tables.values():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of names that an array does not have
                np.testing.assert_allclose(model.predict_proba(Z), expected)


def test_the_format_is_that_of_training_for_each_row_alone():
    train = pd.DataFrame({"c": ["1,5", "2,25", "1.234,5"], "d": ["01/02/2020", "13/02/2020", "14/03/2020"]})
    reader = ColumnReader().fit(train)
    row = reader.transform(pd.DataFrame({"c": ["1.234"], "d": ["03/04/2020"]}))
    assert row["c"].tolist() == [1234] and row["d_month"].tolist() == [4]
    typed = reader.transform(pd.DataFrame({"c": [1.5], "d": [pd.Timestamp("2020-04-03")]}))
    assert typed["c"].tolist() == [1.5] and typed["d"].tolist() == row["d"].tolist()


def test_a_new_cell_that_says_nothing_is_a_hole_and_a_column_of_them_an_error():
    reader = ColumnReader().fit(pd.DataFrame({"c": ["1 kg", "2 kg", "3 kg"]}))
    marks = reader.transform(pd.DataFrame({"c": ["4 kg", "?", None]}))["c"]
    assert marks.isna().tolist() == [False, True, True]
    with pytest.warns(UserWarning, match="Column 'c' has cells that hold no number, such as 'heavy'"):
        assert reader.transform(pd.DataFrame({"c": ["4 kg", "heavy"]}))["c"].isna().tolist() == [False, True]
    with pytest.raises(ValueError, match="Column 'c' must hold numbers as in training, got 'heavy'"):
        reader.transform(pd.DataFrame({"c": ["heavy"]}))


def test_a_column_that_had_a_type_in_training_takes_texts_that_leave_no_doubt():
    train = pd.DataFrame({"v": [1.5, 2.5], "d": pd.to_datetime(["2020-01-31", "2020-03-01"]), "b": [True, False]})
    texts = pd.DataFrame({"v": ["0,5", "12,25"], "d": ["13.02.2020", "1.3.2020"], "b": ["ja", "nein"]})
    found = ColumnReader().fit(train).transform(texts)
    assert found["v"].tolist() == [0.5, 12.25] and found["b"].tolist() == [1, 0]
    assert found["d_month"].tolist() == [2, 3]
    for name, text in {"v": "1,234", "d": "01/02/2020"}.items():
        with pytest.raises(ValueError, match=f"Column '{name}' must hold .*s as in training, got '{text}'; convert it"):
            ColumnReader().fit(train).transform(texts.assign(**{name: text}))
    for text in ("5 %", "5 kg"):
        with pytest.raises(ValueError, match="Column 'v' must hold numbers"):
            ColumnReader().fit(train).transform(texts.assign(v=text))
    gone = ColumnReader().fit(train).transform(train.assign(d=np.nan, v=np.nan))
    assert gone.drop(columns="b").isna().all(axis=None)
    with pytest.raises(ValueError, match="X has no rows"):
        ColumnReader().fit(train).transform(train[:0])


def test_truth_with_holes_is_truth_in_any_library():
    cells = [True, None, False]
    for X in (
        pd.DataFrame({"c": pd.array(cells, dtype="boolean")}),
        pl.DataFrame({"c": cells}),
        pa.table({"c": cells}),
    ):
        assert [column.kind for column in describe_columns(X)] == ["boolean"]
        trees = tabular_pipeline(HistGradientBoostingClassifier()).fit(X, [1, 0, 0])[:-1]
        np.testing.assert_array_equal(trees.transform(X).to_numpy(), [[1], [NAN], [0]])


@pytest.mark.parametrize("kind", ["coo", "dok", "lil", "bsr", "dia", "csr", "csc"])
def test_sparse_matrices_of_any_kind(kind):
    X = sparse.random(40, 3, 0.5, format="csr", random_state=0)
    np.testing.assert_array_equal(ColumnReader().fit_transform(X.asformat(kind)).toarray(), X.toarray())


def test_infinite_values_are_holes():
    for X in (
        np.array([[np.inf], [1.0], [2.0]]),
        pd.DataFrame({"c": [np.inf, 1.0, 2.0]}),
        sparse.csr_array([[np.inf], [1.0], [2]]),
    ):
        found = ColumnReader().fit_transform(X)
        found = found.toarray() if sparse.issparse(found) else np.asarray(found)
        np.testing.assert_array_equal(found, [[NAN], [1], [2]])


def test_what_is_left_out_is_an_attribute_and_a_warning():
    X = pd.DataFrame({"user_id": 7 * np.arange(N), "Unnamed: 0": np.arange(N), "v": VALUES, "e": [None] * N})
    with pytest.warns(LeftOutWarning, match="Left out column 'user_id': .*Left out column 'Unnamed: 0'"):
        reader = ColumnReader().fit(X)
    assert reader.left_out_ == ["user_id", "Unnamed: 0", "e"]
    assert reader.get_feature_names_out().tolist() == ["v"]


def test_parts_of_dates_are_numbers_circles_or_levels_and_only_those_that_vary():
    moments = pd.Series(pd.to_datetime(["2020-01-31 06:30", "2020-03-01 18:00", None]))
    numbers = ColumnReader().fit_transform(pd.DataFrame({"t": moments}))
    assert numbers.columns.tolist() == ["t", "t_month", "t_day", "t_weekday", "t_hour"]
    np.testing.assert_array_equal(numbers.to_numpy()[0, 1:], [1, 31, 4, 6.5])
    assert np.isnan(numbers.to_numpy()[2]).all()
    levels = ColumnReader("levels").fit_transform(pd.DataFrame({"t": moments}))
    assert levels["t_hour"].tolist()[:2] == ["6", "18"]
    circles = ColumnReader("circles").fit_transform(pd.DataFrame({"t": moments}))
    np.testing.assert_allclose(circles["t_hour_cos"][:2], np.cos(np.pi * np.array([6.5, 18]) / 12))
    np.testing.assert_allclose(circles["t_month_sin"] ** 2 + circles["t_month_cos"] ** 2, [1, 1, NAN])
    with pytest.raises(ValueError, match="date_parts must be 'numbers', 'circles' or 'levels', got 'cyclic'"):
        ColumnReader("cyclic").fit(VALUES[:, None])
    assert ColumnReader().fit_transform(pd.DataFrame({"t": ["2020-01", "2020-02"]})).columns.tolist() == [
        "t",
        "t_month",
    ]


def test_hours_are_those_of_the_wall_clock_and_days_those_of_greenwich():
    zoned = pd.Series(pd.to_datetime(["2020-07-01 01:00", "2020-07-02 05:00"])).dt.tz_localize("Europe/Berlin")
    for cells in (zoned, zoned.astype(str), zoned.astype(object)):
        found = ColumnReader().fit_transform(pd.DataFrame({"t": cells}))
        np.testing.assert_array_equal(found["t_hour"], [1, 5])
        np.testing.assert_allclose(found["t"], [18443 + 23 / 24, 18445 + 3 / 24])


def test_a_pipeline_has_the_tags_of_what_it_takes():
    for estimator, is_sparse in ((BPFreeClassifier(), True), (LogisticRegression(), False)):
        tags = get_tags(tabular_pipeline(estimator)).input_tags
        assert tags.allow_nan and tags.string and tags.categorical and tags.sparse is is_sparse


def test_a_reader_can_be_cloned_and_meets_tables_of_other_widths_with_a_sentence():
    reader = clone(ColumnReader("levels")).fit(VALUES[:, None])
    with pytest.raises(ValueError, match="X has 2 features, but ColumnReader is expecting 1"):
        reader.transform(np.c_[VALUES, VALUES])
    with pytest.raises(ValueError, match=r"columns are missing: \['c'\]"):
        ColumnReader().fit(pd.DataFrame({"c": VALUES})).transform(pd.DataFrame({"d": VALUES}))


@pytest.mark.parametrize("text", ["{a}/{b}", "{a}:{b}", "{a}.5, {b}.25", "{a} x {b} cm", "({a}.1, {b}.1)"])
def test_several_numbers_in_each_cell_are_told(text):
    cells = [[text.format(a=a, b=b)] for a in range(100, 112) for b in range(70, 80)]
    (column,) = describe_columns(np.array(cells, dtype=object))
    assert "several numbers stand in each cell" in column.note


@pytest.mark.parametrize("spelling", ["%d%m%y", "%d%m%Y"])
def test_figures_that_are_dates_are_so_as_texts_and_as_numbers(spelling):
    moments = np.datetime64("2019-01-01") + np.arange(0, 900, 17)
    texts = [moment.astype(object).strftime(spelling) for moment in moments]
    for cells in ([[text] for text in texts], [[int(text)] for text in texts]):
        (column,) = describe_columns(np.array(cells, dtype=object if isinstance(cells[0][0], str) else np.int64))
        assert column.kind == "date"
        np.testing.assert_array_equal(column.read([cell for (cell,) in cells])[""], moments.astype(np.int64))


def test_dates_without_years_have_no_weekday():
    moments = np.datetime64("2019-01-01") + np.arange(0, 365, 5)
    texts = np.array([[moment.astype(object).strftime("%d.%m.")] for moment in moments], dtype=object)
    assert describe_columns(texts)[0].parts == ("month", "day")


@pytest.mark.parametrize("words", ["True False", "TRUE FALSE", "true false"])
def test_texts_of_true_and_false_are_booleans_in_an_array_as_in_a_file(words):
    cells = [[word] for word in [*words.split(), "n/a"] * 5]
    (column,) = describe_columns(np.array(cells, dtype=object))
    assert column.kind == "boolean"
    np.testing.assert_array_equal(column.read([*words.split(), None])[""], [1, 0, np.nan])


def test_integers_beyond_all_floats_are_taken_for_missing():
    frame = pd.DataFrame({"n": [1, 2, 10**400] * 10, "x": np.arange(30) % 7})
    with pytest.warns(UserWarning, match="hold no number"):
        read = ColumnReader().fit_transform(frame)
    assert read["n"].isna().sum() == 10 and read["n"].max() == 2
