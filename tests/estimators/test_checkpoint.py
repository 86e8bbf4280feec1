"""A fit that outlives its process: every trainer, any step, any process; the file of another fit is refused."""

import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import warnings
from dataclasses import dataclass
from importlib import util
from typing import Any

import numpy as np
import pytest
from joblib import parallel_config
from scipy import sparse
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklearn_bpfree
from sklearn_bpfree import BPFreeClassifier, BPFreeRegressor, Checkpoint, get_trainer, list_trainers, tabular_pipeline
from sklearn_bpfree.estimators import checkpoint as module
from sklearn_bpfree.plugin import State, Trainer, advance
from sklearn_bpfree.testing.asking import first_difference
from sklearn_bpfree.testing.setting import make_table

X, y = make_table("three classes")
REFUSED = r"^The checkpoint \S+ is of another fit, with {} [^\n]+; set it back, give another path, or delete the file"


class Watch:
    """A callback that counts steps, copies the file after one, and ends the fit after another."""

    def __init__(self, path=None, copy_at=None, die_at=None, error=SystemExit):
        self.path, self.copy_at, self.die_at, self.error, self.count = path, copy_at, die_at, error, 0

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "step":
            self.count += 1
            if self.count == self.copy_at:
                shutil.copy(self.path, f"{self.path}.copy")
            if self.count == self.die_at:
                raise self.error


def classifier(*callbacks, make=BPFreeClassifier, **params):
    return make((5,), **{"trainer": "dfa", "max_iter": 6, "random_state": 0, **params}).set_callbacks(*callbacks)


def die(path, step=3, error=SystemExit, rows=X, targets=y, **params):
    """A fit that an exception ends after some steps; its last step is in the file."""
    model = classifier(Checkpoint(path, 0), Watch(die_at=step, error=error), **params)
    with pytest.raises(error):
        model.fit(rows, targets)
    assert not hasattr(model, "n_iter_") and path.exists()


def resume(path, rows=X, targets=y, **params):
    """The same fit in a new estimator, and the number of steps that it took."""
    watch = Watch()
    return classifier(Checkpoint(path, 0), watch, **params).fit(rows, targets), watch.count


def assert_same(model, expected):
    assert first_difference(expected.state_, model.state_, "state") is None
    told, wanted = ([{**row, "seconds": 0} for row in fitted.history_] for fitted in (model, expected))
    assert repr(told) == repr(wanted)
    assert (model.n_iter_, model.stop_reason_) == (expected.n_iter_, expected.stop_reason_)


# --- every trainer ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trainer", [name for name in list_trainers() if name != "cma_es"])
@pytest.mark.parametrize("make, kind", [(BPFreeClassifier, "three classes"), (BPFreeRegressor, "values")])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_every_trainer_goes_on_with_the_same_bits_after_any_step(trainer, make, kind, tmp_path):
    """The file that was there after a step stands for a process that was killed at any time until the next one."""
    rows, targets = make_table(kind)
    path = tmp_path / "run.ckpt"
    step = 1 + (len(trainer) + len(kind)) % 4
    params = {"trainer": trainer, "make": make, "max_iter": 5}
    watch = Watch(path, copy_at=step)
    whole = classifier(Checkpoint(path, 0), watch, **params).fit(rows, targets)
    assert not path.exists() and watch.count == 5
    os.replace(f"{path}.copy", path)
    resumed, count = resume(path, rows, targets, **params)
    assert count == 5 - step and not path.exists()
    assert_same(resumed, whole)
    assert_same(resumed, classifier(**params).fit(rows, targets))


def test_a_state_that_may_hide_code_is_refused_before_the_first_step(tmp_path):
    watch = Watch()
    model = classifier(Checkpoint(tmp_path / "run.ckpt", 0), watch, trainer="cma_es")
    with pytest.raises(TypeError, match=r"^A Checkpoint keeps arrays and plain values, but what CMAES .*: state.strat"):
        model.fit(X, y)
    assert not watch.count and not list(tmp_path.iterdir())


@dataclass(eq=False)
class Walked(State):
    """The state of a third party: a generator of its own, and an object from the second step on, if asked for."""

    rng: Any = None
    held: Any = None


class Walker(Trainer):
    """A third party's trainer, whose state draws by itself."""

    needs = "values"
    holds: bool = False

    def init(self, problem, rng):
        return Walked(problem.network.initial_weights(rng, problem.dtype), rng=np.random.default_rng(rng.integers(99)))

    def step(self, state, problem, rng):
        own = pickle.loads(pickle.dumps(state.rng))
        weights = state.weights + own.standard_normal(state.weights.size, problem.dtype)
        return advance(state, weights=weights, rng=own, held=object() if self.holds else None)


def test_a_third_partys_state_goes_on_with_its_generator(tmp_path):
    path = tmp_path / "run.ckpt"
    die(path, trainer=Walker())
    assert_same(resume(path, trainer=Walker())[0], classifier(trainer=Walker()).fit(X, y))


def test_a_state_that_cannot_be_kept_later_on_is_a_warning_and_the_fit_goes_on(tmp_path):
    model = classifier(Checkpoint(tmp_path / "run.ckpt", 0), trainer=Walker(holds=True))
    with pytest.warns(RuntimeWarning, match=r"written after step 1 \(progress\['state'\]\.held is an object\)") as told:
        model.fit(X, y)
    assert len(told) == 1 and told[0].filename == __file__ and model.n_iter_ == 6


# --- every way to be cut short ----------------------------------------------------------------------------------------

SCRIPT = """
    import os, signal, sys
    import numpy as np
    from sklearn_bpfree import BPFreeClassifier, Checkpoint
    from sklearn_bpfree.testing.setting import make_table

    class Kill:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...
        def on_fit_task_end(self, estimator, context):
            if context.task_name == "step" and context.task_id == int(sys.argv[2]):
                os.kill(os.getpid(), signal.SIGKILL)

    model = BPFreeClassifier((5,), trainer="ladder", max_iter=6, random_state=None)
    model.set_callbacks(Checkpoint(sys.argv[1], 0), Kill()).fit(*make_table("three classes"))
    """


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_a_process_that_is_killed_loses_nothing(tmp_path):
    """Of a fit whose seed is left to chance, too: it is in the file."""
    path = tmp_path / "run.ckpt"
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(SCRIPT), str(path), "3"])
    assert done.returncode == -signal.SIGKILL and path.exists()
    watch = Watch()
    params = {"trainer": "ladder", "random_state": None}
    model = classifier(Checkpoint(path, 0), watch, **params).fit(X, y)
    assert watch.count == 2
    whole = classifier(trainer="ladder", random_state=None)
    whole._draw_seed = lambda: model.progress_.seed
    assert_same(model, whole.fit(X, y))


def test_an_exception_of_any_kind_leaves_the_last_step_however_rarely_the_file_is_written(tmp_path):
    path = tmp_path / "run.ckpt"
    for error in (SystemExit, ValueError, MemoryError):
        with pytest.raises(error):
            classifier(Checkpoint(path, 1e9), Watch(die_at=4, error=error)).fit(X, y)
        model, count = resume(path)
        assert count == 2
        assert_same(model, classifier().fit(X, y))


def test_ctrl_c_and_max_time_keep_the_file_for_another_estimator(tmp_path):
    path = tmp_path / "run.ckpt"
    checkpoint = Checkpoint(path)
    with pytest.warns(ConvergenceWarning, match="interrupted after 2 steps"):
        classifier(checkpoint, Watch(die_at=2, error=KeyboardInterrupt)).fit(X, y)
    for done in (3, 4, 5):
        model = classifier(checkpoint, max_time=1e-9).fit(X, y)
        assert (model.n_iter_, model.stop_reason_, path.exists()) == (done, "max_time", True)
    model, count = resume(path)
    assert count == 1
    assert_same(model, classifier().fit(X, y))


def test_a_fit_that_was_interrupted_goes_on_in_its_own_estimator_as_well(tmp_path):
    path = tmp_path / "run.ckpt"
    model = classifier(Checkpoint(path), warm_start=True, max_time=1e-9).fit(X, y)
    model.fit(X, y)
    model.set_params(max_time=None).fit(X, y)
    assert not path.exists()
    assert_same(model, classifier().fit(X, y))


def test_what_the_estimator_has_in_memory_counts_where_it_has_come_further(tmp_path, monkeypatch):
    path = tmp_path / "run.ckpt"
    model = classifier(Checkpoint(path), warm_start=True, max_time=1e-9).fit(X, y)
    old = path.read_bytes()
    model.fit(X, y)
    path.write_bytes(old)
    assert model.fit(X, y).n_iter_ == 3


@pytest.mark.parametrize("stop", ["tol", "early_stopping"])
def test_patience_and_the_best_state_are_kept(tmp_path, stop):
    params = {"max_iter": 60, "tol": 0.05, "n_iter_no_change": 3, "early_stopping": stop == "early_stopping"}
    whole = classifier(**params).fit(X, y)
    assert whole.stop_reason_ == stop and whole.n_iter_ > 3
    path = tmp_path / "run.ckpt"
    die(path, whole.n_iter_ - 1, **params)
    model, count = resume(path, **params)
    assert count == 1
    assert_same(model, whole)


def test_validation_rows_of_the_users_own_are_compared_too(tmp_path):
    path = tmp_path / "run.ckpt"
    with pytest.raises(SystemExit):
        classifier(Checkpoint(path), Watch(die_at=2)).fit(X[:60], y[:60], X_val=X[60:], y_val=y[60:])
    with pytest.raises(ValueError, match=REFUSED.format("the validation rows")):
        classifier(Checkpoint(path)).fit(X[:60], y[:60], X_val=X[61:], y_val=y[61:])
    model = classifier(Checkpoint(path)).fit(X[:60], y[:60], X_val=X[60:], y_val=y[60:])
    assert_same(model, classifier().fit(X[:60], y[:60], X_val=X[60:], y_val=y[60:]))


def test_a_metric_goes_on_in_its_warm_up_and_after_it(tmp_path):
    path = tmp_path / "run.ckpt"
    params = {"trainer": "open_es", "loss": "f1_macro", "max_iter": 6, "metric_warmup": 0.5}
    whole = classifier(**params).fit(X, y)
    for step in (1, 3, 5):
        die(path, step, **params)
        assert_same(resume(path, **params)[0], whole)


def test_sparse_rows_go_on(tmp_path):
    rows = sparse.csr_array(np.where(np.abs(X) < 0.5, 0, X))
    path = tmp_path / "run.ckpt"
    die(path, rows=rows, trainer="noprop")
    assert_same(resume(path, rows, trainer="noprop")[0], classifier(trainer="noprop").fit(rows, y))


def test_a_second_fit_of_a_warm_start_has_a_file_that_the_first_one_does_not_take(tmp_path):
    """What the fit went on from is told apart by all that it holds."""
    path = tmp_path / "run.ckpt"

    def first(**params):
        return classifier(warm_start=True, **params).fit(X, y)

    died = first()
    died.set_callbacks(Checkpoint(path, 0), Watch(die_at=2))
    with pytest.raises(SystemExit):
        died.fit(X, y)
    with pytest.raises(ValueError, match=REFUSED.format("the state that the fit begins with")):
        classifier(Checkpoint(path)).fit(X, y)
    other = first(trainer=get_trainer("dfa", learning_rate=0.1)).set_params(trainer="dfa")
    with pytest.raises(ValueError, match=REFUSED.format("the state that the fit begins with")):
        other.set_callbacks(Checkpoint(path)).fit(X, y)
    model = first().set_callbacks(Checkpoint(path)).fit(X, y)
    assert model.n_iter_ == 12
    assert_same(model, first().fit(X, y))


# --- another fit ------------------------------------------------------------------------------------------------------

CHANGES = {
    "max_iter": {"max_iter": 7},
    "hidden_layer_sizes": {"hidden_layer_sizes": (6,)},
    "random_state": {"random_state": 1},
    "batch_size": {"batch_size": 10},
    "class_weight": {"class_weight": "balanced"},
    "dtype": {"dtype": "float64"},
    "tol": {"tol": 0.1},
    "n_iter_no_change": {"n_iter_no_change": 3},
    "trainer": {"trainer": "fa"},
    "trainer__learning_rate": {"trainer": get_trainer("dfa", learning_rate=0.5)},
    "scoring": {"scoring": "accuracy"},
}


@pytest.mark.parametrize("name", CHANGES)
def test_another_parameter_is_refused_by_its_name(tmp_path, name):
    path = tmp_path / "run.ckpt"
    die(path)
    before = path.read_bytes()
    words = "the number of steps" if name == "max_iter" else "the training rows" if name == "dtype" else name
    model = classifier(Checkpoint(path)).set_params(**CHANGES[name])
    with pytest.raises(ValueError, match=REFUSED.format(words)):
        model.fit(X, y)
    assert path.read_bytes() == before and not hasattr(model, "state_")


@pytest.mark.parametrize("change", ["fewer rows", "a cell", "a target", "weights"])
def test_another_table_is_refused(tmp_path, change):
    path = tmp_path / "run.ckpt"
    die(path)
    rows, targets, weight = X.copy(), y.copy(), None
    if change == "fewer rows":
        rows, targets = rows[:-1], targets[:-1]
    elif change == "a cell":
        rows[3, 1] += 1e-3
    elif change == "a target":
        targets[5] = 1 - targets[5] % 2
    else:
        weight = 1.0 + np.arange(len(y)) % 2
    with pytest.raises(ValueError, match=REFUSED.format("the training rows")):
        classifier(Checkpoint(path)).fit(rows, targets, weight)


def test_another_version_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "run.ckpt"
    die(path)
    monkeypatch.setattr(sklearn_bpfree, "__version__", "9.9")
    with pytest.raises(ValueError, match=REFUSED.format("sklearn-bpfree 0.* there and 9.9")):
        resume(path)


def test_what_changes_no_bits_may_change(tmp_path):
    path = tmp_path / "run.ckpt"
    die(path)
    model, count = resume(path, n_jobs=2, verbose=False, max_time=100, warm_start=True)
    assert count == 3
    assert_same(model, classifier().fit(X, y))


# --- clones -----------------------------------------------------------------------------------------------------------


def files(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_each_candidate_and_fold_of_a_search_has_a_file_of_its_own(tmp_path, n_jobs):
    """A search that died fits nothing again that it had fitted, and finds what it would have found."""
    checkpoint, grid = Checkpoint(tmp_path / "run.ckpt", 0), {"bpfreeclassifier__trainer": ["dfa", "fa"]}

    def search(*callbacks):
        pipeline = make_pipeline(StandardScaler(), classifier(*callbacks))
        found = GridSearchCV(pipeline, grid, cv=2, n_jobs=n_jobs, error_score="raise")
        with parallel_config("threading"):
            return found.fit(X, y)

    expected = search()
    dies = Watch(die_at=6 * 2 + 3)  # in the third of five fits
    if n_jobs is None:  # otherwise there is no telling how far the other thread comes
        with pytest.raises(SystemExit):
            search(checkpoint, dies)
        assert len(files(tmp_path)) == 3
    watch = Watch()
    found = search(checkpoint, watch)
    assert watch.count == 6 * 5 - dies.count
    assert (found.cv_results_["mean_test_score"] == expected.cv_results_["mean_test_score"]).all()
    assert_same(found.best_estimator_[-1], expected.best_estimator_[-1])
    assert len(files(tmp_path)) == 5 and all(re.fullmatch("run-[0-9a-f]{16}.ckpt", name) for name in files(tmp_path))
    (tmp_path / "run-1.ckpt").touch()
    checkpoint.clear()
    assert files(tmp_path) == ["run-1.ckpt"]


def test_a_fit_that_has_ended_comes_back_from_its_file_without_a_step(tmp_path):
    """With all that it says of itself."""
    model = classifier(Checkpoint(tmp_path / "run.ckpt"), early_stopping=True, tol=0.1, n_iter_no_change=2, max_iter=50)
    once, again = clone(model).fit(X, y), clone(model)
    watch = Watch()
    again._skl_callbacks = [*again._skl_callbacks, watch]
    assert_same(again.fit(X, y), once)
    assert not watch.count and again.stop_reason_ == "early_stopping"


def test_cross_validation_and_nested_clones_have_files_of_their_own(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.ckpt")
    bag = BaggingClassifier(classifier(checkpoint, max_iter=2), n_estimators=3, random_state=0)
    scores = cross_validate(bag, X, y, cv=2, error_score="raise")["test_score"]
    assert len(files(tmp_path)) == 6
    assert (cross_validate(bag, X, y, cv=2, error_score="raise")["test_score"] == scores).all()


def test_an_estimator_inside_of_a_pipeline_with_callbacks_of_its_own_is_no_clone(tmp_path):
    path = tmp_path / "run.ckpt"
    pipeline = make_pipeline(StandardScaler(), classifier(Checkpoint(path), Watch(die_at=2)))
    with pytest.raises(SystemExit):
        pipeline.fit(X, y)
    assert files(tmp_path) == ["run.ckpt"]


def test_callbacks_that_are_handed_down_make_no_clone_the_users_own(tmp_path):
    pipeline = make_pipeline(StandardScaler(), classifier(Checkpoint(tmp_path / "run.ckpt")))
    handed = clone(pipeline).set_callbacks(Watch())
    handed.set_callbacks(ProgressBar()) if util.find_spec("rich") else None
    handed.fit(X, y)
    assert re.fullmatch("run-[0-9a-f]{16}.ckpt", files(tmp_path)[0])


def test_the_default_for_tables_is_kept_by_the_estimator_inside(tmp_path):
    path = tmp_path / "run.ckpt"
    pipeline = tabular_pipeline("classifier", random_state=0)
    pipeline[-1].set_params(max_iter=6).set_callbacks(Checkpoint(path), Watch(die_at=4))
    with pytest.raises(SystemExit):
        pipeline.fit(X, y)
    watch = Watch()
    pipeline[-1].set_callbacks(Checkpoint(path), watch)
    P = pipeline.fit(X, y).predict_proba(X)
    assert watch.count == 2
    pipeline[-1].set_callbacks()
    assert (pipeline.fit(X, y).predict_proba(X) == P).all()


def test_clones_that_leave_their_seed_to_chance_are_refused(tmp_path):
    model = clone(classifier(Checkpoint(tmp_path / "run.ckpt"), random_state=None))
    with pytest.raises(ValueError, match=r"random_state=None .*; set random_state to an integer\.$"):
        model.fit(X, y)


# --- the callback itself ----------------------------------------------------------------------------------------------


def test_a_folder_that_vanishes_and_a_disk_without_room_are_one_warning(tmp_path):
    folder = tmp_path / "there"
    folder.mkdir()
    model = classifier(Checkpoint(folder / "run.ckpt", 0))
    folder.rmdir()
    with pytest.warns(RuntimeWarning, match=r"could not be written after step 1 \(No such file or directory\)") as told:
        model.fit(X, y)
    assert len(told) == 1 and told[0].filename == __file__
    assert_same(model, classifier().fit(X, y))


def test_the_file_is_written_when_its_time_has_come(tmp_path, monkeypatch):
    """Every look at the clock takes a second: one look per step, one after writing."""
    looks = iter(range(1000))
    monkeypatch.setattr(module.time, "monotonic", lambda: next(looks))
    written = []
    monkeypatch.setattr(module._Run, "_write", lambda run, path: written.append(run.progress.n_steps))
    classifier(Checkpoint(tmp_path / "run.ckpt", 3), max_iter=9).fit(X, y)
    assert written == [3, 6, 9]


def test_temporary_files_of_a_process_that_was_killed_while_writing_are_removed(tmp_path):
    path = tmp_path / "run.ckpt"
    left = tmp_path / f"{module.disk._prefix(path)}abc"
    left.touch()
    (tmp_path / ".bpfree-other").touch()
    classifier(Checkpoint(path)).fit(X, y)
    assert files(tmp_path) == [".bpfree-other"]


@pytest.mark.parametrize(
    "args, message",
    [
        ((3,), "path of a Checkpoint must be the name of a file, got 3"),
        ((b"run.ckpt",), "path of a Checkpoint must be the name of a file"),
        (("",), "path of a Checkpoint must be the name of a file"),
        (("a\0b",), "path of a Checkpoint must be the name of a file"),
        (("folder/",), "path of a Checkpoint must be the name of a file"),
        (("run.ckpt", -1), "seconds of a Checkpoint must be a finite number >= 0, got -1"),
        (("run.ckpt", True), "seconds of a Checkpoint must be a finite number >= 0, got True"),
        (("run.ckpt", float("nan")), "seconds of a Checkpoint must be a finite number >= 0, got nan"),
        (("run.ckpt", "60"), "seconds of a Checkpoint must be a finite number >= 0, got '60'"),
    ],
)
def test_what_makes_no_sense_is_a_sentence(args, message):
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        Checkpoint(*args)


def test_it_belongs_on_one_of_our_estimators_and_there_is_one(tmp_path):
    for other in (LogisticRegression(), make_pipeline(StandardScaler(), classifier())):
        with pytest.raises(TypeError, match=r"but is set on \w+; set it on the estimator inside\.$"):
            other.set_callbacks(Checkpoint(tmp_path / "run.ckpt")).fit(X, y)
    with pytest.raises(ValueError, match="A fit has one Checkpoint at most"):
        classifier(Checkpoint(tmp_path / "a"), Checkpoint(tmp_path / "b")).fit(X, y)


def test_without_scikit_learns_callbacks_it_says_so(monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"^Checkpoint is a callback of scikit-learn's, which has them from 1\.9 on"):
        Checkpoint("run.ckpt")


def test_a_fitted_estimator_with_a_checkpoint_can_be_pickled(tmp_path):
    model = classifier(Checkpoint(tmp_path / "run.ckpt", 7)).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert (again.predict(X) == model.predict(X)).all()
    assert repr(again._skl_callbacks[0]) == repr(model._skl_callbacks[0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again.fit(X, y)
