"""What the distribution says of itself is true, in its metadata and on the package index, and its builds repeat."""

import ast
import os
import re
import runpy
import sys
import tomllib
from importlib import metadata, resources
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import sklearn_bpfree

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def floors():
    """Name -> the floor of every dependency, developers' and the site's tools left out; an error if two differ."""
    extras = PROJECT["optional-dependencies"]
    requirements = [Requirement(line) for line in PROJECT["dependencies"]]
    requirements += [Requirement(line) for extra in extras if extra not in ("dev", "docs") for line in extras[extra]]
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


# --- what it says -----------------------------------------------------------------------------------------------------


def test_one_version_is_told_everywhere():
    version = PROJECT["version"]
    assert sklearn_bpfree.__version__ == version == metadata.version("sklearn-bpfree")
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\n## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_pythons_of_the_classifiers_begin_with_the_oldest():
    told = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)]
    first, *_ = sorted(told, key=Version)
    assert f">={first}" == PROJECT["requires-python"]


def test_the_installed_package_brings_its_types_and_its_page():
    assert resources.files("sklearn_bpfree").joinpath("py.typed").is_file()
    assert "<html" in resources.files("sklearn_bpfree.bench").joinpath("page.html").read_text(encoding="utf-8")


def test_the_command_is_an_entry_point():
    (script,) = metadata.distribution("sklearn-bpfree").entry_points.select(group="console_scripts")
    assert (script.name, script.load().__module__) == ("bpfree", "sklearn_bpfree.bench.cli")


# --- setup.py ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def given(monkeypatch):
    """What setup.py gives to setuptools."""
    setuptools = pytest.importorskip("setuptools")
    given = {}
    monkeypatch.setattr(setuptools, "setup", given.update)
    runpy.run_path(str(ROOT / "setup.py"))
    return given


def test_links_of_the_readme_lead_somewhere_from_the_index(given):
    links = re.findall(r"\]\(([^)\s]*)\)", given["long_description"])
    assert len(links) > 8 and all(re.match("https?:|#", link) for link in links)
    base = PROJECT["urls"]["Homepage"]
    ours = [link.removeprefix(base) for link in links if link.startswith(base)]
    parts = [re.fullmatch(r"/(blob|raw)/v([\d.]+)/([^#]+)(#.*)?", link) for link in ours]
    assert all(part and part[2] == PROJECT["version"] and (ROOT / part[3]).exists() for part in parts)
    assert {part[3] for part in parts if part[1] == "raw"} == {"docs/images/alignment.png"}


def test_an_sdist_has_the_same_bytes_whenever_it_is_made(given, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    sdist = given["cmdclass"]["sdist"](pytest.importorskip("setuptools").Distribution())
    folder = tmp_path / "pack-1.0"
    folder.mkdir()
    made = []
    for day in (1, 2):
        for name in ("b.py", "a.py")[::-day]:
            (folder / name).write_text(name)
            os.utime(folder / name, (day, day))
            (folder / name).chmod(0o640 if day == 1 else 0o644)
        monkeypatch.setattr("time.time", lambda day=day: 86400.0 * day)
        archive = sdist.make_archive(str(tmp_path / f"made-{day}"), "gztar", tmp_path, folder.name)
        made.append(Path(archive).read_bytes())
    assert made[0] == made[1]
