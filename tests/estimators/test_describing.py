"""What a fit depends on, in words: equal words for equal fits, in any process, and other words for others."""

import os
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
from bpfree_feedback.dfa import DFA
from bpfree_ladder.ladder import Ladder
from sklearn.metrics import f1_score, make_scorer

from sklearn_bpfree.estimators.describing import told
from sklearn_bpfree.nn.losses import HuberLoss

SAME = [
    (1, np.int64(1)),
    (0.5, np.float64(0.5)),
    ([1, "a"], (1, "a")),
    (np.arange(3), np.arange(3)),
    (HuberLoss(), HuberLoss()),
    (make_scorer(f1_score, pos_label=1), make_scorer(f1_score, pos_label=1)),
    ({"b", "a"}, {"a", "b"}),
    (np.array(["2020-01-01"], "M8[D]"), np.array(["2020-01-01"], "M8[D]")),
    (np.array(["a", "bc"]), np.array(["a", "bc"])),
    (np.zeros((0, 3)), np.zeros((0, 3))),
]
OTHERS = [
    (1, 2),
    ("a", "b"),
    ("1", 1),
    (np.arange(3), np.arange(3.0)),
    (np.zeros(3), np.zeros((3, 1))),
    (np.r_[1.0, 2], np.r_[1.0, 3]),
    (np.array([1, "a"], object), np.array([1, "b"], object)),
    (DFA(), DFA(learning_rate=0.1)),
    (Ladder(), Ladder(trainer=DFA())),
    (make_scorer(f1_score, pos_label=1), make_scorer(f1_score, pos_label=0)),
    (partial(f1_score, pos_label=1), partial(f1_score, pos_label=0)),
    (lambda y, p: 1, lambda y, p: 2),
    (HuberLoss, DFA),
    (None, False),
]


@pytest.mark.parametrize("one, other", SAME, ids=range(len(SAME)))
def test_equal_values_have_equal_words(one, other):
    assert told(one) == told(other)


@pytest.mark.parametrize("one, other", OTHERS, ids=range(len(OTHERS)))
def test_other_values_have_other_words(one, other):
    assert told(one) != told(other)


def test_words_are_one_printable_line():
    for value in ("x" * 500, "\x1b[31m", list(range(1000)), np.zeros(1000)):
        assert len(told(value)) <= 100 and told(value).isprintable()


def test_an_object_that_holds_itself_ends():
    loop = [1]
    loop.append(loop)
    assert told(loop) == "(1, itself)"


def test_another_process_says_the_same():
    """Neither addresses nor the order of sets, which hashes of strings decide, are in the words."""
    code = (
        "import numpy as np\n"
        "from sklearn.metrics import f1_score, make_scorer\n"
        "from sklearn_bpfree import get_trainer\n"
        "from sklearn_bpfree.estimators.describing import told\n"
        "ladder = get_trainer('ladder', trainer=get_trainer('fa'))\n"
        "words = told([ladder, make_scorer(f1_score), {'a', 'b'}, np.ones(3)])\n"
    )
    here = {}
    exec(code, here)
    env = {**os.environ, "PYTHONHASHSEED": "1"}
    there = subprocess.run([sys.executable, "-c", f"{code}print(words)"], env=env, check=True, capture_output=True)
    assert there.stdout.decode().strip() == here["words"]
