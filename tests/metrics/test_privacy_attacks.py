"""Attacks find copies, are at chance on honest rows, and never see training rows."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import multivariate_normal
from sklearn.metrics import roc_auc_score

from skgenex.metrics.privacy import (
    Evidence,
    attribute_inference,
    authenticity,
    gan_leaks,
    linkability,
    nearest_neighbour_distance_ratio,
    singling_out,
)
from skgenex.metrics.privacy.attacks import ATTACKS, squared_length
from skgenex.metrics.privacy.shadow import learned_attack


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    loadings = rng.standard_normal((5, 40))
    X = rng.standard_normal((400, 5)) @ loadings + rng.standard_normal((400, 40))
    return np.split(X / X.std(axis=0), 4)


def auc_of(attack, synthetic, train, holdout, reference):
    score = attack(
        np.concatenate([train, holdout]), None, Evidence(synthetic, reference)
    )
    return roc_auc_score(np.repeat([1, 0], [len(train), len(holdout)]), score)


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_find_copies_and_spare_honest_rows(rows, name):
    train, holdout, reference, honest = rows
    rng = np.random.default_rng(1)
    copies = np.repeat(train, 3, axis=0)
    copies = copies + 0.1 * rng.standard_normal(copies.shape)
    assert auc_of(ATTACKS[name], copies, train, holdout, reference) > 0.8
    assert abs(auc_of(ATTACKS[name], honest, train, holdout, reference) - 0.5) < 0.1


def test_gan_leaks_is_minus_the_nearest_distance(rows):
    a, b, c, _ = rows
    np.testing.assert_allclose(gan_leaks(a, None, Evidence(b, c)), -cdist(a, b).min(1))


def test_squared_length_is_the_exponent_of_a_gaussian():
    rng = np.random.default_rng(0)
    known = rng.standard_normal((50_000, 3)) @ np.diag([1.0, 2.0, 3.0])
    X = rng.standard_normal((5, 3))
    # As many rows as MAX_GAUSSIAN_ROWS are used: a sampling error of a few percent.
    exponent = -2 * multivariate_normal(np.zeros(3), np.diag([1.0, 4, 9])).logpdf(X)
    exponent -= 3 * np.log(2 * np.pi) + np.log(36)
    length = squared_length(X, None, known, None, 0)
    np.testing.assert_allclose(length, exponent, rtol=0.15, atol=0.05)


def test_rows_are_centred_on_their_class():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 200)
    known = rng.standard_normal((400, 4)) + 50 * labels[:, None]
    X = np.array([[50.0] * 4, [50.0] * 4])
    right, wrong = squared_length(X, np.array([1, 0]), known, labels, 0)
    assert right < 1 < 1000 < wrong


def test_a_learned_attack_finds_what_shadows_reveal():
    rng = np.random.default_rng(0)
    is_member = [rng.random(200) < 0.5 for _ in range(2)]
    # The second feature tells members, by being lower; the first is noise.
    shadow = [np.c_[rng.standard_normal(200), -2.0 * m + rng.standard_normal(200)]
              for m in is_member]  # fmt: skip
    truth = rng.random(300) < 0.5
    features = np.c_[5 + rng.standard_normal(300), 9 - truth + rng.standard_normal(300)]
    score = learned_attack(features, shadow, is_member)
    assert roc_auc_score(truth, score) == pytest.approx(
        roc_auc_score(truth, -features[:, 1]), abs=0.03
    )


def test_inference_from_copies_and_from_honest_rows(rows):
    train, holdout, honest, _ = rows
    y = (train[:, 0] > 0).astype(int)
    labels = {"y_synthetic": y, "y_train": y}
    labels["y_holdout"] = (holdout[:, 0] > 0).astype(int)
    for attack in (attribute_inference, linkability, singling_out):
        by_copies = attack(train, train, holdout, random_state=0)
        by_honest = attack(honest, train, holdout, random_state=0)
        assert (by_copies["advantage_low"] > 0.2).all(), attack
        assert (by_honest["advantage_low"] < 0.05).all(), attack
        assert (by_honest["advantage"].abs() < 0.15).all(), attack
    found = attribute_inference(train, train, holdout, **labels, random_state=0)
    assert found.loc["class", "train"] == 1.0 > found.loc["class", "holdout"]


def test_descriptive_distances_equal_their_definitions(rows):
    train, _, _, honest = rows
    distance = np.sort(cdist(honest, train), axis=1)
    assert nearest_neighbour_distance_ratio(honest, train) == pytest.approx(
        np.median(distance[:, 0] / distance[:, 1])
    )
    own = np.sort(cdist(train, train), axis=1)[:, 1]
    which = cdist(honest, train).argmin(axis=1)
    assert authenticity(honest, train) == np.mean(distance[:, 0] > own[which])
    assert authenticity(train, train) == 0
