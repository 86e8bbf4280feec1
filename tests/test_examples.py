"""Every example runs, draws, and is listed in the examples' README."""

import importlib
import re
import runpy
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from sklearn_bpfree.testing import yield_trainer_checks
from sklearn_bpfree.testing.running import run_check

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("plot_*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
@pytest.mark.filterwarnings("error", "ignore:.*non-interactive")
def test_example_runs_and_draws(script, tmp_path, monkeypatch, capsys):
    if "import optuna" in script.read_text(encoding="utf-8"):
        pytest.importorskip("optuna")
    monkeypatch.chdir(tmp_path)
    with plt.rc_context():
        plt.switch_backend("Agg")
        plt.close("all")
        runpy.run_path(str(script), run_name="__main__")
        assert plt.get_fignums(), "the example draws nothing"
        for axes in plt.gcf().axes:
            assert axes.has_data(), "the example leaves axes empty"
        plt.close("all")
    assert not list(tmp_path.iterdir()), "the example leaves files behind"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_example_has_the_form_of_a_gallery(script):
    text = script.read_text(encoding="utf-8")
    bar, title, underline = text.splitlines()[1:4]
    assert set(bar) == {"="} and bar == underline and len(title) <= len(bar), "the heading of the docstring is not one"
    assert len(text.splitlines()) <= 65, "an example fits on a screen"
    assert "# %%" in text


def test_the_plugin_of_the_tutorial_passes_the_kit(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES / "bpfree_acme")
    trainer = importlib.import_module("bpfree_acme").AcmeWalk()
    for check in yield_trainer_checks():  # scikit-learn's come on top in the plugin's own test
        run_check(check, trainer)


def test_readme_lists_every_example():
    listed = re.findall(
        r"^\| \[(.+?)\]\((.+?)\) \|", (EXAMPLES / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert all(name == target for name, target in listed)
    assert {name for name, _ in listed} == {script.name for script in SCRIPTS} | {"bpfree_acme"}
