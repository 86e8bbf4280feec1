"""The site holds together, as read without Sphinx: pages are reached, links lead somewhere, the reference is whole."""

import ast
import configparser
import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
MADE = ("_build", "gallery", "generated")  # folders that a build makes
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if not set(MADE) & set(page.relative_to(DOCS).parts)]
TEXTS = {page: page.read_text(encoding="utf-8") for page in PAGES}
CONF = runpy.run_path(str(DOCS / "conf.py"))
FENCES = re.compile(r"^```(?!\{).*?^```$", re.M | re.S)
REFERENCES = (DOCS / "reference" / "index.md", DOCS / "plugin" / "reference.md")


def ids(page):
    return page.relative_to(DOCS).as_posix()


def exists(target):
    """A file, or a page of the gallery that a build makes of an example."""
    if target.parent == DOCS / "gallery":
        return target.name == "index.rst" or (ROOT / "examples" / target.name).with_suffix(".py").is_file()
    return target.is_file()


def entries(page):
    """The pages of a page's toctrees."""
    for tree in re.findall(r"^```\{toctree\}\n(.*?)^```$", TEXTS.get(page, ""), re.M | re.S):
        lines = [line.strip() for line in tree.splitlines() if line.strip() and not line.startswith(":")]
        for line in lines:
            name = re.sub(r".*<(.+)>", r"\1", line)
            base = (page.parent / name).resolve()
            yield base.with_suffix(".rst" if base.parent == DOCS / "gallery" else ".md")


def test_every_page_is_reached_from_the_first():
    reached, left = set(), [DOCS / "index.md"]
    while left:
        page = left.pop()
        assert exists(page), f"{page.relative_to(DOCS)} stands in a toctree and does not exist"
        assert page not in reached, f"{page.relative_to(DOCS)} stands in two toctrees"
        reached.add(page)
        left += entries(page)
    assert set(PAGES) <= reached


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_links_lead_to_files(page):
    text = FENCES.sub("", CONF["with_files"](TEXTS[page], page))
    assert "{include}" not in text, "an include that conf.py does not know; write it as the others"
    for target, _ in CONF["LINK"].findall(text):
        assert exists((page.parent / target).resolve()), f"there is no {target}"
    for target in re.findall(r"^```\{literalinclude\} (\S+)$", text, re.M):
        assert exists((page.parent / target).resolve()), f"there is no {target}"
    for target in re.findall(r"^:link: (\S+)$", text, re.M):
        assert exists(DOCS / f"{target}.md") or exists(DOCS / f"{target}.rst"), f"there is no {target}"
    for target in re.findall(rf"\]\({re.escape(CONF['HOME'])}/blob/v[\d.]+/([^)#]+)", text):
        assert (ROOT / target).exists(), f"there is no {target}"


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_anchors_of_links_are_headings(page):
    text = FENCES.sub("", CONF["with_files"](TEXTS[page], page))
    for target, anchor in CONF["LINK"].findall(text):
        there = (page.parent / target).resolve()
        if anchor and there.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", CONF["with_files"](TEXTS[there], there), re.M)
            slugs = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
            assert anchor[1:] in slugs, f"{target} has no {anchor}"


def test_links_of_an_included_file_lead_to_pages():
    optimisers = DOCS / "zoo" / "optimisers.md"
    assert "[evolution](evolution.md)" in CONF["with_files"](TEXTS[optimisers], optimisers)
    contributing = DOCS / "contributing.md"
    assert "[what is public](stability.md)" in CONF["with_files"](TEXTS[contributing], contributing)


def test_every_family_has_a_page():
    families = {readme.parent.name.removeprefix("bpfree_") for readme in ROOT.glob("plugins/*/README.md")}
    assert {page.stem for page in PAGES if page.parent.name == "zoo"} == families | {"index"}
    for family in families:
        assert f"({family}.md)" in TEXTS[DOCS / "zoo" / "index.md"]


def test_every_trainer_has_its_parameters_on_the_page_of_its_family():
    register = configparser.ConfigParser()
    register.read(ROOT / "setup.cfg")
    trainers = register["options.entry_points"]["sklearn_bpfree.trainers"]
    for name, family, module, kind in re.findall(r"^(\w+) = bpfree_(\w+)\.(\w+):(\w+)$", trainers, re.M):
        text = TEXTS[DOCS / "zoo" / f"{family}.md"]
        wanted = f"### `{name}`\n\n```{{eval-rst}}\n.. autoclass:: bpfree_{family}.{module}.{kind}\n```\n"
        assert wanted in text, f"{name} is missing on the page of its family"


def told(module):
    """Names that the reference lists for a module."""
    names = set()
    for text in (TEXTS[page] for page in REFERENCES):
        for block in re.findall(r"^```\{eval-rst\}\n(.*?)^```$", text, re.M | re.S):
            if f".. currentmodule:: {module}\n" in block:
                names |= set(re.findall(r"^   (\w+)$", block, re.M)) | set(re.findall(r"py:data:: (\w+)$", block, re.M))
        if module == "sklearn_bpfree.plugin":  # offers a module as well
            names |= set(re.findall(rf"currentmodule:: {re.escape(module)}\.(\w+)$", text, re.M))
    return names


@pytest.mark.parametrize("module", ["", "tabular", "inspection", "testing", "bench", "onnx", "plugin"])
def test_the_reference_has_every_public_name(module):
    path = ROOT / "sklearn_bpfree" / module / "__init__.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))  # read, as onnx may not be installed
    (public,) = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__"
    ]
    names = told(f"sklearn_bpfree.{module}".rstrip("."))
    if not module:  # those that stand under plugin are named
        names |= set(public) & told("sklearn_bpfree.plugin") & set(re.findall(r"`(\w+)`", TEXTS[REFERENCES[0]]))
    assert names == set(public)


def test_terms_are_in_the_glossary():
    text = TEXTS[DOCS / "glossary.md"]
    terms = set(re.findall(r"^(\S.*)$", re.findall(r"```\{glossary\}\n(.*?)```$", text, re.M | re.S)[0], re.M))
    assert len(terms) > 30
    used = {term for text in TEXTS.values() for term in re.findall(r"\{term\}`(?:[^`<]*<)?([^`>]+)>?`", text)}
    assert used <= terms


@pytest.mark.parametrize("page", [page for page in PAGES if "```python\n" in TEXTS[page]], ids=ids)
def test_python_blocks_run(page):
    pytest.importorskip("pandas")
    namespace = {"__name__": "guide"}
    for block in re.findall(r"```python\n(.*?)```", TEXTS[page], re.S):
        exec(compile(block, ids(page), "exec"), namespace)
