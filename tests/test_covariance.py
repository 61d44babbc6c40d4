"""Factor-form covariances against dense ones, and shrinkage against known truths."""

import numpy as np
import pytest
from scipy import stats
from sklearn.covariance import ledoit_wolf

from skgenex import _covariance as covariance
from skgenex._covariance import (
    SHRINKAGES,
    class_covariances,
    count_factors,
    factorise,
    gaussian_log_density,
    linear_shrinkage,
    second_moments,
    shrink_ledoit_wolf,
    shrink_nonlinear,
)


def rng(seed=0):
    return np.random.default_rng(seed)


def spiked(n, p, spikes, seed=0):
    """Rows with the identity's covariance, but for a few strong directions."""
    generator = rng(seed)
    directions = np.linalg.qr(generator.standard_normal((p, len(spikes))))[0]
    z = generator.standard_normal((n, len(spikes))) * np.sqrt(spikes)
    return z @ directions.T + generator.standard_normal((n, p)), directions


@pytest.mark.parametrize(("n", "p"), [(12, 40), (40, 12), (25, 25)])
def test_factors_rebuild_the_sample_covariance(n, p):
    X = rng().standard_normal((n, p)) * np.linspace(0.1, 3, p)
    X -= X.mean(axis=0)
    values, vectors, scores = factorise(X, rng())
    dense = X.T @ X / n
    np.testing.assert_allclose(
        values, np.linalg.eigvalsh(dense)[::-1][: len(values)], rtol=1e-6
    )
    np.testing.assert_allclose((vectors.T * values) @ vectors, dense, atol=1e-10)
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(len(values)), atol=1e-6)
    np.testing.assert_allclose((scores * np.sqrt(values)) @ vectors, X, atol=1e-8)
    np.testing.assert_allclose(scores.T @ scores / n, np.eye(len(values)), atol=1e-6)
    assert len(values) == min(n - 1, p)


def test_randomised_factors_are_close_to_the_exact_ones(monkeypatch):
    X, _ = spiked(150, 200, [200.0, 100.0, 50.0])
    exact, exact_vectors, _ = factorise(X, rng())
    monkeypatch.setattr(covariance, "EXACT_SIZE", 100)
    monkeypatch.setattr(covariance, "N_RANDOMISED_FACTORS", 10)
    values, vectors, scores = factorise(X, rng())
    assert len(values) == 10
    np.testing.assert_allclose(values[:3], exact[:3], rtol=1e-3)
    overlap = np.abs(np.sum(vectors[:3] * exact_vectors[:3], axis=1))
    np.testing.assert_allclose(overlap, 1.0, atol=1e-3)
    np.testing.assert_allclose(scores.T @ scores / 150, np.eye(10), atol=1e-6)


def test_dispersion_is_unbiased():
    # tr(S^2) of the population, from 8 rows of 30 genes, over and over.
    S = np.diag(np.linspace(0.2, 2, 30)) + 0.3
    root = np.linalg.cholesky(S)
    estimates = []
    for seed in range(400):
        X = rng(seed).standard_normal((8, 30)) @ root.T
        estimates.append(second_moments(X, rng())[0])
    standard_error = np.std(estimates) / np.sqrt(400)
    assert abs(np.mean(estimates) - np.sum(S**2)) < 3 * standard_error
    naive = np.sum((X.T @ X / 8) ** 2)  # what it avoids
    assert naive > 1.5 * np.sum(S**2)


def test_fourth_moment_is_that_of_the_norms():
    X = rng().standard_normal((20, 5))
    expected = np.mean(np.linalg.norm(X, axis=1) ** 4)
    assert second_moments(X, rng())[1] == pytest.approx(expected)


def test_intensity_agrees_with_scikit_learn_where_both_targets_are_one():
    # Genes of equal variance: each gene's own variance is the common one.
    X, _ = spiked(80, 60, [15.0, 8.0])
    X -= X.mean(axis=0)
    X /= np.sqrt(np.mean(X**2, axis=0))
    theirs = ledoit_wolf(X, assume_centered=True)[1]
    assert linear_shrinkage(X, rng()) == pytest.approx(theirs, rel=0.05)


def test_intensity_falls_with_the_number_of_rows_and_is_one_without_correlation():
    X, _ = spiked(2000, 30, [10.0, 5.0])
    intensities = [linear_shrinkage(X[:n], rng()) for n in (10, 100, 2000)]
    assert intensities[0] > intensities[1] > intensities[2]
    assert intensities[2] < 0.02
    noise = rng(1).standard_normal((100, 50))
    assert linear_shrinkage(noise, rng()) > 0.8
    assert 0 <= linear_shrinkage(X[:1], rng()) <= 1


def simulated(X, shrunk, seed):
    """Rows of the factor model: shrunk factors, and the rest of each gene as noise."""
    values, vectors, _ = factorise(X, rng())
    noise = np.mean(X**2, axis=0) - (shrunk[:, None] * vectors**2).sum(axis=0)
    generator = rng(seed)
    z = generator.standard_normal((200, len(values)))
    e = generator.standard_normal((200, X.shape[1])) * np.sqrt(noise.clip(0))
    return (z * np.sqrt(shrunk)) @ vectors + e


def test_matched_rows_resemble_each_other_as_real_ones_do():
    ratios = {name: [] for name in ("matched", "ledoit_wolf", "none")}
    for seed in range(25):
        X, directions = spiked(30, 150, [20.0, 10.0, 5.0], seed)
        S = np.eye(150) + (directions * [20.0, 10.0, 5.0]) @ directions.T
        values = factorise(X, rng())[0]
        for name, found in ratios.items():
            shrunk = values
            if name != "none":
                shrunk = SHRINKAGES[name](values, X, rng())
            rows = simulated(X, shrunk, seed)
            products = (rows @ rows.T)[np.triu_indices(200, 1)]
            found.append(np.mean(products**2) / np.sum(S**2))
    means = {name: np.mean(found) for name, found in ratios.items()}
    assert means["matched"] == pytest.approx(1.0, abs=0.1)
    assert means["ledoit_wolf"] < means["matched"] < means["none"]


def dense(values, vectors, X):
    """The covariance the factor model stands for: genes keep their variances."""
    matrix = (vectors.T * values) @ vectors
    np.fill_diagonal(matrix, np.mean(X**2, axis=0))
    return matrix


@pytest.mark.parametrize("p", [20, 57, 59, 60, 61, 63, 200])
@pytest.mark.parametrize("shrink", [shrink_nonlinear, shrink_ledoit_wolf])
def test_shrinkage_reduces_the_error_of_the_covariance(shrink, p):
    n = 60
    truth = np.diag(np.r_[np.full(p // 2, 1.0), np.full(p - p // 2, 3.0)])
    errors = []
    for seed in range(10):
        X = rng(seed).standard_normal((n, p)) * np.sqrt(np.diag(truth))
        values, vectors, _ = factorise(X, rng())
        shrunk = shrink(values, X, rng())
        assert np.isfinite(shrunk).all()
        assert (shrunk >= 0).all()
        # Never more than the genes' variance: the rest of it is their own noise.
        assert shrunk.sum() <= values.sum() * (1 + 1e-9)
        errors.append(
            [np.linalg.norm(dense(v, vectors, X) - truth) for v in (shrunk, values)]
        )
    after, before = np.mean(errors, axis=0)
    assert after < 0.95 * before


def test_nonlinear_shrinkage_approaches_the_best_rotation_equivariant_values():
    # Ledoit & Wolf's target: u_i' S u_i, with the sample's eigenvectors u.
    n, p = 400, 100
    truth = np.r_[np.full(40, 1.0), np.full(40, 3.0), np.full(20, 10.0)]
    X = rng().standard_normal((n, p)) * np.sqrt(truth)
    values, vectors, _ = factorise(X, rng())
    best = (vectors**2) @ truth
    shrunk = shrink_nonlinear(values, X, rng())
    assert np.mean((shrunk - best) ** 2) < 0.1 * np.mean((values - best) ** 2)


@pytest.mark.parametrize("k", [0, 1, 3, 6])
def test_parallel_analysis_finds_the_planted_factors(k):
    counts = []
    for seed in range(10):
        X, _ = spiked(120, 80, np.linspace(20, 40, k), seed)
        counts.append(count_factors(X - X.mean(axis=0), rng()))
    assert min(counts) >= k
    # A few may stand out by chance: the largest of noise against that of noise.
    assert np.mean(counts) < k + 2


def whitened(n, q, seed=0):
    X = rng(seed).standard_normal((n, q)) @ rng(seed + 1).standard_normal((q, q))
    return factorise(X, rng())[2]


def test_class_covariances_between_their_limits():
    scores = whitened(60, 3)
    codes = np.repeat([0, 1, 2], [30, 29, 1])
    common = class_covariances(scores, codes, 3, np.inf)
    np.testing.assert_allclose(common, np.tile(np.eye(3), (4, 1, 1)))
    own = class_covariances(scores, codes, 3, 0.0)
    first = scores[codes == 0]
    np.testing.assert_allclose(own[0], first.T @ first / 30)
    np.testing.assert_allclose(own[2], np.eye(3))  # a single row tells nothing
    np.testing.assert_allclose(own[3], np.eye(3))
    half = class_covariances(scores, codes, 3, 29.0)
    np.testing.assert_allclose(half[0], (own[0] + np.eye(3)) / 2)


def test_class_without_rows_gets_the_common_covariance():
    scores = whitened(20, 2)
    got = class_covariances(scores, np.zeros(20, dtype=int), 2, 1.0)
    np.testing.assert_allclose(got[1], np.eye(2))


def test_gaussian_log_density_is_scipys():
    roots = rng().standard_normal((3, 4, 4))
    covariances = roots @ roots.transpose(0, 2, 1) + 0.1 * np.eye(4)
    scores, codes = rng(1).standard_normal((9, 4)), np.arange(9) % 2
    expected = [
        stats.multivariate_normal(cov=covariances[c]).logpdf(row)
        for c, row in zip(codes, scores, strict=True)
    ]
    np.testing.assert_allclose(
        gaussian_log_density(scores, codes, covariances), expected
    )
