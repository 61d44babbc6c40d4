import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from skgenex.prediction import PhenotypeRegressor


def make_rows(n=80, p=150, seed=0):
    rng = np.random.default_rng(seed)
    X = 5 + 2 * rng.normal(size=(n, p))
    return X, X[:, :5].sum(axis=1) + rng.normal(size=n)


def test_linear_backend_is_ridge_regression():
    X, y = make_rows()
    ours = PhenotypeRegressor(backend="linear", emphasis=0, random_state=0).fit(X, y)
    Z = StandardScaler().fit_transform(X)
    alpha = ours.strength_ * X.shape[1]  # the mean squared norm of standardised rows
    theirs = Ridge(alpha=alpha).fit(Z, y)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(Z), atol=1e-3)


@pytest.mark.parametrize("backend", ["linear", "network"])
def test_predictions_have_the_unit_of_the_target(backend):
    X, y = make_rows()
    regressor = PhenotypeRegressor(backend=backend, max_epochs=5, random_state=0)
    plain = regressor.fit(X, y).predict(X)
    scaled = regressor.fit(X, 1000 * y - 5).predict(X)
    np.testing.assert_allclose(scaled, 1000 * plain - 5, rtol=1e-4, atol=0.5)


def test_network_learns_what_no_linear_model_can():
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(600, 3))
    X = factors @ rng.normal(size=(3, 60)) + 0.3 * rng.normal(size=(600, 60))
    y = 50 + 10 * factors[:, 0] * factors[:, 1]
    regressor = PhenotypeRegressor(random_state=0).fit(X[:400], y[:400])
    assert regressor.backend_ == "network"
    assert regressor.score(X[400:], y[400:]) > 0.4
    linear = PhenotypeRegressor(backend="linear", random_state=0)
    assert linear.fit(X[:400], y[:400]).score(X[400:], y[400:]) < 0.1
    # The gain is a share of held-out squared error, so it resembles R2 over linear.
    assert 0.3 < regressor.deep_gain_ < 0.95


def test_several_targets_keep_order_and_unit():
    X, y = make_rows()
    Y = np.stack([y, 100 - 10 * y, np.full(len(y), 3.0)], axis=1)
    regressor = PhenotypeRegressor(backend="network", max_epochs=3, random_state=0)
    predicted = regressor.fit(X, Y).predict(X)
    assert predicted.shape == Y.shape
    np.testing.assert_allclose(predicted[:, 2], 3.0, atol=0.05)
    for k in (0, 1):
        assert np.corrcoef(predicted[:, k], Y[:, k])[0, 1] > 0.8
        assert abs(predicted[:, k].mean() - Y[:, k].mean()) < 0.2 * Y[:, k].std()


def test_module_is_the_regressor():
    X, y = make_rows()
    regressor = PhenotypeRegressor(backend="network", max_epochs=3, random_state=0)
    expected = regressor.fit(X, y).predict(X)
    found = regressor.as_module()(torch.from_numpy(X.astype(np.float32)))
    np.testing.assert_allclose(found[:, 0].numpy(), expected, rtol=1e-5)


def test_too_few_weighted_rows_are_refused():
    X, y = make_rows(n=4)
    with pytest.raises(ValueError, match="two rows or more"):
        PhenotypeRegressor().fit(X, y, sample_weight=[0, 0, 0, 1])
