"""Where the diffusion lives: spaces contain the same Gaussian, and lose nothing."""

import numpy as np
import pytest
import torch
from imblearn.utils.estimator_checks import (
    parametrize_with_checks as parametrize_with_sampler_checks,
)
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.decomposition import NMF, PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgenex import DiffusionSampler, GaussianSampler
from skgenex._residuals import SomeRows
from skgenex.datasets import make_expression
from skgenex.generation._intervention import simulate_intervention
from skgenex.generation._kl_autoencoder import KLAutoencoder
from skgenex.generation.autoencoder import RowVAE, probabilistic_pca
from skgenex.generation.factors import FactorModel
from skgenex.generation.spaces import CodeModel, GeneModel
from skgenex.nn.diffusion import GaussianDenoiser
from skgenex.nn.diffusion.subspace import FactorDenoiser, FactorMLP

TINY = {"max_epochs": 2, "n_hidden": 8, "n_steps": 4, "random_state": 0}
SPACES = {
    "factors": "factors",
    "genes": "genes",
    "pca": PCA(8),
    "autoencoder": "autoencoder",
}
NO_COVARIATES = np.empty((400, 0))


def gaussian_rows(n=400, p=24, seed=0):
    """Rows of two classes with three factors, unequal sds and unequal norms."""
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % 2
    X = rng.standard_normal((n, 3)) @ np.random.default_rng(7).standard_normal((3, p))
    X += rng.standard_normal((n, p))
    X *= np.linspace(0.5, 2, p)
    return X + 6 + codes[:, None] * np.linspace(-0.3, 0.3, p), codes


def bent_rows(n, seed, p=40, noise=0.3):
    """Rows around a parabola: two factors, one a function of the other."""
    rng = np.random.default_rng(seed)
    directions = np.linalg.qr(np.random.default_rng(5).standard_normal((p, 2)))[0]
    t = rng.standard_normal(n)
    scores = np.column_stack([4 * t, 2.5 * (t**2 - 1)])
    return scores @ directions.T + noise * rng.standard_normal((n, p)) + 8, directions


@pytest.fixture(scope="module")
def expression():
    return make_expression(
        60, 25, effect_size=2.0, n_informative=10, random_state=0, return_X_y=True
    )


# The model of rows that a space gives.


def simulate(model, X, codes, n=8_000):
    rng = np.random.default_rng(1)
    model.fit_encode(X, codes, 2, NO_COVARIATES[: len(X)], rng)
    drawn = np.arange(n) % 2
    latents = rng.standard_normal((n, model.n_latents_))
    return model.decode(latents, drawn, np.empty((n, 0)), rng), drawn


@pytest.mark.parametrize(
    "transformer", [PCA(), PCA(5), make_pipeline(StandardScaler(), PCA(6))]
)
def test_linear_space_has_the_moments_of_the_factor_model(transformer):
    X, codes = gaussian_rows()
    # Shrinkage of codes and of genes has not the same target.
    by_factors, drawn = simulate(FactorModel(shrinkage=0.0), X, codes)
    by_codes, _ = simulate(CodeModel(transformer, shrinkage=0.0), X, codes)
    for c in range(2):
        real, a, b = X[codes == c], by_factors[drawn == c], by_codes[drawn == c]
        sds = real.std(axis=0)
        np.testing.assert_allclose(b.mean(axis=0) / sds, a.mean(axis=0) / sds, atol=0.1)
        np.testing.assert_allclose(b.std(axis=0), a.std(axis=0), rtol=0.12)
        gap = np.corrcoef(b, rowvar=False) - np.corrcoef(a, rowvar=False)
        assert np.abs(gap).max() < 0.15


@pytest.mark.parametrize("transformer", [PCA(2), KLAutoencoder(n_components=2)])
def test_reconstruction_and_residual_add_up_to_the_variance(transformer):
    X, codes = gaussian_rows()
    model = CodeModel(transformer)
    Z, drawn = simulate(model, X, codes)
    decoded = model._rows_of(model._codes_of(X), X.shape[1])
    no_residual = within_sds(decoded, codes)
    real, simulated = within_sds(X, codes), within_sds(Z, drawn)
    assert (no_residual < 0.95 * real).any()  # else there is nothing to add back
    np.testing.assert_allclose(simulated, real, rtol=0.1)


def within_sds(X, codes):
    centred = X.copy()
    for c in np.unique(codes):
        centred[codes == c] -= centred[codes == c].mean(axis=0)
    return centred.std(axis=0)


def test_held_out_rows_leave_the_transformer_alone():
    X, codes = gaussian_rows()
    u = NO_COVARIATES[:300]
    first, second = (CodeModel(PCA(3)) for _ in range(2))
    first.fit_encode(X[:300], codes[:300], 2, u, np.random.default_rng(0))
    chosen = SomeRows(X, np.arange(300))
    second.fit_encode(chosen, codes[:300], 2, u, np.random.default_rng(0))
    held_out = (X[300:], codes[300:], NO_COVARIATES[:100])
    np.testing.assert_array_equal(first.encode(*held_out), second.encode(*held_out))
    expected = PCA(3).fit(X[:300]).transform(X[300:])
    got = first._codes_of(X[300:])
    np.testing.assert_allclose(np.abs(got), np.abs(expected), rtol=1e-6)


def test_gate_fits_the_transformer_without_the_held_out_rows():
    seen = []

    class Spy(PCA):
        def fit(self, X, y=None):
            seen.append(len(X))
            return super().fit(X)

    X, codes = gaussian_rows(120)
    sampler = DiffusionSampler(space=Spy(3), class_covariance=10.0, marginal=False)
    sampler.set_params(**TINY).fit(X, codes)
    assert seen == [120, 90, 90, 90]  # the final fit, and the gate's folds


def test_gene_latents_are_standardised_and_go_back():
    X, codes = gaussian_rows()
    model = GeneModel()
    u = NO_COVARIATES
    t = model.fit_encode(X, codes, 2, u, np.random.default_rng(0))
    assert t.shape == (400, 24 + model.has_scale_)
    np.testing.assert_allclose(np.square(t).mean(axis=0), 1.0, atol=0.1)
    back = model.decode(t, codes, u, np.random.default_rng(0))
    np.testing.assert_allclose(back, X, atol=1e-8)


def test_gene_model_reads_the_latents_of_the_factors():
    X, codes = gaussian_rows()
    plain = FactorModel()
    plain.fit_encode(X, codes, 2, NO_COVARIATES, np.random.default_rng(0))
    genes = GeneModel.of(plain)
    latents = genes.encode(X, codes, NO_COVARIATES)
    np.testing.assert_allclose(
        genes.leading(latents), plain.encode(X, codes, NO_COVARIATES), atol=1e-8
    )


def test_factor_denoiser_is_that_of_the_whole_gaussian():
    # Six genes of three factors, two of which and the scale have class covariances.
    rng = np.random.default_rng(0)
    vectors = np.linalg.qr(rng.standard_normal((6, 3)))[0].T
    eigenvalues, noise = np.array([9.0, 4.0, 1.0]), 0.5
    own = rng.standard_normal((3, 3))
    inside = np.stack([own @ own.T + 0.1 * np.eye(3), np.eye(3)])
    loadings = np.zeros((4, 7))  # factors, scale
    loadings[:3, :6], loadings[3, 6] = np.sqrt(eigenvalues)[:, None] * vectors, 1.0
    whole = []
    for covariance in inside:
        middle = np.eye(4)
        middle[np.ix_([0, 1, 3], [0, 1, 3])] = covariance
        diagonal = np.diag([noise] * 6 + [0.0])
        whole.append(loadings.T @ middle @ loadings + diagonal)
    x, sigma = torch.randn(5, 7), torch.tensor([0.1, 0.5, 1.0, 3.0, 10.0])
    label = torch.tensor([0, 1, 0, 1, 0])
    denoise = FactorDenoiser(vectors, eigenvalues, noise, inside, has_scale=True)
    expected = GaussianDenoiser(np.stack(whole))(x, sigma, label)
    torch.testing.assert_close(denoise(x, sigma, label), expected, atol=1e-4, rtol=1e-3)


def test_network_of_genes_reads_factors_in_their_own_units():
    # Two factors of variances 1 and 100, at noise of the same share of their sds.
    torch.manual_seed(0)
    vectors = np.eye(2, 4)
    network = FactorMLP(vectors, np.array([1.0, 100.0]), n_classes=0, n_hidden=8)
    x, sigma = torch.tensor([[1.0, 10.0, 0, 0]]), torch.tensor([1.0])
    label, c_in = torch.zeros(1).long(), (1 + sigma**2).rsqrt()
    seen = []
    network.first.register_forward_hook(lambda m, inputs, out: seen.append(inputs[0]))
    network(c_in * x, sigma.log() / 4, label)
    expected = torch.tensor([[1 / 2**0.5, 10 / 101**0.5]])
    torch.testing.assert_close(seen[0], expected)


# The autoencoder.


def test_untrained_autoencoder_is_probabilistic_pca():
    X, _ = gaussian_rows()
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    loadings, projection, posterior, v = probabilistic_pca(
        X, 3, np.random.default_rng(0)
    )
    covariance = loadings.T @ loadings + v * np.eye(X.shape[1])
    log_density = torch.distributions.MultivariateNormal(
        torch.zeros(X.shape[1], dtype=torch.float64), torch.as_tensor(covariance)
    ).log_prob(torch.as_tensor(X))
    vae = RowVAE(loadings, projection, posterior, v).eval()
    rows = torch.as_tensor(X, dtype=torch.float32).repeat(200, 1)
    noise = torch.randn(len(rows), 3, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        bound = -vae(rows, noise).reshape(200, -1).mean(dim=0) * X.shape[1]
    # Tight for each row, not only on average.
    np.testing.assert_allclose(bound, log_density, atol=0.6)
    assert abs(float((bound - log_density).mean())) < 0.03


def test_autoencoder_bends_where_pca_cannot():
    X, _ = bent_rows(600, 0)
    fresh, _ = bent_rows(200, 1)
    linear = PCA(1).fit(X)
    bent = KLAutoencoder(
        n_components=1, max_epochs=100, lr=3e-3, dropout=0.0, random_state=0
    ).fit(X)

    def error(transformer):
        back = transformer.inverse_transform(transformer.transform(fresh))
        return np.mean((fresh - back) ** 2)

    assert error(bent) < 0.6 * error(linear)
    # The learned variance is what fresh rows differ by and codes do not know.
    learned = bent.noise_variance_.mean()
    assert 0.9 * error(bent) < learned < 0.9 * error(linear)


def test_autoencoder_knows_constant_genes_and_wrong_codes():
    X, _ = gaussian_rows(60)
    X[:, 3] = 5.0
    autoencoder = KLAutoencoder(n_components=2, max_epochs=2, random_state=0).fit(X)
    assert autoencoder.noise_variance_[3] == 0
    with pytest.raises(ValueError, match="2 columns"):
        autoencoder.inverse_transform(np.zeros((3, 5)))


@parametrize_with_checks([KLAutoencoder(max_epochs=1, n_hidden=4, random_state=0)])
def test_autoencoder_contract(estimator, check):
    check(estimator)


# The sampler.

FAST = {"validation_fraction": 0.0, "max_epochs": 1, "n_hidden": 4, "n_steps": 2}
IN_SPACES = [
    DiffusionSampler(space=space, backend="diffusion", random_state=0, **FAST)
    for space in ("genes", PCA(1), KLAutoencoder(max_epochs=1, n_hidden=4))
]


@parametrize_with_checks(IN_SPACES[:2])  # the autoencoder has its own, above
def test_scikit_learn_contract(estimator, check):
    check(estimator)


# pytest wants a list where imbalanced-learn gives a generator.
_NAMES, _CHECKS = parametrize_with_sampler_checks(IN_SPACES).mark.args
_IDS = parametrize_with_sampler_checks(IN_SPACES).mark.kwargs["ids"]


@pytest.mark.parametrize(_NAMES, list(_CHECKS), ids=_IDS)
def test_imbalanced_learn_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("space", ["genes", PCA(3), "autoencoder"])
def test_gate_opens_for_subtypes_in_any_space(space):
    rng = np.random.default_rng(0)
    side = rng.choice([-1.0, 1.0], 200)
    X = 0.5 * rng.standard_normal((200, 12)) + 2.0 * side[:, None]
    sampler = DiffusionSampler(
        space=space,
        class_covariance=10.0,
        marginal=False,
        lr=5e-3,
        n_hidden=32,
        max_epochs=12,
        validation_fraction=0.5,
        random_state=0,
    ).fit(X)
    assert sampler.backend_ == "diffusion"
    assert sampler.heldout_gain_ > sampler.heldout_gain_se_ > 0
    gaussian = GaussianSampler(marginal=False, random_state=0).fit(X)

    def between(Z):  # where no real row is
        return np.mean(np.abs(Z.mean(axis=1)) < 0.7)

    assert between(sampler.sample(1500)) < 0.6 * between(gaussian.sample(1500))


@pytest.mark.parametrize("space", ["genes", "pca", "autoencoder"])
def test_gate_stays_closed_on_gaussian_rows(space):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((120, 3)) @ rng.standard_normal((3, 20))
    X += rng.standard_normal((120, 20))
    sampler = DiffusionSampler(space=SPACES[space], max_epochs=4, random_state=0)
    sampler.fit(X)
    assert sampler.backend_ == "gaussian"
    if space == "genes":
        assert sampler.space_ == "factors"
        expected = GaussianSampler(random_state=0).fit(X).sample(20)
        np.testing.assert_array_equal(sampler.sample(20), expected)


def test_auto_is_factors_for_few_rows(expression):
    auto = DiffusionSampler(backend="diffusion", **TINY).fit(*expression)
    factors = clone(auto).set_params(space="factors").fit(*expression)
    assert auto.space_ == "factors"
    np.testing.assert_array_equal(auto.sample(9)[0], factors.sample(9)[0])


@pytest.mark.parametrize("space", ["genes", "pca", "autoencoder"])
def test_covariates_classes_and_calibration_work_in_any_space(space):
    X, y = make_expression(
        80, 30, effect_size=3.0, n_informative=10, random_state=0, return_X_y=True
    )
    age = np.random.default_rng(0).standard_normal((80, 1))
    X = X + age * np.linspace(-1, 1, 30)
    X[:, 0] = np.maximum(X[:, 0] - np.median(X[:, 0]), 0.0)  # a floor
    X[:, 1] = 4.0
    sampler = DiffusionSampler(
        space=SPACES[space], backend="diffusion", marginal=True, **TINY
    ).fit(X, y, age)
    young, _ = sampler.sample(y={"class_0": 400}, conditions=np.full((400, 1), -2.0))
    old, _ = sampler.sample(y={"class_0": 400}, conditions=np.full((400, 1), 2.0))
    slope = (old.mean(axis=0) - young.mean(axis=0)) / 4
    assert np.corrcoef(slope, np.linspace(-1, 1, 30))[0, 1] > 0.8
    assert (old[:, 1] == 4.0).all()
    Z, labels = sampler.sample(1000)
    assert np.mean(Z[:, 0] == 0) == pytest.approx(0.5, abs=0.08)
    by_class = [X[y == c].mean(axis=0) - X.mean(axis=0) for c in np.unique(y)]
    got = [Z[labels == c].mean(axis=0) - Z.mean(axis=0) for c in np.unique(y)]
    assert np.corrcoef(np.ravel(by_class), np.ravel(got))[0, 1] > 0.9
    scores = sampler.score_samples(X, conditions=age)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("space", list(SPACES))
def test_score_prefers_rows_of_the_own_class(expression, space):
    X, y = expression
    sampler = DiffusionSampler(space=SPACES[space], **TINY).fit(X, y)
    other = np.where(y == "class_0", "class_1", "class_0")
    assert np.mean(sampler.score_samples(X, y) > sampler.score_samples(X, other)) > 0.9


def test_untrained_network_of_genes_leaves_the_gaussian(expression):
    X, y = expression
    sampler = DiffusionSampler(
        space="genes", backend="diffusion", **{**TINY, "lr": 1e-12}
    ).fit(X, y)
    assert sampler.space_ == "genes"
    expected = GaussianSampler(random_state=0).fit(X, y).score_samples(X, y)
    np.testing.assert_allclose(sampler.score_samples(X, y), expected, rtol=1e-4)


@pytest.mark.parametrize("space", ["genes", "pca"])
def test_interventions_say_where_they_work(expression, space):
    X, y = expression
    sampler = DiffusionSampler(space=SPACES[space], backend="diffusion", **TINY)
    sampler.fit(X, y)
    with pytest.raises(TypeError, match="space='factors'"):
        simulate_intervention(sampler, X[:3], {0: 5.0}, y=y[:3])


class NotFinite(TransformerMixin, BaseEstimator):
    """Codes or rows with a hole."""

    def __init__(self, hole="codes"):
        self.hole = hole

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X * np.nan if self.hole == "codes" else X

    def inverse_transform(self, X):
        return X[:, :-1]


@pytest.mark.parametrize(
    ("hole", "message"), [("codes", "finite codes"), ("rows", "back to finite rows")]
)
def test_spaces_that_do_not_fit_are_refused(expression, hole, message):
    sampler = DiffusionSampler(space=NotFinite(hole), **TINY)
    with pytest.raises(ValueError, match=message):
        sampler.fit(*expression)
    assert not hasattr(sampler, "model_")
    with pytest.raises(ValueError, match="space"):
        DiffusionSampler(space="umap").fit(*expression)
    with pytest.raises(TypeError, match="instance"):
        DiffusionSampler(space=StandardScaler).fit(*expression)


def test_a_nonlinear_space_keeps_what_it_promises(expression):
    X, y = expression
    space = NMF(4, init="nndsvda", max_iter=1000, tol=1e-3)
    with np.errstate(all="raise"):
        sampler = DiffusionSampler(space=space, backend="gaussian", random_state=0)
        Z = sampler.fit(X - X.min(), y).sample(500)[0]
    np.testing.assert_allclose(Z.std(axis=0), X.std(axis=0), rtol=0.25)
