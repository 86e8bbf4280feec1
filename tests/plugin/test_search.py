"""Search spaces: their names, their trainers, and a search that draws from them."""

from sklearn.datasets import make_moons
from sklearn.model_selection import RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_bpfree import BPFreeClassifier, get_trainer, list_trainers, search_space


def test_search_space_puts_the_trainers_together_for_a_search():
    spaces = search_space(["dfa", get_trainer("fa", dropout=0.2)], prefix="estimator__")
    assert spaces[0]["estimator__trainer"] == ["dfa"]
    assert spaces[0].keys() == {"estimator__trainer"} | {
        f"estimator__trainer__{name}" for name in get_trainer("dfa").param_distributions()
    }
    assert spaces[1]["estimator__trainer"][0].dropout == 0.2
    assert len(search_space()) == len(list_trainers())


def test_search_space_is_what_a_random_search_takes():
    X, y = make_moons(60, noise=0.1, random_state=0)
    model = make_pipeline(StandardScaler(), BPFreeClassifier((8,), max_iter=2, random_state=0))
    space = search_space(["dfa", "fa"], prefix="bpfreeclassifier__")
    search = RandomizedSearchCV(model, space, n_iter=4, cv=2, random_state=0).fit(X, y)
    drawn = search.best_estimator_[-1].trainer
    assert drawn.learning_rate == search.best_params_["bpfreeclassifier__trainer__learning_rate"]
