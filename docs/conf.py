"""How the site is built: `pip install ".[docs]" && sphinx-build -W docs docs/_build`.

The examples are run for the gallery, which takes some minutes; `-D plot_gallery=0` leaves their pictures out. Pages
that show a file from elsewhere in the repository, such as a family's README, include it, and links in it lead to the
site's pages. No inventories of other projects are read, so that a build needs no network.
"""

import os
import re
import tomllib
from pathlib import Path

DOCS = Path(__file__).parent
ROOT = DOCS.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
HOME = PROJECT["urls"]["Homepage"]

project = "sklearn-bpfree"
author = copyright = "The sklearn-bpfree developers"
version = release = PROJECT["version"]

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "templates"]
templates_path = ["templates"]
html_theme = "pydata_sphinx_theme"
html_title = "sklearn-bpfree"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_theme_options = {
    "icon_links": [{"name": "Source", "url": HOME, "icon": "fa-brands fa-github"}],
    "header_links_before_dropdown": 4,
    "show_prev_next": False,
}
html_show_sourcelink = False
default_role = "literal"  # single backticks in docstrings are code, as scikit-learn has it

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's sections say it
numpydoc_show_class_members = False  # the template lists them
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
copybutton_exclude = ".linenos, .gp, .go"

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"/plot_",
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "write_computation_times": False,
    "show_signature": False,
    "abort_on_example_error": True,
}

# as MyST has it: a file, and between which of its texts the part is that is shown
INCLUDE = re.compile(r"^```\{include\} (\S+)\n(?::start-after: (.+)\n:end-before: (.+)\n)?```$", re.M)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)\s#]+)(#[^)\s]*)?\)")


def pages_of_files():
    """File that a page consists of -> that page."""
    texts = {page: page.read_text(encoding="utf-8") for page in DOCS.rglob("*.md") if "_build" not in page.parts}
    return {
        (page.parent / given).resolve(): page
        for page, text in texts.items()
        for given, after, _ in INCLUDE.findall(text)
        if not after
    }


def with_files(text, page):
    """A page's text with the included files in it, whose links lead where they would from their own folder."""
    pages = pages_of_files()

    def file(found):
        source = (page.parent / found[1]).resolve()

        def link(found):
            target = (source.parent / found[1]).resolve()
            target = pages.get(target, target)
            if target.is_relative_to(DOCS):
                where = Path(os.path.relpath(target, page.parent)).as_posix()
            else:
                where = f"{HOME}/blob/v{version}/{target.relative_to(ROOT).as_posix()}"
            return f"]({where}{found[2] or ''})"

        text = source.read_text(encoding="utf-8")
        if found[2]:
            text = text.split(found[2], 1)[1].split(found[3], 1)[0]
        return LINK.sub(link, text)

    return INCLUDE.sub(file, text)


def _include(app, docname, source):
    page = Path(app.env.doc2path(docname))
    for given, *_ in INCLUDE.findall(source[0]) if page.suffix == ".md" else []:
        app.env.note_dependency(str((page.parent / given).resolve()))
    if page.suffix == ".md":
        source[0] = with_files(source[0], page)


def _headers_of_the_gallery(app):
    """A README.md among the examples is for those who look into the folder, and begins no part of the gallery."""
    app.config.sphinx_gallery_conf["source_suffix"] = {".rst": "restructuredtext"}


def _of_sklearn(app, env, node, contnode):
    """What docstrings that are inherited from scikit-learn refer to, in its own guide."""
    pages = {"accuracy_score": "accuracy-score", "r2_score": "r2-score-the-coefficient-of-determination"}
    if anchor := pages.get(node.get("reftarget")):
        from docutils import nodes

        page = f"https://scikit-learn.org/stable/modules/model_evaluation.html#{anchor}"
        return nodes.reference("", "", contnode, refuri=page)


def setup(app):
    """Called by Sphinx."""
    app.connect("source-read", _include)
    app.connect("missing-reference", _of_sklearn)
    app.connect("builder-inited", _headers_of_the_gallery, priority=400)  # before the gallery looks for them
