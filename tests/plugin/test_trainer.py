"""The contract: annotated fields become hyper-parameters, states are records, defaults of the optional methods."""

import dataclasses
import pickle
from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.plugin import Budget, State, Trainer, advance


class Walk(Trainer):
    """A walk."""

    needs: ClassVar[str] = "values"
    pace: float = 0.5
    stops: tuple = ()

    def init(self, problem, rng):
        return State(np.zeros(3))

    def step(self, state, problem, rng):
        return advance(state, weights=state.weights + self.pace)


class Run(Walk):
    """Faster."""

    pace: float = 2.0
    shoes: str = "red"


def test_annotated_fields_are_parameters():
    assert Walk().get_params() == {"pace": 0.5, "stops": ()}
    assert Run().get_params() == {"pace": 2.0, "stops": (), "shoes": "red"}
    assert Run(pace=3.0).set_params(shoes="blue").get_params() == {"pace": 3.0, "stops": (), "shoes": "blue"}


def test_class_variables_are_not():
    assert Walk.needs == Walk().needs == "values" and Trainer.needs == "output error"
    with pytest.raises(TypeError, match="needs"):
        Walk(needs="nothing")


def test_unknown_parameters_are_refused():
    with pytest.raises(ValueError, match="Invalid parameter 'speed'"):
        Walk().set_params(speed=1)


def test_clone_repr_and_pickle():
    run = Run(shoes="blue")
    assert repr(run) == "Run(shoes='blue')"
    for copy in (clone(run), pickle.loads(pickle.dumps(run))):
        assert copy is not run and copy.get_params() == run.get_params()


def test_trainers_are_compared_by_identity_and_can_be_keys():
    assert Walk() != Walk() and len({Walk(), Walk()}) == 2


def test_init_and_step_must_be_there():
    class Half(Trainer):
        def init(self, problem, rng): ...

    with pytest.raises(TypeError, match=r"abstract method '?step"):
        Half()


def test_outputs_are_the_networks_by_default():
    network = Network((2, 3, 1))
    weights, X = network.initial_weights(np.random.default_rng(0)), np.ones((4, 2), np.float32)
    np.testing.assert_array_equal(Walk().outputs(State(weights), network, X), network.outputs(weights, X))


def test_defaults_of_what_is_optional():
    assert Walk().gradient(State(np.zeros(3)), None, None) is None
    assert Walk().budget(100, 5) == Budget(max_iter=200, batch_size=200, early_stopping=False, tol=None)
    assert Walk().check_parameters() is None
    assert Walk().offers == ("partial_fit",)


def test_advance_makes_a_new_state_of_the_same_type():
    @dataclasses.dataclass(eq=False)
    class Memory(State):
        pace: float = 0.0

    first = Memory(np.zeros(2), pace=3.0)
    second = advance(first, weights=np.ones(2))
    assert isinstance(second, Memory) and second.pace == 3 and second is not first
    assert not first.weights.any() and second.weights.all()
    with pytest.raises(TypeError):
        advance(first, speed=1)


def test_a_state_has_no_loss_until_a_step_sees_one():
    assert np.isnan(State(np.zeros(1)).loss)
