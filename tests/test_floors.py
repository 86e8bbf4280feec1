"""The house has floors: imports go down only, and a plugin has one door. All read from the sources."""

import ast
import re
from pathlib import Path

import pytest

from sklearn_bpfree import plugin

ROOT = Path(__file__).parents[1]
PACKAGE, DOOR = "sklearn_bpfree", "sklearn_bpfree.plugin"
# from the ground up; a module may import from its own floor and from those below
FLOORS = ("lazy", "nn", "linear", "plugin", "estimators", "tabular", "onnx", "trusted")
FLOORS += ("inspection", "testing", "bench")
ROOF = ("__init__", "__main__")  # what users import and the command: they see all floors, and no floor sees them
PLUGINS = sorted([*(ROOT / "plugins").glob("*/*.py"), *(ROOT / "examples" / "bpfree_acme").glob("bpfree_acme*.py")])
MODULES = sorted((ROOT / PACKAGE).rglob("*.py"))


def imports(path):
    """Every import of ours in a file, at its head or inside a function, as (module, name or None)."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: write the whole name of what is imported"
            found = [(node.module or "", alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            found = [(alias.name, None) for alias in node.names]
        else:
            continue
        yield from (pair for pair in found if pair[0].partition(".")[0] == PACKAGE)


def floor(module, name=None):
    """Name of the floor that an import leads to; "" for the package itself."""
    parts = [*module.split(".")[1:], name or ""]
    return parts[0] if parts[0] in FLOORS else ""


def name(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_import_goes_up(path):
    own = path.relative_to(ROOT / PACKAGE).with_suffix("").parts[0]
    if own in ROOF:
        return
    assert own in FLOORS, f"say in FLOORS on which floor {name(path)} lies"
    for module, imported in imports(path):
        target = floor(module, imported)
        if not target:
            assert (module, imported) == (PACKAGE, "__version__"), f"{name(path)} imports {imported} from the roof"
        else:
            assert FLOORS.index(target) <= FLOORS.index(own), f"{name(path)} imports from {target}, which is above"


@pytest.mark.parametrize("path", PLUGINS, ids=name)
def test_plugins_go_through_one_door(path):
    for module, imported in imports(path):
        assert module == DOOR, f"{name(path)} imports from {module}; a plugin imports from {DOOR} and nothing else"
        assert imported in plugin.__all__, f"{name(path)} imports {imported}, which {DOOR} does not offer"


def test_every_name_that_the_door_offers_is_told_in_its_docstring():
    """A line per name, or several names before one explanation."""
    told = re.findall(r"^    (\w+(?:, \w+)*)(?:  |$)", plugin.__doc__ or "", re.M)
    assert sorted(", ".join(told).split(", ")) == sorted(plugin.__all__)
    assert all(hasattr(plugin, offered) for offered in plugin.__all__)


def test_what_the_door_offers_is_all_that_its_init_imports():
    path = ROOT / PACKAGE / "plugin" / "__init__.py"
    assert sorted(imported for _, imported in imports(path)) == sorted(plugin.__all__)
