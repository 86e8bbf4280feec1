"""What travels with a task, and what a worker makes of it."""

import pickle

import numpy as np
from threadpoolctl import threadpool_info

from sklearn_bpfree.plugin import transport


def blas_threads(block):
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


class Cargo:
    """Something large that counts how often it is packed."""

    packed = 0

    def __init__(self):
        self.numbers = np.arange(40_000.0)

    def __getstate__(self):
        Cargo.packed += 1
        return self.__dict__


def look_inside(block, cargo, factor):
    return float(cargo.numbers[block]) * factor, isinstance(cargo.numbers, np.memmap)


def test_a_block_sets_the_limit_itself_because_another_process_knows_nothing_of_the_callers():
    [threads], seconds = transport.run(transport.Parcel(transport.Task(blas_threads, [0], (), None))).content
    assert all(n == 1 for n in threads) and seconds > 0


def test_a_task_takes_its_arguments_along_but_not_what_is_shared():
    cargo = Cargo()
    packed = pickle.dumps(transport.Parcel(transport.Task(look_inside, [1, 2], (cargo, 3.0), cargo)))
    again = pickle.loads(pickle.dumps(pickle.loads(packed)))  # on the way through a scheduler
    assert len(packed) < 400
    for sent in (cargo, transport.Parcel(cargo)):
        assert transport.run(again, sent).content[0] == [(3.0, False), (6.0, False)]


def test_a_parcel_has_no_arrays_that_could_be_laid_end_to_end():
    task = transport.Task(np.multiply, [2], (np.ones(1000, np.float32),), None)
    for content in (task, [np.ones(1000)], Cargo()):
        buffers = []
        packed = pickle.dumps(transport.Parcel(content), protocol=5, buffer_callback=buffers.append)
        assert not buffers
        assert type(pickle.loads(packed).content) is type(content)
    [found], _ = transport.run(pickle.loads(pickle.dumps(transport.Parcel(task)))).content
    np.testing.assert_array_equal(found, 2)


def test_an_argument_that_is_none_is_not_taken_for_what_is_shared():
    task = transport.Task(np.multiply, [2], (None,), Cargo())
    again = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(task))))
    assert again.args == [None]
