"""The encoder of numeric columns against its definition."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_bpfree.tabular.encoding import PiecewiseLinearEncoder, bins_for

NAN = float("nan")


@parametrize_with_checks([PiecewiseLinearEncoder(), PiecewiseLinearEncoder(n_bins=0), PiecewiseLinearEncoder(n_bins=3)])
def test_encoder_is_a_scikit_learn_transformer(estimator, check):
    check(estimator)


def encoded(values, n_bins=8, **new):
    """Encoding of a single column, with `new` values to transform instead of the training ones."""
    column = np.asarray(values, dtype=float)[:, None]
    encoder = PiecewiseLinearEncoder(n_bins).fit(column)
    return encoder.transform(np.asarray(new["at"], dtype=float)[:, None] if new else column)


def test_raw_column_is_standardised_and_softly_clipped():
    values = np.random.default_rng(0).exponential(size=200)
    z = (values - values.mean()) / values.std()
    np.testing.assert_allclose(encoded(values)[:, 0], z / np.sqrt(1 + (z / 3) ** 2), rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_values_saturate(dtype):
    encoder = PiecewiseLinearEncoder().fit(np.arange(20.0)[:, None])
    big = np.finfo(dtype).max
    low, high = encoder.transform(np.array([[-big], [big]], dtype=dtype))
    assert low[0] == -3 and high[0] == 3
    assert np.isfinite(low).all() and np.isfinite(high).all()


def test_bins_are_zero_below_linear_within_one_above():
    rng = np.random.default_rng(0)
    values = rng.normal(size=401)
    edges = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
    raw_bins = np.clip((values[:, None] - edges[:-1]) / np.diff(edges), 0, 1)
    bins = encoded(values, n_bins=4)[:, 1:]
    np.testing.assert_allclose(bins, raw_bins - raw_bins.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(bins.mean(axis=0), 0, atol=1e-6)


def test_few_values_give_the_knots_themselves():
    values = [0] * 90 + [1] * 6 + [5] * 4
    steps = np.unique(encoded(values)[:, 1:].round(4), axis=0)
    np.testing.assert_allclose(steps - steps[0], [[0, 0], [1, 0], [1, 1]])


def test_a_value_that_most_rows_hold_is_a_knot_and_the_others_have_bins_of_their_own():
    rng = np.random.default_rng(0)
    gains = np.exp(rng.normal(size=2000))
    values = np.concatenate([np.zeros(8000), gains])[rng.permutation(10_000)]
    knots = PiecewiseLinearEncoder(n_bins=20).fit(values[:, None]).knots_[0]
    assert knots[:2].tolist() == [0, gains.min()]
    # of 2,000 rows sqrt(n) / 5 = 8 bins, more than a fifth of 20
    np.testing.assert_allclose(knots[1:], np.quantile(gains, np.linspace(0, 1, 9)))
    middle = PiecewiseLinearEncoder(n_bins=20).fit(np.append(values, -gains)[:, None]).knots_[0]
    assert 0 in middle and len(middle) <= 21 and (np.abs(middle[middle != 0]) >= gains.min()).all()


def test_without_an_atom_the_knots_are_quantiles():
    values = np.arange(1000.0) // 2
    knots = PiecewiseLinearEncoder(n_bins=10).fit(values[:, None]).knots_[0]
    np.testing.assert_allclose(knots, np.quantile(values, np.linspace(0, 1, 11)))


@pytest.mark.parametrize("values", [[0, 1, 0, 1], [2, 2, NAN, 3]])
def test_two_values_give_no_bins(values):
    assert PiecewiseLinearEncoder().fit(np.reshape(values, (-1, 1))).bin_means_.size == 0


@pytest.mark.parametrize("values", [[7.3] * 5, [NAN] * 5, [7.3, NAN, 7.3, NAN, 7.3], [1e-200, 2e-200, 1e-200]])
def test_columns_without_information_cost_nothing(values):
    rows = encoded(values, at=[7.3, 8.0, -1e9])
    assert rows.shape == (3, int(np.isnan(values).any()))
    assert not rows.any()


def test_missing_values_are_the_median_zero_bins_and_an_indicator():
    values = [NAN, 0, 1, 2, 10, NAN]
    rows = encoded(values)
    z = (1.5 - np.nanmean(values)) / np.nanstd(values)
    np.testing.assert_allclose(rows[0, 0], z / np.sqrt(1 + (z / 3) ** 2), rtol=1e-6)
    assert (rows[[0, 5], 1:-1] == 0).all()
    assert rows[:, -1].tolist() == [1, 0, 0, 0, 0, 1]


def test_missing_values_at_predict_only_need_no_indicator():
    rows = encoded([0, 1, 2, 3], at=[NAN, 1.5])
    assert rows.shape == (2, 4)
    np.testing.assert_allclose(rows[0], [0, 0, 0, 0], atol=1e-7)


def test_columns_are_encoded_independently_and_named():
    X = pd.DataFrame({"age": [1.0, 2, 3, 4], "flat": 1.0, "pay": [NAN, 1, 2, 9]})
    encoder = PiecewiseLinearEncoder(2).fit(X)
    names = ["age", "pay", "age_bin0", "age_bin1", "pay_bin0", "pay_bin1", "pay_missing"]
    assert encoder.get_feature_names_out().tolist() == names
    together = pd.DataFrame(encoder.transform(X), columns=names)
    alone = PiecewiseLinearEncoder(2).fit(X[["pay"]])
    np.testing.assert_array_equal(together[alone.get_feature_names_out()], alone.transform(X[["pay"]]))


def test_the_order_of_rows_and_the_size_of_blocks_do_not_matter(monkeypatch):
    X = np.random.default_rng(0).normal(size=(300, 3))
    X[::5, 1] = NAN
    encoder = PiecewiseLinearEncoder().fit(X)
    whole = encoder.transform(X)
    monkeypatch.setattr("sklearn_bpfree.tabular.encoding.BLOCK_CELLS", 100)
    np.testing.assert_array_equal(encoder.transform(X), whole)
    np.testing.assert_array_equal(encoder.transform(X[::-1]), whole[::-1])


def test_long_tables_are_fitted_on_a_fixed_sample():
    X = np.random.default_rng(0).normal(size=(5000, 1))
    some = PiecewiseLinearEncoder(subsample=2000)
    first, second = (clone(some).fit(X).transform(X) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    full = PiecewiseLinearEncoder().fit(X).transform(X)
    assert 0 < np.abs(first - full).max() < 0.6


def test_output_is_float32_and_memory_lean():
    tracemalloc = pytest.importorskip("tracemalloc")
    X = np.random.default_rng(0).normal(size=(50_000, 10))
    encoder = PiecewiseLinearEncoder().fit(X)
    tracemalloc.start()
    encoded = encoder.transform(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert encoded.dtype == np.float32
    assert peak < 1.2 * encoded.nbytes


def test_bins_keep_their_precision_far_from_zero_and_beside_outliers():
    near = 1e9 + np.arange(9.0)
    np.testing.assert_allclose(encoded(near)[:, 1:], encoded(np.arange(9.0))[:, 1:], atol=1e-5)
    outlier = np.r_[np.arange(99.0), 1e12]
    middle = encoded(outlier, n_bins=4, at=[24.75, 37.125])[:, 1:]
    np.testing.assert_allclose(middle[1] - middle[0], [0, 0.5, 0, 0], atol=1e-5)


def test_height_scales_the_bins_alone():
    values = np.random.default_rng(0).normal(size=(100, 1))
    low, high = (PiecewiseLinearEncoder(4, height=h).fit(values).transform(values) for h in (0.5, 2.0))
    np.testing.assert_allclose(high[:, 1:], 4 * low[:, 1:], atol=1e-6)
    np.testing.assert_array_equal(high[:, 0], low[:, 0])


@pytest.mark.parametrize(
    ("shape", "n_bins"),
    [
        ((150, 4), 8),
        ((10_000, 10), 20),
        ((60_000, 10), 24),
        ((60_000, 20), 20),
        ((60_000, 50), 14),
        ((60_000, 100), 8),
        ((60_000, 784), 5),
    ],
)
def test_bins_follow_the_shape_of_the_table(shape, n_bins):
    assert bins_for(*shape) == n_bins
    assert len(PiecewiseLinearEncoder().fit(np.random.default_rng(0).normal(size=(400, 3))).bin_means_) == 3 * 8


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_bins": -1}, "n_bins == -1"),
        ({"n_bins": 2.5}, "n_bins must be"),
        ({"height": 0}, "height == 0"),
        ({"subsample": 0}, "subsample == 0"),
    ],
)
def test_parameters_that_make_no_sense(params, message):
    with pytest.raises((ValueError, TypeError), match=message):
        PiecewiseLinearEncoder(**params).fit([[1.0], [2.0]])


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_matrix, sparse.coo_array])
def test_a_sparse_matrix_stays_sparse_with_its_zeros(kind):
    X = sparse.random(50, 7, 0.2, random_state=0, format="csr")
    X.data[3] = NAN
    dense = X.toarray()
    encoder = PiecewiseLinearEncoder().fit(kind(X))
    rows = encoder.transform(kind(X))
    assert sparse.issparse(rows) and rows.dtype == np.float32 and len(encoder.bin_means_) == 0
    z = dense / np.sqrt(np.nanmean(np.where(np.isnan(dense), 0, dense) ** 2, axis=0))
    clipped = np.nan_to_num(z / np.sqrt(1 + (z / 3) ** 2))
    missing = np.isnan(dense)[:, np.isnan(dense).any(axis=0)]
    np.testing.assert_allclose(rows.toarray(), np.c_[clipped, missing], rtol=1e-6)
    np.testing.assert_array_equal(encoder.transform(dense).toarray(), rows.toarray())
    assert len(encoder.get_feature_names_out()) == rows.shape[1]


def test_a_sparse_matrix_is_encoded_as_the_dense_one_of_training():
    X = sparse.random(50, 7, 0.2, random_state=0, format="csr")
    encoder = PiecewiseLinearEncoder().fit(X.toarray())
    np.testing.assert_array_equal(encoder.transform(X), encoder.transform(X.toarray()))


def test_what_set_params_changes_after_a_fit_counts_from_the_next_one_on():
    X = np.random.default_rng(0).normal(size=(100, 2))
    encoder = PiecewiseLinearEncoder().fit(X)
    before = encoder.transform(X)
    np.testing.assert_array_equal(encoder.set_params(height=3.0).transform(X), before)
    assert not np.array_equal(encoder.fit(X).transform(X), before)
