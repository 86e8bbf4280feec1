"""The plugin against the library's own checks, and on a metric that has no gradient."""

from sklearn.datasets import load_iris
from sklearn.metrics import roc_auc_score

from sklearn_bpfree import BPFreeClassifier
from sklearn_bpfree.testing import check_trainer


def test_acme_walk_is_a_good_trainer():
    check_trainer("acme_walk")


def test_acme_walk_trains_on_a_metric():
    X, y = load_iris(return_X_y=True)
    clf = BPFreeClassifier((5,), trainer="acme_walk", loss="roc_auc", random_state=0).fit(X[50:], y[50:])
    assert roc_auc_score(y[50:], clf.predict_proba(X[50:])[:, 1]) > 0.95
