"""The command line: what it prints, writes and returns, on tables small enough for a test."""

import re
import signal
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score

from sklearn_bpfree import BPFreeClassifier, bench, list_trainers
from sklearn_bpfree.bench import cli
from sklearn_bpfree.plugin.registry import TrainerInfo
from sklearn_bpfree.tabular import tabular_pipeline

DEFAULT = "tabular_pipeline"
PEERS = {
    "classifier": ["DummyClassifier", "LogisticRegression", "HistGradientBoostingClassifier", "MLPClassifier"],
    "regressor": ["DummyRegressor", "Ridge", "HistGradientBoostingRegressor", "MLPRegressor"],
}


def mixed_frame(n=60):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "size": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            "colour": rng.choice(["red", "green, pale", None], n),
            "bought": rng.random(n) < 0.5,
        }
    )
    frame["price"] = 100 * frame["size"].fillna(0) + 30 * (frame["colour"] == "red") + rng.normal(size=n)
    frame["kind"] = np.where(frame["price"] > 0, "dear", "cheap")
    return frame


@pytest.fixture
def table(tmp_path):
    """Write a frame (the mixed one by default) to a file and return the file's name."""

    def write(frame=None, name="table.csv", **options):
        path = tmp_path / name
        frame = mixed_frame() if frame is None else frame
        if path.suffix == ".parquet":
            frame.to_parquet(path)
        else:
            frame.to_csv(path, index=False, **options)
        return str(path)

    return write


def run(capsys, *argv):
    """Exit code, stdout and stderr of the command."""
    code = cli.main([str(arg) for arg in argv])
    return code, *capsys.readouterr()


def refused(capsys, *argv):
    """The one sentence with which the command ends."""
    code, _, err = run(capsys, *argv)
    last = err.splitlines()[-1]
    assert code == 2 and last.startswith("bpfree: error: ") and last.endswith(".")
    assert "Traceback" not in err
    return last.removeprefix("bpfree: error: ")


def ranking(out):
    """Name of the model -> (rank, rest of the line), from the leaderboards in the output."""
    lines = out.splitlines()
    heads = [i for i, line in enumerate(lines) if line.startswith("rank")]
    places = {}
    for head in heads:
        for line in lines[head + 2 :]:
            if line.startswith("* trainer"):
                break
            rank, name, *rest = line.split() if line[0] != " " else ("", *line.split())
            places[name] = rank, " ".join(rest)
    return places


# --- list and show ----------------------------------------------------------------------------------------------------


def test_list_names_every_trainer_in_aligned_columns(capsys):
    code, out, _ = run(capsys, "list")
    header, rule, *rows = out.splitlines()
    assert code == 0
    assert [row.split()[0] for row in rows] == list_trainers()
    assert header.split() == ["name", "family", "needs", "offers", "transposes", "distribution", "summary"]
    filled = [name for name in header.split() if name != "offers"]  # a trainer may offer nothing
    starts = [header.index(name) for name in filled]
    assert all(row[start - 1] == " " != row[start] for row in (rule, *rows) for start in starts[1:])


ZOO = [
    TrainerInfo("acme", "acme", "acme-trainers 2.0", error="Trainer 'acme' cannot be imported; repair it."),
    TrainerInfo("good", "nice", "nice 1.0", "Does a|b.", "values", ("partial_fit", "ensemble"), "own head"),
]


def test_list_shows_a_broken_plugin_with_reason_and_distribution(capsys, monkeypatch):
    monkeypatch.setattr(cli, "inspect_trainers", lambda: ZOO)
    code, out, _ = run(capsys, "list")
    broken, good = out.splitlines()[2:]
    assert code == 0
    assert "broken: Trainer 'acme' cannot be imported; repair it." in broken and "acme-trainers 2.0" in broken
    assert "broken" not in good and "partial_fit, ensemble" in good


def test_list_as_markdown(capsys, monkeypatch):
    monkeypatch.setattr(cli, "inspect_trainers", lambda: ZOO[1:])
    assert run(capsys, "list", "--markdown")[1].splitlines() == [
        "| name | family | needs | offers | transposes | distribution | summary |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| good | nice | values | partial_fit, ensemble | own head | nice 1.0 | Does a\\|b. |",
    ]


def test_show_gives_paper_and_parameters(capsys):
    code, out, _ = run(capsys, "show", "fa")
    lines = [line.split() for line in out.splitlines()]
    assert code == 0
    assert ["learning_rate", "float", "0.006"] in lines and ["feedback", "str", "'sign'"] in lines
    assert "Lillicrap, Cownden, Tweed and Akerman (2016)" in out.partition("Paper:")[2]
    assert out.startswith("fa: Feedback alignment")


def test_defaults_of_every_kind():
    @dataclass
    class Params:
        size: int
        rate: float = 0.5
        names: list = field(default_factory=list)

    assert [cli._default(f) for f in fields(Params)] == ["required", "0.5", "[]"]


def test_references_end_at_the_next_section():
    docstring = "One line.\n\nReferences\n----------\nA (2016).\n\nB (2017).\n\nNotes\n-----\nLong.\n"
    assert cli._references(docstring) == "A (2016).\n\nB (2017)."
    assert cli._references("One line.\n\nReferences\n----------\nA (2016).") == "A (2016)."
    assert cli._references("One line.") == "none given"


def test_broken_trainers_are_not_compared_and_doubles_only_once(monkeypatch):
    assert cli._chosen_trainers("fa, dfa,fa,") == ["fa", "dfa"]
    monkeypatch.setattr(cli, "inspect_trainers", lambda: ZOO)
    assert cli._chosen_trainers(None) == []  # the one that works needs values, and takes its time
    quick = [replace(info, needs="output error") for info in ZOO if info.name == "good"]
    slow = [replace(quick[0], slow=True)]
    monkeypatch.setattr(cli, "inspect_trainers", lambda: [*ZOO, *slow, *quick])
    assert cli._chosen_trainers(None) == ["good"]


@pytest.mark.parametrize("argv", [["show", "dfaa"], ["bench", "--trainers", "fa,dfaa"]])
def test_unknown_trainer(capsys, argv):
    assert "no trainer 'dfaa' (did you mean 'dfa'?)" in refused(capsys, *argv)


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
    path = table(pd.DataFrame({"x": range(60), "y": [1, 2, 3] * 20}))
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
    ({"x": range(60), "y": range(60)}, ["--target", "y", "--task", "classifier"], "has no class of at least 5 rows"),
    ({"x": range(60), "y": [2.5] * 60}, ["--target", "y"], "has one value, 2.5"),
    ({"x": range(60), "y": [np.inf, 0.5] * 30}, ["--target", "y"], "has infinite values"),
    ({"x": range(60), "y": ["a", "b"] * 30}, ["--target", "y", "--task", "regressor"], "but a regressor needs numbers"),
    ({"x": [1, 2], "y": [1.5, 2.5]}, ["--target", "y"], "has 2 usable rows, but 5 folds need 10"),
    ({"x": [], "y": []}, ["--target", "y"], "has no row with a value of 'y'"),
    ({"x": [1, 2], "y": [None, None]}, ["--target", "y"], "has no row with a value of 'y'"),
    ({"y": [1, 2]}, ["--target", "y"], "has no column besides the target 'y'"),
    ({"Cost": [1], "size": [2]}, ["--target", "coost"], "no column 'coost' (did you mean 'Cost'?); its columns are C"),
    ({"x": range(20), "y": [1, 2] * 10}, [], "Say which column of"),
    ({" y ": range(20), "x": [1, 2] * 10}, ["--target", "y"], "has no column 'y' (did you mean ' y '?)"),
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
        ("empty.csv", b"", "cannot be read: No columns to parse from file."),
        ("binary.csv", b"\xff\xfe\x00\x01,\x80\n", "cannot be read: it is not in UTF-8 ("),
        ("latin.csv", "größe,b\n1,2\n".encode("latin-1"), "cannot be read: it is not in UTF-8 ("),
        ("twice.csv", b"b,a,b\n1,2,3\n", "has more than one column 'b'; rename all but the target."),
        ("ragged.csv", b"a,b\n1,2\n1,2,3,4\n", "cannot be read: Error tokenizing data"),
        ("text.parquet", b"a,b\n1,2\n", "cannot be read: "),
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
print(cli.main(["bench", "t.csv", "--target", "y"]), cli.main(["bench", "--trainers", "dfa", "--cv", "2"]))
"""


def test_a_file_needs_pandas_and_the_bundled_tables_do_not():
    done = subprocess.run([sys.executable, "-c", WITHOUT_PANDAS], capture_output=True, encoding="utf-8", check=True)
    message = 'Reading a table needs pandas and pyarrow; run pip install "sklearn-bpfree[table]".'
    assert done.stderr.splitlines()[0] == f"bpfree: error: {message}"
    assert done.stdout.startswith("breast_cancer: 569 rows, 30 columns, 2 folds.\n")
    assert "\ndiabetes: 442 rows, 10 columns, 2 folds.\n" in done.stdout
    assert set(ranking(done.stdout)) == {*PEERS["classifier"], *PEERS["regressor"], DEFAULT, "dfa"}
    assert len(re.findall(r"^Best: (dfa|tabular_pipeline) 0\.", done.stdout, re.M)) == 2
    assert done.stdout.splitlines()[-1] == "2 0"


# --- comparing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("target", "task"), [("kind", "classifier"), ("price", "regressor")])
def test_leaderboard_has_all_models_in_the_order_of_their_scores(capsys, table, target, task):
    code, out, err = run(capsys, "bench", table(), "--target", target, "--cv", "2")
    places = ranking(out)
    assert code == 0
    zoo = [DEFAULT, *cli._chosen_trainers(None)]
    expected = [*zoo, *PEERS[task]]
    assert list(places) != expected and set(places) == set(expected)
    assert [int(rank) for rank, _ in places.values()] == list(range(1, len(places) + 1))
    scores = [float(rest.removeprefix("* ").split()[0]) for _, rest in places.values()]
    assert scores == sorted(scores, reverse=True)
    assert {name for name, (_, rest) in places.items() if rest.startswith("* ")} == set(zoo)
    assert ("accuracy" in out, "R2" in out) == (task == "classifier", task == "regressor")
    names = [*PEERS[task][:2], *zoo, *PEERS[task][2:]]
    assert err.splitlines() == [f"{name}: fold {fold}" for name in names for fold in (1, 2)]
    assert "ConvergenceWarning" not in err and "Warnings not shown: " in out


def test_scores_are_those_of_cross_validation():
    X, y = load_iris(return_X_y=True)
    models = bench.make_models("classifier", ["dfa"], random_state=3)[:4]
    results = list(bench.compare(bench.Table("iris", X, y, "classifier"), models, cv=2, random_state=3))
    folds = StratifiedKFold(2, shuffle=True, random_state=3)
    estimators = [DummyClassifier(), LogisticRegression(), "classifier", BPFreeClassifier()]
    for result, estimator in zip(results, estimators, strict=True):
        pipeline = tabular_pipeline(estimator, random_state=3)
        scores = cross_val_score(pipeline, X, y, cv=folds)
        losses = -cross_val_score(pipeline, X, y, cv=folds, scoring="neg_log_loss")
        assert [fold.score for fold in result.folds] == scores.tolist()
        np.testing.assert_allclose([fold.loss for fold in result.folds], losses)
        assert (result.score, result.spread) == (pytest.approx(scores.mean()), pytest.approx(scores.std()))


def test_folds_in_parallel_give_the_same_scores():
    X, y = load_iris(return_X_y=True)
    table = bench.Table("iris", X, y, "classifier")
    models = bench.make_models("classifier", [])[1:2]
    scores = [[r.score for r in bench.compare(table, models, cv=2, n_jobs=n_jobs)] for n_jobs in (1, 2)]
    assert scores[0] == scores[1]


class Stub(ClassifierMixin, BaseEstimator):
    """A classifier that calls a function when it is fitted."""

    def __init__(self, act=None):
        self.act = act

    def fit(self, X, y):
        self.act()
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.repeat(self.classes_[:1], len(X))


@pytest.fixture
def competitors(monkeypatch):
    """Let `bench` compare a dummy, a stub that acts, and one that does nothing."""

    def install(act):
        def make(task, trainers, random_state):
            stubs = {"dummy": DummyClassifier(), "acting": Stub(act), "last": Stub(int)}
            return [bench.Model(name, tabular_pipeline(stub), False) for name, stub in stubs.items()]

        monkeypatch.setattr(cli, "make_models", make)

    return install


def test_a_failing_model_does_not_stop_the_others(capsys, table, competitors):
    def fail():
        raise RuntimeError("out of luck\nand more")

    competitors(fail)
    code, out, _ = run(capsys, "bench", table(), "--target", "kind", "--cv", "2")
    assert code == 0
    assert ranking(out)["acting"] == ("", "failed: RuntimeError: out of luck")
    assert ranking(out)["last"][0] == "2"


def test_a_model_that_fails_on_one_fold_is_ranked_with_a_note(capsys, table, competitors, tmp_path):
    calls = []

    def fail_once():
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("out of luck")

    competitors(fail_once)
    code, out, _ = run(capsys, "bench", table(), "--target", "kind", "--cv", "3")
    assert code == 0
    assert "2 folds; failed: RuntimeError: out of luck" in ranking(out)["acting"][1]


def test_all_models_failing_is_an_error(capsys, table):
    path = table(pd.DataFrame({"x": [f"text number {i}" for i in range(60)], "y": [1, 2] * 30}))
    message = refused(capsys, "bench", path, "--target", "y", "--trainers", "dfa")
    assert "No model got through a fold" in message and not message.endswith("..")


@pytest.mark.parametrize("swallowed", [True, False])
def test_ctrl_c_gives_the_leaderboard_so_far(capsys, table, competitors, swallowed):
    def interrupt():
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            if not swallowed:
                raise

    competitors(interrupt)
    before = signal.getsignal(signal.SIGINT)
    code, out, err = run(capsys, "bench", table(), "--target", "kind", "--cv", "2")
    assert code == 130
    assert ranking(out)["dummy"][0] == "1"
    assert ranking(out)["acting"] == ("", "interrupted") and ranking(out)["last"] == ("", "not run")
    assert err.splitlines()[-1] == "bpfree: interrupted"
    assert signal.getsignal(signal.SIGINT) is before


def test_the_time_limit_ends_the_comparison(capsys, table, competitors):
    competitors(lambda: time.sleep(0.3))
    begin = time.perf_counter()
    code, out, _ = run(capsys, "bench", table(), "--target", "kind", "--cv", "5", "--time-limit", "0.4")
    assert code == 0 and time.perf_counter() - begin < 2
    assert "not run: the time limit was over" in ranking(out)["acting"][1]
    assert ranking(out)["last"] == ("", "not run: the time limit was over")


def test_the_time_is_shared_evenly_among_the_folds_that_are_left():
    shares = []

    class Timed(Stub):
        def __init__(self, max_time=None):
            self.max_time = max_time

        def act(self):
            shares.append(self.max_time)

    models = [bench.Model(name, tabular_pipeline(Timed()), True) for name in "ab"]
    table = bench.Table("t", np.arange(20.0)[:, None], np.arange(20) % 2, "classifier")
    list(bench.compare(table, models, cv=5, time_limit=100))
    assert shares == pytest.approx([10] * 5 + [20] * 5, rel=0.1)


def test_trainers_stop_when_their_time_is_over():
    default = bench.limited(bench.make_models("regressor", [])[2], 2.5)
    assert default[-1].regressor.max_time == 2.5
    trainer = bench.make_models("classifier", ["dfa"])[3]
    assert bench.limited(trainer, 2.5)[-1].max_time == 2.5
    assert bench.limited(trainer, -1.0)[-1].max_time > 0
    assert bench.limited(trainer, float("inf"))[-1].max_time is None
    assert trainer.pipeline[-1].max_time is None


class Noisy(DummyClassifier):
    def fit(self, X, y):
        warnings.warn("Did not converge.", ConvergenceWarning, stacklevel=2)
        return super().fit(X, y)


def test_the_saved_model_is_fitted_on_all_rows_without_noise(capsys, table, tmp_path, monkeypatch):
    monkeypatch.setattr(cli, "make_models", lambda *args: [bench.Model("noisy", tabular_pipeline(Noisy()), False)])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        code, out, _ = run(capsys, "bench", table(), "--target", "kind", "--cv", "3", "--save", tmp_path / "m.joblib")
    assert code == 0 and caught == []
    assert "Warnings not shown: noisy 3 ConvergenceWarning" in out
    share = (mixed_frame()["kind"] == "cheap").mean()
    np.testing.assert_allclose(joblib.load(tmp_path / "m.joblib")[-1].class_prior_, [share, 1 - share])


def test_the_saved_model_is_the_best_and_predicts_on_the_raw_table(capsys, table, tmp_path):
    frame = mixed_frame(90)
    path, model = table(frame[:70]), tmp_path / "model.joblib"
    code, out, _ = run(capsys, "bench", path, "--target", "kind", "--cv", "2", "--trainers", "dfa", "--save", model)
    assert code == 0
    best = next(iter(ranking(out)))
    assert f"Saved {best}, fitted on all 70 rows." in out and f"joblib.load({str(model)!r})" in out
    loaded = joblib.load(model)
    trainer = getattr(loaded[-1], "trainer", None)
    assert best in (type(loaded[-1]).__name__, DEFAULT if trainer == "ladder" else trainer)
    unseen = frame[70:].drop(columns="kind")
    assert (loaded.predict(unseen) == frame["kind"][70:]).mean() > 0.8
