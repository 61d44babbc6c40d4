"""What published adversarial classifiers get wrong, and what ours should get right."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgenex.datasets import make_expression
from skgenex.domain_adaptation import DANNClassifier, DANNRegressor, DomainScaler
from skgenex.prediction.linear import fit_logistic

SMALL = {"max_epochs": 4, "n_hidden": 8, "device": "cpu", "random_state": 0}


def two_domains(n=160, n_genes=60, **how):
    how = {"domain_shift": 2.0, "domain_scale": 0.5, "effect_size": 1.5, **how}
    data = make_expression(n, n_genes, n_domains=2, random_state=0, **how)
    domain = np.array(["NKI", "VDX"])[data.domain]
    labels = np.array(["ER-", "ER+"])[np.unique(data.target, return_inverse=True)[1]]
    return data.data, labels, domain


@pytest.fixture(scope="module")
def table():
    X, labels, domain = two_domains()
    y = np.where(domain == "VDX", None, labels)
    return X, y, domain, labels


def test_adaptation_weight_changes_the_network(table):
    X, y, domain, _ = table
    how = {**SMALL, "fallback": None, "max_epochs": 8}
    outputs = [
        DANNClassifier(adversarial_weight=weight, **how)
        .fit(X, y, sample_domain=domain)
        .decision_function(X[domain == "VDX"])
        for weight in (0.0, 1.0)
    ]
    assert np.abs(outputs[0] - outputs[1]).max() > 1e-3


def test_features_become_indistinguishable_while_accuracy_holds():
    # Left unscaled domains, which the encoder itself must bring together.
    X, labels, domain = two_domains(240, domain_shift=0.8, domain_scale=0.0)
    y = np.where(domain == "VDX", None, labels)
    how = {**SMALL, "fallback": None, "scaling": "source", "batch_norm": False}
    how |= {"max_epochs": 200, "n_hidden": 16, "dropout": 0.0, "lr": 3e-3}
    distance = {}
    for weight in (0.0, 0.3):
        model = DANNClassifier(adversarial_weight=weight, **how)
        model.fit(X, y, sample_domain=domain)
        distance[weight] = model.adaptation_report_["a_distance_after"]
        source = domain == "NKI"
        assert model.score(X[source], labels[source], None, domain[source]) > 0.9
    assert model.adaptation_report_["a_distance_before"] > 1.0
    assert distance[0.3] < distance[0.0] - 0.15


@pytest.mark.parametrize("method", ["dann", "cdan", "deepcoral", "mmd", "none"])
def test_target_is_predicted_without_its_labels(table, method):
    X, y, domain, labels = table
    model = DANNClassifier(method=method, fallback=None, **SMALL)
    model.fit(X, y, sample_domain=domain)
    rows = domain == "VDX"
    predicted = model.predict(X[rows])
    assert balanced_accuracy_score(labels[rows], predicted) > 0.85
    assert list(model.classes_) == ["ER+", "ER-"]
    assert model.target_domains_ == ("VDX",)


def test_linear_start_is_logistic_regression_on_scaled_rows(table):
    X, y, domain, _ = table
    # Held-out rows are too few to speak for a network.
    model = DANNClassifier(validation_fraction=0.01, **SMALL)
    model.fit(X, y, sample_domain=domain)
    assert model.kept_ == "linear"
    scaler = DomainScaler(target_domain="VDX", gene_weights="coexpression")
    Z = scaler.fit_transform(X.astype(np.float32), y, sample_domain=domain)
    rows = domain == "NKI"
    codes = (y[rows] == "ER-").astype(int)
    weight = len(codes) / (2 * np.bincount(codes)[codes])
    seed = np.random.RandomState(0).randint(np.iinfo(np.int32).max)
    linear = fit_logistic(Z[rows], codes, 2, sample_weight=weight, seed=seed)
    expected = Z @ linear.coef.T + linear.intercept
    decision = model.decision_function(X, sample_domain=domain)
    np.testing.assert_allclose(
        decision, expected[:, 1] - expected[:, 0], rtol=1e-3, atol=1e-4
    )


def test_lost_genes_are_told_reported_and_survived():
    data = make_expression(
        300, 120, n_domains=2, domain_shift=1.5, effect_size=0.8, random_state=0
    )
    is_target, lost = data.domain == 1, np.isin(data.module, [0, 1])
    X, rows = data.data.copy(), np.ix_(is_target, lost)
    X[rows] = np.random.default_rng(0).standard_normal(X[rows].shape)
    y = np.where(is_target, None, data.target)
    with pytest.warns(UserWarning, match="with none in the target"):
        model = DANNClassifier(**SMALL).fit(X, y, sample_domain=data.domain)
    plain = DANNClassifier(**SMALL, gene_weights=None)
    plain.fit(X, y, sample_domain=data.domain)
    assert model.adaptation_report_["lost_genes"] > 0.3
    assert plain.adaptation_report_["lost_genes"] == 0
    scores = [m.score(X[is_target], data.target[is_target]) for m in (model, plain)]
    assert scores[0] > scores[1] + 0.05


def test_a_domain_smaller_than_the_batch_trains(table):
    X, y, domain, _ = table
    keep = (domain == "NKI") | (np.cumsum(domain == "VDX") <= 12)
    model = DANNClassifier(batch_size=64, fallback=None, **SMALL)
    with pytest.warns(UserWarning, match=r"\{'VDX': 12\}"):
        model.fit(X[keep], y[keep], sample_domain=domain[keep])
    norm = model.net_.module_.network.encoders[0].norms[0]
    # Both domains have passed through the network.
    assert (norm.mean != 0).any(dim=1).all()
    assert len(model.history_) == 4


def test_ten_rows_of_the_target_warn(table):
    X, y, domain, _ = table
    keep = (domain == "NKI") | (np.cumsum(domain == "VDX") <= 10)
    with pytest.warns(UserWarning, match="mostly chance"):
        DANNClassifier(**SMALL).fit(X[keep], y[keep], sample_domain=domain[keep])


def test_labelled_domains_without_a_target_warn(table):
    X, _, domain, truth = table
    with pytest.warns(UserWarning, match="Give target_domain"):
        DANNClassifier(**SMALL).fit(X, truth, sample_domain=domain)


def test_predictions_depend_neither_on_order_nor_on_company(table):
    X, y, domain, _ = table
    model = DANNClassifier(fallback=None, **SMALL).fit(X, y, sample_domain=domain)
    together = model.predict_proba(X, sample_domain=domain)
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_allclose(
        model.predict_proba(X[order], sample_domain=domain[order]),
        together[order],
        rtol=1e-6,
    )
    alone = [
        model.predict_proba(X[[i]], sample_domain=domain[[i]])[0] for i in range(5)
    ]
    np.testing.assert_allclose(alone, together[:5], rtol=1e-6)


def test_rescaled_target_gives_the_same_predictions(table):
    X, y, domain, _ = table
    other = np.where((domain == "VDX")[:, None], 2 * X + 3, X)
    rows = domain == "VDX"
    outputs = [
        DANNClassifier(**SMALL)
        .fit(data, y, sample_domain=domain)
        .decision_function(data[rows])
        for data in (X, other)
    ]
    np.testing.assert_allclose(*outputs, atol=2e-3)


def test_permuted_source_labels_give_chance(table):
    X, y, domain, labels = table
    rng, rows = np.random.default_rng(0), domain == "VDX"
    scores = []
    for _ in range(6):
        shuffled = y.copy()
        shuffled[~rows] = rng.permutation(shuffled[~rows])
        model = DANNClassifier(label_shift=None, **SMALL)
        model.fit(X, shuffled, sample_domain=domain)
        scores.append(balanced_accuracy_score(labels[rows], model.predict(X[rows])))
    assert abs(np.mean(scores) - 0.5) < 0.15


def test_fits_are_bit_identical_and_leave_generators_alone(table):
    X, y, domain, _ = table
    torch_state = torch.get_rng_state()
    numpy_state = np.random.mtrand._rand.get_state()[1].copy()
    fits = [
        DANNClassifier(fallback=None, **SMALL).fit(X, y, sample_domain=domain)
        for _ in range(2)
    ]
    assert np.array_equal(*[model.decision_function(X) for model in fits])
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.mtrand._rand.get_state()[1], numpy_state)
    copy = pickle.loads(pickle.dumps(fits[0]))
    assert np.array_equal(copy.predict_proba(X), fits[0].predict_proba(X))


def test_labelled_target_rows_are_learned_from():
    # In the target the class shows in genes that say nothing in the source.
    rng = np.random.default_rng(0)
    X, codes = rng.standard_normal((200, 40)), np.arange(200) % 2
    is_target = np.arange(200) >= 100
    X[~is_target, :5] += 2 * codes[~is_target, None]
    X[is_target, 5:10] += 2 * codes[is_target, None]
    y = np.where(is_target & (np.arange(200) >= 130), -1, codes)
    domain = is_target.astype(int)
    test = np.arange(200) >= 130
    without = np.where(is_target, -1, codes)
    scores = [
        DANNClassifier(label_shift=None, target_domain=1, **SMALL)
        .fit(X, labels, sample_domain=domain)
        .score(X[test], codes[test])
        for labels in (without, y)
    ]
    assert scores[1] > scores[0] + 0.15


def test_several_sources():
    data = make_expression(
        240, 50, n_domains=3, domain_shift=2.0, effect_size=1.5, random_state=0
    )
    y = np.where(data.domain == 2, None, data.target)
    rows = data.domain == 2
    for method in ("dann", "cdan", "mmd"):
        model = DANNClassifier(method=method, fallback=None, **SMALL)
        model.fit(data.data, y, sample_domain=data.domain)
        assert model.score(data.data[rows], data.target[rows]) > 0.85
    critic = DANNClassifier(fallback=None, **SMALL).fit(data.data, y, data.domain)
    assert critic.net_.module_.critics[0][-1].out_features == 3


def test_without_domains_labelled_rows_are_the_source(table):
    X, y, domain, labels = table
    with pytest.warns(UserWarning, match="taken as the source"):
        model = DANNClassifier(**SMALL).fit(X, y)
    assert model.domains_ == ("source", "target")
    rows = domain == "VDX"
    assert model.score(X[rows], labels[rows]) > 0.85


def test_column_of_domains_and_routing(table):
    X, y, domain, labels = table
    frame = pd.DataFrame(X, columns=[f"g{i}" for i in range(X.shape[1])])
    frame["platform"] = domain
    model = DANNClassifier(domain="platform", **SMALL).fit(frame, y)
    plain = DANNClassifier(**SMALL).fit(X, y, sample_domain=domain)
    assert np.array_equal(model.predict(frame), plain.predict(X, domain))
    assert "platform" not in model.feature_names_in_
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["platform", *reversed(frame.columns[:-1])]])
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(StandardScaler(), DANNClassifier(**SMALL))
        scores = cross_val_score(
            pipeline.set_params(dannclassifier__target_domain="VDX"),
            X,
            labels,
            cv=StratifiedKFold(2, shuffle=True, random_state=0),
            params={"sample_domain": domain},
        )
    assert scores.min() > 0.8


def test_unseen_domain_is_scaled_by_its_own_rows(table):
    X, y, domain, labels = table
    model = DANNClassifier(**SMALL).fit(X, y, sample_domain=domain)
    rows = domain == "VDX"
    new = model.predict(5 * X[rows] - 3, sample_domain=["TCGA"] * rows.sum())
    assert balanced_accuracy_score(labels[rows], new) > 0.85
    with pytest.raises(ValueError, match=r"TCGA.*too few"):
        model.predict(X[:3], sample_domain=["TCGA"] * 3)


def test_report_tells_distances_shares_and_what_was_kept(table):
    X, y, domain, labels = table
    model = DANNClassifier(**SMALL).fit(X, y, sample_domain=domain)
    report = model.adaptation_report_
    assert report["kept"] == model.kept_
    assert report["judged_by"] == "source"
    assert np.sum(report["target_shares_adapted"]) == pytest.approx(1)
    assert 0 <= report["a_distance_after"] <= 2
    # With enough labels of the target these judge.
    some = y.copy()
    some[np.flatnonzero(domain == "VDX")[:40]] = labels[domain == "VDX"][:40]
    model.fit(X, some, sample_domain=domain)
    assert model.adaptation_report_["judged_by"] == "target"


def test_fallback_refuses_a_network_that_harms(table):
    X, y, domain, labels = table
    how = {**SMALL, "lr": 1.0, "max_epochs": 3, "dropout": 0.9}
    model = DANNClassifier(**how).fit(X, y, sample_domain=domain)
    assert model.kept_ == "linear"
    rows = domain == "VDX"
    assert model.score(X[rows], labels[rows]) > 0.85


def test_one_class_is_an_error_and_a_failed_fit_changes_nothing(table):
    X, y, domain, _ = table
    model = DANNClassifier(**SMALL).fit(X, y, sample_domain=domain)
    before = model.decision_function(X)
    one = np.where(domain == "NKI", "ER+", None)
    with pytest.raises(ValueError, match="two classes or more"):
        model.fit(X, one, sample_domain=domain)
    assert np.array_equal(model.decision_function(X), before)


def test_fit_transform_is_transform_by_domain(table):
    X, y, domain, _ = table
    model = DANNClassifier(n_members=2, **SMALL)
    features = model.fit_transform(X, y, sample_domain=domain)
    assert features.shape == (len(X), 16)
    np.testing.assert_array_equal(features, model.transform(X, domain))
    assert len(model.get_feature_names_out()) == 16


@pytest.mark.parametrize("estimator", [DANNClassifier, DANNRegressor])
def test_search_space_is_valid(estimator, table):
    optuna = pytest.importorskip("optuna")
    space = estimator.optuna_space()
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(5):
        params = study.ask(space).params
        assert set(params) == set(space) <= set(estimator().get_params())
        estimator(**params)._validate_params()  # raises what is out of range


def test_regressor_predicts_a_target_without_values():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 30))
    truth = 10 + 3 * (X[:, 0] - X[:, 1])
    is_target = np.arange(200) >= 100
    X[is_target] = 2 * X[is_target] + 5
    y = np.where(is_target, np.nan, truth)
    domain = np.where(is_target, "patients", "lines")
    for fallback in ("source", None):
        model = DANNRegressor(fallback=fallback, **SMALL)
        model.fit(X, y, sample_domain=domain)
        assert model.score(X[is_target], truth[is_target]) > 0.9
    rescaled = DANNRegressor(**SMALL).fit(X, 100 * y, sample_domain=domain)
    plain = DANNRegressor(**SMALL).fit(X, y, sample_domain=domain)
    np.testing.assert_allclose(rescaled.predict(X), 100 * plain.predict(X), rtol=1e-4)


def test_regressor_network_learns_what_ridge_misses():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((500, 4))
    y = np.abs(X[:, 0]) + 0.05 * rng.standard_normal(500)
    how = {**SMALL, "max_epochs": 60, "n_hidden": 32, "dropout": 0.0, "lr": 1e-2}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = DANNRegressor(**how).fit(X[:300], y[:300])
    assert model.kept_ == "source"
    assert model.score(X[300:], y[300:]) > 0.5
