"""The kit over every registered trainer, and over its own reference trainer: built-ins pass this and nothing weaker."""

from sklearn_bpfree import list_trainers
from sklearn_bpfree.testing import RandomSearch, parametrize_with_trainer_checks


@parametrize_with_trainer_checks([*list_trainers(), RandomSearch()])
def test_trainer(trainer, check):
    check(trainer)
