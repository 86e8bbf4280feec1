"""Free text, which is left out unless a pipeline is asked to use it."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from sklearn_bpfree import BPFreeClassifier
from sklearn_bpfree.tabular import LeftOutWarning, TextEncoder, tabular_pipeline

RNG = np.random.default_rng(0)
N = 300
GOOD = RNG.random(N) < 0.5
MOODS = {True: ["lovely", "delightful", "pleasing"], False: ["broken", "awful", "disappointing"]}
NOTES = [f"It was {RNG.choice(MOODS[good])} on day {i}, they said" if i % 9 else None for i, good in enumerate(GOOD)]
X = pd.DataFrame({"x": RNG.normal(size=N), "note": NOTES, "town": RNG.choice(["Ulm", "Rom"], N)})


@pytest.mark.parametrize(
    "estimator",
    [
        BPFreeClassifier(random_state=0),
        LogisticRegression(),
        HistGradientBoostingClassifier(),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_free_text_is_used_where_asked_for(estimator):
    tables = [X, pl.from_pandas(X), X.to_numpy(dtype=object)]
    for table in tables:
        model = tabular_pipeline(estimator, free_text=True).fit(table[:200], GOOD[:200])
        assert model.score(table[200:], GOOD[200:]) > 0.8
        assert model[0].left_out_ == [] and "for free text" in model[0].notes_[0]
        names = model[:-1].get_feature_names_out()
        assert len(names) == model[:-1].transform(table).shape[1] and sum("note" in n or "x1" in n for n in names) > 20
        again = pickle.loads(pickle.dumps(clone(model).fit(table[:200], GOOD[:200])))
        np.testing.assert_allclose(again.predict_proba(table), model.predict_proba(table))
    with pytest.warns(LeftOutWarning, match="column 'note'"):
        assert tabular_pipeline(estimator).fit(X[:200], GOOD[:200]).score(X[200:], GOOD[200:]) < 0.7


def test_texts_alike_are_near_each_other_and_a_new_one_or_none_has_a_place():
    encoder = TextEncoder(5).fit(X[["note"]])
    near, same, far, none = encoder.transform(pd.DataFrame({"note": ["so lovely", "SO LOVELY!", "broken", None]}))
    assert np.linalg.norm(near - same) < np.linalg.norm(near - far) / 2 and not none.any()
    assert encoder.get_feature_names_out().tolist() == [f"note_{j}" for j in range(5)]
    assert TextEncoder().fit_transform(X[["note"]][:4]).shape == (4, 4), "no more directions than rows"
