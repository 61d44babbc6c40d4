import numpy as np
import pandas as pd
import pytest
from imblearn.pipeline import make_pipeline
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgenex import GaussianSampler
from skgenex.generation import multiply
from skgenex.preprocessing import LogCPM
from skgenex.preprocessing.size_factors import SIZE_FACTORS

METHODS = list(SIZE_FACTORS)


def negative_binomial(rng, mean, alpha):
    """Counts of the given mean and dispersion."""
    return rng.poisson(mean * rng.gamma(1 / alpha, alpha, mean.shape))


@pytest.fixture(scope="module")
def counts():
    rng = np.random.default_rng(0)
    levels = rng.lognormal(3, 1, size=200)
    depth = rng.lognormal(0, 0.4, size=60)
    return negative_binomial(rng, depth[:, None] * levels, np.full((60, 200), 0.2))


# The checks' data are fractions, which look like logarithms.
@pytest.mark.filterwarnings("ignore:X has fractions")
@parametrize_with_checks([LogCPM(), LogCPM(size_factors="tmm", target_sum="median")])
def test_estimator_checks(estimator, check):
    check(estimator)


def test_values_follow_the_definition(counts):
    X = LogCPM().fit_transform(counts)
    size = counts.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(X, np.log2(1e6 * counts / size + 1), rtol=1e-12)
    X = LogCPM(base=10, pseudocount=0.5, target_sum="median").fit_transform(counts)
    expected = np.log10(np.median(size) * counts / size + 0.5)
    np.testing.assert_allclose(X, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("pseudocount", [1.0, 0.5])
def test_there_and_back_is_exact(counts, method, pseudocount):
    logcpm = LogCPM(size_factors=method, pseudocount=pseudocount).fit(counts)
    X = logcpm.transform(counts)
    back = logcpm.inverse_transform(X, logcpm.measure_size_factors(counts))
    np.testing.assert_array_equal(back, counts)
    np.testing.assert_allclose(
        logcpm.measure_size_factors(counts), logcpm.size_factors_
    )


@pytest.mark.parametrize("method", METHODS)
def test_depth_does_not_change_a_profile(counts, method):
    logcpm = LogCPM(size_factors=method).fit(counts)
    deeper = counts * np.arange(1, 61)[:, None]
    # The weights of TMM know that deeper samples are measured better.
    tolerance = 0.1 if method == "tmm" else 1e-9
    np.testing.assert_allclose(
        logcpm.transform(deeper), logcpm.transform(counts), atol=tolerance, rtol=0
    )


@pytest.mark.parametrize("method", ["upper_quartile", "median_of_ratios", "tmm"])
def test_a_few_genes_up_do_not_push_all_others_down(method):
    rng = np.random.default_rng(1)
    levels = rng.lognormal(4, 1, size=400)
    mean = np.tile(levels, (20, 1))
    mean[10:, :20] *= 30  # which then take most of the library
    mean *= 4e4 / mean.sum(axis=1, keepdims=True)
    counts = rng.poisson(mean)
    unchanged = slice(20, None)

    def shift(method):
        X = LogCPM(size_factors=method).fit_transform(counts)[:, unchanged]
        return np.median(X[10:].mean(axis=0) - X[:10].mean(axis=0))

    assert shift("total") < -0.5
    assert abs(shift(method)) < 0.25 * abs(shift("total"))


def test_median_of_ratios_against_its_equation(counts):
    counts = counts + 1
    logcpm = LogCPM(size_factors="median_of_ratios").fit(counts)
    ratios = counts / np.exp(np.log(counts).mean(axis=0))
    expected = np.exp(np.median(np.log(ratios), axis=1))  # up to a common factor
    np.testing.assert_allclose(
        logcpm.size_factors_ / logcpm.size_factors_[0], expected / expected[0]
    )


def test_dispersion_is_that_of_the_simulation():
    rng = np.random.default_rng(2)
    y = np.repeat([0, 1], 300)
    effect = np.where(np.arange(100) % 2, 2.0, 0.5)
    mean = rng.lognormal(3, 1, size=100) * effect ** y[:, None]
    depth = rng.lognormal(0, 0.3, size=(600, 1))
    alpha = np.repeat([0.1, 0.5], 50)
    X = negative_binomial(rng, depth * mean, np.tile(alpha, (600, 1)))
    within = LogCPM().fit(X, y).dispersions_
    assert np.median(within[:50]) == pytest.approx(0.1, rel=0.2)
    assert np.median(within[50:]) == pytest.approx(0.5, rel=0.2)
    assert np.median(LogCPM().fit(X).dispersions_) > 1.2 * np.median(within)


def test_noise_gives_the_mean_and_variance_of_counts():
    rng = np.random.default_rng(3)
    counts = negative_binomial(rng, np.full((400, 50), 20.0), np.full((400, 50), 0.3))
    logcpm = LogCPM(random_state=0).fit(counts)
    smooth = np.tile(logcpm.transform(counts.mean(axis=0, keepdims=True)), (4000, 1))
    size = counts.sum(axis=1).mean()
    for noise, excess in (("poisson", 0.0), ("negative_binomial", 0.3)):
        drawn = clone(logcpm).set_params(noise=noise).fit(counts)
        drawn = drawn.inverse_transform(smooth, size)
        mean, variance = drawn.mean(), drawn.var(axis=0).mean()
        assert mean == pytest.approx(20, rel=0.02)
        assert variance == pytest.approx(20 + excess * 400, rel=0.15)


def test_generated_profiles_have_the_zeros_of_real_ones():
    rng = np.random.default_rng(4)
    levels = rng.lognormal(0, 1.2, size=80)
    depth = rng.lognormal(0, 0.2, size=(300, 1))
    counts = negative_binomial(rng, depth * levels, np.full((300, 80), 0.3))
    logcpm = LogCPM(target_sum="median", random_state=0)
    sampler = GaussianSampler(random_state=0).fit(logcpm.fit_transform(counts))
    generated = logcpm.inverse_transform(sampler.sample(2000))
    zeros, zeros_generated = (counts == 0).mean(axis=0), (generated == 0).mean(axis=0)
    assert zeros.mean() > 0.3
    assert np.abs(zeros - zeros_generated).mean() < 0.03
    np.testing.assert_allclose(generated.mean(), counts.mean(), rtol=0.1)


@pytest.mark.parametrize("method", METHODS)
def test_sparse_counts_give_the_same(counts, method):
    dense = LogCPM(size_factors=method).fit(counts)
    thin = LogCPM(size_factors=method).fit(sparse.csr_matrix(counts.astype(float)))
    np.testing.assert_allclose(thin.dispersions_, dense.dispersions_)
    X = thin.transform(sparse.csr_matrix(counts.astype(float)))
    assert sparse.issparse(X)
    np.testing.assert_allclose(X.toarray(), dense.transform(counts), atol=1e-12)


def test_library_sizes_of_generated_rows_are_those_of_training_rows(counts):
    logcpm = LogCPM(random_state=0).fit(counts)
    X = logcpm.transform(counts)
    first, second = logcpm.inverse_transform(X), logcpm.inverse_transform(X)
    np.testing.assert_array_equal(first, second)
    sizes = first.sum(axis=1)
    assert sizes.min() > 0.98 * logcpm.size_factors_.min()
    assert sizes.max() < 1.02 * logcpm.size_factors_.max()


def test_frames_keep_their_genes_in_a_pipeline(counts):
    genes = [f"g{i}" for i in range(200)]
    X = pd.DataFrame(counts, columns=genes)
    X.iloc[30:, :20] *= 3
    y = np.repeat(["a", "b"], 30)
    frame = LogCPM().set_output(transform="pandas").fit_transform(X)
    assert list(frame) == genes
    pipeline = make_pipeline(
        LogCPM(),
        GaussianSampler(sampling_strategy=multiply(2), random_state=0),
        LogisticRegression(max_iter=1000),
    )
    assert cross_val_score(pipeline, X, y, cv=3).mean() > 0.9


def test_an_empty_row_has_no_expression(counts):
    X = counts.copy()
    X[3] = 0
    logcpm = LogCPM().fit(X)
    assert not logcpm.transform(X)[3].any()
    assert not logcpm.inverse_transform(logcpm.transform(X), logcpm.size_factors_)[
        3
    ].any()


def test_errors_say_what_to_do(counts):
    with pytest.raises(ValueError, match="Negative values"):
        LogCPM().fit(counts - 1)
    with pytest.raises(ValueError, match="no counts"):
        LogCPM().fit(np.zeros((3, 4)))
    with pytest.warns(UserWarning, match="looks like logarithms"):
        LogCPM().fit(np.log2(counts + 1))
    with pytest.raises(ValueError, match="in every row"):
        LogCPM(size_factors="median_of_ratios").fit(np.eye(3) * 5)
    with pytest.raises(ValueError, match="non-negative"):
        LogCPM().fit(counts).inverse_transform(counts * 0.0, -1.0)
