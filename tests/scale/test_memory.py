"""What a fit holds beside the data, as a multiple of the data."""

import tracemalloc

import numpy as np
import pytest

from skgenex import GaussianSampler
from skgenex.domain_adaptation import DomainScaler
from skgenex.domain_adaptation.alignment import fit_moments


def peak_beside(function):
    """Bytes of numpy's arrays and Python's objects at the worst moment."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60_000, 100), dtype=np.float32)
    y = np.arange(60_000) % 2
    X[:, :10] += y[:, None]
    domain = np.repeat(["a", "b"], 30_000)
    return X, y, domain


def test_moments_make_no_copy_of_the_data(rows):
    X = np.tile(rows[0], (1, 2))
    assert peak_beside(lambda: fit_moments(X)) < 0.4 * X.nbytes


def test_scaler_holds_no_copy_of_the_data(rows):
    X, y, domain = rows
    X = np.tile(X, (1, 4))
    scaler = DomainScaler(target_domain="b")
    peak = peak_beside(lambda: scaler.fit(X, sample_domain=domain))
    assert peak < 0.5 * X.nbytes
    y = np.where(domain == "a", y, -1)
    peak = peak_beside(lambda: scaler.fit(X, y, sample_domain=domain))
    assert peak < 0.9 * X.nbytes  # 10,000 of the labelled rows, in double precision


def test_standardised_rows_are_made_in_blocks(rows):
    X, _, domain = rows
    scaler = DomainScaler(target_domain="b").fit(X, sample_domain=domain)
    peak = peak_beside(lambda: scaler.transform(X, sample_domain=domain))
    assert peak < 2 * X.nbytes  # one copy is the result


def test_moments_of_single_precision_are_summed_in_double():
    rng = np.random.default_rng(0)
    X = (1000 + rng.standard_normal((200_000, 3))).astype(np.float32)
    groups = rng.integers(0, 2, len(X))
    moments = fit_moments(X, groups)
    wide = X.astype(np.float64)
    np.testing.assert_allclose(moments.mean, wide.mean(axis=0), rtol=1e-12)
    for group in (0, 1):
        wide[groups == group] -= wide[groups == group].mean(axis=0)
    np.testing.assert_allclose(moments.spread, wide.std(axis=0), rtol=1e-9)


@pytest.mark.parametrize("has_covariate", [False, True])
def test_gaussian_holds_no_copy_of_the_data(has_covariate):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((100_000, 200), dtype=np.float32)
    y = np.arange(len(X)) % 3
    X[:, :20] += y[:, None]
    conditions = {"age": rng.standard_normal(len(X))} if has_covariate else None
    sampler = GaussianSampler(random_state=0)
    peak = peak_beside(lambda: sampler.fit(X, y, conditions=conditions))
    assert peak < 0.9 * X.nbytes
