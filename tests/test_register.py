"""The register of the zoo in setup.cfg against the modules in plugins/: no trainer may be forgotten or misnamed."""

import configparser
import importlib
import inspect
import runpy
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from sklearn_bpfree.plugin.registry import GROUP
from sklearn_bpfree.plugin.trainer import Trainer

ROOT = Path(__file__).parents[1]


def registered():
    """Lines of the register, name -> module:class."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = config["options.entry_points"][GROUP].strip().splitlines()
    return {name.strip(): value.strip() for name, value in (line.split("=") for line in lines)}


def plugin_modules():
    """Dotted names of all packages and modules below plugins/."""
    files = sorted((ROOT / "plugins").rglob("*.py"))
    names = [".".join(file.relative_to(ROOT / "plugins").with_suffix("").parts) for file in files]
    return [name.removesuffix(".__init__") for name in names]


@pytest.mark.parametrize("module", plugin_modules())
def test_every_trainer_in_plugins_is_registered_under_its_module_name(module):
    trainers = [
        f"{module}:{name}"
        for name, value in vars(importlib.import_module(module)).items()
        if inspect.isclass(value) and issubclass(value, Trainer) and value.__module__ == module
        if not inspect.isabstract(value) and not name.startswith("_")
    ]
    assert [value for value in registered().values() if value.startswith(f"{module}:")] == trainers
    if trainers:
        assert registered().get(module.rpartition(".")[2]) == trainers[0], "registered name and module name differ"


def test_every_line_of_the_register_leads_to_a_module_in_plugins():
    assert {value.partition(":")[0] for value in registered().values()} <= set(plugin_modules())


def test_the_installed_register_is_the_one_in_setup_cfg():
    # An editable installation keeps the register it was installed with: pip install again after a change.
    points = metadata.distribution("sklearn-bpfree").entry_points.select(group=GROUP)
    assert {point.name: point.value for point in points} == registered()


def test_the_register_is_sorted():
    assert list(registered()) == sorted(registered())


def test_pyproject_has_no_entry_points_that_would_hide_the_register():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert not {"scripts", "gui-scripts", "entry-points"} & set(project)
    assert {"scripts", "entry-points"} <= set(project["dynamic"])


def test_pytest_stops_with_one_sentence_when_no_trainer_is_registered(monkeypatch):
    conftest = runpy.run_path(str(ROOT / "tests" / "conftest.py"))
    monkeypatch.setattr(metadata, "entry_points", lambda group: [])
    with pytest.raises(pytest.UsageError, match=r'pip install -e "\.\[test\]"'):
        conftest["pytest_configure"](None)
