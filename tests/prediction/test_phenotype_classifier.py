import pickle

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import cross_val_score

from skgenex.prediction import PhenotypeClassifier, _classifier
from skgenex.prediction.linear import fit_logistic


def make_linear(n=80, p=150, n_classes=2, seed=0):
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % n_classes
    X = rng.normal(size=(n, p)) + (0.6 * rng.normal(size=(n_classes, p)))[codes]
    return X * rng.uniform(0.5, 3, p) + 7, np.array(["AML", "B", "T"])[codes]


def make_product(n, seed=0):
    """Classes by the sign of a product of two factors: nothing linear to see."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(n, 4))
    X = factors @ rng.normal(size=(4, 60)) + 0.5 * rng.normal(size=(n, 60))
    return X, np.where(factors[:, 0] * factors[:, 1] > 0, "same", "different")


def get_numpy_state():
    return np.random.get_state()[1].copy()  # noqa: NPY002


@pytest.fixture(scope="module")
def nonlinear():
    X, y = make_product(500)
    classifier = PhenotypeClassifier(random_state=0).fit(X[:300], y[:300])
    return classifier, X[300:], y[300:]


def test_linear_backend_is_the_logistic_regression():
    X, y = make_linear(n_classes=3)
    classifier = PhenotypeClassifier(backend="linear", random_state=0).fit(X, y)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    codes = np.unique(y, return_inverse=True)[1]
    fit = fit_logistic(Z, codes, 3, strengths=[classifier.strength_])
    logits = (Z @ fit.coef.T + fit.intercept) / classifier.temperature_
    expected = softmax(logits, axis=1)
    np.testing.assert_allclose(classifier.predict_proba(X), expected, atol=1e-3)
    assert classifier.backend_ == "linear"
    assert classifier.n_iter_ == 0
    assert np.isnan(classifier.deep_gain_)


def test_network_learns_what_no_linear_model_can(nonlinear):
    classifier, X, y = nonlinear
    assert classifier.backend_ == "network"
    assert classifier.deep_gain_ > 3 * classifier.deep_gain_se_
    assert classifier.score(X, y) > 0.7
    train = make_product(500)
    linear = PhenotypeClassifier(backend="linear", random_state=0)
    assert linear.fit(train[0][:300], train[1][:300]).score(X, y) < 0.6


def test_network_is_dropped_where_there_is_nothing_to_learn():
    X, y = make_linear()
    y = np.random.default_rng(0).permutation(y)
    backends = [
        PhenotypeClassifier(random_state=seed).fit(X, y).backend_ for seed in range(5)
    ]
    assert backends.count("linear") >= 4


def test_dropped_network_leaves_the_linear_model():
    X, y = make_linear()
    auto = PhenotypeClassifier(random_state=0).fit(X, y)
    linear = PhenotypeClassifier(backend="linear", random_state=0).fit(X, y)
    assert auto.backend_ == "linear"
    assert np.isfinite([auto.deep_gain_, auto.deep_gain_se_]).all()
    np.testing.assert_array_equal(auto.predict_proba(X), linear.predict_proba(X))


def test_forced_network_is_used():
    X, y = make_linear()
    forced = PhenotypeClassifier(
        backend="network", max_epochs=5, patience=None, random_state=0
    ).fit(X, y)
    linear = PhenotypeClassifier(backend="linear", random_state=0).fit(X, y)
    assert forced.backend_ == "network"
    assert forced.n_iter_ == 5
    difference = forced.decision_function(X) - linear.decision_function(X)
    assert np.abs(difference).max() > 0.01


def test_probabilities_are_calibrated():
    # Logistic truth: of all rows given about 30 %, about 30 % are positive.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2300, 20))
    y = rng.random(2300) < 1 / (1 + np.exp(-X[:, :4].sum(axis=1)))
    p = PhenotypeClassifier(random_state=0).fit(X[:300], y[:300]).predict_proba(X)
    p, y = p[300:, 1], y[300:]
    for low, high in ((0.1, 0.3), (0.3, 0.7), (0.7, 0.9)):
        rows = (p > low) & (p < high)
        assert abs(y[rows].mean() - p[rows].mean()) < 0.08


@pytest.mark.parametrize("backend", ["linear", "network"])
def test_few_rows_do_not_vouch_for_certainty(backend, monkeypatch):
    # All held-out rows are right by far; yet any probability above (n + 1) / (n + 2)
    # would be a claim that so few rows cannot bear.
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    X = 0.1 * rng.normal(size=(40, 50)) + y[:, None]
    how = {"backend": backend, "max_epochs": 2, "random_state": 0}
    tempered = PhenotypeClassifier(**how).fit(X, y)
    monkeypatch.setattr(_classifier, "fit_temperature", lambda *_: 1.0)
    plain = PhenotypeClassifier(**how).fit(X, y)
    assert tempered.temperature_ > 1.2
    np.testing.assert_allclose(
        tempered.decision_function(X) * tempered.temperature_,
        plain.decision_function(X),
        rtol=1e-4,
    )
    assert tempered.predict_proba(X).max(axis=1).mean() < 0.985
    assert plain.predict_proba(X).max(axis=1).mean() > 0.99


@pytest.mark.parametrize("backend", ["linear", "network"])
def test_module_is_the_classifier(backend):
    X, y = make_linear(n_classes=3)
    classifier = PhenotypeClassifier(backend=backend, max_epochs=5, random_state=0)
    before = classifier.fit(X, y).decision_function(X)
    module = classifier.as_module()
    x = torch.from_numpy(X.astype(np.float32)).requires_grad_(True)
    np.testing.assert_allclose(module(x).detach().numpy(), before, atol=1e-5)
    assert torch.equal(module(x), module(x))  # no dropout
    assert not any(p.requires_grad for p in module.parameters())
    assert any(p.requires_grad for p in classifier.net_.module_.parameters())
    for tensor in module.state_dict().values():
        tensor.zero_()
    np.testing.assert_array_equal(classifier.decision_function(X), before)


def test_gradient_of_the_module_is_that_of_the_prediction(nonlinear):
    classifier, X, _ = nonlinear
    x = torch.from_numpy(X[:1]).requires_grad_(True)
    module = classifier.as_module().double()
    module(x)[0, 1].backward()
    step = 1e-4 * np.random.default_rng(0).normal(size=X.shape[1])
    with torch.no_grad():
        up, down = (module(x + s * torch.from_numpy(step))[0, 1] for s in (1, -1))
    slope = float(x.grad[0] @ torch.from_numpy(step))
    np.testing.assert_allclose(float(up - down) / 2, slope, rtol=1e-3)


def test_units_of_genes_do_not_matter():
    X, y = make_linear(n_classes=3)
    rng = np.random.default_rng(0)
    X_other = X * rng.uniform(0.1, 10, X.shape[1]) + rng.normal(size=X.shape[1])
    classifier = PhenotypeClassifier(backend="network", max_epochs=3, random_state=0)
    p = classifier.fit(X, y).predict_proba(X)
    p_other = classifier.fit(X_other, y).predict_proba(X_other)
    np.testing.assert_allclose(p, p_other, atol=2e-3)


def test_constant_genes_do_not_matter():
    X, y = make_linear()
    classifier = PhenotypeClassifier(backend="linear", random_state=0)
    p = classifier.fit(X, y).predict_proba(X)
    wide = np.hstack([X, np.full((len(X), 3), 1 / 3)])
    classifier.fit(wide, y)
    wide[:, -3:] = 1e6  # even where they differ in a new patient
    np.testing.assert_allclose(classifier.predict_proba(wide), p, atol=1e-3)


def test_without_standardisation_rows_are_taken_as_they_are():
    X, y = make_linear()
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    plain = PhenotypeClassifier(backend="linear", standardize=False, random_state=0)
    scaled = PhenotypeClassifier(backend="linear", random_state=0).fit(X, y)
    np.testing.assert_allclose(
        plain.fit(Z, y).predict_proba(Z), scaled.predict_proba(X), atol=1e-3
    )
    assert np.abs(plain.fit(X, y).predict_proba(X) - scaled.predict_proba(X)).max() > 0


def test_balanced_weights_find_the_small_class():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [180, 20])
    X = rng.normal(size=(200, 50)) + 0.25 * y[:, None]
    X_test = rng.normal(size=(200, 50)) + 0.25 * y[:, None]
    scores = [
        balanced_accuracy_score(
            y,
            PhenotypeClassifier(class_weight=weight, random_state=0)
            .fit(X, y)
            .predict(X_test),
        )
        for weight in (None, "balanced")
    ]
    assert scores[1] > scores[0] + 0.05


def test_class_weights_are_sample_weights():
    X, y = make_linear(n_classes=3)
    weights = {"AML": 3.0, "B": 1.0, "T": 0.5}
    how = {"backend": "network", "max_epochs": 2, "random_state": 0}
    a = PhenotypeClassifier(class_weight=weights, **how).fit(X, y)
    b = PhenotypeClassifier(**how).fit(X, y, sample_weight=[weights[c] for c in y])
    c = PhenotypeClassifier(**how).fit(X, y)
    a, b, c = (classifier.decision_function(X) for classifier in (a, b, c))
    np.testing.assert_array_equal(a, b)
    assert np.abs(a - c).max() > 0.1


def test_rows_of_weight_zero_are_absent():
    X, y = make_linear(n_classes=3)
    weight = (np.arange(len(X)) % 4 > 0).astype(float)
    classifier = PhenotypeClassifier(backend="network", max_epochs=2, random_state=0)
    a = classifier.fit(X, y, sample_weight=weight).predict_proba(X)
    b = classifier.fit(X[weight > 0], y[weight > 0]).predict_proba(X)
    np.testing.assert_array_equal(a, b)


def test_same_seed_same_bits_and_global_generators_untouched():
    X, y = make_product(120)
    torch_state, numpy_state = torch.get_rng_state(), get_numpy_state()
    how = {"backend": "network", "max_epochs": 3}
    a, b, c = (PhenotypeClassifier(random_state=s, **how).fit(X, y) for s in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), torch_state)
    np.testing.assert_array_equal(get_numpy_state(), numpy_state)
    np.testing.assert_array_equal(a.predict_proba(X), b.predict_proba(X))
    assert np.abs(a.predict_proba(X) - c.predict_proba(X)).max() > 0


def test_pickle_predicts_the_same(nonlinear):
    classifier, X, _ = nonlinear
    copy = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(copy.predict_proba(X), classifier.predict_proba(X))
    x = torch.from_numpy(X.astype(np.float32))
    assert torch.equal(copy.as_module()(x), classifier.as_module()(x))


def test_a_failed_fit_changes_nothing(nonlinear):
    classifier, X, _ = nonlinear
    before = classifier.predict_proba(X)
    with pytest.raises(ValueError, match="two classes or more"):
        classifier.fit(X, np.repeat("same", len(X)))
    np.testing.assert_array_equal(classifier.predict_proba(X), before)


def test_works_in_cross_validation_with_fewer_rows_than_folds_in_a_class():
    X, y = make_linear(n=23)
    y[0] = "T"
    classifier = PhenotypeClassifier(max_epochs=2, random_state=0)
    classifier.fit(X, y)
    assert classifier.predict_proba(X).shape == (23, 3)
    assert cross_val_score(classifier, X[1:], y[1:], cv=3).mean() > 0.7


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("backend", ["linear", "auto", "network"])
def test_one_row_per_class_is_learned(backend, n_classes):
    X, y = make_linear(n=n_classes, n_classes=n_classes)
    classifier = PhenotypeClassifier(backend=backend, max_epochs=2, random_state=0)
    assert classifier.fit(X, y).predict(X).tolist() == y.tolist()
    assert np.isfinite(classifier.predict_proba(X)).all()
