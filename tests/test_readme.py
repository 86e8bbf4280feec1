"""The README tells the truth, and the page on plugins: blocks run, the tutorial's trainer passes the kit."""

import re
import sys
from pathlib import Path
from types import ModuleType

from sklearn_bpfree import list_trainers
from sklearn_bpfree.testing import check_trainer

README = Path(__file__).parents[1] / "README.md"
TUTORIAL = README.parent / "docs" / "plugin" / "index.md"


def blocks(page):
    """The Python blocks of a page."""
    return re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.S)


def test_python_blocks_run():
    namespace = {"__name__": "readme"}
    for block in blocks(README):
        exec(compile(block, "README.md", "exec"), namespace)
    assert namespace["model"].score(namespace["X"], namespace["y"]) > 0.9


def test_the_plugin_of_the_tutorial_passes_the_kit(monkeypatch):
    module = ModuleType("readme")  # states must be found again when they are unpickled
    monkeypatch.setitem(sys.modules, "readme", module)
    exec(next(block for block in blocks(TUTORIAL) if "class Walk(Trainer)" in block), module.__dict__)
    check_trainer(module.Walk)


def test_it_is_a_page():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 88 + len(list_trainers())


def test_two_commands_are_in_one_block_each():
    section = README.read_text(encoding="utf-8").split("## Two commands")[1].split("\n## ")[0]
    commands = re.findall(r"```bash\n(.*?)```", section, re.S)
    assert ["bpfree bench" in block for block in commands] == [True, False]
    assert ["pytest" in block for block in commands] == [False, True]
