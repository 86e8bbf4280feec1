"""scikit-learn's own checks, on both estimators with the trainer."""

from __future__ import annotations

from functools import partial
from unittest import SkipTest

from sklearn.base import clone
from sklearn.utils.estimator_checks import estimator_checks_generator

from sklearn_bpfree.estimators import BPFreeClassifier, BPFreeRegressor
from sklearn_bpfree.testing.asking import Failure, ask, reason
from sklearn_bpfree.testing.setting import N_STEPS

# scikit-learn leaves out, without a word, the checks that do not suit an estimator's tags, and a wrong order of mixins
# loses a third of them in this way. These are the least numbers that must run under scikit-learn 1.9.
MIN_CLASSIFIER_CHECKS = 62
MIN_REGRESSOR_CHECKS = 59
# What those ask for that a trainer can fail by itself, and what usually helps; the estimators answer for the rest.
FASTER = "more steps (max_iter of budget) or longer ones (learning_rate, sigma)"
BY_THE_ROW = "outputs must treat every row by itself: no statistics of the rows at hand, no random draws"
SAME_AGAIN = "all randomness must come from the generators that init and step are given"
REPEATED = "a row's weight must stand for copies of the row wherever rows are summed, and rows must be drawn by weight"
FEW = "init and step must get along with very few rows, columns or distinct values: mind divisions by a spread of zero"
ASKS = {
    "check_classifiers_train": ("an accuracy above .83 on 300 rows of three clusters, and of two", FASTER),
    "check_classifiers_classes": ("that all three classes of 30 well separated rows are predicted", FASTER),
    "check_class_weight_classifiers": (
        "that a class of weight 1000 against .0001 is predicted for 87 % of rows",
        FASTER,
    ),
    "check_regressors_train": ("an R2 above .5 on 200 noisy rows of ten columns", FASTER),
    "check_regressors_int": ("equal predictions, within .01, for whole numbers and the same as floats", SAME_AGAIN),
    "check_methods_subset_invariance": ("the same outputs, within 1e-7, for rows one by one as together", BY_THE_ROW),
    "check_methods_sample_order_invariance": ("the same outputs, within 1e-9, for rows in another order", BY_THE_ROW),
    "check_fit_idempotent": ("the same predictions after a second fit", SAME_AGAIN),
    "check_estimators_pickle": ("the same predictions after pickling", "the state must hold all that outputs needs"),
    "check_sample_weight_equivalence_on_dense_data": ("what repeated rows give, and rows left out", REPEATED),
    "check_sample_weight_equivalence_on_sparse_data": ("what repeated rows give, and rows left out, in CSR", REPEATED),
    "check_classifiers_one_label": ("that one class only is learned, or refused in a sentence", FEW),
    "check_fit2d_1sample": ("that a single row is learned, or refused in a sentence", FEW),
    "check_fit2d_1feature": ("that a single column is learned, or refused in a sentence", FEW),
    "check_estimators_dtypes": ("that rows of any dtype, with values of 1e2, are learned", FEW),
    "check_readonly_memmap_input": (
        "that rows in read-only memory are learned",
        "init and step must not write into problem.X",
    ),
    "check_dict_unchanged": ("that predicting changes nothing", "outputs must not write into the state"),
    "check_estimator_sparse_array": (
        "that sparse rows are learned",
        "use product and write_gradient for products with X",
    ),
    "check_estimator_sparse_matrix": (
        "that sparse rows are learned",
        "use product and write_gradient for products with X",
    ),
    "check_decision_proba_consistency": ("that probabilities rank rows as decision_function does", BY_THE_ROW),
}
# those that ask for quality get all of a trainer's steps, the others `N_STEPS`; scikit-learn cuts the steps of its own
# estimators for its checks, too
QUALITY_CHECKS = tuple(name for name, (_, helps) in ASKS.items() if helps == FASTER)
MINIMUM = {BPFreeClassifier: MIN_CLASSIFIER_CHECKS, BPFreeRegressor: MIN_REGRESSOR_CHECKS}


def yield_sklearn_checks(kind, trainer):
    """scikit-learn's checks of an estimator with this trainer, as functions of the trainer like the others."""
    if isinstance(trainer, type):
        trainer = trainer()
    for estimator, check in estimator_checks_generator(kind(trainer=trainer)):
        yield partial(sklearn_check, kind.__name__, estimator, check)


def sklearn_check(kind_name, estimator, check, trainer):
    """Run one of scikit-learn's checks; its failure says what it asks for and what usually helps."""
    if check.func.__name__ not in QUALITY_CHECKS:
        estimator = clone(estimator).set_params(max_iter=N_STEPS)
    try:
        check(estimator)
    except SkipTest:
        raise
    except Exception as error:
        asks, helps = ASKS.get(check.func.__name__, ("", "fit such an estimator outside of the kit to see it"))
        wanted = f"it asks for {asks}" if asks else "it is about the estimator more than about its trainer"
        raise Failure(f"{reason(error)}; this check is scikit-learn's own, and {wanted}; {helps}") from error


def check_number_of_sklearn_checks(kind, trainer):
    found, least = len(list(yield_sklearn_checks(kind, trainer))), MINIMUM[kind]
    ask(found >= least, f"scikit-learn has only {found} checks for {kind.__name__}, at least {least} must run")
