import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression, Ridge

from skgenex.prediction import linear, solvers
from skgenex.prediction.linear import (
    _class_association,
    _target_association,
    assign_folds,
    fit_logistic,
    fit_ridge,
)


def make_classes(n, p, n_classes, seed=0):
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % n_classes
    centres = rng.normal(size=(n_classes, p)) * 0.5
    return rng.normal(size=(n, p)) + centres[codes], codes


def mean_square_norm(X, weight):
    mean = np.average(X, axis=0, weights=weight)
    return np.average(((X - mean) ** 2).sum(axis=1), weights=weight)


@pytest.mark.parametrize(("n", "p"), [(40, 100), (100, 20)])
@pytest.mark.parametrize("strength", [1.0, 0.01])
def test_logistic_regression_is_at_its_optimum(n, p, strength):
    X, codes = make_classes(n, p, 3)
    weight = np.random.default_rng(1).uniform(0.5, 2, n)
    weight /= weight.mean()
    fit = fit_logistic(
        X, codes, 3, sample_weight=weight, strengths=[strength], emphasis=0
    )
    residual = softmax(X @ fit.coef.T + fit.intercept, axis=1) - np.eye(3)[codes]
    residual *= weight[:, None]
    penalty = strength * mean_square_norm(X, weight)
    gradient = residual.T @ X + penalty * fit.coef
    assert np.abs(gradient).max() < 1e-3 * np.abs(residual.T @ X).max()
    np.testing.assert_allclose(residual.sum(axis=0), 0, atol=1e-3)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_logistic_regression_is_that_of_scikit_learn(n_classes):
    X, codes = make_classes(60, 200, n_classes)
    fit = fit_logistic(X, codes, n_classes, strengths=[0.1], emphasis=0)
    penalty = 0.1 * mean_square_norm(X, np.ones(60))
    # With two classes scikit-learn penalises the difference of the two slopes.
    C = (2 if n_classes == 2 else 1) / penalty
    theirs = LogisticRegression(C=C, tol=1e-10, max_iter=5000).fit(X, codes)
    ours = X @ fit.coef.T + fit.intercept
    if n_classes == 2:
        ours = ours[:, 1] - ours[:, 0]
    np.testing.assert_allclose(ours, theirs.decision_function(X), atol=2e-3)


def test_ridge_is_that_of_scikit_learn():
    X, codes = make_classes(60, 200, 2)
    Y = np.stack([X[:, 0] + codes, X[:, 1] - 3], axis=1)
    weight = np.random.default_rng(1).uniform(0.5, 2, 60)
    weight /= weight.mean()
    fit = fit_ridge(X, Y, sample_weight=weight, strengths=[0.1], emphasis=0)
    theirs = Ridge(alpha=0.1 * mean_square_norm(X, weight)).fit(X, Y, weight)
    np.testing.assert_allclose(fit.coef, theirs.coef_, atol=1e-10)
    np.testing.assert_allclose(fit.intercept, theirs.intercept_, atol=1e-10)


@pytest.mark.parametrize("emphasis", [0, 1])
def test_held_out_outputs_know_nothing_of_their_fold(emphasis):
    X, _ = make_classes(40, 30, 2)
    Y = X[:, :1].copy()
    how = {"strengths": [0.1], "emphasis": emphasis}
    before = fit_ridge(X, Y, **how)
    own = before.fold == 2
    Y[own] += 100
    after = fit_ridge(X, Y, **how)
    np.testing.assert_array_equal(after.heldout[own], before.heldout[own])
    assert np.abs(after.heldout[~own] - before.heldout[~own]).min() > 0


def test_held_out_score_is_that_of_the_held_out_outputs_and_the_least():
    X, codes = make_classes(60, 100, 3)
    fit = fit_logistic(X, codes, 3)
    p = softmax(fit.heldout, axis=1)[np.arange(60), codes]
    np.testing.assert_allclose(fit.cv_score, -np.log(p).mean())
    assert fit.cv_score == fit.cv_scores.min()


def test_weights_have_no_scale():
    X, codes = make_classes(40, 60, 2)
    weight = np.random.default_rng(1).uniform(0.5, 2, 40)
    a = fit_logistic(X, codes, 2, sample_weight=weight)
    b = fit_logistic(X, codes, 2, sample_weight=1e-6 * weight)
    np.testing.assert_allclose(a.coef, b.coef, atol=1e-10)


def test_emphasis_helps_where_few_genes_tell():
    rng = np.random.default_rng(0)
    X, codes = rng.normal(size=(80, 2000)), np.arange(80) % 2
    X[codes == 1, :8] += 1.5
    Y = X[:, :3].sum(axis=1, keepdims=True)
    plain, emphasised = (fit_logistic(X, codes, 2, emphasis=e) for e in (0, 1))
    assert emphasised.cv_score < 0.8 * plain.cv_score
    plain, emphasised = (fit_ridge(X, Y, emphasis=e) for e in (0, 1))
    assert emphasised.cv_score < 0.8 * plain.cv_score


def test_emphasis_does_not_see_held_out_labels():
    # With permuted labels, genes chosen on all rows would predict the held-out ones.
    rng = np.random.default_rng(0)
    X, codes = rng.normal(size=(60, 3000)), rng.permutation(np.arange(60) % 2)
    fit = fit_logistic(X, codes, 2, emphasis=2)
    assert np.mean(fit.heldout.argmax(axis=1) == codes) < 0.7


def test_association_is_the_f_statistic_with_a_floor():
    X, codes = make_classes(30, 5, 3)
    groups = [X[codes == k] for k in range(3)]
    within = sum(((g - g.mean(0)) ** 2).sum(0) for g in groups) / (30 - 3)
    between = sum(len(g) * (g.mean(0) - X.mean(0)) ** 2 for g in groups) / 2
    expected = between / (within + 0.5 * np.median(within))
    ours = _class_association(X, np.eye(3)[codes], np.ones(30))
    np.testing.assert_allclose(ours, expected)


def test_two_classes_are_a_regression_on_their_indicator():
    X, codes = make_classes(30, 5, 2)
    by_class = _class_association(X, np.eye(2)[codes], np.ones(30))
    by_target = _target_association(X, codes[:, None].astype(float), np.ones(30))
    np.testing.assert_allclose(by_class, by_target)


def test_constant_genes_get_no_weight():
    X, codes = make_classes(30, 50, 2)
    X[:, 7] = 3.0
    fit = fit_logistic(X, codes, 2)
    assert np.isfinite(fit.coef).all()
    assert (fit.coef[:, 7] == 0).all()
    nothing = fit_logistic(np.ones((30, 4)), codes, 2)
    assert (nothing.coef == 0).all()


def test_a_class_absent_from_a_fold_is_survived():
    X, codes = make_classes(20, 30, 2)
    codes = codes.copy()
    codes[0] = 2  # a single row
    fit = fit_logistic(X, codes, 3)
    assert np.isfinite(fit.heldout).all()
    assert np.isfinite(fit.coef).all()


@pytest.mark.parametrize("emphasis", [1.0, 2.0])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_one_row_per_class_is_a_fit_without_emphasis(n_classes, emphasis):
    X, codes = make_classes(n_classes, 30, n_classes)
    plain, fit = (
        fit_logistic(X, codes, n_classes, strengths=[0.1], emphasis=each)
        for each in (0.0, emphasis)
    )
    np.testing.assert_allclose(fit.coef, plain.coef)
    assert ((X @ fit.coef.T + fit.intercept).argmax(axis=1) == codes).all()


def test_rows_of_weight_zero_tell_no_spread():
    X, codes = make_classes(6, 30, 2)
    weight = np.array([3.0, 3.0, 0, 0, 0, 0])
    np.testing.assert_array_equal(_class_association(X, np.eye(2)[codes], weight), 0)
    target = codes[:, None].astype(float)
    np.testing.assert_array_equal(_target_association(X, target, weight), 0)


def test_two_rows_are_a_ridge_regression_without_emphasis():
    X, codes = make_classes(2, 30, 2)
    Y = codes[:, None].astype(float)
    plain, fit = (
        fit_ridge(X, Y, strengths=[0.1], emphasis=each) for each in (0.0, 2.0)
    )
    np.testing.assert_allclose(fit.coef, plain.coef)


def test_classes_of_equal_rows_do_not_overflow():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2, 30))[[0, 0, 0, 1, 1, 1]]
    codes = np.array([0, 0, 0, 1, 1, 1])
    fit = fit_logistic(X, codes, 2, emphasis=2.0)
    assert np.isfinite(fit.coef).all()
    assert ((X @ fit.coef.T + fit.intercept).argmax(axis=1) == codes).all()


def test_folds_share_every_class():
    codes = np.repeat([0, 1, 2], [50, 20, 10])
    fold = assign_folds(codes, 5, np.random.default_rng(0))
    for k in range(5):
        assert np.bincount(codes[fold == k]).tolist() == [10, 4, 2]


@pytest.mark.parametrize("emphasis", [0, 1])
def test_large_tables_are_fitted_alike_one_penalty_after_another(monkeypatch, emphasis):
    X, codes = make_classes(150, 20, 3)
    weight = np.random.default_rng(1).uniform(0.5, 2, 150)
    how = {"sample_weight": weight, "emphasis": emphasis, "strengths": [1.0, 0.1, 0.01]}
    small = fit_logistic(X, codes, 3, **how)
    monkeypatch.setattr(linear, "LARGE", 0)
    monkeypatch.setattr(solvers, "MANY", 0)
    large = fit_logistic(X, codes, 3, **how)
    assert large.strength == small.strength
    # While searching, neither goes on to the last digit.
    np.testing.assert_allclose(large.cv_scores, small.cv_scores, rtol=0.05)
    np.testing.assert_allclose(large.heldout, small.heldout, atol=0.15)
    np.testing.assert_allclose(large.coef, small.coef, atol=1e-4)
    np.testing.assert_allclose(large.intercept, small.intercept, atol=1e-4)


def test_single_precision_finds_nearly_the_same(monkeypatch):
    X, codes = make_classes(150, 20, 3)
    double = fit_logistic(X, codes, 3)
    monkeypatch.setattr(solvers, "MANY", 0)
    monkeypatch.setattr("skgenex._residuals.SINGLE_FROM", 1)
    single = fit_logistic(X.astype(np.float32), codes, 3)
    np.testing.assert_allclose(single.coef, double.coef, atol=2e-3)


def test_ridge_of_many_rows_through_products_of_columns(monkeypatch):
    rng = np.random.default_rng(0)
    Z, target = rng.normal(size=(80, 6)), rng.normal(size=(80, 2))
    Z[:, 5] = 1.0  # no variance: no slope
    weight, penalties = rng.uniform(0.5, 2, 80), np.array([10.0, 0.1])
    wanted = solvers.solve_ridge(Z, target, weight, penalties)
    monkeypatch.setattr(solvers, "MANY", 0)
    found = solvers.solve_ridge(Z, target, weight, penalties)
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-10)


def test_search_ends_where_nothing_is_left_to_gain(monkeypatch):
    rng = np.random.default_rng(0)
    codes = np.arange(200) % 2
    X = rng.normal(size=(200, 30)) + 8 * codes[:, None]
    monkeypatch.setattr(linear, "LARGE", 0)
    fit = fit_logistic(X, codes, 2, emphasis=0)
    tried = np.isfinite(fit.cv_scores)
    assert 0 < tried.sum() < len(tried)
    assert tried[: tried.sum()].all()
    assert fit.cv_score < 1e-3 * np.log(2)
    assert np.isfinite(fit.heldout).all()
