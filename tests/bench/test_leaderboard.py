"""The leaderboard: order, ties, distances and what is said beneath it."""

from collections import Counter

import numpy as np
import pytest

from sklearn_bpfree.bench import Fold, Model, Result, Table, make_models, make_scoring
from sklearn_bpfree.bench.leaderboard import Leaderboard
from sklearn_bpfree.tabular import tabular_pipeline

SCORING = make_scoring(Table("t", np.empty((20, 1)), np.arange(20) % 2, "classifier"))


def fold(score, loss=0.5, k=0, predicted=None, warned=()):
    rows = np.arange(10) + 10 * k
    predicted = np.random.default_rng(int(1e6 * score) + k).random((10, 2)) if predicted is None else predicted
    return Fold(score, loss, 1.0, 0.1, Counter(warned), rows, predicted, [], {"accuracy": score}, predicted.argmax(1))


def result(name, *folds, reason="", from_zoo=True):
    return Result(Model(name, tabular_pipeline("classifier"), from_zoo), list(folds), reason)


def board(*results, models=None, left_out=()):
    models = [r.model for r in results] if models is None else models
    return Leaderboard("classifier", SCORING, list(results), models, left_out)


def test_the_best_is_first_and_ties_share_a_rank_in_the_order_of_their_losses():
    made = board(
        result("worst", fold(0.5)),
        result("tied", fold(0.80001, loss=0.6)),
        result("best", fold(0.9)),
        result("tied too", fold(0.79999, loss=0.4)),
        result("failed", reason="failed: no luck"),
        result("other", fold(0.7)),
    )
    assert [r.model.name for r in made.ranked] == ["best", "tied", "tied too", "other", "worst"]
    assert made.ranks == [1, 2, 2, 4, 5]


def test_of_equal_scores_the_smaller_loss_is_first_and_what_is_no_number_last():
    nameless = Fold(float("nan"), 0.1, 1, 1, Counter(), np.arange(3), np.zeros((3, 2)), [], {}, np.zeros(3))
    made = board(result("none", nameless), result("sure", fold(0.8, loss=0.9)), result("calm", fold(0.8, loss=0.2)))
    assert [r.model.name for r in made.ranked] == ["calm", "sure", "none"] and made.ranks == [1, 1, 3]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_scores_that_are_not_finite_have_a_place_and_no_warning_of_numpy(number, recwarn):
    odd = result("odd", fold(0.8), fold(0.8, loss=number, k=1)._replace(score=number, scores={"accuracy": number}))
    made = board(odd, result("sure", fold(0.7), fold(0.6, k=1)))
    assert [len(made.cells(r)) for r in made.ranked] == [len(made.header)] * 2
    made.distance(odd), made.footnotes
    assert not recwarn.list


def test_a_model_that_failed_in_a_fold_is_not_kept():
    part = result("part", fold(0.99), reason="failed: out of luck")
    whole = result("whole", fold(0.7), fold(0.8, k=1))
    assert board(part, whole).to_keep is whole
    assert board(part).to_keep is part


def test_the_distance_to_the_best_is_that_of_the_same_folds():
    best = result("best", fold(0.9, k=0), fold(0.8, k=1), fold(0.95, k=2))
    other = result("other", fold(0.7, k=1), fold(0.6, k=0))
    distance, error = board(best, other).distance(other)
    assert distance == pytest.approx(0.2) and error == pytest.approx(np.std([0.3, 0.1], ddof=1) / np.sqrt(2))
    single = result("single", fold(0.7, k=2))
    distance, error = board(best, single).distance(single)
    assert distance == pytest.approx(0.25) and np.isnan(error)


def test_models_with_the_same_predictions_are_named_together():
    P = np.random.default_rng(0).random((10, 2))
    twins = [result(name, fold(0.8, predicted=P), fold(0.7, k=1, predicted=P)) for name in ("one", "two")]
    nearly = result("nearly", fold(0.8, predicted=P), fold(0.7, k=1, predicted=P + 1e-12))
    failed = Result(twins[0].model._replace(name="failed"), twins[0].folds, "failed: x")
    notes = board(*twins, nearly, failed).footnotes
    assert [note for note in notes if "One and the same" in note] == [
        "One and the same with these settings, by their predictions: one, two."
    ]


def test_footnotes_name_the_score_the_default_the_left_out_and_the_warnings():
    default = make_models("classifier", [], peers=[])[0]
    noisy = Result(default, [fold(0.8, warned=["ConvergenceWarning"]), fold(0.7, k=1, warned=["ConvergenceWarning"])])
    notes = board(noisy, left_out=("noprop", "spsa")).footnotes
    assert notes[0].startswith("Ranked by accuracy; --scoring chooses another")
    assert (
        "tabular_pipeline is the recommended default for tables: the trainer 'ladder' in hidden layers of" in notes[1]
    )
    assert notes[2] == "Left out: noprop, spsa; name them with --trainers."
    assert notes[3] == "Warnings not shown: tabular_pipeline 2 ConvergenceWarning"
    assert board(noisy).note(noisy) == "the recommended default"


def test_models_that_were_not_reached_are_told():
    done, current, later = (result(name, fold(0.8)) for name in "abc")
    made = board(done, models=[r.model for r in (done, current, later)])
    assert [(model.name, reason) for model, reason in made.not_run] == [("b", "interrupted"), ("c", "not run")]
