"""Interventions, transport, editing: closed forms, calibration, effects, errors."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.linalg import sqrtm
from scipy.stats import multivariate_normal
from sklearn.linear_model import LogisticRegression

from skgenex.generation import (
    DiffusionSampler,
    GaussianSampler,
    Shift,
    VAESampler,
    edit,
    impute,
    intervention_scan,
    simulate_intervention,
    transport,
)
from skgenex.generation.intervention import RowGaussian, class_transport
from skgenex.generation.inversion import generate, invert, observed, recentre

P = 30


def correlated_rows(n, rng, p=P, n_factors=3):
    loadings = rng.normal(size=(n_factors, p)) / 2
    rows = rng.normal(size=(n, n_factors)) @ loadings
    return rows + rng.normal(size=(n, p)) * 0.7, loadings.T @ loadings + 0.49 * np.eye(
        p
    )


@pytest.fixture(scope="module")
def two_classes():
    rng = np.random.default_rng(0)
    X, _ = correlated_rows(120, rng)
    y = np.repeat(["a", "b"], 60)
    X[y == "b", :5] += 2.0
    X[y == "b"] *= np.linspace(0.8, 1.5, P)
    return pd.DataFrame(X, columns=[f"g{j}" for j in range(P)]), y


@pytest.fixture(scope="module")
def gaussian(two_classes):
    return GaussianSampler(random_state=0).fit(*two_classes)


@pytest.fixture(scope="module")
def untrained(two_classes):
    """A diffusion sampler whose network adds nothing to the Gaussian."""
    sampler = DiffusionSampler(
        backend="diffusion",
        max_epochs=1,
        validation_fraction=0,
        n_hidden=8,
        device="cpu",
        random_state=0,
    ).fit(*two_classes)
    with torch.no_grad():
        for weights in sampler._network().denoiser.network.parameters():
            weights.zero_()
    sampler.latent_shift_[:] = 0.0
    sampler.latent_stretch_[:] = 1.0
    return sampler


def dense(sampler, c, **parts):
    made = RowGaussian(sampler.model_, sampler.class_covariances_[c], **parts)
    return made, made.loadings.T @ made.loadings + np.diag(made.noise)


def test_coefficients_are_those_of_the_dense_covariance(gaussian):
    made, S = dense(gaussian, 1)
    genes = np.array([2, 7, 11])
    wanted = np.linalg.solve(S[np.ix_(genes, genes)], S[genes])
    np.testing.assert_allclose(made.coefficients(genes), wanted, atol=1e-10)
    np.testing.assert_allclose(made.variances, np.diag(S))


@pytest.mark.parametrize("n_known", [1, 4, 28])
def test_conditional_mean_and_density_are_those_of_the_dense_covariance(
    gaussian, n_known
):
    made, S = dense(gaussian, 0)
    genes = np.random.default_rng(0).permutation(P)[:n_known]
    values = np.random.default_rng(1).normal(size=(3, n_known))
    inverse = np.linalg.inv(S[np.ix_(genes, genes)])
    wanted = values @ inverse @ S[genes]
    np.testing.assert_allclose(made.expect(values, genes), wanted, atol=1e-8)
    density = multivariate_normal(cov=S[np.ix_(genes, genes)]).logpdf(values)
    np.testing.assert_allclose(made.log_density(values, genes), density, atol=1e-8)


def test_draws_given_zero_have_the_conditional_covariance(gaussian):
    made, S = dense(gaussian, 0)
    genes, rest = np.arange(4), np.arange(4, P)
    rows = made.draw_given_zero(40_000, genes, np.random.default_rng(0))
    cross = S[np.ix_(rest, genes)]
    wanted = S[np.ix_(rest, rest)] - cross @ np.linalg.solve(S[:4, :4], cross.T)
    assert not rows[:, genes].any()
    np.testing.assert_allclose(np.cov(rows[:, rest].T), wanted, atol=0.03)


def test_change_is_the_regression_within_the_class(gaussian, two_classes):
    X, y = two_classes
    result = simulate_intervention(
        gaussian, X[:2], {"g3": Shift(-1.0, unit="raw"), "g8": 0.5}, y=y[:2]
    )
    _, S = dense(gaussian, 0)
    genes = [3, 8]
    sds = gaussian.model_.sds_[0]
    delta = np.column_stack([[-1.0, -1.0], 0.5 - X.iloc[:2, 8]]) / sds[genes]
    wanted = delta @ np.linalg.solve(S[np.ix_(genes, genes)], S[genes]) * sds
    np.testing.assert_allclose(result.change, wanted, atol=1e-8)
    np.testing.assert_allclose(result.profiles["g8"], 0.5)
    # Only the named genes differ; the average patient's values.
    assert (result.no_change - X[:2]).abs().sum().gt(0).sum() == 2
    np.testing.assert_allclose(
        (result.mean_shift - X[:2]).drop(columns="g8").iloc[0],
        result.change.drop(columns="g8").mean(),
        atol=1e-8,
    )


def test_conditional_mean_forgets_the_patient(gaussian, two_classes):
    X, y = two_classes
    result = simulate_intervention(gaussian, X[:5], {"g3": 1.0}, y=y[:5])
    assert np.ptp(result.conditional_mean, axis=0).max() < 1e-8
    assert np.ptp(result.profiles.drop(columns="g3"), axis=0).min() > 0.01


def test_no_change_wanted_changes_nothing(gaussian, untrained, two_classes):
    X, y = two_classes
    for sampler, atol in ((gaussian, 1e-8), (untrained, 5e-3)):
        result = simulate_intervention(
            sampler, X[:3], {"g1": Shift(0.0)}, y=y[:3], n_draws=0
        )
        np.testing.assert_allclose(result.profiles, X[:3], atol=atol)


def test_network_that_adds_nothing_gives_the_gaussian_change(
    gaussian, untrained, two_classes
):
    X, y = two_classes
    changes = {"g2": Shift(-1.5), "g9": Shift(1.0)}
    exact = simulate_intervention(gaussian, X[55:65], changes, y=y[55:65]).change
    network = simulate_intervention(untrained, X[55:65], changes, y=y[55:65]).change
    np.testing.assert_allclose(network, exact, atol=0.02)
    assert exact.abs().drop(columns=["g2", "g9"]).max(axis=None) > 0.3


def test_flow_of_an_exact_denoiser_is_inverted_and_conditioned():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(3, 3))
    S = torch.as_tensor(root @ root.T / 3 + 0.3 * np.eye(3))

    def denoise(x, sigma):
        total = S + sigma[:, None, None] ** 2 * torch.eye(3, dtype=S.dtype)
        return (S @ torch.linalg.solve(total, x[:, :, None]))[:, :, 0]

    x = torch.as_tensor(rng.normal(size=(5, 3)))
    noise = invert(denoise, x, 60)
    assert (generate(denoise, noise, 60) - x).abs().max() < 2e-3
    # Observing the first coordinate through noise of variance 0.1.
    P_obs = torch.zeros(3, 3, dtype=S.dtype)
    P_obs[0, 0] = 10.0
    vectors = [P_obs[0] * value * torch.ones(5, 1) for value in (0.0, 1.0)]
    old, new = (observed(denoise, P_obs, b) for b in vectors)
    noise = invert(old, x, 60)
    moved = generate(new, recentre(noise, old, new, 60), 60)
    wanted = S[0] / (S[0, 0] + 0.1)
    assert ((moved - x) - wanted).abs().max() < 2e-3


def test_intervals_cover_the_true_conditional_change():
    covered, widths = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        X, S = correlated_rows(60, rng)
        sampler = GaussianSampler(random_state=0, marginal=False).fit(X)
        result = simulate_intervention(
            sampler, X[:1], {0: Shift(1.0, unit="raw")}, n_draws=50
        )
        truth = S[0] / S[0, 0]
        low, high = (bound.to_numpy()[0, 1:] for bound in result.interval(0.9))
        covered.append(np.mean((low <= truth[1:]) & (truth[1:] <= high)))
        widths.append((high - low).mean())
        drawn = np.stack([result.draw(i).to_numpy()[0, 1:] for i in range(50)])
        ratio = drawn.std(axis=0) / result.change_sd.to_numpy()[0, 1:]
        assert 0.8 < ratio.mean() < 1.25
    assert 0.84 < np.mean(covered) < 0.97
    assert np.mean(widths) < 1.0


def test_floor_of_expression_holds():
    rng = np.random.default_rng(0)
    X = np.exp(correlated_rows(80, rng)[0])
    X[rng.random(X.shape) < 0.2] = 0.0
    sampler = GaussianSampler(random_state=0).fit(X)
    result = simulate_intervention(sampler, X, {0: "overexpression", 1: "knockdown"})
    assert result.profiles.to_numpy().min() >= 0
    assert (result.profiles[1] == 0).all()
    assert (result.change[0] >= 0).all()


def test_transport_gives_the_moments_of_the_other_class(two_classes):
    X, y = two_classes
    sampler = GaussianSampler(random_state=0, class_covariance=0.5).fit(X, y)
    result = transport(sampler, X[y == "a"], to="b", y=y[y == "a"])
    gap = result.profiles.mean() - X[y == "b"].mean()
    assert gap.abs().max() < 0.15
    ratio = result.profiles.std() / X[y == "b"].std()
    assert abs(np.log(ratio).mean()) < 0.1
    shifted = result.mean_shift.std() / X[y == "b"].std()
    assert np.log(ratio).std() < 0.7 * np.log(shifted).std()
    assert set(result.table.index[:5]) == {f"g{j}" for j in range(5)}
    assert (result.table["agreement"][:3] > 0.9).all()


def test_transport_within_a_class_changes_nothing(gaussian, untrained, two_classes):
    X, y = two_classes
    for sampler, atol in ((gaussian, 1e-8), (untrained, 0.03)):
        same = transport(sampler, X[:20], to="a", y=y[:20])
        np.testing.assert_allclose(same.profiles, X[:20], atol=atol)


def test_class_transport_maps_one_covariance_to_the_other():
    rng = np.random.default_rng(0)
    A, B = (w @ w.T for w in rng.normal(size=(2, 4, 4)))
    T = class_transport(A, B)
    np.testing.assert_allclose(T.T @ A @ T, B, atol=1e-8)
    np.testing.assert_allclose(T, np.linalg.inv(sqrtm(A)) @ sqrtm(B), atol=1e-8)


def test_network_that_adds_nothing_transports_as_the_gaussian(two_classes, untrained):
    X, y = two_classes
    same = GaussianSampler(random_state=0).fit(X, y)
    exact = transport(same, X[:10], to="b", y=y[:10])
    network = transport(untrained, X[:10], to="b", y=y[:10])
    np.testing.assert_allclose(network.profiles, exact.profiles, atol=0.06)
    assert exact.round_trip_error == 0
    assert 0 < network.round_trip_error < 0.01


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_edited_rows_stay_rows_of_the_model(gaussian, strength):
    X, y = gaussian.sample(y={"a": 4000}, random_state=1)
    kept = ["g0", "g1", "g2"]
    edited = edit(gaussian, X, keep=kept, y=y, strength=strength, random_state=0)
    np.testing.assert_array_equal(edited[kept], X[kept])
    moved = (edited - X).drop(columns=kept).std().mean()
    assert moved > (0.3 if strength == 0.5 else 0.8) * X.std().mean()
    np.testing.assert_allclose(edited.corr(), X.corr(), atol=0.09)
    np.testing.assert_allclose(edited.std(), X.std(), rtol=0.12)


def test_edit_by_a_network_that_adds_nothing(untrained):
    X, y = untrained.sample(y={"a": 800}, random_state=1)
    kept = ["g0", "g1", "g2"]
    edited = edit(untrained, X, keep=kept, y=y, random_state=0)
    np.testing.assert_array_equal(edited[kept], X[kept])
    np.testing.assert_allclose(edited.corr(), X.corr(), atol=0.2)
    np.testing.assert_allclose(edited.std(), X.std(), rtol=0.2)


def test_strength_zero_is_the_patient(gaussian, two_classes):
    X, y = two_classes
    same = edit(gaussian, X[:4], keep=np.arange(P) < 3, y=y[:4], strength=0.0)
    np.testing.assert_allclose(same, X[:4], atol=1e-8)


def test_edit_repeats_with_its_seed(gaussian, two_classes):
    X, _ = two_classes
    first, again, other = (
        edit(gaussian, X[:4], keep=["g0"], random_state=seed) for seed in (0, 0, 1)
    )
    assert first.equals(again)
    assert not first.equals(other)


def test_imputation_is_the_dense_conditional_mean(gaussian, two_classes):
    X, y = two_classes
    gappy = X[:3].copy()
    gappy.iloc[0, [4, 6]] = gappy.iloc[1, 20] = np.nan
    filled = impute(gaussian, gappy, y=y[:3])
    _, S = dense(gaussian, 0, rest=False)
    known = np.setdiff1d(np.arange(P), [4, 6])
    model = gaussian.model_
    r = ((X.iloc[0] - model.means_[0]) / model.sds_[0]).to_numpy()
    mean = S[np.ix_([4, 6], known)] @ np.linalg.solve(S[np.ix_(known, known)], r[known])
    wanted = mean * model.sds_[0, [4, 6]] + model.means_[0, [4, 6]]
    np.testing.assert_allclose(filled.iloc[0, [4, 6]], wanted, atol=1e-7)
    assert filled.iloc[2].equals(X.iloc[2])


def test_imputation_without_classes_infers_them(gaussian, two_classes):
    X, y = two_classes
    rng = np.random.default_rng(0)
    gappy = X.mask(rng.random(X.shape) < 0.2)
    with_y, without = impute(gaussian, gappy, y=y), impute(gaussian, gappy)
    assert (with_y - without).abs().gt(0.05).mean(axis=None) < 0.02
    error = ((without - X) ** 2).to_numpy()[gappy.isna()].mean()
    by_mean = ((X.mean() - X) ** 2).to_numpy()[gappy.isna()].mean()
    assert error < 0.7 * by_mean


def test_scan_finds_the_gene_whose_followers_move_the_outcome(gaussian, two_classes):
    X, y = two_classes
    outcome = LogisticRegression(C=0.05, max_iter=500).fit(X, y)
    table = intervention_scan(
        gaussian, X[y == "a"], outcome=outcome, wanted="b", y=y[y == "a"]
    )
    assert len(table) == P
    # What an increase of the gene by one of its sds does, by hand.
    _, S = dense(gaussian, 0)
    sds = gaussian.model_.sds_[0]
    gains = (S / np.diag(S)[:, None] * sds) @ outcome.coef_[0]
    by_hand = pd.Series(np.abs(gains), index=X.columns)
    np.testing.assert_allclose(table["gain"], by_hand[table.index], atol=1e-8)
    alone = pd.Series(outcome.coef_[0] * sds, index=X.columns)[table.index]
    np.testing.assert_allclose(table["alone"], alone * np.sign(table["by"]), atol=1e-8)


@pytest.mark.parametrize(
    ("genes", "message"),
    [
        ({"TP53": 1.0}, "not in the fit"),
        ({"g1": "off"}, "must be a finite number"),
        ({"g1": np.nan}, "must be a finite number"),
        ({}, "must be a dict"),
    ],
)
def test_interventions_not_understood(gaussian, two_classes, genes, message):
    with pytest.raises(ValueError, match=message):
        simulate_intervention(gaussian, two_classes[0], genes)


def test_other_errors(gaussian, two_classes):
    X, y = two_classes
    with pytest.raises(ValueError, match="feature names"):
        simulate_intervention(gaussian, X.rename(columns={"g0": "h"}), {"g1": 0.0})
    with pytest.raises(TypeError, match="must be a fitted GaussianSampler"):
        transport(LogisticRegression(), X, to="b")
    with pytest.raises(ValueError, match="fitted with classes"):
        transport(GaussianSampler(random_state=0).fit(X), X, to="b")
    with pytest.raises(ValueError, match="strength"):
        edit(gaussian, X, keep=["g0"], strength=2)
    with pytest.raises(ValueError, match="NaN"):
        edit(gaussian, X.mask(X > 1), keep=["g0"])
    with pytest.raises(ValueError, match="unit"):
        Shift(1.0, unit="log")
    constant = X.assign(g4=1.0)
    sampler = GaussianSampler(random_state=0).fit(constant, y)
    with pytest.raises(ValueError, match="constant"):
        simulate_intervention(sampler, constant, {"g4": 2.0})
    vae = VAESampler(backend="vae", max_epochs=1, random_state=0, device="cpu")
    with pytest.raises(TypeError, match="can't be inverted"):
        transport(vae.fit(X, y), X, to="b")
