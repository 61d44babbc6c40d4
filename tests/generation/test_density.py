"""The log density against scipy's, and against integration by brute force."""

import numpy as np
import pytest
from scipy import integrate, stats

from skgenex._covariance import class_covariances
from skgenex.generation.density import MIN_NOISE, log_density
from skgenex.generation.factors import FactorModel


def model_of(n, p, seed=0, row_scale=0.0, shrinkage="ledoit_wolf", strength=10.0):
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % 2
    X = rng.standard_normal((n, 3)) @ rng.standard_normal((3, p))
    X = (X + rng.standard_normal((n, p))) * (1 + 0.3 * codes[:, None])
    X = X * np.exp(row_scale * rng.standard_normal((n, 1))) + codes[:, None]
    u = rng.standard_normal((n, 1))
    X += 0.5 * u
    model = FactorModel(shrinkage=shrinkage)
    latents = model.fit_encode(X, codes, 2, u, rng)
    covariances = class_covariances(latents, codes, 2, strength)
    return model, covariances, X, codes, u


def standardised_covariance(model, covariance):
    """V' L V + N as a matrix."""
    latent = np.diag(model.eigenvalues_)
    q = model.n_factors_
    lead = np.sqrt(model.eigenvalues_[:q])
    latent[:q, :q] = covariance[:q, :q] * np.outer(lead, lead)
    total = model.vectors_**2
    variance = model.eigenvalues_ @ total
    noise = np.maximum(model.noise_, MIN_NOISE * (variance + model.noise_))
    return model.vectors_.T @ latent @ model.vectors_ + np.diag(noise)


@pytest.mark.parametrize("shrinkage", ["ledoit_wolf", "nonlinear", 0.0, 1.0])
@pytest.mark.parametrize(("n", "p"), [(200, 6), (16, 40)])
def test_without_row_scale_it_is_scipys_normal(n, p, shrinkage):
    model, covariances, X, codes, u = model_of(n, p, shrinkage=shrinkage)
    assert not model.has_scale_
    got = log_density(model, covariances, X, codes, u)
    for c in (0, 1):
        d = np.diag(model.sds_[c])
        normal = stats.multivariate_normal(
            cov=d @ standardised_covariance(model, covariances[c]) @ d
        )
        rows = codes == c
        centred = X[rows] - model.means_[c] - u[rows] @ model.slopes_
        np.testing.assert_allclose(got[rows], normal.logpdf(centred), rtol=1e-6)


@pytest.mark.parametrize("p", [2, 5])
def test_with_row_scale_it_is_the_integral_over_scales(p):
    model, covariances, X, codes, u = model_of(300, p, row_scale=0.8)
    assert model.has_scale_
    got = log_density(model, covariances, X[:10], codes[:10], u[:10])
    for i, c in enumerate(codes[:10]):
        d = np.diag(model.sds_[c])
        C = d @ standardised_covariance(model, covariances[c]) @ d
        centred = X[i] - model.means_[c] - u[i] @ model.slopes_

        def density(log_s, c=c, C=C, centred=centred):
            prior = stats.norm.pdf(log_s, model.scale_mean_[c], model.scale_sd_)
            given = stats.multivariate_normal(cov=np.exp(2 * log_s) * C)
            return prior * given.pdf(centred)

        centre = model.scale_mean_[c]
        expected = integrate.quad(density, centre - 9, centre + 9, limit=400)[0]
        assert got[i] == pytest.approx(np.log(expected), rel=1e-4, abs=1e-4)


def test_density_integrates_to_one():
    model, covariances, X, *_ = model_of(300, 2, row_scale=0.5)
    middle, sd = X[::2].mean(axis=0), X[::2].std(axis=0)
    axes = np.linspace(middle - 12 * sd, middle + 12 * sd, 201).T
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    codes = np.zeros(len(grid), dtype=int)
    values = log_density(model, covariances, grid, codes, np.zeros((len(grid), 1)))
    area = (axes[0][1] - axes[0][0]) * (axes[1][1] - axes[1][0])
    assert np.exp(values).sum() * area == pytest.approx(1.0, abs=0.02)


def test_rows_are_more_likely_under_their_own_model():
    right = model_of(200, 12, seed=0)
    wrong = model_of(200, 12, seed=1)
    fresh, codes, u = right[2:]
    own = log_density(right[0], right[1], fresh, codes, u).mean()
    other = log_density(wrong[0], wrong[1], fresh, codes, u).mean()
    assert own > other + 1
    swapped = log_density(right[0], right[1], fresh, 1 - codes, u).mean()
    assert own > swapped


def test_genes_that_are_constant_within_classes_add_nothing():
    model, covariances, X, codes, u = model_of(100, 6)
    before = log_density(model, covariances, X, codes, u)
    wide = np.column_stack([X, np.full(100, 3.3), np.where(codes, 0.1, 0.7)])
    model = FactorModel(shrinkage="ledoit_wolf")
    rng = np.random.default_rng(0)
    latents = model.fit_encode(wide, codes, 2, u, rng)
    covariances = class_covariances(latents, codes, 2, 10.0)
    after = log_density(model, covariances, wide, codes, u)
    np.testing.assert_allclose(after, before, rtol=1e-6)
