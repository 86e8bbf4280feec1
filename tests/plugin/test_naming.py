"""Trainers by name as parameters: when a name becomes an object, at any depth and for anybody's trainers."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_moons
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_bpfree import BPFreeClassifier, get_trainer
from sklearn_bpfree.plugin import Trainer


class Around(Trainer):
    """A third party's trainer around another one."""

    inner: str | Trainer | None = "dfa"
    kind: str = "plain"

    def init(self, problem, rng):
        return self._trainer().init(problem, rng)

    def step(self, state, problem, rng):
        return self._trainer().step(state, problem, rng)

    def _trainer(self):
        return self.named_trainer("inner", self.inner) if isinstance(self.inner, str) else self.inner


def test_a_name_stays_a_name_until_one_of_its_parameters_is_set():
    trainer = Around().set_params(kind="other", inner="fa")
    assert trainer.inner == "fa" and "inner__dropout" not in trainer.get_params()
    trainer.set_params(inner__dropout=0.5)
    assert type(trainer.inner).__name__ == "FA" and trainer.get_params()["inner__dropout"] == 0.5
    assert trainer.set_params(inner="fa").inner == "fa"


def test_name_and_parameters_may_come_together_in_any_order():
    for params in ({"inner": "fa", "inner__dropout": 0.5}, {"inner__dropout": 0.5, "inner": "fa"}):
        inner = Around().set_params(**params).inner
        assert (type(inner).__name__, inner.dropout) == ("FA", 0.5)


@pytest.mark.parametrize("field, outer", [("trainer", "ladder"), ("companion", "ladder"), ("inner", Around())])
def test_trainers_inside_of_trainers_work_as_one_level_up(field, outer):
    clf = BPFreeClassifier(trainer=outer)
    clf.set_params(**{f"trainer__{field}": "dfa", f"trainer__{field}__feedback": "learned"})
    assert getattr(clf.trainer, field).feedback == "learned"
    assert clone(clf).get_params()[f"trainer__{field}__feedback"] == "learned"
    piped = make_pipeline(StandardScaler(), BPFreeClassifier(trainer=clone(outer, safe=False)))
    piped.set_params(**{f"bpfreeclassifier__trainer__{field}": "fa"})
    piped.set_params(**{f"bpfreeclassifier__trainer__{field}__feedback": "random"})
    assert getattr(piped[-1].trainer, field).feedback == "random"


def test_three_levels():
    trainer = Around(Around())
    trainer.set_params(inner__inner__dropout=0.25)
    assert trainer.get_params()["inner__inner__dropout"] == 0.25
    by_name = BPFreeClassifier(trainer=Around()).set_params(
        trainer__inner="ladder", trainer__inner__trainer="dfa", trainer__inner__trainer__dropout=0.125
    )
    assert by_name.trainer.inner.trainer.dropout == 0.125


def test_a_grid_may_hold_names_and_their_parameters():
    X, y = make_moons(60, noise=0.1, random_state=0)
    clf = BPFreeClassifier((8,), trainer=Around(), max_iter=5, random_state=0)
    grid = [{"trainer__inner": ["dfa"], "trainer__inner__feedback": ["random", "learned"]}, {"trainer__inner": ["fa"]}]
    search = GridSearchCV(clf, grid, cv=2, error_score="raise").fit(X, y)
    assert len(search.cv_results_["params"]) == 3 and np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.estimator.trainer.inner == "dfa"


def test_a_word_that_names_no_trainer_stays_a_word():
    ladder = get_trainer("ladder").set_params(companion="auto", single=True)
    assert ladder.companion == "auto"
    with pytest.raises(ValueError, match=r"^companion__scale cannot be set while companion of Ladder is 'auto', which"):
        ladder.set_params(companion__scale=2.0)
    assert ladder.companion == "auto"


def test_what_is_no_trainer_has_no_parameters():
    with pytest.raises(ValueError, match=r"^inner__x cannot be set while inner of Around is None; set it first\.$"):
        Around(None).set_params(inner__x=1)
    with pytest.raises(ValueError, match="Invalid parameter 'outer'"):
        Around().set_params(outer__x=1)
    with pytest.raises(ValueError, match="Invalid parameter 'needs'"):
        Around().set_params(needs__x=1)


def test_a_name_of_the_ladders_keeps_the_ladders_learning_rate():
    ladder = get_trainer("ladder").set_params(trainer="dfa", trainer__dropout=0.1, companion="fa", companion__dropout=0)
    assert ladder.trainer.learning_rate == 0.012
    assert ladder.companion.learning_rate == get_trainer("fa").learning_rate
