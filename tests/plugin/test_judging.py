"""By which rows a generation is judged, in which blocks, and that every member gets its own loss."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_bpfree.nn.losses import LogLoss
from sklearn_bpfree.nn.network import Network
from sklearn_bpfree.nn.objectives import Metric, make_objective
from sklearn_bpfree.nn.targets import Classes, Values
from sklearn_bpfree.plugin import Batch, Members, Problem, get_trainer, judging

TWO, THREE = Classes(np.arange(2)), Classes(np.arange(3))
rng = np.random.default_rng(0)


def made(n=300, objective=None, weight=None, batch_size=64):
    y = rng.integers(3, size=n)
    X, Y = rng.normal(size=(n, 6)).astype(np.float32), np.eye(3, dtype=np.float32)[y]
    network, objective = Network((6, 8, 3)), objective or LogLoss()
    return Problem(X, Y, network, objective, y=y, batch_size=batch_size, sample_weight=weight)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("rows", [None, np.arange(0, 300, 2)])
@pytest.mark.parametrize("objective", [LogLoss(), "accuracy", "balanced_accuracy"])
def test_judge_gives_every_members_loss(objective, rows, weighted):
    if isinstance(objective, str):
        if rows is not None:
            pytest.skip("metrics are judged by all rows")
        objective = Metric(objective, THREE, LogLoss())
    weight = np.random.default_rng(5).uniform(0.1, 2, 300) if weighted else None
    p = made(objective=objective, weight=weight)
    w = p.network.initial_weights(np.random.default_rng(2))
    population = Members(p.network, w, np.full_like(w, 0.1), (3, 4), 10)
    weights = [population.member(s, i) for s in range(2) for i in range(10)]
    batch = None
    if rows is not None:
        batch = Batch(p.X[rows], p.Y[rows], None if weight is None else p.sample_weight[rows])
    expected = p.loss(np.array(weights), batch)
    before = p.n_evaluations
    losses = judging.judge(p, population, rows)
    assert losses.shape == (2, 10)
    np.testing.assert_allclose(losses.ravel(), expected, rtol=1e-5)
    assert p.n_evaluations - before == 20 * (300 if rows is None else len(rows))


@pytest.mark.parametrize("store", [np.asarray, sparse.csr_array])
def test_rows_stored_by_columns_are_the_same_rows(store):
    p = made(40, weight=rng.uniform(1, 2, 40))
    p.X = store(p.X)
    for rows in (np.arange(3, 40, 2), None):
        columns, plain = judging.by_columns(p, rows), p.take(rows)
        for part, other in zip(columns[:3], plain[:3], strict=True):
            part, other = (array.toarray() if sparse.issparse(array) else array for array in (part, other))
            np.testing.assert_array_equal(part, other)
        assert columns.Y.flags.f_contiguous and (sparse.issparse(p.X) or columns.X.flags.f_contiguous)


def test_rows_are_stored_by_columns_once_for_all_blocks_of_a_generation(monkeypatch):
    p, calls, by_columns = made(), [], judging.by_columns
    monkeypatch.setattr(judging, "by_columns", lambda problem, rows: calls.append(rows) or by_columns(problem, rows))
    w = np.zeros(p.network.n_weights, np.float32)
    members = Members(p.network, w, np.ones_like(w), (3, 4), 40, block_members=16)
    rows = np.arange(100)
    for asked in (rows, rows, None, None):
        judging.judge(p, members, asked)
    assert [asked is rows for asked in calls] == [True, False]


def test_a_metric_is_judged_by_enough_rows(monkeypatch):
    monkeypatch.setattr(judging, "METRIC_ROWS", 50)
    monkeypatch.setattr(judging, "RARE_ROWS", 10)
    n = 1000
    for share, rows in [(0.5, 50), (0.1, 100), (0.02, 500), (0.002, None)]:
        codes = (np.arange(n) < share * n).astype(int)
        problem = Problem(
            rng.normal(size=(n, 2)),
            TWO.encode(codes),
            Network((2, 1)),
            make_objective("f1", TWO),
            y=codes,
            batch_size=8,
        )
        chosen = judging.sample_rows(problem, np.random.default_rng(0))
        assert (chosen is None) if rows is None else len(chosen) == rows
    values = Values(np.zeros(1), np.ones(1), True)
    X, Y, metric = rng.normal(size=(n, 2)), np.zeros((n, 1)), make_objective("r2", values)
    for batch_size, expected in [(8, 50), (70, 70)]:
        problem = Problem(X, Y, Network((2, 1)), metric, y=np.zeros(n), batch_size=batch_size)
        assert len(judging.sample_rows(problem, np.random.default_rng(0))) == expected


@pytest.mark.parametrize("weighted", [False, True])
def test_a_generation_is_judged_by_the_rows_it_was_given(monkeypatch, weighted):
    monkeypatch.setattr(judging, "METRIC_ROWS", 50)
    monkeypatch.setattr(judging, "RARE_ROWS", 1)
    codes = rng.integers(2, size=300)
    weight = rng.uniform(1, 2, 300) if weighted else None
    problem = Problem(
        rng.normal(size=(300, 2)),
        TWO.encode(codes, float),
        Network((2, 3, 1)),
        make_objective("roc_auc", TWO),
        y=codes,
        sample_weight=weight,
    )
    trainer = get_trainer("open_es", population_size=8, readout="evolved")
    members = trainer.members(trainer.init(problem, rng), problem.network, (1, 2))
    rows = judging.sample_rows(problem, np.random.default_rng(0))
    found = judging.judge(problem, members, rows)
    part = Problem(
        problem.X[rows],
        problem.Y[rows],
        problem.network,
        problem.objective,
        y=codes[rows],
        sample_weight=None if weight is None else weight[rows],
    )
    expected = part.loss(np.concatenate([members.weights(block) for block in range(members.n_blocks)]))
    np.testing.assert_allclose(found.ravel(), expected, atol=1e-12)
