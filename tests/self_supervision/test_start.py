"""The start of fine-tuning: whitening by neighbours, balanced shares, the mean."""

import numpy as np
import pytest

from skgenex.prediction.solvers import softmax
from skgenex.self_supervision.factors import (
    SHRINKAGE,
    explains,
    latent_map,
    local_whitening,
    signal_map,
)
from skgenex.self_supervision.start import (
    MAX_POWER,
    evidence_weights,
    fit_start,
    share_correction,
)

NONE = np.zeros((0, 0))


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


def test_ensemble_is_the_mean_of_its_members_weighted_by_evidence(rows):
    X, y = rows
    few = np.arange(12)
    latents = np.random.default_rng(1).normal(size=(12, 2))
    factors = {"factors": signal_map(X, seed=0), "further": np.eye(80)[:5]}
    members = ("genes", "emphasised", *factors, "latents")
    starts = {
        name: fit_start(X[few], y[few], 2, factors, latents, name=name)
        for name in ("ensemble", *members)
    }
    mixed = starts["ensemble"]
    losses = np.array([starts[name].cv_scores[name] for name in members])
    evidence = np.exp(-12 * losses) / np.exp(-12 * losses).sum()
    np.testing.assert_allclose([mixed.weights[name] for name in members], evidence)
    for part in (0, 1):
        genes = [starts[name].linear[part] for name in members]
        heads = [starts[name].head[part] for name in members]
        np.testing.assert_allclose(
            mixed.linear[part], np.tensordot(evidence, genes, 1), atol=1e-12
        )
        np.testing.assert_allclose(
            mixed.head[part], np.tensordot(evidence, heads, 1), atol=1e-12
        )
    without = fit_start(
        X[few], y[few], 2, factors, latents, name="ensemble", left_out=["latents"]
    )
    assert not without.head[0].any()
    assert sum(without.weights.values()) == pytest.approx(1)


def test_evidence_drops_what_fails_many_labels_and_spares_what_fails_few():
    scores = np.array([0.3, 0.4])
    assert evidence_weights(scores, 2)[1] > 0.4
    assert evidence_weights(scores, 200)[1] < 1e-8
    assert evidence_weights(scores + 1e4, 2).sum() == pytest.approx(1)


def test_auto_takes_the_lowest_held_out_loss(rows):
    X, y = rows
    few = np.arange(12)
    latents = np.random.default_rng(1).normal(size=(12, 2))
    factors = {"factors": signal_map(X, seed=0)}
    start = fit_start(X[few], y[few], 2, factors, latents, name="auto")
    assert start.name == min(start.cv_scores, key=start.cv_scores.__getitem__)
    members = {"genes", "emphasised", "factors", "latents"}
    assert set(start.cv_scores) == {*members, "ensemble"}


def test_member_that_is_not_there_is_named(rows):
    X, y = rows
    with pytest.raises(ValueError, match="'further' was asked for"):
        fit_start(X[:12], y[:12], 2, {}, NONE, name="further")


def test_factors_of_other_rows_explain_these_or_do_not(rows):
    X, _ = rows
    other = signal_map(X[:150], seed=0)
    assert explains(X[150:], other, seed=0)
    shuffled = np.random.default_rng(0).permutation(other, axis=1)
    assert not explains(X[150:], shuffled, seed=0)
    # Genes that the other rows lack neither help nor hurt.
    other[:, 40:] = 0
    assert explains(X[150:], other, seed=0)


def test_latent_map_makes_differences_of_neighbours_alike(rows):
    X, _ = rows
    latents = X @ np.linalg.svd(X, full_matrices=False)[2][:2].T + 7.0
    mapped = latents @ latent_map(latents).T
    # The same rows by another basis and origin have the same geometry.
    turn = np.array([[0.6, 0.8], [-0.8, 0.6]])
    turned = (latents @ turn.T - 3.0) @ latent_map(latents @ turn.T - 3.0).T
    gaps = np.linalg.norm(np.diff(mapped, axis=0), axis=1)
    np.testing.assert_allclose(np.linalg.norm(np.diff(turned, axis=0), axis=1), gaps)
    np.testing.assert_array_equal(latent_map(np.ones((30, 2))), np.eye(2))


@pytest.mark.parametrize("few", [[0, 1], [0, 1, 2], [0, 2, 4, 1]], ids=str)
def test_single_labels_cannot_emphasise_but_are_learned(rows, few):
    X, y = rows
    start = fit_start(
        X[few],
        y[few],
        2,
        {"factors": signal_map(X, seed=0)},
        NONE,
        name="ensemble",
        left_out=["latents"],
    )
    logits = X[few] @ start.linear[0].T + start.linear[1]
    assert np.isfinite(logits).all()
    assert (logits.argmax(axis=1) == y[few]).mean() >= 2 / 3


def test_factors_of_all_rows_help_few_labels(rows):
    X, y = rows
    rng = np.random.default_rng(2)
    factors = {"factors": signal_map(X, seed=0)}
    right: dict[str, list] = {"genes": [], "factors": []}
    for _ in range(8):
        few = np.r_[rng.choice(np.flatnonzero(y == 0), 2), rng.choice(150, 2) * 2 + 1]
        for name, scores in right.items():
            start = fit_start(X[few], y[few], 2, factors, NONE, name=name)
            guess = (X @ start.linear[0].T + start.linear[1]).argmax(axis=1)
            scores.append(np.mean(guess == y))
    assert np.mean(right["factors"]) > np.mean(right["genes"]) + 0.03
