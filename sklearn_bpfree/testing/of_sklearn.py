"""scikit-learn's own checks, on both estimators with the trainer."""

from __future__ import annotations

from functools import partial

from sklearn.base import clone
from sklearn.utils.estimator_checks import estimator_checks_generator

from sklearn_bpfree.estimators import BPFreeClassifier, BPFreeRegressor
from sklearn_bpfree.testing.asking import ask
from sklearn_bpfree.testing.setting import N_STEPS

# scikit-learn leaves out, without a word, the checks that do not suit an estimator's tags, and a wrong order of mixins
# loses a third of them in this way. These are the least numbers that must run under scikit-learn 1.9.
MIN_CLASSIFIER_CHECKS = 62
MIN_REGRESSOR_CHECKS = 59
# scikit-learn's checks that ask for quality get all of a trainer's steps, the others `N_STEPS`; scikit-learn cuts the
# steps of its own estimators for its checks, too
QUALITY_CHECKS = (
    "check_classifiers_train",
    "check_classifiers_classes",
    "check_class_weight_classifiers",
    "check_regressors_train",
)
MINIMUM = {BPFreeClassifier: MIN_CLASSIFIER_CHECKS, BPFreeRegressor: MIN_REGRESSOR_CHECKS}


def yield_sklearn_checks(kind, trainer):
    """scikit-learn's checks of an estimator with this trainer, as functions of the trainer like the others."""
    if isinstance(trainer, type):
        trainer = trainer()
    for estimator, check in estimator_checks_generator(kind(trainer=trainer)):
        if check.func.__name__ not in QUALITY_CHECKS:
            estimator = clone(estimator).set_params(max_iter=N_STEPS)
        yield partial(sklearn_check, kind.__name__, estimator, check)


def sklearn_check(kind_name, estimator, check, trainer):
    check(estimator)


def check_number_of_sklearn_checks(kind, trainer):
    found, least = len(list(yield_sklearn_checks(kind, trainer))), MINIMUM[kind]
    ask(found >= least, f"scikit-learn has only {found} checks for {kind.__name__}, at least {least} must run")
