"""docs/stability.md is true: what is public stays, is typed, and is retired as the page says.

``python tests/test_stability.py`` writes public_names.txt anew. A line may go only when its two releases are over.
"""

import inspect
import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from sklearn_bpfree import get_trainer, list_trainers

HERE = Path(__file__).parent
PAGE = (HERE.parent / "docs" / "stability.md").read_text(encoding="utf-8")
MODULES = re.findall(r"^  \| `(sklearn_bpfree[.\w]*)` \|", PAGE, re.M)
RECORD = HERE / "public_names.txt"


def offered():
    """All public objects as (module, name, object)."""
    for module in map(import_module, MODULES):
        yield from ((module.__name__, name, getattr(module, name)) for name in module.__all__)


def parameters(what):
    """Names of the parameters of a function, or of a class's constructor."""
    if inspect.isclass(what) and issubclass(what, Exception):
        return []
    return [name for name in inspect.signature(what).parameters if name != "self"]


def public_names():
    """Every public name, its parameters in brackets: functions, classes and their members, trainers of the zoo."""
    names = {}
    for module, name, what in offered():
        names[f"{module}.{name}"] = parameters(what) if inspect.isfunction(what) or inspect.isclass(what) else []
        if inspect.isclass(what):
            names |= {f"{module}.{name}.{member}": [] for member in dir(what) if is_ours(what, member)}
    names |= {f"trainer {name}": parameters(type(get_trainer(name))) for name in list_trainers()}
    return {name: f"({', '.join(names[name])})" for name in sorted(names)}


def is_ours(kind, member):
    """Whether a public member of a class is written here, and not by scikit-learn or Python."""
    if re.match(r"_|set_\w+_request$", member):
        return False
    return any(member in vars(base) for base in kind.__mro__ if base.__module__.startswith("sklearn_bpfree"))


def test_the_page_names_every_public_module():
    assert len(MODULES) == 6
    assert all(import_module(module).__all__ and import_module(module).__doc__ for module in MODULES)


def test_no_public_name_goes_without_notice():
    now = public_names()
    gone = []
    for line in RECORD.read_text(encoding="utf-8").splitlines():
        name, _, recorded = line.partition("(")
        kept = set(re.findall(r"\w+", now.get(name, "")))
        gone += [name] if name not in now else [f"{name}({p})" for p in re.findall(r"\w+", recorded) if p not in kept]
    assert not gone, f"retire as docs/stability.md says, or take out of {RECORD.name} if its time is over: {gone}"


def functions():
    """Public functions, and public methods of public classes, as (label, function)."""
    for module, name, what in offered():
        if inspect.isfunction(what):
            yield f"{module}.{name}", what
        elif inspect.isclass(what):
            for member in ["__init__", *(member for member in dir(what) if not member.startswith("_"))]:
                found = inspect.getattr_static(what, member, None)
                found = getattr(found, "fget", None) or getattr(found, "__func__", None) or getattr(found, "fn", found)
                found = inspect.unwrap(found) if callable(found) else found
                if inspect.isfunction(found) and found.__module__.startswith("sklearn_bpfree"):
                    yield f"{module}.{name}.{member}", found


def test_public_functions_are_typed():
    """With one annotation at least, a call is one of a typed function to mypy."""
    bare = [label for label, function in functions() if not function.__annotations__]
    assert not bare


def test_the_package_says_that_it_is_typed():
    assert Path(import_module("sklearn_bpfree").__file__).with_name("py.typed").exists()


@pytest.fixture(scope="module")
def recipes():
    """The names that the code blocks of the page make."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    namespace = {"__name__": __name__}
    exec(compile("\n".join(blocks), "docs/stability.md", "exec"), namespace)
    return namespace


def test_a_function_is_retired_as_the_page_says(recipes):
    with pytest.warns(FutureWarning, match="old_ranks goes in 0.5"):
        np.testing.assert_array_equal(recipes["old_ranks"](np.array([3.0, 1.0])), [0.5, -0.5])


def test_a_parameter_is_retired_as_the_page_says(recipes):
    walk = type("Walk", (recipes["Walk"],), {"init": None, "step": None})
    new, old = walk(step_size=0.2), walk(sigma=0.2)
    new.check_parameters()
    with pytest.warns(FutureWarning, match="is now step_size"):
        old.check_parameters()
    assert new.size == old.size == 0.2


if __name__ == "__main__":
    RECORD.write_text("".join(f"{name}{given}\n" for name, given in public_names().items()), encoding="utf-8")
