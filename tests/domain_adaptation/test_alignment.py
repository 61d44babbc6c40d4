import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import sqrtm
from scipy.stats import norm

from skgenex.domain_adaptation.alignment import (
    Affine,
    FactorCovariance,
    coral_map,
    fit_combat,
    fit_covariance,
    fit_moments,
    fit_normal_scores,
    fit_shrunk_moments,
    optimal_transport_map,
)


def covariance(rng, p, rank, floor):
    vectors = np.linalg.qr(rng.standard_normal((p, rank)))[0].T
    return FactorCovariance(floor, rng.uniform(1, 5, rank), vectors)


def dense(factors):
    p = factors.vectors.shape[1]
    return (
        factors.floor * np.eye(p) + factors.vectors.T * factors.values @ factors.vectors
    )


@pytest.mark.parametrize("exponent", [-0.5, 0.5, 1.0])
def test_powers_of_a_covariance_against_dense_algebra(exponent):
    rng = np.random.default_rng(0)
    factors = covariance(rng, 8, 3, 0.3)
    values, vectors = np.linalg.eigh(dense(factors))
    expected = vectors * values**exponent @ vectors.T
    assert_allclose(factors.power(np.eye(8), exponent), expected, atol=1e-10)


def test_coral_against_dense_algebra():
    rng = np.random.default_rng(0)
    target, source = covariance(rng, 9, 3, 0.4), covariance(rng, 9, 4, 0.2)
    Z = rng.standard_normal((5, 9))
    expected = Z @ np.linalg.inv(sqrtm(dense(target))) @ sqrtm(dense(source))
    assert_allclose(coral_map(target, source).transform(Z), expected, atol=1e-8)


def test_optimal_transport_against_dense_algebra():
    rng = np.random.default_rng(0)
    target, source = covariance(rng, 9, 3, 0.4), covariance(rng, 9, 4, 0.2)
    root = sqrtm(dense(target))
    inverse = np.linalg.inv(root)
    expected = inverse @ sqrtm(root @ dense(source) @ root) @ inverse
    Z = rng.standard_normal((5, 9))
    result = optimal_transport_map(target, source).transform(Z)
    assert_allclose(result, Z @ expected.real, atol=1e-8)


@pytest.mark.parametrize("fit_map", [coral_map, optimal_transport_map])
def test_maps_carry_one_covariance_to_the_other(fit_map):
    rng = np.random.default_rng(0)
    target, source = covariance(rng, 9, 3, 0.4), covariance(rng, 9, 4, 0.2)
    A = fit_map(target, source).transform(np.eye(9))
    assert_allclose(A.T @ dense(target) @ A, dense(source), atol=1e-8)


def test_covariance_is_shrunk_towards_the_identity():
    rng = np.random.default_rng(0)
    Z = fit_moments(rows := rng.standard_normal((40, 100))).transform(rows)
    factors = fit_covariance(Z, rng)
    assert 0.8 < factors.floor <= 1  # independent genes: nothing but noise
    assert_allclose(np.trace(dense(factors)), 100, rtol=1e-6)


def test_normal_scores_of_a_monotone_map_are_the_same():
    X = np.random.default_rng(0).standard_normal((80, 3))
    scores = fit_normal_scores(X).transform(X)
    assert_allclose(fit_normal_scores(np.exp(X)).transform(np.exp(X)), scores)
    ranks = X.argsort(axis=0).argsort(axis=0)
    assert_allclose(scores, norm.ppf((ranks + 0.5) / 80), atol=1e-10)


def test_normal_scores_round_trip_and_ties():
    X = np.random.default_rng(0).standard_normal((80, 2))
    scores = fit_normal_scores(X)
    assert_allclose(scores.inverse_transform(scores.transform(X)), X, atol=1e-10)
    zeros = np.r_[np.zeros(40), np.arange(1, 41)][:, None]
    lowest = fit_normal_scores(zeros).transform(zeros)[0, 0]
    assert norm.ppf(0.5 / 80) < lowest < norm.ppf(0.5)


def test_shrunk_moments_weigh_rows_against_the_pool():
    pooled = Affine(np.zeros(1), np.ones(1))
    X = np.array([[4.0]] * 10)
    shrunk = fit_shrunk_moments(X, pooled)
    assert_allclose(shrunk.mean, 2.0)  # ten rows against ten rows' worth of trust
    assert_allclose(shrunk.spread, np.sqrt(0.5))


def test_combat_shrinks_shifts_over_genes_and_finds_them_with_many_rows():
    rng = np.random.default_rng(0)
    shift, scale = rng.normal(1, 0.5, 300), rng.gamma(20, 0.05, 300)
    pooled = Affine(np.zeros(300), np.ones(300))
    few = shift + scale * rng.standard_normal((5, 300))
    many = shift + scale * rng.standard_normal((5000, 300))
    error = [
        np.mean((fit(few).mean - shift) ** 2)
        for fit in (fit_moments, lambda X: fit_combat(X, pooled))
    ]
    assert error[1] < 0.8 * error[0]
    spread_error = [
        np.mean((fit(few).spread - scale) ** 2)
        for fit in (fit_moments, lambda X: fit_combat(X, pooled))
    ]
    assert spread_error[1] < 0.5 * spread_error[0]
    assert_allclose(fit_combat(many, pooled).mean, shift, atol=0.1)
    assert_allclose(fit_combat(many, pooled).spread, scale, rtol=0.1)


def test_combat_solves_its_two_equations():
    rng = np.random.default_rng(0)
    n, X = 8, rng.normal(0.5, 1.5, (8, 50))
    fitted = fit_combat(X, Affine(np.zeros(50), np.ones(50)))
    shift, variance = X.mean(0), X.var(0, ddof=1)
    tau, mean = shift.var(ddof=1), shift.mean()
    centre, dispersion = variance.mean(), variance.var(ddof=1)
    shape = (2 * dispersion + centre**2) / dispersion
    rate = (centre * dispersion + centre**3) / dispersion
    found = fitted.spread**2
    expected = (n * tau * shift + found * mean) / (n * tau + found)
    assert_allclose(fitted.mean, expected, atol=1e-5)
    squares = ((X - fitted.mean) ** 2).sum(0)
    assert_allclose(found, (rate + squares / 2) / (n / 2 + shape - 1), rtol=1e-5)


def test_constant_genes_are_only_centred():
    X = np.full((20, 2), 3.0)
    assert_allclose(fit_moments(X).transform(X), 0)
    assert_allclose(fit_normal_scores(X).transform(X), 0, atol=1e-12)
    assert_allclose(fit_combat(X, fit_moments(X)).transform(X), 0)
