"""Landmark genes to the full transcriptome: closed forms, effects, errors, contract."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgenex._seeding import seeded
from skgenex.generation import TranscriptomeUpsampler
from skgenex.generation.upsampling import CorrectionObjective

TINY = {"max_epochs": 2, "n_hidden": 4, "random_state": 0}


@parametrize_with_checks(
    [
        TranscriptomeUpsampler(**TINY),
        TranscriptomeUpsampler(backend="network", **TINY),
    ]
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def linear_genes(n, rng, noise=0.3):
    """Five landmarks, thirty other genes which depend on them, noise they share."""
    landmarks = rng.normal(size=(n, 5))
    weights = np.random.default_rng(9).normal(size=(5, 30)) / 2
    shared = rng.normal(size=(n, 1)) * np.r_[np.ones(15), -np.ones(15)]
    rest = landmarks @ weights + noise * (shared + rng.normal(size=(n, 30)))
    return landmarks, rest


def nonlinear_genes(n, rng):
    """Genes that depend on a product of landmarks, which no linear model sees."""
    landmarks = rng.normal(size=(n, 3))
    product = landmarks[:, :1] * landmarks[:, 1:2]
    rest = product * np.linspace(0.5, 1.5, 20) + 0.2 * rng.normal(size=(n, 20))
    return landmarks, rest


def test_linear_part_is_ridge_regression_at_the_chosen_penalty():
    X, Y = linear_genes(80, np.random.default_rng(0))
    model = TranscriptomeUpsampler(backend="linear", random_state=0).fit(X, Y)
    x, target = ((v - v.mean(0)) / v.std(0) for v in (X, Y))
    alpha = model.penalty_ * np.square(x).sum() / len(x)
    # The penalty counts in mean squared norms: recover it from the coefficients.
    ridge = Ridge(alpha=alpha).fit(x, target)
    np.testing.assert_allclose(model.coef_, ridge.coef_, atol=1e-8)
    expected = ridge.predict(x) * Y.std(0) + Y.mean(0)
    np.testing.assert_allclose(model.predict(X), expected, atol=1e-7)


def test_untrained_network_corrects_nothing():
    with seeded(0):
        objective = CorrectionObjective(3, 2)
    x, residual = torch.ones(4, 3), torch.full((4, 2), 2.0)
    assert objective.network(x).abs().max() == 0
    torch.testing.assert_close(objective(x, residual), torch.full((4,), 8.0))


def test_network_is_used_where_genes_depend_on_products_of_landmarks():
    rng = np.random.default_rng(0)
    X, Y = nonlinear_genes(400, rng)
    X_new, Y_new = nonlinear_genes(200, rng)
    how = {"n_hidden": 64, "lr": 5e-3, "dropout": 0.0, "random_state": 0}
    model = TranscriptomeUpsampler(**how).fit(X, Y)
    assert model.backend_ == "network"
    assert model.heldout_gain_ > 0.3
    linear = TranscriptomeUpsampler(backend="linear").fit(X, Y)
    assert model.score(X_new, Y_new) > linear.score(X_new, Y_new) + 0.3


def test_network_is_refused_where_genes_are_linear_in_landmarks():
    X, Y = linear_genes(120, np.random.default_rng(1))
    model = TranscriptomeUpsampler(random_state=0, max_epochs=20).fit(X, Y)
    assert model.backend_ == "linear"
    assert model.heldout_gain_ <= model.heldout_gain_se_
    assert not hasattr(model, "net_")


def test_draws_have_the_conditional_covariance_and_predictions_are_too_smooth():
    rng = np.random.default_rng(0)
    X, Y = linear_genes(600, rng)
    X_new, Y_new = linear_genes(2_000, rng)
    model = TranscriptomeUpsampler(backend="linear", random_state=0).fit(X, Y)
    drawn, mean = model.sample(X_new), model.predict(X_new)
    real = np.cov((Y_new - mean).T)
    np.testing.assert_allclose(np.cov((drawn - mean).T), real, atol=0.04)
    # Two genes that share noise: it is in the draws, with its sign.
    assert np.corrcoef((drawn - mean)[:, [0, 20]].T)[0, 1] < -0.3
    assert (mean.var(axis=0) < 0.95 * Y_new.var(axis=0)).mean() > 0.5
    np.testing.assert_allclose(drawn.var(axis=0), Y_new.var(axis=0), rtol=0.2)


def test_draws_of_a_network_are_as_wide_as_its_errors_on_new_rows():
    rng = np.random.default_rng(2)
    X, Y = nonlinear_genes(400, rng)
    X_new, Y_new = nonlinear_genes(500, rng)
    how = {"n_hidden": 64, "lr": 5e-3, "dropout": 0.0, "random_state": 0}
    model = TranscriptomeUpsampler(backend="network", **how).fit(X, Y)
    mean = model.predict(X_new)
    error = np.square(Y_new - mean).mean()
    assert np.square(model.sample(X_new) - mean).mean() == pytest.approx(error, rel=0.3)


def test_landmarks_by_name_mask_and_position_agree_and_are_kept():
    X, Y = linear_genes(60, np.random.default_rng(0))
    names = [f"G{i}" for i in range(35)]
    full = pd.DataFrame(np.hstack([Y[:, :10], X, Y[:, 10:]]), columns=names)
    positions = np.arange(10, 15)
    model = TranscriptomeUpsampler(backend="linear", random_state=0)
    by_name = model.fit(full, landmarks=[f"G{i}" for i in positions])
    predicted = by_name.predict(full[by_name.feature_names_in_])
    assert predicted.columns.tolist() == names
    pd.testing.assert_frame_equal(predicted.iloc[:, 10:15], full.iloc[:, 10:15])
    mask = np.isin(np.arange(35), positions)
    for given in (mask, positions):
        again = TranscriptomeUpsampler(backend="linear", random_state=0)
        again.fit(full.to_numpy(), landmarks=given)
        np.testing.assert_allclose(again.predict(X), predicted.to_numpy())
    apart = TranscriptomeUpsampler(backend="linear", random_state=0).fit(X, Y)
    rest = predicted.iloc[:, ~mask].to_numpy()
    np.testing.assert_allclose(apart.predict(X), rest, atol=1e-9)
    drawn = by_name.sample(full[by_name.feature_names_in_])
    pd.testing.assert_frame_equal(drawn.iloc[:, 10:15], full.iloc[:, 10:15])
    assert by_name.score(full.iloc[:, 10:15], full) == pytest.approx(apart.score(X, Y))


def test_same_seed_same_fit_and_pickled_model_predicts_the_same():
    X, Y = nonlinear_genes(60, np.random.default_rng(0))
    state = torch.get_rng_state()
    how = {"backend": "network", **TINY}
    first, second = (TranscriptomeUpsampler(**how).fit(X, Y) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(first.predict(X), second.predict(X))
    np.testing.assert_array_equal(first.sample(X), second.sample(X))
    restored = pickle.loads(pickle.dumps(first))
    np.testing.assert_array_equal(restored.predict(X), first.predict(X))


def test_genes_that_are_constant_stay_so():
    X, Y = linear_genes(40, np.random.default_rng(0))
    Y[:, 3] = 7.0
    model = TranscriptomeUpsampler(backend="linear", random_state=0).fit(X, Y)
    np.testing.assert_allclose(model.sample(X)[:, 3], 7.0)


@pytest.mark.parametrize(
    ("landmarks", "message"),
    [
        (["G0", "nobody"], "1 of 2 landmarks are not in X"),
        ([True, False], "mask of landmarks must have 4"),
        ([], "one gene or more"),
        (["G0", "G0"], "each named once"),
        (["G0", "G1", "G2", "G3"], "All genes are landmarks"),
    ],
)
def test_wrong_landmarks_are_named_and_lose_nothing(landmarks, message):
    rng = np.random.default_rng(0)
    full = pd.DataFrame(rng.normal(size=(20, 4)), columns=["G0", "G1", "G2", "G3"])
    model = TranscriptomeUpsampler(backend="linear", random_state=0)
    before = model.fit(full, landmarks=["G0"]).predict(full[["G0"]])
    with pytest.raises(ValueError, match=message):
        model.fit(full, landmarks=landmarks)
    pd.testing.assert_frame_equal(model.predict(full[["G0"]]), before)


def test_target_and_landmarks_exclude_each_other():
    X = np.random.default_rng(0).normal(size=(20, 4))
    with pytest.raises(ValueError, match="y or landmarks, not both"):
        TranscriptomeUpsampler().fit(X, X, landmarks=[0])
    with pytest.raises(ValueError, match="requires y"):
        TranscriptomeUpsampler().fit(X)
    with pytest.raises(TypeError, match="must be positions"):
        TranscriptomeUpsampler().fit(X, landmarks=["A"])
