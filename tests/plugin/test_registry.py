"""The registry on made-up distributions: what is listed, what is loaded and when, how broken plugins are reported."""

import sys
from importlib import metadata

import pytest

from sklearn_bpfree.plugin import registry
from sklearn_bpfree.plugin.trainer import Trainer

GOOD = '''
from typing import ClassVar
from sklearn_bpfree.plugin import Trainer

class Walk(Trainer):
    """A walk without a goal.

    This line is not part of the summary.
    """
    needs: ClassVar[str] = "values"
    offers: ClassVar[tuple[str, ...]] = ("partial_fit",)
    pace: float = 0.5
    steps: int = 3

    def init(self, problem, rng): ...
    def step(self, state, problem, rng): ...

class Idle(Walk):
    pass

class Unfinished(Trainer):
    def init(self, problem, rng): ...

not_a_class = Walk()

def not_a_trainer(): ...
'''


class MadeUpDistribution(metadata.Distribution):
    """A distribution that exists only in this file: its metadata and its trainers' entry points."""

    def __init__(self, name, version="1.0", **trainers):
        points = "\n".join(f"{trainer} = {value}" for trainer, value in trainers.items())
        self._texts = {
            "METADATA": f"Name: {name}\nVersion: {version}\n",
            "entry_points.txt": f"[sklearn_bpfree.trainers]\n{points}\n[console_scripts]\nwalk = bpfree_good:main\n",
        }

    def read_text(self, filename):
        return self._texts.get(filename)

    def locate_file(self, path):
        return path


@pytest.fixture(autouse=True)
def fresh_registry():
    """No test sees what another one has read."""
    registry._claims.cache_clear()
    yield
    registry._claims.cache_clear()


@pytest.fixture
def install(monkeypatch):
    """A function that makes the given distributions the only ones installed."""

    def install(*distributions):
        points = [point for distribution in distributions for point in distribution.entry_points]
        monkeypatch.setattr(metadata, "entry_points", lambda group: [point for point in points if point.group == group])

    return install


@pytest.fixture
def modules(monkeypatch, tmp_path):
    """A function that writes importable modules, name=source, and forgets them after the test."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def modules(**sources):
        for name, source in sources.items():
            (tmp_path / f"{name}.py").write_text(source)

    yield modules
    for name in set(sys.modules) - before:
        del sys.modules[name]


def sentence(raised):
    """The message of an error, which must be a single line that ends with a full stop."""
    message = str(raised.value)
    assert "\n" not in message and message.endswith(".")
    return message


def test_names_are_sorted_and_no_plugin_is_imported(install, modules):
    modules(bpfree_good=GOOD)
    install(MadeUpDistribution("bpfree-good", walk="bpfree_good:Walk", idle="bpfree_good:Idle"))
    assert registry.list_trainers() == ["idle", "walk"]
    assert "bpfree_good" not in sys.modules


def test_entry_points_are_read_once_until_the_cache_is_cleared(install):
    install(MadeUpDistribution("one", walk="bpfree_good:Walk"))
    assert registry.list_trainers() == ["walk"]
    install(MadeUpDistribution("other", run="bpfree_good:Run"))
    assert registry.list_trainers() == ["walk"]
    registry._claims.cache_clear()
    assert registry.list_trainers() == ["run"]


def test_changing_the_list_does_not_change_the_registry(install):
    install(MadeUpDistribution("one", walk="bpfree_good:Walk"))
    registry.list_trainers().clear()
    assert registry.list_trainers() == ["walk"]


def test_get_trainer_passes_the_parameters_and_keeps_the_other_defaults(install, modules):
    modules(bpfree_good=GOOD)
    install(MadeUpDistribution("bpfree-good", walk="bpfree_good:Walk"))
    trainer = registry.get_trainer("walk", pace=2.0)
    assert isinstance(trainer, Trainer)
    assert type(trainer) is registry.get_trainer_class("walk")
    assert (trainer.pace, trainer.steps) == (2.0, 3)


def test_a_distribution_found_on_disk_is_registered(monkeypatch, tmp_path, modules):
    modules(bpfree_good=GOOD)
    for folder, metadata_file in {"bpfree_good-1.0.dist-info": "METADATA", "bpfree_good.egg-info": "PKG-INFO"}.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / metadata_file).write_text("Metadata-Version: 2.1\nName: bpfree-good\nVersion: 1.0\n")
        (tmp_path / folder / "entry_points.txt").write_text("[sklearn_bpfree.trainers]\nwalk = bpfree_good:Walk\n")
    assert "walk" in registry.list_trainers()
    assert registry.get_trainer("walk").pace == 0.5


def test_unknown_name_gets_a_suggestion_and_the_list(install):
    install(MadeUpDistribution("one", walk="bpfree_good:Walk", idle="bpfree_good:Idle"))
    with pytest.raises(ValueError) as raised:
        registry.get_trainer("WALKK")
    message = sentence(raised)
    for part in ["'WALKK'", "did you mean 'walk'?", "'idle', 'walk'", "install the distribution"]:
        assert part in message


def test_unknown_name_unlike_any_other_gets_no_suggestion(install):
    install(MadeUpDistribution("one", walk="bpfree_good:Walk"))
    with pytest.raises(ValueError) as raised:
        registry.get_trainer_class("zzz")
    assert "did you mean" not in sentence(raised)


def test_unknown_name_when_nothing_is_registered(install):
    install()
    assert registry.list_trainers() == []
    with pytest.raises(ValueError) as raised:
        registry.get_trainer("walk")
    assert "at present none" in sentence(raised)


@pytest.mark.parametrize("name", [None, 3, ["walk"]])
def test_a_name_must_be_a_string(install, name):
    install(MadeUpDistribution("one", walk="bpfree_good:Walk"))
    with pytest.raises(TypeError) as raised:
        registry.get_trainer(name)
    assert repr(name) in sentence(raised)


def test_unknown_parameters_get_the_valid_ones(install, modules):
    modules(bpfree_good=GOOD)
    install(MadeUpDistribution("bpfree-good", walk="bpfree_good:Walk"))
    with pytest.raises(ValueError) as raised:
        registry.get_trainer("walk", pace=1.0, sigma=2, needs="nothing")
    assert sentence(raised) == "Trainer 'walk' has no parameter 'sigma', 'needs'; it takes 'pace', 'steps'."


def test_a_name_claimed_twice_is_left_out_and_the_error_names_both(install, modules):
    modules(bpfree_good=GOOD)
    install(
        MadeUpDistribution("bpfree-good", walk="bpfree_good:Walk", idle="bpfree_good:Idle"),
        MadeUpDistribution("bpfree-copy", "2.1", walk="bpfree_copy.walk:Walk"),
    )
    assert registry.list_trainers() == ["idle"]
    assert registry.get_trainer("idle").pace == 0.5
    with pytest.raises(ValueError) as raised:
        registry.get_trainer("walk")
    message = sentence(raised)
    assert "bpfree-good 1.0 (bpfree_good:Walk)" in message
    assert "bpfree-copy 2.1 (bpfree_copy.walk:Walk)" in message

    idle, *both = registry.inspect_trainers()
    assert idle.error is None
    assert [(info.name, info.family, info.distribution) for info in both] == [
        ("walk", "good", "bpfree-good 1.0"),
        ("walk", "copy", "bpfree-copy 2.1"),
    ]
    assert {info.error for info in both} == {message}


def test_two_distributions_with_one_and_the_same_value_are_still_two(install):
    install(MadeUpDistribution("one", walk="bpfree_good:Walk"), MadeUpDistribution("two", walk="bpfree_good:Walk"))
    assert registry.list_trainers() == []


def test_one_distribution_met_twice_counts_once(install, modules):
    modules(bpfree_good=GOOD)
    install(
        MadeUpDistribution("bpfree-good", "1.0", walk="bpfree_good:Walk"),
        MadeUpDistribution("bpfree-good", "1.0", walk="bpfree_good:Walk"),
    )
    assert registry.list_trainers() == ["walk"]
    assert registry.get_trainer("walk").steps == 3
    assert len(registry.inspect_trainers()) == 1


BROKEN = {
    "missing": ("bpfree_absent:Walk", "", ImportError, "ModuleNotFoundError: No module named 'bpfree_absent'"),
    "no_attribute": ("bpfree_bad:Wlak", "", ImportError, "has no attribute 'Wlak'"),
    "syntax": ("bpfree_bad:Walk", "def (", ImportError, "SyntaxError"),
    "long_reason": ("bpfree_bad:Walk", r"raise OSError('\nno library.\nmore')", ImportError, "OSError: no library;"),
    "no_reason": ("bpfree_bad:Walk", "assert False", ImportError, "because of AssertionError;"),
    "exits": ("bpfree_bad:Walk", "import sys; sys.exit('no licence')", ImportError, "SystemExit: no licence"),
    "malformed": ("what is this?", "", ImportError, "repair or uninstall"),
    "function": ("bpfree_good:not_a_trainer", "", TypeError, "must be a subclass of sklearn_bpfree.Trainer"),
    "instance": ("bpfree_good:not_a_class", "", TypeError, "must be a subclass of sklearn_bpfree.Trainer"),
    "foreign_class": ("fractions:Fraction", "", TypeError, "fractions.Fraction"),
    "abstract": ("bpfree_good:Unfinished", "", TypeError, "define 'step' in it"),
}


@pytest.mark.parametrize("value, source, error, reason", BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_raises_only_for_its_own_name(install, modules, value, source, error, reason):
    modules(bpfree_good=GOOD, bpfree_bad=source)
    install(MadeUpDistribution("bpfree-good", walk="bpfree_good:Walk"), MadeUpDistribution("acme", "0.3", bad=value))
    assert registry.list_trainers() == ["bad", "walk"]
    assert registry.get_trainer("walk").pace == 0.5
    with pytest.raises(error) as raised:
        registry.get_trainer("bad")
    message = sentence(raised)
    assert "'bad'" in message and "acme 0.3" in message and reason in message
    assert (raised.value.__cause__ is not None) == (error is ImportError)

    bad, good = registry.inspect_trainers()
    assert (bad.name, bad.distribution, bad.error) == ("bad", "acme 0.3", message)
    assert good.error is None


def test_an_interruption_during_the_import_is_not_swallowed(install, modules):
    modules(bpfree_bad="raise KeyboardInterrupt")
    install(MadeUpDistribution("acme", bad="bpfree_bad:Walk"))
    with pytest.raises(KeyboardInterrupt):
        registry.inspect_trainers()


def test_inspection_describes_a_trainer(install, modules):
    modules(bpfree_good=GOOD)
    install(MadeUpDistribution("bpfree-good", "1.2", walk="bpfree_good:Walk"))
    assert registry.inspect_trainers() == [
        registry.TrainerInfo(
            name="walk",
            family="good",
            distribution="bpfree-good 1.2",
            summary="A walk without a goal.",
            needs="values",
            offers=("partial_fit",),
            transposes="none",
            error=None,
        )
    ]


@pytest.mark.parametrize(
    "declared, command",
    [("", "pip install nowhere"), ("pip install --no-deps nowhere", "pip install --no-deps nowhere")],
)
def test_a_trainer_says_how_to_install_what_it_lacks(install, modules, declared, command):
    lines = f'    packages = ("sys", "nowhere")\n    installation = {declared!r}\n    needs:'
    modules(bpfree_good=GOOD.replace("    needs:", lines, 1))
    install(MadeUpDistribution("bpfree-good", "1.2", walk="bpfree_good:Walk"))
    (info,) = registry.inspect_trainers()
    assert (info.missing, info.installation, info.error) == (("nowhere",), command, None)


@pytest.mark.parametrize(
    "value, family",
    [("bpfree_evolution.open_es:OpenES", "evolution"), ("acme:Walk", "acme"), ("my_bpfree_x.a.b:Walk", "my_bpfree_x")],
)
def test_family_is_the_top_level_package_without_the_prefix(install, value, family):
    install(MadeUpDistribution("one", walk=value))
    assert [info.family for info in registry.inspect_trainers()] == [family]


def test_an_entry_point_without_distribution_is_reported_as_such(monkeypatch):
    point = metadata.EntryPoint(name="walk", value="bpfree_absent:Walk", group=registry.GROUP)
    monkeypatch.setattr(metadata, "entry_points", lambda group: [point])
    assert registry.list_trainers() == ["walk"]
    with pytest.raises(ImportError, match="unknown distribution"):
        registry.get_trainer("walk")
