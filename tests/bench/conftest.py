"""Fixtures of the tests of the command line."""

import pytest
from commandline import mixed_frame


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory, monkeypatch):
    """The key that seals models is not the user's own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))


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
