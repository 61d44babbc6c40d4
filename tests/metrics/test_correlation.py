"""Correlation agreement has its values in known cases."""

import numpy as np
import pytest

from skgenex.datasets import make_expression
from skgenex.metrics import correlation_agreement


def modules(n, seed, strength=0.5):
    return make_expression(
        n,
        60,
        n_modules=4,
        n_informative=0,
        module_correlation=strength,
        random_state=seed,
    )


def test_equals_the_definition():
    A, B = np.random.default_rng(0).standard_normal((2, 40, 12))
    a, b = np.corrcoef(A.T), np.corrcoef(B.T)
    pairs = [(i, j) for i in range(12) for j in range(i)]
    expected = np.corrcoef([a[p] for p in pairs], [b[p] for p in pairs])[0, 1]
    assert correlation_agreement(A, B) == pytest.approx(expected, abs=1e-12)


def test_per_gene_scale_and_offset_do_not_matter():
    rng = np.random.default_rng(0)
    X = modules(50, 0).data
    changed = X * rng.uniform(0.5, 2, 60) + rng.normal(0, 5, 60)
    assert correlation_agreement(X, changed) == pytest.approx(1)


def test_shuffled_genes_lose_the_structure():
    simulated = modules(4000, 0)
    half, other = simulated.data[:2000], simulated.data[2000:]
    shuffled = np.random.default_rng(0).permuted(other, axis=0)
    assert correlation_agreement(half, other) > 0.97
    assert abs(correlation_agreement(half, shuffled)) < 0.1


@pytest.mark.parametrize("side", [0, 1])
def test_dead_genes_are_left_out(side):
    sets = [modules(50, 0).data, modules(50, 1).data]
    without = correlation_agreement(sets[0][:, 2:], sets[1][:, 2:])
    sets[side][:, 0] = 4.2
    sets[side][:, 1] = 4.2 + 1e-9 * np.random.default_rng(0).standard_normal(50)
    assert correlation_agreement(*sets) == pytest.approx(without)


def test_max_genes_draws_by_seed():
    A, B = modules(50, 0).data, modules(50, 1).data
    seeds = [
        correlation_agreement(A, B, max_genes=20, random_state=seed)
        for seed in (0, 0, 1)
    ]
    assert seeds[0] == seeds[1] != seeds[2]
    every = correlation_agreement(A, B)
    assert correlation_agreement(A, B, max_genes=60, random_state=5) == every


def test_fewer_than_three_live_genes_is_an_error():
    X = np.zeros((10, 5))
    X[:, :2] = np.random.default_rng(0).standard_normal((10, 2))
    with pytest.raises(ValueError, match="2 of 5 do"):
        correlation_agreement(X, X)
    with pytest.raises(ValueError, match="max_genes must be an integer of 3 or more"):
        correlation_agreement(X, X, max_genes=2)
    with pytest.raises(ValueError, match="minimum of 3 is required"):
        correlation_agreement(X[:2], X)
