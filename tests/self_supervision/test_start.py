"""The start of fine-tuning: whitening by neighbours, balanced shares, the mean."""

import numpy as np
import pytest

from skgenex.prediction.solvers import softmax
from skgenex.self_supervision.factors import SHRINKAGE, local_whitening, signal_map
from skgenex.self_supervision.start import (
    ENSEMBLE,
    MAX_POWER,
    fit_start,
    share_correction,
)


@pytest.fixture(scope="module")
def rows():
    """Rows with two classes along a weak factor, beside a strong one within classes."""
    rng = np.random.default_rng(0)
    y = np.arange(300) % 2
    signs = 2 * y - 1
    factors = np.c_[2 * rng.normal(size=300), signs + 0.2 * rng.normal(size=300)]
    X = factors @ rng.normal(size=(2, 80)) + rng.normal(size=(300, 80))
    return (X - X.mean(axis=0)) / X.std(axis=0), y


def test_neighbours_of_a_class_show_its_covariance():
    rng = np.random.default_rng(0)
    covariance = np.array([[4.0, 1.0], [1.0, 1.0]])
    y = np.repeat([0, 1], 2000)
    scores = rng.multivariate_normal([0, 0], covariance, size=4000)
    scores[y == 1] += [0.0, 30.0]
    # Neighbours are drawn at random within a class: their differences are unbiased.
    places = np.c_[100.0 * y, rng.random(4000)]
    whitening = local_whitening(scores, places)
    target = covariance + SHRINKAGE * np.trace(covariance) / 2 * np.eye(2)
    np.testing.assert_allclose(whitening @ target @ whitening.T, np.eye(2), atol=0.06)


def test_equal_neighbours_leave_the_factors_as_they_are():
    scores = np.repeat([[0.0, 1.0], [2.0, 0.0]], 20, axis=0)
    np.testing.assert_array_equal(local_whitening(scores, scores), np.eye(2))


def test_whitening_moves_classes_apart_without_labels(rows):
    X, y = rows

    def separation(scores):
        gap = scores[y == 1].mean(axis=0) - scores[y == 0].mean(axis=0)
        return np.sum(gap**2) / scores.var(axis=0).sum()

    directions = np.linalg.svd(X, full_matrices=False)[2][:2]
    whitened = separation(X @ signal_map(X, seed=0).T)
    assert whitened > 1.5 * separation(X @ directions.T)


def test_correction_of_equal_rows_is_the_log_ratio_of_shares():
    logits = np.tile(np.log([0.7, 0.2, 0.1]), (50, 1))
    shares = np.array([0.2, 0.3, 0.5])
    ratio = np.log(shares / [0.7, 0.2, 0.1])
    found = share_correction(logits, shares, 15)  # 5 labels per class: power halved
    np.testing.assert_allclose(found, MAX_POWER / 2 * (ratio - ratio.mean()), atol=1e-8)
    assert np.abs(share_correction(logits, shares, 10**6)).max() < 1e-4


def test_correction_brings_shares_nearer_and_not_beyond():
    rng = np.random.default_rng(0)
    logits = 3 * rng.normal(size=(500, 3)) + [2.0, 0.0, -1.0]
    wanted = np.full(3, 1 / 3)
    before = softmax(logits).mean(axis=0)
    after = softmax(logits + share_correction(logits, wanted, 6)).mean(axis=0)
    assert (np.abs(after - wanted) < 0.75 * np.abs(before - wanted)).all()
    assert (np.sign(after - wanted) == np.sign(before - wanted)).all()


def test_ensemble_is_the_mean_of_its_members(rows):
    X, y = rows
    factors, few = signal_map(X, seed=0), np.arange(12)
    how = {"n_classes": 2, "factors": factors, "latents": None}
    starts = {
        name: fit_start(X[few], y[few], **how, name=name)
        for name in ("ensemble", *ENSEMBLE)
    }
    for part in (0, 1):
        members = [starts[name].linear[part] for name in ENSEMBLE]
        np.testing.assert_allclose(
            starts["ensemble"].linear[part], np.mean(members, axis=0)
        )
    assert set(starts["ensemble"].cv_scores) == {*ENSEMBLE, "ensemble"}


def test_auto_takes_the_lowest_held_out_loss(rows):
    X, y = rows
    few = np.arange(12)
    latents = np.random.default_rng(1).normal(size=(12, 2))
    start = fit_start(X[few], y[few], 2, signal_map(X, seed=0), latents, name="auto")
    assert start.name == min(start.cv_scores, key=start.cv_scores.__getitem__)
    assert set(start.cv_scores) == {*ENSEMBLE, "ensemble", "latents"}


@pytest.mark.parametrize("few", [[0, 1], [0, 1, 2], [0, 2, 4, 1]], ids=str)
def test_single_labels_cannot_emphasise_but_are_learned(rows, few):
    X, y = rows
    start = fit_start(X[few], y[few], 2, signal_map(X, seed=0), None, name="ensemble")
    logits = X[few] @ start.linear[0].T + start.linear[1]
    assert np.isfinite(logits).all()
    assert (logits.argmax(axis=1) == y[few]).mean() >= 2 / 3


def test_factors_of_all_rows_help_few_labels(rows):
    X, y = rows
    rng = np.random.default_rng(2)
    factors, right = signal_map(X, seed=0), {"genes": [], "factors": []}
    for _ in range(8):
        few = np.r_[rng.choice(np.flatnonzero(y == 0), 2), rng.choice(150, 2) * 2 + 1]
        for name, scores in right.items():
            start = fit_start(X[few], y[few], 2, factors, None, name=name)
            guess = (X @ start.linear[0].T + start.linear[1]).argmax(axis=1)
            scores.append(np.mean(guess == y))
    assert np.mean(right["factors"]) > np.mean(right["genes"]) + 0.03
