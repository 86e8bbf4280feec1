"""Which random generators somebody makes, by standing in for numpy's and Python's constructors for a while."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

CONSTRUCTORS = (
    *(np.random.default_rng, np.random.RandomState, np.random.SeedSequence, np.random.MT19937, np.random.PCG64),
    *(np.random.PCG64DXSM, np.random.Philox, np.random.SFC64, random.Random),
)


@contextmanager
def watched_generators() -> Iterator[list[str]]:
    """A list that tells every call of a constructor meanwhile, as in ``"default_rng(0)"``."""
    made: list[str] = []
    watches = {id(constructor): _watch(constructor, made) for constructor in CONSTRUCTORS}
    replaced = [
        (module, name, value)
        for module in list(sys.modules.values())
        for name, value in list(getattr(module, "__dict__", {}).items())
        if id(value) in watches and not module.__name__.startswith(("numpy.random.", "sklearn_bpfree.testing"))
    ]
    try:
        for module, name, value in replaced:
            setattr(module, name, watches[id(value)])
        yield made
    finally:
        for module, name, value in replaced:
            setattr(module, name, value)


def _watch(constructor, made):
    """The constructor, but what it is called with is noted; what it makes is what it would make anyway."""

    def note(*args, **options):
        if args and isinstance(args[0], (np.random.Generator, np.random.BitGenerator, np.random.RandomState)):
            return  # draws from that one
        given = [*map(repr, args), *(f"{key}={value!r}" for key, value in options.items())]
        made.append(f"{constructor.__name__}({', '.join(given)})")

    if not isinstance(constructor, type):

        def watching(*args, **options):
            note(*args, **options)
            return constructor(*args, **options)

        return watching

    class Kind(type(constructor)):
        def __instancecheck__(cls, value):
            return isinstance(value, constructor)

    class Watching(constructor, metaclass=Kind):
        def __new__(cls, *args, **options):
            note(*args, **options)
            return constructor(*args, **options)

    return Watching
