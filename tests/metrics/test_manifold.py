"""Precision, recall, density, coverage against a double loop and known cases."""

import numpy as np
import pytest

from skgenex.metrics import precision_recall_density_coverage


def by_double_loop(real, synthetic, k):
    """The four definitions, row by row."""

    def radius(rows, i):
        others = [np.linalg.norm(rows[i] - r) for j, r in enumerate(rows) if j != i]
        return sorted(others)[k - 1]

    real_radii = [radius(real, i) for i in range(len(real))]
    synthetic_radii = [radius(synthetic, j) for j in range(len(synthetic))]
    balls = [
        sum(np.linalg.norm(y - x) < r for x, r in zip(real, real_radii, strict=True))
        for y in synthetic
    ]
    precision = np.mean([count > 0 for count in balls])
    density = np.mean(balls) / k
    recall = np.mean(
        [
            any(
                np.linalg.norm(y - x) < r
                for y, r in zip(synthetic, synthetic_radii, strict=True)
            )
            for x in real
        ]
    )
    coverage = np.mean(
        [
            any(np.linalg.norm(y - x) < r for y in synthetic)
            for x, r in zip(real, real_radii, strict=True)
        ]
    )
    return precision, recall, density, coverage


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize(("n", "m", "shift"), [(40, 40, 1.5), (25, 60, 2.0)])
def test_equals_the_definition(dtype, k, n, m, shift):
    rng = np.random.default_rng(0)
    real = rng.normal(7.0, 1.0, (n, 6)).astype(dtype)
    synthetic = rng.normal(7.0 + shift, 1.3, (m, 6)).astype(dtype)
    found = precision_recall_density_coverage(real, synthetic, n_neighbors=k)
    assert 0 < found.precision < 1 or 0 < found.recall < 1
    np.testing.assert_allclose(found, by_double_loop(real, synthetic, k))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("offset", [0.0, 10.0])
def test_a_set_compared_with_itself_is_perfect(dtype, offset):
    X = np.random.default_rng(0).normal(offset, 1.0, (200, 500)).astype(dtype)
    scores = precision_recall_density_coverage(X, X[::-1].copy())
    assert scores._replace(density=1.0) == (1.0, 1.0, 1.0, 1.0)
    # A true neighbour may fall within float32 rounding of the ball.
    assert scores.density == pytest.approx(1, abs=0.002 if dtype == np.float32 else 0)


def test_second_real_sample_has_density_one_and_known_coverage():
    # E[coverage] of an equal second sample is about 1 - 2^-k (Naeem et al. 2020).
    scores = [
        precision_recall_density_coverage(*rng.standard_normal((2, 400, 3)))
        for rng in map(np.random.default_rng, range(5))
    ]
    mean = np.mean(scores, axis=0)
    assert abs(mean[2] - 1) < 0.05
    assert abs(mean[3] - (1 - 2**-5)) < 0.02


def test_mode_collapse_lowers_recall_and_coverage_only():
    rng = np.random.default_rng(0)
    real = np.concatenate([rng.normal(0, 1, (100, 5)), rng.normal(20, 1, (100, 5))])
    collapsed = rng.normal(0, 1, (200, 5))
    scores = precision_recall_density_coverage(real, collapsed)
    assert scores.precision > 0.8
    assert scores.recall <= 0.5
    assert scores.coverage <= 0.5


def test_outliers_lower_precision():
    rng = np.random.default_rng(0)
    real, synthetic = rng.standard_normal((2, 200, 5))
    synthetic[:100] += 50
    scores = precision_recall_density_coverage(real, synthetic)
    assert scores.precision <= 0.5
    assert scores.density <= 0.6


def test_does_not_depend_on_shift_and_rotation():
    rng = np.random.default_rng(1)
    real, synthetic = rng.standard_normal((2, 60, 8))
    rotation = np.linalg.qr(rng.standard_normal((8, 8)))[0]
    np.testing.assert_allclose(
        precision_recall_density_coverage(real, synthetic),
        precision_recall_density_coverage(
            real @ rotation + 30, synthetic @ rotation + 30
        ),
    )


@pytest.mark.parametrize(
    ("n", "m", "k", "message"),
    [
        (5, 50, 5, "X_real must have more than n_neighbors=5 rows; got 5"),
        (50, 4, 5, "X_synthetic must have more than n_neighbors=5 rows; got 4"),
        (50, 50, 0, "n_neighbors must be a positive integer; got 0"),
    ],
)
def test_too_few_rows_are_refused(n, m, k, message):
    X = np.random.default_rng(0).standard_normal((50, 3))
    with pytest.raises(ValueError, match=message):
        precision_recall_density_coverage(X[:n], X[:m], n_neighbors=k)
