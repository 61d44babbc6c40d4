"""Copies are caught, honest samples are not."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import roc_auc_score

from skgenex.metrics import (
    distance_to_closest_record_share,
    membership_inference_auc,
    nearest_training_ratio,
)


@pytest.fixture(params=[np.float64, np.float32])
def sets(request):
    rng = np.random.default_rng(0)
    X = rng.normal(8.0, 1.0, (900, 12)).astype(request.param)
    return {"X_synthetic": X[:300], "X_train": X[300:600], "X_holdout": X[600:]}


def test_equal_their_definitions(sets):
    Z, T, H = (rows.astype(np.float64) for rows in sets.values())
    to_train, to_holdout = cdist(Z, T).min(axis=1), cdist(Z, H).min(axis=1)
    assert distance_to_closest_record_share(**sets) == np.mean(to_train < to_holdout)
    assert nearest_training_ratio(**sets) == pytest.approx(
        to_train.mean() / cdist(H, T).min(axis=1).mean()
    )
    score = -np.r_[cdist(T, Z).min(axis=1), cdist(H, Z).min(axis=1)]
    assert membership_inference_auc(**sets) == pytest.approx(
        roc_auc_score(np.r_[np.ones(300), np.zeros(300)], score)
    )


def test_honest_samples_are_at_chance(sets):
    assert abs(distance_to_closest_record_share(**sets) - 0.5) < 0.1
    assert abs(nearest_training_ratio(**sets) - 1) < 0.05
    assert abs(membership_inference_auc(**sets) - 0.5) < 0.08


def test_copies_and_near_copies_are_caught(sets):
    rng = np.random.default_rng(1)
    train = sets["X_train"]
    sets["X_synthetic"] = train
    assert distance_to_closest_record_share(**sets) == 1.0
    assert nearest_training_ratio(**sets) == 0.0
    assert membership_inference_auc(**sets) == 1.0
    noise = 0.1 * rng.standard_normal(train.shape)
    sets["X_synthetic"] = train + noise.astype(train.dtype)
    assert distance_to_closest_record_share(**sets) > 0.99
    assert nearest_training_ratio(**sets) < 0.3
    assert membership_inference_auc(**sets) > 0.99


def test_partial_copying_lies_between(sets):
    sets["X_synthetic"] = np.concatenate(
        [sets["X_synthetic"][:150], sets["X_train"][:150]]
    )
    assert 0.65 < distance_to_closest_record_share(**sets) < 0.85
    assert 0.4 < nearest_training_ratio(**sets) < 0.6


def test_larger_training_set_does_not_win_by_number(sets):
    sets["X_holdout"] = sets["X_holdout"][:60]
    share = distance_to_closest_record_share(**sets, random_state=0)
    assert abs(share - 0.5) < 0.12
    Z, T, H = sets.values()
    unequal = np.mean(cdist(Z, T).min(axis=1) < cdist(Z, H).min(axis=1))
    assert unequal > 0.7
    assert share == distance_to_closest_record_share(**sets, random_state=0)


def test_ties_count_one_half():
    X = np.random.default_rng(0).standard_normal((20, 3))
    Z = np.random.default_rng(1).standard_normal((10, 3))
    assert distance_to_closest_record_share(Z, X, X) == 0.5


def test_holdout_of_training_rows_is_refused():
    X = np.random.default_rng(0).standard_normal((20, 3))
    with pytest.raises(ValueError, match="X_holdout is also a row of X_train"):
        nearest_training_ratio(X, X, X[:5])
