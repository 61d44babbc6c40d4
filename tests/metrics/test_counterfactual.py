"""Scores of counterfactuals: closed forms, second methods, and what they must tell."""

import numpy as np
import pandas as pd
import pytest
from sklearn.covariance import LedoitWolf, ledoit_wolf_shrinkage
from sklearn.linear_model import LogisticRegression

from skgenex.datasets import make_expression
from skgenex.metrics._mahalanobis import ShrunkMahalanobis, ledoit_wolf_intensity
from skgenex.metrics.counterfactual import (
    change_scores,
    correlation_breaking,
    counterfactual_scores,
    diversity,
    plausibility_scores,
    redundancy,
    robustness,
)


@pytest.fixture(scope="module")
def cohort():
    data = make_expression(300, 60, n_modules=4, effect_size=1.5, random_state=0)
    X, y = data.data, (data.target == "class_1").astype(int)
    train = np.arange(300) < 150
    real = {
        "X_train": X[train],
        "y_train": y[train],
        "X_holdout": X[~train],
        "y_holdout": y[~train],
    }
    model = LogisticRegression(C=0.1, max_iter=1000).fit(X[train], y[train])
    return real, model


@pytest.mark.parametrize("shape", [(30, 80), (80, 30)])
def test_metric_is_the_inverse_of_the_ledoit_wolf_covariance(shape):
    rng = np.random.default_rng(0)
    residuals = rng.standard_normal(shape) @ rng.standard_normal((shape[1],) * 2)
    residuals -= residuals.mean(axis=0)
    assert ledoit_wolf_intensity(residuals) == pytest.approx(
        ledoit_wolf_shrinkage(residuals, assume_centered=True)
    )
    dense = LedoitWolf(assume_centered=True).fit(residuals)
    rows = rng.standard_normal((5, shape[1]))
    np.testing.assert_allclose(
        ShrunkMahalanobis(residuals).squared_length(rows), dense.mahalanobis(rows)
    )


def test_change_is_counted_in_training_standard_deviations(cohort):
    real, _ = cohort
    X = real["X_train"]
    before = pd.DataFrame(X[:2], index=["a", "b"])
    after = before.copy()
    after.iloc[0, 3] += 3 * X[:, 3].std()
    after.iloc[0, 7] -= 4 * X[:, 7].std()
    after.iloc[1, 0] += 5e-4 * X[:, 0].std()  # below the tolerance
    scores = change_scores(before, after, X_train=X)
    np.testing.assert_allclose(scores.loc["a"], [7, 5, 2])
    assert scores.loc["b", "n_genes"] == 0


def test_constant_genes_are_left_out(cohort):
    real, _ = cohort
    X = np.column_stack([real["X_train"], np.ones(150)])
    after = X[:3].copy()
    after[:, -1] = 1e6
    assert (change_scores(X[:3], after, X_train=X) == 0).all(axis=None)


def test_held_out_patients_are_the_unit_of_plausibility(cohort):
    real, _ = cohort
    scores = plausibility_scores(real["X_holdout"], real["y_holdout"], **real)
    medians = scores.groupby(real["y_holdout"]).median()
    for name in ("knn_ratio", "lof_ratio", "mahalanobis_ratio"):
        np.testing.assert_allclose(medians[name], 1)
    assert scores["lof_outlier"].mean() == pytest.approx(0.05, abs=0.02)


@pytest.mark.parametrize("covariance", ["within", "target"])
def test_implausible_rows_score_above_one(cohort, covariance):
    real, _ = cohort
    rng = np.random.default_rng(0)
    X, y = real["X_holdout"], real["y_holdout"]
    noisy = X + 3 * X.std(axis=0) * rng.standard_normal(X.shape)
    scores = plausibility_scores(noisy, y, **real, covariance=covariance).mean()
    assert scores["knn_ratio"] > 1.5
    assert scores["lof_outlier"] > 0.9
    assert scores["mahalanobis_ratio"] > 3
    # A training row is nearer to the training rows than any real patient.
    copies = plausibility_scores(
        real["X_train"], real["y_train"], **real, covariance=covariance
    )
    assert copies["knn_ratio"].mean() < 0.95


def test_rows_of_the_other_class_are_less_plausible(cohort):
    real, _ = cohort
    X, y = real["X_holdout"], real["y_holdout"]
    own = plausibility_scores(X, y, **real)
    wrong = plausibility_scores(X, 1 - y, **real)
    assert wrong["mahalanobis_ratio"].mean() > 1.1 * own["mahalanobis_ratio"].mean()


def test_a_class_without_held_out_patients_has_no_score(cohort):
    real, _ = cohort
    few = dict(real, y_holdout=np.zeros(150, int))
    scores = plausibility_scores(real["X_holdout"][:4], [0, 0, 1, 1], **few)
    assert scores.notna().all(axis=1).tolist() == [True, True, False, False]


def test_real_differences_are_the_unit_of_correlation_breaking(cohort):
    real, _ = cohort
    X, y = real["X_holdout"], real["y_holdout"]
    rng = np.random.default_rng(1)
    a, b = (rng.choice(np.flatnonzero(y == k), 300) for k in (0, 1))
    origin, target = np.zeros(300, int), np.ones(300, int)
    value = correlation_breaking(X[a], X[b], origin, target, **real)
    assert value == pytest.approx(1, abs=0.1)
    single = X[a].copy()
    single[:, 0] += 5
    assert correlation_breaking(X[a], single, origin, target, **real) > 1.5
    main = np.linalg.svd(real["X_train"] - real["X_train"].mean(0))[2][0]
    smooth = X[a] + 3 * real["X_train"].std(axis=0) * main
    assert correlation_breaking(X[a], smooth, origin, target, **real) < 0.8
    assert np.isnan(correlation_breaking(X[a], X[a], origin, target, **real))


def test_redundant_genes_can_be_reverted(cohort):
    real, model = cohort
    X = real["X_train"]
    weight = model.coef_[0]
    patient = X[np.argmin(model.decision_function(X))][None]
    gene = int(np.argmax(np.abs(weight)))
    needed = -model.decision_function(patient)[0] / weight[gene] * 1.01
    after = patient.copy()
    after[0, gene] += needed
    assert model.predict(after)[0] == 1
    assert redundancy(model.predict, patient, after, [1], X_train=X) == [0]
    quiet = np.argsort(np.abs(weight))[:3]
    after[0, quiet] += 1e-2 * X[:, quiet].std(axis=0)
    assert redundancy(model.predict, patient, after, [1], X_train=X) == [3]
    # Extrapolated from a sample, the count keeps its scale.
    everything = patient + 10 * np.sign(weight)
    few = redundancy(model.predict, patient, everything, [1], X_train=X, max_genes=20)
    assert few == [60]


def test_robustness_is_the_share_of_noisy_copies_that_hold(cohort):
    X = cohort[0]["X_train"]
    edge = X.mean(axis=0)

    def first_gene_is_high(rows):
        return rows[:, 0] > edge[0]

    rows = np.stack([edge, edge])
    rows[1, 0] += 0.1 * X[:, 0].std()  # one standard deviation of the noise
    half, most = robustness(
        first_gene_is_high, rows, [True, True], X_train=X, noise=0.1, n_draws=4000
    )
    assert half == pytest.approx(0.5, abs=0.03)
    assert most == pytest.approx(0.8413, abs=0.03)
    exact = robustness(first_gene_is_high, rows, [True, True], X_train=X, noise=0)
    np.testing.assert_array_equal(exact, [0, 1])


def test_diversity_is_the_mean_distance_of_pairs(cohort):
    X = cohort[0]["X_train"]
    rows = np.tile(X.mean(axis=0), (3, 1))
    rows[1, 0] += 3 * X[:, 0].std()
    rows[2, 1] += 4 * X[:, 1].std()
    assert diversity(rows, X_train=X) == pytest.approx((3 + 4 + 5) / 3)
    assert np.isnan(diversity(rows[:1], X_train=X))


def test_real_patients_of_the_target_class_have_ideal_scores(cohort):
    real, model = cohort
    X, y = real["X_holdout"], real["y_holdout"]
    rng = np.random.default_rng(0)
    sources = np.flatnonzero(model.predict(X) == 0)
    ends = rng.choice(np.flatnonzero((model.predict(X) == 1) & (y == 1)), len(sources))
    scores = counterfactual_scores(
        X[sources],
        X[ends],
        np.ones(len(sources), int),
        predict=model.predict,
        reseeded=model.predict,
        seconds=2.0 * len(sources),
        **real,
    )
    assert scores["validity"] == scores["validity_reseeded"] == 1
    assert scores["seconds"] == 2
    assert scores["n_genes"] == 60
    for name in ("knn_ratio", "lof_ratio", "mahalanobis_ratio", "correlation_breaking"):
        assert scores[name] == pytest.approx(1, abs=0.15), name
    assert scores["diversity"] == pytest.approx(1, abs=0.15)


def test_only_valid_rows_are_described(cohort):
    real, model = cohort
    X = real["X_holdout"][model.predict(real["X_holdout"]) == 0][:4]
    frame = pd.DataFrame(X)
    after = frame + 3 * np.sign(model.coef_[0])
    after.iloc[1] = np.nan  # not found
    after.iloc[2] = frame.iloc[2] - 100 * np.sign(model.coef_[0])  # wrong way
    scores = counterfactual_scores(
        frame, after, np.ones(4, int), predict=model.predict, **real
    )
    assert scores["validity"] == 0.5
    expected = change_scores(
        frame.iloc[[0, 3]], after.iloc[[0, 3]], X_train=real["X_train"]
    )["L2"].mean()
    assert scores["L2"] == pytest.approx(expected)
    nothing = counterfactual_scores(
        X, X, np.ones(4, int), predict=model.predict, **real
    )
    assert nothing["validity"] == 0
    assert np.isnan([v for name, v in nothing.items() if name != "validity"]).all()


def test_errors_say_what_was_got(cohort):
    real, model = cohort
    X = real["X_train"]
    with pytest.raises(ValueError, match="one label for each of 3 rows"):
        plausibility_scores(X[:3], [1, 1], **real)
    with pytest.raises(ValueError, match="same number of features; got 60 and 59"):
        change_scores(X[:3, 1:], X[:3, 1:], X_train=X)
    with pytest.raises(ValueError, match="got 'own'"):
        plausibility_scores(X[:3], [1] * 3, **real, covariance="own")
    with pytest.raises(ValueError, match="all are constant"):
        change_scores(X[:3], X[:3], X_train=np.ones_like(X))
    with pytest.raises(ValueError, match="same number of rows; got 2 and 3"):
        counterfactual_scores(X[:2], X[:3], [1] * 3, predict=model.predict, **real)
