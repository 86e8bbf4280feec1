"""The examples of all docstrings run, in the package and in the plugins, and say what they print."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = [path for folder in ("sklearn_bpfree", "plugins") for path in sorted((ROOT / folder).rglob("*.py"))]
WITH_EXAMPLES = [path for path in SOURCES if ">>> " in path.read_text(encoding="utf-8")]


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part not in ("plugins", "__init__"))


@pytest.mark.parametrize("name", [module_of(path) for path in WITH_EXAMPLES])
@pytest.mark.filterwarnings("error", "ignore:.*non-interactive")
def test_examples_of_docstrings_run(name, monkeypatch, tmp_path):
    pytest.importorskip("pandas")
    pytest.importorskip("matplotlib").use("Agg")
    if name.startswith("sklearn_bpfree.onnx"):
        pytest.importorskip("skl2onnx")
        pytest.importorskip("onnxruntime")
    monkeypatch.chdir(tmp_path)
    outcome = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert outcome.attempted and not outcome.failed, f"python -m doctest on {name} shows what differs"


def test_there_are_examples():
    assert len(WITH_EXAMPLES) >= 8
