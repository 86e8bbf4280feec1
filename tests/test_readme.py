"""The README tells the truth: its Python blocks run, and its table of the zoo is the register's."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from sklearn_bpfree.bench.cli import main
from sklearn_bpfree.testing import check_trainer

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S)


def test_python_blocks_run():
    pytest.importorskip("pandas")
    namespace = {"__name__": "readme"}
    assert len(BLOCKS) >= 5
    for block in BLOCKS:
        exec(compile(block, "README.md", "exec"), namespace)
    assert namespace["model"].score(namespace["X"], namespace["y"]) > 0.7


def test_the_plugin_of_the_tutorial_passes_the_kit(monkeypatch):
    module = ModuleType("readme")  # states must be found again when they are unpickled
    monkeypatch.setitem(sys.modules, "readme", module)
    exec(next(block for block in BLOCKS if "class Walk(Trainer)" in block), module.__dict__)
    check_trainer(module.Walk)


def test_zoo_table_is_generated(capsys):
    assert main(["list", "--markdown"]) == 0
    table = capsys.readouterr().out.strip()
    written = re.search(r"<!-- zoo:.*?-->\n(.*?)<!-- /zoo -->", README.read_text(encoding="utf-8"), re.S)
    assert written is not None
    ours = [line for line in table.splitlines() if " sklearn-bpfree " in line or line.startswith(("| name", "| ---"))]
    assert written[1].strip().splitlines() == ours, "run: bpfree list --markdown, and paste it into README.md"


def test_two_commands_are_in_one_block_each():
    section = README.read_text(encoding="utf-8").split("## Two commands")[1].split("\n## ")[0]
    blocks = re.findall(r"```bash\n(.*?)```", section, re.S)
    assert ["bpfree bench" in block for block in blocks] == [True, False]
    assert ["pytest" in block for block in blocks] == [False, True]
