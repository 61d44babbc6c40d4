"""Blocked distances equal plain ones."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from skgenex.metrics import _distances
from skgenex.metrics._distances import (
    kth_neighbour_squared,
    nearest_distances,
    squared_distance_blocks,
)


@pytest.fixture(params=[np.float64, np.float32])
def sets(request):
    rng = np.random.default_rng(0)
    A = rng.normal(8.0, 2.0, (70, 40)).astype(request.param)
    B = rng.normal(8.0, 2.0, (50, 40)).astype(request.param)
    B[3] = A[5]
    return A, B


@pytest.fixture(params=[1, 333, 10**6])
def block_entries(request, monkeypatch):
    monkeypatch.setattr(_distances, "BLOCK_ENTRIES", request.param)


def test_blocks_are_the_distance_matrix(sets, block_entries):
    A, B = (rows - 8 for rows in sets)
    found = np.full((70, 50), np.nan)
    for start, block in squared_distance_blocks(A, B):
        found[start : start + len(block)] = block
    tolerance = 1e-3 if A.dtype == np.float32 else 1e-10
    np.testing.assert_allclose(found, cdist(A, B) ** 2, atol=tolerance)


def test_nearest_distances_are_exact_even_for_copies(sets, block_entries):
    A, B = sets
    found = nearest_distances(A, B)
    expected = cdist(A.astype(np.float64), B.astype(np.float64)).min(axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert found[5] == 0.0


def test_kth_neighbour_leaves_the_row_itself_out(sets, block_entries):
    A, _ = sets
    distance = np.sort(cdist(A, A), axis=1)
    for k in (1, 4):
        found = np.sqrt(kth_neighbour_squared(A - 8, k))
        np.testing.assert_allclose(found, distance[:, k], rtol=1e-4)
