"""Metrics of biology kept have their values in known cases."""

import numpy as np
import pytest
from scipy import special, stats

from skgenex.datasets import make_expression
from skgenex.metrics import (
    class_separation,
    coexpression_modules,
    differential_expression_recovery,
    moderated_t_test,
    module_preservation,
)


def two_groups(n_genes, seed, *, effect=0.0, n_changed=0, n=40, variance=1.0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, n_genes)) * np.sqrt(variance)
    is_case = np.arange(n) % 2 == 0
    X[is_case, :n_changed] += effect
    return X, is_case


# --- Moderated t ----------------------------------------------------------------------


def test_equal_variances_are_pooled_over_all_genes():
    X, is_case = two_groups(3000, 0)
    result = moderated_t_test(X, is_case)
    assert result.prior_dof > 500  # chance alone: the genes share one variance
    ordinary = stats.ttest_ind(X[is_case], X[~is_case])
    assert np.abs(result.t).std() < np.abs(ordinary.statistic).std()
    # Then t is the effect over a constant.
    assert np.corrcoef(result.t, result.effect)[0, 1] > 0.9999


def test_prior_of_variances_is_found():
    d0, s0 = 8.0, 2.0
    rng = np.random.default_rng(1)
    variance = d0 * s0**2 / rng.chisquare(d0, 6000)
    X, is_case = two_groups(6000, 2, variance=variance, n=30)
    result = moderated_t_test(X, is_case)
    assert result.prior_dof == pytest.approx(d0, rel=0.15)
    # Smyth's theorem: t has d0 + d degrees of freedom, so p-values are uniform.
    assert stats.kstest(result.p_value, "uniform").pvalue > 0.01


def test_t_is_that_of_the_formula():
    X, is_case = two_groups(50, 3, variance=np.linspace(0.2, 5, 50), n=12)
    result = moderated_t_test(X, is_case)
    a, b = X[is_case], X[~is_case]
    s2 = (a.var(axis=0, ddof=1) * 5 + b.var(axis=0, ddof=1) * 5) / 10
    d0 = result.prior_dof
    e = np.log(s2) - special.digamma(5) + np.log(5)
    s0 = np.exp(e.mean() + special.digamma(d0 / 2) - np.log(d0 / 2))
    assert special.polygamma(1, d0 / 2) == pytest.approx(
        e.var(ddof=1) - special.polygamma(1, 5)
    )
    shrunk = (d0 * s0 + 10 * s2) / (d0 + 10)
    expected = (a.mean(axis=0) - b.mean(axis=0)) / np.sqrt(shrunk / 3)
    np.testing.assert_allclose(result.t, expected)
    p_value = 2 * stats.t.sf(np.abs(expected), d0 + 10)
    np.testing.assert_allclose(result.p_value, p_value)


def test_constant_genes_are_no_findings():
    X, is_case = two_groups(20, 0)
    X[:, 3] = 5.0
    result = moderated_t_test(X, is_case)
    assert result.t[3] == 0
    assert result.p_value[3] == 1


def test_one_group_is_refused():
    with pytest.raises(ValueError, match="Both groups"):
        moderated_t_test(np.eye(4), [True] * 4)


# --- Recovery -------------------------------------------------------------------------


def expression(seed, **options):
    return make_expression(
        400, 300, n_informative=60, effect_size=1.5, random_state=seed,
        return_X_y=True, **options,
    )  # fmt: skip


def test_halved_effects_have_a_slope_of_half():
    X, y = expression(0)
    means = np.stack([X[y == c].mean(axis=0) for c in np.unique(y)])
    codes = np.unique(y, return_inverse=True)[1]
    synthetic = X - 0.5 * (means - means.mean(axis=0))[codes]
    scores = differential_expression_recovery(X, y, synthetic, y, random_state=0)
    assert scores["effect_slope"] == pytest.approx(0.5)
    assert scores["effect_correlation"] == pytest.approx(1)
    assert scores["n_synthetic"] <= scores["n_real"]


def test_shuffled_labels_recover_nothing():
    X, y = expression(0)
    other = np.random.default_rng(0).permutation(y)
    scores = differential_expression_recovery(X, y, X, other, random_state=0)
    assert scores["recovered"] < 0.05
    assert abs(scores["effect_slope"]) < 0.2


def test_opposite_effects_do_not_count():
    X, y = expression(1)
    first, second = np.unique(y)
    swapped = np.where(y == first, second, first)
    scores = differential_expression_recovery(X, y, X, swapped, random_state=0)
    assert scores["recovered"] == 0
    assert scores["effect_slope"] < -0.8


def test_effects_that_are_not_real_are_false():
    X, is_case = two_groups(400, 0, effect=3.0, n_changed=20)
    synthetic, _ = two_groups(400, 1, effect=3.0, n_changed=80)
    scores = differential_expression_recovery(X, is_case, synthetic, is_case)
    assert scores["recovered"] > 0.9
    assert scores["false"] == pytest.approx(60 / 80, abs=0.05)


def test_sets_are_cut_to_equal_numbers_of_rows():
    X, y = expression(2)
    few = np.concatenate([np.flatnonzero(y == c)[:12] for c in np.unique(y)])
    full = differential_expression_recovery(X, y, X, y, random_state=0)
    cut = differential_expression_recovery(X, y, X[few], y[few], random_state=0)
    assert cut["n_real"] < full["n_real"]  # the real set lost its power too


def test_a_class_that_is_not_in_both_is_refused():
    X, y = expression(0)
    keep = y == y[0]
    with pytest.raises(ValueError, match="needs two rows in both"):
        differential_expression_recovery(X, y, X[keep], y[keep])


def test_several_classes_are_each_compared_with_all_others():
    X, y = make_expression(
        300, 200, n_classes=3, n_informative=80, effect_size=2.0, random_state=0,
        return_X_y=True,
    )  # fmt: skip
    half = np.random.default_rng(0).permutation(300) < 150
    scores = differential_expression_recovery(
        X[half], y[half], X[~half], y[~half], random_state=0
    )
    assert scores["recovered"] > 0.8
    assert scores["effect_slope"] == pytest.approx(1, abs=0.15)


# --- Modules --------------------------------------------------------------------------


def modules(n, seed):
    return make_expression(
        n, 120, n_modules=4, n_informative=0, module_correlation=0.6, random_state=seed
    )


def test_modules_of_the_simulation_are_found():
    simulated = modules(600, 0)
    found = coexpression_modules(simulated.data, n_modules=8, min_size=5)
    for k in range(found.max() + 1):
        inside = simulated.module[found == k]
        assert (inside == inside[0]).mean() > 0.9


def test_a_second_sample_keeps_modules_and_shuffled_genes_do_not():
    rows = modules(1200, 0).data
    first, second = rows[:600], rows[600:]
    kept = module_preservation(first, second, random_state=0)
    lost = module_preservation(
        first, np.random.default_rng(0).permuted(second, axis=0), random_state=0
    )
    assert kept["density_z"] > 10 > 2 > abs(lost["density_z"])
    assert kept["density_synthetic"] == pytest.approx(kept["density_real"], abs=0.06)
    assert abs(lost["density_synthetic"]) < 0.02


def test_random_genes_of_dense_rows_are_no_module():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((200, 100)) + rng.standard_normal((200, 1))
    module = np.where(np.isin(np.arange(100), rng.choice(100, 15)), 0, -1)
    scores = module_preservation(rows, rows, modules=module, random_state=0)
    assert scores["density_synthetic"] > 0.4  # one factor drives all genes
    assert abs(scores["density_z"]) < 3


def test_density_is_the_mean_correlation():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((30, 6)) + rng.standard_normal((30, 1))
    scores = module_preservation(rows, rows, modules=[0, 0, 0, 1, 1, 1])
    r = np.corrcoef(rows.T)
    wanted = [
        r[np.ix_(g, g)][np.triu_indices(3, 1)].mean() for g in ([0, 1, 2], [3, 4, 5])
    ]
    assert scores["density_synthetic"] == pytest.approx(np.median(wanted))


def test_membership_is_the_correlation_with_the_mean_profile():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((50, 5)) + rng.standard_normal((50, 1))
    b = rng.standard_normal((40, 5)) + rng.standard_normal((40, 1))

    def by_definition(rows):
        z = (rows - rows.mean(axis=0)) / rows.std(axis=0)
        return [np.corrcoef(z[:, j], z.sum(axis=1))[0, 1] for j in range(5)]

    scores = module_preservation(a, b, modules=[0] * 5)
    expected = np.corrcoef(by_definition(a), by_definition(b))[0, 1]
    assert scores["membership"] == pytest.approx(expected)


def test_without_modules_there_is_an_error():
    with pytest.raises(ValueError, match="No module of three genes"):
        module_preservation(np.eye(6), np.eye(6), modules=[-1] * 6)


# --- Class separation -----------------------------------------------------------------


def test_separation_is_the_share_of_variance_between_classes():
    rng = np.random.default_rng(0)
    y = np.arange(4000) % 2
    X = rng.standard_normal((4000, 20)) + y[:, None] * 2.0
    assert class_separation(X, y) == pytest.approx(0.5, abs=0.02)  # 1 of 1 + 1


def test_separation_without_difference_is_zero_also_for_few_rows():
    rng = np.random.default_rng(0)
    values = [
        class_separation(rng.standard_normal((9, 300)), [0, 0, 0, 1, 1, 1, 2, 2, 2])
        for _ in range(20)
    ]
    assert np.mean(values) == pytest.approx(0, abs=0.01)


def test_one_class_has_no_separation():
    with pytest.raises(ValueError, match="Two classes"):
        class_separation(np.eye(3), [0, 0, 0])
