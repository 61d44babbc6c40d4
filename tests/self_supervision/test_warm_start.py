"""Pretrainers as first step of other estimators, and as a space of a sampler."""

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

from skgenex.domain_adaptation import DANNClassifier
from skgenex.generation import DiffusionSampler
from skgenex.prediction import PhenotypeClassifier
from skgenex.self_supervision import SubTabPretrainer, VIMEPretrainer

HOW = {"device": "cpu", "random_state": 0}


@pytest.fixture(scope="module")
def data():
    """Two classes along one of three factors of 40 named genes."""
    rng = np.random.default_rng(0)
    y = np.arange(120) % 2
    factors = rng.normal(size=(120, 3))
    factors[:, 0] += 6 * y
    X = 5 + factors @ rng.normal(size=(3, 40)) + 0.5 * rng.normal(size=(120, 40))
    return pd.DataFrame(X, columns=[f"g{i}" for i in range(40)]), y


def test_inverse_of_the_untrained_encoder_is_that_of_pca(data):
    X, _ = data
    pretrainer = VIMEPretrainer(n_components=3, max_epochs=1, lr=1e-12, **HOW).fit(X)
    rows = pretrainer.inverse_transform(pretrainer.transform(X))
    scale = X.std(ddof=0).to_numpy()
    Z = (X - X.mean()).to_numpy() / scale
    pca = PCA(3).fit(Z)
    expected = pca.inverse_transform(pca.transform(Z)) * scale + X.mean().to_numpy()
    np.testing.assert_allclose(rows, expected, atol=1e-3)


def test_inverse_of_latents_is_the_reconstruction(data):
    X, _ = data
    pretrainer = VIMEPretrainer(n_components=3, max_epochs=3, **HOW).fit(X)
    latents = pretrainer.transform(X)
    rows = pretrainer.inverse_transform(latents)
    np.testing.assert_allclose(rows, pretrainer.reconstruct(X), rtol=1e-5)
    with pytest.raises(ValueError, match="3 latents per row"):
        pretrainer.inverse_transform(latents[:, :2])


def test_inverse_of_subtab_rebuilds_rows(data):
    X, _ = data
    pretrainer = SubTabPretrainer(n_components=4, lr=5e-3, max_epochs=40, **HOW).fit(X)
    rows = pretrainer.inverse_transform(pretrainer.transform(X))
    error = ((rows - X) ** 2).to_numpy().mean()
    assert error < 0.5 * X.var(ddof=0).mean()


def test_contrastive_encoder_has_no_inverse(data):
    X, _ = data
    pretrainer = VIMEPretrainer(
        pretext="scarf", n_components=3, max_epochs=1, **HOW
    ).fit(X)
    with pytest.raises(ValueError, match="pretext='scarf'"):
        pretrainer.inverse_transform(pretrainer.transform(X))


@pytest.mark.parametrize("kind", [VIMEPretrainer, SubTabPretrainer])
def test_pretrainer_is_the_first_step_of_a_classifier(data, kind):
    X, y = data
    pretrainer = kind(n_components=3, max_epochs=20, **HOW)
    classifier = PhenotypeClassifier(backend="linear", **HOW)
    model = make_pipeline(pretrainer, classifier).fit(X[:60], y[:60])
    assert model.score(X[60:], y[60:]) > 0.9


def test_pretrainer_is_the_first_step_of_domain_adaptation(data):
    X, y = data
    pretrainer = VIMEPretrainer(n_components=3, max_epochs=5, **HOW)
    dann = DANNClassifier(max_epochs=15, **HOW)
    domain = np.where(np.arange(120) < 60, "here", "there")
    shifted = X + 2.0 * (domain == "there")[:, None]
    labels = np.where(domain == "here", y, -1)
    model = make_pipeline(pretrainer, dann)
    model.fit(shifted, labels, dannclassifier__sample_domain=domain)
    there = domain == "there"
    latents = model[0].transform(shifted[there])
    guess = model[-1].predict(latents, sample_domain=domain[there])
    assert np.mean(guess == y[there]) > 0.8


def test_pretrainer_is_a_space_of_the_diffusion_sampler(data):
    X, y = data
    space = VIMEPretrainer(n_components=3, max_epochs=5, genes="strict", **HOW)
    sampler = DiffusionSampler(space=space, backend="gaussian", **HOW).fit(X, y)
    rows, labels = sampler.sample(y={0: 300, 1: 300})
    rows, labels = np.asarray(rows), np.asarray(labels)
    for k in (0, 1):
        mean = X[y == k].mean().to_numpy()
        gap = np.abs(rows[labels == k].mean(axis=0) - mean) / X.std().to_numpy()
        assert gap.mean() < 0.25
    spread = rows.std(axis=0) / X.std().to_numpy()
    assert 0.8 < spread.mean() < 1.2
