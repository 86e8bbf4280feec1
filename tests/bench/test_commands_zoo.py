"""`bpfree list` and `bpfree show`: what they print."""

from dataclasses import dataclass, field, fields, replace

import pytest
from commandline import refused, run

from sklearn_bpfree import get_trainer, list_trainers
from sklearn_bpfree.bench.commands import bench, zoo
from sklearn_bpfree.bench.commands.bench import choose_trainers
from sklearn_bpfree.plugin.registry import TrainerInfo


def test_list_names_every_trainer_in_aligned_columns(capsys):
    code, out, _ = run(capsys, "list")
    header, rule, *rows = [line for line in out.splitlines() if not line.startswith("!")]
    assert code == 0
    assert [row.split()[0] for row in rows] == list_trainers()
    assert header.split() == ["name", "family", "needs", "summary"]
    assert max(map(len, out.splitlines())) <= 100
    starts = [header.index(name) for name in header.split()]
    assert all(row[start - 1] == " " != row[start] for row in (rule, *rows) for start in starts[1:])


ZOO = [
    TrainerInfo("acme", "acme", "acme-trainers 2.0", error="Trainer 'acme' cannot be imported; repair it."),
    TrainerInfo("good", "nice", "nice 1.0", "Does a|b.", "values", ("partial_fit", "ensemble"), "own head"),
]


def test_list_shows_what_cannot_be_used_with_reason_and_distribution(capsys, monkeypatch):
    lacking = replace(ZOO[1], name="lacking", missing=("nowhere",), installation="pip install --no-deps nowhere")
    monkeypatch.setattr(zoo, "inspect_trainers", lambda: [*ZOO, lacking])
    code, out, _ = run(capsys, "list")
    lines = out.splitlines()
    assert code == 0
    assert [line.split()[:2] for line in lines[2:5]] == [["acme", "!"], ["good", "nice"], ["lacking", "!"]]
    assert lines[5] == "! acme, of acme-trainers 2.0: broken: Trainer 'acme' cannot be imported; repair it."
    assert lines[6:] == ["! lacking, of nice 1.0: needs the package nowhere; run pip install --no-deps nowhere."]


def test_list_as_markdown(capsys, monkeypatch):
    monkeypatch.setattr(zoo, "inspect_trainers", lambda: ZOO[1:])
    assert run(capsys, "list", "--markdown")[1].splitlines() == [
        "| name | family | needs | offers | transposes | distribution | summary |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| good | nice | values | partial_fit, ensemble | own head | nice 1.0 | Does a\\|b. |",
    ]


def test_show_gives_paper_and_parameters(capsys):
    code, out, _ = run(capsys, "show", "fa")
    lines = out.splitlines()
    assert code == 0
    place = lines.index("  feedback : str, default='sign'")
    assert "  learning_rate : float, default=0.006" in lines and lines[place + 1].startswith(" " * 6)
    assert "Lillicrap, Cownden, Tweed and Akerman (2016)" in out.partition("Paper:")[2]
    assert out.startswith("fa: Feedback alignment")


def test_defaults_of_every_kind():
    @dataclass
    class Params:
        size: int
        rate: float = 0.5
        names: list = field(default_factory=list)

    assert [zoo._default(f) for f in fields(Params)] == ["required", "0.5", "[]"]


def test_references_end_at_the_next_section():
    docstring = "One line.\n\nReferences\n----------\nA (2016).\n\nB (2017).\n\nNotes\n-----\nLong.\n"
    assert zoo._section(docstring, "References") == "A (2016).\n\nB (2017)."
    assert zoo._section("One line.\n\nReferences\n----------\nA (2016).", "References") == "A (2016)."
    assert zoo._section("One line.", "References") == ""


def test_broken_trainers_are_not_compared_and_doubles_only_once(monkeypatch):
    assert choose_trainers("fa, dfa,fa,")[0] == ["fa", "dfa"]
    monkeypatch.setattr(bench, "inspect_trainers", lambda: ZOO)
    assert choose_trainers(None)[0] == []  # the one that works needs values, and takes its time
    quick = [replace(info, needs="output error") for info in ZOO if info.name == "good"]
    slow = [replace(quick[0], slow=True)]
    monkeypatch.setattr(bench, "inspect_trainers", lambda: [*ZOO, *slow, *quick])
    assert choose_trainers(None)[0] == ["good"]


@pytest.mark.parametrize("name", list_trainers())
def test_show_says_what_every_parameter_means(name):
    kind = type(get_trainer(name))
    meanings = zoo._meanings(kind)
    assert [parameter.name for parameter in fields(kind) if not meanings.get(parameter.name)] == []


@pytest.mark.parametrize("argv", [["show", "dfaa"], ["bench", "--trainers", "fa,dfaa"]])
def test_unknown_trainer(capsys, argv):
    assert "no trainer 'dfaa' (did you mean 'dfa'?)" in refused(capsys, *argv)
