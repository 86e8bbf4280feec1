"""``bpfree list`` and ``bpfree show NAME``: the trainers that are installed, and what one of them is."""

import dataclasses
import inspect
import re
import textwrap

from sklearn_bpfree.bench.options import check_trainer
from sklearn_bpfree.bench.terminal import aligned, markdown, say
from sklearn_bpfree.plugin.registry import get_trainer_class, inspect_trainers

WIDTH = 100


def run_list(args) -> int:
    """Print the zoo: a line each that fits the screen, and in full what is wrong with some."""
    trainers = inspect_trainers()
    if args.markdown:
        header = ["name", "family", "needs", "offers", "transposes", "distribution", "summary"]
        say(markdown(header, [_everything(info) for info in trainers]))
        return 0
    rows = [[info.name + " !" * bool(_ailment(info)), info.family, info.needs, info.summary] for info in trainers]
    room = WIDTH - sum(2 + max(len(row[j]) for row in rows) for j in range(3)) if rows else WIDTH
    rows = [[*words, textwrap.shorten(summary, max(room, 20), placeholder="…")] for *words, summary in rows]
    say(aligned(["name", "family", "needs", "summary"], rows))
    for info in trainers:
        if ailment := _ailment(info):
            say(*textwrap.wrap(f"! {info.name}, of {info.distribution}: {ailment}", WIDTH))
    return 0


def _ailment(info):
    """Why a trainer cannot be used; empty if it can."""
    if info.error:
        return f"broken: {info.error}"
    return f"needs the package {' '.join(info.missing)}; run {info.installation}." if info.missing else ""


def _everything(info):
    summary = f"broken: {info.error}" if info.error else info.summary
    return [info.name, info.family, info.needs, ", ".join(info.offers), info.transposes, info.distribution, summary]


def run_show(args) -> int:
    """Print one trainer: what it needs and offers, each parameter with its meaning, and the paper."""
    check_trainer(args.name)
    trainer_class = get_trainer_class(args.name)
    info = next(info for info in inspect_trainers() if info.name == args.name)
    say(*textwrap.wrap(f"{info.name}: {info.summary}", WIDTH), "")
    say(f"family: {info.family}, from {info.distribution}")
    say(f"needs:  {info.needs}", f"offers: {', '.join(info.offers) or 'nothing beyond fit'}")
    say(f"transposed weights: {info.transposes}")
    if info.missing:
        say(f"! {_ailment(info)}")
    fields = dataclasses.fields(trainer_class)
    say("", "Parameters:" if fields else "It has no parameters.")
    meanings = _meanings(trainer_class)
    for field in fields:
        say(f"  {field.name} : {_type(field.type)}, default={_default(field)}")
        indent = " " * 6
        say(*textwrap.wrap(meanings.get(field.name, ""), WIDTH, initial_indent=indent, subsequent_indent=indent))
    say("", "Paper:")
    for paper in (_section(inspect.getdoc(trainer_class) or "", "References") or "none given").split("\n\n"):
        say(*textwrap.wrap(" ".join(paper.split()), WIDTH))
    return 0


def _meanings(trainer_class):
    """What the numpydoc docstrings of a class and its bases say of each parameter, in one paragraph each."""
    found = {}
    for kind in reversed(trainer_class.__mro__):
        section = _section(inspect.cleandoc(kind.__doc__ or ""), "Parameters")
        for entry in re.split(r"^(?=\S)", section, flags=re.M):
            names, _, meaning = entry.partition("\n")
            for name in names.partition(" :")[0].split(",") if meaning.strip() else ():
                found[name.strip()] = " ".join(meaning.split())
    return found


def _section(docstring, title):
    """A section of a numpydoc docstring; empty if there is none."""
    found = re.search(rf"^{title}\n-+\n(.+?)(?=\n\n\S[^\n]*\n-+(?:\n|\Z)|\Z)", docstring, re.M | re.S)
    return found[1].strip() if found else ""


def _type(annotation):
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _default(field):
    if field.default_factory is not dataclasses.MISSING:
        return repr(field.default_factory())
    return "required" if field.default is dataclasses.MISSING else repr(field.default)
