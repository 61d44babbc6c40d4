import numpy as np
import pytest
from numpy.testing import assert_allclose

from skgenex.domain_adaptation import class_shift
from skgenex.domain_adaptation.alignment import Affine, fit_moments
from skgenex.domain_adaptation.class_moments import (
    ClassMoments,
    cell_moments,
    fit_class_moments,
    fit_common_moments,
)


def test_moments_of_a_mixture_against_its_rows():
    rng = np.random.default_rng(0)
    Z = rng.standard_normal((300, 4)) + np.repeat([[0.0], [2.0]], [100, 200], axis=0)
    codes = np.repeat([0, 1], [100, 200])
    moments = ClassMoments(
        np.stack([Z[codes == c].mean(0) for c in (0, 1)]),
        np.stack([Z[codes == c].var(0) for c in (0, 1)]),
    )
    whole = moments.at(np.array([1 / 3, 2 / 3]))
    assert_allclose(whole.mean, Z.mean(axis=0))
    assert_allclose(whole.spread, Z.std(axis=0))
    first = moments.at(np.array([1.0, 0.0]))
    assert_allclose(first.spread, Z[:100].std(axis=0))


def test_shrunk_variances_keep_the_total():
    rng = np.random.default_rng(0)
    Z, codes = rng.standard_normal((60, 5)), np.repeat([0, 1, 2], [40, 15, 5])
    Z[codes == 2] *= 3
    cells = cell_moments(Z, codes, np.arange(60) % 2, (2, 3))
    moments = fit_class_moments(cells)
    whole = moments.at(np.bincount(codes) / 60)
    assert_allclose(whole.mean, Z.mean(axis=0))
    assert_allclose(whole.spread, Z.std(axis=0))
    own = Z[codes == 2].var(axis=0).mean()
    assert 1 < moments.variances[2].mean() < 0.7 * own


def test_moments_of_cells_are_those_of_mapped_rows():
    rng = np.random.default_rng(0)
    Z = rng.standard_normal((90, 4)) + np.arange(90)[:, None] % 7
    codes, domain = rng.integers(0, 3, 90), rng.integers(0, 2, 90)
    codes[domain == 1] = np.minimum(codes[domain == 1], 1)  # an empty cell
    maps = [Affine(rng.standard_normal(4), 1 + rng.random(4)) for _ in range(2)]
    placed = np.empty_like(Z)
    for d in (0, 1):
        placed[domain == d] = maps[d].inverse_transform(Z[domain == d])
    cells = cell_moments(Z, codes, domain, (2, 3)).mapped(maps)
    mean, variance = cells.of_all()
    assert_allclose(mean, placed.mean(axis=0))
    assert_allclose(variance, placed.var(axis=0))
    means, variances = cells.of_classes()
    for c in range(3):
        assert_allclose(means[c], placed[codes == c].mean(axis=0))
        assert_allclose(variances[c], placed[codes == c].var(axis=0))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_class_means_of_domains_with_opposite_shares(share):
    # Each domain standardised by itself, its class means lie at other places.
    rng = np.random.default_rng(0)
    n, parts = 4000, []
    for first in (share, 1 - share):
        codes = (rng.random(n) > first).astype(int)
        parts.append((rng.standard_normal((n, 3)) + 2.0 * codes[:, None], codes))
    Z = np.concatenate([fit_moments(X).transform(X) for X, _ in parts])
    codes, domain = np.concatenate([c for _, c in parts]), np.repeat([0, 1], n)
    shares = np.array([[share, 1 - share], [1 - share, share]])
    moments = fit_common_moments(Z, codes, domain, shares)
    gap = (moments.means[1] - moments.means[0]) / np.sqrt(
        moments.variances.mean(axis=0)
    )
    assert_allclose(gap, 2.0, atol=0.15)
    for c in (0, 1):
        one, other = (
            moments.at(shares[d]).inverse_transform(Z[(domain == d) & (codes == c)])
            for d in (0, 1)
        )
        assert_allclose(one.mean(axis=0), other.mean(axis=0), atol=0.06)


def test_large_sources_are_scored_by_some_rows_of_each_class(monkeypatch):
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1, 2, -1], [3000, 1500, 50, 2000])
    X = rng.standard_normal((len(codes), 6)) + 2 * np.eye(4, 6)[codes]
    domain = np.where(codes < 0, 1, 0)
    X[codes < 0] = (
        rng.standard_normal((2000, 6))
        + 2 * np.eye(4, 6)[rng.choice(3, 2000, p=[0.2, 0.6, 0.2])]
    )
    for d in (0, 1):
        X[domain == d] -= X[domain == d].mean(axis=0)
        X[domain == d] /= X[domain == d].std(axis=0)
    rows = np.flatnonzero(codes >= 0)
    monkeypatch.setattr(class_shift, "MAX_SCORED_ROWS", 600)
    chosen = class_shift._some_of_each(rows, codes, rng)
    assert len(np.unique(chosen)) == len(chosen) <= 700
    assert np.bincount(codes[chosen])[2] == 50  # all of a rare class
    shares = []
    for most in (600, 100_000):
        monkeypatch.setattr(class_shift, "MAX_SCORED_ROWS", most)
        fitted = class_shift.fit_class_shift(
            X, codes, domain, codes >= 0, np.random.default_rng(0)
        )
        shares.append(fitted.shares[1])
    np.testing.assert_allclose(shares[0], shares[1], atol=0.06)
    np.testing.assert_allclose(shares[0], [0.2, 0.6, 0.2], atol=0.08)
