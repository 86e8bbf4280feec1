"""States as arrays and plain values: what comes back is what went in, and nothing else comes back, and runs no code."""

import collections
import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pytest
from scipy import sparse

from sklearn_bpfree.estimators.records import CannotKeep, pack, record_class, unpack
from sklearn_bpfree.nn.losses import HuberLoss
from sklearn_bpfree.plugin import State
from sklearn_bpfree.testing.asking import first_difference


@dataclass(eq=False)
class Full(State):
    """A third party's state."""

    held: Any = None
    more: list = field(default_factory=list)

    @cached_property
    def doubled(self):
        return self.weights * 2


@dataclass(frozen=True)
class Frozen:
    """A record that may not be changed, and counts how often it is made."""

    value: Any
    made: ClassVar[list[int]] = []

    def __post_init__(self):
        self.made.append(1)


class Pair(NamedTuple):
    """A named tuple."""

    left: Any
    right: Any


def there_and_back(value, given=()):
    tree, arrays = pack(value, "state", given)
    return unpack(json.loads(json.dumps(tree, allow_nan=False)), arrays, given)


VALUES = [
    *(None, True, 0, -(2**200), 0.1, -0.0, float("inf"), float("nan"), "text", "\ud800"),
    *(np.float32(0.1), np.int64(3), np.bool_(True), np.str_("a"), np.float64("nan")),
    *(np.arange(6.0).reshape(2, 3), np.asfortranarray(np.ones((2, 3))), np.zeros((0, 3), np.int8), np.array(3)),
    *(np.array(["a", "bc"]), np.array(["2020-01-01"], "M8[D]"), np.array([1 + 2j])),
    *((), [], {}, (1, [2, (3,)]), {"a": [1], 2: None}, Pair(1, (2,)), Frozen([1, Pair("x", np.ones(2))])),
    Full(np.ones(3), 0.5, held=[Full(np.zeros(1))], more=[1]),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_what_comes_back_is_what_went_in(value):
    assert first_difference(value, there_and_back(value), "state") is None


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csr_matrix])
def test_sparse_rows_come_back_as_they_are(kind):
    rows = kind(np.array([[0, 1.5], [2, 0]], np.float32))
    back = there_and_back(State(np.ones(1), rows)).loss
    assert type(back) is kind and back.dtype == np.float32 and (back.toarray() == rows.toarray()).all()


def test_the_layout_of_an_array_comes_back():
    """The bits of a product depend on it."""
    assert there_and_back(np.asfortranarray(np.ones((2, 3)))).flags.f_contiguous


def test_what_was_one_object_is_one_afterwards():
    array = np.ones(3)
    state = State(array)
    back = there_and_back([state, state, Pair(array, array)])
    assert back[0] is back[1] and back[2].left is back[2].right is back[0].weights


@pytest.mark.parametrize("kind", ["PCG64", "PCG64DXSM", "Philox", "MT19937", "SFC64"])
def test_generators_go_on_where_they_were(kind):
    rng = np.random.Generator(getattr(np.random, kind)(np.random.SeedSequence(3, spawn_key=(1, 2))))
    rng.random(5)
    rng.spawn(2)
    back = there_and_back(State(np.ones(1), rng)).loss
    assert (back.random(3) == rng.random(3)).all()
    assert (back.spawn(1)[0].random(3) == rng.spawn(1)[0].random(3)).all()


def test_an_object_that_both_sides_have_is_told_by_its_number():
    loss, other = HuberLoss(), HuberLoss()
    back = there_and_back(Full(np.ones(1), held=[loss, other, loss]), [other, loss])
    assert back.held[0] is loss and back.held[1] is other and back.held[2] is loss


def test_caches_are_left_out():
    state = Full(np.ones(2))
    state.doubled  # noqa: B018
    assert "doubled" not in vars(there_and_back(state))


def test_a_record_comes_back_without_a_call_of_its_class():
    record = Frozen(1)
    before = len(Frozen.made)
    assert there_and_back(record).value == 1 and len(Frozen.made) == before


class Tiny(int):
    """A number with a class of its own."""


def inside():
    @dataclass
    class Local(State):
        """A state that no other process finds."""

    return Local(np.ones(1))


def with_extras():
    state = Full(np.ones(1))
    state.extra = 3
    return state


def endless():
    loop = [1]
    loop.append(loop)
    return loop


REFUSED = {
    "state.held is bytes, which may hide code": Full(np.ones(1), held=b"cos\nsystem"),
    "state.held is a function": Full(np.ones(1), held=os.system),
    "state.held is an object": Full(np.ones(1), held=object()),
    "state.more[1][0] is a set": Full(np.ones(1), more=[1, ({1},)]),
    "state.held['a'] is an array of dtype object": Full(np.ones(1), held={"a": np.array([None])}),
    "state.held is an array of dtype [('a', '<f8')]": Full(np.ones(1), held=np.zeros(1, [("a", "<f8")])),
    "state.held is a lock": Full(np.ones(1), held=threading.Lock()),
    "state.held is a Tiny": Full(np.ones(1), held=Tiny(3)),
    "state.held is a RandomState": Full(np.ones(1), held=np.random.RandomState(0)),
    "state.held is an OrderedDict": Full(np.ones(1), held=collections.OrderedDict()),
    "state.held is a MaskedArray": Full(np.ones(1), held=np.ma.masked_array([1])),
    "state.extra is no field of Full": with_extras(),
    "state is of the class inside.<locals>.Local": inside(),
    "state.held contains itself": Full(np.ones(1), held=endless()),
}


@pytest.mark.parametrize("words", REFUSED)
def test_anything_else_is_refused_with_its_place(words):
    with pytest.raises(CannotKeep) as caught:
        pack(REFUSED[words], "state")
    told = str(caught.value)
    assert told.startswith(words) or (words.endswith("itself") and told == "state contains itself")


FORGED = [
    *(["record", "os:system", {}], ["record", "subprocess:Popen", {"args": "x"}], ["record", "builtins:dict", {}]),
    *(["record", "bpfree_nothing:State", {}], ["record", "sklearn_bpfree.plugin.trainer:State", {}]),
    ["record", "sklearn_bpfree.plugin.trainer:State", {"weights": 1, "loss": 2, "more": 3}],
    ["record", "sklearn_bpfree.plugin.trainer:Trainer", {}],
    ["record", "sklearn_bpfree.testing.reference:RandomSearch", {"population_size": 3, "sigma": 1.0}],
    *(["array", 7], ["array", -1], ["array", "0"], ["again", 0], ["given", 0], ["float", "x"], ["unpack", []]),
    *(["_Unpacker__class__"], [], [[]], {"a": 1}, ["tuple"], ["tuple", 3], ["dict", [[["list", []], 1]]]),
    *(
        ["array", False],
        ["again", False],
        ["tuple", [["list", []], ["again", -1]]],
        ["tuple", [["list", []], ["again", 1]]],
    ),
    *(["bits", "Generator", ["dict", []], None], ["csr", "array", 0, 0, 0, [10**12, 1]], ["scalar", 1]),
]


@pytest.mark.parametrize("tree", FORGED, ids=repr)
def test_a_forged_tree_raises_and_runs_nothing(tree):
    with pytest.raises((TypeError, ValueError, LookupError, AttributeError)):
        unpack(tree, [np.zeros(3), np.array([os.system])])


def test_a_class_is_found_by_its_name_in_packages_that_bring_states_or_trainers_only():
    assert record_class("sklearn_bpfree.plugin.trainer:State") is State
    assert record_class(f"{__name__}:Pair") is Pair
    assert record_class("inspect:ArgSpec") is record_class("inspect:FullArgSpec") is None
    assert record_class("sklearn_bpfree.plugin.trainer:advance") is None
    assert record_class("sklearn_bpfree.plugin.trainer:State.__init__") is None


def test_a_plugin_that_was_not_used_yet_is_imported_for_its_state_and_no_other_module_is():
    code = (
        "import sys; from sklearn_bpfree.estimators.records import record_class\n"
        "assert 'bpfree_random_features.rvfl' not in sys.modules\n"
        "assert record_class('bpfree_random_features.rvfl:RVFLState').__name__ == 'RVFLState'\n"
        "assert record_class('this:s') is record_class('antigravity:x') is None and 'this' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
