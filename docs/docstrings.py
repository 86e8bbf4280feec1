"""Holds the docstrings of all public names against numpydoc's own checks: `python docs/docstrings.py`.

CHECKS are those that a reader notices: a summary that is one sentence, sections in their order and without gaps,
parameters that are those of the signature. Not asked for: examples, "See Also" and long texts everywhere; a section for
parameters whose names say all; a description where a type says it. What a class has from another library, and its data,
which its own docstring describes, is left out.
"""

import importlib
import inspect
import sys

from numpydoc.validate import validate

MODULES = ("", ".tabular", ".inspection", ".onnx", ".bench", ".testing", ".plugin")
CHECKS = {
    *("GL03", "GL05", "GL06", "GL07", "GL08", "GL09", "GL10"),
    *("SS01", "SS02", "SS03", "SS04", "SS06"),
    *("PR02", "PR03", "PR04", "PR05", "PR06", "PR08", "PR09", "PR10"),
    *("RT04", "RT05", "YD01", "SA02", "SA03", "SA04"),
}
KINDS = (property, classmethod, staticmethod)


def names():
    """Public functions and classes, with the methods and properties that a class adds."""
    for module in (importlib.import_module(f"sklearn_bpfree{suffix}") for suffix in MODULES):
        for name in module.__all__:
            public = getattr(module, name)
            if inspect.isclass(public) or inspect.isfunction(public):
                yield f"{module.__name__}.{name}"
            own = vars(public) if inspect.isclass(public) else {}
            for member, value in own.items():
                if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, KINDS)):
                    yield f"{module.__name__}.{name}.{member}"


def main():
    wrong = [f"{name}: {text}" for name in names() for code, text in validate(name)["errors"] if code in CHECKS]
    print("\n".join(wrong) or "All docstrings of public names pass.")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
