"""Files: what cannot be read or written is said before the work, and nothing is lost when writing fails."""

import os
import stat

import pytest

from sklearn_bpfree.bench import BenchError, files, memory
from sklearn_bpfree.bench.files import check_input, check_outputs, replacing


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    os.link(tmp_path / "t.csv", tmp_path / "hard.csv")
    (tmp_path / "soft.csv").symlink_to(tmp_path / "t.csv")
    (tmp_path / "dangling.csv").symlink_to(tmp_path / "nowhere.csv")
    (tmp_path / "folder").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path, target_is_directory=True)
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "empty.csv").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.csv", "No such file or directory"),
        ("dangling.csv", "No such file or directory"),
        ("folder", "it is a directory"),
        ("pipe.csv", "it is a pipe"),
        ("empty.csv", "it is empty"),  # as a file of the kernel's that would block says of itself
        ("/dev/zero", "it is a device"),
        ("nul\0.csv", "null byte"),
        ("x" * 300, "File name too long"),
        ("", "it is a directory"),
        ("t.csv/more.csv", "Not a directory"),
    ],
)
def test_what_is_no_file_is_not_read(folder, name, message):
    with pytest.raises(BenchError, match=f"cannot be read: .*{message}"):
        check_input(os.path.join(folder, name))


def test_a_file_larger_than_memory_is_not_read(folder, monkeypatch):
    with open(folder / "huge.csv", "wb") as file:
        file.truncate(2**30)
    check_input(str(folder / "huge.csv"))
    monkeypatch.setattr(memory, "memory", lambda: 3 * 2**30)
    with pytest.raises(BenchError, match=r"it has 1\.0 GiB, .* memory is 3\.0 GiB; give a part of it\.$"):
        check_input(str(folder / "huge.csv"))
    check_input(str(folder / "soft.csv"))


@pytest.mark.parametrize("name", ["t.csv", "hard.csv", "soft.csv", "folder/../t.csv", "linked/t.csv"])
@pytest.mark.parametrize("read", ["t.csv", "soft.csv"])
def test_an_input_is_never_written_over(folder, name, read):
    with pytest.raises(BenchError, match="would write over"):
        check_outputs({"--save": str(folder / name)}, [str(folder / read)], force=True)


def test_an_input_whose_name_is_none_is_left_to_the_check_of_inputs(folder):
    check_outputs({"--save": str(folder / "m")}, ["nul\0.csv"])
    with pytest.raises(BenchError, match="cannot be read: embedded null byte"):
        check_input("nul\0.csv")


@pytest.mark.parametrize("other", ["m.joblib", "linked/m.joblib", "./m.joblib"])
def test_two_outputs_are_two_files(folder, other):
    outputs = {"--save": str(folder / "m.joblib"), "--report": os.path.join(folder, other)}
    with pytest.raises(BenchError, match="--save and --report are both"):
        check_outputs(outputs, [])
    check_outputs(outputs | {"--report": None}, [])


@pytest.mark.parametrize("name", ["t.csv", "soft.csv", "dangling.csv"])
def test_what_exists_is_replaced_by_force_only(folder, name):
    with pytest.raises(BenchError, match="exists; give another name, or --force"):
        check_outputs({"--save": str(folder / name)}, [])
    check_outputs({"--save": str(folder / name)}, [], force=True)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("folder", "is a directory"),
        ("pipe.csv", "is a pipe"),
        ("/dev/null", "is a device"),
        ("nowhere/m", "The directory of --save .* does not exist"),
        ("nul\0", "null byte"),
        ("x" * 300, "File name too long"),
        ("new/", "does not exist|no name of a file"),
    ],
)
def test_what_cannot_be_written_is_refused(folder, name, message):
    with pytest.raises(BenchError, match=message):
        check_outputs({"--save": os.path.join(folder, name)}, [], force=True)


def test_a_folder_in_which_nothing_can_be_made_is_refused(folder, monkeypatch):
    def fail(**options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files.tempfile, "TemporaryFile", fail)
    with pytest.raises(BenchError, match=r"--save .* cannot be written: Permission denied\.$"):
        check_outputs({"--save": str(folder / "m")}, [])


def test_a_file_appears_when_all_is_written(folder):
    path = folder / "out.csv"
    with replacing(str(path)) as file:
        file.write(b"new")
        assert not path.exists()
    mask = os.umask(0)
    os.umask(mask)
    assert path.read_bytes() == b"new" and stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_nothing_else(folder, error):
    before = sorted(folder.iterdir())
    with pytest.raises((BenchError, KeyboardInterrupt)) as caught, replacing(str(folder / "t.csv")) as file:
        file.write(b"half")
        raise error
    assert "No space left" in str(caught.value) or isinstance(caught.value, KeyboardInterrupt)
    assert (folder / "t.csv").read_text() == "a,b\n1,2\n" and sorted(folder.iterdir()) == before


def test_a_link_is_replaced_and_not_what_it_points_to(folder):
    with replacing(str(folder / "soft.csv")) as file:
        file.write(b"new")
    assert (folder / "t.csv").read_text() == "a,b\n1,2\n"
    assert not (folder / "soft.csv").is_symlink() and (folder / "soft.csv").read_bytes() == b"new"


def test_a_replaced_file_keeps_its_permissions(folder):
    (folder / "t.csv").chmod(0o640)
    with replacing(str(folder / "t.csv")) as file:
        file.write(b"new")
    assert stat.S_IMODE((folder / "t.csv").stat().st_mode) == 0o640
