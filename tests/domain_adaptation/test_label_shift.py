import numpy as np
import pytest
from numpy.testing import assert_allclose

from skgenex.domain_adaptation.label_shift import (
    ScoreModel,
    estimate_shares,
    fit_mixture,
    fit_scores,
)


def gaussian_model(means, shares):
    means = np.asarray(means, float)
    q = means.shape[1]
    covariances = np.tile(np.eye(q), (len(means), 1, 1))
    return ScoreModel(np.eye(q), means, covariances, np.asarray(shares, float))


def draw(model, shares, n, rng, *, location=0.0, scale=1.0):
    codes = rng.choice(len(shares), n, p=shares)
    z = model.means[codes] + rng.standard_normal((n, model.means.shape[1]))
    return location + scale * z, codes


def test_density_of_a_class_against_the_closed_form():
    model = ScoreModel(
        np.eye(2),
        np.array([[1.0, 2.0]]),
        np.array([[[2.0, 0.5], [0.5, 1.0]]]),
        np.ones(1),
    )
    x = np.array([[0.3, -0.4]])
    residual = x[0] - model.means[0]
    expected = -0.5 * residual @ np.linalg.inv(model.covariances[0]) @ residual
    expected -= 0.5 * np.log(np.linalg.det(2 * np.pi * model.covariances[0]))
    assert_allclose(model.log_density(x)[0, 0], expected)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.85])
def test_shares_location_and_scale_are_found_together(share):
    model = gaussian_model([[0.0], [4.0]], [0.5, 0.5])
    rng = np.random.default_rng(0)
    scores, _ = draw(model, [1 - share, share], 4000, rng, location=7.0, scale=1.5)
    mixture = fit_mixture(scores, model)
    assert_allclose(mixture.shares[1], share, atol=0.02)
    assert_allclose(mixture.location, 7.0, atol=0.1)
    assert_allclose(mixture.scale, 1.5, atol=0.05)


def test_three_classes_in_two_directions():
    model = gaussian_model([[0, 0], [4, 0], [0, 4]], [1 / 3] * 3)
    shares = [0.1, 0.2, 0.7]
    scores, _ = draw(model, shares, 4000, np.random.default_rng(0), location=-3.0)
    assert_allclose(fit_mixture(scores, model).shares, shares, atol=0.03)


def test_a_shift_alone_changes_no_share():
    # What tells shares from a shift is the shape of the scores, not their mean.
    model = gaussian_model([[0.0], [4.0]], [0.3, 0.7])
    scores, _ = draw(model, [0.3, 0.7], 4000, np.random.default_rng(0))
    here, far = fit_mixture(scores, model), fit_mixture(scores + 100, model)
    assert_allclose(here.shares, far.shares, atol=1e-6)
    assert_allclose(here.shares, [0.3, 0.7], atol=0.02)


def test_responsibilities_are_posterior_probabilities():
    model = gaussian_model([[-2.0], [2.0]], [0.5, 0.5])
    scores = np.linspace(-4, 4, 9)[:, None]
    mixture = fit_mixture(scores, model, tol=1e-10)
    z = (scores[:, 0] - mixture.location) / mixture.scale
    joint = mixture.shares * np.exp(-0.5 * (z[:, None] - model.means[:, 0]) ** 2)
    expected = joint / joint.sum(axis=1, keepdims=True)
    assert_allclose(mixture.responsibilities, expected, atol=1e-6)


def test_known_labels_are_kept():
    model = gaussian_model([[-2.0], [2.0]], [0.5, 0.5])
    scores, codes = draw(model, [0.2, 0.8], 200, np.random.default_rng(0))
    known = np.where(np.arange(200) < 50, 1 - codes, -1)  # wrong on purpose
    kept = fit_mixture(scores, model, known=known).responsibilities[:50]
    assert_allclose(kept[np.arange(50), 1 - codes[:50]], 1.0)


def test_without_separation_the_source_is_believed():
    model = gaussian_model([[0.0], [0.1]], [0.3, 0.7])
    rng = np.random.default_rng(0)
    scores, _ = draw(model, [0.9, 0.1], 60, rng)
    shares, _ = estimate_shares(lambda shares: scores, model, rng)
    assert_allclose(shares, model.shares, atol=0.1)


def test_a_difference_within_its_error_is_ignored():
    model = gaussian_model([[0.0], [2.5]], [0.4, 0.6])
    raw, shrunk = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        scores, _ = draw(model, model.shares, 40, rng)
        raw.append(np.abs(fit_mixture(scores, model).shares - model.shares)[0])
        estimate, _ = estimate_shares(lambda shares, s=scores: s, model, rng)
        shrunk.append(np.abs(estimate - model.shares)[0])
    assert np.mean(shrunk) < 0.6 * np.mean(raw)
    assert np.median(shrunk) < 0.05


def test_errors_of_shares_are_those_of_repeated_draws():
    model = gaussian_model([[0.0], [4.0]], [0.5, 0.5])
    rng = np.random.default_rng(0)
    estimates, errors = [], []
    for _ in range(100):
        scores, _ = draw(model, [0.2, 0.8], 100, rng)
        estimates.append(fit_mixture(scores, model).shares)
        errors.append(estimate_shares(lambda shares, s=scores: s, model, rng)[1])
    ratio = np.mean(errors, axis=0) / np.std(estimates, axis=0)
    assert_allclose(ratio, 1.0, atol=0.3)


def test_scores_are_those_of_rows_that_were_held_out():
    # Pure noise separates training rows perfectly, and held-out rows not at all.
    rng = np.random.default_rng(0)
    X, codes = rng.standard_normal((60, 500)), np.arange(60) % 2
    model = fit_scores(X, codes, rng)
    trained = X @ model.directions
    gap = trained[codes == 1].mean() - trained[codes == 0].mean()
    assert abs(model.means[1, 0] - model.means[0, 0]) < 1.0 < gap


@pytest.mark.parametrize("n_classes", [2, 4])
def test_scores_have_unit_variance_within_classes(n_classes):
    rng = np.random.default_rng(0)
    codes = rng.integers(n_classes, size=400)
    X = rng.standard_normal((400, 30))
    X[:, :n_classes] += 2 * np.eye(n_classes)[codes]
    model = fit_scores(X, codes, rng)
    assert model.means.shape == (n_classes, n_classes - 1)
    counts = np.bincount(codes)[:, None, None]
    common = (counts * model.covariances).sum(axis=0) / 400
    assert_allclose(common, np.eye(n_classes - 1), atol=0.02)
