"""A trainer's state as arrays and plain values, and back: what a checkpoint holds. Nothing in it can run code.

One rule for everybody's trainers: a state is a record (a dataclass or a NamedTuple) of arrays, CSR arrays, numbers,
strings, None, tuples, lists, dictionaries, numpy's generators and further records. Whatever else it holds is refused
with the name of its place, unless it is *given*: an object that the fit which reads the state has as well, such as its
loss.

A record comes back without a call of its class, and only a class of a package that brings states or trainers does.
Read `pack` and `unpack`.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from sklearn_bpfree.plugin.registry import load_package
from sklearn_bpfree.plugin.trainer import State, Trainer

KINDS = "biufcSUmM"  # of an array's dtype: all but objects and structures
LARGEST = 2**1024
CSR = {"array": sparse.csr_array, "matrix": sparse.csr_matrix}
BIT_GENERATORS = {kind.__name__: kind for kind in (np.random.PCG64, np.random.PCG64DXSM, np.random.Philox)}
BIT_GENERATORS |= {kind.__name__: kind for kind in (np.random.MT19937, np.random.SFC64)}
SEED_SEQUENCE = ("entropy", "spawn_key", "pool_size", "n_children_spawned")


class CannotKeep(TypeError):
    """Something is no record of arrays and plain values; the message says what, beginning with its place."""


def pack(record: Any, name: str, given: Sequence[Any] = ()) -> tuple[Any, list[np.ndarray]]:
    """A record as a tree of what JSON holds, and the arrays that it speaks of by their numbers.

    Parameters
    ----------
    record : object
    name : str
        What a message calls it.
    given : sequence of object
        Objects that `unpack` is given as well, in the same order.

    Raises
    ------
    CannotKeep
    """
    packer = _Packer(given)
    try:
        return packer.pack(record, name), packer.arrays
    except RecursionError as error:
        raise CannotKeep(f"{name} contains itself") from error


def unpack(tree: Any, arrays: Sequence[np.ndarray], given: Sequence[Any] = ()) -> Any:
    """The record that `pack` made a tree and arrays of; an exception of any kind if they are no such thing."""
    return _Unpacker(arrays, given).unpack(tree)


class _Packer:
    def __init__(self, given):
        self.numbers = {id(thing): number for number, thing in enumerate(given)}
        self.arrays: list[np.ndarray] = []
        self.known: dict[int, int] = {}  # what is met a second time is the same object afterwards, too
        self.alive: list[Any] = []  # so that no number is given twice

    def pack(self, value, place) -> Any:
        if value is None or type(value) in (bool, str) or (type(value) is int and abs(value) < LARGEST):
            return value
        if type(value) is float:
            return value if math.isfinite(value) else ["float", repr(value)]
        if id(value) in self.numbers:
            return ["given", self.numbers[id(value)]]
        if id(value) in self.known:
            return ["again", self.known[id(value)]]
        packed = self._pack(value, place)
        self.known[id(value)] = len(self.known)
        self.alive.append(value)
        return packed

    def _pack(self, value, place):
        kind = type(value)
        if isinstance(value, np.generic):
            return ["scalar", self._array(np.asarray(value), place)]
        if kind in (np.ndarray, np.memmap):
            return ["array", self._array(np.asarray(value), place)]
        if kind in CSR.values():
            parts = [self._array(getattr(value, part), f"{place}.{part}") for part in ("data", "indices", "indptr")]
            return ["csr", "array" if kind is sparse.csr_array else "matrix", *parts, list(map(int, value.shape))]
        if kind in (tuple, list):
            return [kind.__name__, [self.pack(item, f"{place}[{i}]") for i, item in enumerate(value)]]
        if kind is dict:
            return [
                "dict",
                [[self.pack(key, place), self.pack(item, f"{place}[{key!r}]")] for key, item in value.items()],
            ]
        if kind is np.random.Generator:
            return ["generator", self.pack(value.bit_generator, place)]
        if kind in BIT_GENERATORS.values():
            return self._bit_generator(value, place)
        if (names := _field_names(kind)) is not None:
            return self._record(value, names, place)
        raise CannotKeep(f"{place} is {_article(kind)}")

    def _array(self, array, place):
        if array.dtype.kind not in KINDS:
            raise CannotKeep(f"{place} is an array of dtype {array.dtype}")
        self.arrays.append(array)
        return len(self.arrays) - 1

    def _bit_generator(self, value, place):
        seeds = value.seed_seq
        if type(seeds) is not np.random.SeedSequence:
            raise CannotKeep(f"{place} is a generator without a seed sequence")
        source = {name: getattr(seeds, name) for name in SEED_SEQUENCE}
        return ["bits", type(value).__name__, self.pack(source, place), self.pack(value.state, place)]

    def _record(self, value, names, place):
        kind = type(value)
        label = f"{kind.__module__}:{kind.__qualname__}"
        if record_class(label) is not kind:
            where = f"which is not found at the top of the module {kind.__module__}"
            raise CannotKeep(f"{place} is of the class {kind.__qualname__}, {where}")
        held = vars(value) if hasattr(value, "__dict__") else {}
        more = [name for name in held if name not in names and not _is_cache(kind, name)]
        if more:
            raise CannotKeep(f"{place}.{more[0]} is no field of {kind.__qualname__}")
        return ["record", label, {name: self.pack(getattr(value, name), f"{place}.{name}") for name in names}]


class _Unpacker:
    def __init__(self, arrays, given):
        self.arrays, self.given = arrays, given
        self.known: list[Any] = []

    def unpack(self, tree) -> Any:
        if not isinstance(tree, list):
            if isinstance(tree, dict):
                raise TypeError("a bare mapping")
            return tree
        kind, *rest = tree
        if kind == "float":
            return float(rest[0])
        if kind in ("given", "again"):
            return (self.given if kind == "given" else self.known)[_index(*rest)]
        value = getattr(self, f"_{_word(kind)}")(*rest)
        self.known.append(value)
        return value

    def _array(self, number):
        array = self.arrays[_index(number)]
        if array.dtype.kind not in KINDS:
            raise TypeError("an array of objects")
        return array

    def _scalar(self, number):
        return self._array(number)[()]

    def _csr(self, kind, data, indices, indptr, shape):
        parts = tuple(map(self._array, (data, indices, indptr)))
        made = CSR[kind](parts, shape=tuple(shape))
        made.check_format(full_check=True)
        return made

    def _tuple(self, items):
        return tuple(map(self.unpack, items))

    def _list(self, items):
        return list(map(self.unpack, items))

    def _dict(self, items):
        return {self.unpack(key): self.unpack(item) for key, item in items}

    def _generator(self, bits):
        return np.random.Generator(self.unpack(bits))

    def _bits(self, kind, source, state):
        source = self.unpack(source)
        made = BIT_GENERATORS[kind](np.random.SeedSequence(**{name: source[name] for name in SEED_SEQUENCE}))
        made.state = self.unpack(state)
        return made

    def _record(self, label, fields):
        kind = record_class(label)
        if kind is None or (names := _field_names(kind)) is None or list(fields) != names:
            raise TypeError(f"no record {label!r} of these fields")
        values = [self.unpack(fields[name]) for name in names]
        if issubclass(kind, tuple):
            return tuple.__new__(kind, values)
        made = object.__new__(kind)  # no code of the class is run
        for name, value in zip(names, values, strict=True):
            object.__setattr__(made, name, value)
        return made


def record_class(label: str) -> type | None:
    """The record that ``module:name`` means, if its package brings states or trainers; nothing else is imported."""
    module, _, name = label.partition(":")
    package = module.partition(".")[0]
    if module not in sys.modules:
        load_package(package)
    if package not in {kind.__module__.partition(".")[0] for base in (State, Trainer) for kind in _family(base)}:
        return None
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = vars(found).get(part) if hasattr(found, "__dict__") else None
    return found if isinstance(found, type) and _field_names(found) is not None else None


def _family(kind):
    yield kind
    for child in kind.__subclasses__():
        yield from _family(child)


def _field_names(kind) -> list[str] | None:
    """Names of a record's fields; None for what is no record, as a trainer is none."""
    if issubclass(kind, tuple) and (names := getattr(kind, "_fields", None)) is not None:
        return list(names)
    if not dataclasses.is_dataclass(kind) or issubclass(kind, Trainer):
        return None
    return [field.name for field in dataclasses.fields(kind)]


def _is_cache(kind, name):
    return any(isinstance(vars(base).get(name), functools.cached_property) for base in kind.__mro__)


def _index(number) -> int:
    if type(number) is not int or number < 0:
        raise TypeError("no number of an object")
    return number


def _word(kind) -> str:
    if kind not in ("array", "scalar", "csr", "tuple", "list", "dict", "generator", "bits", "record"):
        raise TypeError("an unknown kind")
    return kind


def _article(kind) -> str:
    name = "a function" if kind.__name__ in ("function", "builtin_function_or_method", "method") else None
    if kind is bytes:
        name = "bytes, which may hide code"
    return name or f"{'an' if kind.__name__[0] in 'AEIOUaeiou' else 'a'} {kind.__name__}"
