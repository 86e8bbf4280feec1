"""Rules of how long a fit is."""

import pytest

from sklearn_bpfree.plugin.budget import Budget, minibatch_rows


def test_minibatches_grow_with_the_table():
    assert [minibatch_rows(n) for n in (100, 1499, 1500, 3999, 4000, 10**6)] == [64, 64, 128, 128, 200, 200]


@pytest.mark.parametrize(("updates", "n", "passes"), [(800, 640, 80), (800, 641, 73), (1, 100_000, 1), (10.4, 2, 10)])
def test_so_many_updates_are_whole_passes_over_the_rows(updates, n, passes):
    assert Budget.of_updates(updates, n) == Budget(max_iter=passes, batch_size=minibatch_rows(n))
