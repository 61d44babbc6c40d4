"""The linear model against data whose truth is known."""

import tracemalloc

import numpy as np
import pytest

from skgenex import _covariance
from skgenex._blocks import blocks
from skgenex._covariance import SHRINKAGES, factorise
from skgenex._residuals import Residuals, SomeRows
from skgenex.generation.factors import FactorModel

NONE = np.zeros((0, 0))


def truth(n, p=30, n_factors=3, seed=0, n_classes=2):
    """Rows of classes with own means and spreads, and their parameters."""
    rng = np.random.default_rng(seed)
    means = rng.normal(6, 1, (n_classes, p))
    sds = rng.uniform(0.5, 1.5, p) * np.linspace(1, 1.6, n_classes)[:, None]
    loadings = rng.normal(size=(p, n_factors))
    correlation = loadings @ loadings.T + np.eye(p)
    d = np.sqrt(np.diag(correlation))
    correlation /= np.outer(d, d)
    codes = np.arange(n) % n_classes
    z = rng.standard_normal((n, p)) @ np.linalg.cholesky(correlation).T
    return means[codes] + sds[codes] * z, codes, means, sds, correlation


def fitted(X, codes, covariates=None, n_classes=2, **parameters):
    model = FactorModel(**parameters)
    if covariates is None:
        covariates = np.zeros((len(X), 0))
    rng = np.random.default_rng(0)
    latents = model.fit_encode(X, codes, n_classes, covariates, rng)
    return model, latents


def simulate(model, codes, covariates=None, seed=1):
    rng = np.random.default_rng(seed)
    if covariates is None:
        covariates = np.zeros((len(codes), 0))
    latents = rng.standard_normal((len(codes), model.n_factors_ + model.has_scale_))
    return model.decode(latents, codes, covariates, rng)


@pytest.mark.parametrize("shrinkage", [*SHRINKAGES, 0.0])
def test_simulated_rows_have_the_moments_of_the_truth(shrinkage):
    X, codes, means, sds, correlation = truth(4000)
    model, _ = fitted(X, codes, shrinkage=shrinkage)
    assert not model.has_scale_  # the truth is Gaussian
    rows = simulate(model, np.repeat([0, 1], 6000))
    for c, own in enumerate((rows[:6000], rows[6000:])):
        np.testing.assert_allclose(own.mean(axis=0), means[c], atol=0.12)
        np.testing.assert_allclose(own.std(axis=0), X[codes == c].std(0), rtol=0.05)
        np.testing.assert_allclose(own.std(axis=0), sds[c], rtol=0.1)
        got = np.corrcoef(own.T)
        assert np.abs(got - correlation).max() < 0.12
        assert np.abs(got - correlation).mean() < 0.025


def test_row_scale_is_found_and_reproduced():
    X, codes, means, _, _ = truth(600, p=80)
    rng = np.random.default_rng(3)
    scales = np.exp(0.35 * rng.standard_normal((600, 1)))
    model, _ = fitted(means[codes] + scales * (X - means[codes]), codes)
    assert model.has_scale_
    rows = simulate(model, np.tile([0, 1], 600))
    norms = np.linalg.norm((rows - means[[0, 1] * 600]) / model.common_sds_, axis=1)
    wanted = np.linalg.norm(scales * (X - means[codes]) / model.common_sds_, axis=1)
    assert np.log(norms).std() == pytest.approx(np.log(wanted).std(), rel=0.12)
    assert np.log(norms).mean() == pytest.approx(np.log(wanted).mean(), abs=0.06)


def test_leading_factors_leave_the_rest_less_of_a_length_of_one():
    X, codes, means, _, _ = truth(600, p=80)
    rng = np.random.default_rng(3)
    scales = np.exp(0.35 * rng.standard_normal((600, 1)))
    model, _ = fitted(means[codes] + scales * (X - means[codes]), codes)
    model.norm_map_ = None
    q, n = model.n_factors_, 400
    latents = np.zeros((n, q + 1))
    latents[:, :q] = rng.standard_normal((n, q)) * np.linspace(0, 1.5, n)[:, None]
    label = np.zeros(n, dtype=int)
    rows = model.decode(latents, label, np.zeros((n, 0)), rng)
    unit = model.standardise(rows, label, np.zeros((n, 0)))
    unit /= np.exp(model.scale_mean_[0])
    wanted = model.eigenvalues_.sum() + model.noise_.sum()
    leading = np.square(latents[:, :q]) @ model.eigenvalues_[:q]
    fits = leading < 0.8 * wanted
    assert fits.sum() > 100
    squares = np.square(unit).sum(axis=1)
    assert squares[fits].mean() == pytest.approx(wanted, rel=0.03)
    # The latents themselves are kept as they are, whatever the length.
    scores = unit @ model.vectors_[:q].T / np.sqrt(model.eigenvalues_[:q])
    slopes = (scores * latents[:, :q]).sum(0) / np.square(latents[:, :q]).sum(0)
    np.testing.assert_allclose(slopes, 1, atol=0.1)


@pytest.mark.parametrize(("n", "p"), [(40, 120), (120, 30)])
def test_latents_are_white_and_those_of_encode(n, p):
    X, codes, *_ = truth(n, p)
    model, latents = fitted(X, codes, mean_shrinkage=0.0)
    q = model.n_factors_
    moments = latents[:, :q].T @ latents[:, :q] / n
    np.testing.assert_allclose(moments, np.eye(q), atol=1e-8)
    encoded = model.encode(X, codes, np.zeros((n, 0)))
    # But for the factor that corrects for the estimated class means.
    np.testing.assert_allclose(encoded[:, :q] * np.sqrt(n / (n - 2)), latents[:, :q])


def test_own_means_are_shrunk_towards_that_of_all():
    X, codes, *_ = truth(10)
    overall = X.mean(axis=0)
    plain = X[codes == 0].mean(axis=0)
    for weight in (0.0, 5.0, 1e9):
        model, _ = fitted(X, codes, mean_shrinkage=weight)
        expected = overall + 5 / (5 + weight) * (plain - overall)
        np.testing.assert_allclose(model.means_[0], expected)


@pytest.mark.parametrize("n_classes", [1, 2])
def test_slopes_of_covariates_are_recovered(n_classes):
    X, codes, means, *_ = truth(2000, n_classes=n_classes)
    rng = np.random.default_rng(5)
    # One that differs between the classes, as age does, and one that doesn't.
    u = rng.standard_normal((2000, 2)) + np.outer(codes, [1.5, 0.0])
    slopes = rng.normal(size=(2, 30))
    model, _ = fitted(X + u @ slopes, codes, u, n_classes, mean_shrinkage=0.0)
    np.testing.assert_allclose(model.slopes_, slopes, atol=0.15)
    np.testing.assert_allclose(model.means_, means, atol=0.3)
    wanted = np.tile([[2.0, -1.0]], (4000, 1))
    rows = simulate(model, np.zeros(4000, dtype=int), wanted)
    np.testing.assert_allclose(
        rows.mean(axis=0), means[0] + [2.0, -1.0] @ slopes, atol=0.3
    )


@pytest.mark.parametrize("p", [4, 15, 200])
def test_genes_without_variance_stay_out(p):
    X, codes, *_ = truth(30, p)
    X[:, 0] = 0.1
    X[:, 1] = np.where(codes == 0, 0.1, 0.3)  # constant within each class
    model, latents = fitted(X, codes)
    assert model.constant_.sum() == 1
    assert (model.sds_[:, :2] == 0).all()
    assert (model.sds_[:, 2:] > 0).all()
    assert np.isfinite(latents).all()
    rows = simulate(model, codes)
    assert np.isfinite(rows).all()
    np.testing.assert_allclose(rows[:, 0], 0.1)
    np.testing.assert_allclose(rows[:, 1], model.means_[codes, 1])


def test_constant_of_a_class_varies_a_little_as_in_other_classes():
    X, codes, *_ = truth(40)
    X[codes == 0, 0] = 5.0
    model, _ = fitted(X, codes)
    rows = simulate(model, np.zeros(500, dtype=int))
    assert 0 < rows[:, 0].std() < model.sds_[1, 0]


def test_one_row_classes_share_the_common_spread():
    X, codes, *_ = truth(41, n_classes=1)
    codes = codes.copy()
    codes[-1] = 1
    X[-1] += 10
    model, latents = fitted(X, codes)
    assert np.isfinite(latents).all()
    np.testing.assert_allclose(model.sds_[1], model.sds_[0], rtol=0.5)
    rows = simulate(model, np.ones(2000, dtype=int))
    np.testing.assert_allclose(rows.mean(axis=0), model.means_[1], atol=0.2)


def test_no_class_of_two_rows_is_refused():
    with pytest.raises(ValueError, match="At least one class needs two rows; got 3"):
        fitted(np.eye(3), np.arange(3), n_classes=3)


def test_class_without_rows_is_the_mean_of_all():
    X, codes, *_ = truth(20)
    model, _ = fitted(X, codes, n_classes=3)
    np.testing.assert_allclose(model.means_[2], X.mean(axis=0))
    assert np.isfinite(simulate(model, np.full(5, 2))).all()


@pytest.mark.parametrize("p", [1, 2])
def test_a_gene_or_two(p):
    X, codes, *_ = truth(400, p)
    model, _ = fitted(X, codes)
    rows = simulate(model, np.tile([0, 1], 2000))
    np.testing.assert_allclose(rows.std(axis=0), X.std(axis=0), rtol=0.1)


def test_decoding_some_genes_gives_their_moments():
    X, codes, means, sds, _ = truth(2000)
    model, _ = fitted(X, codes)
    genes = np.array([3, 7, 20])
    rng = np.random.default_rng(0)
    rows = model.decode(
        rng.standard_normal((4000, model.n_factors_)),
        np.zeros(4000, dtype=int),
        np.zeros((4000, 0)),
        rng,
        genes,
    )
    np.testing.assert_allclose(rows.mean(axis=0), means[0, genes], atol=0.15)
    np.testing.assert_allclose(rows.std(axis=0), sds[0, genes], rtol=0.08)


def test_number_of_factors_is_bounded():
    X, codes, *_ = truth(64, 60, n_factors=20)
    assert 4 <= fitted(X, codes)[0].n_factors_ <= 8
    assert fitted(X, codes, n_factors=11)[0].n_factors_ == 11
    assert fitted(X, codes, n_factors=999)[0].n_factors_ <= 60


def test_memory_grows_with_rows_times_genes():
    n, p = 60, 8000
    X, codes = np.random.default_rng(0).standard_normal((n, p)), np.arange(n) % 2
    tracemalloc.start()
    model, _ = fitted(X, codes)
    simulate(model, codes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * X.nbytes  # p x p would be 133 times


@pytest.mark.parametrize("p", [1, 2])
def test_scale_of_few_genes_must_be_significant(p):
    def share_with_scale(sd, n=100, n_draws=30):
        found = 0
        for seed in range(n_draws):
            rng = np.random.default_rng(seed)
            X = rng.standard_normal((n, p)) * np.exp(sd * rng.standard_normal((n, 1)))
            model = FactorModel()
            model.fit_encode(X, np.zeros(n, dtype=int), 1, np.zeros((n, 0)), rng)
            found += model.has_scale_
        return found / n_draws

    assert share_with_scale(0.0) < 0.17  # the rule for many genes: 0.25 or more
    assert share_with_scale(1.0) > 0.7


def test_blocks_and_views_change_nothing(monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    X, codes = rng.standard_normal((30, 50)), np.arange(30) % 3
    u = rng.standard_normal((30, 2))
    fresh = rng.standard_normal((7, 50))
    padded = np.memmap(tmp_path / "rows", np.float64, "w+", shape=(60, 50))
    padded[1::2] = X
    padded.flush()
    mapped = np.memmap(tmp_path / "rows", np.float64, "r", shape=(60, 50))
    chosen = SomeRows(mapped, np.arange(1, 60, 2))
    latents, encoded = [], []
    for given, size in ((X, 2_000_000), (X, 120), (chosen, 120), (X.copy("F"), 120)):
        monkeypatch.setattr(blocks, "__defaults__", (size,))
        monkeypatch.setattr(_covariance, "BLOCK_VALUES", size)
        model = FactorModel()
        before = X.copy()
        latents.append(model.fit_encode(given, codes, 3, u, np.random.default_rng(1)))
        encoded.append(model.encode(fresh, codes[:7], u[:7]))
        np.testing.assert_array_equal(before, X)
    for other in (1, 2, 3):
        np.testing.assert_allclose(latents[0], latents[other], atol=1e-9)
        np.testing.assert_allclose(encoded[0], encoded[other], atol=1e-9)


def test_residuals_are_what_the_formula_says():
    rng = np.random.default_rng(0)
    X, codes = rng.standard_normal((9, 6)), np.arange(9) % 2
    centres, slopes = rng.standard_normal((2, 6)), rng.standard_normal((1, 6))
    u = rng.standard_normal((9, 1))
    residuals = Residuals(X, codes, centres, u, slopes)
    residuals.sds = rng.uniform(1, 2, (2, 6))
    residuals.factors = rng.uniform(1, 2, 9)
    whole = (X - centres[codes] - u @ slopes) / residuals.sds[codes]
    whole *= residuals.factors[:, None]
    rows, genes = np.array([7, 1, 4]), np.array([5, 0])
    for got, wanted in (
        (residuals[2:5], whole[2:5]),
        (residuals[rows], whole[rows]),
        (residuals[:, 1:3], whole[:, 1:3]),
        (residuals[np.ix_(rows, genes)], whole[np.ix_(rows, genes)]),
    ):
        np.testing.assert_allclose(got, wanted)


@pytest.mark.parametrize("shape", [(300, 40), (40, 300), (150, 170)])
def test_factors_by_blocks_are_the_exact_ones(shape, monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((shape[0], 5)) @ rng.standard_normal((5, shape[1])) * 5
    X += rng.standard_normal(shape)
    monkeypatch.setattr(_covariance, "BLOCK_VALUES", 1000)
    if shape[0] == 150:  # neither side is short: the randomised decomposition
        monkeypatch.setattr(_covariance, "EXACT_SIZE", 100)
        monkeypatch.setattr(_covariance, "N_RANDOMISED_FACTORS", 60)
    values, vectors, scores = factorise(X, rng)
    singular, right = np.linalg.svd(X, full_matrices=False)[1:]
    np.testing.assert_allclose(values[:5], singular[:5] ** 2 / len(X), rtol=1e-3)
    overlap = np.abs((vectors[:5] * right[:5]).sum(axis=1))
    np.testing.assert_allclose(overlap, 1, atol=1e-3)
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(len(values)), atol=1e-7)
    leading = X @ vectors[:5].T / np.sqrt(values[:5])
    np.testing.assert_allclose(scores[:, :5], leading, atol=1e-2)
