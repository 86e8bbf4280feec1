"""What the distribution says of itself is true: the floors of its dependencies are those that are tried."""

import ast
import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def floors():
    """Name -> the floor of every dependency, those of the developers' tools left out; an error if two differ."""
    extras = PROJECT["optional-dependencies"]
    requirements = [Requirement(line) for line in PROJECT["dependencies"]]
    requirements += [Requirement(line) for extra in extras if extra != "dev" for line in extras[extra]]
    found = {}
    for requirement in requirements:
        (floor,) = requirement.specifier
        assert floor.operator == ">=", f"{requirement} has no floor, or a ceiling"
        name, version = canonicalize_name(requirement.name), Version(floor.version)
        assert found.setdefault(name, version) == version, f"{requirement} has another floor elsewhere"
    return found


def test_the_constraints_are_the_floors_of_the_metadata():
    lines = (ROOT / "constraints-oldest.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    assert {canonicalize_name(name): Version(version) for name, version in pins.items()} == floors()


def test_what_is_imported_is_declared():
    sources = [path.read_text(encoding="utf-8") for folder in ("sklearn_bpfree", "plugins") for path in modules(folder)]
    heads = [node for source in sources for node in ast.parse(source).body]  # what needs an extra is in a function
    imported = {alias.name for node in heads if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in heads if isinstance(node, ast.ImportFrom)}
    imported = {name.partition(".")[0] for name in imported}
    ours = {path.parent.name for path in modules("plugins")} | {"sklearn_bpfree"}
    declared = {re.split(r"\W", line)[0] for line in PROJECT["dependencies"]} - {"scikit"} | {"sklearn"}
    assert imported - ours - set(sys.stdlib_module_names) == declared


def modules(folder):
    """All but those that are there for an extra of their own."""
    return sorted(path for path in (ROOT / folder).rglob("*.py") if path.parent.name != "onnx")
