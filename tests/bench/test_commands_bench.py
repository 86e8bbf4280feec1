"""`bpfree bench`: what it prints, writes and returns, on tables small enough for a test."""

import signal
import warnings
from types import SimpleNamespace
from typing import ClassVar

import joblib
import numpy as np
import pandas as pd
import pytest
from commandline import DEFAULT, PEERS, mixed_frame, ranking, refused, run
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score

from sklearn_bpfree import BPFreeClassifier, bench
from sklearn_bpfree.bench import comparison
from sklearn_bpfree.bench import options as bench_options
from sklearn_bpfree.bench.commands import bench as bench_command
from sklearn_bpfree.tabular import ColumnReader, tabular_pipeline


@pytest.mark.parametrize(("target", "task"), [("kind", "classifier"), ("price", "regressor")])
def test_leaderboard_has_all_models_in_the_order_of_their_scores(capsys, table, target, task):
    code, out, err = run(capsys, "bench", table(), "--target", target, "--cv", "2")
    places = ranking(out)
    assert code == 0
    chosen, left_out = bench_command.choose_trainers(None)
    zoo = [DEFAULT, *chosen]
    expected = [*zoo, *PEERS[task]]
    assert list(places) != expected and set(places) == set(expected)
    scores = [float(rest.removeprefix("* ").split()[0]) for _, rest in places.values()]
    assert scores == sorted(scores, reverse=True)
    assert [int(rank) for rank, _ in places.values()] == [scores.index(score) + 1 for score in scores]
    assert places[DEFAULT][1].endswith("the recommended default")
    assert f"Left out: {', '.join(left_out)}; name them with --trainers." in out
    assert {name for name, (_, rest) in places.items() if rest.startswith("* ")} == set(zoo)
    assert ("accuracy" in out, "R2" in out) == (task == "classifier", task == "regressor")
    names = [*PEERS[task][:2], *zoo, *PEERS[task][2:]]
    steps = [f"{name}: fold {fold}" for name in names for fold in (1, 2)]
    assert err.splitlines() == [f"{step} ({k} of {len(steps)})" for k, step in enumerate(steps, start=1)]
    assert "ConvergenceWarning" not in err and ("Warnings not shown: " in out) == (task == "classifier")


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


def test_what_the_columns_of_a_fold_are_is_decided_once_for_all_models_that_read_alike(monkeypatch):
    frame = mixed_frame()
    X, y = frame.drop(columns="kind"), frame["kind"].to_numpy()
    decided, fit = [], ColumnReader.fit_transform
    monkeypatch.setattr(
        ColumnReader, "fit_transform", lambda self, *a, **k: decided.append(repr(self)) or fit(self, *a, **k)
    )
    models = bench.make_models("classifier", ["dfa", "fa"], peers=["dummy", "boosting"])
    results = list(bench.compare(bench.Table("mixed", X, y, "classifier"), models, cv=3, random_state=0))
    assert not comparison.READ
    readers = {repr(model.pipeline[0]) for model in models}  # of which each has features of its own
    assert set(decided) == readers and len(decided) == 3 * len(readers) < 3 * len(models) and len(readers) > 1
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    for result, model in zip(results, models, strict=True):
        assert [fold.score for fold in result.folds] == cross_val_score(model.pipeline, X, y, cv=folds).tolist()


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
        def make(task, trainers, random_state, peers):
            stubs = {"dummy": DummyClassifier(), "acting": Stub(act), "last": Stub(int)}
            return [bench.Model(name, tabular_pipeline(stub), False) for name, stub in stubs.items()]

        monkeypatch.setattr(bench_command, "make_models", make)

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


def test_the_time_limit_ends_the_comparison(capsys, table, competitors, monkeypatch):
    now = [0.0]
    watch = SimpleNamespace(time=lambda: now[0], perf_counter=lambda: now[0])
    for module in (comparison, bench_options):
        monkeypatch.setattr(module, "time", watch)
    competitors(lambda: now.append(now.pop() + 300))
    code, out, _ = run(capsys, "bench", table(), "--target", "kind", "--cv", "5", "--time-limit", "400")
    assert code == 0 and now[0] == 600
    assert "2 folds; not run" in ranking(out)["acting"][1]
    assert "not run: the time limit was over" in ranking(out)["acting"][1]
    assert ranking(out)["last"] == ("", "not run: the time limit was over")


def test_the_time_limit_ends_the_reading(capsys, table, monkeypatch, tmp_path):
    def endless(*args):
        while True:
            pass

    monkeypatch.setattr(bench_options, "read_table", endless)
    for argv in (["bench"], ["fit", "--save", tmp_path / "m"]):
        said = refused(capsys, *argv, table(), "--target", "kind", "--time-limit", "0.01")
        assert "took longer than --time-limit 0.01; give more seconds or fewer rows" in said
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL


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
    monkeypatch.setattr(
        bench_command, "make_models", lambda *args: [bench.Model("noisy", tabular_pipeline(Noisy()), False)]
    )
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
    last = getattr(loaded[-1], "model_", loaded[-1])  # a library's own, if one is installed
    trainer = getattr(last, "trainer", None)
    assert best in (type(last).__name__, DEFAULT if trainer == "ladder" else trainer)
    unseen = frame[70:].drop(columns="kind")
    assert (loaded.predict(unseen) == frame["kind"][70:]).mean() > 0.8


class Unlucky(LogisticRegression):
    """Fails in the first fit of all."""

    fits: ClassVar[list] = []

    def fit(self, X, y, sample_weight=None):
        self.fits.append(len(y))
        if len(self.fits) == 1:
            raise RuntimeError("out of luck")
        return super().fit(X, y)


def test_a_model_that_failed_in_a_fold_is_not_saved(capsys, table, tmp_path, monkeypatch):
    Unlucky.fits.clear()
    models = {"unlucky": Unlucky(), "dummy": DummyClassifier()}
    made = [bench.Model(name, tabular_pipeline(model), False) for name, model in models.items()]
    monkeypatch.setattr(bench_command, "make_models", lambda *args: made)
    code, out, _ = run(capsys, "bench", table(), "--target", "kind", "--cv", "2", "--save", tmp_path / "m")
    assert code == 0 and ranking(out)["unlucky"][0] == "1" and "Saved dummy, fitted on all 60 rows" in out


def grouped_frame(n=120):
    rng = np.random.default_rng(0)
    who = rng.integers(0, 12, n)
    frame = pd.DataFrame({"who": [f"p{i}" for i in who], "x": rng.normal(size=n), "day": rng.permutation(n)})
    frame["y"] = np.where(who % 2, "a", "b")  # only the name of the group tells
    return frame


@pytest.mark.parametrize(("option", "seen"), [([], True), (["--group", "who"], False)])
def test_groups_stay_together_and_their_name_is_no_feature(capsys, table, option, seen):
    path = table(grouped_frame())
    code, out, _ = run(
        capsys, "bench", path, "--target", "y", "--trainers", "rvfl", "--peers", "", "--cv", "3", *option
    )
    score = float(ranking(out)["rvfl"][1].removeprefix("* ").split()[0])
    assert code == 0 and (score > 0.9) == seen and f"{3 if seen else 2} columns" in out


def test_rows_in_time_are_learned_before_they_are_held_out(capsys, table):
    frame = grouped_frame().assign(y=lambda f: np.where(f["day"] < 60, f["x"], -f["x"]))  # the law turns
    scores = []
    for option in ([], ["--time", "day"]):
        argv = ["--target", "y", "--trainers", "", "--peers", "linear", "--cv", "2", "--force", *option]
        _, out, _ = run(capsys, "bench", table(frame), *argv)
        scores.append(float(ranking(out)["Ridge"][1].split()[0]))
    assert scores[1] < scores[0] - 0.1


def test_a_column_that_names_the_rows_is_no_feature(capsys, table):
    _, out, _ = run(capsys, "bench", table(grouped_frame()), "--target", "y", "--trainers", "", "--peers", "dummy",
                    "--cv", "2", "--id", "who")  # fmt: skip
    assert "2 columns" in out
    assert "has no column 'whoo'" in refused(capsys, "bench", table(grouped_frame()), "--target", "y", "--id", "whoo")


def test_rare_classes_are_judged_by_more_than_accuracy(capsys, table):
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    frame = pd.DataFrame({"x": x, "y": np.where(x > np.quantile(x, 0.95), "fraud", "fine")})
    argv = ["bench", table(frame), "--target", "y", "--trainers", "rvfl", "--peers", "dummy,linear", "--cv", "2"]
    _, out, _ = run(capsys, *argv)
    assert "Class fraud has 10 of 200 rows" in out and "accuracy tells nothing here." in out
    assert "model ROC AUC average precision balanced accuracy accuracy log-loss" in " ".join(out.split())
    assert "Ranked by ROC AUC" in out
    assert list(ranking(out))[-1] == "DummyClassifier"
    _, out, _ = run(capsys, *argv, "--scoring", "f1")
    assert "Ranked by f1; --scoring chooses another" in out and ranking(out)["LogisticRegression"][1][:2] in (
        "0.",
        "1.",
    )


def test_one_time_limit_holds_for_all_of_the_work(capsys, table, tmp_path, monkeypatch):
    pytest.importorskip("jinja2")
    given = {}
    original = bench_command.compare

    def compare(*args, time_limit, **options):
        given["compare"] = time_limit
        return original(*args, time_limit=time_limit, **options)

    monkeypatch.setattr(bench_command, "compare", compare)
    monkeypatch.setattr(bench_command, "write_report", lambda path, sections, seconds: given.update(report=seconds))
    files = ["--save", tmp_path / "m", "--report", tmp_path / "r.html"]
    code, *_ = run(
        capsys, "bench", table(), "--target", "kind", "--trainers", "rvfl", "--cv", "2", "--time-limit", "100", *files
    )
    assert code == 0 and given["compare"] == pytest.approx(70, abs=3) and 0 < given["report"] < 100


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--cv", "1000"], "breast_cancer has too few rows of the rarest class for 1000 folds; use a --cv of 212"),
        (["--scoring", "accuracies"], "There is no scorer 'accuracies' (did you mean 'accuracy'?)"),
        (["--peers", "xgbost"], "There is no peer 'xgbost'"),
        (["--group", "a"], "need a TABLE"),
        (["--save", "m.joblib"], "need a TABLE"),
        (["--report", "/dev/null"], "--report /dev/null is a device"),
        (["--report", "nul\0.html"], "cannot be written: embedded null byte"),
        (["/dev/zero", "--target", "a"], "it is a device; give a file"),
        ([".", "--target", "a"], "it is a directory; give a file"),
        (["\x1b[31mno.csv", "--target", "a"], "no.csv cannot be read: No such file or directory"),
    ],
)
def test_what_makes_no_sense_is_said_before_the_work(capsys, argv, message):
    said = refused(capsys, "bench", *argv)
    assert message in said and "\x1b" not in said


def test_outputs_never_take_the_place_of_the_table(capsys, table, tmp_path):
    path = table()
    before = open(path, "rb").read()
    (tmp_path / "link").symlink_to(path)
    for option in ("--save", "--report"):
        for place in (path, tmp_path / "link"):
            said = refused(capsys, "bench", path, "--target", "kind", option, place, "--force")
            assert "would write over" in said
    both = ["--save", tmp_path / "m", "--report", tmp_path / "m"]
    assert "are both" in refused(capsys, "bench", path, "--target", "kind", *both)
    (tmp_path / "m").write_text("mine")
    assert "--force to replace it" in refused(capsys, "bench", path, "--target", "kind", "--save", tmp_path / "m")
    assert open(path, "rb").read() == before and (tmp_path / "m").read_text() == "mine"


def test_nothing_that_is_printed_can_steer_a_terminal(capsys, table, tmp_path):
    evil = "\x1b[31m\x9b2J\x07evil\n"
    frame = mixed_frame().rename(columns={"size": f"size{evil}"})
    frame["kind"] = frame["kind"] + evil
    frame["note"] = [f"{evil}{i}" for i in range(len(frame))]
    path = table(frame, "t\x1b[32m.csv")
    argv = ["bench", path, "--target", "kind", "--trainers", "rvfl", "--peers", "dummy", "--cv", "2"]
    code, *texts = run(capsys, *argv, "--save", tmp_path / "m\x1b[33m")
    assert code == 0 and not any(set("\x1b\x9b\x07") & set(text) for text in texts)
    code, *texts = run(capsys, "predict", tmp_path / "m\x1b[33m", path, "--out", tmp_path / "\x1b[34mo")
    assert code == 0 and not any(set("\x1b\x9b\x07") & set(text) for text in texts)


def test_tables_share_the_time_that_is_left(capsys, monkeypatch):
    given = []
    original = bench_command.compare

    def compare(table, models, *, time_limit, **options):
        given.append(time_limit)
        return original(table, models[:1], time_limit=time_limit, **options)

    monkeypatch.setattr(bench_command, "compare", compare)
    assert run(capsys, "bench", "--trainers", "", "--peers", "dummy", "--cv", "2", "--time-limit", "1000")[0] == 0
    assert given[0] == pytest.approx(500, abs=20) and given[1] == pytest.approx(1000, abs=40)


@pytest.mark.parametrize("option", [[], ["--time-limit", "1000"]])
def test_the_fit_that_is_saved_has_twice_the_time_of_the_folds_fits(capsys, table, tmp_path, monkeypatch, option):
    given = []
    original = bench_command.limited

    def limited(model, seconds):
        given.append(seconds)
        return original(model, seconds)

    monkeypatch.setattr(bench_command, "limited", limited)
    argv = ["--trainers", "", "--peers", "", "--cv", "2", "--save", tmp_path / "m", *option]
    _, out, _ = run(capsys, "bench", table(), "--target", "kind", *argv)
    head = next(line for line in out.splitlines() if line.startswith("rank"))
    line = next(line for line in out.splitlines() if line.startswith("1 "))
    fit = float(line[head.index("fit s") :].split()[0])
    assert given == ([pytest.approx(2 * fit, abs=0.01)] if option else [float("inf")])
