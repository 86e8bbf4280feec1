"""Packages whose names are looked up when they are asked for: what needs none of them, such as a command's help, does
not wait for scikit-learn.
"""

import sys
from collections.abc import Callable, Collection
from importlib import import_module
from importlib.util import find_spec
from typing import Any


def lazily(
    package: str, names: Collection[str], modules: Collection[str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A package's `__getattr__`, which finds names in some modules, and modules of the package; and its `__dir__`.

    Parameters
    ----------
    package : str
    names : collection of str
        Its `__all__`.
    modules : collection of str
        Where its names are, relative to the package; the first one that has a name gives it.
    """

    def find(name):
        if name in names:
            homes = (import_module(f"{package}.{module}") for module in modules)
            value = next(getattr(home, name) for home in homes if hasattr(home, name))
            setattr(sys.modules[package], name, value)
            return value
        if name.startswith("_") or find_spec(f"{package}.{name}") is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return import_module(f"{package}.{name}")

    return find, lambda: sorted({*vars(sys.modules[package]), *names})
