"""Classifiers and regressors on the latents of a pretrained encoder."""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import StandardScaler

from skgenex import (
    DANNClassifier,
    DANNRegressor,
    PhenotypeClassifier,
    PhenotypeRegressor,
    SubTabPretrainer,
    VIMEClassifier,
    VIMEPretrainer,
)
from skgenex._persistence import load, save
from skgenex._warm_start import pretrained_scores

FAST = {"max_epochs": 2, "n_hidden": 8, "random_state": 0}
PHENOTYPE = {**FAST, "backend": "network", "n_members": 1, "n_folds": 2}


@pytest.fixture(scope="module")
def table():
    """Two classes along one of three factors of 40 named genes."""
    rng = np.random.default_rng(0)
    y = np.arange(120) % 2
    factors = rng.normal(size=(120, 3))
    factors[:, 0] += 3 * y
    X = 5 + factors @ rng.normal(size=(3, 40)) + 0.5 * rng.normal(size=(120, 40))
    return pd.DataFrame(X, columns=[f"g{i}" for i in range(40)]), y


@pytest.fixture(scope="module", params=["vime", "subtab"])
def pretrainer(table, request):
    how = {"n_components": 4, "n_hidden": 8, "max_epochs": 3, "random_state": 0}
    kind = {"vime": VIMEPretrainer, "subtab": SubTabPretrainer}[request.param]
    return kind(**how).fit(table[0])


def standardised(X):
    return ((X - X.mean()) / X.std(ddof=0)).to_numpy().astype(np.float32)


def test_scores_are_the_mapped_latents(table, pretrainer):
    X, _ = table
    found = pretrained_scores(pretrainer, X.columns.to_numpy(), standardised(X))
    mapped = pretrainer.transform(X) @ pretrainer.whitening_.T
    mapped -= mapped.mean(axis=0)
    mapped /= np.sqrt(mapped.var(axis=0).mean())
    np.testing.assert_allclose(found.scores, mapped, atol=1e-4)
    assert found.gene_share == 1


def test_genes_are_matched_by_name_and_missing_ones_are_means(table, pretrainer):
    X, _ = table
    names = X.columns.to_numpy()
    expected = pretrained_scores(pretrainer, names, standardised(X)).scores
    turned = X[names[::-1]]
    found = pretrained_scores(pretrainer, names[::-1], standardised(turned))
    np.testing.assert_allclose(found.scores, expected, atol=1e-5)
    half = pretrained_scores(pretrainer, names[:30], standardised(X[names[:30]]))
    at_mean = standardised(X)
    at_mean[:, 30:] = 0
    zeros = pretrained_scores(pretrainer, names, at_mean)
    np.testing.assert_allclose(half.scores, zeros.scores, atol=1e-5)
    assert half.gene_share == 0.75
    with pytest.raises(ValueError, match="Use DataFrames for both"):
        pretrained_scores(pretrainer, None, at_mean[:, :30])


def test_weights_of_genes_are_undone(table, pretrainer):
    X, _ = table
    names, Z = X.columns.to_numpy(), standardised(X)
    weights = np.random.default_rng(0).uniform(0.5, 2, size=40)
    expected = pretrained_scores(pretrainer, names, Z).scores
    found = pretrained_scores(pretrainer, names, Z * weights, weights)
    np.testing.assert_allclose(found.scores, expected, atol=1e-4)


@pytest.mark.parametrize("kind", [PhenotypeClassifier, PhenotypeRegressor])
def test_network_sees_the_latents_and_keeps_the_encoder(table, pretrainer, kind):
    X, y = table
    before = {k: v.clone() for k, v in pretrainer.net_.module_.state_dict().items()}
    model = kind(**PHENOTYPE, warm_start_from=pretrainer).fit(X, y)
    encoder = model.net_.module_.network.encoder
    Z = torch.from_numpy(standardised(X))
    latents = encoder.projection.encoder(Z).numpy()
    np.testing.assert_allclose(latents, pretrainer.transform(X), atol=1e-4)
    assert encoder.first.in_features == 4
    assert not any(p.requires_grad for p in encoder.projection.parameters())
    after = pretrainer.net_.module_.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    assert model.gene_share_ == 1
    predict = "decision_function" if hasattr(model, "classes_") else "predict"
    found = getattr(model, predict)(X)
    again = kind(**PHENOTYPE, warm_start_from=pretrainer).fit(X, y)
    np.testing.assert_array_equal(getattr(again, predict)(X), found)
    out = model.as_module()(torch.from_numpy(np.array(X, dtype=np.float32))).numpy()
    own = out[:, 1] - out[:, 0] if hasattr(model, "classes_") else out[:, 0]
    np.testing.assert_allclose(own, found, atol=1e-4)


def test_the_linear_model_is_the_same_with_and_without(table, pretrainer):
    X, y = table
    plain = PhenotypeRegressor(**PHENOTYPE).fit(X, y)
    model = PhenotypeRegressor(**PHENOTYPE, warm_start_from=pretrainer).fit(X, y)
    linear = [m.net_.module_.network.linear.state_dict() for m in (plain, model)]
    for name, tensor in linear[0].items():
        np.testing.assert_allclose(linear[1][name], tensor, atol=1e-5)
    assert np.abs(plain.predict(X) - model.predict(X)).max() > 1e-6
    assert np.isnan(plain.gene_share_)


def test_untrained_encoder_gives_principal_components(table):
    X, _ = table
    Z = standardised(X)
    # Steps too small to change a weight: the encoder stays where it starts.
    how = {"n_components": 3, "max_epochs": 1, "lr": 1e-30, "weight_decay": 0.0}
    encoder = VIMEPretrainer(**how, random_state=0).fit(X)
    scores = pretrained_scores(encoder, X.columns.to_numpy(), Z).scores
    directions = np.linalg.svd(Z, full_matrices=False)[2][:3]
    components = Z @ directions.T
    for given, wanted in ((components, scores), (scores, components)):
        found = given @ np.linalg.lstsq(given, wanted, rcond=None)[0]
        np.testing.assert_allclose(found, wanted, atol=1e-2)


def test_a_network_that_adds_nothing_is_the_linear_model(table, pretrainer):
    X, y = table
    plain = PhenotypeClassifier(backend="linear", n_folds=2, random_state=0).fit(X, y)
    how = {**PHENOTYPE, "lr": 1e-30, "patience": None}
    model = PhenotypeClassifier(**how, warm_start_from=pretrainer)
    model.fit(X, y)
    assert model.backend_ == "network"
    np.testing.assert_allclose(
        model.predict_proba(X), plain.predict_proba(X), atol=1e-5
    )


@pytest.mark.parametrize("kind", [DANNClassifier, DANNRegressor])
def test_adaptation_on_latents(table, pretrainer, kind):
    X, y = table
    domain = np.repeat(["a", "b"], 60)
    known = np.where(domain == "a", y, np.nan)
    how = {**FAST, "fallback": None}
    model = kind(**how, warm_start_from=pretrainer)
    model.fit(X, known, sample_domain=domain)
    network = model.net_.module_.network
    assert network.encoders[0].layers[0].in_features == 4
    inner = network.projection.encoder.state_dict()
    trained = pretrainer.net_.module_.encoder.state_dict()
    for name, tensor in trained.items():
        np.testing.assert_array_equal(inner[name].float(), tensor.float())
    # A row's prediction does not depend on the rows beside it.
    target = X[domain == "b"]
    np.testing.assert_array_equal(model.predict(target)[:7], model.predict(target[:7]))
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.predict(target), model.predict(target))


def test_frozen_pretrainers_survive_cross_validation(table, pretrainer):
    X, y = table
    frozen = FrozenEstimator(pretrainer)
    model = PhenotypeClassifier(**PHENOTYPE, warm_start_from=frozen)
    assert cross_val_score(model, X, y, cv=2, error_score="raise").mean() > 0.8
    bare = PhenotypeClassifier(**PHENOTYPE, warm_start_from=pretrainer)
    with pytest.raises(NotFittedError, match="been cloned since"):
        cross_val_score(bare, X, y, cv=2, error_score="raise")


def test_files_are_read(table, pretrainer, tmp_path):
    X, y = table
    joblib.dump(pretrainer, tmp_path / "encoder.joblib")
    expected = PhenotypeClassifier(**PHENOTYPE, warm_start_from=pretrainer).fit(X, y)
    path = tmp_path / "encoder.joblib"
    found = PhenotypeClassifier(**PHENOTYPE, warm_start_from=path).fit(X, y)
    np.testing.assert_array_equal(found.predict_proba(X), expected.predict_proba(X))


def test_what_cannot_start_a_network_is_refused(table):
    X, y = table
    with pytest.raises(TypeError, match="must be a fitted pretrainer"):
        PhenotypeClassifier(**PHENOTYPE, warm_start_from=StandardScaler()).fit(X, y)
    unfitted = SubTabPretrainer()
    with pytest.raises(NotFittedError, match="SubTabPretrainer that is not fitted"):
        PhenotypeClassifier(backend="linear", warm_start_from=unfitted).fit(X, y)
    fitted = SubTabPretrainer(max_epochs=1, random_state=0).fit(X)
    with pytest.raises(TypeError, match="fine-tunes the encoder of a VIMEPretrainer"):
        VIMEClassifier(warm_start_from=fitted).fit(X, y)
    fitted = VIMEPretrainer(max_epochs=1, random_state=0).fit(X)
    model = PhenotypeClassifier(standardize=False, warm_start_from=fitted)
    with pytest.raises(ValueError, match="needs standardize=True"):
        model.fit(X, y)
    model = DANNClassifier(target_domain="b", scaling=None, warm_start_from=fitted)
    with pytest.raises(ValueError, match="needs scaling, such as 'zscore'"):
        model.fit(X, y, sample_domain=np.repeat(["a", "b"], 60))


def test_saved_networks_keep_their_encoder(table, pretrainer, tmp_path):
    pytest.importorskip("skops")
    X, y = table
    frozen = FrozenEstimator(pretrainer)
    for model in (
        PhenotypeClassifier(**PHENOTYPE, warm_start_from=frozen).fit(X, y),
        DANNClassifier(**FAST, fallback=None, warm_start_from=frozen).fit(X, y),
    ):
        save(model, tmp_path / "model.skops")
        loaded = load(tmp_path / "model.skops")
        np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
