"""Few labels: missing ones, the start, the gate, other tables."""

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator

from skgenex.self_supervision import VIMEClassifier, VIMEPretrainer

QUICK = {"device": "cpu", "random_state": 0, "max_epochs": 2, "pretrain": False}


@pytest.fixture(scope="module")
def data():
    """Two classes along one of two strong factors, in 300 noisy genes."""
    rng = np.random.default_rng(0)
    y = np.arange(240) % 2
    factors = np.c_[2 * y - 1 + 0.3 * rng.normal(size=240), rng.normal(size=240)]
    X = 0.6 * factors @ rng.normal(size=(2, 300)) + rng.normal(size=(240, 300))
    names = [f"g{i}" for i in range(300)]
    ids = [f"p{i}" for i in range(240)]
    return pd.DataFrame(X, index=ids, columns=names), y


@pytest.fixture(scope="module")
def pretrainer(data):
    return VIMEPretrainer(
        n_components=4, max_epochs=2, device="cpu", random_state=0
    ).fit(data[0])


def hide(y, n_known, mark):
    hidden = np.array(["ab"[k] for k in y], dtype=object)
    hidden[n_known:] = mark
    return hidden


@pytest.mark.parametrize("mark", [None, np.nan, pd.NA, -1], ids=str)
def test_marks_of_missing_labels_are_alike(data, mark):
    X, y = data
    expected = VIMEClassifier(**QUICK).fit(X[:60], hide(y, 10, None)[:60])
    got = VIMEClassifier(**QUICK).fit(X[:60], hide(y, 10, mark)[:60])
    assert got.classes_.tolist() == ["a", "b"]
    np.testing.assert_array_equal(got.predict_proba(X), expected.predict_proba(X))


def test_unlabelled_rows_help(data):
    X, y = data
    with_rows, without = [], []
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(160)
        known = np.r_[order[y[order] == 0][:2], order[y[order] == 1][:2]]
        codes = np.full(160, -1)
        codes[known] = y[known]
        alone = np.r_[known, known]  # with two copies a fold never lacks a class
        model = VIMEClassifier(**QUICK, backend="linear", start="factors")
        with_rows.append(model.fit(X[:160], codes).score(X[160:], y[160:]))
        model = VIMEClassifier(**QUICK, backend="linear", start="genes")
        without.append(model.fit(X.iloc[alone], y[alone]).score(X[160:], y[160:]))
    assert np.mean(with_rows) >= np.mean(without)
    assert np.mean(with_rows) > 0.9


def test_untuned_network_is_its_start(data):
    X, y = data
    codes = hide(y, 20, None)
    linear = VIMEClassifier(**QUICK, backend="linear").fit(X, codes)
    still = {**QUICK, "lr": 1e-12}
    network = VIMEClassifier(**still, backend="network").fit(X, codes)
    np.testing.assert_allclose(
        network.predict_proba(X), linear.predict_proba(X), atol=1e-5
    )


def test_without_pretraining_the_encoder_is_principal_components(data):
    X, y = data
    fitted = VIMEClassifier(**QUICK, start="latents", backend="linear")
    fitted.fit(X, hide(y, 20, None))
    Z = ((X - X.mean()) / X.std(ddof=0)).to_numpy()
    encoder = fitted.net_.module_.encoder
    latents = encoder(torch.from_numpy(Z.astype(np.float32))).detach().numpy()
    left, size, _ = np.linalg.svd(Z - Z.mean(axis=0), full_matrices=False)
    expected = left[:, :2] * size[:2]
    scale = latents[:, 0].std() / expected[:, 0].std()
    np.testing.assert_allclose(
        np.abs(latents[:, :2]), scale * np.abs(expected), atol=1e-2
    )


def test_gate_follows_the_held_out_gain(data):
    X, y = data
    codes = hide(y, 30, None)
    fitted = VIMEClassifier(**QUICK).fit(X, codes)
    is_better = fitted.tuning_gain_ > fitted.tuning_gain_se_
    assert fitted.backend_ == ("network" if is_better else "linear")
    # To learn labels drawn by chance does harm to other rows.
    chance = np.random.default_rng(0).permutation(y)
    harmful = VIMEClassifier(**{**QUICK, "lr": 0.1, "max_epochs": 5}).fit(
        X, hide(chance, 30, None)
    )
    assert harmful.tuning_gain_ < 0
    assert harmful.backend_ == "linear"


@pytest.mark.parametrize(("freeze", "n_moved"), [("all", 0), (1, 1), ("none", 2)])
def test_frozen_layers_keep_their_weights(data, pretrainer, freeze, n_moved):
    X, y = data
    fitted = VIMEClassifier(
        **{**QUICK, "lr": 1e-2},
        warm_start_from=pretrainer,
        freeze=freeze,
        start="latents",
        backend="network",
    ).fit(X, hide(y, 30, None))
    old, new = (m.net_.module_.encoder.state_dict() for m in (pretrainer, fitted))
    moved = {k.split(".")[0] for k in old if not np.array_equal(old[k], new[k])}
    assert ("projection" in moved) == (n_moved > 1)
    assert bool(moved) == (n_moved > 0)


def test_warm_start_survives_clone_only_when_frozen(data, pretrainer, tmp_path):
    X, y = data
    joblib.dump(pretrainer, tmp_path / "encoder.joblib")
    codes = hide(y, 20, None)
    plain = VIMEClassifier(**QUICK, warm_start_from=pretrainer)
    with pytest.raises(NotFittedError, match="FrozenEstimator"):
        clone(plain).fit(X, codes)
    expected = plain.fit(X, codes).predict_proba(X)
    for source in (FrozenEstimator(pretrainer), str(tmp_path / "encoder.joblib")):
        model = clone(VIMEClassifier(**QUICK, warm_start_from=source))
        np.testing.assert_array_equal(model.fit(X, codes).predict_proba(X), expected)


def test_warm_start_matches_genes_by_name(data, pretrainer):
    X, y = data
    codes = hide(y, 20, None)
    how = {**QUICK, "start": "latents", "backend": "linear"}
    half = X[X.columns[::-1][:200]]
    fitted = VIMEClassifier(**how, warm_start_from=pretrainer).fit(half, codes)
    assert fitted.gene_share_ == pytest.approx(2 / 3)
    projection = fitted.net_.module_.encoder.projection.weight
    known = pretrainer.net_.module_.encoder.projection.weight
    assert np.array_equal(projection[:, 0].detach(), known[:, 299].detach())
    with pytest.raises(ValueError, match="Use DataFrames"):
        VIMEClassifier(**how, warm_start_from=pretrainer).fit(half.to_numpy(), codes)


def test_rows_of_another_study_may_have_another_scale(data):
    X, y = data
    codes = hide(y, 12, None)[:40]
    how = {**QUICK, "start": "further", "backend": "linear"}
    other = X[100:].copy()
    scaled = 3 + 2 * other[other.columns[::-1]]
    first = VIMEClassifier(**how, X_unlabelled=other).fit(X[:40], codes)
    second = VIMEClassifier(**how, X_unlabelled=scaled).fit(X[:40], codes)
    np.testing.assert_allclose(
        first.predict_proba(X), second.predict_proba(X), atol=1e-4
    )
    with pytest.raises(ValueError, match="'further' was asked for"):
        VIMEClassifier(**how).fit(X[:40], codes)
    alone = VIMEClassifier(**{**how, "start": "factors"}).fit(X[:40], codes)
    assert np.abs(alone.predict_proba(X) - first.predict_proba(X)).max() > 0.01


@pytest.fixture(scope="module")
def study():
    """A few rows with a class along a weak factor, more of them, and new ones."""
    rng = np.random.default_rng(0)
    y = np.arange(260) % 2
    factors = np.c_[2 * y - 1 + 0.3 * rng.normal(size=260), rng.normal(size=(260, 3))]
    factors[:, 1:] *= 2
    X = factors @ rng.normal(size=(4, 300)) + 6 * rng.normal(size=(260, 300))
    unlike = factors[24:160] @ rng.normal(size=(4, 300)) + rng.normal(size=(136, 300))
    return X[:24], y[:24], X[24:160], unlike, X[160:], y[160:]


def test_rows_of_another_study_help_where_they_are_alike(study):
    own, y, alike, _, new, y_new = study
    gains = []
    for seed in range(6):
        order = np.random.default_rng(seed).permutation(24)
        known = np.r_[order[y[order] == 0][:3], order[y[order] == 1][:3]]
        codes = np.full(24, -1)
        codes[known] = y[known]
        alone, both = (
            VIMEClassifier(**QUICK, backend="linear", X_unlabelled=table)
            .fit(own, codes)
            .score(new, y_new)
            for table in (None, alike)
        )
        gains.append(both - alone)
    assert np.mean(gains) > 0.1


def test_rows_of_an_unlike_study_are_left_out_and_it_is_said(study):
    own, y, _, unlike, new, _ = study
    codes = np.r_[y[:6], np.full(18, -1)]
    how = {**QUICK, "backend": "linear"}
    with pytest.warns(UserWarning, match="explain no more of X"):
        model = VIMEClassifier(**how, X_unlabelled=unlike).fit(own, codes)
    assert "further" not in model.start_weights_
    alone = VIMEClassifier(**how).fit(own, codes)
    np.testing.assert_allclose(
        model.decision_function(new), alone.decision_function(new), atol=1e-5
    )


def test_shared_samples_are_refused(data):
    X, y = data
    model = VIMEClassifier(**QUICK, X_unlabelled=X[30:])
    with pytest.raises(ValueError, match="holds 10 samples of X"):
        model.fit(X[:40], y[:40])
