"""A fit's file: damage and forgeries are one sentence, opening it runs nothing, a write that fails harms nothing."""

import errno
import json
import os
import re
import sys
import zipfile

import numpy as np
import pytest

from sklearn_bpfree import BPFreeClassifier, Checkpoint
from sklearn_bpfree.estimators import checkpoint as checkpoint_module
from sklearn_bpfree.estimators import disk, fit_file, records
from sklearn_bpfree.estimators.fit_file import read_fit, write_fit
from sklearn_bpfree.testing.setting import make_table

X, y = make_table("two classes")
DAMAGED = r"^The checkpoint \S+ is damaged, or is none \([^\n]+\); give another path, or delete it to begin anew\.$"
REFUSED = rf"{DAMAGED}|^The fit in \S+ cannot be taken up \([^\n]+\); delete the file to begin anew\.$"
REFUSED += r"|^The checkpoint \S+ is of another fit, [^\n]+, or delete the file to begin anew\.$"


class Dies:
    """A callback that ends the fit after a step, as an exception of anybody's does."""

    def __init__(self, step):
        self.step = step

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "step" and context.task_id + 1 == self.step:
            raise SystemExit(self.step)


def model(*callbacks, **params):
    params = {"trainer": "dfa", "max_iter": 4, "random_state": 0, **params}
    return BPFreeClassifier((3,), **params).set_callbacks(*callbacks)


@pytest.fixture
def died(tmp_path):
    """The file of a fit that died after its second step."""
    path = tmp_path / "run.ckpt"
    with pytest.raises(SystemExit):
        model(Checkpoint(path, 0), Dies(2)).fit(X, y)
    return path


def again(path):
    return model(Checkpoint(path, 0)).fit(X, y)


WHOLE = model().fit(X, y).predict_proba(X)


# --- damage -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"x", b"PK", b"\x80\x04." * 50, b"\x93NUMPY\x01\x00", bytes(1000)])
def test_what_is_no_checkpoint_is_a_sentence(tmp_path, content):
    path = tmp_path / "run.ckpt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=DAMAGED):
        again(path)
    assert path.read_bytes() == content, "it is left as it is"


def test_a_file_that_was_cut_off_anywhere_is_a_sentence(died):
    data = died.read_bytes()
    for end in range(0, len(data), 97):
        died.write_bytes(data[:end])
        with pytest.raises(ValueError, match=DAMAGED):
            read_fit(died)


def test_flipped_bits_are_a_sentence_or_change_nothing(died):
    """Whatever a flipped byte leaves readable must have been without meaning, such as the time of a member."""
    data, saved = died.read_bytes(), read_fit(died)
    for place in range(0, len(data), 7):
        died.write_bytes(data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
        try:
            found = read_fit(died)
        except ValueError as error:
            assert re.match(DAMAGED, str(error))
        else:
            assert found.about == saved.about
            assert all(a.tobytes() == b.tobytes() for a, b in zip(found.arrays, saved.arrays, strict=True))


@pytest.mark.parametrize("name", ["a directory", "a pipe", "a device"])
def test_what_is_no_file_is_a_sentence_and_never_waits(tmp_path, name):
    path = tmp_path / "run.ckpt"
    if name == "a directory":
        path.mkdir()
    elif name == "a pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(ValueError, match=r"is no file; give another path\.$"):
        again(path)


def test_a_compressed_file_is_not_blown_up(died):
    with np.load(died) as members:
        content = dict(members)
    np.savez_compressed(str(died) + ".npz", **content)
    os.replace(str(died) + ".npz", died)
    with pytest.raises(ValueError, match="it is compressed"):
        again(died)


def test_an_array_of_objects_is_not_unpickled(died, tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "bang"),)

    with np.load(died) as members:
        content = dict(members)
    content["0"] = np.array([Bomb()], object)
    with open(died, "wb") as file:
        np.savez(file, **content)
    with pytest.raises(ValueError, match=DAMAGED):
        again(died)
    assert not (tmp_path / "bang").exists()


def test_numpy_opens_the_file_without_pickles(died):
    with np.load(died, allow_pickle=False) as members:
        assert json.loads(members["about"].tobytes())["format"] == fit_file.FORMAT
    assert zipfile.ZipFile(died).testzip() is None


# --- forgeries --------------------------------------------------------------------------------------------------------


def state_of(about):
    """The tree of the state's fields."""
    books = about["progress"][1]
    return next(tree for name, tree in books if name == "state")[2]


def book(about, name, value):
    next(pair for pair in about["progress"][1] if pair[0] == name)[1] = value


FORGERIES = {
    "no format": lambda about, arrays: about.pop("format"),
    "a later format": lambda about, arrays: about.update(format=2),
    "no identity": lambda about, arrays: about.pop("identity"),
    "an identity of numbers": lambda about, arrays: about.update(identity=[1, 2]),
    "no progress": lambda about, arrays: about.pop("progress"),
    "progress of another kind": lambda about, arrays: about.update(progress=["list", []]),
    "a book less": lambda about, arrays: about["progress"][1].pop(),
    "another class": lambda about, arrays: book(about, "state", ["record", "subprocess:Popen", {"args": "true"}]),
    "a state of another trainer": lambda about, arrays: book(
        about, "state", ["record", "sklearn_bpfree.plugin.trainer:State", {"weights": ["array", 0], "loss": 0.5}]
    ),
    "a seed of words": lambda about, arrays: book(about, "seed", "0"),
    "another seed": lambda about, arrays: book(about, "seed", 1),
    "steps below none": lambda about, arrays: book(about, "iteration", -1),
    "more steps than were planned": lambda about, arrays: book(about, "iteration", 10**9),
    "miscounted steps": lambda about, arrays: book(about, "n_steps", 3),
    "an unheard-of reason": lambda about, arrays: book(about, "stop_reason", "\x1b[31m"),
    "no history": lambda about, arrays: book(about, "history", ["list", []]),
    "a history of words": lambda about, arrays: book(about, "history", ["list", ["a", "b"]]),
    "weights of words": lambda about, arrays: state_of(about).update(weights="a"),
    "short weights": lambda about, arrays: arrays.__setitem__(0, arrays[0][:3]),
    "double weights": lambda about, arrays: arrays.__setitem__(0, arrays[0].astype(float)),
    "weights without end": lambda about, arrays: arrays.__setitem__(0, arrays[0] * np.inf),
    "feedback of another shape": lambda about, arrays: state_of(about).update(feedback=["list", [["array", 0]] * 9]),
    "slots of words": lambda about, arrays: state_of(about).update(slots=["list", ["a"]]),
    "slots of another shape": lambda about, arrays: state_of(about).update(slots=["list", [["array", 1]] * 2]),
    "updates of words": lambda about, arrays: state_of(about).update(t="many"),
    "another table": lambda about, arrays: about["identity"].update({"the training rows": "\x1b[2J"}),
    "a parameter more": lambda about, arrays: about["identity"].update({"\x1b[2J": "x"}),
    "another version": lambda about, arrays: about["versions"].update(numpy="9"),
    "an array more": lambda about, arrays: arrays.append(arrays[0]),
    "endless nesting": lambda about, arrays: book(about, "history", nested(3000)),
}


def nested(depth):
    tree = ["list", []]
    for _ in range(depth):
        tree = ["tuple", [tree]]
    return tree


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_file_is_a_sentence(died, name):
    saved = read_fit(died)
    about, arrays = saved.about, saved.arrays
    FORGERIES[name](about, arrays)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20000)
    try:
        text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    finally:
        sys.setrecursionlimit(limit)
    with open(died, "wb") as file:
        np.savez(file, about=text, **{str(number): array for number, array in enumerate(arrays)})
    with pytest.raises(ValueError, match=REFUSED) as caught:
        again(died)
    assert str(caught.value).isprintable()


def test_the_forgery_of_nothing_is_taken_up(died):
    saved = read_fit(died)
    write_fit(str(died), saved.about, saved.arrays)
    assert (again(died).predict_proba(X) == WHOLE).all()


# --- writes that fail -------------------------------------------------------------------------------------------------

WRITING = {disk.__file__, fit_file.__file__, records.__file__}


class Fault:
    """Raises at the n-th line that writing a checkpoint runs through; counts them."""

    def __init__(self, number, error=None):
        self.number, self.error, self.count = number, error, 0

    def __enter__(self):
        sys.settrace(self.call)
        return self

    def __exit__(self, *exc):
        sys.settrace(None)

    def call(self, frame, event, arg):
        code = frame.f_code
        if code.co_filename == checkpoint_module.__file__:
            return self.line if code.co_name == "_write" else None
        return self.line if code.co_filename in WRITING and self._writes(frame) else None

    def _writes(self, frame):
        while frame is not None:
            if frame.f_code.co_name == "_write" and frame.f_code.co_filename == checkpoint_module.__file__:
                return True
            frame = frame.f_back
        return False

    def line(self, frame, event, arg):
        if event == "line":
            self.count += 1
            if self.count == self.number:
                raise self.error
        return self.line


def lines_of_a_fit(path):
    with Fault(-1) as fault:
        model(Checkpoint(path, 0), max_iter=2).fit(X, y)
    return fault.count


@pytest.mark.parametrize("kind", ["full disk", "no memory", "Ctrl-C"])
@pytest.mark.filterwarnings("ignore:Training was interrupted")
def test_a_fault_in_any_line_of_writing_loses_nothing(tmp_path, kind):
    """Some thirty lines of all, others in every third of the test; benchmarks/reliability/faults.py tries them all."""
    path = tmp_path / "run.ckpt"
    expected = model(max_iter=2).fit(X, y).predict_proba(X)
    n_lines = lines_of_a_fit(path)
    errors = {"full disk": OSError(errno.ENOSPC, "No space left on device"), "no memory": MemoryError()}
    first = ["full disk", "no memory", "Ctrl-C"].index(kind)
    for number in range(1 + first, n_lines, n_lines // 30):
        fitted = model(Checkpoint(path, 0), max_iter=2)
        with Fault(number, errors.get(kind, KeyboardInterrupt())) as fault:
            if kind == "Ctrl-C":
                try:
                    fitted.fit(X, y)
                except KeyboardInterrupt:
                    pass
            else:
                with pytest.warns(RuntimeWarning, match=r"could not be written after step \d \(.+\); the fit goes on"):
                    fitted.fit(X, y)
                assert (fitted.predict_proba(X) == expected).all()
        assert fault.count >= number, "the fault came"
        resumed = model(Checkpoint(path, 0), max_iter=2).fit(X, y)
        assert (resumed.predict_proba(X) == expected).all()
        assert not list(tmp_path.iterdir()), "neither the file nor a temporary one is left"
