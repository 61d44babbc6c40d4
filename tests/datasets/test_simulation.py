"""The truth that make_expression returns is the distribution it draws from."""

import numpy as np
import pytest
from scipy.linalg import subspace_angles
from scipy.stats import kurtosis
from sklearn.linear_model import LogisticRegression

from skgenex.datasets import make_expression


def covariance(simulated, domain=0):
    """Within-class covariance stated of a domain."""
    loadings = simulated.domain_loadings[domain]
    scale = simulated.domain_scale[domain]
    inner = loadings @ loadings.T + np.diag(simulated.noise_variance)
    return scale[:, None] * inner * scale


def centred_by_class(simulated, rows=slice(None)):
    X, y = simulated.data[rows], simulated.target[rows]
    means = {name: X[y == name].mean(axis=0) for name in np.unique(y)}
    return X - np.stack([means[name] for name in y])


def relative_error(found, stated):
    return np.linalg.norm(found - stated) / np.linalg.norm(stated)


@pytest.mark.parametrize("row_scale", [0.0, 0.3])
def test_means_and_covariance_approach_the_stated_ones(row_scale):
    n = 40_000
    simulated = make_expression(
        n, 30, n_classes=3, row_scale=row_scale, n_modules=4, random_state=0
    )
    deviation = np.sqrt(np.diag(covariance(simulated)))
    for c, name in enumerate(simulated.target_names):
        rows = simulated.target == name
        z = simulated.data[rows].mean(axis=0) - simulated.mean - simulated.effects[c]
        z /= deviation / np.sqrt(rows.sum())
        assert np.abs(z).max() < 4.5
    found = np.cov(centred_by_class(simulated), rowvar=False)
    assert relative_error(found, covariance(simulated)) < 0.03


def test_correlation_within_modules_is_the_one_asked_for():
    simulated = make_expression(
        20_000, 24, n_modules=3, module_correlation=0.6, n_informative=0, random_state=1
    )
    found = np.abs(np.corrcoef(simulated.data, rowvar=False))
    same = simulated.module[:, None] == simulated.module
    off_diagonal = ~np.eye(24, dtype=bool)
    np.testing.assert_allclose(found[same & off_diagonal], 0.6, atol=0.03)
    np.testing.assert_allclose(found[~same], 0, atol=0.04)
    assert set(simulated.module) == {0, 1, 2}
    np.testing.assert_array_equal(
        np.abs(simulated.loadings).argmax(axis=1), simulated.module
    )
    assert (np.count_nonzero(simulated.loadings, axis=1) == 1).all()


def test_latent_values_follow_the_formula():
    simulated = make_expression(
        50,
        20,
        n_modules=3,
        n_domains=2,
        domain_shift=1,
        domain_scale=0.5,
        domain_rotation=20,
        row_scale=0.4,
        library_noise=0.3,
        module_correlation=0.999999,
        random_state=2,
    )
    # Without residuals the formula determines the rows.
    label = np.searchsorted(simulated.target_names, simulated.target)
    d = simulated.domain
    signal = np.einsum("ijk,ik->ij", simulated.domain_loadings[d], simulated.factors)
    expected = (
        simulated.mean
        + simulated.domain_shift[d]
        + simulated.domain_scale[d]
        * (simulated.effects[label] + simulated.row_scale[:, None] * signal)
        + simulated.library[:, None]
    )
    np.testing.assert_allclose(simulated.latent, expected, atol=0.05)
    np.testing.assert_array_equal(simulated.data, simulated.latent)


def test_effects_are_sparse_and_of_the_stated_size():
    simulated = make_expression(
        10, 100, n_classes=4, n_informative=7, effect_size=1.5, random_state=3
    )
    spread = np.sqrt(np.diag(covariance(simulated)))
    np.testing.assert_array_equal(simulated.effects[0], 0)
    for effect in simulated.effects[1:]:
        genes = np.flatnonzero(effect)
        assert len(genes) == 7
        np.testing.assert_allclose(np.abs(effect[genes]), 1.5 * spread[genes])
    np.testing.assert_array_equal(
        simulated.informative, (simulated.effects != 0).any(axis=0)
    )


def test_sparse_logistic_regression_finds_the_informative_genes():
    simulated = make_expression(
        600, 200, n_informative=10, effect_size=1.2, random_state=0
    )
    X = (simulated.data - simulated.mean) / simulated.data.std(axis=0)
    model = LogisticRegression(C=0.1, l1_ratio=1.0, solver="liblinear")
    weight = np.abs(model.fit(X, simulated.target).coef_[0])
    found = np.argsort(-weight)[:10]
    assert simulated.informative[found].sum() >= 9


def test_no_effect_cannot_be_learned():
    simulated = make_expression(2000, 20, effect_size=0.0, random_state=5)
    model = LogisticRegression(max_iter=1000)
    model.fit(simulated.data[:1000], simulated.target[:1000])
    score = model.score(simulated.data[1000:], simulated.target[1000:])
    assert abs(score - 0.5) < 0.06


def test_row_scale_makes_tails_but_keeps_variance():
    arguments = {"n_informative": 0, "n_modules": 1, "random_state": 0}
    plain = make_expression(20_000, 5, **arguments)
    scaled = make_expression(20_000, 5, row_scale=0.4, **arguments)
    np.testing.assert_allclose(np.mean(scaled.row_scale**2), 1, atol=0.05)
    assert kurtosis(plain.data).max() < 0.2
    # Scale mixture: excess kurtosis 3 (E t^4 / (E t^2)^2 - 1) = 3 (exp(4 s^2) - 1).
    expected = 3 * (np.exp(4 * 0.4**2) - 1)
    assert abs(kurtosis(scaled.data).mean() - expected) < 1.0


def test_domains_shift_scale_and_rotate_as_stated():
    simulated = make_expression(
        60_000,
        20,
        n_modules=3,
        n_informative=0,
        n_domains=3,
        domain_shift=2.0,
        domain_scale=0.5,
        domain_rotation=30.0,
        random_state=6,
    )
    np.testing.assert_array_equal(simulated.domain_shift[0], 0)
    np.testing.assert_array_equal(simulated.domain_scale[0], 1)
    np.testing.assert_array_equal(simulated.domain_loadings[0], simulated.loadings)
    for d in range(3):
        rows = simulated.domain == d
        assert rows.sum() == 20_000
        np.testing.assert_allclose(
            simulated.data[rows].mean(axis=0),
            simulated.mean + simulated.domain_shift[d],
            atol=0.06,
        )
        found = np.cov(centred_by_class(simulated, rows), rowvar=False)
        assert relative_error(found, covariance(simulated, d)) < 0.05
    for d in (1, 2):
        angles = subspace_angles(simulated.loadings, simulated.domain_loadings[d])
        np.testing.assert_allclose(np.rad2deg(angles), 30)
        np.testing.assert_allclose(
            simulated.domain_loadings[d].T @ simulated.domain_loadings[d],
            simulated.loadings.T @ simulated.loadings,
            atol=1e-12,
        )
    spread = np.sqrt(np.diag(covariance(simulated)))
    assert 1.4 < (simulated.domain_shift[1:] / spread).std() < 2.6
    assert 0.35 < np.log2(simulated.domain_scale[1:]).std() < 0.65


def test_label_shift_and_imbalance_have_exact_counts():
    weights = [[0.9, 0.1], [0.25, 0.75]]
    simulated = make_expression(200, 30, n_domains=2, weights=weights, random_state=0)
    is_one = simulated.target == "class_1"
    assert is_one[simulated.domain == 0].sum() == 10
    assert is_one[simulated.domain == 1].sum() == 75
    np.testing.assert_allclose(simulated.class_weights, weights)
    thirds = make_expression(100, 30, n_classes=3, weights=[1, 1, 2], random_state=0)
    counts = np.unique(thirds.target, return_counts=True)[1]
    assert counts.tolist() == [25, 25, 50]
    assert len(set(simulated.target[:100][:20])) == 2  # shuffled, not sorted


def test_counts_are_poisson_around_the_latent_proportions():
    simulated = make_expression(300, 40, depth=1e7, library_noise=0.5, random_state=0)
    assert simulated.counts.dtype == np.int64
    total = simulated.counts.sum(axis=1, keepdims=True)
    np.testing.assert_array_equal(
        simulated.data, np.log2(simulated.counts / total * 1e6 + 1)
    )
    share = np.exp2(simulated.latent)
    share /= share.sum(axis=1, keepdims=True)
    expected = 1e7 * np.exp2(simulated.library)[:, None] * share
    z = (simulated.counts - expected) / np.sqrt(expected)
    assert abs(z.mean()) < 0.05
    assert abs(z.std() - 1) < 0.05
    # log2(CPM + 1) does not know the library size.
    depth = np.log2(total[:, 0])
    np.testing.assert_allclose(depth, np.log2(1e7) + simulated.library, atol=0.01)
    assert np.abs(np.log2(share * 1e6 + 1) - simulated.data).mean() < 0.02


def test_library_noise_moves_whole_rows():
    arguments = {"random_state": 0, "n_samples": 200}
    plain = make_expression(**arguments)
    moved = make_expression(library_noise=1.0, **arguments)
    difference = moved.data - plain.data
    np.testing.assert_allclose(difference, moved.library[:, None] * np.ones(200))
    assert 0.8 < moved.library.std() < 1.2


def test_seed_decides_and_global_generator_is_untouched():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = make_expression(20, 30, random_state=7)
    second = make_expression(20, 30, random_state=np.random.default_rng(7))
    other = make_expression(20, 30, random_state=8)
    np.testing.assert_array_equal(first.data, second.data)
    np.testing.assert_array_equal(first.target, second.target)
    assert not np.array_equal(first.data, other.data)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002
    X, y = make_expression(20, 30, random_state=7, return_X_y=True)
    np.testing.assert_array_equal(X, first.data)
    np.testing.assert_array_equal(y, first.target)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_samples": 0}, "n_samples must be an integer from 1 to inf; got 0"),
        ({"n_informative": 300}, "n_informative must be an integer from 0 to 200"),
        ({"n_modules": 0}, "n_modules"),
        ({"n_domains": 101}, "n_domains must be an integer from 1 to 100"),
        ({"depth": 0}, "depth must be a positive number"),
        ({"module_correlation": 1.0}, r"module_correlation must be in \[0, 1\)"),
        ({"row_scale": -1}, "row_scale must be at least 0; got -1"),
        ({"weights": [1, 2, 3]}, r"shape \(2,\) or \(1, 2\); got \(3,\)"),
        ({"weights": [1, -1]}, "non-negative"),
        (
            {"n_domains": 2, "domain_rotation": 10, "n_modules": 101},
            r"n_genes >= 2 \* n_modules",
        ),
    ],
)
def test_errors_name_argument_and_value(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_expression(**arguments)
