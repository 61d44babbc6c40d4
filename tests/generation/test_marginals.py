"""The map gives simulated genes the distribution of the data."""

import numpy as np
import pytest
from scipy import stats

from skgenex.generation.marginals import (
    MarginalMap,
    cramer_distance,
    join_maps,
    keep_sign,
)


def fit(model, data):
    return MarginalMap().fit(model, data)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("kind", ["exponential", "bimodal", "uniform", "shifted"])
def test_mapped_rows_have_the_quantiles_of_the_data(rng, kind):
    data = {
        "exponential": rng.exponential(2.0, (300, 1)),
        "bimodal": rng.normal(np.where(rng.random((300, 1)) < 0.3, -4, 4), 1.0),
        "uniform": rng.uniform(3, 9, (300, 1)),
        "shifted": rng.normal(100.0, 0.01, (300, 1)),
    }[kind]
    model = rng.standard_normal((4000, 1))
    fresh = fit(model, data).transform(rng.standard_normal((20_000, 1)))
    assert stats.ks_2samp(data[:, 0], fresh[:, 0]).statistic < 0.03


def test_map_of_rows_to_themselves_changes_nothing(rng):
    X = rng.standard_normal((100, 3))
    np.testing.assert_allclose(fit(X, X).transform(X), X, atol=1e-12)
    beyond = np.array([[9.0, -9.0, 0.0]])  # slope one in the tails
    np.testing.assert_allclose(fit(X, X).transform(beyond), beyond, atol=1e-12)


def test_order_is_kept(rng):
    mapped = fit(rng.standard_normal((500, 1)), rng.exponential(size=(60, 1)))
    x = np.linspace(-8, 8, 400)[:, None]
    assert (np.diff(mapped.transform(x)[:, 0]) >= 0).all()


def test_zeros_stay_an_atom_of_the_same_share(rng):
    data = np.maximum(rng.normal(0.5, 1.0, (500, 1)), 0.0)
    model = rng.normal(data.mean(), data.std(), (5000, 1))
    fresh = rng.normal(data.mean(), data.std(), (5000, 1))
    got = fit(model, data).transform(fresh)
    assert np.mean(got == 0.0) == pytest.approx(np.mean(data == 0.0), abs=0.02)
    assert got.min() == 0.0


@pytest.mark.parametrize("value", [2.5, -1.0])
def test_floor_and_ceiling_are_exact(rng, value):
    x = rng.standard_normal((400, 1)) + value
    model, fresh = rng.standard_normal((3000, 1)), 2 * rng.standard_normal((3000, 1))
    floored = fit(model, np.maximum(x, value)).transform(fresh)
    assert floored.min() == value
    assert np.mean(floored == value) > 0.4
    capped = fit(model, np.minimum(x, value)).transform(fresh)
    assert capped.max() == value
    assert np.mean(capped == value) > 0.4


def test_tails_go_on_without_piling_up(rng):
    data, model = rng.normal(50, 2, (100, 1)), rng.standard_normal((3000, 1))
    got = fit(model, data).transform(rng.standard_normal((20_000, 1)))[:, 0]
    assert got.min() < data.min()
    assert got.max() > data.max()
    assert len(np.unique(got)) == len(got)
    outside = np.mean((got < data.min()) | (got > data.max()))
    assert 0.002 < outside < 0.04  # of normal data, about 2 in 101
    assert np.abs(got - 50).max() < 2 * 7


def test_sign_of_the_data_is_kept(rng):
    data = np.abs(rng.standard_normal((100, 3))) + np.array([0.01, -3.0, 0.0])
    data[0, 2] = 0.0
    x = 5 * rng.standard_normal((2000, 3))
    got = fit(rng.standard_normal((2000, 3)), data).transform(x)
    assert got[:, 0].min() > 0.0  # strictly positive: no mass at zero
    assert len(np.unique(got[:, 0])) == len(x)
    assert got[:, 1].min() < -3.0  # the gene has negative values: not clipped
    assert got[:, 2].min() == 0.0


def test_positive_values_decay_to_zero_with_slope_one():
    low = np.array([2.0])
    x = np.array([[2.5], [2.0], [2.0 - 1e-4], [0.0], [-1e6]])
    got = x.copy()
    keep_sign(got, low)
    np.testing.assert_allclose(got[:2], x[:2])
    assert (got[1, 0] - got[2, 0]) / 1e-4 == pytest.approx(1.0, rel=1e-3)
    assert got[3, 0] == pytest.approx(1.0)  # l^2 / 2 l
    assert 0 < got[4, 0] < 1e-5


@pytest.mark.parametrize("n", [1, 7, 900])
def test_map_is_the_interpolation_of_each_gene(rng, n):
    model, data = rng.normal(size=(400, 6)), rng.exponential(size=(120, 6)) - 2
    data[:, 0] = data[:, 0].clip(min=-1.5)  # a floor
    data[:, 1] = data[:, 1].clip(max=0.5)  # a ceiling
    fitted = fit(model, data)
    X = rng.normal(size=(n, 6)) * 2
    wanted = np.empty_like(X)
    for j, x in enumerate(X.T):
        knots = fitted.model_quantiles_[:, j]
        wanted[:, j] = np.interp(x, knots, fitted.data_quantiles_[:, j])
        below, above = np.minimum(x - knots[0], 0), np.maximum(x - knots[-1], 0)
        wanted[:, j] += (j != 0) * fitted.lower_slope_[j] * below
        wanted[:, j] += (j != 1) * fitted.upper_slope_[j] * above
    np.testing.assert_array_equal(fitted.transform(X), wanted)


def test_joined_maps_are_the_map_of_all_genes(rng):
    model, data = rng.standard_normal((300, 5)), rng.exponential(1.0, (80, 5))
    parts = [fit(model[:, :2], data[:, :2]), fit(model[:, 2:], data[:, 2:])]
    x = 3 * rng.standard_normal((50, 5))
    np.testing.assert_array_equal(
        join_maps(parts).transform(x), fit(model, data).transform(x)
    )


def test_constant_gene_and_tiny_samples(rng):
    data = np.array([[1.0, 7.0], [2.0, 7.0]])
    model = np.column_stack([rng.standard_normal(50), np.zeros(50)])
    got = fit(model, data).transform(np.array([[0.3, 0.0], [-0.3, 0.0]]))
    np.testing.assert_array_equal(got[:, 1], 7.0)
    assert np.isfinite(got).all()


def test_cramer_distance_is_the_integral_of_the_squared_difference(rng):
    a, b = rng.normal(size=(7, 3)), rng.normal(0.5, 2, size=(11, 3))
    grid = np.linspace(-12, 12, 200_001)
    for j, got in enumerate(cramer_distance(a, b)):
        F = np.searchsorted(np.sort(a[:, j]), grid, side="right") / 7
        G = np.searchsorted(np.sort(b[:, j]), grid, side="right") / 11
        expected = np.sum((F - G) ** 2) * (grid[1] - grid[0])
        assert got == pytest.approx(expected, rel=1e-3)
    np.testing.assert_allclose(cramer_distance(a, a), 0.0)
